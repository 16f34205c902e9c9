/* Which variable names the proxy that a failure is about. */
#include "web/proxy.h"
#include "base/mem.h"
#include "tap.h"
#include "web/client.h"

static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY"};

TEST(the_variable_of_a_proxy)
{
    static const struct {
        const char *set, *url, *why, *variable;
    } cases[] = {
        {"https_proxy", "https://h.x/v2/", "Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect", "https_proxy"},
        {"https_proxy", "https://h.x/v2/", "Failed to connect to h.x port 443 via 127.0.0.1 after 0 ms", "https_proxy"},
        {"HTTPS_PROXY", "https://h.x/v2/", "Could not resolve proxy: none.invalid", "HTTPS_PROXY"},
        {"all_proxy", "https://h.x/v2/", "CONNECT tunnel failed, response 403", "all_proxy"},
        {"http_proxy", "http://h.x:5000/", "Failed to connect to 127.0.0.1 port 5000", "http_proxy"},
        {"http_proxy", "http://h.x:5000/", "Failed to connect to h.x port 5000 after 1 ms", NULL}, /* no_proxy says so */
        {"http_proxy", "https://h.x/", "Failed to connect to 127.0.0.1 port 1", NULL},
        {"HTTP_PROXY", "http://h.x/", "Failed to connect to 127.0.0.1 port 1", NULL},
        {"https_proxy", "https://h.x/", "Recv failure: Connection reset by peer", NULL},
        {"https_proxy", "https://h.x/", "", NULL},
    };
    const struct web_options options = {.user_agent = "test"};
    struct web_client *client; /* which loads libcurl */
    struct error err;
    CHECK_EQ(web_client_new(&options, &client, &err), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t k = 0; k < ARRAY_LEN(variables); k++)
            unsetenv(variables[k]);
        setenv(cases[i].set, "http://127.0.0.1:1", 1);
        const char *found = web_proxy_variable(cases[i].url, cases[i].why);
        CHECK_STR(str_of(found), cases[i].variable ? cases[i].variable : "");
        unsetenv(cases[i].set);
    }
    web_client_free(client);
}

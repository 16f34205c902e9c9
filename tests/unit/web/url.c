/* Addresses that servers give. */
#include "web/url.h"
#include "base/mem.h"
#include "tap.h"
#include "web/client.h"

/* Addresses are libcurl's to read, and a client loads it. */
static bool load(void)
{
    const struct web_options options = {.user_agent = "test"};
    struct web_client *client;
    struct error err;
    if (web_client_new(&options, &client, &err) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s", err.message);
    web_client_free(client);
    return true;
}

TEST(where_an_address_leads)
{
    static const char base[] = "https://h.x/a/b?c";
    static const struct {
        const char *base, *location;
        bool plain;
        const char *url, *problem;
    } cases[] = {
        {base, "d", false, "https://h.x/a/d", NULL},
        {base, "/d?e#f", false, "https://h.x/d?e", NULL},
        {base, "//i.y/d", false, "https://i.y/d", NULL},
        {base, "HTTPS://i.y", false, "https://i.y/", NULL},
        {NULL, "https://i.y/", false, "https://i.y/", NULL},
        {NULL, "d", false, NULL, "not a URL: d"},
        {base, "http://i.y/", false, NULL, "not https: http://i.y/"},
        {base, "http://i.y/", true, "http://i.y/", NULL},
        {base, "ftp://i.y/", true, NULL, "not https"},
        {base, "file:///etc/passwd", true, NULL, "not https"},
        {base, "https://me@i.y/", false, NULL, "a user in it"},
        {base, "https://:word@i.y/", false, NULL, "a user in it"},
        {base, "http://[", true, NULL, "not a URL"},
        {base, "http://\x1b[31m", true, NULL, "\\x1b[31m"},
    };
    CHECK(load());
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        autofree char *url = NULL;
        struct error err = {0};
        enum status status = web_url_resolve(cases[i].base, cases[i].location, cases[i].plain, &url, &err);
        CHECK((status == ST_OK) == (cases[i].url != NULL) || tap_fail(__FILE__, __LINE__, "%zu: %s", i, err.message));
        if (cases[i].url)
            CHECK_STR(str_of(url), cases[i].url);
        else
            CHECK(strstr(err.message, cases[i].problem) || tap_fail(__FILE__, __LINE__, "%zu: %s", i, err.message));
    }
}

TEST(an_address_has_a_bound)
{
    autobuf struct buf location = BUF_INIT(BUF_UNLIMITED);
    autofree char *url = NULL;
    struct error err;
    CHECK(load());
    buf_add(&location, STR("/"));
    while (location.len <= WEB_URL_MAX)
        buf_add(&location, STR("xxxxxxxx"));
    CHECK_EQ(web_url_resolve("https://h.x/", location.data, false, &url, &err), ST_INVALID);
    CHECK(strstr(err.message, "cannot be used"));
}

TEST(origins)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"https://h.x/a", "https://H.x:443/b?c", true}, {"https://h.x/", "http://h.x/", false},
        {"https://h.x/", "https://h.x:444/", false},    {"https://h.x/", "https://i.x/", false},
        {"http://h.x:80/", "http://h.x/", true},        {"https://h.x/", "nonsense", false},
    };
    CHECK(load());
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(web_url_same_origin(cases[i].a, cases[i].b) == cases[i].same || tap_fail(__FILE__, __LINE__, "%s", cases[i].b));
}

TEST(a_query_is_added_to)
{
    autofree char *first = NULL, *second = NULL;
    CHECK(load());
    CHECK_EQ(web_url_with("https://h.x/a", "scope", STR("b c&d"), &first, NULL), ST_OK);
    CHECK_STR(str_of(first), "https://h.x/a?scope=b+c%26d");
    CHECK_EQ(web_url_with(first, "e", STR("f"), &second, NULL), ST_OK);
    CHECK_STR(str_of(second), "https://h.x/a?scope=b+c%26d&e=f");
}

#include "web/proxy.h"
#include "base/buf.h"
#include "base/mem.h"
#include "web/libcurl.h"

/* In the order in which libcurl looks; http_proxy only in small letters, as CGI programs get HTTP_PROXY from a client's header. */
static const char *variable_for(const char *scheme)
{
    static const char *const for_https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    static const char *const for_http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    for (const char *const *name = strcmp(scheme, "https") == 0 ? for_https : for_http; *name; name++) {
        const char *value = getenv(*name);
        if (value && *value)
            return *name;
    }
    return NULL;
}

/* Whether it says that the server itself was not reached; "via" is how later versions speak of a proxy. */
static bool is_of_server(struct str why, const char *host, const char *port)
{
    autobuf struct buf place = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&place, "connect to %s port %s", host, port);
    return str_find(why, buf_str(&place)) != STR_NONE && str_find(why, STR(" via ")) == STR_NONE;
}

static bool is_of_proxy(struct str why, const char *host, const char *port)
{
    if (str_find(why, STR("proxy")) != STR_NONE || str_find(why, STR("CONNECT tunnel")) != STR_NONE)
        return true;
    return str_find(why, STR("connect to ")) != STR_NONE && !is_of_server(why, host, port);
}

const char *web_proxy_variable(const char *url, const char *why)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    const char *variable = NULL;
    CURLU *parts = curl_url();
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        web_libcurl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        web_libcurl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        web_libcurl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK && is_of_proxy(str_of(why), host, port))
        variable = variable_for(scheme);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return variable;
}

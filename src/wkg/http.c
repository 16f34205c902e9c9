#include "wkg/http.h"
#include "base/clock.h"
#include "base/mem.h"
#include "web/client.h"

#define TIMEOUT_NS (300 * NS_PER_SECOND)

bool wkg_http_is_local(struct str authority)
{
    size_t colon = str_find_last_char(authority, ':');
    bool bracketed = str_starts(authority, STR("["));
    struct str host =
        colon == STR_NONE || (bracketed && str_ends(authority, STR("]"))) ? authority : str_slice(authority, 0, colon);
    return str_eq_nocase(host, STR("localhost")) || str_is(host, "127.0.0.1") || str_is(host, "[::1]");
}

static enum status check_url(struct str url, struct error *err)
{
    struct str rest = url;
    bool plain = str_skip(&rest, STR("http://"));
    if (!plain && !str_skip(&rest, STR("https://")))
        return fail(err, ST_INVALID, "`%.*s` is not an https URL", STR_ARG(url));
    if (url.len > WKG_URL_MAX)
        return fail(err, ST_INVALID, "a URL of %zu bytes is too long", url.len);
    struct str authority = str_slice(rest, 0, MIN(MIN(str_find_char(rest, '/'), str_find_char(rest, '?')), rest.len));
    if (str_find_char(authority, '@') != STR_NONE)
        return fail(err, ST_INVALID, "a URL cannot carry a login here");
    if (plain && !wkg_http_is_local(authority))
        return fail(err, ST_DENIED, "`%.*s` is not protected by TLS; use https", STR_ARG(url));
    return ST_OK;
}

static enum status take(void *body, long code UNUSED, struct str piece, struct error *err)
{
    return buf_append_str(body, piece) == ST_OK ? ST_OK : fail(err, ST_LIMIT, "out of memory");
}

static enum status get(struct web_client *client, const char *url, struct buf *body, long *ret_code, struct error *err)
{
    const struct web_request request = {.method = "GET",
                                        .url = url,
                                        .plain = WEB_PLAIN_FIRST,
                                        .deadline = clock_after(TIMEOUT_NS),
                                        .sink = take,
                                        .max_body = body->max - body->len,
                                        .env = body};
    struct web_response response;
    web_response_init(&response);
    enum status status = web_send(client, &request, &response, err);
    if (status == ST_OK)
        *ret_code = response.code;
    web_response_release(&response);
    return status;
}

enum status wkg_http_get(const char *url, struct cancel cancel, struct buf *ret_body, long *ret_code, struct error *err)
{
    const struct web_options options = {"wash", cancel};
    struct web_client *client;
    TRY(check_url(str_of(url), err));
    TRY(web_client_new(&options, &client, err));
    enum status status = get(client, url, ret_body, ret_code, err);
    web_client_free(client);
    return status;
}

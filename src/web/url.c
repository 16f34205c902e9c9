#include "web/url.h"
#include "base/buf.h"
#include "base/mem.h"
#include "web/libcurl.h"

#define SHOWN_MAX 200u

char *web_shown(struct str text, size_t max)
{
    struct buf shown = BUF_INIT(BUF_UNLIMITED);
    buf_add(&shown, STR(""));
    text = str_trim(text);
    if (buf_append_escaped(&shown, str_slice(text, 0, max)) != ST_OK)
        bug("escape");
    if (text.len > max)
        buf_add(&shown, STR("..."));
    return buf_take(&shown);
}

static char *part_of(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    return web_libcurl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = part_of(url, part, 0);
    curl_free(text);
    return text;
}

enum status web_url_resolve(const char *base, const char *location, bool plain_http, char **ret_url, struct error *err)
{
    autofree char *shown = web_shown(str_of(location), SHOWN_MAX);
    CURLU *url = curl_url();
    enum status status = ST_OK;
    if (!url)
        return fail(err, ST_LIMIT, "out of memory");
    if ((base && curl_url_set(url, CURLUPART_URL, base, 0) != CURLUE_OK) ||
        curl_url_set(url, CURLUPART_URL, location, 0) != CURLUE_OK)
        status = fail(err, ST_INVALID, "the server gives an address that is not a URL: %s", shown);
    else if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        status = fail(err, ST_INVALID, "the server gives an address with a user in it"); /* and maybe a secret: not shown */
    char *scheme = part_of(url, CURLUPART_SCHEME, 0);
    (void)curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    char *text = part_of(url, CURLUPART_URL, 0);
    if (status == ST_OK && (!scheme || !text || strlen(text) > WEB_URL_MAX))
        status = fail(err, ST_INVALID, "the server gives an address that cannot be used: %s", shown);
    if (status == ST_OK && strcmp(scheme, "https") != 0 && !(strcmp(scheme, "http") == 0 && plain_http))
        status = fail(err, ST_DENIED, "the server gives an address that is not https: %s", shown);
    if (status == ST_OK)
        *ret_url = mem_strdup(text);
    curl_free(text);
    curl_free(scheme);
    curl_url_cleanup(url);
    return status;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *left = part_of(a, part, CURLU_DEFAULT_PORT), *right = part_of(b, part, CURLU_DEFAULT_PORT);
    bool same = left && right && str_eq_nocase(str_of(left), str_of(right));
    curl_free(left);
    curl_free(right);
    return same;
}

bool web_url_same_origin(const char *a, const char *b)
{
    CURLU *left = curl_url(), *right = curl_url();
    bool same = left && right && curl_url_set(left, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(right, CURLUPART_URL, b, 0) == CURLUE_OK && same_part(left, right, CURLUPART_SCHEME) &&
                same_part(left, right, CURLUPART_HOST) && same_part(left, right, CURLUPART_PORT);
    curl_url_cleanup(left);
    curl_url_cleanup(right);
    return same;
}

enum status web_url_with(const char *url_text, const char *name, struct str value, char **ret_url, struct error *err)
{
    autobuf struct buf pair = BUF_INIT(BUF_UNLIMITED);
    CURLU *url = curl_url();
    buf_addf(&pair, "%s=%.*s", name, STR_ARG(value));
    bool done = url && curl_url_set(url, CURLUPART_URL, url_text, 0) == CURLUE_OK &&
                curl_url_set(url, CURLUPART_QUERY, pair.data, CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK;
    char *text = done ? part_of(url, CURLUPART_URL, 0) : NULL;
    curl_url_cleanup(url);
    if (!text)
        return fail(err, ST_INVALID, "the server gives an address that cannot be used");
    *ret_url = mem_strdup(text);
    curl_free(text);
    return ST_OK;
}

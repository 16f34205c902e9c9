#include "wkg/http.h"
#include "base/mem.h"
#include "oci/trust.h"
#include <curl/curl.h>
#include <openssl/ssl.h>

#define MAX_REDIRECTS 5L
#define CONNECT_TIMEOUT_MS 30000L
#define TIMEOUT_MS 300000L
#define STALLED_BYTES 1L /* a second, for as long as: */
#define STALLED_SECONDS 60L

struct download {
    CURL *curl;
    struct buf *body;
    struct cancel cancel;
    bool overflowed;
    char message[CURL_ERROR_SIZE];
};

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

static size_t take(char *data, size_t size, size_t count, void *env)
{
    struct download *download = env;
    long code = 0;
    curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code < 200 || code > 299)
        return size * count;
    if (buf_append(download->body, data, size * count) == ST_OK)
        return size * count;
    download->overflowed = true;
    return 0;
}

static int tick(void *env, curl_off_t total UNUSED, curl_off_t done UNUSED, curl_off_t to_send UNUSED, curl_off_t sent UNUSED)
{
    const struct download *download = env;
    return cancel_asked(download->cancel);
}

static CURLcode trust(CURL *curl UNUSED, void *context, void *env UNUSED)
{
    return oci_trust_apply(context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static void set_options(struct download *download, const char *url)
{
    CURL *curl = download->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALLED_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "wash");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, download->message);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, trust);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, tick);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, download);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static enum status status_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ST_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_UNSUPPORTED_PROTOCOL: /* a redirect away from https */
        return ST_DENIED;
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
        return ST_INVALID;
    default:
        return ST_UNAVAILABLE;
    }
}

enum status wkg_http_get(const char *url, struct cancel cancel, struct buf *ret_body, long *ret_code, struct error *err)
{
    struct download download = {.body = ret_body, .cancel = cancel};
    TRY(check_url(str_of(url), err));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(download.curl = curl_easy_init()))
        return fail(err, ST_INTERNAL, "libcurl cannot be set up");
    set_options(&download, url);
    CURLcode code = curl_easy_perform(download.curl);
    curl_easy_getinfo(download.curl, CURLINFO_RESPONSE_CODE, ret_code);
    curl_easy_cleanup(download.curl);
    if (download.overflowed)
        return fail(err, ST_LIMIT, "%s: more than %zu bytes", url, ret_body->max);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return fail(err, ST_CANCELLED, "interrupted");
    if (code != CURLE_OK)
        return fail(err, status_of(code), "%s: %s", url, download.message[0] ? download.message : curl_easy_strerror(code));
    return ST_OK;
}

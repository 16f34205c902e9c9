/* Downloads on libcurl; see download.h. */
#include "cli/download.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cli/interrupts.h"
#include <curl/curl.h>

#define MAX_REDIRECTS 5
#define CONNECT_TIMEOUT_MS 10000
#define STALLED_SECONDS 30

struct transfer {
    const struct cli_download *download;
    uint64_t taken;
    enum status status;
    struct error *err;
    char url[2048], problem[CURL_ERROR_SIZE];
};

enum status cli_download_to_buf(void *buf, const void *data, size_t len, struct error *err)
{
    return buf_append(buf, data, len) == ST_OK ? ST_OK : fail(err, ST_LIMIT, "the answer is too large");
}

/* What comes with an error status is the server's explanation, and is not kept. */
static size_t take(char *data, size_t size, size_t count, void *env)
{
    struct transfer *transfer = env;
    size_t len = size * count;
    transfer->taken += len;
    if (transfer->taken > transfer->download->max_bytes)
        transfer->status = fail(transfer->err, ST_LIMIT, "%s has more than %llu bytes", transfer->url,
                                (unsigned long long)transfer->download->max_bytes);
    else
        transfer->status = transfer->download->sink(transfer->download->sink_env, data, len, transfer->err);
    return transfer->status == ST_OK ? len : 0;
}

static int progress(void *env, curl_off_t total, curl_off_t done, curl_off_t up_total UNUSED, curl_off_t up UNUSED)
{
    const struct cli_download *download = ((struct transfer *)env)->download;
    if (download->progress)
        cli_progress_update(download->progress, (uint64_t)done, (uint64_t)total);
    return cli_interrupted();
}

static void set_options(CURL *curl, struct transfer *transfer)
{
    const struct cli_download *download = transfer->download;
    const char *authorities = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
    curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "wash/" WASH_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)download->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALLED_SECONDS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->problem);
    if (authorities && *authorities)
        curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
    if (folder && *folder)
        curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
}

static enum status explain(CURL *curl, CURLcode code, const struct transfer *transfer, struct error *err)
{
    long answer = 0;
    const char *why = transfer->problem[0] ? transfer->problem : curl_easy_strerror(code);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return fail(err, ST_CANCELLED, "interrupted");
    if (code == CURLE_HTTP_RETURNED_ERROR && (answer == 404 || answer == 410))
        return fail(err, ST_NOT_FOUND, "%s: not there (HTTP status %ld)", transfer->url, answer);
    if (code == CURLE_HTTP_RETURNED_ERROR && (answer == 401 || answer == 403 || answer == 429))
        return fail(err, ST_DENIED, "%s: refused (HTTP status %ld); a token with --token or WASH_GITHUB_TOKEN may help",
                    transfer->url, answer);
    return fail(err, code == CURLE_OPERATION_TIMEDOUT ? ST_TIMEOUT : ST_UNAVAILABLE, "%s: %s", transfer->url, why);
}

static enum status perform(CURL *curl, struct transfer *transfer, struct error *err)
{
    const struct cli_download *download = transfer->download;
    autofree char *accept = NULL, *token = mem_strndup(download->token.data ? download->token.data : "", download->token.len);
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&header, "Accept: %s", download->accept);
    accept = buf_take(&header);
    struct curl_slist *headers = curl_slist_append(NULL, accept);
    set_options(curl, transfer);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (*token) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code == CURLE_OK || transfer->status != ST_OK)
        return transfer->status;
    return explain(curl, code, transfer, err);
}

enum status cli_download(const struct cli_download *download, struct error *err)
{
    struct transfer transfer = {.download = download, .err = err};
    if (download->url.len >= sizeof transfer.url)
        return fail(err, ST_LIMIT, "the address of the download is too long");
    memcpy(transfer.url, download->url.data, download->url.len);
    for (size_t i = 0; i < download->token.len; i++)
        if ((unsigned char)download->token.data[i] <= 0x20 || (unsigned char)download->token.data[i] >= 0x7f)
            return fail(err, ST_INVALID, "the token has characters that no token has");
    CURL *curl = curl_easy_init();
    if (!curl)
        return fail(err, ST_INTERNAL, "libcurl cannot be set up");
    enum status status = perform(curl, &transfer, err);
    curl_easy_cleanup(curl);
    return status;
}

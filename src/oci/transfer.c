/* One HTTP exchange; see transfer.h. */
#include "oci/transfer.h"
#include "oci/client_private.h"
#include "oci/trust.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 30000L
#define STALLED_SECONDS 60L /* without a byte, and the transfer is given up */
#define FIRST_BACKOFF_MS 200u
#define LAST_BACKOFF_MS 5000u
#define MAX_RETRY_AFTER_S 30u

struct transfer {
    struct oci_client *client;
    const struct oci_request *request;
    struct oci_response *response;
    uint64_t sent;
    enum status failed; /* what a callback failed with; its message is in err */
    struct error *err;
};

/* --- responses --------------------------------------------------------------------------------------------------------------- */

void oci_response_init(struct oci_response *response)
{
    *response = (struct oci_response){.body = BUF_INIT(OCI_ERROR_BODY_MAX)};
}

void oci_response_release(struct oci_response *response)
{
    free(response->location);
    free(response->link);
    buf_release(&response->body);
    oci_response_init(response);
}

char *oci_shown(struct str text, size_t max)
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

/* --- headers ----------------------------------------------------------------------------------------------------------------- */

static void keep_text(char **place, struct str value)
{
    free(*place);
    *place = mem_strndup(value.data, value.len);
}

static void keep_cut(char *place, size_t size, struct str value)
{
    size_t len = MIN(value.len, size - 1);
    memcpy(place, value.data, len);
    place[len] = '\0';
}

/* bytes FROM-TO/TOTAL */
static void keep_range_start(struct oci_response *response, struct str value)
{
    if (!str_skip(&value, STR("bytes ")))
        return;
    response->has_range_start =
        str_parse_u64(str_slice(value, 0, MIN(str_find_char(value, '-'), value.len)), OCI_BLOB_MAX_BYTES, &response->range_start);
}

static enum status keep_header(struct transfer *transfer, struct str name, struct str value)
{
    struct oci_response *response = transfer->response;
    if (str_eq_nocase(name, STR("www-authenticate")))
        return oci_challenge_parse(value, &response->challenge, transfer->err);
    if (str_eq_nocase(name, STR("location")) || str_eq_nocase(name, STR("link"))) {
        if (value.len > OCI_URL_MAX || memchr(value.data, '\0', value.len))
            return fail(transfer->err, ST_LIMIT, "the registry sends an address that is too long or malformed");
        keep_text(str_eq_nocase(name, STR("link")) ? &response->link : &response->location, value);
    } else if (str_eq_nocase(name, STR("content-type"))) {
        keep_cut(response->content_type, sizeof response->content_type, value);
    } else if (str_eq_nocase(name, STR("range"))) {
        keep_cut(response->range, sizeof response->range, value);
    } else if (str_eq_nocase(name, STR("content-range"))) {
        keep_range_start(response, value);
    } else if (str_eq_nocase(name, STR("docker-content-digest"))) {
        (void)oci_digest_parse(value, &response->digest);
    } else if (str_eq_nocase(name, STR("retry-after"))) {
        (void)str_parse_u64(value, UINT32_MAX, &response->retry_after_s);
    } else if (str_eq_nocase(name, STR("oci-chunk-min-length"))) {
        (void)str_parse_u64(value, OCI_BLOB_MAX_BYTES, &response->chunk_min_bytes);
    }
    return ST_OK;
}

static size_t on_header(char *data, size_t size, size_t count, void *env)
{
    struct transfer *transfer = env;
    struct str line = str_n(data, size * count);
    size_t total = transfer->response->header_bytes + line.len;
    if (total > OCI_HEADERS_MAX) {
        transfer->failed = fail(transfer->err, ST_LIMIT, "the registry's headers have more than %u bytes", OCI_HEADERS_MAX);
        return 0;
    }
    if (str_starts(line, STR("HTTP/"))) /* another response, after an interim one */
        oci_response_release(transfer->response);
    transfer->response->header_bytes = total;
    size_t colon = str_find_char(line, ':');
    if (colon == STR_NONE || str_starts(line, STR("HTTP/")))
        return line.len;
    transfer->failed = keep_header(transfer, str_slice(line, 0, colon), str_trim(str_from(line, colon + 1)));
    return transfer->failed == ST_OK ? line.len : 0;
}

/* --- bodies ------------------------------------------------------------------------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *env)
{
    struct transfer *transfer = env;
    struct oci_response *response = transfer->response;
    struct str piece = str_n(data, size * count);
    curl_easy_getinfo(transfer->client->curl, CURLINFO_RESPONSE_CODE, &response->code);
    bool success = response->code >= 200 && response->code < 300;
    if (success && transfer->request->sink) {
        transfer->failed = transfer->request->sink(transfer->request->sink_env, response, piece, transfer->err);
        return transfer->failed == ST_OK ? piece.len : 0;
    }
    if (success && transfer->request->max_body)
        response->body.max = transfer->request->max_body;
    size_t room = response->body.max - response->body.len;
    if (buf_append_str(&response->body, str_slice(piece, 0, room)) != ST_OK)
        bug("a bounded append");
    if (piece.len <= room)
        return piece.len;
    if (success)
        transfer->failed = fail(transfer->err, ST_LIMIT, "the registry's answer has more than %zu bytes", response->body.max);
    return 0; /* of an error the beginning will do */
}

static size_t on_send(char *data, size_t size, size_t count, void *env)
{
    struct transfer *transfer = env;
    const struct oci_request *request = transfer->request;
    uint64_t all = request->body_bytes ? request->body_bytes : request->body.len;
    size_t len = (size_t)MIN((uint64_t)(size * count), all - transfer->sent);
    if (request->body_bytes) {
        ssize_t read;
        do {
            read = pread(request->body_fd, data, len, (off_t)(request->body_offset + transfer->sent));
        } while (read < 0 && errno == EINTR);
        if (read < 0 || (read == 0 && len > 0)) {
            transfer->failed = read < 0 ? fail_errno(transfer->err, "read the file")
                                        : fail(transfer->err, ST_INVALID, "the file has become shorter while it was pushed");
            return CURL_READFUNC_ABORT;
        }
        len = (size_t)read;
        oci_progress_at(transfer->client, request->body_offset + transfer->sent + len);
    } else {
        memcpy(data, request->body.data + transfer->sent, len);
    }
    transfer->sent += len;
    return len;
}

/* A connection that was kept turned out dead: curl would begin again on another. A chunk must not arrive twice, though. */
static int on_rewind(void *env, curl_off_t offset, int origin)
{
    struct transfer *transfer = env;
    if (origin != SEEK_SET || offset < 0 || strcmp(transfer->request->method, "PATCH") == 0)
        return CURL_SEEKFUNC_FAIL;
    transfer->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_tick(void *env, curl_off_t down_total UNUSED, curl_off_t down UNUSED, curl_off_t up_total UNUSED,
                   curl_off_t up UNUSED)
{
    struct transfer *transfer = env;
    if (!oci_is_cancelled(transfer->client))
        return 0;
    transfer->failed = fail(transfer->err, ST_CANCELLED, "cancelled");
    return 1;
}

static CURLcode on_tls(CURL *curl UNUSED, void *context, void *env UNUSED)
{
    return oci_trust_apply(context) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

/* --- the exchange ------------------------------------------------------------------------------------------------------------ */

static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
    autobuf struct buf line = BUF_INIT(BUF_UNLIMITED);
    if (!value)
        return;
    buf_addf(&line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*headers, line.data);
    if (!longer)
        bug("out of memory");
    *headers = longer;
}

static struct curl_slist *make_headers(const struct oci_request *request)
{
    struct curl_slist *headers = NULL;
    char range[40];
    snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)request->range_from);
    add_header(&headers, "Authorization", request->authorization);
    add_header(&headers, "Accept", request->accept);
    add_header(&headers, "Content-Type", request->content_type);
    add_header(&headers, "Content-Range", request->content_range);
    add_header(&headers, "Range", request->range_from ? range : NULL);
    struct curl_slist *longer = curl_slist_append(headers, "Expect:"); /* do not wait for leave to send */
    if (!longer)
        bug("out of memory");
    return longer;
}

static void set_method(CURL *curl, const struct oci_request *request)
{
    uint64_t bytes = request->body_bytes ? request->body_bytes : request->body.len;
    if (strcmp(request->method, "GET") == 0) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static void set_options(struct transfer *transfer, struct curl_slist *headers, char *message)
{
    struct oci_client *client = transfer->client;
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* keeps connections */
    set_method(curl, transfer->request);
    curl_easy_setopt(curl, CURLOPT_URL, transfer->request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, client->options.plain_http ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, client->user_agent);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    if (client->deadline != CLOCK_NEVER) {
        uint64_t now = clock_now();
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, client->deadline > now ? (long)((client->deadline - now) / NS_PER_MS + 1) : 1L);
    }
}

static enum status explain(struct transfer *transfer, CURLcode code, const char *message)
{
    autofree char *why = oci_shown(str_of(message[0] ? message : curl_easy_strerror(code)), 200);
    struct error *err = transfer->err;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        transfer->response->dropped = transfer->request->range_from > 0; /* it was there a moment ago */
        return fail(err, ST_UNAVAILABLE, "%s", why);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        transfer->response->dropped = true;
        return fail(err, ST_UNAVAILABLE, "the connection broke: %s", why);
    case CURLE_OPERATION_TIMEDOUT:
        if (clock_now() >= transfer->client->deadline)
            return fail(err, ST_TIMEOUT, "it took too long");
        transfer->response->dropped = true;
        return fail(err, ST_UNAVAILABLE, "%s", why);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail(err, ST_DENIED, "%s (a private CA is named with --ca-path)", why);
    case CURLE_SSL_CONNECT_ERROR:
        return fail(err, ST_UNAVAILABLE, "TLS: %s (--insecure talks plain HTTP)", why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return fail(err, ST_INVALID, "%s", why);
    default:
        return fail(err, ST_IO, "%s", why);
    }
}

/* Writing to a peer that has gone must not end the process, whatever the program does with SIGPIPE. */
static CURLcode perform(CURL *curl)
{
    sigset_t pipe_signal, before, pending;
    const struct timespec now = {0};
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    CURLcode code = curl_easy_perform(curl);
    if (!sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

enum status oci_transfer(struct oci_client *client, const struct oci_request *request, struct oci_response *response,
                         struct error *err)
{
    char message[CURL_ERROR_SIZE] = "";
    struct error scratch;
    struct transfer transfer = {.client = client, .request = request, .response = response, .err = err ? err : &scratch};
    oci_response_release(response);
    if (oci_is_cancelled(client))
        return fail(err, ST_CANCELLED, "cancelled");
    struct curl_slist *headers = make_headers(request);
    set_options(&transfer, headers, message);
    CURLcode code = perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &response->code);
    curl_slist_free_all(headers);
    if (transfer.failed != ST_OK)
        return transfer.failed;
    bool cut_error = code == CURLE_WRITE_ERROR && response->code >= 300;
    return code == CURLE_OK || cut_error ? ST_OK : explain(&transfer, code, message);
}

enum status oci_back_off(struct oci_client *client, unsigned attempt, uint64_t retry_after_s, struct error *err)
{
    uint64_t wait_ms = MIN((uint64_t)FIRST_BACKOFF_MS << MIN(attempt, 16u), (uint64_t)LAST_BACKOFF_MS);
    if (retry_after_s)
        wait_ms = MIN(retry_after_s, (uint64_t)MAX_RETRY_AFTER_S) * 1000;
    for (uint64_t until = clock_after(wait_ms * NS_PER_MS); clock_now() < until;) {
        if (oci_is_cancelled(client))
            return fail(err, ST_CANCELLED, "cancelled");
        if (clock_now() >= client->deadline)
            return fail(err, ST_TIMEOUT, "it took too long");
        usleep(20000);
    }
    return ST_OK;
}

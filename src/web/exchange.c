/* One HTTP exchange on libcurl: what it is told, what its callbacks do, and what its errors mean. */
#include "base/clock.h"
#include "base/mem.h"
#include "web/client_private.h"
#include "web/proxy.h"
#include "web/trust.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#define CONNECT_TIMEOUT_MS 30000L
#define STALLED_SECONDS 60L /* without a byte, and the exchange is given up */
#define SHOWN_MAX 300u

struct exchange {
    struct web_client *client;
    const struct web_request *request;
    struct web_response *response;
    uint64_t sent, taken;
    enum status failed; /* what a callback failed with; its message is in err */
    struct error *err;
    char message[CURL_ERROR_SIZE];
};

static uint64_t body_bytes(const struct web_request *request)
{
    return request->read ? request->body_bytes : request->body.len;
}

/* --- what comes --------------------------------------------------------------------------------------------------------------- */

static void begin(struct exchange *exchange)
{
    web_response_release(exchange->response);
    if (exchange->request->begin)
        exchange->request->begin(exchange->request->env);
}

static enum status take_header(struct exchange *exchange, struct str name, struct str value)
{
    struct web_response *response = exchange->response;
    const struct web_request *request = exchange->request;
    if (str_eq_nocase(name, STR("location"))) {
        if (value.len > WEB_URL_MAX || memchr(value.data, '\0', value.len))
            return fail(exchange->err, ST_LIMIT, "the server sends an address that is too long or malformed");
        free(response->location);
        response->location = mem_strndup(value.data, value.len);
    }
    return request->header ? request->header(request->env, name, value, exchange->err) : ST_OK;
}

static size_t on_header(char *data, size_t size, size_t count, void *env)
{
    struct exchange *exchange = env;
    struct str line = str_n(data, size * count);
    size_t total = exchange->response->header_bytes + line.len;
    if (total > WEB_HEADERS_MAX) {
        exchange->failed = fail(exchange->err, ST_LIMIT, "the server's headers have more than %u bytes", WEB_HEADERS_MAX);
        return 0;
    }
    if (str_starts(line, STR("HTTP/"))) /* another response, after an interim one */
        begin(exchange);
    exchange->response->header_bytes = total;
    size_t colon = str_find_char(line, ':');
    if (colon == STR_NONE || str_starts(line, STR("HTTP/")))
        return line.len;
    exchange->failed = take_header(exchange, str_slice(line, 0, colon), str_trim(str_from(line, colon + 1)));
    return exchange->failed == ST_OK ? line.len : 0;
}

static enum status take_success(struct exchange *exchange, struct str piece)
{
    const struct web_request *request = exchange->request;
    uint64_t max = request->max_body ? request->max_body : request->sink ? UINT64_MAX : WEB_ERROR_BODY_MAX;
    exchange->response->body.max = (size_t)MIN(max, (uint64_t)SIZE_MAX);
    if (piece.len > max - exchange->taken)
        return fail(exchange->err, ST_LIMIT, "the answer has more than %llu bytes", (unsigned long long)max);
    exchange->taken += piece.len;
    if (request->sink)
        return request->sink(request->env, exchange->response->code, piece, exchange->err);
    return buf_append_str(&exchange->response->body, piece) == ST_OK ? ST_OK : fail(exchange->err, ST_LIMIT, "out of memory");
}

static size_t on_body(char *data, size_t size, size_t count, void *env)
{
    struct exchange *exchange = env;
    struct web_response *response = exchange->response;
    struct str piece = str_n(data, size * count);
    curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &response->code);
    if (response->code >= 200 && response->code < 300) {
        exchange->failed = take_success(exchange, piece);
        return exchange->failed == ST_OK ? piece.len : 0;
    }
    size_t room = response->body.max - response->body.len;
    if (buf_append_str(&response->body, str_slice(piece, 0, room)) != ST_OK)
        bug("a bounded append");
    return piece.len <= room ? piece.len : 0; /* of an error the beginning will do */
}

/* --- what is sent ------------------------------------------------------------------------------------------------------------- */

static size_t on_send(char *data, size_t size, size_t count, void *env)
{
    struct exchange *exchange = env;
    const struct web_request *request = exchange->request;
    size_t len = (size_t)MIN((uint64_t)(size * count), body_bytes(request) - exchange->sent);
    if (request->read && len > 0) {
        exchange->failed = request->read(request->env, exchange->sent, data, len, &len, exchange->err);
        if (exchange->failed != ST_OK)
            return CURL_READFUNC_ABORT;
    } else if (len > 0) {
        memcpy(data, request->body.data + exchange->sent, len);
    }
    exchange->sent += len;
    return len;
}

/* A connection that was kept turned out dead: curl would begin again on another. What a PATCH sends must not arrive twice, though. */
static int on_rewind(void *env, curl_off_t offset, int origin)
{
    struct exchange *exchange = env;
    if (origin != SEEK_SET || offset < 0 || strcmp(exchange->request->method, "PATCH") == 0)
        return CURL_SEEKFUNC_FAIL;
    exchange->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_tick(void *env, curl_off_t down_total UNUSED, curl_off_t down UNUSED, curl_off_t up_total UNUSED,
                   curl_off_t up UNUSED)
{
    struct exchange *exchange = env;
    if (!cancel_asked(exchange->client->cancel))
        return 0;
    exchange->failed = fail(exchange->err, ST_CANCELLED, "interrupted");
    return 1;
}

static CURLcode on_tls(CURL *curl UNUSED, void *context, void *env UNUSED)
{
    return web_trust_apply(web_libcurl_authorities(context)) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

/* --- what curl is told -------------------------------------------------------------------------------------------------------- */

static void add_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);
    if (!longer)
        bug("out of memory");
    *lines = longer;
}

static void add_header(struct curl_slist **lines, const char *name, const char *value)
{
    autobuf struct buf line = BUF_INIT(BUF_UNLIMITED);
    if (!value)
        return;
    buf_addf(&line, "%s: %s", name, value);
    add_line(lines, line.data);
}

static struct curl_slist *make_headers(const struct web_request *request, const char *authorization)
{
    struct curl_slist *lines = NULL;
    add_header(&lines, "Authorization", authorization);
    for (size_t i = 0; i < request->header_count; i++)
        add_header(&lines, request->headers[i].name, request->headers[i].value);
    add_line(&lines, "Expect:"); /* do not wait for leave to send */
    return lines;
}

static void set_method(CURL *curl, const struct web_request *request)
{
    if (strcmp(request->method, "GET") == 0) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_bytes(request));
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* As the program curl: CURL_CA_BUNDLE, or what OpenSSL's own programs look at. */
static void set_trust(CURL *curl)
{
    const char *bundle = environment("CURL_CA_BUNDLE");
    const char *file = bundle ? bundle : environment("SSL_CERT_FILE"), *folder = bundle ? NULL : environment("SSL_CERT_DIR");
    if (file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, file);
    if (folder)
        curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

static void set_limits(CURL *curl, uint64_t deadline)
{
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
    if (deadline != 0 && deadline != CLOCK_NEVER) {
        uint64_t now = clock_now();
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, deadline > now ? (long)((deadline - now) / NS_PER_MS + 1) : 1L);
    }
}

static void set_callbacks(CURL *curl, struct exchange *exchange)
{
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->message);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static void set_options(struct exchange *exchange, const char *url, struct curl_slist *headers)
{
    CURL *curl = exchange->client->curl;
    set_method(curl, exchange->request);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, exchange->request->plain == WEB_PLAIN_NEVER ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, exchange->client->user_agent);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    set_trust(curl);
    set_limits(curl, exchange->request->deadline);
    set_callbacks(curl, exchange);
}

/* --- the exchange ------------------------------------------------------------------------------------------------------------- */

static enum status fail_as(struct exchange *exchange, enum web_trouble trouble, enum status status, const char *before,
                           const char *why)
{
    exchange->response->trouble = trouble;
    return fail(exchange->err, status, "%s%s", before, why);
}

/* What comes where a TLS record should: by OpenSSL's versions. */
static bool is_no_tls(struct str why)
{
    static const char *const words[] = {"wrong version number", "packet length too long", "http request", "unknown protocol"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_find(why, str_of(words[i])) != STR_NONE)
            return true;
    return false;
}

static enum status explain_tls(struct exchange *exchange, const char *why)
{
    if (is_no_tls(str_of(why)))
        return fail_as(exchange, WEB_NO_TLS, ST_UNAVAILABLE, "", "the server does not speak TLS there");
    return fail_as(exchange, WEB_NO_TROUBLE, ST_UNAVAILABLE, "TLS: ", why);
}

static enum status explain(struct exchange *exchange, CURLcode code)
{
    autofree char *why = web_shown(str_of(exchange->message[0] ? exchange->message : curl_easy_strerror(code)), SHOWN_MAX);
    uint64_t deadline = exchange->request->deadline;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return fail_as(exchange, WEB_UNREACHED, ST_UNAVAILABLE, "", why);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return fail_as(exchange, WEB_DROPPED, ST_UNAVAILABLE, "the connection broke: ", why);
    case CURLE_OPERATION_TIMEDOUT:
        if (deadline != 0 && clock_now() >= deadline)
            return fail(exchange->err, ST_TIMEOUT, "it took too long");
        return fail_as(exchange, WEB_DROPPED, ST_UNAVAILABLE, "", why);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail_as(exchange, WEB_UNTRUSTED, ST_DENIED, "", why);
    case CURLE_SSL_CONNECT_ERROR:
        return explain_tls(exchange, why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return fail(exchange->err, ST_INVALID, "%s", why);
    default:
        return fail(exchange->err, ST_IO, "%s", why);
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

enum status web_exchange(struct web_client *client, const struct web_request *request, const char *url, const char *authorization,
                         struct web_response *response, struct error *err)
{
    struct exchange exchange = {.client = client, .request = request, .response = response, .err = err};
    begin(&exchange);
    if (cancel_asked(client->cancel))
        return fail(err, ST_CANCELLED, "interrupted");
    struct curl_slist *headers = make_headers(request, authorization);
    set_options(&exchange, url, headers);
    CURLcode code = perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &response->code);
    curl_easy_reset(client->curl); /* keeps connections, and nothing that points here: closing them is an exchange's end too */
    curl_slist_free_all(headers);
    if (exchange.failed != ST_OK)
        return exchange.failed;
    bool cut_error = code == CURLE_WRITE_ERROR && response->code >= 300;
    if (code == CURLE_OK || cut_error)
        return ST_OK;
    enum status status = explain(&exchange, code);
    const char *proxy = web_proxy_variable(url, exchange.message);
    return proxy ? fail_wrap(err, "by the proxy of %s", proxy) : status;
}

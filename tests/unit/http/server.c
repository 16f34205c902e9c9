#include "http/server.h"

#include "base/mem.h"
#include "support.h"

#include <sys/socket.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

/* What the handlers saw, and events between them and the clients. */
static struct {
    enum status status, second;
    struct error err;
    uint64_t bytes;
    int calls;
    struct io_event entered, go;
    struct io_account account;
    void *tag;
} seen;

static const struct http_field text_type = {STR_INIT("Content-Type"), STR_INIT("text/plain"), HTTP_FIELD_OTHER};

static void keep(enum status status)
{
    seen.status = status;
}

/* --- handlers, by path ----------------------------------------------------------------------------------------------------------
 */

static void hello(struct http_exchange *exchange)
{
    seen.tag = http_exchange_listener_tag(exchange);
    keep(http_exchange_reply(exchange, 200, &text_type, 1, STR("hello"), &seen.err));
}

static void unanswered(struct http_exchange *exchange)
{
    (void)exchange;
}

static void echo(struct http_exchange *exchange)
{
    struct str data;
    size_t count;
    enum status status = http_exchange_respond(exchange, 200, NULL, 0, HTTP_LENGTH_UNKNOWN, &seen.err);
    do {
        if (status == ST_OK)
            status = http_exchange_read_body(exchange, CLOCK_NEVER, &data, &seen.err);
        if (status == ST_OK)
            status = http_exchange_write_body(exchange, data.data, data.len, CLOCK_NEVER, &seen.err);
    } while (status == ST_OK && data.len);
    keep(status);
    if (status != ST_OK)
        return;
    const struct http_field *trailers = http_exchange_trailers(exchange, &count);
    keep(http_exchange_finish(exchange, trailers, count, &seen.err));
}

/* Reads first, answers then. */
static void count(struct http_exchange *exchange)
{
    struct str data;
    char text[32];
    do {
        keep(http_exchange_read_body(exchange, CLOCK_NEVER, &data, &seen.err));
        if (seen.status != ST_OK)
            return;
        seen.bytes += data.len;
    } while (data.len);
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)seen.bytes);
    keep(http_exchange_reply(exchange, 200, NULL, 0, str_n(text, (size_t)len), &seen.err));
}

static void refuse(struct http_exchange *exchange)
{
    keep(http_exchange_reply(exchange, 413, NULL, 0, STR("too much"), &seen.err));
}

static void respond(struct http_exchange *exchange, int status, uint64_t length)
{
    keep(http_exchange_respond(exchange, status, NULL, 0, length, &seen.err));
}

static void put(struct http_exchange *exchange, const char *text)
{
    if (seen.status == ST_OK)
        keep(http_exchange_write_body(exchange, text, strlen(text), CLOCK_NEVER, &seen.err));
}

static void end(struct http_exchange *exchange)
{
    if (seen.status == ST_OK)
        keep(http_exchange_finish(exchange, NULL, 0, &seen.err));
}

static void pieces(struct http_exchange *exchange)
{
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put(exchange, "one ");
    put(exchange, "two");
    end(exchange);
}

/* Waits in the middle, so that the first part must leave by itself. */
static void slow(struct http_exchange *exchange)
{
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put(exchange, "first");
    io_event_set(&seen.entered);
    seen.second = io_wait(&seen.go, CLOCK_NEVER);
    if (seen.second != ST_OK)
        return;
    put(exchange, "second");
    end(exchange);
}

static void waiting(struct http_exchange *exchange)
{
    io_event_set(&seen.entered);
    seen.second = io_wait(&seen.go, CLOCK_NEVER);
    if (seen.second == ST_OK)
        hello(exchange);
}

static void half(struct http_exchange *exchange)
{
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put(exchange, "half");
}

static void half_counted(struct http_exchange *exchange)
{
    respond(exchange, 200, 8);
    put(exchange, "half");
    end(exchange);
}

static void too_long(struct http_exchange *exchange)
{
    respond(exchange, 200, 4);
    put(exchange, "12345");
    seen.second = seen.status;
    seen.status = ST_OK;
    put(exchange, "1234");
    end(exchange);
}

static void no_content(struct http_exchange *exchange)
{
    respond(exchange, 204, HTTP_LENGTH_UNKNOWN);
    put(exchange, "dropped");
    end(exchange);
}

static void not_modified(struct http_exchange *exchange)
{
    respond(exchange, 304, HTTP_LENGTH_UNKNOWN);
    put(exchange, "dropped");
    end(exchange);
}

static void long_body(struct http_exchange *exchange)
{
    static const char block[10000] = {'x'};
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 2 && seen.status == ST_OK; i++)
        keep(http_exchange_write_body(exchange, block, sizeof block, CLOCK_NEVER, &seen.err));
    end(exchange);
}

/* Never stops by itself; counts what it got rid of. */
static void endless(struct http_exchange *exchange)
{
    static const char block[50000] = {'x'};
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    while (seen.status == ST_OK) {
        keep(http_exchange_write_body(exchange, block, sizeof block, CLOCK_NEVER, &seen.err));
        seen.bytes += sizeof block;
    }
}

static void closes(struct http_exchange *exchange)
{
    http_exchange_close_after(exchange);
    hello(exchange);
}

static const struct {
    struct str path;
    void (*handle)(struct http_exchange *exchange);
} handlers[] = {
    {STR_INIT("/hello"), hello},
    {STR_INIT("/unanswered"), unanswered},
    {STR_INIT("/echo"), echo},
    {STR_INIT("/count"), count},
    {STR_INIT("/refuse"), refuse},
    {STR_INIT("/pieces"), pieces},
    {STR_INIT("/slow"), slow},
    {STR_INIT("/waiting"), waiting},
    {STR_INIT("/half"), half},
    {STR_INIT("/half-counted"), half_counted},
    {STR_INIT("/too-long"), too_long},
    {STR_INIT("/no-content"), no_content},
    {STR_INIT("/not-modified"), not_modified},
    {STR_INIT("/long"), long_body},
    {STR_INIT("/endless"), endless},
    {STR_INIT("/closes"), closes},
};

static void handle(struct http_exchange *exchange, void *env)
{
    seen.calls++;
    if (env) {
        void (*direct)(struct http_exchange *) = *(void (**)(struct http_exchange *))env;
        direct(exchange);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
        if (str_eq(handlers[i].path, http_exchange_head(exchange)->path))
            handlers[i].handle(exchange);
}

static void prepare(struct http_server_options *options)
{
    memset(&seen, 0, sizeof seen);
    seen.status = seen.second = ST_INTERNAL;
    io_event_init(&seen.entered);
    io_event_init(&seen.go);
    options->handle = handle;
}

static void serve_with(struct http_server_options options, void (*body)(struct fixture *fixture))
{
    prepare(&options);
    with_server(&options, body);
}

static void serve_narrow(struct http_server_options options, void (*body)(struct fixture *fixture))
{
    prepare(&options);
    with_narrow_server(&options, body);
}

static void serve(void (*body)(struct fixture *fixture))
{
    serve_with((struct http_server_options){0}, body);
}

#define SERVED_WITH(name, ...)                                                                                                     \
    static void serve_##name(struct fixture *fixture);                                                                             \
    TEST(name)                                                                                                                     \
    {                                                                                                                              \
        serve_with((struct http_server_options){__VA_ARGS__}, serve_##name);                                                       \
    }                                                                                                                              \
    static void serve_##name(struct fixture *fixture)
#define SERVED_NARROW(name, ...)                                                                                                   \
    static void serve_##name(struct fixture *fixture);                                                                             \
    TEST(name)                                                                                                                     \
    {                                                                                                                              \
        serve_narrow((struct http_server_options){__VA_ARGS__}, serve_##name);                                                     \
    }                                                                                                                              \
    static void serve_##name(struct fixture *fixture)
#define SERVED(name)                                                                                                               \
    static void serve_##name(struct fixture *fixture);                                                                             \
    TEST(name)                                                                                                                     \
    {                                                                                                                              \
        serve(serve_##name);                                                                                                       \
    }                                                                                                                              \
    static void serve_##name(struct fixture *fixture)

#define CHECK_TEXT(got, want) CHECK_STR(str_of(got), want)
#define HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

/* --- answers ------------------------------------------------------------------------------------------------------------------ */

SERVED(one_connection_many_requests)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    for (int i = 0; i < 3; i++) {
        CHECK(client_send(&client, STR(GET("/hello"))));
        CHECK(client_wait_for(&client, "hello"));
        CHECK(str_find(buf_str(&client.got), STR("\r\nDate: ")) != STR_NONE);
        CHECK_TEXT(without_date(buf_str(&client.got)), HELLO);
        buf_clear(&client.got);
    }
    struct http_server_stats stats;
    http_server_get_stats(fixture->server, &stats);
    CHECK_EQ(stats.accepted, 1);
    CHECK_EQ(stats.requests, 3);
    CHECK_EQ(stats.active, 0);
    CHECK(seen.tag == fixture);
}

SERVED(pipelined_requests)
{
    CHECK_TEXT(exchange_once(fixture,
                             GET("/hello")
                                 GET("/pieces") "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" GET("/hello")),
               HELLO "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\none two"
                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3" HELLO);
    CHECK_EQ(seen.calls, 4);
}

SERVED(many_pipelined_requests)
{
    autobuf struct buf requests = BUF_INIT(BUF_UNLIMITED);
    autoclient struct client client = CLIENT_INIT;
    for (int i = 0; i < 2000; i++)
        buf_add(&requests, STR(GET("/hello")));
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, buf_str(&requests)));
    shutdown(client.fd.fd, SHUT_WR);
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK_EQ(seen.calls, 2000);
    struct str rest = buf_str(&client.got);
    int answers = 0;
    for (size_t at; (at = str_find(rest, STR("hello"))) != STR_NONE; answers++)
        rest = str_from(rest, at + 5);
    CHECK_EQ(answers, 2000);
}

SERVED(byte_by_byte)
{
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nSum: 5\r\n\r\n" GET("/hello");
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    for (size_t i = 0; i < sizeof request - 1; i++) {
        CHECK(client_send(&client, str_n(request + i, 1)));
        io_yield();
        io_yield();
    }
    CHECK(client_wait_for(&client, "hello"));
    const char *got = without_date(buf_str(&client.got));
    CHECK(strstr(got, "0\r\nSum: 5\r\n\r\nHTTP/1.1 200 OK"));
}

SERVED(short_answers_are_counted)
{
    CHECK_TEXT(exchange_once(fixture, GET("/pieces")), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\none two");
}

SERVED(trailers_go_along)
{
    CHECK_TEXT(exchange_once(fixture,
                             "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nSum: 3\r\n\r\n"),
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nSum: 3\r\n\r\n");
}

SERVED(what_is_written_leaves_when_the_handler_waits)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/slow"))));
    CHECK(client_wait_for(&client, "first"));
    io_event_set(&seen.go);
    CHECK(client_wait_for(&client, "0\r\n\r\n"));
    CHECK_TEXT(without_date(buf_str(&client.got)),
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
}

SERVED(an_answer_does_not_wait_for_the_next_request)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/hello") GET("/waiting"))));
    CHECK(client_wait_for(&client, "hello"));
    CHECK(seen.entered.set);
    CHECK(client_quiet(&client));
    io_event_set(&seen.go);
    buf_clear(&client.got);
    CHECK(client_wait_for(&client, "hello"));
}

SERVED(head_requests)
{
    CHECK_TEXT(exchange_once(fixture, "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nHEAD /pieces HTTP/1.1\r\nHost: h\r\n\r\n"),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    CHECK_EQ(seen.status, ST_OK);
}

SERVED(statuses_without_body)
{
    CHECK_TEXT(exchange_once(fixture, GET("/no-content") GET("/not-modified")),
               "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n");
    CHECK_EQ(seen.status, ST_OK);
}

SERVED(http_1_0)
{
    CHECK_TEXT(
        exchange_once(fixture, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /pieces HTTP/1.0\r\n\r\nGET /hello"),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\none two");
    const char *got = exchange_once(fixture, "GET /long HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(str_starts(str_of(got), STR("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx")));
    CHECK_EQ(seen.status, ST_OK);
}

SERVED(close_is_kept)
{
    CHECK_TEXT(exchange_once(fixture, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/hello")),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    CHECK_EQ(seen.calls, 1);
    CHECK_TEXT(exchange_once(fixture, GET("/closes") GET("/hello")),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    CHECK_EQ(seen.calls, 2);
}

SERVED(handlers_that_give_no_answer)
{
    CHECK_TEXT(
        exchange_once(fixture, GET("/unanswered") GET("/nowhere")),
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 27\r\n\r\nthe handler gave no answer\n"
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 27\r\n\r\nthe handler gave no answer\n");
}

SERVED(half_an_answer_is_cut)
{
    CHECK_TEXT(exchange_once(fixture, GET("/half") GET("/hello")),
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    CHECK_TEXT(exchange_once(fixture, GET("/half-counted")), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
    CHECK_EQ(seen.status, ST_INVALID);
    CHECK(strstr(seen.err.message, "fewer than its Content-Length of 8"));
}

SERVED(half_an_answer_until_close_ends_in_a_reset)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("GET /half HTTP/1.0\r\n\r\n")));
    CHECK_EQ(client_read_end(&client), CLIENT_RESET);
}

SERVED(bytes_beyond_the_length_are_refused)
{
    CHECK_TEXT(exchange_once(fixture, GET("/too-long")), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234");
    CHECK_EQ(seen.second, ST_INVALID);
    CHECK_EQ(seen.status, ST_OK);
}

/* --- requests ----------------------------------------------------------------------------------------------------------------- */

static void check_refused(struct fixture *fixture, const char *request, const char *start)
{
    int calls = seen.calls;
    const char *got = exchange_once(fixture, request);
    CHECK(str_starts(str_of(got), str_of(start)) || tap_fail(__FILE__, __LINE__, "`%s` gives `%s`", request, got));
    CHECK(strstr(got, "Connection: close\r\n"));
    CHECK_EQ(seen.calls, calls);
}

SERVED(malformed_requests)
{
    check_refused(fixture, "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n");
    check_refused(fixture, "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 ");
    check_refused(fixture, "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 ");
    check_refused(fixture, "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501 ");
    check_refused(fixture, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n", "HTTP/1.1 417 ");
    check_refused(fixture, "GET /", "HTTP/1.1 400 ");
    struct http_server_stats stats;
    http_server_get_stats(fixture->server, &stats);
    CHECK_EQ(stats.refused, 6);
    CHECK_TEXT(exchange_once(fixture, GET("/hello") "x\r\n\r\n" GET("/hello")) + sizeof HELLO - 1,
               "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 74\r\n\r\n"
               "request line is not a method, a target and a version (RFC 9112 section 3)\n");
}

SERVED(large_heads)
{
    autobuf struct buf request = BUF_INIT(BUF_UNLIMITED);
    buf_add(&request, STR("GET /hello HTTP/1.1\r\nHost: h\r\n"));
    for (int i = 0; i < 60; i++)
        buf_addf(&request, "F%d: %01000d\r\n", i, i);
    buf_add(&request, STR("\r\n" GET("/hello")));
    CHECK_TEXT(exchange_once(fixture, request.data), HELLO HELLO);
    buf_consume(&request, 0);
    autobuf struct buf larger = BUF_INIT(BUF_UNLIMITED);
    buf_add(&larger, STR("GET /hello HTTP/1.1\r\nHost: h\r\n"));
    for (int i = 0; i < 70; i++)
        buf_addf(&larger, "F%d: %01000d\r\n", i, i);
    buf_add(&larger, STR("\r\n"));
    check_refused(fixture, larger.data, "HTTP/1.1 431 ");
}

SERVED(continue_when_the_handler_reads)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")));
    CHECK(client_wait_for(&client, "\r\n\r\n"));
    CHECK_STR(buf_str(&client.got), "HTTP/1.1 100 Continue\r\n\r\n");
    buf_clear(&client.got);
    CHECK(client_send(&client, STR("abc" GET("/hello"))));
    CHECK(client_wait_for(&client, "hello"));
    CHECK_TEXT(without_date(buf_str(&client.got)), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3" HELLO);
}

SERVED(continue_comes_before_an_answer_given_early)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")));
    CHECK(client_wait_for(&client, "\r\n\r\n"));
    CHECK(str_starts(buf_str(&client.got), STR("HTTP/1.1 100 Continue\r\n\r\n")));
    CHECK(client_send(&client, STR("abc")));
    CHECK(client_wait_for(&client, "abc\r\n0\r\n\r\n"));
    CHECK(str_ends(buf_str(&client.got), STR("\r\n\r\n3\r\nabc\r\n0\r\n\r\n")));
}

SERVED(no_continue_for_a_refusal)
{
    CHECK_TEXT(exchange_once(fixture, "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
               "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo much");
}

SERVED(bodies_of_every_size_come_back)
{
    static const size_t sizes[] = {1, 100, 8192, 8193, 16000, 16384, 40000, 65535, 70000, 300000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        autobuf struct buf request = BUF_INIT(BUF_UNLIMITED);
        autoclient struct client client = CLIENT_INIT;
        seen.bytes = 0;
        buf_addf(&request, "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++)
            buf_add(&request, STR("x"));
        buf_add(&request, STR(GET("/hello")));
        CHECK(client_open(fixture, &client));
        CHECK(client_send(&client, buf_str(&request)));
        CHECK(client_wait_for(&client, "hello"));
        CHECK_EQ(seen.bytes, sizes[i]);
    }
}

SERVED(malformed_bodies)
{
    const char *got =
        exchange_once(fixture, "POST /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n");
    CHECK(str_starts(str_of(got), STR("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n")));
    CHECK_EQ(seen.status, ST_INVALID);
    CHECK(strstr(seen.err.message, "chunk data is longer"));
    got = exchange_once(fixture, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nx\r\n\r\n");
    CHECK_TEXT(got, "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    CHECK_EQ(seen.status, ST_INVALID);
}

SERVED(truncated_bodies)
{
    const char *got = exchange_once(fixture, "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    CHECK(str_starts(str_of(got), STR("HTTP/1.1 400 Bad Request\r\n")));
    CHECK_EQ(seen.status, ST_IO);
}

SERVED(unread_bodies_are_skipped)
{
    autobuf struct buf request = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&request,
             "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
             "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: u\r\n\r\n"
             "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n%0100000d" GET("/hello"),
             0);
    CHECK_TEXT(exchange_once(fixture, request.data), HELLO HELLO HELLO HELLO);
    CHECK_EQ(seen.calls, 4);
}

SERVED(unread_bodies_that_are_too_large_close_the_connection)
{
    autoclient struct client client = CLIENT_INIT;
    autobuf struct buf body = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&body, "%0400000d", 0);
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n")));
    CHECK(client_send(&client, buf_str(&body)));
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK(str_ends(buf_str(&client.got), STR("too much")));
    CHECK_EQ(seen.calls, 1);
}

/* --- streaming both ways --------------------------------------------------------------------------------------------------------
 */

static struct {
    struct io_task task;
    struct client *client;
    size_t size;
} sender;

static void send_chunks(struct io_task *task)
{
    static char block[30000];
    char line[32];
    (void)task;
    for (size_t sent = 0, len; sent < sender.size; sent += len) {
        len = MIN(1 + sent % sizeof block, sender.size - sent);
        for (size_t i = 0; i < len; i++)
            block[i] = (char)('a' + (sent + i) % 23);
        snprintf(line, sizeof line, "%zx\r\n", len);
        if (!client_send(sender.client, str_of(line)) || !client_send(sender.client, str_n(block, len)) ||
            !client_send(sender.client, STR("\r\n")))
            return;
    }
    client_send(sender.client, STR("0\r\nSum: x\r\n\r\n"));
}

/* Decodes the answer with the codec itself; true when it is what send_chunks sent. */
static bool is_echo(struct str answer, size_t size)
{
    struct http_field fields[HTTP_MAX_FIELDS], trailers[HTTP_MAX_TRAILER_FIELDS];
    struct http_parser parser;
    struct http_body body;
    size_t used, at = 0;
    struct str data;
    http_parser_init_response(&parser, fields, HTTP_MAX_FIELDS, HTTP_METHOD_POST);
    if (http_parser_feed(&parser, answer.data, answer.len, &used) != HTTP_COMPLETE)
        return false;
    http_body_init(&body, parser.head.framing, parser.head.content_length, trailers, HTTP_MAX_TRAILER_FIELDS);
    answer = str_from(answer, used);
    while (http_body_feed(&body, answer.data, answer.len, &used, &data) == HTTP_DATA) {
        for (size_t i = 0; i < data.len; i++, at++)
            if (data.data[i] != (char)('a' + at % 23))
                return false;
        answer = str_from(answer, used);
    }
    return http_body_complete(&body) && at == size && body.trailer_count == 1;
}

static void check_echo(struct fixture *fixture, size_t size, bool slowly)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")));
    sender.client = &client;
    sender.size = size;
    CHECK_EQ(io_task_start(&sender.task, send_chunks, NULL, 0, NULL), ST_OK);
    while (slowly && client.got.len < size) { /* a little at a time, so that both directions fill up again and again */
        char piece[5000];
        size_t len;
        if (io_read(&client.fd, piece, sizeof piece, clock_after(5 * NS_PER_SECOND), &len, NULL) != ST_OK || len == 0)
            break;
        bug_unless(buf_append(&client.got, piece, len) == ST_OK);
    }
    bool ended = client_wait_for(&client, "0\r\nSum: x\r\n\r\n");
    bug_unless(io_wait(&sender.task.done, CLOCK_NEVER) == ST_OK);
    CHECK(ended);
    CHECK(is_echo(buf_str(&client.got), size));
}

SERVED(echo_of_large_bodies)
{
    check_echo(fixture, 1, false);
    check_echo(fixture, 100000, false);
    check_echo(fixture, 5000000, false);
    check_echo(fixture, 3000000, true);
}

SERVED_WITH(back_pressure, .write_timeout_ns = 100 * NS_PER_MS)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/endless"))));
    for (int i = 0; i < 200 && seen.status != ST_TIMEOUT; i++)
        CHECK_EQ(io_sleep_until(clock_after(20 * NS_PER_MS)), ST_OK);
    CHECK_EQ(seen.status, ST_TIMEOUT);
    CHECK(seen.bytes < 20u << 20); /* what two socket buffers take, not more */
}

static void evented(struct http_exchange *exchange)
{
    struct str data;
    enum status status;
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (;;) {
        status = http_exchange_try_read_body(exchange, &data, &seen.err);
        if (status == ST_UNAVAILABLE)
            status = io_wait(http_exchange_body_event(exchange), http_exchange_body_deadline(exchange));
        else if (status != ST_OK || data.len == 0)
            break;
        else
            while (data.len && status == ST_OK) {
                size_t written = 0;
                status = http_exchange_try_write_body(exchange, data.data, data.len, &written, &seen.err);
                if (status == ST_UNAVAILABLE)
                    status = io_wait(http_exchange_write_event(exchange), CLOCK_NEVER);
                data = str_from(data, written);
            }
        if (status != ST_OK)
            break;
    }
    size_t count_trailers;
    const struct http_field *trailers = http_exchange_trailers(exchange, &count_trailers);
    seen.second = status;
    keep(http_exchange_finish(exchange, trailers, count_trailers, &seen.err));
}

static void (*use_evented)(struct http_exchange *) = evented;
SERVED_WITH(reading_and_writing_without_waiting, .env = &use_evented)
{
    check_echo(fixture, 3000000, true);
    CHECK_EQ(seen.second, ST_OK);
    CHECK_EQ(seen.status, ST_OK);
}

/* --- clients that do not read ----------------------------------------------------------------------------------------------------
 */

SERVED_NARROW(echo_through_narrow_buffers)
{
    check_echo(fixture, 200000, true);
}

SERVED_NARROW(evented_echo_through_narrow_buffers, .env = &use_evented)
{
    check_echo(fixture, 200000, true);
    CHECK_EQ(seen.second, ST_OK);
}

/* Writes in small pieces until there is no room and none comes for 30 ms, then ends: what it wrote is left to the loop. */
static void fill(struct http_exchange *exchange)
{
    char line[32];
    size_t written = 0;
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (unsigned number = 0; seen.status == ST_OK; number++) {
        snprintf(line, sizeof line, "line %010u abcdefghijklm\n", number);
        do
            keep(http_exchange_try_write_body(exchange, line, 30, &written, &seen.err));
        while (seen.status == ST_UNAVAILABLE && io_wait(http_exchange_write_event(exchange), clock_after(30 * NS_PER_MS)) == ST_OK);
        bug_unless(seen.status != ST_OK || written == 30);
    }
    seen.second = seen.status;
    seen.bytes = http_exchange_sent_bytes(exchange);
    seen.status = ST_OK;
    end(exchange);
    io_event_set(&seen.entered);
}

/* Takes a chunked answer apart, checks that it is what `fill` wrote, and drops it from client->got. */
static bool take_filled(struct client *client)
{
    struct http_field fields[HTTP_MAX_FIELDS];
    struct http_parser parser;
    struct http_body body;
    size_t used, at = 0;
    struct str data, rest = buf_str(&client->got);
    autobuf struct buf content = BUF_INIT(BUF_UNLIMITED);
    char line[32];
    http_parser_init_response(&parser, fields, HTTP_MAX_FIELDS, HTTP_METHOD_GET);
    if (http_parser_feed(&parser, rest.data, rest.len, &used) != HTTP_COMPLETE)
        return false;
    http_body_init(&body, parser.head.framing, parser.head.content_length, NULL, 0);
    rest = str_from(rest, used);
    while (http_body_feed(&body, rest.data, rest.len, &used, &data) == HTTP_DATA) {
        bug_unless(buf_append_str(&content, data) == ST_OK);
        rest = str_from(rest, used);
    }
    for (; at < content.len; at += 30) {
        snprintf(line, sizeof line, "line %010u abcdefghijklm\n", (unsigned)(at / 30));
        if (memcmp(content.data + at, line, 30) != 0)
            return false;
    }
    bool complete = http_body_complete(&body) && content.len > 0;
    buf_consume(&client->got, client->got.len - rest.len + used);
    return complete;
}

static void (*use_fill)(struct http_exchange *) = fill;
SERVED_NARROW(what_a_handler_left_is_sent_when_the_client_reads, .env = &use_fill)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/") GET("/") "GET / HTTP/1.1\r\nHo")));
    CHECK_EQ(io_wait(&seen.entered, clock_after(5 * NS_PER_SECOND)), ST_OK);
    CHECK_EQ(seen.second, ST_UNAVAILABLE);
    CHECK_EQ(io_sleep_until(clock_after(20 * NS_PER_MS)), ST_OK);
    CHECK_EQ(seen.calls, 1); /* the next one waits until the client has taken the first */
    io_event_clear(&seen.entered);
    CHECK(client_wait_for(&client, "\r\n0\r\n\r\n"));
    CHECK(take_filled(&client));
    CHECK(client_wait_for(&client, "\r\n0\r\n\r\n"));
    CHECK(take_filled(&client));
    CHECK(client_send(&client, STR("st: h\r\nConnection: close\r\n\r\n")));
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK(take_filled(&client));
    CHECK_EQ(seen.calls, 3);
}

SERVED_NARROW(a_client_that_never_reads_is_dropped, .env = &use_fill, .write_timeout_ns = 50 * NS_PER_MS)
{
    autoclient struct client client = CLIENT_INIT;
    struct http_server_stats stats;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/") GET("/"))));
    CHECK_EQ(io_wait(&seen.entered, clock_after(5 * NS_PER_SECOND)), ST_OK);
    for (int i = 0; i < 500; i++) {
        http_server_get_stats(fixture->server, &stats);
        if (stats.connections == 0)
            break;
        CHECK_EQ(io_sleep_until(clock_after(10 * NS_PER_MS)), ST_OK);
    }
    CHECK_EQ(stats.connections, 0);
    CHECK_EQ(seen.calls, 1);
}

/* More pieces than fit into the write buffer, with a client that takes a little now and then. */
static void drip(struct http_exchange *exchange)
{
    static const char piece[1000] = {'x'};
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 300 && seen.status == ST_OK; i++)
        keep(http_exchange_write_body(exchange, piece, sizeof piece, CLOCK_NEVER, &seen.err));
    end(exchange);
}

static void (*use_drip)(struct http_exchange *) = drip;
SERVED_NARROW(many_small_pieces_to_a_slow_client, .env = &use_drip)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("GET / HTTP/1.0\r\n\r\n")));
    for (;;) {
        char piece[700];
        size_t len;
        CHECK_EQ(io_read(&client.fd, piece, sizeof piece, clock_after(5 * NS_PER_SECOND), &len, NULL), ST_OK);
        if (len == 0)
            break;
        CHECK_EQ(buf_append(&client.got, piece, len), ST_OK);
        io_yield();
    }
    size_t head = str_find(buf_str(&client.got), STR("\r\n\r\n"));
    CHECK_EQ(client.got.len - head - 4, 300 * 1000);
    CHECK_EQ(seen.status, ST_OK);
}

static void flushing(struct http_exchange *exchange)
{
    respond(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put(exchange, "abc");
    seen.second = http_exchange_flush(exchange, CLOCK_NEVER, &seen.err);
    seen.bytes = http_exchange_sent_bytes(exchange);
    end(exchange);
}

static void (*use_flushing)(struct http_exchange *) = flushing;
SERVED_WITH(flush_sends_at_once, .env = &use_flushing)
{
    CHECK_TEXT(exchange_once(fixture, GET("/")), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    CHECK_EQ(seen.second, ST_OK);
    CHECK_EQ(seen.bytes, 3);
}

/* Two large things of each exchange: what one leaves behind is gone in the next. */
static void allocating(struct http_exchange *exchange)
{
    struct arena *arena = http_exchange_arena(exchange);
    const char *a = arena_try(arena, 1000000, 1), *b = arena_try(arena, 2000000, 1), *c = arena_try(arena, 2000000, 1);
    respond(exchange, a && b && !c && !a[999999] ? 200 : 500, 0);
    end(exchange);
}

static void (*use_allocating)(struct http_exchange *) = allocating;
SERVED_WITH(each_exchange_has_an_arena, .env = &use_allocating)
{
    for (int i = 0; i < 5; i++)
        CHECK_TEXT(exchange_once(fixture, GET("/")), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void misuse(struct http_exchange *exchange)
{
    const struct http_field bad = {STR("A"), STR("b\r\nC: d"), HTTP_FIELD_OTHER};
    const struct http_field length = {STR("Content-Length"), STR("4"), HTTP_FIELD_OTHER};
    bool refused = http_exchange_write_body(exchange, "x", 1, CLOCK_NEVER, NULL) == ST_INVALID &&
                   http_exchange_finish(exchange, NULL, 0, NULL) == ST_INVALID &&
                   http_exchange_respond(exchange, 100, NULL, 0, 0, NULL) == ST_INVALID &&
                   http_exchange_respond(exchange, 1000, NULL, 0, 0, NULL) == ST_INVALID &&
                   http_exchange_respond(exchange, 200, &bad, 1, 0, NULL) == ST_INVALID &&
                   http_exchange_respond(exchange, 200, &length, 1, 5, NULL) == ST_INVALID && !http_exchange_responded(exchange);
    keep(http_exchange_respond(exchange, 200, &length, 1, HTTP_LENGTH_UNKNOWN, &seen.err));
    refused = refused && http_exchange_respond(exchange, 200, NULL, 0, 0, NULL) == ST_INVALID;
    put(exchange, "abcd");
    refused = refused && http_exchange_finish(exchange, &bad, 1, NULL) == ST_INVALID;
    end(exchange);
    refused = refused && http_exchange_finish(exchange, NULL, 0, NULL) == ST_INVALID;
    http_exchange_abort(exchange);
    seen.second = refused ? ST_OK : ST_INTERNAL;
}

static void (*use_misuse)(struct http_exchange *) = misuse;
SERVED_WITH(misuse_is_refused, .env = &use_misuse)
{
    CHECK_TEXT(exchange_once(fixture, GET("/")), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
    CHECK_EQ(seen.second, ST_OK);
    CHECK_EQ(seen.status, ST_OK);
}

static void looking_around(struct http_exchange *exchange)
{
    const struct http_field large = {STR("A"), {NULL, 70000}, HTTP_FIELD_OTHER};
    static char value[70000];
    struct http_field field = large;
    memset(value, 'v', sizeof value);
    field.value.data = value;
    bool fine = !http_exchange_user(exchange) && http_exchange_peer(exchange)->len && http_exchange_body_ended(exchange) &&
                http_exchange_started_ns(exchange) && http_exchange_received_bytes(exchange) == 0 &&
                http_exchange_status(exchange) == 0 && http_exchange_body_reject(exchange).status == 0 &&
                http_exchange_task(exchange) == io_task_current() && !http_exchange_finished(exchange) &&
                http_exchange_write_room(exchange) > 0;
    http_exchange_set_user(exchange, &seen);
    fine = fine && http_exchange_user(exchange) == &seen;
    fine = fine && http_exchange_respond(exchange, 200, &field, 1, 0, &seen.err) == ST_LIMIT;
    respond(exchange, 200, 0);
    end(exchange);
    fine = fine && http_exchange_status(exchange) == 200 && http_exchange_finished(exchange);
    seen.second = fine ? ST_OK : ST_INTERNAL;
}

static void (*use_looking_around)(struct http_exchange *) = looking_around;
SERVED_WITH(what_an_exchange_tells, .env = &use_looking_around)
{
    CHECK_TEXT(exchange_once(fixture, GET("/")), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK_EQ(seen.second, ST_OK);
}

/* A call time-out: the host cancels the task, which then still answers. */
static void timed_out(struct http_exchange *exchange)
{
    io_task_cancel(http_exchange_task(exchange));
    seen.second = io_wait(&seen.go, CLOCK_NEVER);
    if (http_exchange_respond(exchange, 200, NULL, 0, 3, &seen.err) != ST_OK ||
        http_exchange_write_body(exchange, "abc", 3, CLOCK_NEVER, &seen.err) != ST_CANCELLED)
        return;
    io_task_uncancel(http_exchange_task(exchange));
    put(exchange, "abc");
    seen.status = ST_OK;
    put(exchange, "abc");
    end(exchange);
}

static void (*use_timed_out)(struct http_exchange *) = timed_out;
SERVED_WITH(a_cancelled_task_can_answer_after_all, .env = &use_timed_out)
{
    CHECK_TEXT(exchange_once(fixture, GET("/")), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    CHECK_EQ(seen.second, ST_CANCELLED);
    CHECK_EQ(seen.status, ST_OK);
}

static void aborting(struct http_exchange *exchange)
{
    struct str data;
    http_exchange_abort(exchange);
    put(exchange, "x");
    keep(http_exchange_write_body(exchange, "x", 1, CLOCK_NEVER, &seen.err));
    seen.second = http_exchange_read_body(exchange, CLOCK_NEVER, &data, &seen.err);
}

static void (*use_aborting)(struct http_exchange *) = aborting;
SERVED_WITH(nothing_works_after_an_abort, .env = &use_aborting)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n")));
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK_EQ(client.got.len, 0);
    CHECK_EQ(seen.status, ST_IO);
    CHECK_EQ(seen.second, ST_CANCELLED);
}

/* --- clients that leave ---------------------------------------------------------------------------------------------------------
 */

SERVED(half_closed_clients_get_their_answer)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/waiting"))));
    shutdown(client.fd.fd, SHUT_WR);
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    CHECK(client_quiet(&client));
    io_event_set(&seen.go);
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK_TEXT(without_date(buf_str(&client.got)), HELLO);
}

static void wait_until(const enum status *status, enum status want)
{
    for (int i = 0; i < 500 && *status != want; i++)
        bug_unless(io_sleep_until(clock_after(10 * NS_PER_MS)) == ST_OK);
}

SERVED(a_reset_cancels_the_task)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/waiting"))));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    client_reset(&client);
    wait_until(&seen.second, ST_CANCELLED);
    CHECK_EQ(seen.second, ST_CANCELLED);
}

SERVED(a_reset_in_the_middle_of_a_body)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc")));
    for (int i = 0; i < 100 && seen.bytes < 3; i++)
        CHECK_EQ(io_sleep_until(clock_after(NS_PER_MS)), ST_OK);
    client_reset(&client);
    wait_until(&seen.status, ST_IO);
    CHECK_EQ(seen.status, ST_IO);
}

static int disconnections;
static void count_disconnection(struct http_exchange *exchange, void *env)
{
    (void)env;
    disconnections += http_exchange_gone(exchange)->set;
    io_event_set(&seen.go);
}

SERVED_WITH(a_reset_is_announced, .disconnected = count_disconnection)
{
    autoclient struct client client = CLIENT_INIT;
    disconnections = 0;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/slow"))));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    client_reset(&client);
    wait_until(&seen.status, ST_IO);
    CHECK_EQ(seen.second, ST_OK);
    CHECK_EQ(seen.status, ST_IO);
    CHECK_EQ(disconnections, 1);
}

SERVED(a_client_that_closed_is_noticed_by_writing)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/endless"))));
    CHECK(client_wait_for(&client, "200 OK"));
    client_close(&client);
    wait_until(&seen.status, ST_IO);
    CHECK(seen.status == ST_IO || seen.status == ST_CANCELLED);
}

/* --- time-outs ---------------------------------------------------------------------------------------------------------------- */

SERVED_WITH(idle_timeout, .idle_timeout_ns = 50 * NS_PER_MS)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR(GET("/hello"))));
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK_TEXT(without_date(buf_str(&client.got)), HELLO);
}

SERVED_WITH(head_timeout, .head_timeout_ns = 50 * NS_PER_MS)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    for (int i = 0; i < 20; i++) { /* a byte now and then does not help */
        if (!client_send(&client, STR("G")) || !client_quiet(&client))
            break;
    }
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK(str_starts(buf_str(&client.got), STR("HTTP/1.1 408 Request Timeout\r\n")));
    CHECK_EQ(seen.calls, 0);
}

SERVED_WITH(body_timeout, .body_timeout_ns = 50 * NS_PER_MS)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc")));
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    CHECK(str_starts(buf_str(&client.got), STR("HTTP/1.1 408 Request Timeout\r\n")));
    CHECK_EQ(seen.status, ST_TIMEOUT);
}

static void patient(struct http_exchange *exchange)
{
    struct str data;
    seen.second = http_exchange_read_body(exchange, clock_after(20 * NS_PER_MS), &data, &seen.err);
    io_event_set(&seen.entered);
    count(exchange);
}

static void (*use_patient)(struct http_exchange *) = patient;
SERVED_WITH(own_deadline_can_be_extended, .env = &use_patient)
{
    autoclient struct client client = CLIENT_INIT;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n")));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    CHECK_EQ(seen.second, ST_TIMEOUT);
    CHECK(client_send(&client, STR("abc")));
    CHECK(client_wait_for(&client, "\r\n\r\n3"));
}

SERVED_WITH(linger_timeout, .linger_timeout_ns = 50 * NS_PER_MS)
{
    autoclient struct client client = CLIENT_INIT;
    struct http_server_stats stats;
    CHECK(client_open(fixture, &client));
    CHECK(client_send(&client, STR("bad\r\n")));
    CHECK_EQ(client_read_end(&client), CLIENT_CLOSED);
    for (int i = 0; i < 100; i++) {
        http_server_get_stats(fixture->server, &stats);
        if (stats.connections == 0)
            break;
        CHECK_EQ(io_sleep_until(clock_after(10 * NS_PER_MS)), ST_OK);
    }
    CHECK_EQ(stats.connections, 0);
}

/* --- bounds and drain -----------------------------------------------------------------------------------------------------------
 */

SERVED_WITH(the_longest_idle_makes_room, .max_connections = 2)
{
    autoclient struct client first = CLIENT_INIT, second = CLIENT_INIT, third = CLIENT_INIT;
    CHECK(client_open(fixture, &first));
    CHECK(client_open(fixture, &second));
    CHECK(client_send(&first, STR(GET("/hello"))));
    CHECK(client_wait_for(&first, "hello"));
    CHECK(client_send(&second, STR(GET("/hello"))));
    CHECK(client_wait_for(&second, "hello"));
    CHECK(client_open(fixture, &third));
    CHECK(client_send(&third, STR(GET("/hello"))));
    CHECK(client_wait_for(&third, "hello"));
    CHECK_EQ(client_read_end(&first), CLIENT_CLOSED);
    buf_clear(&second.got);
    CHECK(client_send(&second, STR(GET("/hello"))));
    CHECK(client_wait_for(&second, "hello"));
}

SERVED_WITH(busy_connections_make_others_wait, .max_connections = 1)
{
    autoclient struct client first = CLIENT_INIT, second = CLIENT_INIT;
    CHECK(client_open(fixture, &first));
    CHECK(client_send(&first, STR(GET("/waiting"))));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    CHECK(client_open(fixture, &second));
    CHECK(client_send(&second, STR(GET("/hello"))));
    CHECK(client_quiet(&second));
    io_event_set(&seen.go);
    CHECK(client_wait_for(&first, "hello"));
    CHECK(client_wait_for(&second, "hello"));
}

SERVED_WITH(silent_connections_make_room_after_a_second, .max_connections = 1)
{
    autoclient struct client first = CLIENT_INIT, second = CLIENT_INIT;
    CHECK(client_open(fixture, &first));
    CHECK(client_open(fixture, &second));
    CHECK(client_send(&second, STR(GET("/hello"))));
    CHECK(client_quiet(&second));
    CHECK(client_wait_for(&second, "hello"));
    CHECK_EQ(client_read_end(&first), CLIENT_CLOSED);
}

static struct io_account *small_account(struct http_exchange *exchange, void *env)
{
    (void)env;
    return str_eq(http_exchange_head(exchange)->path, STR("/hello")) ? NULL : &seen.account;
}

SERVED_WITH(a_full_queue_answers_503, .account = small_account)
{
    autoclient struct client first = CLIENT_INIT, second = CLIENT_INIT;
    io_account_init(&seen.account, "small");
    seen.account.max_running = 1;
    seen.account.max_queued = 1;
    CHECK(client_open(fixture, &first));
    CHECK(client_send(&first, STR(GET("/waiting"))));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    CHECK(client_open(fixture, &second));
    CHECK(client_send(&second, STR(GET("/waiting"))));
    CHECK(client_quiet(&second));
    check_refused(fixture, GET("/waiting"), "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\n");
    CHECK_TEXT(exchange_once(fixture, GET("/hello")), HELLO);
    io_event_set(&seen.go);
    CHECK(client_wait_for(&first, "hello"));
    CHECK(client_wait_for(&second, "hello"));
    CHECK_EQ(io_account_drain(&seen.account, CLOCK_NEVER), ST_OK);
}

static struct {
    struct io_task task;
    struct http_server *server;
    enum status status;
    uint64_t deadline;
} drainer;

static void drain(struct io_task *task)
{
    (void)task;
    drainer.status = http_server_drain(drainer.server, drainer.deadline);
}

static void start_drain(struct fixture *fixture, uint64_t timeout_ns)
{
    drainer.server = fixture->server;
    drainer.deadline = clock_after(timeout_ns);
    bug_unless(io_task_start(&drainer.task, drain, NULL, 0, NULL) == ST_OK);
}

SERVED(drain_lets_requests_finish)
{
    autoclient struct client idle = CLIENT_INIT, busy = CLIENT_INIT;
    int descriptor;
    CHECK(client_open(fixture, &idle));
    CHECK(client_open(fixture, &busy));
    CHECK(client_send(&idle, STR(GET("/hello"))));
    CHECK(client_wait_for(&idle, "hello"));
    CHECK(client_send(&busy, STR(GET("/waiting"))));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    start_drain(fixture, 10 * NS_PER_SECOND);
    CHECK_EQ(client_read_end(&idle), CLIENT_CLOSED);
    CHECK_EQ(io_connect(&fixture->address, clock_after(NS_PER_SECOND), &descriptor, NULL), ST_UNAVAILABLE);
    CHECK(!drainer.task.done.set);
    io_event_set(&seen.go);
    CHECK_EQ(client_read_end(&busy), CLIENT_CLOSED);
    CHECK(str_find(buf_str(&busy.got), STR("Connection: close\r\n")) != STR_NONE);
    client_close(&busy);
    CHECK_EQ(io_wait(&drainer.task.done, CLOCK_NEVER), ST_OK);
    CHECK_EQ(drainer.status, ST_OK);
}

SERVED(drain_is_bounded)
{
    autoclient struct client busy = CLIENT_INIT, partial = CLIENT_INIT;
    CHECK(client_open(fixture, &busy));
    CHECK(client_open(fixture, &partial));
    CHECK(client_send(&partial, STR("GET ")));
    CHECK(client_send(&busy, STR(GET("/waiting"))));
    CHECK_EQ(io_wait(&seen.entered, CLOCK_NEVER), ST_OK);
    start_drain(fixture, 50 * NS_PER_MS);
    CHECK_EQ(client_read_end(&busy), CLIENT_CLOSED);
    CHECK_EQ(client_read_end(&partial), CLIENT_CLOSED);
    client_close(&busy);
    CHECK_EQ(io_wait(&drainer.task.done, CLOCK_NEVER), ST_OK);
    CHECK_EQ(drainer.status, ST_TIMEOUT);
    CHECK_EQ(seen.second, ST_CANCELLED);
}

static int refusals, refused_status;
static void on_refused(int status, const char *reason, const struct io_address *peer, void *env)
{
    (void)reason;
    (void)env;
    refusals += peer->len > 0;
    refused_status = status;
}

SERVED_WITH(refusals_are_announced, .refused = on_refused)
{
    refusals = 0;
    check_refused(fixture, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
    CHECK_EQ(refusals, 1);
    CHECK_EQ(refused_status, 400);
}

#include "handlers.h"

#include "base/mem.h"

struct seen seen;

static const struct http_field text_type = {STR_INIT("Content-Type"), STR_INIT("text/plain"), HTTP_FIELD_OTHER};

void seen_status(enum status status)
{
    seen.status = status;
}

void answer_hello(struct http_exchange *exchange)
{
    seen.tag = http_exchange_listener_tag(exchange);
    seen_status(http_exchange_reply(exchange, 200, &text_type, 1, STR("hello"), &seen.err));
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
    seen_status(status);
    if (status != ST_OK)
        return;
    const struct http_field *trailers = http_exchange_trailers(exchange, &count);
    seen_status(http_exchange_finish(exchange, trailers, count, &seen.err));
}

/* Reads first, answers then. */
void answer_count(struct http_exchange *exchange)
{
    struct str data;
    char text[32];
    do {
        seen_status(http_exchange_read_body(exchange, CLOCK_NEVER, &data, &seen.err));
        if (seen.status != ST_OK)
            return;
        seen.bytes += data.len;
    } while (data.len);
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)seen.bytes);
    seen_status(http_exchange_reply(exchange, 200, NULL, 0, str_n(text, (size_t)len), &seen.err));
}

static void refuse(struct http_exchange *exchange)
{
    seen_status(http_exchange_reply(exchange, 413, NULL, 0, STR("too much"), &seen.err));
}

void begin_answer(struct http_exchange *exchange, int status, uint64_t length)
{
    seen_status(http_exchange_respond(exchange, status, NULL, 0, length, &seen.err));
}

void put_text(struct http_exchange *exchange, const char *text)
{
    if (seen.status == ST_OK)
        seen_status(http_exchange_write_body(exchange, text, strlen(text), CLOCK_NEVER, &seen.err));
}

void end_answer(struct http_exchange *exchange)
{
    if (seen.status == ST_OK)
        seen_status(http_exchange_finish(exchange, NULL, 0, &seen.err));
}

static void pieces(struct http_exchange *exchange)
{
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put_text(exchange, "one ");
    put_text(exchange, "two");
    end_answer(exchange);
}

/* Waits in the middle, so that the first part must leave by itself. */
static void slow(struct http_exchange *exchange)
{
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put_text(exchange, "first");
    io_event_set(&seen.entered);
    seen.second = io_wait(&seen.go, CLOCK_NEVER);
    if (seen.second != ST_OK)
        return;
    put_text(exchange, "second");
    end_answer(exchange);
}

static void waiting(struct http_exchange *exchange)
{
    io_event_set(&seen.entered);
    seen.second = io_wait(&seen.go, CLOCK_NEVER);
    if (seen.second == ST_OK)
        answer_hello(exchange);
}

static void half(struct http_exchange *exchange)
{
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put_text(exchange, "half");
}

static void half_counted(struct http_exchange *exchange)
{
    begin_answer(exchange, 200, 8);
    put_text(exchange, "half");
    end_answer(exchange);
}

static void too_long(struct http_exchange *exchange)
{
    begin_answer(exchange, 200, 4);
    put_text(exchange, "12345");
    seen.second = seen.status;
    seen.status = ST_OK;
    put_text(exchange, "1234");
    end_answer(exchange);
}

static void no_content(struct http_exchange *exchange)
{
    begin_answer(exchange, 204, HTTP_LENGTH_UNKNOWN);
    put_text(exchange, "dropped");
    end_answer(exchange);
}

static void not_modified(struct http_exchange *exchange)
{
    begin_answer(exchange, 304, HTTP_LENGTH_UNKNOWN);
    put_text(exchange, "dropped");
    end_answer(exchange);
}

static void long_body(struct http_exchange *exchange)
{
    static const char block[10000] = {'x'};
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 2 && seen.status == ST_OK; i++)
        seen_status(http_exchange_write_body(exchange, block, sizeof block, CLOCK_NEVER, &seen.err));
    end_answer(exchange);
}

/* Never stops by itself; counts what it got rid of. */
static void endless(struct http_exchange *exchange)
{
    static const char block[50000] = {'x'};
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    while (seen.status == ST_OK) {
        seen_status(http_exchange_write_body(exchange, block, sizeof block, CLOCK_NEVER, &seen.err));
        seen.bytes += sizeof block;
    }
}

static void closes(struct http_exchange *exchange)
{
    http_exchange_close_after(exchange);
    answer_hello(exchange);
}

static const struct {
    struct str path;
    void (*handle)(struct http_exchange *exchange);
} handlers[] = {
    {STR_INIT("/hello"), answer_hello},
    {STR_INIT("/unanswered"), unanswered},
    {STR_INIT("/echo"), echo},
    {STR_INIT("/count"), answer_count},
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

static void prepare_options(struct http_server_options *options)
{
    memset(&seen, 0, sizeof seen);
    seen.status = seen.second = ST_INTERNAL;
    io_event_init(&seen.entered);
    io_event_init(&seen.go);
    options->handle = handle;
}

void serve_with(struct http_server_options options, void (*body)(struct fixture *fixture))
{
    prepare_options(&options);
    with_server(&options, body);
}

void serve_narrow(struct http_server_options options, void (*body)(struct fixture *fixture))
{
    prepare_options(&options);
    with_narrow_server(&options, body);
}

void check_refused(struct fixture *fixture, const char *request, const char *start)
{
    int calls = seen.calls;
    const char *got = exchange_once(fixture, request);
    CHECK(str_starts(str_of(got), str_of(start)) || tap_fail(__FILE__, __LINE__, "`%s` gives `%s`", request, got));
    CHECK(strstr(got, "Connection: close\r\n"));
    CHECK_EQ(seen.calls, calls);
}

void wait_until(const enum status *status, enum status want)
{
    for (int i = 0; i < 500 && *status != want; i++)
        bug_unless(io_sleep_until(clock_after(10 * NS_PER_MS)) == ST_OK);
}

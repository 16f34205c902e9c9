#include "handlers.h"

#include "base/mem.h"

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
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
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
    seen_status(http_exchange_finish(exchange, trailers, count_trailers, &seen.err));
}

static void (*use_evented)(struct http_exchange *) = evented;
SERVED_WITH(reading_and_writing_without_waiting, .env = &use_evented)
{
    check_echo(fixture, 3000000, true);
    CHECK_EQ(seen.second, ST_OK);
    CHECK_EQ(seen.status, ST_OK);
}

/* --- clients that do not read ------------------------------------------------------------------------------------------------ */

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
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (unsigned number = 0; seen.status == ST_OK; number++) {
        snprintf(line, sizeof line, "line %010u abcdefghijklm\n", number);
        do
            seen_status(http_exchange_try_write_body(exchange, line, 30, &written, &seen.err));
        while (seen.status == ST_UNAVAILABLE && io_wait(http_exchange_write_event(exchange), clock_after(30 * NS_PER_MS)) == ST_OK);
        bug_unless(seen.status != ST_OK || written == 30);
    }
    seen.second = seen.status;
    seen.bytes = http_exchange_sent_bytes(exchange);
    seen.status = ST_OK;
    end_answer(exchange);
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
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    for (int i = 0; i < 300 && seen.status == ST_OK; i++)
        seen_status(i % 7 ? http_exchange_write_body(exchange, piece, sizeof piece, CLOCK_NEVER, &seen.err)
                          : http_exchange_flush(exchange, CLOCK_NEVER, &seen.err));
    end_answer(exchange);
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
    CHECK_EQ(client.got.len - head - 4, 257 * 1000);
    CHECK_EQ(seen.status, ST_OK);
}

#include "handlers.h"

#include "base/mem.h"

#include <sys/socket.h>

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

/* --- more of what a handler can do ------------------------------------------------------------------------------------------- */

static void flushing(struct http_exchange *exchange)
{
    begin_answer(exchange, 200, HTTP_LENGTH_UNKNOWN);
    put_text(exchange, "abc");
    seen.second = http_exchange_flush(exchange, CLOCK_NEVER, &seen.err);
    seen.bytes = http_exchange_sent_bytes(exchange);
    end_answer(exchange);
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
    begin_answer(exchange, a && b && !c && !a[999999] ? 200 : 500, 0);
    end_answer(exchange);
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
    seen_status(http_exchange_respond(exchange, 200, &length, 1, HTTP_LENGTH_UNKNOWN, &seen.err));
    refused = refused && http_exchange_respond(exchange, 200, NULL, 0, 0, NULL) == ST_INVALID;
    put_text(exchange, "abcd");
    refused = refused && http_exchange_finish(exchange, &bad, 1, NULL) == ST_INVALID;
    end_answer(exchange);
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
    begin_answer(exchange, 200, 0);
    end_answer(exchange);
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
    put_text(exchange, "abc");
    seen.status = ST_OK;
    put_text(exchange, "abc");
    end_answer(exchange);
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
    put_text(exchange, "x");
    seen_status(http_exchange_write_body(exchange, "x", 1, CLOCK_NEVER, &seen.err));
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

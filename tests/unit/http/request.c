#include "handlers.h"

#include "base/mem.h"

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

SERVED_WITH(unread_chunks_are_skipped_up_to_a_bound, .max_unread_body = 1000)
{
    autobuf struct buf request = BUF_INIT(BUF_UNLIMITED);
    for (int size = 900; size <= 1100; size += 200)
        buf_addf(&request, "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%0*d\r\n0\r\n\r\n", size,
                 size, 0);
    buf_add(&request, STR(GET("/hello")));
    CHECK_TEXT(exchange_once(fixture, request.data), HELLO HELLO);
    CHECK_EQ(seen.calls, 2);
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

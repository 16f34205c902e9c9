#include "handlers.h"

#include <sys/socket.h>

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

/* --- time-outs --------------------------------------------------------------------------------------------------------------- */

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
    answer_count(exchange);
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

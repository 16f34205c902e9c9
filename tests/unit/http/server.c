#include "handlers.h"

#include <sys/resource.h>
#include <unistd.h>

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

SERVED(descriptors_running_out)
{
    autoclient struct client client = CLIENT_INIT;
    struct rlimit before, now;
    int next = dup(0);
    CHECK(next >= 0 && close(next) == 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = (struct rlimit){(rlim_t)next + 1, before.rlim_max}; /* one more: the client's */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    bool opened = client_open(fixture, &client) && client_send(&client, STR(GET("/hello"))), quiet = client_quiet(&client);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK(opened && quiet);
    CHECK(client_wait_for(&client, "hello"));
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

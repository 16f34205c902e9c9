/* Many clients that behave badly in random ways, against handlers that do too, with time-outs and bounds so small that all of them
 * strike. Whatever reaches a client must be well-formed up to where it is cut; and in the end nothing may be left. */
#include "base/mem.h"
#include "support.h"

#include <sys/socket.h>

enum { CLIENTS = 24, ROUNDS = 60 };

static uint32_t state;

static uint32_t dice(uint32_t sides)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % sides;
}

/* --- handlers ---------------------------------------------------------------------------------------------------------------- */

static void pump(struct http_exchange *exchange, bool evented)
{
    struct str data = STR("");
    size_t count;
    for (;;) {
        enum status status = evented ? http_exchange_try_read_body(exchange, &data, NULL)
                                     : http_exchange_read_body(exchange, clock_after(5 * NS_PER_MS), &data, NULL);
        if (evented && status == ST_UNAVAILABLE) {
            if (io_wait(http_exchange_body_event(exchange), http_exchange_body_deadline(exchange)) == ST_CANCELLED)
                return;
            continue;
        }
        if (status != ST_OK || (data.len && http_exchange_write_body(exchange, data.data, data.len, CLOCK_NEVER, NULL) != ST_OK))
            return;
        if (data.len == 0)
            break;
    }
    const struct http_field *trailers = http_exchange_trailers(exchange, &count);
    (void)!http_exchange_finish(exchange, trailers, count, NULL);
}

static void pour(struct http_exchange *exchange)
{
    static const char block[20000] = {'x'};
    for (uint32_t left = dice(40); left > 0; left--)
        if (http_exchange_write_body(exchange, block, 1 + dice(sizeof block), CLOCK_NEVER, NULL) != ST_OK)
            return;
    if (dice(2))
        (void)!http_exchange_finish(exchange, NULL, 0, NULL);
    else if (dice(2))
        http_exchange_abort(exchange);
}

static void handle(struct http_exchange *exchange, void *env)
{
    struct str data;
    (void)env;
    if (dice(4) == 0 && io_sleep_until(clock_after(dice(4) * NS_PER_MS)) == ST_CANCELLED && dice(2))
        return;
    if (dice(4) == 0)
        (void)!http_exchange_read_body(exchange, clock_after(NS_PER_MS), &data, NULL);
    uint64_t length = dice(2) ? HTTP_LENGTH_UNKNOWN : dice(100000);
    switch (dice(6)) {
    case 0:
        return;
    case 1:
        (void)!http_exchange_reply(exchange, dice(2) ? 200 : 204, NULL, 0, STR("hello"), NULL);
        return;
    case 2:
        if (http_exchange_respond(exchange, 200, NULL, 0, length, NULL) == ST_OK)
            pour(exchange);
        return;
    case 3:
        (void)!http_exchange_reply(exchange, 413, NULL, 0, STR("too much"), NULL);
        if (dice(2))
            (void)!http_exchange_read_body(exchange, clock_after(NS_PER_MS), &data, NULL);
        return;
    default:
        if (http_exchange_respond(exchange, 200, NULL, 0, HTTP_LENGTH_UNKNOWN, NULL) == ST_OK)
            pump(exchange, dice(2));
        return;
    }
}

/* --- clients ----------------------------------------------------------------------------------------------------------------- */

struct chaotic {
    struct io_task task;
    struct fixture *fixture;
    bool bad;
};

static void add_request(struct buf *out)
{
    switch (dice(7)) {
    case 0:
        buf_add(out, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        break;
    case 1:
        buf_addf(out, "POST / HTTP/1.1\r\nHost: h\r\n%sTransfer-Encoding: chunked\r\n\r\n",
                 dice(2) ? "Expect: 100-continue\r\n" : "");
        for (uint32_t left = dice(6); left > 0; left--) {
            uint32_t size = 1 + dice(20000);
            buf_addf(out, "%x\r\n%0*d\r\n", size, (int)size, 0);
        }
        buf_add(out, dice(2) ? STR("0\r\n\r\n") : STR("0\r\nSum: x\r\n\r\n"));
        break;
    case 2: {
        uint32_t size = 1 + dice(100000);
        buf_addf(out, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n%0*d", size, (int)size, 0);
        break;
    }
    case 3:
        buf_addf(out, "GET /%0*d HTTP/1.1\r\nHost: h\r\nX: %0*d\r\n\r\n", (int)dice(8000), 0, (int)dice(30000), 0);
        break;
    case 4:
        buf_add(out, STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        break;
    default:
        buf_add(out, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
        break;
    }
}

static void damage(struct buf *request)
{
    if (dice(3) == 0)
        request->len = dice((uint32_t)request->len + 1);
    for (uint32_t hits = dice(4) == 0 ? dice(4) : 0; hits > 0 && request->len; hits--)
        request->data[dice((uint32_t)request->len)] = (char)dice(256);
}

static void receive(struct client *client, uint64_t wait_ns)
{
    char piece[8000];
    size_t len;
    uint64_t deadline = clock_after(wait_ns);
    while (io_read(&client->fd, piece, 1 + dice(sizeof piece - 1), deadline, &len, NULL) == ST_OK && len)
        bug_unless(buf_append(&client->got, piece, len) == ST_OK);
}

/* In pieces, reading now and then; errors are the server's good right here. */
static void send_pieces(struct client *client, struct str data)
{
    while (data.len) {
        size_t size = 1 + dice(dice(2) ? 100 : 50000);
        size = MIN(size, data.len);
        if (io_write(&client->fd, data.data, size, clock_after(5 * NS_PER_MS), NULL) != ST_OK)
            return;
        data = str_from(data, size);
        if (dice(8) == 0)
            receive(client, dice(3) * NS_PER_MS);
        if (dice(20) == 0)
            io_yield();
    }
}

/* Whether `got` is a sequence of answers, the last perhaps cut. We cannot know which were to HEAD; none are. */
static bool well_formed(struct str got)
{
    while (got.len) {
        struct http_field fields[HTTP_MAX_FIELDS];
        struct http_parser parser;
        struct http_body body;
        enum http_progress progress;
        size_t used;
        struct str data;
        http_parser_init_response(&parser, fields, HTTP_MAX_FIELDS, HTTP_METHOD_GET);
        progress = http_parser_feed(&parser, got.data, got.len, &used);
        if (progress != HTTP_COMPLETE)
            return progress == HTTP_MORE;
        got = str_from(got, used);
        http_body_init(&body, parser.head.framing, parser.head.content_length, NULL, 0);
        while ((progress = http_body_feed(&body, got.data, got.len, &used, &data)) == HTTP_DATA)
            got = str_from(got, used);
        got = str_from(got, used);
        if (progress != HTTP_COMPLETE)
            return progress == HTTP_MORE && (got.len == 0 || http_body_left(&body) > 0);
    }
    return true;
}

static void play(struct chaotic *chaotic)
{
    autoclient struct client client = CLIENT_INIT;
    autobuf struct buf request = BUF_INIT(BUF_UNLIMITED);
    if (!client_open(chaotic->fixture, &client))
        return;
    for (uint32_t requests = dice(5); requests > 0; requests--)
        add_request(&request);
    damage(&request);
    send_pieces(&client, buf_str(&request));
    switch (dice(4)) {
    case 0:
        client_reset(&client);
        break;
    case 1:
        shutdown(client.fd.fd, SHUT_WR);
        receive(&client, 50 * NS_PER_MS);
        break;
    default:
        receive(&client, dice(30) * NS_PER_MS);
        break;
    }
    chaotic->bad |= !well_formed(buf_str(&client.got));
}

static void client_task(struct io_task *task)
{
    for (int round = 0; round < ROUNDS; round++)
        play(CONTAINER_OF(task, struct chaotic, task));
}

static void run_clients(struct fixture *fixture)
{
    static struct chaotic clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].fixture = fixture;
        CHECK_EQ(io_task_start(&clients[i].task, client_task, NULL, 0, NULL), ST_OK);
    }
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ(io_wait(&clients[i].task.done, CLOCK_NEVER), ST_OK);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(!clients[i].bad);
    struct http_server_stats stats;
    http_server_get_stats(fixture->server, &stats);
    CHECK(stats.requests > 500);
    CHECK(stats.refused > 50);
    CHECK_EQ(stats.accepted, CLIENTS * ROUNDS);
}

static const struct http_server_options options = {
    .handle = handle,
    .max_connections = CLIENTS / 2,
    .idle_timeout_ns = 5 * NS_PER_MS,
    .head_timeout_ns = 5 * NS_PER_MS,
    .body_timeout_ns = 5 * NS_PER_MS,
    .write_timeout_ns = 5 * NS_PER_MS,
    .linger_timeout_ns = 3 * NS_PER_MS,
    .max_unread_body = 30000,
};

static void set_seed(void)
{
    const char *seed = getenv("CHAOS_SEED"); /* to look for more, or for one again */
    state = seed ? (uint32_t)strtoul(seed, NULL, 10) : 1;
}

TEST(chaos)
{
    set_seed();
    with_server(&options, run_clients);
}

TEST(chaos_in_narrow_buffers)
{
    set_seed();
    with_narrow_server(&options, run_clients);
}

#include "support.h"

#include <sys/socket.h>

#define PATIENCE (10 * NS_PER_SECOND)

struct run {
    struct io_task task;
    struct io_message message;
    const struct http_server_options *options;
    void (*body)(struct fixture *fixture);
    struct fixture fixture;
};

static void make_narrow(int descriptor, int option)
{
    const int size = 16384; /* much less, and TCP spends its time waiting for window updates */
    bug_unless(setsockopt(descriptor, SOL_SOCKET, option, &size, sizeof size) == 0);
}

static enum status start_server(struct run *run, struct error *err)
{
    struct fixture *fixture = &run->fixture;
    int descriptor;
    TRY(io_address_parse(STR("127.0.0.1:0"), &fixture->address, err));
    TRY(io_listen(&fixture->address, false, 128, &descriptor, err));
    TRY(io_local_address(descriptor, &fixture->address, err));
    if (fixture->narrow) /* accepted sockets inherit it */
        make_narrow(descriptor, SO_SNDBUF);
    return http_server_listen(fixture->server, descriptor, fixture, err);
}

static void run_task(struct io_task *task)
{
    struct run *run = CONTAINER_OF(task, struct run, task);
    struct error err;
    run->fixture.server = http_server_new(run->options);
    if (start_server(run, &err) == ST_OK)
        run->body(&run->fixture);
    else
        tap_fail(__FILE__, __LINE__, "%s", err.message);
    run->fixture.drained = http_server_drain(run->fixture.server, clock_after(NS_PER_SECOND));
    struct http_server_stats stats;
    http_server_get_stats(run->fixture.server, &stats);
    if (run->fixture.drained == ST_INTERNAL || stats.connections || stats.active)
        tap_fail(__FILE__, __LINE__, "the server did not drain");
    else
        http_server_free(run->fixture.server);
    io_shard_stop(io_shard_current());
}

static void start(struct io_message *message)
{
    struct run *run = CONTAINER_OF(message, struct run, message);
    bug_unless(io_task_start(&run->task, run_task, NULL, 0, NULL) == ST_OK);
}

static void run_shard(struct run *run)
{
    const struct io_shard_options shard_options = {.coro_ops = &coro_ucontext, .stack_size = 256 * 1024, .cpu = -1};
    struct io_shard *shard;
    bug_unless(io_shard_new(0, &shard_options, &shard, NULL) == ST_OK);
    io_post(shard, &run->message);
    io_shard_run(shard);
    io_shard_free(shard);
}

void with_server(const struct http_server_options *options, void (*body)(struct fixture *fixture))
{
    struct run run = {.options = options, .body = body, .message.run = start};
    run_shard(&run);
}

void with_narrow_server(const struct http_server_options *options, void (*body)(struct fixture *fixture))
{
    struct run run = {.options = options, .body = body, .message.run = start, .fixture.narrow = true};
    run_shard(&run);
}

/* --- clients ----------------------------------------------------------------------------------------------------------------- */

bool client_open(struct fixture *fixture, struct client *client)
{
    struct error err = {0};
    int descriptor;
    if (io_connect(&fixture->address, clock_after(PATIENCE), &descriptor, &err) == ST_OK &&
        io_fd_open(&client->fd, descriptor, &err) == ST_OK) {
        if (fixture->narrow)
            make_narrow(client->fd.fd, SO_RCVBUF);
        return true;
    }
    return tap_fail(__FILE__, __LINE__, "connect: %s", err.message);
}

void client_close(struct client *client)
{
    io_fd_close(&client->fd);
    buf_release(&client->got);
}

void client_reset(struct client *client)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    bug_unless(setsockopt(client->fd.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    io_fd_close(&client->fd);
}

bool client_send(struct client *client, struct str data)
{
    struct error err;
    return io_write(&client->fd, data.data, data.len, clock_after(PATIENCE), &err) == ST_OK ||
           tap_fail(__FILE__, __LINE__, "%s", err.message);
}

static enum status read_some(struct client *client, uint64_t deadline, size_t *ret_len)
{
    char piece[65536];
    TRY(io_read(&client->fd, piece, sizeof piece, deadline, ret_len, NULL));
    return buf_append(&client->got, piece, *ret_len);
}

bool client_wait_for(struct client *client, const char *text)
{
    uint64_t deadline = clock_after(PATIENCE);
    while (str_find(buf_str(&client->got), str_of(text)) == STR_NONE) {
        size_t len = 0;
        enum status status = read_some(client, deadline, &len);
        if (status != ST_OK || len == 0)
            return tap_fail(__FILE__, __LINE__, "waiting for `%s`: %s, got `%s`", text, len ? "" : status_name(status),
                            client->got.data ? client->got.data : "");
    }
    return true;
}

enum client_end client_read_end(struct client *client)
{
    uint64_t deadline = clock_after(PATIENCE);
    for (;;) {
        size_t len;
        enum status status = read_some(client, deadline, &len);
        if (status == ST_TIMEOUT)
            return CLIENT_TIMEOUT;
        if (status != ST_OK)
            return CLIENT_RESET;
        if (len == 0)
            return CLIENT_CLOSED;
    }
}

bool client_quiet(struct client *client)
{
    size_t len;
    return read_some(client, clock_after(30 * NS_PER_MS), &len) == ST_TIMEOUT;
}

const char *without_date(struct str text)
{
    static char copy[65536];
    size_t len = 0;
    struct str line;
    while (str_next_part(&text, '\n', &line)) {
        if (str_starts(line, STR("Date: ")) || len + line.len + 2 > sizeof copy)
            continue;
        if (line.len)
            memcpy(copy + len, line.data, line.len);
        len += line.len;
        if (text.data)
            copy[len++] = '\n';
    }
    copy[len] = 0;
    return copy;
}

const char *exchange_once(struct fixture *fixture, const char *request)
{
    autoclient struct client client = CLIENT_INIT;
    if (!client_open(fixture, &client) || !client_send(&client, str_of(request)))
        return "";
    shutdown(client.fd.fd, SHUT_WR);
    if (client_read_end(&client) != CLIENT_CLOSED)
        tap_fail(__FILE__, __LINE__, "`%s`: not closed, got `%s`", request, client.got.data ? client.got.data : "");
    return without_date(buf_str(&client.got));
}

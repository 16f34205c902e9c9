/* Accepting, time-outs, pools, drain. */
#include "http/connection.h"

#include "base/log.h"

#include <unistd.h>

#define SPARE_BUFFERS 64
#define SPARE_EXCHANGES 32
#define ACCEPT_PAUSE_NS (100 * NS_PER_MS)
#define SILENCE_NS NS_PER_SECOND /* for a new connection to say something, while others wait */
#define CANCEL_GRACE_NS (5 * NS_PER_SECOND)

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

/* --- pools ------------------------------------------------------------------------------------------------------------------- */

struct buf http_buffer_take(struct http_server *server, size_t size, size_t max)
{
    struct buf buf = BUF_INIT(max);
    if (size == IN_SIZE && server->spare_buffers.len)
        buf = vec_pop(&server->spare_buffers);
    buf.max = max;
    if (!buf.data && buf_reserve(&buf, size) != ST_OK)
        buf.data = NULL;
    return buf;
}

void http_buffer_put(struct http_server *server, struct buf *buf)
{
    if (buf->data && buf->capacity == IN_SIZE && server->spare_buffers.len < SPARE_BUFFERS) {
        buf_clear(buf);
        vec_push(&server->spare_buffers, *buf);
        *buf = (struct buf)BUF_INIT(0);
    } else {
        buf_release(buf);
    }
}

struct http_exchange *http_exchange_take(struct http_server *server)
{
    if (server->spare_exchanges.len)
        return vec_pop(&server->spare_exchanges);
    struct http_exchange *exchange = mem_try_alloc(sizeof *exchange);
    if (exchange)
        arena_init(&exchange->arena, HTTP_ARENA_MAX);
    return exchange;
}

static void free_exchange(struct http_exchange *exchange)
{
    arena_release(&exchange->arena);
    free(exchange);
}

void http_exchange_put(struct http_server *server, struct http_exchange *exchange)
{
    if (!exchange)
        return;
    http_buffer_put(server, &exchange->head_buf);
    arena_reset(&exchange->arena);
    if (server->spare_exchanges.len < SPARE_EXCHANGES)
        vec_push(&server->spare_exchanges, exchange);
    else
        free_exchange(exchange);
}

/* --- time-outs: connections of a state are in the order of their time -------------------------------------------------------- */

static uint64_t expiry(const struct http_connection *connection)
{
    return connection->since + connection->server->timeout_ns[connection->state];
}

void http_connection_set_state(struct http_connection *connection, enum connection_state state)
{
    struct http_server *server = connection->server;
    server->stats.active += (unsigned)(state == CONNECTION_ACTIVE) - (unsigned)(connection->state == CONNECTION_ACTIVE);
    connection->state = state;
    connection->since = io_now();
    list_remove(&connection->link);
    list_push_back(&server->by_state[state], &connection->link);
    if (state != CONNECTION_ACTIVE && expiry(connection) < server->timer.deadline)
        io_timer_arm(&server->timer, expiry(connection));
}

static void expire_state(struct http_server *server, enum connection_state state, uint64_t *next)
{
    struct list *list = &server->by_state[state];
    while (!list_empty(list)) {
        struct http_connection *oldest = LIST_ITEM(list->next, struct http_connection, link);
        if (expiry(oldest) > io_now()) {
            *next = MIN(*next, expiry(oldest));
            return;
        }
        http_connection_expire(oldest); /* leaves this list */
    }
}

static void timer_fire(struct io_timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, timer);
    uint64_t next = CLOCK_NEVER;
    for (enum connection_state state = 0; state < CONNECTION_STATES; state++)
        if (state != CONNECTION_ACTIVE)
            expire_state(server, state, &next);
    if (next < server->timer.deadline)
        io_timer_arm(&server->timer, next);
}

static void flush_timer_fire(struct io_timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, flush_timer);
    for (struct list *link; (link = list_pop_front(&server->dirty));) {
        struct http_connection *connection = LIST_ITEM(link, struct http_connection, dirty_link);
        if (connection->exchange)
            http_exchange_commit(connection->exchange);
        if (http_connection_flush(connection) == ST_IO && connection->state == CONNECTION_ACTIVE)
            http_connection_gone(connection);
    }
}

void http_connection_mark_dirty(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (!list_empty(&connection->dirty_link))
        return;
    list_push_back(&server->dirty, &connection->dirty_link);
    if (server->flush_timer.deadline == CLOCK_NEVER)
        io_timer_arm(&server->flush_timer, io_now());
}

void http_connection_unmark_dirty(struct http_connection *connection)
{
    if (list_empty(&connection->dirty_link))
        return;
    list_remove(&connection->dirty_link);
    if (list_empty(&connection->server->dirty))
        io_timer_disarm(&connection->server->flush_timer);
}

/* --- accepting --------------------------------------------------------------------------------------------------------------- */

/* The connection that has been idle longest, or one that was opened and never used. */
static struct http_connection *dispensable(struct http_server *server)
{
    struct list *idle = &server->by_state[CONNECTION_IDLE], *new = &server->by_state[CONNECTION_NEW];
    if (!list_empty(idle))
        return LIST_ITEM(idle->next, struct http_connection, link);
    struct http_connection *oldest = list_empty(new) ? NULL : LIST_ITEM(new->next, struct http_connection, link);
    return oldest && io_now() - oldest->since >= SILENCE_NS ? oldest : NULL;
}

/* At the maximum, a dispensable connection goes; if there is none, the new one waits, and the rest in the listen queue. */
static enum status make_room(struct http_server *server)
{
    while (server->stats.connections >= server->options.max_connections) {
        struct http_connection *victim = dispensable(server);
        if (victim) {
            http_connection_free(victim);
            continue;
        }
        io_event_clear(&server->room);
        enum status status = io_wait(&server->room, io_now() + SILENCE_NS);
        if (status == ST_CANCELLED)
            return status;
    }
    return ST_OK;
}

static enum status accept_one(struct http_listener *listener, struct error *err)
{
    struct io_address peer;
    int descriptor;
    enum status status = io_accept(&listener->fd, CLOCK_NEVER, &descriptor, &peer, err);
    if (status == ST_OK) {
        status = make_room(listener->server);
        if (status == ST_OK)
            status = http_connection_open(listener, descriptor, &peer, err);
        else
            close(descriptor);
    }
    if (status == ST_OK || status == ST_CANCELLED)
        return status;
    log_debug("a connection was not accepted", LOG_TEXT("reason", err->message));
    return io_sleep_until(io_now() + ACCEPT_PAUSE_NS);
}

static void accept_all(struct io_task *task)
{
    struct http_listener *listener = CONTAINER_OF(task, struct http_listener, task);
    struct error err = {0};
    while (!task->cancelled && accept_one(listener, &err) == ST_OK)
        ;
}

enum status http_server_listen(struct http_server *server, int descriptor, void *tag, struct error *err)
{
    struct http_listener *listener = NEW(struct http_listener);
    listener->server = server;
    listener->tag = tag;
    enum status status = io_fd_open(&listener->fd, descriptor, err);
    if (status == ST_OK) {
        status = io_task_start(&listener->task, accept_all, NULL, 0, err);
        if (status != ST_OK)
            io_fd_close(&listener->fd);
    }
    if (status != ST_OK) {
        free(listener);
        return status;
    }
    list_push_back(&server->listeners, &listener->link);
    return ST_OK;
}

/* --- life -------------------------------------------------------------------------------------------------------------------- */

static void set_timeouts(struct http_server *server)
{
    struct http_server_options *options = &server->options;
    options->max_connections = (unsigned)or_default(options->max_connections, 10000);
    options->body_timeout_ns = or_default(options->body_timeout_ns, 60 * NS_PER_SECOND);
    options->write_timeout_ns = or_default(options->write_timeout_ns, 60 * NS_PER_SECOND);
    options->max_unread_body = or_default(options->max_unread_body, 256 * 1024);
    server->timeout_ns[CONNECTION_IDLE] = or_default(options->idle_timeout_ns, 75 * NS_PER_SECOND);
    server->timeout_ns[CONNECTION_NEW] = server->timeout_ns[CONNECTION_HEAD] =
        or_default(options->head_timeout_ns, 30 * NS_PER_SECOND);
    server->timeout_ns[CONNECTION_FLUSH] = options->write_timeout_ns;
    server->timeout_ns[CONNECTION_LINGER] = or_default(options->linger_timeout_ns, 2 * NS_PER_SECOND);
    server->timeout_ns[CONNECTION_SKIP] = server->timeout_ns[CONNECTION_LINGER];
}

struct http_server *http_server_new(const struct http_server_options *options)
{
    struct http_server *server = NEW(struct http_server);
    server->options = *options;
    set_timeouts(server);
    for (enum connection_state state = 0; state < CONNECTION_STATES; state++)
        list_init(&server->by_state[state]);
    list_init(&server->dirty);
    list_init(&server->listeners);
    io_timer_init(&server->timer, timer_fire);
    io_timer_init(&server->flush_timer, flush_timer_fire);
    io_event_init(&server->room);
    io_event_init(&server->empty);
    server->room.set = server->empty.set = true;
    return server;
}

static void free_connections(struct http_server *server)
{
    for (enum connection_state state = 0; state < CONNECTION_STATES; state++)
        if (state != CONNECTION_ACTIVE)
            list_each (connection, &server->by_state[state], struct http_connection, link)
                http_connection_free(connection);
}

static void stop_accepting(struct http_server *server)
{
    for (struct list *link; (link = list_pop_front(&server->listeners));) {
        struct http_listener *listener = LIST_ITEM(link, struct http_listener, link);
        struct io_task *self = io_task_current();
        io_task_cancel(&listener->task);
        if (self) /* it only has to be scheduled once more, so this cannot take long */
            io_cancel_mask(self);
        enum status status = self ? io_wait(&listener->task.done, CLOCK_NEVER) : ST_OK;
        if (self)
            io_cancel_unmask(self);
        bug_unless(status == ST_OK && listener->task.done.set);
        io_fd_close(&listener->fd);
        free(listener);
    }
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    bug_unless(server->stats.active == 0);
    stop_accepting(server);
    free_connections(server);
    io_timer_disarm(&server->timer);
    io_timer_disarm(&server->flush_timer);
    vec_each (buf, &server->spare_buffers)
        buf_release(buf);
    vec_each (exchange, &server->spare_exchanges)
        free_exchange(*exchange);
    vec_release(&server->spare_buffers);
    vec_release(&server->spare_exchanges);
    free(server);
}

/* Cancels what is being handled and cuts the rest; true when all handlers have returned. */
static bool cut(struct http_server *server)
{
    struct io_task *self = io_task_current();
    free_connections(server);
    list_each (connection, &server->by_state[CONNECTION_ACTIVE], struct http_connection, link)
        io_task_cancel(&connection->task);
    io_cancel_mask(self);
    enum status status = io_wait(&server->empty, io_now() + CANCEL_GRACE_NS);
    io_cancel_unmask(self);
    return status == ST_OK;
}

enum status http_server_drain(struct http_server *server, uint64_t deadline)
{
    bug_unless(io_task_current());
    server->draining = true;
    stop_accepting(server);
    for (enum connection_state state = CONNECTION_NEW; state <= CONNECTION_IDLE; state++)
        list_each (connection, &server->by_state[state], struct http_connection, link)
            http_connection_drain(connection);
    enum status status = io_wait(&server->empty, deadline);
    if (status != ST_OK && !cut(server))
        return ST_INTERNAL;
    return status;
}

void http_server_get_stats(const struct http_server *server, struct http_server_stats *ret_stats)
{
    *ret_stats = server->stats;
}

/* The handler's view of a request: its head, and its body as a stream. */
#include "http/connection.h"

const struct http_head *http_exchange_head(const struct http_exchange *exchange)
{
    return &exchange->parser.head;
}

const struct io_address *http_exchange_peer(const struct http_exchange *exchange)
{
    return &exchange->connection->peer;
}

void *http_exchange_listener_tag(const struct http_exchange *exchange)
{
    return exchange->connection->tag;
}

struct io_task *http_exchange_task(struct http_exchange *exchange)
{
    return &exchange->connection->task;
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
    return exchange->user;
}

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

struct io_event *http_exchange_gone(struct http_exchange *exchange)
{
    return &exchange->gone;
}

uint64_t http_exchange_started_ns(const struct http_exchange *exchange)
{
    return exchange->started;
}

uint64_t http_exchange_received_bytes(const struct http_exchange *exchange)
{
    return exchange->body.received;
}

bool http_exchange_body_ended(const struct http_exchange *exchange)
{
    return http_body_complete(&exchange->body);
}

struct http_reject http_exchange_body_reject(const struct http_exchange *exchange)
{
    return exchange->body_reject;
}

const struct http_field *http_exchange_trailers(const struct http_exchange *exchange, size_t *ret_count)
{
    *ret_count = http_body_complete(&exchange->body) ? exchange->body.trailer_count : 0;
    return exchange->trailers;
}

struct io_event *http_exchange_body_event(struct http_exchange *exchange)
{
    return &exchange->connection->fd.readable;
}

uint64_t http_exchange_body_deadline(const struct http_exchange *exchange)
{
    return !exchange->waiting ? CLOCK_NEVER : exchange->body_since + exchange->connection->server->options.body_timeout_ns;
}

/* --- reading ----------------------------------------------------------------------------------------------------------------- */

/* A body that fits behind its head stays there; a larger one is read through a buffer of its own, so that the head can stay. */
enum status http_exchange_make_room(struct http_exchange *exchange, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    struct buf *in = &connection->in, larger;
    if (exchange->head_apart) {
        buf_consume(in, connection->in_at);
        connection->in_at = 0;
        bug_unless(in->len < in->capacity);
        return ST_OK;
    }
    if (http_body_left(&exchange->body) <= in->capacity - in->len)
        return ST_OK;
    larger = http_buffer_take(connection->server, BODY_IN_SIZE, IN_MAX);
    if (!larger.data || buf_append(&larger, in->data + connection->in_at, in->len - connection->in_at) != ST_OK) {
        buf_release(&larger);
        return fail(err, ST_LIMIT, "no memory for a read buffer");
    }
    exchange->head_buf = *in;
    exchange->head_apart = true;
    *in = larger;
    connection->in_at = 0;
    return ST_OK;
}

static enum status body_failed(struct http_exchange *exchange, struct http_reject reject, enum status status, struct error *err)
{
    exchange->body_reject = reject;
    return fail(err, status, "request body: %s", reject.reason);
}

static enum status receive(struct http_exchange *exchange, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    struct buf *in = &connection->in;
    size_t len;
    if (!exchange->continued)
        http_exchange_send_continue(exchange);
    TRY(http_exchange_make_room(exchange, err));
    enum status status = connection->fd.readable.set
                             ? io_try_read(&connection->fd, in->data + in->len, in->capacity - in->len, &len, err)
                             : fail(err, ST_UNAVAILABLE, "request body: nothing there yet");
    if (status == ST_UNAVAILABLE && !exchange->waiting)
        exchange->body_since = io_now();
    exchange->waiting = status == ST_UNAVAILABLE;
    if (status == ST_UNAVAILABLE && io_now() >= http_exchange_body_deadline(exchange))
        return body_failed(exchange, (struct http_reject){408, "the client sent nothing for too long (RFC 9110 section 15.5.9)"},
                           ST_TIMEOUT, err);
    if (status == ST_UNAVAILABLE || status == ST_CANCELLED)
        return status;
    if (status != ST_OK)
        return body_failed(exchange, (struct http_reject){400, "the connection was reset in the middle (RFC 9112 section 8)"},
                           ST_IO, err);
    in->len += len;
    in->data[in->len] = 0;
    connection->server->stats.received_bytes += len;
    if (len == 0 && http_body_close(&exchange->body) == HTTP_REJECTED)
        return body_failed(exchange, exchange->body.reject, ST_IO, err);
    return ST_OK;
}

enum status http_exchange_try_read_body(struct http_exchange *exchange, struct str *ret_data, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    if (exchange->body_reject.status)
        return fail(err, ST_INVALID, "request body: %s", exchange->body_reject.reason);
    for (;;) {
        size_t used;
        struct str data;
        enum http_progress progress = http_body_feed(&exchange->body, connection->in.data + connection->in_at,
                                                     connection->in.len - connection->in_at, &used, &data);
        connection->in_at += used;
        switch (progress) {
        case HTTP_DATA:
            *ret_data = data;
            return ST_OK;
        case HTTP_COMPLETE:
            *ret_data = STR("");
            return ST_OK;
        case HTTP_REJECTED:
            return body_failed(exchange, exchange->body.reject, ST_INVALID, err);
        default:
            TRY(receive(exchange, err));
        }
    }
}

/* A client that always has something for us must not keep the shard, or a cancelled task, busy for ever. */
static enum status take_turn(struct http_exchange *exchange, struct error *err)
{
    const struct io_task *task = io_task_current();
    if (task && task->cancelled && task->cancel_masked == 0)
        return fail(err, ST_CANCELLED, "request body: cancelled");
    if (++exchange->operations % OPERATIONS_PER_YIELD == 0)
        io_yield();
    return ST_OK;
}

enum status http_exchange_read_body(struct http_exchange *exchange, uint64_t deadline, struct str *ret_data, struct error *err)
{
    TRY(take_turn(exchange, err));
    for (;;) {
        enum status status = http_exchange_try_read_body(exchange, ret_data, err);
        if (status != ST_UNAVAILABLE)
            return status;
        uint64_t limit = http_exchange_body_deadline(exchange);
        status = io_wait(http_exchange_body_event(exchange), MIN(deadline, limit));
        if (status == ST_TIMEOUT && limit <= deadline)
            continue; /* the next attempt says so */
        if (status != ST_OK)
            return fail(err, status, "request body: %s", status_name(status));
    }
}

/* The loop's part of a connection: reading heads, handing requests to tasks, and everything between two requests. */
#include "http/connection.h"

#include "base/log.h"

#include <sys/socket.h>
#include <unistd.h>

static void advance(struct http_connection *connection);
static void close_gently(struct http_connection *connection);

/* --- life -------------------------------------------------------------------------------------------------------------------- */

static void release_exchange(struct http_connection *connection)
{
    http_exchange_put(connection->server, connection->exchange);
    connection->exchange = NULL;
}

static void release_buffers(struct http_connection *connection)
{
    release_exchange(connection);
    http_buffer_put(connection->server, &connection->in);
    http_buffer_put(connection->server, &connection->out);
    connection->in_at = connection->out_at = 0;
}

void http_connection_free(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    server->stats.active -= connection->state == CONNECTION_ACTIVE;
    http_connection_unmark_dirty(connection);
    release_buffers(connection);
    list_remove(&connection->link);
    io_fd_close(&connection->fd);
    free(connection);
    server->stats.connections--;
    io_event_set(&server->room);
    if (server->stats.connections == 0)
        io_event_set(&server->empty);
}

/* --- sending ----------------------------------------------------------------------------------------------------------------- */

/* Bytes already sent leave the front of a buffer that a slow client keeps from ever being empty. */
static void compact_out(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    buf_consume(&connection->out, connection->out_at);
    if (exchange && exchange->response != RESPONSE_NONE && !exchange->head_sent) {
        exchange->head_at -= connection->out_at;
        exchange->body_at -= connection->out_at;
    }
    connection->out_at = 0;
}

enum status http_connection_need_out(struct http_connection *connection, struct error *err)
{
    if (connection->out_at && connection->out.len >= OUT_SIZE)
        compact_out(connection);
    if (!connection->out.data)
        connection->out = http_buffer_take(connection->server, OUT_SIZE, OUT_MAX);
    return connection->out.data ? ST_OK : fail(err, ST_LIMIT, "no memory for a write buffer");
}

void http_connection_sent(struct http_connection *connection, size_t len)
{
    struct http_exchange *exchange = connection->exchange;
    connection->server->stats.sent_bytes += len;
    connection->out_at += len;
    if (exchange && exchange->response != RESPONSE_NONE && connection->out_at > exchange->head_at)
        exchange->head_sent = true;
    if (connection->out_at == connection->out.len) {
        buf_clear(&connection->out);
        connection->out_at = 0;
    }
}

enum status http_connection_flush(struct http_connection *connection)
{
    http_connection_unmark_dirty(connection);
    while (http_connection_pending(connection)) {
        struct iovec part = {connection->out.data + connection->out_at, http_connection_pending(connection)};
        size_t len;
        TRY(io_try_writev(&connection->fd, &part, 1, &len, NULL));
        http_connection_sent(connection, len);
    }
    return ST_OK;
}

/* Flushes between exchanges: true when all is sent; else the connection waits for its client, or is no more. */
static bool settle(struct http_connection *connection)
{
    enum status status = http_connection_flush(connection);
    if (status == ST_OK)
        return true;
    if (status == ST_UNAVAILABLE)
        http_connection_set_state(connection, CONNECTION_FLUSH);
    else
        http_connection_free(connection);
    return false;
}

/* --- closing ----------------------------------------------------------------------------------------------------------------- */

/* Discards input until the client closes: closing with unread input would send a reset, which can overtake our last answer. */
static void linger(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    while (connection->fd.readable.set && connection->skipped < LINGER_MAX) {
        size_t len;
        enum status status = io_try_read(&connection->fd, server->discard, sizeof server->discard, &len, NULL);
        if (status == ST_UNAVAILABLE)
            return;
        if (status != ST_OK || len == 0) {
            http_connection_free(connection);
            return;
        }
        connection->skipped += len;
    }
    if (connection->skipped >= LINGER_MAX)
        http_connection_free(connection);
}

static void close_gently(struct http_connection *connection)
{
    connection->closing = true;
    if (!settle(connection))
        return;
    bool unread = connection->in_at < connection->in.len || connection->fd.readable.set;
    if ((connection->peer_closes && !unread) || connection->fd.reset || shutdown(connection->fd.fd, SHUT_WR) != 0) {
        http_connection_free(connection);
        return;
    }
    release_buffers(connection);
    connection->skipped = 0;
    http_connection_set_state(connection, CONNECTION_LINGER);
    linger(connection);
}

/* Answers a message that never becomes an exchange, and closes. */
static void refuse(struct http_connection *connection, struct http_reject reject)
{
    struct http_server *server = connection->server;
    bool bodiless = connection->exchange && connection->exchange->parser.head.method_id == HTTP_METHOD_HEAD;
    const struct http_field fields[] = {{STR("Content-Type"), STR("text/plain"), HTTP_FIELD_OTHER},
                                        {STR("Retry-After"), STR("1"), HTTP_FIELD_OTHER}};
    size_t count = reject.status == 503 ? 2 : 1;
    struct http_fields_summary summary;
    struct http_outgoing head = {.status = reject.status,
                                 .fields = fields,
                                 .field_count = count,
                                 .connection = HTTP_CONNECTION_CLOSE,
                                 .framing = HTTP_WRITE_LENGTH,
                                 .content_length = strlen(reject.reason) + 1,
                                 .date = http_date_now(&server->date)};
    connection->peer_closes = false;
    server->stats.refused++;
    log_debug("refused a request", LOG_U64("status", (uint64_t)reject.status), LOG_TEXT("reason", reject.reason));
    if (server->options.refused)
        server->options.refused(reject.status, reject.reason, &connection->peer, server->options.env);
    if (http_connection_need_out(connection, NULL) != ST_OK || http_fields_check(fields, count, &summary, NULL) != ST_OK ||
        http_write_response_head(&connection->out, &head, &summary, NULL) != ST_OK) {
        http_connection_free(connection);
        return;
    }
    if (!bodiless)
        bug_unless(buf_printf(&connection->out, "%s\n", reject.reason) == ST_OK);
    close_gently(connection);
}

/* --- handing over to a task -------------------------------------------------------------------------------------------------- */

static void run(struct io_task *task)
{
    struct http_connection *connection = CONTAINER_OF(task, struct http_connection, task);
    const struct http_server_options *options = &connection->server->options;
    if (!task->cancelled)
        options->handle(connection->exchange, options->env);
    http_exchange_conclude(connection->exchange);
}

enum skip_result { SKIP_DONE, SKIP_MORE, SKIP_CLOSED };

/* Skips what is here of the rest of the body. SKIP_DONE: the next message begins. SKIP_CLOSED: it is not worth it, and the
 * connection closes, or is no more. */
static enum skip_result skip_body(struct http_connection *connection)
{
    struct http_body *body = &connection->exchange->body;
    const uint64_t max = connection->server->options.max_unread_body;
    for (;;) {
        size_t used;
        struct str data;
        enum http_progress progress =
            http_body_feed(body, connection->in.data + connection->in_at, connection->in.len - connection->in_at, &used, &data);
        connection->in_at += used;
        if (progress == HTTP_COMPLETE)
            return SKIP_DONE;
        if (progress == HTTP_DATA)
            connection->skipped += data.len;
        uint64_t left = http_body_left(body);
        if (progress == HTTP_REJECTED || connection->closing || connection->skipped > max ||
            (left != UINT64_MAX && left > max - connection->skipped)) {
            connection->peer_closes = false;
            close_gently(connection);
            return SKIP_CLOSED;
        }
        if (progress == HTTP_MORE)
            return SKIP_MORE;
    }
}

/* The exchange and its body are over. */
static void next(struct http_connection *connection)
{
    release_exchange(connection);
    if (connection->closing)
        close_gently(connection);
    else
        advance(connection);
}

static enum status read_more(struct http_connection *connection, size_t *ret_len)
{
    struct buf *in = &connection->in;
    TRY(io_try_read(&connection->fd, in->data + in->len, in->capacity - in->len, ret_len, NULL));
    in->len += *ret_len;
    in->data[in->len] = 0;
    connection->server->stats.received_bytes += *ret_len;
    return ST_OK;
}

/* In CONNECTION_SKIP. */
static void skip_more(struct http_connection *connection)
{
    enum status status = http_connection_flush(connection);
    enum skip_result result = SKIP_MORE;
    size_t len = 1;
    while (status != ST_IO && result == SKIP_MORE && connection->fd.readable.set && len > 0) {
        status = http_exchange_make_room(connection->exchange, NULL);
        if (status == ST_OK)
            status = read_more(connection, &len);
        if (status == ST_UNAVAILABLE)
            return;
        if (status == ST_OK && len > 0)
            result = skip_body(connection);
    }
    if (result == SKIP_DONE)
        next(connection);
    else if (result == SKIP_MORE && len == 0)
        close_gently(connection);
    else if (result == SKIP_MORE && status != ST_OK && status != ST_UNAVAILABLE)
        http_connection_free(connection);
}

/* On the loop, when the task has ended; nobody uses the exchange any more. */
static void task_done(struct io_task *task)
{
    struct http_connection *connection = CONTAINER_OF(task, struct http_connection, task);
    struct http_exchange *exchange = connection->exchange;
    bug_unless(list_empty(&exchange->gone.waiters));
    if (connection->fd.fd < 0 || connection->fd.reset || exchange->response != RESPONSE_DONE) {
        http_connection_free(connection);
        return;
    }
    connection->closing |= !exchange->keep;
    connection->skipped = 0;
    switch (skip_body(connection)) {
    case SKIP_DONE:
        next(connection);
        break;
    case SKIP_MORE:
        http_connection_set_state(connection, CONNECTION_SKIP);
        skip_more(connection);
        break;
    default:
        break;
    }
}

static void begin(struct http_connection *connection, size_t head_size)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = connection->exchange;
    const struct http_head *head = &exchange->parser.head;
    connection->in_at += head_size;
    connection->peer_closes = !head->keep_alive;
    http_body_init(&exchange->body, head->framing, head->content_length, exchange->trailers, HTTP_MAX_TRAILER_FIELDS);
    exchange->continued = !head->expect_continue;
    exchange->started = io_now();
    if (head->method_id == HTTP_METHOD_CONNECT) {
        refuse(connection, (struct http_reject){501, "this server is no proxy: CONNECT is not supported (RFC 9110 section 9.3.6)"});
        return;
    }
    struct io_account *account = server->options.account ? server->options.account(exchange, server->options.env) : NULL;
    if (io_task_start(&connection->task, run, account, 0, NULL) != ST_OK) {
        refuse(connection, (struct http_reject){503, "too many requests are waiting"});
        return;
    }
    connection->task.on_done = task_done;
    server->stats.requests++;
    http_connection_set_state(connection, CONNECTION_ACTIVE);
}

/* --- heads ------------------------------------------------------------------------------------------------------------------- */

static bool need_exchange(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    if (exchange)
        return true;
    exchange = http_exchange_take(connection->server);
    if (!exchange)
        return false;
    memset(exchange, 0, offsetof(struct http_exchange, fields));
    exchange->connection = connection;
    exchange->head_buf.max = IN_MAX;
    exchange->length = HTTP_LENGTH_UNKNOWN;
    io_event_init(&exchange->gone);
    http_parser_init_request(&exchange->parser, exchange->fields, HTTP_MAX_FIELDS);
    connection->exchange = exchange;
    return true;
}

/* Parses what is in the buffer: true when more bytes of the head are needed, and the connection waits for them. */
static bool parse(struct http_connection *connection)
{
    size_t size;
    if (!need_exchange(connection)) {
        http_connection_free(connection);
        return false;
    }
    struct http_parser *parser = &connection->exchange->parser;
    switch (http_parser_feed(parser, connection->in.data + connection->in_at, connection->in.len - connection->in_at, &size)) {
    case HTTP_COMPLETE:
        begin(connection, size);
        return false;
    case HTTP_MORE:
        if (connection->state != CONNECTION_HEAD)
            http_connection_set_state(connection, CONNECTION_HEAD);
        return true;
    default:
        refuse(connection, parser->reject);
        return false;
    }
}

/* Room for more of a head: at the front of the buffer if it is there, else the buffer grows up to the largest head. */
static bool make_head_room(struct http_connection *connection)
{
    struct buf *in = &connection->in;
    if (!in->data) {
        *in = http_buffer_take(connection->server, IN_SIZE, IN_MAX);
        return in->data;
    }
    if (connection->in_at) {
        buf_consume(in, connection->in_at);
        connection->in_at = 0;
    }
    return in->len < in->capacity || buf_reserve(in, MIN(in->capacity, in->max - in->len)) == ST_OK;
}

/* Nothing of a next request is here. */
static void rest(struct http_connection *connection)
{
    if (connection->server->draining) {
        http_connection_free(connection);
        return;
    }
    release_buffers(connection);
    if (connection->state == CONNECTION_IDLE)
        io_event_set(&connection->server->room); /* it may be closed in favour of a new one */
}

static void head_ended(struct http_connection *connection)
{
    if (connection->state != CONNECTION_HEAD) {
        http_connection_free(connection);
        return;
    }
    http_parser_truncated(&connection->exchange->parser);
    refuse(connection, connection->exchange->parser.reject);
}

static void read_head(struct http_connection *connection)
{
    while (connection->fd.readable.set) {
        size_t len = 0;
        if (!make_head_room(connection)) {
            http_connection_free(connection);
            return;
        }
        enum status status = read_more(connection, &len);
        if (status == ST_UNAVAILABLE)
            break;
        if (status != ST_OK) {
            http_connection_free(connection);
            return;
        }
        if (len == 0) {
            head_ended(connection);
            return;
        }
        if (!parse(connection))
            return;
    }
    if (connection->state != CONNECTION_HEAD)
        rest(connection);
}

/* Between two messages: goes on with what is in the buffer, else waits for more. */
static void advance(struct http_connection *connection)
{
    bool buffered = connection->in_at < connection->in.len;
    if ((!buffered || http_connection_pending(connection) > OUT_SIZE) && !settle(connection))
        return;
    if (buffered && (!parse(connection) || !settle(connection)))
        return;
    if (!buffered)
        http_connection_set_state(connection, CONNECTION_IDLE);
    read_head(connection);
}

/* --- events ------------------------------------------------------------------------------------------------------------------ */

void http_connection_gone(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    const struct http_server_options *options = &connection->server->options;
    if (exchange->gone.set)
        return;
    io_event_set(&exchange->gone);
    if (options->disconnected)
        options->disconnected(exchange, options->env);
    else
        io_task_cancel(&connection->task);
}

static void active_ready(struct http_connection *connection)
{
    enum status status = connection->fd.reset ? ST_IO : ST_OK;
    bool committed = connection->exchange->response != RESPONSE_OPEN;
    if (status == ST_OK && connection->fd.writable.set && committed && http_connection_pending(connection))
        status = http_connection_flush(connection);
    if (status == ST_IO)
        http_connection_gone(connection);
}

static void flush_ready(struct http_connection *connection)
{
    if (!connection->fd.writable.set || !settle(connection))
        return;
    if (connection->closing)
        close_gently(connection);
    else if (!connection->exchange)
        advance(connection);
    else {
        http_connection_set_state(connection, CONNECTION_HEAD);
        read_head(connection);
    }
}

static void on_ready(struct io_fd *fd)
{
    struct http_connection *connection = CONTAINER_OF(fd, struct http_connection, fd);
    switch (connection->state) {
    case CONNECTION_NEW:
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        read_head(connection);
        break;
    case CONNECTION_ACTIVE:
        active_ready(connection);
        break;
    case CONNECTION_FLUSH:
        flush_ready(connection);
        break;
    case CONNECTION_SKIP:
        skip_more(connection);
        break;
    default:
        linger(connection);
        break;
    }
}

void http_connection_expire(struct http_connection *connection)
{
    if (connection->state == CONNECTION_HEAD)
        refuse(connection, (struct http_reject){408, "the head did not arrive in time (RFC 9110 section 15.5.9)"});
    else
        http_connection_free(connection);
}

void http_connection_drain(struct http_connection *connection)
{
    read_head(connection); /* a request may be there already */
}

enum status http_connection_open(struct http_listener *listener, int descriptor, const struct io_address *peer, struct error *err)
{
    struct http_server *server = listener->server;
    struct http_connection *connection = mem_try_alloc(sizeof *connection);
    if (!connection) {
        close(descriptor);
        return fail(err, ST_LIMIT, "no memory for a connection");
    }
    enum status status = io_fd_open(&connection->fd, descriptor, err);
    if (status != ST_OK) {
        free(connection);
        return status;
    }
    connection->fd.on_ready = on_ready;
    connection->server = server;
    connection->tag = listener->tag;
    connection->peer = *peer;
    list_init(&connection->link);
    list_init(&connection->dirty_link);
    server->stats.accepted++;
    server->stats.connections++;
    io_event_clear(&server->empty);
    http_connection_set_state(connection, CONNECTION_NEW);
    return ST_OK;
}

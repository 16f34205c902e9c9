/* The handler's answer: head, body, end. Everything goes through the connection's write buffer, in order; what is too large for it
 * is sent from where it is, behind the buffer's contents. */
#include "http/connection.h"

bool http_exchange_responded(const struct http_exchange *exchange)
{
    return exchange->response != RESPONSE_NONE;
}

bool http_exchange_finished(const struct http_exchange *exchange)
{
    return exchange->response == RESPONSE_DONE;
}

int http_exchange_status(const struct http_exchange *exchange)
{
    return exchange->status;
}

uint64_t http_exchange_sent_bytes(const struct http_exchange *exchange)
{
    return exchange->written;
}

void http_exchange_close_after(struct http_exchange *exchange)
{
    exchange->close_after = true;
}

/* The client is gone, or what it got can no longer be completed. */
static void give_up(struct http_exchange *exchange)
{
    exchange->response = RESPONSE_ABORTED;
    exchange->keep = false;
    io_fd_close(&exchange->connection->fd);
}

static enum status gone(struct http_exchange *exchange, struct error *err)
{
    give_up(exchange);
    io_event_set(&exchange->gone);
    return fail(err, ST_IO, "response: the client has closed the connection");
}

/* --- the head ---------------------------------------------------------------------------------------------------------------- */

static bool may_keep(const struct http_exchange *exchange, enum http_write_framing framing)
{
    const struct http_server *server = exchange->connection->server;
    return exchange->parser.head.keep_alive && !server->draining && !exchange->close_after && framing != HTTP_WRITE_UNTIL_CLOSE &&
           exchange->continued && !exchange->body_reject.status;
}

/* Puts Connection and framing behind the head, in front of what is there of the body. */
static void commit(struct http_exchange *exchange, enum http_write_framing framing, uint64_t length)
{
    struct buf *out = &exchange->connection->out;
    char text[HTTP_FRAMING_MAX + HTTP_CHUNK_LINE_MAX];
    enum http_connection_option option = HTTP_CONNECTION_CLOSE;
    size_t body = out->len - exchange->body_at;
    exchange->keep = may_keep(exchange, framing);
    if (exchange->keep)
        option = exchange->parser.head.version == HTTP_1_0 ? HTTP_CONNECTION_KEEP_ALIVE : HTTP_CONNECTION_DEFAULT;
    size_t size = http_format_framing(option, framing, length, text);
    if (framing == HTTP_WRITE_CHUNKED && body)
        size += http_format_chunk_line(body, text + size);
    bug_unless(buf_reserve(out, size + 2) == ST_OK); /* OUT_MAX leaves room for it */
    memmove(out->data + exchange->body_at + size, out->data + exchange->body_at, body);
    memcpy(out->data + exchange->body_at, text, size);
    out->len += size;
    out->data[out->len] = 0;
    if (framing == HTTP_WRITE_CHUNKED && body)
        bug_unless(buf_append(out, "\r\n", 2) == ST_OK);
    exchange->framing = framing;
    exchange->response = RESPONSE_BODY;
}

/* The framing of a body of which only a part is known. */
static enum http_write_framing open_framing(const struct http_exchange *exchange)
{
    if (exchange->bodiless)
        return HTTP_WRITE_NONE;
    return exchange->parser.head.version == HTTP_1_0 ? HTTP_WRITE_UNTIL_CLOSE : HTTP_WRITE_CHUNKED;
}

void http_exchange_commit(struct http_exchange *exchange)
{
    if (exchange->response == RESPONSE_OPEN)
        commit(exchange, open_framing(exchange), 0);
}

static enum status check_respond(const struct http_exchange *exchange, int status, const struct http_fields_summary *summary,
                                 uint64_t length, struct error *err)
{
    if (exchange->response != RESPONSE_NONE)
        return fail(err, ST_INVALID, "response: its head was given already");
    if (status < 200 || status > 999)
        return fail(err, ST_INVALID, "response: status %d is not from 200 to 999", status);
    if (summary->has_content_length && length != HTTP_LENGTH_UNKNOWN && length != summary->content_length)
        return fail(err, ST_INVALID, "response: Content-Length says %llu bytes, but the body has %llu",
                    (unsigned long long)summary->content_length, (unsigned long long)length);
    return ST_OK;
}

enum status http_exchange_respond(struct http_exchange *exchange, int status, const struct http_field *fields, size_t count,
                                  uint64_t length, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    struct http_fields_summary summary;
    TRY(http_fields_check(fields, count, &summary, err));
    TRY(check_respond(exchange, status, &summary, length, err));
    if (summary.size > HTTP_MAX_HEAD)
        return fail(err, ST_LIMIT, "response: its fields are larger than 64 KiB");
    TRY(http_connection_need_out(connection, err));
    struct http_outgoing head = {.status = status,
                                 .fields = fields,
                                 .field_count = count,
                                 .framing = HTTP_WRITE_OPEN,
                                 .date = http_date_now(&connection->server->date)};
    size_t head_at = connection->out.len;
    TRY(http_write_response_head(&connection->out, &head, &summary, err));
    exchange->head_at = head_at;
    exchange->body_at = connection->out.len;
    exchange->status = status;
    exchange->bodiless = exchange->parser.head.method_id == HTTP_METHOD_HEAD || !http_status_has_body(status);
    exchange->length = summary.has_content_length ? summary.content_length : length;
    exchange->response = RESPONSE_OPEN;
    if (status == 204)
        commit(exchange, HTTP_WRITE_NONE, 0);
    else if (exchange->length != HTTP_LENGTH_UNKNOWN)
        commit(exchange, HTTP_WRITE_LENGTH, exchange->length);
    http_connection_mark_dirty(connection);
    return ST_OK;
}

/* RFC 9110 section 10.1.1. In front of an answer that was given but has not left; behind one that has, it would be taken for part
 * of the body, and the client decides by itself. */
void http_exchange_send_continue(struct http_exchange *exchange)
{
    static const struct str line = STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    struct http_connection *connection = exchange->connection;
    struct buf *out = &connection->out;
    if (exchange->continued)
        return;
    exchange->continued = true;
    if (exchange->head_sent || connection->fd.fd < 0 || http_connection_need_out(connection, NULL) != ST_OK ||
        buf_reserve(out, line.len) != ST_OK)
        return;
    size_t at = exchange->response == RESPONSE_NONE ? out->len : exchange->head_at;
    memmove(out->data + at + line.len, out->data + at, out->len - at);
    memcpy(out->data + at, line.data, line.len);
    out->len += line.len;
    out->data[out->len] = 0;
    exchange->head_at += line.len;
    exchange->body_at += line.len;
    if (exchange->response == RESPONSE_OPEN)
        http_connection_mark_dirty(connection);
    else if (http_connection_flush(connection) == ST_IO)
        http_connection_mark_dirty(connection); /* the loop finds the client gone */
}

/* --- the body ---------------------------------------------------------------------------------------------------------------- */

static enum status await_writable(struct http_exchange *exchange, uint64_t deadline, struct error *err)
{
    uint64_t limit = io_now() + exchange->connection->server->options.write_timeout_ns;
    enum status status = io_wait(&exchange->connection->fd.writable, MIN(deadline, limit));
    if (status == ST_OK)
        return ST_OK;
    give_up(exchange);
    return fail(err, status, "response: %s", status == ST_TIMEOUT ? "the client does not take it" : status_name(status));
}

static void skip_sent(struct http_connection *connection, struct iovec *parts, int count, size_t len)
{
    size_t buffered = MIN(len, http_connection_pending(connection));
    if (buffered)
        http_connection_sent(connection, buffered);
    len -= buffered;
    connection->server->stats.sent_bytes += len;
    for (int i = 0; i < count && len; i++) {
        size_t part = MIN(len, parts[i].iov_len);
        parts[i].iov_base = (char *)parts[i].iov_base + part;
        parts[i].iov_len -= part;
        len -= part;
    }
}

static size_t total(const struct iovec *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

/* Copies the parts behind what waits in the buffer. */
static enum status keep_parts(struct http_exchange *exchange, const struct iovec *parts, int count, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    enum status status = http_connection_need_out(connection, err);
    for (int i = 0; i < count && status == ST_OK; i++)
        if (parts[i].iov_len)
            status = buf_append(&connection->out, parts[i].iov_base, parts[i].iov_len);
    if (status == ST_OK)
        return ST_OK;
    give_up(exchange);
    return fail(err, ST_LIMIT, "response: no memory for its body");
}

/* Up to three parts. Sends until what is left fits into the buffer. */
static enum status send_parts(struct http_exchange *exchange, struct iovec *parts, int count, uint64_t deadline, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    for (;;) {
        struct iovec all[4] = {{connection->out.data + connection->out_at, http_connection_pending(connection)}};
        size_t len = 0, left = total(parts, count);
        if (left == 0)
            return ST_OK;
        memcpy(all + 1, parts, (size_t)count * sizeof *parts);
        bool buffered = all[0].iov_len > 0;
        enum status status = io_try_writev(&connection->fd, buffered ? all : all + 1, count + buffered, &len, NULL);
        if (status == ST_OK) {
            skip_sent(connection, parts, count, len);
            continue;
        }
        if (status != ST_UNAVAILABLE)
            return gone(exchange, err);
        if (http_connection_pending(connection) + left <= OUT_HIGH)
            return keep_parts(exchange, parts, count, err);
        TRY(await_writable(exchange, deadline, err));
    }
}

static enum status put_parts(struct http_exchange *exchange, struct iovec *parts, int count, uint64_t deadline, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    size_t size = total(parts, count);
    if (size < DIRECT_MIN && http_connection_pending(connection) + size <= OUT_HIGH) {
        http_connection_mark_dirty(connection);
        return keep_parts(exchange, parts, count, err);
    }
    if (++exchange->operations % OPERATIONS_PER_YIELD == 0)
        io_yield();
    if (exchange->response != RESPONSE_BODY) /* while others ran */
        return fail(err, ST_CANCELLED, "response: aborted meanwhile");
    http_connection_unmark_dirty(connection);
    return send_parts(exchange, parts, count, deadline, err);
}

static enum status put_body(struct http_exchange *exchange, const void *data, size_t len, uint64_t deadline, struct error *err)
{
    struct iovec body = {(void *)(uintptr_t)data, len};
    if (exchange->response == RESPONSE_OPEN) {
        struct http_connection *connection = exchange->connection;
        if (connection->out.len - exchange->body_at + len <= OPEN_BODY_MAX) {
            http_connection_mark_dirty(connection);
            return keep_parts(exchange, &body, 1, err);
        }
        http_exchange_commit(exchange);
    }
    if (exchange->framing != HTTP_WRITE_CHUNKED)
        return put_parts(exchange, &body, 1, deadline, err);
    char line[HTTP_CHUNK_LINE_MAX], end[] = "\r\n";
    struct iovec chunk[] = {{line, http_format_chunk_line(len, line)}, body, {end, 2}};
    return put_parts(exchange, chunk, 3, deadline, err);
}

static enum status check_writing(const struct http_exchange *exchange, struct error *err)
{
    switch (exchange->response) {
    case RESPONSE_NONE:
        return fail(err, ST_INVALID, "response: its head has not been given");
    case RESPONSE_DONE:
        return fail(err, ST_INVALID, "response: it is finished");
    case RESPONSE_ABORTED:
        return fail(err, ST_IO, "response: it was aborted");
    default:
        return ST_OK;
    }
}

enum status http_exchange_write_body(struct http_exchange *exchange, const void *data, size_t len, uint64_t deadline,
                                     struct error *err)
{
    const struct io_task *task = io_task_current();
    TRY(check_writing(exchange, err));
    if (exchange->gone.set || exchange->connection->fd.reset)
        return gone(exchange, err);
    if (task && task->cancelled && task->cancel_masked == 0)
        return fail(err, ST_CANCELLED, "response: cancelled");
    bool counted = exchange->length != HTTP_LENGTH_UNKNOWN && http_status_has_body(exchange->status);
    if (counted && len > exchange->length - exchange->written)
        return fail(err, ST_INVALID, "response: its body is longer than its Content-Length of %llu",
                    (unsigned long long)exchange->length);
    exchange->written += len;
    if (len == 0 || exchange->bodiless)
        return ST_OK;
    return put_body(exchange, data, len, deadline, err);
}

static size_t room_now(const struct http_connection *connection)
{
    size_t used = http_connection_pending(connection) + HTTP_FRAMING_MAX + HTTP_CHUNK_LINE_MAX + 2;
    return used + DIRECT_MIN <= OUT_HIGH ? OUT_HIGH - used : 0;
}

size_t http_exchange_write_room(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    if (check_writing(exchange, NULL) != ST_OK || exchange->bodiless)
        return OUT_HIGH; /* the write fails or drops it at once */
    size_t room = room_now(connection);
    if (room)
        return room;
    http_exchange_commit(exchange);
    /* Unless it sends enough, the kernel has just said that it takes no more, and the event is cleared. */
    return http_connection_flush(connection) == ST_IO ? OUT_HIGH : room_now(connection);
}

struct io_event *http_exchange_write_event(struct http_exchange *exchange)
{
    return &exchange->connection->fd.writable;
}

enum status http_exchange_try_write_body(struct http_exchange *exchange, const void *data, size_t len, size_t *ret_written,
                                         struct error *err)
{
    size_t part = MIN(len, http_exchange_write_room(exchange));
    if (len && part == 0)
        return fail(err, ST_UNAVAILABLE, "response: the client has not taken what was written before");
    TRY(http_exchange_write_body(exchange, data, part, 0, err));
    *ret_written = part;
    return ST_OK;
}

enum status http_exchange_flush(struct http_exchange *exchange, uint64_t deadline, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    TRY(check_writing(exchange, err));
    http_exchange_commit(exchange);
    for (;;) {
        enum status status = http_connection_flush(connection);
        if (status == ST_OK)
            return ST_OK;
        if (status != ST_UNAVAILABLE)
            return gone(exchange, err);
        TRY(await_writable(exchange, deadline, err));
    }
}

/* --- the end ----------------------------------------------------------------------------------------------------------------- */

static enum status end_chunked(struct http_exchange *exchange, const struct http_field *trailers, size_t count, struct error *err)
{
    struct buf *out = &exchange->connection->out;
    TRY(http_connection_need_out(exchange->connection, err));
    return http_write_last_chunk(out, trailers, count, err);
}

static enum status check_trailers(const struct http_field *trailers, size_t count, struct error *err)
{
    autobuf struct buf text = BUF_INIT(HTTP_MAX_TRAILERS + 5);
    return count ? http_write_last_chunk(&text, trailers, count, err) : ST_OK;
}

static enum status end_body(struct http_exchange *exchange, const struct http_field *trailers, size_t count, struct error *err)
{
    bool counted = exchange->length != HTTP_LENGTH_UNKNOWN && !exchange->bodiless;
    if (counted && exchange->written < exchange->length) {
        http_exchange_abort(exchange);
        return fail(err, ST_INVALID, "response: its body has %llu bytes, fewer than its Content-Length of %llu",
                    (unsigned long long)exchange->written, (unsigned long long)exchange->length);
    }
    if (exchange->response == RESPONSE_OPEN) {
        bool chunked = count && open_framing(exchange) == HTTP_WRITE_CHUNKED;
        bool silent = exchange->bodiless && (exchange->written == 0 || exchange->status == 304);
        commit(exchange, chunked ? HTTP_WRITE_CHUNKED : silent ? HTTP_WRITE_NONE : HTTP_WRITE_LENGTH, exchange->written);
    }
    return exchange->framing == HTTP_WRITE_CHUNKED ? end_chunked(exchange, trailers, count, err) : ST_OK;
}

enum status http_exchange_finish(struct http_exchange *exchange, const struct http_field *trailers, size_t count, struct error *err)
{
    struct http_connection *connection = exchange->connection;
    TRY(check_writing(exchange, err));
    TRY(check_trailers(trailers, count, err));
    TRY(end_body(exchange, trailers, count, err));
    exchange->response = RESPONSE_DONE;
    /* With the next request here already, its answer may go along: see the flush timer. */
    if (http_body_complete(&exchange->body) && connection->in_at < connection->in.len &&
        http_connection_pending(connection) < OUT_SIZE)
        http_connection_mark_dirty(connection);
    else if (http_connection_flush(connection) == ST_IO)
        return gone(exchange, err);
    return ST_OK;
}

enum status http_exchange_reply(struct http_exchange *exchange, int status, const struct http_field *fields, size_t count,
                                struct str body, struct error *err)
{
    TRY(http_exchange_respond(exchange, status, fields, count, http_status_has_body(status) ? body.len : HTTP_LENGTH_UNKNOWN, err));
    TRY(http_exchange_write_body(exchange, body.data, body.len, CLOCK_NEVER, err));
    return http_exchange_finish(exchange, NULL, 0, err);
}

/* Without a length or chunks only a reset tells the client that the end is not the end. */
static void reset_on_close(struct http_exchange *exchange)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (exchange->connection->fd.fd >= 0)
        (void)setsockopt(exchange->connection->fd.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void http_exchange_abort(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    if (exchange->response == RESPONSE_DONE || exchange->response == RESPONSE_ABORTED)
        return;
    if (connection->fd.fd >= 0 && exchange->response != RESPONSE_NONE) {
        http_exchange_commit(exchange);
        if (http_connection_flush(connection) != ST_OK || exchange->framing == HTTP_WRITE_UNTIL_CLOSE)
            reset_on_close(exchange);
    }
    give_up(exchange);
}

static void answer_for_handler(struct http_exchange *exchange)
{
    struct http_reject reject = exchange->body_reject;
    const struct http_field type = {STR("Content-Type"), STR("text/plain"), HTTP_FIELD_OTHER};
    if (!reject.status && exchange->connection->task.cancelled)
        reject = (struct http_reject){503, "the request was cancelled"};
    if (!reject.status)
        reject = (struct http_reject){500, "the handler gave no answer"};
    char text[160];
    snprintf(text, sizeof text, "%s\n", reject.reason);
    io_cancel_mask(&exchange->connection->task);
    if (http_exchange_reply(exchange, reject.status, &type, 1, str_of(text), NULL) != ST_OK)
        http_exchange_abort(exchange);
    io_cancel_unmask(&exchange->connection->task);
}

void http_exchange_conclude(struct http_exchange *exchange)
{
    if (exchange->response == RESPONSE_NONE && exchange->connection->fd.fd >= 0 && !exchange->gone.set)
        answer_for_handler(exchange);
    if (exchange->response != RESPONSE_DONE)
        http_exchange_abort(exchange);
}

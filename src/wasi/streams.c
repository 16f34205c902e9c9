/* wasi:io/streams: the rules that hold for every stream, over the backends' operations (stream.h). */
#include "base/mem.h"
#include "wasi/stream.h"

#define BLOCKING_WRITE_MAX 4096 /* of blocking-write-and-flush and blocking-write-zeroes-and-flush */
#define READ_MAX (1u << 20)     /* most bytes one read returns */

void wasi_input_init(struct wasi_io_streams_input_stream *stream, const struct wasi_input_ops *ops, struct wasi_node *parent,
                     void (*destroy)(struct wasi_node *))
{
    wasi_node_init(&stream->node, parent, destroy);
    stream->ops = ops;
    stream->closed = false;
}

void wasi_output_init(struct wasi_io_streams_output_stream *stream, const struct wasi_output_ops *ops, struct wasi_node *parent,
                      void (*destroy)(struct wasi_node *))
{
    wasi_node_init(&stream->node, parent, destroy);
    stream->ops = ops;
    stream->permit = 0;
    stream->closed = false;
}

enum status wasi_io_streams_input_stream_drop(struct cm_call *call, struct wasi_io_streams_input_stream *self)
{
    return wasi_node_drop(call, &self->node);
}

enum status wasi_io_streams_output_stream_drop(struct cm_call *call, struct wasi_io_streams_output_stream *self)
{
    return wasi_node_drop(call, &self->node);
}

/* A state other than OPEN as the guest sees it; the stream is closed from here on. STOPPED unwinds the guest. */
static enum status close_with(enum wasi_stream_state state, struct wasi_io_error_error *error, bool *closed, bool *ret_is_err,
                              struct wasi_io_streams_stream_error *ret)
{
    if (state == WASI_STREAM_STOPPED)
        return ST_CANCELLED;
    *closed = true;
    *ret_is_err = true;
    ret->tag =
        state == WASI_STREAM_FAILED ? WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED : WASI_IO_STREAMS_STREAM_ERROR_CLOSED;
    if (state == WASI_STREAM_FAILED)
        ret->of.last_operation_failed = error;
    return ST_OK;
}

#define CLOSE(stream, state, error, ret) close_with(state, error, &(stream)->closed, &(ret)->is_err, &(ret)->of.err)

/* Waits for readiness; false when the task was cancelled. */
static bool wait_event(struct io_event *event, uint64_t deadline)
{
    if (!event) {
        io_yield();
        return true;
    }
    enum status status = io_wait(event, deadline);
    return status == ST_OK || status == ST_TIMEOUT;
}

/* --- input --------------------------------------------------------------------------------------------------------------------- */

static enum wasi_stream_state read_now(struct wasi_io_streams_input_stream *self, struct cm_call *call, uint64_t max,
                                       struct str *ret_bytes, struct wasi_io_error_error **ret_error)
{
    *ret_bytes = STR_NULL;
    if (self->closed)
        return WASI_STREAM_CLOSED;
    return self->ops->read(self, call, MIN(max, READ_MAX), ret_bytes, ret_error);
}

/* Reads at least one byte, unless max is 0. */
static enum wasi_stream_state read_blocking(struct wasi_io_streams_input_stream *self, struct cm_call *call, uint64_t max,
                                            struct str *ret_bytes, struct wasi_io_error_error **ret_error)
{
    for (;;) {
        enum wasi_stream_state state = read_now(self, call, max, ret_bytes, ret_error);
        if (state != WASI_STREAM_OPEN || ret_bytes->len > 0 || max == 0)
            return state;
        uint64_t deadline = CLOCK_NEVER;
        if (!wait_event(self->ops->ready ? self->ops->ready(self, &deadline) : NULL, deadline))
            return WASI_STREAM_STOPPED;
    }
}

typedef enum wasi_stream_state (*read_function)(struct wasi_io_streams_input_stream *self, struct cm_call *call, uint64_t max,
                                                struct str *ret_bytes, struct wasi_io_error_error **ret_error);

/* Bytes, or what the guest gets instead of them. */
static enum status read_or_close(read_function read, struct cm_call *call, struct wasi_io_streams_input_stream *self, uint64_t len,
                                 struct str *ret_bytes, bool *ret_is_err, struct wasi_io_streams_stream_error *ret_err)
{
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = read(self, call, len, ret_bytes, &error);
    if (state != WASI_STREAM_OPEN)
        return close_with(state, error, &self->closed, ret_is_err, ret_err);
    *ret_is_err = false;
    return ST_OK;
}

static enum status read_with(read_function read, struct cm_call *call, struct wasi_io_streams_input_stream *self, uint64_t len,
                             struct cm_result_list_u8_wasi_io_streams_stream_error *ret)
{
    struct str bytes;
    TRY(read_or_close(read, call, self, len, &bytes, &ret->is_err, &ret->of.err));
    if (!ret->is_err)
        ret->of.ok = (struct cm_list_u8){(const uint8_t *)bytes.data, bytes.len};
    return ST_OK;
}

enum status wasi_io_streams_input_stream_read(struct cm_call *call, struct wasi_io_streams_input_stream *self, uint64_t len,
                                              struct cm_result_list_u8_wasi_io_streams_stream_error *ret)
{
    return read_with(read_now, call, self, len, ret);
}

enum status wasi_io_streams_input_stream_blocking_read(struct cm_call *call, struct wasi_io_streams_input_stream *self,
                                                       uint64_t len, struct cm_result_list_u8_wasi_io_streams_stream_error *ret)
{
    return read_with(read_blocking, call, self, len, ret);
}

static enum status skip_with(read_function read, struct cm_call *call, struct wasi_io_streams_input_stream *self, uint64_t len,
                             struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    struct str bytes;
    TRY(read_or_close(read, call, self, len, &bytes, &ret->is_err, &ret->of.err));
    if (!ret->is_err)
        ret->of.ok = bytes.len;
    return ST_OK;
}

enum status wasi_io_streams_input_stream_skip(struct cm_call *call, struct wasi_io_streams_input_stream *self, uint64_t len,
                                              struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    return skip_with(read_now, call, self, len, ret);
}

enum status wasi_io_streams_input_stream_blocking_skip(struct cm_call *call, struct wasi_io_streams_input_stream *self,
                                                       uint64_t len, struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    return skip_with(read_blocking, call, self, len, ret);
}

static struct io_event *input_event(struct wasi_node *node, uint64_t *deadline)
{
    struct wasi_io_streams_input_stream *stream = CONTAINER_OF(node, struct wasi_io_streams_input_stream, node);
    return stream->closed || !stream->ops->ready ? NULL : stream->ops->ready(stream, deadline);
}

enum status wasi_io_streams_input_stream_subscribe(struct cm_call *call UNUSED, struct wasi_io_streams_input_stream *self,
                                                   struct wasi_io_poll_pollable **ret)
{
    *ret = wasi_pollable_new(&self->node, input_event, CLOCK_NEVER);
    return ST_OK;
}

/* --- output -------------------------------------------------------------------------------------------------------------------- */

static enum wasi_stream_state check_now(struct wasi_io_streams_output_stream *self, uint64_t *ret_permit,
                                        struct wasi_io_error_error **ret_error)
{
    *ret_permit = 0;
    if (self->closed)
        return WASI_STREAM_CLOSED;
    enum wasi_stream_state state = self->ops->check(self, ret_permit, ret_error);
    self->permit = state == WASI_STREAM_OPEN ? *ret_permit : 0;
    return state;
}

/* Waits until something may be written. */
static enum wasi_stream_state wait_permit(struct wasi_io_streams_output_stream *self, struct wasi_io_error_error **ret_error)
{
    for (;;) {
        uint64_t permit;
        enum wasi_stream_state state = check_now(self, &permit, ret_error);
        if (state != WASI_STREAM_OPEN || permit > 0)
            return state;
        uint64_t deadline = CLOCK_NEVER;
        if (!wait_event(self->ops->ready ? self->ops->ready(self, &deadline) : NULL, deadline))
            return WASI_STREAM_STOPPED;
    }
}

static enum wasi_stream_state write_permitted(struct wasi_io_streams_output_stream *self, struct str bytes,
                                              struct wasi_io_error_error **ret_error)
{
    if (self->closed)
        return WASI_STREAM_CLOSED;
    self->permit -= bytes.len;
    return bytes.len ? self->ops->write(self, bytes, ret_error) : WASI_STREAM_OPEN;
}

static enum wasi_stream_state flush_now(struct wasi_io_streams_output_stream *self, struct wasi_io_error_error **ret_error)
{
    if (self->closed)
        return WASI_STREAM_CLOSED;
    self->permit = 0;
    return self->ops->flush ? self->ops->flush(self, ret_error) : WASI_STREAM_OPEN;
}

static enum wasi_stream_state flush_blocking(struct wasi_io_streams_output_stream *self, struct wasi_io_error_error **ret_error)
{
    enum wasi_stream_state state = flush_now(self, ret_error);
    return state == WASI_STREAM_OPEN ? wait_permit(self, ret_error) : state;
}

static enum wasi_stream_state write_blocking(struct wasi_io_streams_output_stream *self, struct str bytes,
                                             struct wasi_io_error_error **ret_error)
{
    while (bytes.len) {
        enum wasi_stream_state state = wait_permit(self, ret_error);
        if (state != WASI_STREAM_OPEN)
            return state;
        struct str part = str_slice(bytes, 0, self->permit);
        state = write_permitted(self, part, ret_error);
        if (state != WASI_STREAM_OPEN)
            return state;
        bytes = str_from(bytes, part.len);
    }
    return WASI_STREAM_OPEN;
}

static enum status answer(struct wasi_io_streams_output_stream *self, enum wasi_stream_state state,
                          struct wasi_io_error_error *error, struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    if (state != WASI_STREAM_OPEN)
        return CLOSE(self, state, error, ret);
    ret->is_err = false;
    return ST_OK;
}

enum status wasi_io_streams_output_stream_check_write(struct cm_call *call UNUSED, struct wasi_io_streams_output_stream *self,
                                                      struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = check_now(self, &ret->of.ok, &error);
    if (state != WASI_STREAM_OPEN)
        return CLOSE(self, state, error, ret);
    ret->is_err = false;
    return ST_OK;
}

enum status wasi_io_streams_output_stream_write(struct cm_call *call, struct wasi_io_streams_output_stream *self,
                                                const struct cm_list_u8 *contents,
                                                struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    if (!self->closed && contents->len > self->permit)
        return cm_trap(call, "write exceeded permit: %zu bytes, check-write allowed %llu", contents->len,
                       (unsigned long long)self->permit);
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = write_permitted(self, str_n((const char *)contents->items, contents->len), &error);
    return answer(self, state, error, ret);
}

enum status wasi_io_streams_output_stream_blocking_write_and_flush(struct cm_call *call, struct wasi_io_streams_output_stream *self,
                                                                   const struct cm_list_u8 *contents,
                                                                   struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    if (contents->len > BLOCKING_WRITE_MAX)
        return cm_trap(call, "Buffer too large for blocking-write-and-flush (expected at most %d)", BLOCKING_WRITE_MAX);
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = write_blocking(self, str_n((const char *)contents->items, contents->len), &error);
    if (state == WASI_STREAM_OPEN)
        state = flush_blocking(self, &error);
    return answer(self, state, error, ret);
}

enum status wasi_io_streams_output_stream_flush(struct cm_call *call UNUSED, struct wasi_io_streams_output_stream *self,
                                                struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = flush_now(self, &error);
    return answer(self, state, error, ret);
}

enum status wasi_io_streams_output_stream_blocking_flush(struct cm_call *call UNUSED, struct wasi_io_streams_output_stream *self,
                                                         struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = flush_blocking(self, &error);
    return answer(self, state, error, ret);
}

static struct io_event *output_event(struct wasi_node *node, uint64_t *deadline)
{
    struct wasi_io_streams_output_stream *stream = CONTAINER_OF(node, struct wasi_io_streams_output_stream, node);
    return stream->closed || !stream->ops->ready ? NULL : stream->ops->ready(stream, deadline);
}

enum status wasi_io_streams_output_stream_subscribe(struct cm_call *call UNUSED, struct wasi_io_streams_output_stream *self,
                                                    struct wasi_io_poll_pollable **ret)
{
    *ret = wasi_pollable_new(&self->node, output_event, CLOCK_NEVER);
    return ST_OK;
}

/* Zeroes, in pieces of one constant page. */
static enum wasi_stream_state write_zeroes(struct wasi_io_streams_output_stream *self, uint64_t len,
                                           struct wasi_io_error_error **ret_error)
{
    static const char zeroes[BLOCKING_WRITE_MAX];
    while (len > 0) {
        size_t part = MIN(len, sizeof zeroes);
        enum wasi_stream_state state = write_permitted(self, str_n(zeroes, part), ret_error);
        if (state != WASI_STREAM_OPEN)
            return state;
        len -= part;
    }
    return WASI_STREAM_OPEN;
}

enum status wasi_io_streams_output_stream_write_zeroes(struct cm_call *call, struct wasi_io_streams_output_stream *self,
                                                       uint64_t len, struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    if (!self->closed && len > self->permit)
        return cm_trap(call, "write-zeroes exceeded permit: %llu bytes, check-write allowed %llu", (unsigned long long)len,
                       (unsigned long long)self->permit);
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = self->closed ? WASI_STREAM_CLOSED : write_zeroes(self, len, &error);
    return answer(self, state, error, ret);
}

enum status wasi_io_streams_output_stream_blocking_write_zeroes_and_flush(struct cm_call *call,
                                                                          struct wasi_io_streams_output_stream *self, uint64_t len,
                                                                          struct cm_result_none_wasi_io_streams_stream_error *ret)
{
    static const char zeroes[BLOCKING_WRITE_MAX];
    if (len > BLOCKING_WRITE_MAX)
        return cm_trap(call, "Buffer too large for blocking-write-zeroes-and-flush (expected at most %d)", BLOCKING_WRITE_MAX);
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = write_blocking(self, str_n(zeroes, len), &error);
    if (state == WASI_STREAM_OPEN)
        state = flush_blocking(self, &error);
    return answer(self, state, error, ret);
}

/* --- splice -------------------------------------------------------------------------------------------------------------------- */

/* Moves what one read gives into a stream whose permit is known; never more than the permit, so nothing is lost between the two. */
static enum status splice_with(read_function read, struct cm_call *call, struct wasi_io_streams_output_stream *self,
                               struct wasi_io_streams_input_stream *src, uint64_t len,
                               struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    struct str bytes;
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = read(src, call, MIN(len, self->permit), &bytes, &error);
    if (state != WASI_STREAM_OPEN)
        return CLOSE(src, state, error, ret);
    state = write_permitted(self, bytes, &error);
    if (state != WASI_STREAM_OPEN)
        return CLOSE(self, state, error, ret);
    ret->is_err = false;
    ret->of.ok = bytes.len;
    return ST_OK;
}

enum status wasi_io_streams_output_stream_splice(struct cm_call *call, struct wasi_io_streams_output_stream *self,
                                                 struct wasi_io_streams_input_stream *src, uint64_t len,
                                                 struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    struct wasi_io_error_error *error = NULL;
    uint64_t permit;
    enum wasi_stream_state state = check_now(self, &permit, &error);
    if (state != WASI_STREAM_OPEN)
        return CLOSE(self, state, error, ret);
    if (permit == 0) {
        *ret = (struct cm_result_u64_wasi_io_streams_stream_error){.is_err = false};
        return ST_OK;
    }
    return splice_with(read_now, call, self, src, len, ret);
}

enum status wasi_io_streams_output_stream_blocking_splice(struct cm_call *call, struct wasi_io_streams_output_stream *self,
                                                          struct wasi_io_streams_input_stream *src, uint64_t len,
                                                          struct cm_result_u64_wasi_io_streams_stream_error *ret)
{
    struct wasi_io_error_error *error = NULL;
    enum wasi_stream_state state = wait_permit(self, &error);
    if (state != WASI_STREAM_OPEN)
        return CLOSE(self, state, error, ret);
    return splice_with(read_blocking, call, self, src, len, ret);
}

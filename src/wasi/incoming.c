/* wasi:http/types: incoming-request, incoming-body, future-trailers. */
#include "base/mem.h"
#include "wasi/http.h"

uint32_t wasi_http_error_code(const struct http_exchange *exchange, enum status status, bool reading)
{
    switch (status) {
    case ST_TIMEOUT:
        return reading ? WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_READ_TIMEOUT : WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_WRITE_TIMEOUT;
    case ST_IO:
        return WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_TERMINATED;
    case ST_INVALID:
        if (reading && http_exchange_body_reject(exchange).status == 431)
            return WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_TRAILER_SECTION_SIZE;
        return WASI_HTTP_TYPES_ERROR_CODE_HTTP_PROTOCOL_ERROR;
    case ST_LIMIT: /* what is written has a head and trailers of bounded size; only the latter are written here */
        return reading ? WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR : WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_TRAILER_SECTION_SIZE;
    default:
        return WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR;
    }
}

/* --- incoming-request --------------------------------------------------------------------------------------------------------- */

struct wasi_http_types_incoming_request {
    struct wasi_node node;
    struct http_exchange *exchange;
    bool consumed;
};

static void request_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_http_types_incoming_request, node));
}

struct wasi_http_types_incoming_request *wasi_incoming_request_new(struct http_exchange *exchange)
{
    struct wasi_http_types_incoming_request *request = NEW(struct wasi_http_types_incoming_request);
    wasi_node_init(&request->node, NULL, request_destroy);
    request->exchange = exchange;
    return request;
}

enum status wasi_http_types_incoming_request_drop(struct cm_call *call, struct wasi_http_types_incoming_request *self)
{
    return wasi_node_drop(call, &self->node);
}

enum status wasi_http_types_incoming_request_method(struct cm_call *call UNUSED, struct wasi_http_types_incoming_request *self,
                                                    struct wasi_http_types_method *ret)
{
    static const uint32_t tags[] = {
        [HTTP_METHOD_OTHER] = WASI_HTTP_TYPES_METHOD_OTHER,     [HTTP_METHOD_GET] = WASI_HTTP_TYPES_METHOD_GET,
        [HTTP_METHOD_HEAD] = WASI_HTTP_TYPES_METHOD_HEAD,       [HTTP_METHOD_POST] = WASI_HTTP_TYPES_METHOD_POST,
        [HTTP_METHOD_PUT] = WASI_HTTP_TYPES_METHOD_PUT,         [HTTP_METHOD_DELETE] = WASI_HTTP_TYPES_METHOD_DELETE,
        [HTTP_METHOD_CONNECT] = WASI_HTTP_TYPES_METHOD_CONNECT, [HTTP_METHOD_OPTIONS] = WASI_HTTP_TYPES_METHOD_OPTIONS,
        [HTTP_METHOD_TRACE] = WASI_HTTP_TYPES_METHOD_TRACE,     [HTTP_METHOD_PATCH] = WASI_HTTP_TYPES_METHOD_PATCH,
    };
    const struct http_head *head = http_exchange_head(self->exchange);
    ret->tag = tags[head->method_id];
    if (ret->tag == WASI_HTTP_TYPES_METHOD_OTHER)
        ret->of.other = head->method;
    return ST_OK;
}

enum status wasi_http_types_incoming_request_path_with_query(struct cm_call *call, struct wasi_http_types_incoming_request *self,
                                                             struct cm_option_string *ret)
{
    const struct http_head *head = http_exchange_head(self->exchange);
    ret->is_some = head->path.len > 0;
    if (head->query.data)
        ret->value = head->form == HTTP_TARGET_ORIGIN
                         ? head->target
                         : arena_printf(cm_call_arena(call), "%.*s?%.*s", STR_ARG(head->path), STR_ARG(head->query));
    else
        ret->value = head->path;
    return ST_OK;
}

enum status wasi_http_types_incoming_request_scheme(struct cm_call *call UNUSED, struct wasi_http_types_incoming_request *self,
                                                    struct cm_option_wasi_http_types_scheme *ret)
{
    const struct http_head *head = http_exchange_head(self->exchange);
    ret->is_some = true;
    ret->value.tag = str_eq_nocase(head->scheme, STR("https")) ? WASI_HTTP_TYPES_SCHEME_HTTPS : WASI_HTTP_TYPES_SCHEME_HTTP;
    return ST_OK;
}

enum status wasi_http_types_incoming_request_authority(struct cm_call *call UNUSED, struct wasi_http_types_incoming_request *self,
                                                       struct cm_option_string *ret)
{
    ret->value = http_exchange_head(self->exchange)->authority;
    ret->is_some = ret->value.data != NULL;
    return ST_OK;
}

enum status wasi_http_types_incoming_request_headers(struct cm_call *call, struct wasi_http_types_incoming_request *self,
                                                     struct wasi_http_types_fields **ret)
{
    const struct http_head *head = http_exchange_head(self->exchange);
    return wasi_fields_received(call, &self->node, head->fields, head->field_count, ret);
}

/* --- incoming-body ------------------------------------------------------------------------------------------------------------ */

struct wasi_http_types_incoming_body {
    struct wasi_node node;
    struct http_exchange *exchange;
    bool stream_taken;
};

static void body_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_http_types_incoming_body, node));
}

enum status wasi_http_types_incoming_request_consume(struct cm_call *call UNUSED, struct wasi_http_types_incoming_request *self,
                                                     struct cm_result_wasi_http_types_incoming_body_none *ret)
{
    ret->is_err = self->consumed;
    if (self->consumed)
        return ST_OK;
    self->consumed = true;
    struct wasi_http_types_incoming_body *body = NEW(struct wasi_http_types_incoming_body);
    wasi_node_init(&body->node, NULL, body_destroy);
    body->exchange = self->exchange;
    ret->of.ok = body;
    return ST_OK;
}

enum status wasi_http_types_incoming_body_drop(struct cm_call *call, struct wasi_http_types_incoming_body *self)
{
    return wasi_node_drop(call, &self->node);
}

struct body_stream {
    struct wasi_io_streams_input_stream stream;
    struct http_exchange *exchange;
    struct str rest;     /* read from the connection, not yet by the guest */
    enum status failure; /* of reading; the exchange says it only once */
};

/* Sees to it that there is something in `rest`, unless the body is at its end. */
static enum status fill(struct body_stream *self)
{
    if (self->rest.len > 0)
        return ST_OK;
    if (self->failure == ST_OK) {
        enum status status = http_exchange_try_read_body(self->exchange, &self->rest, NULL);
        if (status == ST_UNAVAILABLE || status == ST_CANCELLED)
            return status;
        self->failure = status;
    }
    return self->failure;
}

static enum wasi_stream_state body_read(struct wasi_io_streams_input_stream *stream, struct cm_call *call UNUSED, uint64_t max,
                                        struct str *ret_bytes, struct wasi_io_error_error **ret_error)
{
    struct body_stream *self = CONTAINER_OF(stream, struct body_stream, stream);
    enum status status = fill(self);
    if (status == ST_UNAVAILABLE)
        return WASI_STREAM_OPEN;
    if (status == ST_CANCELLED)
        return WASI_STREAM_STOPPED;
    if (status != ST_OK) {
        *ret_error =
            wasi_error_new(WASI_ERROR_HTTP, wasi_http_error_code(self->exchange, status, true), "the request body ended early");
        return WASI_STREAM_FAILED;
    }
    if (self->rest.len == 0)
        return WASI_STREAM_CLOSED;
    *ret_bytes = str_slice(self->rest, 0, max);
    self->rest = str_from(self->rest, ret_bytes->len);
    return WASI_STREAM_OPEN;
}

/* Reads ahead: the connection's event may be set without a byte of the body being there. */
static struct io_event *body_ready(struct wasi_io_streams_input_stream *stream, uint64_t *deadline)
{
    struct body_stream *self = CONTAINER_OF(stream, struct body_stream, stream);
    if (fill(self) != ST_UNAVAILABLE)
        return NULL;
    *deadline = MIN(*deadline, http_exchange_body_deadline(self->exchange));
    return http_exchange_body_event(self->exchange);
}

static const struct wasi_input_ops body_ops = {.read = body_read, .ready = body_ready};

static void stream_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct body_stream, stream.node));
}

enum status wasi_http_types_incoming_body_stream(struct cm_call *call UNUSED, struct wasi_http_types_incoming_body *self,
                                                 struct cm_result_wasi_io_streams_input_stream_none *ret)
{
    ret->is_err = self->stream_taken;
    if (self->stream_taken)
        return ST_OK;
    self->stream_taken = true;
    struct body_stream *stream = NEW(struct body_stream);
    wasi_input_init(&stream->stream, &body_ops, &self->node, stream_destroy);
    stream->exchange = self->exchange;
    ret->of.ok = &stream->stream;
    return ST_OK;
}

/* --- future-trailers ---------------------------------------------------------------------------------------------------------- */

struct wasi_http_types_future_trailers {
    struct wasi_node node;
    struct http_exchange *exchange;
    enum status failure; /* of reading; the exchange says it only once */
    bool taken;
};

static void trailers_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_http_types_future_trailers, node));
}

enum status wasi_http_types_incoming_body_finish(struct cm_call *call, struct wasi_http_types_incoming_body *this,
                                                 struct wasi_http_types_future_trailers **ret)
{
    struct http_exchange *exchange = this->exchange;
    TRY(wasi_node_drop(call, &this->node));
    struct wasi_http_types_future_trailers *trailers = NEW(struct wasi_http_types_future_trailers);
    wasi_node_init(&trailers->node, NULL, trailers_destroy);
    trailers->exchange = exchange;
    *ret = trailers;
    return ST_OK;
}

enum status wasi_http_types_future_trailers_drop(struct cm_call *call, struct wasi_http_types_future_trailers *self)
{
    return wasi_node_drop(call, &self->node);
}

/* Reads over what is left of the body; trailers come behind it. */
static enum status skip_body(struct wasi_http_types_future_trailers *self)
{
    struct str data = STR("");
    enum status status = self->failure;
    do {
        if (status == ST_OK)
            status = http_exchange_try_read_body(self->exchange, &data, NULL);
    } while (status == ST_OK && data.len > 0);
    if (status != ST_UNAVAILABLE && status != ST_CANCELLED)
        self->failure = status;
    return status;
}

/* Not ready while `get` would answer none: guests take what it gives once the pollable is ready. */
static struct io_event *trailers_event(struct wasi_node *node, uint64_t *deadline)
{
    struct wasi_http_types_future_trailers *self = CONTAINER_OF(node, struct wasi_http_types_future_trailers, node);
    if (self->taken || skip_body(self) != ST_UNAVAILABLE)
        return NULL;
    *deadline = MIN(*deadline, http_exchange_body_deadline(self->exchange));
    return http_exchange_body_event(self->exchange);
}

enum status wasi_http_types_future_trailers_subscribe(struct cm_call *call UNUSED, struct wasi_http_types_future_trailers *self,
                                                      struct wasi_io_poll_pollable **ret)
{
    *ret = wasi_pollable_new(&self->node, trailers_event, CLOCK_NEVER);
    return ST_OK;
}

enum status wasi_http_types_future_trailers_get(
    struct cm_call *call, struct wasi_http_types_future_trailers *self,
    struct cm_option_result_result_option_wasi_http_types_fields_wasi_http_types_error_code_none *ret)
{
    memset(ret, 0, sizeof *ret);
    if (self->taken) {
        ret->is_some = true;
        ret->value.is_err = true;
        return ST_OK;
    }
    enum status status = skip_body(self);
    if (status == ST_CANCELLED)
        return status;
    if (status == ST_UNAVAILABLE)
        return ST_OK;
    self->taken = true;
    ret->is_some = true;
    if (status != ST_OK) {
        ret->value.of.ok.is_err = true;
        ret->value.of.ok.of.err.tag = wasi_http_error_code(self->exchange, status, true);
        return ST_OK;
    }
    size_t count;
    const struct http_field *fields = http_exchange_trailers(self->exchange, &count);
    ret->value.of.ok.of.ok.is_some = count > 0;
    return count > 0 ? wasi_fields_received(call, NULL, fields, count, &ret->value.of.ok.of.ok.value) : ST_OK;
}

/* --- errors ------------------------------------------------------------------------------------------------------------------- */

enum status wasi_http_types_http_error_code(struct cm_call *call UNUSED, struct wasi_io_error_error *err,
                                            struct cm_option_wasi_http_types_error_code *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->is_some = err->kind == WASI_ERROR_HTTP;
    ret->value.tag = err->code;
    if (ret->is_some && err->has_size) { /* both size codes have the same payload */
        ret->value.of.http_response_body_size.is_some = true;
        ret->value.of.http_response_body_size.value = err->size;
    }
    return ST_OK;
}

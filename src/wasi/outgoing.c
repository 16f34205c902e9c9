/* wasi:http/types: outgoing-response, outgoing-body, response-outparam; and running an incoming-handler. */
#include "base/mem.h"
#include "wasi/context.h"
#include "wasi/http.h"

struct wasi_http_types_outgoing_response {
    struct wasi_node node;
    uint16_t status;
    struct wasi_http_types_fields *fields;
    struct wasi_http_types_outgoing_body *body; /* NULL until the guest asks for it; holds a reference */
};

/* --- outgoing-body ------------------------------------------------------------------------------------------------------------ */

struct wasi_http_types_outgoing_body {
    struct wasi_node node;
    struct wasi_context *context;
    const struct wasi_http_types_outgoing_response *response; /* whose it is; NULL: a request's, or it is gone */
    struct http_exchange *exchange;                           /* NULL until attached */
    struct buf kept;                                          /* written before that */
    struct io_event attached;
    struct wasi_http_types_fields *trailers; /* finished before it was attached */
    uint64_t length, written;
    uint32_t size_error;
    bool has_length, stream_taken, finished, broken;
};

static void drop_kept(struct wasi_http_types_outgoing_body *body)
{
    wasi_release(body->context, body->kept.len);
    buf_release(&body->kept);
}

static void body_destroy(struct wasi_node *node)
{
    struct wasi_http_types_outgoing_body *body = CONTAINER_OF(node, struct wasi_http_types_outgoing_body, node);
    drop_kept(body);
    if (body->trailers)
        wasi_node_unref(&body->trailers->node);
    free(body);
}

struct wasi_http_types_outgoing_body *wasi_outgoing_body_new(struct wasi_context *context, uint32_t size_error)
{
    struct wasi_http_types_outgoing_body *body = NEW(struct wasi_http_types_outgoing_body);
    wasi_node_init(&body->node, NULL, body_destroy);
    buf_init(&body->kept, WASI_BODY_BUFFER);
    io_event_init(&body->attached);
    body->context = context;
    body->size_error = size_error;
    return body;
}

void wasi_outgoing_body_set_length(struct wasi_http_types_outgoing_body *body, uint64_t length)
{
    body->has_length = true;
    body->length = length;
}

struct wasi_node *wasi_outgoing_body_node(struct wasi_http_types_outgoing_body *body)
{
    return &body->node;
}

/* The other side of the body will see that it is incomplete, and writes find it closed. */
static void break_off(struct wasi_http_types_outgoing_body *body)
{
    body->broken = true;
    if (body->exchange)
        http_exchange_abort(body->exchange);
}

void wasi_outgoing_body_abandon(struct wasi_http_types_outgoing_body *body)
{
    body->response = NULL;
    if (!body->exchange)
        body->broken = true;
}

static enum status end_message(struct wasi_http_types_outgoing_body *body, struct wasi_http_types_fields *trailers,
                               struct error *err)
{
    struct http_field *fields = trailers ? mem_array(MAX(trailers->items.len, 1), sizeof *fields) : NULL;
    if (trailers)
        wasi_fields_view(trailers, fields);
    enum status status = http_exchange_finish(body->exchange, fields, trailers ? trailers->items.len : 0, err);
    free(fields);
    if (status != ST_OK)
        break_off(body);
    return status;
}

enum status wasi_outgoing_body_attach(struct wasi_http_types_outgoing_body *body, struct http_exchange *exchange, struct error *err)
{
    enum status status = ST_OK;
    body->exchange = exchange;
    if (!body->broken && body->kept.len > 0)
        status = http_exchange_write_body(exchange, body->kept.data, body->kept.len, CLOCK_NEVER, err);
    if (body->broken || status != ST_OK)
        break_off(body);
    else if (body->finished)
        status = end_message(body, body->trailers, err);
    drop_kept(body);
    io_event_set(&body->attached);
    return status;
}

enum status wasi_http_types_outgoing_body_drop(struct cm_call *call, struct wasi_http_types_outgoing_body *self)
{
    if (!self->finished)
        break_off(self);
    return wasi_node_drop(call, &self->node);
}

struct outgoing_stream {
    struct wasi_io_streams_output_stream stream;
    struct wasi_http_types_outgoing_body *body; /* its parent */
};

static enum wasi_stream_state outgoing_check(struct wasi_io_streams_output_stream *stream, uint64_t *ret_permit,
                                             struct wasi_io_error_error **ret_error UNUSED)
{
    struct wasi_http_types_outgoing_body *body = CONTAINER_OF(stream, struct outgoing_stream, stream)->body;
    if (body->broken)
        return WASI_STREAM_CLOSED;
    *ret_permit = body->exchange ? http_exchange_write_room(body->exchange) : WASI_BODY_BUFFER - body->kept.len;
    return WASI_STREAM_OPEN;
}

static enum wasi_stream_state fail_write(struct wasi_http_types_outgoing_body *body, uint32_t code, const char *text,
                                         struct wasi_io_error_error **ret_error)
{
    break_off(body);
    *ret_error = wasi_error_new(WASI_ERROR_HTTP, code, text);
    return WASI_STREAM_FAILED;
}

static enum wasi_stream_state outgoing_write(struct wasi_io_streams_output_stream *stream, struct str bytes,
                                             struct wasi_io_error_error **ret_error)
{
    struct wasi_http_types_outgoing_body *body = CONTAINER_OF(stream, struct outgoing_stream, stream)->body;
    if (body->has_length && bytes.len > body->length - body->written) {
        enum wasi_stream_state state = fail_write(body, body->size_error, "the body is longer than its content-length", ret_error);
        (*ret_error)->has_size = true;
        (*ret_error)->size = body->written + bytes.len;
        return state;
    }
    body->written += bytes.len;
    if (!body->exchange) {
        if (!wasi_hold(body->context, bytes.len))
            return fail_write(body, WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR, "too many bodies are kept for messages not sent yet",
                              ret_error);
        if (buf_append_str(&body->kept, bytes) != ST_OK)
            bug("an outgoing body took more than its permit");
        return WASI_STREAM_OPEN;
    }
    struct error err;
    enum status status = http_exchange_write_body(body->exchange, bytes.data, bytes.len, CLOCK_NEVER, &err);
    if (status == ST_OK)
        return WASI_STREAM_OPEN;
    if (status == ST_CANCELLED)
        return WASI_STREAM_STOPPED;
    return fail_write(body, wasi_http_error_code(body->exchange, status, false), "the client does not take the response",
                      ret_error);
}

static struct io_event *outgoing_ready(struct wasi_io_streams_output_stream *stream, uint64_t *deadline UNUSED)
{
    struct wasi_http_types_outgoing_body *body = CONTAINER_OF(stream, struct outgoing_stream, stream)->body;
    if (body->broken)
        return NULL;
    if (!body->exchange)
        return body->kept.len < WASI_BODY_BUFFER ? NULL : &body->attached;
    return http_exchange_write_room(body->exchange) > 0 ? NULL : http_exchange_write_event(body->exchange);
}

/* What is written leaves when the guest next waits, or ends its answer: there is nothing to flush. */
static const struct wasi_output_ops outgoing_ops = {.check = outgoing_check, .write = outgoing_write, .ready = outgoing_ready};

static void stream_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct outgoing_stream, stream.node));
}

enum status wasi_http_types_outgoing_body_write(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_body *self,
                                                struct cm_result_wasi_io_streams_output_stream_none *ret)
{
    ret->is_err = self->stream_taken;
    if (self->stream_taken)
        return ST_OK;
    self->stream_taken = true;
    struct outgoing_stream *stream = NEW(struct outgoing_stream);
    wasi_output_init(&stream->stream, &outgoing_ops, &self->node, stream_destroy);
    stream->body = self;
    ret->of.ok = &stream->stream;
    return ST_OK;
}

/* A response to HEAD, and one with 204 or 304, may declare a length and have no body. */
static bool may_lack_body(const struct wasi_http_types_outgoing_body *body)
{
    const struct wasi_http_request *request = body->context->http;
    if (body->written > 0 || body->size_error != WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_BODY_SIZE)
        return false;
    if (request && http_exchange_head(request->exchange)->method_id == HTTP_METHOD_HEAD)
        return true;
    int status = body->exchange ? http_exchange_status(body->exchange) : body->response ? body->response->status : 200;
    return status == 204 || status == 304;
}

/* A body shorter than declared: the message cannot be completed. */
static void too_short(struct wasi_http_types_outgoing_body *body, struct wasi_http_types_error_code *ret)
{
    break_off(body);
    ret->tag = body->size_error;
    ret->of.http_response_body_size.is_some = true; /* the request's code has the same payload */
    ret->of.http_response_body_size.value = body->written;
}

/* False and the error-code when the message cannot be completed. *trailers becomes NULL when they are kept. */
static bool finish_body(struct wasi_http_types_outgoing_body *body, struct wasi_http_types_fields **trailers,
                        struct wasi_http_types_error_code *ret_error)
{
    struct error err;
    if (body->broken) {
        ret_error->tag = WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_TERMINATED;
        return false;
    }
    if (body->has_length && body->written != body->length && !may_lack_body(body)) {
        too_short(body, ret_error);
        return false;
    }
    if (!body->exchange) {
        body->trailers = *trailers;
        *trailers = NULL;
        return true;
    }
    enum status status = end_message(body, *trailers, &err);
    ret_error->tag = wasi_http_error_code(body->exchange, status, false);
    return status == ST_OK;
}

enum status wasi_http_types_outgoing_body_finish(struct cm_call *call, struct wasi_http_types_outgoing_body *this,
                                                 const struct cm_option_wasi_http_types_fields *trailers,
                                                 struct cm_result_none_wasi_http_types_error_code *ret)
{
    memset(ret, 0, sizeof *ret);
    struct wasi_http_types_fields *given = trailers->is_some ? trailers->value : NULL;
    if (given)
        wasi_node_detach(&given->node);
    if (this->node.children == 0) {
        this->finished = true;
        ret->is_err = !finish_body(this, &given, &ret->of.err);
    }
    if (given)
        wasi_node_unref(&given->node);
    return wasi_http_types_outgoing_body_drop(call, this);
}

/* --- outgoing-response -------------------------------------------------------------------------------------------------------- */

static void response_destroy(struct wasi_node *node)
{
    struct wasi_http_types_outgoing_response *response = CONTAINER_OF(node, struct wasi_http_types_outgoing_response, node);
    wasi_node_unref(&response->fields->node);
    if (response->body) {
        wasi_outgoing_body_abandon(response->body);
        wasi_node_unref(&response->body->node);
    }
    free(response);
}

enum status wasi_http_types_outgoing_response_new(struct cm_call *call UNUSED, struct wasi_http_types_fields *headers,
                                                  struct wasi_http_types_outgoing_response **ret)
{
    struct wasi_http_types_outgoing_response *response = NEW(struct wasi_http_types_outgoing_response);
    wasi_node_init(&response->node, NULL, response_destroy);
    wasi_node_detach(&headers->node);
    response->status = 200;
    response->fields = headers;
    *ret = response;
    return ST_OK;
}

enum status wasi_http_types_outgoing_response_drop(struct cm_call *call, struct wasi_http_types_outgoing_response *self)
{
    return wasi_node_drop(call, &self->node);
}

enum status wasi_http_types_outgoing_response_status_code(struct cm_call *call UNUSED,
                                                          struct wasi_http_types_outgoing_response *self, uint16_t *ret)
{
    *ret = self->status;
    return ST_OK;
}

/* Interim statuses are not a response's (they have a function of their own), and three digits are all that HTTP has. */
enum status wasi_http_types_outgoing_response_set_status_code(struct cm_call *call UNUSED,
                                                              struct wasi_http_types_outgoing_response *self, uint16_t status_code,
                                                              struct cm_result_none_none *ret)
{
    ret->is_err = status_code < 200 || status_code > 999;
    if (!ret->is_err)
        self->status = status_code;
    return ST_OK;
}

enum status wasi_http_types_outgoing_response_headers(struct cm_call *call, struct wasi_http_types_outgoing_response *self,
                                                      struct wasi_http_types_fields **ret)
{
    TRY(wasi_fields_copy(call, &self->node, self->fields, ret));
    (*ret)->immutable = true;
    return ST_OK;
}

enum status wasi_http_types_outgoing_response_body(struct cm_call *call, struct wasi_http_types_outgoing_response *self,
                                                   struct cm_result_wasi_http_types_outgoing_body_none *ret)
{
    ret->is_err = self->body != NULL;
    if (self->body)
        return ST_OK;
    self->body = wasi_outgoing_body_new(wasi_of(call), WASI_HTTP_TYPES_ERROR_CODE_HTTP_RESPONSE_BODY_SIZE);
    self->body->response = self;
    uint64_t length;
    if (wasi_fields_content_length(self->fields, &length))
        wasi_outgoing_body_set_length(self->body, length);
    wasi_node_ref(&self->body->node); /* one for the response, one for the guest's handle */
    ret->of.ok = self->body;
    return ST_OK;
}

/* --- response-outparam -------------------------------------------------------------------------------------------------------- */

static void outparam_destroy(struct wasi_node *node)
{
    struct wasi_http_types_response_outparam *outparam = CONTAINER_OF(node, struct wasi_http_types_response_outparam, node);
    if (outparam->request)
        outparam->request->outparam = NULL;
    free(outparam);
}

enum status wasi_http_types_response_outparam_drop(struct cm_call *call, struct wasi_http_types_response_outparam *self)
{
    return wasi_node_drop(call, &self->node);
}

/* Interim responses are an unstable feature that this host does not offer. */
enum status wasi_http_types_response_outparam_send_informational(struct cm_call *call UNUSED,
                                                                 struct wasi_http_types_response_outparam *self UNUSED,
                                                                 uint16_t status UNUSED, struct wasi_http_types_fields *headers,
                                                                 struct cm_result_none_wasi_http_types_error_code *ret)
{
    wasi_node_drop(NULL, &headers->node);
    memset(ret, 0, sizeof *ret);
    ret->is_err = true;
    ret->of.err.tag = WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR;
    ret->of.err.of.internal_error.is_some = true;
    ret->of.err.of.internal_error.value = STR("informational responses are not offered by this host");
    return ST_OK;
}

/* Gives the head, then hands the body over. */
static void send_response(struct wasi_http_request *request, struct wasi_http_types_outgoing_response *response)
{
    struct http_field on_stack[32], *fields = on_stack;
    size_t count = response->fields->items.len;
    if (count > ARRAY_LEN(on_stack))
        fields = mem_array(count, sizeof *fields);
    wasi_fields_view(response->fields, fields);
    uint64_t length = HTTP_LENGTH_UNKNOWN;
    if (!wasi_fields_content_length(response->fields, &length) && !response->body)
        length = 0;
    enum status status = http_exchange_respond(request->exchange, response->status, fields, count, length, &request->failure);
    if (fields != on_stack)
        free(fields);
    if (status == ST_OK && response->body)
        status = wasi_outgoing_body_attach(response->body, request->exchange, &request->failure);
    else if (status == ST_OK)
        status = http_exchange_finish(request->exchange, NULL, 0, &request->failure);
    if (status != ST_OK && http_exchange_responded(request->exchange))
        http_exchange_abort(request->exchange);
}

enum status
wasi_http_types_response_outparam_set(struct cm_call *call, struct wasi_http_types_response_outparam *param,
                                      const struct cm_result_wasi_http_types_outgoing_response_wasi_http_types_error_code *response)
{
    struct wasi_http_request *request = param->request;
    wasi_node_drop(NULL, &param->node);
    if (!response->is_err && response->of.ok->node.children > 0) {
        wasi_node_drop(NULL, &response->of.ok->node);
        return cm_trap(call, "resource has children");
    }
    if (request && !request->set) {
        request->set = true;
        request->is_error = response->is_err;
        if (response->is_err)
            request->error_code = response->of.err.tag;
        else
            send_response(request, response->of.ok);
    }
    return response->is_err ? ST_OK : wasi_node_drop(call, &response->of.ok->node);
}

/* --- serving ------------------------------------------------------------------------------------------------------------------ */

enum status wasi_http_find_handler(struct cm_linked *linked, const struct cm_export **ret_handler, struct error *err)
{
    return cm_export_find(linked, &wasi_http_incoming_handler_export_interface,
                          &wasi_http_incoming_handler_export_interface.funcs[0], ret_handler, err);
}

static enum status judge(const struct wasi_http_request *request, struct error *err)
{
    if (!request->set)
        return fail(err, ST_INVALID, "the component returned without setting a response");
    if (request->is_error) {
        const struct cm_type_desc *codes = &wasi_http_types_error_code_desc;
        return fail(err, ST_INVALID, "the component answered with the error %s",
                    request->error_code < codes->count ? codes->fields[request->error_code].name : "unknown");
    }
    if (request->failure.status != ST_OK) {
        *err = request->failure;
        return fail_wrap(err, "the component's response cannot be sent");
    }
    return ST_OK;
}

enum status wasi_http_serve(struct cm_instance *instance, const struct cm_export *handler, struct http_exchange *exchange,
                            struct error *err)
{
    struct wasi_context *context = cm_instance_data(instance, CM_DATA_WASI);
    struct wasi_http_request request = {.exchange = exchange};
    struct wasi_http_types_response_outparam *outparam = NEW(struct wasi_http_types_response_outparam);
    wasi_node_init(&outparam->node, NULL, outparam_destroy);
    outparam->request = &request;
    request.outparam = outparam;
    context->http = &request;
    struct wasi_http_incoming_handler_handle_args args = {.request = wasi_incoming_request_new(exchange), .response_out = outparam};
    enum status status = cm_call_export(instance, handler, &args, NULL, err);
    context->http = NULL;
    if (request.outparam) /* still in the guest's table, which goes after this frame */
        request.outparam->request = NULL;
    return status == ST_OK ? judge(&request, err) : status;
}

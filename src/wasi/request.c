/* wasi:http/types: outgoing-request, request-options, incoming-response, future-incoming-response; wasi:http/outgoing-handler.
 *
 * A guest can build requests; sending them is refused with a WASI error, since this host has no HTTP client yet. So no
 * incoming-response and no future-incoming-response ever exists. */
#include "base/mem.h"
#include "http/syntax.h"
#include "wasi/context.h"
#include "wasi/http.h"

#define REQUEST_TEXT_MAX 65536 /* of a method, path, scheme or authority */

struct wasi_http_types_outgoing_request {
    struct wasi_node node;
    struct wasi_context *context;
    struct wasi_http_types_fields *fields;
    struct wasi_http_types_outgoing_body *body;           /* NULL until asked for; holds a reference */
    uint32_t method, scheme;                              /* tags; scheme: UINT32_MAX none */
    char *method_other, *scheme_other, *path, *authority; /* NULL: none */
};

static void clear_text(struct wasi_http_types_outgoing_request *request, char **slot)
{
    if (*slot)
        wasi_release(request->context, strlen(*slot));
    free(*slot);
    *slot = NULL;
}

static void request_destroy(struct wasi_node *node)
{
    struct wasi_http_types_outgoing_request *request = CONTAINER_OF(node, struct wasi_http_types_outgoing_request, node);
    wasi_node_unref(&request->fields->node);
    if (request->body) {
        wasi_outgoing_body_abandon(request->body);
        wasi_node_unref(wasi_outgoing_body_node(request->body));
    }
    clear_text(request, &request->method_other);
    clear_text(request, &request->scheme_other);
    clear_text(request, &request->path);
    clear_text(request, &request->authority);
    free(request);
}

enum status wasi_http_types_outgoing_request_new(struct cm_call *call, struct wasi_http_types_fields *headers,
                                                 struct wasi_http_types_outgoing_request **ret)
{
    struct wasi_http_types_outgoing_request *request = NEW(struct wasi_http_types_outgoing_request);
    wasi_node_init(&request->node, NULL, request_destroy);
    wasi_node_detach(&headers->node);
    request->context = wasi_of(call);
    request->fields = headers;
    request->method = WASI_HTTP_TYPES_METHOD_GET;
    request->scheme = UINT32_MAX;
    *ret = request;
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_drop(struct cm_call *call, struct wasi_http_types_outgoing_request *self)
{
    return wasi_node_drop(call, &self->node);
}

enum status wasi_http_types_outgoing_request_body(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_request *self,
                                                  struct cm_result_wasi_http_types_outgoing_body_none *ret)
{
    ret->is_err = self->body != NULL;
    if (self->body)
        return ST_OK;
    self->body = wasi_outgoing_body_new(self->context, WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_BODY_SIZE);
    uint64_t length;
    if (wasi_fields_content_length(self->fields, &length))
        wasi_outgoing_body_set_length(self->body, length);
    wasi_node_ref(wasi_outgoing_body_node(self->body));
    ret->of.ok = self->body;
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_headers(struct cm_call *call, struct wasi_http_types_outgoing_request *self,
                                                     struct wasi_http_types_fields **ret)
{
    TRY(wasi_fields_copy(call, &self->node, self->fields, ret));
    (*ret)->immutable = true;
    return ST_OK;
}

/* Replaces *slot by a copy of `text` when it is valid; false, and nothing changes, when it is not. */
static bool set_text(struct wasi_http_types_outgoing_request *request, char **slot, struct str text, bool valid)
{
    if (!valid || text.len > REQUEST_TEXT_MAX || !wasi_hold(request->context, text.len))
        return false;
    clear_text(request, slot);
    *slot = mem_strndup(text.data, text.len);
    return true;
}

enum status wasi_http_types_outgoing_request_method(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_request *self,
                                                    struct wasi_http_types_method *ret)
{
    ret->tag = self->method;
    ret->of.other = str_of(self->method_other);
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_set_method(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_request *self,
                                                        const struct wasi_http_types_method *method,
                                                        struct cm_result_none_none *ret)
{
    ret->is_err = false;
    if (method->tag == WASI_HTTP_TYPES_METHOD_OTHER)
        ret->is_err = !set_text(self, &self->method_other, method->of.other, http_token_valid(method->of.other));
    else
        clear_text(self, &self->method_other);
    if (!ret->is_err)
        self->method = method->tag;
    return ST_OK;
}

static void get_text(const char *slot, struct cm_option_string *ret)
{
    ret->is_some = slot != NULL;
    ret->value = str_of(slot);
}

enum status wasi_http_types_outgoing_request_path_with_query(struct cm_call *call UNUSED,
                                                             struct wasi_http_types_outgoing_request *self,
                                                             struct cm_option_string *ret)
{
    get_text(self->path, ret);
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_set_path_with_query(struct cm_call *call UNUSED,
                                                                 struct wasi_http_types_outgoing_request *self,
                                                                 const struct cm_option_string *path_with_query,
                                                                 struct cm_result_none_none *ret)
{
    struct str path, query;
    ret->is_err = false;
    if (path_with_query->is_some)
        ret->is_err = !set_text(self, &self->path, path_with_query->value, http_path_parse(path_with_query->value, &path, &query));
    else
        clear_text(self, &self->path);
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_authority(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_request *self,
                                                       struct cm_option_string *ret)
{
    get_text(self->authority, ret);
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_set_authority(struct cm_call *call UNUSED,
                                                           struct wasi_http_types_outgoing_request *self,
                                                           const struct cm_option_string *authority,
                                                           struct cm_result_none_none *ret)
{
    struct str host;
    uint16_t port;
    ret->is_err = false;
    if (authority->is_some)
        ret->is_err = !set_text(self, &self->authority, authority->value, http_authority_parse(authority->value, &host, &port));
    else
        clear_text(self, &self->authority);
    return ST_OK;
}

enum status wasi_http_types_outgoing_request_scheme(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_request *self,
                                                    struct cm_option_wasi_http_types_scheme *ret)
{
    ret->is_some = self->scheme != UINT32_MAX;
    ret->value.tag = ret->is_some ? self->scheme : 0;
    ret->value.of.other = str_of(self->scheme_other);
    return ST_OK;
}

/* RFC 3986 section 3.1 */
static bool scheme_valid(struct str scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.data[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && (i == 0 || !(http_is_digit(c) || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return scheme.len > 0;
}

enum status wasi_http_types_outgoing_request_set_scheme(struct cm_call *call UNUSED, struct wasi_http_types_outgoing_request *self,
                                                        const struct cm_option_wasi_http_types_scheme *scheme,
                                                        struct cm_result_none_none *ret)
{
    ret->is_err = false;
    if (scheme->is_some && scheme->value.tag == WASI_HTTP_TYPES_SCHEME_OTHER)
        ret->is_err = !set_text(self, &self->scheme_other, scheme->value.of.other, scheme_valid(scheme->value.of.other));
    else
        clear_text(self, &self->scheme_other);
    if (!ret->is_err)
        self->scheme = scheme->is_some ? scheme->value.tag : UINT32_MAX;
    return ST_OK;
}

/* --- request-options ---------------------------------------------------------------------------------------------------------- */

struct wasi_http_types_request_options {
    struct wasi_node node;
    struct cm_option_u64 connect, first_byte, between_bytes;
};

static void options_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_http_types_request_options, node));
}

enum status wasi_http_types_request_options_new(struct cm_call *call UNUSED, struct wasi_http_types_request_options **ret)
{
    *ret = NEW(struct wasi_http_types_request_options);
    wasi_node_init(&(*ret)->node, NULL, options_destroy);
    return ST_OK;
}

enum status wasi_http_types_request_options_drop(struct cm_call *call, struct wasi_http_types_request_options *self)
{
    return wasi_node_drop(call, &self->node);
}

/* The three time-outs are alike but for their name. */
#define REQUEST_TIMEOUT(function, setter, member)                                                                                  \
    enum status wasi_http_types_request_options_##function(                                                                        \
        struct cm_call *call UNUSED, struct wasi_http_types_request_options *self, struct cm_option_u64 *ret)                      \
    {                                                                                                                              \
        *ret = self->member;                                                                                                       \
        return ST_OK;                                                                                                              \
    }                                                                                                                              \
    enum status wasi_http_types_request_options_##setter(struct cm_call *call UNUSED,                                              \
                                                         struct wasi_http_types_request_options *self,                             \
                                                         const struct cm_option_u64 *duration, struct cm_result_none_none *ret)    \
    {                                                                                                                              \
        self->member = *duration;                                                                                                  \
        ret->is_err = false;                                                                                                       \
        return ST_OK;                                                                                                              \
    }
REQUEST_TIMEOUT(connect_timeout, set_connect_timeout, connect)
REQUEST_TIMEOUT(first_byte_timeout, set_first_byte_timeout, first_byte)
REQUEST_TIMEOUT(between_bytes_timeout, set_between_bytes_timeout, between_bytes)

/* --- outgoing-handler --------------------------------------------------------------------------------------------------------- */

enum status
wasi_http_outgoing_handler_handle(struct cm_call *call, struct wasi_http_types_outgoing_request *request,
                                  const struct cm_option_wasi_http_types_request_options *options,
                                  struct cm_result_wasi_http_types_future_incoming_response_wasi_http_types_error_code *ret)
{
    memset(ret, 0, sizeof *ret);
    bool in_use = request->node.children > 0;
    wasi_node_drop(NULL, &request->node);
    if (options->is_some)
        wasi_node_drop(NULL, &options->value->node);
    if (in_use)
        return cm_trap(call, "resource has children");
    ret->is_err = true;
    ret->of.err.tag = WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR;
    ret->of.err.of.internal_error.is_some = true;
    ret->of.err.of.internal_error.value = STR("this host does not send HTTP requests");
    return ST_OK;
}

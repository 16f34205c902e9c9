/* The objects of wasi:http/types 0.2, and running an incoming-handler on an HTTP exchange.
 *
 * The exchange (http/exchange.h) lives on the connection's task, as does the guest: a body is read and written straight between the
 * connection's buffers and guest memory, and waiting for the client parks the guest with its back-pressure. Objects point to the
 * exchange of their instance's context; an instance is freed before its exchange ends. */
#pragma once

#include "base/vec.h"
#include "http/exchange.h"
#include "wasi/stream.h"
#include "wasi/wasi.h"

/* --- fields ------------------------------------------------------------------------------------------------------------------- */

#define WASI_MAX_FIELDS_BYTES (128u << 10) /* names and values of one fields object */

struct wasi_http_field {
    uint32_t name_len, value_len;
    char *text; /* name (lower case), then value; one allocation */
};

struct wasi_http_types_fields {
    struct wasi_node node;
    struct wasi_context *context; /* whose memory it counts against */
    bool immutable;
    size_t bytes;
    VEC(struct wasi_http_field) items;
};

/* These trap when the instance would hold too much. parent: or NULL. */
enum status wasi_fields_new(struct cm_call *call, struct wasi_node *parent, struct wasi_http_types_fields **ret_fields) CHECKED;
/* Copies received fields; connection-bound ones (RFC 9110 section 7.6.1) and Host are left out. Immutable. */
enum status wasi_fields_received(struct cm_call *call, struct wasi_node *parent, const struct http_field *fields, size_t count,
                                 struct wasi_http_types_fields **ret_fields) CHECKED;
enum status wasi_fields_copy(struct cm_call *call, struct wasi_node *parent, const struct wasi_http_types_fields *from,
                             struct wasi_http_types_fields **ret_fields) CHECKED;
/* Views for http_exchange_*; ret_fields has room for from->items.len. */
void wasi_fields_view(const struct wasi_http_types_fields *from, struct http_field *ret_fields);
/* ret_len: the value of content-length; false when there is none or it is no number. */
bool wasi_fields_content_length(const struct wasi_http_types_fields *fields, uint64_t *ret_len);

/* --- bodies ------------------------------------------------------------------------------------------------------------------- */

/* The request of `exchange`, as a guest gets it. */
struct wasi_http_types_incoming_request *wasi_incoming_request_new(struct http_exchange *exchange);

#define WASI_BODY_BUFFER 65536 /* bytes of an outgoing body kept before its message is sent */

/* A body that is not attached to a message yet: what is written to it is kept. size_error: the error-code of a body that does not
 * have the length its message declares. */
struct wasi_http_types_outgoing_body *wasi_outgoing_body_new(struct wasi_context *context, uint32_t size_error);
void wasi_outgoing_body_set_length(struct wasi_http_types_outgoing_body *body, uint64_t length);
/* Gives it an exchange whose head has been given: kept bytes go there, then writes go straight there. Fails when those cannot be
 * sent; the exchange is aborted then. */
enum status wasi_outgoing_body_attach(struct wasi_http_types_outgoing_body *body, struct http_exchange *exchange,
                                      struct error *err) CHECKED;
/* Its message has ended: if the body was not attached by now it never will be, and writes find it closed. */
void wasi_outgoing_body_abandon(struct wasi_http_types_outgoing_body *body);
struct wasi_node *wasi_outgoing_body_node(struct wasi_http_types_outgoing_body *body);

/* The error-code of an exchange's read or write that failed. */
uint32_t wasi_http_error_code(const struct http_exchange *exchange, enum status status, bool reading);

/* --- serving ------------------------------------------------------------------------------------------------------------------ */

struct wasi_http_types_response_outparam {
    struct wasi_node node;
    struct wasi_http_request *request;
};

/* What an instance's context knows of the request it answers; lives as long as wasi_http_serve runs, while its outparam may be
 * used. */
struct wasi_http_request {
    struct http_exchange *exchange;
    struct wasi_http_types_response_outparam *outparam; /* NULL: set or dropped */
    bool set;                                           /* response-outparam.set was called */
    bool is_error;                                      /* with an error-code instead of a response */
    uint32_t error_code;                                /* its tag */
    struct error failure;                               /* why the head could not be sent; ST_OK: it could */
};

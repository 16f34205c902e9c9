/* The smallest useful guest in C: one constant answer. */
#include "c_hello.h"
#include <stdlib.h>

#define LITERAL(text)                                                                                                              \
    {                                                                                                                              \
        (uint8_t *)(text), sizeof(text) - 1                                                                                        \
    }

static void must(bool ok)
{
    if (!ok)
        abort();
}

static wasi_http_types_own_fields_t headers(void)
{
    wasi_http_types_tuple2_field_name_field_value_t entry = {LITERAL("content-type"), LITERAL("text/plain")};
    wasi_http_types_list_tuple2_field_name_field_value_t entries = {&entry, 1};
    wasi_http_types_own_fields_t fields;
    wasi_http_types_header_error_t error;
    must(wasi_http_types_static_fields_from_list(&entries, &fields, &error));
    return fields;
}

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out)
{
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers());
    wasi_http_types_own_outgoing_body_t body;
    must(wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body));
    wasi_http_types_result_own_outgoing_response_error_code_t answer = {.is_err = false, .val.ok = response};
    wasi_http_types_static_response_outparam_set(out, &answer);

    wasi_io_streams_own_output_stream_t stream;
    must(wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream));
    c_hello_list_u8_t text = LITERAL("Hello from wasmCloud!\n");
    wasi_io_streams_stream_error_t failed;
    must(wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &text,
                                                                       &failed));
    wasi_io_streams_output_stream_drop_own(stream);

    wasi_http_types_error_code_t error;
    must(wasi_http_types_static_outgoing_body_finish(body, NULL, &error));
    wasi_http_types_incoming_request_drop_own(request);
}

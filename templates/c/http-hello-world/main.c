/* Answers every request with a greeting. */
#include "http_hello_world.h"
#include <stdlib.h>
#include <string.h>

static const char greeting[] = "Hello from wasmCloud!\n";

static void must(bool ok)
{
    if (!ok)
        abort();
}

static wasi_http_types_own_headers_t text_headers(void)
{
    wasi_http_types_tuple2_field_name_field_value_t entry = {
        {(uint8_t *)"content-type", strlen("content-type")},
        {(uint8_t *)"text/plain", strlen("text/plain")},
    };
    wasi_http_types_list_tuple2_field_name_field_value_t entries = {&entry, 1};
    wasi_http_types_own_fields_t headers;
    wasi_http_types_header_error_t error;
    must(wasi_http_types_static_fields_from_list(&entries, &headers, &error));
    return headers;
}

static void write_text(wasi_http_types_own_outgoing_body_t body, const char *text, size_t len)
{
    wasi_io_streams_own_output_stream_t stream;
    must(wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream));
    http_hello_world_list_u8_t bytes = {(uint8_t *)text, len};
    wasi_io_streams_stream_error_t failed;
    must(wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &bytes,
                                                                       &failed));
    wasi_io_streams_output_stream_drop_own(stream);
}

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out)
{
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(text_headers());
    wasi_http_types_own_outgoing_body_t body;
    must(wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body));

    /* The head goes out first; the body is streamed after it. */
    wasi_http_types_result_own_outgoing_response_error_code_t answer = {.is_err = false, .val.ok = response};
    wasi_http_types_static_response_outparam_set(out, &answer);
    write_text(body, greeting, strlen(greeting));

    wasi_http_types_error_code_t error;
    must(wasi_http_types_static_outgoing_body_finish(body, NULL, &error));
    wasi_http_types_incoming_request_drop_own(request);
}

/* Sends the request's body and trailers back as they arrive, in pieces of at most 4096 bytes. A failure is told on standard error
 * through the C library, which makes this guest import what the library's system interface needs, as C programs do. */
#include "c_echo.h"
#include <stdio.h>
#include <stdlib.h>

#define PIECE 4096 /* what blocking-write-and-flush takes at most */
#define must(condition) check(condition, #condition, __LINE__)

static void check(bool ok, const char *condition, int line)
{
    if (ok)
        return;
    fprintf(stderr, "c-echo, line %d: failed: %s\n", line, condition);
    abort();
}

static void copy_stream(wasi_io_streams_borrow_input_stream_t from, wasi_io_streams_borrow_output_stream_t to)
{
    for (;;) {
        c_echo_list_u8_t piece;
        wasi_io_streams_stream_error_t error;
        if (!wasi_io_streams_method_input_stream_blocking_read(from, PIECE, &piece, &error)) {
            must(error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
            return;
        }
        must(wasi_io_streams_method_output_stream_blocking_write_and_flush(to, &piece, &error));
        c_echo_list_u8_free(&piece);
    }
}

static bool take_trailers(wasi_http_types_own_incoming_body_t body, wasi_http_types_own_trailers_t *ret_trailers)
{
    wasi_http_types_own_future_trailers_t future = wasi_http_types_static_incoming_body_finish(body);
    wasi_http_types_borrow_future_trailers_t borrowed = wasi_http_types_borrow_future_trailers(future);
    wasi_http_types_result_result_option_own_trailers_error_code_void_t outcome;
    while (!wasi_http_types_method_future_trailers_get(borrowed, &outcome)) {
        wasi_http_types_own_pollable_t pollable = wasi_http_types_method_future_trailers_subscribe(borrowed);
        wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable));
        wasi_io_poll_pollable_drop_own(pollable);
    }
    must(!outcome.is_err && !outcome.val.ok.is_err);
    wasi_http_types_option_own_trailers_t trailers = outcome.val.ok.val.ok;
    if (trailers.is_some) {
        *ret_trailers = wasi_http_types_method_fields_clone(wasi_http_types_borrow_fields(trailers.val));
        wasi_http_types_fields_drop_own(trailers.val);
    }
    wasi_http_types_future_trailers_drop_own(future);
    return trailers.is_some;
}

static wasi_http_types_own_outgoing_body_t start_response(wasi_http_types_own_response_outparam_t out)
{
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_own_outgoing_response_t response =
        wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
    must(wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body));
    wasi_http_types_result_own_outgoing_response_error_code_t answer = {.is_err = false, .val.ok = response};
    wasi_http_types_static_response_outparam_set(out, &answer);
    return body;
}

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t out)
{
    wasi_http_types_own_incoming_body_t incoming;
    wasi_io_streams_own_input_stream_t from;
    must(wasi_http_types_method_incoming_request_consume(wasi_http_types_borrow_incoming_request(request), &incoming));
    must(wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(incoming), &from));

    wasi_http_types_own_outgoing_body_t outgoing = start_response(out);
    wasi_io_streams_own_output_stream_t to;
    must(wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(outgoing), &to));
    copy_stream(wasi_io_streams_borrow_input_stream(from), wasi_io_streams_borrow_output_stream(to));
    wasi_io_streams_input_stream_drop_own(from);
    wasi_io_streams_output_stream_drop_own(to);

    wasi_http_types_own_trailers_t trailers;
    bool has_trailers = take_trailers(incoming, &trailers);
    wasi_http_types_error_code_t error;
    must(wasi_http_types_static_outgoing_body_finish(outgoing, has_trailers ? &trailers : NULL, &error));
    wasi_http_types_incoming_request_drop_own(request);
}

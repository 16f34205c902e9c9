/* Streams, errors and pollables of wasi:io 0.2: the objects, and what a backend provides.
 *
 * A backend embeds the stream as its first member and supplies operations that never wait for the peer; the glue in streams.c adds the
 * blocking variants, permits, and the rules of wasi:io/streams ("an error is reported once, then the stream is closed"). Readiness is a
 * level event that the backend keeps (io/shard.h), so that wasi:io/poll can wait on many streams at once. */
#pragma once

#include "io/shard.h"
#include "wasi/bindings.h"
#include "wasi/node.h"

/* --- errors -------------------------------------------------------------------------------------------------------------------- */

struct wasi_io_error_error {
    struct wasi_node node;
    enum wasi_error_kind { WASI_ERROR_OTHER, WASI_ERROR_FILESYSTEM, WASI_ERROR_HTTP } kind;
    uint32_t code;    /* enum of the kind: wasi_filesystem_types_error_code, or the tag of wasi_http_types_error_code */
    const char *text; /* constant */
    bool has_size;    /* HTTP: payload of the body-size codes */
    uint64_t size;
};
struct wasi_io_error_error *wasi_error_new(enum wasi_error_kind kind, uint32_t code, const char *text);

/* --- streams ------------------------------------------------------------------------------------------------------------------- */

enum wasi_stream_state {
    WASI_STREAM_OPEN,
    WASI_STREAM_CLOSED,  /* the end of the data, or the reader has gone */
    WASI_STREAM_FAILED,  /* *ret_error says why; the caller's to pass on */
    WASI_STREAM_STOPPED, /* the task was cancelled meanwhile: unwind */
};

struct wasi_input_ops {
    /* At most `max` bytes that are there now; empty with OPEN: nothing yet. The view lives until the next operation on the stream or in
     * the call's arena. */
    enum wasi_stream_state (*read)(struct wasi_io_streams_input_stream *stream, struct cm_call *call, uint64_t max,
                                   struct str *ret_bytes, struct wasi_io_error_error **ret_error);
    /* The event that is set when read would give bytes, the end or an error; returns NULL when that is so now. May lower *deadline, at
     * which read gives an error. No function: always ready. */
    struct io_event *(*ready)(struct wasi_io_streams_input_stream *stream, uint64_t *deadline);
};

struct wasi_io_streams_input_stream {
    struct wasi_node node;
    const struct wasi_input_ops *ops;
    bool closed;
};

struct wasi_output_ops {
    /* How many bytes write would take now; 0 with OPEN: not yet, or a flush is under way. */
    enum wasi_stream_state (*check)(struct wasi_io_streams_output_stream *stream, uint64_t *ret_permit,
                                    struct wasi_io_error_error **ret_error);
    /* Takes all of `bytes`, at most what check gave. */
    enum wasi_stream_state (*write)(struct wasi_io_streams_output_stream *stream, struct str bytes,
                                    struct wasi_io_error_error **ret_error);
    /* Starts to push out what was written; NULL: writes go out by themselves. */
    enum wasi_stream_state (*flush)(struct wasi_io_streams_output_stream *stream, struct wasi_io_error_error **ret_error);
    /* As of input: the event that is set when check would not give 0. */
    struct io_event *(*ready)(struct wasi_io_streams_output_stream *stream, uint64_t *deadline);
};

struct wasi_io_streams_output_stream {
    struct wasi_node node;
    const struct wasi_output_ops *ops;
    uint64_t permit; /* what the last check-write allowed and write has not used */
    bool closed;
};

void wasi_input_init(struct wasi_io_streams_input_stream *stream, const struct wasi_input_ops *ops, struct wasi_node *parent,
                     void (*destroy)(struct wasi_node *));
void wasi_output_init(struct wasi_io_streams_output_stream *stream, const struct wasi_output_ops *ops, struct wasi_node *parent,
                      void (*destroy)(struct wasi_node *));

/* --- pollables ----------------------------------------------------------------------------------------------------------------- */

typedef struct io_event *(*wasi_pollable_event)(struct wasi_node *watched, uint64_t *deadline);

struct wasi_io_poll_pollable {
    struct wasi_node node; /* a child of what it watches */
    /* The event to watch right now, or NULL when it is ready by itself; asked again before each wait; may lower *deadline, at which it is
     * ready too. NULL function: only the deadline counts. */
    wasi_pollable_event event;
    uint64_t deadline; /* ready from then on; CLOCK_NEVER when only the event counts */
};

/* watched: the parent, or NULL. */
struct wasi_io_poll_pollable *wasi_pollable_new(struct wasi_node *watched, wasi_pollable_event event, uint64_t deadline);

/* A growable byte buffer with a maximum.
 *
 * Every buffer that a guest or a peer can make grow has a maximum chosen by its owner; an append past it changes nothing and returns
 * ST_LIMIT. Buffers of our own output may use BUF_UNLIMITED. The bytes are always followed by a NUL, which `len` does not count. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define BUF_UNLIMITED SIZE_MAX

struct buf {
    char *data;                /* NULL until the first append */
    size_t len, capacity, max; /* capacity: usable bytes; one more is allocated for the NUL */
};

#define BUF_INIT(max_bytes)                                                                                                        \
    {                                                                                                                              \
        NULL, 0, 0, (max_bytes)                                                                                                    \
    }
#define autobuf __attribute__((cleanup(buf_release)))

void buf_init(struct buf *buf, size_t max_bytes);
void buf_release(struct buf *buf); /* frees; leaves an empty buffer with the same maximum */
void buf_clear(struct buf *buf);   /* keeps the memory */
char *buf_take(struct buf *buf);   /* the NUL-ended bytes, now the caller's to free; buf is empty after */
enum status buf_reserve(struct buf *buf, size_t extra) CHECKED; /* room for `extra` bytes more after len */
enum status buf_append(struct buf *buf, const void *data, size_t len) CHECKED;
enum status buf_append_str(struct buf *buf, struct str s) CHECKED;
enum status buf_append_char(struct buf *buf, char c) CHECKED;
enum status buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3) CHECKED;
enum status buf_vprintf(struct buf *buf, const char *format, va_list args) PRINTF(2, 0) CHECKED;
void buf_consume(struct buf *buf, size_t len); /* drops bytes from the front */

/* For output of our own into BUF_UNLIMITED buffers: cannot fail. */
void buf_add(struct buf *buf, struct str s);
void buf_addf(struct buf *buf, const char *format, ...) PRINTF(2, 3);

/* Appends text that we did not write, safe for a terminal and one line long: control bytes, ESC, invalid UTF-8, C1 controls and
 * bidirectional overrides come out as \n, \t, \x1b, \u{202e}. */
enum status buf_append_escaped(struct buf *buf, struct str s) CHECKED;
enum status buf_append_json(struct buf *buf, struct str s) CHECKED; /* with the quotes; invalid UTF-8 becomes U+FFFD */

static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->data ? buf->data : "", buf->len};
}

/* HTTP/1.1 bodies on the way in: counted, chunked with trailers, or until the peer closes.
 *
 * The decoder eats bytes from the front of the caller's buffer and hands out content as views into it, so content is never copied.
 * Framing lines (a chunk's size, the trailers) are eaten only when whole, so the buffer must be able to hold one: HTTP_MAX_TRAILERS
 * bytes suffice. As with heads, the verdict does not depend on how the input was cut. Pure; one thread at a time per decoder.
 * Source: RFC 9112 sections 6 and 7. */
#pragma once

#include "http/parse.h"

#define HTTP_MAX_TRAILERS 16384 /* bytes of the trailer section */
#define HTTP_MAX_TRAILER_FIELDS 64
#define HTTP_MAX_CHUNK_DIGITS 16  /* leading zeros included */
#define HTTP_MAX_CHUNK_LINE 1024  /* size and extensions of one chunk, without CRLF */
#define HTTP_MAX_EXTENSIONS 16384 /* bytes of extensions in one body */

struct http_body {
    struct http_reject reject;
    struct http_field *trailers; /* the caller's; filled at HTTP_COMPLETE with views into the input then given */
    size_t trailer_count;
    uint64_t received; /* bytes of content handed out */
    /* private: */
    enum http_framing framing;
    int state;
    uint64_t remaining; /* of the body or the current chunk */
    size_t extensions, scanned, max_trailers;
};

/* `length` is for HTTP_BODY_LENGTH. trailers: room for max_trailers fields (more are rejected with 431), NULL and 0 to drop them
 * after validation. */
void http_body_init(struct http_body *body, enum http_framing framing, uint64_t length, struct http_field *trailers,
                    size_t max_trailers);

/* Looks at data[0, len), the bytes not yet eaten. ret_used (always written): how many to drop from the front.
 * HTTP_DATA: *ret_data is content (never empty), inside what is dropped. HTTP_MORE: append more behind what is left.
 * HTTP_COMPLETE: the body has ended; what is left belongs to the next message. HTTP_REJECTED: see body->reject. */
enum http_progress http_body_feed(struct http_body *body, const char *data, size_t len, size_t *ret_used, struct str *ret_data);

/* The peer closed: HTTP_COMPLETE if that ends the body, else HTTP_REJECTED (truncated). */
enum http_progress http_body_close(struct http_body *body);

static inline bool http_body_complete(const struct http_body *body)
{
    return body->state == 0;
}

/* Bytes of content still to come, as far as known: of a counted body; else 0 when complete and UINT64_MAX when not. */
uint64_t http_body_left(const struct http_body *body);

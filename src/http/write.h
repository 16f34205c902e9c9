/* HTTP/1.1 messages on the way out: heads, chunks and trailers into a buffer.
 *
 * Everything that comes from a caller is checked before a byte is written (names are tokens, values hold no CR, LF, NUL or other
 * control), so no text can end a field or a head early. The fields that frame a message are written by this code alone, from
 * `framing`; a caller's field list may not hold them. Pure but for the clock in http_date_now; one thread at a time per object.
 * Sources: RFC 9112 sections 2 to 7, RFC 9110 sections 5, 6.6 and 15. */
#pragma once

#include "base/buf.h"
#include "http/parse.h"

/* The value of a Date field, formatted once a second. Zeroed to start. */
struct http_date {
    int64_t second;
    char text[32];
    size_t len;
};
struct str http_date_now(struct http_date *date);

struct str http_reason(int status);                 /* "Not Found"; "" when unknown */
static inline bool http_status_has_body(int status) /* RFC 9110 sections 15.2, 15.3.5, 15.4.5 */
{
    return status >= 200 && status != 204 && status != 304;
}

/* What a pass over a field list found out. */
struct http_fields_summary {
    size_t size; /* bytes on the wire */
    bool has_date, has_host, has_content_length;
    uint64_t content_length; /* of a Content-Length field: it is checked here and written from `framing` */
};

/* ST_INVALID, naming the field: a malformed name or value, a field that only HTTP itself may set (Connection, Keep-Alive,
 * Proxy-Connection, Transfer-Encoding, Upgrade), or a second or malformed Content-Length. */
enum status http_fields_check(const struct http_field *fields, size_t count, struct http_fields_summary *ret_summary,
                              struct error *err) CHECKED;

enum http_connection_option { HTTP_CONNECTION_DEFAULT, HTTP_CONNECTION_CLOSE, HTTP_CONNECTION_KEEP_ALIVE };

/* How the body behind a head is delimited. Beyond enum http_framing: */
enum http_write_framing {
    HTTP_WRITE_NONE,   /* no body, and nothing said about one: 1xx, 204, 304, requests without content */
    HTTP_WRITE_LENGTH, /* Content-Length, also of 0 and in answers to HEAD */
    HTTP_WRITE_CHUNKED,
    HTTP_WRITE_UNTIL_CLOSE,
    HTTP_WRITE_OPEN, /* not known yet: the head stops before `connection` and the framing; http_format_framing adds them later */
};

struct http_outgoing {
    int status;                /* responses: 100 to 999 */
    struct str method, target; /* requests: a token; a target without blanks and controls */
    struct str authority;      /* requests: becomes Host unless `fields` has one */
    const struct http_field *fields;
    size_t field_count;
    enum http_connection_option connection;
    enum http_write_framing framing;
    uint64_t content_length; /* HTTP_WRITE_LENGTH */
    struct str date;         /* responses: a Date field unless `fields` has one; data NULL: none */
};

/* Append a head. `summary` comes from http_fields_check of the same fields. ST_INVALID: a bad status, method or target.
 * ST_LIMIT: past the maximum of `out`, which is then unchanged. */
enum status http_write_response_head(struct buf *out, const struct http_outgoing *head, const struct http_fields_summary *summary,
                                     struct error *err) CHECKED;
enum status http_write_request_head(struct buf *out, const struct http_outgoing *head, const struct http_fields_summary *summary,
                                    struct error *err) CHECKED;

#define HTTP_FRAMING_MAX 96
/* The end of a head written with HTTP_WRITE_OPEN: the Connection field, the framing field and the empty line; returns their length.
 */
size_t http_format_framing(enum http_connection_option connection, enum http_write_framing framing, uint64_t content_length,
                           char ret_text[HTTP_FRAMING_MAX]);

#define HTTP_CHUNK_LINE_MAX 20
/* The line before `size` bytes of chunk data (behind which comes CRLF); returns its length. size > 0. */
size_t http_format_chunk_line(uint64_t size, char ret_text[HTTP_CHUNK_LINE_MAX]);

/* The last chunk and the trailers. ST_INVALID: a malformed field, or one that may not come in trailers. ST_LIMIT. */
enum status http_write_last_chunk(struct buf *out, const struct http_field *trailers, size_t count, struct error *err) CHECKED;

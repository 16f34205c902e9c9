/* HTTP/1.1 heads, strictly: requests and responses.
 *
 * The parser reads line by line out of the caller's buffer and leaves views into it: nothing is copied or allocated, and every line
 * is parsed once, when it is whole, however the bytes arrive. Whatever two implementations could read in two ways is rejected with
 * a status and a reason; the verdict never depends on how the input was cut into pieces. Pure: no I/O, no clock; one thread at a
 * time per parser. Bodies: http/body.h. Sources: RFC 9112 (messages), RFC 9110 (fields), RFC 3986 (targets); each reason names its
 * section.
 *
 *   struct http_field fields[HTTP_MAX_FIELDS];
 *   http_parser_init_request(&parser, fields, HTTP_MAX_FIELDS);
 *   while ((progress = http_parser_feed(&parser, data, len, &size)) == HTTP_MORE)
 *       read more behind data[len], growing or moving the buffer as needed;
 *   HTTP_COMPLETE: parser.head is filled; the body starts at data + size
 *   HTTP_REJECTED: answer parser.reject.status and close
 *
 * What is stricter than RFC 9112 asks: bare LF as a line end, Content-Length lists (`5, 5`), a Transfer-Encoding other than one
 * `chunked` (it may not be empty, repeated or listed), both framings at once, an empty Host, more than one empty line before a
 * request, controls and `"<>#` in targets. More lenient: a status line may lack the space before an empty reason. */
#pragma once

#include "http/field.h"
#include <stddef.h>

#define HTTP_MAX_REQUEST_LINE 8192 /* bytes, without CRLF; also bounds a status line */
#define HTTP_MAX_HEAD 65536        /* bytes, all of it */
#define HTTP_MAX_FIELDS 100
#define HTTP_MAX_METHOD 64
#define HTTP_MAX_LENGTH INT64_MAX /* largest Content-Length and chunk */

enum http_progress {
    HTTP_MORE, /* feed more bytes */
    HTTP_DATA, /* bodies only: some content */
    HTTP_COMPLETE,
    HTTP_REJECTED, /* sticky; see the `reject` beside it */
};

/* Why a message was refused. The status is what a server answers (400, 414, 417, 431, 501, 505); of a response's head it is 502. */
struct http_reject {
    int status;
    const char *reason; /* constant text without anything of the peer's in it */
};

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11 };

enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_CONNECT,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_PATCH,
};

/* RFC 9112 section 3.2 */
enum http_target_form { HTTP_TARGET_ORIGIN, HTTP_TARGET_ABSOLUTE, HTTP_TARGET_AUTHORITY, HTTP_TARGET_ASTERISK };

/* RFC 9112 section 6.3 */
enum http_framing {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH, /* content_length bytes, more than 0 */
    HTTP_BODY_CHUNKED,
    HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_head {
    enum http_version version; /* 1.1 also for any later 1.x (RFC 9110 section 2.5) */
    struct http_field *fields; /* in the order they came, all of them */
    size_t field_count;

    /* Of a request: */
    enum http_method method_id;
    enum http_target_form form;
    struct str method;
    struct str target;    /* as it came */
    struct str scheme;    /* absolute form only, "http" or "https" in any case; else data NULL */
    struct str authority; /* "host[:port]" of the target if it has one, else of Host; data NULL without either (HTTP/1.0) */
    struct str path;      /* "/..." without the query; "*" in asterisk form; empty in authority form */
    struct str query;     /* behind "?"; data NULL without */
    bool expect_continue; /* waits for 100 before it sends the body */

    /* Of a response: */
    uint16_t status; /* 100 to 999 */
    struct str reason;

    enum http_framing framing;
    bool has_content_length; /* the field was there (a response without a body may have it) */
    uint64_t content_length;
    bool keep_alive; /* this side allows another message on the connection (RFC 9112 section 9.3) */
};

struct http_parser {
    struct http_head head;
    struct http_reject reject;
    /* private: */
    const char *base; /* where the buffer was at the last call */
    size_t known;     /* bytes seen there */
    size_t line;      /* offset of the line being read */
    size_t scanned;   /* no LF before this offset, from `line` on */
    size_t max_fields;
    enum http_method asked; /* responses: the request's method */
    bool response, fields_started;
    uint8_t host_count, length_count;
    bool close, keep_alive_option, chunked, coding_seen;
};

/* `fields` is the caller's and lives as long as the head; a head with more than `max_fields` is rejected with 431. */
void http_parser_init_request(struct http_parser *parser, struct http_field *fields, size_t max_fields);
/* `asked`: the method of the request that this response answers, which decides whether it has a body. 1xx responses come out as
 * heads of their own: start again for the next. */
void http_parser_init_response(struct http_parser *parser, struct http_field *fields, size_t max_fields, enum http_method asked);

/* data[0, len) are all the bytes of the message so far, from its first one; between calls the buffer may have moved.
 * ret_size, written on HTTP_COMPLETE: size of the head. */
enum http_progress http_parser_feed(struct http_parser *parser, const char *data, size_t len, size_t *ret_size);

/* The peer closed before the message was complete: fills `reject`, for a message that names the reason. */
void http_parser_truncated(struct http_parser *parser);

enum http_method http_method_identify(struct str method);

/* One field line without its CRLF. False and the reason in *reject when it is malformed. Shared with trailers. */
bool http_field_parse(struct str line, struct http_field *ret_field, struct http_reject *reject);

#include "http/body.h"

#include "base/mem.h"
#include "http/syntax.h"

enum { BODY_DONE, BODY_DATA, BODY_CHUNK_LINE, BODY_CHUNK_DATA, BODY_CHUNK_END, BODY_TRAILERS, BODY_FAILED };

static enum http_progress reject(struct http_body *body, int status, const char *reason)
{
    body->reject = (struct http_reject){status, reason};
    body->state = BODY_FAILED;
    return HTTP_REJECTED;
}

void http_body_init(struct http_body *body, enum http_framing framing, uint64_t length, struct http_field *trailers,
                    size_t max_trailers)
{
    *body = (struct http_body){.framing = framing, .trailers = trailers, .max_trailers = max_trailers};
    if (framing == HTTP_BODY_CHUNKED)
        body->state = BODY_CHUNK_LINE;
    else if (framing == HTTP_BODY_UNTIL_CLOSE || (framing == HTTP_BODY_LENGTH && length))
        body->state = BODY_DATA;
    body->remaining = framing == HTTP_BODY_UNTIL_CLOSE ? UINT64_MAX : length;
}

uint64_t http_body_left(const struct http_body *body)
{
    if (body->state == BODY_DATA && body->framing == HTTP_BODY_LENGTH)
        return body->remaining;
    return body->state == BODY_DONE ? 0 : UINT64_MAX;
}

enum http_progress http_body_close(struct http_body *body)
{
    if (body->state == BODY_FAILED)
        return HTTP_REJECTED;
    if (body->state == BODY_DATA && body->framing == HTTP_BODY_UNTIL_CLOSE)
        body->state = BODY_DONE;
    if (body->state == BODY_DONE)
        return HTTP_COMPLETE;
    return reject(body, 400, "connection closed in the middle of a body (RFC 9112 section 8)");
}

/* One line of framing at the front of [data, data+len), at most `max` bytes. HTTP_COMPLETE: *ret_line without its CRLF. */
static enum http_progress take_line(struct http_body *body, const char *data, size_t len, size_t max, struct str *ret_line)
{
    size_t window = MIN(len, max + 2);
    const char *lf = body->scanned < window ? memchr(data + body->scanned, '\n', window - body->scanned) : NULL;
    if (!lf) {
        body->scanned = window;
        return len < max + 2 ? HTTP_MORE : HTTP_REJECTED;
    }
    body->scanned = 0;
    if (lf == data || lf[-1] != '\r')
        return reject(body, 400, "line of a chunked body ends with a bare LF (RFC 9112 section 7.1)");
    *ret_line = str_n(data, (size_t)(lf - 1 - data));
    return HTTP_COMPLETE;
}

/* --- chunk lines ------------------------------------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && http_is_blank(*at))
        at++;
    return at;
}

/* quoted-string, RFC 9110 section 5.6.4; NULL when malformed. */
static const char *skip_quoted(const char *at, const char *end)
{
    for (at++;;) {
        at = http_skip(at, end, HTTP_CHAR_QUOTED);
        if (at < end && *at == '"')
            return at + 1;
        if (end - at < 2 || *at != '\\' || !http_char_is(at[1], HTTP_CHAR_VALUE))
            return NULL;
        at += 2;
    }
}

/* *( BWS ";" BWS name [ BWS "=" BWS value ] ), RFC 9112 section 7.1.1 */
static bool extensions_valid(const char *at, const char *end)
{
    while (at < end) {
        at = skip_blanks(at, end);
        if (at == end || *at != ';')
            return false;
        at = skip_blanks(at + 1, end);
        const char *name = at, *after;
        at = http_skip(at, end, HTTP_CHAR_TOKEN);
        if (at == name)
            return false;
        after = skip_blanks(at, end);
        if (after == end || *after != '=')
            continue;
        name = at = skip_blanks(after + 1, end);
        at = at < end && *at == '"' ? skip_quoted(at, end) : http_skip(at, end, HTTP_CHAR_TOKEN);
        if (!at || at == name)
            return false;
    }
    return true;
}

static enum http_progress parse_chunk_line(struct http_body *body, struct str line)
{
    const char *at = line.data, *end = line.data + line.len;
    uint64_t size = 0;
    for (; at < end && http_hex_value(*at) >= 0; at++) {
        if (at - line.data == HTTP_MAX_CHUNK_DIGITS || size > HTTP_MAX_LENGTH >> 4)
            return reject(body, 400, "chunk size is too large (RFC 9112 section 7.1)");
        size = size << 4 | (uint64_t)http_hex_value(*at);
    }
    if (at == line.data)
        return reject(body, 400, "malformed chunk size (RFC 9112 section 7.1)");
    if (!extensions_valid(at, end))
        return reject(body, 400, "malformed chunk extension (RFC 9112 section 7.1.1)");
    body->extensions += (size_t)(end - at);
    if (body->extensions > HTTP_MAX_EXTENSIONS)
        return reject(body, 400, "chunk extensions are too long (RFC 9112 section 7.1.1)");
    body->remaining = size;
    body->state = size ? BODY_CHUNK_DATA : BODY_TRAILERS;
    return HTTP_MORE;
}

/* Each step eats what it can: HTTP_MORE with something eaten means go on, with nothing eaten that input is missing. */
static enum http_progress step_chunk_line(struct http_body *body, const char *data, size_t len, size_t *ret_used)
{
    struct str line;
    enum http_progress result = take_line(body, data, len, HTTP_MAX_CHUNK_LINE, &line);
    if (result == HTTP_REJECTED && body->state != BODY_FAILED)
        return reject(body, 400, "chunk line is too long (RFC 9112 section 7.1.1)");
    if (result != HTTP_COMPLETE)
        return result;
    *ret_used = line.len + 2;
    return parse_chunk_line(body, line);
}

static enum http_progress step_chunk_end(struct http_body *body, const char *data, size_t len, size_t *ret_used)
{
    if ((len > 0 && data[0] != '\r') || (len > 1 && data[1] != '\n'))
        return reject(body, 400, "chunk data is longer than its size (RFC 9112 section 7.1)");
    if (len < 2)
        return HTTP_MORE;
    body->state = BODY_CHUNK_LINE;
    *ret_used = 2;
    return HTTP_MORE;
}

/* --- trailers ---------------------------------------------------------------------------------------------------------------- */

static enum http_progress take_trailer(struct http_body *body, struct str line)
{
    struct http_field field;
    if (!http_field_parse(line, &field, &body->reject)) {
        body->state = BODY_FAILED;
        return HTTP_REJECTED;
    }
    if (http_field_is_framing(field.id))
        return reject(body, 400, "field that frames or routes the message in trailers (RFC 9110 section 6.5.1)");
    if (body->trailers) {
        if (body->trailer_count == body->max_trailers)
            return reject(body, 431, "too many trailer fields (RFC 6585 section 5)");
        body->trailers[body->trailer_count++] = field;
    }
    return HTTP_MORE;
}

/* The section stays in the input until its empty line is there, since the fields are views into it: body->scanned is where it was
 * looked through to. */
static size_t trailers_end(struct http_body *body, const char *data, size_t len)
{
    size_t at = body->scanned;
    while (at < len) {
        const char *lf = memchr(data + at, '\n', len - at);
        if (!lf)
            break;
        size_t next = (size_t)(lf + 1 - data);
        if (next == 2 || (next >= 4 && lf[-2] == '\n') || next < 2 || lf[-1] != '\r')
            return next;
        at = next;
    }
    /* an LF at the end of this piece is looked at again as the lf[-2] of the next */
    body->scanned = len;
    return 0;
}

static enum http_progress step_trailers(struct http_body *body, const char *data, size_t len, size_t *ret_used)
{
    size_t window = MIN(len, (size_t)HTTP_MAX_TRAILERS), size = trailers_end(body, data, window);
    if (size == 0 && len < HTTP_MAX_TRAILERS)
        return HTTP_MORE;
    if (size == 0)
        return reject(body, 431, "trailers are larger than 16 KiB (RFC 6585 section 5)");
    for (size_t at = 0; at < size;) {
        struct str line;
        body->scanned = 0;
        enum http_progress result = take_line(body, data + at, size - at, HTTP_MAX_TRAILERS, &line);
        if (result != HTTP_COMPLETE)
            return result;
        at += line.len + 2;
        if (line.len && take_trailer(body, line) != HTTP_MORE)
            return HTTP_REJECTED;
    }
    body->state = BODY_DONE;
    *ret_used = size;
    return HTTP_COMPLETE;
}

/* ------------------------------------------------------------------------------------------------------------------------------ */

static enum http_progress step_data(struct http_body *body, const char *data, size_t len, size_t *ret_used, struct str *ret_data)
{
    size_t size = len < body->remaining ? len : (size_t)body->remaining;
    if (size == 0)
        return HTTP_MORE;
    *ret_data = str_n(data, size);
    *ret_used = size;
    body->received += size;
    if (body->framing != HTTP_BODY_UNTIL_CLOSE)
        body->remaining -= size;
    if (body->remaining == 0)
        body->state = body->state == BODY_CHUNK_DATA ? BODY_CHUNK_END : BODY_DONE;
    return HTTP_DATA;
}

static enum http_progress step(struct http_body *body, const char *data, size_t len, size_t *ret_used, struct str *ret_data)
{
    switch (body->state) {
    case BODY_DONE:
        return HTTP_COMPLETE;
    case BODY_CHUNK_LINE:
        return step_chunk_line(body, data, len, ret_used);
    case BODY_CHUNK_END:
        return step_chunk_end(body, data, len, ret_used);
    case BODY_TRAILERS:
        return step_trailers(body, data, len, ret_used);
    case BODY_DATA:
    case BODY_CHUNK_DATA:
        return step_data(body, data, len, ret_used, ret_data);
    default:
        return HTTP_REJECTED;
    }
}

enum http_progress http_body_feed(struct http_body *body, const char *data, size_t len, size_t *ret_used, struct str *ret_data)
{
    size_t eaten = 0;
    for (;;) {
        size_t used = 0;
        enum http_progress result = step(body, data + eaten, len - eaten, &used, ret_data);
        eaten += used;
        *ret_used = eaten;
        if (result != HTTP_MORE || used == 0)
            return result;
    }
}

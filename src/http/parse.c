#include "http/parse.h"

#include "http/syntax.h"

static enum http_progress reject(struct http_parser *parser, int status, const char *reason)
{
    parser->reject = (struct http_reject){parser->response ? 502 : status, reason};
    return HTTP_REJECTED;
}

/* Results of parsing one line use the same type: HTTP_MORE means go on with the next line. */
#define LINE_OK HTTP_MORE

static void parser_init(struct http_parser *parser, struct http_field *fields, size_t max_fields)
{
    *parser = (struct http_parser){.head.fields = fields, .max_fields = max_fields};
}

void http_parser_init_request(struct http_parser *parser, struct http_field *fields, size_t max_fields)
{
    parser_init(parser, fields, max_fields);
}

void http_parser_init_response(struct http_parser *parser, struct http_field *fields, size_t max_fields, enum http_method asked)
{
    parser_init(parser, fields, max_fields);
    parser->response = true;
    parser->asked = asked;
}

void http_parser_truncated(struct http_parser *parser)
{
    if (parser->reject.status == 0)
        reject(parser, 400, "connection closed in the middle of a head (RFC 9112 section 8)");
}

/* --- views follow the buffer ------------------------------------------------------------------------------------------------- */

static void move_view(struct str *view, const struct http_parser *parser, const char *base)
{
    uintptr_t offset = (uintptr_t)view->data - (uintptr_t)parser->base;
    if (view->data && offset <= parser->known)
        view->data = base + offset;
}

/* The buffer moved: so do the views into it (others point to constants). */
static void rebase(struct http_parser *parser, const char *base)
{
    struct http_head *head = &parser->head;
    struct str *views[] = {&head->method, &head->target, &head->scheme, &head->authority, &head->path, &head->query, &head->reason};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        move_view(views[i], parser, base);
    for (size_t i = 0; i < head->field_count; i++) {
        move_view(&head->fields[i].name, parser, base);
        move_view(&head->fields[i].value, parser, base);
    }
}

/* --- start lines ------------------------------------------------------------------------------------------------------------- */

enum http_method http_method_identify(struct str method)
{
    static const struct {
        struct str name;
        enum http_method id;
    } known[] = {
        {STR_INIT("GET"), HTTP_METHOD_GET},         {STR_INIT("POST"), HTTP_METHOD_POST},
        {STR_INIT("HEAD"), HTTP_METHOD_HEAD},       {STR_INIT("PUT"), HTTP_METHOD_PUT},
        {STR_INIT("DELETE"), HTTP_METHOD_DELETE},   {STR_INIT("CONNECT"), HTTP_METHOD_CONNECT},
        {STR_INIT("OPTIONS"), HTTP_METHOD_OPTIONS}, {STR_INIT("TRACE"), HTTP_METHOD_TRACE},
        {STR_INIT("PATCH"), HTTP_METHOD_PATCH},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq(method, known[i].name))
            return known[i].id;
    return HTTP_METHOD_OTHER;
}

/* Exactly "HTTP/" digit "." digit, of major version 1. */
static enum http_progress parse_version(struct http_parser *parser, struct str text)
{
    if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || !http_is_digit(text.data[5]) || text.data[6] != '.' ||
        !http_is_digit(text.data[7]))
        return reject(parser, 400, "malformed protocol version (RFC 9112 section 2.3)");
    if (text.data[5] != '1')
        return reject(parser, 505, "protocol version is not HTTP/1 (RFC 9110 section 2.5)");
    parser->head.version = text.data[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    return LINE_OK;
}

static enum http_progress bad_target(struct http_parser *parser)
{
    return reject(parser, 400, "invalid character in request target (RFC 9112 section 3.2)");
}

/* http://host[:port][/path][?query] */
static enum http_progress parse_absolute(struct http_parser *parser)
{
    struct http_head *head = &parser->head;
    size_t colon = str_find(head->target, STR("://")), at;
    struct str rest, host;
    uint16_t port;
    if (colon == STR_NONE)
        return reject(parser, 400, "request target is neither a path nor an absolute URI (RFC 9112 section 3.2)");
    head->form = HTTP_TARGET_ABSOLUTE;
    head->scheme = str_slice(head->target, 0, colon);
    if (!str_eq_nocase(head->scheme, STR("http")) && !str_eq_nocase(head->scheme, STR("https")))
        return reject(parser, 400, "scheme of the request target is not http or https (RFC 9112 section 3.2.2)");
    rest = str_from(head->target, colon + 3);
    for (at = 0; at < rest.len && rest.data[at] != '/' && rest.data[at] != '?';)
        at++;
    head->authority = str_slice(rest, 0, at);
    if (!http_authority_parse(head->authority, &host, &port))
        return reject(parser, 400, "invalid authority in request target (RFC 9110 section 4.2)");
    if (!http_path_parse(str_from(rest, at), &head->path, &head->query))
        return bad_target(parser);
    if (head->path.len == 0)
        head->path = head->method_id == HTTP_METHOD_OPTIONS && !head->query.data ? STR("*") : STR("/");
    return LINE_OK;
}

/* host:port, for CONNECT alone */
static enum http_progress parse_authority(struct http_parser *parser)
{
    struct http_head *head = &parser->head;
    struct str host;
    uint16_t port;
    head->form = HTTP_TARGET_AUTHORITY;
    head->authority = head->target;
    head->path = str_n(head->target.data, 0);
    if (!http_authority_parse(head->target, &host, &port) || port == 0)
        return reject(parser, 400, "target of CONNECT is not host:port (RFC 9112 section 3.2.3)");
    return LINE_OK;
}

static enum http_progress parse_target(struct http_parser *parser)
{
    struct http_head *head = &parser->head;
    if (head->target.len == 0)
        return reject(parser, 400, "empty request target (RFC 9112 section 3)");
    if (head->method_id == HTTP_METHOD_CONNECT)
        return parse_authority(parser);
    if (head->target.data[0] == '/') {
        head->form = HTTP_TARGET_ORIGIN;
        return http_path_parse(head->target, &head->path, &head->query) ? LINE_OK : bad_target(parser);
    }
    if (!str_eq(head->target, STR("*")))
        return parse_absolute(parser);
    if (head->method_id != HTTP_METHOD_OPTIONS)
        return reject(parser, 400, "target * is for OPTIONS alone (RFC 9112 section 3.2.4)");
    head->form = HTTP_TARGET_ASTERISK;
    head->path = head->target;
    return LINE_OK;
}

/* method SP request-target SP HTTP-version */
static enum http_progress parse_request_line(struct http_parser *parser, struct str line)
{
    struct http_head *head = &parser->head;
    size_t first = str_find_char(line, ' '), last = str_find_last_char(line, ' ');
    if (first == STR_NONE || first == last)
        return reject(parser, 400, "request line is not a method, a target and a version (RFC 9112 section 3)");
    head->method = str_slice(line, 0, first);
    head->target = str_slice(line, first + 1, last);
    if (!http_token_valid(head->method))
        return reject(parser, 400, "invalid method (RFC 9110 section 9.1)");
    enum http_progress result = parse_version(parser, str_from(line, last + 1));
    if (result != LINE_OK)
        return result;
    if (head->method.len > HTTP_MAX_METHOD)
        return reject(parser, 501, "method is too long (RFC 9112 section 3)");
    head->method_id = http_method_identify(head->method);
    return parse_target(parser);
}

/* HTTP-version SP status-code SP [reason] */
static enum http_progress parse_status_line(struct http_parser *parser, struct str line)
{
    struct http_head *head = &parser->head;
    enum http_progress result = parse_version(parser, str_slice(line, 0, 8));
    if (result != LINE_OK)
        return result;
    const char *at = line.data + 8;
    if (line.len < 12 || at[0] != ' ' || at[1] < '1' || !http_is_digit(at[1]) || !http_is_digit(at[2]) || !http_is_digit(at[3]) ||
        (line.len > 12 && at[4] != ' '))
        return reject(parser, 400, "malformed status line (RFC 9112 section 4)");
    head->status = (uint16_t)((at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0'));
    head->reason = str_from(line, 13);
    if (http_skip_value(head->reason.data, head->reason.data + head->reason.len) != head->reason.data + head->reason.len)
        return reject(parser, 400, "control character in reason phrase (RFC 9112 section 4)");
    return LINE_OK;
}

/* --- fields ------------------------------------------------------------------------------------------------------------------ */

static bool bad_field(struct http_reject *reject, const char *reason)
{
    *reject = (struct http_reject){400, reason};
    return false;
}

bool http_field_parse(struct str line, struct http_field *ret_field, struct http_reject *reject)
{
    const char *end = line.data + line.len, *colon = http_skip(line.data, end, HTTP_CHAR_TOKEN);
    if (line.len && http_is_blank(*line.data))
        return bad_field(reject, "folded or indented field line (RFC 9112 section 5.2)");
    if (colon < end && http_is_blank(*colon))
        return bad_field(reject, "blank in or behind a field name (RFC 9112 section 5.1)");
    if (colon == end || *colon != ':' || colon == line.data)
        return bad_field(reject, "malformed field name (RFC 9112 section 5)");
    if (http_skip_value(colon + 1, end) != end)
        return bad_field(reject, "control character in a field value (RFC 9110 section 5.5)");
    struct str name = str_n(line.data, (size_t)(colon - line.data));
    *ret_field = (struct http_field){name, http_trim(str_n(colon + 1, (size_t)(end - colon - 1))), http_field_identify(name)};
    return true;
}

static enum http_progress take_host(struct http_parser *parser, struct str value)
{
    struct http_head *head = &parser->head;
    struct str host;
    uint16_t port;
    if (parser->response)
        return LINE_OK;
    if (parser->host_count++)
        return reject(parser, 400, "more than one Host field (RFC 9112 section 3.2)");
    if (!http_authority_parse(value, &host, &port))
        return reject(parser, 400, "invalid Host field (RFC 9112 section 3.2)");
    if (!head->authority.data)
        head->authority = value;
    return LINE_OK;
}

static enum http_progress take_length(struct http_parser *parser, struct str value)
{
    if (parser->length_count++)
        return reject(parser, 400, "more than one Content-Length field (RFC 9112 section 6.3)");
    if (!str_parse_u64(value, HTTP_MAX_LENGTH, &parser->head.content_length))
        return reject(parser, 400, "malformed Content-Length (RFC 9110 section 8.6)");
    parser->head.has_content_length = true;
    return LINE_OK;
}

static enum http_progress take_coding(struct http_parser *parser, struct str value)
{
    struct str rest = value, item;
    size_t items = 0, chunked = 0;
    while (str_next_part(&rest, ',', &item)) {
        items++;
        item = http_trim(item);
        if (str_eq_nocase(item, STR("chunked")))
            chunked++;
        else if (!http_token_valid(item) || chunked)
            return reject(parser, 400, "malformed Transfer-Encoding (RFC 9112 section 6.1)");
    }
    if (items > chunked)
        return reject(parser, 501, "transfer coding other than chunked (RFC 9112 section 6.1)");
    if (chunked > 1 || parser->coding_seen)
        return reject(parser, 400, "chunked transfer coding applied twice (RFC 9112 section 6.1)");
    parser->coding_seen = parser->chunked = true;
    return LINE_OK;
}

static void take_connection(struct http_parser *parser, struct str value)
{
    struct str item;
    while (http_list_next(&value, &item)) {
        if (str_eq_nocase(item, STR("close")))
            parser->close = true;
        else if (str_eq_nocase(item, STR("keep-alive")))
            parser->keep_alive_option = true;
    }
}

static enum http_progress take_expect(struct http_parser *parser, struct str value)
{
    /* RFC 9110 section 10.1.1: of HTTP/1.0 it is ignored */
    if (parser->response || parser->head.version == HTTP_1_0)
        return LINE_OK;
    if (!str_eq_nocase(value, STR("100-continue")))
        return reject(parser, 417, "expectation other than 100-continue (RFC 9110 section 10.1.1)");
    parser->head.expect_continue = true;
    return LINE_OK;
}

static enum http_progress parse_field_line(struct http_parser *parser, struct str line)
{
    struct http_head *head = &parser->head;
    if (head->field_count == parser->max_fields)
        return reject(parser, 431, "too many fields (RFC 6585 section 5)");
    struct http_field *field = &head->fields[head->field_count];
    if (!http_field_parse(line, field, &parser->reject))
        return reject(parser, parser->reject.status, parser->reject.reason);
    head->field_count++;
    switch (field->id) {
    case HTTP_FIELD_HOST:
        return take_host(parser, field->value);
    case HTTP_FIELD_CONTENT_LENGTH:
        return take_length(parser, field->value);
    case HTTP_FIELD_TRANSFER_ENCODING:
        return take_coding(parser, field->value);
    case HTTP_FIELD_EXPECT:
        return take_expect(parser, field->value);
    case HTTP_FIELD_CONNECTION:
        take_connection(parser, field->value);
        return LINE_OK;
    default:
        return LINE_OK;
    }
}

/* --- the end of the head: framing and persistence ---------------------------------------------------------------------------- */

/* RFC 9112 section 6.3, rules 1 and 2 */
static bool response_lacks_body(const struct http_parser *parser)
{
    int status = parser->head.status;
    return parser->asked == HTTP_METHOD_HEAD || (status < 200 && status != 101) || status == 204 || status == 304;
}

static bool response_is_tunnel(const struct http_parser *parser)
{
    int status = parser->head.status;
    return status == 101 || (parser->asked == HTTP_METHOD_CONNECT && status / 100 == 2);
}

static void decide_framing(struct http_parser *parser)
{
    struct http_head *head = &parser->head;
    if (parser->response && response_lacks_body(parser))
        head->framing = HTTP_BODY_NONE;
    else if (parser->response && response_is_tunnel(parser))
        head->framing = HTTP_BODY_UNTIL_CLOSE;
    else if (parser->chunked)
        head->framing = HTTP_BODY_CHUNKED;
    else if (head->has_content_length)
        head->framing = head->content_length ? HTTP_BODY_LENGTH : HTTP_BODY_NONE;
    else
        head->framing = parser->response ? HTTP_BODY_UNTIL_CLOSE : HTTP_BODY_NONE;
}

static enum http_progress finish_head(struct http_parser *parser)
{
    struct http_head *head = &parser->head;
    if (!parser->response && parser->host_count == 0 && head->version == HTTP_1_1)
        return reject(parser, 400, "missing Host field (RFC 9112 section 3.2)");
    if (parser->coding_seen && head->version == HTTP_1_0)
        return reject(parser, 400, "Transfer-Encoding in HTTP/1.0 (RFC 9112 section 6.1)");
    if (parser->coding_seen && parser->length_count)
        return reject(parser, 400, "both Transfer-Encoding and Content-Length (RFC 9112 section 6.3)");
    decide_framing(parser);
    head->keep_alive =
        !parser->close && (head->version == HTTP_1_1 || parser->keep_alive_option) && head->framing != HTTP_BODY_UNTIL_CLOSE;
    if (head->framing == HTTP_BODY_NONE)
        head->expect_continue = false;
    return HTTP_COMPLETE;
}

/* --- lines ------------------------------------------------------------------------------------------------------------------- */

/* Finds the line that starts at parser->line. HTTP_COMPLETE and the line without CRLF, HTTP_MORE, or HTTP_REJECTED. */
static enum http_progress next_line(struct http_parser *parser, const char *data, size_t len, struct str *ret_line)
{
    size_t end = parser->fields_started ? HTTP_MAX_HEAD : parser->line + HTTP_MAX_REQUEST_LINE + 2, from = parser->line;
    size_t window = len < end ? len : end;
    if (parser->scanned > from)
        from = parser->scanned;
    const char *lf = from < window ? memchr(data + from, '\n', window - from) : NULL;
    if (lf) {
        if (lf == data + parser->line || lf[-1] != '\r')
            return reject(parser, 400, "line ends with a bare LF (RFC 9112 section 2.2)");
        *ret_line = str_n(data + parser->line, (size_t)(lf - 1 - data) - parser->line);
        return HTTP_COMPLETE;
    }
    parser->scanned = window;
    if (len < end)
        return HTTP_MORE;
    if (parser->fields_started)
        return reject(parser, 431, "head is larger than 64 KiB (RFC 6585 section 5)");
    return reject(parser, 414, "request line is longer than 8 KiB (RFC 9112 section 3)");
}

/* Something that is not HTTP/1 at all (a TLS handshake, say) need not wait for a line end. */
static bool start_plausible(const struct http_parser *parser, const char *data, size_t len)
{
    return len <= parser->line || data[parser->line] == '\r' || data[parser->line] == '\n' ||
           http_char_is(data[parser->line], HTTP_CHAR_TOKEN);
}

static enum http_progress take_line(struct http_parser *parser, struct str line)
{
    if (!parser->fields_started) {
        /* RFC 9112 section 2.2: an empty line before a request is ignored */
        if (line.len == 0 && !parser->response && parser->line == 0)
            return LINE_OK;
        parser->fields_started = true;
        return parser->response ? parse_status_line(parser, line) : parse_request_line(parser, line);
    }
    return line.len ? parse_field_line(parser, line) : finish_head(parser);
}

enum http_progress http_parser_feed(struct http_parser *parser, const char *data, size_t len, size_t *ret_size)
{
    struct str line;
    if (parser->reject.status)
        return HTTP_REJECTED;
    if (parser->base && parser->base != data)
        rebase(parser, data);
    parser->base = data;
    parser->known = len;
    for (;;) {
        if (!parser->fields_started && !start_plausible(parser, data, len))
            return reject(parser, 400, "not HTTP/1.1 (RFC 9112 section 3)");
        enum http_progress result = next_line(parser, data, len, &line);
        if (result != HTTP_COMPLETE)
            return result;
        result = take_line(parser, line);
        parser->line = (size_t)(line.data + line.len + 2 - data);
        if (result == HTTP_COMPLETE)
            *ret_size = parser->line;
        if (result != LINE_OK)
            return result;
    }
}

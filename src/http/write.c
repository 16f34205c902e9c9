#include "http/write.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/syntax.h"

#define MAX_NUMBER 20 /* digits of a uint64_t */

struct str http_date_now(struct http_date *date)
{
    struct clock_time now = clock_wall();
    if (date->len == 0 || date->second != now.seconds) {
        date->len = clock_format_http(now, date->text).len;
        date->second = now.seconds;
    }
    return str_n(date->text, date->len);
}

struct str http_reason(int status)
{
    static const struct str reasons[] = {
        [100] = STR_INIT("Continue"),
        [101] = STR_INIT("Switching Protocols"),
        [102] = STR_INIT("Processing"),
        [103] = STR_INIT("Early Hints"),
        [200] = STR_INIT("OK"),
        [201] = STR_INIT("Created"),
        [202] = STR_INIT("Accepted"),
        [203] = STR_INIT("Non-Authoritative Information"),
        [204] = STR_INIT("No Content"),
        [205] = STR_INIT("Reset Content"),
        [206] = STR_INIT("Partial Content"),
        [207] = STR_INIT("Multi-Status"),
        [208] = STR_INIT("Already Reported"),
        [226] = STR_INIT("IM Used"),
        [300] = STR_INIT("Multiple Choices"),
        [301] = STR_INIT("Moved Permanently"),
        [302] = STR_INIT("Found"),
        [303] = STR_INIT("See Other"),
        [304] = STR_INIT("Not Modified"),
        [305] = STR_INIT("Use Proxy"),
        [307] = STR_INIT("Temporary Redirect"),
        [308] = STR_INIT("Permanent Redirect"),
        [400] = STR_INIT("Bad Request"),
        [401] = STR_INIT("Unauthorized"),
        [402] = STR_INIT("Payment Required"),
        [403] = STR_INIT("Forbidden"),
        [404] = STR_INIT("Not Found"),
        [405] = STR_INIT("Method Not Allowed"),
        [406] = STR_INIT("Not Acceptable"),
        [407] = STR_INIT("Proxy Authentication Required"),
        [408] = STR_INIT("Request Timeout"),
        [409] = STR_INIT("Conflict"),
        [410] = STR_INIT("Gone"),
        [411] = STR_INIT("Length Required"),
        [412] = STR_INIT("Precondition Failed"),
        [413] = STR_INIT("Content Too Large"),
        [414] = STR_INIT("URI Too Long"),
        [415] = STR_INIT("Unsupported Media Type"),
        [416] = STR_INIT("Range Not Satisfiable"),
        [417] = STR_INIT("Expectation Failed"),
        [418] = STR_INIT("I'm a teapot"),
        [421] = STR_INIT("Misdirected Request"),
        [422] = STR_INIT("Unprocessable Content"),
        [423] = STR_INIT("Locked"),
        [424] = STR_INIT("Failed Dependency"),
        [425] = STR_INIT("Too Early"),
        [426] = STR_INIT("Upgrade Required"),
        [428] = STR_INIT("Precondition Required"),
        [429] = STR_INIT("Too Many Requests"),
        [431] = STR_INIT("Request Header Fields Too Large"),
        [451] = STR_INIT("Unavailable For Legal Reasons"),
        [500] = STR_INIT("Internal Server Error"),
        [501] = STR_INIT("Not Implemented"),
        [502] = STR_INIT("Bad Gateway"),
        [503] = STR_INIT("Service Unavailable"),
        [504] = STR_INIT("Gateway Timeout"),
        [505] = STR_INIT("HTTP Version Not Supported"),
        [506] = STR_INIT("Variant Also Negotiates"),
        [507] = STR_INIT("Insufficient Storage"),
        [508] = STR_INIT("Loop Detected"),
        [511] = STR_INIT("Network Authentication Required"),
    };
    if (status < 0 || (size_t)status >= ARRAY_LEN(reasons) || !reasons[status].data)
        return STR("");
    return reasons[status];
}

/* --- checking ---------------------------------------------------------------------------------------------------------------- */

static enum status check_field(const struct http_field *field, struct error *err)
{
    if (!http_token_valid(field->name))
        return fail(err, ST_INVALID, "field name `%.*s` is not a token (RFC 9110 section 5.1)",
                    STR_ARG(str_slice(field->name, 0, 64)));
    if (!http_value_valid(field->value))
        return fail(err, ST_INVALID, "value of field `%.*s` has a control character, or a blank at an end (RFC 9110 section 5.5)",
                    STR_ARG(str_slice(field->name, 0, 64)));
    return ST_OK;
}

static enum status check_length(const struct http_field *field, struct http_fields_summary *summary, struct error *err)
{
    if (summary->has_content_length)
        return fail(err, ST_INVALID, "more than one Content-Length field (RFC 9110 section 8.6)");
    if (!str_parse_u64(field->value, HTTP_MAX_LENGTH, &summary->content_length))
        return fail(err, ST_INVALID, "Content-Length is not a number of bytes (RFC 9110 section 8.6)");
    summary->has_content_length = true;
    return ST_OK;
}

enum status http_fields_check(const struct http_field *fields, size_t count, struct http_fields_summary *ret_summary,
                              struct error *err)
{
    struct http_fields_summary summary = {0};
    for (size_t i = 0; i < count; i++) {
        TRY(check_field(&fields[i], err));
        switch (http_field_identify(fields[i].name)) {
        case HTTP_FIELD_CONNECTION:
        case HTTP_FIELD_KEEP_ALIVE:
        case HTTP_FIELD_PROXY_CONNECTION:
        case HTTP_FIELD_TRANSFER_ENCODING:
        case HTTP_FIELD_UPGRADE:
            return fail(err, ST_INVALID, "field `%.*s` is set by HTTP itself (RFC 9110 section 7.6.1); leave it out",
                        STR_ARG(fields[i].name));
        case HTTP_FIELD_CONTENT_LENGTH:
            TRY(check_length(&fields[i], &summary, err));
            continue; /* written from the framing, so not counted in size */
        case HTTP_FIELD_DATE:
            summary.has_date = true;
            break;
        case HTTP_FIELD_HOST:
            summary.has_host = true;
            break;
        default:
            break;
        }
        summary.size += fields[i].name.len + fields[i].value.len + 4;
    }
    *ret_summary = summary;
    return ST_OK;
}

/* --- formatting: sizes are reserved first, so these only copy ---------------------------------------------------------------- */

static char *put(char *at, struct str text)
{
    return text.len ? (char *)mempcpy(at, text.data, text.len) : at;
}

static char *put_number(char *at, uint64_t value)
{
    char digits[MAX_NUMBER];
    size_t from = sizeof digits;
    do
        digits[--from] = (char)('0' + value % 10);
    while (value /= 10);
    return put(at, str_n(digits + from, sizeof digits - from));
}

static char *put_field(char *at, struct str name, struct str value)
{
    at = put(put(at, name), STR(": "));
    return put(put(at, value), STR("\r\n"));
}

static char *put_fields(char *at, const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (http_field_identify(fields[i].name) != HTTP_FIELD_CONTENT_LENGTH)
            at = put_field(at, fields[i].name, fields[i].value);
    return at;
}

static char *put_connection(char *at, enum http_connection_option option)
{
    if (option == HTTP_CONNECTION_CLOSE)
        return put(at, STR("Connection: close\r\n"));
    if (option == HTTP_CONNECTION_KEEP_ALIVE)
        return put(at, STR("Connection: keep-alive\r\n"));
    return at;
}

static char *put_framing(char *at, enum http_connection_option connection, enum http_write_framing framing, uint64_t content_length)
{
    if (framing == HTTP_WRITE_OPEN)
        return at;
    at = put_connection(at, connection);
    if (framing == HTTP_WRITE_LENGTH)
        at = put(put_number(put(at, STR("Content-Length: ")), content_length), STR("\r\n"));
    if (framing == HTTP_WRITE_CHUNKED)
        at = put(at, STR("Transfer-Encoding: chunked\r\n"));
    return put(at, STR("\r\n"));
}

size_t http_format_framing(enum http_connection_option connection, enum http_write_framing framing, uint64_t content_length,
                           char ret_text[HTTP_FRAMING_MAX])
{
    return (size_t)(put_framing(ret_text, connection, framing, content_length) - ret_text);
}

size_t http_format_chunk_line(uint64_t size, char ret_text[HTTP_CHUNK_LINE_MAX])
{
    char digits[16];
    size_t from = sizeof digits;
    do
        digits[--from] = "0123456789abcdef"[size & 15];
    while (size >>= 4);
    char *at = put(ret_text, str_n(digits + from, sizeof digits - from));
    return (size_t)(put(at, STR("\r\n")) - ret_text);
}

/* Connection, Date, framing and the empty line at their longest. */
#define HEAD_REST_MAX 160

static void finish_head(struct buf *out, char *at)
{
    out->len = (size_t)(at - out->data);
    *at = 0;
}

enum status http_write_response_head(struct buf *out, const struct http_outgoing *head, const struct http_fields_summary *summary,
                                     struct error *err)
{
    struct str reason = http_reason(head->status);
    if (head->status < 100 || head->status > 999)
        return fail(err, ST_INVALID, "status %d is not from 100 to 999 (RFC 9110 section 15)", head->status);
    if (buf_reserve(out, summary->size + reason.len + HEAD_REST_MAX) != ST_OK)
        return fail(err, ST_LIMIT, "the head of a response is larger than %zu bytes", out->max - out->len);
    char *at = put(out->data + out->len, STR("HTTP/1.1 "));
    at = put(put_number(at, (uint64_t)head->status), STR(" "));
    at = put(put(at, reason), STR("\r\n"));
    if (head->date.data && !summary->has_date)
        at = put_field(at, STR("Date"), head->date);
    at = put_fields(at, head->fields, head->field_count);
    finish_head(out, put_framing(at, head->connection, head->framing, head->content_length));
    return ST_OK;
}

static bool target_valid(struct str target)
{
    for (size_t i = 0; i < target.len; i++)
        if ((uint8_t)target.data[i] <= ' ' || (uint8_t)target.data[i] >= 0x7f)
            return false;
    return target.len > 0;
}

enum status http_write_request_head(struct buf *out, const struct http_outgoing *head, const struct http_fields_summary *summary,
                                    struct error *err)
{
    struct str host;
    uint16_t port;
    if (!http_token_valid(head->method))
        return fail(err, ST_INVALID, "method is not a token (RFC 9110 section 9.1)");
    if (!target_valid(head->target))
        return fail(err, ST_INVALID,
                    "request target is empty or has a blank, control or non-ASCII character (RFC 9112 section 3.2)");
    if (!summary->has_host && !http_authority_parse(head->authority, &host, &port))
        return fail(err, ST_INVALID, "authority is not host[:port] (RFC 9110 section 7.2)");
    size_t size = head->method.len + head->target.len + head->authority.len + summary->size + HEAD_REST_MAX;
    if (buf_reserve(out, size) != ST_OK)
        return fail(err, ST_LIMIT, "the head of a request is larger than %zu bytes", out->max - out->len);
    char *at = put(put(out->data + out->len, head->method), STR(" "));
    at = put(put(at, head->target), STR(" HTTP/1.1\r\n"));
    if (!summary->has_host)
        at = put_field(at, STR("Host"), head->authority);
    at = put_fields(at, head->fields, head->field_count);
    finish_head(out, put_framing(at, head->connection, head->framing, head->content_length));
    return ST_OK;
}

enum status http_write_last_chunk(struct buf *out, const struct http_field *trailers, size_t count, struct error *err)
{
    size_t size = 5;
    for (size_t i = 0; i < count; i++) {
        TRY(check_field(&trailers[i], err));
        enum http_field_id id = http_field_identify(trailers[i].name);
        if (http_field_is_framing(id) || http_field_is_hop_by_hop(id))
            return fail(err, ST_INVALID, "field `%.*s` may not come in trailers (RFC 9110 section 6.5.1)",
                        STR_ARG(trailers[i].name));
        size += trailers[i].name.len + trailers[i].value.len + 4;
    }
    if (buf_reserve(out, size) != ST_OK)
        return fail(err, ST_LIMIT, "the trailers are larger than %zu bytes", out->max - out->len);
    char *at = put_fields(put(out->data + out->len, STR("0\r\n")), trailers, count);
    finish_head(out, put(at, STR("\r\n")));
    return ST_OK;
}

#include "http/write.h"

#include "base/mem.h"
#include "tap.h"

static struct http_field field(const char *name, const char *value)
{
    return (struct http_field){str_of(name), str_of(value), HTTP_FIELD_OTHER};
}

TEST(response_heads)
{
    autobuf struct buf out = BUF_INIT(1000);
    struct http_field fields[] = {field("A", "b"), field("Content-Length", "12"), field("Set-Cookie", "c")};
    struct http_fields_summary summary;
    CHECK_EQ(http_fields_check(fields, 3, &summary, NULL), ST_OK);
    CHECK(summary.has_content_length && summary.content_length == 12 && !summary.has_date);
    struct http_outgoing head = {
        .status = 404, .fields = fields, .field_count = 3, .framing = HTTP_WRITE_LENGTH, .content_length = 12, .date = STR("now")};
    CHECK_EQ(http_write_response_head(&out, &head, &summary, NULL), ST_OK);
    CHECK_STR(buf_str(&out), "HTTP/1.1 404 Not Found\r\nDate: now\r\nA: b\r\nSet-Cookie: c\r\nContent-Length: 12\r\n\r\n");
    buf_clear(&out);
    head = (struct http_outgoing){.status = 799, .framing = HTTP_WRITE_CHUNKED, .connection = HTTP_CONNECTION_CLOSE};
    CHECK_EQ(http_write_response_head(&out, &head, &(struct http_fields_summary){0}, NULL), ST_OK);
    CHECK_STR(buf_str(&out), "HTTP/1.1 799 \r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    head.framing = HTTP_WRITE_OPEN;
    head.connection = HTTP_CONNECTION_KEEP_ALIVE;
    buf_clear(&out);
    CHECK_EQ(http_write_response_head(&out, &head, &(struct http_fields_summary){0}, NULL), ST_OK);
    CHECK_STR(buf_str(&out), "HTTP/1.1 799 \r\n");
    head.status = 99;
    CHECK_EQ(http_write_response_head(&out, &head, &(struct http_fields_summary){0}, NULL), ST_INVALID);
    head.status = 1000;
    CHECK_EQ(http_write_response_head(&out, &head, &(struct http_fields_summary){0}, NULL), ST_INVALID);
}

TEST(own_date_wins)
{
    autobuf struct buf out = BUF_INIT(1000);
    struct http_field date = field("date", "mine");
    struct http_fields_summary summary;
    struct http_outgoing head = {.status = 200, .fields = &date, .field_count = 1, .framing = HTTP_WRITE_NONE, .date = STR("ours")};
    CHECK_EQ(http_fields_check(&date, 1, &summary, NULL), ST_OK);
    CHECK_EQ(http_write_response_head(&out, &head, &summary, NULL), ST_OK);
    CHECK_STR(buf_str(&out), "HTTP/1.1 200 OK\r\ndate: mine\r\n\r\n");
}

TEST(injection_is_refused)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"A", "b\r\nC: d"},
        {"A", "b\nC: d"},
        {"A", "b\rC"},
        {"A", "b\x01"},
        {"A", "b\x7f"},
        {"A", " b"},
        {"A", "b "},
        {"A\r\nB", "c"},
        {"A:", "c"},
        {"A B", "c"},
        {"", "c"},
        {"A\xc3\xa9", "c"},
        {"Connection", "x"},
        {"keep-alive", "x"},
        {"Transfer-Encoding", "chunked"},
        {"Upgrade", "h2c"},
        {"Proxy-Connection", "x"},
        {"Content-Length", "x"},
        {"Content-Length", "-1"},
        {"Content-Length", "9223372036854775808"},
    };
    struct http_fields_summary summary;
    struct error err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_field one = field(rows[i].name, rows[i].value);
        CHECK_EQ(http_fields_check(&one, 1, &summary, &err), ST_INVALID);
        CHECK(err.message[0]);
    }
    struct http_field nul = {STR("A"), {"b\0c", 3}, HTTP_FIELD_OTHER};
    CHECK_EQ(http_fields_check(&nul, 1, &summary, &err), ST_INVALID);
    struct http_field twice[] = {field("Content-Length", "1"), field("content-length", "1")};
    CHECK_EQ(http_fields_check(twice, 2, &summary, &err), ST_INVALID);
    CHECK(strstr(err.message, "more than one"));
}

TEST(request_heads)
{
    autobuf struct buf out = BUF_INIT(1000);
    struct http_fields_summary summary = {0};
    struct error err;
    struct http_outgoing head = {
        .method = STR("POST"), .target = STR("/a?b"), .authority = STR("h:1"), .framing = HTTP_WRITE_LENGTH};
    CHECK_EQ(http_write_request_head(&out, &head, &summary, &err), ST_OK);
    CHECK_STR(buf_str(&out), "POST /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n");
    head.method = STR("A B");
    CHECK_EQ(http_write_request_head(&out, &head, &summary, &err), ST_INVALID);
    head.method = STR("GET");
    static const char *const targets[] = {"", "/a b", "/a\r\nX: y", "/\x80", "/\x7f"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        head.target = str_of(targets[i]);
        CHECK_EQ(http_write_request_head(&out, &head, &summary, &err), ST_INVALID);
    }
    head.target = STR("/");
    head.authority = STR("h\r\nX: y");
    CHECK_EQ(http_write_request_head(&out, &head, &summary, &err), ST_INVALID);
}

TEST(head_limit_leaves_the_buffer_alone)
{
    autobuf struct buf out = BUF_INIT(300);
    static char long_value[400];
    memset(long_value, 'a', sizeof long_value - 1);
    struct http_field one = field("A", long_value);
    struct http_fields_summary summary;
    struct error err;
    buf_add(&out, STR("before"));
    CHECK_EQ(http_fields_check(&one, 1, &summary, &err), ST_OK);
    struct http_outgoing head = {.status = 200, .fields = &one, .field_count = 1, .framing = HTTP_WRITE_NONE};
    CHECK_EQ(http_write_response_head(&out, &head, &summary, &err), ST_LIMIT);
    CHECK_STR(buf_str(&out), "before");
}

TEST(framing_and_chunks)
{
    char text[HTTP_FRAMING_MAX], line[HTTP_CHUNK_LINE_MAX];
    CHECK_STR(str_n(text, http_format_framing(HTTP_CONNECTION_DEFAULT, HTTP_WRITE_LENGTH, UINT64_MAX, text)),
              "Content-Length: 18446744073709551615\r\n\r\n");
    CHECK_STR(str_n(text, http_format_framing(HTTP_CONNECTION_CLOSE, HTTP_WRITE_CHUNKED, 0, text)),
              "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK_STR(str_n(text, http_format_framing(HTTP_CONNECTION_KEEP_ALIVE, HTTP_WRITE_UNTIL_CLOSE, 0, text)),
              "Connection: keep-alive\r\n\r\n");
    CHECK_STR(str_n(line, http_format_chunk_line(1, line)), "1\r\n");
    CHECK_STR(str_n(line, http_format_chunk_line(0xabc0, line)), "abc0\r\n");
    CHECK_STR(str_n(line, http_format_chunk_line(UINT64_MAX, line)), "ffffffffffffffff\r\n");
}

TEST(trailers)
{
    autobuf struct buf out = BUF_INIT(100);
    struct error err;
    struct http_field fields[] = {field("A", "b"), field("C", "")};
    CHECK_EQ(http_write_last_chunk(&out, NULL, 0, &err), ST_OK);
    CHECK_STR(buf_str(&out), "0\r\n\r\n");
    buf_clear(&out);
    CHECK_EQ(http_write_last_chunk(&out, fields, 2, &err), ST_OK);
    CHECK_STR(buf_str(&out), "0\r\nA: b\r\nC: \r\n\r\n");
    static const char *const forbidden[] = {"Content-Length", "Transfer-Encoding", "Host", "Connection", "Trailer", "Upgrade"};
    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        struct http_field one = field(forbidden[i], "1");
        CHECK_EQ(http_write_last_chunk(&out, &one, 1, &err), ST_INVALID);
    }
    struct http_field injected = field("A", "b\r\n\r\nHTTP/1.1 200 OK");
    CHECK_EQ(http_write_last_chunk(&out, &injected, 1, &err), ST_INVALID);
}

TEST(dates_and_reasons)
{
    struct http_date date = {0};
    struct str text = http_date_now(&date);
    CHECK_EQ(text.len, 29);
    CHECK(str_ends(text, STR(" GMT")));
    CHECK(http_date_now(&date).data == text.data);
    CHECK_STR(http_reason(200), "OK");
    CHECK_STR(http_reason(511), "Network Authentication Required");
    CHECK_STR(http_reason(299), "");
    CHECK_STR(http_reason(-1), "");
    CHECK_STR(http_reason(999), "");
    CHECK(http_status_has_body(200) && !http_status_has_body(204) && !http_status_has_body(304) && !http_status_has_body(199));
}

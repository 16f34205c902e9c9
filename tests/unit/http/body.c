#include "http/body.h"

#include "http_transcript.h"
#include "tap.h"

#define HEAD "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
#define HEAD_TEXT "POST / query=- scheme=- authority=h origin 1.1 keep Host=h Transfer-Encoding=chunked chunked\n"

/* Runs it whole and byte by byte; `want` follows the head's line. */
static void check_chunked(struct str input, const char *want)
{
    autobuf struct buf message = BUF_INIT(BUF_UNLIMITED);
    buf_add(&message, STR(HEAD));
    buf_add(&message, input);
    for (uint32_t random = 0; random < 3; random++) {
        struct transcript t;
        if (random == 1 && message.len > 4096)
            continue;
        transcript_run(&t, buf_str(&message), random, false, HTTP_METHOD_OTHER, NULL);
        struct str got = str_from(buf_str(&t.out), sizeof HEAD_TEXT - 1);
        bool same = str_starts(got, str_of(want));
        if (!same)
            tap_fail(__FILE__, __LINE__, "%.*s gives %.*s", STR_ARG(str_slice(input, 0, 100)), STR_ARG(got));
        transcript_release(&t);
        CHECK(same);
    }
}

TEST(chunked_bodies)
{
    static const struct {
        const char *input, *want;
    } rows[] = {
        {"0\r\n\r\n", "body \n"},
        {"3\r\nabc\r\n0\r\n\r\n", "body abc\n"},
        {"0000000000000003\r\nabc\r\n00\r\n\r\n", "body abc\n"},
        {"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "body 01234567890123456789a\n"},
        {"3;a\r\nabc\r\n0;b=c\r\n\r\n", "body abc\n"},
        {"3 ;\ta = \"q\\\"\t\\\\ \xc3\xa9\" ; b\r\nabc\r\n0\r\n\r\n", "body abc\n"},
        {"0\r\nA: b\r\nC:\r\n\r\n", "body  A=b C=\n"},
        {"1\r\nx\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n", "body x X-Sum=1 X-Sum=2\n"},
        {"1\r\nx\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: i\r\n\r\n",
         "body x\nGET /2 query=- scheme=- authority=i origin 1.1 keep Host=i none\nbody \n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_chunked(str_of(rows[i].input), rows[i].want);
}

TEST(malformed_chunked_bodies)
{
    static const char *const rows[] = {
        "\r\n",
        "x\r\n",
        "0x3\r\nabc\r\n",
        "-3\r\nabc\r\n",
        "+3\r\nabc\r\n",
        " 3\r\nabc\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\t\r\nabc\r\n",
        "3\nabc\n0\n\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabc\r0\r\n\r\n",
        "3\r\r\nabc\r\n",
        "3;\r\nabc\r\n",
        "3;a=\r\nabc\r\n",
        "3;=b\r\nabc\r\n",
        "3;a b\r\nabc\r\n",
        "3;a=\"b\r\nabc\r\n",
        "3;a\nabc\r\n",
        "3;a\x01\r\nabc\r\n",
        "3a;b\r\r\n",
        "3,3\r\nabc\r\n",
        "3\xe9\r\nabc\r\n",
        "00000000000000003\r\nabc\r\n",
        "8000000000000000\r\nabc",
        "ffffffffffffffff\r\nabc",
        "10000000000000003\r\nabc\r\n",
        "0\r\n\n",
        "0\r\nA: b\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\nA: b\r\n c\r\n\r\n",
        "0\r\n A: b\r\n\r\n",
        "0\r\nA\r\n\r\n",
        "0\r\nA: b\rC: d\r\n\r\n",
        "0\r\nContent-Length: 3\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nHost: x\r\n\r\n",
        "0\r\nA: b\r\n",
        "3\r\nab",
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *content = strncmp(rows[i], "3\r\nab", 5) ? "body \nreject 400 " : rows[i][5] ? "body abc\nreject 400 " : NULL;
        check_chunked(str_of(rows[i]), content ? content : "body ab\nreject 400 ");
    }
}

static void check_extension(size_t len, const char *want)
{
    autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
    buf_add(&input, STR("0;"));
    for (size_t i = 0; i < len; i++)
        buf_add(&input, STR("a"));
    buf_add(&input, STR("\r\n\r\n"));
    check_chunked(buf_str(&input), want);
}

TEST(chunk_line_limit)
{
    check_extension(HTTP_MAX_CHUNK_LINE - 2, "body \n");
    check_extension(HTTP_MAX_CHUNK_LINE - 1, "body \nreject 400 chunk line is too long");
}

TEST(extension_limit_of_a_body)
{
    autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
    for (int i = 0; i < 2000; i++)
        buf_add(&input, STR("1;abcdefgh\r\nx\r\n"));
    buf_add(&input, STR("0\r\n\r\n"));
    check_chunked(buf_str(&input), "body xxxx");
    struct transcript t;
    autobuf struct buf message = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&message, HEAD "%s", input.data);
    transcript_run(&t, buf_str(&message), 0, false, HTTP_METHOD_OTHER, NULL);
    bool found = str_find(buf_str(&t.out), STR("reject 400 chunk extensions are too long")) != STR_NONE;
    transcript_release(&t);
    CHECK(found);
}

static void check_trailers(int count, size_t value_len, const char *want)
{
    autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
    buf_add(&input, STR("0\r\n"));
    for (int i = 0; i < count; i++) {
        buf_addf(&input, "T%d: ", i);
        for (size_t k = 0; k < value_len; k++)
            buf_add(&input, STR("v"));
        buf_add(&input, STR("\r\n"));
    }
    buf_add(&input, STR("\r\n"));
    check_chunked(buf_str(&input), want);
}

TEST(trailer_limits)
{
    check_trailers(HTTP_MAX_TRAILER_FIELDS, 1, "body  T0=v");
    check_trailers(HTTP_MAX_TRAILER_FIELDS + 1, 1, "body \nreject 431 too many");
    check_trailers(1, HTTP_MAX_TRAILERS - 8, "body  T0=v");
    check_trailers(1, HTTP_MAX_TRAILERS - 7, "body \nreject 431 trailers are larger");
}

TEST(trailers_may_be_dropped)
{
    struct http_body body;
    struct str input = STR("0\r\nA: b\r\n\r\nrest"), data;
    size_t used;
    http_body_init(&body, HTTP_BODY_CHUNKED, 0, NULL, 0);
    CHECK_EQ(http_body_feed(&body, input.data, input.len, &used, &data), HTTP_COMPLETE);
    CHECK_EQ(used, input.len - 4);
    CHECK_EQ(body.trailer_count, 0);
    CHECK(http_body_complete(&body));
}

TEST(what_is_left)
{
    struct http_body body;
    struct str data;
    size_t used;
    http_body_init(&body, HTTP_BODY_LENGTH, 5, NULL, 0);
    CHECK_EQ(http_body_left(&body), 5);
    CHECK_EQ(http_body_feed(&body, "abc", 3, &used, &data), HTTP_DATA);
    CHECK_EQ(http_body_left(&body), 2);
    CHECK_EQ(http_body_feed(&body, "defg", 4, &used, &data), HTTP_DATA);
    CHECK_EQ(used, 2);
    CHECK_STR(data, "de");
    CHECK_EQ(http_body_left(&body), 0);
    CHECK_EQ(http_body_feed(&body, "fg", 2, &used, &data), HTTP_COMPLETE);
    CHECK_EQ(used, 0);
    CHECK_EQ(http_body_close(&body), HTTP_COMPLETE);
    http_body_init(&body, HTTP_BODY_CHUNKED, 0, NULL, 0);
    CHECK(http_body_left(&body) == UINT64_MAX);
    http_body_init(&body, HTTP_BODY_NONE, 0, NULL, 0);
    CHECK(http_body_complete(&body));
}

#include "http/parse.h"

#include "http_transcript.h"
#include "tap.h"

#define END "\r\n\r\n"
#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

static const char *run(struct transcript *t, struct str input, uint32_t random, bool response, enum http_method asked)
{
    transcript_run(t, input, random, response, asked, NULL);
    return t->out.data ? t->out.data : "";
}

static void check_requests(struct str input, const char *want, bool prefix)
{
    for (uint32_t random = 0; random < 4; random++) {
        struct transcript t;
        if (random == 1 && input.len > 4096) /* byte by byte copies too much */
            continue;
        const char *got = run(&t, input, random, false, HTTP_METHOD_OTHER);
        bool same = prefix ? strncmp(got, want, strlen(want)) == 0 : strcmp(got, want) == 0;
        if (!same)
            tap_fail(__FILE__, __LINE__, "%.*s\n gives %s\n instead of %s", STR_ARG(str_slice(input, 0, 200)), got, want);
        transcript_release(&t);
        CHECK(same);
    }
}

static void check_response(struct str input, enum http_method asked, const char *want)
{
    for (uint32_t random = 0; random < 2; random++) {
        struct transcript t;
        const char *got = run(&t, input, random, true, asked);
        bool same = strcmp(got, want) == 0;
        if (!same)
            tap_fail(__FILE__, __LINE__, "%.*s\n gives %s\n instead of %s", STR_ARG(input), got, want);
        transcript_release(&t);
        CHECK(same);
    }
}

TEST(accepted_requests)
{
    static const struct {
        struct str input;
        const char *want;
    } rows[] = {
        {STR_INIT(GET "\r\n"), "GET / query=- scheme=- authority=h origin 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("\r\n" GET "\r\n"), "GET / query=- scheme=- authority=h origin 1.1 keep Host=h none\nbody \n"},
        {STR_INIT(GET "Connection: x , CLOSE\r\n\r\n" GET "\r\n"),
         "GET / query=- scheme=- authority=h origin 1.1 close Host=h Connection=x , CLOSE none\nbody \n"},
        {STR_INIT("GET /a?b HTTP/1.0" END), "GET /a query=b scheme=- authority=- origin 1.0 close none\nbody \n"},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive" END),
         "GET / query=- scheme=- authority=- origin 1.0 keep Connection=Keep-Alive none\nbody \n"},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive, close" END),
         "GET / query=- scheme=- authority=- origin 1.0 close Connection=Keep-Alive, close none\nbody \n"},
        {STR_INIT("GET / HTTP/1.7\r\nHost:h" END), "GET / query=- scheme=- authority=h origin 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("brew /?a?b HTTP/1.1\r\nhOST:\t h:1 \t\r\nA:\r\nB: \t\r\nC: \xe9 x" END),
         "brew / query=a?b scheme=- authority=h:1 origin 1.1 keep hOST=h:1 A= B= C=\\xe9 x none\nbody \n"},
        {STR_INIT("GET HTTP://g:2/p?q HTTP/1.1\r\nHost: h" END),
         "GET /p query=q scheme=HTTP authority=g:2 absolute 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("GET https://g HTTP/1.1\r\nHost: h" END),
         "GET / query=- scheme=https authority=g absolute 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("GET http://g?q HTTP/1.1\r\nHost: h" END),
         "GET / query=q scheme=http authority=g absolute 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("OPTIONS http://g HTTP/1.1\r\nHost: h" END),
         "OPTIONS * query=- scheme=http authority=g absolute 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("OPTIONS * HTTP/1.1\r\nHost: h" END),
         "OPTIONS * query=- scheme=- authority=h asterisk 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("CONNECT [::1]:443 HTTP/1.1\r\nHost: h" END),
         "CONNECT  query=- scheme=- authority=[::1]:443 authority 1.1 keep Host=h none\nbody \n"},
        {STR_INIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: i" END),
         "POST / query=- scheme=- authority=h origin 1.1 keep Host=h Content-Length=3 length 3\nbody abc\n"
         "GET /2 query=- scheme=- authority=i origin 1.1 keep Host=i none\nbody \n"},
        {STR_INIT("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 000\r\nExpect: 100-continue" END),
         "POST / query=- scheme=- authority=h origin 1.1 keep Host=h Content-Length=000 Expect=100-continue none 0\nbody \n"},
        {STR_INIT("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx"),
         "PUT / query=- scheme=- authority=h origin expect 1.1 keep Host=h Content-Length=1 Expect=100-Continue length 1\nbody "
         "x\n"},
        {STR_INIT("PUT / HTTP/1.0\r\nContent-Length: 1\r\nExpect: tea\r\n\r\nx"),
         "PUT / query=- scheme=- authority=- origin 1.0 close Content-Length=1 Expect=tea length 1\nbody x\n"},
        {STR_INIT("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n"),
         "POST / query=- scheme=- authority=h origin 1.1 keep Host=h Transfer-Encoding=Chunked chunked\nbody abc T=u\n"},
        {STR_INIT(GET "Upgrade: h2c\r\nTE: trailers\r\n\r\n"),
         "GET / query=- scheme=- authority=h origin 1.1 keep Host=h Upgrade=h2c TE=trailers none\nbody \n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_requests(rows[i].input, rows[i].want, false);
}

TEST(rejected_requests)
{
    static const struct {
        int status;
        struct str input;
    } rows[] = {
        /* request line */
        {400, STR_INIT("\r\n\r\n" GET "\r\n")},
        {400, STR_INIT("\n")},
        {400, STR_INIT("\x16\x03\x01")},
        {400, STR_INIT("GET /" END)},
        {400, STR_INIT("GET" END)},
        {400, STR_INIT(" GET / HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET  / HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET /  HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1.1 \r\nHost: h" END)},
        {400, STR_INIT("GET\t/\tHTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET /a b HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("G(T / HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1.1\rHost: h" END)},
        {400, STR_INIT("GET / HTTP/1.1\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1.1\r\r\nHost: h" END)},
        {400, STR_INIT("GET / http/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1.10\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1,1\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/A.1\r\nHost: h" END)},
        {505, STR_INIT("GET / HTTP/0.9\r\nHost: h" END)},
        {505, STR_INIT("PRI * HTTP/2.0" END "SM" END)},
        {501, STR_INIT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\nHost: h" END)},
        /* target */
        {400, STR_INIT("GET a HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET h:80 HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET * HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("OPTIONS *a HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET /#a HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET /\x80 HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET /\x01 HTTP/1.1\r\nHost: h" END)},
        {400, {"GET /\0 HTTP/1.1\r\nHost: h" END, 28}},
        {400, STR_INIT("GET /%zz HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET ftp://h/ HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET http:///a HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET http://u@h/a HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("GET http://h/a HTTP/1.1" END)},
        {400, STR_INIT("CONNECT h HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("CONNECT h: HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("CONNECT / HTTP/1.1\r\nHost: h" END)},
        {400, STR_INIT("CONNECT http://h:1 HTTP/1.1\r\nHost: h" END)},
        /* fields */
        {400, STR_INIT("GET / HTTP/1.1\r\n Host: h" END)},
        {400, STR_INIT(GET "A: b\r\n c" END)},
        {400, STR_INIT(GET "A: b\r\n\tc" END)},
        {400, STR_INIT(GET "A : b" END)},
        {400, STR_INIT(GET "A b: c" END)},
        {400, STR_INIT(GET "A\t: b" END)},
        {400, STR_INIT(GET ": b" END)},
        {400, STR_INIT(GET "A" END)},
        {400, STR_INIT(GET "A\x01: b" END)},
        {400, STR_INIT(GET "A\xff: b" END)},
        {400, STR_INIT(GET "A: b\x01" END)},
        {400, STR_INIT(GET "A: b\x7f" END)},
        {400, STR_INIT(GET "A: b\rc: d" END)},
        {400, STR_INIT(GET "A: b\nc: d" END)},
        {400, STR_INIT(GET "A: b\r\r\n\r\n")},
        {400, STR_INIT(GET "\n")},
        {400, {GET "A: \0" END, sizeof(GET "A: \0" END) - 1}},
        {400, {GET "A\0: b" END, sizeof(GET "A\0: b" END) - 1}},
        {417, STR_INIT(GET "Content-Length: 1\r\nExpect: tea" END)},
        /* Host */
        {400, STR_INIT("GET / HTTP/1.1" END)},
        {400, STR_INIT(GET "Host: h" END)},
        {400, STR_INIT(GET "host: i" END)},
        {400, STR_INIT("GET / HTTP/1.0\r\nHost: h\r\nHost: h" END)},
        {400, STR_INIT("GET / HTTP/1.1\r\nHost:" END)},
        {400, STR_INIT("GET / HTTP/1.1\r\nHost: a b" END)},
        {400, STR_INIT("GET / HTTP/1.1\r\nHost: a/b" END)},
        {400, STR_INIT("GET / HTTP/1.1\r\nHost: u@a" END)},
        {400, STR_INIT("GET / HTTP/1.1\r\nHost: a:x" END)},
        /* framing */
        {400, STR_INIT(GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 1\r\nContent-Length: 2\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 1, 1\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: +1\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: -1\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 1 1\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 0x1\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 1a\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length:\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 9223372036854775808\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 18446744073709551617\r\n\r\na")},
        {400, STR_INIT(GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0" END)},
        {400, STR_INIT("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0" END)},
        {501, STR_INIT(GET "Transfer-Encoding: gzip\r\n\r\n0" END)},
        {501, STR_INIT(GET "Transfer-Encoding: gzip, chunked\r\n\r\n0" END)},
        {501, STR_INIT(GET "Transfer-Encoding: identity\r\n\r\n0" END)},
        {501, STR_INIT(GET "Transfer-Encoding: xchunked\r\n\r\n0" END)},
        {501, STR_INIT(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: chunked, gzip\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: chunked, chunked\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: chunked;a=b\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: ,chunked\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: \"chunked\"\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding:\r\n\r\n0" END)},
        {400, STR_INIT(GET "Transfer-Encoding: \x0b"
                           "chunked\r\n\r\n0" END)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[16];
        snprintf(want, sizeof want, "reject %d ", rows[i].status);
        check_requests(rows[i].input, want, true);
    }
}

TEST(unfinished_requests)
{
    struct str whole = STR("POST / HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 3" END);
    for (size_t len = 1; len < whole.len; len++)
        check_requests(str_slice(whole, 0, len), "unfinished\n", false);
    check_requests(whole,
                   "POST / query=- scheme=- authority=h origin 1.1 keep Host=h A=b Content-Length=3 length 3\nbody \n"
                   "reject 400 connection closed in the middle of a body (RFC 9112 section 8)\n",
                   false);
}

/* --- limits ------------------------------------------------------------------------------------------------------------------ */

static void add_many(struct buf *buf, char c, size_t count)
{
    bug_unless(buf_reserve(buf, count) == ST_OK);
    memset(buf->data + buf->len, c, count);
    buf->len += count;
}

static void check_request_line(size_t line_len, const char *want)
{
    autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
    buf_add(&input, STR("GET /"));
    add_many(&input, 'a', line_len - 14);
    buf_add(&input, STR(" HTTP/1.1\r\nHost: h" END));
    check_requests(buf_str(&input), want, true);
}

TEST(request_line_limit)
{
    check_request_line(HTTP_MAX_REQUEST_LINE, "GET /aaaa");
    check_request_line(HTTP_MAX_REQUEST_LINE + 1, "reject 414 ");
    check_request_line(200000, "reject 414 ");
}

static void check_head(size_t size, const char *want)
{
    autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
    buf_add(&input, STR(GET "A: "));
    add_many(&input, 'a', size - input.len - 4);
    buf_add(&input, STR(END));
    check_requests(buf_str(&input), want, true);
}

TEST(head_limit)
{
    check_head(HTTP_MAX_HEAD, "GET / ");
    check_head(HTTP_MAX_HEAD + 1, "reject 431 head");
    check_head(HTTP_MAX_HEAD + 100000, "reject 431 head");
}

static void check_field_count(int count, const char *want)
{
    autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
    buf_add(&input, STR(GET));
    for (int i = 1; i < count; i++)
        buf_addf(&input, "F%d: v\r\n", i);
    buf_add(&input, STR("\r\n"));
    check_requests(buf_str(&input), want, true);
}

TEST(field_count_limit)
{
    check_field_count(HTTP_MAX_FIELDS, "GET / ");
    check_field_count(HTTP_MAX_FIELDS + 1, "reject 431 too many");
}

TEST(unending_line_is_refused_while_it_comes)
{
    struct http_field fields[4];
    struct http_parser parser;
    char line[HTTP_MAX_REQUEST_LINE + 2];
    size_t size;
    memset(line, 'a', sizeof line);
    http_parser_init_request(&parser, fields, 4);
    CHECK_EQ(http_parser_feed(&parser, line, sizeof line - 1, &size), HTTP_MORE);
    CHECK_EQ(http_parser_feed(&parser, line, sizeof line, &size), HTTP_REJECTED);
    CHECK_EQ(parser.reject.status, 414);
    CHECK_EQ(http_parser_feed(&parser, line, sizeof line, &size), HTTP_REJECTED);
}

TEST(truncated_head_has_a_reason)
{
    struct http_parser parser;
    http_parser_init_request(&parser, NULL, 0);
    http_parser_truncated(&parser);
    CHECK_EQ(parser.reject.status, 400);
    CHECK(strstr(parser.reject.reason, "closed"));
}

/* --- responses --------------------------------------------------------------------------------------------------------------- */

TEST(responses)
{
    static const struct {
        enum http_method asked;
        struct str input;
        const char *want;
    } rows[] = {
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
         "200 reason=OK 1.1 keep Content-Length=2 length 2\nbody ab\n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 200 \r\n\r\nab"), "200 reason= 1.1 close until-close\nbody ab\n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 200\r\nContent-Length: 0" END),
         "200 reason= 1.1 keep Content-Length=0 none 0\nbody \n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.0 404 Not Here\r\nContent-Length: 1\r\n\r\nx"),
         "404 reason=Not Here 1.0 close Content-Length=1 length 1\nbody x\n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nContent-Length: 5" END),
         "100 reason=Continue 1.1 keep none\nbody \n204 reason=No 1.1 keep Content-Length=5 none 5\nbody \n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked" END),
         "304 reason=x 1.1 keep Transfer-Encoding=chunked none\nbody \n"},
        {HTTP_METHOD_HEAD, STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9" END),
         "200 reason=OK 1.1 keep Content-Length=9 none 9\nbody \n"},
        {HTTP_METHOD_CONNECT, STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nraw"),
         "200 reason=OK 1.1 close Content-Length=9 until-close 9\nbody raw\n"},
        {HTTP_METHOD_CONNECT, STR_INIT("HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx"),
         "403 reason=No 1.1 keep Content-Length=1 length 1\nbody x\n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw"),
         "101 reason=Switching 1.1 close Upgrade=x until-close\nbody raw\n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nHost: a b\r\n\r\n1\r\na\r\n0" END),
         "200 reason=OK 1.1 keep Transfer-Encoding=chunked Host=a b chunked\nbody a\n"},
        {HTTP_METHOD_GET, STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"),
         "200 reason=OK 1.1 keep Content-Length=2 length 2\nbody a\n"
         "reject 400 connection closed in the middle of a body (RFC 9112 section 8)\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_response(rows[i].input, rows[i].asked, rows[i].want);
}

TEST(rejected_responses)
{
    static const struct str rows[] = {
        STR_INIT("HTTP/1.1 20 OK" END),
        STR_INIT("HTTP/1.1 2000 OK" END),
        STR_INIT("HTTP/1.1 099 OK" END),
        STR_INIT("HTTP/1.1  200 OK" END),
        STR_INIT("HTTP/1.1 200OK" END),
        STR_INIT("HTTP/1.1 200 O\rK" END),
        STR_INIT("HTTP/1.1 200 OK\n\n"),
        STR_INIT("HTTP/2.0 200 OK" END),
        STR_INIT("ICY 200 OK" END),
        STR_INIT("\r\nHTTP/1.1 200 OK" END),
        STR_INIT("HTTP/1.1 200 OK\r\nA : b" END),
        STR_INIT("HTTP/1.1 200 OK\r\nA: b\r\n c" END),
        STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
        STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na"),
        STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na"),
        STR_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0" END),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct transcript t;
        bool rejected = str_starts(str_of(run(&t, rows[i], 1, true, HTTP_METHOD_GET)), STR("reject 502 "));
        transcript_release(&t);
        CHECK(rejected || tap_fail(__FILE__, __LINE__, "accepted %.*s", STR_ARG(rows[i])));
    }
}

#include "http/syntax.h"

#include "base/mem.h"
#include "tap.h"

TEST(value_scan_agrees_with_the_table)
{
    char text[80];
    for (size_t len = 0; len < 40; len++)
        for (size_t at = 0; at < len; at++)
            for (int c = 0; c < 256; c++) {
                memset(text, 'a', sizeof text);
                text[at] = (char)c;
                bool valid = c == '\t' || (c >= 0x20 && c != 0x7f);
                CHECK_EQ(http_skip_value(text, text + len) - text, valid ? len : at);
            }
}

TEST(tokens)
{
    CHECK(http_token_valid(STR("X-a!#$%&'*+-.^_`|~9")));
    CHECK(!http_token_valid(STR("")));
    for (const char *c = "\"(),/:;<=>?@[\\]{} \t\r\n\x7f\x80\xff"; *c; c++)
        CHECK(!http_token_valid(str_n(c, 1)));
    CHECK(!http_token_valid(str_n("a\0b", 3)));
}

TEST(values)
{
    CHECK(http_value_valid(STR("")));
    CHECK(http_value_valid(STR("a b\tc \xc3\xa9")));
    CHECK(!http_value_valid(STR(" a")));
    CHECK(!http_value_valid(STR("a\t")));
    CHECK(!http_value_valid(STR("a\r\nb: c")));
    CHECK(!http_value_valid(str_n("a\0b", 3)));
    CHECK(!http_value_valid(STR("a\x7f"
                                "b")));
}

TEST(lists_skip_empty_elements)
{
    struct str rest = STR(" , close ,,\tkeep-alive\t,"), item;
    CHECK(http_list_next(&rest, &item));
    CHECK_STR(item, "close");
    CHECK(http_list_next(&rest, &item));
    CHECK_STR(item, "keep-alive");
    CHECK(!http_list_next(&rest, &item));
}

TEST(authorities)
{
    static const struct {
        const char *text, *host;
        int port;
    } good[] = {
        {"a", "a", 0},
        {"a:80", "a", 80},
        {"a:", "a", 0},
        {"127.0.0.1:65535", "127.0.0.1", 65535},
        {"[::1]:8000", "[::1]", 8000},
        {"[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", 0},
        {"a%2Fb,c;d=e", "a%2Fb,c;d=e", 0},
    };
    static const char *const bad[] = {"",        ":80",    "a b",       "a/b",     "a?b",       "u@a",  "u:p@a",
                                      "a:65536", "a:8a",   "a:-1",      "a:+1",    "a:80:80",   "[::1", "::1",
                                      "[::1]x",  "[v1.a]", "[::1%25e]", "[]",      "[1.2.3.4]", "a%2",  "a%zz",
                                      "a\"",     "a\x80",  "a\\b",      "[::1]80", "<a>",       "a#b",  "a:99999999999999999999"};
    struct str host;
    uint16_t port;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        CHECK(http_authority_parse(str_of(good[i].text), &host, &port));
        CHECK_STR(host, good[i].host);
        CHECK_EQ(port, good[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!http_authority_parse(str_of(bad[i]), &host, &port) || !tap_fail(__FILE__, __LINE__, "accepted %s", bad[i]));
}

TEST(paths_and_queries)
{
    struct str path, query;
    CHECK(http_path_parse(STR("/a/%20b;c=[1]|^?x={\"y\"}"), &path, &query) == false); /* the quote */
    CHECK(http_path_parse(STR("/a/%20b;c=[1]|^?x={y}&z=100%&w=`\\?/"), &path, &query));
    CHECK_STR(path, "/a/%20b;c=[1]|^");
    CHECK_STR(query, "x={y}&z=100%&w=`\\?/");
    CHECK(http_path_parse(STR("/?"), &path, &query));
    CHECK(query.data && query.len == 0);
    CHECK(http_path_parse(STR("/"), &path, &query));
    CHECK(!query.data);
    for (const char *c = " \"<>#\\`{}\t\x01\x7f\x80\xff"; *c; c++)
        CHECK(!http_path_parse(str_n(c, 1), &path, &query));
    CHECK(!http_path_parse(STR("/%"), &path, &query));
    CHECK(!http_path_parse(STR("/%2"), &path, &query));
    CHECK(!http_path_parse(STR("/%2?"), &path, &query));
    CHECK(!http_path_parse(STR("/%g0"), &path, &query));
    CHECK(!http_path_parse(STR("/?#"), &path, &query));
    CHECK(!http_path_parse(STR("/? "), &path, &query));
}

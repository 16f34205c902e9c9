#include "base/buf.h"

#include "base/mem.h"
#include "tap.h"

#define CHECK_BUF(buf, text)                                                                                                       \
    do {                                                                                                                           \
        CHECK_STR(buf_str(buf), text);                                                                                             \
        CHECK_EQ(buf_str(buf).data[buf_str(buf).len], '\0');                                                                       \
    } while (0)

TEST(appends_stay_nul_ended)
{
    autobuf struct buf buf = BUF_INIT(BUF_UNLIMITED);
    CHECK_BUF(&buf, "");
    CHECK(!buf.data);
    CHECK_EQ(buf_append(&buf, "abc", 3), ST_OK);
    CHECK_BUF(&buf, "abc");
    CHECK_EQ(buf_append_char(&buf, 'd'), ST_OK);
    CHECK_EQ(buf_append_str(&buf, STR("ef")), ST_OK);
    CHECK_EQ(buf_append_str(&buf, STR_NULL), ST_OK);
    CHECK_EQ(buf_append(&buf, NULL, 0), ST_OK);
    CHECK_BUF(&buf, "abcdef");
    buf_clear(&buf);
    CHECK_BUF(&buf, "");
    CHECK(buf.capacity > 0);
}

TEST(growth_keeps_content)
{
    autobuf struct buf buf = BUF_INIT(BUF_UNLIMITED);
    for (int i = 0; i < 20000; i++) {
        CHECK_EQ(buf_append_char(&buf, (char)('a' + i % 26)), ST_OK);
        CHECK_EQ(buf.data[buf.len], '\0');
    }
    CHECK_EQ(buf.len, 20000);
    for (int i = 0; i < 20000; i++)
        CHECK_EQ(buf.data[i], 'a' + i % 26);
}

TEST(maximum)
{
    autobuf struct buf buf = BUF_INIT(5);
    CHECK_EQ(buf_append(&buf, "abcdef", 6), ST_LIMIT);
    CHECK_BUF(&buf, "");
    CHECK_EQ(buf_append(&buf, "abcd", 4), ST_OK);
    CHECK_EQ(buf_append(&buf, "ef", 2), ST_LIMIT);
    CHECK_BUF(&buf, "abcd");
    CHECK_EQ(buf_append_char(&buf, 'e'), ST_OK);
    CHECK_EQ(buf_append_char(&buf, 'f'), ST_LIMIT);
    CHECK_EQ(buf_reserve(&buf, 1), ST_LIMIT);
    CHECK_EQ(buf_reserve(&buf, 0), ST_OK);
    CHECK_EQ(buf.capacity, 5);
    CHECK_BUF(&buf, "abcde");
}

TEST(no_maximum_given_means_none_allowed)
{
    autobuf struct buf buf = {0};
    CHECK_EQ(buf_append_char(&buf, 'a'), ST_LIMIT);
    CHECK_EQ(buf_append(&buf, "", 0), ST_OK);
}

TEST(sizes_that_overflow)
{
    autobuf struct buf buf = BUF_INIT(BUF_UNLIMITED);
    CHECK_EQ(buf_reserve(&buf, SIZE_MAX), ST_LIMIT);
    CHECK_EQ(buf_append(&buf, "abc", 3), ST_OK);
    CHECK_EQ(buf_reserve(&buf, SIZE_MAX), ST_LIMIT);
    CHECK_EQ(buf_reserve(&buf, SIZE_MAX - 3), ST_LIMIT);
    CHECK_EQ(buf_reserve(&buf, (size_t)PTRDIFF_MAX), ST_LIMIT);
    CHECK_BUF(&buf, "abc");
}

TEST(reserve_gives_room_to_fill)
{
    autobuf struct buf buf = BUF_INIT(1000);
    CHECK_EQ(buf_reserve(&buf, 1000), ST_OK);
    CHECK_EQ(buf.capacity, 1000);
    memset(buf.data, 'x', buf.capacity);
    buf.len = buf.capacity;
    buf.data[buf.len] = '\0'; /* room for it beside the capacity */
    CHECK_EQ(buf_append_char(&buf, 'y'), ST_LIMIT);
    CHECK_EQ(strlen(buf.data), 1000);
}

TEST(printf_grows_and_keeps_the_maximum)
{
    autobuf struct buf buf = BUF_INIT(100);
    CHECK_EQ(buf_printf(&buf, "%d-%s", 7, "x"), ST_OK);
    CHECK_BUF(&buf, "7-x");
    CHECK_EQ(buf_printf(&buf, "%*d", 97, 1), ST_OK);
    CHECK_EQ(buf.len, 100);
    CHECK_EQ(buf_printf(&buf, "%s", "z"), ST_LIMIT);
    CHECK_EQ(buf.len, 100);
    CHECK_EQ(buf.data[100], '\0');
    CHECK_EQ(buf_printf(&buf, "%s", ""), ST_OK);
    buf_clear(&buf);
    CHECK_EQ(buf_append(&buf, "ab", 2), ST_OK);
    CHECK_EQ(buf_printf(&buf, "%*d", 99, 1), ST_LIMIT); /* undone although part of it was written */
    CHECK_BUF(&buf, "ab");
}

TEST(printf_of_every_length_around_the_first_capacity)
{
    for (int len = 0; len < 200; len++) {
        autobuf struct buf buf = BUF_INIT(BUF_UNLIMITED);
        buf_add(&buf, STR(">"));
        CHECK_EQ(buf_printf(&buf, "%.*s", len, STR("").data), ST_OK);
        buf_addf(&buf, "%0*d", len + 1, 0);
        CHECK_EQ(buf.len, len + 2);
        CHECK_EQ(strlen(buf.data), buf.len);
    }
}

TEST(take_hands_over)
{
    autobuf struct buf buf = BUF_INIT(100);
    autofree char *nothing = buf_take(&buf);
    CHECK_EQ(nothing[0], '\0');
    buf_add(&buf, STR("text"));
    autofree char *text = buf_take(&buf);
    CHECK_STR(str_of(text), "text");
    CHECK_BUF(&buf, "");
    CHECK_EQ(buf.max, 100);
    CHECK_EQ(buf_append(&buf, "again", 5), ST_OK);
    CHECK_BUF(&buf, "again");
    buf_release(&buf);
    CHECK_EQ(buf.max, 100);
    CHECK(!buf.data);
}

TEST(consume)
{
    autobuf struct buf buf = BUF_INIT(100);
    buf_consume(&buf, 0);
    buf_add(&buf, STR("abcdef"));
    buf_consume(&buf, 2);
    CHECK_BUF(&buf, "cdef");
    buf_consume(&buf, 4);
    CHECK_BUF(&buf, "");
    CHECK_EQ(buf_append(&buf, "x", 1), ST_OK);
    CHECK_BUF(&buf, "x");
}

struct escape_case {
    struct str input;
    const char *text, *json;
};

static const struct escape_case escape_cases[] = {
    {STR_INIT(""), "", "\"\""},
    {STR_INIT("plain text, \"quoted\" back\\slash"), "plain text, \"quoted\" back\\slash",
     "\"plain text, \\\"quoted\\\" back\\\\slash\""},
    {STR_INIT("a\nb\tc\rd"), "a\\nb\\tc\\rd", "\"a\\nb\\tc\\rd\""},
    {STR_INIT("\b\f"), "\\x08\\x0c", "\"\\b\\f\""},
    {STR_INIT("nul\0end"), "nul\\x00end", "\"nul\\u0000end\""},
    {STR_INIT("\x1b[31mred\x1b]0;title\x07"), "\\x1b[31mred\\x1b]0;title\\x07", "\"\\u001b[31mred\\u001b]0;title\\u0007\""},
    {STR_INIT("\x7f"), "\\x7f", "\"\\u007f\""},
    {STR_INIT("\xc2\x9b"
              "31m\xc2\x80\xc2\x9f"),
     "\\u{9b}31m\\u{80}\\u{9f}", "\"\\u009b31m\\u0080\\u009f\""},
    {STR_INIT("\xc2\xa0"), "\xc2\xa0", "\"\xc2\xa0\""}, /* the first after C1 */
    {STR_INIT("\xe2\x80\xae"
              "evil\xe2\x80\xac"),
     "\\u{202e}evil\\u{202c}", "\"\\u202eevil\\u202c\""},
    {STR_INIT("\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\x8e\xd8\x9c"), "\\u{2066}\\u{2069}\\u{200e}\\u{61c}",
     "\"\\u2066\\u2069\\u200e\\u061c\""},
    {STR_INIT("\xe2\x80\xa8\xe2\x80\xa9"), "\\u{2028}\\u{2029}", "\"\\u2028\\u2029\""},
    {STR_INIT("\xef\xbb\xbf"), "\\u{feff}", "\"\\ufeff\""},
    {STR_INIT("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
     "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\""},
    {STR_INIT("\xff"
              "a\x9b"
              "b\xc3"),
     "\\xffa\\x9bb\\xc3",
     "\"\xef\xbf\xbd"
     "a\xef\xbf\xbd"
     "b\xef\xbf\xbd\""},
    {STR_INIT("\xc0\x8a"), "\\xc0\\x8a", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* an overlong newline */
    {STR_INIT("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {STR_INIT("\xe2\x82"
              "\n"),
     "\\xe2\\x82\\n", "\"\xef\xbf\xbd\xef\xbf\xbd\\n\""}, /* a cut sequence must not eat the newline */
};

TEST(escaping)
{
    for (size_t i = 0; i < ARRAY_LEN(escape_cases); i++) {
        autobuf struct buf text = BUF_INIT(1000), json = BUF_INIT(1000);
        CHECK_EQ(buf_append_escaped(&text, escape_cases[i].input), ST_OK);
        CHECK_BUF(&text, escape_cases[i].text);
        CHECK_EQ(buf_append_json(&json, escape_cases[i].input), ST_OK);
        CHECK_BUF(&json, escape_cases[i].json);
    }
}

TEST(escaping_any_two_bytes_leaves_nothing_hostile)
{
    autobuf struct buf text = BUF_INIT(1000), json = BUF_INIT(1000);
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        char input[2] = {(char)(pair >> 8), (char)pair};
        buf_clear(&text);
        buf_clear(&json);
        CHECK_EQ(buf_append_escaped(&text, str_n(input, 2)), ST_OK);
        CHECK_EQ(buf_append_json(&json, str_n(input, 2)), ST_OK);
        CHECK(str_valid_utf8(buf_str(&text)));
        CHECK(str_valid_utf8(buf_str(&json)));
        for (size_t i = 0; i < text.len; i++)
            CHECK((unsigned char)text.data[i] >= 0x20 && text.data[i] != 0x7f);
        for (size_t i = 0; i < json.len; i++)
            CHECK((unsigned char)json.data[i] >= 0x20 && json.data[i] != 0x7f);
    }
}

TEST(escaping_past_the_maximum_changes_nothing)
{
    struct str input = STR("ab\ncd\x1b"
                           "ef");
    for (size_t max = 1; max <= 14; max++) {
        autobuf struct buf text = BUF_INIT(max), json = BUF_INIT(max);
        buf_add(&text, STR(">"));
        buf_add(&json, STR(">"));
        CHECK_EQ(buf_append_escaped(&text, input), max < 13 ? ST_LIMIT : ST_OK); /* >ab\ncd\x1bef */
        CHECK_BUF(&text, max < 13 ? ">" : ">ab\\ncd\\x1bef");
        CHECK_EQ(buf_append_json(&json, input), ST_LIMIT);
        CHECK_BUF(&json, ">");
    }
}

#include "base/str.h"

#include "base/mem.h"
#include "tap.h"

TEST(equality_and_order)
{
    CHECK(str_eq(STR("a\0b"), STR("a\0b")));
    CHECK(!str_eq(STR("a\0b"), STR("a\0c")));
    CHECK(str_eq(STR_NULL, STR("")));
    CHECK(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    CHECK(!str_eq_nocase(STR("a"), STR("ab")));
    CHECK(!str_eq_nocase(STR("["), STR("{"))); /* 0x20 apart, but no letters */
    CHECK(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
    CHECK(str_compare(STR("a"), STR("b")) < 0);
    CHECK(str_compare(STR("ab"), STR("a")) > 0);
    CHECK(str_compare(STR_NULL, STR("a")) < 0);
    CHECK(str_compare(STR("\xff"), STR("a")) > 0);
    CHECK_EQ(str_compare(STR_NULL, STR("")), 0);
}

TEST(ends)
{
    CHECK(str_starts(STR("abc"), STR("ab")));
    CHECK(str_starts(STR("abc"), STR("")));
    CHECK(!str_starts(STR("ab"), STR("abc")));
    CHECK(str_starts(STR_NULL, STR_NULL));
    CHECK(str_ends(STR("abc"), STR("bc")));
    CHECK(!str_ends(STR("bc"), STR("abc")));
    CHECK(str_ends(STR("abc"), STR_NULL));
    struct str s = STR("wasi:http");
    CHECK(!str_skip(&s, STR("wasm:")));
    CHECK(str_skip(&s, STR("wasi:")));
    CHECK_STR(s, "http");
}

TEST(slices_are_clamped)
{
    struct str s = STR("abcdef");
    CHECK_STR(str_slice(s, 1, 3), "bc");
    CHECK_STR(str_slice(s, 4, 100), "ef");
    CHECK_STR(str_slice(s, 4, 2), "");
    CHECK_STR(str_slice(s, 100, SIZE_MAX), "");
    CHECK_STR(str_from(s, 2), "cdef");
    CHECK_STR(str_from(s, 7), "");
    CHECK(!str_slice(STR_NULL, 3, 5).data);
    CHECK_EQ(str_slice(STR_NULL, 3, 5).len, 0);
}

TEST(trim)
{
    CHECK_STR(str_trim(STR(" \t\r\n a b \n")), "a b");
    CHECK_STR(str_trim(STR(" \n ")), "");
    CHECK_STR(str_trim(STR("")), "");
    CHECK_STR(str_trim(STR("\va")), "\va");
    CHECK_EQ(str_trim(STR_NULL).len, 0);
}

TEST(finding)
{
    CHECK_EQ(str_find(STR("abcabc"), STR("ca")), 2);
    CHECK_EQ(str_find(STR("abc"), STR("abcd")), STR_NONE);
    CHECK_EQ(str_find(STR("abc"), STR("")), 0);
    CHECK_EQ(str_find(STR_NULL, STR("a")), STR_NONE);
    CHECK_EQ(str_find_char(STR("a.b.c"), '.'), 1);
    CHECK_EQ(str_find_last_char(STR("a.b.c"), '.'), 3);
    CHECK_EQ(str_find_char(STR("abc"), '.'), STR_NONE);
    CHECK_EQ(str_find_last_char(STR_NULL, '.'), STR_NONE);
    CHECK_EQ(str_find_char(str_n("abc.", 3), '.'), STR_NONE); /* never past the end */
}

static void check_parts(struct str text, const char *joined)
{
    char seen[64] = "";
    size_t len = 0;
    struct str part;
    while (str_next_part(&text, ',', &part))
        len += (size_t)snprintf(seen + len, sizeof seen - len, "<%.*s>", STR_ARG(part));
    CHECK_STR(str_n(seen, len), joined);
}

TEST(parts)
{
    check_parts(STR("a,b"), "<a><b>");
    check_parts(STR("a"), "<a>");
    check_parts(STR(""), "<>");
    check_parts(STR(",a,"), "<><a><>");
    check_parts(STR(",,"), "<><><>");
    check_parts(STR_NULL, "");
}

TEST(decimal)
{
    uint64_t value = 7;
    CHECK(str_parse_u64(STR("0"), UINT64_MAX, &value) && value == 0);
    CHECK(str_parse_u64(STR("18446744073709551615"), UINT64_MAX, &value) && value == UINT64_MAX);
    CHECK(str_parse_u64(STR("65535"), 65535, &value) && value == 65535);
    static const struct str bad[] = {
        STR_INIT(""),      STR_INIT("+1"),
        STR_INIT("-1"),    STR_INIT(" 1"),
        STR_INIT("1 "),    STR_INIT("0x10"),
        STR_INIT("1\0"),   STR_INIT("\xd9\xa1"),
        STR_INIT("65536"), STR_INIT("1e3"),
        STR_INIT("1:"),    STR_INIT("18446744073709551616"),
        STR_INIT("/"),     STR_INIT("99999999999999999999999999"),
    };
    value = 7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!str_parse_u64(bad[i], 65535, &value));
    CHECK(!str_parse_u64(STR("18446744073709551616"), UINT64_MAX, &value));
    CHECK(!str_parse_u64(STR("18446744073709551620"), UINT64_MAX, &value));
    CHECK(!str_parse_u64(STR_NULL, UINT64_MAX, &value));
    CHECK_EQ(value, 7);
}

TEST(hashes)
{
    CHECK(str_hash(STR("abc")) == str_hash(str_n("abcd", 3)));
    CHECK(str_hash(STR("")) == str_hash(STR_NULL));
    /* Every length up to two words, and every single bit, makes a difference. */
    char text[17] = {0};
    for (size_t len = 0; len < 16; len++)
        CHECK(str_hash(str_n(text, len)) != str_hash(str_n(text, len + 1)));
    uint64_t zero = str_hash(str_n(text, 16));
    for (size_t bit = 0; bit < 128; bit++) {
        text[bit / 8] = (char)(1u << bit % 8);
        CHECK(str_hash(str_n(text, 16)) != zero);
        text[bit / 8] = 0;
    }
}

static const struct str valid_utf8[] = {
    STR_INIT(""),
    STR_INIT("ascii that is longer than a word"),
    STR_INIT("\x00\x7f"),
    STR_INIT("\xc2\x80\xdf\xbf"),
    STR_INIT("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
    STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
    STR_INIT("1234567\xe2\x82\xac"
             "1234567\xe2\x82\xac"),
};

static const struct str invalid_utf8[] = {
    STR_INIT("\x80"),
    STR_INIT("\xc0\x80"),
    STR_INIT("\xc1\xbf"),
    STR_INIT("\xc2"),
    STR_INIT("\xe0\x9f\xbf"),
    STR_INIT("\xe2\x82"),
    STR_INIT("\xed\xa0\x80"),
    STR_INIT("\xed\xbf\xbf"),
    STR_INIT("\xf0\x8f\xbf\xbf"),
    STR_INIT("\xf0\x9f\x98"),
    STR_INIT("\xf4\x90\x80\x80"),
    STR_INIT("\xf5\x80\x80\x80"),
    STR_INIT("\xff"),
    STR_INIT("\xe2\x28\xa1"),
    STR_INIT("\xe2\x82\x28"),
    STR_INIT("12345678\xff"),
    STR_INIT("1234567\xff"
             "12345678"),
};

TEST(utf8)
{
    for (size_t i = 0; i < ARRAY_LEN(valid_utf8); i++)
        CHECK(str_valid_utf8(valid_utf8[i]));
    for (size_t i = 0; i < ARRAY_LEN(invalid_utf8); i++)
        CHECK(!str_valid_utf8(invalid_utf8[i]));
    CHECK(str_valid_utf8(STR_NULL));
    CHECK(!str_valid_utf8(str_n("\xe2\x82\xac", 2))); /* the rest lies past the end */
}

TEST(edit_distance)
{
    CHECK_EQ(str_edit_distance(STR("kitten"), STR("sitting"), 10), 3);
    CHECK_EQ(str_edit_distance(STR("sitting"), STR("kitten"), 10), 3);
    CHECK_EQ(str_edit_distance(STR("kitten"), STR("sitting"), 3), 3);
    CHECK_EQ(str_edit_distance(STR("kitten"), STR("sitting"), 2), 3); /* saturates */
    CHECK_EQ(str_edit_distance(STR("kitten"), STR("sitting"), 0), 1);
    CHECK_EQ(str_edit_distance(STR("same"), STR("same"), 0), 0);
    CHECK_EQ(str_edit_distance(STR(""), STR("abc"), SIZE_MAX), 3);
    CHECK_EQ(str_edit_distance(STR_NULL, STR_NULL, 5), 0);
    CHECK_EQ(str_edit_distance(STR("intention"), STR("execution"), SIZE_MAX), 5);
    CHECK_EQ(str_edit_distance(STR("abcdef"), STR("bcdefa"), 2), 2);
    CHECK_EQ(str_edit_distance(STR("saturday"), STR("sunday"), 3), 3);
    CHECK_EQ(str_edit_distance(STR("abc"), STR("xyz"), 100), 3);
    CHECK_EQ(str_edit_distance(STR("nwe"), STR("new"), 1), 1);
    CHECK_EQ(str_edit_distance(STR("xaby"), STR("ybax"), 3), 3);
}

/* The plain recurrence, to compare with. */
static size_t slow_distance(struct str a, struct str b)
{
    if (a.len == 0 || b.len == 0)
        return a.len + b.len;
    size_t same = slow_distance(str_from(a, 1), str_from(b, 1));
    if (a.data[0] == b.data[0])
        return same;
    size_t least = MIN(same, MIN(slow_distance(str_from(a, 1), b), slow_distance(a, str_from(b, 1))));
    if (a.len > 1 && b.len > 1 && a.data[0] == b.data[1] && a.data[1] == b.data[0])
        least = MIN(least, slow_distance(str_from(a, 2), str_from(b, 2)));
    return 1 + least;
}

TEST(edit_distance_agrees_with_the_recurrence)
{
    uint32_t random = 1;
    for (int round = 0; round < 3000; round++) {
        char text[12];
        for (size_t i = 0; i < sizeof text; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = (char)('a' + (random >> 24) % 3);
        }
        struct str a = str_n(text, (random >> 8) % 7), b = str_n(text + 6, (random >> 16) % 7);
        size_t want = slow_distance(a, b);
        for (size_t max = 0; max < 8; max++)
            CHECK_EQ(str_edit_distance(a, b, max), MIN(want, max + 1));
    }
}

TEST(edit_distance_of_long_texts_is_quick)
{
    size_t len = 1 << 20;
    autofree char *a = mem_alloc(len), *b = mem_alloc(len);
    memset(a, 'a', len);
    memset(b, 'a', len);
    b[0] = b[len - 1] = 'b'; /* no common ends */
    CHECK_EQ(str_edit_distance(str_n(a, len), str_n(b, len), 3), 2);
    CHECK_EQ(str_edit_distance(str_n(a, len), str_n(b, len), 1), 2);
}

TEST(nearest)
{
    static const struct str commands[] = {STR_INIT("build"), STR_INIT("dev"), STR_INIT("inspect"), STR_INIT("host")};
    CHECK_STR(str_nearest(STR("biuld"), commands, 4), "build");
    CHECK_STR(str_nearest(STR("inpsect"), commands, 4), "inspect");
    CHECK_STR(str_nearest(STR("hots"), commands, 4), "host");
    CHECK_STR(str_nearest(STR("devv"), commands, 4), "dev");
    CHECK_STR(str_nearest(STR("dve"), commands, 4), "dev");
    CHECK_STR(str_nearest(STR("dev"), commands, 4), "dev");
    CHECK(!str_nearest(STR("zzz"), commands, 4).data);
    CHECK(!str_nearest(STR("x"), commands, 4).data);
    CHECK(!str_nearest(STR(""), commands, 4).data);
    CHECK(!str_nearest(STR("build"), NULL, 0).data);
}

#include "wit/name.h"

#include "base/mem.h"
#include "tap.h"

TEST(labels)
{
    static const char *const good[] = {"a", "a1", "foo-bar", "get-URL", "XML", "a-1", "ipv4-address", "B2-b2"};
    static const char *const bad[] = {"", "1a", "-a", "a-", "a--b", "fooBar", "a_b", "a.b", "\xc3\xa9", "a b"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(wit_label_valid(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!wit_label_valid(str_of(bad[i])));
    CHECK_STR(str_of(wit_label_fault(STR("aB"))), "a word mixes upper and lower case");
    CHECK_STR(str_of(wit_label_fault(STR("a-"))), "a word between '-' is empty");
}

TEST(escapes)
{
    CHECK(wit_name_needs_escape(STR("list")));
    CHECK(wit_name_needs_escape(STR("error-context")));
    CHECK(wit_name_needs_escape(STR("float32")));
    CHECK(!wit_name_needs_escape(STR("lists")));
    CHECK(!wit_name_needs_escape(STR("since")));
}

TEST(unique_keys)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    CHECK_STR(wit_name_unique_key(&arena, STR("Get-URL")), "get-url");
    CHECK_STR(wit_name_unique_key(&arena, STR("[method]Blob.read")), "blob.read");
    CHECK_STR(wit_name_unique_key(&arena, STR("[static]blob.read")), "blob.read");
    CHECK_STR(wit_name_unique_key(&arena, STR("[method]blob.BLOB")), "blob");
    CHECK_STR(wit_name_unique_key(&arena, STR("[constructor]blob")), "[constructor]blob");
    arena_release(&arena);
}

TEST(version_parts)
{
    struct wit_version version;
    CHECK_EQ(wit_version_parse(STR("1.20.3-rc.1+build.05"), &version, NULL), ST_OK);
    CHECK_EQ(version.major, 1);
    CHECK_EQ(version.minor, 20);
    CHECK_EQ(version.patch, 3);
    CHECK_STR(version.pre, "rc.1");
    CHECK_STR(version.build, "build.05");
    CHECK_STR(version.text, "1.20.3-rc.1+build.05");
}

TEST(version_faults)
{
    static const char *const bad[] = {
        "",         "1",      "1.2",       "1.2.",  "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-a..b",
        "1.2.3-01", "1.2.3+", "1.2.3+a_b", "1.2.x", "1.2.3 ",  "-1.2.3", "v1.2.3", "18446744073709551616.0.0"};
    struct wit_version version = {.major = 7};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_EQ(wit_version_parse(str_of(bad[i]), &version, NULL), ST_INVALID);
    CHECK_EQ(version.major, 7); /* untouched on failure */
}

TEST(version_span)
{
    CHECK_EQ(wit_version_span(STR("1.2.3.{x}")), 5);
    CHECK_EQ(wit_version_span(STR("1.2.3-a.b.{x}")), 9);
    CHECK_EQ(wit_version_span(STR("1.2.3-a.4+c.5;")), 13);
    CHECK_EQ(wit_version_span(STR("1.2;")), 3);
    CHECK_EQ(wit_version_span(STR("x")), 0);
}

/* The order that semver.org gives as its example, each before the next. */
TEST(version_order)
{
    static const char *const sorted[] = {
        "0.9.10",     "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0",       "1.0.0+a",       "1.0.0+b",          "1.0.1",      "1.10.0",       "2.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            struct wit_version a, b;
            CHECK_EQ(wit_version_parse(str_of(sorted[i]), &a, NULL), ST_OK);
            CHECK_EQ(wit_version_parse(str_of(sorted[j]), &b, NULL), ST_OK);
            int order = wit_version_compare(&a, &b);
            CHECK_EQ(order < 0 ? -1 : order > 0, i < j ? -1 : i > j);
        }
    }
}

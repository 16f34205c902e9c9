/* Versions: which there are, and their order. */
#include "cli/version.h"
#include "base/mem.h"
#include "tap.h"

TEST(what_is_a_version)
{
    static const char *const good[] = {"1.2.3",      "v1.2.3",      "wash-v1.2.3", "wash-1.2.3",  "0.0.0",
                                       "1.2.3-rc.1", "1.2.3-a-b.0", "1.2.3+b.01",  "1.2.3-rc.1+b"};
    static const char *const bad[] = {
        "",         "v",      "1",      "1.2",    "1.2.3.4",       "01.2.3",  "1.2.x",          "1.2.3-", "1.2.3-rc..1",
        "1.2.3-01", "1.2.3+", "1.2.3 ", "-1.2.3", "1.2.3-\x1b[1m", "vv1.2.3", "1.2.9999999999", "latest", "1.2.3-a/b"};
    struct cli_version version;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(cli_version_parse(str_of(good[i]), &version) || tap_fail(__FILE__, __LINE__, "%s", good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!cli_version_parse(str_of(bad[i]), &version) || tap_fail(__FILE__, __LINE__, "%s", bad[i]));
}

TEST(the_order_of_versions)
{
    /* Semantic Versioning 2.0.0, item 11, and what lies around it. */
    static const char *const ordered[] = {
        "0.9.9",      "1.0.0-1",      "1.0.0-2",       "1.0.0-10",   "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",       "1.0.1",         "1.0.10",
        "1.2.0",      "2.0.0",        "10.0.0"};
    for (size_t i = 0; i < ARRAY_LEN(ordered); i++) {
        for (size_t j = 0; j < ARRAY_LEN(ordered); j++) {
            struct cli_version a, b;
            CHECK(cli_version_parse(str_of(ordered[i]), &a) && cli_version_parse(str_of(ordered[j]), &b));
            int order = cli_version_compare(&a, &b);
            CHECK_EQ((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

TEST(builds_are_the_same_version)
{
    struct cli_version a, b;
    CHECK(cli_version_parse(STR("v1.2.3+one"), &a) && cli_version_parse(STR("1.2.3"), &b));
    CHECK_EQ(cli_version_compare(&a, &b), 0);
}

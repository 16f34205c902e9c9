#include "wkg/requirement.h"
#include "base/mem.h"
#include "tap.h"

static struct arena arena;

static struct str formatted(const char *text)
{
    struct wkg_requirement requirement;
    struct error err;
    if (wkg_requirement_parse(str_of(text), &requirement, &err) != ST_OK)
        return STR("error");
    return wkg_requirement_format(&requirement, &arena);
}

TEST(canonical_text)
{
    static const char *const cases[][2] = {
        {"*", "*"},
        {" x ", "*"},
        {"=0.2.0", "=0.2.0"},
        {"= 1.2.3-rc.1+b5", "=1.2.3-rc.1"},
        {"1", "^1"},
        {"1.2", "^1.2"},
        {">=1.2.0, <1.8", ">=1.2.0, <1.8"},
        {"~1.2.3", "~1.2.3"},
        {"1.*", "1.*"},
        {"1.2.x", "1.2.*"},
        {"1.*.*", "1.*"},
        {"=1.*", "=1"},
        {"0.2.0-draft", "^0.2.0-draft"},
        {">1,<=2", ">1, <=2"},
    };
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(formatted(cases[i][0]), cases[i][1]);
    arena_release(&arena);
}

TEST(malformed)
{
    static const char *const cases[] = {"",
                                        "=",
                                        "a",
                                        "1.2.3.4",
                                        "01",
                                        "1.02",
                                        "1.*.3",
                                        "1.2-rc",
                                        "1,",
                                        ",1",
                                        "*.1",
                                        "==1",
                                        "1 2",
                                        "1.2.3-",
                                        "1.2.3-01",
                                        "*, 1",
                                        "18446744073709551616",
                                        ">>1",
                                        "-1",
                                        "1.2.3-a_b"};
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(formatted(cases[i]), "error");
    arena_release(&arena);
}

/* "requirement|versions that match|versions that do not" */
static const char *const matching[] = {
    "=0.2.0|0.2.0 0.2.0+build|0.2.1 0.2.0-rc 0.1.0",
    "=0.2.0-draft|0.2.0-draft|0.2.0 0.2.0-draft.1",
    "=1|1.0.0 1.9.9|2.0.0 1.0.0-a",
    "*|0.0.1 9.9.9|1.0.0-rc.1",
    "^1.2.3|1.2.3 1.3.0 1.99.0|1.2.2 2.0.0 1.3.0-rc 1.2.3-rc",
    "^1.2.3-rc.2|1.2.3-rc.2 1.2.3-rc.10 1.2.3 1.2.4|1.2.3-rc.1 1.2.4-rc.3 2.0.0",
    "^0.2.3|0.2.3 0.2.9|0.3.0 0.2.2 1.0.0",
    "^0.0.3|0.0.3|0.0.4 0.0.2",
    "^0.2|0.2.0 0.2.9|0.3.0",
    "^0|0.0.1 0.9.0|1.0.0",
    "^1.2|1.2.0 1.3.0|1.1.9",
    "~1.2.3|1.2.3 1.2.9|1.3.0 1.2.2",
    "~1.2|1.2.0 1.2.9|1.3.0",
    "~1|1.0.0 1.9.0|2.0.0",
    ">1.2|1.3.0 2.0.0|1.2.9 1.2.0",
    ">1.2.3|1.2.4|1.2.3 1.2.3-rc",
    ">=1.2, <2|1.2.0 1.9.9|2.0.0 1.1.0",
    "<=1.2|1.2.9 1.0.0|1.3.0",
    "<1.2.3-b|1.2.3-a 1.2.2|1.2.3 1.2.3-b 1.2.2-a",
    "1.2.*|1.2.0 1.2.7|1.3.0 1.2.0-a",
};

static bool matches(struct str requirement_text, struct str version_text)
{
    struct wkg_requirement requirement;
    struct wit_version version;
    struct error err;
    if (wkg_requirement_parse(requirement_text, &requirement, &err) != ST_OK ||
        wit_version_parse(version_text, &version, &err) != ST_OK)
        bug("test data: %s", err.message);
    return wkg_requirement_matches(&requirement, &version);
}

TEST(matches)
{
    for (size_t i = 0; i < ARRAY_LEN(matching); i++) {
        struct str rest = str_of(matching[i]), requirement, list, version;
        CHECK(str_next_part(&rest, '|', &requirement));
        for (int wanted = 1; wanted >= 0; wanted--) {
            CHECK(str_next_part(&rest, '|', &list));
            while (str_next_part(&list, ' ', &version))
                if (matches(requirement, version) != wanted)
                    tap_fail(__FILE__, __LINE__, "%.*s and %.*s", STR_ARG(requirement), STR_ARG(version));
        }
    }
}

TEST(of_references)
{
    struct wit_version version = {0}, full;
    struct error err;
    struct str exact;
    arena_init(&arena, SIZE_MAX);
    struct wkg_requirement any = wkg_requirement_of(&version);
    CHECK_STR(wkg_requirement_format(&any, &arena), "*");
    CHECK(!wkg_requirement_is_exact(&any, &arena, &exact));
    CHECK(wit_version_parse(STR("0.2.0-draft+x"), &full, &err) == ST_OK);
    struct wkg_requirement one = wkg_requirement_of(&full);
    CHECK_STR(wkg_requirement_format(&one, &arena), "=0.2.0-draft");
    CHECK(wkg_requirement_is_exact(&one, &arena, &exact));
    CHECK_STR(exact, "0.2.0-draft");
    arena_release(&arena);
}

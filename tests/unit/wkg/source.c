#include "wkg/source.h"
#include "base/mem.h"
#include "tap.h"

struct source_case {
    const char *text;
    enum wkg_source_kind kind;
    const char *location, *ref;
};

static const struct source_case cases[] = {
    {"git+https://example.com/a", WKG_SOURCE_GIT, "https://example.com/a", NULL},
    {"git+file:///a/b#v1.0", WKG_SOURCE_GIT, "file:///a/b", "v1.0"},
    {"git@example.com:a/b", WKG_SOURCE_GIT, "git@example.com:a/b", NULL},
    {"https://example.com/a.git", WKG_SOURCE_GIT, "https://example.com/a.git", NULL},
    {"https://example.com/a.git#main", WKG_SOURCE_GIT, "https://example.com/a.git", "main"},
    {"ssh://example.com/a", WKG_SOURCE_GIT, "ssh://example.com/a", NULL},
    {"https://example.com/a.tar.gz", WKG_SOURCE_ARCHIVE, "https://example.com/a.tar.gz", NULL},
    {"http://localhost:80/a", WKG_SOURCE_ARCHIVE, "http://localhost:80/a", NULL},
    {"oci://ghcr.io/a/wasi/http", WKG_SOURCE_REGISTRY, "ghcr.io/a/wasi/http", NULL},
    {"ghcr.io/a/wasi", WKG_SOURCE_REGISTRY, "ghcr.io/a/wasi", NULL},
    {"localhost:5000", WKG_SOURCE_REGISTRY, "localhost:5000", NULL},
    {"usr", WKG_SOURCE_PATH, "usr", NULL},
    {"./usr", WKG_SOURCE_PATH, "./usr", NULL},
    {" /usr ", WKG_SOURCE_PATH, "/usr", NULL},
};

TEST(kinds)
{
    struct arena arena;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wkg_source source;
        CHECK(wkg_source_parse(STR("wasi:http@0.2.0"), str_of(cases[i].text), "/", &arena, &source, &err) == ST_OK);
        CHECK_EQ(source.kind, cases[i].kind);
        CHECK_STR(source.key, "wasi:http");
        CHECK_STR(source.location, cases[i].location);
        CHECK_EQ(source.ref.data != NULL, cases[i].ref != NULL);
        if (cases[i].ref)
            CHECK_STR(source.ref, cases[i].ref);
    }
    arena_release(&arena);
}

TEST(refused_sources)
{
    struct arena arena;
    struct wkg_source source;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    CHECK(wkg_source_parse(STR("wasi"), STR(""), "/", &arena, &source, &err) == ST_INVALID);
    CHECK(wkg_source_parse(STR("wasi"), STR("./nowhere"), "/", &arena, &source, &err) == ST_NOT_FOUND);
    CHECK(wkg_source_parse(STR("wasi"), STR("nowhere/at/all"), "/", &arena, &source, &err) == ST_NOT_FOUND);
    CHECK(wkg_source_parse(STR("Wasi:"), STR("/usr"), "/", &arena, &source, &err) == ST_INVALID);
    arena_release(&arena);
}

#include "wkg/join.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"
#include "wit/encode.h"
#include "wit/load.h"

#define LIBRARY "package l:l@1.0.0;\n"
#define POLL "/// waits\n@since(version = 1.0.0)\ninterface poll {\n  resource p { ready: func() -> bool; }\n  f: func();\n}\n"
#define PART_A LIBRARY "interface types {\n  record r { a: u8 }\n  get: func();\n}\n"
#define PART_B LIBRARY POLL "interface types {\n  use poll.{p};\n  enum e { x, y }\n  record r { a: u8 }\n}\n"
#define TYPES "interface types {\n  use poll.{p};\n  enum e { x, y }\n  record r { a: u8 }\n  get: func() -> p;\n}\n"

/* The binary form of a package, with another that it refers to. */
static struct str encoded(struct arena *arena, const char *text, const char *other)
{
    static const struct wit_options options = {.all_features = true};
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *package;
    struct error err;
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, &options);
    if (wit_loader_add_text(loader, STR("main"), str_of(text), &err) != ST_OK ||
        (other && wit_loader_add_text(loader, STR("other"), str_of(other), &err) != ST_OK) ||
        wit_loader_finish(loader, &package, &err) != ST_OK || wit_encode_package(package, NULL, &out, &err) != ST_OK)
        bug("%s", err.message);
    wit_loader_free(loader);
    wit_model_release(&model);
    return arena_str(arena, buf_str(&out));
}

/* The text of l:l out of what is joined, or the error. */
static struct str joined_library(struct arena *arena, struct wkg_encoded *packages, size_t count)
{
    struct wkg_joined *joined;
    struct error err;
    size_t joined_count;
    if (wkg_join(packages, count, arena, &joined, &joined_count, &err) != ST_OK)
        return arena_str(arena, str_of(err.message));
    for (size_t i = 0; i < joined_count; i++)
        if (str_is(joined[i].full_name, "l:l@1.0.0"))
            return joined[i].text;
    return STR("none");
}

TEST(parts_are_put_together)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct wkg_encoded packages[] = {
        {.label = STR("a:a"),
         .bytes = encoded(&arena, "package a:a;\ninterface i { use l:l/types@1.0.0.{r}; f: func(r: r); }\n", PART_A)},
        {.label = STR("b:b"),
         .bytes = encoded(&arena, "package b:b;\ninterface i { use l:l/types@1.0.0.{e, p}; f: func(e: e) -> p; }\n", PART_B)},
        {.label = STR("l:l"), .bytes = encoded(&arena, LIBRARY POLL TYPES "interface rest { g: func(); }\n", NULL)},
    };
    CHECK_STR(joined_library(&arena, packages, 2), "package l:l@1.0.0;\n\ninterface types {\n  use poll.{p};\n\n  record r {\n    "
                                                   "a: u8,\n  }\n\n  enum e {\n    x,\n    y,\n  "
                                                   "}\n}\n\ninterface poll {\n  resource p;\n}\n\n");
    struct str whole = joined_library(&arena, packages, 3);
    CHECK(str_starts(whole, STR("package l:l@1.0.0;\n\n/// waits\n@since(version = 1.0.0)\ninterface poll {\n")));
    CHECK(str_find(whole, STR("interface rest")) != STR_NONE && str_find(whole, STR("ready: func")) != STR_NONE);
    CHECK_STR(packages[2].interfaces, " poll types rest");
    CHECK_STR(packages[2].name, "l:l@1.0.0");
    arena_release(&arena);
}

TEST(parts_that_disagree)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct wkg_encoded packages[] = {
        {.label = STR("a:a"),
         .bytes = encoded(&arena, "package a:a;\ninterface i { use l:l/t@1.0.0.{r}; f: func(r: r); }\n",
                          LIBRARY "interface t { record r { a: u8 } }\n")},
        {.label = STR("b:b"),
         .bytes = encoded(&arena, "package b:b;\ninterface i { use l:l/t@1.0.0.{r}; f: func(r: r); }\n",
                          LIBRARY "interface t { record r { a: u16 } }\n")},
    };
    struct str message = joined_library(&arena, packages, 2);
    static const char *const parts[] = {"`a:a`", "`b:b`", "`l:l@1.0.0`", "`r` of t differs"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        CHECK(str_find(message, str_of(parts[i])) != STR_NONE);
    arena_release(&arena);
}

TEST(not_packages)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct wkg_encoded bad = {.label = STR("a:a@1.0.0"), .bytes = STR("\0asm\r\0\1\0garbage")};
    CHECK(str_starts(joined_library(&arena, &bad, 1), STR("package `a:a@1.0.0`: ")));
    struct wkg_encoded empty = {.label = STR("a:a"), .bytes = STR("\0asm\r\0\1\0")};
    CHECK_STR(joined_library(&arena, &empty, 1), "package `a:a` is a component, not a WIT package");
    struct str bytes = encoded(&arena, LIBRARY POLL, NULL);
    struct wkg_encoded twice[] = {{.label = STR("one"), .bytes = bytes}, {.label = STR("two"), .bytes = bytes}};
    CHECK_STR(joined_library(&arena, twice, 2), "package `l:l@1.0.0` is there twice: `two` says that it is it");
    arena_release(&arena);
}

#include "wkg/edit.h"
#include "base/mem.h"
#include "tap.h"

static struct str added(struct arena *arena, const char *text, const char *target_text, const char *statement)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct wkg_target target;
    struct error err;
    if (wkg_target_parse(str_of(target_text), &target, &err) != ST_OK ||
        wkg_edit_add(STR("world.wit"), str_of(text), &target, str_of(statement), &out, &err) != ST_OK)
        return arena_printf(arena, "error: %s", err.message);
    return arena_str(arena, buf_str(&out));
}

static struct str removed(struct arena *arena, const char *text, const char *target_text, size_t *count)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct wkg_target target;
    struct error err;
    if (wkg_target_parse(str_of(target_text), &target, &err) != ST_OK ||
        wkg_edit_remove(STR("world.wit"), str_of(text), &target, &out, count, &err) != ST_OK)
        return arena_printf(arena, "error: %s", err.message);
    return arena_str(arena, buf_str(&out));
}

/* text, what it becomes when `import a:b/c@1.0.0;` is added */
static const char *const additions[][2] = {
    {"world w {\n}\n", "world w {\n    import a:b/c@1.0.0;\n}\n"},
    {"world w {}\n", "world w {\n    import a:b/c@1.0.0;\n}\n"},
    {"  world w { }", "  world w {\n      import a:b/c@1.0.0;\n  }"},
    {"world w {\n  export x: func();\n}\n", "world w {\n  import a:b/c@1.0.0;\n  export x: func();\n}\n"},
    {"world w {\n\timport d:e/f;\n\n\texport x: func();\n}\n",
     "world w {\n\timport d:e/f;\n\timport a:b/c@1.0.0;\n\n\texport x: func();\n}\n"},
    {"world w {\n  import d:e/f; // why\n  export g;\n}",
     "world w {\n  import d:e/f; // why\n  import a:b/c@1.0.0;\n  export g;\n}"},
    {"world w { import d:e/f; }", "world w { import d:e/f; import a:b/c@1.0.0; }"},
    {"world w { export g; }", "world w {\n    import a:b/c@1.0.0;\n    export g; }"},
    {"world w {\r\n  import d:e/f;\r\n}\r\n", "world w {\r\n  import d:e/f;\r\n  import a:b/c@1.0.0;\r\n}\r\n"},
    {"world w // import in a comment {\n{\n  /* import x:y/z; } */ import d:e/f;\n}\n",
     "world w // import in a comment {\n{\n  /* import x:y/z; } */ import d:e/f;\n    import a:b/c@1.0.0;\n}\n"},
    {"world w {\n  include x:y/imports@1.0.0;\n  import i: interface { f: func(); }\n  export h;\n}\n",
     "world w {\n  include x:y/imports@1.0.0;\n  import i: interface { f: func(); }\n  import a:b/c@1.0.0;\n  export h;\n}\n"},
    {"package x:y { world v {} }\ninterface i { f: func(); }\nworld w {\n  include z with { a as b }\n  export h;\n}\nworld u {}\n",
     "package x:y { world v {} }\ninterface i { f: func(); }\nworld w {\n  include z with { a as b }\n  import a:b/c@1.0.0;\n  "
     "export "
     "h;\n}\nworld u {}\n"},
    {"world w {\n  @since(version = 1.0.0)\n  import d:e/f;\n}", "world w {\n  @since(version = 1.0.0)\n  import d:e/f;\n  import "
                                                                 "a:b/c@1.0.0;\n}"},
};

TEST(add)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(additions); i++)
        CHECK_STR(added(&arena, additions[i][0], "a:b/c@1.0.0", "import a:b/c@1.0.0;"), additions[i][1]);
    arena_release(&arena);
}

TEST(add_twice)
{
    static const char *const texts[] = {"world w { import a:b/c; }",
                                        "world w { import a:b/c@0.1.0; }",
                                        "world w {\n include a : b / c ; import a:b/c@2.0.0;}",
                                        "world w { import n : a:b/c; }",
                                        "world w { import a : b /* x */ / c ; }",
                                        "world w { include a:b/c@0.1.0-rc.1 with { x as y } }",
                                        "world w { import %a:%b/%c\n@1.0.0; }"};
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        CHECK(str_find(added(&arena, texts[i], "a:b/c@1.0.0", "-"), STR("already imported in world.wit")) != STR_NONE);
    CHECK(str_find(added(&arena, "interface i {}", "a:b/c", "-"), STR("no world")) != STR_NONE);
    CHECK(str_find(added(&arena, "world w { import", "a:b/c", "-"), STR("world.wit:1:")) != STR_NONE);
    CHECK(str_starts(added(&arena, "world w { export a:b/c; import a:bc/c; import a:b/cd; }", "a:b/c", "import a:b/c;"),
                     STR("world w {")));
    arena_release(&arena);
}

/* target, text, what is left */
static const char *const removals[][3] = {
    {"a:b", "world w {\n  import a:b/c@1.0.0;\n  import a:b/d;\n  import a:bc/d;\n}\n", "world w {\n  import a:bc/d;\n}\n"},
    {"a:b/c", "world w {\n  import a:b/c@1.0.0; // why\n  import a:b/d;\n}\n", "world w {\n  import a:b/d;\n}\n"},
    {"a:b@1.0.0", "world w {\n  import a:b/c@1.0.0;\n  import a:b/c@2.0.0;\n}\n", "world w {\n  import a:b/c@2.0.0;\n}\n"},
    {"a:b", "world w {\n  // keeps\n\n  /// doc\n  /// more\n  @since(version = 1.0.0)\n  import a:b/c;\n  export x;\n}\n",
     "world w {\n  // keeps\n\n  export x;\n}\n"},
    {"a:b", "world w { import a:b/c; export x; }", "world w { export x; }"},
    {"a:b", "world w {\n  include a:b/c with { x as y };\n  export a:b/c;\n}\nworld v { import a:b/c; }\n",
     "world w {\n  export a:b/c;\n}\nworld v { }\n"},
    {"a:b", "world w {\n  import\n    a:b/c;\n}", "world w {\n}"},
};

TEST(take_out)
{
    struct arena arena;
    size_t count;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(removals); i++) {
        CHECK_STR(removed(&arena, removals[i][1], removals[i][0], &count), removals[i][2]);
        CHECK(count > 0);
    }
    CHECK_STR(removed(&arena, "world w {\n  import a:b/c;\n}", "a:c", &count), "world w {\n  import a:b/c;\n}");
    CHECK_EQ(count, 0);
    arena_release(&arena);
}

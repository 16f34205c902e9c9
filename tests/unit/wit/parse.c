/* The parser by its messages (data/errors.txt covers the resolver's too), its bounds, and characters that files may not have. */
#include "support.h"

#include "base/mem.h"
#include "wit/source.h"

static void check_error(struct support_case *one)
{
    struct wit_model model;
    struct error err = {0};
    enum status status = support_load(&model, one->input, NULL, NULL, &err);
    wit_model_release(&model);
    if (status == ST_OK)
        tap_fail(__FILE__, __LINE__, "case `%.*s` was accepted", STR_ARG(one->name));
    else if (!str_eq(str_of(err.message), one->mark))
        tap_fail(__FILE__, __LINE__, "case `%.*s`:\n#   got  %s\n#   want %.*s", STR_ARG(one->name), err.message,
                 STR_ARG(one->mark));
}

TEST(error_messages)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    CHECK(support_read("data/errors.txt", &text));
    struct str rest = buf_str(&text);
    struct support_case one;
    size_t count = 0;
    for (; support_next_case(&rest, &one); count++)
        check_error(&one);
    CHECK(count > 100);
}

static enum status load(struct str text, struct error *err)
{
    struct wit_model model;
    enum status status = support_load(&model, text, NULL, NULL, err);
    wit_model_release(&model);
    return status;
}

TEST(forbidden_characters)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"package a:b;\n// \x07", "t.wit:2:4: U+0007, a control character, is not allowed in WIT"},
        {"package a:b; // \x7f", "t.wit:1:17: U+007F, a control character, is not allowed in WIT"},
        {"package a:b; // \xc2\x85", "t.wit:1:17: U+0085, a control character, is not allowed in WIT"},
        {"// \xe2\x80\xae", "t.wit:1:4: U+202E, a bidirectional override, is not allowed in WIT"},
        {"// \xe2\x81\xa6", "t.wit:1:4: U+2066, a bidirectional override, is not allowed in WIT"},
        {"// \xe1\x9e\xa3", "t.wit:1:4: U+17A3, a character that Unicode discourages, is not allowed in WIT"},
        {"\xff", "t.wit: the file is not UTF-8"},
    };
    struct error err;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK_EQ(load(str_of(cases[i].text), &err), ST_INVALID);
        CHECK_STR(str_of(err.message), cases[i].message);
    }
    CHECK_EQ(load(str_n("package a:b;\0", 13), &err), ST_INVALID);
}

TEST(accepted_characters)
{
    CHECK_EQ(load(STR("\xef\xbb\xbfpackage a:b;\r\n\t/// \xe2\x98\x83 and \xf0\x9f\x98\x80\r\ninterface i {}"), NULL), ST_OK);
}

/* Columns count characters, not bytes. */
TEST(columns)
{
    struct error err;
    CHECK_EQ(load(STR("package a:b; /* \xe2\x98\x83 */ x"), &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "t.wit:1:22: expected `interface`, `world`, `use` or `package`, found name `x`");
}

static void repeat(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add(out, str_of(text));
}

TEST(bound_of_file_size)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    buf_add(&text, STR("package a:b;\n"));
    repeat(&text, "                ", WIT_MAX_FILE_BYTES / 16 - 1);
    CHECK_EQ(load(buf_str(&text), &err), ST_OK);
    repeat(&text, " ", 16);
    CHECK_EQ(load(buf_str(&text), &err), ST_LIMIT);
    CHECK_STR(str_of(err.message), "t.wit: the file is larger than 8388608 bytes");
}

TEST(bound_of_nesting)
{
    struct error err;
    for (size_t depth = 99; depth <= 1000000; depth = depth < 102 ? depth + 1 : depth * 100) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        buf_add(&text, STR("package a:b; interface i { type t = "));
        repeat(&text, "list<", depth);
        buf_add(&text, STR("u8"));
        repeat(&text, ">", depth);
        buf_add(&text, STR("; }"));
        CHECK_EQ(load(buf_str(&text), &err), depth < 100 ? ST_OK : ST_LIMIT);
    }
    autobuf struct buf comments = BUF_INIT(BUF_UNLIMITED);
    buf_add(&comments, STR("package a:b;"));
    repeat(&comments, "/*", 1000000);
    repeat(&comments, "*/", 1000000);
    CHECK_EQ(load(buf_str(&comments), &err), ST_OK);
}

/* Depth counts through names: each type is one deeper than the one before. */
TEST(bound_of_nesting_by_name)
{
    struct error err;
    for (size_t depth = 99; depth <= 101; depth++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        buf_add(&text, STR("package a:b; interface i { type t0 = list<u8>; "));
        for (size_t i = 1; i < depth; i++)
            buf_addf(&text, "type t%zu = tuple<t%zu, t%zu>; ", i, i - 1, i - 1);
        buf_add(&text, STR("}"));
        CHECK_EQ(load(buf_str(&text), &err), depth <= 100 ? ST_OK : ST_LIMIT);
    }
    CHECK(str_find(str_of(err.message), STR("type `t100` is made of types more than 100 deep")) != STR_NONE);
}

TEST(bound_of_items)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    buf_add(&text, STR("package a:b; interface i { enum e { "));
    for (size_t i = 0; i < WIT_MAX_ITEMS; i++)
        buf_addf(&text, "a%zx,", i);
    buf_add(&text, STR("} }"));
    CHECK_EQ(load(buf_str(&text), &err), ST_LIMIT);
    CHECK(str_ends(str_of(err.message), STR("the WIT holds more than 1048576 items")));
}

/* Worlds that include worlds: little text, many items. */
TEST(bound_of_copies)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    buf_add(&text, STR("package a:b; world w0 {"));
    for (size_t i = 0; i < 2000; i++)
        buf_addf(&text, " import fn%zu: func();", i);
    buf_add(&text, STR("}"));
    for (size_t i = 1; i < 2000; i++)
        buf_addf(&text, " world w%zu { include w%zu; }", i, i - 1);
    CHECK_EQ(load(buf_str(&text), &err), ST_LIMIT);
    CHECK(str_starts(str_of(err.message), STR("the WIT holds more than")));
}

TEST(bound_of_interface_chains)
{
    struct error err;
    for (size_t depth = 500; depth <= 502; depth++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        buf_add(&text, STR("package a:b; interface i0 { type t = u8; } "));
        for (size_t i = 1; i <= depth; i++)
            buf_addf(&text, "interface i%zu { use i%zu.{t as u}; type t = u8; } ", i, i - 1);
        buf_addf(&text, "world w { import i%zu; }", depth);
        CHECK_EQ(load(buf_str(&text), &err), depth <= 500 ? ST_OK : ST_LIMIT);
    }
}

TEST(bound_of_packages)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    buf_add(&text, STR("package a:b; "));
    for (size_t i = 0; i < WIT_MAX_PACKAGES; i++)
        buf_addf(&text, "package c:p%zu {} ", i);
    CHECK_EQ(load(buf_str(&text), &err), ST_LIMIT);
    CHECK(str_ends(str_of(err.message), STR("more than 1024 packages")));
}

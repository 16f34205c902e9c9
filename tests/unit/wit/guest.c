/* The generator of guest bindings: what it refuses, and texts that must come out a certain way. That what it writes compiles, fits the
 * world and works is tested by e2e/test_guest_bindings.py and unit/component/c_guest.c. */
#include "support.h"

#include "wit/guest.h"

struct output {
    struct wit_model model;
    struct buf header, source;
    struct error err;
};

static enum status generate(struct output *out, const char *world_name, const char *text)
{
    struct wit_package *package;
    struct wit_world *world;
    struct wit_options options = {.all_features = true};
    buf_init(&out->header, BUF_UNLIMITED);
    buf_init(&out->source, BUF_UNLIMITED);
    wit_model_init(&out->model);
    TRY(support_load(&out->model, str_of(text), &options, &package, &out->err));
    TRY(wit_select_world(&out->model, package, str_of(world_name), &world, &out->err));
    struct wit_guest_options guest = {.world = world, .component_type = STR("\0type?\"\\\xff")};
    return wit_guest_c(&out->model, &guest, &out->header, &out->source, &out->err);
}

static void release(struct output *out)
{
    wit_model_release(&out->model);
    buf_release(&out->header);
    buf_release(&out->source);
}

static bool fails(const char *text, enum status status, const char *message)
{
    struct output out;
    bool good = generate(&out, "", text) == status;
    good = good && (strstr(out.err.message, message) || tap_fail(__FILE__, __LINE__, "got: %s", out.err.message));
    release(&out);
    return good;
}

static bool has(const struct buf *text, const char *what)
{
    return str_find(buf_str(text), str_of(what)) != STR_NONE || tap_fail(__FILE__, __LINE__, "no `%s`", what);
}

TEST(asynchronous_things_are_refused_by_name)
{
    CHECK(fails("package a:b; world w { import f: async func(); }", ST_UNSUPPORTED,
                "function `f` of `w` is async, which C guests cannot use yet"));
    CHECK(fails("package a:b@1.0.0; interface i { resource r { m: async func(); } } world w { export i; }", ST_UNSUPPORTED,
                "function `[method]r.m` of `a:b/i@1.0.0` is async"));
    CHECK(fails("package a:b; interface i { f: func(x: list<stream<u8>>); } world w { import i; }", ST_UNSUPPORTED,
                "function `f` of `a:b/i` uses a stream, which C guests cannot use yet"));
    CHECK(fails("package a:b; world w { export f: func() -> result<future, string>; }", ST_UNSUPPORTED,
                "function `f` of `w` uses a future"));
    CHECK(fails("package a:b; interface i { record r { e: error-context } } world w { import i; }", ST_UNSUPPORTED,
                "type `r` of `a:b/i` uses an error-context"));
}

TEST(two_things_of_one_name_in_c)
{
    CHECK(fails("package a:b; interface c-d { f: func(); } world w { import c-d; import a:b-c/d; } "
                "package a:b-c { interface d { f: func(); } }",
                ST_INVALID, "interfaces `a:b/c-d` and `a:b-c/d` of world `w` would have the same names in C; rename one of them"));
    CHECK(fails("package a:b; interface i { resource r { m: func(); } method-r-m: func(); } world w { import i; }", ST_INVALID,
                "function `[method]r.m` of `a:b/i` and function `method-r-m` of `a:b/i` would both make `a_b_i_method_r_m` in C"));
    CHECK(fails("package a:b; interface i { record list-u { x: u8 } type list-u-free = u8; l: func(x: list<list-u>); "
                "record s { t: string } s-free: func(); } world w { import i; }",
                ST_INVALID, "would both make `a_b_i_s_free` in C"));
    CHECK(fails("package a:b; interface i { enum e { x-y } enum e-x { y } } world w { import i; }", ST_INVALID,
                "would both make `A_B_I_E_X_Y` in C"));
    CHECK(fails("package a:b; world w { import x: interface {} export x: interface {} }", ST_INVALID,
                "interfaces `x` and `x` of world `w`"));
    CHECK(fails(
        "package a:b; interface i { type s = u8; f: func(x: option<list<s>>); type list-s = u16; g: func(x: option<list-s>); } "
        "world w { import i; }",
        ST_INVALID, "would both"));
}

/* Types whose parts multiply: as names, and as the cases that arguments are taken apart by. */
TEST(types_out_of_proportion)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, STR("package a:b; interface i { f: func(x: "));
    for (int i = 0; i < 80; i++)
        buf_add(&text, STR("result<tuple<u8, u16, u32, u64, s8, s16, s32, s64>, "));
    buf_add(&text, STR("u8"));
    for (int i = 0; i < 80; i++)
        buf_add(&text, STR(">"));
    buf_add(&text, STR("); } world w { import i; }"));
    CHECK(fails(text.data, ST_LIMIT, "would be longer than 2000 characters; give a part of it a name"));

    buf_clear(&text);
    buf_add(&text, STR("package a:b; interface i { type v0 = u8;\n"));
    for (int i = 1; i <= 14; i++) {
        buf_addf(&text, "variant v%d {", i);
        for (int k = 0; k < 40; k++)
            buf_addf(&text, "c%d(v%d),", k, i - 1);
        buf_add(&text, STR("}\n"));
    }
    buf_add(&text, STR("f: func(x: v14); } world w { import i; }"));
    CHECK(fails(text.data, ST_LIMIT, "function `f` of `a:b/i`: the world's types need too much code"));
}

TEST(comments_end_where_they_should)
{
    struct output out;
    CHECK_EQ(generate(&out, "",
                      "package a:b; interface i {\n/// one \\\n/// two ?\?/\n///\n/// three */\nf: func(); }"
                      "world w { import i; }"),
             ST_OK);
    CHECK(has(&out.header, "// one\n// two ?\?\n//\n// three */\nextern void a_b_i_f(void);\n"));
    release(&out);
}

TEST(the_type_is_a_custom_section)
{
    struct output out;
    CHECK_EQ(generate(&out, "", "package a:b; world my-world { }"), ST_OK);
    CHECK(has(&out.header, "#ifndef __BINDINGS_MY_WORLD_H\n"));
    CHECK(has(&out.source, "#include \"my_world.h\"\n"));
    CHECK(has(&out.source, "__asm__(\n    \".section \\\".custom_section.component-type:my-world\\\",\\\"\\\",@\\n\"\n"
                           "    \".ascii \\\"\\\\000type\\\\077\\\\042\\\\134\\\\377\\\"\\n\"\n    \".text\\n\");\n"));
    release(&out);
}

/* A world needs nothing of the C library that it does not use. */
TEST(strings_only_where_used)
{
    struct output out;
    CHECK_EQ(generate(&out, "", "package a:b; world w { import f: func(x: list<u8>) -> u8; }"), ST_OK);
    CHECK(str_find(buf_str(&out.header), STR("string")) == STR_NONE);
    CHECK(str_find(buf_str(&out.source), STR("strlen")) == STR_NONE);
    release(&out);
    CHECK_EQ(generate(&out, "", "package a:b; world w { import f: func(x: string); }"), ST_OK);
    CHECK(has(&out.header, "extern void w_f(w_string_t *x);"));
    CHECK(has(&out.header, "void w_string_dup_n(w_string_t *ret, const char *s, size_t len);"));
    release(&out);
}

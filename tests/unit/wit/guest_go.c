/* The generator of guest bindings in Go: what it refuses, names, and texts that must come out a certain way. That what it writes compiles
 * is tested by e2e/test_guest_bindings.py, and that it works by unit/component/c_guest.c. */
#include "support.h"

#include "wit/guest_go.h"

struct output {
    struct wit_model model;
    struct arena arena;
    struct wit_text_files files;
    struct error err;
};

static enum status generate(struct output *out, const char *text)
{
    struct wit_package *package;
    struct wit_world *world;
    struct wit_options options = {.all_features = true};
    wit_model_init(&out->model);
    arena_init(&out->arena, SIZE_MAX);
    TRY(support_load(&out->model, str_of(text), &options, &package, &out->err));
    TRY(wit_select_world(&out->model, package, STR(""), &world, &out->err));
    struct wit_guest_go_options guest = {.world = world, .import_path = STR("example.com/x/gen")};
    return wit_guest_go(&out->model, &guest, &out->arena, &out->files, &out->err);
}

static void release(struct output *out)
{
    wit_model_release(&out->model);
    arena_release(&out->arena);
}

static bool fails(const char *text, enum status status, const char *message)
{
    struct output out;
    bool good = generate(&out, text) == status;
    good = good && (strstr(out.err.message, message) || tap_fail(__FILE__, __LINE__, "got: %s", out.err.message));
    release(&out);
    return good;
}

/* The file at `path` is there and has the text. */
static bool has(const struct output *out, const char *path, const char *what)
{
    for (size_t i = 0; i < out->files.len; i++)
        if (strcmp(out->files.items[i].path, path) == 0)
            return str_find(out->files.items[i].text, str_of(what)) != STR_NONE ||
                   tap_fail(__FILE__, __LINE__, "no `%s` in %s", what, path);
    return tap_fail(__FILE__, __LINE__, "no %s", path);
}

TEST(go_refuses_asynchronous_things_by_name)
{
    CHECK(fails("package a:b; world w { import f: async func(); }", ST_UNSUPPORTED,
                "function `f` of `w` is async, which Go guests cannot use yet"));
    CHECK(fails("package a:b; interface i { f: func(x: list<stream<u8>>); } world w { import i; }", ST_UNSUPPORTED,
                "function `f` of `a:b/i` uses a stream, which Go guests cannot use yet"));
    CHECK(fails("package a:b; interface i { record r { e: error-context } } world w { export i; }", ST_UNSUPPORTED,
                "type `r` of `a:b/i` uses an error-context"));
    CHECK(fails("package a:b; interface i { resource r { m: func() -> future; } } world w { export i; }", ST_UNSUPPORTED,
                "uses a future"));
}

TEST(two_things_of_one_name_in_go)
{
    CHECK(fails("package a:b; interface c-d { f: func(); } interface cd { f: func(); } world w { import c-d; import cd; }",
                ST_INVALID, "`a:b/c-d` and `a:b/cd` of world `w` would have the same package `a/b/cd` in Go; rename one of them"));
    CHECK(fails("package a:b; interface i { new-r: func(); resource r { constructor(); } } world w { import i; }", ST_INVALID,
                "would both make `NewR` in Go; rename one of them"));
    CHECK(fails("package a:b; interface i { enum e { x-y } type e-x-y = u8; } world w { import i; }", ST_INVALID,
                "would both make `EXY` in Go"));
    CHECK(fails("package a:b; interface i { f: func(x-https: u8, x-http-s: u8); } world w { import i; }", ST_INVALID,
                "function `f` of `a:b/i`: parameters `x-https` and `x-http-s` would both be `xHTTPS` in Go; rename one of them"));
    CHECK(
        fails("package a:b; interface i { resource r { https: func(); http-s: func(); } } world w { export i; }", ST_INVALID,
              "function `[method]r.https` of `a:b/i` and function `[method]r.http-s` of `a:b/i` would both make `R.HTTPS` in Go"));
    CHECK(fails("package a:b; world w { export memory: func(); }", ST_INVALID,
                "function `memory` of `w` has the name that modules export their memory by; rename it"));
}

TEST(go_types_out_of_proportion)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_add(&text, STR("package a:b; interface i { type v0 = u8;\n"));
    for (int i = 1; i <= 14; i++) {
        buf_addf(&text, "type v%d = tuple<", i);
        for (int k = 0; k < 40; k++)
            buf_addf(&text, "v%d,", i - 1);
        buf_add(&text, STR(">;\n"));
    }
    buf_add(&text, STR("f: func(x: v3); } world w { import i; }"));
    CHECK(fails(text.data, ST_LIMIT, "a type has more than 4194304 bytes; make a list of it"));
    CHECK(fails("package a:b; world w { import f: func(x: list<list<u64, 100000>, 100000>); }", ST_LIMIT,
                "function `f` of `w`: a type has more than 4194304 bytes"));

    buf_clear(&text);
    buf_add(&text, STR("package a:b; interface i { type v0 = string;\n"));
    for (int i = 1; i <= 20; i++)
        buf_addf(&text, "type v%d = result<v%d, v%d>;\n", i, i - 1, i - 1);
    buf_add(&text, STR("f: func(x: v20); } world w { import i; }"));
    CHECK(fails(text.data, ST_LIMIT, "function `f` of `a:b/i`: the world's types need too much code"));
}

/* Words that are joined, words of Go, and packages of one name. */
TEST(names_in_go)
{
    struct output out;
    CHECK_EQ(generate(&out,
                      "package a:my-http; interface error { record http-url { %type: u8, get-ID: string } "
                      "f: func(%type: u8, error: http-url, self: u8, http-url: u8) -> u8; } "
                      "interface other { use error.{http-url}; g: func(x: http-url); } world w { import other; export error; }"),
             ST_OK);
    CHECK(has(&out, "a/my-http/myhttperror/myhttperror.go", "package myhttperror\n"));
    CHECK(has(&out, "a/my-http/myhttperror/myhttperror.go", "type HTTPURL struct {\n\tType uint8\n\tGetID string\n}\n"));
    CHECK(has(&out, "a/my-http/myhttperror/myhttperror.go",
              "func F(type_ uint8, error_ HTTPURL, self_ uint8, httpURL uint8) uint8 {\n"));
    CHECK(has(&out, "a/my-http/other/other.go", "\t\"example.com/x/gen/a/my-http/myhttperror\"\n"));
    CHECK(has(&out, "export/a/my-http/myhttperror/myhttperror.go",
              "\tF func(type_ uint8, error_ HTTPURL, self_ uint8, httpURL uint8) uint8\n"));
    release(&out);
    CHECK_EQ(
        generate(&out,
                 "package a:b@1.0.0; interface i { use a:b/i@2.0.0.{t as u}; record t { x: u } f: func(); } world w { import i; } "
                 "package a:b@2.0.0 { interface i { record t { x: u8 } f: func(); } }"),
        ST_OK);
    CHECK(has(&out, "a/b/1.0.0/i/i.go", "\t\"example.com/x/gen/a/b/2.0.0/i\"\n"));
    CHECK(has(&out, "a/b/1.0.0/i/i.go", "type U = i.T\n"));
    CHECK(has(&out, "a/b/2.0.0/i/i.go", "package i\n"));
    release(&out);
    CHECK_EQ(generate(&out,
                      "package a:b; world wit { import wit: interface { f: func(); } import a:c/%type; export wit2: func(); } "
                      "package a:c { interface %type { f: func(); } }"),
             ST_OK);
    CHECK(has(&out, "wit/types.go", "package wit\n"));
    CHECK(has(&out, "bwit/bwit/bwit.go", "package bwit\n"));
    CHECK(has(&out, "bwit/bwit.go", "\tWit2 func()\n"));
    CHECK(has(&out, "a/c/ctype/ctype.go", "//go:wasmimport a:c/type f\n"));
    release(&out);
}

/* Folders that the go command treats in a way of its own, and packages that would hide a type of Go's or be taken for another. */
TEST(packages_that_go_has_no_room_for)
{
    struct output out;
    CHECK_EQ(generate(&out, "package u:u; interface int32 { record t { x: u8 } } interface kiwit { record t { x: u8 } }"
                            "interface k { use int32.{t}; f: func(x: t) -> u32; }"
                            "interface l { use kiwit.{t}; f: func(x: u32) -> u32; } world w { import k; import l; }"),
             ST_OK);
    CHECK(has(&out, "u/u/uuint32/uuint32.go", "package uuint32\n"));
    CHECK(has(&out, "u/u/l/l.go", "import (\n\t\"example.com/x/gen/u/u/kiwit\"\n)\n\ntype T = kiwit.T\n"));
    release(&out);
    CHECK_EQ(generate(&out, "package internal:vendor; interface aux { f: func(); } world w { import aux; export aux; }"), ST_OK);
    CHECK(has(&out, "internal_/vendor_/vendoraux/vendoraux.go", "package vendoraux\n"));
    CHECK(has(&out, "export/internal_/vendor_/vendoraux/vendoraux.go", "package vendoraux\n"));
    release(&out);
}

TEST(results_are_errors_in_go)
{
    struct output out;
    CHECK_EQ(generate(&out, "package a:b; interface i { resource r { s: static func(x: option<r>) -> result<option<u8>, string>; } "
                            "f: func() -> result<_, u8>; g: func(x: result) -> result; } world w { import i; }"),
             ST_OK);
    CHECK(has(&out, "a/b/i/i.go", "func RS(x *R) (*uint8, error) {\n"));
    CHECK(has(&out, "a/b/i/i.go", "func F() error {\n"));
    CHECK(has(&out, "a/b/i/i.go", "func G(x wit.Result[wit.Unit, wit.Unit]) error {\n"));
    release(&out);
}

/* Documentation of WIT cannot end its comment, nor be taken for an instruction to the compiler. */
TEST(comments_of_go_end_where_they_should)
{
    struct output out;
    CHECK_EQ(generate(&out, "package a:b; interface i {\n/// go:wasmimport x y\n///\n/// wit.Enter() */ {\nf: func(); }"
                            "world w { import i; }"),
             ST_OK);
    CHECK(has(&out, "a/b/i/i.go", "// go:wasmimport x y\n//\n// wit.Enter() */ {\nfunc F() {\n\timport_F()\n}\n"));
    release(&out);
}

/* Components of core modules: what wrap.txt says of them, and that they run. */
#include "component/wrap.h"

#include "component/limits.h"
#include "component/world.h"
#include "host_things.h"
#include "runtime_help.h"
#include "wit/load.h"

/* --- making modules -------------------------------------------------------------------------------------------------- */

static void assemble(struct str text, struct buf *ret_binary)
{
    struct error err;
    if (engine_wat2wasm(text, ret_binary, &err) != ST_OK)
        bug("%s", err.message);
}

/* Appends the only world of `wit` as a guest's linker leaves it. */
static void embed(struct buf *module, struct str wit, enum wit_string_encoding encoding)
{
    autobuf struct buf content = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *package;
    struct wit_world *world;
    struct error err = {.message = ""};
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    enum status status = wit_loader_add_text(loader, STR("t.wit"), wit, &err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, &package, &err);
    if (status == ST_OK)
        status = wit_select_world(&model, package, STR(""), &world, &err);
    if (status == ST_OK)
        status = wit_encode_world(world, encoding, NULL, &content, &err);
    if (status == ST_OK)
        status = wit_append_custom_section(STR("component-type:test"), buf_str(&content), module, &err);
    if (status != ST_OK)
        bug("%s", err.message);
    wit_loader_free(loader);
    wit_model_release(&model);
}

static void make_module(struct str wit, struct str wat, struct buf *ret_module)
{
    assemble(wat, ret_module);
    embed(ret_module, wit, WIT_ENCODING_UTF8);
}

/* --- cases of the data file ------------------------------------------------------------------------------------------ */

struct wrap_case {
    struct str name, wit, module, result;
    bool fails; /* result: what the message has */
};

static struct str take_until(struct str *rest, const char *mark)
{
    size_t at = str_find(*rest, str_of(mark));
    struct str part = str_slice(*rest, 0, at);
    *rest = str_from(*rest, at == STR_NONE ? rest->len : at + strlen(mark));
    return part;
}

static bool next_case(struct str *rest, struct wrap_case *ret_case)
{
    take_until(rest, "\n== ");
    if (!rest->len)
        return false;
    ret_case->name = take_until(rest, "\n");
    ret_case->wit = take_until(rest, "-- module\n");
    ret_case->module = take_until(rest, "\n-- ");
    ret_case->fails = str_skip(rest, STR("error "));
    if (!ret_case->fails)
        take_until(rest, "world\n");
    size_t end = str_find(*rest, STR("\n== "));
    ret_case->result = str_trim(str_slice(*rest, 0, end));
    return true;
}

static void check_case(const struct wrap_case *c)
{
    autobuf struct buf module = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20), world = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    make_module(c->wit, c->module, &module);
    enum status status = cm_wrap_module(buf_str(&module), NULL, &component, &err);
    if (status == ST_OK)
        status = cm_world_wit(buf_str(&component), &world, &err);
    bool good = c->fails ? status != ST_OK && str_find(str_of(err.message), c->result) != STR_NONE
                         : status == ST_OK && str_eq(str_trim(buf_str(&world)), c->result);
    if (!good)
        tap_fail(__FILE__, __LINE__, "%.*s: %s\n%s", STR_ARG(c->name), err.message, world.data ? world.data : "");
    if (status != ST_OK)
        CHECK_EQ(component.len, 0);
}

TEST(cases)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    char piece[4096];
    size_t len, count = 0;
    FILE *file = fopen(COMPONENT_TESTS "/wrap.txt", "re");
    CHECK(file);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(&text, str_n(piece, len));
    fclose(file);
    struct str rest = buf_str(&text);
    for (struct wrap_case c; next_case(&rest, &c); count++)
        check_case(&c);
    CHECK_EQ(count, 34);
}

/* --- other inputs ---------------------------------------------------------------------------------------------------- */

static void check_refused(struct str module, enum status want, const char *message)
{
    autobuf struct buf out = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    CHECK_EQ(cm_wrap_module(module, NULL, &out, &err), want);
    if (str_find(str_of(err.message), str_of(message)) == STR_NONE)
        tap_fail(__FILE__, __LINE__, "`%s` lacks `%s`", err.message, message);
}

TEST(what_is_no_module)
{
    autobuf struct buf component = BUF_INIT(1 << 20);
    assemble(STR("(component)"), &component);
    check_refused(buf_str(&component), ST_INVALID, "it is a component already");
    check_refused(STR("hello"), ST_INVALID, "");
    check_refused(STR(""), ST_INVALID, "");
}

TEST(what_is_no_world)
{
    autobuf struct buf module = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20), old = BUF_INIT(1 << 20);
    assemble(STR("(module (@custom \"component-type\" \"nonsense\"))"), &module);
    check_refused(buf_str(&module), ST_INVALID, "custom section `component-type`: magic header not detected");
    assemble(STR("(component (@custom \"wit-component-encoding\" \"\\03\\00\"))"), &component);
    assemble(STR("(module)"), &old);
    CHECK_EQ(wit_append_custom_section(STR("component-type"), buf_str(&component), &old, NULL), ST_OK);
    check_refused(buf_str(&old), ST_UNSUPPORTED, "is missing or not of version 4");
    assemble(STR("(component (@custom \"wit-component-encoding\" \"\\04\\00\"))"), &component);
    buf_clear(&old);
    assemble(STR("(module)"), &old);
    CHECK_EQ(wit_append_custom_section(STR("component-type"), buf_str(&component), &old, NULL), ST_OK);
    check_refused(buf_str(&old), ST_INVALID, "it is not the encoding of a world");
}

TEST(the_maximum)
{
    autobuf struct buf module = BUF_INIT(1 << 20), out = BUF_INIT(50);
    struct error err;
    make_module(STR("package a:b; world w { export f: func(); }"), STR("(module (func (export \"f\")))"), &module);
    CHECK_EQ(cm_wrap_module(buf_str(&module), NULL, &out, &err), ST_LIMIT);
    CHECK_EQ(out.len, 0);
}

/* A chain of interfaces, each with the type of the one before: shallow for the decoder, deep for what walks names. */
TEST(names_of_names)
{
    autobuf struct buf wat = BUF_INIT(BUF_UNLIMITED), world = BUF_INIT(1 << 20), module = BUF_INIT(1 << 20);
    buf_addf(&wat, "(component (@custom \"wit-component-encoding\" \"\\04\\00\") (type (component (type (component"
                   " (import \"a:b/i0\" (instance $i0 (export \"r\" (type (sub resource)))))");
    for (unsigned i = 1; i <= WIT_MAX_TYPE_DEPTH + 1; i++)
        buf_addf(&wat,
                 " (alias export $i%u \"r\" (type $t%u)) (import \"a:b/i%u\" (instance $i%u (alias outer 1 $t%u (type $o))"
                 " (export \"r\" (type (eq $o)))))",
                 i - 1, i, i, i, i);
    buf_addf(&wat, ")) (export \"a:b/w\" (component (type 0))))) (export \"w\" (type 0)))");
    assemble(buf_str(&wat), &world);
    assemble(STR("(module)"), &module);
    CHECK_EQ(wit_append_custom_section(STR("component-type"), buf_str(&world), &module, NULL), ST_OK);
    check_refused(buf_str(&module), ST_LIMIT, "a type is made of types more than 100 deep");
}

/* One section can only hold as many as the decoder takes; two have more. */
TEST(too_many_exports)
{
    autobuf struct buf module = BUF_INIT(1 << 20);
    assemble(STR("(module)"), &module);
    for (unsigned section = 0; section < 2; section++) {
        autobuf struct buf wit = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&wit, "package a:b; world w {\n");
        for (unsigned i = 0; i < CM_LIMIT_INSTANCES - 200; i++)
            buf_addf(&wit, "export i%u-x%u: interface { f: func(); }\n", i, section);
        buf_addf(&wit, "}");
        embed(&module, buf_str(&wit), WIT_ENCODING_UTF8);
    }
    check_refused(buf_str(&module), ST_LIMIT, "the world exports more than 1000 interfaces");
}

/* Nested twice at each level, a type has as many streams as its size allows; those behind it are found all the same. */
TEST(streams_are_counted)
{
    autobuf struct buf wit = BUF_INIT(BUF_UNLIMITED), module = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    buf_add(&wit, STR("package a:b; interface i { type t0 = future<u8>;\n"));
    for (unsigned i = 1; i <= 16; i++)
        buf_addf(&wit, "type t%u = tuple<list<t%u>, list<t%u>>;\n", i, i - 1, i - 1);
    buf_add(&wit, STR("f: func(x: t16, y: stream, z: stream<u8>); } world w { import i; }"));
    make_module(buf_str(&wit),
                STR("(module (import \"a:b/i\" \"[future-new-65535]f\" (func (result i64)))"
                    " (import \"a:b/i\" \"[stream-new-65536]f\" (func (result i64)))"
                    " (import \"a:b/i\" \"[stream-new-65537]f\" (func (result i64))))"),
                &module);
    if (cm_wrap_module(buf_str(&module), NULL, &component, &err) != ST_OK)
        CHECK_STR(str_of(err.message), "");
    buf_clear(&module);
    make_module(buf_str(&wit), STR("(module (import \"a:b/i\" \"[stream-new-65538]f\" (func (result i64))))"), &module);
    check_refused(buf_str(&module), ST_INVALID, "import `[stream-new-65538]f` is about nothing that its world has");
}

TEST(many_imports_of_one_name)
{
    autobuf struct buf wat = BUF_INIT(BUF_UNLIMITED), module = BUF_INIT(8 << 20), component = BUF_INIT(8 << 20);
    struct error err = {.message = ""};
    buf_add(&wat, STR("(module (type (func))"));
    for (unsigned i = 0; i < 20000; i++)
        buf_add(&wat, STR("(import \"a:b/i\" \"f\" (func (type 0)))"));
    buf_add(&wat, STR(")"));
    make_module(STR("package a:b; interface i { f: func(); } world w { import i; }"), buf_str(&wat), &module);
    if (cm_wrap_module(buf_str(&module), NULL, &component, &err) != ST_OK)
        CHECK_STR(str_of(err.message), "");
}

/* Worlds of several sections are one. */
TEST(several_worlds)
{
    static const char want[] = "package root:component;\n\nworld root {\n  import a:b/i;\n\n  export f: func();\n"
                               "  export g: func();\n}\npackage a:b {\n  interface i {\n    resource r {\n      one: func();\n"
                               "      two: func();\n    }\n  }\n}\n";
    autobuf struct buf module = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20), world = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    assemble(STR("(module (import \"a:b/i\" \"[method]r.one\" (func (param i32))) (import \"a:b/i\" \"[method]r.two\" (func (param "
                 "i32)))"
                 " (func (export \"f\")) (func (export \"g\")))"),
             &module);
    embed(&module, STR("package a:b; interface i { resource r { one: func(); } } world w { import i; export f: func(); }"),
          WIT_ENCODING_UTF8);
    embed(
        &module,
        STR("package a:b; interface i { resource r { one: func(); two: func(); } } world v { import i; export f: func(); export g: "
            "func(); }"),
        WIT_ENCODING_UTF8);
    CHECK_EQ(cm_wrap_module(buf_str(&module), NULL, &component, &err), ST_OK);
    CHECK_EQ(cm_world_wit(buf_str(&component), &world, &err), ST_OK);
    CHECK_STR(buf_str(&world), want);
    embed(&module, STR("package a:c; world x { export h: func(); }"), WIT_ENCODING_UTF16);
    check_refused(buf_str(&module), ST_UNSUPPORTED, "different encodings of strings");
}

/* Of two versions on one track the newer serves both, and comes before who uses it. */
TEST(several_versions)
{
    static const char want[] = "package root:component;\n\nworld root {\n  import a:b/types@0.2.6;\n  import a:b/more@0.2.0;\n}\n"
                               "package a:b@0.2.6 {\n  interface types {\n    resource r {\n      g: func();\n    }\n  }\n}\n\n\n"
                               "package a:b@0.2.0 {\n  interface more {\n    use a:b/types@0.2.6.{r};\n\n    f: func(x: r, y: "
                               "list<r>);\n  }\n}\n";
    autobuf struct buf module = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20), world = BUF_INIT(1 << 20);
    struct error err = {.message = ""};
    assemble(STR("(module (import \"a:b/more@0.2.0\" \"f\" (func (param i32 i32 i32)))"
                 " (import \"a:b/types@0.2.0\" \"[resource-drop]r\" (func (param i32)))"
                 " (import \"a:b/types@0.2.6\" \"[method]r.g\" (func (param i32))) (memory (export \"memory\") 1))"),
             &module);
    embed(&module,
          STR("package a:b@0.2.0; interface types { resource r; } interface more { use types.{r}; f: func(x: r, y: list<r>); }"
              " world w { import more; }"),
          WIT_ENCODING_UTF8);
    embed(&module, STR("package a:b@0.2.6; interface types { resource r { g: func(); } } world v { import types; }"),
          WIT_ENCODING_UTF8);
    CHECK_EQ(cm_wrap_module(buf_str(&module), NULL, &component, &err), ST_OK);
    CHECK_EQ(cm_world_wit(buf_str(&component), &world, &err), ST_OK);
    CHECK_STR(buf_str(&world), want);
    buf_clear(&component);
    embed(&module, STR("package a:b@0.2.7; interface types { resource s; } world u { import types; }"), WIT_ENCODING_UTF8);
    CHECK_EQ(cm_wrap_module(buf_str(&module), NULL, &component, &err), ST_INVALID);
    CHECK_STR(str_of(err.message), "interface `types` has a type `r` that its newer version 0.2.7 lacks");
}

TEST(looking_at_modules)
{
    autobuf struct buf module = BUF_INIT(1 << 20);
    assemble(STR("(module (import \"m\" \"f\" (func)) (func (export \"_start\")))"), &module);
    CHECK(cm_module_imports(buf_str(&module), STR("m")));
    CHECK(!cm_module_imports(buf_str(&module), STR("f")));
    CHECK(cm_module_exports(buf_str(&module), STR("_start")));
    CHECK(!cm_module_exports(STR("not a module"), STR("_start")));
    CHECK(!cm_module_has_world(buf_str(&module)));
    embed(&module, STR("package a:b; world u {}"), WIT_ENCODING_UTF8);
    CHECK(cm_module_has_world(buf_str(&module)));
}

/* --- running --------------------------------------------------------------------------------------------------------- */

#define THINGS_WIT                                                                                                                 \
    "package test:host@0.2.1;\n"                                                                                                   \
    "interface things {\n"                                                                                                         \
    "  resource counter { constructor(start: u32); add: func(by: u32) -> u32; }\n"                                                 \
    "  greet: func(name: string) -> string;\n"                                                                                     \
    "  sum: func(values: list<u16>) -> u64;\n"                                                                                     \
    "}\n"

static const char running_wit[] = THINGS_WIT "interface boxes {\n"
                                             "  use things.{counter};\n"
                                             "  resource box { constructor(x: u32); get: func() -> u32; }\n"
                                             "  dropped: func() -> u32;\n"
                                             "  drop-one: func(x: box);\n"
                                             "  make: func(x: u32) -> box;\n"
                                             "}\n"
                                             "world guest {\n"
                                             "  import things;\n"
                                             "  export greet: func(name: string) -> string;\n"
                                             "  export freed: func() -> u32;\n"
                                             "  export count: func(a: u32, b: u32) -> u32;\n"
                                             "  export initialized: func() -> u32;\n"
                                             "  export round-trip: func(x: u32) -> u32;\n"
                                             "  export boxes;\n"
                                             "}\n";

#define RUNNING_WAT(memory)                                                                                                        \
    "(module"                                                                                                                      \
    "  (import \"test:host/things@0.2.1\" \"greet\" (func $greet (param i32 i32 i32)))"                                            \
    "  (import \"test:host/things@0.2.1\" \"[constructor]counter\" (func $new (param i32) (result i32)))"                          \
    "  (import \"test:host/things@0.2.1\" \"[method]counter.add\" (func $add (param i32 i32) (result i32)))"                       \
    "  (import \"test:host/things@0.2.1\" \"[resource-drop]counter\" (func $drop (param i32)))"                                    \
    "  (import \"[export]test:host/boxes@0.2.1\" \"[resource-new]box\" (func $box-new (param i32) (result i32)))"                  \
    "  (import \"[export]test:host/boxes@0.2.1\" \"[resource-rep]box\" (func $box-rep (param i32) (result i32)))"                  \
    "  (import \"[export]test:host/boxes@0.2.1\" \"[resource-drop]box\" (func $box-drop (param i32)))" memory                      \
    "  (global $heap (mut i32) (i32.const 1024))"                                                                                  \
    "  (global $freed (mut i32) (i32.const 0))"                                                                                    \
    "  (global $dropped (mut i32) (i32.const 0))"                                                                                  \
    "  (global $initialized (mut i32) (i32.const 0))"                                                                              \
    "  (func (export \"_initialize\") (global.set $initialized (i32.const 7)))"                                                    \
    "  (func (export \"initialized\") (result i32) (global.get $initialized))"                                                     \
    "  (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (local $r i32)"                                        \
    "    (local.set $r (i32.and (i32.add (global.get $heap) (i32.sub (local.get 2) (i32.const 1)))"                                \
    "                           (i32.sub (i32.const 0) (local.get 2))))"                                                           \
    "    (global.set $heap (i32.add (local.get $r) (local.get 3)))"                                                                \
    "    (local.get $r))"                                                                                                          \
    "  (func (export \"greet\") (param i32 i32) (result i32)"                                                                      \
    "    (call $greet (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16))"                                                 \
    "  (func (export \"cabi_post_greet\") (param i32) (global.set $freed (i32.add (global.get $freed) (local.get 0))))"            \
    "  (func (export \"freed\") (result i32) (global.get $freed))"                                                                 \
    "  (func (export \"count\") (param i32 i32) (result i32) (local $c i32) (local $v i32)"                                        \
    "    (local.set $c (call $new (local.get 0)))"                                                                                 \
    "    (local.set $v (call $add (local.get $c) (local.get 1)))"                                                                  \
    "    (call $drop (local.get $c)) (local.get $v))"                                                                              \
    "  (func (export \"round-trip\") (param i32) (result i32) (local $b i32) (local $v i32)"                                       \
    "    (local.set $b (call $box-new (local.get 0)))"                                                                             \
    "    (local.set $v (call $box-rep (local.get $b)))"                                                                            \
    "    (call $box-drop (local.get $b))"                                                                                          \
    "    (i32.add (local.get $v) (i32.mul (i32.const 1000) (global.get $dropped))))"                                               \
    "  (func (export \"test:host/boxes@0.2.1#[constructor]box\") (param i32) (result i32) (call $box-new (local.get 0)))"          \
    "  (func (export \"test:host/boxes@0.2.1#make\") (param i32) (result i32) (call $box-new (local.get 0)))"                      \
    "  (func (export \"test:host/boxes@0.2.1#[method]box.get\") (param i32) (result i32) (local.get 0))"                           \
    "  (func (export \"test:host/boxes@0.2.1#[dtor]box\") (param i32) (global.set $dropped (local.get 0)))"                        \
    "  (func (export \"test:host/boxes@0.2.1#drop-one\") (param i32) (call $box-drop (local.get 0)))"                              \
    "  (func (export \"test:host/boxes@0.2.1#dropped\") (result i32) (global.get $dropped)))"

/* How the guest comes by its memory. */
#define EXPORTED_MEMORY "  (memory (export \"memory\") 2)"
#define IMPORTED_MEMORY "  (import \"env\" \"memory\" (memory 2))"

static void run_guest(const char *wat, bool no_elide)
{
    autobuf struct buf module = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20);
    struct things things = {0};
    struct runtime rt = {.no_elide = no_elide};
    make_module(str_of(running_wit), str_of(wat), &module);
    if (cm_wrap_module(buf_str(&module), NULL, &component, &rt.err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s", rt.err.message);
    CHECK(runtime_open_bytes(&rt, buf_str(&component), &things_interface, &things));
    CHECK_STR(runtime_call(&rt, "initialized", "()"), "7");
    CHECK_STR(runtime_call(&rt, "greet", "(\"you\")"), "\"hello, you\"");
    CHECK_STR(runtime_call(&rt, "freed", "()"), "16");
    CHECK_STR(runtime_call(&rt, "count", "(40, 2)"), "42");
    CHECK_EQ(things.counters, 0);
    CHECK_STR(runtime_call(&rt, "round-trip", "(5)"), "5005");
    CHECK_STR(runtime_call_in(&rt, rt.instance, "test:host/boxes@0.2.1", "dropped", "()"), "5");
    runtime_close(&rt);
}

TEST(a_guest_runs)
{
    run_guest(RUNNING_WAT(EXPORTED_MEMORY), false);
}

TEST(a_guest_runs_with_its_shim)
{
    run_guest(RUNNING_WAT(EXPORTED_MEMORY), true);
}

TEST(a_guest_runs_in_a_memory_that_it_imports)
{
    run_guest(RUNNING_WAT(IMPORTED_MEMORY), false);
}

/* --- adapters -------------------------------------------------------------------------------------------------------- */

/* `old` has sum-twice in terms of things.sum, through a stack of its own; `other` wants an import that nobody has. */
static const char adapter_wit[] = THINGS_WIT "world adapter { import things; import never: func(); }\n";
#define ADAPTER_WAT(state)                                                                                                         \
    "(module"                                                                                                                      \
    "  (import \"env\" \"memory\" (memory 0))"                                                                                     \
    "  (import \"test:host/things@0.2.1\" \"sum\" (func $sum (param i32 i32) (result i64)))"                                       \
    "  (import \"$root\" \"never\" (func $never))"                                                                                 \
    "  (import \"__main_module__\" \"seed\" (func $seed (result i32)))"                                                            \
    "  (global $__stack_pointer (mut i32) (i32.const 0))" state "  (global $unused (mut i64) (i64.const -5))"                      \
    "  (func (export \"sum-twice\") (param i32) (result i64) (local $sp i32)"                                                      \
    "    (local.set $sp (i32.sub (global.get $__stack_pointer) (i32.const 16)))"                                                   \
    "    (global.set $__stack_pointer (local.get $sp))"                                                                            \
    "    (i32.store16 (local.get $sp) (local.get 0))"                                                                              \
    "    (i32.store16 offset=2 (local.get $sp) (call $seed))"                                                                      \
    "    (block (br_if 0 (i32.eqz (i32.const 0))) unreachable)"                                                                    \
    "    (i64.mul (call $twice) (call $sum (local.get $sp) (i32.const 2)))"                                                        \
    "    (global.set $__stack_pointer (i32.add (local.get $sp) (i32.const 16))))"                                                  \
    "  (func $twice (result i64) (i64.const 2))"                                                                                   \
    "  (func (export \"other\") (call $never) (global.set $unused (i64.const 1))))"

static const char main_wit[] = "package test:main; world w { export run: func(x: u32) -> u64; export grown: func() -> u32; }";
#define MAIN_WAT(realloc)                                                                                                          \
    "(module"                                                                                                                      \
    "  (import \"old\" \"sum-twice\" (func $sum-twice (param i32) (result i64)))"                                                  \
    "  (memory (export \"memory\") 1)"                                                                                             \
    "  (func (export \"seed\") (result i32) (i32.const 30))"                                                                       \
    "  (func (export \"grown\") (result i32) (memory.size))"                                                                       \
    "  (func (export \"run\") (param i32) (result i64) (call $sum-twice (local.get 0)))" realloc ")"

#define GROW_REALLOC                                                                                                               \
    "  (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)"                                                       \
    "    (i32.mul (memory.grow (i32.const 2)) (i32.const 65536)))"

/* How many pages the main module's memory has after the stack was allocated tells who did it. */
static void run_adapted(const char *adapter_wat, const char *main_wat, const char *pages)
{
    autobuf struct buf module = BUF_INIT(1 << 20), adapter = BUF_INIT(1 << 20), component = BUF_INIT(1 << 20);
    autobuf struct buf world = BUF_INIT(1 << 20);
    struct things things = {0};
    struct runtime rt = {0};
    make_module(str_of(main_wit), str_of(main_wat), &module);
    make_module(str_of(adapter_wit), str_of(adapter_wat), &adapter);
    const struct cm_adapter adapters[] = {{STR("unused"), buf_str(&adapter)}, {STR("old"), buf_str(&adapter)}};
    const struct cm_wrap_options options = {.adapters = adapters, .adapter_count = 2};
    if (cm_wrap_module(buf_str(&module), &options, &component, &rt.err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s", rt.err.message);
    CHECK(runtime_open_bytes(&rt, buf_str(&component), &things_interface, &things));
    CHECK_STR(runtime_call(&rt, "run", "(12)"), "84");
    CHECK_STR(runtime_call(&rt, "run", "(1)"), "62");
    CHECK_STR(runtime_call(&rt, "grown", "()"), pages);
    CHECK_EQ(cm_world_wit(buf_str(&component), &world, NULL), ST_OK);
    CHECK(str_find(buf_str(&world), STR("never")) == STR_NONE);
    CHECK(str_find(buf_str(&world), STR("greet")) == STR_NONE);
    runtime_close(&rt);
}

#define STATE "  (global $allocation_state (mut i32) (i32.const 0))"
/* The state must be used to be kept. */
#define USED_STATE                                                                                                                 \
    STATE "  (func (export \"cabi_import_realloc\") (param i32 i32 i32 i32) (result i32) (global.get $allocation_state))"

TEST(an_adapter_s_stack_comes_from_realloc)
{
    run_adapted(ADAPTER_WAT(USED_STATE), MAIN_WAT(GROW_REALLOC), "3");
}

TEST(an_adapter_s_stack_comes_from_memory_grow)
{
    run_adapted(ADAPTER_WAT(""), MAIN_WAT(""), "2");
    run_adapted(ADAPTER_WAT(USED_STATE), MAIN_WAT(""), "2");
    run_adapted(ADAPTER_WAT(""), MAIN_WAT(GROW_REALLOC), "2");
}

static const struct {
    const char *adapter, *message;
} bad_adapters[] = {
    {"(module)", "adapter `old` has no function `sum-twice`"},
    {"(module (func (export \"sum-twice\") (param i32) (result i32) unreachable))", "has the type (i32) -> (i64)"},
    {"(module (memory 1) (func (export \"sum-twice\") (param i32) (result i64) unreachable))",
     "adapter `old`: an adapter cannot have a memory, data, elements"},
    {"(module (table 1 funcref) (type $t (func)) (func (export \"sum-twice\") (param i32) (result i64)"
     " (call_indirect (type $t) (i32.const 0)) unreachable))",
     "adapter `old`: an adapter cannot have tables in use"},
    {"(module (global $g (mut i32) (i32.add (i32.const 1) (i32.const 2))) (func (export \"sum-twice\") (param i32) (result i64)"
     " (i64.extend_i32_u (global.get $g))))",
     "adapter `old`: an adapter cannot have globals that do not start as numbers"},
    {"(module (import \"env\" \"memory\" (memory i64 0)) (func (export \"sum-twice\") (param i32) (result i64)"
     " (i64.load (i64.const 0))))",
     "adapter `old`: an adapter cannot have a 64-bit memory"},
    {"(module (func (export \"sum-twice\") (param i32) (result i64) (drop (v128.const i32x4 0 0 0 0)) unreachable))",
     "instructions of newer proposals"},
    {"(module (import \"__main_module__\" \"nothing\" (func $n)) (func (export \"sum-twice\") (param i32) (result i64) (call $n)"
     " unreachable))",
     "the module does not export `nothing`, which an adapter needs"},
};

TEST(bad_adapters)
{
    for (size_t i = 0; i < sizeof bad_adapters / sizeof *bad_adapters; i++) {
        autobuf struct buf module = BUF_INIT(1 << 20), adapter = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
        struct error err = {.message = ""};
        make_module(str_of(main_wit), STR(MAIN_WAT("")), &module);
        assemble(str_of(bad_adapters[i].adapter), &adapter);
        const struct cm_adapter old = {STR("old"), buf_str(&adapter)};
        const struct cm_wrap_options options = {.adapters = &old, .adapter_count = 1};
        enum status status = cm_wrap_module(buf_str(&module), &options, &out, &err);
        if (status == ST_OK || str_find(str_of(err.message), str_of(bad_adapters[i].message)) == STR_NONE)
            tap_fail(__FILE__, __LINE__, "`%s` lacks `%s`", err.message, bad_adapters[i].message);
    }
}

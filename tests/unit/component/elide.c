/* Which shims are left out, and that nobody can tell: every component runs with and without. */
#include "base/mem.h"
#include "component/instance.h"
#include "runtime_help.h"

/* A component whose main module reaches $real through a shim. The parts that tests vary stand in for defaults. */
struct parts {
    const char *shim;           /* fields of the shim module */
    const char *fixup;          /* fields of the fixup module */
    const char *main;           /* fields of main */
    const char *main_args;      /* more arguments of main */
    const char *fixup_args;     /* more arguments of the fixup */
    const char *before, *after; /* definitions before main, between main and the fixup */
};

static const char shim[] = "(type $t (func (param i32) (result i32))) (table (export \"$imports\") 1 1 funcref)\n"
                           "(func (export \"0\") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))";
static const char fixup[] = "(type $t (func (param i32) (result i32))) (import \"\" \"0\" (func (type $t)))\n"
                            "(import \"\" \"$imports\" (table 1 1 funcref)) (elem (i32.const 0) func 0)";
static const char main_fields[] = "(import \"e\" \"f\" (func $f (param i32) (result i32)))\n"
                                  "(memory (export \"memory\") 1) (global $init (mut i32) (i32.const 0))\n"
                                  "(func (export \"initialize\") (global.set $init (i32.const 1000)))\n"
                                  "(func (export \"run\") (param i32) (result i32)\n"
                                  "  (i32.add (global.get $init) (call $f (local.get 0))))";
static const char adder[] = "(core module $real (import \"m\" \"memory\" (memory 1))\n"
                            "  (func (export \"f\") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))\n"
                            "(core instance $r (instantiate $real (with \"m\" (instance $m))))\n"
                            "(alias core export $r \"f\" (core func $f))";

static void compose(struct buf *out, const struct parts *p)
{
    buf_addf(out,
             "(component\n  (core module $shim %s)\n  (core module $fixup %s)\n  (core module $main %s)\n"
             "  (core instance $s (instantiate $shim))\n  %s\n"
             "  (core instance $m (instantiate $main (with \"e\" (instance (export \"f\" (func $s \"0\")))) %s))\n  %s\n"
             "  (core instance (instantiate $fixup (with \"\" (instance (export \"$imports\" (table $s \"$imports\"))\n"
             "    (export \"0\" (func $f)) %s))))\n"
             "  (func (export \"run\") (param \"n\" u32) (result u32) (canon lift (core func $m \"run\"))))\n",
             p->shim ? p->shim : shim, p->fixup ? p->fixup : fixup, p->main ? p->main : main_fields, p->before ? p->before : "",
             p->main_args ? p->main_args : "", p->after ? p->after : adder, p->fixup_args ? p->fixup_args : "");
}

/* How many core instances were left out; what `run` answers must be `expected`, whether they were or not. -1: something else
 * failed. */
static int elided(const struct parts *parts, const char *expected)
{
    int result = -1;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    compose(&text, parts);
    for (int no_elide = 0; no_elide < 2; no_elide++) {
        struct runtime rt = {.no_elide = no_elide};
        bool opened = runtime_open(&rt, text.data, NULL, NULL);
        bool ok = opened && tap_same_str(__FILE__, __LINE__, no_elide ? "run (with the shim)" : "run",
                                         runtime_call(&rt, "run", "(1)"), str_of(expected));
        if (ok)
            result = no_elide ? (rt.component->plan->elided == 0 ? result : -1) : (int)rt.component->plan->elided;
        runtime_close(&rt);
        if (!ok)
            return -1;
    }
    return result;
}

TEST(a_shim_in_front_of_a_later_core_function)
{
    CHECK_EQ(elided(&(struct parts){0}, "2"), 2);
}

/* A trampoline behind it, so that main needs nothing but trampolines. */
TEST(a_shim_in_front_of_a_trampoline)
{
    struct parts p = {
        .before =
            "(component $c (core module $m (func (export \"f\") (param i32) (result i32) (i32.add (local.get 0) (i32.const 5))))\n"
            "  (core instance $m (instantiate $m))\n"
            "  (func (export \"f\") (param \"n\" u32) (result u32) (canon lift (core func $m \"f\"))))\n"
            "(instance $c (instantiate $c))",
        .after = "(core func $f (canon lower (func $c \"f\") (memory (core memory $m \"memory\"))))"};
    CHECK_EQ(elided(&p, "6"), 2);
}

TEST(a_fixup_that_calls_an_initialiser)
{
    struct parts p = {.fixup = "(type $t (func (param i32) (result i32))) (import \"\" \"0\" (func (type $t)))\n"
                               "(import \"\" \"start\" (func $start)) (import \"\" \"$imports\" (table 1 1 funcref))\n"
                               "(start $start) (elem (i32.const 0) func 0)",
                      .fixup_args = "(export \"start\" (func $m \"initialize\"))"};
    CHECK_EQ(elided(&p, "1002"), 2);
}

TEST(a_destructor_behind_the_shim)
{
    static const char *const text =
        "(component\n"
        "  (core module $shim (type $t (func (param i32))) (table (export \"$imports\") 1 1 funcref)\n"
        "    (func (export \"0\") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0))))\n"
        "  (core module $fixup (type $t (func (param i32))) (import \"\" \"0\" (func (type $t)))\n"
        "    (import \"\" \"$imports\" (table 1 1 funcref)) (elem (i32.const 0) func 0))\n"
        "  (core module $main\n"
        "    (import \"\" \"new\" (func $new (param i32) (result i32))) (import \"\" \"drop\" (func $drop (param i32)))\n"
        "    (global $ended (mut i32) (i32.const 0))\n"
        "    (func (export \"dtor\") (param i32) (global.set $ended (i32.add (global.get $ended) (local.get 0))))\n"
        "    (func (export \"run\") (param i32) (result i32) (call $drop (call $new (local.get 0))) (global.get $ended)))\n"
        "  (core instance $s (instantiate $shim))\n"
        "  (type $r (resource (rep i32) (dtor (core func $s \"0\"))))\n"
        "  (core func $new (canon resource.new $r)) (core func $drop (canon resource.drop $r))\n"
        "  (core instance $m (instantiate $main (with \"\" (instance (export \"new\" (func $new)) (export \"drop\" (func "
        "$drop))))))\n"
        "  (core instance (instantiate $fixup (with \"\" (instance\n"
        "    (export \"$imports\" (table $s \"$imports\")) (export \"0\" (func $m \"dtor\"))))))\n"
        "  (func (export \"run\") (param \"n\" u32) (result u32) (canon lift (core func $m \"run\"))))";
    for (int no_elide = 0; no_elide < 2; no_elide++) {
        struct runtime rt = {.no_elide = no_elide};
        CHECK(runtime_open(&rt, text, NULL, NULL));
        CHECK_EQ(rt.component->plan->elided, no_elide ? 0 : 2);
        CHECK_STR(runtime_call(&rt, "run", "(9)"), "9");
        CHECK_STR(runtime_call(&rt, "run", "(4)"), "13");
        runtime_close(&rt);
    }
}

/* --- what only looks like a shim --------------------------------------------------------------------------------------------- */

TEST(a_shim_that_does_something_else)
{
    CHECK_EQ(elided(&(struct parts){.shim = "(type $t (func (param i32) (result i32))) (table (export \"$imports\") 1 1 funcref)\n"
                                            "(func (export \"0\") (type $t)\n"
                                            "  (call_indirect (type $t) (i32.add (local.get 0) (i32.const 9)) (i32.const 0)))"},
                    "11"),
             0);
    CHECK_EQ(
        elided(&(struct parts){.shim = "(type $t (func (param i32) (result i32))) (table (export \"$imports\") 1 1 funcref)\n"
                                       "(memory 1)\n"
                                       "(func (export \"0\") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))"},
               "2"),
        0);
}

TEST(a_fixup_that_does_something_else)
{
    static const char head[] = "(type $t (func (param i32) (result i32))) (import \"\" \"0\" (func (type $t)))\n"
                               "(import \"\" \"$imports\" (table 1 1 funcref)) ";
    static const char *const tails[] = {
        "(elem (i32.const 0) func 0) (memory 1)",
        "(elem (i32.const 0) func 0) (elem (i32.const 0) func 0)",
        "(elem (i32.const 0) funcref (ref.func 0))",
        "(elem (i32.const 0) func 0) (func $nothing) (start $nothing)",
    };
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", head, tails[i]);
        CHECK_EQ(elided(&(struct parts){.fixup = text}, "2"), 0);
    }
}

TEST(an_entry_that_nobody_fills)
{
    struct parts p = {.fixup = "(type $t (func (param i32) (result i32))) (import \"\" \"0\" (func (type $t)))\n"
                               "(import \"\" \"$imports\" (table 1 1 funcref)) (elem (i32.const 0) func)"};
    CHECK_EQ(elided(&p, "trap: wasm trap: uninitialized element"), 0);
}

TEST(an_entry_of_another_type)
{
    struct parts p = {.fixup = "(type $t (func (param i32))) (import \"\" \"0\" (func (type $t)))\n"
                               "(import \"\" \"$imports\" (table 1 1 funcref)) (elem (i32.const 0) func 0)",
                      .after = "(core module $real (func (export \"f\") (param i32)))\n"
                               "(core instance $r (instantiate $real)) (alias core export $r \"f\" (core func $f))"};
    CHECK_EQ(elided(&p, "trap: wasm trap: indirect call type mismatch"), 0);
}

TEST(a_table_that_somebody_else_sees)
{
    struct parts p = {
        .main = "(import \"e\" \"f\" (func $f (param i32) (result i32))) (import \"t\" \"$imports\" (table 1 1 funcref))\n"
                "(memory (export \"memory\") 1) (func $own (param i32) (result i32) (i32.const 77))\n"
                "(elem declare func $own)\n"
                "(func (export \"run\") (param i32) (result i32)\n"
                "  (table.set (i32.const 0) (ref.func $own)) (call $f (local.get 0)))",
        .main_args = "(with \"t\" (instance (export \"$imports\" (table $s \"$imports\"))))"};
    CHECK_EQ(elided(&p, "77"), 0);
}

/* Nothing may come between an exception and who catches it. */
TEST(exceptions_pass_the_shim)
{
    struct parts p = {.before = "(core module $tag (tag (export \"t\") (param i32))) (core instance $tag (instantiate $tag))",
                      .main = "(import \"e\" \"f\" (func $f (param i32) (result i32))) (import \"t\" \"t\" (tag $t (param i32)))\n"
                              "(memory (export \"memory\") 1)\n"
                              "(func (export \"run\") (param i32) (result i32)\n"
                              "  (block $h (result i32) (try_table (catch $t $h) (drop (call $f (local.get 0)))) (i32.const 99)))",
                      .main_args = "(with \"t\" (instance $tag))",
                      .after =
                          "(core module $real (import \"t\" \"t\" (tag $t (param i32)))\n"
                          "  (func (export \"f\") (param i32) (result i32) (throw $t (i32.add (local.get 0) (i32.const 20)))))\n"
                          "(core instance $r (instantiate $real (with \"t\" (instance $tag))))\n"
                          "(alias core export $r \"f\" (core func $f))"};
    CHECK_EQ(elided(&p, "21"), 0);
}

TEST(a_start_function_before_the_fixup_traps)
{
    struct parts p = {.main = "(import \"e\" \"f\" (func $f (param i32) (result i32))) (memory (export \"memory\") 1)\n"
                              "(func $begin (drop (call $f (i32.const 0)))) (start $begin)\n"
                              "(func (export \"run\") (param i32) (result i32) (i32.const 0))"};
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    compose(&text, &p);
    for (int no_elide = 0; no_elide < 2; no_elide++) {
        struct runtime rt = {.no_elide = no_elide};
        CHECK(runtime_load(&rt, text.data));
        CHECK_EQ(runtime_try_link(&rt), ST_OK);
        CHECK_EQ(cm_instantiate(rt.linked, NULL, &rt.instance, &rt.err), ST_TRAP);
        CHECK(str_starts(str_of(rt.err.message), STR("wasm trap: ")));
        runtime_close(&rt);
    }
}

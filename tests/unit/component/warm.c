/* Used instances that are new again: nothing of a call is left for the next one, and what cannot be renewed is not given out. */
#include "component/warm.h"
#include "base/mem.h"
#include "component/instance.h"
#include "engine/pagemap.h"
#include "host_things.h"
#include "runtime_help.h"

static void *const no_data[CM_DATA_SLOTS];

static bool available(void)
{
    int pagemap = pagemap_open();
    close_descriptor(&pagemap);
    return pagemap >= 0;
}

struct fixture {
    struct things things;
    struct runtime rt;
    struct cm_warm *warm;
};

static bool open_with(struct fixture *f, const char *text, const struct cm_warm_options *options)
{
    static const struct cm_warm_options defaults;
    if (!runtime_load(&f->rt, text) || !runtime_add(&f->rt, &things_interface, &f->things) || runtime_try_link(&f->rt) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s", f->rt.err.message);
    f->warm = cm_warm_new(f->rt.linked, options ? options : &defaults);
    return true;
}

static void close_all(struct fixture *f)
{
    cm_warm_unref(f->warm);
    runtime_close(&f->rt);
}
#define FIXTURE __attribute__((cleanup(close_all))) struct fixture

static struct cm_instance *take(struct fixture *f)
{
    struct cm_instance *instance = NULL;
    if (cm_warm_take(f->warm, no_data, &instance, &f->rt.err) != ST_OK || !instance)
        bug("%s", f->rt.err.message);
    return instance;
}

/* Calls some times, each in an instance of its own; returns how many of them had been used before. */
static int serve(struct fixture *f, const char *interface, const char *name, const char *expected, int times)
{
    int reused = 0;
    for (int i = 0; i < times; i++) {
        struct cm_instance *instance = take(f);
        reused += instance->renewals > 0;
        struct str result = runtime_call_in(&f->rt, instance, interface, name, "()");
        if (!str_is(result, expected))
            tap_fail(__FILE__, __LINE__, "call %d of %s: `%.*s`, not `%s`", i, name, STR_ARG(result), expected);
        cm_warm_give(f->warm, instance);
    }
    return reused;
}

TEST(no_state_is_left_of_a_call)
{
    FIXTURE f = {0};
    CHECK(open_with(&f, "things.wat", NULL));
    CHECK_EQ(serve(&f, NULL, "bump", "1", 20) > 10, available());
}

TEST(no_handle_is_left_of_a_call)
{
    FIXTURE f = {0};
    CHECK(open_with(&f, "things.wat", NULL));
    for (int i = 0; i < 10; i++) {
        struct cm_instance *instance = take(&f);
        CHECK_STR(runtime_call_in(&f.rt, instance, NULL, "leak", "()"), "1");
        CHECK_STR(runtime_call_in(&f.rt, instance, NULL, "leak", "()"), "2");
        CHECK_EQ(f.things.counters, 2);
        cm_warm_give(f.warm, instance);
        CHECK_EQ(f.things.counters, 0);
    }
}

TEST(an_instance_that_trapped_is_not_used_again)
{
    FIXTURE f = {0};
    CHECK(open_with(&f, "things.wat", NULL));
    serve(&f, NULL, "bump", "1", 5);
    for (int i = 0; i < 5; i++) {
        struct cm_instance *instance = take(&f);
        CHECK_STR(runtime_call_in(&f.rt, instance, NULL, "crash", "()"),
                  "trap: wasm trap: wasm `unreachable` instruction executed");
        cm_warm_give(f.warm, instance);
        serve(&f, NULL, "bump", "1", 2);
    }
}

/* Each component instance has a store, and state, of its own. */
static const char three_stores[] =
    "(component"
    "  (component $counter"
    "    (core module $m (memory 1) (func (export \"bump\") (result i32)"
    "      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (i32.load (i32.const 0))))"
    "    (core instance $i (instantiate $m))"
    "    (func (export \"bump\") (result u32) (canon lift (core func $i \"bump\"))))"
    "  (instance $a (instantiate $counter)) (instance $b (instantiate $counter))"
    "  (core func $bump-b (canon lower (func $b \"bump\")))"
    "  (core module $root (import \"b\" \"bump\" (func $bump (result i32))) (global $calls (mut i32) (i32.const 0))"
    "    (func (export \"both\") (result i32) (global.set $calls (i32.add (global.get $calls) (i32.const 1)))"
    "      (i32.add (global.get $calls) (i32.add (call $bump) (call $bump)))))"
    "  (core instance $r (instantiate $root (with \"b\" (instance (export \"bump\" (func $bump-b))))))"
    "  (func (export \"both\") (result u32) (canon lift (core func $r \"both\")))"
    "  (export \"a\" (instance $a)))";

TEST(every_component_instance_is_renewed)
{
    FIXTURE f = {0};
    CHECK(open_with(&f, three_stores, NULL));
    serve(&f, NULL, "both", "4", 10); /* 1 + (1 + 2) */
    CHECK_EQ(serve(&f, "a", "bump", "1", 10) > 5, available());
    serve(&f, NULL, "both", "4", 10);
}

static enum status count_pauses(struct things *things, struct cm_call *call, uint32_t *ret)
{
    (void)call;
    *ret = ++*(uint32_t *)things->data;
    return ST_OK;
}

/* What the host says may be different for the next instance. */
TEST(an_instance_that_called_the_host_while_it_was_made_has_no_image)
{
    static const char text[] =
        "(component"
        "  (import \"test:host/things@0.2.1\" (instance $h (export \"pause\" (func (result u32)))))"
        "  (core func $pause (canon lower (func $h \"pause\")))"
        "  (core module $m (import \"h\" \"pause\" (func $pause (result i32))) (global $seed (mut i32) (i32.const 0))"
        "    (func $start (global.set $seed (call $pause))) (start $start)"
        "    (func (export \"seed\") (result i32) (global.get $seed)))"
        "  (core instance $i (instantiate $m (with \"h\" (instance (export \"pause\" (func $pause))))))"
        "  (func (export \"seed\") (result u32) (canon lift (core func $i \"seed\"))))";
    uint32_t pauses = 0;
    FIXTURE f = {.things = {.pause = count_pauses, .data = &pauses}};
    CHECK(open_with(&f, text, NULL));
    for (uint32_t i = 1; i <= 8; i++) {
        char expected[12];
        snprintf(expected, sizeof expected, "%u", i);
        CHECK_EQ(serve(&f, NULL, "seed", expected, 1), 0);
    }
}

TEST(a_memory_that_has_grown_is_not_kept)
{
    static const char text[] =
        "(component (core module $m (memory 1) (func (export \"grow\") (result i32) (drop (memory.grow (i32.const 1))) "
        "(memory.size)))"
        "  (core instance $i (instantiate $m)) (func (export \"grow\") (result u32) (canon lift (core func $i \"grow\"))))";
    FIXTURE f = {0};
    CHECK(open_with(&f, text, NULL));
    CHECK_EQ(serve(&f, NULL, "grow", "2", 10), 0);
}

static unsigned serve_at_once(struct fixture *f, unsigned count)
{
    struct cm_instance *instances[16];
    unsigned used_before = 0;
    for (unsigned i = 0; i < count; i++) {
        instances[i] = take(f);
        used_before += instances[i]->renewals > 0;
        if (!str_is(runtime_call_in(&f->rt, instances[i], NULL, "bump", "()"), "1"))
            tap_fail(__FILE__, __LINE__, "not new");
    }
    for (unsigned i = 0; i < count; i++)
        cm_warm_give(f->warm, instances[i]);
    return used_before;
}

TEST(few_are_kept_and_those_go_when_nobody_needs_them)
{
    FIXTURE f = {0};
    CHECK(open_with(&f, "things.wat", &(struct cm_warm_options){.max_core_instances = 4}));
    serve(&f, NULL, "bump", "1", 5);
    serve_at_once(&f, 8);
    if (!available())
        SKIP("this kernel has no PAGEMAP_SCAN");
    CHECK_EQ(serve_at_once(&f, 8), 4);
    CHECK(cm_warm_trim(f.warm)); /* all four were in use since the last one */
    CHECK_EQ(serve_at_once(&f, 1), 1);
    CHECK(cm_warm_trim(f.warm)); /* three were not */
    CHECK_EQ(serve_at_once(&f, 4), 1);
    CHECK(cm_warm_trim(f.warm));
    CHECK(!cm_warm_trim(f.warm));
    CHECK_EQ(serve_at_once(&f, 4), 0);
}

TEST(memory_that_is_kept_is_bounded)
{
    static const char text[] =
        "(component (core module $m (memory 8) (func (export \"fill\") (result i32)"
        "    (memory.fill (i32.const 0) (i32.const 1) (i32.const 524288)) (i32.const 7)))"
        "  (core instance $i (instantiate $m)) (func (export \"fill\") (result u32) (canon lift (core func $i \"fill\"))))";
    FIXTURE f = {0};
    CHECK(open_with(&f, text, &(struct cm_warm_options){.max_bytes = 524287}));
    CHECK_EQ(serve(&f, NULL, "fill", "7", 10), 0);
}

/* --- fuel --------------------------------------------------------------------------------------------------------------------- */

static struct engine *counting_engine(void)
{
    static struct engine *engine;
    struct error err;
    struct engine_options options = {.max_instances = 32, .max_stacks = 4, .no_cache = true, .count_fuel = true};
    if (!engine && engine_new(&options, &engine, &err) != ST_OK)
        bug("%s", err.message);
    return engine;
}

/* Calls some times as `serve` does, and checks that each call, in a new or a used instance, has the same fuel; returns it. */
static uint64_t serve_counted(struct fixture *f, const char *name, const char *expected, int times, int *ret_reused)
{
    uint64_t first = 0;
    *ret_reused = 0;
    for (int i = 0; i < times; i++) {
        struct cm_instance *instance = take(f);
        *ret_reused += instance->renewals > 0;
        if (cm_instance_fuel(instance) != 0)
            tap_fail(__FILE__, __LINE__, "an instance is given out with fuel of before");
        if (!str_is(runtime_call_in(&f->rt, instance, NULL, name, "()"), expected))
            tap_fail(__FILE__, __LINE__, "call %d of %s is not `%s`", i, name, expected);
        uint64_t fuel = cm_instance_fuel(instance);
        first = i == 0 ? fuel : first;
        if (fuel != first)
            tap_fail(__FILE__, __LINE__, "call %d of %s: %llu fuel, not %llu", i, name, (unsigned long long)fuel,
                     (unsigned long long)first);
        cm_warm_give(f->warm, instance);
    }
    return first;
}

/* "both" has 9 instructions, two of them calls of "bump", which has 8 and is in another store; entering each is 1 more. */
TEST(fuel_is_of_all_stores)
{
    FIXTURE f = {.rt.engine = counting_engine()};
    int reused;
    CHECK(open_with(&f, three_stores, NULL));
    CHECK_EQ(serve_counted(&f, "both", "4", 10, &reused), 10 + 2 * 9);
    CHECK_EQ(reused > 0, available());
}

TEST(an_instance_that_was_used_counts_as_a_new_one)
{
    FIXTURE f = {.rt.engine = counting_engine()};
    int reused;
    CHECK(open_with(&f, "things.wat", NULL));
    uint64_t bump = serve_counted(&f, "bump", "1", 10, &reused);
    CHECK(bump > 0);
    CHECK_EQ(reused > 0, available());
    CHECK(serve_counted(&f, "crash", "trap: wasm trap: wasm `unreachable` instruction executed", 3, &reused) > 0);
    CHECK_EQ(serve_counted(&f, "bump", "1", 1, &reused), bump);
    CHECK_EQ(reused, 0); /* what trapped is gone */
}

/* Its start function counts to a thousand. */
TEST(making_an_instance_is_not_counted)
{
    static const char text[] =
        "(component"
        "  (core module $m (global $n (mut i32) (i32.const 1000))"
        "    (func $start (loop $l (global.set $n (i32.sub (global.get $n) (i32.const 1))) (br_if $l (global.get $n))))"
        "    (start $start) (func (export \"zero\") (result i32) (global.get $n)))"
        "  (core instance $i (instantiate $m)) (func (export \"zero\") (result u32) (canon lift (core func $i \"zero\"))))";
    FIXTURE f = {.rt.engine = counting_engine()};
    int reused;
    CHECK(open_with(&f, text, NULL));
    CHECK_EQ(serve_counted(&f, "zero", "0", 10, &reused), 2);
    CHECK_EQ(reused > 0, available());
}

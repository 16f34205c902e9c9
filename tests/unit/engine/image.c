/* Going back to an image: whatever a guest did to its memories and globals, the next call finds it as new. */
#include "base/mem.h"
#include "engine/pagemap.h"
#include "unit/engine/support.h"
#include <stdlib.h>

#define PAGE 65536u
#define PLENTY (64u << 20)

/* Two memories, globals of every type, none of them exported but one; a start function that changes both. */
static const char text[] =
    "(module (memory $m 20) (memory $other (export \"other\") 1)"
    "(global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2)) (global $f (mut f32) (f32.const 3))"
    "(global $d (export \"d\") (mut f64) (f64.const 4)) (global $v (mut v128) (v128.const i64x2 5 6)) (global $constant i32 "
    "(i32.const 7))"
    "(table 3 funcref) (elem (i32.const 0) $start $start $start)"
    "(data (i32.const 100) \"from the module\") (data (memory $other) (i32.const 0) \"other\")"
    "(func $start (i32.store (i32.const 500000) (i32.const 42)) (global.set $l (i64.const 20)))"
    "(start $start)"
    "(func (export \"sum\") (result i64)" /* of all that should be so, one bit each */
    "  (i64.or (i64.or (i64.or"
    "    (i64.extend_i32_u (i32.eq (global.get $i) (i32.const 1)))"
    "    (i64.shl (i64.extend_i32_u (i64.eq (global.get $l) (i64.const 20))) (i64.const 1)))"
    "  (i64.or (i64.shl (i64.extend_i32_u (f32.eq (global.get $f) (f32.const 3))) (i64.const 2))"
    "    (i64.shl (i64.extend_i32_u (f64.eq (global.get $d) (f64.const 4))) (i64.const 3))))"
    "  (i64.or (i64.shl (i64.extend_i32_u (i64.eq (i64x2.extract_lane 1 (global.get $v)) (i64.const 6))) (i64.const 4))"
    "    (i64.shl (i64.extend_i32_u (i32.eq (i32.load (i32.const 500000)) (i32.const 42))) (i64.const 5)))))"
    "(func (export \"scribble\") (param $from i32) (param $step i32)"
    "  (global.set $i (i32.const -1)) (global.set $l (i64.const -1)) (global.set $f (f32.const nan)) (global.set $d (f64.const -1))"
    "  (global.set $v (v128.const i64x2 -1 -1)) (memory.fill $other (i32.const 0) (i32.const 0xee) (i32.const 65536))"
    "  (loop $l (i32.store8 (local.get $from) (i32.const 0xab)) (local.set $from (i32.add (local.get $from) (local.get $step)))"
    "    (br_if $l (i32.lt_u (local.get $from) (i32.const 1310720)))))"
    "(func (export \"grow\") (drop (memory.grow $m (i32.const 1))))"
    "(func (export \"crash\") unreachable))";
#define AS_NEW 63 /* what sum returns */

struct fixture {
    struct engine *engine;
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_image *image;
    struct error err;
};

static bool make_store(struct fixture *fixture)
{
    return engine_store_new(fixture->engine, NULL, NULL, &fixture->store, &fixture->err) == ST_OK &&
           engine_pre_instantiate(fixture->guest.pre, fixture->store, &fixture->instance, &fixture->err) == ST_OK;
}

static bool setup_on(struct fixture *fixture, struct engine *engine)
{
    *fixture = (struct fixture){.engine = engine};
    return test_guest_init(&fixture->guest, engine, text, NULL, 0) && make_store(fixture) &&
           engine_image_new(fixture->store, &fixture->image, &fixture->err) == ST_OK;
}

static bool setup(struct fixture *fixture)
{
    return setup_on(fixture, test_engine());
}

static void teardown(struct fixture *fixture)
{
    engine_store_free(fixture->store);
    engine_image_free(fixture->image);
    test_guest_release(&fixture->guest);
}

static bool available(void)
{
    int pagemap = pagemap_open();
    close_descriptor(&pagemap);
    return pagemap >= 0;
}
#define NEEDS_PAGEMAP                                                                                                              \
    if (!available())                                                                                                              \
    SKIP("this kernel has no PAGEMAP_SCAN")

static enum status call(struct fixture *fixture, const char *name, int32_t first, int32_t second, int64_t *ret_value)
{
    struct engine_extern func;
    union engine_raw raw[2] = {{.i32 = first}, {.i32 = second}};
    bug_unless(engine_instance_export_named(fixture->store, &fixture->instance, str_of(name), &func));
    enum status status = engine_call(fixture->store, &func.func, raw, 2, &fixture->err);
    if (ret_value)
        *ret_value = raw[0].i64;
    return status;
}

/* Bytes of the memories that are not as the module and its start function left them. */
static size_t wrong_bytes(struct fixture *fixture)
{
    struct engine_extern found;
    uint64_t size;
    size_t wrong = 0;
    bug_unless(engine_instance_export_named(fixture->store, &fixture->instance, STR("other"), &found));
    const uint8_t *data = engine_memory_data(fixture->store, &found.memory, &size);
    for (size_t i = 0; i < size; i++)
        wrong += data[i] != (uint8_t)(i < 5 ? "other"[i] : 0);
    bug_unless(engine_instance_export_named(fixture->store, &fixture->instance, STR("wash:state/m0"), &found));
    data = engine_memory_data(fixture->store, &found.memory, &size);
    for (size_t i = 0; i < size; i++)
        wrong += data[i] != (uint8_t)(i >= 100 && i < 115 ? "from the module"[i - 100] : i == 500000 ? 42 : 0);
    return wrong;
}

TEST(everything_a_guest_wrote_is_taken_back)
{
    static const struct {
        int32_t from, step;
    } patterns[] = {{0, 1}, {0, 4096}, {4095, 8192}, {0, 65537}, {1310719, 1}, {0, 100}};
    NEEDS_PAGEMAP;
    struct fixture fixture;
    uint64_t bytes;
    int64_t sum;
    CHECK(setup(&fixture));
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        CHECK_EQ(call(&fixture, "sum", 0, 0, &sum), ST_OK);
        CHECK_EQ(sum, AS_NEW);
        CHECK_EQ(wrong_bytes(&fixture), 0);
        CHECK_EQ(call(&fixture, "scribble", patterns[i].from, patterns[i].step, NULL), ST_OK);
        CHECK_EQ(call(&fixture, "sum", 0, 0, &sum), ST_OK);
        CHECK(sum != AS_NEW && wrong_bytes(&fixture) > 0);
        if (!engine_store_reset(fixture.store, fixture.image, PLENTY, &bytes)) { /* its own pages are far more than it wrote */
            engine_store_free(fixture.store);
            CHECK(make_store(&fixture));
        }
    }
    teardown(&fixture);
}

TEST(an_image_serves_every_store_of_its_kind)
{
    NEEDS_PAGEMAP;
    struct fixture fixture;
    uint64_t bytes;
    int64_t sum;
    CHECK(setup(&fixture));
    engine_store_free(fixture.store);
    for (int i = 0; i < 3; i++) {
        CHECK(make_store(&fixture));
        CHECK_EQ(call(&fixture, "scribble", 0, 50, NULL), ST_OK);
        CHECK(engine_store_reset(fixture.store, fixture.image, PLENTY, &bytes));
        CHECK_EQ(bytes, 21 * PAGE);
        CHECK_EQ(call(&fixture, "sum", 0, 0, &sum), ST_OK);
        CHECK_EQ(sum, AS_NEW);
        CHECK_EQ(wrong_bytes(&fixture), 0);
        if (i < 2)
            engine_store_free(fixture.store);
    }
    teardown(&fixture);
}

TEST(what_cannot_go_back)
{
    NEEDS_PAGEMAP;
    static const char *const names[] = {"grow", "crash"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct fixture fixture;
        uint64_t bytes;
        CHECK(setup(&fixture));
        CHECK_EQ(call(&fixture, names[i], 0, 0, NULL), i == 0 ? ST_OK : ST_TRAP);
        CHECK(!engine_store_reset(fixture.store, fixture.image, PLENTY, &bytes));
        teardown(&fixture);
    }
}

TEST(memory_that_a_store_keeps_is_bounded)
{
    NEEDS_PAGEMAP;
    struct fixture fixture;
    uint64_t bytes;
    CHECK(setup(&fixture));
    CHECK_EQ(call(&fixture, "scribble", 0, 50, NULL), ST_OK);
    CHECK(!engine_store_reset(fixture.store, fixture.image, 20 * PAGE, &bytes));
    teardown(&fixture);
}

/* One large call must not make all the small ones after it slow: neither in its store nor in the next one in the same slot. */
TEST(pages_that_are_no_longer_needed_go)
{
    NEEDS_PAGEMAP;
    struct engine_options options = {.max_instances = 2, .max_stacks = 1, .no_cache = true}; /* room for its two memories */
    struct engine *engine;
    struct fixture fixture;
    uint64_t bytes;
    CHECK_EQ(engine_new(&options, &engine, &fixture.err), ST_OK);
    CHECK(setup_on(&fixture, engine));
    CHECK_EQ(call(&fixture, "scribble", 0, 50, NULL), ST_OK);
    CHECK(engine_store_reset(fixture.store, fixture.image, PLENTY, &bytes));
    CHECK_EQ(bytes, 21 * PAGE);
    CHECK_EQ(call(&fixture, "scribble", 1310000, 50, NULL), ST_OK);
    CHECK(!engine_store_reset(fixture.store, fixture.image, PLENTY, &bytes));
    engine_store_free(fixture.store);
    CHECK(make_store(&fixture));
    CHECK_EQ(wrong_bytes(&fixture), 0);
    CHECK_EQ(call(&fixture, "scribble", 1310000, 50, NULL), ST_OK);
    CHECK(engine_store_reset(fixture.store, fixture.image, PLENTY, &bytes));
    CHECK(bytes < 2 * PAGE);
    teardown(&fixture);
    engine_free(engine);
}

TEST(state_of_other_kinds_has_no_image)
{
    NEEDS_PAGEMAP;
    static const char *const modules[] = {
        "(module (table 1 funcref) (func (export \"f\") (table.set (i32.const 0) (ref.null func))))",
        "(module (global (mut funcref) (ref.null func)) (func (export \"f\")))",
        "(module (global (mut externref) (ref.null extern)) (func (export \"f\")))",
        "(module (data \"passive\") (func (export \"f\") (data.drop 0)))",
    };
    for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
        struct test_guest guest;
        struct engine_func func;
        struct engine_image *image;
        struct error err;
        CHECK(test_guest_init(&guest, test_engine(), modules[i], NULL, 0));
        struct engine_store *store = test_start(test_engine(), &guest, NULL, NULL, 0, &func);
        CHECK_EQ(engine_image_new(store, &image, &err), ST_UNSUPPORTED);
        engine_store_free(store);
        test_guest_release(&guest);
    }
}

/* --- names for the state of a module -------------------------------------------------------------------------------------- */

static size_t reachable(const char *module_text)
{
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_image *image;
    struct error err;
    if (!test_guest_init(&guest, test_engine(), module_text, NULL, 0))
        return 0;
    bool good = engine_store_new(test_engine(), NULL, NULL, &store, &err) == ST_OK &&
                engine_pre_instantiate(guest.pre, store, &instance, &err) == ST_OK &&
                engine_image_new(store, &image, &err) == ST_OK;
    if (good)
        engine_image_free(image);
    else
        tap_fail(__FILE__, __LINE__, "%s: %s", module_text, err.message);
    size_t count = 0;
    engine_module_exports(guest.module, &count);
    engine_store_free(store);
    test_guest_release(&guest);
    return count;
}

/* The added exports are not among those that the module is said to have; sections of every kind may be around them. */
TEST(state_is_reached_whatever_else_a_module_has)
{
    NEEDS_PAGEMAP;
    CHECK_EQ(reachable("(module)"), 0);
    CHECK_EQ(reachable("(module (memory 1))"), 0);
    CHECK_EQ(reachable("(module (global (mut i32) (i32.const 1)))"), 0);
    CHECK_EQ(
        reachable("(module (tag) (memory 1) (global (mut i64) (i64.const 1)) (func $s) (start $s) (table 1 funcref)"
                  "(elem (i32.const 0) $s) (data (i32.const 0) \"x\") (@custom \"c\" (before first) \"\") (@custom \"e\" (after "
                  "export) \"y\"))"),
        0);
    CHECK_EQ(reachable("(module (memory 1) (export \"a\" (memory 0)) (export \"b\" (memory 0)) (global (mut i32) (i32.const 1)))"),
             2);
    CHECK_EQ(reachable("(module (memory 1) (global $g (mut i32) (i32.const 1)) (export \"wash:state/m0\" (global $g))"
                       "(func (export \"wash:state1/\")))"),
             2);
}

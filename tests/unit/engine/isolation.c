/* What a guest leaves in its slot of the pool, however it ended, the next one must not see. */
#include "unit/engine/shard_support.h"

#define PAGE 65536u
enum { PAGES = 20, GROWN = 10, ELEMENTS = 100 };

/* Writes all over its memory, table and globals, then ends as its argument says. */
static const char dirty_text[] =
    "(module (import \"h\" \"wait\" (func $wait (param i32) (result i32)))"
    "(memory (export \"m\") 20) (table $t 100 1000 funcref) (global $g (mut i64) (i64.const 1)) (global $r (mut funcref) (ref.null "
    "func))"
    "(data (i32.const 10) \"dirty from the start\") (data (i32.const 200000) \"\\01\\02\\03\")"
    "(func $f)(elem declare func $f)"
    "(func $fill (local $i i32)"
    "  (loop $l (i32.store8 (local.get $i) (i32.const 0xab)) (local.set $i (i32.add (local.get $i) (i32.const 97)))"
    "    (br_if $l (i32.lt_u (local.get $i) (i32.mul (memory.size) (i32.const 65536)))))"
    "  (table.fill $t (i32.const 0) (ref.func $f) (table.size $t)))"
    "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))"
    "(func (export \"run\") (param $how i32) (result i32)"
    "  (drop (memory.grow (i32.const 10))) (drop (table.grow $t (ref.null func) (i32.const 50)))"
    "  (global.set $g (i64.const -1)) (global.set $r (ref.func $f)) (call $fill)"
    "  (if (i32.eq (local.get $how) (i32.const 1)) (then unreachable))"
    "  (if (i32.eq (local.get $how) (i32.const 2)) (then (loop $l (br $l))))"
    "  (if (i32.eq (local.get $how) (i32.const 3)) (then (drop (call $wait (i32.const 0)))))"
    "  (if (i32.eq (local.get $how) (i32.const 4)) (then (drop (call $deep (i32.const 0)))))"
    "  (if (i32.eq (local.get $how) (i32.const 5)) (then (i32.store (i32.const -1) (i32.const 0))))"
    "  (i32.const 0)))";

enum ending { RETURNS, TRAPS, TIMES_OUT, CANCELLED, OVERFLOWS, OUT_OF_BOUNDS, ENDINGS };

/* Grows as the other did, then returns how many things of its table and globals are not as its module says. */
static const char reader_text[] =
    "(module (import \"h\" \"wait\" (func $wait (param i32) (result i32)))"
    "(memory (export \"m\") 20) (table $t 100 1000 funcref) (global $g (mut i64) (i64.const 5)) (global $r (mut funcref) (ref.null "
    "func))"
    "(data (i32.const 4096) \"reader\") (elem (i32.const 7) $f) (func $f)"
    "(func (export \"run\") (param $bad i32) (result i32) (local $i i32)"
    "  (drop (memory.grow (i32.const 10))) (drop (table.grow $t (ref.null func) (i32.const 50)))"
    "  (if (i64.ne (global.get $g) (i64.const 5)) (then (local.set $bad (i32.add (local.get $bad) (i32.const 1)))))"
    "  (if (i32.eqz (ref.is_null (global.get $r))) (then (local.set $bad (i32.add (local.get $bad) (i32.const 1)))))"
    "  (loop $l (if (i32.ne (ref.is_null (table.get $t (local.get $i))) (i32.ne (local.get $i) (i32.const 7)))"
    "      (then (local.set $bad (i32.add (local.get $bad) (i32.const 1)))))"
    "    (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (table.size $t))))"
    "  (local.get $bad)))";

struct isolation {
    struct engine *engine;
    struct test_guest dirty, reader;
    enum ending ending;
    bool good;
    long wrong_bytes;
};

static void look_at_memory(struct guest_task *guest, struct engine_store *store, const struct engine_instance *instance UNUSED)
{
    struct isolation *it = guest->env;
    uint64_t size;
    const uint8_t *data = engine_memory_data(store, &guest->memory, &size);
    if (size != (PAGES + GROWN) * PAGE)
        it->wrong_bytes++;
    for (uint64_t i = 0; i < size; i++)
        it->wrong_bytes += data[i] != (uint8_t)(i >= 4096 && i < 4102 ? "reader"[i - 4096] : 0);
}

static void end_dirty(struct isolation *it, struct guest_task *guest)
{
    if (it->ending == TIMES_OUT) {
        it->good &= io_sleep_until(clock_after(3 * NS_PER_MS)) == ST_OK;
        io_task_cancel(&guest->task);
    } else if (it->ending == CANCELLED) {
        guest_task_await_wait(guest);
        io_task_cancel(&guest->task);
    }
    guest_task_join(guest);
    bool cancelled = it->ending == TIMES_OUT || it->ending == CANCELLED;
    it->good &= guest->status == (it->ending == RETURNS ? ST_OK : ST_TRAP);
    it->good &= guest->trap_status == (it->ending == RETURNS ? ST_OK : cancelled ? ST_CANCELLED : ST_TRAP);
}

static void run_isolation(void *arg)
{
    struct isolation *it = arg;
    for (int round = 0; round < 3; round++) {
        struct guest_task dirty, reader;
        guest_task_init(&dirty, it->engine, &it->dirty, 1, (int32_t)it->ending);
        it->good &= guest_task_start(&dirty, NULL);
        end_dirty(it, &dirty);
        guest_task_init(&reader, it->engine, &it->reader, 1, 0);
        reader.look = look_at_memory;
        reader.env = it;
        it->good &= guest_task_start(&reader, NULL);
        guest_task_join(&reader);
        it->good &= reader.status == ST_OK && reader.result == 0;
    }
}

/* With one slot, each instance gets the one the last has just left. */
static void check_isolation(const struct engine_options *options)
{
    struct isolation it;
    struct engine_host_func wait = {host_wait, NULL, test_type("i:i")};
    struct error err;
    for (int ending = 0; ending < ENDINGS; ending++) {
        it = (struct isolation){.ending = (enum ending)ending, .good = true};
        CHECK_EQ(engine_new(options, &it.engine, &err), ST_OK);
        CHECK(test_guest_init(&it.dirty, it.engine, dirty_text, &wait, 1));
        CHECK(test_guest_init(&it.reader, it.engine, reader_text, &wait, 1));
        test_on_shard(it.engine, 4, run_isolation, &it);
        test_guest_release(&it.dirty);
        test_guest_release(&it.reader);
        engine_free(it.engine);
        CHECK(it.good);
        CHECK_EQ(it.wrong_bytes, 0);
    }
}

TEST(a_slot_is_clean_with_pagemap_scan)
{
    struct engine_options options = {.max_instances = 1, .max_stacks = 8, .no_cache = true};
    struct engine *engine;
    struct error err;
    CHECK_EQ(engine_new(&options, &engine, &err), ST_OK);
    bool available = engine_uses_pagemap_scan(engine);
    engine_free(engine);
    if (!available)
        SKIP("this kernel has no PAGEMAP_SCAN");
    check_isolation(&options);
}

TEST(a_slot_is_clean_when_all_of_it_is_kept_resident)
{
    check_isolation(&(struct engine_options){
        .max_instances = 1, .max_stacks = 8, .no_cache = true, .no_pagemap_scan = true, .keep_resident_bytes = 64 << 20});
}

TEST(a_slot_is_clean_when_some_of_it_is_kept_resident)
{
    check_isolation(&(struct engine_options){
        .max_instances = 1, .max_stacks = 8, .no_cache = true, .no_pagemap_scan = true, .keep_resident_bytes = 128 << 10});
}

TEST(a_slot_is_clean_without_pagemap_scan)
{
    check_isolation(&(struct engine_options){.max_instances = 1, .max_stacks = 8, .no_cache = true, .no_pagemap_scan = true});
}

TEST(instances_are_clean_without_a_pool)
{
    check_isolation(&(struct engine_options){.no_cache = true, .no_pooling = true});
}

/* --- the same module again ------------------------------------------------------------------------------------------------ */

TEST(a_module_meets_its_own_slot_as_new)
{
    struct engine_options options = {.max_instances = 1, .max_stacks = 1, .no_cache = true};
    static const char text[] =
        "(module (memory (export \"m\") 2) (data (i32.const 70000) \"abc\") (global $g (mut i32) (i32.const 3))"
        "(func (export \"run\") (result i32) (i32.store (i32.const 70000) (i32.const 0))"
        "  (i32.store (i32.const 0) (i32.const 9)) (global.set $g (i32.add (global.get $g) (i32.const 1)))"
        "  (global.get $g)))";
    struct engine *engine;
    struct test_guest guest;
    struct error err;
    CHECK_EQ(engine_new(&options, &engine, &err), ST_OK);
    CHECK(test_guest_init(&guest, engine, text, NULL, 0));
    for (int i = 0; i < 5; i++) {
        struct engine_store *store;
        struct engine_instance instance;
        struct engine_extern memory, run;
        union engine_raw raw;
        uint64_t size;
        CHECK_EQ(engine_store_new(engine, NULL, NULL, &store, &err), ST_OK);
        CHECK_EQ(engine_pre_instantiate(guest.pre, store, &instance, &err), ST_OK);
        CHECK(engine_instance_export(store, &instance, 0, &memory) && engine_instance_export(store, &instance, 1, &run));
        const uint8_t *data = engine_memory_data(store, &memory.memory, &size);
        CHECK(memcmp(data + 70000, "abc", 4) == 0 && data[0] == 0);
        CHECK_EQ(engine_call(store, &run.func, &raw, 1, &err), ST_OK);
        CHECK_EQ(raw.i32, 4);
        engine_store_free(store);
    }
    test_guest_release(&guest);
    engine_free(engine);
}

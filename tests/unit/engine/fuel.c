/* Fuel: what it is one of, and that whatever happens to a guest meanwhile changes nothing about its number. */
#include "base/mem.h"
#include "unit/engine/shard_support.h"
#include <pthread.h>
#include <unistd.h>

static struct engine *counting_engine(void)
{
    static struct engine *engine;
    struct error err;
    struct engine_options options = {.max_instances = 16, .max_stacks = 16, .no_cache = true, .count_fuel = true};
    if (!engine && engine_new(&options, &engine, &err) != ST_OK)
        bug("%s", err.message);
    return engine;
}

/* --- a store with an instance of a module ----------------------------------------------------------------------------------- */

struct fixture {
    struct test_guest guest;
    struct engine_store *store;
    struct engine_instance instance;
    struct error err;
};

static bool open_on(struct fixture *f, struct engine *engine, const char *text, const struct engine_host_func *func)
{
    return test_guest_init(&f->guest, engine, text, func, func ? 1 : 0) &&
           engine_store_new(engine, f, NULL, &f->store, &f->err) == ST_OK &&
           engine_pre_instantiate(f->guest.pre, f->store, &f->instance, &f->err) == ST_OK;
}

static void close_all(struct fixture *f)
{
    engine_store_free(f->store);
    test_guest_release(&f->guest);
}
#define FIXTURE __attribute__((cleanup(close_all))) struct fixture

static enum status call(struct fixture *f, const char *name, int32_t argument)
{
    struct engine_extern func;
    union engine_raw raw = {.i32 = argument};
    bug_unless(engine_instance_export_named(f->store, &f->instance, str_of(name), &func));
    return engine_call(f->store, &func.func, &raw, 1, &f->err);
}

static const char units_text[] =
    "(module (memory 1)"
    "(func $empty (export \"empty\"))"
    "(func (export \"add\") (drop (i32.add (i32.const 1) (i32.const 2))))"
    "(func (export \"free\") nop (block (loop nop)) return)"
    "(func (export \"if\") (if (i32.const 1) (then (drop (i32.const 2))) (else (drop (i32.const 3)) (drop (i32.const 4)))))"
    "(func (export \"call\") (call $empty))"
    "(func (export \"fill\") (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000)))"
    "(func (export \"count\") (param i32) (loop $l"
    "  (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))";

static const struct {
    const char *name;
    int32_t argument;
    uint64_t fuel;
} units[] = {
    {"empty", 0, 1}, {"add", 0, 4}, {"free", 0, 1}, {"if", 0, 4}, {"call", 0, 3}, {"fill", 0, 1005}, {"count", 10, 51},
};

TEST(fuel_is_one_for_most_instructions)
{
    FIXTURE f = {0};
    CHECK(open_on(&f, counting_engine(), units_text, NULL));
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        engine_store_clear_fuel(f.store);
        CHECK_EQ(call(&f, units[i].name, units[i].argument), ST_OK);
        CHECK_EQ(engine_store_fuel(f.store), units[i].fuel);
        CHECK_EQ(call(&f, units[i].name, units[i].argument), ST_OK);
        CHECK_EQ(engine_store_fuel(f.store), 2 * units[i].fuel);
    }
}

TEST(an_engine_that_does_not_count_says_zero)
{
    FIXTURE f = {0};
    CHECK(open_on(&f, test_engine(), units_text, NULL));
    CHECK(!engine_counts_fuel(test_engine()));
    CHECK_EQ(call(&f, "count", 10), ST_OK);
    CHECK_EQ(engine_store_fuel(f.store), 0);
    engine_store_clear_fuel(f.store);
    CHECK(engine_counts_fuel(counting_engine()));
}

TEST(start_functions_are_counted_until_the_count_is_cleared)
{
    FIXTURE f = {0};
    CHECK(open_on(&f, counting_engine(), "(module (func $start (drop (i32.const 1))) (start $start) (func (export \"empty\")))",
                  NULL));
    CHECK(engine_store_fuel(f.store) >= 2); /* and how Wasmtime comes to call it */
    engine_store_clear_fuel(f.store);
    CHECK_EQ(engine_store_fuel(f.store), 0);
    CHECK_EQ(call(&f, "empty", 0), ST_OK);
    CHECK_EQ(engine_store_fuel(f.store), 1);
}

/* --- calls within calls, and traps ------------------------------------------------------------------------------------------ */

static const char nested_text[] = "(module (import \"h\" \"call\" (func $host)) (memory 1)"
                                  "(func $empty (export \"inner\"))"
                                  "(func (export \"crash\") (drop (i32.const 1)) unreachable)"
                                  "(func (export \"outer\") (call $host) (call $host))"
                                  "(func (export \"read\") (call $empty) (drop (i32.const 1)) (drop (i32.load (i32.const -1)))))";

/* Calls the guest's function of that name in the store that it is called from. Its failure is not passed on. */
static enum status host_call_back(void *env, struct engine_store *store, union engine_raw *raw UNUSED, size_t count UNUSED)
{
    struct fixture *f = engine_store_data(store);
    uint64_t before = engine_store_fuel(store);
    bool ended_well = call(f, env, 0) == ST_OK;
    return ended_well == str_is(STR("inner"), env) && engine_store_fuel(store) > before ? ST_OK : ST_INTERNAL;
}

static void check_nested(const char *inner, uint64_t fuel)
{
    FIXTURE f = {0};
    struct engine_host_func host = {host_call_back, (void *)(uintptr_t)inner, test_type(":")};
    CHECK(open_on(&f, counting_engine(), nested_text, &host));
    CHECK_EQ(call(&f, "outer", 0), ST_OK);
    CHECK_EQ(engine_store_fuel(f.store), fuel);
}

TEST(calls_that_the_host_makes_meanwhile_are_counted)
{
    check_nested("inner", 3 + 2 * 1);
    check_nested("crash", 3 + 2 * 2);
}

TEST(a_trap_leaves_what_was_counted)
{
    FIXTURE f = {0};
    struct engine_host_func host = {host_call_back, NULL, test_type(":")};
    CHECK(open_on(&f, counting_engine(), nested_text, &host));
    CHECK_EQ(call(&f, "crash", 0), ST_TRAP);
    CHECK_EQ(engine_store_fuel(f.store), 2);
    engine_store_clear_fuel(f.store);
    CHECK_EQ(call(&f, "read", 0), ST_TRAP);
    CHECK_EQ(engine_store_fuel(f.store), 3); /* not what it did after its call */
}

/* --- interrupted, cancelled ------------------------------------------------------------------------------------------------- */

static const char busy_text[] = "(module (memory (export \"m\") 1)"
                                "(func $step (i64.store (i32.const 8) (i64.add (i64.const 1) (i64.load (i32.const 8)))))"
                                "(func $forever (call $step) (loop $l (br $l)))"
                                "(func (export \"steps\") (param i32) (result i32) (loop $l (call $step) (br $l)) unreachable)"
                                "(func (export \"spin\") (param i32) (result i32) (call $forever) (i32.const 0))"
                                "(func (export \"count\") (param i32) (result i32)"
                                "  (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0)))";

enum { STEPS = 1, SPIN = 2, COUNT = 3, GUESTS = 2, ITERATIONS = 20000000 };

struct busy {
    struct test_guest code;
    struct guest_task guests[GUESTS];
    uint64_t fuel[GUESTS], steps[GUESTS];
    int turns; /* of the test between those of the guests */
};

static uint64_t steps_of(const struct guest_task *guest, struct engine_store *store)
{
    uint64_t size, steps;
    memcpy(&steps, engine_memory_data(store, &guest->memory, &size) + 8, sizeof steps);
    return steps;
}

static void look_at_fuel(struct guest_task *guest, struct engine_store *store, const struct engine_instance *instance UNUSED)
{
    struct busy *busy = guest->env;
    busy->fuel[guest - busy->guests] = engine_store_fuel(store);
    busy->steps[guest - busy->guests] = steps_of(guest, store);
}

static void start(struct busy *busy, int index, size_t export, int32_t argument)
{
    struct guest_task *guest = &busy->guests[index];
    guest_task_init(guest, counting_engine(), &busy->code, export, argument);
    guest->look = look_at_fuel;
    guest->env = busy;
    bug_unless(guest_task_start(guest, NULL));
}

static void run_both(void *arg)
{
    struct busy *busy = arg;
    for (int i = 0; i < GUESTS; i++)
        start(busy, i, COUNT, ITERATIONS);
    for (; !busy->guests[0].task.done.set || !busy->guests[1].task.done.set; busy->turns++)
        io_yield();
}

TEST(being_interrupted_changes_nothing)
{
    struct busy busy = {0};
    CHECK(test_guest_init(&busy.code, counting_engine(), busy_text, NULL, 0));
    test_on_shard(counting_engine(), 16, run_both, &busy);
    test_guest_release(&busy.code);
    CHECK(busy.turns > GUESTS);
    for (int i = 0; i < GUESTS; i++) {
        CHECK_EQ(busy.guests[i].status, ST_OK);
        CHECK_EQ(busy.fuel[i], 2 + 5ull * ITERATIONS);
    }
}

static bool at_work(const struct guest_task *guest)
{
    return guest->store && guest->memory.store_id && steps_of(guest, guest->store) > 0;
}

static void run_and_cancel(void *arg)
{
    struct busy *busy = arg;
    static const size_t exports[GUESTS] = {STEPS, SPIN};
    for (int i = 0; i < GUESTS; i++) {
        start(busy, i, exports[i], 0);
        while (!at_work(&busy->guests[i]))
            io_yield();
        io_task_cancel(&busy->guests[i].task);
        guest_task_join(&busy->guests[i]);
    }
}

/* A step and what calls it are 9. The guest is cancelled when a loop or a function begins: when one more step has been called, its
 * caller has been counted up to there. */
TEST(a_cancelled_guest_is_counted_up_to_its_last_call)
{
    struct busy busy = {0};
    CHECK(test_guest_init(&busy.code, counting_engine(), busy_text, NULL, 0));
    test_on_shard(counting_engine(), 16, run_and_cancel, &busy);
    test_guest_release(&busy.code);
    for (int i = 0; i < GUESTS; i++) {
        CHECK_EQ(busy.guests[i].status, ST_TRAP);
        CHECK_EQ(busy.guests[i].trap_status, ST_CANCELLED);
    }
    CHECK(busy.fuel[0] == 9 * busy.steps[0] || busy.fuel[0] == 9 * busy.steps[0] + 2);
    CHECK_EQ(busy.steps[1], 1);
    CHECK_EQ(busy.fuel[1], 1 + 1 + 1 + 1 + 7); /* not the loop */
}

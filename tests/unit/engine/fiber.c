/* Guests on coroutines: parked, nested, trapping, overflowing, cancelled, many at once. */
#include "base/mem.h"
#include "unit/engine/shard_support.h"

#if defined(__SANITIZE_THREAD__)
enum { MANY = 300 };
#elif defined(__SANITIZE_ADDRESS__)
enum { MANY = 2000 };
#else
enum { MANY = 10000 };
#endif

/* Waits `argument` times, keeping a count in memory and one in a local. */
static const char waiter_text[] = "(module $waiter (import \"h\" \"wait\" (func $wait (param i32) (result i32))) (memory 1)"
                                  "(func (export \"run\") (param $n i32) (result i32) (local $i i32)"
                                  "  (block $end (loop $next (br_if $end (i32.ge_u (local.get $i) (local.get $n)))"
                                  "    (local.set $i (call $wait (local.get $i)))"
                                  "    (i32.store (i32.const 100) (i32.add (i32.const 1) (i32.load (i32.const 100))))"
                                  "    (br $next)))"
                                  "  (i32.add (i32.mul (i32.load (i32.const 100)) (i32.const 1000)) (local.get $i))))";

static bool start_waiter(struct test_guest *code, struct engine *engine)
{
    struct engine_host_func wait = {host_wait, NULL, test_type("i:i")};
    return test_guest_init(code, engine, waiter_text, &wait, 1);
}

/* --- many guests ---------------------------------------------------------------------------------------------------------- */

struct crowd {
    struct engine *engine;
    struct test_guest code;
    struct guest_task *guests;
    int count, waits;
    bool good;
};

static void wait_until_all_wait(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        guest_task_await_wait(&crowd->guests[i]);
}

/* Wakes every guest `waits` times, always the next one at random. */
static void run_crowd(void *arg)
{
    struct crowd *crowd = arg;
    uint64_t seed = 42;
    int started = 0;
    for (int i = 0; i < crowd->count; i++) {
        guest_task_init(&crowd->guests[i], crowd->engine, &crowd->code, 0, crowd->waits);
        started += guest_task_start(&crowd->guests[i], NULL);
    }
    wait_until_all_wait(crowd);
    for (long left = (long)crowd->count * crowd->waits; left > 0;) {
        struct guest_task *guest = &crowd->guests[test_random(&seed) % (uint32_t)crowd->count];
        if (guest->waiting && !guest->event.set) {
            guest_task_wake(guest);
            left--;
        }
        if (test_random(&seed) % 64 == 0)
            io_yield();
    }
    for (int i = 0; i < crowd->count; i++)
        guest_task_join(&crowd->guests[i]);
    crowd->good = started == crowd->count;
    for (int i = 0; i < crowd->count; i++)
        if (crowd->guests[i].status != ST_OK || crowd->guests[i].result != crowd->waits * 1001 ||
            crowd->guests[i].waits != crowd->waits)
            crowd->good =
                tap_fail(__FILE__, __LINE__, "guest %d: %s, result %d", i, crowd->guests[i].err.message, crowd->guests[i].result);
}

TEST(many_parked_guests_are_resumed_in_random_order)
{
    struct engine_options options = {.max_instances = MANY, .max_stacks = MANY + 16, .no_cache = true};
    struct crowd crowd = {.count = MANY, .waits = 3};
    struct error err;
    CHECK_EQ(engine_new(&options, &crowd.engine, &err), ST_OK);
    CHECK(start_waiter(&crowd.code, crowd.engine));
    crowd.guests = mem_array(MANY, sizeof *crowd.guests);
    test_on_shard(crowd.engine, MANY + 8, run_crowd, &crowd);
    free(crowd.guests);
    test_guest_release(&crowd.code);
    engine_free(crowd.engine);
    CHECK(crowd.good);
}

TEST(coroutines_are_used_again)
{
    struct crowd crowd = {.engine = test_engine(), .count = 30, .waits = 50};
    struct guest_task guests[30];
    CHECK(start_waiter(&crowd.code, crowd.engine));
    crowd.guests = guests;
    for (int i = 0; i < 3; i++) {
        test_on_shard(crowd.engine, 40, run_crowd, &crowd);
        CHECK(crowd.good);
    }
    test_guest_release(&crowd.code);
}

static void start_too_many(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < crowd->count; i++) {
        guest_task_init(&crowd->guests[i], crowd->engine, &crowd->code, 0, 1);
        if (!guest_task_start(&crowd->guests[i], NULL))
            return;
    }
    /* Stacks for only some of them: the others start as those end, in any order. */
    uint64_t deadline = clock_after(60 * NS_PER_SECOND);
    int done = 0;
    while (done < crowd->count && clock_now() < deadline) {
        done = 0;
        for (int i = 0; i < crowd->count; i++) {
            done += crowd->guests[i].task.done.set;
            if (crowd->guests[i].waiting)
                guest_task_wake(&crowd->guests[i]);
        }
        io_yield();
    }
    for (int i = 0; i < crowd->count; i++)
        crowd->good &= crowd->guests[i].task.done.set && crowd->guests[i].status == ST_OK;
}

TEST(with_all_stacks_in_use_tasks_wait_for_one)
{
    struct engine_options options = {.max_instances = 16, .max_stacks = 5, .no_cache = true};
    struct crowd crowd = {.count = 20, .good = true};
    struct guest_task guests[20];
    struct error err;
    crowd.guests = guests;
    CHECK_EQ(engine_new(&options, &crowd.engine, &err), ST_OK);
    if (!engine_uses_pooling(crowd.engine)) {
        engine_free(crowd.engine);
        SKIP("no room for a pool");
    }
    CHECK(start_waiter(&crowd.code, crowd.engine));
    test_on_shard(crowd.engine, 100, start_too_many, &crowd);
    test_guest_release(&crowd.code);
    engine_free(crowd.engine);
    CHECK(crowd.good);
}

/* --- several shards ------------------------------------------------------------------------------------------------------- */

enum { SHARDS = 3, EACH = 12, SELF_WAKES = 200 };

struct shard_crowd {
    struct io_task task;
    const struct test_guest *code;
    struct io_shard *shard;
    struct guest_task guests[EACH];
    bool good;
};

struct everybody {
    struct test_guest code;
    struct shard_crowd crowds[SHARDS];
};

static void run_shard_crowd(struct io_task *task)
{
    struct shard_crowd *crowd = CONTAINER_OF(task, struct shard_crowd, task);
    crowd->good = true;
    for (int i = 0; i < EACH; i++) {
        guest_task_init(&crowd->guests[i], test_engine(), crowd->code, 0, SELF_WAKES);
        crowd->good &= guest_task_start(&crowd->guests[i], NULL);
    }
    for (int left = EACH * SELF_WAKES; left > 0; io_yield())
        for (int i = 0; i < EACH; i++)
            if (crowd->guests[i].waiting && !crowd->guests[i].event.set) {
                guest_task_wake(&crowd->guests[i]);
                left--;
            }
    for (int i = 0; i < EACH; i++) {
        guest_task_join(&crowd->guests[i]);
        crowd->good &= crowd->guests[i].status == ST_OK && crowd->guests[i].result == SELF_WAKES * 1001;
    }
    io_shard_stop(crowd->shard);
}

static void start_shard_crowd(struct io_shard *shard, void *env)
{
    struct everybody *everybody = env;
    struct shard_crowd *crowd = &everybody->crowds[io_shard_index(shard)];
    struct error err;
    crowd->code = &everybody->code;
    crowd->shard = shard;
    if (io_task_start(&crowd->task, run_shard_crowd, NULL, 0, &err) != ST_OK)
        bug("%s", err.message);
}

TEST(shards_run_guests_of_the_same_module_at_once)
{
    static struct everybody everybody;
    struct io_shards_options options = {.shard = {.coro_ops = &coro_fiber, .coro_env = test_engine(), .max_coroutines = 20},
                                        .count = SHARDS,
                                        .setup = start_shard_crowd,
                                        .env = &everybody};
    struct io_shards *shards;
    struct error err = {0};
    CHECK(start_waiter(&everybody.code, test_engine()));
    io_set_tick_hook(engine_tick, test_engine());
    CHECK_EQ(io_shards_start(&options, &shards, &err), ST_OK);
    io_shards_join(shards);
    test_guest_release(&everybody.code);
    for (int i = 0; i < SHARDS; i++)
        CHECK(everybody.crowds[i].good);
}

/* --- nested stores -------------------------------------------------------------------------------------------------------- */

/* "h" "enter": runs the guest's inner guest on the same coroutine. */
static enum status host_enter(void *env UNUSED, struct engine_store *store, union engine_raw *raw, size_t count UNUSED)
{
    struct guest_task *inner = ((struct guest_task *)engine_store_data(store))->inner;
    guest_task_run(inner);
    raw[0].i32 = inner->result;
    return inner->status == ST_OK ? ST_OK : engine_trap_set(store, inner->trap_status, "inner: %s", inner->err.message);
}

static const char outer_text[] = "(module $outer (import \"h\" \"enter\" (func $enter (param i32) (result i32)))"
                                 "(func (export \"run\") (param i32) (result i32)"
                                 "  (i32.add (i32.const 5) (call $enter (local.get 0)))))";

struct chain {
    struct test_guest outer, waiter;
    struct guest_task guests[24]; /* the inner ones in the second half */
    bool good;
};

static bool chain_init(struct chain *chain, const char *inner_text)
{
    struct engine_host_func enter = {host_enter, NULL, test_type("i:i")}, wait = {host_wait, NULL, test_type("i:i")};
    chain->good = true;
    return test_guest_init(&chain->outer, test_engine(), outer_text, &enter, 1) &&
           test_guest_init(&chain->waiter, test_engine(), inner_text, &wait, 1);
}

static void chain_release(struct chain *chain)
{
    test_guest_release(&chain->outer);
    test_guest_release(&chain->waiter);
}

enum { CHAINS = 12 };

static void chain_start(struct chain *chain, int32_t argument, size_t inner_export)
{
    for (int i = 0; i < CHAINS; i++) {
        struct guest_task *outer = &chain->guests[i], *inner = &chain->guests[CHAINS + i];
        guest_task_init(outer, test_engine(), &chain->outer, 0, argument);
        guest_task_init(inner, test_engine(), &chain->waiter, inner_export, argument);
        outer->inner = inner;
        chain->good &= guest_task_start(outer, NULL);
    }
}

/* Until the inner guest of a chain waits, or the whole chain has ended. */
static void chain_await(struct chain *chain, int index)
{
    while (!chain->guests[CHAINS + index].waiting && !chain->guests[index].task.done.set)
        io_yield();
}

static void run_nested(void *arg)
{
    struct chain *chain = arg;
    uint64_t seed = 3;
    enum { WAITS = 25 };
    chain_start(chain, WAITS, 0);
    for (int left = CHAINS * WAITS; left > 0;) {
        int index = (int)(test_random(&seed) % CHAINS);
        chain_await(chain, index);
        if (chain->guests[CHAINS + index].waiting) {
            guest_task_wake(&chain->guests[CHAINS + index]);
            io_yield();
            left--;
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        guest_task_join(&chain->guests[i]);
        chain->good &= chain->guests[i].status == ST_OK && chain->guests[i].result == WAITS * 1001 + 5;
    }
}

TEST(guests_in_nested_stores_are_parked_together)
{
    struct chain chain;
    CHECK(chain_init(&chain, waiter_text));
    test_on_shard(test_engine(), 40, run_nested, &chain);
    chain_release(&chain);
    CHECK(chain.good);
}

static void cancel_nested(void *arg)
{
    struct chain *chain = arg;
    chain_start(chain, 5, 0);
    for (int i = 0; i < CHAINS; i++)
        chain_await(chain, i);
    for (int i = CHAINS - 1; i >= 0; i -= 2)
        io_task_cancel(&chain->guests[i].task);
    for (int i = 0; i < CHAINS; i++) {
        struct guest_task *outer = &chain->guests[i], *inner = &chain->guests[CHAINS + i];
        bool cancelled = i % 2 == 1;
        for (int j = 0; j < 5 && !cancelled; j++) {
            chain_await(chain, i);
            guest_task_wake(inner);
            io_yield();
        }
        guest_task_join(outer);
        if (cancelled)
            chain->good &= outer->status == ST_TRAP && outer->trap_status == ST_CANCELLED && inner->trap_status == ST_CANCELLED &&
                           inner->trap_kind == ENGINE_TRAP_INTERRUPT;
        else
            chain->good &= outer->status == ST_OK && outer->result == 5 * 1001 + 5;
    }
}

TEST(cancelled_guests_unwind_through_all_their_stores)
{
    struct chain chain;
    CHECK(chain_init(&chain, waiter_text));
    test_on_shard(test_engine(), 40, cancel_nested, &chain);
    chain_release(&chain);
    CHECK(chain.good);
}

/* --- traps after a park --------------------------------------------------------------------------------------------------- */

static const char trapper_text[] =
    "(module $trapper (import \"h\" \"wait\" (func $wait (param i32) (result i32))) (memory 1)"
    "(func (export \"unreachable\") (param i32) (result i32) (drop (call $wait (i32.const 0))) unreachable)"
    "(func (export \"bounds\") (param i32) (result i32) (drop (call $wait (i32.const 0))) (i32.load (i32.const 65533)))"
    "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))"
    "(func (export \"overflow\") (param i32) (result i32) (drop (call $wait (i32.const 0))) (call $deep (i32.const 0)))"
    "(func $down (param i32) (result i32) (if (result i32) (local.get 0)"
    "  (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))) (else (call $wait (i32.const 0)))))"
    "(func (export \"deep_wait\") (param i32) (result i32) (call $down (i32.const 2000))))";

struct trap_case {
    struct chain chain;
    size_t inner_export;
    enum engine_trap_kind kind;
    const char *message;
};

static void run_trap_case(void *arg)
{
    struct trap_case *it = arg;
    struct chain *chain = &it->chain;
    chain_start(chain, 0, it->inner_export);
    for (int i = 0; i < CHAINS; i++)
        chain_await(chain, i);
    for (int i = 0; i < CHAINS; i++)
        guest_task_wake(&chain->guests[CHAINS + (i * 5) % CHAINS]);
    for (int i = 0; i < CHAINS; i++) {
        struct guest_task *outer = &chain->guests[i], *inner = &chain->guests[CHAINS + i];
        guest_task_join(outer);
        if (it->kind == ENGINE_TRAP_NONE)
            chain->good &= outer->status == ST_OK && outer->result == 2000 + 1 + 5;
        else
            chain->good &= outer->status == ST_TRAP && inner->status == ST_TRAP && inner->trap_kind == it->kind &&
                           outer->trap_kind == ENGINE_TRAP_HOST && strstr(outer->err.message, it->message);
    }
}

TEST(guests_trap_after_they_were_parked)
{
    struct trap_case cases[] = {
        {.inner_export = 0,
         .kind = ENGINE_TRAP_UNREACHABLE,
         .message = "inner: wasm trap: wasm `unreachable` instruction executed"},
        {.inner_export = 1, .kind = ENGINE_TRAP_MEMORY, .message = "inner: wasm trap: out of bounds memory access"},
        {.inner_export = 2, .kind = ENGINE_TRAP_STACK_OVERFLOW, .message = "inner: wasm trap: call stack exhausted"},
        {.inner_export = 3, .kind = ENGINE_TRAP_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(chain_init(&cases[i].chain, trapper_text));
        test_on_shard(test_engine(), 40, run_trap_case, &cases[i]);
        chain_release(&cases[i].chain);
        CHECK(cases[i].chain.good);
    }
}

/* --- a coroutine's stack -------------------------------------------------------------------------------------------------- */

struct descent {
    struct test_guest code;
    struct guest_task levels[32];
    int depth;
    size_t least_left;
};

/* "h" "enter": each level enters the next one. */
static enum status host_descend(void *env, struct engine_store *store, union engine_raw *raw, size_t count UNUSED)
{
    struct descent *descent = env;
    struct guest_task *next = &descent->levels[++descent->depth];
    bug_unless(descent->depth < 32);
    descent->least_left = MIN(descent->least_left, coro_stack_left());
    guest_task_init(next, test_engine(), &descent->code, 0, raw[0].i32);
    guest_task_run(next);
    return next->status == ST_OK ? ST_OK : engine_trap_set(store, ST_TRAP, "%s", next->err.message);
}

static void run_descent(void *arg)
{
    struct descent *descent = arg;
    guest_task_init(&descent->levels[0], test_engine(), &descent->code, 0, 2000);
    guest_task_run(&descent->levels[0]);
}

TEST(nested_stores_never_reach_the_guard_page)
{
    /* Every level uses some of its guest stack before it enters the next store. */
    static const char text[] = "(module (import \"h\" \"enter\" (func $enter (param i32) (result i32)))"
                               "(func $down (param i32) (result i32) (local v128 v128) (if (result i32) (local.get 0)"
                               "  (then (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))"
                               "  (else (call $enter (i32.const 2000)))))"
                               "(func (export \"run\") (param i32) (result i32) (call $down (local.get 0))))";
    struct descent descent = {.least_left = SIZE_MAX};
    struct engine_host_func enter = {host_descend, &descent, test_type("i:i")};
    CHECK(test_guest_init(&descent.code, test_engine(), text, &enter, 1));
    test_on_shard(test_engine(), 4, run_descent, &descent);
    test_guest_release(&descent.code);
    CHECK_EQ(descent.levels[0].status, ST_TRAP);
    CHECK_STR(str_of(descent.levels[0].err.message), "wasm trap: call stack exhausted");
    CHECK(descent.depth > 2);
    CHECK(descent.least_left > 256 << 10);
}

TEST(a_coroutine_may_be_destroyed_before_its_first_job)
{
    struct coro_pool pool;
    struct coro *coro;
    struct error err = {0};
    coro_pool_init(&pool, &coro_fiber, test_engine(), 0, 2);
    CHECK_EQ(coro_fiber.create(&pool, &coro, &err), ST_OK);
    coro_fiber.destroy(coro);
}

TEST(a_coroutine_without_a_stack_is_an_error)
{
    struct engine_options options = {.max_instances = 4, .max_stacks = 1, .no_cache = true};
    struct engine *engine;
    struct coro_pool pool;
    struct coro *first, *second = NULL;
    struct error err = {0};
    CHECK_EQ(engine_new(&options, &engine, &err), ST_OK);
    bool pooling = engine_uses_pooling(engine);
    coro_pool_init(&pool, &coro_fiber, engine, 0, 2);
    CHECK_EQ(coro_fiber.create(&pool, &first, &err), ST_OK);
    enum status status = coro_fiber.create(&pool, &second, &err);
    coro_fiber.destroy(first);
    if (status == ST_OK)
        coro_fiber.destroy(second);
    engine_free(engine);
    if (!pooling)
        SKIP("no room for a pool");
    CHECK_EQ(status, ST_LIMIT);
    CHECK(str_starts(str_of(err.message), STR("no stack for a coroutine: maximum concurrent limit of 1 for fibers reached")));
}

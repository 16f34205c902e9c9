/* What the engine's steps cost, in nanoseconds. Not a test: the figures depend on the machine.
 *
 *   bench/core [rounds]      (default 20000; the median of five runs of each step is printed)
 *
 * The guest is about as large as a small component's core module: 17 pages of memory with an image, 40 imports, and a call that
 * dirties 6 pages. All on one thread, whose CPU time is what counts, so that a busy machine disturbs little. Steps that need a
 * coroutine run on a shard of this thread. */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "io/shard.h"

enum { IMPORTS = 40, RUNS = 5, DEFAULT_ROUNDS = 20000 };

static struct bench {
    struct engine *engine;
    struct engine_module *module;
    struct engine_pre *pre;
    uint64_t rounds;
    struct io_task task, partner;
    struct io_event ping, pong;
    bool ending;
    struct io_message message;
    struct io_shard *shard;
} bench;

/* Exports, in order. */
enum { RUN, EMPTY, CALL_HOST, CALL_HOST_MANY };

static void must(enum status status, const struct error *err)
{
    if (status != ST_OK)
        bug("%s", err->message);
}

/* --- measuring -------------------------------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Runs `step(rounds)` some times and prints the median of the CPU time per round. */
static void measure(const char *name, uint64_t rounds, void (*step)(uint64_t rounds))
{
    double ns[RUNS];
    step(rounds / 10 + 1);
    for (int i = 0; i < RUNS; i++) {
        uint64_t start = clock_thread_cpu();
        step(rounds);
        ns[i] = (double)(clock_thread_cpu() - start) / (double)rounds;
    }
    qsort(ns, RUNS, sizeof ns[0], by_value);
    printf("%-56s %10.1f ns\n", name, ns[RUNS / 2]);
}

/* --- the guest -------------------------------------------------------------------------------------------------------------- */

static enum status host_nothing(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    (void)env, (void)store, (void)raw, (void)count;
    return ST_OK;
}

static void add_imports(struct buf *text)
{
    for (int i = 0; i < IMPORTS; i++)
        buf_addf(text, "(import \"host\" \"f%d\" (func $f%d (param i32) (result i32)))", i, i);
}

static void make_guest(void)
{
    static const uint8_t i32[] = {ENGINE_I32};
    struct engine_host_func funcs[IMPORTS];
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), binary = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    buf_add(&text, STR("(module "));
    add_imports(&text);
    buf_add(&text, STR("(memory (export \"memory\") 17) (global $sp (mut i32) (i32.const 65536)) (table 20 funcref)"
                       "(data (i32.const 65536) \"some data of its own\")"
                       "(func (export \"run\") (local i32) (loop $l"
                       "  (i32.store (i32.add (i32.const 60000) (i32.mul (local.get 0) (i32.const 4096))) (local.get 0))"
                       "  (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if $l (i32.lt_u (local.get 0) (i32.const 6)))))"
                       "(func (export \"empty\"))"
                       "(func (export \"host\") (drop (call $f7 (i32.const 1))))"
                       "(func (export \"hosts\") (param i32) (loop $l (drop (call $f7 (i32.const 1)))"
                       "  (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"));
    must(engine_wat2wasm(buf_str(&text), &binary, &err), &err);
    must(engine_module_new(bench.engine, buf_str(&binary), &bench.module, &err), &err);
    for (int i = 0; i < IMPORTS; i++)
        funcs[i] = (struct engine_host_func){host_nothing, NULL, {i32, i32, 1, 1}};
    must(engine_pre_new(bench.engine, bench.module, funcs, IMPORTS, &bench.pre, &err), &err);
}

static struct engine_store *start(size_t function, struct engine_func *ret_func)
{
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern found;
    struct error err;
    must(engine_store_new(bench.engine, NULL, NULL, &store, &err), &err);
    must(engine_pre_instantiate(bench.pre, store, &instance, &err), &err);
    if (!engine_instance_export(store, &instance, 1 + function, &found))
        bug("no export %zu", function);
    *ret_func = found.func;
    return store;
}

static void call(struct engine_store *store, const struct engine_func *func, int32_t argument)
{
    union engine_raw raw = {.i32 = argument};
    struct error err;
    must(engine_call(store, func, &raw, 1, &err), &err);
}

/* --- steps ------------------------------------------------------------------------------------------------------------------ */

static void step_store(uint64_t rounds)
{
    struct engine_store *store;
    struct error err;
    for (uint64_t i = 0; i < rounds; i++) {
        must(engine_store_new(bench.engine, NULL, NULL, &store, &err), &err);
        engine_store_free(store);
    }
}

static void step_limited_store(uint64_t rounds)
{
    struct engine_limits limits = {.memory_bytes = 256 << 20};
    struct engine_store *store;
    struct error err;
    for (uint64_t i = 0; i < rounds; i++) {
        must(engine_store_new(bench.engine, NULL, &limits, &store, &err), &err);
        engine_store_free(store);
    }
}

static void step_instance(uint64_t rounds)
{
    struct engine_func run;
    for (uint64_t i = 0; i < rounds; i++) {
        struct engine_store *store = start(RUN, &run);
        call(store, &run, 0);
        engine_store_free(store);
    }
}

static void step_entry(uint64_t rounds)
{
    struct engine_func empty;
    struct engine_store *store = start(EMPTY, &empty);
    for (uint64_t i = 0; i < rounds; i++)
        call(store, &empty, 0);
    engine_store_free(store);
}

static void step_entry_with_host_call(uint64_t rounds)
{
    struct engine_func host;
    struct engine_store *store = start(CALL_HOST, &host);
    for (uint64_t i = 0; i < rounds; i++)
        call(store, &host, 0);
    engine_store_free(store);
}

static void step_host_call(uint64_t rounds)
{
    struct engine_func hosts;
    struct engine_store *store = start(CALL_HOST_MANY, &hosts);
    for (uint64_t left = rounds; left > 0;) {
        uint64_t part = MIN(left, 1000000);
        call(store, &hosts, (int32_t)part);
        left -= part;
    }
    engine_store_free(store);
}

static void step_export(uint64_t rounds)
{
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern found;
    struct error err;
    must(engine_store_new(bench.engine, NULL, NULL, &store, &err), &err);
    must(engine_pre_instantiate(bench.pre, store, &instance, &err), &err);
    for (uint64_t i = 0; i < rounds; i++)
        if (!engine_instance_export(store, &instance, 1 + CALL_HOST_MANY, &found))
            bug("no export");
    engine_store_free(store);
}

/* Two tasks wake each other in turn: a round is two parks and two resumes. */
static void run_partner(struct io_task *task)
{
    (void)task;
    while (!bench.ending) {
        if (io_wait(&bench.ping, CLOCK_NEVER) != ST_OK)
            return;
        io_event_clear(&bench.ping);
        io_event_set(&bench.pong);
    }
}

static void step_park(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++) {
        io_event_set(&bench.ping);
        if (io_wait(&bench.pong, CLOCK_NEVER) != ST_OK)
            bug("the benchmark was cancelled");
        io_event_clear(&bench.pong);
    }
}

static struct coro_pool bare;

static void park_for_ever(void *arg)
{
    while (!*(bool *)arg)
        coro_park();
}

static void step_bare_park(uint64_t rounds)
{
    struct coro *coro;
    struct error err;
    bool over = false;
    must(coro_take(&bare, &coro, &err), &err);
    coro_run(coro, park_for_ever, &over);
    for (uint64_t i = 0; i < rounds; i++)
        coro_resume(coro);
    over = true;
    coro_resume(coro);
}

/* --- the program ------------------------------------------------------------------------------------------------------------ */

static void on_coroutine(struct io_task *task)
{
    struct error err;
    (void)task;
    measure("on a coroutine: guest entry", bench.rounds * 10, step_entry);
    measure("on a coroutine: store, instance, call, delete", bench.rounds, step_instance);
    io_event_init(&bench.ping);
    io_event_init(&bench.pong);
    must(io_task_start(&bench.partner, run_partner, NULL, 0, &err), &err);
    measure("two tasks wake each other (two parks and resumes)", bench.rounds * 5, step_park);
    bench.ending = true;
    io_event_set(&bench.ping);
    io_shard_stop(bench.shard);
}

static void start_task(struct io_message *message)
{
    struct error err;
    (void)message;
    must(io_task_start(&bench.task, on_coroutine, NULL, 0, &err), &err);
}

static void run_shard(void)
{
    struct io_shard_options options = {.coro_ops = &coro_fiber, .coro_env = bench.engine, .max_coroutines = 10, .cpu = -1};
    struct error err;
    io_set_tick_hook(engine_tick, bench.engine);
    must(io_shard_new(0, &options, &bench.shard, &err), &err);
    bench.message.run = start_task;
    io_post(bench.shard, &bench.message);
    io_shard_run(bench.shard);
    io_shard_free(bench.shard);
}

int main(int argc, char **argv)
{
    struct engine_options options = {.max_instances = 200, .max_stacks = 20, .no_cache = true};
    struct error err;
    bench.rounds = DEFAULT_ROUNDS;
    if (argc > 1 && (!str_parse_u64(str_of(argv[1]), 1000000000, &bench.rounds) || bench.rounds == 0)) {
        fprintf(stderr, "usage: %s [rounds]\n", argv[0]);
        return 1;
    }
    must(engine_new(&options, &bench.engine, &err), &err);
    make_guest();
    printf("wasmtime %s, pooling %s, PAGEMAP_SCAN %s, %llu rounds\n", engine_version(),
           engine_uses_pooling(bench.engine) ? "on" : "off", engine_uses_pagemap_scan(bench.engine) ? "on" : "off",
           (unsigned long long)bench.rounds);
    measure("store create and delete", bench.rounds * 10, step_store);
    measure("store create and delete, with limits", bench.rounds * 10, step_limited_store);
    measure("store, instance, call (6 pages), delete", bench.rounds, step_instance);
    measure("export by index", bench.rounds * 10, step_export);
    measure("guest entry", bench.rounds * 10, step_entry);
    measure("guest entry with one host call", bench.rounds * 10, step_entry_with_host_call);
    measure("host call", bench.rounds * 100, step_host_call);
    coro_pool_init(&bare, &coro_fiber, bench.engine, 0, 1);
    measure("resume and park a bare coroutine", bench.rounds * 10, step_bare_park);
    coro_pool_release(&bare);
    run_shard();
    engine_pre_free(bench.pre);
    engine_module_free(bench.module);
    engine_free(bench.engine);
    return 0;
}

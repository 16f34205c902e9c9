/* Running a test's body as a task on a shard whose coroutines are Wasmtime fibers. */
#pragma once

#include "io/shard.h"
#include "unit/engine/support.h"

/* Runs `body(arg)` as the only task of a new shard on this thread, until it and all tasks it started have ended. */
void test_on_shard(struct engine *engine, unsigned max_coroutines, void (*body)(void *arg), void *arg);

/* A guest as a task: a store with an instance, one call of export `export_index` with one i32. Its host functions find it with
 * engine_store_data. */
struct guest_task {
    struct io_task task;
    struct io_event event; /* what host_wait waits for */
    struct engine *engine;
    const struct test_guest *code;
    size_t export_index;
    int32_t argument;
    int waits;
    bool waiting;
    void *env;                   /* the test's */
    struct engine_memory memory; /* export 0, when that is a memory */
    void (*look)(struct guest_task *guest, struct engine_store *store, const struct engine_instance *instance); /* after the call */
    struct guest_task *inner;   /* another guest, for host functions that enter one */
    struct engine_store *store; /* while the call lasts */
    /* Results: */
    enum status status, trap_status;
    enum engine_trap_kind trap_kind;
    int32_t result;
    struct error err;
};
void guest_task_init(struct guest_task *guest, struct engine *engine, const struct test_guest *code, size_t export_index,
                     int32_t argument);
bool guest_task_start(struct guest_task *guest, struct io_account *account);
void guest_task_join(struct guest_task *guest);
void guest_task_run(struct guest_task *guest); /* on the calling coroutine */

/* "h" "wait": waits for the guest's event, clears it, and returns its argument plus one. Type "i:i". */
enum status host_wait(void *env, struct engine_store *store, union engine_raw *raw, size_t count);
void guest_task_wake(struct guest_task *guest);

/* Lets other tasks run until the guest waits in host_wait, or has ended. */
void guest_task_await_wait(struct guest_task *guest);

uint32_t test_random(uint64_t *state);

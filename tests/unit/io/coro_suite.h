/* The tests of coroutines, tasks and waits, for any implementation of coroutines.
 *
 * tests/unit/io compiles them for ucontext; tests/unit/engine compiles coro_suite.c and coro_suite_queue.c too and registers them
 * for Wasmtime fibers:
 *
 *   static const struct coro_suite suite = {.ops = &coro_fiber, .env = engine, .many = 10000};
 *   #define REGISTER(name) TEST(fiber_##name) { coro_suite_##name(&suite); }
 *   CORO_SUITE(REGISTER)
 *
 * A case reports through CHECK and runs on the calling thread, which becomes a shard for its duration. */
#pragma once

#include "io/shard.h"

struct coro_suite {
    const struct coro_ops *ops;
    void *env;
    size_t stack_size; /* 0: 256 KiB */
    unsigned many;     /* coroutines in the large tests; 0: 10,000 */
};

#define CORO_SUITE(X)                                                                                                              \
    X(jobs)                                                                                                                        \
    X(pool_bound_and_trim)                                                                                                         \
    X(stack_left)                                                                                                                  \
    X(many_in_random_order)                                                                                                        \
    X(wait_levels)                                                                                                                 \
    X(wait_outside_a_task)                                                                                                         \
    X(wait_timeout)                                                                                                                \
    X(timeout_races_completion)                                                                                                    \
    X(cancel_races_both)                                                                                                           \
    X(cancel_masked)                                                                                                               \
    X(cancel_before_start)                                                                                                         \
    X(wait_any_of_several)                                                                                                         \
    X(wait_any_of_many)                                                                                                            \
    X(waits_at_random)                                                                                                             \
    X(sleeps)                                                                                                                      \
    X(yield_lets_others_go)                                                                                                        \
    X(resumes_before_starts)                                                                                                       \
    X(starts_are_not_starved)                                                                                                      \
    X(fair_between_accounts)                                                                                                       \
    X(idle_account_has_no_credit)                                                                                                  \
    X(charges_count)                                                                                                               \
    X(account_bounds)                                                                                                              \
    X(shard_bound_is_fair)                                                                                                         \
    X(reserve_for_inner_tasks)                                                                                                     \
    X(inner_task_from_a_task)                                                                                                      \
    X(done_callback_frees)                                                                                                         \
    X(offload_returns)                                                                                                             \
    X(offload_completes_during_cancel)                                                                                             \
    X(offload_many)                                                                                                                \
    X(inbox_from_many_threads)                                                                                                     \
    X(inbox_wakes_a_sleeping_shard)                                                                                                \
    X(tasks_at_random)                                                                                                             \
    X(drain)                                                                                                                       \
    X(stop_cancels_everything)                                                                                                     \
    X(parked_tasks_in_random_order)

#define CORO_SUITE_DECLARE(name) void coro_suite_##name(const struct coro_suite *suite);
CORO_SUITE(CORO_SUITE_DECLARE)

/* Runs `main` as the first task of a fresh shard on this thread, then stops the shard; returns when it has ended.
 * max_coroutines, reserve: 0 for the defaults. False when the shard could not be made (reported). */
bool coro_suite_run(const struct coro_suite *suite, void (*main)(struct io_task *task), unsigned max_coroutines, unsigned reserve);

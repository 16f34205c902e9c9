/* Coroutines: stacks that plain sequential C runs on and that can be parked. Mechanism only; scheduling is `io/shard.h`.
 *
 * There are two implementations of `struct coro_ops`: Wasmtime fibers (engine/fiber.c), because only Wasmtime can switch stacks
 * under running guests, and ucontext (io/coro_ucontext.c) for programs without guests and for tests. A coroutine takes one job
 * after another: `coro_run` hands it a job, `coro_park` (called on it) goes back to whoever ran or resumed it, `coro_resume`
 * continues behind the park. A coroutine belongs to the thread that created it; nothing here is thread-safe. Coroutines do not
 * nest: run and resume are called from the plain loop only, park from a coroutine only. */
#pragma once

#include "base/error.h"
#include "base/list.h"
#include <stddef.h>

/* For functions on the way of a switch: ThreadSanitizer counts entries and returns per stack, and these enter on one and return on
 * another. */
#define CORO_SWITCHES __attribute__((no_sanitize("thread")))

struct coro_pool;

struct coro {
    struct coro_pool *pool;
    void (*job)(void *arg);
    void *arg;
    void *stack_top; /* highest address in use when the coroutine started; stacks grow down */
    size_t stack_size;
    bool finished; /* the last job returned: the coroutine is idle */
    bool quit;     /* its body must return at the next entry */
    bool entered;  /* its body has begun */
    struct list idle_link;
    void *tsan_fiber, *tsan_loop; /* ThreadSanitizer's names for this stack and for the one that entered it; NULL in other builds */
};

/* What an implementation provides. `create` makes a coroutine whose first `enter` calls `coro_body(coro)` on its own stack. */
struct coro_ops {
    const char *name; /* "fiber", "ucontext" */
    enum status (*create)(struct coro_pool *pool, struct coro **ret_coro, struct error *err);
    void (*enter)(struct coro *coro);   /* from the loop: switch to it; returns at its next `leave` or when its body returned */
    void (*leave)(struct coro *coro);   /* on it: switch back to whoever entered it */
    void (*destroy)(struct coro *coro); /* its body has returned, or it was never entered */
};

struct coro_pool {
    const struct coro_ops *ops;
    void *env; /* the implementation's: for fibers, the engine */
    size_t stack_size;
    unsigned count, max; /* coroutines created, and their bound */
    unsigned idle_count;
    struct list idle; /* most recently used first */
};

void coro_pool_init(struct coro_pool *pool, const struct coro_ops *ops, void *env, size_t stack_size, unsigned max);
void coro_pool_release(struct coro_pool *pool); /* every coroutine must be idle */

/* An idle coroutine, or a new one; ST_LIMIT at the bound. The caller gives it a job with coro_run, sooner or later. */
enum status coro_take(struct coro_pool *pool, struct coro **ret_coro, struct error *err) CHECKED;

/* Frees idle coroutines, least recently used first, until at most `keep` are left. From the plain loop. */
void coro_pool_trim(struct coro_pool *pool, unsigned keep);

/* Runs `job(arg)` on an idle coroutine until it first parks or returns. True when the job has returned (the coroutine is idle). */
bool coro_run(struct coro *coro, void (*job)(void *arg), void *arg);
bool coro_resume(struct coro *coro);
void coro_park(void);            /* suspends the running coroutine */
struct coro *coro_current(void); /* NULL on the plain loop and on other threads */

/* Bytes of stack left below the caller on the running coroutine. */
size_t coro_stack_left(void);

/* For implementations: the endless body. */
void coro_body(struct coro *coro);

extern const struct coro_ops coro_ucontext;

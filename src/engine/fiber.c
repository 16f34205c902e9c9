/* Coroutines on Wasmtime's fibers: the one place that knows how.
 *
 * A coroutine owns a small store without instances. One asynchronous call in that store runs `body`, a host function of ours, on
 * the fiber's stack for as long as the coroutine lives; polling the call's future enters the coroutine. To leave it, C on that
 * stack calls `park`, an asynchronous host function of the same store, with the context that came with the call of `body`: the
 * continuation of `park` stays pending, Wasmtime switches back to the poll, and the next poll finds it ready.
 * Guests run in other, synchronous stores; whatever of them is on the stack stays there.
 *
 * Calling an asynchronous host function through wasmtime_func_call_unchecked on a fiber works in Wasmtime 48 but is not promised by
 * its manual: run this room's stress test first when the version changes. */
#include "engine/internal.h"
#include "io/shard.h"
#include <wasmtime/async.h>

#define HEAD_BYTES (16u << 10) /* Wasmtime's own frames above the first of ours, generously */

/* Not instrumented for ThreadSanitizer: what is entered on one stack and left on another, and the first entry, which happens before
 * io/coro.c announces the stack. */
#define UNANNOUNCED __attribute__((no_sanitize("thread")))

struct fiber {
    struct coro base;
    wasmtime_store_t *store;
    wasmtime_context_t *context; /* the one that came with the call of body */
    wasmtime_func_t park, body;  /* body is borrowed by the future for as long as it lives */
    wasmtime_call_future_t *future;
    wasm_trap_t *trap;
    wasmtime_error_t *error;
    unsigned guests; /* guest entries under way on this stack */
    bool ready;      /* the next poll of park's continuation ends it */
    bool abandoned;  /* destroyed without ever having run a job */
    bool returned;
};

static struct fiber *fiber_of(struct coro *coro)
{
    return CONTAINER_OF(coro, struct fiber, base);
}

/* --- on the fiber --------------------------------------------------------------------------------------------------------- */

UNANNOUNCED static bool is_ready(void *env)
{
    return ((struct fiber *)env)->ready;
}

UNANNOUNCED static void park_called(void *env UNUSED, wasmtime_caller_t *caller, const wasmtime_val_t *args UNUSED,
                                    size_t arg_count UNUSED, wasmtime_val_t *results UNUSED, size_t result_count UNUSED,
                                    wasm_trap_t **ret_trap UNUSED, wasmtime_async_continuation_t *ret_continuation)
{
    ret_continuation->callback = is_ready;
    ret_continuation->env = wasmtime_context_get_data(wasmtime_caller_context(caller));
    ret_continuation->finalizer = NULL;
}

UNANNOUNCED static void leave(struct coro *coro)
{
    struct fiber *fiber = fiber_of(coro);
    wasmtime_val_raw_t none;
    wasm_trap_t *trap = NULL;
    fiber->ready = false;
    wasmtime_error_t *error = wasmtime_func_call_unchecked(fiber->context, &fiber->park, &none, 0, &trap);
    if (error || trap)
        bug("a coroutine could not be parked");
}

UNANNOUNCED static wasm_trap_t *body_called(void *env UNUSED, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw UNUSED,
                                            size_t count UNUSED)
{
    struct fiber *fiber = wasmtime_context_get_data(wasmtime_caller_context(caller));
    fiber->context = wasmtime_caller_context(caller);
    leave(&fiber->base); /* back to create: the stack is ours */
    if (!fiber->abandoned)
        coro_body(&fiber->base);
    return NULL;
}

/* --- on the loop ---------------------------------------------------------------------------------------------------------- */

/* Switches to the fiber; true when its body has returned. */
UNANNOUNCED static bool poll_fiber(struct fiber *fiber)
{
    fiber->ready = true;
    fiber->returned = wasmtime_call_future_poll(fiber->future);
    return fiber->returned;
}

UNANNOUNCED static void enter(struct coro *coro)
{
    struct fiber *fiber = fiber_of(coro);
    if (poll_fiber(fiber) && (fiber->error || fiber->trap)) {
        struct error err;
        if (fiber->error)
            fail_wasmtime(&err, ST_INTERNAL, fiber->error, NULL);
        bug("a coroutine ended by itself: %s", fiber->error ? err.message : "trap");
    }
}

static void release(struct fiber *fiber)
{
    wasmtime_call_future_delete(fiber->future);
    wasmtime_store_delete(fiber->store);
    free(fiber);
}

static wasmtime_func_t find(struct engine *engine, wasmtime_context_t *context, const char *name)
{
    wasmtime_extern_t item;
    if (!wasmtime_linker_get(engine->fiber_linker, context, "fiber", 5, name, strlen(name), &item))
        bug("fiber function %s is not defined", name);
    return item.of.func;
}

static enum status create(struct coro_pool *pool, struct coro **ret_coro, struct error *err)
{
    struct engine *engine = pool->env;
    struct fiber *fiber = NEW(struct fiber);
    fiber->store = wasmtime_store_new(engine->handle, fiber, NULL);
    wasmtime_context_t *context = wasmtime_store_context(fiber->store);
    fiber->park = find(engine, context, "park");
    fiber->body = find(engine, context, "body");
    fiber->future = wasmtime_func_call_async(context, &fiber->body, NULL, 0, NULL, 0, &fiber->trap, &fiber->error);
    if (poll_fiber(fiber)) { /* Wasmtime takes the stack at the first poll: now is when it can fail */
        struct error details = {.message = "trap"};
        if (fiber->error)
            fail_wasmtime(&details, ST_LIMIT, fiber->error, NULL);
        release(fiber);
        return fail(err, ST_LIMIT, "no stack for a coroutine: %s", details.message);
    }
    fiber->base.stack_size = engine->options.coroutine_stack_bytes - HEAD_BYTES;
    *ret_coro = &fiber->base;
    return ST_OK;
}

static void destroy(struct coro *coro)
{
    struct fiber *fiber = fiber_of(coro);
    fiber->abandoned = true;
    bug_unless(fiber->returned || poll_fiber(fiber));
    release(fiber);
}

const struct coro_ops coro_fiber = {.name = "fiber", .create = create, .enter = enter, .leave = leave, .destroy = destroy};

/* --- for the rest of the room --------------------------------------------------------------------------------------------- */

enum status fiber_setup(struct engine *engine, struct error *err)
{
    engine->fiber_linker = wasmtime_linker_new(engine->handle);
    wasm_functype_t *type = wasm_functype_new_0_0();
    wasmtime_error_t *error =
        wasmtime_linker_define_async_func(engine->fiber_linker, "fiber", 5, "park", 4, type, park_called, NULL, NULL);
    if (!error)
        error = wasmtime_linker_define_func_unchecked(engine->fiber_linker, "fiber", 5, "body", 4, type, body_called, NULL, NULL);
    wasm_functype_delete(type);
    return error ? fail_wasmtime(err, ST_INTERNAL, error, "engine: fibers") : ST_OK;
}

void fiber_guest_enter(struct coro *coro)
{
    if (coro->pool->ops != &coro_fiber)
        bug("a guest was entered on a coroutine that is not a Wasmtime fiber");
    if (fiber_of(coro)->guests++ == 0)
        io_guest_enter();
}

void fiber_guest_leave(struct coro *coro)
{
    if (--fiber_of(coro)->guests == 0)
        io_guest_leave();
}

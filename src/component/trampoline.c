/* Trampolines: what stands behind the imports of core modules.
 *
 * Each is entered by the engine with its binding, which knows statically whose code calls it; the store says which instance that
 * is. A failure leaves through the guest as a trap, whose message is set here (engine_trap_set), unless the calling store has
 * trapped in a nested call already: then the engine has kept the original. Source: CanonicalABI.md "Canonical Definitions". */
#include "component/instance.h"
#include "component/pool.h"

#include <string.h>

static enum status cannot_leave(struct engine_store *store)
{
    return engine_trap_set(store, ST_TRAP, "wasm trap: cannot leave component instance");
}

/* The guest is left with a trap that says what `err` says. */
static enum status leave(const struct cm_cell *cell, struct engine_store *store, enum status status, const struct error *err,
                         const struct cm_binding *binding)
{
    const struct cm_instance *instance = cell->instance;
    if (instance->poisoned && instance->traced == cell)
        return status == ST_OK ? ST_TRAP : status;
    if (err->message[0])
        return engine_trap_set(store, status == ST_OK ? ST_TRAP : status, "%s", err->message);
    if (status == ST_CANCELLED)
        return status;
    return engine_trap_set(store, status, "host function `%s` failed: %s", binding->host ? binding->host->desc->name : "drop",
                           status_name(status));
}

/* A host function that called back and swallowed a trap of this instance must not return into it. */
static enum status check_alive(const struct cm_cell *cell, struct error *err)
{
    return cell->instance->poisoned ? cm_instance_fail_poisoned(err) : ST_OK;
}

/* --- lowered functions ------------------------------------------------------------------------------------------------------- */

static enum status call_host(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    struct cm_call_scope scope;
    struct cm_frame frame;
    struct error err;
    (void)count;
    if (__builtin_expect(!cell->may_leave, 0))
        return cannot_leave(store);
    err.message[0] = 0;
    cell->instance->called_host = true;
    struct cm_call call = {.instance = cell->instance, .func = binding->host, .env = binding->host->env, .err = &err};
    call.arena = cm_pool_take_arena(cell->instance->copy_budget_bytes);
    cm_call_scope_init(&scope);
    cm_frame_init(&frame, cell, &binding->trampoline->options, &scope, call.arena);
    enum status status = cm_abi_call_host(&binding->abi, &frame.guest, &call, raw, &err);
    cm_pool_give_arena(call.arena);
    if (__builtin_expect(status == ST_OK && !cell->instance->poisoned, 1))
        return ST_OK;
    if (status == ST_OK)
        status = check_alive(cell, &err);
    return leave(cell, store, status, &err, binding);
}

/* What both sides of a call between guests need. */
struct guest_call {
    const struct cm_binding *binding;
    struct cm_cell *callee;
    struct cm_frame from, to;
    struct cm_call_scope scope; /* of both sides: the call is synchronous */
    union engine_raw raw[CM_MAX_FLAT + 1];
};

static enum status run_guest_call(struct guest_call *call, union engine_raw *caller_raw, struct error *err)
{
    const struct cm_func_abi *abi = &call->binding->abi;
    const struct cm_plan_lift *lift = call->binding->lift;
    TRY(cm_abi_copy_params(abi, &call->from.guest, caller_raw, &call->to.guest, call->raw, err));
    TRY(cm_cell_call(call->callee, &lift->func, call->raw, CM_MAX_FLAT + 1, err));
    union engine_raw result = call->raw[0];
    TRY(cm_abi_copy_result(abi, &call->to.guest, call->raw, &call->from.guest, caller_raw, err));
    TRY(cm_call_scope_check(&call->scope, err));
    if (lift->options.post_return.kind == CM_REF_NONE)
        return ST_OK;
    return cm_cell_call_confined(call->callee, &lift->options.post_return, &result, 1, err);
}

static enum status call_guest(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    struct guest_call call; /* large: nothing is cleared that will be set anyway */
    struct error err;
    (void)count;
    if (__builtin_expect(!cell->may_leave, 0))
        return cannot_leave(store);
    err.message[0] = 0;
    call.binding = binding;
    call.callee = &cell->instance->cells[binding->lift->owner];
    struct arena *arena = cm_pool_take_arena(cell->instance->copy_budget_bytes);
    cm_call_scope_init(&call.scope);
    cm_frame_init(&call.from, cell, &binding->trampoline->options, &call.scope, arena);
    cm_frame_init(&call.to, call.callee, &binding->lift->options, &call.scope, arena);
    call.from.guest.between_guests = call.to.guest.between_guests = true;
    struct cm_task_state saved = cm_task_enter(call.callee);
    enum status status = run_guest_call(&call, raw, &err);
    cm_task_leave(call.callee, &saved);
    cm_call_scope_release(&call.scope);
    cm_pool_give_arena(arena);
    return status == ST_OK ? ST_OK : leave(cell, store, status, &err, binding);
}

static enum status forward(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    struct error err = {.message = ""};
    enum status status = cm_cell_call(cell, &binding->trampoline->forward, raw, count, &err);
    return status == ST_OK ? ST_OK : leave(cell, store, status, &err, binding);
}

/* --- resources --------------------------------------------------------------------------------------------------------------- */

static enum status resource_new(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    struct error err;
    (void)count;
    if (!cell->may_leave)
        return cannot_leave(store);
    enum status status = cm_resource_new(&cell->handles, binding->trampoline->target, raw[0].u32, &raw[0].u32, &err);
    return status == ST_OK ? ST_OK : leave(cell, store, status, &err, binding);
}

static enum status resource_rep(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    struct error err;
    uint64_t rep;
    (void)count;
    enum status status = cm_resource_rep(&cell->handles, binding->trampoline->target, raw[0].u32, &rep, &err);
    if (status != ST_OK)
        return leave(cell, store, status, &err, binding);
    raw[0].u32 = (uint32_t)rep;
    return ST_OK;
}

static enum status resource_drop(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    uint32_t resource = binding->trampoline->target;
    struct error err;
    bool owned = false;
    uint64_t rep = 0;
    (void)count;
    if (!cell->may_leave)
        return cannot_leave(store);
    err.message[0] = 0;
    enum status status = cm_resource_drop(&cell->handles, resource, raw[0].u32, &owned, &rep, &err);
    if (status == ST_OK && owned)
        status = cm_resource_destroy(cell->instance, resource, rep, &err);
    if (status == ST_OK)
        status = check_alive(cell, &err);
    return status == ST_OK ? ST_OK : leave(cell, store, status, &err, binding);
}

/* --- built-ins of tasks ------------------------------------------------------------------------------------------------------ */

static enum status context_get(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    const struct cm_cell *cell = engine_store_data(store);
    (void)count;
    raw[0].u32 = cell->context[binding->trampoline->canon->slot & 1];
    return ST_OK;
}

static enum status context_set(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    (void)count;
    cell->context[binding->trampoline->canon->slot & 1] = raw[0].u32;
    return ST_OK;
}

static enum status backpressure(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    struct cm_cell *cell = engine_store_data(store);
    bool up = binding->trampoline->builtin == CM_CANON_BACKPRESSURE_INC;
    (void)raw, (void)count;
    if (cell->backpressure == (up ? UINT16_MAX : 0))
        return engine_trap_set(store, ST_TRAP, "wasm trap: backpressure counter %s", up ? "overflow" : "underflow");
    cell->backpressure = (uint16_t)(cell->backpressure + (up ? 1 : -1));
    return ST_OK;
}

/* Nothing else can run while a synchronous task does: a yield comes straight back, not cancelled. */
static enum status thread_yield(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_cell *cell = engine_store_data(store);
    (void)env, (void)count;
    if (!cell->may_leave)
        return cannot_leave(store);
    raw[0].u32 = 0;
    return ST_OK;
}

static enum status not_run(void *env, struct engine_store *store, union engine_raw *raw, size_t count)
{
    const struct cm_binding *binding = env;
    const struct cm_trampoline *t = binding->trampoline;
    const struct cm_cell *cell = engine_store_data(store);
    (void)raw, (void)count;
    if (!cell->may_leave)
        return cannot_leave(store);
    if (t->kind == CM_TRAMPOLINE_BUILTIN)
        return engine_trap_set(store, ST_UNSUPPORTED, "built-in `%s` needs asynchronous tasks, which this runtime does not run",
                               cm_canon_text(t->builtin));
    return engine_trap_set(store, ST_UNSUPPORTED,
                           "a function is called through the asynchronous ABI, which this runtime does not run");
}

static engine_host_fn builtin_fn(enum cm_canon_kind kind)
{
    switch (kind) {
    case CM_CANON_RESOURCE_NEW:
        return resource_new;
    case CM_CANON_RESOURCE_DROP:
        return resource_drop;
    case CM_CANON_RESOURCE_REP:
        return resource_rep;
    case CM_CANON_CONTEXT_GET:
        return context_get;
    case CM_CANON_CONTEXT_SET:
        return context_set;
    case CM_CANON_BACKPRESSURE_INC:
    case CM_CANON_BACKPRESSURE_DEC:
        return backpressure;
    case CM_CANON_THREAD_YIELD:
        return thread_yield;
    default:
        return not_run;
    }
}

engine_host_fn cm_trampoline_fn(const struct cm_binding *binding)
{
    switch (binding->trampoline->kind) {
    case CM_TRAMPOLINE_HOST:
        return binding->trampoline->options.is_async ? not_run : call_host;
    case CM_TRAMPOLINE_GUEST:
        return binding->trampoline->options.is_async || binding->lift->options.is_async ? not_run : call_guest;
    case CM_TRAMPOLINE_FORWARD:
        return forward;
    default:
        return builtin_fn(binding->trampoline->builtin);
    }
}

#include "engine/internal.h"
#include "engine/tsan.h"
#include "io/shard.h"

/* --- interruption --------------------------------------------------------------------------------------------------------- */

/* Called by Wasmtime inside the guest when the epoch has advanced. It may park this coroutine, which touches only the coroutine's
 * own store. On a plain thread nobody could take over: the guest goes on. */
static wasmtime_error_t *on_epoch(wasmtime_context_t *context UNUSED, void *data, uint64_t *ret_delta,
                                  wasmtime_update_deadline_kind_t *ret_kind)
{
    struct engine_store *store = data;
    *ret_delta = 1;
    *ret_kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    if (!io_task_current())
        return NULL;
    store->in_epoch_callback = true;
    enum status status = io_preempt();
    store->in_epoch_callback = false;
    if (status == ST_OK)
        return NULL;
    trap_begin(store, ENGINE_TRAP_INTERRUPT, status, "wasm trap: interrupt: the call was cancelled");
    return wasmtime_error_new("interrupt");
}

/* --- stores --------------------------------------------------------------------------------------------------------------- */

static int64_t limit(uint64_t value)
{
    return value == 0 ? -1 : (int64_t)MIN(value, (uint64_t)INT64_MAX);
}

enum status engine_store_new(struct engine *engine, void *data, const struct engine_limits *limits, struct engine_store **ret_store,
                             struct error *err)
{
    struct engine_store *store = NEW(struct engine_store);
    store->handle = wasmtime_store_new(engine->handle, store, NULL);
    if (!store->handle) {
        free(store);
        return fail(err, ST_LIMIT, "no memory for a store");
    }
    store->engine = engine;
    store->data = data;
    store->context = wasmtime_store_context(store->handle);
    if (limits)
        wasmtime_store_limiter(store->handle, limit(limits->memory_bytes), limit(limits->table_elements), limit(limits->instances),
                               limit(limits->tables), limit(limits->memories));
    wasmtime_store_epoch_deadline_callback(store->handle, on_epoch, store, NULL);
    engine_store_clear_fuel(store);
    *ret_store = store;
    return ST_OK;
}

void engine_store_free(struct engine_store *store)
{
    if (!store)
        return;
    bug_unless(store->depth == 0);
    wasmtime_store_delete(store->handle);
    pool_slots_given(store->engine);
    if (store->trap) {
        buf_release(&store->trap->backtrace);
        free(store->trap);
    }
    store_state_free(store->state);
    vec_release(&store->others);
    free(store);
}

void *engine_store_data(const struct engine_store *store)
{
    return store->data;
}

/* --- fuel ----------------------------------------------------------------------------------------------------------------- */

/* Wasmtime counts down; without fuel a store's guests trap. */
#define FULL UINT64_MAX

uint64_t engine_store_fuel(const struct engine_store *store)
{
    uint64_t left = FULL;
    if (!store->engine->options.count_fuel)
        return 0;
    if (wasmtime_context_get_fuel(store->context, &left))
        bug("a store's fuel cannot be read");
    return FULL - left;
}

void engine_store_clear_fuel(struct engine_store *store)
{
    if (!store->engine->options.count_fuel)
        return;
    bug_unless(store->depth == 0);
    if (wasmtime_context_set_fuel(store->context, FULL))
        bug("a store's fuel cannot be set");
}

/* --- memories ------------------------------------------------------------------------------------------------------------- */

uint8_t *engine_memory_data(struct engine_store *store, const struct engine_memory *memory, uint64_t *ret_size)
{
    const wasmtime_memory_t *handle = (const wasmtime_memory_t *)memory;
    *ret_size = wasmtime_memory_data_size(store->context, handle);
    return wasmtime_memory_data(store->context, handle);
}

static uint64_t instance_memory(struct engine_store *store, const struct store_instance *item)
{
    const struct module_state *state = &item->module->state;
    uint64_t bytes = 0, size;
    for (size_t i = 0; i < state->memory_count; i++) {
        struct engine_extern found;
        if (engine_instance_export_named(store, &item->instance, state->memories[i], &found)) {
            (void)engine_memory_data(store, &found.memory, &size);
            bytes += size;
        }
    }
    return bytes;
}

uint64_t engine_store_peak_memory(struct engine_store *store)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < store_instance_count(store); i++)
        bytes += instance_memory(store, store_instance_at(store, i));
    return bytes;
}

/* --- tables, globals, references ------------------------------------------------------------------------------------------ */

enum status engine_table_set(struct engine_store *store, const struct engine_table *table, uint64_t index,
                             const struct engine_func *func, struct error *err)
{
    wasmtime_val_t value = {.kind = WASMTIME_FUNCREF};
    if (func)
        memcpy(&value.of.funcref, func, sizeof *func);
    wasmtime_error_t *error = wasmtime_table_set(store->context, (const wasmtime_table_t *)table, index, &value);
    return error ? fail_wasmtime(err, ST_INVALID, error, "table.set") : ST_OK;
}

void engine_global_get(struct engine_store *store, const struct engine_global *global, union engine_raw *ret_value)
{
    wasmtime_val_t value;
    wasmtime_global_get(store->context, (const wasmtime_global_t *)global, &value);
    memset(ret_value, 0, sizeof *ret_value);
    switch (value.kind) {
    case WASMTIME_I32:
    case WASMTIME_F32:
        ret_value->i32 = value.of.i32;
        break;
    case WASMTIME_I64:
    case WASMTIME_F64:
        ret_value->i64 = value.of.i64;
        break;
    case WASMTIME_V128:
        memcpy(ret_value->v128, value.of.v128, sizeof ret_value->v128);
        break;
    case WASMTIME_FUNCREF:
        if (!wasmtime_funcref_is_null(&value.of.funcref))
            ret_value->ref = wasmtime_func_to_raw(store->context, &value.of.funcref);
        break;
    default: /* references that the garbage collector owns have no raw form outside the guest */
        wasmtime_val_unroot(&value);
    }
}

void engine_global_set(struct engine_store *store, const struct engine_global *global, union engine_raw value)
{
    wasmtime_val_t next;
    wasmtime_global_get(store->context, (const wasmtime_global_t *)global, &next);
    switch (next.kind) {
    case WASMTIME_I32:
    case WASMTIME_F32:
        next.of.i32 = value.i32;
        break;
    case WASMTIME_I64:
    case WASMTIME_F64:
        next.of.i64 = value.i64;
        break;
    case WASMTIME_V128:
        memcpy(next.of.v128, value.v128, sizeof value.v128);
        break;
    case WASMTIME_FUNCREF:
        wasmtime_funcref_set_null(&next.of.funcref);
        if (value.ref)
            wasmtime_func_from_raw(store->context, value.ref, &next.of.funcref);
        break;
    default:
        bug("a global of a garbage-collected type cannot be set from outside");
    }
    struct error err;
    wasmtime_error_t *error = wasmtime_global_set(store->context, (const wasmtime_global_t *)global, &next);
    if (error) {
        fail_wasmtime(&err, ST_INTERNAL, error, "global.set");
        bug("%s", err.message);
    }
}

void *engine_func_to_raw(struct engine_store *store, const struct engine_func *func)
{
    return func ? wasmtime_func_to_raw(store->context, (const wasmtime_func_t *)func) : NULL;
}

bool engine_func_from_raw(struct engine_store *store, void *raw, struct engine_func *ret_func)
{
    if (!raw)
        return false;
    wasmtime_func_from_raw(store->context, raw, (wasmtime_func_t *)ret_func);
    return true;
}

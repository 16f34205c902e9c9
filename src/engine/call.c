#include "engine/internal.h"
#include "engine/tsan.h"
#include <pthread.h>

/* --- host functions ------------------------------------------------------------------------------------------------------- */

wasm_trap_t *host_call(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t count)
{
    const struct host_binding *binding = env;
    wasmtime_context_t *context = wasmtime_caller_context(caller);
    struct engine_store *store = wasmtime_context_get_data(context);
    wasmtime_context_t *outer = store->context;
    store->context = context; /* the right to use the store came with this call */
    enum status status = binding->fn(binding->env, store, (union engine_raw *)raw, count);
    store->context = outer;
    if (__builtin_expect(status != ST_OK, 0))
        return trap_from_host(store, status);
    if (__builtin_expect(store->attention, 0)) /* a failure that the host function dealt with */
        store->attention = store->trap->pending = store->trap->nested = false;
    return NULL;
}

void host_binding_free(void *binding)
{
    free(binding);
}

static bool fill_types(wasm_valtype_vec_t *vec, const uint8_t *types, size_t count)
{
    wasm_valtype_vec_new_uninitialized(vec, count);
    bool known = true;
    for (size_t i = 0; i < count; i++) {
        switch ((enum engine_val_type)types[i]) {
        case ENGINE_I32:
        case ENGINE_I64:
        case ENGINE_F32:
        case ENGINE_F64:
            vec->data[i] = wasm_valtype_new(types[i]);
            break;
        case ENGINE_V128:
            vec->data[i] = wasmtime_wasm_valtype_v128();
            break;
        case ENGINE_FUNCREF:
            vec->data[i] = wasm_valtype_new(WASM_FUNCREF);
            break;
        case ENGINE_EXTERNREF:
            vec->data[i] = wasm_valtype_new(WASM_EXTERNREF);
            break;
        default:
            vec->data[i] = wasm_valtype_new(WASM_I32);
            known = false;
        }
    }
    return known;
}

wasm_functype_t *functype_new(const struct engine_func_type *type, struct error *err)
{
    wasm_valtype_vec_t params, results;
    bool known = fill_types(&params, type->params, type->param_count);
    known = fill_types(&results, type->results, type->result_count) && known;
    wasm_functype_t *made = wasm_functype_new(&params, &results);
    if (known)
        return made;
    wasm_functype_delete(made);
    fail(err, ST_UNSUPPORTED, "a host function cannot have a parameter or result of a garbage-collected type");
    return NULL;
}

enum status engine_func_new(struct engine_store *store, const struct engine_host_func *func, struct engine_func *ret_func,
                            struct error *err)
{
    wasm_functype_t *type = functype_new(&func->type, err);
    if (!type)
        return ST_UNSUPPORTED;
    struct host_binding *binding = NEW(struct host_binding);
    *binding = (struct host_binding){func->fn, func->env};
    wasmtime_func_new_unchecked(store->context, type, host_call, binding, host_binding_free, (wasmtime_func_t *)ret_func);
    wasm_functype_delete(type);
    return ST_OK;
}

/* --- entering a guest ----------------------------------------------------------------------------------------------------- */

static __thread char *thread_stack_bottom; /* of a thread that runs guests outside coroutines */

static size_t stack_left(struct coro *coro)
{
    if (coro)
        return coro_stack_left();
    if (!thread_stack_bottom) {
        pthread_attr_t attributes;
        void *lowest = NULL;
        size_t size = 0, guard = 0;
        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
            return SIZE_MAX;
        pthread_attr_getstack(&attributes, &lowest, &size);
        pthread_attr_getguardsize(&attributes, &guard);
        pthread_attr_destroy(&attributes);
        thread_stack_bottom = (char *)lowest + guard;
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), bottom = (uintptr_t)thread_stack_bottom;
    return here > bottom ? here - bottom : 0;
}

static enum status stack_exhausted(struct engine_store *store, struct error *err)
{
    trap_begin(store, ENGINE_TRAP_STACK_OVERFLOW, ST_TRAP, "wasm trap: call stack exhausted");
    store->trap->in_flight = false;
    return fail(err, ST_TRAP, "%s", store->trap->message);
}

/* A store's stack limit is set by its first entry, so only that one needs room for a whole guest stack. */
static enum status guest_enter(struct engine_store *store, struct error *err)
{
    struct coro *coro = coro_current();
    bug_unless(!store->in_epoch_callback);
    if (store->depth == 0) {
        if (stack_left(coro) < store->engine->options.wasm_stack_bytes + ENGINE_HOST_STACK_BYTES)
            return stack_exhausted(store, err);
        store->holder = coro;
        wasmtime_context_set_epoch_deadline(store->context, 1);
    } else if (store->holder != coro) {
        bug("a store was entered while another coroutine holds it");
    }
    store->depth++;
    if (coro)
        fiber_guest_enter(coro);
    return ST_OK;
}

static void guest_leave(struct engine_store *store)
{
    if (store->holder)
        fiber_guest_leave(store->holder);
    store->depth--;
}

enum status engine_call(struct engine_store *store, const struct engine_func *func, union engine_raw *raw, size_t count,
                        struct error *err)
{
    TRY(guest_enter(store, err));
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_func_call_unchecked(store->context, (const wasmtime_func_t *)func, (wasmtime_val_raw_t *)raw, count, &trap);
    guest_leave(store);
    if (__builtin_expect(!error && !trap, 1))
        return ST_OK;
    return trap_finish(store, error, trap, err);
}

/* --- instances ------------------------------------------------------------------------------------------------------------ */

static void remember_instance(struct engine_store *store, const struct engine_module *module,
                              const struct engine_instance *instance)
{
    struct store_instance item = {module, *instance};
    if (!store->first.module)
        store->first = item;
    else
        vec_push(&store->others, item);
}

/* What kept an instance from coming to be, other than its start function. Wasmtime says it in words only. */
static enum status fail_instantiate(struct error *err, wasmtime_error_t *error)
{
    struct error details;
    enum status status = fail_wasmtime(&details, ST_INTERNAL, error, "instantiate");
    struct str text = str_of(details.message);
    if (str_find(text, STR("maximum concurrent limit")) != STR_NONE || str_find(text, STR("maximum concurrent core")) != STR_NONE)
        status = ST_UNAVAILABLE;
    else if (str_find(text, STR("exceeds memory limits")) != STR_NONE || str_find(text, STR("exceeds table limits")) != STR_NONE ||
             str_find(text, STR("resource limit exceeded")) != STR_NONE)
        status = ST_LIMIT;
    else if (str_find(text, STR("incompatible import type")) != STR_NONE ||
             str_find(text, STR("wrong number of imports")) != STR_NONE || str_find(text, STR("expected")) != STR_NONE)
        status = ST_INVALID;
    return fail(err, status, "%s", details.message);
}

static enum status finish_instantiate(struct engine_store *store, const struct engine_module *module, wasmtime_error_t *error,
                                      wasm_trap_t *trap, const struct engine_instance *made, struct engine_instance *ret_instance,
                                      struct error *err)
{
    pool_slots_taken(store->engine);
    if (!error && !trap) {
        remember_instance(store, module, made);
        *ret_instance = *made;
        return ST_OK;
    }
    bool from_guest = trap || (store->trap && store->trap->in_flight) || error_has_backtrace(error);
    return from_guest ? trap_finish(store, error, trap, err) : fail_instantiate(err, error);
}

enum status engine_pre_instantiate(struct engine_pre *pre, struct engine_store *store, struct engine_instance *ret_instance,
                                   struct error *err)
{
    struct engine_instance made;
    wasm_trap_t *trap = NULL;
    TRY(guest_enter(store, err));
    wasmtime_error_t *error = wasmtime_instance_pre_instantiate(pre->handle, store->context, (wasmtime_instance_t *)&made, &trap);
    guest_leave(store);
    return finish_instantiate(store, pre->module, error, trap, &made, ret_instance, err);
}

static void extern_to_wasmtime(const struct engine_extern *from, wasmtime_extern_t *to)
{
    static const wasmtime_extern_kind_t kinds[] = {
        [ENGINE_FUNC] = WASMTIME_EXTERN_FUNC,     [ENGINE_TABLE] = WASMTIME_EXTERN_TABLE, [ENGINE_MEMORY] = WASMTIME_EXTERN_MEMORY,
        [ENGINE_GLOBAL] = WASMTIME_EXTERN_GLOBAL, [ENGINE_TAG] = WASMTIME_EXTERN_TAG,
    };
    bug_unless(from->kind < ARRAY_LEN(kinds));
    to->kind = kinds[from->kind];
    memcpy(&to->of, from->raw, sizeof from->raw);
}

static bool extern_from_wasmtime(const wasmtime_extern_t *from, struct engine_extern *to)
{
    static const uint8_t kinds[] = {
        [WASMTIME_EXTERN_FUNC] = ENGINE_FUNC,     [WASMTIME_EXTERN_GLOBAL] = ENGINE_GLOBAL, [WASMTIME_EXTERN_TABLE] = ENGINE_TABLE,
        [WASMTIME_EXTERN_MEMORY] = ENGINE_MEMORY, [WASMTIME_EXTERN_TAG] = ENGINE_TAG,
    };
    if (from->kind == WASMTIME_EXTERN_SHAREDMEMORY || from->kind >= ARRAY_LEN(kinds))
        return false;
    to->kind = kinds[from->kind];
    memcpy(to->raw, &from->of, sizeof to->raw);
    return true;
}

enum status engine_instantiate(struct engine_module *module, struct engine_store *store, const struct engine_extern *imports,
                               size_t count, struct engine_instance *ret_instance, struct error *err)
{
    struct engine_instance made;
    wasm_trap_t *trap = NULL;
    if (count != module->import_count)
        return fail(err, ST_INVALID, "instantiate: the module has %zu imports, %zu were given", module->import_count, count);
    autofree wasmtime_extern_t *items = mem_array(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        extern_to_wasmtime(&imports[i], &items[i]);
    TRY(guest_enter(store, err));
    wasmtime_error_t *error =
        wasmtime_instance_new(store->context, module->handle, items, count, (wasmtime_instance_t *)&made, &trap);
    guest_leave(store);
    return finish_instantiate(store, module, error, trap, &made, ret_instance, err);
}

bool engine_instance_export_named(struct engine_store *store, const struct engine_instance *instance, struct str name,
                                  struct engine_extern *ret_extern)
{
    wasmtime_extern_t found;
    return wasmtime_instance_export_get(store->context, (const wasmtime_instance_t *)instance, name.data, name.len, &found) &&
           extern_from_wasmtime(&found, ret_extern);
}

bool engine_instance_export(struct engine_store *store, const struct engine_instance *instance, size_t index,
                            struct engine_extern *ret_extern)
{
    wasmtime_extern_t found;
    char *name;
    size_t name_len;
    if (!wasmtime_instance_export_nth(store->context, (const wasmtime_instance_t *)instance, index, &name, &name_len, &found))
        return false;
    return extern_from_wasmtime(&found, ret_extern);
}

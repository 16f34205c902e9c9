#include "component/instance.h"

#include "component/pool.h"

#include <string.h>

/* --- traps ------------------------------------------------------------------------------------------------------------------- */

enum status cm_instance_fail_poisoned(struct error *err)
{
    return fail(err, ST_TRAP, "wasm trap: cannot enter component instance");
}

void cm_instance_poison(struct cm_instance *instance, const struct cm_cell *cell)
{
    if (!instance->poisoned) {
        instance->poisoned = true;
        instance->trap_kind = cell ? engine_trap_kind(cell->store) : ENGINE_TRAP_HOST;
        instance->traced = NULL;
    }
    if (cell && instance->traced != cell) {
        struct str frames = engine_trap_backtrace(cell->store);
        if (buf_append_str(&instance->backtrace, frames) == ST_OK)
            instance->traced = cell;
    }
}

/* A guest left by other means than its own trap: what its host function said is kept, as far as callers tell it apart. */
static enum status status_of_trap(enum status status)
{
    return status == ST_CANCELLED || status == ST_LIMIT || status == ST_TIMEOUT ? status : ST_TRAP;
}

enum status cm_cell_call(struct cm_cell *cell, const struct cm_core_ref *func, union engine_raw *raw, size_t count,
                         struct error *err)
{
    const struct engine_extern *slot = &cell->instance->slots[func->slot];
    if (__builtin_expect(!slot->func.private_, 0)) {
        cm_instance_poison(cell->instance, NULL);
        return fail(err, ST_TRAP, "wasm trap: a core function was called before the core instance that it belongs to exists");
    }
    if (__builtin_expect(engine_call(cell->store, &slot->func, raw, count, err) == ST_OK, 1))
        return ST_OK;
    cm_instance_poison(cell->instance, cell);
    return status_of_trap(engine_trap_status(cell->store));
}

enum status cm_cell_call_confined(struct cm_cell *cell, const struct cm_core_ref *func, union engine_raw *raw, size_t count,
                                  struct error *err)
{
    bool may_leave = cell->may_leave;
    cell->may_leave = false;
    enum status status = cm_cell_call(cell, func, raw, count, err);
    cell->may_leave = may_leave;
    return status;
}

/* --- what the ABI asks of a guest -------------------------------------------------------------------------------------------- */

static void refresh(struct cm_guest *guest)
{
    const struct cm_frame *frame = CONTAINER_OF(guest, struct cm_frame, guest);
    const struct cm_core_ref *memory = &frame->options->memory;
    guest->memory = NULL;
    guest->memory_size = 0;
    if (memory->kind == CM_REF_NONE)
        return;
    const struct engine_extern *slot = &frame->cell->instance->slots[memory->slot];
    if (slot->kind == ENGINE_MEMORY)
        guest->memory = engine_memory_data(frame->cell->store, &slot->memory, &guest->memory_size);
}

static enum status call_realloc(struct cm_guest *guest, uint32_t old, uint32_t old_size, uint32_t align, uint32_t new_size,
                                uint32_t *ret_address, struct error *err)
{
    const struct cm_frame *frame = CONTAINER_OF(guest, struct cm_frame, guest);
    union engine_raw raw[4] = {{.u32 = old}, {.u32 = old_size}, {.u32 = align}, {.u32 = new_size}};
    if (frame->options->realloc.kind == CM_REF_NONE)
        return fail(err, ST_TRAP, "wasm trap: a value needs memory, but there is no `realloc` option to get it with");
    struct cm_task_state saved = cm_task_enter(frame->cell);
    enum status status = cm_cell_call_confined(frame->cell, &frame->options->realloc, raw, 4, err);
    cm_task_leave(frame->cell, &saved);
    *ret_address = raw[0].u32;
    return status;
}

const struct cm_guest_ops cm_cell_ops = {.refresh = refresh, .realloc = call_realloc};

enum status cm_resource_destroy(struct cm_instance *instance, uint32_t resource, uint64_t rep, struct error *err)
{
    const struct cm_linked *linked = instance->linked;
    const struct cm_resource_desc *host = linked->resources[resource].host;
    const struct cm_core_ref *dtor = &linked->plan->resources[resource].dtor;
    if (host) {
        if (!host->drop)
            return ST_OK;
        struct cm_call call = {.instance = instance, .env = linked->resource_envs[resource], .err = err};
        call.arena = cm_pool_take_arena(instance->copy_budget_bytes);
        enum status status = host->drop(&call, (void *)(uintptr_t)rep);
        cm_pool_give_arena(call.arena);
        return status;
    }
    if (dtor->kind == CM_REF_NONE)
        return ST_OK;
    struct cm_cell *cell = &instance->cells[linked->plan->resources[resource].instance];
    union engine_raw raw = {.u32 = (uint32_t)rep};
    struct cm_task_state saved = cm_task_enter(cell);
    enum status status = cm_cell_call(cell, dtor, &raw, 1, err);
    cm_task_leave(cell, &saved);
    return status;
}

/* --- making an instance ------------------------------------------------------------------------------------------------------ */

void cm_cell_clear(struct cm_cell *cell)
{
    struct cm_instance *instance = cell->instance;
    cell->may_leave = true;
    cell->backpressure = 0;
    cell->context[0] = cell->context[1] = 0;
    cm_handles_init(&cell->handles, (uint32_t)(cell - instance->cells), instance->linked->resources, instance->max_handles,
                    cell->first_handles, cell->first_handles ? CM_CELL_HANDLES : 0);
}

static enum status make_cells(struct cm_instance *instance, const struct cm_instance_options *options, struct error *err)
{
    const struct cm_linked *linked = instance->linked;
    const struct cm_plan *plan = linked->plan;
    for (uint32_t i = 0; i < plan->instance_count; i++) {
        struct cm_cell *cell = &instance->cells[i];
        bool has_store = plan->instances[i].has_store;
        cell->instance = instance;
        cell->first_handles = has_store ? ARENA_ARRAY(&instance->arena, struct cm_handle, CM_CELL_HANDLES) : NULL;
        cm_cell_clear(cell);
        struct engine_limits limits = options->limits;
        limits.instances += limits.instances && plan->instances[i].has_glue; /* ours is not the guest's */
        if (has_store)
            TRY(engine_store_new(linked->engine, cell, &limits, &cell->store, err));
    }
    return ST_OK;
}

/* Trampolines as functions of their owners' stores. */
static enum status make_glue(struct cm_instance *instance, uint32_t index, struct error *err)
{
    const struct cm_plan_glue *glue = &instance->linked->plan->glues[index];
    struct engine_store *store = instance->cells[glue->owner].store;
    struct engine_instance made;
    TRY(engine_pre_instantiate(instance->linked->glues[index], store, &made, err));
    for (uint32_t i = 0; i < glue->count; i++)
        if (!engine_instance_export_named(store, &made, glue->bound[i].name, &instance->slots[glue->bound[i].slot]))
            return fail(err, ST_INTERNAL, "a glue instance lacks an export of its module");
    return ST_OK;
}

static enum status instantiate_ordered(struct cm_instance *instance, const struct cm_plan_core_instance *core,
                                       struct engine_instance *ret_made, struct error *err)
{
    const struct cm_plan *plan = instance->linked->plan;
    struct engine_extern *imports = ARENA_ARRAY(&instance->arena, struct engine_extern, core->import_count);
    for (uint32_t i = 0; i < core->import_count; i++)
        imports[i] = instance->slots[core->imports[i].slot];
    return engine_instantiate(plan->modules[core->module].code, instance->cells[core->owner].store, imports, core->import_count,
                              ret_made, err);
}

static enum status make_core_instance(struct cm_instance *instance, uint32_t index, struct error *err)
{
    const struct cm_plan_core_instance *core = &instance->linked->plan->core_instances[index];
    struct cm_cell *cell = &instance->cells[core->owner];
    struct engine_instance made;
    enum status status = core->pooled ? engine_pre_instantiate(instance->linked->pres[index], cell->store, &made, err)
                                      : instantiate_ordered(instance, core, &made, err);
    if (status != ST_OK) {
        cm_instance_poison(instance, cell);
        return status == ST_TRAP ? status_of_trap(engine_trap_status(cell->store)) : status;
    }
    for (uint32_t i = 0; i < core->extract_count; i++)
        if (!engine_instance_export_named(cell->store, &made, core->extracts[i].name, &instance->slots[core->extracts[i].slot]))
            return fail(err, ST_INTERNAL, "a core instance lacks an export of its module");
    if (core->then.kind == CM_REF_NONE)
        return ST_OK;
    union engine_raw raw;
    return cm_cell_call(&instance->cells[core->then_owner], &core->then, &raw, 1, err);
}

static enum status fill_instance(struct cm_instance *instance, const struct cm_instance_options *options, struct error *err)
{
    const struct cm_plan *plan = instance->linked->plan;
    TRY(make_cells(instance, options, err));
    for (uint32_t i = 0; i < plan->glue_count; i++)
        TRY(make_glue(instance, i, err));
    for (uint32_t i = 0; i < plan->core_instance_count; i++)
        TRY(make_core_instance(instance, i, err));
    return ST_OK;
}

enum status cm_instantiate(struct cm_linked *linked, const struct cm_instance_options *options, struct cm_instance **ret_instance,
                           struct error *err)
{
    static const struct cm_instance_options defaults;
    const struct cm_plan *plan = linked->plan;
    struct cm_instance *instance = cm_pool_take_instance();
    if (!options)
        options = &defaults;
    instance->linked = linked;
    instance->slots = ARENA_ARRAY(&instance->arena, struct engine_extern, plan->slot_count);
    instance->cells = ARENA_ARRAY(&instance->arena, struct cm_cell, plan->instance_count);
    instance->copy_budget_bytes =
        options->copy_budget_bytes ? MIN(options->copy_budget_bytes, SIZE_MAX / 2) : CM_COPY_BUDGET_DEFAULT;
    instance->results.max = instance->copy_budget_bytes + CM_ARENA_SLACK_BYTES;
    instance->max_handles = options->max_handles;
    memcpy(instance->data, options->data, sizeof instance->data);
    instance->calls = 0;
    instance->poisoned = instance->called_host = false;
    instance->renewals = instance->own_bytes = 0;
    instance->trap_kind = ENGINE_TRAP_NONE;
    instance->traced = NULL;
    cm_guest_resources_init(&instance->guest_resources, options->max_handles);
    enum status status = fill_instance(instance, options, err);
    if (status != ST_OK) {
        cm_instance_free(instance);
        return status;
    }
    cm_instance_clear_fuel(instance);
    *ret_instance = instance;
    return ST_OK;
}

void cm_instance_end_objects(struct cm_instance *instance)
{
    bug_unless(instance->calls == 0);
    instance->poisoned = true; /* what objects do while they end must not come back here */
    for (uint32_t i = 0; i < instance->linked->plan->instance_count; i++)
        if (instance->cells[i].instance)
            cm_handles_release(&instance->cells[i].handles);
    cm_guest_resources_release(&instance->guest_resources);
}

void cm_instance_free(struct cm_instance *instance)
{
    if (!instance)
        return;
    cm_instance_end_objects(instance);
    for (uint32_t i = 0; i < instance->linked->plan->instance_count; i++)
        engine_store_free(instance->cells[i].store);
    cm_pool_give_instance(instance);
}

/* --- calling exports --------------------------------------------------------------------------------------------------------- */

/* What the host gave away with a call that did not come to pass. */
static void discard_args(const struct cm_func_desc *desc, const void *args)
{
    for (uint32_t i = 0; i < desc->param_count; i++)
        cm_abi_discard(desc->params[i].type, (char *)(uintptr_t)args + desc->params[i].offset);
}

/* An imported function that the component passes on: the host calls itself. Arguments may stand in the results of the call before.
 */
static enum status call_host_export(struct cm_instance *instance, const struct cm_export *export, const void *args, void *ret,
                                    struct error *err)
{
    struct arena before = instance->results;
    arena_init(&instance->results, before.max);
    struct error trap = {.message = ""};
    struct cm_call call = {instance, export->host, export->host->env, &instance->results, &trap};
    enum status status = export->host->desc->invoke(&call, args, ret);
    arena_release(&before);
    if (status == ST_OK)
        return ST_OK;
    cm_instance_poison(instance, NULL);
    if (trap.message[0])
        return fail(err, status_of_trap(status), "%s", trap.message);
    return fail(err, status_of_trap(status), "host function `%s` failed: %s", export->host->desc->name, status_name(status));
}

static enum status finish_call(struct cm_instance *instance, const struct cm_export *export, struct cm_frame *frame,
                               union engine_raw *raw, void *ret, struct error *err)
{
    const struct cm_core_ref *post_return = &export->lift->options.post_return;
    union engine_raw result = raw[0];
    arena_reset(&instance->results);
    TRY(cm_abi_lift_result(&export->abi, &frame->guest, raw, ret, err));
    enum status status = cm_call_scope_check(frame->guest.scope, err);
    if (status == ST_OK && post_return->kind != CM_REF_NONE)
        status = cm_cell_call_confined(frame->cell, post_return, &result, 1, err);
    if (status != ST_OK && export->desc->result)
        cm_abi_discard(export->desc->result, ret); /* nobody will look at it */
    return status;
}

static enum status call_lifted(struct cm_instance *instance, const struct cm_export *export, const void *args, void *ret,
                               struct error *err)
{
    struct cm_cell *cell = &instance->cells[export->lift->owner];
    union engine_raw raw[CM_MAX_FLAT + 1];
    struct cm_call_scope scope;
    struct cm_frame frame;
    cm_call_scope_init(&scope);
    cm_frame_init(&frame, cell, &export->lift->options, &scope, &instance->results);
    frame.guest.copies = true;
    struct cm_task_state saved = cm_task_enter(cell);
    enum status status = cm_abi_lower_params(&export->abi, &frame.guest, args, raw, err);
    if (status == ST_OK)
        status = cm_cell_call(cell, &export->lift->func, raw, CM_MAX_FLAT + 1, err);
    if (status == ST_OK)
        status = finish_call(instance, export, &frame, raw, ret, err);
    cm_task_leave(cell, &saved);
    cm_call_scope_release(&scope);
    if (status != ST_OK)
        cm_instance_poison(instance, NULL);
    return status;
}

enum status cm_call_export(struct cm_instance *instance, const struct cm_export *export, const void *args, void *ret,
                           struct error *err)
{
    if (instance->poisoned) {
        discard_args(export->desc, args);
        return cm_instance_fail_poisoned(err);
    }
    instance->calls++;
    enum status status =
        export->lift ? call_lifted(instance, export, args, ret, err) : call_host_export(instance, export, args, ret, err);
    instance->calls--;
    return status;
}

/* A guest's resource that the host owns: its destructor runs. */
enum status cm_guest_resource_drop(struct cm_instance *instance, struct cm_guest_resource *object, struct error *err)
{
    uint32_t resource = object->resource;
    uint64_t rep;
    TRY(cm_guest_resource_take(&instance->guest_resources, resource, object, &rep, err));
    if (instance->poisoned)
        return cm_instance_fail_poisoned(err);
    instance->calls++;
    enum status status = cm_resource_destroy(instance, resource, rep, err);
    instance->calls--;
    return status;
}

/* --- about an instance ------------------------------------------------------------------------------------------------------- */

bool cm_instance_poisoned(const struct cm_instance *instance)
{
    return instance->poisoned;
}

struct str cm_instance_backtrace(const struct cm_instance *instance)
{
    return buf_str(&instance->backtrace);
}

enum engine_trap_kind cm_instance_trap_kind(const struct cm_instance *instance)
{
    return instance->trap_kind;
}

uint64_t cm_instance_peak_memory(const struct cm_instance *instance)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < instance->linked->plan->instance_count; i++)
        if (instance->cells[i].store)
            bytes += engine_store_peak_memory(instance->cells[i].store);
    return bytes;
}

uint64_t cm_instance_fuel(const struct cm_instance *instance)
{
    uint64_t fuel = 0;
    for (uint32_t i = 0; i < instance->linked->plan->instance_count; i++)
        if (instance->cells[i].store)
            fuel = add_saturating(fuel, engine_store_fuel(instance->cells[i].store));
    return fuel;
}

void cm_instance_clear_fuel(struct cm_instance *instance)
{
    if (!engine_counts_fuel(instance->linked->engine))
        return;
    for (uint32_t i = 0; i < instance->linked->plan->instance_count; i++)
        if (instance->cells[i].store)
            engine_store_clear_fuel(instance->cells[i].store);
}

struct cm_linked *cm_instance_linked(const struct cm_instance *instance)
{
    return instance->linked;
}

void *cm_instance_data(const struct cm_instance *instance, enum cm_data_slot slot)
{
    return instance->data[slot];
}

void cm_instance_set_data(struct cm_instance *instance, enum cm_data_slot slot, void *data)
{
    instance->data[slot] = data;
}

/* --- about a call of a host function ----------------------------------------------------------------------------------------- */

struct cm_instance *cm_call_instance(const struct cm_call *call)
{
    return call->instance;
}

void *cm_call_env(const struct cm_call *call)
{
    return call->env;
}

struct arena *cm_call_arena(struct cm_call *call)
{
    return call->arena;
}

const struct cm_func_desc *cm_call_func(const struct cm_call *call)
{
    return call->func ? call->func->desc : NULL;
}

enum status cm_trap(struct cm_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_v(call->err, ST_TRAP, format, args);
    va_end(args);
    return ST_TRAP;
}

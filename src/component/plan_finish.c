/* The end of planning: signatures are checked once more, slots are given out, and the lists become the plan's arrays. */
#include "component/plan_private.h"

/* --- references -------------------------------------------------------------------------------------------------------------- */

static bool each_option(struct planner *p, struct cm_plan_options *options, plan_visit visit, void *env)
{
    return visit(p, &options->memory, CM_NO_INDEX, env) && visit(p, &options->realloc, CM_NO_INDEX, env) &&
           visit(p, &options->post_return, CM_NO_INDEX, env) && visit(p, &options->callback, CM_NO_INDEX, env);
}

bool plan_each_ref(struct planner *p, plan_visit visit, void *env)
{
    for (uint32_t i = 0; i < p->core_instances.len; i++) {
        struct cm_plan_core_instance *core = &p->core_instances.items[i];
        for (uint32_t k = 0; k < core->import_count; k++)
            if (!visit(p, &core->imports[k], i, env))
                return false;
        if (!visit(p, &core->then, CM_NO_INDEX, env))
            return false;
    }
    size_t trampolines = p->trampolines.len; /* a visit may add some */
    for (size_t i = 0; i < trampolines; i++)
        if (!each_option(p, &p->trampolines.items[i].options, visit, env) ||
            !visit(p, &p->trampolines.items[i].forward, CM_NO_INDEX, env))
            return false;
    for (size_t i = 0; i < p->lifts.len; i++)
        if (!each_option(p, &p->lifts.items[i].options, visit, env) || !visit(p, &p->lifts.items[i].func, CM_NO_INDEX, env))
            return false;
    for (size_t i = 0; i < p->resources.len; i++)
        if (!visit(p, &p->resources.items[i].dtor, CM_NO_INDEX, env))
            return false;
    return true;
}

/* --- signatures: calls into the guest are unchecked, so what they rely on is asserted here ---------------------------------- */

static const struct engine_export *core_export(const struct planner *p, const struct cm_core_ref *ref)
{
    const struct cm_plan_module *module = &p->module_list.items[p->core_instances.items[ref->instance].module];
    return &module->type->exports.items[ref->index];
}

static const struct engine_func_type *func_type_of(const struct planner *p, const struct cm_core_ref *ref)
{
    if (ref->kind == CM_REF_TRAMPOLINE)
        return &p->trampolines.items[ref->index].core_type;
    const struct engine_extern_type *type = &core_export(p, ref)->type;
    return type->kind == ENGINE_FUNC ? &type->func : NULL;
}

static bool types_match(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count) == 0);
}

static enum status check_func(struct planner *p, const struct cm_core_ref *ref, const char *what, const uint8_t *params,
                              uint32_t param_count, const uint8_t *results, uint32_t result_count)
{
    if (ref->kind == CM_REF_NONE)
        return ST_OK;
    const struct engine_func_type *type = func_type_of(p, ref);
    if (!type || !types_match(type->params, type->param_count, params, param_count) ||
        !types_match(type->results, type->result_count, results, result_count))
        return fail(p->err, ST_INVALID, "the core function of a %s has the wrong type", what);
    return ST_OK;
}

static enum status check_options(struct planner *p, const struct cm_plan_options *options)
{
    static const uint8_t i32[4] = {ENGINE_I32, ENGINE_I32, ENGINE_I32, ENGINE_I32};
    TRY(check_func(p, &options->realloc, "realloc option", i32, 4, i32, 1));
    TRY(check_func(p, &options->callback, "callback option", i32, 3, i32, 1));
    if (options->memory.kind != CM_REF_NONE &&
        (options->memory.kind != CM_REF_EXPORT || core_export(p, &options->memory)->type.kind != ENGINE_MEMORY))
        return fail(p->err, ST_INVALID, "a memory option names something else");
    return ST_OK;
}

static enum cm_abi_context lift_context(const struct cm_plan_options *options)
{
    if (!options->is_async)
        return CM_ABI_LIFT_SYNC;
    return options->callback.kind == CM_REF_NONE ? CM_ABI_LIFT_ASYNC_STACKFUL : CM_ABI_LIFT_ASYNC_CALLBACK;
}

static enum status check_lift(struct planner *p, const struct cm_plan_lift *lift)
{
    struct cm_core_signature core;
    cm_flatten_func(lift->type, lift_context(&lift->options), &core);
    TRY(check_func(p, &lift->func, "lifted function", core.params, core.param_count, core.results, core.result_count));
    TRY(check_func(p, &lift->options.post_return, "post-return option", core.results, core.result_count, NULL, 0));
    return check_options(p, &lift->options);
}

static enum status check_trampoline(struct planner *p, const struct cm_trampoline *t)
{
    if (t->kind == CM_TRAMPOLINE_HOST || t->kind == CM_TRAMPOLINE_GUEST) {
        struct cm_core_signature core;
        cm_flatten_func(t->type, t->options.is_async ? CM_ABI_LOWER_ASYNC : CM_ABI_LOWER_SYNC, &core);
        if (!types_match(t->core_type.params, t->core_type.param_count, core.params, core.param_count) ||
            !types_match(t->core_type.results, t->core_type.result_count, core.results, core.result_count))
            return fail(p->err, ST_INVALID, "a lowered function has the wrong core type");
    }
    return check_options(p, &t->options);
}

static enum status check_signatures(struct planner *p)
{
    static const uint8_t i32[1] = {ENGINE_I32};
    for (size_t i = 0; i < p->lifts.len; i++)
        TRY(check_lift(p, &p->lifts.items[i]));
    for (size_t i = 0; i < p->trampolines.len; i++)
        TRY(check_trampoline(p, &p->trampolines.items[i]));
    for (size_t i = 0; i < p->resources.len; i++)
        TRY(check_func(p, &p->resources.items[i].dtor, "destructor", i32, 1, NULL, 0));
    for (size_t i = 0; i < p->core_instances.len; i++)
        TRY(check_func(p, &p->core_instances.items[i].then, "start function", NULL, 0, NULL, 0));
    return ST_OK;
}

/* --- slots ------------------------------------------------------------------------------------------------------------------- */

struct slots {
    uint32_t count;
    struct idmap *of_exports; /* one for each core instance: export -> slot */
    struct idmap of_trampolines;
    VEC(struct cm_plan_extract) * extracts;
    VEC(struct cm_plan_bound) bound;
};

static bool give_slot(struct planner *p, struct cm_core_ref *ref, uint32_t user, void *env)
{
    struct slots *slots = env;
    bool is_export = ref->kind == CM_REF_EXPORT;
    if (ref->kind == CM_REF_NONE || (user != CM_NO_INDEX && p->core_instances.items[user].pooled))
        return true;
    struct idmap *known = is_export ? &slots->of_exports[ref->instance] : &slots->of_trampolines;
    if (idmap_get_id(known, ref->index, &ref->slot))
        return true;
    ref->slot = slots->count++;
    idmap_set_id(known, ref->index, ref->slot);
    if (is_export)
        vec_push(&slots->extracts[ref->instance], (struct cm_plan_extract){core_export(p, ref)->name, ref->slot});
    else
        vec_push(&slots->bound, (struct cm_plan_bound){.trampoline = ref->index, .slot = ref->slot});
    return true;
}

static void find_pooled(struct planner *p)
{
    for (size_t i = 0; i < p->core_instances.len; i++) {
        struct cm_plan_core_instance *core = &p->core_instances.items[i];
        core->pooled = true;
        for (uint32_t k = 0; k < core->import_count; k++)
            core->pooled = core->pooled && core->imports[k].kind == CM_REF_TRAMPOLINE;
    }
}

#define KEEP(p, list) ((list)->len ? arena_copy((p)->arena, (list)->items, (list)->len * sizeof *(list)->items) : NULL)

static void take_extracts(struct planner *p, struct slots *slots)
{
    for (size_t i = 0; i < p->core_instances.len; i++) {
        struct cm_plan_core_instance *core = &p->core_instances.items[i];
        core->extract_count = (uint32_t)slots->extracts[i].len;
        core->extracts = KEEP(p, &slots->extracts[i]);
        vec_release(&slots->extracts[i]);
        idmap_release(&slots->of_exports[i]);
        if (core->then.kind == CM_REF_EXPORT)
            core->then_owner = p->core_instances.items[core->then.instance].owner;
        p->instances.items[core->owner].has_store = true;
        p->module_list.items[core->module].instances++;
    }
    for (size_t i = 0; i < slots->bound.len; i++)
        p->instances.items[p->trampolines.items[slots->bound.items[i].trampoline].owner].has_store = true;
    p->plan->slot_count = slots->count;
    plan_glue(p, slots->bound.items, (uint32_t)slots->bound.len);
    vec_release(&slots->bound);
    idmap_release(&slots->of_trampolines);
}

static void give_slots(struct planner *p)
{
    struct slots slots = {.of_exports = ARENA_ARRAY(&p->scratch, struct idmap, p->core_instances.len)};
    slots.extracts = arena_array(&p->scratch, p->core_instances.len, sizeof *slots.extracts);
    find_pooled(p);
    (void)plan_each_ref(p, give_slot, &slots);
    take_extracts(p, &slots);
}

enum status plan_finish(struct planner *p)
{
    struct cm_plan *plan = p->plan;
    TRY(check_signatures(p));
    give_slots(p);
    plan->module_count = (uint32_t)p->module_list.len;
    plan->modules = KEEP(p, &p->module_list);
    plan->core_instance_count = (uint32_t)p->core_instances.len;
    plan->core_instances = KEEP(p, &p->core_instances);
    plan->instance_count = (uint32_t)p->instances.len;
    plan->instances = KEEP(p, &p->instances);
    plan->trampoline_count = (uint32_t)p->trampolines.len;
    plan->trampolines = KEEP(p, &p->trampolines);
    plan->lift_count = (uint32_t)p->lifts.len;
    plan->lifts = KEEP(p, &p->lifts);
    plan->resource_count = (uint32_t)p->resources.len;
    plan->resources = KEEP(p, &p->resources);
    plan->import_count = (uint32_t)p->imports.len;
    plan->imports = KEEP(p, &p->imports);
    plan->import_func_count = (uint32_t)p->import_funcs.len;
    plan->import_funcs = KEEP(p, &p->import_funcs);
    plan->import_resource_count = (uint32_t)p->import_resources.len;
    plan->import_resources = KEEP(p, &p->import_resources);
    for (uint32_t i = 0; i < plan->instance_count; i++)
        plan->store_count += plan->instances[i].has_store;
    return ST_OK;
}

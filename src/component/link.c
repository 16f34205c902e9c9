#include "component/link.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

/* --- the linker -------------------------------------------------------------------------------------------------------------- */

struct cm_linker {
    struct arena arena;
    struct map exact;  /* "wasi:io/streams@0.2.12" -> struct cm_offer * */
    struct map tracks; /* "wasi:io/streams@0.2" -> the highest of the track */
    VEC(struct str) names;
};

enum status cm_linker_new(struct cm_linker **ret_linker)
{
    struct cm_linker *linker = NEW(struct cm_linker);
    arena_init(&linker->arena, SIZE_MAX);
    *ret_linker = linker;
    return ST_OK;
}

void cm_linker_free(struct cm_linker *linker)
{
    if (!linker)
        return;
    map_release(&linker->exact);
    map_release(&linker->tracks);
    vec_release(&linker->names);
    arena_release(&linker->arena);
    free(linker);
}

static struct str version_of(const struct cm_interface_desc *interface)
{
    return interface->version ? str_of(interface->version) : STR("");
}

static struct str join(struct arena *arena, struct str name, struct str version)
{
    return version.len ? arena_printf(arena, "%.*s@%.*s", STR_ARG(name), STR_ARG(version)) : arena_str(arena, name);
}

/* The offer with the highest version stands for its track. */
static enum status add_track(struct cm_linker *linker, struct str name, struct cm_offer *offer, struct error *err)
{
    struct str version = version_of(offer->interface), track;
    struct wit_version new_version, old_version;
    if (version.len == 0)
        return ST_OK;
    if (wit_version_parse(version, &new_version, err) != ST_OK)
        return fail_wrap(err, "interface `%.*s`", STR_ARG(name));
    track = cm_version_track(version);
    if (track.len == 0)
        return ST_OK;
    struct str key = join(&linker->arena, name, track);
    const struct cm_offer *old = map_get(&linker->tracks, key);
    if (!old || (wit_version_parse(version_of(old->interface), &old_version, NULL) == ST_OK &&
                 wit_version_compare(&new_version, &old_version) > 0))
        map_set(&linker->tracks, key, offer);
    return ST_OK;
}

enum status cm_linker_add(struct cm_linker *linker, const struct cm_interface_desc *interface, void *env, struct error *err)
{
    struct str name = interface->name ? str_of(interface->name) : STR("");
    struct str full = join(&linker->arena, name, version_of(interface));
    if (map_has(&linker->exact, full))
        return fail(err, ST_EXISTS, "interface `%.*s` is offered twice", STR_ARG(full));
    struct cm_offer *offer = ARENA_NEW(&linker->arena, struct cm_offer);
    *offer = (struct cm_offer){interface, env};
    TRY(add_track(linker, name, offer, err));
    map_set(&linker->exact, full, offer);
    vec_push(&linker->names, full);
    return ST_OK;
}

static const struct cm_offer *find_text(const struct cm_linker *linker, const struct cm_name *parsed)
{
    const struct cm_offer *offer = map_get(&linker->exact, parsed->text);
    if (offer || parsed->kind != CM_NAME_INTERFACE || !wit_version_is_set(&parsed->version))
        return offer;
    struct str track = cm_version_track(parsed->version.text);
    if (track.len == 0)
        return NULL;
    struct arena scratch;
    arena_init(&scratch, SIZE_MAX);
    struct str base = str_slice(parsed->text, 0, (size_t)(parsed->version.text.data - parsed->text.data) - 1);
    offer = map_get(&linker->tracks, join(&scratch, base, track));
    arena_release(&scratch);
    return offer;
}

const struct cm_offer *cm_linker_find(const struct cm_linker *linker, const struct cm_extern_name *name)
{
    struct cm_name implements;
    const struct cm_offer *offer = find_text(linker, &name->parsed);
    if (!offer && name->implements.len && cm_name_parse(name->implements, &implements, NULL) == ST_OK)
        offer = find_text(linker, &implements);
    return offer;
}

/* --- matching imports -------------------------------------------------------------------------------------------------------- */

struct linking {
    const struct cm_linker *linker;
    struct cm_linked *linked;
    const struct cm_plan *plan;
    struct error *err;
};

static bool same_interface(struct str offered, struct str wanted)
{
    size_t a = str_find_last_char(offered, '@'), b = str_find_last_char(wanted, '@');
    return str_eq(str_slice(offered, 0, a), str_slice(wanted, 0, b));
}

static enum status not_found(struct linking *l, const struct cm_plan_import *import)
{
    struct str name = import->name.text, nearest = STR_NULL;
    const char *what = import->sort == CM_SORT_INSTANCE ? "instance" : cm_sort_text(import->sort);
    for (size_t i = 0; i < l->linker->names.len && !nearest.data; i++)
        if (same_interface(l->linker->names.items[i], name))
            nearest = l->linker->names.items[i];
    if (nearest.data)
        return fail(l->err, ST_NOT_FOUND,
                    "component imports %s `%.*s`, but a matching implementation was not found in the linker (it has `%.*s`)", what,
                    STR_ARG(name), STR_ARG(nearest));
    return fail(l->err, ST_NOT_FOUND, "component imports %s `%.*s`, but a matching implementation was not found in the linker",
                what, STR_ARG(name));
}

static enum status PRINTF(3, 4) mismatch(struct linking *l, const struct cm_plan_import *import, const char *format, ...)
{
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(l->err, ST_INVALID, "component imports %s `%.*s`, but what the host offers differs: %s",
                import->sort == CM_SORT_INSTANCE ? "instance" : cm_sort_text(import->sort), STR_ARG(import->name.text), what);
}

static const struct cm_named_type_desc *find_type(const struct cm_interface_desc *interface, struct str name)
{
    for (uint32_t i = 0; i < interface->type_count; i++)
        if (str_is(name, interface->types[i].name))
            return &interface->types[i];
    return NULL;
}

static const struct cm_func_desc *find_func(const struct cm_interface_desc *interface, struct str name)
{
    for (uint32_t i = 0; i < interface->func_count; i++)
        if (str_is(name, interface->funcs[i].name))
            return &interface->funcs[i];
    return NULL;
}

/* Imports of the root that stand in no instance come from the interface without a name. */
static const struct cm_offer *offer_for(struct linking *l, const struct cm_plan_import *import)
{
    return import->sort == CM_SORT_INSTANCE ? cm_linker_find(l->linker, &import->name) : map_get(&l->linker->exact, STR(""));
}

/* Where several interfaces export one resource, all must mean the same resource of the host. */
static enum status bind_resource(struct linking *l, const struct cm_plan_import *import, const struct cm_offer *offer,
                                 const struct cm_plan_import_resource *wanted)
{
    struct cm_resource *resource = &l->linked->resources[wanted->resource];
    const struct cm_named_type_desc *type = find_type(offer->interface, wanted->name);
    if (!type || !type->resource)
        return import->sort == CM_SORT_INSTANCE ? mismatch(l, import, "it has no resource `%.*s`", STR_ARG(wanted->name))
                                                : not_found(l, import);
    if (resource->host && resource->host != type->resource)
        return mismatch(l, import, "resource `%.*s` is another one than in the interfaces imported before", STR_ARG(wanted->name));
    resource->host = type->resource;
    resource->instance = CM_HOST_INSTANCE;
    l->linked->resource_envs[wanted->resource] = offer->env;
    return ST_OK;
}

static enum status bind_resources(struct linking *l)
{
    for (uint32_t i = 0; i < l->plan->import_count; i++) {
        const struct cm_plan_import *import = &l->plan->imports[i];
        if (import->unsupported && import->sort != CM_SORT_INSTANCE)
            return not_found(l, import);
        if (import->func_count == 0 && import->resource_count == 0 && import->sort != CM_SORT_INSTANCE)
            continue; /* a type */
        const struct cm_offer *offer = offer_for(l, import);
        if (!offer)
            return not_found(l, import);
        if (import->unsupported)
            return mismatch(l, import, "it has no `%.*s`, and cannot: that is %s", STR_ARG(import->unsupported_name),
                            import->unsupported);
        for (uint32_t k = 0; k < import->resource_count; k++)
            TRY(bind_resource(l, import, offer, &l->plan->import_resources[import->first_resource + k]));
    }
    return ST_OK;
}

static enum status bind_func(struct linking *l, const struct cm_plan_import *import, const struct cm_offer *offer, uint32_t index)
{
    const struct cm_plan_import_func *wanted = &l->plan->import_funcs[index];
    const struct cm_func_desc *desc = find_func(offer->interface, wanted->name);
    struct error difference;
    if (!desc || !desc->invoke)
        return import->sort == CM_SORT_INSTANCE ? mismatch(l, import, "it has no function `%.*s`", STR_ARG(wanted->name))
                                                : not_found(l, import);
    if (cm_abi_match_func(wanted->type, desc, l->linked->resources, &difference) != ST_OK)
        return mismatch(l, import, "function `%.*s`: %.200s", STR_ARG(wanted->name), difference.message);
    if (desc->args_size > CM_MAX_ARGS)
        return mismatch(l, import, "function `%.*s` takes more than %u bytes of arguments", STR_ARG(wanted->name), CM_MAX_ARGS);
    l->linked->host_funcs[index] = (struct cm_host_func){desc, offer->env};
    return ST_OK;
}

static enum status bind_funcs(struct linking *l)
{
    for (uint32_t i = 0; i < l->plan->import_count; i++) {
        const struct cm_plan_import *import = &l->plan->imports[i];
        if (import->func_count == 0)
            continue;
        const struct cm_offer *offer = offer_for(l, import);
        for (uint32_t k = 0; k < import->func_count; k++)
            TRY(bind_func(l, import, offer, import->first_func + k));
    }
    return ST_OK;
}

/* --- binding trampolines ----------------------------------------------------------------------------------------------------- */

static enum status bind_trampoline(struct linking *l, const struct cm_trampoline *t, struct cm_binding *binding)
{
    struct cm_linked *linked = l->linked;
    *binding = (struct cm_binding){.trampoline = t, .linked = linked};
    if (t->kind == CM_TRAMPOLINE_HOST) {
        binding->host = &linked->host_funcs[t->target];
        if (!t->options.is_async)
            TRY(cm_abi_compile_import(linked->compiler, t->type, binding->host->desc, CM_ABI_LOWER_SYNC, &binding->abi, l->err));
    } else if (t->kind == CM_TRAMPOLINE_GUEST) {
        binding->lift = &l->plan->lifts[t->target];
        if (!t->options.is_async && !binding->lift->options.is_async)
            TRY(cm_abi_compile_fused(linked->compiler, t->type, CM_ABI_LOWER_SYNC, CM_ABI_LIFT_SYNC, &binding->abi, l->err));
    }
    binding->fn = cm_trampoline_fn(binding);
    return ST_OK;
}

static void describe_trampoline(const struct linking *l, uint32_t trampoline, struct engine_host_func *ret_func)
{
    struct cm_binding *binding = &l->linked->bindings[trampoline];
    *ret_func = (struct engine_host_func){binding->fn, binding, binding->trampoline->core_type};
}

static enum status make_pre(struct linking *l, uint32_t index)
{
    const struct cm_plan_core_instance *core = &l->plan->core_instances[index];
    autofree struct engine_host_func *funcs = mem_array(core->import_count + 1, sizeof *funcs);
    for (uint32_t i = 0; i < core->import_count; i++)
        describe_trampoline(l, core->imports[i].index, &funcs[i]);
    return engine_pre_new(l->linked->engine, l->plan->modules[core->module].code, funcs, core->import_count,
                          &l->linked->pres[index], l->err);
}

static enum status make_glue(struct linking *l, uint32_t index)
{
    const struct cm_plan_glue *glue = &l->plan->glues[index];
    autofree struct engine_host_func *funcs = mem_array(glue->count, sizeof *funcs);
    for (uint32_t i = 0; i < glue->count; i++)
        describe_trampoline(l, glue->bound[i].trampoline, &funcs[i]);
    return engine_pre_new(l->linked->engine, glue->code, funcs, glue->count, &l->linked->glues[index], l->err);
}

static enum status bind_all(struct linking *l)
{
    struct cm_linked *linked = l->linked;
    const struct cm_plan *plan = l->plan;
    for (uint32_t i = 0; i < plan->resource_count; i++)
        linked->resources[i].instance = plan->resources[i].instance;
    TRY(bind_resources(l));
    TRY(bind_funcs(l));
    linked->compiler = cm_compiler_new(&linked->arena, linked->resources, plan->resource_count);
    for (uint32_t i = 0; i < plan->trampoline_count; i++)
        TRY(bind_trampoline(l, &plan->trampolines[i], &linked->bindings[i]));
    for (uint32_t i = 0; i < plan->core_instance_count; i++)
        if (plan->core_instances[i].pooled)
            TRY(make_pre(l, i));
    for (uint32_t i = 0; i < plan->glue_count; i++)
        TRY(make_glue(l, i));
    return ST_OK;
}

#define LINKED_ARENA_BYTES (1ull << 28)

enum status cm_link(struct cm_component *component, struct cm_linker *linker, struct cm_linked **ret_linked, struct error *err)
{
    const struct cm_plan *plan = component->plan;
    struct cm_linked *linked = NEW(struct cm_linked);
    *linked = (struct cm_linked){.component = cm_component_ref(component), .plan = plan, .engine = component->engine};
    pthread_mutex_init(&linked->lock, NULL);
    arena_init(&linked->arena, LINKED_ARENA_BYTES);
    linked->resources = ARENA_ARRAY(&linked->arena, struct cm_resource, plan->resource_count);
    linked->resource_envs = ARENA_ARRAY(&linked->arena, void *, plan->resource_count);
    linked->host_funcs = ARENA_ARRAY(&linked->arena, struct cm_host_func, plan->import_func_count);
    linked->bindings = ARENA_ARRAY(&linked->arena, struct cm_binding, plan->trampoline_count);
    linked->pres = ARENA_ARRAY(&linked->arena, struct engine_pre *, plan->core_instance_count);
    linked->glues = ARENA_ARRAY(&linked->arena, struct engine_pre *, plan->glue_count);
    struct linking l = {linker, linked, plan, err};
    enum status status = bind_all(&l);
    if (status != ST_OK) {
        cm_linked_free(linked);
        return status;
    }
    *ret_linked = linked;
    return ST_OK;
}

void cm_linked_free(struct cm_linked *linked)
{
    if (!linked)
        return;
    for (uint32_t i = 0; i < linked->plan->core_instance_count; i++)
        engine_pre_free(linked->pres[i]);
    for (uint32_t i = 0; i < linked->plan->glue_count; i++)
        engine_pre_free(linked->glues[i]);
    if (linked->dynamic.arena)
        cm_dynamic_release(&linked->dynamic);
    cm_compiler_free(linked->compiler);
    cm_image_free(atomic_load_explicit(&linked->image, memory_order_relaxed));
    arena_release(&linked->arena);
    pthread_mutex_destroy(&linked->lock);
    cm_component_unref(linked->component);
    free(linked);
}

struct cm_component *cm_linked_component(const struct cm_linked *linked)
{
    return linked->component;
}

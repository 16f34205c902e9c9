#include "stub_host.h"

#include "base/mem.h"
#include "component/instance.h"

struct stub_host {
    struct arena arena;
    struct cm_dynamic dynamic;
    struct cm_resource *resources;
};

static enum status trap(struct cm_call *call, const void *args, void *ret)
{
    (void)args, (void)ret;
    return cm_trap(call, "`%s` is only a stub", cm_call_func(call)->name);
}

static enum status drop(struct cm_call *call, void *object)
{
    (void)call, (void)object;
    return ST_OK;
}

static void make_resources(struct stub_host *host, const struct cm_plan *plan)
{
    host->resources = ARENA_ARRAY(&host->arena, struct cm_resource, plan->resource_count);
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        struct cm_resource_desc *desc = ARENA_NEW(&host->arena, struct cm_resource_desc);
        desc->name = arena_str(&host->arena, plan->resources[i].name).data;
        desc->drop = drop;
        host->resources[i].host = plan->resources[i].instance == CM_NO_INDEX ? desc : NULL;
        host->resources[i].instance = plan->resources[i].instance;
    }
}

static enum status make_funcs(struct stub_host *host, const struct cm_plan *plan, const struct cm_plan_import *import,
                              struct cm_interface_desc *interface, struct error *err)
{
    struct cm_func_desc *funcs = ARENA_ARRAY(&host->arena, struct cm_func_desc, import->func_count);
    for (uint32_t i = 0; i < import->func_count; i++) {
        const struct cm_plan_import_func *wanted = &plan->import_funcs[import->first_func + i];
        const struct cm_func_desc *desc;
        TRY(cm_dynamic_func(&host->dynamic, wanted->name, wanted->type, &desc, err));
        funcs[i] = *desc;
        funcs[i].invoke = trap;
    }
    interface->funcs = funcs;
    interface->func_count = import->func_count;
    return ST_OK;
}

static enum status make_interface(struct stub_host *host, const struct cm_plan *plan, const struct cm_plan_import *import,
                                  struct cm_linker *linker, struct error *err)
{
    struct cm_interface_desc *interface = ARENA_NEW(&host->arena, struct cm_interface_desc);
    struct cm_named_type_desc *types = ARENA_ARRAY(&host->arena, struct cm_named_type_desc, import->resource_count);
    interface->name = arena_str(&host->arena, import->name.text).data;
    for (uint32_t i = 0; i < import->resource_count; i++) {
        const struct cm_plan_import_resource *item = &plan->import_resources[import->first_resource + i];
        types[i].name = arena_str(&host->arena, item->name).data;
        types[i].resource = host->resources[item->resource].host;
    }
    interface->types = types;
    interface->type_count = import->resource_count;
    TRY(make_funcs(host, plan, import, interface, err));
    return cm_linker_add(linker, interface, host, err);
}

enum status stub_host_new(struct cm_component *component, struct cm_linker *linker, struct stub_host **ret_host, struct error *err)
{
    const struct cm_plan *plan = component->plan;
    struct stub_host *host = NEW(struct stub_host);
    arena_init(&host->arena, SIZE_MAX);
    make_resources(host, plan);
    cm_dynamic_init(&host->dynamic, &host->arena, host->resources);
    enum status status = ST_OK;
    for (uint32_t i = 0; i < plan->import_count && status == ST_OK; i++)
        if (plan->imports[i].sort == CM_SORT_INSTANCE)
            status = make_interface(host, plan, &plan->imports[i], linker, err);
    *ret_host = host;
    if (status != ST_OK)
        stub_host_free(host);
    return status;
}

void stub_host_free(struct stub_host *host)
{
    if (!host)
        return;
    cm_dynamic_release(&host->dynamic);
    arena_release(&host->arena);
    free(host);
}

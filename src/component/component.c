#include "component/instance.h"

#include "base/mem.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SECTION_CUSTOM = 0, SECTION_CODE = 10, SECTION_DATA = 11 };

/* --- loading ----------------------------------------------------------------------------------------------------------------- */

/* A component compiles the modules that it makes instances of; the others are validated, so that a bad one is not found late. */
static enum status compile_modules(struct cm_component *c, struct error *err)
{
    for (uint32_t i = 0; i < c->plan->module_count; i++) {
        struct cm_plan_module *module = &c->plan->modules[i];
        if (!module->bytes.data)
            continue;
        enum status status = module->instances ? engine_module_new(c->engine, module->bytes, &module->code, err)
                                               : engine_module_validate(c->engine, module->bytes, err);
        if (status != ST_OK)
            return fail_wrap(err, "core module at offset 0x%zx", module->offset);
    }
    for (uint32_t i = 0; i < c->plan->glue_count; i++)
        TRY(engine_module_new(c->engine, c->plan->glues[i].bytes, &c->plan->glues[i].code, err));
    return ST_OK;
}

/* Gives back the memory of what nobody reads again once a module is compiled: its code, data and custom sections are most of a
 * large component. Names, which the plan points to, stay. */
static void forget_code(const struct cm_plan_module *module)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; module->info && i < module->info->section_count; i++) {
        const struct module_section *section = &module->info->sections[i];
        uintptr_t from = ((uintptr_t)section->bytes.data + page - 1) & -page;
        uintptr_t to = ((uintptr_t)section->bytes.data + section->bytes.len) & -page;
        bool is_bulk = section->id == SECTION_CUSTOM || section->id == SECTION_CODE || section->id == SECTION_DATA;
        if (is_bulk && from < to)
            madvise((void *)from, to - from, MADV_DONTNEED);
    }
}

static int item_kind(enum cm_sort sort)
{
    switch (sort) {
    case CM_SORT_FUNC:
        return CM_ITEM_FUNC;
    case CM_SORT_INSTANCE:
        return CM_ITEM_INSTANCE;
    case CM_SORT_TYPE:
        return CM_ITEM_TYPE;
    case CM_SORT_CORE_MODULE:
        return CM_ITEM_MODULE;
    case CM_SORT_COMPONENT:
        return CM_ITEM_COMPONENT;
    default:
        return CM_ITEM_VALUE;
    }
}

static struct cm_component_item *list_items(struct arena *arena, const struct cm_externs *externs)
{
    struct cm_component_item *items = ARENA_ARRAY(arena, struct cm_component_item, externs->count);
    for (uint32_t i = 0; i < externs->count; i++) {
        items[i].name = externs->items[i].name.text;
        items[i].kind = item_kind(externs->items[i].type.sort);
    }
    return items;
}

static enum status load(struct cm_component *c, struct str bytes, const struct cm_load_options *options, struct error *err)
{
    struct cm_ir ir;
    c->bytes = mem_try_alloc(bytes.len + 1);
    if (!c->bytes)
        return fail(err, ST_LIMIT, "no memory for a component of %zu bytes", bytes.len);
    memcpy(c->bytes, bytes.data, bytes.len);
    TRY(cm_decode(str_n(c->bytes, bytes.len), options->gates, c->types, &ir, err));
    TRY(cm_plan_new(&ir, c->types, &c->plan_arena, options->no_elide, &c->plan, err));
    c->import_count = ir.root->type->imports.count;
    c->imports = list_items(&c->plan_arena, &ir.root->type->imports);
    c->export_count = ir.root->type->exports.count;
    c->exports = list_items(&c->plan_arena, &ir.root->type->exports);
    TRY(compile_modules(c, err));
    for (uint32_t i = 0; i < c->plan->module_count; i++)
        forget_code(&c->plan->modules[i]);
    return ST_OK;
}

enum status cm_component_load(struct engine *engine, struct str bytes, const struct cm_load_options *options,
                              struct cm_component **ret_component, struct error *err)
{
    static const struct cm_load_options defaults;
    if (bytes.len > CM_LIMIT_BINARY_BYTES)
        return fail(err, ST_LIMIT, "the component is larger than %u bytes", CM_LIMIT_BINARY_BYTES);
    struct cm_component *c = NEW(struct cm_component);
    atomic_init(&c->references, 1);
    c->engine = engine;
    arena_init(&c->types_arena, CM_LIMIT_ARENA_BYTES);
    arena_init(&c->plan_arena, SIZE_MAX);
    c->types = cm_types_new(&c->types_arena);
    enum status status = load(c, bytes, options ? options : &defaults, err);
    if (status != ST_OK) {
        cm_component_unref(c);
        return status;
    }
    *ret_component = c;
    return ST_OK;
}

struct cm_component *cm_component_ref(struct cm_component *component)
{
    atomic_fetch_add(&component->references, 1);
    return component;
}

void cm_component_unref(struct cm_component *c)
{
    if (!c || atomic_fetch_sub(&c->references, 1) > 1)
        return;
    for (uint32_t i = 0; c->plan && i < c->plan->module_count; i++)
        engine_module_free(c->plan->modules[i].code);
    for (uint32_t i = 0; c->plan && i < c->plan->glue_count; i++)
        engine_module_free(c->plan->glues[i].code);
    cm_types_release(c->types);
    arena_release(&c->plan_arena);
    arena_release(&c->types_arena);
    free(c->bytes);
    free(c);
}

const struct cm_component_item *cm_component_imports(const struct cm_component *component, size_t *ret_count)
{
    *ret_count = component->import_count;
    return component->imports;
}

const struct cm_component_item *cm_component_exports(const struct cm_component *component, size_t *ret_count)
{
    *ret_count = component->export_count;
    return component->exports;
}

/* --- exports ----------------------------------------------------------------------------------------------------------------- */

static const struct cm_plan_export *find_item(const struct cm_plan_export *items, uint32_t count, struct str name,
                                              enum cm_sort sort)
{
    for (uint32_t i = 0; i < count; i++)
        if (items[i].sort == sort && str_eq(items[i].name, name))
            return &items[i];
    return NULL;
}

/* The exported instance of that name, or else the highest version of its track. */
static const struct cm_plan_export *find_instance(const struct cm_plan *plan, struct str name)
{
    const struct cm_plan_export *best = find_item(plan->exports, plan->export_count, name, CM_SORT_INSTANCE);
    struct cm_name wanted, have, best_name;
    if (best || cm_name_parse(name, &wanted, NULL) != ST_OK)
        return best;
    for (uint32_t i = 0; i < plan->export_count; i++) {
        const struct cm_plan_export *item = &plan->exports[i];
        if (item->sort != CM_SORT_INSTANCE || cm_name_parse(item->name, &have, NULL) != ST_OK ||
            !cm_name_compatible(&wanted, &have))
            continue;
        if (!best || wit_version_compare(&have.version, &best_name.version) > 0) {
            best = item;
            best_name = have;
        }
    }
    return best;
}

static enum status find_func(const struct cm_plan *plan, struct str interface, struct str name,
                             const struct cm_plan_export **ret_item, struct error *err)
{
    const struct cm_plan_export *items = plan->exports;
    uint32_t count = plan->export_count;
    if (interface.len) {
        const struct cm_plan_export *instance = find_instance(plan, interface);
        if (!instance || instance->kind != CM_EXPORT_INSTANCE)
            return fail(err, ST_NOT_FOUND, "component does not export instance `%.*s`", STR_ARG(interface));
        items = instance->items;
        count = instance->count;
    }
    *ret_item = find_item(items, count, name, CM_SORT_FUNC);
    if (*ret_item)
        return ST_OK;
    if (interface.len)
        return fail(err, ST_NOT_FOUND, "component does not export function `%.*s` of instance `%.*s`", STR_ARG(name),
                    STR_ARG(interface));
    return fail(err, ST_NOT_FOUND, "component does not export function `%.*s`", STR_ARG(name));
}

static void describe(struct cm_linked *linked, const struct cm_plan_export *item, struct cm_export *out)
{
    const struct cm_plan *plan = linked->plan;
    *out = (struct cm_export){.lift = item->kind == CM_EXPORT_LIFT ? &plan->lifts[item->target] : NULL};
    if (!out->lift)
        out->host = &linked->host_funcs[item->target];
    out->type = out->lift ? out->lift->type : plan->import_funcs[item->target].type;
}

/* An export once made is kept, so asking for it again costs nothing but the search. The lock is held. */
static enum status make_export(struct cm_linked *linked, struct cm_export *wanted, const struct cm_export **ret_export,
                               struct error *err)
{
    for (const struct cm_export *e = linked->exports; e; e = e->next)
        if (e->desc == wanted->desc && e->lift == wanted->lift && e->host == wanted->host) {
            *ret_export = e;
            return ST_OK;
        }
    if (wanted->lift && wanted->lift->options.is_async)
        return fail(err, ST_UNSUPPORTED, "function `%s` is lifted with the asynchronous ABI, which this runtime does not run",
                    wanted->desc->name);
    if (wanted->lift)
        TRY(cm_abi_compile_export(linked->compiler, wanted->type, wanted->desc, CM_ABI_LIFT_SYNC, &wanted->abi, err));
    else
        TRY(cm_abi_match_func(wanted->type, wanted->desc, linked->resources, err));
    struct cm_export *kept = arena_try(&linked->arena, sizeof *kept, _Alignof(struct cm_export));
    if (!kept)
        return fail(err, ST_LIMIT, "no room for another exported function");
    *kept = *wanted;
    kept->next = linked->exports;
    linked->exports = kept;
    *ret_export = kept;
    return ST_OK;
}

enum status cm_export_find(struct cm_linked *linked, const struct cm_interface_desc *interface, const struct cm_func_desc *desc,
                           const struct cm_export **ret_export, struct error *err)
{
    char name[512] = "";
    const struct cm_plan_export *item;
    struct cm_export export;
    if (interface && interface->name)
        snprintf(name, sizeof name, "%s%s%s", interface->name, interface->version ? "@" : "",
                 interface->version ? interface->version : "");
    TRY(find_func(linked->plan, str_of(name), str_of(desc->name), &item, err));
    describe(linked, item, &export);
    export.desc = desc;
    pthread_mutex_lock(&linked->lock);
    enum status status = make_export(linked, &export, ret_export, err);
    pthread_mutex_unlock(&linked->lock);
    return status == ST_OK ? ST_OK : (fail_wrap(err, "export `%s`", desc->name), status);
}

enum status cm_export_open(struct cm_linked *linked, struct str interface, struct str name, const struct cm_export **ret_export,
                           struct error *err)
{
    const struct cm_plan_export *item;
    struct cm_export export;
    TRY(find_func(linked->plan, interface, name, &item, err));
    describe(linked, item, &export);
    pthread_mutex_lock(&linked->lock);
    if (!linked->dynamic.arena)
        cm_dynamic_init(&linked->dynamic, &linked->arena, linked->resources);
    enum status status = ST_OK;
    for (const struct cm_export *e = linked->exports; e && !export.desc; e = e->next)
        if (e->dynamic && e->lift == export.lift && e->host == export.host)
            export.desc = e->desc;
    if (!export.desc)
        status = cm_dynamic_func(&linked->dynamic, name, export.type, &export.desc, err);
    export.dynamic = true;
    if (status == ST_OK)
        status = make_export(linked, &export, ret_export, err);
    pthread_mutex_unlock(&linked->lock);
    return status == ST_OK ? ST_OK : (fail_wrap(err, "export `%.*s`", STR_ARG(name)), status);
}

const struct cm_func_desc *cm_export_desc(const struct cm_export *function)
{
    return function->desc;
}

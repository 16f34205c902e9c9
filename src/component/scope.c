#include "component/decode.h"

const char *cm_sort_text(enum cm_sort sort)
{
    static const char *const names[CM_SORT_COUNT] = {
        [CM_SORT_CORE_FUNC] = "core function",
        [CM_SORT_CORE_TABLE] = "core table",
        [CM_SORT_CORE_MEMORY] = "core memory",
        [CM_SORT_CORE_GLOBAL] = "core global",
        [CM_SORT_CORE_TAG] = "core tag",
        [CM_SORT_CORE_TYPE] = "core type",
        [CM_SORT_CORE_MODULE] = "core module",
        [CM_SORT_CORE_INSTANCE] = "core instance",
        [CM_SORT_FUNC] = "function",
        [CM_SORT_VALUE] = "value",
        [CM_SORT_TYPE] = "type",
        [CM_SORT_COMPONENT] = "component",
        [CM_SORT_INSTANCE] = "instance",
    };
    return names[sort];
}

/* --- open and close -------------------------------------------------------------------------------------------------- */

enum status cm_scope_open(struct cm_decoder *d, enum scope_kind kind)
{
    uint32_t depth = d->scope ? d->scope->depth + 1 : 0;
    if (depth > CM_LIMIT_NESTING)
        return cm_over_limit(d, "components and their types are nested deeper than %d", CM_LIMIT_NESTING);
    struct cm_scope *scope = NEW(struct cm_scope);
    scope->parent = d->scope;
    scope->kind = kind;
    scope->depth = depth;
    d->scope = scope;
    return ST_OK;
}

void cm_scope_close(struct cm_decoder *d)
{
    struct cm_scope *scope = d->scope;
    d->scope = scope->parent;
    vec_release(&scope->defs);
    for (int sort = 0; sort < CM_SORT_COUNT; sort++)
        vec_release(&scope->items[sort]);
    cm_extern_list_release(&scope->imports);
    cm_extern_list_release(&scope->exports);
    vec_release(&scope->imported);
    vec_release(&scope->defined);
    idmap_release(&scope->local);
    free(scope);
}

/* --- index spaces ---------------------------------------------------------------------------------------------------- */

static uint32_t limit_of(enum cm_sort sort)
{
    switch (sort) {
    case CM_SORT_CORE_MODULE:
        return CM_LIMIT_MODULES;
    case CM_SORT_COMPONENT:
        return CM_LIMIT_COMPONENTS;
    case CM_SORT_CORE_INSTANCE:
    case CM_SORT_INSTANCE:
        return CM_LIMIT_INSTANCES;
    case CM_SORT_CORE_TABLE:
    case CM_SORT_CORE_MEMORY:
    case CM_SORT_CORE_TAG:
        return CM_LIMIT_MEMORIES;
    default:
        return CM_LIMIT_DEFS;
    }
}

enum status cm_scope_push(struct cm_decoder *d, struct cm_extern item)
{
    size_t len = d->scope->items[item.sort].len;
    if (len >= limit_of(item.sort))
        return cm_over_limit(d, "more than %u of sort %s", limit_of(item.sort), cm_sort_text(item.sort));
    if (d->def_count >= CM_LIMIT_DEFS)
        return cm_over_limit(d, "more than %u definitions", CM_LIMIT_DEFS);
    d->def_count++;
    vec_push(&d->scope->items[item.sort], item);
    return ST_OK;
}

/* NULL: out of bounds, the error says so. */
static const struct cm_extern *item_at(struct cm_decoder *d, const struct cm_scope *scope, enum cm_sort sort, uint32_t index)
{
    if (index < scope->items[sort].len)
        return &scope->items[sort].items[index];
    const char *name = cm_sort_text(sort), *short_name = strncmp(name, "core ", 5) ? name : name + 5;
    cm_invalid(d, "unknown %s %u: %s index out of bounds", name, index, short_name);
    return NULL;
}

enum status cm_scope_item(struct cm_decoder *d, const struct cm_scope *scope, enum cm_sort sort, uint32_t index,
                          struct cm_extern *ret_item)
{
    const struct cm_extern *item = item_at(d, scope, sort, index);
    if (!item)
        return ST_INVALID;
    *ret_item = *item;
    return ST_OK;
}

enum status cm_scope_type(struct cm_decoder *d, uint32_t index, enum cm_deftype_kind kind, const struct cm_deftype **ret_type)
{
    const struct cm_extern *item = item_at(d, d->scope, CM_SORT_TYPE, index);
    if (!item)
        return ST_INVALID;
    if (item->type->kind != kind)
        return cm_invalid(d, "type index %u is not %s %s type", index, kind == CM_DEFTYPE_INSTANCE ? "an" : "a",
                          cm_deftype_text(kind));
    *ret_type = item->type;
    return ST_OK;
}

enum status cm_scope_define(struct cm_decoder *d, enum cm_def_kind kind, enum cm_sort sort, struct cm_def **ret_def)
{
    if (d->scope->kind != SCOPE_COMPONENT) {
        *ret_def = &d->scratch;
        return ST_OK;
    }
    struct cm_def *def = vec_add(&d->scope->defs);
    def->kind = kind;
    def->offset = d->offset;
    def->sort = sort;
    def->index = (uint32_t)d->scope->items[sort].len;
    *ret_def = def;
    return ST_OK;
}

/* --- look-up by name ------------------------------------------------------------------------------------------------- */

/* What is listed by name; items stay where they are, an array of their indices is sorted. */
struct named {
    const void *items;
    struct str (*name)(const void *items, uint32_t index);
};

static struct str extern_name(const void *items, uint32_t index)
{
    return ((const struct cm_named_extern *)items)[index].name.text;
}

static struct str core_export_name(const void *items, uint32_t index)
{
    return ((const struct engine_export *)items)[index].name;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const struct named *named = context;
    return str_compare(named->name(named->items, *(const uint32_t *)a), named->name(named->items, *(const uint32_t *)b));
}

static enum status make_order(struct cm_decoder *d, struct named named, size_t count, const uint32_t **ret_order)
{
    uint32_t *order;
    TRY(cm_alloc(d, count, sizeof *order, &order));
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    if (count > 1)
        qsort_r(order, count, sizeof *order, compare_names, &named);
    *ret_order = order;
    return ST_OK;
}

static bool find_name(struct named named, const uint32_t *order, size_t count, struct str name, uint32_t *ret_index)
{
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int relation = str_compare(named.name(named.items, order[middle]), name);
        if (relation == 0) {
            *ret_index = order[middle];
            return true;
        }
        if (relation < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

enum status cm_externs_make(struct cm_decoder *d, const struct cm_named_extern *items, size_t count, struct cm_externs *ret_externs)
{
    struct cm_named_extern *copy;
    TRY(cm_keep(d, items, count, sizeof *copy, &copy));
    *ret_externs = (struct cm_externs){.items = copy, .count = (uint32_t)count};
    return make_order(d, (struct named){copy, extern_name}, count, &ret_externs->by_name);
}

enum status cm_core_exports_make(struct cm_decoder *d, const struct engine_export *items, size_t count,
                                 struct cm_core_exports *ret_exports)
{
    *ret_exports = (struct cm_core_exports){.items = items, .count = (uint32_t)count};
    TRY(make_order(d, (struct named){items, core_export_name}, count, &ret_exports->by_name));
    for (uint32_t i = 1; i < count; i++) {
        struct str name = items[ret_exports->by_name[i]].name;
        if (str_eq(name, items[ret_exports->by_name[i - 1]].name))
            return cm_invalid(d, "export name `%.*s` already defined", STR_ARG(name));
    }
    return ST_OK;
}

const struct cm_named_extern *cm_extern_find(const struct cm_externs *externs, struct str name)
{
    uint32_t index;
    bool found = find_name((struct named){externs->items, extern_name}, externs->by_name, externs->count, name, &index);
    return found ? &externs->items[index] : NULL;
}

const struct engine_export *cm_core_export_find(const struct cm_core_exports *exports, struct str name)
{
    uint32_t index;
    bool found = find_name((struct named){exports->items, core_export_name}, exports->by_name, exports->count, name, &index);
    return found ? &exports->items[index] : NULL;
}

/* --- the type of a scope --------------------------------------------------------------------------------------------- */

static enum status free_in(struct cm_decoder *d, const struct cm_externs *externs, struct idmap *set)
{
    for (uint32_t i = 0; i < externs->count; i++)
        TRY(cm_free_resources(d, externs->items[i].type, set));
    return ST_OK;
}

/* The scope's resources, those that are `mentioned` if it is not NULL, and where its exports have them. */
static enum status exported_resources(struct cm_decoder *d, const struct cm_externs *exports, const struct idmap *mentioned,
                                      const struct cm_resource_path **ret_paths, uint32_t *ret_count)
{
    uint32_t *resources, count = 0;
    struct cm_resource_path *paths;
    TRY(cm_alloc(d, d->scope->defined.len, sizeof *resources, &resources));
    vec_each (defined, &d->scope->defined)
        if (!mentioned || idmap_has(mentioned, *defined))
            resources[count++] = *defined;
    TRY(cm_alloc(d, count, sizeof *paths, &paths));
    TRY(cm_resource_paths(d, exports, resources, count, paths));
    for (uint32_t i = 0; i < count; i++)
        if (!paths[i].path)
            return cm_invalid(d, "local resource type found in export but not exported itself");
    *ret_paths = paths;
    *ret_count = count;
    return ST_OK;
}

static enum status check_imported(struct cm_decoder *d, const struct idmap *mentioned)
{
    vec_each (defined, &d->scope->defined)
        if (idmap_has(mentioned, *defined))
            return cm_invalid(d, "local resource type found in imports");
    return ST_OK;
}

static enum status fill_component_type(struct cm_decoder *d, struct cm_component_type *type, struct idmap *imported,
                                       struct idmap *exported)
{
    struct cm_scope *scope = d->scope;
    TRY(cm_externs_make(d, scope->imports.items.items, scope->imports.items.len, &type->imports));
    TRY(cm_externs_make(d, scope->exports.items.items, scope->exports.items.len, &type->exports));
    TRY(free_in(d, &type->imports, imported));
    TRY(check_imported(d, imported));
    TRY(free_in(d, &type->exports, exported));
    TRY(exported_resources(d, &type->exports, exported, &type->defined, &type->defined_count));
    type->imported_count = (uint32_t)scope->imported.len;
    return cm_keep(d, scope->imported.items, scope->imported.len, sizeof *type->imported, &type->imported);
}

enum status cm_scope_component_type(struct cm_decoder *d, const struct cm_deftype **ret_type)
{
    struct cm_component_type *type;
    TRY(cm_alloc(d, 1, sizeof *type, &type));
    struct idmap imported = {0}, exported = {0};
    enum status status = fill_component_type(d, type, &imported, &exported);
    idmap_release(&imported);
    idmap_release(&exported);
    TRY(status);
    const struct cm_deftype proto = {.kind = CM_DEFTYPE_COMPONENT, .component = type};
    return cm_deftype_new(d, &proto, ret_type);
}

enum status cm_scope_instance_type(struct cm_decoder *d, const struct cm_deftype **ret_type)
{
    struct extern_list *exports = &d->scope->exports;
    struct cm_instance_type *type;
    TRY(cm_alloc(d, 1, sizeof *type, &type));
    TRY(cm_externs_make(d, exports->items.items, exports->items.len, &type->exports));
    TRY(exported_resources(d, &type->exports, NULL, &type->bound, &type->bound_count));
    const struct cm_deftype proto = {.kind = CM_DEFTYPE_INSTANCE, .instance = type};
    return cm_deftype_new(d, &proto, ret_type);
}

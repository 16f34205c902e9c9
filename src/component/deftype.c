#include "component/decode.h"

const char *cm_deftype_text(enum cm_deftype_kind kind)
{
    static const char *const names[] = {
        [CM_DEFTYPE_VALUE] = "defined",       [CM_DEFTYPE_RESOURCE] = "resource", [CM_DEFTYPE_FUNC] = "function",
        [CM_DEFTYPE_COMPONENT] = "component", [CM_DEFTYPE_INSTANCE] = "instance",
    };
    return names[kind];
}

/* --- measures -------------------------------------------------------------------------------------------------------- */

/* Sums that a type takes over from one inside it. */
static void measure_in(struct cm_deftype *type, const struct cm_deftype *inner)
{
    if (!inner)
        return;
    type->has_resource |= inner->has_resource;
    type->depth = MAX(type->depth, inner->depth + 1);
    type->weight = MIN(type->weight + inner->weight, CM_LIMIT_TYPE_SIZE + 1);
}

static void measure_externs(struct cm_deftype *type, const struct cm_externs *externs)
{
    for (uint32_t i = 0; i < externs->count; i++) {
        const struct cm_extern *item = &externs->items[i].type;
        if (item->sort == CM_SORT_CORE_MODULE)
            type->weight = MIN(type->weight + item->module->import_count + item->module->exports.count + 1, CM_LIMIT_TYPE_SIZE + 1);
        else
            measure_in(type, item->type);
    }
}

static void measure(struct cm_deftype *type)
{
    type->depth = type->weight = 1;
    type->has_resource = type->kind == CM_DEFTYPE_RESOURCE;
    for (uint32_t i = 0; i < type->part_count; i++)
        measure_in(type, type->parts[i].type);
    measure_in(type, type->element);
    measure_in(type, type->second);
    if (type->kind == CM_DEFTYPE_INSTANCE)
        measure_externs(type, &type->instance->exports);
    if (type->kind == CM_DEFTYPE_COMPONENT) {
        measure_externs(type, &type->component->imports);
        measure_externs(type, &type->component->exports);
    }
}

/* --- making types ---------------------------------------------------------------------------------------------------- */

enum status cm_deftype_new(struct cm_decoder *d, const struct cm_deftype *proto, const struct cm_deftype **ret_type)
{
    struct cm_deftype *type;
    TRY(cm_keep(d, proto, 1, sizeof *type, &type));
    type->id = d->type_count++;
    if (!type->weight) /* else it is a copy of one that is measured */
        measure(type);
    if (type->depth > CM_LIMIT_TYPE_NESTING)
        return cm_over_limit(d, "type nesting is deeper than %d", CM_LIMIT_TYPE_NESTING);
    if (type->weight > CM_LIMIT_TYPE_SIZE)
        return cm_over_limit(d, "effective type size exceeds the limit of %u", CM_LIMIT_TYPE_SIZE);
    *ret_type = type;
    return ST_OK;
}

enum status cm_deftype_alias(struct cm_decoder *d, const struct cm_deftype *type, const struct cm_deftype **ret_type)
{
    struct cm_deftype copy = *type;
    copy.alias_of = type;
    return cm_deftype_new(d, &copy, ret_type);
}

enum status cm_resource_fresh(struct cm_decoder *d, uint32_t *ret_resource)
{
    if (d->resource_count >= CM_LIMIT_RESOURCES)
        return cm_over_limit(d, "more than %u resource types", CM_LIMIT_RESOURCES);
    *ret_resource = d->resource_count++;
    return ST_OK;
}

enum status cm_deftype_resource(struct cm_decoder *d, uint32_t resource, const struct cm_deftype *alias_of,
                                const struct cm_deftype **ret_type)
{
    const struct cm_deftype proto = {.kind = CM_DEFTYPE_RESOURCE, .alias_of = alias_of, .resource = resource};
    return cm_deftype_new(d, &proto, ret_type);
}

enum status cm_primitive(struct cm_decoder *d, enum cm_kind kind, const struct cm_deftype **ret_type)
{
    if (kind == CM_ERROR_CONTEXT)
        TRY(cm_require_gate(d, CM_GATE_ERROR_CONTEXT, "the `error-context` type"));
    if (!d->primitives[kind])
        TRY(cm_deftype_value(d, &(struct value_shape){.kind = kind}, NULL, &d->primitives[kind]));
    *ret_type = d->primitives[kind];
    return ST_OK;
}

static const struct cm_type *structure(const struct cm_deftype *type)
{
    return type ? type->value : NULL;
}

/* The fields, on the heap (the store copies them). */
static struct cm_field *fields_of(const struct cm_part *parts, uint32_t count)
{
    struct cm_field *fields = mem_array(MAX(count, 1u), sizeof *fields);
    for (uint32_t i = 0; i < count; i++)
        fields[i] = (struct cm_field){.name = parts[i].name, .type = structure(parts[i].type)};
    return fields;
}

static enum status labels_value(struct cm_decoder *d, const struct value_shape *shape, const struct cm_type **ret)
{
    autofree struct str *names = mem_array(MAX(shape->part_count, 1u), sizeof *names);
    for (uint32_t i = 0; i < shape->part_count; i++)
        names[i] = shape->parts[i].name;
    return shape->kind == CM_ENUM ? cm_type_enum(d->types, names, shape->part_count, ret, d->err)
                                  : cm_type_flags(d->types, names, shape->part_count, ret, d->err);
}

static enum status tuple_value(struct cm_decoder *d, const struct value_shape *shape, const struct cm_type **ret)
{
    autofree const struct cm_type **items = mem_array(MAX(shape->part_count, 1u), sizeof *items);
    for (uint32_t i = 0; i < shape->part_count; i++)
        items[i] = structure(shape->parts[i].type);
    return cm_type_tuple(d->types, items, shape->part_count, ret, d->err);
}

static enum status fields_value(struct cm_decoder *d, const struct value_shape *shape, const struct cm_type **ret)
{
    autofree struct cm_field *fields = fields_of(shape->parts, shape->part_count);
    return shape->kind == CM_RECORD ? cm_type_record(d->types, fields, shape->part_count, ret, d->err)
                                    : cm_type_variant(d->types, fields, shape->part_count, ret, d->err);
}

static enum status make_value(struct cm_decoder *d, const struct value_shape *shape, const struct cm_type **ret)
{
    const struct cm_type *element = shape->kind == CM_OWN || shape->kind == CM_BORROW ? NULL : structure(shape->element);
    switch (shape->kind) {
    case CM_RECORD:
    case CM_VARIANT:
        return fields_value(d, shape, ret);
    case CM_ENUM:
    case CM_FLAGS:
        return labels_value(d, shape, ret);
    case CM_TUPLE:
        return tuple_value(d, shape, ret);
    case CM_OPTION:
        return cm_type_option(d->types, element, ret, d->err);
    case CM_RESULT:
        return cm_type_result(d->types, element, structure(shape->second), ret, d->err);
    case CM_LIST:
        return cm_type_list(d->types, element, ret, d->err);
    case CM_FIXED_LIST:
        return cm_type_fixed_list(d->types, element, shape->length, ret, d->err);
    case CM_MAP:
        return cm_type_map(d->types, structure(shape->second), element, ret, d->err);
    case CM_OWN:
    case CM_BORROW:
        return cm_type_handle(d->types, shape->kind, shape->element->resource, ret, d->err);
    case CM_STREAM:
    case CM_FUTURE:
        return cm_type_stream(d->types, shape->kind, element, ret, d->err);
    default:
        *ret = cm_type_primitive(d->types, shape->kind);
        return ST_OK;
    }
}

enum status cm_deftype_value(struct cm_decoder *d, const struct value_shape *shape, const struct cm_deftype *alias_of,
                             const struct cm_deftype **ret_type)
{
    struct cm_deftype proto = {.kind = CM_DEFTYPE_VALUE,
                               .alias_of = alias_of,
                               .parts = shape->parts,
                               .part_count = shape->part_count,
                               .element = shape->element,
                               .second = shape->second};
    TRY(cm_located(d, make_value(d, shape, &proto.value)));
    return cm_deftype_new(d, &proto, ret_type);
}

enum status cm_deftype_func(struct cm_decoder *d, bool is_async, const struct cm_part *params, uint32_t param_count,
                            const struct cm_deftype *result, const struct cm_deftype *alias_of, const struct cm_deftype **ret_type)
{
    struct cm_deftype proto = {
        .kind = CM_DEFTYPE_FUNC, .alias_of = alias_of, .parts = params, .part_count = param_count, .element = result};
    autofree struct cm_field *fields = fields_of(params, param_count);
    TRY(cm_located(d, cm_type_func(d->types, is_async, fields, param_count, structure(result), &proto.func, d->err)));
    return cm_deftype_new(d, &proto, ret_type);
}

/* --- resources inside ------------------------------------------------------------------------------------------------ */

static enum status free_in_externs(struct cm_decoder *d, const struct cm_externs *externs, struct idmap *set)
{
    TRY(cm_spend(d, externs->count));
    for (uint32_t i = 0; i < externs->count; i++)
        TRY(cm_free_resources(d, externs->items[i].type, set));
    return ST_OK;
}

static void unbind(struct idmap *set, const struct cm_resource_path *bound, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        idmap_remove(set, bound[i].resource);
}

static enum status free_in_type(struct cm_decoder *d, const struct cm_deftype *type, struct idmap *set)
{
    if (!type || !type->has_resource)
        return ST_OK;
    TRY(cm_spend(d, 1));
    for (uint32_t i = 0; i < type->part_count; i++)
        TRY(free_in_type(d, type->parts[i].type, set));
    TRY(free_in_type(d, type->element, set));
    TRY(free_in_type(d, type->second, set));
    if (type->kind == CM_DEFTYPE_RESOURCE)
        idmap_add(set, type->resource);
    if (type->kind == CM_DEFTYPE_INSTANCE) {
        TRY(free_in_externs(d, &type->instance->exports, set));
        unbind(set, type->instance->bound, type->instance->bound_count);
    }
    if (type->kind == CM_DEFTYPE_COMPONENT) {
        TRY(free_in_externs(d, &type->component->imports, set));
        TRY(free_in_externs(d, &type->component->exports, set));
        unbind(set, type->component->imported, type->component->imported_count);
        unbind(set, type->component->defined, type->component->defined_count);
    }
    return ST_OK;
}

enum status cm_free_resources(struct cm_decoder *d, struct cm_extern item, struct idmap *set)
{
    return item.sort == CM_SORT_CORE_MODULE ? ST_OK : free_in_type(d, item.type, set);
}

/* A search for resources through exports, in order, instances searched where they stand and each type of them once. */
struct path_search {
    struct cm_decoder *d;
    struct idmap wanted; /* resource -> its index in the result, + 1; removed when found */
    struct idmap seen;
    struct str path[CM_LIMIT_TYPE_NESTING + 2];
    struct cm_resource_path *found;
};

static enum status path_found(struct path_search *search, uint32_t resource, uint32_t depth)
{
    uint32_t index;
    if (!idmap_get_id(&search->wanted, resource, &index))
        return ST_OK;
    idmap_remove(&search->wanted, resource);
    search->found[index].path_len = depth;
    return cm_keep(search->d, search->path, depth, sizeof *search->path, &search->found[index].path);
}

static enum status path_walk(struct path_search *search, const struct cm_externs *externs, uint32_t depth)
{
    for (uint32_t i = 0; i < externs->count && search->wanted.len; i++) {
        const struct cm_named_extern *item = &externs->items[i];
        if (item->type.sort != CM_SORT_TYPE && item->type.sort != CM_SORT_INSTANCE)
            continue;
        const struct cm_deftype *type = item->type.type;
        TRY(cm_spend(search->d, 1));
        search->path[depth] = item->name.text;
        if (item->type.sort == CM_SORT_TYPE && type->kind == CM_DEFTYPE_RESOURCE)
            TRY(path_found(search, type->resource, depth + 1));
        if (item->type.sort == CM_SORT_INSTANCE && type->has_resource && !idmap_has(&search->seen, type->id)) {
            idmap_add(&search->seen, type->id);
            TRY(path_walk(search, &type->instance->exports, depth + 1));
        }
    }
    return ST_OK;
}

enum status cm_resource_paths(struct cm_decoder *d, const struct cm_externs *exports, const uint32_t *resources, size_t count,
                              struct cm_resource_path *ret_paths)
{
    struct path_search search = {.d = d, .found = ret_paths};
    for (uint32_t i = 0; i < count; i++) {
        ret_paths[i] = (struct cm_resource_path){.resource = resources[i]};
        idmap_set_id(&search.wanted, resources[i], i);
    }
    enum status status = path_walk(&search, exports, 0);
    idmap_release(&search.wanted);
    idmap_release(&search.seen);
    return status;
}

bool cm_resource_at(const struct cm_externs *externs, const struct str *path, uint32_t path_len, uint32_t *ret_resource)
{
    for (uint32_t i = 0; i < path_len; i++) {
        const struct cm_named_extern *item = cm_extern_find(externs, path[i]);
        if (!item)
            return false;
        if (i + 1 == path_len) {
            if (item->type.sort != CM_SORT_TYPE || item->type.type->kind != CM_DEFTYPE_RESOURCE)
                return false;
            *ret_resource = item->type.type->resource;
            return true;
        }
        if (item->type.sort != CM_SORT_INSTANCE)
            return false;
        externs = &item->type.type->instance->exports;
    }
    return false;
}

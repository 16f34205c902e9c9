#include "component/decode.h"

void cm_substitution_release(struct cm_substitution *substitution)
{
    idmap_release(&substitution->resources);
    idmap_release(&substitution->types);
}

/* Substitutes *type in place; NULL stays. */
static enum status replace(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_deftype **type, bool *changed)
{
    if (!*type)
        return ST_OK;
    const struct cm_deftype *before = *type;
    TRY(cm_substitute(d, sub, before, type));
    *changed |= *type != before;
    return ST_OK;
}

/* Parts are copied when the first of them changes. */
static enum status replace_parts(struct cm_decoder *d, struct cm_substitution *sub, struct cm_deftype *type, bool *changed)
{
    struct cm_part *copy = NULL;
    for (uint32_t i = 0; i < type->part_count; i++) {
        const struct cm_deftype *part = type->parts[i].type;
        bool part_changed = false;
        TRY(replace(d, sub, &part, &part_changed));
        if (!part_changed)
            continue;
        if (!copy)
            TRY(cm_keep(d, type->parts, type->part_count, sizeof *copy, &copy));
        copy[i].type = part;
        *changed = true;
    }
    if (copy)
        type->parts = copy;
    return ST_OK;
}

static enum status replace_externs(struct cm_decoder *d, struct cm_substitution *sub, struct cm_externs *externs, bool *changed)
{
    struct cm_named_extern *copy = NULL;
    TRY(cm_spend(d, externs->count));
    for (uint32_t i = 0; i < externs->count; i++) {
        const struct cm_extern *item = &externs->items[i].type;
        if (item->sort == CM_SORT_CORE_MODULE)
            continue;
        const struct cm_deftype *type = item->type;
        bool item_changed = false;
        TRY(replace(d, sub, &type, &item_changed));
        if (!item_changed)
            continue;
        if (!copy)
            TRY(cm_keep(d, externs->items, externs->count, sizeof *copy, &copy));
        copy[i].type.type = type;
        *changed = true;
    }
    if (copy)
        externs->items = copy; /* by_name holds: the names are the same */
    return ST_OK;
}

enum status cm_substitute_externs(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_externs *externs,
                                  struct cm_externs *ret_externs)
{
    bool changed = false;
    *ret_externs = *externs;
    return replace_externs(d, sub, ret_externs, &changed);
}

/* --- one type, by kind: *ret_type stays as it is when nothing in it changed -------------------------------------------- */

static enum status substitute_resource(struct cm_decoder *d, struct cm_substitution *sub, struct cm_deftype *type, bool changed,
                                       const struct cm_deftype **ret_type)
{
    changed |= idmap_get_id(&sub->resources, type->resource, &type->resource);
    return changed ? cm_deftype_resource(d, type->resource, type->alias_of, ret_type) : ST_OK;
}

static enum status substitute_value(struct cm_decoder *d, struct cm_substitution *sub, struct cm_deftype *type, bool changed,
                                    const struct cm_deftype **ret_type)
{
    TRY(replace_parts(d, sub, type, &changed));
    TRY(replace(d, sub, &type->element, &changed));
    TRY(replace(d, sub, &type->second, &changed));
    if (!changed)
        return ST_OK;
    if (type->kind == CM_DEFTYPE_FUNC)
        return cm_deftype_func(d, type->func->is_async, type->parts, type->part_count, type->element, type->alias_of, ret_type);
    const struct value_shape shape = {.kind = type->value->kind,
                                      .parts = type->parts,
                                      .part_count = type->part_count,
                                      .element = type->element,
                                      .second = type->second,
                                      .length = type->value->count};
    return cm_deftype_value(d, &shape, type->alias_of, ret_type);
}

static enum status substitute_instance(struct cm_decoder *d, struct cm_substitution *sub, struct cm_deftype *type, bool changed,
                                       const struct cm_deftype **ret_type)
{
    struct cm_instance_type instance = *type->instance, *copy;
    TRY(replace_externs(d, sub, &instance.exports, &changed));
    if (!changed)
        return ST_OK;
    TRY(cm_keep(d, &instance, 1, sizeof instance, &copy));
    type->instance = copy;
    return cm_deftype_new(d, type, ret_type);
}

static enum status substitute_component(struct cm_decoder *d, struct cm_substitution *sub, struct cm_deftype *type, bool changed,
                                        const struct cm_deftype **ret_type)
{
    struct cm_component_type component = *type->component, *copy;
    TRY(replace_externs(d, sub, &component.imports, &changed));
    TRY(replace_externs(d, sub, &component.exports, &changed));
    if (!changed)
        return ST_OK;
    TRY(cm_keep(d, &component, 1, sizeof component, &copy));
    type->component = copy;
    return cm_deftype_new(d, type, ret_type);
}

/* What it is an alias of has been substituted already. */
static enum status substitute_one(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_deftype *type)
{
    struct cm_deftype copy = *type;
    const struct cm_deftype *result = type;
    TRY(cm_spend(d, 1 + type->part_count));
    copy.weight = 0; /* to be measured again */
    if (type->alias_of && idmap_has(&sub->types, type->alias_of->id))
        copy.alias_of = idmap_get(&sub->types, type->alias_of->id);
    bool changed = copy.alias_of != type->alias_of;
    switch (type->kind) {
    case CM_DEFTYPE_RESOURCE:
        TRY(substitute_resource(d, sub, &copy, changed, &result));
        break;
    case CM_DEFTYPE_VALUE:
    case CM_DEFTYPE_FUNC:
        TRY(substitute_value(d, sub, &copy, changed, &result));
        break;
    case CM_DEFTYPE_INSTANCE:
        TRY(substitute_instance(d, sub, &copy, changed, &result));
        break;
    case CM_DEFTYPE_COMPONENT:
        TRY(substitute_component(d, sub, &copy, changed, &result));
        break;
    }
    idmap_set(&sub->types, type->id, result);
    return ST_OK;
}

/* A chain of aliases may be longer than the stack is deep: it is done from its far end. */
static enum status substitute_chain(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_deftype *type)
{
    VEC(const struct cm_deftype *) chain = {0};
    for (; type && !idmap_has(&sub->types, type->id); type = type->alias_of)
        vec_push(&chain, type);
    enum status status = ST_OK;
    while (status == ST_OK && chain.len)
        status = substitute_one(d, sub, vec_pop(&chain));
    vec_release(&chain);
    return status;
}

enum status cm_substitute(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_deftype *type,
                          const struct cm_deftype **ret_type)
{
    *ret_type = type;
    if (!sub->renames && !type->has_resource)
        return ST_OK;
    if (!idmap_has(&sub->types, type->id))
        TRY(substitute_chain(d, sub, type));
    *ret_type = idmap_get(&sub->types, type->id);
    return ST_OK;
}

/* --- fresh resources --------------------------------------------------------------------------------------------------- */

static enum status fresh_resources(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_instance_type *instance,
                                   const struct cm_resource_path **ret_introduced)
{
    struct cm_resource_path *fresh;
    TRY(cm_keep(d, instance->bound, instance->bound_count, sizeof *fresh, &fresh));
    for (uint32_t i = 0; i < instance->bound_count; i++) {
        TRY(cm_resource_fresh(d, &fresh[i].resource));
        idmap_set_id(&sub->resources, instance->bound[i].resource, fresh[i].resource);
    }
    *ret_introduced = fresh;
    return ST_OK;
}

static enum status freshen(struct cm_decoder *d, struct cm_substitution *sub, const struct cm_deftype *type,
                           const struct cm_deftype **ret_type, const struct cm_resource_path **ret_introduced)
{
    struct cm_instance_type *copy;
    TRY(fresh_resources(d, sub, type->instance, ret_introduced));
    TRY(cm_alloc(d, 1, sizeof *copy, &copy));
    TRY(cm_substitute_externs(d, sub, &type->instance->exports, &copy->exports));
    const struct cm_deftype proto = {.kind = CM_DEFTYPE_INSTANCE, .instance = copy, .alias_of = type};
    return cm_deftype_new(d, &proto, ret_type);
}

enum status cm_freshen(struct cm_decoder *d, const struct cm_deftype *type, const struct cm_deftype **ret_type,
                       const struct cm_resource_path **ret_introduced)
{
    struct cm_substitution sub = {0};
    enum status status = freshen(d, &sub, type, ret_type, ret_introduced);
    cm_substitution_release(&sub);
    return status;
}

/* What the component imports: of the world's imports those functions that a module uses, and the types that these need or that
 * exports need. */
#include "component/wrap_private.h"

/* --- aliases --------------------------------------------------------------------------------------------------------- */

uint32_t wrap_alias_type(struct wrapper *w, uint32_t instance, const struct wit_type *type)
{
    uint32_t pair[2] = {instance, type->id}, index;
    struct str key = str_n((const char *)pair, sizeof pair);
    if (wit_map_index(&w->type_aliases, key, &index))
        return index;
    index = wit_body_alias_export(&w->body, instance, WIT_SORT_TYPE, type->name);
    wit_map_set_index(&w->type_aliases, arena_str(&w->arena, key), index);
    return index;
}

enum status wrap_imported_type(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    struct wrapper *w = space->env;
    uint32_t instance;
    if (!wit_map_index(&w->import_instances, wit_interface_key(type->interface), &instance))
        return fail(w->err, ST_INVALID, "type `%.*s` of interface `%.*s` is used, but no world imports that", STR_ARG(type->name),
                    STR_ARG(type->interface->name));
    *ret_index = wrap_alias_type(w, instance, type);
    return ST_OK;
}

/* In an instance type, types of other instances are aliases of aliases. */
static enum status outer_type(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    struct wrapper *w = space->env;
    uint32_t alias;
    TRY(wrap_imported_type(&w->root, type, &alias));
    *ret_index = wit_body_alias_outer_type(space->body, 1, alias);
    return ST_OK;
}

/* --- interfaces ------------------------------------------------------------------------------------------------------ */

static bool is_used(const struct wrapper *w, const struct wit_world_item *item, const struct wit_function *function)
{
    const void *pair[2] = {item, function};
    return map_has(&w->used, str_n((const char *)pair, sizeof pair));
}

static enum status put_interface(struct wrapper *w, struct wit_type_space *space, const struct wit_world_item *item)
{
    const struct live_types *live = map_get(&w->live_of, wit_interface_key(item->interface));
    wit_valtype ignored;
    for (size_t i = 0; live && i < live->types.len; i++)
        TRY(wit_encode_type(space, live->types.items[i], &ignored));
    for (size_t i = 0; i < item->interface->functions.len; i++) {
        const struct wit_function *function = item->interface->functions.items[i];
        struct wit_extern_desc desc = {.sort = WIT_SORT_FUNC};
        struct wit_extern_name name = wit_extern_name(function->name);
        if (!is_used(w, item, function))
            continue;
        TRY(wit_encode_function_type(space, function, &desc.type));
        name.external_id = function->notes.external_id;
        name.has_external_id = function->notes.has_external_id;
        wit_body_declare_export(space->body, name, desc);
    }
    return ST_OK;
}

static void add_instance(struct wrapper *w, const struct wit_world_item *item, const struct wit_body *type)
{
    struct wit_extern_desc desc = {.sort = WIT_SORT_INSTANCE, .type = wit_body_add_type(&w->body, type)};
    struct wit_extern_name name = {
        .text = wrap_item_name(w, item), .external_id = item->notes.external_id, .has_external_id = item->notes.has_external_id};
    if (item->name.len && item->interface->name.len)
        name.implements = wit_interface_id(&w->model, item->interface);
    uint32_t index = wit_body_import(&w->body, name, desc), known;
    struct str key = str_n(arena_copy(&w->arena, &item, sizeof item), sizeof item);
    wit_map_set_index(&w->import_instances, key, index);
    /* For its types: under its own name rather than another. */
    if (!item->name.len || !wit_map_index(&w->import_instances, wit_interface_key(item->interface), &known))
        wit_map_set_index(&w->import_instances, wit_interface_key(item->interface), index);
}

static enum status encode_interface(struct wrapper *w, const struct wit_world_item *item)
{
    autobody struct wit_body type;
    struct wit_type_space space = {
        .body = &type, .interface = item->interface, .name = wit_name_exported, .foreign = outer_type, .env = w, .err = w->err};
    wit_body_init(&type, WIT_BODY_INSTANCE_TYPE, w->body.out.buf.max);
    enum status status = put_interface(w, &space, item);
    wit_type_space_release(&space);
    if (status == ST_OK && type.item_count) /* what is not used is not imported */
        add_instance(w, item, &type);
    return status;
}

/* --- the world itself ------------------------------------------------------------------------------------------------ */

static enum status encode_function(struct wrapper *w, const struct wit_function *function)
{
    struct wit_extern_desc desc = {.sort = WIT_SORT_FUNC};
    struct wit_extern_name name = wit_extern_name(function->name);
    if (!is_used(w, NULL, function))
        return ST_OK;
    TRY(wit_encode_function_type(&w->root, function, &desc.type));
    name.external_id = function->notes.external_id;
    name.has_external_id = function->notes.has_external_id;
    wit_map_set_index(&w->functions, function->name, wit_body_import(&w->body, name, desc));
    return ST_OK;
}

enum status wrap_encode_imports(struct wrapper *w)
{
    const struct wit_items *imports = &w->world->imports;
    wit_valtype ignored;
    for (size_t i = 0; i < imports->len; i++)
        if (imports->items[i].kind == WIT_ITEM_INTERFACE)
            TRY(encode_interface(w, &imports->items[i]));
    for (size_t i = 0; i < imports->len; i++)
        if (imports->items[i].kind == WIT_ITEM_TYPE)
            TRY(wit_encode_type(&w->root, imports->items[i].type, &ignored));
    for (size_t i = 0; i < imports->len; i++)
        if (imports->items[i].kind == WIT_ITEM_FUNCTION)
            TRY(encode_function(w, imports->items[i].function));
    return ST_OK;
}

/* Elaboration: a world imports what its interfaces use, also where it does not say so.
 *
 * Imports come out with every interface behind those it uses, then the world's `use`s, its types, its functions, and the functions
 * of its resources. An exported interface takes what it uses from other exports if they are named, else from imports; an interface
 * that would reach one and the same other interface both ways is refused, since its types would be two different ones. */
#include "wit/resolve.h"

struct elaboration {
    struct resolver *r;
    struct wit_world *world;
    struct wit_items imports, exports;
    struct map required; /* interfaces that an exported one takes from the imports */
};

static int import_class(const struct wit_world_item *item)
{
    if (item->kind == WIT_ITEM_INTERFACE)
        return 0;
    if (item->kind == WIT_ITEM_TYPE)
        return wit_type_used_from(item->type) ? 1 : 2;
    return item->function->resource ? 4 : 3;
}

/* By class, otherwise in the order they have. */
static void sort_imports(struct wit_model *model, struct wit_items *imports)
{
    struct wit_items sorted = {0};
    for (int class = 0; class <= 4; class ++)
        for (size_t i = 0; i < imports->len; i++)
            if (import_class(&imports->items[i]) == class)
                wit_items_add(model, &sorted, imports->items[i]);
    model->item_count -= (uint32_t)imports->len; /* the same items again */
    map_release(&imports->names);
    *imports = sorted;
}

static enum status add_import(struct elaboration *e, struct wit_world_item item)
{
    if (wit_items_find(&e->imports, item.name, item.interface))
        return ST_OK;
    map_each (use, &item.interface->uses) {
        struct wit_world_item needed = {.kind = WIT_ITEM_INTERFACE, .interface = use->value};
        needed.notes.stability = item.notes.stability;
        TRY(add_import(e, needed));
    }
    wit_items_add(e->r->model, &e->imports, item);
    return wit_model_check_size(e->r->model, e->r->err);
}

static enum status elaborate_imports(struct elaboration *e)
{
    for (size_t i = 0; i < e->world->imports.len; i++) {
        struct wit_world_item item = e->world->imports.items[i];
        if (item.kind == WIT_ITEM_INTERFACE) {
            TRY(add_import(e, item));
            continue;
        }
        struct wit_interface *from = item.kind == WIT_ITEM_TYPE ? wit_type_used_from(item.type) : NULL;
        if (from) {
            struct wit_world_item needed = {.kind = WIT_ITEM_INTERFACE, .interface = from};
            needed.notes.stability = item.type->notes.stability;
            TRY(add_import(e, needed));
        }
        wit_items_add(e->r->model, &e->imports, item);
    }
    return ST_OK;
}

/* Sets *ret_fits to false if an interface would be needed both imported and exported. */
static enum status add_export(struct elaboration *e, struct wit_world_item item, bool as_export, bool *ret_fits)
{
    *ret_fits = true;
    if (wit_items_find(&e->exports, item.name, item.interface)) {
        *ret_fits = as_export;
        return ST_OK;
    }
    bool required = map_has(&e->required, wit_interface_key(item.interface));
    if (!as_export && required)
        return ST_OK;
    map_each (use, &item.interface->uses) {
        struct wit_world_item needed = {.kind = WIT_ITEM_INTERFACE, .interface = use->value, .notes = item.notes};
        needed.notes.docs = STR("");
        bool exported = as_export && wit_items_find(&e->world->exports, STR(""), needed.interface);
        TRY(add_export(e, needed, exported, ret_fits));
        if (!*ret_fits)
            return ST_OK;
    }
    if (!as_export) {
        map_set(&e->required, wit_interface_key(item.interface), item.interface);
        if (!wit_items_find(&e->imports, item.name, item.interface))
            wit_items_add(e->r->model, &e->imports, item);
    } else if (map_has(&e->required, wit_interface_key(item.interface))) {
        *ret_fits = false;
    } else {
        wit_items_add(e->r->model, &e->exports, item);
    }
    return wit_model_check_size(e->r->model, e->r->err);
}

static enum status elaborate_exports(struct elaboration *e, struct wit_pos pos)
{
    const struct wit_items *exports = &e->world->exports;
    for (size_t i = 0; i < exports->len; i++)
        if (exports->items[i].kind == WIT_ITEM_FUNCTION)
            wit_items_add(e->r->model, &e->exports, exports->items[i]);
    for (size_t i = 0; i < exports->len; i++) {
        const struct wit_world_item *item = &exports->items[i];
        bool fits = true;
        if (item->kind == WIT_ITEM_INTERFACE)
            TRY(add_export(e, *item, true, &fits));
        struct str name = item->name.len || !item->interface ? item->name : item->interface->name;
        if (!fits)
            return wit_fail_at(
                e->r->err, pos,
                "world `%.*s` exports `%.*s`, which needs one interface both as an import and as an export; export what it "
                "uses as well",
                STR_ARG(e->world->name), STR_ARG(name));
    }
    return ST_OK;
}

enum status elaborate_world(struct resolver *r, struct wit_world *world, struct wit_pos pos)
{
    struct elaboration e = {.r = r, .world = world};
    uint32_t counted = (uint32_t)(world->imports.len + world->exports.len);
    sort_imports(r->model, &world->imports);
    enum status status = elaborate_imports(&e);
    if (status == ST_OK)
        status = elaborate_exports(&e, pos);
    map_release(&e.required);
    if (status != ST_OK) {
        map_release(&e.imports.names);
        map_release(&e.exports.names);
        return status;
    }
    sort_imports(r->model, &e.imports);
    map_release(&world->imports.names);
    map_release(&world->exports.names);
    world->imports = e.imports;
    world->exports = e.exports;
    r->model->item_count -= counted; /* they were counted when added to the world first */
    return ST_OK;
}

/* Puts the imports of the world of all modules in order.
 *
 * Modules that were built against different versions of one interface, 0.2.3 and 0.2.6 say, are given the newest of those on the
 * same track: the host has one, and resources go from one module to the other. The older interface's types become stand-ins for
 * the newer's, so that whatever was made of them is made of those. Then every interface comes behind those it uses. */
#include "component/wrap_private.h"

#include "component/names.h"

struct merge {
    struct wrapper *w;
    struct map newest;   /* what versions of one track have in common -> const struct wit_world_item * */
    struct map pinned;   /* wit_interface_key of those that must stay, exported or renamed */
    struct map replaced; /* wit_interface_key -> struct wit_interface *, the newer one */
    struct map placed;   /* wit_interface_key of items in `sorted` */
    struct wit_items sorted;
};

/* "ns:name/interface@track"; empty if only the very version will do. */
static struct str track_key(struct merge *m, const struct wit_world_item *item)
{
    const struct wit_package *package = item->interface ? item->interface->package : NULL;
    if (item->kind != WIT_ITEM_INTERFACE || item->name.len)
        return STR("");
    struct str track = cm_version_track(package->version.text);
    if (!package->version.text.len || !track.len)
        return STR("");
    return arena_printf(&m->w->arena, "%.*s:%.*s/%.*s@%.*s", STR_ARG(package->ns), STR_ARG(package->name),
                        STR_ARG(item->interface->name), STR_ARG(track));
}

/* The older type, whoever refers to it, now means the newer one. */
static enum status stand_in(struct merge *m, struct wit_type *type, const struct wit_interface *newer)
{
    const struct wit_type *meant = wit_interface_type(newer, type->name);
    if (!meant)
        return fail(m->w->err, ST_INVALID, "interface `%.*s` has a type `%.*s` that its newer version %.*s lacks",
                    STR_ARG(newer->name), STR_ARG(type->name), STR_ARG(newer->package->version.text));
    *type = (struct wit_type){
        .kind = WIT_ALIAS, .id = type->id, .target = meant, .depth = meant->depth + 1, .has_borrow = meant->has_borrow};
    return ST_OK;
}

static enum status replace(struct merge *m, struct wit_interface *older, struct wit_interface *newer)
{
    for (size_t i = 0; i < older->types.len; i++)
        TRY(stand_in(m, older->types.items[i], newer));
    map_set(&m->replaced, wit_interface_key(older), newer);
    return ST_OK;
}

static void pin(struct merge *m, const struct wit_items *items, bool all)
{
    for (size_t i = 0; i < items->len; i++)
        if (items->items[i].kind == WIT_ITEM_INTERFACE && (all || items->items[i].name.len))
            map_set(&m->pinned, wit_interface_key(items->items[i].interface), m);
}

static void find_newest(struct merge *m)
{
    const struct wit_items *imports = &m->w->world->imports;
    for (size_t i = 0; i < imports->len; i++) {
        const struct wit_world_item *item = &imports->items[i], *other;
        struct str key = track_key(m, item);
        if (!key.len)
            continue;
        other = map_get(&m->newest, key);
        if (!other || wit_version_compare(&other->interface->package->version, &item->interface->package->version) < 0)
            map_set(&m->newest, key, &imports->items[i]);
    }
}

static enum status replace_older(struct merge *m)
{
    const struct wit_items *imports = &m->w->world->imports;
    for (size_t i = 0; i < imports->len; i++) {
        struct str key = track_key(m, &imports->items[i]);
        const struct wit_world_item *newest = key.len ? map_get(&m->newest, key) : NULL;
        if (newest && newest != &imports->items[i] && !map_has(&m->pinned, wit_interface_key(imports->items[i].interface)))
            TRY(replace(m, imports->items[i].interface, newest->interface));
    }
    return ST_OK;
}

static struct wit_interface *current(const struct merge *m, struct wit_interface *interface)
{
    struct wit_interface *newer = map_get(&m->replaced, wit_interface_key(interface));
    return newer ? newer : interface;
}

static enum status place(struct merge *m, const struct wit_world_item *item, unsigned depth)
{
    if (item->kind != WIT_ITEM_INTERFACE) {
        wit_items_add(&m->w->model, &m->sorted, *item);
        return ST_OK;
    }
    const struct wit_world_item *self = item;
    if (map_set(&m->placed, str_n(arena_copy(&m->w->arena, &self, sizeof self), sizeof self), m) ||
        map_has(&m->replaced, wit_interface_key(item->interface)))
        return ST_OK;
    if (depth > WIT_MAX_INTERFACE_DEPTH)
        return fail(m->w->err, ST_LIMIT, "interfaces use each other more than %u deep", WIT_MAX_INTERFACE_DEPTH);
    map_each (use, &item->interface->uses) {
        const struct wit_world_item *other = wit_items_find(&m->w->world->imports, STR(""), current(m, use->value));
        if (other)
            TRY(place(m, other, depth + 1));
    }
    wit_items_add(&m->w->model, &m->sorted, *item);
    return ST_OK;
}

static enum status merge_imports(struct merge *m)
{
    struct wit_items *imports = &m->w->world->imports;
    pin(m, imports, false);
    pin(m, &m->w->world->exports, true);
    find_newest(m);
    TRY(replace_older(m));
    for (size_t i = 0; i < imports->len; i++)
        TRY(place(m, &imports->items[i], 0));
    map_release(&imports->names);
    *imports = m->sorted;
    m->sorted = (struct wit_items){0};
    return ST_OK;
}

enum status wrap_merge_imports(struct wrapper *w)
{
    struct merge m = {.w = w};
    enum status status = merge_imports(&m);
    map_release(&m.newest);
    map_release(&m.pinned);
    map_release(&m.replaced);
    map_release(&m.placed);
    map_release(&m.sorted.names);
    return status;
}

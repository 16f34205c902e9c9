#include "wit/model.h"

#include "base/mem.h"

void *wit_vec_grow(struct arena *arena, const void *items, size_t *capacity, size_t len, size_t item_size)
{
    *capacity = *capacity ? *capacity * 2 : 4;
    void *grown = arena_array(arena, *capacity, item_size);
    if (len)
        memcpy(grown, items, len * item_size);
    return grown;
}

void wit_model_init(struct wit_model *model)
{
    *model = (struct wit_model){0};
    arena_init(&model->arena, SIZE_MAX);
}

void wit_model_release(struct wit_model *model)
{
    for (size_t i = 0; i < model->interfaces.len; i++) {
        map_release(&model->interfaces.items[i]->type_names);
        map_release(&model->interfaces.items[i]->function_names);
        map_release(&model->interfaces.items[i]->uses);
    }
    for (size_t i = 0; i < model->worlds.len; i++) {
        map_release(&model->worlds.items[i]->imports.names);
        map_release(&model->worlds.items[i]->exports.names);
    }
    for (size_t i = 0; i < model->packages.len; i++) {
        map_release(&model->packages.items[i]->interface_names);
        map_release(&model->packages.items[i]->world_names);
    }
    map_release(&model->package_names);
    arena_release(&model->arena);
    wit_model_init(model);
}

enum status wit_model_check_size(const struct wit_model *model, struct error *err)
{
    if (model->item_count > WIT_MAX_ITEMS)
        return fail(err, ST_LIMIT, "the WIT holds more than %u types, fields, functions, parameters and world items",
                    WIT_MAX_ITEMS);
    return ST_OK;
}

struct wit_package *wit_package_add(struct wit_model *model, struct str ns, struct str name, const struct wit_version *version)
{
    bool versioned = version && wit_version_is_set(version);
    struct str full = arena_printf(&model->arena, versioned ? "%.*s:%.*s@%.*s" : "%.*s:%.*s", STR_ARG(ns), STR_ARG(name),
                                   versioned ? (int)version->text.len : 0, versioned ? version->text.data : "");
    struct wit_package *package = wit_package_find(model, full);
    if (package)
        return package;
    package = ARENA_NEW(&model->arena, struct wit_package);
    *package = (struct wit_package){.ns = ns, .name = name, .full_name = full};
    if (versioned)
        package->version = *version;
    wit_vec_push(&model->arena, &model->packages, package);
    map_set(&model->package_names, full, package);
    return package;
}

struct wit_package *wit_package_find(const struct wit_model *model, struct str full_name)
{
    return map_get(&model->package_names, full_name);
}

struct wit_interface *wit_package_interface(const struct wit_package *package, struct str name)
{
    return map_get(&package->interface_names, name);
}

struct wit_world *wit_package_world(const struct wit_package *package, struct str name)
{
    return map_get(&package->world_names, name);
}

struct wit_interface *wit_interface_add(struct wit_model *model, struct wit_package *package, struct str name)
{
    struct wit_interface *interface = ARENA_NEW(&model->arena, struct wit_interface);
    interface->name = name;
    interface->package = package;
    interface->self = interface;
    wit_vec_push(&model->arena, &model->interfaces, interface);
    if (name.len) {
        wit_vec_push(&model->arena, &package->interfaces, interface);
        map_set(&package->interface_names, name, interface);
    }
    return interface;
}

struct str wit_interface_id(struct wit_model *model, const struct wit_interface *interface)
{
    const struct wit_package *package = interface->package;
    if (interface->name.len == 0)
        return STR_NULL;
    bool versioned = wit_version_is_set(&package->version);
    return arena_printf(&model->arena, "%.*s:%.*s/%.*s%s%.*s", STR_ARG(package->ns), STR_ARG(package->name),
                        STR_ARG(interface->name), versioned ? "@" : "", STR_ARG(package->version.text));
}

struct wit_world *wit_world_add(struct wit_model *model, struct wit_package *package, struct str name)
{
    struct wit_world *world = ARENA_NEW(&model->arena, struct wit_world);
    world->name = name;
    world->package = package;
    wit_vec_push(&model->arena, &model->worlds, world);
    wit_vec_push(&model->arena, &package->worlds, world);
    map_set(&package->world_names, name, world);
    return world;
}

bool wit_kind_is_primitive(enum wit_kind kind)
{
    return kind <= WIT_ERROR_CONTEXT;
}

const char *wit_kind_name(enum wit_kind kind)
{
    static const char *const names[] = {[WIT_BOOL] = "bool",
                                        [WIT_S8] = "s8",
                                        [WIT_U8] = "u8",
                                        [WIT_S16] = "s16",
                                        [WIT_U16] = "u16",
                                        [WIT_S32] = "s32",
                                        [WIT_U32] = "u32",
                                        [WIT_S64] = "s64",
                                        [WIT_U64] = "u64",
                                        [WIT_F32] = "f32",
                                        [WIT_F64] = "f64",
                                        [WIT_CHAR] = "char",
                                        [WIT_STRING] = "string",
                                        [WIT_ERROR_CONTEXT] = "error-context",
                                        [WIT_LIST] = "list",
                                        [WIT_FIXED_LIST] = "list",
                                        [WIT_OPTION] = "option",
                                        [WIT_RESULT] = "result",
                                        [WIT_TUPLE] = "tuple",
                                        [WIT_MAP] = "map",
                                        [WIT_STREAM] = "stream",
                                        [WIT_FUTURE] = "future",
                                        [WIT_OWN] = "own",
                                        [WIT_BORROW] = "borrow",
                                        [WIT_RECORD] = "record",
                                        [WIT_VARIANT] = "variant",
                                        [WIT_ENUM] = "enum",
                                        [WIT_FLAGS] = "flags",
                                        [WIT_RESOURCE] = "resource",
                                        [WIT_ALIAS] = "type"};
    return names[kind];
}

const struct wit_type *wit_primitive(enum wit_kind kind)
{
    static const struct wit_type types[] = {{.kind = WIT_BOOL},   {.kind = WIT_S8},           {.kind = WIT_U8},  {.kind = WIT_S16},
                                            {.kind = WIT_U16},    {.kind = WIT_S32},          {.kind = WIT_U32}, {.kind = WIT_S64},
                                            {.kind = WIT_U64},    {.kind = WIT_F32},          {.kind = WIT_F64}, {.kind = WIT_CHAR},
                                            {.kind = WIT_STRING}, {.kind = WIT_ERROR_CONTEXT}};
    bug_unless(wit_kind_is_primitive(kind));
    return &types[kind];
}

static void note_child(struct wit_type *type, const struct wit_type *child)
{
    if (!child)
        return;
    if (child->depth >= type->depth)
        type->depth = child->depth + 1;
    type->has_borrow |= child->has_borrow;
}

struct wit_type *wit_type_new(struct wit_model *model, enum wit_kind kind, const struct wit_type *first,
                              const struct wit_type *second)
{
    struct wit_type *type = ARENA_NEW(&model->arena, struct wit_type);
    model->item_count++;
    type->kind = kind;
    type->id = ++model->type_count;
    type->first = first;
    type->second = second;
    note_child(type, first);
    note_child(type, second);
    if (kind == WIT_OWN || kind == WIT_BORROW)
        type->has_borrow = kind == WIT_BORROW;
    return type;
}

struct wit_field *wit_type_add_field(struct wit_model *model, struct wit_type *type, struct str name, const struct wit_type *field)
{
    model->item_count++;
    wit_vec_push(&model->arena, &type->fields, ((struct wit_field){.name = name, .type = field}));
    note_child(type, field);
    return &type->fields.items[type->fields.len - 1];
}

enum status wit_interface_define(struct wit_model *model, struct wit_interface *interface, struct str name, struct wit_type *type,
                                 struct error *err)
{
    if (map_has(&interface->type_names, name))
        return fail(err, ST_EXISTS, "interface `%.*s` already has a type named `%.*s`", STR_ARG(interface->name), STR_ARG(name));
    type->name = name;
    type->interface = interface;
    wit_vec_push(&model->arena, &interface->types, type);
    map_set(&interface->type_names, name, type);
    struct wit_interface *from = wit_type_used_from(type);
    if (from)
        map_set(&interface->uses, wit_interface_key(from), from);
    return ST_OK;
}

struct wit_type *wit_interface_type(const struct wit_interface *interface, struct str name)
{
    return map_get(&interface->type_names, name);
}

const struct wit_type *wit_type_root(const struct wit_type *type)
{
    while (type->kind == WIT_ALIAS)
        type = type->target;
    return type;
}

bool wit_is_composite(const struct wit_type *type)
{
    switch (wit_type_root(type)->kind) {
    case WIT_RECORD:
    case WIT_TUPLE:
    case WIT_VARIANT:
    case WIT_OPTION:
    case WIT_RESULT:
    case WIT_LIST:
    case WIT_FIXED_LIST:
    case WIT_MAP:
        return true;
    default:
        return false;
    }
}

struct wit_interface *wit_type_used_from(const struct wit_type *type)
{
    if (type->kind != WIT_ALIAS || !type->target->interface || type->target->interface == type->interface)
        return NULL;
    return type->target->interface;
}

/* Tells "[method]blob.read" apart: *name loses the mark; the part after the dot is the item. */
static enum wit_function_kind function_kind(struct str *item)
{
    enum wit_function_kind kind = WIT_FREESTANDING;
    if (str_skip(item, STR("[constructor]"))) {
        *item = STR("");
        return WIT_CONSTRUCTOR;
    }
    if (str_skip(item, STR("[method]")))
        kind = WIT_METHOD;
    else if (str_skip(item, STR("[static]")))
        kind = WIT_STATIC;
    size_t dot = str_find_char(*item, '.');
    if (kind != WIT_FREESTANDING && dot != STR_NONE)
        *item = str_from(*item, dot + 1);
    return kind;
}

struct wit_function *wit_function_new(struct wit_model *model, struct str name, const struct wit_type *resource)
{
    struct wit_function *function = ARENA_NEW(&model->arena, struct wit_function);
    model->item_count++;
    function->name = function->item = name;
    function->kind = function_kind(&function->item);
    bug_unless((resource != NULL) == (function->kind != WIT_FREESTANDING));
    function->resource = resource;
    return function;
}

void wit_function_add_param(struct wit_model *model, struct wit_function *function, struct str name, const struct wit_type *type)
{
    model->item_count++;
    wit_vec_push(&model->arena, &function->params, ((struct wit_param){name, type}));
}

void wit_function_set_result(struct wit_function *function, const struct wit_type *type)
{
    function->result = type;
}

enum status wit_interface_add_function(struct wit_model *model, struct wit_interface *interface, struct wit_function *function,
                                       struct error *err)
{
    if (map_has(&interface->function_names, function->name))
        return fail(err, ST_EXISTS, "interface `%.*s` already has a function named `%.*s`", STR_ARG(interface->name),
                    STR_ARG(function->name));
    wit_vec_push(&model->arena, &interface->functions, function);
    map_set(&interface->function_names, function->name, function);
    return ST_OK;
}

struct wit_function *wit_interface_function(const struct wit_interface *interface, struct str name)
{
    return map_get(&interface->function_names, name);
}

enum status wit_world_define(struct wit_model *model, struct wit_world *world, struct str name, struct wit_type *type,
                             struct error *err)
{
    if (wit_items_find(&world->imports, name, NULL))
        return fail(err, ST_EXISTS, "world `%.*s` already imports `%.*s`", STR_ARG(world->name), STR_ARG(name));
    type->name = name;
    type->world = world;
    wit_items_add(model, &world->imports, (struct wit_world_item){.kind = WIT_ITEM_TYPE, .name = name, .type = type});
    return ST_OK;
}

static struct str item_key(struct str name, const struct wit_interface *interface)
{
    return name.len ? name : wit_interface_key(interface);
}

struct wit_world_item *wit_items_add(struct wit_model *model, struct wit_items *items, struct wit_world_item item)
{
    model->item_count++;
    wit_vec_push(&model->arena, items, item);
    map_set(&items->names, item_key(item.name, item.interface), (void *)(uintptr_t)items->len);
    return &items->items[items->len - 1];
}

struct wit_world_item *wit_items_find(const struct wit_items *items, struct str name, const struct wit_interface *interface)
{
    uintptr_t position = (uintptr_t)map_get(&items->names, item_key(name, interface));
    return position ? &items->items[position - 1] : NULL;
}

struct wit_world_item *wit_world_add_interface(struct wit_model *model, struct wit_world *world, bool import, struct str name,
                                               struct wit_interface *interface)
{
    struct wit_world_item item = {.kind = WIT_ITEM_INTERFACE, .name = name, .interface = interface};
    return wit_items_add(model, import ? &world->imports : &world->exports, item);
}

struct wit_world_item *wit_world_add_function(struct wit_model *model, struct wit_world *world, bool import,
                                              struct wit_function *function)
{
    struct wit_world_item item = {.kind = WIT_ITEM_FUNCTION, .name = function->name, .function = function};
    return wit_items_add(model, import ? &world->imports : &world->exports, item);
}

/* Package ordering: depth first over what interfaces use, each package once. `state` is 0 new, 1 on the path, 2 done. */
struct sorter {
    struct wit_model *model;
    struct wit_package **sorted;
    size_t count;
    struct error *err;
};

static enum status sort_package(struct sorter *sorter, struct wit_package *package);

static enum status sort_after_uses(struct sorter *sorter, const struct wit_package *package, const struct wit_interface *interface)
{
    map_each (entry, &interface->uses) {
        struct wit_interface *from = entry->value;
        if (from->package != package)
            TRY(sort_package(sorter, from->package));
    }
    return ST_OK;
}

static enum status sort_package(struct sorter *sorter, struct wit_package *package)
{
    if (package->sort_state == 2)
        return ST_OK;
    if (package->sort_state == 1)
        return fail(sorter->err, ST_INVALID, "package `%.*s` depends on itself through other packages",
                    STR_ARG(package->full_name));
    package->sort_state = 1;
    for (size_t i = 0; i < package->interfaces.len; i++)
        TRY(sort_after_uses(sorter, package, package->interfaces.items[i]));
    package->sort_state = 2;
    sorter->sorted[sorter->count++] = package;
    return ST_OK;
}

enum status wit_model_sort_packages(struct wit_model *model, struct wit_package *last, struct error *err)
{
    size_t count = model->packages.len;
    if (count > WIT_MAX_PACKAGES)
        return fail(err, ST_LIMIT, "more than %u packages", WIT_MAX_PACKAGES);
    struct sorter sorter = {model, ARENA_ARRAY(&model->arena, struct wit_package *, count), 0, err};
    for (size_t i = 0; i < count; i++)
        model->packages.items[i]->sort_state = 0;
    if (last)
        last->sort_state = 2; /* placed by hand below */
    for (size_t i = 0; i < count; i++)
        TRY(sort_package(&sorter, model->packages.items[i]));
    if (last)
        sorter.sorted[sorter.count++] = last;
    memcpy(model->packages.items, sorter.sorted, count * sizeof *sorter.sorted);
    return ST_OK;
}

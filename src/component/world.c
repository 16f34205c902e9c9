#include "component/world.h"

#include "component/idmap.h"
#include "component/ir.h"
#include "wit/print.h"

/* Reads types into a model. A type of the component is known by its deftype: each name that it is imported or exported under. */
struct world_reader {
    struct wit_model *model;
    struct error *err;
    struct idmap types; /* deftype id -> struct wit_type * */
    struct map named;   /* full names -> interfaces written out in the package being read, when that is a WIT package */
};

/* Where a type or function is listed: one of them. */
struct owner {
    struct wit_interface *interface;
    struct wit_world *world;
};

/* --- types ----------------------------------------------------------------------------------------------------------- */

static const struct wit_type *known_type(const struct world_reader *r, const struct cm_deftype *type)
{
    for (; type; type = type->alias_of) {
        const struct wit_type *known = idmap_get(&r->types, type->id);
        if (known)
            return known;
    }
    return NULL;
}

static enum status convert(struct world_reader *r, const struct cm_deftype *type, const struct wit_type **ret_type);

static enum status convert_optional(struct world_reader *r, const struct cm_deftype *type, const struct wit_type **ret_type)
{
    *ret_type = NULL;
    return type ? convert(r, type, ret_type) : ST_OK;
}

static enum wit_kind wit_kind_of(enum cm_kind kind)
{
    static const uint8_t kinds[] = {
        [CM_BOOL] = WIT_BOOL,
        [CM_S8] = WIT_S8,
        [CM_U8] = WIT_U8,
        [CM_S16] = WIT_S16,
        [CM_U16] = WIT_U16,
        [CM_S32] = WIT_S32,
        [CM_U32] = WIT_U32,
        [CM_S64] = WIT_S64,
        [CM_U64] = WIT_U64,
        [CM_F32] = WIT_F32,
        [CM_F64] = WIT_F64,
        [CM_CHAR] = WIT_CHAR,
        [CM_STRING] = WIT_STRING,
        [CM_ERROR_CONTEXT] = WIT_ERROR_CONTEXT,
        [CM_RECORD] = WIT_RECORD,
        [CM_TUPLE] = WIT_TUPLE,
        [CM_VARIANT] = WIT_VARIANT,
        [CM_ENUM] = WIT_ENUM,
        [CM_OPTION] = WIT_OPTION,
        [CM_RESULT] = WIT_RESULT,
        [CM_FLAGS] = WIT_FLAGS,
        [CM_LIST] = WIT_LIST,
        [CM_FIXED_LIST] = WIT_FIXED_LIST,
        [CM_MAP] = WIT_MAP,
        [CM_OWN] = WIT_OWN,
        [CM_BORROW] = WIT_BORROW,
        [CM_STREAM] = WIT_STREAM,
        [CM_FUTURE] = WIT_FUTURE,
    };
    return kinds[kind];
}

static enum status convert_fields(struct world_reader *r, const struct cm_deftype *type, struct wit_type *made)
{
    for (uint32_t i = 0; i < type->part_count; i++) {
        const struct wit_type *field;
        TRY(convert_optional(r, type->parts[i].type, &field));
        wit_type_add_field(r->model, made, type->parts[i].name, field);
    }
    return wit_model_check_size(r->model, r->err);
}

static enum status convert_handle(struct world_reader *r, const struct cm_deftype *type, struct wit_type **ret_type)
{
    const struct wit_type *resource = known_type(r, type->element);
    if (!resource)
        return fail(r->err, ST_INVALID,
                    "WIT cannot describe this component: it uses a resource type that has no name where it is used");
    *ret_type = wit_type_new(r->model, wit_kind_of(type->value->kind), resource, NULL);
    return ST_OK;
}

/* The type written out, without a name. */
static enum status convert_definition(struct world_reader *r, const struct cm_deftype *type, struct wit_type **ret_type)
{
    enum cm_kind kind = type->value->kind;
    const struct wit_type *first, *second;
    if (kind == CM_OWN || kind == CM_BORROW)
        return convert_handle(r, type, ret_type);
    if (kind <= CM_ERROR_CONTEXT) {
        *ret_type = wit_type_new(r->model, WIT_ALIAS, wit_primitive(wit_kind_of(kind)), NULL);
        return ST_OK;
    }
    TRY(convert_optional(r, type->element, &first));
    TRY(convert_optional(r, type->second, &second));
    if (kind == CM_MAP)
        *ret_type = wit_type_new(r->model, WIT_MAP, second, first); /* key, value */
    else
        *ret_type = wit_type_new(r->model, wit_kind_of(kind), first, second);
    if (kind == CM_FIXED_LIST)
        (*ret_type)->length = type->value->count;
    return convert_fields(r, type, *ret_type);
}

/* A type where it is used. */
static enum status convert(struct world_reader *r, const struct cm_deftype *type, const struct wit_type **ret_type)
{
    enum cm_kind kind = type->value->kind;
    struct wit_type *made = NULL;
    *ret_type = idmap_get(&r->types, type->id);
    if (*ret_type)
        return ST_OK;
    if (kind <= CM_ERROR_CONTEXT) {
        *ret_type = wit_primitive(wit_kind_of(kind));
        return ST_OK;
    }
    if (kind == CM_RECORD || kind == CM_VARIANT || kind == CM_ENUM || kind == CM_FLAGS)
        return fail(r->err, ST_INVALID, "WIT cannot describe this component: unexpected unnamed type of kind '%s'",
                    cm_kind_name(kind));
    TRY(convert_definition(r, type, &made));
    idmap_set(&r->types, type->id, made);
    *ret_type = made;
    return ST_OK;
}

/* An exported or imported type: a new one, or another name of one that is known. */
static enum status define_type(struct world_reader *r, const struct cm_named_extern *item, struct owner owner)
{
    const struct cm_deftype *type = item->type.type, *original = type->alias_of ? type->alias_of : type;
    struct str name = item->name.text;
    const struct wit_type *known = known_type(r, original);
    struct wit_type *made = NULL;
    if (idmap_has(&r->types, type->id))
        return fail(r->err, ST_INVALID, "cannot represent this component in WIT: the type `%.*s` appears more than once",
                    STR_ARG(name));
    if (known)
        made = wit_type_new(r->model, WIT_ALIAS, known, NULL);
    else if (original->kind == CM_DEFTYPE_RESOURCE)
        made = wit_type_new(r->model, WIT_RESOURCE, NULL, NULL);
    else if (original->kind == CM_DEFTYPE_VALUE)
        TRY(convert_definition(r, original, &made));
    else
        return fail(r->err, ST_INVALID, "cannot represent this component in WIT: `%.*s` is not a value or resource type",
                    STR_ARG(name));
    made->notes.external_id = item->name.external_id;
    made->notes.has_external_id = item->name.has_external_id;
    if (owner.interface)
        TRY(wit_interface_define(r->model, owner.interface, name, made, r->err));
    else
        TRY(wit_world_define(r->model, owner.world, name, made, r->err));
    idmap_set(&r->types, type->id, made);
    return wit_model_check_size(r->model, r->err);
}

/* --- functions ------------------------------------------------------------------------------------------------------- */

static const struct wit_type *owner_type(struct owner owner, struct str name)
{
    if (owner.interface)
        return wit_interface_type(owner.interface, name);
    const struct wit_world_item *item = wit_items_find(&owner.world->imports, name, NULL);
    return item && item->kind == WIT_ITEM_TYPE ? item->type : NULL;
}

static enum status make_function(struct world_reader *r, const struct cm_named_extern *item, struct owner owner,
                                 struct wit_function **ret_function)
{
    const struct cm_deftype *func = item->type.type;
    const struct wit_type *resource = NULL, *type;
    struct str about = item->name.parsed.resource;
    if (item->name.parsed.kind == CM_NAME_INTERFACE)
        return fail(r->err, ST_INVALID,
                    "cannot represent this component in WIT: the name of function `%.*s` is that of an interface",
                    STR_ARG(item->name.text));
    if (about.len) {
        resource = owner_type(owner, about);
        if (!resource)
            return fail(r->err, ST_INVALID, "cannot represent this component in WIT: `%.*s` is about a resource of elsewhere",
                        STR_ARG(item->name.text));
    }
    struct wit_function *made = wit_function_new(r->model, item->name.text, resource);
    made->is_async = func->func->is_async;
    made->notes.external_id = item->name.external_id;
    made->notes.has_external_id = item->name.has_external_id;
    for (uint32_t i = 0; i < func->part_count; i++) {
        TRY(convert(r, func->parts[i].type, &type));
        wit_function_add_param(r->model, made, func->parts[i].name, type);
    }
    TRY(convert_optional(r, func->element, &type));
    wit_function_set_result(made, type);
    *ret_function = made;
    return wit_model_check_size(r->model, r->err);
}

/* --- interfaces ------------------------------------------------------------------------------------------------------ */

static enum status interface_item(struct world_reader *r, const struct cm_named_extern *item, struct wit_interface *interface,
                                  bool complete)
{
    struct owner owner = {.interface = interface};
    struct wit_function *function = NULL;
    struct wit_type *before;
    if (item->type.sort == CM_SORT_TYPE) {
        before = wit_interface_type(interface, item->name.text);
        if (before)
            idmap_set(&r->types, item->type.type->id, before);
        else if (!complete)
            return define_type(r, item, owner);
        if (before)
            return ST_OK;
    } else if (item->type.sort == CM_SORT_FUNC) {
        if (wit_interface_function(interface, item->name.text))
            return ST_OK;
        if (!complete) {
            TRY(make_function(r, item, owner, &function));
            return wit_interface_add_function(r->model, interface, function, r->err);
        }
    } else {
        return fail(r->err, ST_INVALID, "cannot represent this component in WIT: `%.*s` is neither a type nor a function",
                    STR_ARG(item->name.text));
    }
    return fail(r->err, ST_INVALID, "`%.*s` is not defined in its interface", STR_ARG(item->name.text));
}

/* Adds what `instance` has to what is known of the interface. complete: there must not be more. */
static enum status fill_interface(struct world_reader *r, const struct cm_deftype *instance, struct wit_interface *interface,
                                  bool complete)
{
    const struct cm_externs *exports = &instance->instance->exports;
    for (uint32_t i = 0; i < exports->count; i++)
        TRY(interface_item(r, &exports->items[i], interface, complete));
    return ST_OK;
}

static enum status package_of(struct world_reader *r, const struct cm_name *name, struct wit_package **ret_package)
{
    if (name->kind != CM_NAME_INTERFACE)
        return fail(r->err, ST_INVALID, "`%.*s` is not the full name of an interface or world", STR_ARG(name->text));
    if (r->model->packages.len >= WIT_MAX_PACKAGES)
        return fail(r->err, ST_LIMIT, "more than %u packages", WIT_MAX_PACKAGES);
    *ret_package = wit_package_add(r->model, name->namespace_, name->package, name->version.text.len ? &name->version : NULL);
    return ST_OK;
}

/* An interface under its full name: one of the package being read, or of another, which is filled in as it is met. */
static enum status interface_by_name(struct world_reader *r, const struct cm_name *name, const struct cm_deftype *instance,
                                     struct wit_interface **ret_interface)
{
    struct wit_package *package;
    struct wit_interface *interface = map_get(&r->named, name->text);
    bool complete = interface != NULL;
    if (!complete) {
        TRY(package_of(r, name, &package));
        interface = wit_package_interface(package, name->label);
    }
    if (!interface)
        interface = wit_interface_add(r->model, package, name->label);
    *ret_interface = interface;
    return fill_interface(r, instance, interface, complete);
}

/* --- worlds ---------------------------------------------------------------------------------------------------------- */

static enum status world_instance(struct world_reader *r, const struct cm_named_extern *item, struct wit_world *world, bool import)
{
    struct wit_interface *interface;
    struct cm_name name = item->name.parsed;
    struct str plain = item->name.text;
    if (item->name.implements.data) {
        TRY(cm_name_parse(item->name.implements, &name, r->err));
        TRY(interface_by_name(r, &name, item->type.type, &interface));
    } else if (name.kind == CM_NAME_INTERFACE) {
        plain = STR("");
        TRY(interface_by_name(r, &name, item->type.type, &interface));
    } else {
        interface = wit_interface_add(r->model, world->package, STR(""));
        TRY(fill_interface(r, item->type.type, interface, false));
    }
    if (wit_items_find(import ? &world->imports : &world->exports, plain, interface))
        return fail(r->err, ST_INVALID, "cannot represent this component in WIT: `%.*s` appears twice", STR_ARG(item->name.text));
    struct wit_world_item *added = wit_world_add_interface(r->model, world, import, plain, interface);
    added->notes.external_id = item->name.external_id;
    added->notes.has_external_id = item->name.has_external_id;
    return wit_model_check_size(r->model, r->err);
}

/* strict: what WIT has no word for is an error; else it is passed over, for imports of components. */
static enum status world_item(struct world_reader *r, const struct cm_named_extern *item, struct wit_world *world, bool import,
                              bool strict)
{
    struct owner owner = {.world = world};
    struct wit_function *function = NULL;
    struct wit_items *items = import ? &world->imports : &world->exports;
    bool plain = item->type.sort == CM_SORT_FUNC || item->type.sort == CM_SORT_TYPE;
    if (plain && wit_items_find(items, item->name.text, NULL))
        return fail(r->err, ST_INVALID, "cannot represent this component in WIT: `%.*s` appears twice", STR_ARG(item->name.text));
    if (item->type.sort == CM_SORT_INSTANCE)
        return world_instance(r, item, world, import);
    if (item->type.sort == CM_SORT_FUNC) {
        TRY(make_function(r, item, owner, &function));
        wit_world_add_function(r->model, world, import, function);
        return ST_OK;
    }
    if (item->type.sort == CM_SORT_TYPE && import)
        return define_type(r, item, owner);
    if (import && !strict)
        return ST_OK;
    return fail(r->err, ST_INVALID,
                "cannot represent this component in WIT: %s `%.*s` is not an interface, function or imported type",
                import ? "import" : "export", STR_ARG(item->name.text));
}

/* The same for a world that may have the item already, from another encoding of it: then its types are those, and what an interface
 * lacks is added. */
static enum status merge_item(struct world_reader *r, const struct cm_named_extern *item, struct wit_world *world, bool import)
{
    struct wit_items *items = import ? &world->imports : &world->exports;
    const struct wit_world_item *known = wit_items_find(items, item->name.text, NULL);
    struct wit_interface *interface;
    if (known && item->type.sort == CM_SORT_TYPE && known->kind == WIT_ITEM_TYPE) {
        idmap_set(&r->types, item->type.type->id, known->type);
        return ST_OK;
    }
    if (known && item->type.sort == CM_SORT_FUNC && known->kind == WIT_ITEM_FUNCTION)
        return ST_OK;
    if (known && item->type.sort == CM_SORT_INSTANCE && known->kind == WIT_ITEM_INTERFACE)
        return fill_interface(r, item->type.type, known->interface, false);
    if (!known && item->type.sort == CM_SORT_INSTANCE && item->name.parsed.kind == CM_NAME_INTERFACE) {
        TRY(interface_by_name(r, &item->name.parsed, item->type.type, &interface));
        if (wit_items_find(items, STR(""), interface))
            return ST_OK;
    }
    return world_item(r, item, world, import, true);
}

/* A concrete component: its imports and exports in the order in which it has them. */
static enum status read_component(struct world_reader *r, const struct cm_body *root, struct wit_package **ret_package,
                                  struct wit_world **ret_world)
{
    struct wit_package *package = wit_package_add(r->model, STR("root"), STR("component"), NULL);
    struct wit_world *world = wit_world_add(r->model, package, STR("root"));
    for (uint32_t i = 0; i < root->def_count; i++) {
        const struct cm_def *def = &root->defs[i];
        bool import = def->kind == CM_DEF_IMPORT;
        if (!import && def->kind != CM_DEF_EXPORT)
            continue;
        const struct cm_named_extern item = {.name = import ? def->import.name : def->export_.name,
                                             .type = root->items[def->sort][def->index]};
        if (world_item(r, &item, world, import, false) != ST_OK)
            return fail_wrap(r->err, "%s `%.*s`", import ? "import" : "export", STR_ARG(item.name.text));
    }
    *ret_package = package;
    *ret_world = world;
    return ST_OK;
}

/* --- WIT packages ---------------------------------------------------------------------------------------------------- */

/* An interface that the package itself defines. */
static enum status define_interface(struct world_reader *r, const struct cm_named_extern *item)
{
    struct wit_package *package;
    struct wit_interface *interface;
    if (map_has(&r->named, item->name.text))
        return interface_by_name(r, &item->name.parsed, item->type.type, &interface);
    TRY(package_of(r, &item->name.parsed, &package));
    if (wit_package_interface(package, item->name.parsed.label))
        return fail(r->err, ST_INVALID, "interface `%.*s` is defined twice", STR_ARG(item->name.text));
    interface = wit_interface_add(r->model, package, item->name.parsed.label);
    map_set(&r->named, item->name.text, interface);
    return fill_interface(r, item->type.type, interface, false);
}

static enum status define_world(struct world_reader *r, const struct cm_named_extern *item)
{
    struct wit_package *package;
    const struct cm_component_type *type = item->type.type->component;
    TRY(package_of(r, &item->name.parsed, &package));
    if (wit_package_world(package, item->name.parsed.label))
        return fail(r->err, ST_INVALID, "world `%.*s` is defined twice", STR_ARG(item->name.text));
    struct wit_world *world = wit_world_add(r->model, package, item->name.parsed.label);
    for (uint32_t i = 0; i < type->imports.count; i++)
        TRY(world_item(r, &type->imports.items[i], world, true, true));
    for (uint32_t i = 0; i < type->exports.count; i++)
        TRY(world_item(r, &type->exports.items[i], world, false, true));
    return ST_OK;
}

/* Interfaces of other packages that a package or interface imports. */
static enum status read_dependencies(struct world_reader *r, const struct cm_externs *imports)
{
    struct wit_interface *interface;
    for (uint32_t i = 0; i < imports->count; i++) {
        const struct cm_named_extern *item = &imports->items[i];
        if (item->type.sort != CM_SORT_INSTANCE)
            return fail(r->err, ST_INVALID, "import `%.*s` is not an instance", STR_ARG(item->name.text));
        TRY(interface_by_name(r, &item->name.parsed, item->type.type, &interface));
    }
    return ST_OK;
}

static enum status define_item(struct world_reader *r, const struct cm_named_extern *item)
{
    if (item->type.sort == CM_SORT_INSTANCE)
        return define_interface(r, item);
    if (item->type.sort == CM_SORT_COMPONENT)
        return define_world(r, item);
    return fail(r->err, ST_INVALID, "component export `%.*s` is not an instance or component", STR_ARG(item->name.text));
}

/* All of a package as one component type, exported as "ns:name/wit". */
static enum status read_package_v1(struct world_reader *r, const struct cm_externs *exports, struct wit_package **ret_package)
{
    if (exports->count != 1)
        return fail(r->err, ST_INVALID, "more than one top-level exported component type found");
    const struct cm_component_type *type = exports->items[0].type.type->component;
    TRY(read_dependencies(r, &type->imports));
    TRY(package_of(r, &exports->items[0].name.parsed, ret_package));
    for (uint32_t i = 0; i < type->exports.count; i++)
        if (define_item(r, &type->exports.items[i]) != ST_OK)
            return fail_wrap(r->err, "failed to process export `%.*s`", STR_ARG(type->exports.items[i].name.text));
    return ST_OK;
}

/* One component type for each interface and world, exported under its plain name. */
static enum status read_package_v2(struct world_reader *r, const struct cm_externs *exports, struct wit_package **ret_package)
{
    struct wit_package *package, *first = NULL;
    for (uint32_t i = 0; i < exports->count; i++) {
        const struct cm_component_type *type = exports->items[i].type.type->component;
        if (type->exports.count != 1)
            return fail(r->err, ST_INVALID, "expected a single export, but found %u instead", type->exports.count);
        const struct cm_named_extern *item = &type->exports.items[0];
        if (item->type.sort == CM_SORT_INSTANCE)
            TRY(read_dependencies(r, &type->imports));
        TRY(define_item(r, item));
        TRY(package_of(r, &item->name.parsed, &package));
        if (first && first != package)
            return fail(r->err, ST_INVALID, "item defined with mismatched package name");
        first = package;
    }
    *ret_package = first;
    return ST_OK;
}

/* 0: a component; 1, 2: a WIT package in that version of its encoding. */
static int package_encoding(const struct cm_component_type *type)
{
    if (type->imports.count || !type->exports.count)
        return 0;
    for (uint32_t i = 0; i < type->exports.count; i++) {
        const struct cm_extern *item = &type->exports.items[i].type;
        if (item->sort != CM_SORT_TYPE || item->type->kind != CM_DEFTYPE_COMPONENT)
            return 0;
    }
    const struct cm_name *name = &type->exports.items[0].name.parsed;
    if (name->kind == CM_NAME_INTERFACE)
        return str_is(name->label, "wit") ? 1 : 0;
    return name->kind == CM_NAME_LABEL ? 2 : 0;
}

/* --- a guest's world ------------------------------------------------------------------------------------------------- */

#define WORLD_ENCODING_VERSION 4

static enum status merge_type(struct world_reader *r, const struct cm_component_type *type, struct wit_world *world)
{
    for (uint32_t i = 0; i < type->imports.count; i++)
        TRY(merge_item(r, &type->imports.items[i], world, true));
    for (uint32_t i = 0; i < type->exports.count; i++)
        TRY(merge_item(r, &type->exports.items[i], world, false));
    return ST_OK;
}

static enum status merge_world(struct world_reader *r, const struct cm_ir *ir, struct wit_world *world, uint8_t *ret_encoding)
{
    struct str header = ir->wit_encoding;
    const struct cm_externs *exports = &ir->root->type->exports;
    if (header.len != 2 || header.data[0] != WORLD_ENCODING_VERSION || (uint8_t)header.data[1] > WIT_ENCODING_LATIN1_UTF16)
        return fail(r->err, ST_UNSUPPORTED, "its custom section `wit-component-encoding` is missing or not of version %d",
                    WORLD_ENCODING_VERSION);
    if (package_encoding(ir->root->type) != 2 || exports->count != 1)
        return fail(r->err, ST_INVALID, "it is not the encoding of a world");
    exports = &exports->items[0].type.type->component->exports;
    if (exports->count != 1 || exports->items[0].type.sort != CM_SORT_COMPONENT)
        return fail(r->err, ST_INVALID, "it is not the encoding of a world");
    *ret_encoding = (uint8_t)header.data[1];
    return merge_type(r, exports->items[0].type.type->component, world);
}

enum status cm_world_merge(struct str bytes, struct arena *arena, struct wit_model *model, struct wit_world *world,
                           enum wit_string_encoding *ret_encoding, struct error *err)
{
    struct cm_ir ir;
    uint8_t encoding = 0;
    struct cm_types *types = cm_types_new(arena);
    struct world_reader r = {.model = model, .err = err};
    enum status status = cm_decode(bytes, CM_GATE_ALL, types, &ir, err);
    if (status == ST_OK)
        status = merge_world(&r, &ir, world, &encoding);
    if (status == ST_OK)
        *ret_encoding = (enum wit_string_encoding)encoding;
    idmap_release(&r.types);
    map_release(&r.named);
    cm_types_release(types);
    return status;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

static enum status read_model(struct world_reader *r, const struct cm_ir *ir, struct wit_package **ret_package,
                              struct wit_world **ret_world)
{
    *ret_world = NULL;
    switch (package_encoding(ir->root->type)) {
    case 0:
        TRY(read_component(r, ir->root, ret_package, ret_world));
        break;
    case 1:
        TRY(read_package_v1(r, &ir->root->type->exports, ret_package));
        break;
    default:
        TRY(read_package_v2(r, &ir->root->type->exports, ret_package));
        break;
    }
    TRY(wit_model_sort_packages(r->model, *ret_package, r->err));
    return ir->package_docs.data ? cm_package_docs_apply(ir->package_docs, r->model, *ret_package, r->err) : ST_OK;
}

enum status cm_world_model(struct str bytes, struct arena *arena, struct wit_model *model, struct wit_package **ret_package,
                           struct wit_world **ret_world, struct error *err)
{
    struct cm_ir ir;
    struct error unread;
    err = err ? err : &unread;
    struct cm_types *types = cm_types_new(arena);
    struct world_reader r = {.model = model, .err = err};
    enum status status = cm_decode(bytes, CM_GATE_ALL, types, &ir, err);
    if (status == ST_OK)
        status = read_model(&r, &ir, ret_package, ret_world);
    idmap_release(&r.types);
    map_release(&r.named);
    cm_types_release(types);
    return status;
}

enum status cm_world_wit(struct str bytes, struct buf *out, struct error *err)
{
    struct arena arena;
    struct wit_model model;
    struct wit_package *package = NULL;
    struct wit_world *world;
    arena_init(&arena, CM_LIMIT_ARENA_BYTES);
    wit_model_init(&model);
    enum status status = cm_world_model(bytes, &arena, &model, &package, &world, err);
    if (status == ST_OK)
        status = wit_print(&model, package, out, err);
    wit_model_release(&model);
    arena_release(&arena);
    return status;
}

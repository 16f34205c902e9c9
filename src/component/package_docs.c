/* The custom section `package-docs`: documentation and stability of a package's items, as JSON after a version byte
 * (wit-component's format, versions 0 and 1). Unknown keys and names of things that are not there are errors, as they are for
 * wasm-tools. */
#include "component/world.h"

#include "base/mem.h"

#include <jansson.h>

struct docs_reader {
    struct wit_model *model;
    struct error *err;
};

typedef enum status (*member_fn)(struct docs_reader *r, void *env, struct str name, json_t *value);

static enum status malformed(struct docs_reader *r, const char *what, struct str name)
{
    return fail(r->err, ST_INVALID, "custom section `package-docs`: %s `%.*s`", what, STR_ARG(name));
}

static struct str text_of(struct docs_reader *r, json_t *value)
{
    return arena_str(&r->model->arena, str_n(json_string_value(value), json_string_length(value)));
}

/* Calls `fn` for each member of an object. */
static enum status each_member(struct docs_reader *r, json_t *object, struct str what, member_fn fn, void *env)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return malformed(r, "expected an object in", what);
    json_object_foreach(object, key, value) TRY(fn(r, env, str_of(key), value));
    return ST_OK;
}

static enum status read_text(struct docs_reader *r, struct str name, json_t *value, struct str *ret_text)
{
    if (json_is_null(value))
        return ST_OK;
    if (!json_is_string(value))
        return malformed(r, "expected a string in", name);
    *ret_text = text_of(r, value);
    return ST_OK;
}

/* --- stability ------------------------------------------------------------------------------------------------------- */

static enum status read_version(struct docs_reader *r, struct str name, json_t *value, struct wit_version *ret_version)
{
    if (!json_is_string(value))
        return malformed(r, "expected a version in", name);
    return wit_version_parse(text_of(r, value), ret_version, r->err);
}

static enum status stability_member(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_stability *stability = env;
    if (str_is(name, "since") && stability->gate == WIT_SINCE)
        return read_version(r, name, value, &stability->since);
    if (str_is(name, "feature") && stability->gate == WIT_UNSTABLE)
        return read_text(r, name, value, &stability->feature);
    if (str_is(name, "deprecated"))
        return json_is_null(value) ? ST_OK : read_version(r, name, value, &stability->deprecated);
    return malformed(r, "unknown key", name);
}

static enum status stability_kind(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_stability *stability = env;
    *stability = (struct wit_stability){.gate = str_is(name, "stable") ? WIT_SINCE : WIT_UNSTABLE};
    if (stability->gate == WIT_UNSTABLE && !str_is(name, "unstable"))
        return malformed(r, "unknown stability", name);
    return each_member(r, value, name, stability_member, stability);
}

/* "unknown", {"stable": {"since": ..}} or {"unstable": {"feature": ..}}. */
static enum status read_stability(struct docs_reader *r, json_t *value, struct wit_stability *stability)
{
    if (json_is_string(value) && str_is(str_of(json_string_value(value)), "unknown"))
        return ST_OK;
    return each_member(r, value, STR("stability"), stability_kind, stability);
}

/* --- items ----------------------------------------------------------------------------------------------------------- */

static enum status notes_member(struct docs_reader *r, struct wit_notes *notes, struct str name, json_t *value)
{
    if (str_is(name, "docs"))
        return read_text(r, name, value, &notes->docs);
    if (str_is(name, "stability"))
        return read_stability(r, value, &notes->stability);
    return malformed(r, "unknown key", name);
}

static enum status function_member(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_function *function = env;
    return notes_member(r, &function->notes, name, value);
}

/* Version 0 had the documentation alone. */
static enum status read_function(struct docs_reader *r, struct str name, struct wit_function *function, json_t *value)
{
    if (!function)
        return malformed(r, "missing func", name);
    if (json_is_object(value))
        return each_member(r, value, name, function_member, function);
    return read_text(r, name, value, &function->notes.docs);
}

static enum status field_docs(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_type *type = env;
    for (size_t i = 0; i < type->fields.len; i++)
        if (str_eq(type->fields.items[i].name, name))
            return read_text(r, name, value, &type->fields.items[i].docs);
    return malformed(r, "missing field or case", name);
}

static enum status type_member(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_type *type = env;
    if (str_is(name, "items"))
        return each_member(r, value, name, field_docs, type);
    return notes_member(r, &type->notes, name, value);
}

static enum status interface_type(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_type *type = wit_interface_type(env, name);
    return type ? each_member(r, value, name, type_member, type) : malformed(r, "missing type", name);
}

static enum status interface_function(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    return read_function(r, name, wit_interface_function(env, name), value);
}

static enum status interface_member(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_interface *interface = env;
    if (str_is(name, "types"))
        return each_member(r, value, name, interface_type, interface);
    if (str_is(name, "funcs"))
        return each_member(r, value, name, interface_function, interface);
    return notes_member(r, &interface->notes, name, value);
}

/* --- worlds ---------------------------------------------------------------------------------------------------------- */

/* By plain name, or by the interface's full name. */
static struct wit_world_item *find_item(struct docs_reader *r, const struct wit_items *items, struct str name,
                                        enum wit_item_kind kind)
{
    for (size_t i = 0; i < items->len; i++) {
        struct wit_world_item *item = &items->items[i];
        if (item->kind != kind)
            continue;
        if (str_eq(item->name, name))
            return item;
        if (kind == WIT_ITEM_INTERFACE && !item->name.len && str_eq(wit_interface_id(r->model, item->interface), name))
            return item;
    }
    return NULL;
}

static struct wit_world_item *find_either(struct docs_reader *r, const struct wit_world *world, struct str name,
                                          enum wit_item_kind kind)
{
    struct wit_world_item *item = find_item(r, &world->imports, name, kind);
    return item ? item : find_item(r, &world->exports, name, kind);
}

static enum status read_inline_interface(struct docs_reader *r, struct str name, struct wit_world_item *item, json_t *value)
{
    if (!item)
        return malformed(r, "missing interface", name);
    TRY(each_member(r, value, name, interface_member, item->interface));
    item->notes.stability = item->interface->notes.stability;
    return ST_OK;
}

static enum status world_interface(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    return read_inline_interface(r, name, find_either(r, env, name, WIT_ITEM_INTERFACE), value);
}

static enum status world_interface_export(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world *world = env;
    return read_inline_interface(r, name, find_item(r, &world->exports, name, WIT_ITEM_INTERFACE), value);
}

static enum status world_function(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world_item *item = find_either(r, env, name, WIT_ITEM_FUNCTION);
    return read_function(r, name, item ? item->function : NULL, value);
}

static enum status world_function_export(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world *world = env;
    struct wit_world_item *item = find_item(r, &world->exports, name, WIT_ITEM_FUNCTION);
    return read_function(r, name, item ? item->function : NULL, value);
}

static enum status world_type(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world *world = env;
    struct wit_world_item *item = find_item(r, &world->imports, name, WIT_ITEM_TYPE);
    return item ? each_member(r, value, name, type_member, item->type) : malformed(r, "missing type", name);
}

static enum status item_stability(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world_item *item = find_item(r, env, name, WIT_ITEM_INTERFACE);
    return item ? read_stability(r, value, &item->notes.stability) : malformed(r, "missing interface", name);
}

static enum status item_docs(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world_item *item = find_item(r, env, name, WIT_ITEM_INTERFACE);
    return item ? read_text(r, name, value, &item->notes.docs) : malformed(r, "missing interface", name);
}

static enum status world_member(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world *world = env;
    const struct {
        const char *key;
        member_fn fn;
        void *env;
    } members[] = {
        {"interfaces", world_interface, world},
        {"interface_exports", world_interface_export, world},
        {"types", world_type, world},
        {"funcs", world_function, world},
        {"func_exports", world_function_export, world},
        {"interface_import_stability", item_stability, &world->imports},
        {"interface_export_stability", item_stability, &world->exports},
        {"interface_import_docs", item_docs, &world->imports},
        {"interface_export_docs", item_docs, &world->exports},
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (str_is(name, members[i].key))
            return each_member(r, value, name, members[i].fn, members[i].env);
    return notes_member(r, &world->notes, name, value);
}

/* --- packages -------------------------------------------------------------------------------------------------------- */

static enum status package_world(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_world *world = wit_package_world(env, name);
    return world ? each_member(r, value, name, world_member, world) : malformed(r, "missing world", name);
}

static enum status package_interface(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_interface *interface = wit_package_interface(env, name);
    return interface ? each_member(r, value, name, interface_member, interface) : malformed(r, "missing interface", name);
}

static enum status package_member(struct docs_reader *r, void *env, struct str name, json_t *value)
{
    struct wit_package *package = env;
    if (str_is(name, "docs"))
        return read_text(r, name, value, &package->docs);
    if (str_is(name, "worlds"))
        return each_member(r, value, name, package_world, package);
    if (str_is(name, "interfaces"))
        return each_member(r, value, name, package_interface, package);
    return malformed(r, "unknown key", name);
}

enum status cm_package_docs_apply(struct str section, struct wit_model *model, struct wit_package *package, struct error *err)
{
    struct docs_reader r = {.model = model, .err = err};
    json_error_t where;
    if (section.len == 0 || (uint8_t)section.data[0] > 1)
        return fail(err, ST_INVALID, "custom section `package-docs`: unknown version");
    json_t *root = json_loadb(section.data + 1, section.len - 1, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return fail(err, ST_INVALID, "custom section `package-docs`: %s", where.text);
    enum status status = each_member(&r, root, STR("package"), package_member, package);
    json_decref(root);
    return status;
}

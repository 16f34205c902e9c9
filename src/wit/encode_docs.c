/* The custom section `package-docs`: a version byte, then documentation and stability as JSON. Keys and their order are
 * wit-component's; what has neither is left out. component/package_docs.c reads it. */
#include "wit/encode_private.h"

#include "base/mem.h"

#define DOCS_VERSION 1
#define MAX_NESTING 8

/* Objects open when their first member is written, so that empty ones leave no trace. */
struct json {
    struct wit_sink *out;
    struct arena *arena;
    struct str keys[MAX_NESTING]; /* of the objects entered */
    unsigned entered, opened;     /* opened of them are written */
    bool first;                   /* nothing yet in the object opened last */
};

static void put_text(struct json *json, struct str text)
{
    if (!json->out->full && buf_append_json(&json->out->buf, text) != ST_OK)
        json->out->full = true;
}

static void put_key(struct json *json, struct str key)
{
    if (!json->first)
        wit_put_byte(json->out, ',');
    json->first = false;
    put_text(json, key);
    wit_put_byte(json->out, ':');
}

/* Opens what was entered, and begins a member. */
static void begin_member(struct json *json, struct str key)
{
    for (; json->opened < json->entered; json->opened++) {
        put_key(json, json->keys[json->opened]);
        wit_put_byte(json->out, '{');
        json->first = true;
    }
    put_key(json, key);
}

static void enter(struct json *json, struct str key)
{
    bug_unless(json->entered < MAX_NESTING);
    json->keys[json->entered++] = key;
}

static void leave(struct json *json)
{
    if (json->opened == json->entered) {
        wit_put_byte(json->out, '}');
        json->opened--;
        json->first = false;
    }
    json->entered--;
}

static void put_member(struct json *json, const char *key, struct str text)
{
    begin_member(json, str_of(key));
    put_text(json, text);
}

/* --- notes ----------------------------------------------------------------------------------------------------------- */

static void put_docs(struct json *json, struct str key, struct str docs)
{
    if (!docs.len)
        return;
    begin_member(json, key);
    put_text(json, docs);
}

static void put_stability(struct json *json, struct str key, const struct wit_stability *stability)
{
    if (stability->gate == WIT_UNGATED)
        return;
    enter(json, key);
    enter(json, stability->gate == WIT_SINCE ? STR("stable") : STR("unstable"));
    if (stability->gate == WIT_SINCE)
        put_member(json, "since", stability->since.text);
    else
        put_member(json, "feature", stability->feature);
    if (wit_version_is_set(&stability->deprecated))
        put_member(json, "deprecated", stability->deprecated.text);
    leave(json);
    leave(json);
}

static void put_notes(struct json *json, const struct wit_notes *notes)
{
    put_docs(json, STR("docs"), notes->docs);
    put_stability(json, STR("stability"), &notes->stability);
}

/* --- items ----------------------------------------------------------------------------------------------------------- */

static void put_function(struct json *json, const struct wit_function *function)
{
    enter(json, function->name);
    put_notes(json, &function->notes);
    leave(json);
}

static void put_type(struct json *json, const struct wit_type *type)
{
    enter(json, type->name);
    put_notes(json, &type->notes);
    enter(json, STR("items"));
    for (size_t i = 0; i < type->fields.len; i++)
        put_docs(json, type->fields.items[i].name, type->fields.items[i].docs);
    leave(json);
    leave(json);
}

static void put_interface(struct json *json, struct str name, const struct wit_interface *interface)
{
    enter(json, name);
    put_notes(json, &interface->notes);
    enter(json, STR("funcs"));
    for (size_t i = 0; i < interface->functions.len; i++)
        put_function(json, interface->functions.items[i]);
    leave(json);
    enter(json, STR("types"));
    for (size_t i = 0; i < interface->types.len; i++)
        put_type(json, interface->types.items[i]);
    leave(json);
    leave(json);
}

/* --- worlds ---------------------------------------------------------------------------------------------------------- */

enum part { INLINE_INTERFACES, TYPES, FUNCTIONS, STABILITY, DOCS };

static void put_item(struct json *json, const struct wit_world_item *item, enum part part)
{
    bool is_interface = item->kind == WIT_ITEM_INTERFACE, is_inline = is_interface && !item->interface->name.len;
    struct str name = item->name;
    if (is_interface && !name.len)
        name = wit_item_id(json->arena, item->interface->package, item->interface->name);
    if (part == INLINE_INTERFACES && is_inline)
        put_interface(json, name, item->interface);
    else if (part == TYPES && item->kind == WIT_ITEM_TYPE)
        put_type(json, item->type);
    else if (part == FUNCTIONS && item->kind == WIT_ITEM_FUNCTION)
        put_function(json, item->function);
    else if (part == STABILITY && is_interface && !is_inline)
        put_stability(json, name, &item->notes.stability);
    else if (part == DOCS && is_interface && !is_inline)
        put_docs(json, name, item->notes.docs);
}

static void put_world(struct json *json, const struct wit_world *world)
{
    const struct {
        const char *key;
        const struct wit_items *items;
        enum part part;
    } parts[] = {
        {"interfaces", &world->imports, INLINE_INTERFACES},
        {"types", &world->imports, TYPES},
        {"funcs", &world->imports, FUNCTIONS},
        {"interface_exports", &world->exports, INLINE_INTERFACES},
        {"func_exports", &world->exports, FUNCTIONS},
        {"interface_import_stability", &world->imports, STABILITY},
        {"interface_export_stability", &world->exports, STABILITY},
        {"interface_import_docs", &world->imports, DOCS},
        {"interface_export_docs", &world->exports, DOCS},
    };
    enter(json, world->name);
    put_notes(json, &world->notes);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        enter(json, str_of(parts[i].key));
        for (size_t k = 0; k < parts[i].items->len; k++)
            put_item(json, &parts[i].items->items[k], parts[i].part);
        leave(json);
    }
    leave(json);
}

void wit_encode_docs(struct arena *arena, const struct wit_package *package, struct wit_sink *out)
{
    struct json json = {.out = out, .arena = arena, .first = true};
    wit_put_byte(out, DOCS_VERSION);
    wit_put_byte(out, '{');
    put_docs(&json, STR("docs"), package->docs);
    enter(&json, STR("worlds"));
    for (size_t i = 0; i < package->worlds.len; i++)
        put_world(&json, package->worlds.items[i]);
    leave(&json);
    enter(&json, STR("interfaces"));
    for (size_t i = 0; i < package->interfaces.len; i++)
        put_interface(&json, package->interfaces.items[i]->name, package->interfaces.items[i]);
    leave(&json);
    wit_put_byte(out, '}');
}

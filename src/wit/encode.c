#include "wit/encode_private.h"

#include "base/mem.h"
#include "base/vec.h"

#define ENCODING_VERSION 4

/* A component type being written, and the interfaces that it has as instances. */
struct encoder {
    struct wit_body *body;
    struct arena *arena;
    struct error *err;
    struct map instances; /* wit_interface_key -> index + 1 */
    struct map aliases;   /* types of these instances: wit_type_key -> index + 1 in `body` */
};

static void encoder_release(struct encoder *e)
{
    map_release(&e->instances);
    map_release(&e->aliases);
}

struct str wit_item_id(struct arena *arena, const struct wit_package *package, struct str item)
{
    return arena_printf(arena, "%.*s:%.*s/%.*s%s%.*s", STR_ARG(package->ns), STR_ARG(package->name), STR_ARG(item),
                        package->version.text.len ? "@" : "", STR_ARG(package->version.text));
}

static struct str interface_id(const struct encoder *e, const struct wit_interface *interface)
{
    return wit_item_id(e->arena, interface->package, interface->name);
}

/* --- interfaces as instance types ------------------------------------------------------------------------------------ */

/* A type of an interface that is an instance already: an alias of its export, and in an instance type an alias of that. */
static enum status foreign_type(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    struct encoder *e = space->env;
    uint32_t instance, alias;
    if (!wit_map_index(&e->instances, wit_interface_key(type->interface), &instance))
        return fail(e->err, ST_INVALID, "type `%.*s` is used before the interface that has it, `%.*s`", STR_ARG(type->name),
                    STR_ARG(type->interface->name));
    if (!wit_map_index(&e->aliases, wit_type_key(type), &alias)) {
        alias = wit_body_alias_export(e->body, instance, WIT_SORT_TYPE, type->name);
        wit_map_set_index(&e->aliases, wit_type_key(type), alias);
    }
    *ret_index = space->body == e->body ? alias : wit_body_alias_outer_type(space->body, 1, alias);
    return ST_OK;
}

/* Functions of resources come first, in the order of their resources, as they do in text. ret_order: positions, caller frees. */
static uint32_t *function_order(const struct wit_interface *interface)
{
    size_t count = interface->functions.len, types = interface->types.len;
    uint32_t *order = mem_array(count + 1, sizeof *order);
    autofree uint32_t *rank = mem_array(count + 1, sizeof *rank), *first = mem_array(types + 2, sizeof *first);
    struct map ranks = {0};
    for (uint32_t i = 0; i < types; i++)
        wit_map_set_index(&ranks, wit_type_key(interface->types.items[i]), i);
    for (size_t i = 0; i < count; i++) {
        const struct wit_type *resource = interface->functions.items[i]->resource;
        if (!resource || !wit_map_index(&ranks, wit_type_key(resource), &rank[i]))
            rank[i] = (uint32_t)types;
        first[rank[i] + 1]++;
    }
    for (size_t i = 1; i < types + 1; i++)
        first[i] += first[i - 1];
    for (uint32_t i = 0; i < count; i++)
        order[first[rank[i]]++] = i;
    map_release(&ranks);
    return order;
}

static enum status put_functions(struct wit_type_space *space)
{
    const struct wit_interface *interface = space->interface;
    autofree uint32_t *order = function_order(interface);
    for (size_t i = 0; i < interface->functions.len; i++) {
        const struct wit_function *function = interface->functions.items[order[i]];
        struct wit_extern_desc desc = {.sort = WIT_SORT_FUNC};
        TRY(wit_encode_function_type(space, function, &desc.type));
        wit_body_declare_export(space->body,
                                (struct wit_extern_name){.text = function->name,
                                                         .external_id = function->notes.external_id,
                                                         .has_external_id = function->notes.has_external_id},
                                desc);
    }
    return ST_OK;
}

static enum status put_interface(struct wit_type_space *space, bool functions)
{
    wit_valtype ignored;
    for (size_t i = 0; i < space->interface->types.len; i++)
        TRY(wit_encode_type(space, space->interface->types.items[i], &ignored));
    return functions ? put_functions(space) : ST_OK;
}

/* Defines the instance type of an interface. functions: whether it has them, or types alone. */
static enum status encode_interface(struct encoder *e, const struct wit_interface *interface, bool functions, uint32_t *ret_type)
{
    autobody struct wit_body body;
    struct wit_type_space space = {
        .body = &body, .interface = interface, .name = wit_name_exported, .foreign = foreign_type, .env = e, .err = e->err};
    wit_body_init(&body, WIT_BODY_INSTANCE_TYPE, e->body->out.buf.max);
    enum status status = put_interface(&space, functions);
    wit_type_space_release(&space);
    TRY(status);
    if (body.out.full || e->body->out.full)
        return fail(e->err, ST_LIMIT, "the encoded WIT is longer than %zu bytes", e->body->out.buf.max);
    *ret_type = wit_body_add_type(e->body, &body);
    return ST_OK;
}

/* --- a package's interfaces ------------------------------------------------------------------------------------------ */

struct used_interfaces {
    struct map seen;
    VEC(const struct wit_interface *) order; /* each behind those it uses */
};

static enum status collect_uses(struct encoder *e, struct used_interfaces *used, const struct wit_interface *interface,
                                unsigned depth)
{
    if (map_set(&used->seen, wit_interface_key(interface), used))
        return ST_OK;
    if (depth > WIT_MAX_INTERFACE_DEPTH)
        return fail(e->err, ST_LIMIT, "interfaces use each other more than %u deep", WIT_MAX_INTERFACE_DEPTH);
    map_each (use, &interface->uses)
        TRY(collect_uses(e, used, use->value, depth + 1));
    vec_push(&used->order, interface);
    return ST_OK;
}

static enum status put_with_uses(struct encoder *e, const struct used_interfaces *used, const struct wit_interface *self)
{
    vec_each (each, &used->order) {
        const struct wit_interface *interface = *each;
        struct wit_extern_desc desc = {.sort = WIT_SORT_INSTANCE};
        struct wit_extern_name name = wit_extern_name(interface_id(e, interface));
        uint32_t index;
        TRY(encode_interface(e, interface, interface == self, &desc.type));
        index = interface == self ? wit_body_declare_export(e->body, name, desc) : wit_body_import(e->body, name, desc);
        wit_map_set_index(&e->instances, wit_interface_key(interface), index);
    }
    return ST_OK;
}

static enum status encode_package_interface(struct encoder *e, const struct wit_interface *interface)
{
    struct used_interfaces used = {0};
    enum status status = collect_uses(e, &used, interface, 0);
    if (status == ST_OK)
        status = put_with_uses(e, &used, interface);
    map_release(&used.seen);
    vec_release(&used.order);
    return status;
}

/* --- worlds ---------------------------------------------------------------------------------------------------------- */

static struct wit_extern_name item_name(const struct encoder *e, const struct wit_world_item *item)
{
    const struct wit_notes *notes = item->kind == WIT_ITEM_FUNCTION ? &item->function->notes : &item->notes;
    struct wit_extern_name name = {
        .text = item->name, .external_id = notes->external_id, .has_external_id = notes->has_external_id};
    if (item->kind == WIT_ITEM_INTERFACE && !item->name.len)
        name.text = interface_id(e, item->interface);
    else if (item->kind == WIT_ITEM_INTERFACE && item->interface->name.len)
        name.implements = interface_id(e, item->interface);
    return name;
}

static enum status encode_item(struct encoder *e, struct wit_type_space *space, const struct wit_world_item *item, bool import)
{
    struct wit_extern_desc desc = {.sort = item->kind == WIT_ITEM_INTERFACE ? WIT_SORT_INSTANCE : WIT_SORT_FUNC};
    wit_valtype ignored;
    if (item->kind == WIT_ITEM_TYPE)
        return wit_encode_type(space, item->type, &ignored);
    if (item->kind == WIT_ITEM_INTERFACE)
        TRY(encode_interface(e, item->interface, true, &desc.type));
    else
        TRY(wit_encode_function_type(space, item->function, &desc.type));
    struct wit_extern_name name = item_name(e, item);
    uint32_t index = import ? wit_body_import(e->body, name, desc) : wit_body_declare_export(e->body, name, desc);
    if (item->kind == WIT_ITEM_INTERFACE)
        wit_map_set_index(&e->instances, wit_interface_key(item->interface), index);
    return ST_OK;
}

static enum status encode_items(struct encoder *e, struct wit_type_space *space, const struct wit_world *world)
{
    for (size_t i = 0; i < world->imports.len; i++)
        TRY(encode_item(e, space, &world->imports.items[i], true));
    for (size_t i = 0; i < world->exports.len; i++)
        TRY(encode_item(e, space, &world->exports.items[i], false));
    return ST_OK;
}

static enum status encode_world(struct encoder *e, const struct wit_world *world)
{
    struct wit_type_space space = {.body = e->body, .name = wit_name_imported, .foreign = foreign_type, .env = e, .err = e->err};
    enum status status = encode_items(e, &space, world);
    wit_type_space_release(&space);
    return status;
}

/* A component type that exports the world under its full name. */
static enum status encode_wrapped_world(struct encoder *e, const struct wit_world *world)
{
    autobody struct wit_body type;
    struct wit_body *outer = e->body;
    wit_body_init(&type, WIT_BODY_COMPONENT_TYPE, outer->out.buf.max);
    e->body = &type;
    enum status status = encode_world(e, world);
    e->body = outer;
    TRY(status);
    struct wit_extern_desc desc = {.sort = WIT_SORT_COMPONENT, .type = wit_body_add_type(outer, &type)};
    wit_body_declare_export(outer, wit_extern_name(wit_item_id(e->arena, world->package, world->name)), desc);
    return ST_OK;
}

/* --- components that hold it ----------------------------------------------------------------------------------------- */

/* A component, and what its parts need. */
struct document {
    struct wit_body component;
    struct arena arena;
    struct error *err;
};

static void document_init(struct document *document, size_t max_bytes, struct error *err)
{
    *document = (struct document){.err = err};
    wit_body_init(&document->component, WIT_BODY_COMPONENT, max_bytes);
    arena_init(&document->arena, SIZE_MAX);
}

static void document_release(struct document *document)
{
    wit_body_release(&document->component);
    arena_release(&document->arena);
}

/* Exports, under its plain name, a type that has one interface or world. */
static enum status add_item(struct document *document, const struct wit_interface *interface, const struct wit_world *world)
{
    autobody struct wit_body type;
    struct encoder e = {.body = &type, .arena = &document->arena, .err = document->err};
    wit_body_init(&type, WIT_BODY_COMPONENT_TYPE, document->component.out.buf.max);
    enum status status = interface ? encode_package_interface(&e, interface) : encode_wrapped_world(&e, world);
    encoder_release(&e);
    struct str name = interface ? interface->name : world->name;
    if (status != ST_OK)
        return fail_wrap(document->err, "%s `%.*s`", interface ? "interface" : "world", STR_ARG(name));
    uint32_t index = wit_body_add_type(&document->component, &type);
    wit_body_export(&document->component, wit_extern_name(name), WIT_SORT_TYPE, index, NULL);
    return ST_OK;
}

void wit_body_add_producer(struct wit_body *body, const struct wit_producer *producer)
{
    autosink struct wit_sink content = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_u32(&content, 1);
    wit_put_name(&content, STR("processed-by"));
    wit_put_u32(&content, 1);
    wit_put_name(&content, producer->name);
    wit_put_name(&content, producer->version);
    wit_body_add_custom(body, STR("producers"), wit_sink_str(&content));
}

static enum status put_package(struct document *document, const struct wit_package *package)
{
    autosink struct wit_sink docs = WIT_SINK_INIT(document->component.out.buf.max);
    for (size_t i = 0; i < package->interfaces.len; i++)
        TRY(add_item(document, package->interfaces.items[i], NULL));
    for (size_t i = 0; i < package->worlds.len; i++)
        TRY(add_item(document, NULL, package->worlds.items[i]));
    wit_encode_docs(&document->arena, package, &docs);
    wit_body_add_custom(&document->component, STR("package-docs"), wit_sink_str(&docs));
    document->component.out.full |= docs.full;
    return ST_OK;
}

/* Adds the producers and writes it all to `out`, unless an earlier step failed. Ends the document. */
static enum status document_finish(struct document *document, enum status status, const struct wit_producer *producer,
                                   struct buf *out)
{
    if (producer)
        wit_body_add_producer(&document->component, producer);
    if (status == ST_OK)
        status = wit_body_finish(&document->component, out, document->err);
    document_release(document);
    return status;
}

enum status wit_encode_package(const struct wit_package *package, const struct wit_producer *producer, struct buf *out,
                               struct error *err)
{
    struct document document;
    struct error unread;
    document_init(&document, out->max, err ? err : &unread);
    enum status status = put_package(&document, package);
    return document_finish(&document, status, producer, out);
}

enum status wit_encode_world(const struct wit_world *world, enum wit_string_encoding encoding, const struct wit_producer *producer,
                             struct buf *out, struct error *err)
{
    const char header[] = {ENCODING_VERSION, (char)encoding};
    struct document document;
    struct error unread;
    document_init(&document, out->max, err ? err : &unread);
    wit_body_add_custom(&document.component, STR("wit-component-encoding"), str_n(header, sizeof header));
    enum status status = add_item(&document, NULL, world);
    return document_finish(&document, status, producer, out);
}

enum status wit_append_custom_section(struct str name, struct str content, struct buf *out, struct error *err)
{
    autosink struct wit_sink section = WIT_SINK_INIT(out->max), whole = WIT_SINK_INIT(out->max);
    wit_put_name(&section, name);
    wit_put_bytes(&section, content);
    wit_put_byte(&whole, WIT_SECTION_CUSTOM);
    wit_put_name(&whole, wit_sink_str(&section));
    if (section.full || whole.full || buf_append_str(out, wit_sink_str(&whole)) != ST_OK)
        return fail(err, ST_LIMIT, "custom section `%.*s` does not fit in %zu bytes", STR_ARG(name), out->max);
    return ST_OK;
}

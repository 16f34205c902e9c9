#include "wit/print.h"

#include "base/vec.h"

/* The first failure stays in `status`, and what comes after it writes nothing. */
struct printer {
    struct buf *out;
    enum status status;
    bool explained; /* err is filled */
    struct error *err;
    unsigned indent;
    bool at_line_start;
    bool any_items; /* of the block being printed: a blank line goes between items */
};

static void put(struct printer *p, struct str text)
{
    for (unsigned i = 0; p->at_line_start && i < p->indent && p->status == ST_OK; i++)
        p->status = buf_append_str(p->out, STR("  "));
    p->at_line_start = false;
    if (p->status == ST_OK)
        p->status = buf_append_str(p->out, text);
}

static void put_text(struct printer *p, const char *text)
{
    put(p, str_of(text));
}

static void newline(struct printer *p)
{
    if (p->status == ST_OK)
        p->status = buf_append_char(p->out, '\n');
    p->at_line_start = true;
}

static void semicolon(struct printer *p)
{
    put_text(p, ";");
    newline(p);
}

static void open_block(struct printer *p)
{
    put_text(p, " {");
    p->indent++;
    newline(p);
}

static void close_block(struct printer *p)
{
    p->indent--;
    put_text(p, "}");
    newline(p);
}

static void new_item(struct printer *p)
{
    if (p->any_items)
        newline(p);
    p->any_items = true;
}

static void put_name(struct printer *p, struct str name)
{
    if (wit_name_needs_escape(name))
        put_text(p, "%");
    put(p, name);
}

/* What stands before an item. */
static void put_docs(struct printer *p, struct str docs)
{
    struct str line;
    while (docs.len && str_next_part(&docs, '\n', &line)) {
        put_text(p, line.len ? "/// " : "///");
        put(p, line);
        newline(p);
    }
}

static void put_version_attribute(struct printer *p, const char *attribute, const struct wit_version *version)
{
    put_text(p, attribute);
    put_text(p, "(version = ");
    put(p, version->text);
    put_text(p, ")");
    newline(p);
}

static void put_stability(struct printer *p, const struct wit_stability *stability)
{
    if (stability->gate == WIT_UNGATED)
        return;
    if (stability->gate == WIT_SINCE) {
        put_version_attribute(p, "@since", &stability->since);
    } else {
        put_text(p, "@unstable(feature = ");
        put(p, stability->feature);
        put_text(p, ")");
        newline(p);
    }
    if (wit_version_is_set(&stability->deprecated))
        put_version_attribute(p, "@deprecated", &stability->deprecated);
}

static size_t code_point_len(char first)
{
    unsigned char byte = (unsigned char)first;
    return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

static void put_escaped(struct printer *p, struct str c)
{
    static const char marks[] = "\\\"\n\r\t", letters[] = "\\\"nrt";
    char text[16];
    uint32_t value = (unsigned char)c.data[0];
    const char *mark = memchr(marks, c.data[0], sizeof marks - 1);
    if (mark) {
        snprintf(text, sizeof text, "\\%c", letters[mark - marks]);
    } else {
        if (c.len > 1)
            value &= 0x7fu >> c.len;
        for (size_t i = 1; i < c.len; i++)
            value = value << 6 | ((unsigned char)c.data[i] & 0x3f);
        snprintf(text, sizeof text, "\\u{%x}", value);
    }
    put_text(p, text);
}

static void put_external_id(struct printer *p, const struct wit_notes *notes)
{
    static const char plain[] = "-_./: ";
    struct str rest = notes->external_id;
    if (!notes->has_external_id)
        return;
    put_text(p, "@external-id(\"");
    while (rest.len) {
        char first = rest.data[0], lower = (char)(first | 0x20);
        struct str c = str_slice(rest, 0, code_point_len(first));
        bool as_is = (lower >= 'a' && lower <= 'z') || (first >= '0' && first <= '9') || memchr(plain, first, sizeof plain - 1);
        if (as_is)
            put(p, c);
        else
            put_escaped(p, c);
        rest = str_from(rest, c.len);
    }
    put_text(p, "\")");
    newline(p);
}

static void put_notes(struct printer *p, const struct wit_notes *notes)
{
    put_docs(p, notes->docs);
    put_stability(p, &notes->stability);
    put_external_id(p, notes);
}

static void refuse(struct printer *p, enum status status)
{
    p->status = status;
    p->explained = true;
}

/* Types where they are used. */
static void put_type(struct printer *p, const struct wit_type *type);

static void put_arguments(struct printer *p, const struct wit_type *type)
{
    char length[16];
    if (type->kind == WIT_RESULT && !type->ok && type->err)
        put_text(p, "_");
    else
        put_type(p, type->first);
    if (type->second)
        put_text(p, ", ");
    if (type->second)
        put_type(p, type->second);
    if (type->kind == WIT_FIXED_LIST) {
        snprintf(length, sizeof length, ", %u", type->length);
        put_text(p, length);
    }
}

/* `list<u8>`, whether or not the type has a name. */
static void put_structure(struct printer *p, const struct wit_type *type)
{
    put_text(p, wit_kind_name(type->kind));
    if (type->kind != WIT_TUPLE && !type->first && !type->second)
        return;
    put_text(p, "<");
    for (size_t i = 0; type->kind == WIT_TUPLE && i < type->fields.len; i++) {
        put_text(p, i ? ", " : "");
        put_type(p, type->fields.items[i].type);
    }
    if (type->kind != WIT_TUPLE)
        put_arguments(p, type);
    put_text(p, ">");
}

static void put_type(struct printer *p, const struct wit_type *type)
{
    if (p->status != ST_OK)
        return;
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        refuse(p, fail(p->err, ST_LIMIT, "a type is made of types more than %u deep", WIT_MAX_TYPE_DEPTH));
    else if (type->name.len)
        put_name(p, type->name);
    else if (type->kind == WIT_OWN)
        put_type(p, type->resource);
    else if (type->kind == WIT_ALIAS)
        put_type(p, type->target);
    else if (type->kind >= WIT_RECORD)
        refuse(p, fail(p->err, ST_INVALID, "a %s has no name, so it cannot be printed", wit_kind_name(type->kind)));
    else
        put_structure(p, type);
}

/* Functions. */
static void put_function(struct printer *p, const struct wit_function *function)
{
    if (function->is_async)
        put_text(p, "async ");
    put_text(p, function->kind == WIT_CONSTRUCTOR ? "constructor(" : "func(");
    size_t first = function->kind == WIT_METHOD; /* `self` goes without saying */
    for (size_t i = first; i < function->params.len; i++) {
        put_text(p, i > first ? ", " : "");
        put_name(p, function->params.items[i].name);
        put_text(p, ": ");
        put_type(p, function->params.items[i].type);
    }
    put_text(p, ")");
    bool implied = function->kind == WIT_CONSTRUCTOR && function->result && function->result->kind == WIT_OWN;
    if (function->result && !implied) {
        put_text(p, " -> ");
        put_type(p, function->result);
    }
}

static void put_resource_function(struct printer *p, const struct wit_function *function)
{
    put_notes(p, &function->notes);
    if (function->kind != WIT_CONSTRUCTOR) {
        put_name(p, function->item);
        put_text(p, function->kind == WIT_STATIC ? ": static " : ": ");
    }
    put_function(p, function);
    semicolon(p);
}

/* The functions a resource may have: those of an interface, or the imports of a world. */
struct function_source {
    const struct wit_interface *interface;
    const struct wit_world *world;
    struct map by_resource; /* resource name -> struct function_list * */
};

typedef VEC(const struct wit_function *) function_list;

static void index_function(struct function_source *source, const struct wit_function *function)
{
    if (!function || !function->resource)
        return;
    function_list *list = map_get(&source->by_resource, function->resource->name);
    if (!list) {
        list = NEW(function_list);
        map_set(&source->by_resource, function->resource->name, list);
    }
    vec_push(list, function);
}

static void index_functions(struct function_source *source)
{
    for (size_t i = 0; source->interface && i < source->interface->functions.len; i++)
        index_function(source, source->interface->functions.items[i]);
    for (size_t i = 0; source->world && i < source->world->imports.len; i++)
        index_function(source, source->world->imports.items[i].function);
}

static void release_functions(struct function_source *source)
{
    map_each (entry, &source->by_resource) {
        function_list *list = entry->value;
        vec_release(list);
        free(list);
    }
    map_release(&source->by_resource);
}

/* Type definitions. */
static void put_resource(struct printer *p, const struct wit_type *type, const struct function_source *functions)
{
    const function_list *list = map_get(&functions->by_resource, type->name);
    put_text(p, "resource ");
    put_name(p, type->name);
    if (!list) {
        semicolon(p);
        return;
    }
    open_block(p);
    vec_each (function, list)
        put_resource_function(p, *function);
    close_block(p);
}

static void put_fields(struct printer *p, const struct wit_type *type)
{
    put_text(p, wit_kind_name(type->kind));
    put_text(p, " ");
    put_name(p, type->name);
    open_block(p);
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        put_docs(p, field->docs);
        put_name(p, field->name);
        if (field->type)
            put_text(p, type->kind == WIT_RECORD ? ": " : "(");
        if (field->type)
            put_type(p, field->type);
        put_text(p, field->type && type->kind != WIT_RECORD ? ")," : ",");
        newline(p);
    }
    close_block(p);
}

static void put_definition(struct printer *p, const struct wit_type *type, const struct function_source *functions)
{
    put_notes(p, &type->notes);
    if (type->kind == WIT_RESOURCE) {
        put_resource(p, type, functions);
    } else if (type->kind >= WIT_RECORD && type->kind <= WIT_FLAGS) {
        put_fields(p, type);
    } else {
        put_text(p, "type ");
        put_name(p, type->name);
        put_text(p, " = ");
        if (type->kind == WIT_ALIAS)
            put_type(p, type->target);
        else
            put_structure(p, type); /* also `own<r>`: an alias of r would be another thing */
        semicolon(p);
    }
}

static void put_path(struct printer *p, const struct wit_interface *interface, const struct wit_package *from)
{
    const struct wit_package *package = interface->package;
    if (package != from) {
        put_name(p, package->ns);
        put_text(p, ":");
        put_name(p, package->name);
        put_text(p, "/");
    }
    put_name(p, interface->name);
    if (package != from && wit_version_is_set(&package->version)) {
        put_text(p, "@");
        put(p, package->version.text);
    }
}

static bool stability_equal(const struct wit_stability *a, const struct wit_stability *b)
{
    return a->gate == b->gate && str_eq(a->since.text, b->since.text) && str_eq(a->feature, b->feature) &&
           str_eq(a->deprecated.text, b->deprecated.text);
}

/* True if both go into one `use`: they are of the same interface and have the same attributes. */
static bool same_use(const struct wit_type *a, const struct wit_type *b)
{
    return wit_type_used_from(a) == wit_type_used_from(b) && stability_equal(&a->notes.stability, &b->notes.stability) &&
           a->notes.has_external_id == b->notes.has_external_id && str_eq(a->notes.external_id, b->notes.external_id);
}

static void put_used_name(struct printer *p, const struct wit_type *type)
{
    put_name(p, type->target->name);
    if (!str_eq(type->target->name, type->name)) {
        put_text(p, " as ");
        put_name(p, type->name);
    }
}

/* The types of an interface or world: first what `use` brings in, one line as long as what follows is alike, then the definitions.
 */
struct type_list {
    struct wit_type *const *interface_types;
    const struct wit_world_item *world_items;
    size_t count;
};

static const struct wit_type *type_at(const struct type_list *list, size_t i)
{
    return list->interface_types ? list->interface_types[i] : list->world_items[i].type;
}

static void put_uses(struct printer *p, const struct type_list *list, const struct wit_package *package)
{
    const struct wit_type *before = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct wit_type *type = type_at(list, i);
        struct wit_interface *from = type ? wit_type_used_from(type) : NULL;
        if (!from)
            continue;
        p->any_items = true;
        if (before && same_use(before, type)) {
            put_text(p, ", ");
        } else {
            if (before)
                put_text(p, "};");
            if (before)
                newline(p);
            put_stability(p, &type->notes.stability);
            put_external_id(p, &type->notes);
            put_text(p, "use ");
            put_path(p, from, package);
            put_text(p, ".{");
        }
        put_used_name(p, type);
        before = type;
    }
    if (before)
        put_text(p, "};");
    if (before)
        newline(p);
}

static void put_types(struct printer *p, const struct type_list *list, const struct wit_package *package,
                      const struct function_source *functions)
{
    put_uses(p, list, package);
    for (size_t i = 0; i < list->count; i++) {
        const struct wit_type *type = type_at(list, i);
        if (!type || wit_type_used_from(type))
            continue;
        new_item(p);
        put_definition(p, type, functions);
    }
}

/* Interfaces. */
static void put_named_function(struct printer *p, const struct wit_function *function)
{
    put_notes(p, &function->notes);
    put_name(p, function->item);
    put_text(p, ": ");
    put_function(p, function);
    semicolon(p);
}

static void put_interface_items(struct printer *p, const struct wit_interface *interface)
{
    bool outer = p->any_items;
    struct function_source functions = {.interface = interface};
    struct type_list types = {.interface_types = interface->types.items, .count = interface->types.len};
    p->any_items = false;
    index_functions(&functions);
    put_types(p, &types, interface->package, &functions);
    release_functions(&functions);
    for (size_t i = 0; i < interface->functions.len; i++) {
        if (interface->functions.items[i]->resource)
            continue;
        new_item(p);
        put_named_function(p, interface->functions.items[i]);
    }
    p->any_items = outer;
}

static void put_interface(struct printer *p, const struct wit_interface *interface)
{
    put_notes(p, &interface->notes);
    put_text(p, "interface ");
    put_name(p, interface->name);
    open_block(p);
    put_interface_items(p, interface);
    close_block(p);
}

/* Worlds. */
static void put_extern_interface(struct printer *p, const struct wit_world_item *item, const char *keyword,
                                 const struct wit_package *package)
{
    bool is_inline = item->interface->name.len == 0;
    put_docs(p, item->notes.docs.len || !item->name.len ? item->notes.docs : item->interface->notes.docs);
    put_stability(p, &item->notes.stability);
    put_external_id(p, &item->notes);
    put_text(p, keyword);
    if (item->name.len) {
        put_name(p, item->name);
        put_text(p, ": ");
    }
    if (!is_inline) {
        put_path(p, item->interface, package);
        semicolon(p);
        return;
    }
    put_text(p, "interface");
    open_block(p);
    put_interface_items(p, item->interface);
    close_block(p);
}

static void put_extern_function(struct printer *p, const struct wit_function *function, const char *keyword)
{
    put_notes(p, &function->notes);
    put_text(p, keyword);
    put_name(p, function->item);
    put_text(p, ": ");
    put_function(p, function);
    semicolon(p);
}

static void put_imports(struct printer *p, const struct wit_world *world)
{
    const struct wit_items *imports = &world->imports;
    struct function_source functions = {.world = world};
    struct type_list types = {.world_items = imports->items, .count = imports->len};
    for (size_t i = 0; i < imports->len; i++) {
        if (imports->items[i].kind != WIT_ITEM_INTERFACE)
            continue;
        put_extern_interface(p, &imports->items[i], "import ", world->package);
        p->any_items = true;
    }
    index_functions(&functions);
    put_types(p, &types, world->package, &functions);
    release_functions(&functions);
    for (size_t i = 0; i < imports->len; i++) {
        const struct wit_function *function = imports->items[i].function;
        if (!function || function->resource)
            continue;
        put_extern_function(p, function, "import ");
        p->any_items = true;
    }
}

static void put_world(struct printer *p, const struct wit_world *world)
{
    bool outer = p->any_items;
    put_notes(p, &world->notes);
    put_text(p, "world ");
    put_name(p, world->name);
    open_block(p);
    p->any_items = false;
    put_imports(p, world);
    if (world->exports.len)
        new_item(p);
    for (size_t i = 0; i < world->exports.len; i++) {
        const struct wit_world_item *item = &world->exports.items[i];
        if (item->kind == WIT_ITEM_INTERFACE)
            put_extern_interface(p, item, "export ", world->package);
        else
            put_extern_function(p, item->function, "export ");
    }
    p->any_items = outer;
    close_block(p);
}

static void put_package(struct printer *p, const struct wit_package *package, bool nested)
{
    put_docs(p, package->docs);
    put_text(p, "package ");
    put_name(p, package->ns);
    put_text(p, ":");
    put_name(p, package->name);
    if (wit_version_is_set(&package->version)) {
        put_text(p, "@");
        put(p, package->version.text);
    }
    if (nested) {
        open_block(p);
    } else {
        semicolon(p);
        newline(p);
    }
    for (size_t i = 0; i < package->interfaces.len; i++) {
        put_interface(p, package->interfaces.items[i]);
        if (!nested)
            newline(p);
    }
    for (size_t i = 0; i < package->worlds.len; i++)
        put_world(p, package->worlds.items[i]);
    if (nested)
        close_block(p);
}

static struct printer start(struct buf *out, struct error *err)
{
    return (struct printer){.out = out, .status = ST_OK, .err = err, .at_line_start = true};
}

static enum status finish(const struct printer *p)
{
    if (p->status != ST_OK && !p->explained)
        return fail(p->err, p->status, "the WIT text is longer than %zu bytes", p->out->max);
    return p->status;
}

enum status wit_print(const struct wit_model *model, const struct wit_package *main, struct buf *out, struct error *err)
{
    struct printer p = start(out, err);
    bool first = true;
    put_package(&p, main, false);
    for (size_t i = 0; i < model->packages.len; i++) {
        if (model->packages.items[i] == main)
            continue;
        for (int blank = 0; !first && blank < 2; blank++)
            newline(&p);
        put_package(&p, model->packages.items[i], true);
        first = false;
    }
    return finish(&p);
}

enum status wit_print_package(const struct wit_package *package, bool nested, struct buf *out, struct error *err)
{
    struct printer p = start(out, err);
    put_package(&p, package, nested);
    return finish(&p);
}

enum status wit_print_type(const struct wit_type *type, struct buf *out, struct error *err)
{
    struct printer p = start(out, err);
    put_type(&p, type);
    return finish(&p);
}

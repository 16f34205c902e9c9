#include "wit/guest_private.h"

const char *guest_integer(const struct wit_type *type)
{
    unsigned bytes = guest_integer_bytes(type);
    return bytes == 1 ? "uint8_t" : bytes == 2 ? "uint16_t" : "uint32_t";
}

/* What frees a value. */
static bool frees(struct guest *g, const struct wit_type *type)
{
    struct type_facts *facts = &g->facts[type->id];
    if (type->kind == WIT_STRING)
        return true;
    if (facts->frees != FACT_UNKNOWN)
        return facts->frees == FACT_YES;
    bool result = false;
    switch (type->kind) {
    case WIT_LIST:
    case WIT_MAP:
    case WIT_OPTION:
    case WIT_RESULT:
    case WIT_VARIANT:
        result = true;
        break;
    case WIT_FIXED_LIST:
    case WIT_ALIAS:
        result = frees(g, type->first);
        break;
    default:
        for (size_t i = 0; i < type->fields.len && !result; i++)
            result = type->fields.items[i].type && frees(g, type->fields.items[i].type);
        break;
    }
    facts->frees = result ? FACT_YES : FACT_NO;
    return result;
}

bool guest_has_memory(struct guest *g, const struct wit_type *type)
{
    struct type_facts *facts = &g->facts[type->id];
    if (type->kind == WIT_STRING || type->kind == WIT_LIST || type->kind == WIT_MAP)
        return true;
    if (type->kind == WIT_OWN || type->kind == WIT_BORROW || wit_kind_is_primitive(type->kind))
        return false;
    if (facts->has_memory != FACT_UNKNOWN)
        return facts->has_memory == FACT_YES;
    bool result = (type->first && guest_has_memory(g, type->first)) || (type->second && guest_has_memory(g, type->second));
    for (size_t i = 0; i < type->fields.len && !result; i++)
        result = type->fields.items[i].type && guest_has_memory(g, type->fields.items[i].type);
    facts->has_memory = result ? FACT_YES : FACT_NO;
    return result;
}

const char *guest_free_function(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const char *stem;
    if (type->kind == WIT_STRING)
        return c_printf(&g->arena, "%s_string_free", g->world_name);
    if (!frees(g, type))
        return NULL;
    bug_unless(guest_type_stem(g, unit, type, &stem) == ST_OK);
    return c_printf(&g->arena, "%s_free", stem);
}

static void add_free(struct guest *g, struct buf *out, const char *indent, const struct guest_unit *unit,
                     const struct wit_type *type, const char *pointer)
{
    const char *function = type ? guest_free_function(g, unit, type) : NULL;
    if (function)
        buf_addf(out, "%s%s(%s);\n", indent, function, pointer);
}

static const char *field_name(struct guest *g, const struct wit_type *type, size_t i)
{
    return type->kind == WIT_TUPLE ? c_printf(&g->arena, "f%zu", i) : guest_member(g, type->fields.items[i].name);
}

static void write_free_variant(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type)
{
    buf_add(out, STR("    switch (ptr->tag) {\n"));
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        if (!field->type || !frees(g, field->type))
            continue;
        buf_addf(out, "    case %zu:\n", i);
        add_free(g, out, "        ", unit, field->type, c_printf(&g->arena, "&ptr->val.%s", guest_member(g, field->name)));
        buf_add(out, STR("        break;\n"));
    }
    buf_add(out, STR("    default:\n        break;\n    }\n"));
}

static void write_free_list(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type)
{
    bool map = type->kind == WIT_MAP;
    buf_add(out, STR("    if (ptr->len == 0)\n        return;\n"));
    if (frees(g, type->first) || (map && frees(g, type->second))) {
        buf_add(out, STR("    for (size_t i = 0; i < ptr->len; i++) {\n"));
        add_free(g, out, "        ", unit, type->first, map ? "&ptr->ptr[i].key" : "&ptr->ptr[i]");
        if (map)
            add_free(g, out, "        ", unit, type->value, "&ptr->ptr[i].value");
        buf_add(out, STR("    }\n"));
    }
    buf_add(out, STR("    free(ptr->ptr);\n"));
}

static void write_free_fixed_list(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type)
{
    buf_addf(out, "    for (size_t i = 0; i < %u; i++)\n", type->length);
    add_free(g, out, "        ", unit, type->element, "&ptr->items[i]");
}

static void write_free_body(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type)
{
    switch (type->kind) {
    case WIT_ALIAS:
        add_free(g, out, "    ", unit, type->target, "ptr");
        break;
    case WIT_LIST:
    case WIT_MAP:
        write_free_list(g, out, unit, type);
        break;
    case WIT_FIXED_LIST:
        write_free_fixed_list(g, out, unit, type);
        break;
    case WIT_VARIANT:
        write_free_variant(g, out, unit, type);
        break;
    case WIT_OPTION:
        buf_add(out, STR("    if (ptr->is_some) {\n"));
        add_free(g, out, "        ", unit, type->element, "&ptr->val");
        buf_add(out, STR("    }\n"));
        break;
    case WIT_RESULT:
        buf_add(out, STR("    if (!ptr->is_err) {\n"));
        add_free(g, out, "        ", unit, type->ok, "&ptr->val.ok");
        buf_add(out, STR("    } else {\n"));
        add_free(g, out, "        ", unit, type->err, "&ptr->val.err");
        buf_add(out, STR("    }\n"));
        break;
    default:
        for (size_t i = 0; i < type->fields.len; i++)
            add_free(g, out, "    ", unit, type->fields.items[i].type, c_printf(&g->arena, "&ptr->%s", field_name(g, type, i)));
        break;
    }
}

static enum status write_free(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const char *function = guest_free_function(g, unit, type);
    if (!function)
        return ST_OK;
    TRY(guest_take_symbol(g, function));
    const char *head = c_printf(&g->arena, "void %s(%s *ptr)", function, guest_c_type(g, unit, type));
    buf_addf(&g->helpers, "\n%s;\n", head);
    buf_addf(&g->helping, "\n%s\n{\n", head);
    write_free_body(g, &g->helping, unit, type);
    buf_add(&g->helping, STR("}\n"));
    return ST_OK;
}

/* Definitions. */
static void write_members(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type)
{
    for (size_t i = 0; i < type->fields.len; i++) {
        guest_docs(out, "    ", type->fields.items[i].docs);
        buf_addf(out, "    %s %s;\n", guest_c_type(g, unit, type->fields.items[i].type), field_name(g, type, i));
    }
}

/* The payloads of a variant or result; nothing if it has none. */
static void write_union(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type)
{
    autobuf struct buf members = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        if (field->type)
            buf_addf(&members, "        %s %s;\n", guest_c_type(g, unit, field->type), guest_member(g, field->name));
    }
    if (type->kind == WIT_RESULT && type->ok)
        buf_addf(&members, "        %s ok;\n", guest_c_type(g, unit, type->ok));
    if (type->kind == WIT_RESULT && type->err)
        buf_addf(&members, "        %s err;\n", guest_c_type(g, unit, type->err));
    if (members.len)
        buf_addf(out, "    union {\n%s    } val;\n", members.data);
}

static void write_struct_body(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type,
                              const char *stem)
{
    switch (type->kind) {
    case WIT_LIST:
        buf_addf(out, "    %s *ptr;\n    size_t len;\n", guest_c_type(g, unit, type->element));
        break;
    case WIT_MAP:
        buf_addf(out, "    %s_entry_t *ptr;\n    size_t len;\n", stem);
        break;
    case WIT_FIXED_LIST:
        buf_addf(out, "    %s items[%u];\n", guest_c_type(g, unit, type->element), type->length);
        break;
    case WIT_OPTION:
        buf_addf(out, "    bool is_some;\n    %s val;\n", guest_c_type(g, unit, type->element));
        break;
    case WIT_RESULT:
        buf_add(out, STR("    bool is_err;\n"));
        write_union(g, out, unit, type);
        break;
    case WIT_VARIANT:
        buf_addf(out, "    %s tag;\n", guest_integer(type));
        write_union(g, out, unit, type);
        break;
    default:
        write_members(g, out, unit, type);
        break;
    }
}

static enum status write_constants(struct guest *g, struct buf *out, const struct wit_type *type, const char *stem)
{
    const char *upper = c_upper(&g->arena, str_of(stem));
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *name = c_printf(&g->arena, "%s_%s", upper, c_upper(&g->arena, field->name));
        TRY(guest_take_symbol(g, name));
        guest_docs(out, "", field->docs);
        buf_addf(out, type->kind == WIT_FLAGS ? "#define %s (1u << %zu)\n" : "#define %s %zu\n", name, i);
    }
    return ST_OK;
}

static const char *handle_target(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const struct wit_type *resource = guest_root(g, &unit, type->resource);
    return guest_handle_stem(g, unit, resource, type->kind == WIT_OWN);
}

/* A nameless type that another interface of the same package had before: wit-bindgen goes on calling it by that name, so the two
 * are one type here. NULL if this is the first. */
static const char *first_stem(struct guest *g, const struct guest_unit *unit, const struct wit_type *type, const char *stem)
{
    if (!unit->interface || !guest_is_nameless(type, true) || guest_is_nameless(type, false))
        return NULL;
    struct str package = unit->interface->package->full_name;
    const char *key = c_printf(&g->arena, "%.*s %d %s", STR_ARG(package), unit->exported, stem + strlen(unit->prefix));
    const char *first = map_get(&g->firsts, str_of(key));
    if (!first)
        map_set(&g->firsts, str_of(key), (void *)(uintptr_t)stem);
    return first && strcmp(first, stem) != 0 ? first : NULL;
}

static enum status write_text(struct guest *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type,
                              const char *stem)
{
    const char *first = first_stem(g, unit, type, stem);
    if (first) {
        buf_addf(out, "typedef %s_t %s_t;\n", first, stem);
        return ST_OK;
    }
    switch (type->kind) {
    case WIT_ALIAS:
        buf_addf(out, "typedef %s %s_t;\n", guest_c_type(g, unit, type->target), stem);
        return ST_OK;
    case WIT_OWN:
    case WIT_BORROW:
        buf_addf(out, "typedef %s_t %s_t;\n", handle_target(g, unit, type), stem);
        return ST_OK;
    case WIT_ENUM:
    case WIT_FLAGS:
        buf_addf(out, "typedef %s %s_t;\n\n", guest_integer(type), stem);
        return write_constants(g, out, type, stem);
    default:
        if (type->kind == WIT_MAP)
            buf_addf(out, "typedef struct {\n    %s key;\n    %s value;\n} %s_entry_t;\n\n", guest_c_type(g, unit, type->key),
                     guest_c_type(g, unit, type->value), stem);
        buf_addf(out, "typedef struct %s%s{\n", type->name.len ? stem : "", type->name.len ? "_t " : "");
        write_struct_body(g, out, unit, type, stem);
        buf_addf(out, "} %s_t;\n", stem);
        if (type->kind != WIT_VARIANT)
            return ST_OK;
        buf_add(out, STR("\n"));
        return write_constants(g, out, type, stem);
    }
}

static enum status define_parts(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    if (type->first)
        TRY(guest_define_type(g, unit, type->first));
    if (type->second)
        TRY(guest_define_type(g, unit, type->second));
    for (size_t i = 0; i < type->fields.len; i++)
        if (type->fields.items[i].type)
            TRY(guest_define_type(g, unit, type->fields.items[i].type));
    return ST_OK;
}

bool guest_first_time(struct guest *g, const struct guest_unit *unit, const struct wit_type *named)
{
    const void *key[] = {unit, named};
    struct str text = str_n((const char *)key, sizeof key);
    return !map_has(&g->defined, text) && !map_set(&g->defined, arena_str(&g->arena, text), g);
}

/* A type without a name may be met again: then it must be the same. */
static enum status is_known(struct guest *g, const char *stem, const struct buf *text, bool *ret_known)
{
    const char *known = map_get(&g->anonymous, str_of(stem));
    if (known && strcmp(known, text->data) != 0)
        return fail(g->err, ST_INVALID, "%s: two types would both be `%s_t` in C; give one of them a name", g->subject, stem);
    map_set(&g->anonymous, str_of(stem), (void *)(uintptr_t)c_printf(&g->arena, "%s", text->data));
    *ret_known = known;
    return ST_OK;
}

static enum status write_type(struct guest *g, const struct guest_unit *unit, const struct wit_type *type, const char *stem)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    bool known = false;
    TRY(write_text(g, &text, unit, type, stem));
    if (type->name.len == 0)
        TRY(is_known(g, stem, &text, &known));
    if (known)
        return ST_OK;
    TRY(guest_take_symbol(g, c_printf(&g->arena, "%s_t", stem)));
    buf_add(&g->types, STR("\n"));
    guest_docs(&g->types, "", type->notes.docs);
    buf_add(&g->types, buf_str(&text));
    return write_free(g, unit, type);
}

static enum status refuse(struct guest *g, const char *what)
{
    return fail(g->err, ST_UNSUPPORTED, "%s uses %s, which C guests cannot use yet", g->subject, what);
}

static enum status define_strings(struct guest *g)
{
    static const char *const names[] = {"t", "set", "dup", "dup_n", "free"};
    for (size_t i = 0; i < ARRAY_LEN(names) && !g->uses_strings; i++)
        TRY(guest_take_symbol(g, c_printf(&g->arena, "%s_string_%s", g->world_name, names[i])));
    g->uses_strings = true;
    return ST_OK;
}

/* A handle of a resource by the resource's own name was defined with it. */
static bool comes_with_resource(struct guest *g, const struct guest_unit *unit, const struct wit_type *type, const char *stem)
{
    if (type->kind == WIT_OWN || type->kind == WIT_BORROW)
        return strcmp(handle_target(g, unit, type), stem) == 0;
    return type->kind == WIT_ALIAS && wit_type_root(type)->kind == WIT_RESOURCE; /* no C type is called so */
}

static enum status define(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const char *stem;
    TRY(guest_type_stem(g, unit, type, &stem)); /* also finds that the world has it */
    unit = guest_owner(g, unit, type);
    if (type->name.len && !guest_first_time(g, unit, type))
        return ST_OK;
    if (type->kind == WIT_RESOURCE)
        return guest_define_resource(g, unit, type);
    TRY(define_parts(g, unit, type));
    return comes_with_resource(g, unit, type, stem) ? ST_OK : write_type(g, unit, type, stem);
}

enum status guest_define_type(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        return fail(g->err, ST_LIMIT, "%s: a type is made of types more than %u deep", g->subject, WIT_MAX_TYPE_DEPTH);
    switch (type->kind) {
    case WIT_STREAM:
        return refuse(g, "a stream");
    case WIT_FUTURE:
        return refuse(g, "a future");
    case WIT_ERROR_CONTEXT:
        return refuse(g, "an error-context");
    case WIT_STRING:
        return define_strings(g);
    default:
        return wit_kind_is_primitive(type->kind) ? ST_OK : define(g, unit, type);
    }
}

/* Descriptors of types: constant `struct cm_type_desc`s, each written once and behind those it refers to. */
#include "wit/bindgen_private.h"

#define MAX_KEY (4 * MAX_TAG)

static const char *const kind_names[] = {[WIT_BOOL] = "BOOL",     [WIT_S8] = "S8",
                                         [WIT_U8] = "U8",         [WIT_S16] = "S16",
                                         [WIT_U16] = "U16",       [WIT_S32] = "S32",
                                         [WIT_U32] = "U32",       [WIT_S64] = "S64",
                                         [WIT_U64] = "U64",       [WIT_F32] = "F32",
                                         [WIT_F64] = "F64",       [WIT_CHAR] = "CHAR",
                                         [WIT_STRING] = "STRING", [WIT_ERROR_CONTEXT] = "ERROR_CONTEXT",
                                         [WIT_LIST] = "LIST",     [WIT_FIXED_LIST] = "FIXED_LIST",
                                         [WIT_OPTION] = "OPTION", [WIT_RESULT] = "RESULT",
                                         [WIT_TUPLE] = "TUPLE",   [WIT_MAP] = "MAP",
                                         [WIT_STREAM] = "STREAM", [WIT_FUTURE] = "FUTURE",
                                         [WIT_OWN] = "OWN",       [WIT_BORROW] = "BORROW",
                                         [WIT_RECORD] = "RECORD", [WIT_VARIANT] = "VARIANT",
                                         [WIT_ENUM] = "ENUM",     [WIT_FLAGS] = "FLAGS"};

/* What tells descriptors apart: unlike C types, owned handles from borrowed ones, and streams by their element. */
static enum status add_key(struct generator *g, struct buf *key, const struct wit_type *type)
{
    type = type ? wit_type_root(type) : NULL;
    if (!type)
        return buf_append_char(key, '_');
    if (gen_has_own_name(type))
        return buf_append_str(key, str_of(gen_type_name(g, type)));
    TRY(buf_printf(key, "%s%u<", kind_names[type->kind], type->length));
    if (type->kind == WIT_OWN || type->kind == WIT_BORROW) {
        const char *resource = gen_resource_name(g, type);
        return buf_printf(key, "%s>", resource ? resource : "");
    }
    for (size_t i = 0; i < type->fields.len; i++) {
        TRY(add_key(g, key, type->fields.items[i].type));
        TRY(buf_append_char(key, ','));
    }
    TRY(add_key(g, key, type->first));
    TRY(add_key(g, key, type->second));
    return buf_append_char(key, '>');
}

/* The fields table of a record, tuple, variant, enum or flags type. */
static enum status write_fields(struct generator *g, const struct wit_type *type, const char *table)
{
    autobuf struct buf rows = BUF_INIT(BUF_UNLIMITED);
    bool in_struct = type->kind == WIT_RECORD || type->kind == WIT_TUPLE;
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *expression = "NULL", *member = type->kind == WIT_TUPLE ? gen_printf(g, "f%zu", i) : gen_member(g, field->name);
        if (field->type)
            TRY(gen_descriptor(g, field->type, &expression));
        buf_addf(&rows, "    {%s, %s, ", type->kind == WIT_TUPLE ? gen_printf(g, "\"%zu\"", i) : gen_c_string(g, field->name),
                 expression);
        if (in_struct)
            buf_addf(&rows, "offsetof(%s, %s)},\n", gen_tag(g, type), member);
        else
            buf_add(&rows, STR("0},\n"));
    }
    buf_addf(&g->tables, "static const struct cm_field_desc %s[] = {\n%s};\n", table, rows.data);
    return ST_OK;
}

/* Where a type's payload is in its C struct, as an initialiser; empty if nowhere. */
static const char *offset_of(struct generator *g, const struct wit_type *type)
{
    bool has_union = type->kind == WIT_RESULT && (type->ok || type->err);
    for (size_t i = 0; type->kind == WIT_VARIANT && i < type->fields.len; i++)
        has_union |= type->fields.items[i].type != NULL;
    if (has_union)
        return gen_printf(g, ", .offset = offsetof(%s, of)", gen_tag(g, type));
    if (type->kind == WIT_OPTION)
        return gen_printf(g, ", .offset = offsetof(%s, value)", gen_tag(g, type));
    if (type->kind == WIT_MAP)
        return gen_printf(g, ", .offset = offsetof(%s_item, value)", gen_tag(g, type));
    return "";
}

static const char *item_size_of(struct generator *g, const struct wit_type *type)
{
    if (type->kind == WIT_MAP)
        return gen_printf(g, ", .item_size = sizeof(%s_item)", gen_tag(g, type));
    if (type->kind == WIT_LIST || type->kind == WIT_FIXED_LIST)
        return gen_printf(g, ", .item_size = sizeof(%s)", gen_c_type_alone(g, type->element));
    return "";
}

/* The initialisers that name other tables. */
static enum status add_references(struct generator *g, const struct wit_type *type, struct buf *out)
{
    const char *first, *second;
    bool map = type->kind == WIT_MAP;
    if (type->kind == WIT_OWN || type->kind == WIT_BORROW) {
        const char *resource = gen_resource_name(g, type);
        if (resource)
            buf_addf(out, ", .resource = &%s_resource", resource);
        return ST_OK;
    }
    if (type->first) {
        TRY(gen_descriptor(g, type->first, &first));
        buf_addf(out, ", .%s = %s", map ? "second" : "element", first);
    }
    if (type->second) {
        TRY(gen_descriptor(g, type->second, &second));
        buf_addf(out, ", .%s = %s", map ? "element" : "second", second);
    }
    return ST_OK;
}

static enum status write_descriptor(struct generator *g, const struct wit_type *type, const char *name)
{
    const char *fields = gen_printf(g, "%s_fields", name), *c = gen_c_type_alone(g, type);
    autobuf struct buf row = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&row, "%sconst struct cm_type_desc %s = {.kind = CM_%s, .size = sizeof(%s), .align = _Alignof(%s)",
             gen_has_own_name(type) ? "" : "static ", name, kind_names[type->kind], c, c);
    if (type->fields.len) {
        TRY(write_fields(g, type, fields));
        buf_addf(&row, ", .count = %zu, .fields = %s", type->fields.len, fields);
    }
    if (type->kind == WIT_FIXED_LIST)
        buf_addf(&row, ", .count = %u", type->length);
    TRY(add_references(g, type, &row));
    buf_addf(&g->tables, "%s%s%s};\n", row.data, offset_of(g, type), item_size_of(g, type));
    return ST_OK;
}

static enum status new_descriptor(struct generator *g, const struct wit_type *type, const char **ret_name)
{
    if (!gen_has_own_name(type)) {
        *ret_name = gen_printf(g, "type_%u", ++g->descriptor_count);
        return write_descriptor(g, type, *ret_name);
    }
    *ret_name = gen_take_symbol(g, gen_printf(g, "%s_desc", gen_type_name(g, type)));
    if (gen_unit_of(g, type)->external)
        return ST_OK;
    buf_addf(&g->prototypes, "extern const struct cm_type_desc %s;\n", *ret_name);
    return write_descriptor(g, type, *ret_name);
}

enum status gen_descriptor(struct generator *g, const struct wit_type *type, const char **ret_expression)
{
    autobuf struct buf key = BUF_INIT(MAX_KEY);
    const char *name;
    type = wit_type_root(type);
    if (add_key(g, &key, type) != ST_OK)
        return fail(g->err, ST_LIMIT, "a %s type has too many parts; make some of them records", wit_kind_name(type->kind));
    const char *known = map_get(&g->descriptors, buf_str(&key));
    if (!known) {
        TRY(new_descriptor(g, type, &name));
        known = gen_printf(g, "&%s", name);
        map_set(&g->descriptors, arena_str(&g->arena, buf_str(&key)), (void *)(uintptr_t)known);
    }
    *ret_expression = known;
    return ST_OK;
}

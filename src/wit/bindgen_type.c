#include "wit/bindgen_private.h"

/* Names. */
struct unit *gen_unit_of(const struct generator *g, const struct wit_type *type)
{
    struct str world_key = str_n((const char *)&type->world, sizeof type->world);
    struct unit *unit = map_get(&g->units_by_key, type->interface ? wit_interface_key(type->interface) : world_key);
    bug_unless(unit);
    return unit;
}

const char *gen_type_name(struct generator *g, const struct wit_type *type)
{
    return gen_printf(g, "%s_%s", gen_unit_of(g, type)->prefix, gen_snake(g, type->name));
}

bool gen_is_guest_resource(const struct generator *g, const struct wit_type *resource)
{
    const struct unit *unit = gen_unit_of(g, wit_type_root(resource));
    return unit->interface && unit->roles == UNIT_GUEST;
}

const char *gen_resource_name(struct generator *g, const struct wit_type *handle)
{
    const struct wit_type *resource = wit_type_root(handle->resource);
    return gen_is_guest_resource(g, resource) ? NULL : gen_type_name(g, resource);
}

/* The name of an anonymous type is made of the words of its parts. `last`: nothing follows in the name, so that a tuple need not
 * say its length. Fails silently when MAX_TAG is reached, which keeps types that fan out from taking for ever. */
static enum status add_word(struct generator *g, struct buf *out, const struct wit_type *type, bool last);

static enum status add_optional_word(struct generator *g, struct buf *out, const struct wit_type *type, bool last)
{
    TRY(buf_append_char(out, '_'));
    return type ? add_word(g, out, type, last) : buf_append_str(out, STR("none"));
}

static enum status add_tuple_word(struct generator *g, struct buf *out, const struct wit_type *type, bool last)
{
    TRY(buf_append_str(out, STR("tuple")));
    if (!last)
        TRY(buf_printf(out, "%zu", type->fields.len));
    for (size_t i = 0; i < type->fields.len; i++)
        TRY(add_optional_word(g, out, type->fields.items[i].type, last && i + 1 == type->fields.len));
    return ST_OK;
}

static enum status add_word(struct generator *g, struct buf *out, const struct wit_type *type, bool last)
{
    type = wit_type_root(type);
    const char *kind = type->kind == WIT_ERROR_CONTEXT ? "error_context" : wit_kind_name(type->kind);
    if (gen_has_own_name(type))
        return buf_append_str(out, str_of(gen_type_name(g, type)));
    switch (type->kind) {
    case WIT_TUPLE:
        return add_tuple_word(g, out, type, last);
    case WIT_FIXED_LIST:
        TRY(buf_printf(out, "list%u", type->length));
        return add_optional_word(g, out, type->element, last);
    case WIT_LIST:
    case WIT_OPTION:
        TRY(buf_append_str(out, str_of(kind)));
        return add_optional_word(g, out, type->element, last);
    case WIT_RESULT:
    case WIT_MAP:
        TRY(buf_append_str(out, str_of(kind)));
        TRY(add_optional_word(g, out, type->first, false));
        return add_optional_word(g, out, type->second, last);
    case WIT_OWN:
    case WIT_BORROW:
        kind = gen_resource_name(g, type);
        return buf_append_str(out, kind ? str_of(kind) : STR("guest_resource"));
    default:
        return buf_append_str(out, str_of(kind)); /* primitives; streams and futures, which are all alike in C */
    }
}

static enum status find_tag(struct generator *g, const struct wit_type *type, const char **ret_tag)
{
    autobuf struct buf name = BUF_INIT(MAX_TAG);
    if (gen_has_own_name(type)) {
        *ret_tag = gen_printf(g, "%s %s", type->kind == WIT_ENUM ? "enum" : "struct", gen_type_name(g, type));
        return ST_OK;
    }
    if (add_word(g, &name, type, true) != ST_OK)
        return fail(g->err, ST_LIMIT, "the C name of a %s type would be longer than %u characters; make a part of it a record",
                    wit_kind_name(type->kind), MAX_TAG);
    *ret_tag = gen_printf(g, "struct cm_%s", name.data);
    return ST_OK;
}

const char *gen_tag(struct generator *g, const struct wit_type *type)
{
    const char *tag;
    bug_unless(find_tag(g, wit_type_root(type), &tag) == ST_OK);
    return tag;
}

static const char *const scalar_types[] = {[WIT_BOOL] = "bool ",
                                           [WIT_S8] = "int8_t ",
                                           [WIT_U8] = "uint8_t ",
                                           [WIT_S16] = "int16_t ",
                                           [WIT_U16] = "uint16_t ",
                                           [WIT_S32] = "int32_t ",
                                           [WIT_U32] = "uint32_t ",
                                           [WIT_S64] = "int64_t ",
                                           [WIT_U64] = "uint64_t ",
                                           [WIT_F32] = "float ",
                                           [WIT_F64] = "double ",
                                           [WIT_CHAR] = "uint32_t ",
                                           [WIT_STRING] = "struct str ",
                                           [WIT_FLAGS] = "uint32_t ",
                                           [WIT_STREAM] = "struct cm_stream *",
                                           [WIT_FUTURE] = "struct cm_future *",
                                           [WIT_ERROR_CONTEXT] = "struct cm_error_context *",
                                           [WIT_KIND_COUNT] = NULL};

const char *gen_c_type(struct generator *g, const struct wit_type *type)
{
    type = wit_type_root(type);
    if (scalar_types[type->kind])
        return scalar_types[type->kind];
    if (type->kind != WIT_OWN && type->kind != WIT_BORROW)
        return gen_printf(g, "%s ", gen_tag(g, type));
    const char *resource = gen_resource_name(g, type);
    return resource ? gen_printf(g, "struct %s *", resource) : "struct cm_guest_resource *";
}

const char *gen_c_type_alone(struct generator *g, const struct wit_type *type)
{
    struct str c = str_trim(str_of(gen_c_type(g, type)));
    return gen_printf(g, "%.*s", STR_ARG(c));
}

/* What a pointer to constant items of `type` is declared with: "const uint8_t *", "struct x *const *". */
static const char *items_type(struct generator *g, const struct wit_type *type)
{
    const char *c = gen_c_type(g, type);
    return gen_printf(g, str_ends(str_of(c), STR("*")) ? "%sconst *" : "const %s*", c);
}

/* C definitions. */
static bool is_written(struct generator *g, const char *name)
{
    return map_set(&g->emitted, str_of(name), g) != NULL;
}

static void write_members(struct generator *g, struct buf *out, const struct wit_type *type)
{
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        buf_addf(out, "    %s%s;\n", gen_c_type(g, field->type),
                 type->kind == WIT_TUPLE ? gen_printf(g, "f%zu", i) : gen_member(g, field->name));
    }
}

/* The payloads of a variant or result; nothing if it has none. */
static void write_union(struct generator *g, struct buf *out, const struct wit_type *type)
{
    autobuf struct buf members = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; type->kind == WIT_VARIANT && i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        if (field->type)
            buf_addf(&members, "        %s%s;\n", gen_c_type(g, field->type), gen_member(g, field->name));
    }
    if (type->kind == WIT_RESULT && type->ok)
        buf_addf(&members, "        %sok;\n", gen_c_type(g, type->ok));
    if (type->kind == WIT_RESULT && type->err)
        buf_addf(&members, "        %serr;\n", gen_c_type(g, type->err));
    if (members.len)
        buf_addf(out, "    union {\n%s    } of;\n", members.data);
}

static void write_constants(struct generator *g, const struct wit_type *type)
{
    const char *upper = gen_upper(g, str_of(gen_type_name(g, type)));
    for (size_t i = 0; i < type->fields.len; i++) {
        const char *name = gen_printf(g, "%s_%s", upper, gen_upper(g, type->fields.items[i].name));
        name = gen_take_symbol(g, name);
        if (type->kind == WIT_FLAGS)
            buf_addf(&g->types, "#define %s (1u << %zu)\n", name, i);
        else
            buf_addf(&g->types, "    %s,\n", name);
    }
}

static enum status write_enumeration(struct generator *g, const struct wit_type *type, const char *tag)
{
    buf_addf(&g->types, "enum %s {\n", tag);
    write_constants(g, type);
    buf_add(&g->types, STR("};\n"));
    return ST_OK;
}

static enum status write_variant(struct generator *g, const struct wit_type *type, const char *name)
{
    const char *tags = gen_printf(g, "%s_tag", name);
    TRY(gen_take_tag(g, tags, type->name));
    TRY(write_enumeration(g, type, tags));
    buf_addf(&g->types, "struct %s {\n    uint32_t tag;\n", name);
    write_union(g, &g->types, type);
    buf_add(&g->types, STR("};\n"));
    return ST_OK;
}

static enum status write_named(struct generator *g, const struct wit_type *type)
{
    const struct unit *unit = gen_unit_of(g, type);
    const char *name = gen_type_name(g, type);
    if (unit->external || is_written(g, gen_printf(g, "%s.%.*s", unit->prefix, STR_ARG(type->name))))
        return ST_OK;
    for (size_t i = 0; i < type->fields.len; i++)
        if (type->fields.items[i].type)
            TRY(gen_define_type(g, type->fields.items[i].type));
    TRY(gen_take_tag(g, name, type->name));
    buf_addf(&g->types, "\n/* %s %.*s */\n", wit_kind_name(type->kind), STR_ARG(type->name));
    if (type->kind == WIT_VARIANT)
        return write_variant(g, type, name);
    if (type->kind == WIT_ENUM)
        return write_enumeration(g, type, name);
    if (type->kind == WIT_FLAGS) {
        write_constants(g, type);
        return ST_OK;
    }
    buf_addf(&g->types, "struct %s {\n", name);
    write_members(g, &g->types, type);
    buf_add(&g->types, STR("};\n"));
    return ST_OK;
}

static void write_body(struct generator *g, struct buf *out, const struct wit_type *type, const char *tag)
{
    switch (type->kind) {
    case WIT_LIST:
        buf_addf(out, "    %sitems;\n    size_t len;\n", items_type(g, type->element));
        break;
    case WIT_FIXED_LIST:
        buf_addf(out, "    %sitems[%u];\n", gen_c_type(g, type->element), type->length);
        break;
    case WIT_MAP:
        buf_addf(out, "    const %s_item {\n        %skey;\n        %svalue;\n    } *items;\n    size_t len;\n", tag,
                 gen_c_type(g, type->key), gen_c_type(g, type->value));
        break;
    case WIT_OPTION:
        buf_addf(out, "    bool is_some;\n    %svalue;\n", gen_c_type(g, type->element));
        break;
    case WIT_RESULT:
        buf_add(out, STR("    bool is_err;\n"));
        write_union(g, out, type);
        break;
    default:
        write_members(g, out, type);
        break;
    }
}

static enum status define_parts(struct generator *g, const struct wit_type *type)
{
    if (type->first)
        TRY(gen_define_type(g, type->first));
    if (type->second)
        TRY(gen_define_type(g, type->second));
    for (size_t i = 0; i < type->fields.len; i++)
        TRY(gen_define_type(g, type->fields.items[i].type));
    return ST_OK;
}

/* Anonymous types come with a guard of their own: other generated headers may define the same. */
static enum status write_anonymous(struct generator *g, const struct wit_type *type)
{
    const char *tag;
    TRY(find_tag(g, type, &tag));
    TRY(define_parts(g, type));
    autobuf struct buf body = BUF_INIT(BUF_UNLIMITED);
    write_body(g, &body, type, tag);
    const char *known = map_get(&g->anonymous, str_of(tag));
    if (known && strcmp(known, body.data) != 0)
        return fail(g->err, ST_INVALID, "two types would both be `%s` in C; make one a record", tag);
    if (known)
        return ST_OK;
    map_set(&g->anonymous, str_of(tag), (void *)(uintptr_t)gen_printf(g, "%s", body.data));
    const char *guard = gen_upper(g, str_from(str_of(tag), sizeof "struct " - 1));
    buf_addf(&g->types, "\n#ifndef %s_DEFINED\n#define %s_DEFINED\n%s {\n%s};\n#endif\n", guard, guard, tag, body.data);
    return ST_OK;
}

static void declare_struct(struct generator *g, const char *name)
{
    const char *tag = gen_printf(g, "struct %s", name);
    if (!is_written(g, tag))
        buf_addf(&g->types, "\n%s;\n", tag);
}

enum status gen_define_type(struct generator *g, const struct wit_type *type)
{
    type = wit_type_root(type);
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        return fail(g->err, ST_LIMIT, "a type is made of types more than %u deep", WIT_MAX_TYPE_DEPTH);
    if (gen_has_own_name(type))
        return write_named(g, type);
    switch (type->kind) {
    case WIT_OWN:
    case WIT_BORROW:
        if (!gen_is_guest_resource(g, type->resource))
            declare_struct(g, gen_resource_name(g, type));
        return ST_OK;
    case WIT_STREAM:
    case WIT_FUTURE:
        return type->element ? gen_define_type(g, type->element) : ST_OK;
    case WIT_ERROR_CONTEXT:
        declare_struct(g, "cm_error_context");
        return ST_OK;
    default:
        return wit_kind_is_primitive(type->kind) ? ST_OK : write_anonymous(g, type);
    }
}

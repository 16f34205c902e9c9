#include "wit/bindgen_private.h"

/* Names. */
static struct str world_key(const struct wit_world *const *world)
{
    return str_n((const char *)world, sizeof *world);
}

struct unit *gen_unit_of(const struct generator *g, const struct wit_type *type)
{
    struct unit *unit = map_get(&g->units_by_key, type->interface ? wit_interface_key(type->interface)
                                                                  : world_key((const struct wit_world *const *)&type->world));
    bug_unless(unit);
    return unit;
}

struct str gen_type_name(struct generator *g, const struct wit_type *type)
{
    return gen_printf(g, "%.*s_%.*s", STR_ARG(gen_unit_of(g, type)->prefix), STR_ARG(gen_snake(g, type->name)));
}

bool gen_is_guest_resource(const struct generator *g, const struct wit_type *resource)
{
    const struct unit *unit = gen_unit_of(g, wit_type_root(resource));
    return unit->interface && unit->roles == UNIT_GUEST;
}

bool gen_by_pointer(const struct wit_type *type)
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

static const char *const scalar_types[] = {[WIT_BOOL] = "bool ",         [WIT_S8] = "int8_t ",
                                           [WIT_U8] = "uint8_t ",        [WIT_S16] = "int16_t ",
                                           [WIT_U16] = "uint16_t ",      [WIT_S32] = "int32_t ",
                                           [WIT_U32] = "uint32_t ",      [WIT_S64] = "int64_t ",
                                           [WIT_U64] = "uint64_t ",      [WIT_F32] = "float ",
                                           [WIT_F64] = "double ",        [WIT_CHAR] = "uint32_t ",
                                           [WIT_STRING] = "struct str ", [WIT_ERROR_CONTEXT] = "struct cm_error_context *"};

static struct str word(struct generator *g, const struct wit_type *type, bool last);

static struct str optional_word(struct generator *g, const struct wit_type *type, bool last)
{
    return type ? word(g, type, last) : STR("none");
}

static struct str tuple_word(struct generator *g, const struct wit_type *type, bool last)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, last ? "tuple" : "tuple%zu", type->fields.len);
    for (size_t i = 0; i < type->fields.len; i++) {
        struct str item = word(g, type->fields.items[i].type, last && i + 1 == type->fields.len);
        buf_addf(&text, "_%.*s", STR_ARG(item));
    }
    return arena_str(&g->arena, buf_str(&text));
}

static struct str pair_word(struct generator *g, const struct wit_type *type, bool last)
{
    struct str first = optional_word(g, type->first, false), second = optional_word(g, type->second, last);
    return gen_printf(g, "%s_%.*s_%.*s", wit_kind_name(type->kind), STR_ARG(first), STR_ARG(second));
}

static struct str list_word(struct generator *g, const struct wit_type *type, bool last)
{
    struct str element = word(g, type->element, last);
    if (type->kind == WIT_FIXED_LIST)
        return gen_printf(g, "list%u_%.*s", type->length, STR_ARG(element));
    return gen_printf(g, "%s_%.*s", wit_kind_name(type->kind), STR_ARG(element));
}

/* A type's part in the name of an anonymous type. `last`: nothing follows, so a tuple need not say its length. */
static struct str word(struct generator *g, const struct wit_type *type, bool last)
{
    type = wit_type_root(type);
    switch (type->kind) {
    case WIT_LIST:
    case WIT_FIXED_LIST:
    case WIT_OPTION:
        return list_word(g, type, last);
    case WIT_RESULT:
    case WIT_MAP:
        return pair_word(g, type, last);
    case WIT_TUPLE:
        return tuple_word(g, type, last);
    case WIT_OWN:
    case WIT_BORROW:
        return gen_is_guest_resource(g, type->resource) ? STR("guest_resource") : gen_type_name(g, wit_type_root(type->resource));
    case WIT_RECORD:
    case WIT_VARIANT:
    case WIT_ENUM:
    case WIT_FLAGS:
        return gen_type_name(g, type);
    case WIT_ERROR_CONTEXT:
        return STR("error_context");
    default:
        return str_of(wit_kind_name(type->kind)); /* primitives; streams and futures, which are all alike in C */
    }
}

/* "struct wasi_x", "enum wasi_y", "struct cm_list_u8" */
static struct str tag_of(struct generator *g, const struct wit_type *type)
{
    if (type->kind == WIT_RECORD || type->kind == WIT_VARIANT)
        return gen_printf(g, "struct %.*s", STR_ARG(gen_type_name(g, type)));
    if (type->kind == WIT_ENUM)
        return gen_printf(g, "enum %.*s", STR_ARG(gen_type_name(g, type)));
    return gen_printf(g, "struct cm_%.*s", STR_ARG(word(g, type, true)));
}

struct str gen_c_type(struct generator *g, const struct wit_type *type)
{
    type = wit_type_root(type);
    if (wit_kind_is_primitive(type->kind))
        return str_of(scalar_types[type->kind]);
    switch (type->kind) {
    case WIT_FLAGS:
        return STR("uint32_t ");
    case WIT_STREAM:
        return STR("struct cm_stream *");
    case WIT_FUTURE:
        return STR("struct cm_future *");
    case WIT_OWN:
    case WIT_BORROW:
        if (gen_is_guest_resource(g, type->resource))
            return STR("struct cm_guest_resource *");
        return gen_printf(g, "struct %.*s *", STR_ARG(gen_type_name(g, wit_type_root(type->resource))));
    default:
        return gen_printf(g, "%.*s ", STR_ARG(tag_of(g, type)));
    }
}

/* What a pointer to constant items of `type` is declared with: "const uint8_t *", "struct x *const *". */
static struct str items_type(struct generator *g, const struct wit_type *type)
{
    struct str c = gen_c_type(g, type);
    return c.data[c.len - 1] == '*' ? gen_printf(g, "%.*sconst *", STR_ARG(c)) : gen_printf(g, "const %.*s*", STR_ARG(c));
}

/* C definitions. */
static bool is_written(struct generator *g, struct str tag)
{
    return map_set(&g->emitted, tag, g) != NULL;
}

static void write_members(struct generator *g, struct buf *out, const struct wit_type *type)
{
    for (size_t i = 0; i < type->fields.len; i++) {
        struct str c = gen_c_type(g, type->fields.items[i].type);
        struct str name = type->kind == WIT_TUPLE ? gen_printf(g, "f%zu", i) : gen_member(g, type->fields.items[i].name);
        buf_addf(out, "    %.*s%.*s;\n", STR_ARG(c), STR_ARG(name));
    }
}

/* union { ... } of; of what has payloads at all. */
static void write_union(struct generator *g, struct buf *out, const struct wit_type *type)
{
    autobuf struct buf members = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; type->kind == WIT_VARIANT && i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        if (field->type)
            buf_addf(&members, "        %.*s%.*s;\n", STR_ARG(gen_c_type(g, field->type)), STR_ARG(gen_member(g, field->name)));
    }
    if (type->kind == WIT_RESULT && type->ok)
        buf_addf(&members, "        %.*sok;\n", STR_ARG(gen_c_type(g, type->ok)));
    if (type->kind == WIT_RESULT && type->err)
        buf_addf(&members, "        %.*serr;\n", STR_ARG(gen_c_type(g, type->err)));
    if (members.len)
        buf_addf(out, "    union {\n%.*s    } of;\n", STR_ARG(buf_str(&members)));
}

static void write_constants(struct generator *g, const struct wit_type *type)
{
    struct str upper = gen_upper(g, gen_type_name(g, type));
    for (size_t i = 0; i < type->fields.len; i++) {
        struct str name = gen_printf(g, "%.*s_%.*s", STR_ARG(upper), STR_ARG(gen_upper(g, type->fields.items[i].name)));
        name = gen_take_symbol(g, name);
        if (type->kind == WIT_FLAGS)
            buf_addf(&g->types, "#define %.*s (1u << %zu)\n", STR_ARG(name), i);
        else
            buf_addf(&g->types, "    %.*s,\n", STR_ARG(name));
    }
}

static enum status write_named(struct generator *g, const struct wit_type *type)
{
    struct str name = gen_type_name(g, type);
    if (gen_unit_of(g, type)->external || is_written(g, name))
        return ST_OK;
    for (size_t i = 0; i < type->fields.len; i++)
        if (type->fields.items[i].type)
            TRY(gen_define_type(g, type->fields.items[i].type));
    TRY(gen_take_tag(g, name, type->name));
    if (type->kind == WIT_VARIANT)
        TRY(gen_take_tag(g, gen_printf(g, "%.*s_tag", STR_ARG(name)), type->name));
    buf_addf(&g->types, "\n/* %s %.*s */\n", wit_kind_name(type->kind), STR_ARG(type->name));
    if (type->kind == WIT_ENUM || type->kind == WIT_VARIANT)
        buf_addf(&g->types, "enum %.*s%s {\n", STR_ARG(name), type->kind == WIT_VARIANT ? "_tag" : "");
    if (type->kind != WIT_RECORD)
        write_constants(g, type);
    if (type->kind == WIT_ENUM || type->kind == WIT_VARIANT)
        buf_add(&g->types, STR("};\n"));
    if (type->kind == WIT_RECORD || type->kind == WIT_VARIANT)
        buf_addf(&g->types, "struct %.*s {\n", STR_ARG(name));
    if (type->kind == WIT_RECORD)
        write_members(g, &g->types, type);
    if (type->kind == WIT_VARIANT) {
        buf_add(&g->types, STR("    uint32_t tag;\n"));
        write_union(g, &g->types, type);
    }
    if (type->kind == WIT_RECORD || type->kind == WIT_VARIANT)
        buf_add(&g->types, STR("};\n"));
    return ST_OK;
}

static void write_body(struct generator *g, struct buf *out, const struct wit_type *type, struct str tag)
{
    switch (type->kind) {
    case WIT_LIST:
        buf_addf(out, "    %.*sitems;\n    size_t len;\n", STR_ARG(items_type(g, type->element)));
        break;
    case WIT_FIXED_LIST:
        buf_addf(out, "    %.*sitems[%u];\n", STR_ARG(gen_c_type(g, type->element)), type->length);
        break;
    case WIT_MAP:
        buf_addf(out, "    const %.*s_item {\n        %.*skey;\n        %.*svalue;\n    } *items;\n    size_t len;\n", STR_ARG(tag),
                 STR_ARG(gen_c_type(g, type->key)), STR_ARG(gen_c_type(g, type->value)));
        break;
    case WIT_OPTION:
        buf_addf(out, "    bool is_some;\n    %.*svalue;\n", STR_ARG(gen_c_type(g, type->element)));
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

/* Anonymous types come with a guard of their own: other generated headers may define the same. */
static enum status write_anonymous(struct generator *g, const struct wit_type *type)
{
    if (type->first)
        TRY(gen_define_type(g, type->first));
    if (type->second)
        TRY(gen_define_type(g, type->second));
    for (size_t i = 0; i < type->fields.len; i++)
        TRY(gen_define_type(g, type->fields.items[i].type));
    struct str tag = tag_of(g, type), guard = gen_upper(g, str_from(tag, sizeof "struct " - 1));
    autobuf struct buf body = BUF_INIT(BUF_UNLIMITED);
    write_body(g, &body, type, tag);
    const struct str *other = map_get(&g->anonymous, tag);
    if (other && !str_eq(*other, buf_str(&body)))
        return fail(g->err, ST_INVALID, "two types would both be `%.*s` in C; give one a name as a record", STR_ARG(tag));
    if (other)
        return ST_OK;
    struct str kept = arena_str(&g->arena, buf_str(&body));
    map_set(&g->anonymous, tag, arena_copy(&g->arena, &kept, sizeof kept));
    buf_addf(&g->types, "\n#ifndef %.*s_DEFINED\n#define %.*s_DEFINED\n%.*s {\n%.*s};\n#endif\n", STR_ARG(guard), STR_ARG(guard),
             STR_ARG(tag), STR_ARG(kept));
    return ST_OK;
}

enum status gen_define_type(struct generator *g, const struct wit_type *type)
{
    type = wit_type_root(type);
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        return fail(g->err, ST_LIMIT, "a type is made of types more than %u deep", WIT_MAX_TYPE_DEPTH);
    switch (type->kind) {
    case WIT_RECORD:
    case WIT_VARIANT:
    case WIT_ENUM:
    case WIT_FLAGS:
        return write_named(g, type);
    case WIT_OWN:
    case WIT_BORROW: {
        const struct wit_type *resource = wit_type_root(type->resource);
        struct str tag = gen_printf(g, "struct %.*s", STR_ARG(gen_type_name(g, resource)));
        if (!gen_is_guest_resource(g, resource) && !is_written(g, tag))
            buf_addf(&g->types, "\n%.*s;\n", STR_ARG(tag));
        return ST_OK;
    }
    case WIT_STREAM:
    case WIT_FUTURE:
        return type->element ? gen_define_type(g, type->element) : ST_OK;
    case WIT_ERROR_CONTEXT:
        if (!is_written(g, STR("struct cm_error_context")))
            buf_add(&g->types, STR("\nstruct cm_error_context;\n"));
        return ST_OK;
    default:
        return wit_kind_is_primitive(type->kind) ? ST_OK : write_anonymous(g, type);
    }
}

/* Descriptors. Each is written once, behind those it refers to. */
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
static struct str descriptor_key(struct generator *g, const struct wit_type *type)
{
    type = type ? wit_type_root(type) : NULL;
    if (!type)
        return STR("_");
    if (type->kind >= WIT_RECORD && type->kind <= WIT_FLAGS)
        return gen_type_name(g, type);
    if (type->kind == WIT_OWN || type->kind == WIT_BORROW)
        return gen_printf(
            g, "%s<%.*s>", wit_kind_name(type->kind),
            STR_ARG(gen_is_guest_resource(g, type->resource) ? STR("_") : gen_type_name(g, wit_type_root(type->resource))));
    autobuf struct buf key = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&key, "%s%u<", wit_kind_name(type->kind), type->length);
    for (size_t i = 0; i < type->fields.len; i++)
        buf_addf(&key, "%.*s,", STR_ARG(descriptor_key(g, type->fields.items[i].type)));
    if (!wit_kind_is_primitive(type->kind))
        buf_addf(&key, "%.*s,%.*s>", STR_ARG(descriptor_key(g, type->first)), STR_ARG(descriptor_key(g, type->second)));
    return arena_str(&g->arena, buf_str(&key));
}

/* The fields table of a record, tuple, variant, enum or flags type. */
static enum status write_fields(struct generator *g, const struct wit_type *type, struct str table)
{
    autobuf struct buf rows = BUF_INIT(BUF_UNLIMITED);
    bool in_struct = type->kind == WIT_RECORD || type->kind == WIT_TUPLE;
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        struct str expression = STR("NULL");
        struct str member = type->kind == WIT_TUPLE ? gen_printf(g, "f%zu", i) : gen_member(g, field->name);
        if (field->type)
            TRY(gen_descriptor(g, field->type, &expression));
        buf_addf(&rows, "    {%.*s, %.*s, ", STR_ARG(gen_c_string(g, type->kind == WIT_TUPLE ? member : field->name)),
                 STR_ARG(expression));
        if (in_struct)
            buf_addf(&rows, "offsetof(%.*s, %.*s)},\n", STR_ARG(tag_of(g, type)), STR_ARG(member));
        else
            buf_add(&rows, STR("0},\n"));
    }
    buf_addf(&g->tables, "static const struct cm_field_desc %.*s[] = {\n%.*s};\n", STR_ARG(table), STR_ARG(buf_str(&rows)));
    return ST_OK;
}

/* Where a type's payload is in its C struct, as an initialiser; empty if nowhere. */
static struct str offset_of(struct generator *g, const struct wit_type *type)
{
    bool has_union = type->kind == WIT_RESULT && (type->ok || type->err);
    for (size_t i = 0; type->kind == WIT_VARIANT && i < type->fields.len; i++)
        has_union |= type->fields.items[i].type != NULL;
    if (has_union)
        return gen_printf(g, ", .offset = offsetof(%.*s, of)", STR_ARG(tag_of(g, type)));
    if (type->kind == WIT_OPTION)
        return gen_printf(g, ", .offset = offsetof(%.*s, value)", STR_ARG(tag_of(g, type)));
    if (type->kind == WIT_MAP)
        return gen_printf(g, ", .offset = offsetof(%.*s_item, value)", STR_ARG(tag_of(g, type)));
    return STR("");
}

static struct str item_size_of(struct generator *g, const struct wit_type *type)
{
    if (type->kind == WIT_MAP)
        return gen_printf(g, ", .item_size = sizeof(%.*s_item)", STR_ARG(tag_of(g, type)));
    if (type->kind == WIT_LIST || type->kind == WIT_FIXED_LIST)
        return gen_printf(g, ", .item_size = sizeof(%.*s)", STR_ARG(str_trim(gen_c_type(g, type->element))));
    return STR("");
}

/* The initialisers that name other descriptors. */
static enum status write_references(struct generator *g, const struct wit_type *type, struct buf *out)
{
    struct str first, second;
    bool map = type->kind == WIT_MAP, handle = type->kind == WIT_OWN || type->kind == WIT_BORROW;
    if (handle && !gen_is_guest_resource(g, type->resource))
        buf_addf(out, ", .resource = &%.*s_resource", STR_ARG(gen_type_name(g, wit_type_root(type->resource))));
    if (handle)
        return ST_OK;
    if (type->first) {
        TRY(gen_descriptor(g, type->first, &first));
        buf_addf(out, ", .%s = %.*s", map ? "second" : "element", STR_ARG(first));
    }
    if (type->second) {
        TRY(gen_descriptor(g, type->second, &second));
        buf_addf(out, ", .%s = %.*s", map ? "element" : "second", STR_ARG(second));
    }
    return ST_OK;
}

static enum status write_descriptor(struct generator *g, const struct wit_type *type, struct str name, bool named)
{
    struct str fields = gen_printf(g, "%.*s_fields", STR_ARG(name)), c = str_trim(gen_c_type(g, type));
    autobuf struct buf references = BUF_INIT(BUF_UNLIMITED);
    TRY(write_references(g, type, &references));
    if (type->fields.len)
        TRY(write_fields(g, type, fields));
    buf_addf(&g->tables, "%sconst struct cm_type_desc %.*s = {.kind = CM_%s, .size = sizeof(%.*s), .align = _Alignof(%.*s)",
             named ? "" : "static ", STR_ARG(name), kind_names[type->kind], STR_ARG(c), STR_ARG(c));
    if (type->fields.len)
        buf_addf(&g->tables, ", .count = %zu, .fields = %.*s", type->fields.len, STR_ARG(fields));
    if (type->kind == WIT_FIXED_LIST)
        buf_addf(&g->tables, ", .count = %u", type->length);
    buf_addf(&g->tables, "%.*s%.*s%.*s};\n", STR_ARG(buf_str(&references)), STR_ARG(offset_of(g, type)),
             STR_ARG(item_size_of(g, type)));
    return ST_OK;
}

enum status gen_descriptor(struct generator *g, const struct wit_type *type, struct str *ret_expression)
{
    type = wit_type_root(type);
    struct str key = descriptor_key(g, type), name;
    const struct str *known = map_get(&g->descriptors, key);
    bool named = type->kind >= WIT_RECORD && type->kind <= WIT_FLAGS;
    if (known) {
        *ret_expression = *known;
        return ST_OK;
    }
    if (named)
        name = gen_take_symbol(g, gen_printf(g, "%.*s_desc", STR_ARG(gen_type_name(g, type))));
    else
        name = gen_printf(g, "type_%u", ++g->descriptor_count);
    bool external = named && gen_unit_of(g, type)->external;
    if (!external)
        TRY(write_descriptor(g, type, name, named));
    if (named && !external)
        buf_addf(&g->prototypes, "extern const struct cm_type_desc %.*s;\n", STR_ARG(name));
    *ret_expression = gen_printf(g, "&%.*s", STR_ARG(name));
    map_set(&g->descriptors, key, arena_copy(&g->arena, ret_expression, sizeof *ret_expression));
    return ST_OK;
}

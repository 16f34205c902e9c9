#include "wit/encode_type.h"

#include "base/mem.h"

void wit_type_space_release(struct wit_type_space *space)
{
    map_release(&space->indexes);
}

/* What is written for each kind: of a primitive where it is used, of the others in front of their definition. */
static uint8_t kind_code(enum wit_kind kind)
{
    static const uint8_t codes[WIT_KIND_COUNT] = {
        [WIT_BOOL] = 0x7f,   [WIT_S8] = 0x7e,         [WIT_U8] = 0x7d,      [WIT_S16] = 0x7c,
        [WIT_U16] = 0x7b,    [WIT_S32] = 0x7a,        [WIT_U32] = 0x79,     [WIT_S64] = 0x78,
        [WIT_U64] = 0x77,    [WIT_F32] = 0x76,        [WIT_F64] = 0x75,     [WIT_CHAR] = 0x74,
        [WIT_STRING] = 0x73, [WIT_RECORD] = 0x72,     [WIT_VARIANT] = 0x71, [WIT_LIST] = 0x70,
        [WIT_TUPLE] = 0x6f,  [WIT_FLAGS] = 0x6e,      [WIT_ENUM] = 0x6d,    [WIT_OPTION] = 0x6b,
        [WIT_RESULT] = 0x6a, [WIT_OWN] = 0x69,        [WIT_BORROW] = 0x68,  [WIT_STREAM] = 0x66,
        [WIT_FUTURE] = 0x65, [WIT_FIXED_LIST] = 0x67, [WIT_MAP] = 0x63,     [WIT_ERROR_CONTEXT] = 0x64,
    };
    return codes[kind];
}

static void put_optional(struct wit_sink *sink, bool present, wit_valtype type)
{
    wit_put_byte(sink, present ? 0x01 : 0x00);
    if (present)
        wit_put_signed(sink, type);
}

/* --- definitions ----------------------------------------------------------------------------------------------------- */

/* Writes a definition into `shape`. First what it is made of, which may add definitions of its own to the body. */
static enum status put_fields(struct wit_type_space *space, const struct wit_type *type, struct wit_sink *shape)
{
    size_t count = type->fields.len;
    autofree wit_valtype *types = mem_array(count + 1, sizeof *types);
    for (size_t i = 0; i < count; i++)
        if (type->fields.items[i].type)
            TRY(wit_encode_type(space, type->fields.items[i].type, &types[i]));
    wit_put_byte(shape, kind_code(type->kind));
    wit_put_u32(shape, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct wit_field *field = &type->fields.items[i];
        if (type->kind != WIT_TUPLE)
            wit_put_name(shape, field->name);
        if (type->kind == WIT_RECORD || type->kind == WIT_TUPLE)
            wit_put_signed(shape, types[i]);
        if (type->kind != WIT_VARIANT)
            continue;
        put_optional(shape, field->type != NULL, types[i]);
        wit_put_byte(shape, 0x00); /* what once was `refines` */
    }
    return ST_OK;
}

static enum status put_handle(struct wit_type_space *space, const struct wit_type *type, struct wit_sink *shape)
{
    uint32_t resource;
    TRY(wit_encode_type_index(space, type->resource, &resource));
    wit_put_byte(shape, kind_code(type->kind));
    wit_put_u32(shape, resource);
    return ST_OK;
}

static enum status put_generic(struct wit_type_space *space, const struct wit_type *type, struct wit_sink *shape)
{
    wit_valtype first = 0, second = 0;
    bool optional = type->kind == WIT_RESULT || type->kind == WIT_STREAM || type->kind == WIT_FUTURE;
    bool two = type->kind == WIT_RESULT || type->kind == WIT_MAP;
    if (type->first)
        TRY(wit_encode_type(space, type->first, &first));
    if (type->second)
        TRY(wit_encode_type(space, type->second, &second));
    wit_put_byte(shape, kind_code(type->kind));
    if (optional)
        put_optional(shape, type->first != NULL, first);
    else
        wit_put_signed(shape, first);
    if (two && optional)
        put_optional(shape, type->second != NULL, second);
    else if (two)
        wit_put_signed(shape, second);
    if (type->kind == WIT_FIXED_LIST)
        wit_put_u32(shape, type->length);
    return ST_OK;
}

static enum status put_definition(struct wit_type_space *space, const struct wit_type *type, struct wit_sink *shape)
{
    switch (type->kind) {
    case WIT_RECORD:
    case WIT_VARIANT:
    case WIT_ENUM:
    case WIT_FLAGS:
    case WIT_TUPLE:
        return put_fields(space, type, shape);
    case WIT_OWN:
    case WIT_BORROW:
        return put_handle(space, type, shape);
    default:
        return put_generic(space, type, shape);
    }
}

static uint32_t add_shape(struct wit_type_space *space, struct str shape)
{
    wit_put_bytes(wit_body_next(space->body, WIT_SECTION_TYPE), shape);
    return wit_body_index(space->body, WIT_SORT_TYPE);
}

/* --- names ----------------------------------------------------------------------------------------------------------- */

static struct wit_extern_name type_name(const struct wit_type *type)
{
    return (struct wit_extern_name){
        .text = type->name, .external_id = type->notes.external_id, .has_external_id = type->notes.has_external_id};
}

uint32_t wit_name_exported(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc)
{
    return wit_body_declare_export(space->body, type_name(type), desc);
}

uint32_t wit_name_imported(struct wit_type_space *space, const struct wit_type *type, struct wit_extern_desc desc)
{
    return wit_body_import(space->body, type_name(type), desc);
}

uint32_t wit_name_dropped(struct wit_type_space *space UNUSED, const struct wit_type *type UNUSED, struct wit_extern_desc desc)
{
    bug_unless(!desc.fresh_resource); /* whoever drops names has put resources in the space */
    return desc.type;
}

static enum status define_alias(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    wit_valtype target;
    uint8_t code;
    TRY(wit_encode_type(space, type->target, &target));
    if (target >= 0) {
        *ret_index = (uint32_t)target;
        return ST_OK;
    }
    code = (uint8_t)(target & 0x7f); /* a name needs an index to stand for */
    *ret_index = add_shape(space, str_n((const char *)&code, 1));
    return ST_OK;
}

static enum status define_named(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    struct wit_extern_desc desc = {.sort = WIT_SORT_TYPE, .fresh_resource = type->kind == WIT_RESOURCE};
    autosink struct wit_sink shape = WIT_SINK_INIT(space->body->out.buf.max);
    if (type->kind == WIT_ALIAS) {
        TRY(define_alias(space, type, &desc.type));
    } else if (type->kind != WIT_RESOURCE) {
        TRY(put_definition(space, type, &shape));
        desc.type = add_shape(space, wit_sink_str(&shape));
    }
    *ret_index = space->name(space, type, desc);
    return ST_OK;
}

static enum status define_anonymous(struct wit_type_space *space, const struct wit_type *type, wit_valtype *ret_type)
{
    autosink struct wit_sink shape = WIT_SINK_INIT(space->body->out.buf.max);
    if (type->kind >= WIT_RECORD && type->kind != WIT_ALIAS)
        return fail(space->err, ST_INVALID, "an anonymous %s cannot be encoded", wit_kind_name(type->kind));
    if (type->kind == WIT_ALIAS)
        return wit_encode_type(space, type->target, ret_type);
    TRY(put_definition(space, type, &shape));
    *ret_type = wit_body_share_type(space->body, wit_sink_str(&shape));
    return ST_OK;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

enum status wit_encode_type(struct wit_type_space *space, const struct wit_type *type, wit_valtype *ret_type)
{
    uint32_t index;
    if (wit_kind_is_primitive(type->kind)) {
        *ret_type = (wit_valtype)kind_code(type->kind) - 0x80;
        return ST_OK;
    }
    if (wit_map_index(&space->indexes, wit_type_key(type), &index)) {
        *ret_type = index;
        return ST_OK;
    }
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        return fail(space->err, ST_LIMIT, "a type is made of types more than %u deep", WIT_MAX_TYPE_DEPTH);
    if (!type->name.len)
        return define_anonymous(space, type, ret_type);
    if (type->interface && type->interface != space->interface)
        TRY(space->foreign(space, type, &index));
    else
        TRY(define_named(space, type, &index));
    wit_map_set_index(&space->indexes, wit_type_key(type), index);
    *ret_type = index;
    return ST_OK;
}

enum status wit_encode_type_index(struct wit_type_space *space, const struct wit_type *type, uint32_t *ret_index)
{
    wit_valtype encoded;
    TRY(wit_encode_type(space, type, &encoded));
    bug_unless(encoded >= 0);
    *ret_index = (uint32_t)encoded;
    return ST_OK;
}

enum status wit_encode_function_type(struct wit_type_space *space, const struct wit_function *function, uint32_t *ret_index)
{
    size_t count = function->params.len;
    autofree wit_valtype *params = mem_array(count + 1, sizeof *params);
    autosink struct wit_sink shape = WIT_SINK_INIT(space->body->out.buf.max);
    wit_valtype result;
    for (size_t i = 0; i < count; i++)
        TRY(wit_encode_type(space, function->params.items[i].type, &params[i]));
    if (function->result)
        TRY(wit_encode_type(space, function->result, &result));
    wit_put_byte(&shape, function->is_async ? 0x43 : 0x40);
    wit_put_u32(&shape, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wit_put_name(&shape, function->params.items[i].name);
        wit_put_signed(&shape, params[i]);
    }
    wit_put_byte(&shape, function->result ? 0x00 : 0x01);
    if (function->result)
        wit_put_signed(&shape, result);
    else
        wit_put_byte(&shape, 0x00);
    *ret_index = wit_body_share_type(space->body, wit_sink_str(&shape));
    return ST_OK;
}

#include "component/decode.h"

/* --- labels ---------------------------------------------------------------------------------------------------------- */

static int compare_nocase(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        char x = a.data[i], y = b.data[i];
        x = x >= 'A' && x <= 'Z' ? (char)(x - 'A' + 'a') : x;
        y = y >= 'A' && y <= 'Z' ? (char)(y - 'A' + 'a') : y;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* By label, then by position: `parts` keeps the order. */
static int compare_parts(const void *a, const void *b)
{
    const struct cm_part *x = *(const struct cm_part *const *)a, *y = *(const struct cm_part *const *)b;
    int order = compare_nocase(x->name, y->name);
    return order ? order : x < y ? -1 : 1;
}

/* what, scope: "record field", "field". */
static enum status check_labels(struct cm_decoder *d, const char *what, const char *scope, const struct cm_part *parts,
                                uint32_t count)
{
    autofree const struct cm_part **sorted = mem_array(MAX(count, 1u), sizeof *sorted);
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].name.len == 0)
            return cm_invalid(d, "%s name cannot be empty", what);
        if (!wit_label_valid(parts[i].name))
            return cm_invalid(d, "%s name `%.*s` is not in kebab case", what, STR_ARG(parts[i].name));
        sorted[i] = &parts[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_parts);
    for (uint32_t i = 1; i < count; i++)
        if (compare_nocase(sorted[i - 1]->name, sorted[i]->name) == 0)
            return cm_invalid(d, "%s name `%.*s` conflicts with previous %s name `%.*s`", what, STR_ARG(sorted[i]->name), scope,
                              STR_ARG(sorted[i - 1]->name));
    return ST_OK;
}

/* --- value types ----------------------------------------------------------------------------------------------------- */

static bool primitive_of(uint8_t byte, enum cm_kind *ret_kind)
{
    static const uint8_t kinds[] = {CM_STRING, CM_CHAR, CM_F64, CM_F32, CM_U64, CM_S64, CM_U32,
                                    CM_S32,    CM_U16,  CM_S16, CM_U8,  CM_S8,  CM_BOOL}; /* from 0x73 */
    bool listed = byte >= 0x73 && byte <= 0x7f;
    *ret_kind = listed ? kinds[byte - 0x73] : CM_ERROR_CONTEXT;
    return listed || byte == 0x64;
}

/* A type as part of another: a primitive, or the index of a value type. */
enum status cm_read_value_type(struct cm_decoder *d, struct cm_reader *r, const struct cm_deftype **ret_type)
{
    enum cm_kind kind;
    int64_t index;
    if (!cm_reader_at_end(r) && primitive_of((uint8_t)*r->next, &kind)) {
        r->next++;
        return cm_primitive(d, kind, ret_type);
    }
    TRY(cm_read_s33(r, &index));
    if (index < 0)
        return cm_reader_fail(r, "invalid leading byte (0x%x) for component value type", (unsigned)(index & 0x7f));
    return cm_scope_type(d, (uint32_t)index, CM_DEFTYPE_VALUE, ret_type);
}

static enum status read_optional_type(struct cm_decoder *d, struct cm_reader *r, const struct cm_deftype **ret_type)
{
    uint8_t present;
    TRY(cm_read_byte(r, &present));
    if (present > 1)
        return cm_reader_bad_byte(r, present, "optional component value type");
    *ret_type = NULL;
    return present ? cm_read_value_type(d, r, ret_type) : ST_OK;
}

enum part_form { PART_NAMED, PART_CASE, PART_LABEL, PART_ITEM };

static enum status read_part(struct cm_decoder *d, struct cm_reader *r, enum part_form form, struct cm_part *part)
{
    uint8_t zero;
    if (form != PART_ITEM)
        TRY(cm_read_name(r, &part->name));
    switch (form) {
    case PART_NAMED:
    case PART_ITEM:
        return cm_read_value_type(d, r, &part->type);
    case PART_CASE:
        TRY(read_optional_type(d, r, &part->type));
        TRY(cm_read_byte(r, &zero));
        return zero ? cm_reader_bad_byte(r, zero, "zero byte required") : ST_OK;
    case PART_LABEL:
        return ST_OK;
    }
    return ST_OK;
}

static enum status read_parts(struct cm_decoder *d, struct cm_reader *r, enum part_form form, uint32_t limit, const char *what,
                              const struct cm_part **ret_parts, uint32_t *ret_count)
{
    struct cm_part *parts;
    TRY(cm_read_count(r, limit, what, ret_count));
    TRY(cm_alloc(d, *ret_count, sizeof *parts, &parts));
    for (uint32_t i = 0; i < *ret_count; i++)
        TRY(read_part(d, r, form, &parts[i]));
    *ret_parts = parts;
    return ST_OK;
}

static enum status read_record(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_RECORD;
    TRY(read_parts(d, r, PART_NAMED, CM_LIMIT_FIELDS, "record fields", &shape->parts, &shape->part_count));
    return check_labels(d, "record field", "field", shape->parts, shape->part_count);
}

static enum status read_variant(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_VARIANT;
    TRY(read_parts(d, r, PART_CASE, CM_LIMIT_FIELDS, "variant cases", &shape->parts, &shape->part_count));
    return check_labels(d, "variant case", "case", shape->parts, shape->part_count);
}

static enum status read_tuple(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_TUPLE;
    return read_parts(d, r, PART_ITEM, CM_LIMIT_FIELDS, "tuple types", &shape->parts, &shape->part_count);
}

static enum status read_flags(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_FLAGS;
    TRY(read_parts(d, r, PART_LABEL, CM_LIMIT_FIELDS, "flags", &shape->parts, &shape->part_count));
    return check_labels(d, "flag", "flag", shape->parts, shape->part_count);
}

static enum status read_enum(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_ENUM;
    TRY(read_parts(d, r, PART_LABEL, CM_LIMIT_FIELDS, "enum cases", &shape->parts, &shape->part_count));
    return check_labels(d, "enum tag", "tag", shape->parts, shape->part_count);
}

static enum status read_handle(struct cm_decoder *d, struct cm_reader *r, enum cm_kind kind, struct value_shape *shape)
{
    uint32_t index;
    shape->kind = kind;
    TRY(cm_read_u32(r, &index));
    return cm_scope_type(d, index, CM_DEFTYPE_RESOURCE, &shape->element);
}

static enum status read_fixed_list(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_FIXED_LIST;
    TRY(cm_require_gate(d, CM_GATE_FIXED_LISTS, "lists of fixed length"));
    TRY(cm_read_value_type(d, r, &shape->element));
    return cm_read_u32(r, &shape->length);
}

static enum status read_map(struct cm_decoder *d, struct cm_reader *r, struct value_shape *shape)
{
    shape->kind = CM_MAP;
    TRY(cm_read_value_type(d, r, &shape->second));
    return cm_read_value_type(d, r, &shape->element);
}

static enum status read_shape(struct cm_decoder *d, struct cm_reader *r, uint8_t form, struct value_shape *shape)
{
    switch (form) {
    case 0x72:
        return read_record(d, r, shape);
    case 0x71:
        return read_variant(d, r, shape);
    case 0x70:
    case 0x6b:
        shape->kind = form == 0x70 ? CM_LIST : CM_OPTION;
        return cm_read_value_type(d, r, &shape->element);
    case 0x6f:
        return read_tuple(d, r, shape);
    case 0x6e:
        return read_flags(d, r, shape);
    case 0x6d:
        return read_enum(d, r, shape);
    case 0x6a:
        shape->kind = CM_RESULT;
        TRY(read_optional_type(d, r, &shape->element));
        return read_optional_type(d, r, &shape->second);
    case 0x69:
    case 0x68:
        return read_handle(d, r, form == 0x69 ? CM_OWN : CM_BORROW, shape);
    case 0x67:
        return read_fixed_list(d, r, shape);
    case 0x66:
    case 0x65:
        shape->kind = form == 0x66 ? CM_STREAM : CM_FUTURE;
        return read_optional_type(d, r, &shape->element);
    case 0x63:
        return read_map(d, r, shape);
    default:
        if (!primitive_of(form, &shape->kind))
            return cm_reader_bad_byte(r, form, "component defined type");
        return shape->kind == CM_ERROR_CONTEXT ? cm_require_gate(d, CM_GATE_ERROR_CONTEXT, "the `error-context` type") : ST_OK;
    }
}

/* --- functions ------------------------------------------------------------------------------------------------------- */

enum status cm_read_result_list(struct cm_decoder *d, struct cm_reader *r, const struct cm_deftype **ret_type)
{
    uint8_t form, zero;
    TRY(cm_read_byte(r, &form));
    if (form > 1)
        return cm_reader_bad_byte(r, form, "component function results");
    *ret_type = NULL;
    if (form == 0) {
        TRY(cm_read_value_type(d, r, ret_type));
        if ((*ret_type)->value->has_borrow)
            return cm_invalid(d, "function result cannot contain a `borrow` type");
        return ST_OK;
    }
    TRY(cm_read_byte(r, &zero));
    return zero ? cm_reader_bad_byte(r, zero, "number of results") : ST_OK;
}

static enum status read_func(struct cm_decoder *d, struct cm_reader *r, bool is_async, const struct cm_deftype **ret_type)
{
    const struct cm_part *params;
    const struct cm_deftype *result;
    uint32_t count;
    TRY(read_parts(d, r, PART_NAMED, CM_LIMIT_PARAMS, "function parameters", &params, &count));
    TRY(check_labels(d, "function parameter", "parameter", params, count));
    TRY(cm_read_result_list(d, r, &result));
    return cm_deftype_func(d, is_async, params, count, result, NULL, ret_type);
}

/* --- resources ------------------------------------------------------------------------------------------------------- */

static enum status check_destructor(struct cm_decoder *d, uint32_t dtor)
{
    struct cm_extern item;
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_FUNC, dtor, &item));
    const struct engine_func_type *func = &item.core->func;
    if (func->param_count != 1 || func->params[0] != ENGINE_I32 || func->result_count != 0)
        return cm_invalid(d, "core function %u has wrong signature for a destructor", dtor);
    return ST_OK;
}

static enum status define_resource(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t rep, has_dtor;
    uint32_t dtor = CM_NO_INDEX, resource;
    struct cm_extern item = {.sort = CM_SORT_TYPE};
    struct cm_def *def;
    TRY(cm_read_byte(r, &rep));
    TRY(cm_read_byte(r, &has_dtor));
    if (has_dtor > 1)
        return cm_reader_bad_byte(r, has_dtor, "resource destructor");
    if (has_dtor)
        TRY(cm_read_u32(r, &dtor));
    if (d->scope->kind != SCOPE_COMPONENT)
        return cm_invalid(d, "resources can only be defined within a concrete component");
    if (rep == 0x7e)
        return cm_require_gate(d, CM_GATE_MEMORY64, "resources represented by `i64`");
    if (rep != 0x7f)
        return cm_invalid(d, "resources can only be represented by `i32`");
    if (has_dtor)
        TRY(check_destructor(d, dtor));
    TRY(cm_resource_fresh(d, &resource));
    vec_push(&d->scope->defined, resource);
    idmap_add(&d->scope->local, resource);
    TRY(cm_deftype_resource(d, resource, NULL, &item.type));
    TRY(cm_scope_define(d, CM_DEF_RESOURCE, CM_SORT_TYPE, &def));
    def->resource.resource = resource;
    def->resource.dtor = dtor;
    return cm_scope_push(d, item);
}

/* --- component and instance types ------------------------------------------------------------------------------------ */

static enum status read_declaration(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t kind;
    d->offset = cm_reader_offset(r);
    TRY(cm_read_byte(r, &kind));
    switch (kind) {
    case 0x00:
        return cm_decode_core_type(d, r);
    case 0x01:
        return cm_decode_type(d, r);
    case 0x02:
        return cm_decode_alias(d, r);
    case 0x03:
        if (d->scope->kind != SCOPE_COMPONENT_TYPE)
            return cm_reader_bad_byte(r, kind, "component or instance type declaration");
        return cm_decode_import(d, r);
    case 0x04:
        return cm_decode_export_decl(d, r);
    default:
        return cm_reader_bad_byte(r, kind, "component or instance type declaration");
    }
}

static enum status read_scope_type(struct cm_decoder *d, struct cm_reader *r, enum scope_kind kind,
                                   const struct cm_deftype **ret_type)
{
    uint32_t count;
    size_t offset = d->offset;
    TRY(cm_read_count(r, CM_LIMIT_DEFS, "component or instance type declarations", &count));
    TRY(cm_scope_open(d, kind));
    for (uint32_t i = 0; i < count; i++)
        TRY(read_declaration(d, r));
    d->offset = offset;
    TRY(kind == SCOPE_COMPONENT_TYPE ? cm_scope_component_type(d, ret_type) : cm_scope_instance_type(d, ret_type));
    cm_scope_close(d);
    return ST_OK;
}

/* --- definitions ----------------------------------------------------------------------------------------------------- */

static enum status read_deftype(struct cm_decoder *d, struct cm_reader *r, uint8_t form, const struct cm_deftype **ret_type)
{
    struct value_shape shape = {.kind = CM_BOOL};
    switch (form) {
    case 0x40:
    case 0x43:
        return read_func(d, r, form == 0x43, ret_type);
    case 0x41:
        return read_scope_type(d, r, SCOPE_COMPONENT_TYPE, ret_type);
    case 0x42:
        return read_scope_type(d, r, SCOPE_INSTANCE_TYPE, ret_type);
    default:
        TRY(read_shape(d, r, form, &shape));
        return cm_deftype_value(d, &shape, NULL, ret_type);
    }
}

enum status cm_decode_type(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t form;
    struct cm_extern item = {.sort = CM_SORT_TYPE};
    struct cm_def *def;
    TRY(cm_read_byte(r, &form));
    if (form == 0x3f)
        return define_resource(d, r);
    TRY(read_deftype(d, r, form, &item.type));
    TRY(cm_scope_define(d, CM_DEF_TYPE, CM_SORT_TYPE, &def));
    return cm_scope_push(d, item);
}

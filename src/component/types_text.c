#include "base/buf.h"
#include "component/types.h"

#include <inttypes.h>

#define TEXT_MAX 2000 /* bytes; types share their parts, so their text may be far larger than they are */

static const char *const kind_names[] = {
    [CM_BOOL] = "bool",       [CM_S8] = "s8",
    [CM_U8] = "u8",           [CM_S16] = "s16",
    [CM_U16] = "u16",         [CM_S32] = "s32",
    [CM_U32] = "u32",         [CM_S64] = "s64",
    [CM_U64] = "u64",         [CM_F32] = "f32",
    [CM_F64] = "f64",         [CM_CHAR] = "char",
    [CM_STRING] = "string",   [CM_ERROR_CONTEXT] = "error-context",
    [CM_RECORD] = "record",   [CM_TUPLE] = "tuple",
    [CM_VARIANT] = "variant", [CM_ENUM] = "enum",
    [CM_OPTION] = "option",   [CM_RESULT] = "result",
    [CM_FLAGS] = "flags",     [CM_LIST] = "list",
    [CM_FIXED_LIST] = "list", [CM_MAP] = "map",
    [CM_OWN] = "own",         [CM_BORROW] = "borrow",
    [CM_STREAM] = "stream",   [CM_FUTURE] = "future",
};

const char *cm_kind_name(enum cm_kind kind)
{
    return kind_names[kind];
}

static enum status text_of(struct buf *out, const struct cm_type *type);

/* "name: type" for records, "name(type)" for cases, the bare name or type where there is only one. */
static enum status text_field(struct buf *out, const struct cm_type *type, const struct cm_field *field)
{
    if (type->kind == CM_TUPLE)
        return text_of(out, field->type);
    TRY(buf_append_str(out, field->name));
    if (!field->type)
        return ST_OK;
    TRY(buf_append_str(out, type->kind == CM_RECORD ? STR(": ") : STR("(")));
    TRY(text_of(out, field->type));
    return type->kind == CM_RECORD ? ST_OK : buf_append_char(out, ')');
}

static enum status text_fields(struct buf *out, const struct cm_type *type)
{
    bool is_tuple = type->kind == CM_TUPLE;
    TRY(buf_append_str(out, is_tuple ? STR("<") : STR(" { ")));
    for (uint32_t i = 0; i < type->count; i++) {
        if (i)
            TRY(buf_append_str(out, STR(", ")));
        TRY(text_field(out, type, &type->fields[i]));
    }
    return buf_append_str(out, is_tuple ? STR(">") : STR(" }"));
}

static enum status text_result(struct buf *out, const struct cm_type *type)
{
    const struct cm_type *ok = type->fields[0].type, *err = type->fields[1].type;
    if (!ok && !err)
        return ST_OK;
    TRY(buf_append_char(out, '<'));
    TRY(ok ? text_of(out, ok) : buf_append_char(out, '_'));
    if (err) {
        TRY(buf_append_str(out, STR(", ")));
        TRY(text_of(out, err));
    }
    return buf_append_char(out, '>');
}

static enum status text_element(struct buf *out, const struct cm_type *type)
{
    const struct cm_type *element = type->kind == CM_OPTION ? type->fields[1].type : type->element;
    if (!element)
        return ST_OK;
    TRY(buf_append_char(out, '<'));
    if (type->kind == CM_MAP) {
        TRY(text_of(out, element->fields[0].type));
        TRY(buf_append_str(out, STR(", ")));
        element = element->fields[1].type;
    }
    TRY(text_of(out, element));
    if (type->kind == CM_FIXED_LIST)
        TRY(buf_printf(out, ", %" PRIu32, type->count));
    return buf_append_char(out, '>');
}

static enum status text_of(struct buf *out, const struct cm_type *type)
{
    TRY(buf_append_str(out, str_of(cm_kind_name(type->kind))));
    switch (type->kind) {
    case CM_RECORD:
    case CM_TUPLE:
    case CM_VARIANT:
    case CM_ENUM:
    case CM_FLAGS:
        return text_fields(out, type);
    case CM_RESULT:
        return text_result(out, type);
    case CM_OWN:
    case CM_BORROW:
        return buf_printf(out, "<resource %" PRIu32 ">", type->resource);
    default:
        return text_element(out, type);
    }
}

struct str cm_type_text(const struct cm_type *type, struct arena *arena)
{
    autobuf struct buf out = BUF_INIT(TEXT_MAX);
    bool cut = text_of(&out, type) != ST_OK;
    return arena_printf(arena, "%.*s%s", STR_ARG(buf_str(&out)), cut ? "..." : "");
}

/* The kinds of component-level value types: shared by decoded types (types.h) and C-side descriptors (host.h).
 * Source: Component Model, Binary.md "Type Definitions"; the values are ours. */
#pragma once

enum cm_kind {
    CM_BOOL,
    CM_S8,
    CM_U8,
    CM_S16,
    CM_U16,
    CM_S32,
    CM_U32,
    CM_S64,
    CM_U64,
    CM_F32,
    CM_F64,
    CM_CHAR,
    CM_STRING,
    CM_ERROR_CONTEXT,
    CM_RECORD,
    CM_TUPLE,
    CM_VARIANT,
    CM_ENUM,
    CM_OPTION,
    CM_RESULT,
    CM_FLAGS,
    CM_LIST,
    CM_FIXED_LIST,
    CM_MAP,
    CM_OWN,
    CM_BORROW,
    CM_STREAM,
    CM_FUTURE,
};

#include "component/decode.h"

#define MAX_PARAMS 1000u
#define MAX_FIELDS 10000u
#define MAX_GROUP 10000u

struct module_decl {
    VEC(const struct cm_core_deftype *) types;
    VEC(struct engine_import) imports;
    VEC(struct engine_export) exports;
};

/* Where type indices lead: to the core types of the scope, or to those of a module type being read. */
struct type_space {
    struct cm_decoder *d;
    struct module_decl *decl; /* NULL: the scope's */
    uint32_t group;           /* size of the recursion group being read: its members may refer to all of it */
};

static size_t type_count(const struct type_space *space)
{
    return space->decl ? space->decl->types.len : space->d->scope->items[CM_SORT_CORE_TYPE].len;
}

/* NULL: a member of the group that has not been read yet. */
static enum status type_at(const struct type_space *space, uint32_t index, const struct cm_core_deftype **ret_type)
{
    *ret_type = NULL;
    if (index >= type_count(space) + space->group)
        return cm_invalid(space->d, "unknown type %u: type index out of bounds", index);
    if (index < type_count(space))
        *ret_type =
            space->decl ? space->decl->types.items[index] : space->d->scope->items[CM_SORT_CORE_TYPE].items[index].core_type;
    if (*ret_type && (*ret_type)->kind == CM_CORE_TYPE_MODULE)
        return cm_invalid(space->d, "type index %u is a module type, not a sub type", index);
    return ST_OK;
}

/* --- value and composite types (core specification, "Binary Format", "Types") ----------------------------------------- */

static enum status read_heap_type(const struct type_space *space, struct cm_reader *r, int64_t *ret_heap)
{
    const struct cm_core_deftype *type;
    if (!cm_reader_at_end(r) && (uint8_t)*r->next == 0x65) /* shared */
        r->next++;
    TRY(cm_read_s33(r, ret_heap));
    return *ret_heap >= 0 ? type_at(space, (uint32_t)*ret_heap, &type) : ST_OK;
}

static bool is_heap_byte(uint8_t byte)
{
    return (byte >= 0x68 && byte <= 0x75) && byte != 0x70 && byte != 0x6f;
}

static enum status read_core_val_type(const struct type_space *space, struct cm_reader *r, uint8_t *ret_type)
{
    uint8_t byte;
    int64_t heap;
    TRY(cm_read_byte(r, &byte));
    *ret_type = ENGINE_OTHERREF;
    if (byte >= 0x7b && byte <= 0x7f) {
        *ret_type = (uint8_t)(ENGINE_I32 + (0x7f - byte));
    } else if (byte == 0x70 || byte == 0x6f) {
        *ret_type = byte == 0x70 ? ENGINE_FUNCREF : ENGINE_EXTERNREF;
    } else if (byte == 0x63) { /* nullable */
        TRY(read_heap_type(space, r, &heap));
        *ret_type = heap == -0x10 ? ENGINE_FUNCREF : heap == -0x11 ? ENGINE_EXTERNREF : ENGINE_OTHERREF;
    } else if (byte == 0x64) {
        TRY(read_heap_type(space, r, &heap));
    } else if (!is_heap_byte(byte)) {
        return cm_reader_bad_byte(r, byte, "value type");
    }
    return ST_OK;
}

static enum status read_core_val_types(const struct type_space *space, struct cm_reader *r, const uint8_t **ret_types,
                                       uint32_t *ret_count)
{
    uint8_t *types;
    TRY(cm_read_count(r, MAX_PARAMS, "core parameters or results", ret_count));
    TRY(cm_alloc(space->d, *ret_count, 1, &types));
    for (uint32_t i = 0; i < *ret_count; i++)
        TRY(read_core_val_type(space, r, &types[i]));
    *ret_types = types;
    return ST_OK;
}

static enum status skip_field(const struct type_space *space, struct cm_reader *r)
{
    uint8_t byte;
    if (!cm_reader_at_end(r) && ((uint8_t)*r->next == 0x78 || (uint8_t)*r->next == 0x77)) /* i8, i16 */
        r->next++;
    else
        TRY(read_core_val_type(space, r, &byte));
    TRY(cm_read_byte(r, &byte));
    return byte > 1 ? cm_reader_bad_byte(r, byte, "mutability") : ST_OK;
}

static enum status read_composite(const struct type_space *space, struct cm_reader *r, uint8_t form, struct cm_core_deftype *type)
{
    uint32_t count = 1;
    if (form == 0x65) /* shared */
        TRY(cm_read_byte(r, &form));
    switch (form) {
    case 0x60:
        type->kind = CM_CORE_TYPE_FUNC;
        TRY(read_core_val_types(space, r, &type->func.params, &type->func.param_count));
        return read_core_val_types(space, r, &type->func.results, &type->func.result_count);
    case 0x5f:
        TRY(cm_read_count(r, MAX_FIELDS, "struct fields", &count));
        /* fall through */
    case 0x5e:
        type->kind = CM_CORE_TYPE_OTHER;
        for (uint32_t i = 0; i < count; i++)
            TRY(skip_field(space, r));
        return ST_OK;
    default:
        return cm_reader_bad_byte(r, form, "type");
    }
}

static enum status read_supertypes(const struct type_space *space, struct cm_reader *r)
{
    uint32_t count, index;
    const struct cm_core_deftype *super;
    TRY(cm_read_count(r, 1, "supertypes", &count));
    if (!count)
        return ST_OK;
    TRY(cm_read_u32(r, &index));
    TRY(type_at(space, index, &super));
    if (!super)
        return cm_invalid(space->d, "unknown type %u: a supertype must come first", index);
    return super->is_final ? cm_invalid(space->d, "sub type cannot have a final super type") : ST_OK;
}

/* A subtype: final or not, with supertypes; or a bare composite type. */
static enum status read_subtype(const struct type_space *space, struct cm_reader *r, uint8_t form, struct cm_core_deftype *type)
{
    type->is_final = form != 0x50;
    if (form == 0x50 || form == 0x4f) {
        TRY(read_supertypes(space, r));
        TRY(cm_read_byte(r, &form));
    }
    return read_composite(space, r, form, type);
}

static enum status add_type(const struct type_space *space, const struct cm_core_deftype *type)
{
    struct cm_decoder *d = space->d;
    struct cm_def *def;
    if (!space->decl) {
        TRY(cm_scope_define(d, CM_DEF_CORE_TYPE, CM_SORT_CORE_TYPE, &def));
        return cm_scope_push(d, (struct cm_extern){.sort = CM_SORT_CORE_TYPE, .core_type = type});
    }
    if (++d->def_count > CM_LIMIT_DEFS)
        return cm_over_limit(d, "more than %u definitions", CM_LIMIT_DEFS);
    vec_push(&space->decl->types, type);
    return ST_OK;
}

/* One type, or the types of a recursion group, added to the space. */
static enum status read_rec_type(struct type_space *space, struct cm_reader *r, uint8_t form)
{
    uint32_t count = 1;
    bool is_group = form == 0x4e;
    if (is_group)
        TRY(cm_read_count(r, MAX_GROUP, "types of a recursion group", &count));
    for (space->group = count; space->group; space->group--) {
        struct cm_core_deftype *type;
        if (is_group)
            TRY(cm_read_byte(r, &form));
        TRY(cm_alloc(space->d, 1, sizeof *type, &type));
        TRY(read_subtype(space, r, form, type));
        TRY(add_type(space, type));
    }
    return ST_OK;
}

/* --- module types ---------------------------------------------------------------------------------------------------- */

static enum status read_limits(struct cm_decoder *d, struct cm_reader *r, struct engine_extern_type *type)
{
    uint8_t flags;
    TRY(cm_read_byte(r, &flags));
    if (flags & ~(type->kind == ENGINE_MEMORY ? 0x0f : 0x05))
        return cm_reader_bad_byte(r, flags, "limits flags");
    type->has_max = flags & 1;
    type->is_shared = flags & 2;
    type->is_64 = flags & 4;
    TRY(cm_read_u64(r, &type->min));
    if (type->has_max)
        TRY(cm_read_u64(r, &type->max));
    type->page_size_log2 = 16;
    if (flags & 8)
        TRY(cm_read_u32(r, &type->page_size_log2));
    if (type->page_size_log2 != 0 && type->page_size_log2 != 16)
        return cm_invalid(d, "invalid custom page size");
    if (type->has_max && type->max < type->min)
        return cm_invalid(d, "size minimum must not be greater than maximum");
    if (type->is_shared && !type->has_max)
        return cm_invalid(d, "shared memory must have maximum size");
    return ST_OK;
}

static enum status read_memory_type(struct cm_decoder *d, struct cm_reader *r, struct engine_extern_type *type)
{
    TRY(read_limits(d, r, type));
    unsigned bits = (type->is_64 ? 64 : 32) - type->page_size_log2;
    uint64_t pages = bits >= 64 ? UINT64_MAX : (uint64_t)1 << bits;
    if (type->min > pages || (type->has_max && type->max > pages))
        return cm_invalid(d, "memory size must be at most %llu pages", (unsigned long long)pages);
    return ST_OK;
}

static enum status read_table_type(const struct type_space *space, struct cm_reader *r, struct engine_extern_type *type)
{
    struct cm_decoder *d = space->d;
    TRY(read_core_val_type(space, r, &type->val_type));
    if (type->val_type < ENGINE_FUNCREF)
        return cm_reader_fail(r, "malformed reference type");
    type->exact_type_known = type->val_type != ENGINE_OTHERREF;
    TRY(read_limits(d, r, type));
    if (!type->is_64 && (type->min > UINT32_MAX || (type->has_max && type->max > UINT32_MAX)))
        return cm_invalid(d, "table size must be at most 2^32 - 1");
    return ST_OK;
}

static enum status read_func_index(const struct type_space *space, struct cm_reader *r, struct engine_extern_type *type)
{
    const struct cm_core_deftype *func;
    TRY(cm_read_u32(r, &type->type_index));
    TRY(type_at(space, type->type_index, &func));
    if (func->kind != CM_CORE_TYPE_FUNC)
        return cm_invalid(space->d, "type index %u is not a function type", type->type_index);
    type->func = func->func;
    for (uint32_t i = 0; i < func->func.param_count; i++)
        type->exact_type_known &= func->func.params[i] != ENGINE_OTHERREF;
    for (uint32_t i = 0; i < func->func.result_count; i++)
        type->exact_type_known &= func->func.results[i] != ENGINE_OTHERREF;
    return ST_OK;
}

static enum status read_core_extern(const struct type_space *space, struct cm_reader *r, struct engine_extern_type *type)
{
    uint8_t kind, byte;
    *type = (struct engine_extern_type){.exact_type_known = true, .page_size_log2 = 16};
    TRY(cm_read_byte(r, &kind));
    type->kind = kind;
    switch (kind) {
    case ENGINE_FUNC:
        return read_func_index(space, r, type);
    case ENGINE_TABLE:
        return read_table_type(space, r, type);
    case ENGINE_MEMORY:
        return read_memory_type(space->d, r, type);
    case ENGINE_GLOBAL:
        TRY(read_core_val_type(space, r, &type->val_type));
        type->exact_type_known = type->val_type != ENGINE_OTHERREF;
        return cm_read_bool(r, &type->is_mutable);
    case ENGINE_TAG:
        TRY(cm_read_byte(r, &byte));
        if (byte != 0)
            return cm_reader_bad_byte(r, byte, "tag attribute");
        TRY(read_func_index(space, r, type));
        if (type->func.result_count)
            return cm_invalid(space->d, "invalid exception type: non-empty tag result type");
        return ST_OK;
    default:
        return cm_reader_bad_byte(r, kind, "external kind");
    }
}

/* An alias of a type of an enclosing scope: the only kind of alias that module types have. */
static enum status read_decl_alias(const struct type_space *space, struct cm_reader *r)
{
    struct cm_decoder *d = space->d;
    uint8_t byte;
    uint32_t count, index;
    const struct cm_core_deftype *type;
    struct cm_extern item;
    TRY(cm_read_byte(r, &byte));
    if (byte != 0x10)
        return cm_reader_bad_byte(r, byte, "outer alias kind");
    TRY(cm_read_byte(r, &byte));
    if (byte != 0x01)
        return cm_reader_bad_byte(r, byte, "outer alias target");
    TRY(cm_read_u32(r, &count));
    TRY(cm_read_u32(r, &index));
    if (count == 0) {
        TRY(type_at(space, index, &type));
        return add_type(space, type);
    }
    const struct cm_scope *scope = d->scope;
    for (uint32_t up = 1; scope && up < count; up++)
        scope = scope->parent;
    if (!scope)
        return cm_invalid(d, "invalid outer alias count of %u", count);
    TRY(cm_scope_item(d, scope, CM_SORT_CORE_TYPE, index, &item));
    if (item.core_type->kind == CM_CORE_TYPE_MODULE)
        return cm_invalid(d, "a module type cannot be aliased into another module type");
    return add_type(space, item.core_type);
}

static enum status read_decl(struct type_space *space, struct cm_reader *r)
{
    struct module_decl *decl = space->decl;
    uint8_t kind, form;
    struct engine_import import;
    struct engine_export export;
    TRY(cm_read_byte(r, &kind));
    switch (kind) {
    case 0x00:
        TRY(cm_read_name(r, &import.module));
        TRY(cm_read_name(r, &import.name));
        TRY(read_core_extern(space, r, &import.type));
        vec_push(&decl->imports, import);
        return ST_OK;
    case 0x01:
        TRY(cm_read_byte(r, &form));
        return read_rec_type(space, r, form);
    case 0x02:
        return read_decl_alias(space, r);
    case 0x03:
        TRY(cm_read_name(r, &export.name));
        TRY(read_core_extern(space, r, &export.type));
        vec_push(&decl->exports, export);
        return ST_OK;
    default:
        return cm_reader_bad_byte(r, kind, "type definition");
    }
}

static enum status read_module_decls(struct cm_decoder *d, struct cm_reader *r, struct module_decl *decl,
                                     const struct cm_module_type **ret_module)
{
    uint32_t count;
    struct engine_import *imports;
    struct engine_export *exports;
    struct type_space space = {.d = d, .decl = decl};
    TRY(cm_read_count(r, CM_LIMIT_EXTERNS, "module type declarations", &count));
    for (uint32_t i = 0; i < count; i++)
        TRY(read_decl(&space, r));
    TRY(cm_keep(d, decl->imports.items, decl->imports.len, sizeof *imports, &imports));
    TRY(cm_keep(d, decl->exports.items, decl->exports.len, sizeof *exports, &exports));
    return cm_module_type_make(d, imports, decl->imports.len, exports, decl->exports.len, ret_module);
}

static enum status read_module_type(struct cm_decoder *d, struct cm_reader *r, const struct cm_module_type **ret_module)
{
    struct module_decl decl = {0};
    enum status status = read_module_decls(d, r, &decl, ret_module);
    vec_release(&decl.types);
    vec_release(&decl.imports);
    vec_release(&decl.exports);
    return status;
}

/* --- core type definitions ------------------------------------------------------------------------------------------- */

/* 0x50 begins a module type; a core subtype that is not final, which has the same byte, is marked by a zero before it. */
enum status cm_decode_core_type(struct cm_decoder *d, struct cm_reader *r)
{
    struct type_space space = {.d = d};
    uint8_t form;
    TRY(cm_read_byte(r, &form));
    if (form == 0x50) {
        struct cm_core_deftype *type;
        TRY(cm_alloc(d, 1, sizeof *type, &type));
        type->kind = CM_CORE_TYPE_MODULE;
        TRY(read_module_type(d, r, &type->module));
        return add_type(&space, type);
    }
    if (form == 0x00) {
        TRY(cm_read_byte(r, &form));
        if (form != 0x50)
            return cm_reader_bad_byte(r, form, "non-final sub type");
    }
    return read_rec_type(&space, r, form);
}

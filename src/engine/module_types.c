#include "engine/module_cursor.h"
#include <inttypes.h>

/* --- bytes ---------------------------------------------------------------------------------------------------------------- */

enum status reader_fail(struct reader *r, const char *format, ...)
{
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(r->err, ST_INVALID, "core module: %s (at offset 0x%zx)", what, r->at);
}

enum status reader_byte(struct reader *r, uint8_t *ret_byte)
{
    if (r->at >= r->end)
        return reader_fail(r, "unexpected end");
    *ret_byte = r->bytes[r->at++];
    return ST_OK;
}

static enum status read_unsigned(struct reader *r, unsigned bits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = 0;
        TRY(reader_byte(r, &byte));
        if (bits - shift < 7 && (byte & 0x7f) >> (bits - shift))
            return reader_fail(r, "integer too large");
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return ST_OK;
        }
    }
    return reader_fail(r, "integer representation too long");
}

enum status reader_u32(struct reader *r, uint32_t *ret_value)
{
    uint64_t value = 0;
    TRY(read_unsigned(r, 32, &value));
    *ret_value = (uint32_t)value;
    return ST_OK;
}

/* Past a signed integer of at most `bits` bits; ret_low, if any, gets its first byte's bits and the sign. */
static enum status read_signed(struct reader *r, unsigned bits, int64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = 0;
        TRY(reader_byte(r, &byte));
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if ((byte & 0x40) && shift + 7 < 64)
            value |= ~0ull << (shift + 7);
        *ret_value = (int64_t)value;
        return ST_OK;
    }
    return reader_fail(r, "integer representation too long");
}

static enum status skip(struct reader *r, size_t count)
{
    if (r->end - r->at < count)
        return reader_fail(r, "unexpected end");
    r->at += count;
    return ST_OK;
}

enum status reader_bytes(struct reader *r, struct str *ret_bytes)
{
    uint32_t len = 0;
    TRY(reader_u32(r, &len));
    size_t from = r->at;
    TRY(skip(r, len));
    *ret_bytes = str_n((const char *)r->bytes + from, len);
    return ST_OK;
}

enum status reader_name(struct reader *r, struct str *ret_name)
{
    TRY(reader_bytes(r, ret_name));
    return str_valid_utf8(*ret_name) ? ST_OK : reader_fail(r, "malformed UTF-8 in a name");
}

/* The length of a vector whose items take at least `item_bytes` each. */
enum status reader_count(struct reader *r, size_t item_bytes, uint32_t *ret_count)
{
    TRY(reader_u32(r, ret_count));
    if (*ret_count > (r->end - r->at) / item_bytes)
        return reader_fail(r, "a vector of %" PRIu32 " items is longer than its section", *ret_count);
    return ST_OK;
}

static enum status no_room(struct reader *r)
{
    return fail(r->err, ST_LIMIT, "core module: its tables are over %zu bytes", r->arena->max);
}

/* items grows by `extra`; what there was is copied. */
enum status reader_extend(struct reader *r, void *items_pointer, size_t item_size, size_t len, size_t extra)
{
    void **items = items_pointer, *grown = arena_try(r->arena, (len + extra + 1) * item_size, _Alignof(max_align_t));
    if (!grown)
        return no_room(r);
    if (len > 0)
        memcpy(grown, *items, len * item_size);
    *items = grown;
    return ST_OK;
}

/* --- types ---------------------------------------------------------------------------------------------------------------- */

#define HEAP_FUNC (-0x10)
#define HEAP_EXTERN (-0x11)

static enum status read_heap_type(struct reader *r, int64_t *ret_heap)
{
    if (r->at < r->end && r->bytes[r->at] == 0x65) /* shared */
        r->at++;
    return read_signed(r, 33, ret_heap);
}

static enum status read_val_type(struct reader *r, uint8_t *ret_type)
{
    uint8_t byte = 0;
    int64_t heap = 0;
    TRY(reader_byte(r, &byte));
    switch (byte) {
    case 0x7f:
    case 0x7e:
    case 0x7d:
    case 0x7c:
    case 0x7b:
        *ret_type = (uint8_t)(ENGINE_I32 + (0x7f - byte));
        return ST_OK;
    case 0x70:
        *ret_type = ENGINE_FUNCREF;
        return ST_OK;
    case 0x6f:
        *ret_type = ENGINE_EXTERNREF;
        return ST_OK;
    case 0x63:
        TRY(read_heap_type(r, &heap));
        *ret_type = heap == HEAP_FUNC ? ENGINE_FUNCREF : heap == HEAP_EXTERN ? ENGINE_EXTERNREF : ENGINE_OTHERREF;
        return ST_OK;
    case 0x64:
        *ret_type = ENGINE_OTHERREF;
        return read_heap_type(r, &heap);
    default:
        if (byte < 0x65 || byte > 0x75)
            return reader_fail(r, "unknown value type 0x%02x", byte);
        *ret_type = ENGINE_OTHERREF; /* an abstract heap type, nullable */
        return byte == 0x65 ? skip(r, 1) : ST_OK;
    }
}

static enum status read_val_types(struct reader *r, const uint8_t **ret_types, uint32_t *ret_count)
{
    uint32_t count = 0;
    TRY(reader_count(r, 1, &count));
    uint8_t *types = arena_try(r->arena, count + 1, 1);
    if (!types)
        return no_room(r);
    for (uint32_t i = 0; i < count; i++)
        TRY(read_val_type(r, &types[i]));
    *ret_types = types;
    *ret_count = count;
    return ST_OK;
}

static enum status skip_field_type(struct reader *r)
{
    uint8_t type = 0;
    if (r->at < r->end && (r->bytes[r->at] == 0x78 || r->bytes[r->at] == 0x77)) /* i8, i16 */
        r->at++;
    else
        TRY(read_val_type(r, &type));
    return reader_byte(r, &type); /* mutability */
}

static enum status read_composite_type(struct reader *r, uint8_t form, struct engine_func_type *ret_type)
{
    uint32_t count = 1;
    int64_t heap = 0;
    *ret_type = (struct engine_func_type){.param_count = UINT32_MAX};
    switch (form) {
    case 0x60: {
        struct engine_func_type type = {0};
        TRY(read_val_types(r, &type.params, &type.param_count));
        TRY(read_val_types(r, &type.results, &type.result_count));
        *ret_type = type;
        return ST_OK;
    }
    case 0x5f:
        TRY(reader_count(r, 2, &count)); /* then as an array of each */
        /* fall through */
    case 0x5e:
        for (uint32_t i = 0; i < count; i++)
            TRY(skip_field_type(r));
        return ST_OK;
    case 0x5d:
        return read_heap_type(r, &heap); /* continuation */
    default:
        return reader_fail(r, "unknown type form 0x%02x", form);
    }
}

/* One type of a recursion group, or a group of its own. */
static enum status read_sub_type(struct reader *r, uint8_t form, bool alone)
{
    struct module_info *info = r->info;
    uint32_t supers = 0, index = 0;
    bool is_final = true;
    if (form == 0x50 || form == 0x4f) {
        is_final = form == 0x4f;
        TRY(reader_count(r, 1, &supers));
        for (uint32_t i = 0; i < supers; i++)
            TRY(reader_u32(r, &index));
        TRY(reader_byte(r, &form));
    }
    if (form == 0x65) /* shared */
        TRY(reader_byte(r, &form));
    if (info->type_count == r->type_capacity) {
        size_t extra = r->type_capacity + 16;
        TRY(reader_extend(r, &info->types, sizeof *info->types, info->type_count, extra));
        TRY(reader_extend(r, &r->plain_types, sizeof *r->plain_types, info->type_count, extra));
        r->type_capacity += extra;
    }
    TRY(read_composite_type(r, form, &info->types[info->type_count]));
    r->plain_types[info->type_count++] = alone && is_final && supers == 0;
    return ST_OK;
}

enum status reader_types(struct reader *r)
{
    uint32_t groups = 0;
    TRY(reader_count(r, 1, &groups));
    for (uint32_t i = 0; i < groups; i++) {
        uint8_t form = 0;
        uint32_t members = 0;
        TRY(reader_byte(r, &form));
        if (form != 0x4e) {
            TRY(read_sub_type(r, form, true));
            continue;
        }
        TRY(reader_count(r, 2, &members));
        for (uint32_t j = 0; j < members; j++) {
            TRY(reader_byte(r, &form));
            TRY(read_sub_type(r, form, members == 1));
        }
    }
    return ST_OK;
}

/* --- external types ------------------------------------------------------------------------------------------------------- */

static bool only_known(const uint8_t *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (types[i] == ENGINE_OTHERREF)
            return false;
    return true;
}

enum status reader_func_type(struct reader *r, uint32_t index, enum engine_extern_kind kind, struct engine_extern_type *ret_type)
{
    if (index >= r->info->type_count || r->info->types[index].param_count == UINT32_MAX)
        return reader_fail(r, "unknown type: %" PRIu32 " is not a function type", index);
    const struct engine_func_type *func = &r->info->types[index];
    *ret_type = (struct engine_extern_type){
        .kind = kind,
        .func = *func,
        .type_index = index,
        .exact_type_known =
            r->plain_types[index] && only_known(func->params, func->param_count) && only_known(func->results, func->result_count),
    };
    return ST_OK;
}

static enum status read_limits(struct reader *r, struct engine_extern_type *type)
{
    uint8_t flags = 0;
    TRY(reader_byte(r, &flags));
    if (flags & ~0x0f || (type->kind == ENGINE_TABLE && (flags & 0x08)))
        return reader_fail(r, "malformed limits flags 0x%02x", flags);
    type->has_max = flags & 0x01;
    type->is_shared = flags & 0x02;
    type->is_64 = flags & 0x04;
    TRY(read_unsigned(r, type->is_64 ? 64 : 32, &type->min));
    if (type->has_max)
        TRY(read_unsigned(r, type->is_64 ? 64 : 32, &type->max));
    if (type->kind == ENGINE_MEMORY)
        type->page_size_log2 = 16;
    if (flags & 0x08)
        TRY(reader_u32(r, &type->page_size_log2));
    if (type->page_size_log2 > 64)
        return reader_fail(r, "invalid custom page size");
    return ST_OK;
}

enum status reader_memory_type(struct reader *r, struct engine_extern_type *ret_type)
{
    struct engine_extern_type type = {.kind = ENGINE_MEMORY, .exact_type_known = true};
    TRY(read_limits(r, &type));
    if (type.page_size_log2 != 0 && type.page_size_log2 != 16)
        return reader_fail(r, "invalid custom page size");
    if (type.min > UINT64_MAX >> type.page_size_log2 >> 1)
        return reader_fail(r, "memory size must fit 63 bits");
    *ret_type = type;
    return ST_OK;
}

enum status reader_table_type(struct reader *r, struct engine_extern_type *ret_type)
{
    struct engine_extern_type type = {.kind = ENGINE_TABLE};
    TRY(read_val_type(r, &type.val_type));
    if (type.val_type < ENGINE_FUNCREF)
        return reader_fail(r, "a table holds references");
    type.exact_type_known = type.val_type != ENGINE_OTHERREF;
    TRY(read_limits(r, &type));
    *ret_type = type;
    return ST_OK;
}

enum status reader_global_type(struct reader *r, struct engine_extern_type *ret_type)
{
    struct engine_extern_type type = {.kind = ENGINE_GLOBAL};
    uint8_t flags = 0;
    TRY(read_val_type(r, &type.val_type));
    TRY(reader_byte(r, &flags));
    if (flags > 3)
        return reader_fail(r, "malformed mutability 0x%02x", flags);
    type.exact_type_known = type.val_type != ENGINE_OTHERREF;
    type.is_mutable = flags & 1;
    type.is_shared = flags & 2;
    *ret_type = type;
    return ST_OK;
}

enum status reader_tag_type(struct reader *r, struct engine_extern_type *ret_type)
{
    uint8_t attribute = 0;
    uint32_t index = 0;
    TRY(reader_byte(r, &attribute));
    if (attribute != 0)
        return reader_fail(r, "unknown tag attribute 0x%02x", attribute);
    TRY(reader_u32(r, &index));
    return reader_func_type(r, index, ENGINE_TAG, ret_type);
}

enum status reader_extern_type(struct reader *r, struct engine_extern_type *ret_type)
{
    uint8_t kind = 0;
    uint32_t index = 0;
    TRY(reader_byte(r, &kind));
    switch (kind) {
    case 0:
        TRY(reader_u32(r, &index));
        return reader_func_type(r, index, ENGINE_FUNC, ret_type);
    case 1:
        return reader_table_type(r, ret_type);
    case 2:
        return reader_memory_type(r, ret_type);
    case 3:
        return reader_global_type(r, ret_type);
    case 4:
        return reader_tag_type(r, ret_type);
    default:
        return reader_fail(r, "malformed import kind 0x%02x", kind);
    }
}

/* --- constant expressions ------------------------------------------------------------------------------------------------- */

static enum status skip_gc_instruction(struct reader *r)
{
    uint32_t opcode = 0, operand = 0;
    TRY(reader_u32(r, &opcode));
    switch (opcode) {
    case 0x00: /* struct.new, struct.new_default, array.new, array.new_default */
    case 0x01:
    case 0x06:
    case 0x07:
        return reader_u32(r, &operand);
    case 0x08: /* array.new_fixed */
        TRY(reader_u32(r, &operand));
        return reader_u32(r, &operand);
    case 0x1a: /* any.convert_extern, extern.convert_any, ref.i31 */
    case 0x1b:
    case 0x1c:
        return ST_OK;
    default:
        return reader_fail(r, "constant expression required: opcode 0xfb 0x%02" PRIx32, opcode);
    }
}

static enum status skip_instruction(struct reader *r, uint8_t opcode)
{
    uint32_t operand = 0;
    int64_t number = 0;
    switch (opcode) {
    case 0x23: /* global.get, ref.func */
    case 0xd2:
        return reader_u32(r, &operand);
    case 0x41:
        return read_signed(r, 32, &number);
    case 0x42:
        return read_signed(r, 64, &number);
    case 0x43:
        return skip(r, 4);
    case 0x44:
        return skip(r, 8);
    case 0x6a: /* add, sub, mul of i32 and i64 */
    case 0x6b:
    case 0x6c:
    case 0x7c:
    case 0x7d:
    case 0x7e:
        return ST_OK;
    case 0xd0:
        return read_heap_type(r, &number);
    case 0xfb:
        return skip_gc_instruction(r);
    case 0xfd:
        TRY(reader_u32(r, &operand));
        return operand == 0x0c ? skip(r, 16) : reader_fail(r, "constant expression required: opcode 0xfd 0x%02" PRIx32, operand);
    default:
        return reader_fail(r, "constant expression required: opcode 0x%02x", opcode);
    }
}

enum status reader_skip_constant(struct reader *r)
{
    uint8_t opcode = 0;
    for (;;) {
        TRY(reader_byte(r, &opcode));
        if (opcode == 0x0b)
            return ST_OK;
        TRY(skip_instruction(r, opcode));
    }
}

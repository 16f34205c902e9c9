#include "engine/module_reader.h"
#include <inttypes.h>

struct reader {
    const uint8_t *bytes;
    size_t at, end; /* of the section, or of the part of it being read */
    struct arena *arena;
    struct module_info *info;
    struct error *err;
    size_t type_capacity, section_capacity;
    bool *plain_types;   /* functions outside recursion groups and without supertypes: equal if they look equal */
    uint32_t *tag_types; /* imported ones first */
    size_t tag_count;
    unsigned last_rank; /* of the sections read so far */
    bool has_code;
};

/* --- bytes ---------------------------------------------------------------------------------------------------------------- */

static enum status PRINTF(2, 3) bad(struct reader *r, const char *format, ...)
{
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail(r->err, ST_INVALID, "core module: %s (at offset 0x%zx)", what, r->at);
}

static enum status read_byte(struct reader *r, uint8_t *ret_byte)
{
    if (r->at >= r->end)
        return bad(r, "unexpected end");
    *ret_byte = r->bytes[r->at++];
    return ST_OK;
}

static enum status read_unsigned(struct reader *r, unsigned bits, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = 0;
        TRY(read_byte(r, &byte));
        if (bits - shift < 7 && (byte & 0x7f) >> (bits - shift))
            return bad(r, "integer too large");
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return ST_OK;
        }
    }
    return bad(r, "integer representation too long");
}

static enum status read_u32(struct reader *r, uint32_t *ret_value)
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
        TRY(read_byte(r, &byte));
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if ((byte & 0x40) && shift + 7 < 64)
            value |= ~0ull << (shift + 7);
        *ret_value = (int64_t)value;
        return ST_OK;
    }
    return bad(r, "integer representation too long");
}

static enum status skip(struct reader *r, size_t count)
{
    if (r->end - r->at < count)
        return bad(r, "unexpected end");
    r->at += count;
    return ST_OK;
}

static enum status read_bytes(struct reader *r, struct str *ret_bytes)
{
    uint32_t len = 0;
    TRY(read_u32(r, &len));
    size_t from = r->at;
    TRY(skip(r, len));
    *ret_bytes = str_n((const char *)r->bytes + from, len);
    return ST_OK;
}

static enum status read_name(struct reader *r, struct str *ret_name)
{
    TRY(read_bytes(r, ret_name));
    return str_valid_utf8(*ret_name) ? ST_OK : bad(r, "malformed UTF-8 in a name");
}

/* The length of a vector whose items take at least `item_bytes` each. */
static enum status read_count(struct reader *r, size_t item_bytes, uint32_t *ret_count)
{
    TRY(read_u32(r, ret_count));
    if (*ret_count > (r->end - r->at) / item_bytes)
        return bad(r, "a vector of %" PRIu32 " items is longer than its section", *ret_count);
    return ST_OK;
}

static enum status no_room(struct reader *r)
{
    return fail(r->err, ST_LIMIT, "core module: its tables are over %zu bytes", r->arena->max);
}

/* items grows by `extra`; what there was is copied. */
static enum status extend(struct reader *r, void *items_pointer, size_t item_size, size_t len, size_t extra)
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
    TRY(read_byte(r, &byte));
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
            return bad(r, "unknown value type 0x%02x", byte);
        *ret_type = ENGINE_OTHERREF; /* an abstract heap type, nullable */
        return byte == 0x65 ? skip(r, 1) : ST_OK;
    }
}

static enum status read_val_types(struct reader *r, const uint8_t **ret_types, uint32_t *ret_count)
{
    uint32_t count = 0;
    TRY(read_count(r, 1, &count));
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
    return read_byte(r, &type); /* mutability */
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
        TRY(read_count(r, 2, &count)); /* then as an array of each */
        /* fall through */
    case 0x5e:
        for (uint32_t i = 0; i < count; i++)
            TRY(skip_field_type(r));
        return ST_OK;
    case 0x5d:
        return read_heap_type(r, &heap); /* continuation */
    default:
        return bad(r, "unknown type form 0x%02x", form);
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
        TRY(read_count(r, 1, &supers));
        for (uint32_t i = 0; i < supers; i++)
            TRY(read_u32(r, &index));
        TRY(read_byte(r, &form));
    }
    if (form == 0x65) /* shared */
        TRY(read_byte(r, &form));
    if (info->type_count == r->type_capacity) {
        size_t extra = r->type_capacity + 16;
        TRY(extend(r, &info->types, sizeof *info->types, info->type_count, extra));
        TRY(extend(r, &r->plain_types, sizeof *r->plain_types, info->type_count, extra));
        r->type_capacity += extra;
    }
    TRY(read_composite_type(r, form, &info->types[info->type_count]));
    r->plain_types[info->type_count++] = alone && is_final && supers == 0;
    return ST_OK;
}

static enum status read_types(struct reader *r)
{
    uint32_t groups = 0;
    TRY(read_count(r, 1, &groups));
    for (uint32_t i = 0; i < groups; i++) {
        uint8_t form = 0;
        uint32_t members = 0;
        TRY(read_byte(r, &form));
        if (form != 0x4e) {
            TRY(read_sub_type(r, form, true));
            continue;
        }
        TRY(read_count(r, 2, &members));
        for (uint32_t j = 0; j < members; j++) {
            TRY(read_byte(r, &form));
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

static enum status func_type(struct reader *r, uint32_t index, enum engine_extern_kind kind, struct engine_extern_type *ret_type)
{
    if (index >= r->info->type_count || r->info->types[index].param_count == UINT32_MAX)
        return bad(r, "unknown type: %" PRIu32 " is not a function type", index);
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
    TRY(read_byte(r, &flags));
    if (flags & ~0x0f || (type->kind == ENGINE_TABLE && (flags & 0x08)))
        return bad(r, "malformed limits flags 0x%02x", flags);
    type->has_max = flags & 0x01;
    type->is_shared = flags & 0x02;
    type->is_64 = flags & 0x04;
    TRY(read_unsigned(r, type->is_64 ? 64 : 32, &type->min));
    if (type->has_max)
        TRY(read_unsigned(r, type->is_64 ? 64 : 32, &type->max));
    if (type->kind == ENGINE_MEMORY)
        type->page_size_log2 = 16;
    if (flags & 0x08)
        TRY(read_u32(r, &type->page_size_log2));
    if (type->page_size_log2 > 64)
        return bad(r, "invalid custom page size");
    return ST_OK;
}

static enum status read_memory_type(struct reader *r, struct engine_extern_type *ret_type)
{
    struct engine_extern_type type = {.kind = ENGINE_MEMORY, .exact_type_known = true};
    TRY(read_limits(r, &type));
    if (type.page_size_log2 != 0 && type.page_size_log2 != 16)
        return bad(r, "invalid custom page size");
    if (type.min > UINT64_MAX >> type.page_size_log2 >> 1)
        return bad(r, "memory size must fit 63 bits");
    *ret_type = type;
    return ST_OK;
}

static enum status read_table_type(struct reader *r, struct engine_extern_type *ret_type)
{
    struct engine_extern_type type = {.kind = ENGINE_TABLE};
    TRY(read_val_type(r, &type.val_type));
    if (type.val_type < ENGINE_FUNCREF)
        return bad(r, "a table holds references");
    type.exact_type_known = type.val_type != ENGINE_OTHERREF;
    TRY(read_limits(r, &type));
    *ret_type = type;
    return ST_OK;
}

static enum status read_global_type(struct reader *r, struct engine_extern_type *ret_type)
{
    struct engine_extern_type type = {.kind = ENGINE_GLOBAL};
    uint8_t flags = 0;
    TRY(read_val_type(r, &type.val_type));
    TRY(read_byte(r, &flags));
    if (flags > 3)
        return bad(r, "malformed mutability 0x%02x", flags);
    type.exact_type_known = type.val_type != ENGINE_OTHERREF;
    type.is_mutable = flags & 1;
    type.is_shared = flags & 2;
    *ret_type = type;
    return ST_OK;
}

static enum status read_tag_type(struct reader *r, struct engine_extern_type *ret_type)
{
    uint8_t attribute = 0;
    uint32_t index = 0;
    TRY(read_byte(r, &attribute));
    if (attribute != 0)
        return bad(r, "unknown tag attribute 0x%02x", attribute);
    TRY(read_u32(r, &index));
    return func_type(r, index, ENGINE_TAG, ret_type);
}

static enum status read_extern_type(struct reader *r, struct engine_extern_type *ret_type)
{
    uint8_t kind = 0;
    uint32_t index = 0;
    TRY(read_byte(r, &kind));
    switch (kind) {
    case 0:
        TRY(read_u32(r, &index));
        return func_type(r, index, ENGINE_FUNC, ret_type);
    case 1:
        return read_table_type(r, ret_type);
    case 2:
        return read_memory_type(r, ret_type);
    case 3:
        return read_global_type(r, ret_type);
    case 4:
        return read_tag_type(r, ret_type);
    default:
        return bad(r, "malformed import kind 0x%02x", kind);
    }
}

/* --- constant expressions ------------------------------------------------------------------------------------------------- */

static enum status skip_gc_instruction(struct reader *r)
{
    uint32_t opcode = 0, operand = 0;
    TRY(read_u32(r, &opcode));
    switch (opcode) {
    case 0x00: /* struct.new, struct.new_default, array.new, array.new_default */
    case 0x01:
    case 0x06:
    case 0x07:
        return read_u32(r, &operand);
    case 0x08: /* array.new_fixed */
        TRY(read_u32(r, &operand));
        return read_u32(r, &operand);
    case 0x1a: /* any.convert_extern, extern.convert_any, ref.i31 */
    case 0x1b:
    case 0x1c:
        return ST_OK;
    default:
        return bad(r, "constant expression required: opcode 0xfb 0x%02" PRIx32, opcode);
    }
}

static enum status skip_instruction(struct reader *r, uint8_t opcode)
{
    uint32_t operand = 0;
    int64_t number = 0;
    switch (opcode) {
    case 0x23: /* global.get, ref.func */
    case 0xd2:
        return read_u32(r, &operand);
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
        TRY(read_u32(r, &operand));
        return operand == 0x0c ? skip(r, 16) : bad(r, "constant expression required: opcode 0xfd 0x%02" PRIx32, operand);
    default:
        return bad(r, "constant expression required: opcode 0x%02x", opcode);
    }
}

static enum status skip_constant(struct reader *r)
{
    uint8_t opcode = 0;
    for (;;) {
        TRY(read_byte(r, &opcode));
        if (opcode == 0x0b)
            return ST_OK;
        TRY(skip_instruction(r, opcode));
    }
}

/* --- sections ------------------------------------------------------------------------------------------------------------- */

static void count_imports(struct module_info *info, size_t *ret_tags)
{
    for (size_t i = 0; i < info->import_count; i++) {
        switch (info->imports[i].type.kind) {
        case ENGINE_FUNC:
            info->imported_func_count++;
            break;
        case ENGINE_TABLE:
            info->imported_table_count++;
            break;
        case ENGINE_MEMORY:
            info->imported_memory_count++;
            break;
        case ENGINE_GLOBAL:
            info->imported_global_count++;
            break;
        case ENGINE_TAG:
            ++*ret_tags;
        }
    }
}

/* The imported items open each index space. */
static enum status open_index_spaces(struct reader *r)
{
    struct module_info *info = r->info;
    size_t tags = 0;
    count_imports(info, &tags);
    TRY(extend(r, &info->func_types, sizeof *info->func_types, 0, info->imported_func_count));
    TRY(extend(r, &info->tables, sizeof *info->tables, 0, info->imported_table_count));
    TRY(extend(r, &info->memories, sizeof *info->memories, 0, info->imported_memory_count));
    TRY(extend(r, &info->globals, sizeof *info->globals, 0, info->imported_global_count));
    TRY(extend(r, &r->tag_types, sizeof *r->tag_types, 0, tags));
    for (size_t i = 0; i < info->import_count; i++) {
        const struct engine_extern_type *type = &info->imports[i].type;
        switch (type->kind) {
        case ENGINE_FUNC:
            info->func_types[info->func_count++] = type->type_index;
            break;
        case ENGINE_TABLE:
            info->tables[info->table_count++] = *type;
            break;
        case ENGINE_MEMORY:
            info->memories[info->memory_count++] = *type;
            break;
        case ENGINE_GLOBAL:
            info->globals[info->global_count++] = *type;
            break;
        case ENGINE_TAG:
            r->tag_types[r->tag_count++] = type->type_index;
        }
    }
    return ST_OK;
}

static enum status read_imports(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(read_count(r, 4, &count));
    TRY(extend(r, &info->imports, sizeof *info->imports, 0, count));
    for (; info->import_count < count; info->import_count++) {
        struct engine_import *import = &info->imports[info->import_count];
        TRY(read_name(r, &import->module));
        TRY(read_name(r, &import->name));
        TRY(read_extern_type(r, &import->type));
    }
    return open_index_spaces(r);
}

static enum status read_functions(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0, index = 0;
    struct engine_extern_type type;
    TRY(read_count(r, 1, &count));
    TRY(extend(r, &info->func_types, sizeof *info->func_types, info->func_count, count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_u32(r, &index));
        TRY(func_type(r, index, ENGINE_FUNC, &type));
        info->func_types[info->func_count++] = index;
    }
    return ST_OK;
}

static enum status read_tables(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(read_count(r, 3, &count));
    TRY(extend(r, &info->tables, sizeof *info->tables, info->table_count, count));
    for (uint32_t i = 0; i < count; i++) {
        bool initialized = r->end - r->at >= 2 && r->bytes[r->at] == 0x40 && r->bytes[r->at + 1] == 0x00;
        if (initialized)
            r->at += 2;
        TRY(read_table_type(r, &info->tables[info->table_count]));
        info->table_count++;
        if (initialized)
            TRY(skip_constant(r));
    }
    return ST_OK;
}

static enum status read_memories(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(read_count(r, 2, &count));
    TRY(extend(r, &info->memories, sizeof *info->memories, info->memory_count, count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_memory_type(r, &info->memories[info->memory_count]));
        info->memory_count++;
    }
    return ST_OK;
}

static enum status read_tags(struct reader *r)
{
    uint32_t count = 0;
    struct engine_extern_type type;
    TRY(read_count(r, 2, &count));
    TRY(extend(r, &r->tag_types, sizeof *r->tag_types, r->tag_count, count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_tag_type(r, &type));
        r->tag_types[r->tag_count++] = type.type_index;
    }
    return ST_OK;
}

static enum status read_globals(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(read_count(r, 3, &count));
    TRY(extend(r, &info->globals, sizeof *info->globals, info->global_count, count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_global_type(r, &info->globals[info->global_count]));
        info->global_count++;
        TRY(skip_constant(r));
    }
    return ST_OK;
}

static enum status export_type(struct reader *r, uint8_t kind, uint32_t index, struct engine_extern_type *ret_type)
{
    const struct module_info *info = r->info;
    const size_t counts[] = {info->func_count, info->table_count, info->memory_count, info->global_count, r->tag_count};
    if (kind >= ARRAY_LEN(counts))
        return bad(r, "malformed export kind 0x%02x", kind);
    if (index >= counts[kind])
        return bad(r, "export of an unknown item %" PRIu32, index);
    switch (kind) {
    case 0:
        return func_type(r, info->func_types[index], ENGINE_FUNC, ret_type);
    case 4:
        return func_type(r, r->tag_types[index], ENGINE_TAG, ret_type);
    case 1:
        *ret_type = info->tables[index];
        return ST_OK;
    case 2:
        *ret_type = info->memories[index];
        return ST_OK;
    default:
        *ret_type = info->globals[index];
        return ST_OK;
    }
}

static enum status read_exports(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(read_count(r, 3, &count));
    TRY(extend(r, &info->exports, sizeof *info->exports, 0, count));
    TRY(extend(r, &info->export_items, sizeof *info->export_items, 0, count));
    for (; info->export_count < count; info->export_count++) {
        struct engine_export *export = &info->exports[info->export_count];
        uint8_t kind = 0;
        uint32_t index = 0;
        TRY(read_name(r, &export->name));
        TRY(read_byte(r, &kind));
        TRY(read_u32(r, &index));
        TRY(export_type(r, kind, index, &export->type));
        info->export_items[info->export_count] = index;
    }
    return ST_OK;
}

static enum status read_code(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(read_count(r, 1, &count));
    if (count != info->func_count - info->imported_func_count)
        return bad(r, "function and code section have inconsistent lengths");
    TRY(extend(r, &info->bodies, sizeof *info->bodies, 0, count));
    for (uint32_t i = 0; i < count; i++)
        TRY(read_bytes(r, &info->bodies[i]));
    r->has_code = true;
    return ST_OK;
}

static enum status read_start(struct reader *r)
{
    uint32_t index = 0;
    TRY(read_u32(r, &index));
    if (index >= r->info->func_count)
        return bad(r, "unknown start function %" PRIu32, index);
    r->info->has_start = true;
    return ST_OK;
}

/* The name section is advice: whatever is wrong with it is ignored. */
static void read_module_name(struct reader *outer, const struct module_section *section)
{
    struct reader r = *outer;
    struct error ignored;
    r.err = &ignored;
    r.at = section->offset;
    r.end = section->offset + section->bytes.len;
    uint8_t id = 0;
    uint32_t size = 0;
    struct str name;
    if (read_byte(&r, &id) == ST_OK && id == 0 && read_u32(&r, &size) == ST_OK && read_name(&r, &name) == ST_OK)
        outer->info->module_name = name;
}

/* --- the module ----------------------------------------------------------------------------------------------------------- */

#define SECTION_IDS 14

/* Known sections come at most once, in this order; custom ones (rank 0) anywhere. Those without a `read` are kept as bytes. */
static const struct {
    uint8_t rank;
    enum status (*read)(struct reader *r);
} section_kinds[SECTION_IDS] = {
    [1] = {1, read_types}, [2] = {2, read_imports}, [3] = {3, read_functions}, [4] = {4, read_tables}, [5] = {5, read_memories},
    [13] = {6, read_tags}, [6] = {7, read_globals}, [7] = {8, read_exports},   [8] = {9, read_start},  [9] = {10, NULL},
    [12] = {11, NULL},     [10] = {12, read_code},  [11] = {13, NULL},
};

static enum status add_section(struct reader *r, const struct module_section *section)
{
    struct module_info *info = r->info;
    if (info->section_count == r->section_capacity) {
        size_t extra = r->section_capacity + 16;
        TRY(extend(r, &info->sections, sizeof *info->sections, info->section_count, extra));
        r->section_capacity += extra;
    }
    info->sections[info->section_count++] = *section;
    return ST_OK;
}

static enum status read_section_content(struct reader *r, struct module_section *section)
{
    if (section->id == 0) {
        TRY(read_name(r, &section->name));
        section->offset = r->at;
        section->bytes = str_n((const char *)r->bytes + r->at, r->end - r->at);
        if (str_is(section->name, "name"))
            read_module_name(r, section);
        return ST_OK;
    }
    if (section->id >= SECTION_IDS)
        return bad(r, "malformed section id %u", section->id);
    if (section_kinds[section->id].rank <= r->last_rank)
        return bad(r, "unexpected content after last section: section %u is out of order", section->id);
    r->last_rank = section_kinds[section->id].rank;
    if (!section_kinds[section->id].read)
        return ST_OK;
    TRY(section_kinds[section->id].read(r));
    return r->at == r->end ? ST_OK : bad(r, "section size mismatch: section %u has bytes left", section->id);
}

static enum status read_sections(struct reader *r, size_t size)
{
    while (r->at < size) {
        struct module_section section = {0};
        uint32_t len = 0;
        r->end = size;
        TRY(read_byte(r, &section.id));
        TRY(read_u32(r, &len));
        section.offset = r->at;
        if (len > size - r->at)
            return bad(r, "unexpected end: section %u of %" PRIu32 " bytes is longer than the module", section.id, len);
        size_t next = r->at + len;
        section.bytes = str_n((const char *)r->bytes + r->at, len);
        r->end = next;
        TRY(read_section_content(r, &section));
        TRY(add_section(r, &section));
        r->at = next;
    }
    return ST_OK;
}

enum status module_read(struct str bytes, struct arena *arena, struct module_info *ret_info, struct error *err)
{
    struct module_info info = {.module_name = STR("")};
    struct reader r = {.bytes = (const uint8_t *)bytes.data, .end = bytes.len, .arena = arena, .info = &info, .err = err};
    if (bytes.len < 8 || memcmp(bytes.data, "\0asm", 4) != 0)
        return bad(&r, "magic header not detected");
    if (memcmp(bytes.data + 4, "\x0d\0\1\0", 4) == 0)
        return bad(&r, "this is a component, not a core module");
    if (memcmp(bytes.data + 4, "\1\0\0\0", 4) != 0)
        return bad(&r, "unknown binary version");
    r.at = 8;
    TRY(read_sections(&r, bytes.len));
    if (!r.has_code && info.func_count > info.imported_func_count)
        return bad(&r, "function and code section have inconsistent lengths");
    *ret_info = info;
    return ST_OK;
}

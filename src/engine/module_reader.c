#include "engine/module_cursor.h"
#include <inttypes.h>

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
    TRY(reader_extend(r, &info->func_types, sizeof *info->func_types, 0, info->imported_func_count));
    TRY(reader_extend(r, &info->tables, sizeof *info->tables, 0, info->imported_table_count));
    TRY(reader_extend(r, &info->memories, sizeof *info->memories, 0, info->imported_memory_count));
    TRY(reader_extend(r, &info->globals, sizeof *info->globals, 0, info->imported_global_count));
    TRY(reader_extend(r, &r->tag_types, sizeof *r->tag_types, 0, tags));
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
    TRY(reader_count(r, 4, &count));
    TRY(reader_extend(r, &info->imports, sizeof *info->imports, 0, count));
    for (; info->import_count < count; info->import_count++) {
        struct engine_import *import = &info->imports[info->import_count];
        TRY(reader_name(r, &import->module));
        TRY(reader_name(r, &import->name));
        TRY(reader_extern_type(r, &import->type));
    }
    return open_index_spaces(r);
}

static enum status read_functions(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0, index = 0;
    struct engine_extern_type type;
    TRY(reader_count(r, 1, &count));
    TRY(reader_extend(r, &info->func_types, sizeof *info->func_types, info->func_count, count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(reader_u32(r, &index));
        TRY(reader_func_type(r, index, ENGINE_FUNC, &type));
        info->func_types[info->func_count++] = index;
    }
    return ST_OK;
}

/* A section of items, behind those that its index space has so far. */
static enum status read_items(struct reader *r, size_t item_bytes, struct engine_extern_type **items, size_t *count,
                              enum status (*read)(struct reader *r, struct engine_extern_type *ret_type))
{
    uint32_t added = 0;
    TRY(reader_count(r, item_bytes, &added));
    TRY(reader_extend(r, items, sizeof **items, *count, added));
    for (uint32_t i = 0; i < added; i++) {
        TRY(read(r, &(*items)[*count]));
        ++*count;
    }
    return ST_OK;
}

static enum status read_table(struct reader *r, struct engine_extern_type *ret_type)
{
    bool initialized = r->end - r->at >= 2 && r->bytes[r->at] == 0x40 && r->bytes[r->at + 1] == 0x00;
    if (initialized)
        r->at += 2;
    TRY(reader_table_type(r, ret_type));
    return initialized ? reader_skip_constant(r) : ST_OK;
}

static enum status read_tables(struct reader *r)
{
    return read_items(r, 3, &r->info->tables, &r->info->table_count, read_table);
}

static enum status read_memories(struct reader *r)
{
    return read_items(r, 2, &r->info->memories, &r->info->memory_count, reader_memory_type);
}

static enum status read_global(struct reader *r, struct engine_extern_type *ret_type)
{
    TRY(reader_global_type(r, ret_type));
    return reader_skip_constant(r);
}

static enum status read_globals(struct reader *r)
{
    return read_items(r, 3, &r->info->globals, &r->info->global_count, read_global);
}

static enum status read_tags(struct reader *r)
{
    uint32_t count = 0;
    struct engine_extern_type type;
    TRY(reader_count(r, 2, &count));
    TRY(reader_extend(r, &r->tag_types, sizeof *r->tag_types, r->tag_count, count));
    for (uint32_t i = 0; i < count; i++) {
        TRY(reader_tag_type(r, &type));
        r->tag_types[r->tag_count++] = type.type_index;
    }
    return ST_OK;
}

static enum status export_type(struct reader *r, uint8_t kind, uint32_t index, struct engine_extern_type *ret_type)
{
    const struct module_info *info = r->info;
    const size_t counts[] = {info->func_count, info->table_count, info->memory_count, info->global_count, r->tag_count};
    if (kind >= ARRAY_LEN(counts))
        return reader_fail(r, "malformed export kind 0x%02x", kind);
    if (index >= counts[kind])
        return reader_fail(r, "export of an unknown item %" PRIu32, index);
    switch (kind) {
    case 0:
        return reader_func_type(r, info->func_types[index], ENGINE_FUNC, ret_type);
    case 4:
        return reader_func_type(r, r->tag_types[index], ENGINE_TAG, ret_type);
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
    TRY(reader_count(r, 3, &count));
    TRY(reader_extend(r, &info->exports, sizeof *info->exports, 0, count));
    TRY(reader_extend(r, &info->export_items, sizeof *info->export_items, 0, count));
    for (; info->export_count < count; info->export_count++) {
        struct engine_export *export = &info->exports[info->export_count];
        uint8_t kind = 0;
        uint32_t index = 0;
        TRY(reader_name(r, &export->name));
        TRY(reader_byte(r, &kind));
        TRY(reader_u32(r, &index));
        TRY(export_type(r, kind, index, &export->type));
        info->export_items[info->export_count] = index;
    }
    return ST_OK;
}

static enum status read_code(struct reader *r)
{
    struct module_info *info = r->info;
    uint32_t count = 0;
    TRY(reader_count(r, 1, &count));
    if (count != info->func_count - info->imported_func_count)
        return reader_fail(r, "function and code section have inconsistent lengths");
    TRY(reader_extend(r, &info->bodies, sizeof *info->bodies, 0, count));
    for (uint32_t i = 0; i < count; i++)
        TRY(reader_bytes(r, &info->bodies[i]));
    r->has_code = true;
    return ST_OK;
}

static enum status read_start(struct reader *r)
{
    uint32_t index = 0;
    TRY(reader_u32(r, &index));
    if (index >= r->info->func_count)
        return reader_fail(r, "unknown start function %" PRIu32, index);
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
    if (reader_byte(&r, &id) == ST_OK && id == 0 && reader_u32(&r, &size) == ST_OK && reader_name(&r, &name) == ST_OK)
        outer->info->module_name = name;
}

/* --- the module ----------------------------------------------------------------------------------------------------------- */

#define SECTION_IDS 14

/* Known sections come at most once, in this order; custom ones (rank 0) anywhere. Those without a `read` are kept as bytes. */
static const struct {
    uint8_t rank;
    enum status (*read)(struct reader *r);
} section_kinds[SECTION_IDS] = {
    [1] = {1, reader_types}, [2] = {2, read_imports}, [3] = {3, read_functions}, [4] = {4, read_tables}, [5] = {5, read_memories},
    [13] = {6, read_tags},   [6] = {7, read_globals}, [7] = {8, read_exports},   [8] = {9, read_start},  [9] = {10, NULL},
    [12] = {11, NULL},       [10] = {12, read_code},  [11] = {13, NULL},
};

static enum status add_section(struct reader *r, const struct module_section *section)
{
    struct module_info *info = r->info;
    if (info->section_count == r->section_capacity) {
        size_t extra = r->section_capacity + 16;
        TRY(reader_extend(r, &info->sections, sizeof *info->sections, info->section_count, extra));
        r->section_capacity += extra;
    }
    info->sections[info->section_count++] = *section;
    return ST_OK;
}

static enum status read_section_content(struct reader *r, struct module_section *section)
{
    if (section->id == 0) {
        TRY(reader_name(r, &section->name));
        section->offset = r->at;
        section->bytes = str_n((const char *)r->bytes + r->at, r->end - r->at);
        if (str_is(section->name, "name"))
            read_module_name(r, section);
        return ST_OK;
    }
    if (section->id >= SECTION_IDS)
        return reader_fail(r, "malformed section id %u", section->id);
    if (section_kinds[section->id].rank <= r->last_rank)
        return reader_fail(r, "unexpected content after last section: section %u is out of order", section->id);
    r->last_rank = section_kinds[section->id].rank;
    if (!section_kinds[section->id].read)
        return ST_OK;
    TRY(section_kinds[section->id].read(r));
    return r->at == r->end ? ST_OK : reader_fail(r, "section size mismatch: section %u has bytes left", section->id);
}

static enum status read_sections(struct reader *r, size_t size)
{
    while (r->at < size) {
        struct module_section section = {0};
        uint32_t len = 0;
        r->end = size;
        TRY(reader_byte(r, &section.id));
        TRY(reader_u32(r, &len));
        section.offset = r->at;
        if (len > size - r->at)
            return reader_fail(r, "unexpected end: section %u of %" PRIu32 " bytes is longer than the module", section.id, len);
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
        return reader_fail(&r, "magic header not detected");
    if (memcmp(bytes.data + 4, "\x0d\0\1\0", 4) == 0)
        return reader_fail(&r, "this is a component, not a core module");
    if (memcmp(bytes.data + 4, "\1\0\0\0", 4) != 0)
        return reader_fail(&r, "unknown binary version");
    r.at = 8;
    TRY(read_sections(&r, bytes.len));
    if (!r.has_code && info.func_count > info.imported_func_count)
        return reader_fail(&r, "function and code section have inconsistent lengths");
    *ret_info = info;
    return ST_OK;
}

#include "engine/module_state.h"
#include "base/leb128.h"
#include "base/mem.h"

/* --- what there is -------------------------------------------------------------------------------------------------------- */

struct finder {
    const struct module_info *info;
    struct arena *arena;
    struct str prefix;
    struct module_state *state;
};

/* Text that no export's name begins with. */
static struct str unused_prefix(const struct module_info *info, struct arena *arena)
{
    for (unsigned attempt = 0;; attempt++) {
        struct str prefix = attempt ? arena_printf(arena, "wash:state%u/", attempt) : STR("wash:state/");
        bool used = false;
        for (size_t i = 0; i < info->export_count && !used; i++)
            used = str_starts(info->exports[i].name, prefix);
        if (!used)
            return prefix;
    }
}

/* The first export that names each item of an index space; NULL text where there is none. */
static struct str *exported_names(const struct module_info *info, enum engine_extern_kind kind, size_t count)
{
    struct str *names = mem_array(count + 1, sizeof *names);
    for (size_t i = 0; i < info->export_count; i++) {
        uint32_t item = info->export_items[i];
        if (info->exports[i].type.kind == kind && !names[item].data)
            names[item] = info->exports[i].name;
    }
    return names;
}

static struct str name_item(struct finder *f, struct str exported, enum engine_extern_kind kind, size_t index)
{
    if (exported.data)
        return arena_str(f->arena, exported);
    struct str name = arena_printf(f->arena, "%.*s%c%zu", STR_ARG(f->prefix), kind == ENGINE_MEMORY ? 'm' : 'g', index);
    f->state->added[f->state->added_count++] = (struct state_export){name, kind, (uint32_t)index};
    return name;
}

static void find_memories(struct finder *f)
{
    const struct module_info *info = f->info;
    autofree struct str *names = exported_names(info, ENGINE_MEMORY, info->memory_count);
    f->state->memories = ARENA_ARRAY(f->arena, struct str, info->memory_count - info->imported_memory_count);
    for (size_t i = info->imported_memory_count; i < info->memory_count; i++) {
        f->state->memories[f->state->memory_count++] = name_item(f, names[i], ENGINE_MEMORY, i);
        f->state->restorable &= !info->memories[i].is_shared;
    }
}

static bool is_number(uint8_t type)
{
    return type == ENGINE_I32 || type == ENGINE_I64 || type == ENGINE_F32 || type == ENGINE_F64 || type == ENGINE_V128;
}

static void find_globals(struct finder *f)
{
    const struct module_info *info = f->info;
    autofree struct str *names = exported_names(info, ENGINE_GLOBAL, info->global_count);
    f->state->globals = ARENA_ARRAY(f->arena, struct str, info->global_count - info->imported_global_count);
    for (size_t i = info->imported_global_count; i < info->global_count; i++) {
        if (!info->globals[i].is_mutable)
            continue;
        f->state->globals[f->state->global_count++] = name_item(f, names[i], ENGINE_GLOBAL, i);
        f->state->restorable &= is_number(info->globals[i].val_type);
    }
}

void module_state_find(const struct module_info *info, struct arena *arena, struct module_state *ret_state)
{
    size_t most = info->memory_count - info->imported_memory_count + info->global_count - info->imported_global_count;
    *ret_state = (struct module_state){.restorable = true, .added = ARENA_ARRAY(arena, struct state_export, most)};
    struct finder f = {info, arena, unused_prefix(info, arena), ret_state};
    find_memories(&f);
    find_globals(&f);
}

/* --- adding exports ------------------------------------------------------------------------------------------------------- */

enum { SECTION_EXPORT = 7, SECTION_START = 8, SECTION_TAG = 13 };

/* Where the export section is, or belongs: the bytes before it and behind it. content: of the section as it is. */
static void split_at_exports(const struct module_info *info, struct str bytes, struct str *ret_before, struct str *ret_content,
                             struct str *ret_behind)
{
    size_t begin = 8, end = 8; /* of the section being looked at, its header included */
    for (size_t i = 0; i < info->section_count; i++, begin = end) {
        const struct module_section *section = &info->sections[i];
        bool later = section->id >= SECTION_START && section->id != SECTION_TAG; /* tags come before, whatever their number */
        if (later)
            break;
        end = section->offset + section->bytes.len;
        if (section->id != SECTION_EXPORT)
            continue;
        *ret_before = str_slice(bytes, 0, begin);
        *ret_content = section->bytes;
        *ret_behind = str_from(bytes, end);
        return;
    }
    *ret_before = str_slice(bytes, 0, begin);
    *ret_content = STR("");
    *ret_behind = str_from(bytes, begin);
}

/* What follows the count of the exports. */
static struct str export_entries(struct str content)
{
    size_t at = 0;
    while (at < content.len && content.data[at++] & 0x80)
        ;
    return str_from(content, at);
}

void module_state_expose(const struct module_info *info, struct str bytes, const struct module_state *state, struct buf *out)
{
    static const char kinds[] = {[ENGINE_MEMORY] = 2, [ENGINE_GLOBAL] = 3};
    struct str before, content, behind;
    if (state->added_count == 0)
        return;
    split_at_exports(info, bytes, &before, &content, &behind);
    autobuf struct buf section = BUF_INIT(BUF_UNLIMITED);
    buf_add_u32_leb(&section, (uint32_t)(info->export_count + state->added_count));
    buf_add(&section, export_entries(content));
    for (size_t i = 0; i < state->added_count; i++) {
        buf_add_str_leb(&section, state->added[i].name);
        buf_add(&section, str_n(&kinds[state->added[i].kind], 1));
        buf_add_u32_leb(&section, state->added[i].index);
    }
    buf_add(out, before);
    buf_add(out, STR("\x07"));
    buf_add_str_leb(out, buf_str(&section));
    buf_add(out, behind);
}

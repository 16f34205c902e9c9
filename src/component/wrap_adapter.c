/* Cutting an adapter down to what is used of it, and giving it a stack.
 *
 * Of the functions, globals and types only those stay that the required exports reach; so the component imports no more than the
 * main module's use of the adapter needs. An adapter has a stack pointer but no memory of its own: its stack is allocated by the
 * main module's realloc. If there is a global to note how far that is (`allocation_state`), on the first call of an export, else by
 * a start function, and then with memory.grow, for the main module may not be ready. Both globals are known by their names in the
 * name section. Source: wit-component 0.263, "gc". */
#include "component/wrap_reducer.h"

#include "base/mem.h"

/* --- what is there --------------------------------------------------------------------------------------------------- */

static enum status check_shape(struct reducer *r)
{
    const struct module_info *info = r->info;
    for (size_t i = 0; i < info->section_count; i++) {
        uint8_t id = info->sections[i].id;
        if (id > CORE_CODE || id == CORE_MEMORY || id == CORE_START || id == CORE_ELEMENT)
            return reducer_refuse(r, "a memory, data, elements, tags or a start function of its own");
    }
    if (info->memory_count > 1 || info->imported_global_count || info->imported_table_count)
        return reducer_refuse(r, "imports of tables, globals or more than one memory");
    if (info->memory_count && info->memories[0].is_64)
        return reducer_refuse(r, "a 64-bit memory");
    for (size_t i = 0; i < info->import_count; i++)
        if (info->imports[i].type.kind == ENGINE_TAG)
            return reducer_refuse(r, "imports of tags");
    return ST_OK;
}

/* Each global as it stands in its section. */
static enum status split_globals(struct reducer *r)
{
    struct cm_reader section;
    uint32_t count;
    uint8_t byte;
    for (size_t i = 0; i < r->info->section_count; i++) {
        if (r->info->sections[i].id != CORE_GLOBAL)
            continue;
        cm_reader_init(&section, r->info->sections[i].bytes, r->w->err);
        TRY(cm_read_count(&section, UINT32_MAX, "globals", &count));
        for (uint32_t k = 0; k < count && k < r->counts[SPACE_GLOBAL]; k++) {
            const char *start = section.next;
            TRY(cm_read_byte(&section, &byte));
            if (byte < 0x7b || byte > 0x7f)
                return reducer_refuse(r, "globals that are references");
            TRY(cm_read_byte(&section, &byte)); /* mutable or not */
            TRY(reducer_constant(r, &section));
            r->inits[k] = str_n(start, (size_t)(section.next - start));
        }
    }
    return ST_OK;
}

static void note_global(struct reducer *r, uint32_t index, struct str name)
{
    const struct engine_extern_type *type;
    if (index >= r->counts[SPACE_GLOBAL])
        return;
    type = &r->info->globals[index];
    if (!type->is_mutable || type->val_type != ENGINE_I32 || !r->live[SPACE_GLOBAL][index])
        return;
    if (str_is(name, "__stack_pointer"))
        r->stack_pointer = index;
    else if (str_is(name, "allocation_state"))
        r->allocation_state = index;
}

#define GLOBAL_NAMES 7

/* Names are a courtesy: what cannot be read of them is not there. */
static void find_named_globals(struct reducer *r, struct str names)
{
    struct cm_reader section, part;
    struct str name;
    uint32_t size, count, index;
    uint8_t id;
    cm_reader_init(&section, names, NULL);
    while (!cm_reader_at_end(&section)) {
        if (cm_read_byte(&section, &id) != ST_OK || cm_read_u32(&section, &size) != ST_OK ||
            cm_reader_take(&section, size, "names", &part) != ST_OK)
            return;
        if (id != GLOBAL_NAMES || cm_read_count(&part, UINT32_MAX, "names", &count) != ST_OK)
            continue;
        for (uint32_t i = 0; i < count; i++) {
            if (cm_read_u32(&part, &index) != ST_OK || cm_read_name(&part, &name) != ST_OK)
                return;
            note_global(r, index, name);
        }
    }
}

/* --- liveness -------------------------------------------------------------------------------------------------------- */

static enum status find_live(struct reducer *r, const struct map *required)
{
    for (size_t i = 0; i < r->info->export_count; i++) {
        const struct engine_export *export = &r->info->exports[i];
        if (!map_has(required, export->name))
            continue;
        if (export->type.kind != ENGINE_FUNC)
            return reducer_refuse(r, "exports other than functions in use");
        reducer_reach(r, SPACE_FUNC, r->info->export_items[i]);
    }
    while (r->reached.len) {
        uint32_t function = vec_pop(&r->reached);
        struct cm_reader code;
        if (function < r->info->imported_func_count)
            continue;
        code = reducer_body(r, function);
        TRY(reducer_locals(r, &code));
        TRY(reducer_code(r, &code));
    }
    return ST_OK;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

static enum status reduce(struct reducer *r, const struct map *required)
{
    struct wrap_writer m;
    TRY(check_shape(r));
    TRY(split_globals(r));
    TRY(find_live(r, required));
    for (uint32_t i = 0; i < r->counts[SPACE_TYPE]; i++)
        if (r->live[SPACE_TYPE][i] && r->info->types[i].param_count == UINT32_MAX)
            return reducer_refuse(r, "types other than functions'");
    for (size_t i = 0; i < r->info->section_count; i++)
        if (r->info->sections[i].id == 0 && str_is(r->info->sections[i].name, "name"))
            find_named_globals(r, r->info->sections[i].bytes);
    wrap_begin_module(&m, r->w);
    enum status status = reducer_write(r, &m, required);
    if (status == ST_OK) {
        buf_release(&r->adapter->own);
        r->adapter->own = m.out.buf;
        m.out.buf = (struct buf)BUF_INIT(0);
        r->adapter->bytes = buf_str(&r->adapter->own);
    }
    wrap_release_module(&m);
    return status;
}

enum status wrap_reduce_adapter(struct wrapper *w, struct wrap_module *adapter, const struct map *required)
{
    const struct module_info *info = &adapter->info;
    struct reducer r = {.w = w,
                        .adapter = adapter,
                        .info = info,
                        .counts = {(uint32_t)info->type_count, (uint32_t)info->func_count, (uint32_t)info->global_count},
                        .stack_pointer = WRAP_NONE,
                        .allocation_state = WRAP_NONE,
                        .realloc = wrap_adapter_realloc(&w->main)};
    for (enum space space = 0; space < SPACE_COUNT; space++) {
        r.live[space] = ARENA_ARRAY(&w->arena, bool, r.counts[space] + 1);
        r.renamed[space] = ARENA_ARRAY(&w->arena, uint32_t, r.counts[space] + 1);
    }
    r.inits = ARENA_ARRAY(&w->arena, struct str, r.counts[SPACE_GLOBAL] + 1);
    enum status status = reduce(&r, required);
    vec_release(&r.reached);
    return status;
}

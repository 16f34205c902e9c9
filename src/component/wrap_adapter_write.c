/* Writes the adapter that is left: what is live of it, and the code that gives it a stack. */
#include "component/wrap_reducer.h"

#include "base/mem.h"

#define PAGE_SIZE 65536

/* --- code of our own ------------------------------------------------------------------------------------------------- */

/* realloc by memory.grow: of PAGE_SIZE bytes anew, and nothing else. Parameters: old address, old size, alignment, new size. */
static void put_grow_realloc(struct reducer *r, struct wrap_writer *m)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    uint32_t log2 = r->info->memory_count ? r->info->memories[0].page_size_log2 : 16;
    wit_put_bytes(&body, STR("\x01\x01\x7f"));                     /* a local for the page */
    wit_put_bytes(&body, STR("\x41\0\x20\0\x47\x04\x40\0\x0b"));   /* trap unless the old address is 0 */
    wit_put_bytes(&body, STR("\x41\0\x20\x01\x47\x04\x40\0\x0b")); /* and the old size, */
    wit_put_byte(&body, 0x41);                                     /* and the new one PAGE_SIZE */
    wit_put_signed(&body, PAGE_SIZE);
    wit_put_bytes(&body, STR("\x20\x03\x47\x04\x40\0\x0b\x41"));
    wit_put_signed(&body, PAGE_SIZE >> log2);
    wit_put_bytes(&body, STR("\x40\0\x22\x04\x41\x7f\x46\x04\x40\0\x0b\x20\x04\x41")); /* trap if memory.grow fails */
    wit_put_signed(&body, log2);
    wit_put_bytes(&body, STR("\x74\x0b")); /* the page's address */
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
}

static void put_global(struct wit_sink *body, uint8_t opcode, uint32_t global)
{
    wit_put_byte(body, opcode);
    wit_put_u32(body, global);
}

/* Sets the stack pointer to the end of a new page; with a state, once: 0 nothing yet, 1 under way, 2 done. */
static void put_allocate_stack(struct reducer *r, struct wrap_writer *m, uint32_t realloc)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    const uint32_t *globals = r->renamed[SPACE_GLOBAL];
    bool once = r->allocation_state != WRAP_NONE;
    wit_put_byte(&body, 0x00); /* no locals */
    if (once) {
        put_global(&body, 0x23, globals[r->allocation_state]);
        wit_put_bytes(&body, STR("\x41\0\x46\x04\x40\x41\x01"));
        put_global(&body, 0x24, globals[r->allocation_state]);
    }
    wit_put_bytes(&body, STR("\x41\0\x41\0\x41\x08\x41"));
    wit_put_signed(&body, PAGE_SIZE);
    put_global(&body, 0x10, realloc); /* call */
    wit_put_byte(&body, 0x41);
    wit_put_signed(&body, PAGE_SIZE);
    wit_put_byte(&body, 0x6a);
    put_global(&body, 0x24, globals[r->stack_pointer]);
    if (once) {
        wit_put_bytes(&body, STR("\x41\x02"));
        put_global(&body, 0x24, globals[r->allocation_state]);
        wit_put_byte(&body, 0x0b);
    }
    wit_put_byte(&body, 0x0b);
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static bool is_realloc_import(const struct engine_import *import)
{
    return import->type.kind == ENGINE_FUNC && str_is(import->module, "__main_module__") &&
           (str_is(import->name, "canonical_abi_realloc") || str_is(import->name, "cabi_realloc"));
}

/* How the functions of the new module are laid out: imports, an import of realloc that was not there, those defined, and ours. */
struct layout {
    uint32_t import_count, defined_count;
    uint32_t realloc; /* what allocates the stack, or WRAP_NONE */
    bool added_import, replaced_import, lazy, grow, start;
    uint32_t lazy_index, grow_index, start_index;
};

static void name_globals_and_types(struct reducer *r)
{
    for (enum space space = 0; space < SPACE_COUNT; space++) {
        uint32_t next = 0;
        for (uint32_t i = 0; space != SPACE_FUNC && i < r->counts[space]; i++)
            if (r->live[space][i])
                r->renamed[space][i] = next++;
    }
}

/* The import of each function of the index space that is imported. */
static const struct engine_import **function_imports(struct reducer *r)
{
    const struct engine_import **imports =
        arena_array(&r->w->arena, r->info->imported_func_count + 1, sizeof(const struct engine_import *));
    size_t next = 0;
    for (size_t i = 0; i < r->info->import_count; i++)
        if (r->info->imports[i].type.kind == ENGINE_FUNC)
            imports[next++] = &r->info->imports[i];
    return imports;
}

static struct layout plan(struct reducer *r, const struct engine_import **imports)
{
    struct layout layout = {.realloc = WRAP_NONE};
    uint32_t imported = (uint32_t)r->info->imported_func_count, *renamed = r->renamed[SPACE_FUNC];
    bool has_stack = r->stack_pointer != WRAP_NONE, has_state = r->allocation_state != WRAP_NONE;
    for (uint32_t i = 0; i < imported; i++) {
        if (!r->live[SPACE_FUNC][i] || (is_realloc_import(imports[i]) && !r->realloc.len))
            continue;
        if (is_realloc_import(imports[i]))
            layout.realloc = layout.import_count;
        renamed[i] = layout.import_count++;
    }
    layout.added_import = r->realloc.len && has_stack && layout.realloc == WRAP_NONE;
    if (layout.added_import)
        layout.realloc = layout.import_count++;
    for (uint32_t i = 0; i < r->counts[SPACE_FUNC]; i++) {
        if (!r->live[SPACE_FUNC][i] || (i < imported && !(is_realloc_import(imports[i]) && !r->realloc.len)))
            continue;
        renamed[i] = layout.import_count + layout.defined_count++;
        if (i < imported)
            layout.realloc = renamed[i];
    }
    uint32_t next = layout.import_count + layout.defined_count;
    layout.lazy = has_stack && has_state && r->realloc.len;
    if (layout.lazy)
        layout.lazy_index = next++;
    layout.grow = has_stack && (layout.realloc == WRAP_NONE || !has_state);
    if (layout.grow)
        layout.realloc = layout.grow_index = next++;
    layout.start = has_stack && !layout.lazy && r->memory_live;
    layout.start_index = next;
    return layout;
}

static void put_types(struct reducer *r, struct wrap_writer *m, uint32_t *ret_realloc_type, uint32_t *ret_thunk_type)
{
    static const uint8_t i32s[] = {ENGINE_I32, ENGINE_I32, ENGINE_I32, ENGINE_I32};
    static const struct engine_func_type realloc_type = {i32s, i32s, 4, 1}, thunk = {NULL, NULL, 0, 0};
    for (uint32_t i = 0; i < r->counts[SPACE_TYPE]; i++)
        if (r->live[SPACE_TYPE][i])
            wrap_put_func_type(wrap_next_item(m), &r->info->types[i]);
    *ret_realloc_type = m->count;
    wrap_put_func_type(wrap_next_item(m), &realloc_type);
    *ret_thunk_type = m->count;
    wrap_put_func_type(wrap_next_item(m), &thunk);
    wrap_end_items(m, CORE_TYPE);
}

static void put_memory_import(struct reducer *r, struct wrap_writer *m)
{
    for (size_t i = 0; i < r->info->import_count; i++) {
        const struct engine_import *import = &r->info->imports[i];
        if (import->type.kind != ENGINE_MEMORY || !r->memory_live)
            continue;
        struct wit_sink *sink = wrap_next_item(m);
        wit_put_name(sink, import->module);
        wit_put_name(sink, import->name);
        wit_put_byte(sink, 0x02);
        wrap_put_memory_type(sink, &import->type);
    }
}

static void put_imports(struct reducer *r, struct wrap_writer *m, const struct layout *layout, const struct engine_import **imports,
                        uint32_t realloc_type)
{
    put_memory_import(r, m);
    for (uint32_t i = 0; i < r->info->imported_func_count; i++) {
        bool is_realloc = is_realloc_import(imports[i]);
        if (r->live[SPACE_FUNC][i] && (!is_realloc || r->realloc.len))
            wrap_put_import(m, imports[i]->module, is_realloc ? r->realloc : imports[i]->name,
                            r->renamed[SPACE_TYPE][r->info->func_types[i]]);
    }
    if (layout->added_import)
        wrap_put_import(m, STR("__main_module__"), r->realloc, realloc_type);
    wrap_end_items(m, CORE_IMPORT);
}

/* Whether a function is defined in the new module. */
static bool is_defined(const struct reducer *r, uint32_t function, const struct layout *layout)
{
    return r->live[SPACE_FUNC][function] && r->renamed[SPACE_FUNC][function] >= layout->import_count;
}

static void put_function_types(struct reducer *r, struct wrap_writer *m, const struct layout *layout, uint32_t realloc_type,
                               uint32_t thunk_type)
{
    for (uint32_t i = 0; i < r->counts[SPACE_FUNC]; i++)
        if (is_defined(r, i, layout))
            wit_put_u32(wrap_next_item(m), r->renamed[SPACE_TYPE][r->info->func_types[i]]);
    if (layout->lazy)
        wit_put_u32(wrap_next_item(m), thunk_type);
    if (layout->grow)
        wit_put_u32(wrap_next_item(m), realloc_type);
    if (layout->start)
        wit_put_u32(wrap_next_item(m), thunk_type);
    wrap_end_items(m, CORE_FUNCTION);
}

static void put_globals(struct reducer *r, struct wrap_writer *m)
{
    for (uint32_t i = 0; i < r->counts[SPACE_GLOBAL]; i++)
        if (r->live[SPACE_GLOBAL][i])
            wit_put_bytes(wrap_next_item(m), r->inits[i]);
    if (m->count)
        wrap_end_items(m, CORE_GLOBAL);
}

/* Marks the exported functions as well: they are where the stack is allocated. */
static void put_exports(struct reducer *r, struct wrap_writer *m, const struct map *required, bool *exported)
{
    for (size_t i = 0; i < r->info->export_count; i++) {
        uint32_t function = r->info->export_items[i];
        if (!map_has(required, r->info->exports[i].name))
            continue;
        struct wit_sink *sink = wrap_next_item(m);
        wit_put_name(sink, r->info->exports[i].name);
        wit_put_byte(sink, 0x00);
        wit_put_u32(sink, r->renamed[SPACE_FUNC][function]);
        exported[function] = true;
    }
    wrap_end_items(m, CORE_EXPORT);
}

static enum status put_body(struct reducer *r, struct wrap_writer *m, const struct layout *layout, uint32_t function, bool exported)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    struct cm_reader code = reducer_body(r, function);
    r->out = &body;
    TRY(reducer_locals(r, &code));
    if (layout->lazy && exported)
        put_global(&body, 0x10, layout->lazy_index); /* call */
    TRY(reducer_code(r, &code));
    r->out = NULL;
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
    return ST_OK;
}

static enum status put_code(struct reducer *r, struct wrap_writer *m, const struct layout *layout, const bool *exported)
{
    for (uint32_t i = 0; i < r->counts[SPACE_FUNC]; i++) {
        if (!is_defined(r, i, layout))
            continue;
        if (i < r->info->imported_func_count)
            put_grow_realloc(r, m); /* in place of the import */
        else
            TRY(put_body(r, m, layout, i, exported[i]));
    }
    if (layout->lazy)
        put_allocate_stack(r, m, layout->realloc);
    if (layout->grow)
        put_grow_realloc(r, m);
    if (layout->start)
        put_allocate_stack(r, m, layout->realloc);
    wrap_end_items(m, CORE_CODE);
    return ST_OK;
}

enum status reducer_write(struct reducer *r, struct wrap_writer *m, const struct map *required)
{
    const struct engine_import **imports = function_imports(r);
    bool *exported = ARENA_ARRAY(&r->w->arena, bool, r->counts[SPACE_FUNC] + 1);
    uint32_t realloc_type, thunk_type;
    name_globals_and_types(r);
    struct layout layout = plan(r, imports);
    put_types(r, m, &realloc_type, &thunk_type);
    put_imports(r, m, &layout, imports, realloc_type);
    put_function_types(r, m, &layout, realloc_type, thunk_type);
    put_globals(r, m);
    put_exports(r, m, required, exported);
    if (layout.start)
        wrap_put_start(m, layout.start_index);
    return put_code(r, m, &layout, exported);
}

/* The shim and the fixup module. The shim comes before the module: it exports a function for each import that cannot be made yet,
 * which jumps through a table. The fixup comes after: it fills that table with the functions as they are then, and calls the
 * module's `_initialize`. Destructors of resources go the same way, since resources are declared before the module. */
#include "component/wrap_private.h"

#define TABLE_EXPORT "$imports"
#define MEMORY_EXPORT "memory"

/* --- which functions ------------------------------------------------------------------------------------------------- */

static void add_shim(struct wrapper *w, struct wrap_shim shim)
{
    if (shim.import)
        shim.import->shim = (uint32_t)w->shims.len;
    vec_push(&w->shims, shim);
}

/* A memory that is imported is there before the module, so what needs that alone can be made at once; and what needs realloc as
 * well, with a realloc that is behind the shim. Results of reads and messages are left to wait, as wit-component leaves them. */
static bool must_wait(const struct wrapper *w, const struct wrap_import *import)
{
    if (!w->imported_memory || import->kind == WRAP_ADAPTED)
        return import->needs & (WRAP_NEEDS_MEMORY | WRAP_NEEDS_REALLOC);
    return import->kind == WRAP_BUILTIN && (import->needs & WRAP_NEEDS_REALLOC);
}

static void add_realloc(struct wrapper *w, struct wrap_module *module)
{
    struct str name = wrap_realloc_name(module, true);
    if (module->realloc_shim != WRAP_NONE || !name.len)
        return;
    module->realloc_shim = (uint32_t)w->shims.len;
    add_shim(w, (struct wrap_shim){.module = module, .export = name, .type = wrap_type_of(w, "iiii:i")});
}

static void collect_imports(struct wrapper *w, struct wrap_module *module)
{
    for (size_t i = 0; i < module->imports.len; i++) {
        struct wrap_import *import = &module->imports.items[i];
        if (must_wait(w, import))
            add_shim(w, (struct wrap_shim){.module = module, .import = import, .type = import->core->type.func});
        else if (import->needs & WRAP_NEEDS_REALLOC)
            add_realloc(w, module);
    }
}

/* Every name that a destructor of an exported resource may have, with the one it is known by. */
static void expect_destructors(struct wrapper *w, const struct wrap_module *module, struct map *expected)
{
    for (size_t i = 0; i < module->export_count; i++) {
        const struct wit_world_item *item = &w->world->exports.items[module->first_export + i];
        for (size_t k = 0; item->kind == WIT_ITEM_INTERFACE && k < item->interface->types.len; k++) {
            const struct wit_type *type = item->interface->types.items[k];
            struct str *known = ARENA_NEW(&w->arena, struct str);
            if (type->kind != WIT_RESOURCE)
                continue;
            *known = wrap_destructor_name(w, item, type);
            map_set(expected, *known, known);
            map_set(expected, wrap_standard_name(w, item, type->name, "_dtor"), known);
        }
    }
}

/* Destructors in the order of the module's exports. */
static enum status collect_destructors(struct wrapper *w, struct wrap_module *module, const struct map *expected)
{
    struct engine_func_type want = wrap_type_of(w, "i:");
    for (size_t i = 0; i < module->info.export_count; i++) {
        const struct engine_export *export = &module->info.exports[i];
        const struct str *known = export->type.kind == ENGINE_FUNC ? map_get(expected, export->name) : NULL;
        if (!known)
            continue;
        TRY(wrap_check_type(w, "export", export->name, &export->type.func, &want));
        wit_map_set_index(&w->destructors, *known, (uint32_t)w->shims.len);
        add_shim(w, (struct wrap_shim){.module = module, .export = export->name, .type = want});
    }
    return ST_OK;
}

static enum status collect(struct wrapper *w, struct wrap_module *module)
{
    struct map expected = {0};
    collect_imports(w, module);
    expect_destructors(w, module, &expected);
    enum status status = collect_destructors(w, module, &expected);
    map_release(&expected);
    return status;
}

enum status wrap_collect_shims(struct wrapper *w)
{
    TRY(collect(w, &w->main));
    for (size_t i = 0; i < w->adapter_count; i++)
        TRY(collect(w, &w->adapters[i]));
    return ST_OK;
}

/* --- parts of both --------------------------------------------------------------------------------------------------- */

static void put_number_name(struct wit_sink *sink, uint32_t number)
{
    char name[16];
    snprintf(name, sizeof name, "%u", number);
    wit_put_name(sink, str_of(name));
}

/* As long as the list of shims, at most too. */
static void put_table_type(struct wit_sink *sink, uint32_t count)
{
    wit_put_bytes(sink, STR("\x70\x01"));
    wit_put_u32(sink, count);
    wit_put_u32(sink, count);
}

/* --- the shim -------------------------------------------------------------------------------------------------------- */

static void put_shim_code(struct wrap_writer *m, const struct wrap_shim *shim, uint32_t index, uint32_t type)
{
    autosink struct wit_sink body = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_byte(&body, 0x00); /* no locals */
    for (uint32_t i = 0; i < shim->type.param_count; i++) {
        wit_put_byte(&body, 0x20); /* local.get */
        wit_put_u32(&body, i);
    }
    wit_put_byte(&body, 0x41); /* i32.const */
    wit_put_signed(&body, index);
    wit_put_byte(&body, 0x11); /* call_indirect */
    wit_put_u32(&body, type);
    wit_put_bytes(&body, STR("\0\x0b")); /* in table 0; end */
    wit_put_name(wrap_next_item(m), wit_sink_str(&body));
}

static void put_export(struct wrap_writer *m, const char *name, uint8_t kind)
{
    struct wit_sink *sink = wrap_next_item(m);
    wit_put_name(sink, str_of(name));
    wit_put_byte(sink, kind);
    wit_put_u32(sink, 0);
}

static void put_shim_exports(struct wrap_writer *m, uint32_t count, bool memory)
{
    struct wit_sink *sink;
    for (uint32_t i = 0; i < count; i++) {
        sink = wrap_next_item(m);
        put_number_name(sink, i);
        wit_put_byte(sink, 0x00);
        wit_put_u32(sink, i);
    }
    if (count)
        put_export(m, TABLE_EXPORT, 0x01);
    if (memory)
        put_export(m, MEMORY_EXPORT, 0x02);
}

static uint32_t encode_shim_module(struct wrapper *w)
{
    struct wrap_writer m;
    uint32_t count = (uint32_t)w->shims.len;
    uint32_t *types = ARENA_ARRAY(&w->arena, uint32_t, count + 1);
    wrap_begin_module(&m, w);
    for (uint32_t i = 0; i < count; i++)
        types[i] = wrap_add_func_type(&m, &w->shims.items[i].type);
    wrap_end_items(&m, CORE_TYPE);
    for (uint32_t i = 0; i < count; i++)
        wit_put_u32(wrap_next_item(&m), types[i]);
    wrap_end_items(&m, CORE_FUNCTION);
    if (count) {
        put_table_type(wrap_next_item(&m), count);
        wrap_end_items(&m, CORE_TABLE);
    }
    if (w->imported_memory) {
        wrap_put_memory_type(wrap_next_item(&m), w->imported_memory);
        wrap_end_items(&m, CORE_MEMORY);
    }
    put_shim_exports(&m, count, w->imported_memory != NULL);
    wrap_end_items(&m, CORE_EXPORT);
    for (uint32_t i = 0; i < count; i++)
        put_shim_code(&m, &w->shims.items[i], i, types[i]);
    wrap_end_items(&m, CORE_CODE);
    return wrap_end_module(&m);
}

void wrap_encode_shim(struct wrapper *w)
{
    uint32_t module;
    if (!w->shims.len && !w->imported_memory)
        return;
    module = encode_shim_module(w);
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CORE_INSTANCE);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, module);
    wit_put_u32(sink, 0);
    w->shim_instance = wit_body_index(&w->body, WIT_SORT_CORE_INSTANCE);
    if (w->imported_memory)
        w->memory = wrap_alias_core(w, w->shim_instance, WIT_SORT_CORE_MEMORY, STR(MEMORY_EXPORT));
}

/* --- the fixup ------------------------------------------------------------------------------------------------------- */

static void put_shim_import(struct wrap_writer *m, uint32_t index, uint32_t type)
{
    char name[16];
    snprintf(name, sizeof name, "%u", index);
    wrap_put_import(m, STR("actual"), str_of(name), type);
}

static void put_elements(struct wrap_writer *m, uint32_t count)
{
    struct wit_sink *sink = wrap_next_item(m);
    wit_put_bytes(sink, STR("\0\x41\0\x0b")); /* active, table 0, at i32.const 0 */
    wit_put_u32(sink, count);
    for (uint32_t i = 0; i < count; i++)
        wit_put_u32(sink, i);
}

static uint32_t encode_fixup_module(struct wrapper *w, const struct engine_export *initialize)
{
    static const struct engine_func_type thunk = {NULL, NULL, 0, 0};
    struct wrap_writer m;
    uint32_t count = (uint32_t)w->shims.len, thunk_type = 0, module;
    uint32_t *types = ARENA_ARRAY(&w->arena, uint32_t, count + 1);
    wrap_begin_module(&m, w);
    for (uint32_t i = 0; i < count; i++)
        types[i] = wrap_add_func_type(&m, &w->shims.items[i].type);
    if (initialize)
        thunk_type = wrap_add_func_type(&m, &thunk);
    wrap_end_items(&m, CORE_TYPE);
    for (uint32_t i = 0; i < count; i++)
        put_shim_import(&m, i, types[i]);
    if (initialize)
        wrap_put_import(&m, STR("main"), initialize->name, thunk_type);
    if (count) {
        struct wit_sink *sink = wrap_next_item(&m);
        wit_put_name(sink, STR("shim"));
        wit_put_name(sink, STR(TABLE_EXPORT));
        wit_put_byte(sink, 0x01);
        put_table_type(sink, count);
    }
    wrap_end_items(&m, CORE_IMPORT);
    if (initialize)
        wrap_put_start(&m, count);
    if (count) {
        put_elements(&m, count);
        wrap_end_items(&m, CORE_ELEMENT);
    }
    module = wrap_end_module(&m);
    return module;
}

/* The functions themselves, now that there is a memory. */
static enum status encode_actual(struct wrapper *w, uint32_t *ret_instance)
{
    uint32_t count = (uint32_t)w->shims.len;
    uint32_t *functions = ARENA_ARRAY(&w->arena, uint32_t, count);
    enum wit_sort sort;
    for (uint32_t i = 0; i < count; i++) {
        const struct wrap_shim *shim = &w->shims.items[i];
        if (shim->import)
            TRY(wrap_emit_import(w, shim->module, shim->import, &sort, &functions[i]));
        else
            functions[i] = wrap_alias_core(w, shim->module->instance, WIT_SORT_CORE_FUNC, shim->export);
    }
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CORE_INSTANCE);
    wit_put_byte(sink, 0x01);
    wit_put_u32(sink, count);
    for (uint32_t i = 0; i < count; i++) {
        put_number_name(sink, i);
        wit_put_core_sort(sink, WIT_SORT_CORE_FUNC);
        wit_put_u32(sink, functions[i]);
    }
    *ret_instance = wit_body_index(&w->body, WIT_SORT_CORE_INSTANCE);
    return ST_OK;
}

static void put_argument(struct wit_sink *sink, const char *name, uint32_t instance)
{
    wit_put_name(sink, str_of(name));
    wit_put_core_sort(sink, WIT_SORT_CORE_INSTANCE);
    wit_put_u32(sink, instance);
}

enum status wrap_encode_fixup(struct wrapper *w)
{
    static const struct engine_func_type thunk = {NULL, NULL, 0, 0};
    const struct engine_export *initialize = wrap_find_initialize(&w->main);
    uint32_t count = (uint32_t)w->shims.len, actual = 0, module;
    if (initialize)
        TRY(wrap_check_type(w, "export", initialize->name, &initialize->type.func, &thunk));
    if (!count && !initialize)
        return ST_OK;
    module = encode_fixup_module(w, initialize);
    if (count)
        TRY(encode_actual(w, &actual));
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CORE_INSTANCE);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, module);
    wit_put_u32(sink, (count ? 2 : 0) + (initialize ? 1 : 0));
    if (count)
        put_argument(sink, "actual", actual);
    if (initialize)
        put_argument(sink, "main", w->main.instance);
    if (count)
        put_argument(sink, "shim", w->shim_instance);
    wit_body_index(&w->body, WIT_SORT_CORE_INSTANCE);
    return ST_OK;
}

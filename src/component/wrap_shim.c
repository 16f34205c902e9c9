/* The shim and the fixup module. The shim comes before the module: it exports a function for each import that cannot be made yet,
 * which jumps through a table. The fixup comes after: it fills that table with the functions as they are then, and calls the
 * module's `_initialize`. Destructors of resources go the same way, since resources are declared before the module. */
#include "component/wrap_private.h"

#define TABLE_EXPORT "$imports"

/* --- which functions ------------------------------------------------------------------------------------------------- */

static void add_shim(struct wrapper *w, struct wrap_shim shim)
{
    if (shim.import)
        shim.import->shim = (uint32_t)w->shims.len;
    vec_push(&w->shims, shim);
}

static void collect_imports(struct wrapper *w, struct wrap_module *module)
{
    for (size_t i = 0; i < module->imports.len; i++) {
        struct wrap_import *import = &module->imports.items[i];
        if (import->needs & (WRAP_NEEDS_MEMORY | WRAP_NEEDS_REALLOC))
            add_shim(w, (struct wrap_shim){.module = module, .import = import, .type = import->core->type.func});
    }
}

/* `prefix#[dtor]name` for the resources of an exported interface, in the order of the module's exports. */
static enum status collect_destructor(struct wrapper *w, struct wrap_module *module, const struct engine_export *export)
{
    struct engine_func_type want = wrap_type_of(w, "i:");
    size_t mark = str_find(export->name, STR("#[dtor]"));
    if (mark == STR_NONE || export->type.kind != ENGINE_FUNC)
        return ST_OK;
    for (size_t i = 0; i < module->export_count; i++) {
        const struct wit_world_item *item = &w->world->exports.items[module->first_export + i];
        struct str name = str_from(export->name, mark + strlen("#[dtor]"));
        if (item->kind != WIT_ITEM_INTERFACE || !str_eq(wrap_item_name(w, item), str_slice(export->name, 0, mark)))
            continue;
        const struct wit_type *type = wit_interface_type(item->interface, name);
        if (!type || type->kind != WIT_RESOURCE)
            continue;
        TRY(wrap_check_type(w, "export", export->name, &export->type.func, &want));
        wit_map_set_index(&w->destructors, export->name, (uint32_t)w->shims.len);
        add_shim(w, (struct wrap_shim){.module = module, .destructor = export->name, .type = want});
        break;
    }
    return ST_OK;
}

static enum status collect(struct wrapper *w, struct wrap_module *module)
{
    collect_imports(w, module);
    for (size_t i = 0; i < module->info.export_count; i++)
        TRY(collect_destructor(w, module, &module->info.exports[i]));
    return ST_OK;
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

static void put_shim_exports(struct wrap_writer *m, uint32_t count)
{
    struct wit_sink *sink;
    for (uint32_t i = 0; i < count; i++) {
        sink = wrap_next_item(m);
        put_number_name(sink, i);
        wit_put_byte(sink, 0x00);
        wit_put_u32(sink, i);
    }
    sink = wrap_next_item(m);
    wit_put_name(sink, STR(TABLE_EXPORT));
    wit_put_bytes(sink, STR("\x01\0"));
}

void wrap_encode_shim(struct wrapper *w)
{
    struct wrap_writer m;
    uint32_t count = (uint32_t)w->shims.len, module;
    if (!count)
        return;
    uint32_t *types = ARENA_ARRAY(&w->arena, uint32_t, count);
    wrap_begin_module(&m, w);
    for (uint32_t i = 0; i < count; i++)
        types[i] = wrap_add_func_type(&m, &w->shims.items[i].type);
    wrap_end_items(&m, CORE_TYPE);
    for (uint32_t i = 0; i < count; i++)
        wit_put_u32(wrap_next_item(&m), types[i]);
    wrap_end_items(&m, CORE_FUNCTION);
    put_table_type(wrap_next_item(&m), count);
    wrap_end_items(&m, CORE_TABLE);
    put_shim_exports(&m, count);
    wrap_end_items(&m, CORE_EXPORT);
    for (uint32_t i = 0; i < count; i++)
        put_shim_code(&m, &w->shims.items[i], i, types[i]);
    wrap_end_items(&m, CORE_CODE);
    module = wrap_end_module(&m);
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CORE_INSTANCE);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, module);
    wit_put_u32(sink, 0);
    w->shim_instance = wit_body_index(&w->body, WIT_SORT_CORE_INSTANCE);
}

/* --- the fixup ------------------------------------------------------------------------------------------------------- */

static void put_import(struct wrap_writer *m, const char *module, struct str name, uint32_t type)
{
    struct wit_sink *sink = wrap_next_item(m);
    wit_put_name(sink, str_of(module));
    wit_put_name(sink, name);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, type);
}

static void put_shim_import(struct wrap_writer *m, uint32_t index, uint32_t type)
{
    char name[16];
    snprintf(name, sizeof name, "%u", index);
    put_import(m, "actual", str_of(name), type);
}

static void put_elements(struct wrap_writer *m, uint32_t count)
{
    struct wit_sink *sink = wrap_next_item(m);
    wit_put_bytes(sink, STR("\0\x41\0\x0b")); /* active, table 0, at i32.const 0 */
    wit_put_u32(sink, count);
    for (uint32_t i = 0; i < count; i++)
        wit_put_u32(sink, i);
}

static void put_start(struct wrap_writer *m, uint32_t function)
{
    autosink struct wit_sink content = WIT_SINK_INIT(BUF_UNLIMITED);
    wit_put_u32(&content, function);
    wit_put_byte(&m->out, CORE_START);
    wit_put_name(&m->out, wit_sink_str(&content));
}

static uint32_t encode_fixup_module(struct wrapper *w, bool initialize)
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
        put_import(&m, "main", STR("_initialize"), thunk_type);
    if (count) {
        struct wit_sink *sink = wrap_next_item(&m);
        wit_put_name(sink, STR("shim"));
        wit_put_name(sink, STR(TABLE_EXPORT));
        wit_put_byte(sink, 0x01);
        put_table_type(sink, count);
    }
    wrap_end_items(&m, CORE_IMPORT);
    if (initialize)
        put_start(&m, count);
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
            functions[i] = wrap_alias_core(w, shim->module->instance, WIT_SORT_CORE_FUNC, shim->destructor);
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
    const struct engine_export *initialize = wrap_find_export(&w->main, STR("_initialize"), ENGINE_FUNC);
    uint32_t count = (uint32_t)w->shims.len, actual = 0, module;
    if (initialize)
        TRY(wrap_check_type(w, "export", initialize->name, &initialize->type.func, &thunk));
    if (!count && !initialize)
        return ST_OK;
    module = encode_fixup_module(w, initialize != NULL);
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

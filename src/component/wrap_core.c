/* Core modules in the component: what each import of theirs is given, and their instances. */
#include "component/wrap_private.h"

#include "base/mem.h"

uint32_t wrap_alias_core(struct wrapper *w, uint32_t instance, enum wit_sort sort, struct str name)
{
    struct str key = arena_printf(&w->arena, "%u:%.*s", instance, STR_ARG(name));
    uint32_t index;
    if (wit_map_index(&w->core_aliases, key, &index))
        return index;
    index = wit_body_alias_core_export(&w->body, instance, sort, name);
    wit_map_set_index(&w->core_aliases, key, index);
    return index;
}

uint32_t wrap_alias_shim(struct wrapper *w, uint32_t shim)
{
    return wrap_alias_core(w, w->shim_instance, WIT_SORT_CORE_FUNC, arena_printf(&w->arena, "%u", shim));
}

uint32_t wrap_add_core_module(struct wrapper *w, struct str bytes)
{
    wit_body_add_section(&w->body, WIT_SECTION_CORE_MODULE, bytes);
    return wit_body_index(&w->body, WIT_SORT_CORE_MODULE);
}

/* --- options --------------------------------------------------------------------------------------------------------- */

static void put_index_option(struct wit_sink *sink, uint8_t code, uint32_t index)
{
    if (index == WRAP_NONE)
        return;
    wit_put_byte(sink, code);
    wit_put_u32(sink, index);
}

void wrap_put_options(struct wit_sink *sink, unsigned needs, enum wit_string_encoding encoding, uint32_t memory, uint32_t realloc,
                      uint32_t post_return, uint32_t callback)
{
    bool has_encoding = needs & WRAP_NEEDS_ENCODING, is_async = needs & WRAP_IS_ASYNC;
    wit_put_u32(sink, (memory != WRAP_NONE) + (realloc != WRAP_NONE) + has_encoding + is_async + (post_return != WRAP_NONE) +
                          (callback != WRAP_NONE));
    put_index_option(sink, 0x03, memory);
    put_index_option(sink, 0x04, realloc);
    if (has_encoding)
        wit_put_byte(sink, (uint8_t)encoding);
    if (is_async)
        wit_put_byte(sink, 0x06);
    put_index_option(sink, 0x05, post_return);
    put_index_option(sink, 0x07, callback);
}

/* Memory and realloc that lowered results go through. */
static enum status find_memory(struct wrapper *w, const struct wrap_module *module, unsigned needs, uint32_t *ret_memory,
                               uint32_t *ret_realloc)
{
    *ret_memory = *ret_realloc = WRAP_NONE;
    if (needs & WRAP_NEEDS_MEMORY) {
        if (w->memory == WRAP_NONE)
            return fail(w->err, ST_INVALID, "the module does not export its memory as `memory`");
        *ret_memory = w->memory;
    }
    if (needs & WRAP_NEEDS_REALLOC) {
        struct str name = wrap_realloc_name(module, true);
        if (!name.len)
            return fail(w->err, ST_INVALID, "the module does not export `cabi_realloc`, which results of its imports need");
        *ret_realloc = wrap_alias_core(w, module->instance, WIT_SORT_CORE_FUNC, name);
    }
    return ST_OK;
}

/* --- definitions ----------------------------------------------------------------------------------------------------- */

static enum status function_index(struct wrapper *w, const struct wrap_import *import, uint32_t *ret_index)
{
    uint32_t instance;
    if (!import->item) {
        bug_unless(wit_map_index(&w->functions, import->function->name, ret_index));
        return ST_OK;
    }
    bug_unless(wit_map_index(&w->import_instances, wrap_item_key(&import->item), &instance));
    *ret_index = wit_body_alias_export(&w->body, instance, WIT_SORT_FUNC, import->function->name);
    return ST_OK;
}

static enum status emit_lower(struct wrapper *w, const struct wrap_module *module, const struct wrap_import *import)
{
    uint32_t function, memory, realloc;
    TRY(function_index(w, import, &function));
    TRY(find_memory(w, module, import->needs, &memory, &realloc));
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CANON);
    wit_put_bytes(sink, STR("\x01\0"));
    wit_put_u32(sink, function);
    wrap_put_options(sink, import->needs, import->encoding, memory, realloc, WRAP_NONE, WRAP_NONE);
    return ST_OK;
}

/* The types that a built-in means: those of the interface that the world exports, or those of imports. */
static struct wit_type_space *space_of(struct wrapper *w, const struct wrap_import *import)
{
    if (!import->is_exported || !import->item)
        return &w->root;
    struct wrap_export *export = map_get(&w->export_of, wrap_item_key(&import->item));
    bug_unless(export);
    return &export->types;
}

static enum status emit_builtin(struct wrapper *w, const struct wrap_module *module, const struct wrap_import *import)
{
    const struct wrap_builtin *builtin = import->builtin;
    struct wit_type_space *space = space_of(w, import);
    uint32_t memory, realloc, type = 0;
    bool has_result = builtin->operands == WRAP_TASK_RETURN && import->function->result;
    wit_valtype result = 0;
    if (import->type)
        TRY(wit_encode_type_index(space, import->type, &type));
    if (has_result)
        TRY(wit_encode_type(space, import->function->result, &result));
    TRY(find_memory(w, module, import->needs, &memory, &realloc));
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CANON);
    wit_put_byte(sink, builtin->opcode);
    if (import->type)
        wit_put_u32(sink, type);
    switch (builtin->operands) {
    case WRAP_PAYLOAD_CANCEL:
    case WRAP_ASYNC_FLAG:
        wit_put_byte(sink, import->is_async);
        break;
    case WRAP_CANCELLABLE:
        wit_put_byte(sink, 0x00);
        break;
    case WRAP_CONTEXT:
        wit_put_byte(sink, 0x7f); /* i32 */
        wit_put_u32(sink, import->slot);
        break;
    case WRAP_WAIT:
        wit_put_byte(sink, 0x00); /* not cancellable */
        wit_put_u32(sink, memory);
        break;
    case WRAP_TASK_RETURN:
        wit_put_byte(sink, has_result ? 0x00 : 0x01);
        wit_put_signed(sink, result);
        wrap_put_options(sink, import->needs, import->encoding, memory, realloc, WRAP_NONE, WRAP_NONE);
        break;
    case WRAP_PAYLOAD_READ:
    case WRAP_PAYLOAD_WRITE:
    case WRAP_ERROR_NEW:
    case WRAP_ERROR_MESSAGE:
        wrap_put_options(sink, import->needs, import->encoding, memory, realloc, WRAP_NONE, WRAP_NONE);
        break;
    default:
        break;
    }
    return ST_OK;
}

static enum status emit_main_export(struct wrapper *w, const struct wrap_import *import, enum wit_sort *ret_sort,
                                    uint32_t *ret_index)
{
    static const enum wit_sort sorts[] = {[ENGINE_FUNC] = WIT_SORT_CORE_FUNC,
                                          [ENGINE_TABLE] = WIT_SORT_CORE_TABLE,
                                          [ENGINE_MEMORY] = WIT_SORT_CORE_MEMORY,
                                          [ENGINE_GLOBAL] = WIT_SORT_CORE_GLOBAL};
    const struct engine_import *core = import->core;
    if (core->type.kind == ENGINE_TAG || !wrap_find_export(&w->main, core->name, core->type.kind))
        return fail(w->err, ST_INVALID, "the module does not export `%.*s`, which an adapter needs", STR_ARG(core->name));
    *ret_sort = sorts[core->type.kind];
    *ret_index = wrap_alias_core(w, w->main.instance, *ret_sort, core->name);
    return ST_OK;
}

enum status wrap_emit_import(struct wrapper *w, struct wrap_module *module, struct wrap_import *import, enum wit_sort *ret_sort,
                             uint32_t *ret_index)
{
    *ret_sort = WIT_SORT_CORE_FUNC;
    switch (import->kind) {
    case WRAP_LOWER:
        TRY(emit_lower(w, module, import));
        break;
    case WRAP_BUILTIN:
        TRY(emit_builtin(w, module, import));
        break;
    case WRAP_ADAPTED:
        *ret_index = wrap_alias_core(w, import->adapter->instance, WIT_SORT_CORE_FUNC, import->core->name);
        return ST_OK;
    case WRAP_MAIN_MEMORY:
        if (w->memory == WRAP_NONE)
            return fail(w->err, ST_INVALID, "the module does not export its memory as `memory`, which an adapter needs");
        *ret_sort = WIT_SORT_CORE_MEMORY;
        *ret_index = w->memory;
        return ST_OK;
    case WRAP_MAIN_EXPORT:
        return emit_main_export(w, import, ret_sort, ret_index);
    }
    *ret_index = wit_body_index(&w->body, WIT_SORT_CORE_FUNC);
    return ST_OK;
}

/* --- instances ------------------------------------------------------------------------------------------------------- */

struct given { /* an import, satisfied */
    enum wit_sort sort;
    uint32_t index;
};

static enum status give(struct wrapper *w, struct wrap_module *module, struct wrap_import *import, struct given *ret_given)
{
    if (import->shim == WRAP_NONE)
        return wrap_emit_import(w, module, import, &ret_given->sort, &ret_given->index);
    ret_given->sort = WIT_SORT_CORE_FUNC;
    ret_given->index = wrap_alias_shim(w, import->shim);
    return ST_OK;
}

/* An instance of the imports from `first` on that are of one module name; how many those are. */
static enum status bundle_imports(struct wrapper *w, struct wrap_module *module, size_t first, size_t *ret_count)
{
    const struct wrap_import *imports = module->imports.items;
    size_t count = 1;
    while (first + count < module->imports.len && str_eq(imports[first + count].core->module, imports[first].core->module))
        count++;
    autofree struct given *given = mem_array(count, sizeof *given);
    for (size_t i = 0; i < count; i++)
        TRY(give(w, module, &module->imports.items[first + i], &given[i]));
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CORE_INSTANCE);
    wit_put_byte(sink, 0x01);
    wit_put_u32(sink, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        wit_put_name(sink, imports[first + i].given);
        wit_put_core_sort(sink, given[i].sort);
        wit_put_u32(sink, given[i].index);
    }
    *ret_count = count;
    return ST_OK;
}

static enum status instantiate(struct wrapper *w, struct wrap_module *module)
{
    struct {
        struct str name;
        uint32_t instance;
    } *arguments = arena_array(&w->arena, module->imports.len + 1, sizeof *arguments);
    uint32_t argument_count = 0;
    size_t count;
    for (size_t i = 0; i < module->imports.len; i += count) {
        TRY(bundle_imports(w, module, i, &count));
        arguments[argument_count].name = module->imports.items[i].core->module;
        arguments[argument_count++].instance = wit_body_index(&w->body, WIT_SORT_CORE_INSTANCE);
    }
    struct wit_sink *sink = wit_body_next(&w->body, WIT_SECTION_CORE_INSTANCE);
    wit_put_byte(sink, 0x00);
    wit_put_u32(sink, module->index);
    wit_put_u32(sink, argument_count);
    for (uint32_t i = 0; i < argument_count; i++) {
        wit_put_name(sink, arguments[i].name);
        wit_put_core_sort(sink, WIT_SORT_CORE_INSTANCE);
        wit_put_u32(sink, arguments[i].instance);
    }
    module->instance = wit_body_index(&w->body, WIT_SORT_CORE_INSTANCE);
    return ST_OK;
}

enum status wrap_encode_core(struct wrapper *w)
{
    struct str memory = wrap_memory_name(&w->main);
    w->main.index = wrap_add_core_module(w, w->main.bytes);
    for (size_t i = 0; i < w->adapter_count; i++)
        w->adapters[i].index = wrap_add_core_module(w, w->adapters[i].bytes);
    wrap_encode_shim(w);
    TRY(wrap_declare_exported_types(w));
    TRY(instantiate(w, &w->main));
    if (memory.len)
        w->memory = wrap_alias_core(w, w->main.instance, WIT_SORT_CORE_MEMORY, memory);
    for (size_t i = 0; i < w->adapter_count; i++)
        TRY(instantiate(w, &w->adapters[i]));
    return wrap_encode_fixup(w);
}

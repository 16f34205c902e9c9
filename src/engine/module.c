#include "base/log.h"
#include "engine/code_scan.h"
#include "engine/internal.h"
#include "engine/module_reader.h"
#include <unistd.h>

#define MODULE_TABLES_BYTES (256u << 20) /* what a module's imports and exports may take in our memory */

/* --- compiling ------------------------------------------------------------------------------------------------------------ */

/* A module that is well-formed but larger than this engine's pool allows is a limit, not a mistake. */
static enum status fail_compile(struct error *err, wasmtime_error_t *error)
{
    struct error details;
    enum status status = fail_wasmtime(&details, ST_INVALID, error, NULL);
    struct str text = str_of(details.message);
    if (str_find(text, STR("pooling allocator")) != STR_NONE || str_find(text, STR("exceeds the configured maximum")) != STR_NONE ||
        str_find(text, STR("exceeds the per-instance limit")) != STR_NONE)
        status = ST_LIMIT;
    return fail(err, status, "%s", details.message);
}

#define KEEPS_TABLES 1u /* of the cache's facts: module_code_keeps_tables */

static bool load_cached(struct engine *engine, const struct code_key *key, struct engine_module *module, bool *ret_keeps_tables)
{
    uint64_t facts;
    int descriptor = -1;
    char path[64];
    if (code_cache_load(engine->cache, key, &descriptor, &facts) != ST_OK)
        return false;
    *ret_keeps_tables = facts & KEEPS_TABLES;
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor); /* the very file that was checked */
    wasmtime_error_t *error = wasmtime_module_deserialize_file(engine->handle, path, &module->handle);
    close(descriptor);
    if (!error)
        return true;
    struct error details;
    (void)fail_wasmtime(&details, ST_INVALID, error, NULL);
    log_debug("cached code is of no use", LOG_TEXT("reason", details.message));
    code_cache_remove(engine->cache, key);
    return false;
}

static void store_cached(struct engine *engine, const struct code_key *key, const struct engine_module *module, bool keeps_tables)
{
    wasm_byte_vec_t code;
    struct error details;
    wasmtime_error_t *error = wasmtime_module_serialize(module->handle, &code);
    if (error) {
        (void)fail_wasmtime(&details, ST_INTERNAL, error, NULL);
        log_debug("module cannot be serialized", LOG_TEXT("reason", details.message));
        return;
    }
    if (code_cache_store(engine->cache, key, str_n(code.data, code.size), keeps_tables ? KEEPS_TABLES : 0, &details) != ST_OK)
        log_debug("code is not cached", LOG_TEXT("reason", details.message));
    wasm_byte_vec_delete(&code);
}

/* With the exports that reach its state added. */
static enum status compile_bytes(struct engine *engine, struct str bytes, const struct module_info *info,
                                 struct engine_module *module, struct error *err)
{
    autobuf struct buf exposed = BUF_INIT(BUF_UNLIMITED);
    module_state_expose(info, bytes, &module->state, &exposed);
    if (exposed.len)
        bytes = buf_str(&exposed);
    wasmtime_error_t *error = wasmtime_module_new(engine->handle, (const uint8_t *)bytes.data, bytes.len, &module->handle);
    return error ? fail_compile(err, error) : ST_OK;
}

/* Compiles, and reads what the code does to tables, unless the cache has both. */
static enum status compile(struct engine *engine, struct str bytes, const struct module_info *info, struct engine_module *module,
                           bool *ret_keeps_tables, struct error *err)
{
    struct code_key key;
    if (engine->cache) {
        code_cache_key(engine->cache, bytes, &key);
        if (load_cached(engine, &key, module, ret_keeps_tables))
            return ST_OK;
    }
    TRY(compile_bytes(engine, bytes, info, module, err));
    *ret_keeps_tables = module_code_keeps_tables(info);
    if (engine->cache)
        store_cached(engine, &key, module, *ret_keeps_tables);
    return ST_OK;
}

/* --- what a module imports and exports ------------------------------------------------------------------------------------ */

static void copy_type(struct arena *arena, struct engine_extern_type *type)
{
    type->func.params = arena_copy(arena, type->func.params, type->func.param_count);
    type->func.results = arena_copy(arena, type->func.results, type->func.result_count);
}

static void copy_names(struct engine_module *module, const struct module_info *info)
{
    struct arena *arena = &module->arena;
    module->import_count = info->import_count;
    module->imports = ARENA_ARRAY(arena, struct engine_import, info->import_count);
    for (size_t i = 0; i < info->import_count; i++) {
        module->imports[i] = info->imports[i];
        module->imports[i].module = arena_str(arena, info->imports[i].module);
        module->imports[i].name = arena_str(arena, info->imports[i].name);
        copy_type(arena, &module->imports[i].type);
    }
    module->export_count = info->export_count;
    module->exports = ARENA_ARRAY(arena, struct engine_export, info->export_count);
    for (size_t i = 0; i < info->export_count; i++) {
        module->exports[i] = info->exports[i];
        module->exports[i].name = arena_str(arena, info->exports[i].name);
        copy_type(arena, &module->exports[i].type);
    }
}

static enum status make_module(struct engine *engine, struct str bytes, struct engine_module *module, struct error *err)
{
    struct arena scratch;
    struct module_info info;
    arena_init(&scratch, MODULE_TABLES_BYTES);
    enum status status = module_read(bytes, &scratch, &info, err);
    if (status == ST_OK) {
        bool keeps_tables = false;
        copy_names(module, &info);
        module_state_find(&info, &module->arena, &module->state);
        status = compile(engine, bytes, &info, module, &keeps_tables, err);
        module->state.restorable &= keeps_tables;
    }
    arena_release(&scratch);
    return status;
}

enum status engine_module_new(struct engine *engine, struct str bytes, struct engine_module **ret_module, struct error *err)
{
    /* Wasmtime takes text as well; a module is binary here. */
    if (!str_starts(bytes, str_n("\0asm", 4)))
        return fail(err, ST_INVALID, "not a WebAssembly module: it does not start with \\0asm");
    struct engine_module *module = NEW(struct engine_module);
    arena_init(&module->arena, SIZE_MAX);
    enum status status = make_module(engine, bytes, module, err);
    if (status != ST_OK) {
        engine_module_free(module);
        return status;
    }
    *ret_module = module;
    return ST_OK;
}

void engine_module_free(struct engine_module *module)
{
    if (!module)
        return;
    if (module->handle)
        wasmtime_module_delete(module->handle);
    arena_release(&module->arena);
    free(module);
}

const struct engine_import *engine_module_imports(const struct engine_module *module, size_t *ret_count)
{
    *ret_count = module->import_count;
    return module->imports;
}

const struct engine_export *engine_module_exports(const struct engine_module *module, size_t *ret_count)
{
    *ret_count = module->export_count;
    return module->exports;
}

enum status engine_module_validate(struct engine *engine, struct str bytes, struct error *err)
{
    wasmtime_error_t *error = wasmtime_module_validate(engine->handle, (const uint8_t *)bytes.data, bytes.len);
    return error ? fail_wasmtime(err, ST_INVALID, error, NULL) : ST_OK;
}

enum status engine_wat2wasm(struct str text, struct buf *ret_binary, struct error *err)
{
    wasm_byte_vec_t binary;
    wasmtime_error_t *error = wasmtime_wat2wasm(text.data ? text.data : "", text.len, &binary);
    if (error)
        return fail_wasmtime(err, ST_INVALID, error, NULL);
    buf_clear(ret_binary);
    enum status status = buf_append(ret_binary, binary.data, binary.size);
    wasm_byte_vec_delete(&binary);
    return status == ST_OK ? ST_OK : fail(err, status, "assembled text is over %zu bytes", ret_binary->max);
}

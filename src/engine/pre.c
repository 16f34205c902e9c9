#include "base/map.h"
#include "engine/internal.h"

struct pre_builder {
    struct engine_pre *pre;
    wasmtime_linker_t *linker;
    struct map bound; /* import_key to the host function (borrowed) */
    struct arena arena;
};

static bool same_list(const uint8_t *a, uint32_t a_count, const uint8_t *b, uint32_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count) == 0);
}

static enum status check_import(const struct engine_import *import, const struct engine_host_func *func, struct error *err)
{
    if (import->type.kind != ENGINE_FUNC)
        return fail(err, ST_INVALID, "import `%.*s` `%.*s` is not a function", STR_ARG(import->module), STR_ARG(import->name));
    const struct engine_func_type *want = &import->type.func, *have = &func->type;
    if (!same_list(want->params, want->param_count, have->params, have->param_count) ||
        !same_list(want->results, want->result_count, have->results, have->result_count))
        return fail(err, ST_INVALID, "import `%.*s` `%.*s` has another type than the host function for it", STR_ARG(import->module),
                    STR_ARG(import->name));
    return ST_OK;
}

/* Module and name as one key, the module's length in front, since both may hold any byte. */
static struct str import_key(struct arena *arena, const struct engine_import *import)
{
    size_t len = import->module.len + import->name.len;
    char *key = arena_alloc(arena, sizeof(size_t) + len);
    memcpy(key, &import->module.len, sizeof(size_t));
    memcpy(key + sizeof(size_t), import->module.data, import->module.len);
    memcpy(key + sizeof(size_t) + import->module.len, import->name.data, import->name.len);
    return str_n(key, sizeof(size_t) + len);
}

/* Whether an earlier import of the same name is already bound; a linker knows names only. */
static enum status bound_before(struct pre_builder *builder, const struct engine_host_func *func,
                                const struct engine_import *import, bool *ret_bound, struct error *err)
{
    struct str key = import_key(&builder->arena, import);
    const struct engine_host_func *other = map_get(&builder->bound, key);
    *ret_bound = other != NULL;
    if (!other)
        map_set(&builder->bound, key, (void *)(uintptr_t)func);
    else if (other->fn != func->fn || other->env != func->env)
        return fail(err, ST_UNSUPPORTED, "`%.*s` `%.*s` is imported twice, with two meanings", STR_ARG(import->module),
                    STR_ARG(import->name));
    return ST_OK;
}

static enum status bind_import(struct pre_builder *builder, const struct engine_host_func *func, size_t index, struct error *err)
{
    struct engine_pre *pre = builder->pre;
    const struct engine_import *import = &pre->module->imports[index];
    bool bound;
    TRY(check_import(import, func, err));
    TRY(bound_before(builder, func, import, &bound, err));
    if (bound)
        return ST_OK;
    wasm_functype_t *type = functype_new(&func->type, err);
    if (!type)
        return ST_UNSUPPORTED;
    pre->bindings[index] = (struct host_binding){func->fn, func->env};
    wasmtime_error_t *error =
        wasmtime_linker_define_func_unchecked(builder->linker, import->module.data, import->module.len, import->name.data,
                                              import->name.len, type, host_call, &pre->bindings[index], NULL);
    wasm_functype_delete(type);
    return error ? fail_wasmtime(err, ST_INVALID, error, "bind import") : ST_OK;
}

enum status engine_pre_new(struct engine *engine, struct engine_module *module, const struct engine_host_func *funcs, size_t count,
                           struct engine_pre **ret_pre, struct error *err)
{
    if (count != module->import_count)
        return fail(err, ST_INVALID, "the module has %zu imports, %zu host functions were given", module->import_count, count);
    struct engine_pre *pre = NEW(struct engine_pre);
    pre->module = module;
    pre->bindings = mem_array(count + 1, sizeof *pre->bindings);
    struct pre_builder builder = {.pre = pre, .linker = wasmtime_linker_new(engine->handle)};
    arena_init(&builder.arena, SIZE_MAX);
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++)
        status = bind_import(&builder, &funcs[i], i, err);
    if (status == ST_OK) {
        wasmtime_error_t *error = wasmtime_linker_instantiate_pre(builder.linker, module->handle, &pre->handle);
        if (error)
            status = fail_wasmtime(err, ST_INVALID, error, "bind imports");
    }
    wasmtime_linker_delete(builder.linker);
    map_release(&builder.bound);
    arena_release(&builder.arena);
    if (status != ST_OK) {
        engine_pre_free(pre);
        return status;
    }
    *ret_pre = pre;
    return ST_OK;
}

void engine_pre_free(struct engine_pre *pre)
{
    if (!pre)
        return;
    if (pre->handle)
        wasmtime_instance_pre_delete(pre->handle);
    free(pre->bindings);
    free(pre);
}

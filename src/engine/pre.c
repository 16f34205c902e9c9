#include "engine/internal.h"

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

/* Whether an earlier import of the same name is already bound; a linker knows names only. */
static enum status bound_before(const struct engine_module *module, const struct engine_host_func *funcs, size_t index,
                                bool *ret_bound, struct error *err)
{
    const struct engine_import *import = &module->imports[index];
    *ret_bound = false;
    for (size_t i = 0; i < index; i++) {
        const struct engine_import *other = &module->imports[i];
        if (!str_eq(other->module, import->module) || !str_eq(other->name, import->name))
            continue;
        if (funcs[i].fn != funcs[index].fn || funcs[i].env != funcs[index].env)
            return fail(err, ST_UNSUPPORTED, "`%.*s` `%.*s` is imported twice, with two meanings", STR_ARG(import->module),
                        STR_ARG(import->name));
        *ret_bound = true;
        return ST_OK;
    }
    return ST_OK;
}

static enum status bind_import(struct engine_pre *pre, wasmtime_linker_t *linker, const struct engine_host_func *funcs,
                               size_t index, struct error *err)
{
    const struct engine_import *import = &pre->module->imports[index];
    bool bound;
    TRY(check_import(import, &funcs[index], err));
    TRY(bound_before(pre->module, funcs, index, &bound, err));
    if (bound)
        return ST_OK;
    wasm_functype_t *type = functype_new(&funcs[index].type, err);
    if (!type)
        return ST_UNSUPPORTED;
    pre->bindings[index] = (struct host_binding){funcs[index].fn, funcs[index].env};
    wasmtime_error_t *error =
        wasmtime_linker_define_func_unchecked(linker, import->module.data, import->module.len, import->name.data, import->name.len,
                                              type, host_call, &pre->bindings[index], NULL);
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
    wasmtime_linker_t *linker = wasmtime_linker_new(engine->handle);
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++)
        status = bind_import(pre, linker, funcs, i, err);
    if (status == ST_OK) {
        wasmtime_error_t *error = wasmtime_linker_instantiate_pre(linker, module->handle, &pre->handle);
        if (error)
            status = fail_wasmtime(err, ST_INVALID, error, "bind imports");
    }
    wasmtime_linker_delete(linker);
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

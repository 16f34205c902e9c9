#include "runtime_help.h"

#include <stdio.h>

struct engine *runtime_engine(void)
{
    static struct engine *engine;
    struct error err;
    struct engine_options options = {.max_instances = 128, .max_stacks = 32, .no_cache = true};
    if (!engine && engine_new(&options, &engine, &err) != ST_OK)
        bug("%s", err.message);
    return engine;
}

/* A file of data/ if there is no parenthesis in it. */
static enum status read_text(const char *text, struct buf *out, struct error *err)
{
    char path[512];
    if (strchr(text, '('))
        return buf_append_str(out, str_of(text));
    snprintf(path, sizeof path, "%s/data/%s", COMPONENT_TESTS, text);
    FILE *file = fopen(path, "re");
    if (!file)
        return fail_errno(err, "open %s", path);
    enum status status = buf_reserve(out, 1 << 20);
    out->len += fread(out->data, 1, 1 << 20, file);
    fclose(file);
    return status;
}

static struct engine *engine_of(const struct runtime *rt)
{
    return rt->engine ? rt->engine : runtime_engine();
}

static enum status assemble_and_load(struct runtime *rt, const char *text)
{
    autobuf struct buf source = BUF_INIT(64u << 20), binary = BUF_INIT(64u << 20);
    const struct cm_load_options options = {.no_elide = rt->no_elide};
    TRY(read_text(text, &source, &rt->err));
    TRY(engine_wat2wasm(buf_str(&source), &binary, &rt->err));
    return cm_component_load(engine_of(rt), buf_str(&binary), &options, &rt->component, &rt->err);
}

enum status runtime_try_load(struct runtime *rt, const char *text)
{
    arena_init(&rt->arena, SIZE_MAX);
    if (cm_linker_new(&rt->linker) != ST_OK)
        return ST_INTERNAL;
    return assemble_and_load(rt, text);
}

enum status runtime_try_link(struct runtime *rt)
{
    return cm_link(rt->component, rt->linker, &rt->linked, &rt->err);
}

bool runtime_load(struct runtime *rt, const char *text)
{
    return runtime_try_load(rt, text) == ST_OK || tap_fail(__FILE__, __LINE__, "load: %s", rt->err.message);
}

bool runtime_open_bytes(struct runtime *rt, struct str component, const struct cm_interface_desc *interface, void *env)
{
    const struct cm_load_options options = {.no_elide = rt->no_elide};
    arena_init(&rt->arena, SIZE_MAX);
    enum status status = cm_linker_new(&rt->linker);
    if (status == ST_OK)
        status = cm_component_load(engine_of(rt), component, &options, &rt->component, &rt->err);
    if (status != ST_OK)
        return tap_fail(__FILE__, __LINE__, "load: %s", rt->err.message);
    return (!interface || runtime_add(rt, interface, env)) && runtime_start(rt);
}

bool runtime_add(struct runtime *rt, const struct cm_interface_desc *interface, void *env)
{
    return cm_linker_add(rt->linker, interface, env, &rt->err) == ST_OK || tap_fail(__FILE__, __LINE__, "add: %s", rt->err.message);
}

bool runtime_start(struct runtime *rt)
{
    if (runtime_try_link(rt) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "link: %s", rt->err.message);
    return cm_instantiate(rt->linked, NULL, &rt->instance, &rt->err) == ST_OK ||
           tap_fail(__FILE__, __LINE__, "instantiate: %s", rt->err.message);
}

bool runtime_open(struct runtime *rt, const char *text, const struct cm_interface_desc *interface, void *env)
{
    return runtime_load(rt, text) && (!interface || runtime_add(rt, interface, env)) && runtime_start(rt);
}

void runtime_close(struct runtime *rt)
{
    cm_instance_free(rt->instance);
    cm_linked_free(rt->linked);
    cm_linker_free(rt->linker);
    cm_component_unref(rt->component);
    arena_release(&rt->arena);
}

struct str runtime_call_in(struct runtime *rt, struct cm_instance *instance, const char *interface, const char *name,
                           const char *args)
{
    const struct cm_export *export;
    struct error *err = &rt->err;
    if (cm_export_open(rt->linked, str_of(interface ? interface : ""), str_of(name), &export, err) != ST_OK)
        return arena_printf(&rt->arena, "no export: %s", err->message);
    const struct cm_func_desc *func = cm_export_desc(export);
    const struct cm_type_desc tuple = {
        .kind = CM_TUPLE, .size = func->args_size, .align = 16, .count = func->param_count, .fields = func->params};
    void *values = arena_alloc(&rt->arena, func->args_size + 16u);
    void *result = arena_alloc(&rt->arena, func->result ? func->result->size + 16u : 16);
    if (func->param_count > 0 && !value_parse(&rt->arena, &tuple, args, values))
        return arena_printf(&rt->arena, "bad arguments: %s", args);
    if (cm_call_export(instance, export, values, result, err) != ST_OK)
        return arena_printf(&rt->arena, "trap: %s", err->message);
    return func->result ? value_text(&rt->arena, func->result, result) : STR("");
}

struct str runtime_call(struct runtime *rt, const char *name, const char *args)
{
    return runtime_call_in(rt, rt->instance, NULL, name, args);
}

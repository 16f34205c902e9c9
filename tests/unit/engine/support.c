#include "unit/engine/support.h"

struct engine *test_engine(void)
{
    static struct engine *engine;
    struct error err;
    struct engine_options options = {.max_instances = 64, .max_stacks = 64, .no_cache = true};
    if (!engine && engine_new(&options, &engine, &err) != ST_OK)
        bug("%s", err.message);
    return engine;
}

struct engine_module *test_module(struct engine *engine, const char *text)
{
    autobuf struct buf binary = BUF_INIT(64u << 20);
    struct engine_module *module;
    struct error err;
    if (engine_wat2wasm(str_of(text), &binary, &err) != ST_OK ||
        engine_module_new(engine, buf_str(&binary), &module, &err) != ST_OK) {
        tap_fail(__FILE__, __LINE__, "%s", err.message);
        return NULL;
    }
    return module;
}

bool test_guest_init(struct test_guest *guest, struct engine *engine, const char *text, const struct engine_host_func *funcs,
                     size_t count)
{
    struct error err;
    *guest = (struct test_guest){.module = test_module(engine, text)};
    if (!guest->module)
        return false;
    if (engine_pre_new(engine, guest->module, funcs, count, &guest->pre, &err) == ST_OK)
        return true;
    test_guest_release(guest);
    return tap_fail(__FILE__, __LINE__, "%s", err.message);
}

void test_guest_release(struct test_guest *guest)
{
    engine_pre_free(guest->pre);
    engine_module_free(guest->module);
}

struct engine_store *test_start(struct engine *engine, const struct test_guest *guest, void *data,
                                const struct engine_limits *limits, size_t index, struct engine_func *ret_func)
{
    struct engine_store *store;
    struct engine_instance instance;
    struct engine_extern found;
    struct error err;
    if (engine_store_new(engine, data, limits, &store, &err) != ST_OK)
        bug("%s", err.message);
    if (engine_pre_instantiate(guest->pre, store, &instance, &err) == ST_OK &&
        engine_instance_export(store, &instance, index, &found) && found.kind == ENGINE_FUNC) {
        *ret_func = found.func;
        return store;
    }
    tap_fail(__FILE__, __LINE__, "no instance: %s", err.message);
    engine_store_free(store);
    return NULL;
}

static uint8_t type_of(char letter)
{
    static const char letters[] = "ilfdvxre"; /* in the order of enum engine_val_type */
    const char *found = strchr(letters, letter);
    bug_unless(found);
    return (uint8_t)(found - letters);
}

struct engine_func_type test_type(const char *text)
{
    static uint8_t types[64][8];
    static unsigned next;
    uint8_t *row = types[next++ % 64];
    struct engine_func_type type = {.params = row, .results = row + 4};
    for (; *text && *text != ':'; text++)
        row[type.param_count++] = type_of(*text);
    for (text += *text == ':'; *text; text++)
        row[4 + type.result_count++] = type_of(*text);
    return type;
}

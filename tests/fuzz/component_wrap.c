/* libFuzzer target: core modules become components. An input is WIT text, a line "-- module", the text of a module for its world
 * `w`, perhaps a line "-- adapter" and that of an adapter called `old` for its world `adapter`, then perhaps a NUL and changes to
 * the module (before a second NUL) and the adapter: two bytes of offset and one to put there, each. Or it is a module itself. What
 * comes out is the same each time, and a component whose world prints, or the reason is told. */
#include "component/world.h"
#include "component/wrap.h"
#include "engine/engine.h"
#include "wit/load.h"

#define MAX_BYTES (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void wrap(struct str module, const struct cm_wrap_options *options)
{
    autobuf struct buf once = BUF_INIT(MAX_BYTES), twice = BUF_INIT(MAX_BYTES), world = BUF_INIT(MAX_BYTES);
    struct error err = {.message = ""};
    enum status status = cm_wrap_module(module, options, &once, &err);
    bug_unless(status == ST_OK || (err.message[0] && err.status == status && once.len == 0));
    bug_unless(cm_wrap_module(module, options, &twice, NULL) == status);
    bug_unless(str_eq(buf_str(&once), buf_str(&twice)));
    if (status == ST_OK && cm_world_wit(buf_str(&once), &world, &err) != ST_OK)
        bug_unless(err.message[0] != '\0');
}

/* Appends the world of that name as the module's. */
static bool embed(struct str wit, const char *name, struct buf *module)
{
    autobuf struct buf content = BUF_INIT(MAX_BYTES);
    struct wit_model model;
    struct wit_package *package = NULL;
    struct error err;
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    enum status status = wit_loader_add_text(loader, STR("fuzz.wit"), wit, &err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, &package, &err);
    const struct wit_world *world = status == ST_OK ? wit_package_world(package, str_of(name)) : NULL;
    bool done = world && wit_encode_world(world, WIT_ENCODING_UTF8, NULL, &content, &err) == ST_OK &&
                wit_append_custom_section(STR("component-type"), buf_str(&content), module, &err) == ST_OK;
    wit_loader_free(loader);
    wit_model_release(&model);
    return done;
}

static void change(struct buf *bytes, struct str changes)
{
    for (size_t i = 0; i + 3 <= changes.len && bytes->len; i += 3) {
        size_t at = (size_t)(uint8_t)changes.data[i] << 8 | (uint8_t)changes.data[i + 1];
        bytes->data[at % bytes->len] = changes.data[i + 2];
    }
}

static struct str cut(struct str *rest, struct str mark)
{
    size_t at = str_find(*rest, mark);
    struct str part = str_slice(*rest, 0, at);
    *rest = at == STR_NONE ? STR("") : str_from(*rest, at + mark.len);
    return part;
}

static void check_text(struct str input)
{
    autobuf struct buf module = BUF_INIT(MAX_BYTES), adapter = BUF_INIT(MAX_BYTES);
    struct str text = cut(&input, STR("\0")), module_changes = cut(&input, STR("\0"));
    struct str wit = cut(&text, STR("-- module\n")), wat = cut(&text, STR("-- adapter\n"));
    struct error err;
    if (engine_wat2wasm(wat, &module, &err) != ST_OK || !embed(wit, "w", &module))
        return;
    change(&module, module_changes);
    bool adapted = text.len && engine_wat2wasm(text, &adapter, &err) == ST_OK && embed(wit, "adapter", &adapter);
    change(&adapter, input);
    const struct cm_adapter old = {STR("old"), buf_str(&adapter)};
    const struct cm_wrap_options options = {.adapters = &old, .adapter_count = adapted};
    wrap(buf_str(&module), &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_n((const char *)data, size);
    if (str_starts(input, STR("\0asm")))
        wrap(input, NULL);
    else
        check_text(input);
    return 0;
}

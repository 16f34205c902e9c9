/* `wash component new`: makes a component of a core module. */
#include "base/file.h"
#include "cli/cli.h"
#include "component/limits.h"
#include "component/wrap.h"
#include "wit/encode.h"
#include "wit/load.h"

struct new_options {
    struct str module, out, wit, world;
    struct cli_texts adapters;
};

/* The content of a section that says for which world of the WIT at `path` a module was built. */
static enum status encode_world(const char *path, struct str name, struct buf *out, struct error *err)
{
    struct wit_model model;
    struct wit_package *package = NULL;
    struct wit_world *world = NULL;
    wit_model_init(&model);
    enum status status = wit_load(&model, path, NULL, &package, err);
    if (status == ST_OK)
        status = wit_select_world(&model, package, name, &world, err);
    if (status == ST_OK)
        status = wit_encode_world(world, WIT_ENCODING_UTF8, NULL, out, err);
    wit_model_release(&model);
    return status;
}

/* For languages whose linkers cannot carry the section that a binding generator would write. */
static enum status add_world(struct cli_context *context, const struct new_options *options, struct buf *module, struct error *err)
{
    autobuf struct buf type = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    if (!options->wit.data)
        return ST_OK;
    TRY(encode_world(cli_path(context, options->wit).data, options->world, &type, err));
    return wit_append_custom_section(STR("component-type"), buf_str(&type), module, err);
}

/* "NAME=FILE", or a file that is called as what it adapts. */
static enum status read_adapter(struct cli_context *context, struct str text, struct cm_adapter *ret_adapter, struct error *err)
{
    autobuf struct buf bytes = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    size_t equals = str_find_char(text, '=');
    if (equals == STR_NONE || equals == 0 || equals + 1 == text.len)
        return fail(err, ST_INVALID, "--adapt %.*s: give it as NAME=FILE, where NAME is what the module imports from",
                    STR_ARG(text));
    struct str path = cli_path(context, str_from(text, equals + 1));
    TRY(file_read(path.data, &bytes, err));
    *ret_adapter = (struct cm_adapter){str_slice(text, 0, equals), arena_str(context->arena, buf_str(&bytes))};
    return ST_OK;
}

static enum status wrap(struct cli_context *context, const struct new_options *options, struct buf *out, struct error *err)
{
    autobuf struct buf module = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    size_t count = options->adapters.len;
    struct cm_adapter *adapters = ARENA_ARRAY(context->arena, struct cm_adapter, count + 1);
    TRY(file_read(cli_path(context, options->module).data, &module, err));
    TRY(add_world(context, options, &module, err));
    for (size_t i = 0; i < count; i++)
        TRY(read_adapter(context, options->adapters.items[i], &adapters[i], err));
    if (cli_wrap_module(buf_str(&module), adapters, count, out, err) != ST_OK)
        return fail_wrap(err, "%.*s", STR_ARG(options->module));
    return ST_OK;
}

/* module.wasm -> module.component.wasm */
static struct str default_out(struct cli_context *context, struct str module)
{
    struct str stem = str_ends(module, STR(".wasm")) ? str_slice(module, 0, module.len - strlen(".wasm")) : module;
    return arena_printf(context->arena, "%.*s.component.wasm", STR_ARG(stem));
}

static enum status component_new(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct new_options *options = options_pointer;
    autobuf struct buf out = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    struct str path = cli_path(context, options->out.data ? options->out : default_out(context, options->module));
    TRY(wrap(context, options, &out, err));
    TRY(file_replace(path.data, buf_str(&out), err));
    struct str text = arena_printf(context->arena, "Wrote %.*s", STR_ARG(path));
    cli_result(context, text, text.data, json_pack("{s:o, s:I}", "path", cli_json_text(path), "size_bytes", (json_int_t)out.len));
    return ST_OK;
}

static enum status check(const void *options_pointer, const struct cli_globals *globals UNUSED, struct error *err)
{
    const struct new_options *options = options_pointer;
    if (options->world.data && !options->wit.data)
        return fail(err, ST_INVALID, "--world %.*s: say with --wit where the world is", STR_ARG(options->world));
    return ST_OK;
}

#define OPTION(member) offsetof(struct new_options, member)
static const struct cli_option options[] = {
    {.name = "out",
     .letter = 'o',
     .kind = CLI_TEXT,
     .offset = OPTION(out),
     .value_name = "FILE",
     .complete = CLI_COMPLETE_FILES,
     .help = "Where the component goes (default: MODULE's name with .component.wasm)"},
    {.name = "wit",
     .kind = CLI_TEXT,
     .offset = OPTION(wit),
     .value_name = "PATH",
     .complete = CLI_COMPLETE_FILES,
     .help = "A WIT file, or a folder with its deps/, that has the module's world, if the module does not say it itself"},
    {.name = "world",
     .letter = 'w',
     .kind = CLI_TEXT,
     .offset = OPTION(world),
     .value_name = "WORLD",
     .help = "The world of --wit for which the module was built (default: the only one)"},
    {.name = "adapt",
     .kind = CLI_TEXTS,
     .offset = OPTION(adapters),
     .value_name = "NAME=FILE",
     .complete = CLI_COMPLETE_FILES,
     .help = "A module that stands behind imports from NAME; may be repeated"},
};
static const struct cli_option arguments[] = {
    {.name = "MODULE",
     .kind = CLI_TEXT,
     .offset = OPTION(module),
     .required = true,
     .complete = CLI_COMPLETE_FILES,
     .help = "A core module, as a compiler's linker leaves it"},
};

static const struct cli_command component_new_command = {
    .name = "new",
    .summary = "Make a component of a core module",
    .details =
        "The module says in custom sections named `component-type` for which world it was built, as binding generators write "
        "them; for a module without them, as Go's linker makes, --wit and --world say it. What it imports of WASI preview 1 is "
        "adapted to WASI 0.2 with an adapter that wash carries: that for commands if it exports `_start`, else that for "
        "reactors; --adapt names another.",
    .options_size = sizeof(struct new_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    CLI_EXAMPLES(
        {"A component of what clang linked with bindings of `wash bindgen`", "wash component new core.wasm -o hello.wasm"}),
    .check = check,
    .run = component_new,
};

static const struct cli_command *const commands[] = {
    &component_new_command,
};

const struct cli_command cli_component = {
    .name = "component",
    .summary = "Work with component binaries",
    .subcommands = commands,
    .subcommand_count = ARRAY_LEN(commands),
};

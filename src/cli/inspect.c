/* `wash inspect`: prints a component's world as WIT. */
#include "base/file.h"
#include "base/mem.h"
#include "cli/build.h"
#include "cli/registry.h"
#include "component/limits.h"
#include "component/world.h"
#include <sys/stat.h>

struct inspect_options {
    struct str reference;
    struct cli_registry registry;
};

/* The text can only mean a file, though none is there. */
static bool looks_like_path(struct str text)
{
    return str_starts(text, STR("/")) || str_starts(text, STR("~")) || str_starts(text, STR("./")) ||
           str_starts(text, STR("../")) || str_ends(text, STR(".wasm"));
}

static enum status pull_component(const struct cli_context *context, const struct inspect_options *options, struct buf *ret_bytes,
                                  struct error *err)
{
    struct oci_pulled pulled;
    enum status status = cli_registry_pull(context, &options->registry, options->reference, &pulled, ret_bytes, err);
    if (status != ST_OK && str_find_char(options->reference, '/') == STR_NONE) /* perhaps a file was meant */
        return fail_wrap(err, "`%.*s` is no file or folder here; as a reference", STR_ARG(options->reference));
    TRY(status);
    oci_pulled_release(&pulled);
    return ST_OK;
}

static enum status build_component(const struct cli_context *context, const char *path, bool named, struct str *ret_path,
                                   struct error *err)
{
    struct config_request request = cli_config_request(context);
    struct config_project project;
    autofree char *real = realpath(path, NULL); /* above `../other` is not its parent by name */
    if (!real)
        return fail_errno(err, "%s", path);
    request.start = str_of(real);
    request.named = request.named && !named;
    TRY(config_load(&request, context->arena, &project, err));
    cli_warn_of_config(&project);
    return cli_build_project(context, &project, ret_path, err);
}

/* A folder, or nothing, means the project there: it is built first. What is no file and does not look like one is a reference. */
static enum status read_component(const struct cli_context *context, const struct inspect_options *options, struct buf *ret_bytes,
                                  struct error *err)
{
    struct stat info;
    bool named = options->reference.data;
    if (named && options->reference.len == 0)
        return fail(err, ST_INVALID, "the name of the component is empty; leave it out for the project here");
    struct str path = named ? cli_path(context, options->reference) : context->start_directory;
    bool exists = stat(path.data, &info) == 0;
    if (named && !exists && !looks_like_path(options->reference))
        return pull_component(context, options, ret_bytes, err);
    if (!named || (exists && S_ISDIR(info.st_mode)))
        TRY(build_component(context, path.data, named, &path, err));
    return file_read(path.data, ret_bytes, err);
}

static enum status inspect(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct inspect_options *options = options_pointer;
    autobuf struct buf bytes = BUF_INIT(CM_LIMIT_BINARY_BYTES), wit = BUF_INIT(BUF_UNLIMITED);
    TRY(read_component(context, options, &bytes, err));
    struct str what = options->reference.data ? options->reference : STR("the component");
    if (cli_is_core_module(buf_str(&bytes)))
        return fail(err, ST_INVALID, "%.*s: a core module, not a component; `wash component new` makes a component of one",
                    STR_ARG(what));
    if (cm_world_wit(buf_str(&bytes), &wit, err) != ST_OK)
        return fail_wrap(err, "%.*s", STR_ARG(what));
    json_t *data =
        json_pack("{s:s, s:b, s:s%}", "message", "Component inspected successfully", "success", 1, "wit", wit.data, wit.len);
    cli_result(context, buf_str(&wit), "Component inspected successfully", data);
    return ST_OK;
}

static enum status check(const void *options, const struct cli_globals *globals, struct error *err)
{
    return cli_registry_check(&((const struct inspect_options *)options)->registry, globals, err);
}

static const struct cli_option registry_options[CLI_REGISTRY_OPTION_COUNT] = {
    CLI_REGISTRY_OPTIONS(struct inspect_options, registry)};

static const struct cli_option arguments[] = {
    {.name = "COMPONENT",
     .kind = CLI_TEXT,
     .offset = offsetof(struct inspect_options, reference),
     .complete = CLI_COMPLETE_FILES,
     .help = "A component's file, its reference in a registry, or a project, which is built first; none: the project here"},
};

const struct cli_command cli_inspect = {
    .name = "inspect",
    .summary = "Print the world of a component as WIT",
    .options_size = sizeof(struct inspect_options),
    .options = registry_options,
    .option_count = ARRAY_LEN(registry_options),
    .arguments = arguments,
    .argument_count = 1,
    CLI_EXAMPLES({"The project's component, built first", "wash inspect"}, {"A file", "wash inspect hello.wasm"},
                 {"A component in a registry", "wash inspect registry.example.com/acme/hello:1.0.0"}),
    .check = check,
    .run = inspect,
};

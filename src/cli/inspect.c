/* `wash inspect`: prints a component's world as WIT. */
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

/* Text that can only mean a file, or that is the name of one (or of a folder). */
static bool names_file(struct str text, struct str path)
{
    struct stat info;
    return stat(path.data, &info) == 0 || str_starts(text, STR("/")) || str_starts(text, STR("~")) ||
           str_starts(text, STR("./")) || str_starts(text, STR("../")) || str_ends(text, STR(".wasm"));
}

/* A folder, or nothing, means the project there: it is built first. */
static enum status find_component(const struct cli_context *context, struct str reference, struct str *ret_path, struct error *err)
{
    struct stat info;
    struct str path = reference.data ? cli_path(context, reference) : context->start_directory;
    if (reference.data && (stat(path.data, &info) != 0 || !S_ISDIR(info.st_mode))) {
        *ret_path = path;
        return ST_OK;
    }
    struct config_request request = cli_config_request(context);
    struct config_project project;
    autofree char *real = realpath(path.data, NULL); /* above `../other` is not its parent by name */
    if (!real)
        return fail_errno(err, "%s", path.data);
    request.start = str_of(real);
    request.named = request.named && !reference.data;
    TRY(config_load(&request, context->arena, &project, err));
    return cli_build_project(context, &project, ret_path, err);
}

/* ret_name: what to call it in messages. */
static enum status read_component(const struct cli_context *context, const struct inspect_options *options, struct buf *ret_bytes,
                                  struct str *ret_name, struct error *err)
{
    struct oci_pulled pulled;
    *ret_name = options->reference;
    if (!options->reference.data || names_file(options->reference, cli_path(context, options->reference))) {
        struct str path;
        TRY(find_component(context, options->reference, &path, err));
        if (!options->reference.data)
            *ret_name = path;
        return cli_read_file(path, CM_LIMIT_BINARY_BYTES, ret_bytes, err);
    }
    TRY(cli_registry_pull(context, &options->registry, options->reference, &pulled, ret_bytes, err));
    oci_pulled_release(&pulled);
    return ST_OK;
}

static enum status inspect(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct inspect_options *options = options_pointer;
    struct str name;
    autobuf struct buf bytes = {0}, wit = BUF_INIT(BUF_UNLIMITED);
    TRY(read_component(context, options, &bytes, &name, err));
    if (cm_world_wit(buf_str(&bytes), &wit, err) != ST_OK)
        return fail_wrap(err, "%.*s", STR_ARG(name));
    json_t *data =
        json_pack("{s:s, s:b, s:s%}", "message", "Component inspected successfully", "success", 1, "wit", wit.data, wit.len);
    cli_result(context, buf_str(&wit), "Component inspected successfully", data);
    return ST_OK;
}

static const struct cli_option registry_options[CLI_REGISTRY_OPTION_COUNT] = {
    CLI_REGISTRY_OPTIONS(struct inspect_options, registry)};

static const struct cli_option arguments[] = {
    {.name = "COMPONENT",
     .kind = CLI_TEXT,
     .offset = offsetof(struct inspect_options, reference),
     .complete = CLI_COMPLETE_FILES,
     .help = "A component's file or reference, or a project, which is built first; none: the project here"},
};

const struct cli_command cli_inspect = {
    .name = "inspect",
    .summary = "Print the world of a component as WIT",
    .options_size = sizeof(struct inspect_options),
    .options = registry_options,
    .option_count = ARRAY_LEN(registry_options),
    .arguments = arguments,
    .argument_count = 1,
    .run = inspect,
};

/* `wash inspect`: prints a component's world as WIT. */
#include "base/mem.h"
#include "cli/build.h"
#include "component/limits.h"
#include "component/world.h"
#include <sys/stat.h>

struct inspect_options {
    struct str reference;
};

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

static enum status inspect(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct inspect_options *options = options_pointer;
    struct str path;
    autobuf struct buf bytes = {0}, wit = BUF_INIT(BUF_UNLIMITED);
    TRY(find_component(context, options->reference, &path, err));
    TRY(cli_read_file(path, CM_LIMIT_BINARY_BYTES, &bytes, err));
    if (cm_world_wit(buf_str(&bytes), &wit, err) != ST_OK)
        return fail_wrap(err, "%.*s", STR_ARG(options->reference.data ? options->reference : path));
    json_t *data =
        json_pack("{s:s, s:b, s:s%}", "message", "Component inspected successfully", "success", 1, "wit", wit.data, wit.len);
    cli_result(context, buf_str(&wit), "Component inspected successfully", data);
    return ST_OK;
}

static const struct cli_option arguments[] = {
    {.name = "COMPONENT",
     .kind = CLI_TEXT,
     .offset = offsetof(struct inspect_options, reference),
     .complete = CLI_COMPLETE_FILES,
     .help = "A component's file, or a project, which is built first; none: the project here"},
};

const struct cli_command cli_inspect = {
    .name = "inspect",
    .summary = "Print the world of a component as WIT",
    .options_size = sizeof(struct inspect_options),
    .arguments = arguments,
    .argument_count = 1,
    .run = inspect,
};

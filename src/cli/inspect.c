/* `wash inspect`: prints a component's world as WIT. */
#include "cli/cli.h"
#include "component/limits.h"
#include "component/world.h"

struct inspect_options {
    struct str reference;
};

static enum status inspect(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct inspect_options *options = options_pointer;
    struct str path = cli_path(context, options->reference);
    autobuf struct buf bytes = {0}, wit = BUF_INIT(BUF_UNLIMITED);
    TRY(cli_read_file(path, CM_LIMIT_BINARY_BYTES, &bytes, err));
    if (cm_world_wit(buf_str(&bytes), &wit, err) != ST_OK)
        return fail_wrap(err, "%.*s", STR_ARG(options->reference));
    json_t *data =
        json_pack("{s:s, s:b, s:s%}", "message", "Component inspected successfully", "success", 1, "wit", wit.data, wit.len);
    cli_result(context, buf_str(&wit), "Component inspected successfully", data);
    return ST_OK;
}

static const struct cli_option arguments[] = {
    {.name = "COMPONENT",
     .kind = CLI_TEXT,
     .offset = offsetof(struct inspect_options, reference),
     .required = true,
     .help = "A component's file"},
};

const struct cli_command cli_inspect = {
    .name = "inspect",
    .summary = "Print the world of a component as WIT",
    .options_size = sizeof(struct inspect_options),
    .arguments = arguments,
    .argument_count = 1,
    .run = inspect,
};

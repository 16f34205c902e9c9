/* `wash inspect`: prints a component's world as WIT. */
#include "base/mem.h"
#include "cli/registry.h"
#include "component/limits.h"
#include "component/world.h"
#include <unistd.h>

struct inspect_options {
    struct str reference;
    struct cli_registry registry;
};

/* A file is there, or the text can only mean one. */
static bool names_file(struct str text, struct str path)
{
    return access(path.data, F_OK) == 0 || str_starts(text, STR("/")) || str_starts(text, STR("~")) ||
           str_starts(text, STR("./")) || str_starts(text, STR("../")) || str_ends(text, STR(".wasm"));
}

static enum status read_component(const struct cli_context *context, const struct inspect_options *options, struct buf *ret_bytes,
                                  struct error *err)
{
    struct str path = cli_path(context, options->reference);
    struct oci_pulled pulled;
    if (names_file(options->reference, path))
        return cli_read_file(path, CM_LIMIT_BINARY_BYTES, ret_bytes, err);
    TRY(cli_registry_pull(context, &options->registry, options->reference, &pulled, ret_bytes, err));
    oci_pulled_release(&pulled);
    return ST_OK;
}

static enum status inspect(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct inspect_options *options = options_pointer;
    autobuf struct buf bytes = {0}, wit = BUF_INIT(BUF_UNLIMITED);
    TRY(read_component(context, options, &bytes, err));
    if (cm_world_wit(buf_str(&bytes), &wit, err) != ST_OK)
        return fail_wrap(err, "%.*s", STR_ARG(options->reference));
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
     .required = true,
     .help = "A component's file, or its reference in a registry"},
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

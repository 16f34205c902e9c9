/* `wash bindgen`: generates C bindings from WIT. `--host`: for hosts, plugins and embedders (component/host.h says how WIT maps to
 * C). */
#include "wit/bindgen.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "wit/load.h"
#include <errno.h>
#include <sys/stat.h>

struct bindgen_options {
    struct str wit, world, name, out_dir;
    bool host, all_features;
};

static enum status load(const struct bindgen_options *options, struct str path, struct wit_model *model,
                        struct wit_package **ret_package, struct error *err)
{
    struct wit_options features = {.all_features = options->all_features};
    struct wit_loader *loader = wit_loader_new(model, &features);
    enum status status = wit_loader_add_path(loader, path.data, err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, ret_package, err);
    wit_loader_free(loader);
    return status;
}

static enum status write_file(struct cli_context *context, const struct bindgen_options *options, const char *extension,
                              struct str text, struct error *err)
{
    struct str folder = cli_path(context, options->out_dir);
    struct str path = arena_printf(context->arena, "%.*s/%.*s.%s", STR_ARG(folder), STR_ARG(options->name), extension);
    if (mkdir(folder.data, 0777) != 0 && errno != EEXIST)
        return fail_errno(err, "%s", folder.data);
    FILE *file = fopen(path.data, "we");
    if (!file)
        return fail_errno(err, "%s", path.data);
    bool written = fwrite(text.data, 1, text.len, file) == text.len;
    if (fclose(file) != 0 || !written)
        return fail_errno(err, "write %s", path.data);
    return ST_OK;
}

static enum status generate(struct cli_context *context, const struct bindgen_options *options, struct wit_model *model,
                            struct error *err)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    struct wit_package *package = NULL;
    struct wit_world *world = NULL;
    TRY(load(options, cli_path(context, options->wit), model, &package, err));
    if (options->world.data)
        TRY(wit_select_world(model, package, options->world, &world, err));
    struct wit_bindgen_options generator = {
        .name = options->name,
        .header = arena_printf(context->arena, "%.*s.h", STR_ARG(options->name)),
        .world = world,
    };
    TRY(wit_bindgen_host(model, &generator, &header, &source, err));
    TRY(write_file(context, options, "h", buf_str(&header), err));
    return write_file(context, options, "c", buf_str(&source), err);
}

static enum status bindgen(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct bindgen_options *options = options_pointer;
    if (!options->host)
        return fail(err, ST_INVALID, "say which side to generate: `wash bindgen --host %.*s`", STR_ARG(options->wit));
    struct wit_model model;
    wit_model_init(&model);
    enum status status = generate(context, options, &model, err);
    wit_model_release(&model);
    if (status != ST_OK)
        return status;
    struct str text = arena_printf(context->arena, "Wrote %.*s.h and %.*s.c to %.*s", STR_ARG(options->name),
                                   STR_ARG(options->name), STR_ARG(options->out_dir));
    cli_result(context, text, text.data,
               json_pack("{s:s%, s:s%}", "out_dir", options->out_dir.data, options->out_dir.len, "name", options->name.data,
                         options->name.len));
    return ST_OK;
}

#define OPTION(member) offsetof(struct bindgen_options, member)
static const struct cli_option options[] = {
    {.name = "host", .kind = CLI_FLAG, .offset = OPTION(host), .help = "Bindings for hosts, plugins and embedders"},
    {.name = "world",
     .letter = 'w',
     .kind = CLI_TEXT,
     .offset = OPTION(world),
     .value_name = "WORLD",
     .help = "Only what this world imports and exports"},
    {.name = "name",
     .kind = CLI_TEXT,
     .offset = OPTION(name),
     .value_name = "NAME",
     .text_default = "bindings",
     .help = "Name of the files and of the table of interfaces"},
    {.name = "out-dir",
     .kind = CLI_TEXT,
     .offset = OPTION(out_dir),
     .value_name = "DIR",
     .text_default = ".",
     .help = "Where the files go"},
    {.name = "all-features", .kind = CLI_FLAG, .offset = OPTION(all_features), .help = "Include what is marked @unstable"},
};
static const struct cli_option arguments[] = {
    {.name = "WIT", .kind = CLI_TEXT, .offset = OPTION(wit), .required = true, .help = "A WIT file, or a folder with its deps/"},
};

const struct cli_command cli_bindgen = {
    .name = "bindgen",
    .summary = "Generate C bindings from WIT",
    .options_size = sizeof(struct bindgen_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    .run = bindgen,
};

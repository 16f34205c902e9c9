/* `wash bindgen`: generates C bindings from WIT. `--host`: for hosts, plugins and embedders (component/host.h says how WIT maps to
 * C). `--guest c`: for components in C (wit/guest.h says how). */
#include "wit/bindgen.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "wit/encode.h"
#include "wit/guest.h"
#include "wit/load.h"
#include <errno.h>
#include <sys/stat.h>

#define MAX_TYPE_BYTES (64u << 20) /* of a world's type */

struct bindgen_options {
    struct str wit, world, name, out_dir, guest;
    bool host, all_features;
};

/* What is generated: NAME.h and NAME.c. */
struct bindings {
    const char *name;
    struct buf header, source;
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

static enum status write_file(struct cli_context *context, const struct bindgen_options *options, const char *name,
                              const char *extension, struct str text, struct error *err)
{
    struct str folder = cli_path(context, options->out_dir);
    struct str path = arena_printf(context->arena, "%.*s/%s.%s", STR_ARG(folder), name, extension);
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

static enum status generate_host(struct cli_context *context, const struct bindgen_options *options, const struct wit_model *model,
                                 const struct wit_package *package, struct bindings *ret_bindings, struct error *err)
{
    struct wit_world *world = NULL;
    if (options->world.data)
        TRY(wit_select_world(model, package, options->world, &world, err));
    struct str name = options->name.data ? options->name : STR("bindings");
    ret_bindings->name = name.data;
    struct wit_bindgen_options generator = {
        .name = name,
        .header = arena_printf(context->arena, "%.*s.h", STR_ARG(name)),
        .world = world,
    };
    return wit_bindgen_host(model, &generator, &ret_bindings->header, &ret_bindings->source, err);
}

static enum status generate_guest(struct cli_context *context, const struct bindgen_options *options, const struct wit_model *model,
                                  const struct wit_package *package, struct bindings *ret_bindings, struct error *err)
{
    static const struct wit_producer producer = {STR_INIT("wash"), STR_INIT(WASH_VERSION)};
    autobuf struct buf type = BUF_INIT(MAX_TYPE_BYTES);
    struct wit_world *world;
    TRY(wit_select_world(model, package, options->world, &world, err));
    TRY(wit_encode_world(world, WIT_ENCODING_UTF8, &producer, &type, err));
    ret_bindings->name = wit_guest_file_name(context->arena, world);
    struct wit_guest_options generator = {.world = world, .component_type = buf_str(&type)};
    return wit_guest_c(model, &generator, &ret_bindings->header, &ret_bindings->source, err);
}

static enum status generate(struct cli_context *context, const struct bindgen_options *options, struct bindings *ret_bindings,
                            struct error *err)
{
    struct wit_model model;
    struct wit_package *package = NULL;
    wit_model_init(&model);
    enum status status = load(options, cli_path(context, options->wit), &model, &package, err);
    if (status == ST_OK)
        status = (options->host ? generate_host : generate_guest)(context, options, &model, package, ret_bindings, err);
    wit_model_release(&model);
    return status;
}

static enum status write_bindings(struct cli_context *context, const struct bindgen_options *options, struct bindings *bindings,
                                  struct error *err)
{
    TRY(generate(context, options, bindings, err));
    TRY(write_file(context, options, bindings->name, "h", buf_str(&bindings->header), err));
    return write_file(context, options, bindings->name, "c", buf_str(&bindings->source), err);
}

static enum status bindgen(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct bindgen_options *options = options_pointer;
    if (options->host == (options->guest.data != NULL))
        return fail(err, ST_INVALID, "say which side to generate: `wash bindgen --host %.*s` or `wash bindgen --guest c %.*s`",
                    STR_ARG(options->wit), STR_ARG(options->wit));
    if (options->guest.data && options->name.data)
        return fail(err, ST_INVALID, "--name goes with --host; the files of a guest are named after its world");
    struct bindings bindings = {NULL, BUF_INIT(BUF_UNLIMITED), BUF_INIT(BUF_UNLIMITED)};
    enum status status = write_bindings(context, options, &bindings, err);
    buf_release(&bindings.header);
    buf_release(&bindings.source);
    if (status != ST_OK)
        return status;
    struct str text =
        arena_printf(context->arena, "Wrote %s.h and %s.c to %.*s", bindings.name, bindings.name, STR_ARG(options->out_dir));
    cli_result(context, text, text.data,
               json_pack("{s:o, s:s}", "out_dir", cli_json_text(options->out_dir), "name", bindings.name));
    return ST_OK;
}

#define OPTION(member) offsetof(struct bindgen_options, member)
static const char *const languages[] = {"c", NULL};
static const struct cli_option options[] = {
    {.name = "host", .kind = CLI_FLAG, .offset = OPTION(host), .help = "Bindings for hosts, plugins and embedders"},
    {.name = "guest",
     .kind = CLI_CHOICE,
     .offset = OPTION(guest),
     .value_name = "LANGUAGE",
     .choices = languages,
     .help = "Bindings for components, written in this language"},
    {.name = "world",
     .letter = 'w',
     .kind = CLI_TEXT,
     .offset = OPTION(world),
     .value_name = "WORLD",
     .help = "What this world imports and exports (with --guest: the only world unless given)"},
    {.name = "name",
     .kind = CLI_TEXT,
     .offset = OPTION(name),
     .value_name = "NAME",
     .help = "With --host: name of the files and of the table of interfaces (default: bindings)"},
    {.name = "out-dir",
     .kind = CLI_TEXT,
     .offset = OPTION(out_dir),
     .value_name = "DIR",
     .text_default = ".",
     .complete = CLI_COMPLETE_FOLDERS,
     .help = "Where the files go"},
    {.name = "all-features", .kind = CLI_FLAG, .offset = OPTION(all_features), .help = "Include what is marked @unstable"},
};
static const struct cli_option arguments[] = {
    {.name = "WIT",
     .kind = CLI_TEXT,
     .offset = OPTION(wit),
     .required = true,
     .complete = CLI_COMPLETE_FILES,
     .help = "A WIT file, or a folder with its deps/"},
};

const struct cli_command cli_bindgen = {
    .name = "bindgen",
    .summary = "Generate C bindings from WIT",
    .options_size = sizeof(struct bindgen_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    CLI_EXAMPLES(
        {"Bindings in C for a component of world `hello`, into gen/", "wash bindgen --guest c wit --world hello --out-dir gen"},
        {"Bindings for a host that serves the packages of wit/", "wash bindgen --host wit --name host --out-dir gen"}),
    .run = bindgen,
};

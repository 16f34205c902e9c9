/* `wash bindgen`: generates bindings from WIT. `--host`: in C for hosts, plugins and embedders (component/host.h says how WIT maps to
 * C). `--guest c`, `--guest go`: for components (wit/guest.h and wit/guest_go.h say how). */
#include "wit/bindgen.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/go_module.h"
#include "wit/encode.h"
#include "wit/guest.h"
#include "wit/guest_go.h"
#include "wit/load.h"

#define MAX_TYPE_BYTES (64u << 20) /* of a world's type */

struct bindgen_options {
    struct str wit, world, name, out_dir, guest;
    bool host, all_features;
};

/* --- C --------------------------------------------------------------------------------------------------------------- */

/* NAME.h and NAME.c. */
static struct wit_text_files c_files(struct arena *arena, const char *name, const struct buf *header, const struct buf *source)
{
    struct wit_text_files files = {ARENA_ARRAY(arena, struct wit_text_file, 2), 2};
    files.items[0] = (struct wit_text_file){arena_printf(arena, "%s.h", name).data, arena_str(arena, buf_str(header))};
    files.items[1] = (struct wit_text_file){arena_printf(arena, "%s.c", name).data, arena_str(arena, buf_str(source))};
    return files;
}

static enum status generate_host(struct cli_context *context, const struct bindgen_options *options, const struct wit_model *model,
                                 const struct wit_package *package, struct wit_text_files *ret_files, struct error *err)
{
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    struct wit_world *world = NULL;
    if (options->world.data)
        TRY(wit_select_world(model, package, options->world, &world, err));
    struct str name = options->name.data ? options->name : STR("bindings");
    struct wit_bindgen_options generator = {
        .name = name,
        .header = arena_printf(context->arena, "%.*s.h", STR_ARG(name)),
        .world = world,
    };
    TRY(wit_bindgen_host(model, &generator, &header, &source, err));
    *ret_files = c_files(context->arena, name.data, &header, &source);
    return ST_OK;
}

static enum status generate_c(struct cli_context *context, const struct bindgen_options *options, const struct wit_model *model,
                              const struct wit_package *package, struct wit_text_files *ret_files, struct error *err)
{
    static const struct wit_producer producer = {STR_INIT("wash"), STR_INIT(WASH_VERSION)};
    autobuf struct buf type = BUF_INIT(MAX_TYPE_BYTES), header = BUF_INIT(BUF_UNLIMITED), source = BUF_INIT(BUF_UNLIMITED);
    struct wit_world *world;
    TRY(wit_select_world(model, package, options->world, &world, err));
    TRY(wit_encode_world(world, WIT_ENCODING_UTF8, &producer, &type, err));
    struct wit_guest_options generator = {.world = world, .component_type = buf_str(&type)};
    TRY(wit_guest_c(model, &generator, &header, &source, err));
    *ret_files = c_files(context->arena, wit_guest_file_name(context->arena, world), &header, &source);
    return ST_OK;
}

/* --- Go -------------------------------------------------------------------------------------------------------------- */

static enum status generate_go(struct cli_context *context, const struct bindgen_options *options, const struct wit_model *model,
                               const struct wit_package *package, struct wit_text_files *ret_files, struct error *err)
{
    struct wit_guest_go_options generator = {0};
    struct wit_world *world;
    TRY(wit_select_world(model, package, options->world, &world, err));
    TRY(cli_go_import_path(context->arena, cli_path(context, options->out_dir), &generator.import_path, err));
    generator.world = world;
    return wit_guest_go(model, &generator, context->arena, ret_files, err);
}

/* --- all ------------------------------------------------------------------------------------------------------------- */

static enum status generate(struct cli_context *context, const struct bindgen_options *options, struct wit_text_files *ret_files,
                            struct error *err)
{
    const struct wit_options features = {.all_features = options->all_features};
    struct wit_model model;
    struct wit_package *package = NULL;
    wit_model_init(&model);
    enum status status = wit_load(&model, cli_path(context, options->wit).data, &features, &package, err);
    if (status == ST_OK)
        status = (options->host                       ? generate_host
                  : str_eq(options->guest, STR("go")) ? generate_go
                                                      : generate_c)(context, options, &model, package, ret_files, err);
    wit_model_release(&model);
    return status;
}

static enum status write_file(struct cli_context *context, struct str folder, const struct wit_text_file *file, struct error *err)
{
    struct str path = arena_printf(context->arena, "%.*s/%s", STR_ARG(folder), file->path);
    struct str parent = arena_str(context->arena, str_slice(path, 0, str_find_last_char(path, '/')));
    TRY(file_make_folders(parent.data, 0777, err));
    return file_replace(path.data, file->text, err);
}

static void answer(struct cli_context *context, const struct bindgen_options *options, const struct wit_text_files *files)
{
    json_t *names = json_array();
    for (size_t i = 0; i < files->len; i++)
        json_array_append_new(names, json_string(files->items[i].path));
    struct str text = arena_printf(context->arena, "Wrote %zu files to %.*s", files->len, STR_ARG(options->out_dir));
    if (files->len == 2)
        text = arena_printf(context->arena, "Wrote %s and %s to %.*s", files->items[0].path, files->items[1].path,
                            STR_ARG(options->out_dir));
    cli_result(context, text, text.data, json_pack("{s:o, s:o}", "out_dir", cli_json_text(options->out_dir), "files", names));
}

static enum status check(const void *options_pointer, const struct cli_globals *globals UNUSED, struct error *err)
{
    const struct bindgen_options *options = options_pointer;
    if (options->host == (options->guest.data != NULL))
        return fail(err, ST_INVALID,
                    "say which side to generate: `wash bindgen --host %.*s`, or `wash bindgen --guest c %.*s` or `--guest go`",
                    STR_ARG(options->wit), STR_ARG(options->wit));
    if (options->guest.data && options->name.data)
        return fail(err, ST_INVALID, "--name goes with --host; the files of a guest are named after its world");
    return ST_OK;
}

static enum status bindgen(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct bindgen_options *options = options_pointer;
    struct wit_text_files files;
    TRY(generate(context, options, &files, err));
    for (size_t i = 0; i < files.len; i++)
        TRY(write_file(context, cli_path(context, options->out_dir), &files.items[i], err));
    answer(context, options, &files);
    return ST_OK;
}

#define OPTION(member) offsetof(struct bindgen_options, member)
static const char *const languages[] = {"c", "go", NULL};
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
    .summary = "Generate bindings from WIT, in C and Go",
    .options_size = sizeof(struct bindgen_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    CLI_EXAMPLES(
        {"Bindings in C for a component of world `hello`, into gen/", "wash bindgen --guest c wit --world hello --out-dir gen"},
        {"Bindings for a host that serves the packages of wit/", "wash bindgen --host wit --name host --out-dir gen"}),
    .check = check,
    .run = bindgen,
};

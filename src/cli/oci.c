/* `wash oci pull` and `wash oci push`: components to and from OCI registries. */
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/registry.h"
#include "component/limits.h"
#include "component/world.h"
#include "oci/metadata.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DONE "OCI command executed successfully."
#define CREATED_MAX 253402300799 /* 9999-12-31T23:59:59Z */

struct oci_options {
    struct str reference, path;
    struct cli_registry registry;
};

/* --- pull -------------------------------------------------------------------------------------------------------------------- */

/* The file appears whole or not at all; what is there and is not a file (a pipe, a terminal) is written to. As with cp, a link stays and
 * what it names is written, a link to nothing is none of ours, and a file that may not be written is not replaced either. */
static enum status write_output(const char *path, struct str bytes, struct error *err)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (there && !S_ISREG(info.st_mode)) {
        autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
        return fd < 0 ? fail_errno(err, "open %s", path) : file_write_all(fd, bytes, path, err);
    }
    if (there && access(path, W_OK) != 0)
        return fail_errno(err, "write %s", path);
    if (!there && lstat(path, &info) == 0)
        return fail(err, ST_EXISTS, "%s is a symbolic link to something that is not there", path);
    return file_replace(path, bytes, err);
}

static enum status pull(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct oci_options *options = options_pointer;
    struct str path = cli_path(context, options->path);
    struct oci_pulled pulled;
    autobuf struct buf bytes = {0}, text = BUF_INIT(BUF_UNLIMITED), shown = BUF_INIT(BUF_UNLIMITED);
    TRY(cli_registry_pull(context, &options->registry, options->reference, &pulled, &bytes, err));
    enum status status = write_output(path.data, buf_str(&bytes), err);
    if (status == ST_OK) {
        if (buf_append_escaped(&shown, path) != ST_OK) /* it may be no UTF-8 */
            bug("escape");
        buf_addf(&text, "Pulled and saved component to %s", shown.data);
        cli_result(context, buf_str(&text), text.data,
                   json_pack("{s:s, s:o, s:I, s:s, s:b}", "message", DONE, "output_path", cli_json_text(path), "bytes",
                             (json_int_t)pulled.bytes, "digest", pulled.digest.text, "success", 1));
    }
    oci_pulled_release(&pulled);
    return status;
}

/* --- what a component's configuration says ----------------------------------------------------------------------------------- */

struct names {
    struct str *items;
    size_t len;
};

static int by_text(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static struct str item_name(struct wit_model *model, const struct wit_world_item *item)
{
    return item->name.len ? item->name : wit_interface_id(model, item->interface);
}

static void list_items(struct arena *arena, struct wit_model *model, const struct wit_items *items, struct names *names)
{
    names->items = ARENA_ARRAY(arena, struct str, items->len);
    for (size_t i = 0; i < items->len; i++)
        names->items[names->len++] = item_name(model, &items->items[i]);
}

/* A WIT package exports its interfaces, its worlds, and what these export. */
static void list_package(struct arena *arena, struct wit_model *model, const struct wit_package *package, struct names *names)
{
    size_t count = package->interfaces.len + package->worlds.len;
    for (size_t i = 0; i < package->worlds.len; i++)
        count += package->worlds.items[i]->exports.len;
    names->items = ARENA_ARRAY(arena, struct str, count);
    for (size_t i = 0; i < package->interfaces.len; i++)
        names->items[names->len++] = wit_interface_id(model, package->interfaces.items[i]);
    for (size_t i = 0; i < package->worlds.len; i++) {
        const struct wit_world *world = package->worlds.items[i];
        bool versioned = wit_version_is_set(&package->version);
        names->items[names->len++] =
            arena_printf(arena, "%.*s:%.*s/%.*s%s%.*s", STR_ARG(package->ns), STR_ARG(package->name), STR_ARG(world->name),
                         versioned ? "@" : "", versioned ? (int)package->version.text.len : 0, package->version.text.data);
        for (size_t k = 0; k < world->exports.len; k++)
            names->items[names->len++] = item_name(model, &world->exports.items[k]);
    }
    qsort(names->items, names->len, sizeof *names->items, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < names->len; i++)
        if (kept == 0 || !str_eq(names->items[kept - 1], names->items[i]))
            names->items[kept++] = names->items[i];
    names->len = kept;
}

/* --- push -------------------------------------------------------------------------------------------------------------------- */

struct push {
    const struct oci_options *options;
    struct oci_reference reference;
    struct oci_digest digest;
};

/* When it was made: now, or as SOURCE_DATE_EPOCH says, so that the same file gives the same artifact. Source: reproducible-builds.org,
 * "SOURCE_DATE_EPOCH". */
static enum status creation_time(struct clock_time *ret_time, struct error *err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;
    *ret_time = clock_wall();
    if (!text || !*text)
        return ST_OK;
    if (!str_parse_u64(str_of(text), CREATED_MAX, &seconds))
        return fail(err, ST_INVALID, "SOURCE_DATE_EPOCH: `%s` is not a number of seconds since 1970", text);
    *ret_time = (struct clock_time){.seconds = (int64_t)seconds};
    return ST_OK;
}

static enum status describe(struct cli_context *context, struct str bytes, struct wit_model *model,
                            struct oci_artifact_options *artifact, struct error *err)
{
    struct wit_package *package;
    struct wit_world *world;
    struct names imports = {0}, exports = {0};
    size_t count;
    struct oci_annotation *annotations = ARENA_ARRAY(context->arena, struct oci_annotation, OCI_METADATA_MAX + 1);
    TRY(cm_world_model(bytes, context->arena, model, &package, &world, err));
    TRY(oci_metadata_read(bytes, annotations, &count, err));
    if (world) {
        list_items(context->arena, model, &world->imports, &imports);
        list_items(context->arena, model, &world->exports, &exports);
    } else {
        list_package(context->arena, model, package, &exports);
    }
    char created_text[CLOCK_TEXT_MAX];
    struct clock_time when;
    TRY(creation_time(&when, err));
    struct str created = arena_str(context->arena, clock_format_rfc3339(when, created_text));
    annotations[count] = (struct oci_annotation){STR("org.opencontainers.image.created"), created};
    *artifact = (struct oci_artifact_options){.exports = exports.items,
                                              .export_count = exports.len,
                                              .imports = imports.items,
                                              .import_count = imports.len,
                                              .created = created,
                                              .annotations = annotations,
                                              .annotation_count = count + 1};
    return ST_OK;
}

static enum status upload(struct cli_context *context, struct push *push, const char *path,
                          const struct oci_artifact_options *artifact, struct error *err)
{
    struct cli_registry_client client = {0};
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "%s", path);
    TRY(cli_registry_open(context, &push->options->registry, "pushing", &client, err));
    enum status status = oci_push(client.client, &push->reference, fd, artifact, &push->digest, err);
    cli_registry_close(&client);
    return status;
}

static enum status push_file(struct cli_context *context, struct push *push, struct error *err)
{
    struct str path = cli_path(context, push->options->path);
    autobuf struct buf bytes = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    struct wit_model model;
    struct oci_artifact_options artifact;
    TRY(file_read(path.data, &bytes, err));
    wit_model_init(&model);
    enum status status = describe(context, buf_str(&bytes), &model, &artifact, err);
    if (status != ST_OK)
        fail_wrap(err, "%.*s is not a component", STR_ARG(push->options->path));
    else
        status = upload(context, push, path.data, &artifact, err);
    wit_model_release(&model);
    return status;
}

static enum status push(struct cli_context *context, const void *options_pointer, struct error *err)
{
    struct push push = {.options = options_pointer};
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    TRY(oci_reference_parse(push.options->reference, &push.reference, err));
    enum status status = push_file(context, &push, err);
    if (status == ST_OK) {
        buf_addf(&text, "Pushed %s\n%s", push.reference.text, push.digest.text);
        cli_result(context, buf_str(&text), DONE,
                   json_pack("{s:s, s:b, s:s}", "message", DONE, "success", 1, "digest", push.digest.text));
    }
    oci_reference_release(&push.reference);
    return status;
}

static enum status check(const void *options, const struct cli_globals *globals, struct error *err)
{
    return cli_registry_check(&((const struct oci_options *)options)->registry, globals, err);
}

/* --- tables ------------------------------------------------------------------------------------------------------------------ */

static const struct cli_option options[CLI_REGISTRY_OPTION_COUNT] = {CLI_REGISTRY_OPTIONS(struct oci_options, registry)};

static const struct cli_option pull_arguments[] = {
    {.name = "REFERENCE",
     .kind = CLI_TEXT,
     .offset = offsetof(struct oci_options, reference),
     .required = true,
     .help = "What to pull: registry/name:tag, or registry/name@sha256:..."},
    {.name = "PATH",
     .kind = CLI_TEXT,
     .offset = offsetof(struct oci_options, path),
     .text_default = "component.wasm",
     .complete = CLI_COMPLETE_FILES,
     .help = "Where to write it"},
};

static const struct cli_option push_arguments[] = {
    {.name = "REFERENCE",
     .kind = CLI_TEXT,
     .offset = offsetof(struct oci_options, reference),
     .required = true,
     .help = "Where to push to: registry/name:tag"},
    {.name = "PATH",
     .kind = CLI_TEXT,
     .offset = offsetof(struct oci_options, path),
     .required = true,
     .complete = CLI_COMPLETE_FILES,
     .help = "A component's file"},
};

static const struct cli_command pull_command = {
    .name = "pull",
    .summary = "Pull a component from an OCI registry",
    .details =
        "The registry is always asked; what did not change since the last pull comes from the cache. That keeps 10 GiB: what "
        "was used longest ago goes. Logins of `docker login` are used, credential helpers included.",
    .options_size = sizeof(struct oci_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = pull_arguments,
    .argument_count = ARRAY_LEN(pull_arguments),
    CLI_EXAMPLES({"Into hello.wasm", "wash oci pull registry.example.com/acme/hello:1.0.0 hello.wasm"},
                 {"With a login of its own", "wash oci pull -u me --password-stdin example.com/a/hello:1 < token"}),
    .check = check,
    .run = pull,
};

static const struct cli_command push_command = {
    .name = "push",
    .summary = "Push a component to an OCI registry",
    .details =
        "The file is validated first. What it says of itself (name, version, authors, licenses and so on) becomes annotations "
        "of the artifact. SOURCE_DATE_EPOCH is its time of creation if it is set, so that pushing the same file again gives the "
        "same digest.",
    .options_size = sizeof(struct oci_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    .arguments = push_arguments,
    .argument_count = ARRAY_LEN(push_arguments),
    CLI_EXAMPLES({"Publish a version", "wash oci push registry.example.com/acme/hello:1.0.0 hello.wasm"},
                 {"To a registry of this machine, without TLS", "wash oci push --insecure localhost:5000/hello:dev hello.wasm"}),
    .check = check,
    .run = push,
};

static const struct cli_command *const subcommands[] = {&pull_command, &push_command};

const struct cli_command cli_oci = {
    .name = "oci",
    .alias = "docker",
    .summary = "Push components to OCI registries, and pull them",
    .subcommands = subcommands,
    .subcommand_count = ARRAY_LEN(subcommands),
};

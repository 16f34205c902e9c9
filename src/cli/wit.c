/* `wash wit`: the WIT packages that a project refers to. */
#include "cli/wit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/git.h"
#include "cli/interrupts.h"
#include "cli/registry.h"
#include "component/limits.h"
#include "wit/source.h"
#include "wkg/deps.h"
#include "wkg/edit.h"
#include <unistd.h>

struct wit_command {
    struct str wit_dir;
    struct str package, output_file;
    bool clean;
};

/* What a command works on. */
struct wit {
    const struct cli_context *context;
    struct config_project project;
    struct wkg_project wkg;
    struct str wit_dir;
};

/* --- the project -------------------------------------------------------------------------------------------------------------- */

static enum status clone_repository(void *env UNUSED, const char *url, const char *ref, const char *folder, struct error *err)
{
    const struct cli_git_clone clone = {.url = url, .ref = ref, .folder = folder};
    TRY(cli_git_check_url(str_of(url), err));
    if (ref)
        TRY(cli_git_check_ref(str_of(ref), err));
    return cli_git_clone(&clone, err);
}

/* Where wkg keeps its configuration: the same file serves both. */
static void find_registries(const struct cli_context *context, struct wkg_project *project)
{
    const char *named = getenv("WKG_CONFIG_FILE"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    project->registries_named = named && named[0];
    if (project->registries_named)
        project->registries_path = cli_path(context, str_of(named)).data;
    else if (config && config[0] == '/')
        project->registries_path = arena_printf(context->arena, "%s/wasm-pkg/config.toml", config).data;
    else if (home && home[0] == '/')
        project->registries_path = arena_printf(context->arena, "%s/.config/wasm-pkg/config.toml", home).data;
}

enum status cli_wit_project(const struct cli_context *context, const struct config_project *project,
                            struct wkg_project *ret_project, struct error *err)
{
    static const struct cli_registry registry = {0};
    struct str cache = context->folders.cache;
    struct wkg_project wkg = {
        .root = arena_str(context->arena, project->root).data,
        .wit_dir = config_resolve_path(project, project->config.wit.wit_dir, context->arena).data,
        .config = &project->config.wit,
        .cache = cache.data ? arena_printf(context->arena, "%.*s/package_cache", STR_ARG(cache)).data : NULL,
        .clone = clone_repository,
        .user_agent = "wash/" WASH_VERSION,
        .interactive = cli_interactive(&context->parsed.globals),
    };
    TRY(cli_registry_trust(context, &registry, err));
    find_registries(context, &wkg);
    *ret_project = wkg;
    return ST_OK;
}

enum status cli_check_wit_dir(const char *path, struct error *err)
{
    if (file_is_folder(path))
        return ST_OK;
    return fail(err, ST_NOT_FOUND, "WIT directory does not exist: %s; create world.wit in it, or name another with --wit-dir",
                path);
}

/* The wkg tool takes the nearest wkg.toml above it. For wash a project is whole in its own folder. */
static void warn_of_manifest_above(const struct wit *wit)
{
    struct arena *arena = wit->context->arena;
    struct str folder = str_of(wit->wkg.root);
    struct str own = arena_printf(arena, "%.*s/" WKG_MANIFEST_NAME, STR_ARG(folder)), other = own;
    while (access(other.data, F_OK) != 0 && folder.len > 1) {
        folder = str_slice(folder, 0, MAX(str_find_last_char(folder, '/'), (size_t)1));
        other = arena_printf(arena, "%.*s%s" WKG_MANIFEST_NAME, STR_ARG(folder), folder.len > 1 ? "/" : "");
    }
    if (!str_eq(other, own) && access(other.data, F_OK) == 0)
        log_warn("a " WKG_MANIFEST_NAME " above the project is not read", LOG_STR("above", other), LOG_STR("own", own));
}

static enum status open_project(struct cli_context *context, const struct wit_command *options, struct wit *ret_wit,
                                struct error *err)
{
    struct wit *wit = ret_wit;
    *wit = (struct wit){.context = context};
    TRY(cli_load_project(context, &wit->project, err));
    if (options->wit_dir.data)
        wit->project.config.wit.wit_dir = cli_path(context, options->wit_dir);
    TRY(cli_wit_project(context, &wit->project, &wit->wkg, err));
    wit->wit_dir = str_of(wit->wkg.wit_dir);
    warn_of_manifest_above(wit);
    return cli_check_wit_dir(wit->wkg.wit_dir, err);
}

/* Work that may take a while: shown, and ended by an interrupt so that everything is taken back in order. */
struct job {
    struct wkg_project project;
    struct cli_progress progress;
    struct cli_interrupts interrupts;
};

static void job_start(struct job *job, const struct wit *wit)
{
    *job = (struct job){.project = wit->wkg};
    job->project.cancel = cli_when_interrupted;
    job->project.notice = cli_by_log;
    cli_interrupts_hold(&job->interrupts);
    cli_progress_start(&job->progress, &wit->context->terminal, "fetching WIT packages");
}

static void job_end(struct job *job)
{
    cli_progress_end(&job->progress);
    cli_interrupts_release(&job->interrupts);
}

static enum status fetch(const struct wit *wit, const struct wkg_request *request, struct error *err)
{
    struct job job;
    job_start(&job, wit);
    enum status status = wkg_fetch(&job.project, request, err);
    job_end(&job);
    return status;
}

static enum status look_up(const struct wit *wit, const struct wkg_target *target, struct wkg_found *ret_found, struct error *err)
{
    struct job job;
    job_start(&job, wit);
    enum status status = wkg_look_up(&job.project, target, wit->context->arena, ret_found, err);
    job_end(&job);
    return status;
}

static enum status build(const struct wit *wit, struct buf *ret_bytes, struct wkg_built *ret_built, struct error *err)
{
    struct job job;
    job_start(&job, wit);
    enum status status = wkg_build(&job.project, wit->context->arena, ret_bytes, ret_built, err);
    job_end(&job);
    return status;
}

enum status cli_wit_fetch(const struct cli_context *context, const struct config_project *project, struct error *err)
{
    static const struct wkg_request request = {0};
    struct wit wit = {.context = context};
    bool complete = false;
    if (project->config.wit.skip_fetch)
        return ST_OK;
    TRY(cli_wit_project(context, project, &wit.wkg, err));
    if (!file_is_folder(wit.wkg.wit_dir))
        return ST_OK;
    if (wkg_complete(wit.wkg.wit_dir, &complete, err) != ST_OK)
        return fail_wrap(err, "the project's WIT (--skip-fetch builds without looking at it)");
    log_debug(complete ? "all WIT packages are there" : "fetching WIT packages", LOG_TEXT("wit_dir", wit.wkg.wit_dir));
    if (complete)
        return ST_OK;
    enum status status = fetch(&wit, &request, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "fetch WIT packages (--skip-fetch builds without)");
}

/* --- fetch, update, clean ----------------------------------------------------------------------------------------------------- */

static json_t *wit_dir_data(const struct wit *wit)
{
    return json_pack("{s:o}", "wit_dir", cli_json_text(wit->wit_dir));
}

static json_t *package_data(const struct wit *wit, struct str package)
{
    return json_pack("{s:o, s:o}", "package", cli_json_text(package), "wit_dir", cli_json_text(wit->wit_dir));
}

static void say(const struct wit *wit, struct str text, json_t *data)
{
    cli_result(wit->context, text, text.data, data);
}

static enum status run_fetch(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct wit_command *options = options_pointer;
    const struct wkg_request request = {.clean = options->clean};
    struct wit wit;
    TRY(open_project(context, options, &wit, err));
    TRY(fetch(&wit, &request, err));
    json_t *data = wit_dir_data(&wit);
    json_object_set_new(data, "lock_file", cli_json_text(arena_printf(context->arena, "%s/" WKG_LOCK_NAME, wit.wkg.root)));
    say(&wit, STR("WIT dependencies fetched successfully"), data);
    return ST_OK;
}

static enum status run_update(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct wit_command *options = options_pointer;
    struct wkg_request request = {.update = true};
    struct wkg_target target;
    struct wit wit;
    if (options->package.data) {
        TRY(wkg_target_parse(options->package, &target, err));
        request.update_package = target.package.text;
    }
    TRY(open_project(context, options, &wit, err));
    TRY(fetch(&wit, &request, err));
    if (options->package.data)
        say(&wit, arena_printf(context->arena, "Updated package: %.*s", STR_ARG(options->package)),
            package_data(&wit, options->package));
    else
        say(&wit, STR("All WIT dependencies updated successfully"), wit_dir_data(&wit));
    return ST_OK;
}

static enum status run_clean(struct cli_context *context, const void *options_pointer, struct error *err)
{
    struct wit wit;
    struct wkg_deps deps;
    bool removed;
    autoclose int lock = -1;
    TRY(open_project(context, options_pointer, &wit, err));
    TRY(wkg_wit_lock(wit.wkg.wit_dir, (struct cancel){0}, cli_by_log, &lock, err));
    TRY(wkg_deps_clean(wit.wkg.wit_dir, context->arena, &removed, &deps, err));
    for (size_t i = 0; i < deps.kept_count; i++)
        log_info("not removed: it was not fetched", LOG_TEXT("path", deps.kept[i]));
    if (removed)
        say(&wit, STR("WIT dependencies cleaned successfully"), json_pack("{s:o}", "deps_dir", cli_json_text(str_of(deps.folder))));
    else
        say(&wit, STR("No dependencies to clean (deps directory does not exist)"), NULL);
    return ST_OK;
}

/* --- add, remove -------------------------------------------------------------------------------------------------------------- */

struct wit_file {
    const char *path;
    struct str text;
};

typedef VEC(struct wit_file) file_list;

static int by_path(const void *left, const void *right)
{
    const struct wit_file *a = left, *b = right;
    bool first = str_ends(str_of(a->path), STR("/world.wit")), second = str_ends(str_of(b->path), STR("/world.wit"));
    return first != second ? second - first : strcmp(a->path, b->path);
}

/* The .wit files of the folder, world.wit first. */
static enum status list_files(const struct wit *wit, file_list *files, struct error *err)
{
    autonames struct file_names names = {0};
    TRY(file_names(wit->wkg.wit_dir, &names, err));
    vec_each (name, &names.list)
        if (*name[0] != '.' && str_ends(str_of(*name), STR(".wit")))
            vec_push(files, (struct wit_file){arena_printf(wit->context->arena, "%s/%s", wit->wkg.wit_dir, *name).data, STR_NULL});
    if (files->len)
        qsort(files->items, files->len, sizeof *files->items, by_path);
    return ST_OK;
}

static enum status read_file(const struct wit *wit, struct wit_file *file, struct error *err)
{
    autobuf struct buf text = BUF_INIT(WIT_MAX_FILE_BYTES);
    TRY(file_read(file->path, &text, err));
    file->text = arena_str(wit->context->arena, buf_str(&text));
    return ST_OK;
}

/* The first file with a world. */
static enum status find_world_file(const struct wit *wit, const file_list *files, struct wit_file *ret_file, struct error *err)
{
    vec_each (file, files) {
        bool has_world = false;
        TRY(read_file(wit, file, err));
        TRY(wkg_edit_has_world(str_of(file->path), file->text, &has_world, err));
        if (has_world) {
            *ret_file = *file;
            return ST_OK;
        }
    }
    return fail(err, ST_NOT_FOUND, "no .wit file in %s has a world; write one into world.wit", wit->wkg.wit_dir);
}

static bool lists(struct str names, struct str name)
{
    struct str part;
    while (str_next_part(&names, ' ', &part))
        if (str_eq(part, name))
            return true;
    return false;
}

static const char *release_name(const struct wit *wit, const struct wkg_target *target, const struct wkg_found *found)
{
    return arena_printf(wit->context->arena, "package %.*s%s%.*s", STR_ARG(target->package.text), found->version.len ? "@" : "",
                        STR_ARG(found->version))
        .data;
}

static enum status check_interface(const struct wit *wit, const struct wkg_target *target, const struct wkg_found *found,
                                   struct error *err)
{
    struct str names = str_trim(found->interfaces);
    if (lists(names, target->interface))
        return ST_OK;
    return fail(err, ST_NOT_FOUND, "%s has no interface `%.*s`; it has %.*s", release_name(wit, target, found),
                STR_ARG(target->interface), STR_ARG(names.len ? names : STR("none")));
}

/* A world imports interfaces, not packages: of a package its only interface is meant, or what its world `imports` has. */
static enum status choose_interface(const struct wit *wit, const struct wkg_target *target, const struct wkg_found *found,
                                    const char **ret_verb, struct str *ret_item, struct error *err)
{
    struct str names = str_trim(found->interfaces);
    bool one = names.len && str_find_char(names, ' ') == STR_NONE;
    if (!one && lists(found->worlds, STR("imports"))) {
        *ret_verb = "include";
        *ret_item = STR("imports");
        return ST_OK;
    }
    if (names.len == 0)
        return fail(err, ST_INVALID, "%s has no interface that could be imported", release_name(wit, target, found));
    if (!one)
        return fail(err, ST_INVALID, "%s has several interfaces; name one, as in %.*s/NAME: %.*s", release_name(wit, target, found),
                    STR_ARG(target->package.text), STR_ARG(names));
    *ret_verb = "import";
    *ret_item = arena_str(wit->context->arena, names);
    return ST_OK;
}

static const char *escape(struct str name)
{
    return wit_name_needs_escape(name) ? "%" : "";
}

/* Names the interface and the version that were left out. */
static enum status make_statement(const struct wit *wit, struct wkg_target *target, struct str *ret_statement, struct error *err)
{
    struct wkg_found found = {target->version.text, STR(""), STR("")};
    const char *verb = "import";
    if (!target->interface.len || !wit_version_is_set(&target->version))
        TRY(look_up(wit, target, &found, err));
    if (!target->interface.len)
        TRY(choose_interface(wit, target, &found, &verb, &target->interface, err));
    else if (!wit_version_is_set(&target->version))
        TRY(check_interface(wit, target, &found, err));
    *ret_statement =
        arena_printf(wit->context->arena, "%s %s%.*s:%s%.*s/%s%.*s%s%.*s;", verb, escape(target->package.ns),
                     STR_ARG(target->package.ns), escape(target->package.name), STR_ARG(target->package.name),
                     escape(target->interface), STR_ARG(target->interface), found.version.len ? "@" : "", STR_ARG(found.version));
    return ST_OK;
}

static enum status run_add(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct wit_command *options = options_pointer;
    struct wit_file file;
    struct wkg_target target;
    struct str statement;
    struct wit wit;
    file_list files = {0};
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    TRY(wkg_target_parse(options->package, &target, err));
    TRY(open_project(context, options, &wit, err));
    enum status status = list_files(&wit, &files, err);
    if (status == ST_OK)
        status = find_world_file(&wit, &files, &file, err);
    vec_release(&files);
    TRY(status);
    TRY(make_statement(&wit, &target, &statement, err));
    TRY(wkg_edit_add(str_of(file.path), file.text, &target, statement, &text, err));
    struct wkg_request request = {.edited_path = file.path, .edited_text = buf_str(&text)};
    if (fetch(&wit, &request, err) != ST_OK) /* a line that is wrong is one that the file does not have yet */
        return err->status == ST_CANCELLED ? ST_CANCELLED : fail_wrap(err, "with `%.*s` in it", STR_ARG(statement));
    log_info("added to the world", LOG_STR("statement", statement), LOG_TEXT("file", file.path));
    say(&wit, arena_printf(context->arena, "Added WIT dependency: %.*s", STR_ARG(options->package)),
        package_data(&wit, options->package));
    return ST_OK;
}

static enum status remove_from(const struct wit *wit, struct wit_file *file, const struct wkg_target *target, size_t *total,
                               struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    size_t count = 0;
    TRY(read_file(wit, file, err));
    TRY(wkg_edit_remove(str_of(file->path), file->text, target, &text, &count, err));
    *total += count;
    return count ? file_replace(file->path, buf_str(&text), err) : ST_OK;
}

static enum status run_remove(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct wit_command *options = options_pointer;
    struct wkg_target target;
    struct wit wit;
    file_list files = {0};
    size_t count = 0;
    TRY(wkg_target_parse(options->package, &target, err));
    TRY(open_project(context, options, &wit, err));
    enum status status = list_files(&wit, &files, err);
    for (size_t i = 0; i < files.len && status == ST_OK; i++)
        status = remove_from(&wit, &files.items[i], &target, &count, err);
    vec_release(&files);
    TRY(status);
    if (count == 0)
        return fail(err, ST_NOT_FOUND, "Package %.*s is not imported by a world in %s", STR_ARG(options->package), wit.wkg.wit_dir);
    say(&wit, arena_printf(context->arena, "Removed WIT dependency: %.*s", STR_ARG(options->package)),
        package_data(&wit, options->package));
    return ST_OK;
}

/* --- build -------------------------------------------------------------------------------------------------------------------- */

static struct str output_path(const struct wit *wit, const struct wit_command *options, const struct wkg_built *built)
{
    struct str name = str_from(built->package, str_find_char(built->package, ':') + 1);
    if (options->output_file.data)
        return cli_path(wit->context, options->output_file);
    return arena_printf(wit->context->arena, "%s/%.*s%s%.*s.wasm", wit->wkg.root, STR_ARG(name), built->version.len ? "-" : "",
                        STR_ARG(built->version));
}

/* "ns/name" of "ns:name": what registries call it. */
static struct str repository_name(const struct wit *wit, struct str package)
{
    size_t colon = str_find_char(package, ':');
    return arena_printf(wit->context->arena, "%.*s/%.*s", (int)colon, package.data, STR_ARG(str_from(package, colon + 1)));
}

static enum status run_build(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct wit_command *options = options_pointer;
    autobuf struct buf bytes = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    struct wkg_built built;
    struct wit wit;
    TRY(open_project(context, options, &wit, err));
    TRY(build(&wit, &bytes, &built, err));
    struct str path = output_path(&wit, options, &built);
    TRY(file_replace(path.data, buf_str(&bytes), err));
    say(&wit, arena_printf(context->arena, "Built WIT package %.*s to %.*s", STR_ARG(built.package), STR_ARG(path)),
        json_pack("{s:o, s:o, s:o, s:I}", "package", cli_json_text(built.package), "version",
                  built.version.len ? cli_json_text(built.version) : json_null(), "output", cli_json_text(path), "size",
                  (json_int_t)bytes.len));
    cli_hint(context, "`wash oci push REGISTRY/%.*s:%.*s %s` publishes it", STR_ARG(repository_name(&wit, built.package)),
             STR_ARG(built.version.len ? built.version : STR("latest")), cli_shell_word(context->arena, path).data);
    return ST_OK;
}

/* --- tables ------------------------------------------------------------------------------------------------------------------- */

#define OPTION(member) offsetof(struct wit_command, member)
#define WIT_DIR                                                                                                                    \
    {                                                                                                                              \
        .name = "wit-dir", .kind = CLI_TEXT, .offset = OPTION(wit_dir), .value_name = "DIR", .complete = CLI_COMPLETE_FOLDERS,     \
        .help = "Folder of the WIT, instead of wit.wit_dir"                                                                        \
    }
#define PACKAGE(is_required, help_text)                                                                                            \
    {                                                                                                                              \
        .name = "PACKAGE", .kind = CLI_TEXT, .offset = OPTION(package), .required = is_required, .help = help_text                 \
    }

static const struct cli_option common_options[] = {WIT_DIR};
static const struct cli_option fetch_options[] = {
    {.name = "clean",
     .kind = CLI_FLAG,
     .offset = OPTION(clean),
     .help = "Remove everything else from deps, also what was not fetched"},
    WIT_DIR,
};
static const struct cli_option build_options[] = {
    {.name = "output-file",
     .kind = CLI_TEXT,
     .offset = OPTION(output_file),
     .value_name = "FILE",
     .complete = CLI_COMPLETE_FILES,
     .help = "Where to write it, instead of NAME-VERSION.wasm in the project"},
    WIT_DIR,
};
static const struct cli_option update_arguments[] = {PACKAGE(false, "One package, as wasi:http; none: all of them")};
static const struct cli_option add_arguments[] = {
    PACKAGE(true, "What to import: wasi:http/types@0.2.0, or a package, as wasi:keyvalue")};
static const struct cli_option remove_arguments[] = {PACKAGE(true, "What to import no longer: wasi:http, or wasi:http/types")};

#define COMMAND(command_name, function, option_rows, ...)                                                                          \
    {                                                                                                                              \
        .name = command_name, .options_size = sizeof(struct wit_command), .options = option_rows,                                  \
        .option_count = ARRAY_LEN(option_rows), .run = function, __VA_ARGS__                                                       \
    }

static const struct cli_command add_command = COMMAND(
    "add", run_add, common_options, .arguments = add_arguments, .argument_count = 1,
    .summary = "Import a WIT interface and fetch it",
    .details = "Adds an import to the first world of world.wit, or of another .wit file, and fetches. Without a version it is the "
               "newest release; of a package without an interface its only one, or what its world `imports` has.",
    CLI_EXAMPLES({"Import an interface of a package, and fetch it", "wash wit add wasi:keyvalue/store@0.2.0-draft"}));
static const struct cli_command build_command =
    COMMAND("build", run_build, build_options, .summary = "Build the project's WIT package as a file for a registry",
            .details = "The package is written in the binary format of components, as `wash oci push` takes it.",
            CLI_EXAMPLES({"Write a package to be published", "wash wit build --output-file greeter.wasm"}));
static const struct cli_command clean_command =
    COMMAND("clean", run_clean, common_options, .summary = "Remove the fetched WIT packages from wit/deps",
            .details = "What is there and was not fetched, the project's own, stays.");
static const struct cli_command fetch_command =
    COMMAND("fetch", run_fetch, fetch_options, .summary = "Fetch the WIT packages that the project refers to",
            .details = "Writes them to wit/deps, and to wkg.lock which releases they are. What is locked stays as it is; "
                       "`wash wit update` resolves anew. `wash build` fetches by itself when something is missing.",
            CLI_EXAMPLES({"Fill wit/deps with what wit/ refers to, at the versions of wkg.lock", "wash wit fetch"}));
static const struct cli_command remove_command =
    COMMAND("remove", run_remove, common_options, .arguments = remove_arguments, .argument_count = 1,
            .summary = "Remove the imports of a WIT package or interface",
            CLI_EXAMPLES({"Drop every import of a package", "wash wit remove wasi:keyvalue"}));
static const struct cli_command update_command = COMMAND(
    "update", run_update, common_options, .arguments = update_arguments, .argument_count = 1,
    .summary = "Resolve WIT packages anew, whatever wkg.lock says",
    CLI_EXAMPLES({"The newest release of one package that fits", "wash wit update wasi:http"}, {"Of all", "wash wit update"}));

static const struct cli_command *const subcommands[] = {&add_command,   &build_command,  &clean_command,
                                                        &fetch_command, &remove_command, &update_command};

const struct cli_command cli_wit = {
    .name = "wit",
    .summary = "Manage the WIT packages that a project refers to",
    .details =
        "Which registry has a package is said by wit.sources, and by the configuration of wkg: the file that WKG_CONFIG_FILE "
        "names, else wasm-pkg/config.toml in the user's configuration folder. What neither says, and is not of the namespaces "
        "wasi, ba, wasmcloud and wrpc, is looked for in wit.registries, in their order. WKG_REGISTRY_<NAME>_AUTH_BEARER has a "
        "token "
        "for the registry of that name, in capitals with `_` for all but letters and digits. wkg.toml has the project's "
        "overrides, or the members of its workspace.",
    .subcommands = subcommands,
    .subcommand_count = ARRAY_LEN(subcommands),
};

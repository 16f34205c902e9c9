/* `wash config`: files of configuration made, shown, checked; folders of wash's own cleaned up. */
#include "base/file.h"
#include "base/mem.h"
#include "cli/cleanup.h"
#include "cli/cli.h"
#include "config/write.h"
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- init --------------------------------------------------------------------------------------------------------------------- */

struct init_options {
    struct str format;
    bool force, global, example;
};

/* Something for every section, and for what is hard to guess. */
static const char example[] =
    "{\"build\": {\"command\": \"cargo build --target wasm32-wasip2 --release\", \"env\": {\"RUSTFLAGS\": \"-C opt-level=s\"},"
    " \"component_path\": \"target/wasm32-wasip2/release/my_component.wasm\"},"
    " \"new\": {\"command\": \"cargo fetch\"},"
    " \"dev\": {\"command\": \"cargo build --target wasm32-wasip2\","
    "  \"component_path\": \"target/wasm32-wasip2/debug/my_component.wasm\", \"address\": \"127.0.0.1:8000\","
    "  \"volumes\": [{\"host_path\": \"./data\", \"guest_path\": \"/data\"}],"
    "  \"components\": [{\"name\": \"helper\", \"file\": \"helper.wasm\", \"config\": {\"greeting\": \"hello\"}}],"
    "  \"host_interfaces\": [{\"namespace\": \"wasi\", \"package\": \"keyvalue\", \"interfaces\": [\"store\", \"atomics\"],"
    "   \"config\": {\"bucket\": \"default\"}}]},"
    " \"workload\": {\"environment\": {\"config\": {\"LOG_LEVEL\": \"info\"}, \"configFrom\": [\"settings\"],"
    "   \"secretFrom\": [\"credentials\"]}, \"config\": {\"feature\": \"on\"}, \"allowedHosts\": [\"*.example.com\"]},"
    " \"configs\": {\"settings\": {\"inline\": {\"REGION\": \"eu\"}, \"fromEnv\": [\"USER\"]}},"
    " \"secrets\": {\"credentials\": {\"file\": \".env.secret\"}},"
    " \"wit\": {\"wit_dir\": \"wit\", \"registries\": [{\"url\": \"registry.example.com\"}],"
    "  \"sources\": {\"my:package\": \"../my-package/wit\"}},"
    " \"limits\": {\"call_timeout_secs\": 60, \"memory_mib\": 256}}";

static json_t *initial_tree(bool with_example)
{
    json_t *tree = json_pack("{s:s}", "version", WASH_VERSION), *rest = with_example ? json_loads(example, 0, NULL) : json_object();
    if (!rest)
        bug("the example is not JSON");
    json_object_update(tree, rest);
    json_decref(rest);
    return tree;
}

static const char *later_note(const struct config_key *key)
{
    return key->later ? " (not acted on yet)" : "";
}

/* What a section is for, and all that it may have. */
static void comment_section(const struct config_key *section, struct buf *out)
{
    const struct config_schema *schema = section->kind == CONFIG_OBJECT ? section->object : NULL;
    int width = 0;
    buf_addf(out, "\n# %s: %s%s\n", section->name, section->help, later_note(section));
    for (size_t i = 0; schema && i < schema->key_count; i++)
        width = MAX(width, (int)strlen(schema->keys[i].name));
    for (size_t i = 0; schema && i < schema->key_count; i++)
        buf_addf(out, "#   %-*s  %s%s\n", width, schema->keys[i].name, schema->keys[i].help, later_note(&schema->keys[i]));
}

/* A section at a time, each after its comment; JSON has none. */
static enum status write_commented(json_t *tree, enum config_format_name format, struct buf *out, struct error *err)
{
    for (size_t i = 0; i < wash_config_schema.key_count; i++) {
        const struct config_key *key = &wash_config_schema.keys[i];
        json_t *value = json_object_get(tree, key->name);
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        if (!value)
            continue;
        json_t *section = json_pack("{s:O}", key->name, value);
        enum status status = config_write(section, format, &text, err);
        json_decref(section);
        TRY(status);
        comment_section(key, out);
        buf_add(out, buf_str(&text));
    }
    return ST_OK;
}

static enum status initial_text(const struct init_options *options, struct buf *out, struct error *err)
{
    enum config_format_name format = str_is(options->format, "json")   ? CONFIG_JSON
                                     : str_is(options->format, "toml") ? CONFIG_TOML
                                                                       : CONFIG_YAML;
    if (format != CONFIG_JSON)
        buf_add(out, STR("# Configuration of wash. `wash config init --example` writes one with every section, `wash config\n"
                         "# validate` checks it, `wash config schema` prints a JSON Schema for editors.\n"));
    json_t *tree = initial_tree(options->example);
    enum status status =
        options->example && format != CONFIG_JSON ? write_commented(tree, format, out, err) : config_write(tree, format, out, err);
    json_decref(tree);
    return status;
}

/* The user's folder, or that of the project we are in, or a new one here. ret_above: it is of a project further up. */
static enum status init_folder(const struct cli_context *context, bool global, struct str *ret_folder, bool *ret_above,
                               struct error *err)
{
    struct str own = arena_printf(context->arena, "%.*s/.wash", STR_ARG(context->start_directory));
    struct config_request request = {.start = context->start_directory};
    struct config_project project;
    *ret_above = false;
    if (global && context->parsed.globals.user_config.data)
        return fail(err, ST_INVALID, "--global makes the user's configuration, and --user-config names another; give one of them");
    if (global && !context->folders.config.data)
        return fail(err, ST_NOT_FOUND, "neither XDG_CONFIG_HOME nor HOME names a folder for --global");
    TRY(config_find(&request, context->arena, &project, err));
    *ret_above = !global && project.config_path.data && !str_eq(project.root, context->start_directory) &&
                 !file_is_folder(own.data); /* that is how to ask for a project within a project */
    *ret_folder = global       ? context->folders.config
                  : *ret_above ? arena_printf(context->arena, "%.*s/.wash", STR_ARG(project.root))
                               : own;
    return ST_OK;
}

static enum status check_none(struct str folder, bool above, struct arena *arena, struct error *err)
{
    for (const char *const *name = config_file_names; *name; name++) {
        struct str there = arena_printf(arena, "%.*s/%s", STR_ARG(folder), *name);
        struct stat info;
        if (lstat(there.data, &info) == 0)
            return fail(err, ST_EXISTS, "there is a configuration already: %s; --force replaces it%s", there.data,
                        above ? ", and a folder .wash here makes a project of its own within that one" : "");
    }
    return ST_OK;
}

/* Another format's file would be stronger, or weaker, than the new one, to everybody's surprise. */
static enum status remove_others(struct str folder, struct str path, struct arena *arena, struct error *err)
{
    for (const char *const *name = config_file_names; *name; name++) {
        struct str other = arena_printf(arena, "%.*s/%s", STR_ARG(folder), *name);
        if (!str_eq(other, path) && unlink(other.data) != 0 && errno != ENOENT)
            return fail_errno(err, "remove %s, which the new configuration replaces", other.data);
    }
    return ST_OK;
}

static enum status run_init(struct cli_context *context, const void *options_pointer, struct error *err)
{
    static const char message[] = "Configuration initialized successfully.";
    const struct init_options *options = options_pointer;
    struct arena *arena = context->arena;
    struct str folder;
    bool above;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    TRY(init_folder(context, options->global, &folder, &above, err));
    struct str path = arena_printf(arena, "%.*s/config.%.*s", STR_ARG(folder), STR_ARG(options->format));
    if (!options->force)
        TRY(check_none(folder, above, arena, err));
    TRY(initial_text(options, &text, err));
    if (options->global)
        TRY(file_make_folders(folder.data, CLI_FOLDER_MODE, err));
    else if (mkdir(folder.data, 0777) != 0 && errno != EEXIST)
        return fail_errno(err, "create the folder %s", folder.data);
    TRY(file_replace(path.data, buf_str(&text), err));
    TRY(remove_others(folder, path, arena, err));
    cli_result(context, arena_printf(arena, "%s\n%.*s", message, STR_ARG(path)), message,
               json_pack("{s:s, s:o, s:b}", "message", message, "config_path", cli_json_text(path), "success", 1));
    cli_hint(context, "edit it, then `wash config validate`");
    return ST_OK;
}

/* --- info, show, schema ------------------------------------------------------------------------------------------------------- */

struct fact {
    const char *key, *label;
    struct str value;
};

/* Also for files that are not there: where one would go. */
static enum status run_info(struct cli_context *context, const void *options UNUSED, struct error *err)
{
    struct config_request request = cli_config_request(context);
    struct config_project project;
    const struct cli_folders *folders = &context->folders;
    TRY(config_find(&request, context->arena, &project, err));
    struct str user_path = project.user_path, project_path = project.config_path;
    if (!user_path.data && folders->config.data)
        user_path = arena_printf(context->arena, "%.*s/config.yaml", STR_ARG(folders->config));
    if (!project_path.data)
        project_path = arena_printf(context->arena, "%.*s/.wash/config.yaml", STR_ARG(project.root));
    const struct fact facts[] = {
        {"version", "wash version", STR(WASH_VERSION)},
        {"data_dir", "Data directory", folders->data},
        {"cache_dir", "Cache directory", folders->cache},
        {"user_config_dir", "User config directory", folders->config},
        {"user_config_path", "User config path", user_path},
        {"project_path", "Project path", project.root},
        {"project_config_path", "Project config path", project_path},
    };
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    json_t *data = json_object();
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        struct str value = facts[i].value;
        buf_addf(&text, "%s: ", facts[i].label);
        if (buf_append_escaped(&text, value.data ? value : STR("none")) != ST_OK) /* names of folders may be anything */
            bug("escape");
        buf_add(&text, STR("\n"));
        json_object_set_new(data, facts[i].key, value.data ? cli_json_text(value) : json_null());
    }
    cli_result(context, buf_str(&text), "Information about wash and its folders", data);
    return ST_OK;
}

static enum status run_show(struct cli_context *context, const void *options UNUSED, struct error *err)
{
    struct config_project project;
    TRY(cli_load_project(context, &project, err));
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    json_t *tree = config_encode(&wash_config_schema, &project.config);
    enum status status = config_write(tree, CONFIG_YAML, &text, err);
    if (status == ST_OK)
        cli_result(context, buf_str(&text), "Current configuration", json_incref(tree));
    json_decref(tree);
    return status;
}

static enum status run_schema(struct cli_context *context, const void *options UNUSED, struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    json_t *schema = config_json_schema(&wash_config_schema, "Configuration of wash");
    enum status status = config_write(schema, CONFIG_JSON, &text, err);
    if (status == ST_OK)
        cli_result(context, buf_str(&text), "JSON Schema of the configuration", json_incref(schema));
    json_decref(schema);
    return status;
}

/* --- validate ----------------------------------------------------------------------------------------------------------------- */

struct validate_options {
    struct str file;
};

/* References to the environment have to hold before something needs them. */
static enum status check_references(const struct wash_config *config, struct config_report *report, struct error *err)
{
    const struct config_wit_registry *registries = config->wit.registries.items;
    for (size_t i = 0; i < config->wit.registries.len; i++) {
        const struct str values[] = {registries[i].url, registries[i].username, registries[i].token};
        static const char *const names[] = {"url", "username", "token"};
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            struct str expanded;
            const char *what = arena_printf(report->arena, "wit.registries[%zu].%s", i, names[k]).data;
            if (config_expand(values[k], what, report->arena, &expanded, err) != ST_OK)
                TRY(config_mistake(report, err, "%s", arena_str(report->arena, str_of(err->message)).data));
        }
    }
    return ST_OK;
}

/* Mistakes go into the report; an error is what kept us from looking: a file that cannot be read or parsed counts as a mistake. */
static void load_reported(struct cli_context *context, struct str file, struct config_report *report)
{
    struct config_request request = cli_config_request(context);
    struct config_project project;
    struct error err;
    request.report = report;
    enum status status = file.data ? config_load_file(cli_path(context, file).data, report, &project.config, &err)
                                   : config_load(&request, context->arena, &project, &err);
    if (status == ST_OK && !file.data)
        cli_warn_of_config(&project);
    if (status == ST_OK)
        status = check_references(&project.config, report, &err);
    if (status != ST_OK)
        vec_push(&report->mistakes, arena_str(report->arena, str_of(err.message)));
}

static struct str source_of(struct cli_context *context, struct str file, struct error *err)
{
    struct config_request request = cli_config_request(context);
    struct config_project project;
    if (file.data)
        return cli_path(context, file);
    if (config_find(&request, context->arena, &project, err) != ST_OK)
        return STR("merged configuration");
    struct str user = project.user_path.data ? project.user_path : STR("none");
    struct str own = project.config_path.data ? project.config_path : STR("none");
    return arena_printf(context->arena, "merged configuration (user: %.*s, project: %.*s)", STR_ARG(user), STR_ARG(own));
}

static json_t *validation(struct str source, const struct config_report *report)
{
    json_t *errors = json_array();
    vec_each (mistake, &report->mistakes)
        json_array_append_new(errors, cli_json_text(*mistake));
    return json_pack("{s:o, s:b, s:o}", "source", cli_json_text(source), "valid", report->mistakes.len == 0, "errors", errors);
}

static enum status run_validate(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct validate_options *options = options_pointer;
    struct config_report report = {.collect = true, .arena = context->arena};
    struct str source = source_of(context, options->file, err);
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (options->file.data && access(source.data, F_OK) != 0)
        return fail_errno(err, "--file %s", source.data);
    load_reported(context, options->file, &report);
    buf_addf(&text, "Validating: %.*s\n", STR_ARG(source));
    json_t *data = validation(source, &report);
    enum status status = ST_OK;
    if (report.mistakes.len == 0) {
        buf_add(&text, STR("Configuration is valid.\n"));
        cli_result(context, buf_str(&text), "Configuration is valid.", data);
    } else {
        vec_each (mistake, &report.mistakes) {
            buf_add(&text, STR("  "));
            if (buf_append_escaped(&text, *mistake) != ST_OK)
                bug("escape");
            buf_add(&text, STR("\n"));
        }
        status =
            fail(err, ST_INVALID, "the configuration has %zu mistake%s", report.mistakes.len, report.mistakes.len == 1 ? "" : "s");
        cli_failure_data(context, buf_str(&text), err->message, data);
        context->reported = true;
    }
    vec_release(&report.mistakes);
    return status;
}

/* --- cleanup ------------------------------------------------------------------------------------------------------------------ */

struct cleanup_options {
    bool cache, data, all, dry_run;
};

struct cleanup_result {
    struct buf text;
    json_t *entries;
    uint64_t total;
};

static struct str size_text(uint64_t bytes, struct arena *arena)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    cli_format_size(&text, bytes);
    return arena_str(arena, buf_str(&text));
}

static enum status clean_one(struct cli_context *context, const char *kind, struct str path, bool dry_run,
                             struct cleanup_result *result, struct error *err)
{
    static const char *const actions[2][2] = {{"skipped (missing)", "removed"}, {"would skip (missing)", "would remove"}};
    bool existed;
    uint64_t bytes;
    if (!path.data)
        return fail(err, ST_NOT_FOUND, "neither XDG_%s_HOME nor HOME names a folder", kind[0] == 'c' ? "CACHE" : "DATA");
    TRY(cli_cleanup(path.data, dry_run, &existed, &bytes, err));
    const char *action = actions[dry_run][existed];
    struct str size = size_text(bytes, context->arena);
    buf_addf(&result->text, "%s %s directory: %.*s", action, kind, STR_ARG(path));
    buf_addf(&result->text, existed ? " (%s)\n" : "\n", size.data);
    json_array_append_new(result->entries,
                          json_pack("{s:s, s:o, s:b, s:s, s:o, s:o}", "kind", kind, "path", cli_json_text(path), "existed", existed,
                                    "action", action, "size_bytes", existed ? json_integer((json_int_t)bytes) : json_null(),
                                    "size_human", existed ? json_string(size.data) : json_null()));
    result->total += bytes;
    return ST_OK;
}

static enum status check_cleanup(const void *options_pointer, const struct cli_globals *globals UNUSED, struct error *err)
{
    const struct cleanup_options *options = options_pointer;
    if (!options->cache && !options->data && !options->all)
        return fail(err, ST_INVALID, "say what to clean up: --cache, --data, or --all");
    return ST_OK;
}

static enum status run_cleanup(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct cleanup_options *options = options_pointer;
    struct cleanup_result result = {BUF_INIT(BUF_UNLIMITED), json_array(), 0};
    enum status status = ST_OK;
    if (options->cache || options->all)
        status = clean_one(context, "cache", context->folders.cache, options->dry_run, &result, err);
    if (status == ST_OK && (options->data || options->all))
        status = clean_one(context, "data", context->folders.data, options->dry_run, &result, err);
    if (status == ST_OK) {
        struct str total = size_text(result.total, context->arena);
        buf_addf(&result.text, "total%s: %s\n", options->dry_run ? " (would free)" : " freed", total.data);
        cli_result(context, buf_str(&result.text), options->dry_run ? "Nothing was removed" : "Cleaned up",
                   json_pack("{s:b, s:O, s:I, s:s}", "dry_run", options->dry_run, "entries", result.entries, "total_bytes",
                             (json_int_t)result.total, "total_human", total.data));
    }
    json_decref(result.entries);
    buf_release(&result.text);
    return status;
}

/* --- the commands ------------------------------------------------------------------------------------------------------------- */

static const char *const formats[] = {"yaml", "json", "toml", NULL};
#define INIT(member) offsetof(struct init_options, member)
static const struct cli_option init_options[] = {
    {.name = "force", .kind = CLI_FLAG, .offset = INIT(force), .help = "Replace what is there, in any format"},
    {.name = "global", .kind = CLI_FLAG, .offset = INIT(global), .help = "The user's own configuration instead of the project's"},
    {.name = "format",
     .kind = CLI_CHOICE,
     .offset = INIT(format),
     .value_name = "FORMAT",
     .choices = formats,
     .text_default = "yaml",
     .help = "Format of the file"},
    {.name = "example",
     .kind = CLI_FLAG,
     .offset = INIT(example),
     .help = "With an example of every section, and in YAML and TOML a comment on every key"},
};
static const struct cli_command config_init = {
    .name = "init",
    .summary = "Make a configuration file in this folder",
    .details = "In a folder of a project it is the project's, at its root, unless the folder has a .wash of its own.",
    .options_size = sizeof(struct init_options),
    .options = init_options,
    .option_count = ARRAY_LEN(init_options),
    CLI_EXAMPLES({"With an example of every section, in TOML", "wash config init --format toml --example"}),
    .run = run_init,
};
static const struct cli_command config_info = {
    .name = "info",
    .summary = "Print version, folders and configuration files of wash",
    CLI_EXAMPLES({"Which folders and files wash uses here", "wash config info"}),
    .run = run_info,
};
static const struct cli_command config_show = {
    .name = "show",
    .summary = "Print the configuration that counts here",
    .details = "Defaults, the user's file, the project's file and WASH_ variables, the later ones over the earlier. "
               "Secrets are shown as ***.",
    CLI_EXAMPLES({"What wash works with here, merged from all its sources", "wash config show"}),
    .run = run_show,
};
static const struct cli_command config_schema = {
    .name = "schema",
    .summary = "Print a JSON Schema of the configuration, for editors",
    CLI_EXAMPLES({"A JSON Schema for an editor", "wash config schema > .wash/config.schema.json"}),
    .run = run_schema,
};
#define VALIDATE(member) offsetof(struct validate_options, member)
static const struct cli_option validate_options[] = {
    {.name = "file",
     .kind = CLI_TEXT,
     .offset = VALIDATE(file),
     .value_name = "FILE",
     .complete = CLI_COMPLETE_FILES,
     .help = "Check this file alone"},
};
static const struct cli_command config_validate = {
    .name = "validate",
    .summary = "Check the configuration: keys, values, and what does not go together",
    .options_size = sizeof(struct validate_options),
    .options = validate_options,
    .option_count = ARRAY_LEN(validate_options),
    CLI_EXAMPLES({"Check a file that is not the project's", "wash config validate --file config.yaml"}),
    .run = run_validate,
};
#define CLEANUP(member) offsetof(struct cleanup_options, member)
static const struct cli_option cleanup_options[] = {
    {.name = "cache", .kind = CLI_FLAG, .offset = CLEANUP(cache), .help = "The cache: compiled code, pulled components"},
    {.name = "data", .kind = CLI_FLAG, .offset = CLEANUP(data), .help = "The data folder"},
    {.name = "all", .kind = CLI_FLAG, .offset = CLEANUP(all), .help = "Both"},
    {.name = "dry-run", .kind = CLI_FLAG, .offset = CLEANUP(dry_run), .help = "Only say what would be removed"},
};
static const struct cli_command config_cleanup = {
    .name = "cleanup",
    .summary = "Remove what wash keeps in its cache and data folders",
    .options_size = sizeof(struct cleanup_options),
    .options = cleanup_options,
    .option_count = ARRAY_LEN(cleanup_options),
    CLI_EXAMPLES({"What the caches take", "wash config cleanup --cache --dry-run"}),
    .check = check_cleanup,
    .run = run_cleanup,
};

static const struct cli_command *const config_commands[] = {
    &config_init, &config_info, &config_show, &config_cleanup, &config_validate, &config_schema,
};
const struct cli_command cli_config = {
    .name = "config",
    .summary = "Make, show and check configuration",
    .subcommands = config_commands,
    .subcommand_count = ARRAY_LEN(config_commands),
};

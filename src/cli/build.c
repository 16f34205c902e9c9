/* `wash build`, and building for other commands; see build.h. */
#include "cli/build.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupts.h"
#include "cli/wit.h"
#include <string.h>
#include <sys/stat.h>

static const char *const *build_env(const struct config_project *project, struct str component_path, struct arena *arena)
{
    const struct config_map *env = &project->config.build.env;
    const char **list = ARENA_ARRAY(arena, const char *, env->len + 2);
    for (size_t i = 0; i < env->len; i++)
        list[i] = arena_printf(arena, "%.*s=%.*s", STR_ARG(env->items[i].key), STR_ARG(env->items[i].value)).data;
    list[env->len] = arena_printf(arena, "WASH_COMPONENT_PATH=%.*s", STR_ARG(component_path)).data;
    return list;
}

struct cli_build cli_build_of(const struct config_project *project, bool dev, struct arena *arena)
{
    const struct wash_config *config = &project->config;
    struct str path = config_component_path(project, dev, arena);
    return (struct cli_build){
        .command = dev && config->dev.command.data ? config->dev.command : config->build.command,
        .directory = project->root,
        .env = build_env(project, path, arena),
        .component_path = path,
    };
}

enum status cli_build_failed(const struct cli_build *build, int code, struct error *err)
{
    const char *signal = code > 128 ? sigdescr_np(code - 128) : NULL; /* as shells count: killed for its memory, say */
    if (signal)
        return fail(err, ST_INVALID, "the build command failed with exit code %d (%s): %.*s", code, signal,
                    STR_ARG(build->command));
    return fail(err, ST_INVALID, "the build command failed with exit code %d: %.*s%s", code, STR_ARG(build->command),
                code == 127 ? "; `wash doctor` says what is not installed" : "");
}

enum status cli_build_wrap(const struct cli_build *build, struct error *err)
{
    bool wrapped;
    TRY(cli_wrap_file(build->component_path, &wrapped, err));
    if (wrapped)
        log_info("made a component of the core module that was built", LOG_STR("path", build->component_path));
    return ST_OK;
}

/* What the command said it would do. */
static enum status check_component(const struct cli_build *build, struct error *err)
{
    struct stat info;
    if (stat(build->component_path.data, &info) != 0)
        return fail(err, ST_NOT_FOUND, "the build left no component at %s; set build.component_path to where it goes",
                    build->component_path.data);
    if (!S_ISREG(info.st_mode))
        return fail(err, ST_INVALID, "build.component_path: %s is not a regular file", build->component_path.data);
    TRY(cli_build_wrap(build, err));
    log_debug("component is there", LOG_STR("path", build->component_path), LOG_U64("bytes", (uint64_t)info.st_size));
    return ST_OK;
}

/* The command has the terminal, so that tools show their progress and Ctrl-C reaches all of them. */
static enum status run_command(const struct cli_build *build, struct error *err)
{
    const char *const argv[] = {"sh", "-c", build->command.data, NULL};
    const struct io_run run = {.argv = argv, .directory = build->directory.data, .env = build->env, .on_terminal = true};
    uint64_t start = clock_now();
    int code = 0;
    TRY(cli_run(&run, &code, err));
    log_debug("build command has ended", LOG_I64("exit_code", code), LOG_U64("ms", (clock_now() - start) / NS_PER_MS));
    return code == 0 ? ST_OK : cli_build_failed(build, code, err);
}

static enum status no_command(const struct config_project *project, struct error *err)
{
    if (project->config_path.data)
        return fail(err, ST_INVALID, "build.command is required in wash config: %s has none", project->config_path.data);
    return fail(
        err, ST_NOT_FOUND,
        "build.command is required in wash config: neither %s nor a folder above it has a .wash/config.yaml; `wash new` makes a "
        "project, `wash config init --example` a configuration to change",
        project->root.data);
}

enum status cli_build_project(const struct cli_context *context, const struct config_project *project,
                              struct str *ret_component_path, struct error *err)
{
    struct cli_build build = cli_build_of(project, false, context->arena);
    if (!build.command.data)
        return no_command(project, err);
    TRY(cli_wit_fetch(context, project, err));
    log_info("building", LOG_STR("command", build.command));
    for (const char *const *entry = build.env; *entry; entry++)
        log_debug("build environment", LOG_TEXT("variable", *entry));
    TRY(run_command(&build, err));
    TRY(check_component(&build, err));
    *ret_component_path = build.component_path;
    return ST_OK;
}

/* --- the command -------------------------------------------------------------------------------------------------------------- */

struct build_options {
    struct str wit_dir;
    bool skip_fetch;
};

static enum status run_build(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct build_options *options = options_pointer;
    struct config_project project;
    struct str path;
    TRY(cli_load_project(context, &project, err));
    if (options->wit_dir.data)
        project.config.wit.wit_dir = cli_path(context, options->wit_dir);
    project.config.wit.skip_fetch = project.config.wit.skip_fetch || options->skip_fetch;
    if (options->wit_dir.data && !project.config.wit.skip_fetch) /* a project needs no WIT of its own, but what is named is there */
        TRY(cli_check_wit_dir(project.config.wit.wit_dir.data, err));
    TRY(cli_build_project(context, &project, &path, err));
    struct str text = arena_printf(context->arena, "Successfully built component at: %.*s", STR_ARG(path));
    cli_result(context, text, text.data,
               json_pack("{s:o, s:o}", "component_path", cli_json_text(path), "project_path", cli_json_text(project.root)));
    cli_hint(context, "`wash dev` serves it, `wash inspect %s` shows its world", cli_shell_word(context->arena, path).data);
    return ST_OK;
}

#define OPTION(member) offsetof(struct build_options, member)
static const struct cli_option options[] = {
    {.name = "skip-fetch", .kind = CLI_FLAG, .offset = OPTION(skip_fetch), .help = "Do not fetch WIT dependencies first"},
    {.name = "wit-dir",
     .kind = CLI_TEXT,
     .offset = OPTION(wit_dir),
     .value_name = "DIR",
     .complete = CLI_COMPLETE_FOLDERS,
     .help = "Folder of the WIT, instead of wit.wit_dir"},
};

const struct cli_command cli_build = {
    .name = "build",
    .summary = "Build a project's component",
    .details = "Fetches the WIT packages that are missing, runs build.command of .wash/config.yaml in the project, with build.env "
               "and WASH_COMPONENT_PATH, and checks that the component is where build.component_path says.",
    .options_size = sizeof(struct build_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    CLI_EXAMPLES({"Build the project of this folder, or of one above it", "wash build"},
                 {"Build without asking registries for WIT, and with every step logged", "wash build --skip-fetch --verbose"}),
    .run = run_build,
};

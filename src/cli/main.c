/* `wash`: parses the command line, sets up logging, runs one command. */
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/interrupts.h"
#include "cli/markdown.h"
#include "cli/update.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
    &cli_bindgen,   &cli_build,   &cli_completion_command,
    &cli_component, &cli_config,  &cli_dev,
    &cli_doctor,    &cli_inspect, &cli_new,
    &cli_oci,       &cli_update,  &cli_wit,
};
static const struct cli_command wash = {
    .name = "wash",
    .summary = "Build WebAssembly components and run them anywhere",
    .subcommands = commands,
    .subcommand_count = ARRAY_LEN(commands),
};

static enum status enter_directory(struct cli_context *context, struct error *err)
{
    struct str directory = context->parsed.globals.directory;
    if (directory.data) {
        autofree char *path = mem_strndup(directory.data, directory.len);
        if (chdir(path) != 0)
            return fail_errno(err, "-C %s", path);
    }
    autofree char *current = getcwd(NULL, 0);
    if (!current)
        return fail_errno(err, "the working directory");
    context->start_directory = arena_str(context->arena, str_of(current));
    return ST_OK;
}

/* $XDG_CACHE_HOME/wash, or ~/.cache/wash. The specification has relative paths ignored. */
static struct str user_folder(struct arena *arena, const char *variable, const char *below_home)
{
    const char *xdg = getenv(variable), *home = getenv("HOME");
    if (xdg && *xdg == '/')
        return arena_printf(arena, "%s/wash", xdg);
    return home && *home == '/' ? arena_printf(arena, "%s/%s/wash", home, below_home) : STR_NULL;
}

static void find_folders(struct cli_context *context)
{
    context->folders = (struct cli_folders){
        .data = user_folder(context->arena, "XDG_DATA_HOME", ".local/share"),
        .cache = user_folder(context->arena, "XDG_CACHE_HOME", ".cache"),
        .config = user_folder(context->arena, "XDG_CONFIG_HOME", ".config"),
    };
}

/* RUST_LOG is stronger than the options. */
static void set_up_logging(const struct cli_globals *globals)
{
    enum log_level level = LOG_INFO;
    if (!log_level_parse(globals->log_level, &level))
        bug("log level");
    if (globals->verbose && level < LOG_DEBUG)
        level = LOG_DEBUG;
    log_set_level(level);
    const char *format = getenv("WASH_LOG_FORMAT"), *directives = getenv("RUST_LOG");
    if (format && strcmp(format, "json") == 0)
        log_set_format(LOG_FORMAT_JSON);
    if (directives && *directives && !log_set_filter(str_of(directives)))
        log_warn("RUST_LOG is not understood; it is a level, or target=level, and several with commas",
                 LOG_TEXT("value", directives));
}

/* What the user names has to be there, whether the command reads it or not. */
static enum status check_user_config(struct cli_context *context, struct error *err)
{
    struct str *path = &context->parsed.globals.user_config;
    if (!path->data)
        return ST_OK;
    *path = cli_path(context, *path);
    if (access(path->data, R_OK) != 0)
        return fail_errno(err, "--user-config %s", path->data);
    return ST_OK;
}

/* Without anything heavy: `--help` never comes here. */
static enum status prepare(struct cli_context *context, struct error *err)
{
    set_up_logging(&context->parsed.globals);
    find_folders(context);
    cli_terminal_restore_when_interrupted();
    struct str user_config = context->parsed.globals.user_config;
    if (user_config.data && user_config.data[0] != '/') { /* meant from where we are, before -C */
        autofree char *current = getcwd(NULL, 0);
        if (!current)
            return fail_errno(err, "the working directory");
        context->parsed.globals.user_config = arena_printf(context->arena, "%s/%.*s", current, STR_ARG(user_config));
    }
    TRY(enter_directory(context, err));
    return check_user_config(context, err);
}

static void print_help(const struct cli_parsed *parsed, FILE *where)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    cli_help(&text, parsed->command, parsed->path);
    fwrite(text.data, 1, text.len, where);
}

/* A name that only leads to commands: `wash` itself (exit code 1, as the original has it), or `wash oci` (2, with its help). */
static int missing_command(struct cli_context *context, struct error *err)
{
    const struct cli_parsed *parsed = &context->parsed;
    (void)!fail(err, ST_INVALID, "No command provided; `%.*s --help` lists the commands", STR_ARG(parsed->path));
    bool root = parsed->command == &wash;
    if (root || context->json)
        cli_failure(context, err);
    else
        print_help(parsed, stderr);
    return root ? 1 : 2;
}

static int run(struct cli_context *context, struct error *err)
{
    const struct cli_command *command = context->parsed.command;
    if (context->parsed.globals.version) {
        cli_result(context, STR(WASH_VERSION_TEXT), WASH_VERSION_TEXT, json_pack("{s:s}", "version", WASH_VERSION));
        return 0;
    }
    if (context->parsed.globals.help_markdown) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        cli_markdown(&text, &wash);
        fwrite(text.data, 1, text.len, stdout);
        return 0;
    }
    if (context->parsed.globals.help) {
        print_help(&context->parsed, stdout);
        return 0;
    }
    if (command->subcommand_count)
        return missing_command(context, err);
    enum status status = prepare(context, err);
    if (status == ST_OK)
        status = command->run(context, context->parsed.options, err);
    if (status != ST_OK && !context->reported)
        cli_failure(context, err);
    if (status != ST_CANCELLED)
        cli_notice_new_version(context);
    return status == ST_CANCELLED && cli_interrupted() ? 128 + cli_interrupted() : status_exit_code(status);
}

/* A standard descriptor that is closed would become the next file or connection that is opened, and results and logs would go there.
 * What takes its place for stdout cannot be written, so that a result that nobody gets is still noticed. */
static void hold_standard_descriptors(void)
{
    static const int modes[] = {[STDIN_FILENO] = O_RDONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_WRONLY};
    for (int fd = 0; fd < (int)ARRAY_LEN(modes); fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd) /* the lowest that is free is this one */
            _exit(1);
}

/* A result that did not arrive, because a disk is full or its reader gone, is a failure. */
static int finish_output(struct cli_context *context, int code, struct error *err)
{
    bool lost = ferror(stdout); /* some of it, earlier: what is left may well arrive */
    bool written = fflush(stdout) == 0 && !lost;
    if (written || code != 0)
        return code;
    if (lost)
        (void)!fail(err, ST_IO, "the result could not be written to stdout");
    else
        (void)!fail_errno(err, "write the result to stdout");
    context->json = false;
    cli_failure(context, err);
    return 1;
}

int main(int argc, char **argv)
{
    hold_standard_descriptors();
    signal(SIGCHLD, SIG_DFL); /* whoever started us may ignore it: the kernel would keep no exit codes of what we run */
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct cli_context context = {.arena = &arena, .root = &wash};
    struct error err = {0};
    cli_terminal_init(&context.terminal);
    int code;
    if (cli_parse(&wash, argc, argv, &arena, &context.parsed, &err) != ST_OK) {
        context.json = cli_wants_json(&context.parsed, argc, argv);
        cli_failure(&context, &err);
        code = 2;
    } else {
        context.json = str_eq_nocase(context.parsed.globals.output, STR("json"));
        code = run(&context, &err);
    }
    code = finish_output(&context, code, &err);
    arena_release(&arena);
    return code;
}

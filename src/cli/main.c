/* `wash`: parses the command line, sets up logging, runs one command. */
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include <locale.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
    &cli_bindgen,
    &cli_dev,
    &cli_inspect,
    &cli_oci,
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

static void set_up_logging(const struct cli_globals *globals)
{
    enum log_level level = LOG_INFO;
    if (!log_level_parse(globals->log_level, &level))
        bug("log level");
    if (globals->verbose && level < LOG_DEBUG)
        level = LOG_DEBUG;
    const char *variable = getenv("RUST_LOG");
    enum log_level wanted;
    if (variable && log_level_parse(str_of(variable), &wanted))
        level = wanted;
    log_set_level(level);
    const char *format = getenv("WASH_LOG_FORMAT");
    if (format && strcmp(format, "json") == 0)
        log_set_format(LOG_FORMAT_JSON);
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
    if (context->parsed.globals.help) {
        print_help(&context->parsed, stdout);
        return 0;
    }
    if (command->subcommand_count)
        return missing_command(context, err);
    set_up_logging(&context->parsed.globals);
    enum status status = enter_directory(context, err);
    if (status == ST_OK)
        status = command->run(context, context->parsed.options, err);
    if (status != ST_OK)
        cli_failure(context, err);
    return status_exit_code(status);
}

int main(int argc, char **argv)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    struct cli_context context = {.arena = &arena};
    struct error err = {0};
    int code;
    if (cli_parse(&wash, argc, argv, &arena, &context.parsed, &err) != ST_OK) {
        context.json = cli_wants_json(argc, argv);
        cli_failure(&context, &err);
        code = 2;
    } else {
        context.json = str_eq_nocase(context.parsed.globals.output, STR("json"));
        code = run(&context, &err);
    }
    arena_release(&arena);
    if (fflush(stdout) != 0 && code == 0)
        code = 1;
    return code;
}

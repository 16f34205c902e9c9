/* `--help`, written from the tables of options.h for a terminal of 80 columns. */
#include "base/mem.h"
#include "cli/options.h"
#include <inttypes.h>

enum { HELP_WIDTH = 80, HELP_LEFT = 26, HELP_INDENT = HELP_LEFT + 4 };

/* Words in lines that all begin at column `indent`, where the first one stands already. */
static void help_text(struct buf *out, size_t indent, struct str text)
{
    size_t room = HELP_WIDTH - indent, used = 0;
    struct str word;
    while (str_next_part(&text, ' ', &word)) {
        if (used > 0 && used + 1 + word.len > room) {
            buf_addf(out, "\n%*s", (int)indent, "");
            used = 0;
        }
        buf_addf(out, "%s%.*s", used ? " " : "", STR_ARG(word));
        used += (used ? 1 : 0) + word.len;
    }
    buf_add(out, STR("\n"));
}

static void help_row(struct buf *out, const char *left, const struct cli_option *option, const char *help)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (strlen(left) > HELP_LEFT)
        buf_addf(out, "  %s\n%*s", left, HELP_INDENT, "");
    else
        buf_addf(out, "  %-*s  ", HELP_LEFT, left);
    buf_add(&text, str_of(help));
    for (const char *const *choice = option ? option->choices : NULL; choice && *choice; choice++)
        buf_addf(&text, "%s%s", choice == option->choices ? ": " : ", ", *choice);
    if (option && option->kind == CLI_NUMBER)
        buf_addf(&text, " [default: %" PRIu64 "]", option->number_default);
    else if (option && option->text_default)
        buf_addf(&text, " [default: %s]", option->text_default);
    if (option && option->env)
        buf_addf(&text, " [env: %s]", option->env);
    help_text(out, HELP_INDENT, buf_str(&text));
}

static void help_option(struct buf *out, const struct cli_option *option)
{
    autobuf struct buf left = BUF_INIT(BUF_UNLIMITED);
    if (option->hidden)
        return;
    cli_option_usage(&left, option);
    help_row(out, left.data, option, option->help);
}

static void help_options(struct buf *out, const struct cli_command *command)
{
    if (command->option_count > 0)
        buf_add(out, STR("\nOptions:\n"));
    for (size_t i = 0; i < command->option_count; i++)
        help_option(out, &command->options[i]);
}

static bool has_letter(const struct cli_command *command, char letter)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (letter && command->options[i].letter == letter)
            return true;
    return false;
}

/* A letter that the command gave to an option of its own is not the global one's there. */
static void help_globals(struct buf *out, const struct cli_command *command)
{
    buf_add(out, STR("\nGlobal options:\n"));
    for (size_t i = 0; i < cli_global_option_count; i++) {
        struct cli_option option = cli_global_options[i];
        if (has_letter(command, option.letter))
            option.letter = 0;
        help_option(out, &option);
    }
}

static void help_examples(struct buf *out, const struct cli_command *command)
{
    if (command->example_count > 0)
        buf_add(out, STR("\nExamples:\n"));
    for (size_t i = 0; i < command->example_count; i++)
        buf_addf(out, "%s  # %s\n  %s\n", i > 0 ? "\n" : "", command->examples[i].what, command->examples[i].line);
}

static void help_subcommands(struct buf *out, const struct cli_command *command)
{
    buf_add(out, STR("\nCommands:\n"));
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        buf_add(&text, str_of(below->summary));
        if (below->alias)
            buf_addf(&text, " [alias: %s]", below->alias);
        help_row(out, below->name, NULL, text.data);
    }
}

void cli_option_usage(struct buf *out, const struct cli_option *option)
{
    if (option->letter)
        buf_addf(out, "-%c", option->letter);
    else
        buf_add(out, STR("  "));
    if (*option->name)
        buf_addf(out, "%s--%s", option->letter ? ", " : "  ", option->name);
    if (option->kind != CLI_FLAG)
        buf_addf(out, " %s%s", option->value_name, option->kind == CLI_TEXTS ? "..." : "");
}

void cli_usage(struct buf *out, const struct cli_command *command, struct str path)
{
    buf_add(out, path);
    buf_addf(out, " [OPTIONS]%s", command->subcommand_count ? " <COMMAND>" : "");
    for (size_t i = 0; i < command->argument_count; i++)
        buf_addf(out, command->arguments[i].required ? " <%s>%s" : " [%s]%s", command->arguments[i].name,
                 command->arguments[i].kind == CLI_TEXTS ? "..." : "");
}

void cli_help(struct buf *out, const struct cli_command *command, struct str path)
{
    buf_addf(out, "%s\n\nUsage: ", command->summary);
    cli_usage(out, command, path);
    buf_add(out, STR("\n"));
    if (command->alias)
        buf_addf(out, "Alias: %s\n", command->alias);
    if (command->details) {
        buf_add(out, STR("\n"));
        help_text(out, 0, str_of(command->details));
    }
    if (command->subcommand_count)
        help_subcommands(out, command);
    if (command->argument_count)
        buf_add(out, STR("\nArguments:\n"));
    for (size_t i = 0; i < command->argument_count; i++)
        help_row(out, command->arguments[i].name, &command->arguments[i], command->arguments[i].help);
    help_options(out, command);
    help_examples(out, command);
    help_globals(out, command);
    if (command->subcommand_count)
        buf_addf(out, "\nRun `%.*s <COMMAND> --help` for a command's own options.\n", STR_ARG(path));
}

/* The completion script for zsh; see completion.h. One function a command, which zsh's own _arguments does the work of. */
#include "cli/completion.h"
#include "cli/walk.h"

static void add_function_name(struct buf *out, const char *path)
{
    buf_add(out, STR("_"));
    for (const char *c = path; *c; c++)
        buf_addf(out, "%c", *c == ' ' ? '_' : *c);
}

/* --- options and arguments ---------------------------------------------------------------------------------------------------- */

static void add_values(struct buf *out, const struct cli_option *option)
{
    if (option->choices) {
        buf_add(out, STR(":("));
        cli_add_choices(out, option, " ");
        buf_add(out, STR(")"));
    } else if (option->complete == CLI_COMPLETE_FILES) {
        buf_add(out, STR(":_files"));
    } else if (option->complete == CLI_COMPLETE_FOLDERS) {
        buf_add(out, STR(":_files -/"));
    } else {
        buf_add(out, STR(": "));
    }
}

/* One word of the call of _arguments. */
static void add_specification(struct buf *out, const struct buf *text)
{
    buf_add(out, STR("        "));
    cli_add_quoted(out, text->data, "'\\''", "");
    buf_add(out, STR(" \\\n"));
}

/* '-n+[help]:NAME:values', '--name=[help]:NAME:values'. */
static void add_name(struct buf *out, const struct cli_option *option, const char *path UNUSED, const char *name)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    const char *value_mark = name[1] == '-' ? "=" : "+";
    buf_addf(&text, "%s%s%s[", option->kind == CLI_TEXTS ? "*" : "", name, cli_takes_value(option) ? value_mark : "");
    for (const char *c = option->help; *c; c++)
        buf_addf(&text, "%s%c", strchr("[]:\\", *c) ? "\\" : "", *c);
    buf_add(&text, STR("]"));
    if (cli_takes_value(option)) {
        buf_addf(&text, ":%s", option->value_name);
        add_values(&text, option);
    }
    add_specification(out, &text);
}

static void add_option(struct buf *out, const struct cli_option *option, const char *path)
{
    cli_each_name(out, option, path, add_name);
}

static void add_argument(struct buf *out, const struct cli_option *argument)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "%s:%s", argument->kind == CLI_TEXTS ? "*" : argument->required ? "" : ":", argument->name);
    add_values(&text, argument);
    add_specification(out, &text);
}

/* --- commands ----------------------------------------------------------------------------------------------------------------- */

static void add_descriptions(struct buf *out, const struct cli_command *command)
{
    buf_add(out, STR("    local -a commands=(\n"));
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        autobuf struct buf entry = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&entry, "%s:%s", below->name, below->summary);
        buf_add(out, STR("        "));
        cli_add_quoted(out, entry.data, "'\\''", "");
        buf_add(out, STR("\n"));
    }
    buf_add(out, STR("    )\n"));
}

static void add_subcommands(struct buf *out, const struct cli_command *command, const char *path)
{
    add_descriptions(out, command);
    buf_add(out, STR("    case $state in\n    command) _describe -t commands command commands && ret=0 ;;\n"
                     "    rest)\n        case $line[1] in\n"));
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        autobuf struct buf full = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&full, "%s %s", path, below->name);
        buf_addf(out, "        %s%s%s) ", below->name, below->alias ? "|" : "", below->alias ? below->alias : "");
        add_function_name(out, full.data);
        buf_add(out, STR(" && ret=0 ;;\n"));
    }
    buf_add(out, STR("        esac ;;\n    esac\n"));
}

static void add_function(struct buf *out, const struct cli_command *command, const char *path)
{
    add_function_name(out, path);
    buf_add(out, STR("() {\n    local ret=1 state line curcontext=$curcontext\n    _arguments -s -S -C \\\n"));
    cli_each_option(out, command, path, add_option);
    for (size_t i = 0; i < command->argument_count; i++)
        add_argument(out, &command->arguments[i]);
    if (command->subcommand_count)
        buf_add(out, STR("        '1: :->command' \\\n        '*:: :->rest' \\\n"));
    buf_add(out, STR("        && ret=0\n"));
    if (command->subcommand_count)
        add_subcommands(out, command, path);
    buf_add(out, STR("    return ret\n}\n"));
}

void completion_zsh(struct buf *out, const struct cli_command *root)
{
    buf_add(out, STR("#compdef wash\n"
                     "# Completion of wash for zsh: save it as _wash in a folder of $fpath, or source it after compinit\n"));
    cli_each_command(out, root, root->name, add_function);
    buf_add(out, STR("if [[ $funcstack[1] == _wash ]]; then\n    _wash \"$@\"\nelse\n    compdef _wash wash\nfi\n"));
}

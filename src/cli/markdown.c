/* See markdown.h. */
#include "cli/markdown.h"
#include "cli/walk.h"

/* In a table's cell `|` would end it, and `<` could begin a tag. */
static void add_cell(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++)
        buf_addf(out, "%s%c", *c == '|' || *c == '<' ? "\\" : "", *c);
}

static void add_help(struct buf *out, const struct cli_option *option)
{
    add_cell(out, option->help);
    if (option->choices) {
        buf_add(out, STR(": `"));
        cli_add_choices(out, option, "`, `");
        buf_add(out, STR("`"));
    }
    if (option->kind == CLI_NUMBER)
        buf_addf(out, " [default: %llu]", (unsigned long long)option->number_default);
    else if (option->text_default)
        buf_addf(out, " [default: `%s`]", option->text_default);
    if (option->env)
        buf_addf(out, " [env: `%s`]", option->env);
}

static void add_option(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    buf_add(out, STR("| "));
    cli_add_names(out, option, "`", "`, ");
    buf_addf(out, "%s%s%s` | ", cli_takes_value(option) ? " " : "", cli_takes_value(option) ? option->value_name : "",
             option->kind == CLI_TEXTS ? "..." : "");
    add_help(out, option);
    buf_add(out, STR(" |\n"));
}

static void add_options(struct buf *out, const char *title, const struct cli_option *options, size_t count)
{
    if (count == 0)
        return;
    buf_addf(out, "\n| %s | |\n|---|---|\n", title);
    cli_each_option_of(out, options, count, "", add_option);
}

static void add_examples(struct buf *out, const struct cli_command *command)
{
    for (size_t i = 0; i < command->example_count; i++)
        buf_addf(out, "%s# %s\n%s\n", i > 0 ? "\n" : "\n```sh\n", command->examples[i].what, command->examples[i].line);
    if (command->example_count > 0)
        buf_add(out, STR("```\n"));
}

static void add_command(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "\n## `%s`\n\n%s.\n", path, command->summary);
    if (command->details)
        buf_addf(out, "\n%s\n", command->details);
    buf_add(out, STR("\n```\n"));
    cli_usage(out, command, str_of(path));
    buf_add(out, STR("\n```\n"));
    if (command->alias)
        buf_addf(out, "\nAlias: `%s`.\n", command->alias);
    if (command->subcommand_count)
        buf_add(out, STR("\n| Command | |\n|---|---|\n"));
    for (size_t i = 0; i < command->subcommand_count; i++) {
        buf_addf(out, "| `%s %s` | ", path, command->subcommands[i]->name);
        add_cell(out, command->subcommands[i]->summary);
        buf_add(out, STR(" |\n"));
    }
    if (command->argument_count)
        buf_add(out, STR("\n| Argument | |\n|---|---|\n"));
    for (size_t i = 0; i < command->argument_count; i++) {
        buf_addf(out, "| `%s` | ", command->arguments[i].name);
        add_help(out, &command->arguments[i]);
        buf_add(out, STR(" |\n"));
    }
    add_options(out, "Option", command->options, command->option_count);
    add_examples(out, command);
}

void cli_markdown(struct buf *out, const struct cli_command *root)
{
    buf_add(out,
            STR("# Commands of wash\n\nWritten by `wash --help-markdown`; `make docs` writes it anew. Options for every command "
                "may stand before or after\nits name:\n"));
    add_options(out, "Option", cli_global_options, cli_global_option_count);
    cli_each_command(out, root, root->name, add_command);
}

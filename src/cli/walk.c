/* See walk.h. */
#include "cli/walk.h"
#include <string.h>

void cli_each_option_of(struct buf *out, const struct cli_option *options, size_t count, const char *path, cli_option_fn visit)
{
    for (size_t i = 0; i < count; i++)
        if (!options[i].hidden)
            visit(out, &options[i], path);
}

void cli_each_option(struct buf *out, const struct cli_command *command, const char *path, cli_option_fn visit)
{
    cli_each_option_of(out, command->options, command->option_count, path, visit);
    cli_each_option_of(out, cli_global_options, cli_global_option_count, path, visit);
}

/* Either visitor may be NULL. */
static void walk(struct buf *out, const struct cli_command *command, const char *path, cli_command_fn each_command,
                 cli_option_fn each_option)
{
    if (each_command)
        each_command(out, command, path);
    if (each_option)
        cli_each_option(out, command, path, each_option);
    for (size_t i = 0; i < command->subcommand_count; i++) {
        autobuf struct buf below = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&below, "%s %s", path, command->subcommands[i]->name);
        walk(out, command->subcommands[i], below.data, each_command, each_option);
    }
}

void cli_each_command(struct buf *out, const struct cli_command *command, const char *path, cli_command_fn visit)
{
    walk(out, command, path, visit, NULL);
}

void cli_each_option_below(struct buf *out, const struct cli_command *command, const char *path, cli_option_fn visit)
{
    walk(out, command, path, NULL, visit);
}

void cli_each_name(struct buf *out, const struct cli_option *option, const char *path, cli_name_fn visit)
{
    if (option->letter)
        visit(out, option, path, (char[]){'-', option->letter, '\0'});
    if (*option->name) {
        autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&name, "--%s", option->name);
        visit(out, option, path, name.data);
    }
}

bool cli_takes_value(const struct cli_option *option)
{
    return option->kind != CLI_FLAG;
}

void cli_add_names(struct buf *out, const struct cli_option *option, const char *prefix, const char *separator)
{
    if (option->letter)
        buf_addf(out, "%s-%c", prefix, option->letter);
    if (option->letter && *option->name)
        buf_add(out, str_of(separator));
    if (*option->name)
        buf_addf(out, "%s--%s", prefix, option->name);
}

void cli_add_choices(struct buf *out, const struct cli_option *option, const char *separator)
{
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        buf_addf(out, "%s%s", choice == option->choices ? "" : separator, *choice);
}

void cli_add_quoted(struct buf *out, const char *text, const char *quote, const char *also)
{
    buf_add(out, STR("'"));
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            buf_add(out, str_of(quote));
        else
            buf_addf(out, "%s%c", strchr(also, *c) ? "\\" : "", *c);
    }
    buf_add(out, STR("'"));
}

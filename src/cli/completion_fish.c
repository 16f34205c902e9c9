/* The completion script for fish; see completion.h. One `complete` for each thing to offer, with the command it belongs to. */
#include "cli/completion.h"
#include "cli/walk.h"

/* --- finding the command ------------------------------------------------------------------------------------------------------ */

static void add_steps(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "            case '%s %s'", path, below->name);
        if (below->alias)
            buf_addf(out, " '%s %s'", path, below->alias);
        buf_addf(out, "\n                set path '%s %s'\n", path, below->name);
    }
}

static void add_skip(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf prefix = BUF_INIT(BUF_UNLIMITED);
    if (!cli_takes_value(option))
        return;
    buf_addf(&prefix, "'%s '", path);
    buf_add(out, STR("            case "));
    cli_add_names(out, option, prefix.data, " ");
    buf_add(out, STR("\n                set skip 1\n"));
}

/* --- what it offers ----------------------------------------------------------------------------------------------------------- */

static void add_description(struct buf *out, const char *text)
{
    buf_add(out, STR(" -d "));
    cli_add_quoted(out, text, "\\'", "\\");
    buf_add(out, STR("\n"));
}

static void add_values(struct buf *out, const struct cli_option *option)
{
    if (option->choices) {
        buf_add(out, STR(" -x -a '"));
        cli_add_choices(out, option, " ");
        buf_add(out, STR("'"));
    } else if (option->complete == CLI_COMPLETE_FILES) {
        buf_add(out, STR(" -r -F"));
    } else if (option->complete == CLI_COMPLETE_FOLDERS) {
        buf_add(out, STR(" -x -a '(__fish_complete_directories)'"));
    } else {
        buf_add(out, STR(" -x"));
    }
}

static void add_option(struct buf *out, const struct cli_option *option, const char *path)
{
    buf_addf(out, "complete -c wash -n '__wash_at %s'", path);
    if (option->letter)
        buf_addf(out, " -s %c", option->letter);
    if (*option->name)
        buf_addf(out, " -l %s", option->name);
    if (cli_takes_value(option))
        add_values(out, option);
    add_description(out, option->help);
}

static void add_argument(struct buf *out, const struct cli_option *argument, const char *path)
{
    if (!argument->choices && argument->complete == CLI_COMPLETE_NOTHING)
        return;
    buf_addf(out, "complete -c wash -n '__wash_at %s'", path);
    if (argument->choices || argument->complete == CLI_COMPLETE_FOLDERS)
        add_values(out, argument);
    else
        buf_add(out, STR(" -F"));
    buf_add(out, STR("\n"));
}

static void add_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        buf_addf(out, "complete -c wash -n '__wash_at %s' -a %s", path, command->subcommands[i]->name);
        add_description(out, command->subcommands[i]->summary);
    }
    cli_each_option(out, command, path, add_option);
    for (size_t i = 0; i < command->argument_count; i++)
        add_argument(out, &command->arguments[i], path);
}

/* --- the script --------------------------------------------------------------------------------------------------------------- */

void completion_fish(struct buf *out, const struct cli_command *root)
{
    buf_add(out, STR("# Completion of wash for fish: save it as ~/.config/fish/completions/wash.fish\n"
                     "function __wash_path\n"
                     "    set -l path wash\n"
                     "    set -l skip 0\n"
                     "    set -l words (commandline -opc)\n"
                     "    for word in $words[2..-1]\n"
                     "        if test $skip = 1\n"
                     "            set skip 0\n"
                     "            continue\n"
                     "        end\n"
                     "        switch \"$path $word\"\n"));
    cli_each_command(out, root, root->name, add_steps);
    cli_each_option_below(out, root, root->name, add_skip);
    buf_add(out, STR("        end\n"
                     "    end\n"
                     "    echo $path\n"
                     "end\n"
                     "function __wash_at\n"
                     "    test (__wash_path) = \"$argv\"\n"
                     "end\n"
                     "complete -c wash -f\n"));
    cli_each_command(out, root, root->name, add_offers);
}

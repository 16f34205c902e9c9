/* The completion script for bash; see completion.h. */
#include "cli/completion.h"
#include "cli/walk.h"

static const char head[] =
    "# Completion of wash for bash: source it, or save it as ~/.local/share/bash-completion/completions/wash\n"
    "_wash() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path=wash word i skip= args=0\n"
    "    COMPREPLY=()\n"
    "    # --name=value comes as three words\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = && COMP_CWORD -gt 1 ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == = ]]; then skip=1; continue; fi\n"
    "        if [[ $skip ]]; then skip=; continue; fi\n"
    "        case \"$path $word\" in\n";
static const char tail[] = "    esac\n"
                           "}\n"
                           "_wash_words() {\n"
                           "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
                           "}\n"
                           "_wash_paths() {\n"
                           "    compopt -o filenames 2>/dev/null\n"
                           "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
                           "}\n"
                           "complete -F _wash wash\n";

/* --- finding the command ------------------------------------------------------------------------------------------------------ */

static void add_steps(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "            '%s %s'", path, below->name);
        if (below->alias)
            buf_addf(out, "|'%s %s'", path, below->alias);
        buf_addf(out, ") path='%s %s' ;;\n", path, below->name);
    }
}

/* The names of an option behind its command, as a pattern of `case`. */
static void add_pattern(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf prefix = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&prefix, "'%s '", path);
    cli_add_names(out, option, prefix.data, "|");
    buf_add(out, STR(")"));
}

static void add_skip(struct buf *out, const struct cli_option *option, const char *path)
{
    if (!cli_takes_value(option))
        return;
    buf_add(out, STR("            "));
    add_pattern(out, option, path);
    buf_add(out, STR(" skip=1 ;;\n"));
}

/* --- what it offers ----------------------------------------------------------------------------------------------------------- */

/* What completes a value: words, files, folders. */
static void add_values(struct buf *out, const struct cli_option *option)
{
    if (option->choices) {
        buf_add(out, STR("_wash_words \""));
        cli_add_choices(out, option, " ");
        buf_add(out, STR("\""));
    } else if (option->complete == CLI_COMPLETE_NOTHING) {
        buf_add(out, STR(":"));
    } else {
        buf_add(out, option->complete == CLI_COMPLETE_FOLDERS ? STR("_wash_paths -d") : STR("_wash_paths -f"));
    }
}

static void add_option_values(struct buf *out, const struct cli_option *option, const char *path)
{
    if (!cli_takes_value(option))
        return;
    buf_add(out, STR("        "));
    add_pattern(out, option, path);
    buf_add(out, STR(" "));
    add_values(out, option);
    buf_add(out, STR("; return ;;\n"));
}

static void add_option(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    cli_add_names(out, option, " ", "");
}

static void add_subcommands(struct buf *out, const struct cli_command *command)
{
    buf_add(out, STR("            _wash_words \""));
    for (size_t i = 0; i < command->subcommand_count; i++)
        buf_addf(out, " %s", command->subcommands[i]->name);
    buf_add(out, STR("\" ;;\n"));
}

static void add_arguments(struct buf *out, const struct cli_command *command)
{
    buf_add(out, STR("            case $args in\n"));
    for (size_t i = 0; i < command->argument_count; i++) {
        if (command->arguments[i].kind == CLI_TEXTS)
            buf_add(out, STR("                *) "));
        else
            buf_addf(out, "                %zu) ", i);
        add_values(out, &command->arguments[i]);
        buf_add(out, STR(" ;;\n"));
    }
    buf_add(out, STR("            esac ;;\n"));
}

static void add_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "        '%s')\n            if [[ $cur == -* ]]; then _wash_words \"", path);
    cli_each_option(out, command, path, add_option);
    buf_add(out, STR("\"; return; fi\n"));
    if (command->subcommand_count)
        add_subcommands(out, command);
    else
        add_arguments(out, command);
}

/* --- the script --------------------------------------------------------------------------------------------------------------- */

void completion_bash(struct buf *out, const struct cli_command *root)
{
    buf_add(out, str_of(head));
    cli_each_command(out, root, root->name, add_steps);
    cli_each_option_below(out, root, root->name, add_skip);
    buf_add(out, STR("            *' -'*) ;;\n"
                     "            *) args=$((args + 1)) ;;\n"
                     "        esac\n"
                     "    done\n"
                     "    case \"$path $prev\" in\n"));
    cli_each_option_below(out, root, root->name, add_option_values);
    buf_add(out, STR("    esac\n"
                     "    case $path in\n"));
    cli_each_command(out, root, root->name, add_offers);
    buf_add(out, str_of(tail));
}

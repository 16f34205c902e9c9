/* The completion script for Elvish; see completion.h. */
#include "cli/completion.h"
#include "cli/walk.h"

static const char head[] =
    "# Completion of wash for Elvish: save it as ~/.config/elvish/lib/wash-completion.elv and add `use wash-completion`\n"
    "set edit:completion:arg-completer[wash] = {|@words|\n"
    "    use str\n"
    "    var last = $words[-1]\n"
    "    var path = wash\n"
    "    var previous = ''\n"
    "    var commands = [\n"
    "        &''=''\n";
static const char find_command[] = "    ]\n"
                                   "    var skip = $false\n"
                                   "    for word $words[1..-1] {\n"
                                   "        if $skip {\n"
                                   "            set skip = $false\n"
                                   "            set previous = ''\n"
                                   "            continue\n"
                                   "        }\n"
                                   "        set previous = $word\n"
                                   "        if (has-key $commands $path' '$word) {\n"
                                   "            set path = $commands[$path' '$word]\n"
                                   "        } elif (has-key $takes-value $path' '$word) {\n"
                                   "            set skip = $true\n"
                                   "        }\n"
                                   "    }\n"
                                   "    # --name=value is one word, and completed as one\n"
                                   "    var name = ''\n"
                                   "    if (and (str:has-prefix $last --) (str:contains $last =)) {\n"
                                   "        var end = (str:index $last =)\n"
                                   "        set previous = $last[..$end]\n"
                                   "        set name = $previous'='\n"
                                   "        set last = $last[(+ $end 1)..]\n"
                                   "    }\n"
                                   "    var values = [\n"
                                   "        &''={ }\n";
static const char tail[] =
    "    ]\n"
    "    if (has-key $values $path' '$previous) {\n"
    "        $values[$path' '$previous] | each {|value|\n"
    "            if (eq $name '') {\n"
    "                put $value\n"
    "            } elif (eq (kind-of $value) string) {\n"
    "                put $name$value\n"
    "            } else { # a file\n"
    "                edit:complex-candidate $name$value[stem] &code-suffix=$value[code-suffix] &display=$value[stem]\n"
    "            }\n"
    "        }\n"
    "    } elif (eq $name '') {\n"
    "        $offers[$path]\n"
    "    }\n"
    "}\n";

/* --- finding the command ------------------------------------------------------------------------------------------------------ */

static void add_steps(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "        &'%s %s'='%s %s'\n", path, below->name, path, below->name);
        if (below->alias)
            buf_addf(out, "        &'%s %s'='%s %s'\n", path, below->alias, path, below->name);
    }
}

static void add_skip_of_name(struct buf *out, const struct cli_option *option UNUSED, const char *path, const char *name)
{
    buf_addf(out, "        &'%s %s'=$true\n", path, name);
}

static void add_skip(struct buf *out, const struct cli_option *option, const char *path)
{
    if (cli_takes_value(option))
        cli_each_name(out, option, path, add_skip_of_name);
}

/* --- what it offers ----------------------------------------------------------------------------------------------------------- */

static void add_candidate(struct buf *out, const char *text, const char *help)
{
    autobuf struct buf shown = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&shown, "%s  %s", text, help);
    buf_addf(out, "            edit:complex-candidate %s &display=", text);
    cli_add_quoted(out, shown.data, "''", "");
    buf_add(out, STR("\n"));
}

static void add_values_of_name(struct buf *out, const struct cli_option *option, const char *path, const char *name)
{
    buf_addf(out, "        &'%s %s'={ ", path, name);
    if (option->choices) {
        buf_add(out, STR("put "));
        cli_add_choices(out, option, " ");
    } else {
        buf_add(out, STR("edit:complete-filename $last"));
    }
    buf_add(out, STR(" }\n"));
}

static void add_values(struct buf *out, const struct cli_option *option, const char *path)
{
    if (cli_takes_value(option) && (option->choices || option->complete != CLI_COMPLETE_NOTHING))
        cli_each_name(out, option, path, add_values_of_name);
}

static void add_name(struct buf *out, const struct cli_option *option, const char *path UNUSED, const char *name)
{
    add_candidate(out, name, option->help);
}

static void add_option(struct buf *out, const struct cli_option *option, const char *path)
{
    cli_each_name(out, option, path, add_name);
}

static void add_argument(struct buf *out, const struct cli_option *argument)
{
    for (const char *const *choice = argument->choices; choice && *choice; choice++)
        add_candidate(out, *choice, argument->help);
    if (argument->complete != CLI_COMPLETE_NOTHING)
        buf_add(out, STR("            edit:complete-filename $last\n"));
}

static void add_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "        &'%s'={\n", path);
    for (size_t i = 0; i < command->subcommand_count; i++)
        add_candidate(out, command->subcommands[i]->name, command->subcommands[i]->summary);
    for (size_t i = 0; i < command->argument_count; i++)
        add_argument(out, &command->arguments[i]);
    cli_each_option(out, command, path, add_option);
    buf_add(out, STR("        }\n"));
}

/* --- the script --------------------------------------------------------------------------------------------------------------- */

void completion_elvish(struct buf *out, const struct cli_command *root)
{
    buf_add(out, str_of(head));
    cli_each_command(out, root, root->name, add_steps);
    buf_add(out, STR("    ]\n"
                     "    var takes-value = [\n"
                     "        &''=$true\n"));
    cli_each_option_below(out, root, root->name, add_skip);
    buf_add(out, str_of(find_command));
    cli_each_option_below(out, root, root->name, add_values);
    buf_add(out, STR("    ]\n"
                     "    var offers = [\n"));
    cli_each_command(out, root, root->name, add_offers);
    buf_add(out, str_of(tail));
}

/* `wash completion`; see completion.h. */
#include "cli/completion.h"
#include "base/mem.h"
#include "cli/cli.h"

/* --- walking the tables ------------------------------------------------------------------------------------------------------- */

typedef void (*command_fn)(struct buf *out, const struct cli_command *command, const char *path);
typedef void (*option_fn)(struct buf *out, const struct cli_option *option, const char *path);

static void each_command(struct buf *out, const struct cli_command *command, const char *path, command_fn visit)
{
    visit(out, command, path);
    for (size_t i = 0; i < command->subcommand_count; i++) {
        autobuf struct buf below = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&below, "%s %s", path, command->subcommands[i]->name);
        each_command(out, command->subcommands[i], below.data, visit);
    }
}

static void each_option_of(struct buf *out, const struct cli_option *options, size_t count, const char *path, option_fn visit)
{
    for (size_t i = 0; i < count; i++)
        if (!options[i].hidden)
            visit(out, &options[i], path);
}

static void each_option(struct buf *out, const struct cli_command *command, const char *path, option_fn visit)
{
    each_option_of(out, command->options, command->option_count, path, visit);
    each_option_of(out, cli_global_options, cli_global_option_count, path, visit);
}

static bool takes_value(const struct cli_option *option)
{
    return option->kind != CLI_FLAG;
}

/* Text between single quotes: `quote` is what stands for one inside, `also` are characters that get a backslash. */
static void add_quoted(struct buf *out, const char *text, const char *quote, const char *also)
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

static void add_choices(struct buf *out, const struct cli_option *option, const char *separator)
{
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        buf_addf(out, "%s%s", choice == option->choices ? "" : separator, *choice);
}

/* -x and --xyz, each behind `prefix`. */
static void add_names(struct buf *out, const struct cli_option *option, const char *prefix, const char *separator)
{
    if (option->letter)
        buf_addf(out, "%s-%c", prefix, option->letter);
    if (option->letter && *option->name)
        buf_add(out, str_of(separator));
    if (*option->name)
        buf_addf(out, "%s--%s", prefix, option->name);
}

/* --- bash --------------------------------------------------------------------------------------------------------------------- */

static const char bash_head[] =
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

static void bash_commands(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "            '%s %s'", path, below->name);
        if (below->alias)
            buf_addf(out, "|'%s %s'", path, below->alias);
        buf_addf(out, ") path='%s %s' ;;\n", path, below->name);
    }
}

static void bash_value_option(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf prefix = BUF_INIT(BUF_UNLIMITED);
    if (!takes_value(option))
        return;
    buf_addf(&prefix, "'%s '", path);
    buf_add(out, STR("            "));
    add_names(out, option, prefix.data, "|");
    buf_add(out, STR(") skip=1 ;;\n"));
}

static void bash_value_options(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, bash_value_option);
}

/* What completes a value: words, files, folders. */
static void bash_values(struct buf *out, const struct cli_option *option)
{
    if (option->choices) {
        buf_add(out, STR("_wash_words \""));
        add_choices(out, option, " ");
        buf_add(out, STR("\""));
    } else if (option->complete == CLI_COMPLETE_NOTHING) {
        buf_add(out, STR(":"));
    } else {
        buf_add(out, option->complete == CLI_COMPLETE_FOLDERS ? STR("_wash_paths -d") : STR("_wash_paths -f"));
    }
}

static void bash_option_value(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf prefix = BUF_INIT(BUF_UNLIMITED);
    if (!takes_value(option))
        return;
    buf_addf(&prefix, "'%s '", path);
    buf_add(out, STR("        "));
    add_names(out, option, prefix.data, "|");
    buf_add(out, STR(") "));
    bash_values(out, option);
    buf_add(out, STR("; return ;;\n"));
}

static void bash_option_values(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, bash_option_value);
}

static void bash_option_name(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    add_names(out, option, " ", "");
}

static void bash_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "        '%s')\n            if [[ $cur == -* ]]; then _wash_words \"", path);
    each_option(out, command, path, bash_option_name);
    buf_add(out, STR("\"; return; fi\n"));
    if (command->subcommand_count) {
        buf_add(out, STR("            _wash_words \""));
        for (size_t i = 0; i < command->subcommand_count; i++)
            buf_addf(out, " %s", command->subcommands[i]->name);
        buf_add(out, STR("\" ;;\n"));
        return;
    }
    buf_add(out, STR("            case $args in\n"));
    for (size_t i = 0; i < command->argument_count; i++) {
        if (command->arguments[i].kind == CLI_TEXTS)
            buf_add(out, STR("                *) "));
        else
            buf_addf(out, "                %zu) ", i);
        bash_values(out, &command->arguments[i]);
        buf_add(out, STR(" ;;\n"));
    }
    buf_add(out, STR("            esac ;;\n"));
}

static void add_bash(struct buf *out, const struct cli_command *root)
{
    buf_add(out, str_of(bash_head));
    each_command(out, root, root->name, bash_commands);
    each_command(out, root, root->name, bash_value_options);
    buf_add(out, STR("            *' -'*) ;;\n"
                     "            *) args=$((args + 1)) ;;\n"
                     "        esac\n"
                     "    done\n"
                     "    case \"$path $prev\" in\n"));
    each_command(out, root, root->name, bash_option_values);
    buf_add(out, STR("    esac\n"
                     "    case $path in\n"));
    each_command(out, root, root->name, bash_offers);
    buf_add(out, STR("    esac\n"
                     "}\n"
                     "_wash_words() {\n"
                     "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
                     "}\n"
                     "_wash_paths() {\n"
                     "    compopt -o filenames 2>/dev/null\n"
                     "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
                     "}\n"
                     "complete -F _wash wash\n"));
}

/* --- zsh ---------------------------------------------------------------------------------------------------------------------- */

static void zsh_function_name(struct buf *out, const char *path)
{
    buf_add(out, STR("_"));
    for (const char *c = path; *c; c++)
        buf_addf(out, "%c", *c == ' ' ? '_' : *c);
}

static void zsh_values(struct buf *out, const struct cli_option *option)
{
    if (option->choices) {
        buf_add(out, STR(":("));
        add_choices(out, option, " ");
        buf_add(out, STR(")"));
    } else if (option->complete == CLI_COMPLETE_FILES) {
        buf_add(out, STR(":_files"));
    } else if (option->complete == CLI_COMPLETE_FOLDERS) {
        buf_add(out, STR(":_files -/"));
    } else {
        buf_add(out, STR(": "));
    }
}

/* One specification of _arguments: '-n+[help]:NAME:values', '--name=[help]:NAME:values'. */
static void zsh_specification(struct buf *out, const struct cli_option *option, const char *name, const char *value_mark)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    bool repeated = option->kind == CLI_TEXTS;
    buf_addf(&text, "%s%s%s[", repeated ? "*" : "", name, takes_value(option) ? value_mark : "");
    for (const char *c = option->help; *c; c++)
        buf_addf(&text, "%s%c", strchr("[]:\\", *c) ? "\\" : "", *c);
    buf_add(&text, STR("]"));
    if (takes_value(option)) {
        buf_addf(&text, ":%s", option->value_name);
        zsh_values(&text, option);
    }
    buf_add(out, STR("        "));
    add_quoted(out, text.data, "'\\''", "");
    buf_add(out, STR(" \\\n"));
}

static void zsh_option(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    if (option->letter) {
        buf_addf(&name, "-%c", option->letter);
        zsh_specification(out, option, name.data, "+");
    }
    buf_clear(&name);
    if (*option->name) {
        buf_addf(&name, "--%s", option->name);
        zsh_specification(out, option, name.data, "=");
    }
}

static void zsh_argument(struct buf *out, const struct cli_option *argument)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "%s:%s", argument->kind == CLI_TEXTS ? "*" : argument->required ? "" : ":", argument->name);
    zsh_values(&text, argument);
    buf_add(out, STR("        "));
    add_quoted(out, text.data, "'\\''", "");
    buf_add(out, STR(" \\\n"));
}

static void zsh_subcommands(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_add(out, STR("    local -a commands=(\n"));
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        autobuf struct buf entry = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&entry, "%s:%s", below->name, below->summary);
        buf_add(out, STR("        "));
        add_quoted(out, entry.data, "'\\''", "");
        buf_add(out, STR("\n"));
    }
    buf_add(out, STR("    )\n    case $state in\n    command) _describe -t commands command commands && ret=0 ;;\n"
                     "    rest)\n        case $line[1] in\n"));
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        autobuf struct buf name = BUF_INIT(BUF_UNLIMITED), full = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&full, "%s %s", path, below->name);
        zsh_function_name(&name, full.data);
        buf_addf(out, "        %s%s%s) %s && ret=0 ;;\n", below->name, below->alias ? "|" : "", below->alias ? below->alias : "",
                 name.data);
    }
    buf_add(out, STR("        esac ;;\n    esac\n"));
}

static void zsh_function(struct buf *out, const struct cli_command *command, const char *path)
{
    zsh_function_name(out, path);
    buf_add(out, STR("() {\n    local ret=1 state line curcontext=$curcontext\n    _arguments -s -S -C \\\n"));
    each_option(out, command, path, zsh_option);
    for (size_t i = 0; i < command->argument_count; i++)
        zsh_argument(out, &command->arguments[i]);
    if (command->subcommand_count)
        buf_add(out, STR("        '1: :->command' \\\n        '*:: :->rest' \\\n"));
    buf_add(out, STR("        && ret=0\n"));
    if (command->subcommand_count)
        zsh_subcommands(out, command, path);
    buf_add(out, STR("    return ret\n}\n"));
}

static void add_zsh(struct buf *out, const struct cli_command *root)
{
    buf_add(
        out,
        STR("#compdef wash\n# Completion of wash for zsh: save it as _wash in a folder of $fpath, or source it after compinit\n"));
    each_command(out, root, root->name, zsh_function);
    buf_add(out, STR("if [[ $funcstack[1] == _wash ]]; then\n    _wash \"$@\"\nelse\n    compdef _wash wash\nfi\n"));
}

/* --- fish --------------------------------------------------------------------------------------------------------------------- */

static void fish_commands(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "            case '%s %s'", path, below->name);
        if (below->alias)
            buf_addf(out, " '%s %s'", path, below->alias);
        buf_addf(out, "\n                set path '%s %s'\n", path, below->name);
    }
}

static void fish_value_option(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf prefix = BUF_INIT(BUF_UNLIMITED);
    if (!takes_value(option))
        return;
    buf_addf(&prefix, "'%s '", path);
    buf_add(out, STR("            case "));
    add_names(out, option, prefix.data, " ");
    buf_add(out, STR("\n                set skip 1\n"));
}

static void fish_value_options(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, fish_value_option);
}

static void fish_values(struct buf *out, const struct cli_option *option)
{
    if (option->choices) {
        buf_add(out, STR(" -x -a '"));
        add_choices(out, option, " ");
        buf_add(out, STR("'"));
    } else if (option->complete == CLI_COMPLETE_FILES) {
        buf_add(out, STR(" -r -F"));
    } else if (option->complete == CLI_COMPLETE_FOLDERS) {
        buf_add(out, STR(" -x -a '(__fish_complete_directories)'"));
    } else {
        buf_add(out, STR(" -x"));
    }
}

static void fish_option(struct buf *out, const struct cli_option *option, const char *path)
{
    buf_addf(out, "complete -c wash -n '__wash_at %s'", path);
    if (option->letter)
        buf_addf(out, " -s %c", option->letter);
    if (*option->name)
        buf_addf(out, " -l %s", option->name);
    if (takes_value(option))
        fish_values(out, option);
    buf_add(out, STR(" -d "));
    add_quoted(out, option->help, "\\'", "\\");
    buf_add(out, STR("\n"));
}

static void fish_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        buf_addf(out, "complete -c wash -n '__wash_at %s' -a %s -d ", path, command->subcommands[i]->name);
        add_quoted(out, command->subcommands[i]->summary, "\\'", "\\");
        buf_add(out, STR("\n"));
    }
    each_option(out, command, path, fish_option);
    for (size_t i = 0; i < command->argument_count; i++) {
        const struct cli_option *argument = &command->arguments[i];
        if (!argument->choices && argument->complete == CLI_COMPLETE_NOTHING)
            continue;
        buf_addf(out, "complete -c wash -n '__wash_at %s'", path);
        if (argument->choices || argument->complete == CLI_COMPLETE_FOLDERS)
            fish_values(out, argument);
        else
            buf_add(out, STR(" -F"));
        buf_add(out, STR("\n"));
    }
}

static void add_fish(struct buf *out, const struct cli_command *root)
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
    each_command(out, root, root->name, fish_commands);
    each_command(out, root, root->name, fish_value_options);
    buf_add(out, STR("        end\n"
                     "    end\n"
                     "    echo $path\n"
                     "end\n"
                     "function __wash_at\n"
                     "    test (__wash_path) = \"$argv\"\n"
                     "end\n"
                     "complete -c wash -f\n"));
    each_command(out, root, root->name, fish_offers);
}

/* --- PowerShell --------------------------------------------------------------------------------------------------------------- */

static void powershell_commands(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "            '%s %s' { $path = '%s %s' }\n", path, below->name, path, below->name);
        if (below->alias)
            buf_addf(out, "            '%s %s' { $path = '%s %s' }\n", path, below->alias, path, below->name);
    }
}

static void powershell_value_option(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    if (!takes_value(option))
        return;
    add_names(&names, option, "", " ");
    struct str rest = buf_str(&names), name;
    while (str_next_part(&rest, ' ', &name))
        buf_addf(out, "            '%s %.*s' { $skip = $true }\n", path, STR_ARG(name));
}

static void powershell_value_options(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, powershell_value_option);
}

static void powershell_entry(struct buf *out, const char *text, const char *kind, const char *help)
{
    buf_addf(out, "            [CompletionResult]::new('%s', '%s', [CompletionResultType]::%s, ", text, text, kind);
    add_quoted(out, help, "''", "");
    buf_add(out, STR(")\n"));
}

static void powershell_option(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    char letter[3] = {'-', option->letter, 0};
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    if (option->letter)
        powershell_entry(out, letter, "ParameterName", option->help);
    buf_addf(&name, "--%s", option->name);
    if (*option->name)
        powershell_entry(out, name.data, "ParameterName", option->help);
}

static void powershell_choices(struct buf *out, const struct cli_option *option)
{
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        powershell_entry(out, *choice, "ParameterValue", *choice);
}

static void powershell_value(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    if (!option->choices)
        return;
    add_names(&names, option, "", " ");
    struct str rest = buf_str(&names), name;
    while (str_next_part(&rest, ' ', &name)) {
        buf_addf(out, "        '%s %.*s' {\n", path, STR_ARG(name));
        powershell_choices(out, option);
        buf_add(out, STR("            break\n        }\n"));
    }
}

static void powershell_values(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, powershell_value);
}

static void powershell_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "        '%s' {\n", path);
    for (size_t i = 0; i < command->subcommand_count; i++)
        powershell_entry(out, command->subcommands[i]->name, "Command", command->subcommands[i]->summary);
    for (size_t i = 0; i < command->argument_count; i++)
        powershell_choices(out, &command->arguments[i]);
    each_option(out, command, path, powershell_option);
    buf_add(out, STR("            break\n        }\n"));
}

static void add_powershell(struct buf *out, const struct cli_command *root)
{
    buf_add(
        out,
        STR("# Completion of wash for PowerShell: add `wash completion powershell | Out-String | Invoke-Expression` to $PROFILE\n"
            "using namespace System.Management.Automation\n"
            "Register-ArgumentCompleter -Native -CommandName 'wash' -ScriptBlock {\n"
            "    param($wordToComplete, $commandAst, $cursorPosition)\n"
            "    $path = 'wash'\n"
            "    $previous = ''\n"
            "    $skip = $false\n"
            "    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |\n"
            "        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })\n"
            "    foreach ($word in $words) {\n"
            "        if ($skip) {\n"
            "            $skip = $false\n"
            "            $previous = ''\n"
            "            continue\n"
            "        }\n"
            "        $previous = $word\n"
            "        switch -CaseSensitive (\"$path $word\") {\n"));
    each_command(out, root, root->name, powershell_commands);
    each_command(out, root, root->name, powershell_value_options);
    buf_add(out, STR("        }\n"
                     "    }\n"
                     "    $values = @(switch -CaseSensitive (\"$path $previous\") {\n"));
    each_command(out, root, root->name, powershell_values);
    buf_add(out, STR("    })\n"
                     "    $offers = if ($values.Count) { $values } else { @(switch ($path) {\n"));
    each_command(out, root, root->name, powershell_offers);
    buf_add(out, STR("    }) }\n"
                     "    $offers | Where-Object { $_.CompletionText -like \"$wordToComplete*\" }\n"
                     "}\n"));
}

/* --- Elvish ------------------------------------------------------------------------------------------------------------------- */

static void elvish_commands(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "        &'%s %s'='%s %s'\n", path, below->name, path, below->name);
        if (below->alias)
            buf_addf(out, "        &'%s %s'='%s %s'\n", path, below->alias, path, below->name);
    }
}

static void elvish_value_option(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    if (!takes_value(option))
        return;
    add_names(&names, option, "", " ");
    struct str rest = buf_str(&names), name;
    while (str_next_part(&rest, ' ', &name))
        buf_addf(out, "        &'%s %.*s'=$true\n", path, STR_ARG(name));
}

static void elvish_value_options(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, elvish_value_option);
}

static void elvish_entry(struct buf *out, const char *text, const char *help)
{
    autobuf struct buf shown = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&shown, "%s  %s", text, help);
    buf_addf(out, "            edit:complex-candidate %s &display=", text);
    add_quoted(out, shown.data, "''", "");
    buf_add(out, STR("\n"));
}

static void elvish_option(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    char letter[3] = {'-', option->letter, 0};
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    if (option->letter)
        elvish_entry(out, letter, option->help);
    buf_addf(&name, "--%s", option->name);
    if (*option->name)
        elvish_entry(out, name.data, option->help);
}

static void elvish_value(struct buf *out, const struct cli_option *option, const char *path)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    if (!option->choices && option->complete == CLI_COMPLETE_NOTHING)
        return;
    if (!takes_value(option))
        return;
    add_names(&names, option, "", " ");
    struct str rest = buf_str(&names), name;
    while (str_next_part(&rest, ' ', &name)) {
        buf_addf(out, "        &'%s %.*s'={ ", path, STR_ARG(name));
        if (option->choices) {
            buf_add(out, STR("put "));
            add_choices(out, option, " ");
        } else {
            buf_add(out, STR("edit:complete-filename $last"));
        }
        buf_add(out, STR(" }\n"));
    }
}

static void elvish_values(struct buf *out, const struct cli_command *command, const char *path)
{
    each_option(out, command, path, elvish_value);
}

static void elvish_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "        &'%s'={\n", path);
    for (size_t i = 0; i < command->subcommand_count; i++)
        elvish_entry(out, command->subcommands[i]->name, command->subcommands[i]->summary);
    for (size_t i = 0; i < command->argument_count; i++) {
        const struct cli_option *argument = &command->arguments[i];
        for (const char *const *choice = argument->choices; choice && *choice; choice++)
            elvish_entry(out, *choice, argument->help);
        if (argument->complete != CLI_COMPLETE_NOTHING)
            buf_add(out, STR("            edit:complete-filename $last\n"));
    }
    each_option(out, command, path, elvish_option);
    buf_add(out, STR("        }\n"));
}

static void add_elvish(struct buf *out, const struct cli_command *root)
{
    buf_add(
        out,
        STR("# Completion of wash for Elvish: save it as ~/.config/elvish/lib/wash-completion.elv and add `use wash-completion`\n"
            "set edit:completion:arg-completer[wash] = {|@words|\n"
            "    var last = $words[-1]\n"
            "    var path = wash\n"
            "    var previous = ''\n"
            "    var commands = [\n"
            "        &''=''\n"));
    each_command(out, root, root->name, elvish_commands);
    buf_add(out, STR("    ]\n"
                     "    var takes-value = [\n"
                     "        &''=$true\n"));
    each_command(out, root, root->name, elvish_value_options);
    buf_add(out, STR("    ]\n"
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
                     "    var values = [\n"
                     "        &''={ }\n"));
    each_command(out, root, root->name, elvish_values);
    buf_add(out, STR("    ]\n"
                     "    var offers = [\n"));
    each_command(out, root, root->name, elvish_offers);
    buf_add(out, STR("    ]\n"
                     "    if (has-key $values $path' '$previous) {\n"
                     "        $values[$path' '$previous]\n"
                     "    } else {\n"
                     "        $offers[$path]\n"
                     "    }\n"
                     "}\n"));
}

/* --- all of them -------------------------------------------------------------------------------------------------------------- */

const char *const cli_shells[] = {"bash", "elvish", "fish", "powershell", "zsh", NULL};

enum status cli_completion(struct buf *out, const struct cli_command *root, struct str shell, struct error *err)
{
    static void (*const writers[])(struct buf *, const struct cli_command *) = {add_bash, add_elvish, add_fish, add_powershell,
                                                                                add_zsh};
    for (size_t i = 0; cli_shells[i]; i++)
        if (str_is(shell, cli_shells[i])) {
            writers[i](out, root);
            return ST_OK;
        }
    return fail(err, ST_UNSUPPORTED, "no completion for %.*s", STR_ARG(shell));
}

/* --- Markdown ----------------------------------------------------------------------------------------------------------------- */

/* In a table's cell `|` would end it, and `<` could begin a tag. */
static void add_cell(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++)
        buf_addf(out, "%s%c", *c == '|' || *c == '<' ? "\\" : "", *c);
}

static void markdown_help(struct buf *out, const struct cli_option *option)
{
    add_cell(out, option->help);
    if (option->choices) {
        buf_add(out, STR(": `"));
        add_choices(out, option, "`, `");
        buf_add(out, STR("`"));
    }
    if (option->kind == CLI_NUMBER)
        buf_addf(out, " [default: %llu]", (unsigned long long)option->number_default);
    else if (option->text_default)
        buf_addf(out, " [default: `%s`]", option->text_default);
    if (option->env)
        buf_addf(out, " [env: `%s`]", option->env);
}

static void markdown_option(struct buf *out, const struct cli_option *option, const char *path UNUSED)
{
    buf_add(out, STR("| "));
    add_names(out, option, "`", "`, ");
    buf_addf(out, "%s%s%s` | ", takes_value(option) ? " " : "", takes_value(option) ? option->value_name : "",
             option->kind == CLI_TEXTS ? "..." : "");
    markdown_help(out, option);
    buf_add(out, STR(" |\n"));
}

static void markdown_options(struct buf *out, const char *title, const struct cli_option *options, size_t count)
{
    if (count == 0)
        return;
    buf_addf(out, "\n| %s | |\n|---|---|\n", title);
    each_option_of(out, options, count, "", markdown_option);
}

static void markdown_examples(struct buf *out, const struct cli_command *command)
{
    for (size_t i = 0; i < command->example_count; i++)
        buf_addf(out, "%s# %s\n%s\n", i > 0 ? "\n" : "\n```sh\n", command->examples[i].what, command->examples[i].line);
    if (command->example_count > 0)
        buf_add(out, STR("```\n"));
}

static void markdown_command(struct buf *out, const struct cli_command *command, const char *path)
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
        markdown_help(out, &command->arguments[i]);
        buf_add(out, STR(" |\n"));
    }
    markdown_options(out, "Option", command->options, command->option_count);
    markdown_examples(out, command);
}

void cli_markdown(struct buf *out, const struct cli_command *root)
{
    buf_add(out,
            STR("# Commands of wash\n\nWritten by `wash --help-markdown`; `make docs` writes it anew. Options for every command "
                "may stand before or after\nits name:\n"));
    markdown_options(out, "Option", cli_global_options, cli_global_option_count);
    each_command(out, root, root->name, markdown_command);
}

/* --- the command -------------------------------------------------------------------------------------------------------------- */

struct completion_options {
    struct str shell;
};

static enum status run_completion(struct cli_context *context, const void *options_pointer, struct error *err)
{
    const struct completion_options *options = options_pointer;
    autobuf struct buf script = BUF_INIT(BUF_UNLIMITED);
    TRY(cli_completion(&script, context->root, options->shell, err));
    cli_result(context, buf_str(&script), "Completion script",
               json_pack("{s:s%, s:s%}", "shell", options->shell.data, options->shell.len, "script", script.data, script.len));
    return ST_OK;
}

static const struct cli_option arguments[] = {
    {.name = "SHELL",
     .kind = CLI_CHOICE,
     .offset = offsetof(struct completion_options, shell),
     .choices = cli_shells,
     .required = true,
     .help = "The shell"},
};

const struct cli_command cli_completion_command = {
    .name = "completion",
    .summary = "Print a script that completes wash's command line in a shell",
    .options_size = sizeof(struct completion_options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    CLI_EXAMPLES({"Bash, for this user", "wash completion bash > ~/.local/share/bash-completion/completions/wash"},
                 {"zsh, into a folder of $fpath", "wash completion zsh > ~/.zfunc/_wash"}),
    .run = run_completion,
};

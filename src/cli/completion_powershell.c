/* The completion script for PowerShell; see completion.h. */
#include "cli/completion.h"
#include "cli/walk.h"

static const char head[] =
    "# Completion of wash for PowerShell: add `wash completion powershell | Out-String | Invoke-Expression` to $PROFILE\n"
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
    "        switch -CaseSensitive (\"$path $word\") {\n";

/* --- finding the command ------------------------------------------------------------------------------------------------------ */

static void add_steps(struct buf *out, const struct cli_command *command, const char *path)
{
    for (size_t i = 0; i < command->subcommand_count; i++) {
        const struct cli_command *below = command->subcommands[i];
        buf_addf(out, "            '%s %s' { $path = '%s %s' }\n", path, below->name, path, below->name);
        if (below->alias)
            buf_addf(out, "            '%s %s' { $path = '%s %s' }\n", path, below->alias, path, below->name);
    }
}

static void add_skip_of_name(struct buf *out, const struct cli_option *option UNUSED, const char *path, const char *name)
{
    buf_addf(out, "            '%s %s' { $skip = $true }\n", path, name);
}

static void add_skip(struct buf *out, const struct cli_option *option, const char *path)
{
    if (cli_takes_value(option))
        cli_each_name(out, option, path, add_skip_of_name);
}

/* --- what it offers ----------------------------------------------------------------------------------------------------------- */

static void add_result(struct buf *out, const char *text, const char *kind, const char *help)
{
    buf_addf(out, "            [CompletionResult]::new('%s', '%s', [CompletionResultType]::%s, ", text, text, kind);
    cli_add_quoted(out, help, "''", "");
    buf_add(out, STR(")\n"));
}

static void add_choices(struct buf *out, const struct cli_option *option)
{
    for (const char *const *choice = option->choices; choice && *choice; choice++)
        add_result(out, *choice, "ParameterValue", *choice);
}

static void add_values_of_name(struct buf *out, const struct cli_option *option, const char *path, const char *name)
{
    buf_addf(out, "        '%s %s' {\n", path, name);
    add_choices(out, option);
    buf_add(out, STR("            break\n        }\n"));
}

static void add_values(struct buf *out, const struct cli_option *option, const char *path)
{
    if (option->choices)
        cli_each_name(out, option, path, add_values_of_name);
}

static void add_name(struct buf *out, const struct cli_option *option, const char *path UNUSED, const char *name)
{
    add_result(out, name, "ParameterName", option->help);
}

static void add_option(struct buf *out, const struct cli_option *option, const char *path)
{
    cli_each_name(out, option, path, add_name);
}

static void add_offers(struct buf *out, const struct cli_command *command, const char *path)
{
    buf_addf(out, "        '%s' {\n", path);
    for (size_t i = 0; i < command->subcommand_count; i++)
        add_result(out, command->subcommands[i]->name, "Command", command->subcommands[i]->summary);
    for (size_t i = 0; i < command->argument_count; i++)
        add_choices(out, &command->arguments[i]);
    cli_each_option(out, command, path, add_option);
    buf_add(out, STR("            break\n        }\n"));
}

/* --- the script --------------------------------------------------------------------------------------------------------------- */

void completion_powershell(struct buf *out, const struct cli_command *root)
{
    buf_add(out, str_of(head));
    cli_each_command(out, root, root->name, add_steps);
    cli_each_option_below(out, root, root->name, add_skip);
    buf_add(out, STR("        }\n"
                     "    }\n"
                     "    $values = @(switch -CaseSensitive (\"$path $previous\") {\n"));
    cli_each_option_below(out, root, root->name, add_values);
    buf_add(out, STR("    })\n"
                     "    $offers = if ($values.Count) { $values } else { @(switch ($path) {\n"));
    cli_each_command(out, root, root->name, add_offers);
    buf_add(out, STR("    }) }\n"
                     "    $offers | Where-Object { $_.CompletionText -like \"$wordToComplete*\" }\n"
                     "}\n"));
}

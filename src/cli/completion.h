/* Scripts that complete wash's command line, from the tables of options.h: one file a shell.
 *
 * The scripts stand alone: they do not call wash. Each finds the command that the words lead to ("wash config init"), then offers
 * its subcommands, options, choices, files or folders. */
#pragma once

#include "cli/options.h"

/* Each writes a script to `out` that knows `root` and all below it. */
void completion_bash(struct buf *out, const struct cli_command *root);
void completion_elvish(struct buf *out, const struct cli_command *root);
void completion_fish(struct buf *out, const struct cli_command *root);
void completion_powershell(struct buf *out, const struct cli_command *root);
void completion_zsh(struct buf *out, const struct cli_command *root);

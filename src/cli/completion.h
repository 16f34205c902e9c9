/* Scripts that complete wash's command line in a shell, and its reference as Markdown: all from the tables of options.h.
 *
 * The scripts stand alone: they do not call wash. Each finds the command that the words lead to ("wash config init"), then offers
 * its subcommands, options, choices, files or folders. */
#pragma once

#include "cli/options.h"

extern const char *const cli_shells[]; /* NULL-ended */

/* ST_UNSUPPORTED: no such shell. */
enum status cli_completion(struct buf *out, const struct cli_command *root, struct str shell, struct error *err) CHECKED;

void cli_markdown(struct buf *out, const struct cli_command *root);

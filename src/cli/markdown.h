/* docs/cli.md, the reference of wash's commands, as Markdown from the tables of options.h. */
#pragma once

#include "cli/options.h"

void cli_markdown(struct buf *out, const struct cli_command *root);

/* Asking the user, who is there when stdin is a terminal and nothing says otherwise. Questions go to stderr. */
#pragma once

#include "cli/cli.h"

bool cli_interactive(const struct cli_context *context);

/* A question whose answer is yes unless the user says no; also when nobody can be asked. */
bool cli_confirm(const struct cli_context *context, const char *question);

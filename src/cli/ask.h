/* Asking the user, who is there when stdin is a terminal and nothing says otherwise. Questions go to stderr. */
#pragma once

#include "cli/cli.h"

bool cli_interactive(const struct cli_globals *globals);

/* A question whose answer is yes unless the user says no; also when nobody can be asked. */
bool cli_confirm(const struct cli_context *context, const char *question);

#define CLI_SECRET_MAX 65536

/* A secret: the answer to a question, which is not shown while it is typed, or with `question` NULL all of stdin; its last line's end
 * is no part of it. In the context's arena. ST_INVALID: it is empty; ST_LIMIT; ST_IO. */
enum status cli_ask_secret(const struct cli_context *context, const char *question, struct str *ret_secret,
                           struct error *err) CHECKED;

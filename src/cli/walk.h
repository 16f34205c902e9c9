/* Walking the tables of options.h, and writing pieces of them: for what is made of all of them (completion scripts, docs/cli.md).
 * Hidden options are passed over. Everything is written to `out`; `path` is a command's full name, "wash config init". */
#pragma once

#include "cli/options.h"

typedef void (*cli_command_fn)(struct buf *out, const struct cli_command *command, const char *path);
typedef void (*cli_option_fn)(struct buf *out, const struct cli_option *option, const char *path);
typedef void (*cli_name_fn)(struct buf *out, const struct cli_option *option, const char *path, const char *name);

/* `command`, then all below it. */
void cli_each_command(struct buf *out, const struct cli_command *command, const char *path, cli_command_fn visit);

void cli_each_option_of(struct buf *out, const struct cli_option *options, size_t count, const char *path, cli_option_fn visit);
/* The options a command may be given: its own, then the global ones. */
void cli_each_option(struct buf *out, const struct cli_command *command, const char *path, cli_option_fn visit);
/* The same of `command` and all below it. */
void cli_each_option_below(struct buf *out, const struct cli_command *command, const char *path, cli_option_fn visit);

/* "-x", then "--xyz", as far as the option has them. */
void cli_each_name(struct buf *out, const struct cli_option *option, const char *path, cli_name_fn visit);

bool cli_takes_value(const struct cli_option *option);

/* -x and --xyz, each behind `prefix`. */
void cli_add_names(struct buf *out, const struct cli_option *option, const char *prefix, const char *separator);
void cli_add_choices(struct buf *out, const struct cli_option *option, const char *separator);

/* Text between single quotes: `quote` is what stands for one inside, `also` are characters that get a backslash. */
void cli_add_quoted(struct buf *out, const char *text, const char *quote, const char *also);

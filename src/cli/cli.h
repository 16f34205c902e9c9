/* What every command gets, and how it answers.
 *
 * A command returns ST_OK or an error; main prints the error once. Results go to stdout: as text, or with `-o json` as one object
 * {"message": text, "success": bool, "data": object or null}. Logs go to stderr. Exit codes: 0, 1 for a failure, 2 for a mistake in
 * the command line, 130 when interrupted. */
#pragma once

#include "base/arena.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "config/wash.h"
#include <jansson.h>

/* Where things of the user's are kept: $XDG_DATA_HOME/wash or ~/.local/share/wash, and so on. Absolute, or data NULL where neither
 * variable names a folder. They are made when something is put there, so that a home that cannot be written does no harm. */
struct cli_folders {
    struct str data, cache, config;
};

struct cli_context {
    struct cli_parsed parsed;
    const struct cli_command *root; /* all commands */
    struct arena *arena;
    bool json;
    bool reported;              /* the command has printed its failure itself, with data */
    struct str start_directory; /* absolute: the working directory, after -C */
    struct cli_folders folders;
    struct cli_terminal terminal;
};

#define WASH_VERSION_TEXT "wash " WASH_VERSION

extern const struct cli_command cli_bindgen, cli_build, cli_completion_command, cli_config, cli_dev, cli_doctor, cli_inspect,
    cli_oci, cli_wit;

/* Prints a result: `text` for people, or the JSON object with `message` and `data` (taken; may be NULL). */
void cli_result(const struct cli_context *context, struct str text, const char *message, json_t *data);
void cli_failure(const struct cli_context *context, const struct error *err);
/* A failure that has data of its own, printed by the command, which sets `reported` and returns the error. */
void cli_failure_data(const struct cli_context *context, struct str text, const char *message, json_t *data);

/* What to do next, for people: one line on stderr, none with `-o json`. */
void cli_hint(const struct cli_context *context, const char *format, ...) PRINTF(2, 3);

/* The project the command was started in (or -C names), with the user's configuration below its own. */
enum status cli_load_project(const struct cli_context *context, struct config_project *ret_project, struct error *err) CHECKED;
struct config_request cli_config_request(const struct cli_context *context);

/* Makes a folder and those above it, for the user alone. */
enum status cli_make_folders(struct str path, struct error *err) CHECKED;

/* A path argument, resolved against the directory of the call. */
struct str cli_path(const struct cli_context *context, struct str path);
enum status cli_read_file(struct str path, size_t max_bytes, struct buf *ret_bytes, struct error *err) CHECKED;

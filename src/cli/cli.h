/* What every command gets, and how it answers.
 *
 * A command returns ST_OK or an error; main prints the error once. Results go to stdout: as text, or with `-o json` as one object
 * {"message": text, "success": bool, "data": object or null}. Logs go to stderr. Exit codes: 0, 1 for a failure, 2 for a mistake in
 * the command line, 130 when interrupted. */
#pragma once

#include "base/arena.h"
#include "cli/options.h"
#include <jansson.h>

struct cli_context {
    struct cli_parsed parsed;
    struct arena *arena;
    bool json;
    struct str start_directory; /* absolute: the working directory, after -C */
};

#define WASH_VERSION_TEXT "wash " WASH_VERSION

extern const struct cli_command cli_bindgen, cli_dev, cli_inspect, cli_oci;

/* Prints a result: `text` for people, or the JSON object with `message` and `data` (taken; may be NULL). */
void cli_result(const struct cli_context *context, struct str text, const char *message, json_t *data);
void cli_failure(const struct cli_context *context, const struct error *err);

/* A path argument, resolved against the directory of the call. */
struct str cli_path(const struct cli_context *context, struct str path);
enum status cli_read_file(struct str path, size_t max_bytes, struct buf *ret_bytes, struct error *err) CHECKED;

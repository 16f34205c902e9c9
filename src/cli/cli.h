/* What every command gets, and how it answers.
 *
 * A command returns ST_OK or an error; main prints the error once. Results go to stdout: as text, or with `-o json` as one object
 * {"message": text, "success": bool, "data": object or null}. Logs go to stderr. Exit codes: 0, 1 for a failure, 2 for a mistake in
 * the command line, 128 + the signal when interrupted (130 for Ctrl-C). */
#pragma once

#include "base/arena.h"
#include "base/notice.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "component/wrap.h"
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

/* One for each name of the command line. */
extern const struct cli_command cli_bindgen;
extern const struct cli_command cli_build;
extern const struct cli_command cli_completion_command;
extern const struct cli_command cli_component;
extern const struct cli_command cli_config;
extern const struct cli_command cli_dev;
extern const struct cli_command cli_doctor;
extern const struct cli_command cli_inspect;
extern const struct cli_command cli_new;
extern const struct cli_command cli_oci;
extern const struct cli_command cli_update;
extern const struct cli_command cli_wit;

/* Prints a result: `text` for people, or the JSON object with `message` and `data` (taken; may be NULL). */
void cli_result(const struct cli_context *context, struct str text, const char *message, json_t *data);
void cli_failure(const struct cli_context *context, const struct error *err);
/* A failure that has data of its own, printed by the command, which sets `reported` and returns the error. */
void cli_failure_data(const struct cli_context *context, struct str text, const char *message, json_t *data);

/* Text for `data`. That of a file whose name is not UTF-8, which JSON cannot carry, is escaped as in messages. */
json_t *cli_json_text(struct str text);

/* What to do next, for people: one line on stderr, none with `-o json`. */
void cli_hint(const struct cli_context *context, const char *format, ...) PRINTF(2, 3);

/* Tells by a line of the log. */
extern const struct notice cli_by_log;

/* `text` as one word of a command line that can be copied from a hint: in quotes if a shell would take it apart. */
struct str cli_shell_word(struct arena *arena, struct str text);

/* The project the command was started in (or -C names), with the user's configuration below its own. */
enum status cli_load_project(const struct cli_context *context, struct config_project *ret_project, struct error *err) CHECKED;
void cli_warn_of_config(const struct config_project *project); /* logs what is hardly meant; cli_load_project does */
struct config_request cli_config_request(const struct cli_context *context);

#define CLI_FOLDER_MODE 0700 /* of folders of the user's, which are made when something is put there */

/* A path argument, resolved against the directory of the call; NUL-ended. */
struct str cli_path(const struct cli_context *context, struct str path);

/* By its first bytes. */
bool cli_is_core_module(struct str bytes);
/* Makes a component of a core module, adapting what it imports of WASI preview 1; with adapters of the caller's, if any (may be
 * NULL). Appends to `out`; fails as cm_wrap_module. */
enum status cli_wrap_module(struct str module, const struct cm_adapter *adapters, size_t adapter_count, struct buf *out,
                            struct error *err) CHECKED;
/* The same for a file, in its place, if it is a core module; a component is left as it is. ST_INVALID: it is neither, or a module
 * that does not say for which world it was built. */
enum status cli_wrap_file(struct str path, bool *ret_wrapped, struct error *err) CHECKED;

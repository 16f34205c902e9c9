/* Commands and options as tables: parsing, `--help`, did-you-mean, completion scripts and docs/cli.md come from the same rows.
 *
 * An option's row says where its value goes in the command's C struct. Global options may stand before or after the command's name.
 * Syntax: `--name value`, `--name=value`, `-n value`, `-nvalue`, `--flag`; `--` ends the options. Commands nest: a command with
 * subcommands (`wash`, `wash oci`) only leads to them, and has no options, arguments or run of its own. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct cli_context;

enum cli_kind {
    CLI_FLAG,   /* bool */
    CLI_TEXT,   /* struct str; data NULL when absent and without a default */
    CLI_CHOICE, /* struct str, one of choices */
    CLI_NUMBER, /* uint64_t */
    CLI_TEXTS,  /* struct cli_texts: an option that may be repeated, or all positional arguments that are left */
};

struct cli_texts {
    struct str *items;
    size_t len;
};

/* What the shell offers for a value that has no choices. */
enum cli_complete { CLI_COMPLETE_NOTHING, CLI_COMPLETE_FILES, CLI_COMPLETE_FOLDERS };

struct cli_option {
    const char *name; /* long, without dashes; for a positional argument its name in capitals */
    char letter;      /* 0: none */
    enum cli_kind kind;
    size_t offset;
    const char *value_name;
    const char *const *choices; /* NULL-ended */
    const char *text_default;
    uint64_t number_default, number_min, number_max; /* NUMBER; max 0: no bound */
    const char *env;                                 /* TEXT: environment variable that is read when the option is not given */
    enum cli_complete complete;
    const char *help;
    bool required; /* positional arguments */
    bool hidden;   /* from help, completion and documentation */
};

/* A command line that a person may type, and what it is for: at most 76 and 74 characters. */
struct cli_example {
    const char *what, *line;
};
/* In a command's table: CLI_EXAMPLES({"what", "line"}, {"what", "line"}), */
#define CLI_EXAMPLES(...)                                                                                                          \
    .examples = (const struct cli_example[]){__VA_ARGS__},                                                                         \
    .example_count = sizeof((const struct cli_example[]){__VA_ARGS__}) / sizeof(struct cli_example)

/* Global options. */
struct cli_globals {
    struct str directory; /* -C */
    struct str log_level, output, user_config;
    bool verbose, non_interactive, enable_meters, version, help, help_markdown;
};

struct cli_command {
    const char *name;
    const char *alias; /* or NULL */
    const char *summary;
    const char *details; /* a paragraph below the summary in `--help`, or NULL */
    const struct cli_command *const *subcommands;
    size_t subcommand_count;
    size_t options_size;
    const struct cli_option *options, *arguments;
    size_t option_count, argument_count;
    const struct cli_example *examples;
    size_t example_count;
    /* Rules between options, or NULL: what breaks one is a mistake in the command line as an unknown option is. */
    enum status (*check)(const void *options, const struct cli_globals *globals, struct error *err);
    enum status (*run)(struct cli_context *context, const void *options, struct error *err);
};

extern const struct cli_option cli_global_options[];
extern const size_t cli_global_option_count;

struct cli_parsed {
    struct cli_globals globals;
    const struct cli_command *command; /* the root or another that has subcommands: none of them was given */
    struct str path;                   /* its full name: "wash oci pull" */
    void *options;                     /* of the command; arena-owned */
};

/* Parses a command line for the commands under `root`, which is the program itself. ST_INVALID: unknown command or option (with the
 * nearest known), a missing or a bad value. */
enum status cli_parse(const struct cli_command *root, int argc, char *const *argv, struct arena *arena,
                      struct cli_parsed *ret_parsed, struct error *err) CHECKED;

/* Whether a command line that cli_parse refused asks for JSON: its error is to be JSON too. parsed: as far as cli_parse came. */
bool cli_wants_json(const struct cli_parsed *parsed, int argc, char *const *argv);

/* `path`: the command's full name. */
void cli_help(struct buf *out, const struct cli_command *command, struct str path);
void cli_usage(struct buf *out, const struct cli_command *command,
               struct str path);                                         /* wash oci pull [OPTIONS] <REFERENCE> [PATH] */
void cli_option_usage(struct buf *out, const struct cli_option *option); /* -n, --name NAME */

/* Building a project: the steps that `wash build`, `wash dev` and `wash inspect` share. `wash dev` runs the command beside its host
 * (io/child.h), the others run it to its end (io/run.h). */
#pragma once

#include "cli/cli.h"

/* The command of a build; text in the arena. */
struct cli_build {
    struct str command;        /* for `sh -c`; data NULL: nothing to run */
    struct str directory;      /* the project */
    const char *const *env;    /* build.env and WASH_COMPONENT_PATH: "NAME=value" each, then NULL */
    struct str component_path; /* where the component is to be, absolute */
};

struct cli_build cli_build_of(const struct config_project *project, bool dev, struct arena *arena);

/* Why a command that ended with `code` is a failed build. */
enum status cli_build_failed(const struct cli_build *build, int code, struct error *err) CHECKED;

/* After the command: a core module that it left, as compilers for wasm32-wasip1 do, becomes a component in its place.
 * ST_INVALID: what is there is neither. */
enum status cli_build_wrap(const struct cli_build *build, struct error *err) CHECKED;

/* Builds a project to its end. ST_INVALID: no build.command, it failed, or it left no
 * component. ST_CANCELLED: interrupted. */
enum status cli_build_project(const struct cli_context *context, const struct config_project *project,
                              struct str *ret_component_path, struct error *err) CHECKED;

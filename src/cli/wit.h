/* What commands share that fetch WIT: the project as src/wkg wants it, and the step before a build. */
#pragma once

#include "cli/cli.h"
#include "wkg/fetch.h"

/* Text in the context's arena; `project` is borrowed. Fails: ST_INVALID a CA bundle is not one. */
enum status cli_wit_project(const struct cli_context *context, const struct config_project *project,
                            struct wkg_project *ret_project, struct error *err) CHECKED;

/* The folder is there, or the error says how to make or name it. */
enum status cli_check_wit_dir(const char *path, struct error *err) CHECKED;

/* Before a build: fetches what the project's WIT refers to, unless `deps` has it all, there is no WIT, or wit.skip_fetch is set. */
enum status cli_wit_fetch(const struct cli_context *context, const struct config_project *project, struct error *err) CHECKED;

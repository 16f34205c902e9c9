/* Modules of Go. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

/* What Go code imports the package in `folder` as: the path of the module whose go.mod is there or in the nearest folder above, and
 * what is below that. The folder need not be there.
 * Fails: ST_NOT_FOUND without a go.mod; ST_INVALID for one without a module, and for names that no import can have. */
enum status cli_go_import_path(struct arena *arena, struct str folder, struct str *ret_path, struct error *err) CHECKED;

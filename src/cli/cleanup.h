/* Removing a folder of wash's own with all in it. Symbolic links are removed, never followed, and another file system that is
 * mounted inside is left alone: nothing outside the folder can be touched, whatever somebody has put into it meanwhile. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define CLEANUP_MAX_DEPTH 128

/* ret_existed, ret_bytes: what was there. With dry_run nothing is removed. ST_INVALID: it is not a folder but a link or a file;
 * ST_LIMIT: nested too deeply. */
enum status cli_cleanup(const char *path, bool dry_run, bool *ret_existed, uint64_t *ret_bytes, struct error *err) CHECKED;

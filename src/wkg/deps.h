/* `wit/deps`: what was fetched, and what a project keeps there itself.
 *
 * A fetched package is a folder with one file, `package.wit`, and the folder is named after the package in it, as wkg does:
 * `wasi-http-0.2.0`. Everything else there is the project's own and stays. New content is put together beside the folder, then
 * moved in by renames that are undone if one fails; what does not change is not touched, so that builds see no newer files. If
 * `deps` is a symbolic link it is not written through. Whoever writes holds the lock of the WIT folder (wkg_wit_lock). */
#pragma once

#include "base/arena.h"
#include "base/lock.h"

#define WKG_MAX_DEPS 1024u

struct wkg_dep {
    struct str name; /* of its folder */
    struct str text; /* of package.wit */
};

struct wkg_deps {
    const char *folder;      /* wit/deps */
    const char **kept;       /* paths of the project's own folders and files, in order */
    struct wkg_dep *fetched; /* in order */
    size_t kept_count, fetched_count;
};

/* Waits for other processes (base/lock.h); the descriptor is the caller's to close, which ends it. Also removes what one that was interrupted has
 * left. */
enum status wkg_wit_lock(const char *wit_dir, struct cancel cancel, struct notice notice, int *ret_fd, struct error *err) CHECKED;

/* What is there. Fails: ST_DENIED `deps` is a symbolic link, ST_LIMIT, ST_IO. */
enum status wkg_deps_read(const char *wit_dir, struct arena *arena, struct wkg_deps *ret_deps, struct error *err) CHECKED;

struct wkg_deps_change;
/* Prepares to have `wanted` instead of the fetched packages, and with `clean` instead of everything. Changes nothing yet. */
enum status wkg_deps_prepare(const char *wit_dir, const struct wkg_deps *there, const struct wkg_dep *wanted, size_t count,
                             bool clean, struct wkg_deps_change **ret_change, struct error *err) CHECKED;
/* All of it or nothing. */
enum status wkg_deps_commit(struct wkg_deps_change *change, struct error *err) CHECKED;
void wkg_deps_change_free(struct wkg_deps_change *change); /* and what it has prepared, or taken away */

/* Removes what was fetched, and `wit/deps` if nothing is left in it; in its place a symbolic link itself. The caller holds the lock.
 * ret_removed: there was something. ret_deps: what it had, of which `kept` stays; in the arena. */
enum status wkg_deps_clean(const char *wit_dir, struct arena *arena, bool *ret_removed, struct wkg_deps *ret_deps,
                           struct error *err) CHECKED;

/* Fetching what a project's WIT refers to.
 *
 * The packages that the .wit files of a project's WIT folder name and that are neither among them nor kept in `deps` are resolved:
 * by an override of wkg.toml, by a source of the configuration (source.h), else by a registry (remote.h), where wkg.lock says
 * which release if it has an entry. What comes as text may name further packages, which are resolved in turn; an encoded package
 * has all that it needs with it. Everything is resolved and checked together before anything is written: a failure leaves the
 * project as it was. Two processes do not work on one project at a time. Blocks; for one thread. Source: wasm-pkg-core 0.16
 * (resolver.rs, wit.rs), of which wkg.lock and `deps` are what it writes. */
#pragma once

#include "base/cancel.h"
#include "base/notice.h"
#include "config/wash.h"
#include "wit/load.h"
#include "wkg/lock.h"
#include "wkg/manifest.h"
#include "wkg/source.h"

struct wkg_project {
    const char *root;                /* of wkg.toml and wkg.lock; sources are relative to it */
    const char *wit_dir;             /* absolute */
    const struct config_wit *config; /* registries and sources */
    const char *registries_path;     /* wkg's configuration; NULL: none */
    bool registries_named;           /* the user named it: it must be there */
    const char *cache;               /* folder of packages (store.h); NULL: none */
    wkg_clone *clone;                /* for sources that are repositories */
    void *clone_env;
    const char *user_agent; /* "wash/1.2.3" */
    bool interactive;       /* credential helpers may ask the user on the terminal */
    struct cancel cancel;
    struct notice notice;
};

struct wkg_request {
    bool clean;                /* the project's own in `deps` go as well */
    bool update;               /* resolve anew what is locked: everything, or */
    struct str update_package; /* this package. ST_NOT_FOUND: it is neither locked nor of a source. data NULL: everything */
    const char *edited_path;   /* this file, as `<wit_dir>/<name>`, is taken to have this text, and gets it if all goes well */
    struct str edited_text;
};

/* Writes `deps` and wkg.lock. Fails: as wit/load.h and remote.h say; ST_INVALID a digest differs from wkg.lock. */
enum status wkg_fetch(const struct wkg_project *project, const struct wkg_request *request, struct error *err) CHECKED;

struct wkg_built {
    struct str package, version; /* "ns:name"; version: empty for none; in the arena */
};
/* The project's WIT package in the binary format, with what wkg.toml says of it; writes wkg.lock, but not `deps`. */
enum status wkg_build(const struct wkg_project *project, struct arena *arena, struct buf *ret_bytes, struct wkg_built *ret_built,
                      struct error *err) CHECKED;

/* Whether `wit_dir` with its `deps` has all packages that it refers to; also if it has no WIT. ST_INVALID: it is malformed. */
enum status wkg_complete(const char *wit_dir, bool *ret_complete, struct error *err) CHECKED;

/* The highest release of a package, or `version` if it is set, and what it has: for `wit add`. In the arena. */
struct wkg_found {
    struct str version;            /* empty: it has none */
    struct str interfaces, worlds; /* names, each after a space */
};
enum status wkg_look_up(const struct wkg_project *project, const struct wkg_target *target, struct arena *arena,
                        struct wkg_found *ret_found, struct error *err) CHECKED;

/* Inside fetching: its state, shared by resolve.c (where packages come from) and fetch.c (what is done with them). */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "wkg/deps.h"
#include "wkg/fetch.h"
#include "wkg/remote.h"
#include "wkg/requirement.h"

#define WKG_MAX_NEEDS 1024u

struct need { /* a package that a registry has */
    struct wkg_package package;
    struct wkg_requirement requirement;
    struct str requirement_text;
    struct str full_name; /* as WIT text names it; data NULL: an override of wkg.toml asks for it */
    struct str version;
    struct oci_digest digest;
    struct buf bytes;
};

struct fetch {
    const struct wkg_project *project;
    const struct wkg_request *request;
    struct arena arena;
    struct wit_model model;
    struct wit_loader *loader;
    struct wkg_manifest manifest;
    struct wkg_registries registries;
    struct wkg_lock old_lock, new_lock;
    VEC(struct wkg_source) sources;
    struct wkg_fetcher fetcher;
    char *temporary; /* NULL: not needed yet */
    struct wkg_session *session;
    VEC(struct need) needs;
    VEC(struct need) files; /* encoded packages that are files: only label and bytes */
    struct map handled;     /* full names that were seen to */
    struct map ours;        /* full names of the project's own packages, which are not written to deps */
    struct wkg_deps deps;
    struct wit_package *main;
    struct error *err;
};

enum status wkg_fetch_open(struct fetch *f, const struct wkg_project *project, const struct wkg_request *request,
                           struct error *err) CHECKED;
void wkg_fetch_close(struct fetch *f);

/* Loads the project, resolves what it refers to, and checks it all together: f->model and f->new_lock are complete then. */
enum status wkg_resolve(struct fetch *f) CHECKED;

/* The members of wkg.toml's workspace become sources, before those of the configuration. */
enum status wkg_add_members(struct fetch *f) CHECKED;

struct wkg_outline {       /* of a package: text in the fetch's arena */
    struct str full_name;  /* data NULL: there is none */
    struct str interfaces; /* names, each after a space */
    struct str worlds;
};

/* Of the package that a folder or file of WIT is. err: NULL if it is no error that it is none. */
enum status wkg_outline_package(struct fetch *f, const char *path, struct wkg_outline *ret_outline, struct error *err) CHECKED;

/* The release of `package` (the one of `version`, if that is set) that a source of the configuration has; full_name.data NULL: it has
 * no source. ret_bytes: its binary form, if that is what the source is: then there is only the package's name. Fails: ST_NOT_FOUND
 * the source does not have it. */
enum status wkg_find_in_source(struct fetch *f, const struct wkg_package *package, const struct wit_version *version,
                               struct wkg_outline *ret_outline, struct buf *ret_bytes) CHECKED;
/* Whether a source has it that is no registry. */
bool wkg_has_source(struct fetch *f, const struct wkg_package *package);

/* Sets the version and digest of a need, from the lock or the registry. */
enum status wkg_resolve_release(struct fetch *f, struct need *need) CHECKED;

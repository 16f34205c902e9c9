/* wkg.toml: a project's overrides of single packages, what its own package says of itself when it is built, and its neighbours.
 *
 *   [overrides]
 *   "ns:name" = { path = "../name/wit" }     or     { version = "1.2" }
 *   [metadata]
 *   authors, description, licenses, source, homepage, revision = "text"
 *
 * or instead of both, in the project that is the root of a workspace:
 *
 *   [workspace]
 *   members = ["wit", "other/wit", "more/wit-?"]     folders of WIT, relative to the file; see workspace.c
 *
 * Source: wasm-pkg-core 0.16 (manifest.rs, manifest/workspace.rs). Text is in the arena. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#define WKG_MANIFEST_NAME "wkg.toml"
#define WKG_MAX_OVERRIDES 1000u
#define WKG_MAX_MEMBERS 1000u

struct wkg_override {
    struct str package;     /* "ns:name" */
    struct str path;        /* data NULL: none */
    struct str requirement; /* canonical; data NULL: none */
};

enum wkg_field { WKG_AUTHORS, WKG_DESCRIPTION, WKG_LICENSES, WKG_SOURCE, WKG_HOMEPAGE, WKG_REVISION, WKG_FIELD_COUNT };
extern const char *const wkg_field_names[WKG_FIELD_COUNT]; /* also of a component's custom sections */

struct wkg_manifest {
    struct wkg_override *overrides; /* by name */
    size_t override_count;
    struct str fields[WKG_FIELD_COUNT]; /* data NULL: not stated */
    struct str *members;                /* as they are written */
    size_t member_count;
};

enum status wkg_manifest_parse(const char *origin, struct str toml, struct arena *arena, struct wkg_manifest *ret_manifest,
                               struct error *err) CHECKED;
/* A file that is not there is an empty manifest. */
enum status wkg_manifest_read(const char *path, struct arena *arena, struct wkg_manifest *ret_manifest, struct error *err) CHECKED;

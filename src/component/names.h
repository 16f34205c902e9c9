/* Names of the Component Model: labels, plain names, interface names, semantic versions and their tracks.
 *
 * `cm_name_parse` splits a name into views of its text; equal keys of `cm_name_conflict_key` are what names of one scope must not
 * have. Labels and versions are the room wit's. Pure functions; results point into the text they were given.
 * Source: Explainer.md "Import and Export Definitions" (names, strong uniqueness), semver.org 2.0.0. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "wit/name.h"

enum cm_name_kind {
    CM_NAME_LABEL,       /* foo-bar */
    CM_NAME_CONSTRUCTOR, /* [constructor]r */
    CM_NAME_METHOD,      /* [method]r.m */
    CM_NAME_STATIC,      /* [static]r.m */
    CM_NAME_INTERFACE,   /* ns:pkg/iface@1.2.3 */
};

struct cm_name {
    enum cm_name_kind kind;
    struct str text;                /* the whole name */
    struct str label;               /* LABEL: all of it; METHOD, STATIC: what follows the dot; INTERFACE: what follows the slash */
    struct str resource;            /* CONSTRUCTOR, METHOD, STATIC */
    struct str namespace_, package; /* INTERFACE */
    struct wit_version version;     /* INTERFACE; text.len 0: none */
};

/* ST_INVALID says what is wrong with which name; ST_UNSUPPORTED: nested namespaces or projections. */
enum status cm_name_parse(struct str text, struct cm_name *ret_name, struct error *err) CHECKED;

/* The track that a version may be replaced within: "1", "0.2", or "" when only the exact version will do (pre-releases, 0.0.x).
 * A view into the version's text. */
struct str cm_version_track(struct str version);
/* Whether an import of `wanted` may be satisfied by an interface called `offered`: the same text, or the same track. */
bool cm_name_compatible(const struct cm_name *wanted, const struct cm_name *offered);

/* Text whose equality is a conflict between two names of one scope: case folded, annotations of methods and statics dropped, and
 * "[method]l.l" reduced to "l". Writes at most text.len bytes to `ret_key` and returns the length. Interface names are their own
 * key. */
size_t cm_name_conflict_key(const struct cm_name *name, char *ret_key);

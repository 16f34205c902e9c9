/* Names of the Component Model: labels, plain names, interface names, semantic versions and their tracks.
 *
 * `cm_name_parse` splits a name into views of its text; `cm_name_conflicts` is the "strongly unique" relation that the names of one
 * scope must not have. Pure functions; results point into the text they were given.
 * Source: Explainer.md "Import and Export Definitions" (names, strong uniqueness), semver.org 2.0.0. */
#pragma once

#include "base/error.h"
#include "base/str.h"

enum cm_name_kind {
    CM_NAME_LABEL,       /* foo-bar */
    CM_NAME_CONSTRUCTOR, /* [constructor]r */
    CM_NAME_METHOD,      /* [method]r.m */
    CM_NAME_STATIC,      /* [static]r.m */
    CM_NAME_INTERFACE,   /* ns:pkg/iface@1.2.3 */
};

struct cm_name {
    enum cm_name_kind kind;
    struct str text;  /* the whole name */
    struct str label; /* LABEL: all of it; METHOD, STATIC: what follows the dot; INTERFACE: the interface ("" for a bare package) */
    struct str resource;            /* CONSTRUCTOR, METHOD, STATIC */
    struct str namespace_, package; /* INTERFACE */
    struct str version;             /* INTERFACE: without the '@'; "" when there is none */
};

struct cm_semver {
    uint64_t major, minor, patch;
    struct str pre, build; /* without '-' and '+'; "" when absent */
};

/* nested: accept namespaces and packages of several labels. ST_INVALID says what is wrong with which name. */
enum status cm_name_parse(struct str text, bool nested, struct cm_name *ret_name, struct error *err) CHECKED;
/* An interface name only, as in `implements`. */
enum status cm_interface_name_parse(struct str text, bool nested, struct cm_name *ret_name, struct error *err) CHECKED;
/* One label: words of letters and digits joined by '-', each word all lower or all upper case and the first one starting with a
 * letter. */
bool cm_label_valid(struct str text);

enum status cm_semver_parse(struct str text, struct cm_semver *ret_version, struct error *err) CHECKED;
int cm_semver_compare(const struct cm_semver *a, const struct cm_semver *b); /* precedence; build metadata breaks ties, bytewise */
/* The track that a version may be replaced within: "1", "0.2", or "" when only the exact version will do (pre-releases, 0.0.x).
 * A view into the version's text. */
struct str cm_semver_track(struct str version);
/* Whether an import of `wanted` may be satisfied by an interface called `offered`: the same text, or the same track. */
bool cm_name_compatible(const struct cm_name *wanted, const struct cm_name *offered);

/* Text whose equality is a conflict between two names of one scope: case folded, annotations of methods and statics dropped, and
 * "[method]l.l" reduced to "l". Writes at most text.len bytes to `ret_key` and returns the length. Interface names are their own
 * key. */
size_t cm_name_conflict_key(const struct cm_name *name, char *ret_key);

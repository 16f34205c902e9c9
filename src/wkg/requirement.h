/* Version requirements as wkg writes them in its lock file: "=0.2.0", "^1.2", ">=1, <2", "*".
 *
 * They are Cargo's: a list of comparisons that must all hold; one without an operator means `^`. A pre-release matches only if a
 * comparison names a pre-release of the same three numbers. Text borrows from what was parsed. Source: crate semver 1.0
 * (VersionReq), "Version requirement syntax"; semver.org 2.0.0 for the order. Any thread. */
#pragma once

#include "wit/name.h"

#define WKG_MAX_COMPARATORS 32
#define WKG_REQUIREMENT_MAX 1024 /* bytes of text */

enum wkg_operator { WKG_EXACT, WKG_GREATER, WKG_GREATER_EQUAL, WKG_LESS, WKG_LESS_EQUAL, WKG_TILDE, WKG_CARET, WKG_WILDCARD };

struct wkg_comparator {
    enum wkg_operator op;
    uint64_t major, minor, patch;
    bool has_minor, has_patch;
    struct str pre; /* needs a patch; empty: none */
};

struct wkg_requirement {
    struct wkg_comparator items[WKG_MAX_COMPARATORS];
    size_t count; /* 0: "*" */
};

/* Fails: ST_INVALID; the message quotes the text. */
enum status wkg_requirement_parse(struct str text, struct wkg_requirement *ret_requirement, struct error *err) CHECKED;
/* The canonical text: what wkg would write. */
struct str wkg_requirement_format(const struct wkg_requirement *requirement, struct arena *arena);
bool wkg_requirement_matches(const struct wkg_requirement *requirement, const struct wit_version *version);

/* The requirement of a reference in WIT text: "=version" (build metadata does not count), or "*" without one. */
struct wkg_requirement wkg_requirement_of(const struct wit_version *version);
/* Whether it names one version, and which; in the arena. */
bool wkg_requirement_is_exact(const struct wkg_requirement *requirement, struct arena *arena, struct str *ret_version);

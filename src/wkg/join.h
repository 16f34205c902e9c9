/* One text for each package out of several encoded ones.
 *
 * An encoded WIT package carries those parts of other packages that it refers to, down to single types, without documentation. What
 * several carry of one package must agree and is put together: first what the package itself says, if it is among them, then what
 * others add, in a fixed order. Source: wit-parser (Resolve::merge), as wkg uses it. Text is in the arena; any thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#define WKG_JOINED_MAX (64u << 20) /* bytes of text of all packages together */

struct wkg_encoded {
    struct str label; /* for messages: "wasi:http@0.2.0" */
    struct str bytes;
    struct str name;       /* set: the full name of the package that it is */
    struct str interfaces; /* set: names of its interfaces and of its worlds, each after a space: " a b" */
    struct str worlds;
};

struct wkg_joined {
    struct str full_name;
    struct str text; /* a WIT file */
};

/* Fails: ST_INVALID something is no WIT package, or two disagree on a third; ST_LIMIT. */
enum status wkg_join(struct wkg_encoded *packages, size_t count, struct arena *arena, struct wkg_joined **ret_joined,
                     size_t *ret_count, struct error *err) CHECKED;

/* wkg.lock: which release each package was resolved to, and the digest of its bytes.
 *
 * Byte for byte what crate wasm-pkg-core 0.16 writes: TOML with a fixed header, packages by name, then registry, the requirements
 * of one in order of their text. Read: its older spellings (`package`, `version`) too; fields that are not known are passed over.
 * A file without content, as an interrupted program leaves it, is an empty lock. All text is in the arena. Any thread. */
#pragma once

#include "base/buf.h"
#include "base/vec.h"
#include "wkg/package.h"

#define WKG_LOCK_NAME "wkg.lock"
#define WKG_LOCK_MAX_ENTRIES 10000u

struct wkg_locked {
    struct str package;     /* "ns:name" */
    struct str registry;    /* as configured, not where its bytes are; data NULL: none */
    struct str requirement; /* canonical */
    struct str version, digest;
};

struct wkg_lock {
    VEC(struct wkg_locked) items;
};

void wkg_lock_release(struct wkg_lock *lock);

/* origin: for messages. Fails: ST_INVALID, ST_UNSUPPORTED another version of the format, ST_LIMIT. */
enum status wkg_lock_parse(const char *origin, struct str text, struct arena *arena, struct wkg_lock *ret_lock,
                           struct error *err) CHECKED;
/* A file that is not there is an empty lock. */
enum status wkg_lock_read(const char *path, struct arena *arena, struct wkg_lock *ret_lock, struct error *err) CHECKED;

/* NULL: not locked. */
const struct wkg_locked *wkg_lock_find(const struct wkg_lock *lock, struct str package, struct str registry,
                                       struct str requirement);
/* Forgets all requirements of one package; false if there were none. */
bool wkg_lock_remove(struct wkg_lock *lock, struct str package);
/* Text is borrowed; one that is there already is replaced. */
void wkg_lock_add(struct wkg_lock *lock, const struct wkg_locked *locked);

void wkg_lock_format(const struct wkg_lock *lock, struct buf *out);

/* A registry that is a folder: a release of a package is the file `<folder>/<namespace>/<name>/<version>.wasm`.
 *
 * Only the user's own configuration can name such a folder, never a registry. Source: wasm-pkg-client 0.16 (local.rs). Any thread;
 * blocks. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "wkg/package.h"

/* ret_versions: in the arena, in no order. Fails: ST_NOT_FOUND the package has no folder; ST_IO. */
enum status wkg_local_versions(struct str folder, const struct wkg_package *package, struct arena *arena,
                               struct wit_version **ret_versions, size_t *ret_count, struct error *err) CHECKED;
/* version: one that wit_version_parse takes. ret_bytes: appended to; its maximum bounds them. Fails as file_read. */
enum status wkg_local_read(struct str folder, const struct wkg_package *package, struct str version, struct buf *ret_bytes,
                           struct error *err) CHECKED;

/* The cache of packages: each under its digest, `<cache>/package_cache/sha256:<hex>`, as wkg keeps them.
 *
 * A file counts only if its bytes have the digest in its name, so it does not matter who put it there; one that does not is
 * replaced. It appears by rename: processes share a cache without locks. Any thread. */
#pragma once

#include "base/buf.h"
#include "oci/digest.h"

/* folder: NULL for no cache. ST_NOT_FOUND: not there, or not what it says. */
enum status wkg_store_load(const char *folder, const struct oci_digest *digest, struct buf *ret_bytes) CHECKED;
/* One that cannot be written is passed over. */
void wkg_store_save(const char *folder, const struct oci_digest *digest, struct str bytes);

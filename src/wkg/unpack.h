/* Unpacking archives of WIT sources that strangers made: tar, plain or in gzip.
 *
 * Only regular files and folders are taken. A name that is absolute or has `..` in it is refused, and so are links, devices and all
 * else; count, size, name and depth are bounded. The folder unpacked into is new and ours alone, so what was written before can
 * lead nothing elsewhere. Any thread; blocks. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define WKG_ARCHIVE_MAX_ENTRIES 50000u       /* files and folders, those included that have no entry of their own */
#define WKG_ARCHIVE_MAX_BYTES (256ull << 20) /* of all files together, and of the archive without gzip */
#define WKG_ARCHIVE_MAX_NAME 1024u
#define WKG_ARCHIVE_MAX_DEPTH 64u

/* folder: absolute, not there yet, below one of ours; it is made, and if anything fails it is gone again. Fails: ST_INVALID no
 * archive, or something in it is refused, by name; ST_LIMIT; ST_IO. */
enum status wkg_archive_unpack(struct str archive, const char *folder, struct error *err) CHECKED;

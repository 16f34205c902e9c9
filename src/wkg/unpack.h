/* Unpacking archives of WIT sources that strangers made: tar, compressed or not.
 *
 * Only regular files and folders are taken. A name that is absolute or has `..` in it is refused, and so are links, devices and all
 * else; count, size, name and depth are bounded. The folder unpacked into is new and ours alone, so what was written before can
 * lead nothing elsewhere. Any thread; blocks. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define WKG_ARCHIVE_MAX_ENTRIES 50000u
#define WKG_ARCHIVE_MAX_BYTES (256ull << 20) /* unpacked, all files together */
#define WKG_ARCHIVE_MAX_NAME 1024u
#define WKG_ARCHIVE_MAX_DEPTH 64u

/* folder: empty, ours. Fails: ST_INVALID no archive, or something in it is refused, by name; ST_LIMIT; ST_IO. What was unpacked
 * until then is left. */
enum status wkg_archive_unpack(struct str archive, const char *folder, struct error *err) CHECKED;

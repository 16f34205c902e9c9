/* Files and folders of a project and of the cache: read with a bound, replaced as a whole, removed without following links.
 * Block; any thread. */
#pragma once

#include "base/buf.h"

/* Appends a regular file to `ret_bytes`, whose maximum bounds it. Fails: ST_NOT_FOUND, ST_IO and its kin, ST_INVALID not a regular
 * file, ST_LIMIT. */
enum status wkg_file_read(const char *path, struct buf *ret_bytes, struct error *err) CHECKED;

/* The file has these bytes or what it had before: a temporary one beside it is renamed. Its mode stays, a new one's is by umask. A
 * symbolic link stays one: the file that it names is replaced. */
enum status wkg_file_replace(const char *path, struct str bytes, struct error *err) CHECKED;

/* A file, or a folder and all in it; links themselves, not what they name. What is not there is removed already. */
enum status wkg_tree_remove(const char *path, struct error *err);

/* The folder and those above it, with this mode. */
enum status wkg_folder_make(const char *path, unsigned mode, struct error *err) CHECKED;

bool wkg_is_folder(const char *path); /* through links */
bool wkg_exists(const char *path);    /* a link counts, wherever it leads */

/* Files and folders as a whole: read with a bound, written all or not at all, listed in order. Block; any thread. */
#pragma once

#include "base/buf.h"
#include "base/vec.h"

/* Appends what a regular file has; the buffer's maximum is the bound, and a failure leaves the buffer as it was. Pipes and devices,
 * which may end never or keep the reader waiting, are refused. Fails: ST_NOT_FOUND and what else an errno means, ST_INVALID not a
 * regular file, ST_LIMIT. */
enum status file_read(const char *path, struct buf *bytes, struct error *err) CHECKED;
/* The same of a regular file that is open, from its beginning. path: for messages. */
enum status file_read_open(int fd, const char *path, struct buf *bytes, struct error *err) CHECKED;

/* Writes all of `bytes`, whatever interrupts it. path: for the message. Fails: ST_IO and what else an errno means. */
enum status file_write_all(int fd, struct str bytes, const char *path, struct error *err) CHECKED;

/* The file has these bytes or what it had before: a new one beside it takes its name. Its mode stays, a new one's is by umask. A
 * symbolic link stays one: the file that it names is replaced. */
enum status file_replace(const char *path, struct str bytes, struct error *err) CHECKED;

bool file_is_folder(const char *path); /* through links */

/* The folder and those above it that are not there, with this mode (less umask). Fails: ST_INVALID something else is in the way. */
enum status file_make_folders(const char *path, unsigned mode, struct error *err) CHECKED;

#define FILE_NAMES_MAX 1000000u

struct file_names {
    VEC(char *) list;
};
#define autonames __attribute__((cleanup(file_names_release)))

/* What is in a folder, "." and ".." aside, in bytewise order. Fails: ST_NOT_FOUND and what else an errno means, ST_LIMIT more than
 * FILE_NAMES_MAX. */
enum status file_names(const char *folder, struct file_names *ret_names, struct error *err) CHECKED;
void file_names_release(struct file_names *names);

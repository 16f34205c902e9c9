/* Opening files beneath a directory, whatever a guest's path says.
 *
 * Every path is resolved by the kernel with openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), or where that is missing by a walk that
 * gives the same result: absolute paths, `..` above the directory, and symbolic links that lead out of it fail with EPERM. Operations
 * that change names work on (parent descriptor, last name), so that nothing can be swapped between check and use.
 * Runs on worker threads: no shard, no guest memory. Functions return 0 or an errno. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* follow: whether a symbolic link as the last name is followed. flags: O_* without O_CLOEXEC and O_NOFOLLOW, which are added. */
int wasi_path_open(int dir, const char *path, int flags, mode_t mode, bool follow, int *ret_fd);

/* Splits off the last name and opens the directory it is in. ret_name points into `path`, whose trailing slashes are cut off;
 * *ret_slash says that there were some (only a directory may be meant). EPERM for "..", EINVAL for "." and for an empty path. */
int wasi_path_parent(int dir, char *path, int *ret_parent, const char **ret_name, bool *ret_slash);

/* The fallback for kernels without openat2; public for its test. */
int wasi_path_walk(int dir, const char *path, int flags, mode_t mode, bool follow, int *ret_fd);

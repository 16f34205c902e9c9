/* Removing folders; see cleanup.h. */
#include "cli/cleanup.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSES_MAX = 8 };

struct cleanup {
    const char *path;
    dev_t device;
    bool dry_run;
    unsigned depth;
    uint64_t bytes;
    struct error *err;
};

static enum status clean_folder(struct cleanup *cleanup, int fd);

static enum status clean_entry(struct cleanup *cleanup, int folder, const char *name)
{
    struct stat info;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ST_OK : fail_errno(cleanup->err, "%s: %s", cleanup->path, name);
    if (S_ISDIR(info.st_mode)) {
        int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return fail_errno(cleanup->err, "%s: %s", cleanup->path, name);
        TRY(clean_folder(cleanup, fd));
    } else {
        cleanup->bytes += (uint64_t)info.st_size;
    }
    if (!cleanup->dry_run && unlinkat(folder, name, S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
        return fail_errno(cleanup->err, "remove %s: %s", cleanup->path, name);
    return ST_OK;
}

static enum status clean_entries(struct cleanup *cleanup, DIR *dir, unsigned *ret_seen)
{
    struct dirent *entry;
    unsigned seen = 0;
    rewinddir(dir);
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        TRY(clean_entry(cleanup, dirfd(dir), entry->d_name));
        seen++;
    }
    *ret_seen = seen;
    return ST_OK;
}

/* Takes the descriptor. Entries that are removed while they are listed may hide others, so it looks again until none is left. */
static enum status clean_folder(struct cleanup *cleanup, int fd)
{
    struct stat info;
    DIR *dir = fdopendir(fd);
    enum status status = ST_OK;
    if (!dir) {
        status = fail_errno(cleanup->err, "%s", cleanup->path);
        close(fd);
        return status;
    }
    if (fstat(fd, &info) != 0)
        status = fail_errno(cleanup->err, "%s", cleanup->path);
    else if (info.st_dev != cleanup->device)
        status = fail(cleanup->err, ST_INVALID, "%s: another file system is mounted inside; unmount it first", cleanup->path);
    else if (++cleanup->depth > CLEANUP_MAX_DEPTH)
        status = fail(cleanup->err, ST_LIMIT, "%s: folders are nested more than %d deep", cleanup->path, CLEANUP_MAX_DEPTH);
    for (unsigned pass = 0, seen = 1; status == ST_OK && seen > 0 && pass < (cleanup->dry_run ? 1 : PASSES_MAX); pass++)
        status = clean_entries(cleanup, dir, &seen);
    cleanup->depth--;
    closedir(dir);
    return status;
}

enum status cli_cleanup(const char *path, bool dry_run, bool *ret_existed, uint64_t *ret_bytes, struct error *err)
{
    struct cleanup cleanup = {.path = path, .dry_run = dry_run, .err = err};
    struct stat info;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_existed = false;
        *ret_bytes = 0;
        return ST_OK;
    }
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return fail(err, ST_INVALID, "%s is not a folder but a link or a file: remove it yourself", path);
    if (fd < 0)
        return fail_errno(err, "%s", path);
    if (fstat(fd, &info) != 0) {
        close(fd);
        return fail_errno(err, "%s", path);
    }
    cleanup.device = info.st_dev;
    TRY(clean_folder(&cleanup, fd));
    if (!dry_run && rmdir(path) != 0 && errno != ENOENT)
        return fail_errno(err, "remove %s", path);
    *ret_existed = true;
    *ret_bytes = cleanup.bytes;
    return ST_OK;
}

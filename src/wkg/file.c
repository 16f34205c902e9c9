#include "wkg/file.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 65536, OPEN_FOLDERS = 16 };

static enum status read_all(int fd, const char *path, struct buf *bytes, struct error *err)
{
    char piece[READ_SIZE];
    for (;;) {
        ssize_t len = read(fd, piece, sizeof piece);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return fail_errno(err, "read %s", path);
        if (len == 0)
            return ST_OK;
        if (buf_append(bytes, piece, (size_t)len) != ST_OK)
            return fail(err, ST_LIMIT, "%s is larger than %zu bytes", path, bytes->max);
    }
}

enum status wkg_file_read(const char *path, struct buf *ret_bytes, struct error *err)
{
    struct stat info;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) != 0)
        return fail_errno(err, "open %s", path);
    if (!S_ISREG(info.st_mode))
        return fail(err, ST_INVALID, "%s is not a regular file", path);
    return read_all(fd, path, ret_bytes, err);
}

static mode_t mode_for(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0)
        return info.st_mode & 07777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

enum status wkg_file_replace(const char *path, struct str bytes, struct error *err)
{
    autofree char *real = realpath(path, NULL);
    const char *target = real ? real : path;
    autobuf struct buf temporary = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&temporary, "%s.XXXXXX", target);
    autoclose int fd = mkostemp(temporary.data, O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "write %s", path);
    enum status status = file_write_all(fd, bytes, path, err);
    if (status == ST_OK && (fchmod(fd, mode_for(target)) != 0 || rename(temporary.data, target) != 0))
        status = fail_errno(err, "write %s", path);
    if (status != ST_OK)
        (void)unlink(temporary.data);
    return status;
}

static int remove_one(const char *path, const struct stat *info UNUSED, int type UNUSED, struct FTW *place UNUSED)
{
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

enum status wkg_tree_remove(const char *path, struct error *err)
{
    if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
        return fail_errno(err, "remove %s", path);
    return ST_OK;
}

enum status wkg_folder_make(const char *path, unsigned mode, struct error *err)
{
    autofree char *copy = mem_strdup(path);
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            return fail_errno(err, "make folder %s", copy);
        *slash = '/';
    }
    if (mkdir(copy, mode) != 0 && errno != EEXIST)
        return fail_errno(err, "make folder %s", path);
    return wkg_is_folder(path) ? ST_OK : fail(err, ST_INVALID, "%s is not a folder", path);
}

bool wkg_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool wkg_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

#include "folder.h"
#include "base/mem.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

bool folder_open(struct folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "/tmp/wash-test-XXXXXX");
    return mkdtemp(folder->path);
}

static int remove_one(const char *path, const struct stat *info UNUSED, int kind UNUSED, struct FTW *where UNUSED)
{
    return remove(path);
}

void folder_remove(struct folder *folder)
{
    (void)nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *path_of(const struct folder *folder, const char *name)
{
    struct buf path = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&path, "%s/%s", folder->path, name);
    return buf_take(&path);
}

bool folder_write(const struct folder *folder, const char *name, struct str content, int mode)
{
    autofree char *path = path_of(folder, name);
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    return fd >= 0 && write(fd, content.data, content.len) == (ssize_t)content.len && fchmod(fd, (mode_t)mode) == 0;
}

bool folder_read(const struct folder *folder, const char *name, struct buf *ret_content)
{
    autofree char *path = path_of(folder, name);
    char piece[4096];
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = -1;
    while (fd >= 0 && (len = read(fd, piece, sizeof piece)) > 0)
        buf_add(ret_content, str_n(piece, (size_t)len));
    return len == 0;
}

bool folder_has(const struct folder *folder, const char *name)
{
    autofree char *path = path_of(folder, name);
    return access(path, F_OK) == 0;
}

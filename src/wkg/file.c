#include "wkg/file.h"
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

enum { OPEN_FOLDERS = 16 };

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

bool wkg_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* Resolution beneath a directory; see path.h. */
#include "wasi/path.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LINKS 40
#define MAX_DEPTH 256 /* directories below the start, in the walk */
#define MAX_TRIES 32  /* openat2 says EAGAIN while something is renamed around it */

static int open_by_kernel(int dir, const char *path, int flags, mode_t mode, int *ret_fd)
{
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
        if (fd >= 0) {
            *ret_fd = (int)fd;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return errno == EXDEV ? EPERM : errno; /* EXDEV: it would have left the directory */
}

int wasi_path_open(int dir, const char *path, int flags, mode_t mode, bool follow, int *ret_fd)
{
    if (*path == 0)
        return ENOENT;
    if (*path == '/')
        return EPERM;
    int error = open_by_kernel(dir, path, flags | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), mode, ret_fd);
    return error == ENOSYS ? wasi_path_walk(dir, path, flags, mode, follow, ret_fd) : error;
}

int wasi_path_parent(int dir, char *path, int *ret_parent, const char **ret_name, bool *ret_slash)
{
    size_t len = strlen(path);
    *ret_slash = false;
    while (len > 1 && path[len - 1] == '/') {
        path[--len] = 0;
        *ret_slash = true;
    }
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (*path == '/' || strcmp(name, "..") == 0)
        return EPERM;
    if (*name == 0)
        return ENOENT;
    if (strcmp(name, ".") == 0)
        return EINVAL;
    *ret_name = name;
    if (!slash)
        return wasi_path_open(dir, ".", O_PATH | O_DIRECTORY, 0, true, ret_parent);
    *slash = 0; /* for the time of the call */
    int error = wasi_path_open(dir, path, O_PATH | O_DIRECTORY, 0, true, ret_parent);
    *slash = '/';
    return error;
}

/* --- the walk ------------------------------------------------------------------------------------------------------------------ */

/* A stack of open directories, so that ".." goes back to where we came from, never to where a directory was moved to. */
struct walk {
    int dirs[MAX_DEPTH];
    size_t depth; /* of dirs in use; [0] is the caller's */
    int links;
    char rest[PATH_MAX]; /* what is still to be resolved */
};

static void walk_end(struct walk *walk)
{
    while (walk->depth > 1)
        close(walk->dirs[--walk->depth]);
}

/* Cuts the next name off the rest; false at its end. */
static bool next_name(struct walk *walk, char ret_name[NAME_MAX + 1], bool *ret_last, int *ret_error)
{
    const char *at = walk->rest + strspn(walk->rest, "/");
    size_t len = strcspn(at, "/");
    *ret_error = len > NAME_MAX ? ENAMETOOLONG : 0;
    if (len == 0 || *ret_error)
        return false;
    memcpy(ret_name, at, len);
    ret_name[len] = 0;
    *ret_last = at[len + strspn(at + len, "/")] == 0;
    memmove(walk->rest, at + len, strlen(at + len) + 1);
    return true;
}

/* Puts a link's target in front of the rest. */
static int follow_link(struct walk *walk, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(walk->dirs[walk->depth - 1], name, target, sizeof target - 1);
    if (len < 0)
        return errno;
    target[len] = 0;
    if (++walk->links > MAX_LINKS)
        return ELOOP;
    if (target[0] == '/')
        return EPERM;
    size_t rest = strlen(walk->rest);
    if ((size_t)len + 1 + rest >= sizeof walk->rest)
        return ENAMETOOLONG;
    memmove(walk->rest + len + 1, walk->rest, rest + 1);
    memcpy(walk->rest, target, (size_t)len);
    walk->rest[len] = '/';
    if (rest == 0)
        walk->rest[len] = 0;
    return 0;
}

/* One name: goes into a directory, back out, through a link, or opens the last one. ret_fd >= 0: done. */
static int walk_step(struct walk *walk, const char *name, bool last, bool slash, int flags, mode_t mode, bool follow, int *ret_fd)
{
    int dir = walk->dirs[walk->depth - 1];
    if (strcmp(name, "..") == 0) {
        if (walk->depth == 1)
            return EPERM;
        close(walk->dirs[--walk->depth]);
        return 0;
    }
    if (strcmp(name, ".") == 0)
        return 0;
    struct stat info;
    bool exists = fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && S_ISLNK(info.st_mode) && (!last || follow || slash) && !(last && flags & O_EXCL && flags & O_CREAT))
        return follow_link(walk, name);
    if (last) {
        *ret_fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | (slash ? O_DIRECTORY : 0), mode);
        return *ret_fd < 0 ? errno : 0;
    }
    if (walk->depth == MAX_DEPTH)
        return ENAMETOOLONG;
    int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    walk->dirs[walk->depth++] = fd;
    return 0;
}

int wasi_path_walk(int dir, const char *path, int flags, mode_t mode, bool follow, int *ret_fd)
{
    struct walk walk = {.dirs = {dir}, .depth = 1};
    size_t len = strlen(path);
    if (len == 0)
        return ENOENT;
    if (*path == '/')
        return EPERM;
    if (len >= sizeof walk.rest)
        return ENAMETOOLONG;
    memcpy(walk.rest, path, len + 1);
    bool slash = path[len - 1] == '/', last;
    char name[NAME_MAX + 1];
    int error = 0, fd = -1;
    while (fd < 0 && !error && next_name(&walk, name, &last, &error))
        error = walk_step(&walk, name, last, slash, flags, mode, follow, &fd);
    if (!error && fd < 0) { /* the path ended on ".", ".." or nothing: the directory itself */
        fd = openat(walk.dirs[walk.depth - 1], ".", flags | O_CLOEXEC, mode);
        error = fd < 0 ? errno : 0;
    }
    walk_end(&walk);
    if (!error)
        *ret_fd = fd;
    return error;
}

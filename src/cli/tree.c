/* Copying, checking and removing folders; see tree.h. */
#include "cli/tree.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/interrupts.h"
#include "wasi/path.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    int root;
    const char *root_path;
    struct buf path; /* of what is looked at, from the root, for messages and links */
    size_t entries, depth;
    uint64_t bytes;
    struct error *err;
};

/* What to do with an entry of the folder `folder`. */
typedef enum status (*visit_fn)(struct walk *walk, int folder, int target, const char *name, const struct stat *info);

static void path_push(struct walk *walk, const char *name)
{
    buf_addf(&walk->path, "%s%s", walk->path.len ? "/" : "", name);
}

static void path_pop(struct walk *walk, size_t len)
{
    walk->path.len = len;
    if (walk->path.data)
        walk->path.data[len] = 0;
}

static enum status visit_entry(struct walk *walk, int folder, int target, const char *name, visit_fn visit)
{
    struct stat info;
    if (cli_interrupted())
        return fail(walk->err, ST_CANCELLED, "interrupted");
    if (++walk->entries > TREE_MAX_ENTRIES)
        return fail(walk->err, ST_LIMIT, "the template has more than %d files", TREE_MAX_ENTRIES);
    size_t len = walk->path.len;
    path_push(walk, name);
    enum status status = ST_OK;
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        status = fail_errno(walk->err, "%s", walk->path.data);
    else
        status = visit(walk, folder, target, name, &info);
    path_pop(walk, len);
    return status;
}

/* Takes `folder` (a descriptor, closed here). */
static enum status each_entry(struct walk *walk, int folder, int target, visit_fn visit)
{
    DIR *dir = fdopendir(folder);
    if (!dir) {
        enum status status = fail_errno(walk->err, "read the folder %s", walk->path.data ? walk->path.data : ".");
        close(folder);
        return status;
    }
    enum status status = ST_OK;
    struct dirent *entry;
    walk->depth++;
    if (walk->depth > TREE_MAX_DEPTH)
        status = fail(walk->err, ST_LIMIT, "the template has more than %d folders inside one another", TREE_MAX_DEPTH);
    while (status == ST_OK && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = visit_entry(walk, folder, target, entry->d_name, visit);
    if (status == ST_OK && errno)
        status = fail_errno(walk->err, "read the folder %s", walk->path.data ? walk->path.data : ".");
    walk->depth--;
    closedir(dir);
    return status;
}

static int open_folder(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static enum status walk_from(struct walk *walk, int from, int target, visit_fn visit)
{
    buf_init(&walk->path, BUF_UNLIMITED);
    int folder = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = folder < 0 ? fail_errno(walk->err, "open the folder") : each_entry(walk, folder, target, visit);
    buf_release(&walk->path);
    return status;
}

/* --- copying ------------------------------------------------------------------------------------------------------------------ */

static enum status copy_bytes(struct walk *walk, int in, int out)
{
    char data[65536];
    ssize_t n;
    while ((n = read(in, data, sizeof data)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(walk->err, "read %s", walk->path.data);
        walk->bytes += (uint64_t)n;
        if (walk->bytes > TREE_MAX_BYTES)
            return fail(walk->err, ST_LIMIT, "the template has more than %llu MiB", TREE_MAX_BYTES >> 20);
        if (cli_interrupted())
            return fail(walk->err, ST_CANCELLED, "interrupted");
        TRY(file_write_all(out, str_n(data, (size_t)n), walk->path.data, walk->err));
    }
    return ST_OK;
}

/* Opened without waiting, and looked at again: it may have become something else. */
static enum status copy_file(struct walk *walk, int folder, int target, const char *name)
{
    struct stat info;
    autoclose int in = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &info) != 0)
        return fail_errno(walk->err, "%s", walk->path.data);
    if (!S_ISREG(info.st_mode))
        return fail(walk->err, ST_INVALID, "%s changed while it was copied", walk->path.data);
    autoclose int out = openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info.st_mode & 0111 ? 0777 : 0666);
    if (out < 0)
        return fail_errno(walk->err, "write %s", walk->path.data);
    return copy_bytes(walk, in, out);
}

static enum status copy_link(struct walk *walk, int folder, int target, const char *name)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(folder, name, text, sizeof text - 1);
    if (len < 0)
        return fail_errno(walk->err, "%s", walk->path.data);
    text[len] = 0;
    return symlinkat(text, target, name) == 0 ? ST_OK : fail_errno(walk->err, "write %s", walk->path.data);
}

static enum status copy_entry(struct walk *walk, int folder, int target, const char *name, const struct stat *info);

static enum status copy_folder(struct walk *walk, int folder, int target, const char *name)
{
    int from = open_folder(folder, name);
    if (from < 0)
        return fail_errno(walk->err, "%s", walk->path.data);
    if (strcmp(name, "node_modules") == 0 || faccessat(from, "CACHEDIR.TAG", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        close(from);
        return ST_OK;
    }
    autoclose int to = mkdirat(target, name, 0777) == 0 ? open_folder(target, name) : -1;
    if (to < 0) {
        close(from);
        return fail_errno(walk->err, "make the folder %s", walk->path.data);
    }
    return each_entry(walk, from, to, copy_entry);
}

static enum status copy_entry(struct walk *walk, int folder, int target, const char *name, const struct stat *info)
{
    if (strcmp(name, ".git") == 0)
        return ST_OK;
    if (S_ISDIR(info->st_mode))
        return copy_folder(walk, folder, target, name);
    if (S_ISREG(info->st_mode))
        return copy_file(walk, folder, target, name);
    if (S_ISLNK(info->st_mode))
        return copy_link(walk, folder, target, name);
    return fail(walk->err, ST_INVALID, "%s is not a file, a folder or a symbolic link", walk->path.data);
}

enum status cli_tree_copy(int from, int to, struct error *err)
{
    struct walk walk = {.root = -1, .err = err};
    return walk_from(&walk, from, to, copy_entry);
}

/* --- checking ----------------------------------------------------------------------------------------------------------------- */

/* Whether following `text` by its names alone, from a link at `path`, stays at or below the root. */
static bool names_stay_inside(struct str path, struct str text)
{
    long depth = 0;
    struct str part;
    if (str_starts(text, STR("/")))
        return false;
    for (size_t i = 0; i < path.len; i++)
        depth += path.data[i] == '/';
    while (str_next_part(&text, '/', &part)) {
        if (str_is(part, ".."))
            depth--;
        else if (part.len > 0 && !str_is(part, "."))
            depth++;
        if (depth < 0)
            return false;
    }
    return true;
}

/* By its names, which holds for links to what is not there yet; and by the kernel, which knows where links on the way lead. */
static enum status check_link(struct walk *walk, int folder, const char *name)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(folder, name, text, sizeof text);
    if (len < 0)
        return fail_errno(walk->err, "%s", walk->path.data);
    bool inside = names_stay_inside(buf_str(&walk->path), str_n(text, (size_t)len));
    autoclose int fd = -1;
    if (inside)
        inside = wasi_path_open(walk->root, walk->path.data, O_PATH, 0, true, &fd) != EPERM;
    if (!inside)
        return fail(walk->err, ST_INVALID, "the symbolic link %s leads out of the template, to %.*s", walk->path.data, (int)len,
                    text);
    return ST_OK;
}

static enum status settle_entry(struct walk *walk, int folder, int target, const char *name, const struct stat *info)
{
    if (strcasecmp(name, ".git") == 0) {
        autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&path, "%s/%s", walk->root_path, walk->path.data);
        return cli_tree_remove(path.data, walk->err);
    }
    if (S_ISLNK(info->st_mode))
        return check_link(walk, folder, name);
    if (S_ISREG(info->st_mode))
        return ST_OK;
    if (!S_ISDIR(info->st_mode))
        return fail(walk->err, ST_INVALID, "%s is not a file, a folder or a symbolic link", walk->path.data);
    int inner = open_folder(folder, name);
    return inner < 0 ? fail_errno(walk->err, "%s", walk->path.data) : each_entry(walk, inner, target, settle_entry);
}

enum status cli_tree_settle(const char *root, struct error *err)
{
    autoclose int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return fail_errno(err, "%s", root);
    struct walk walk = {.root = folder, .root_path = root, .err = err};
    return walk_from(&walk, folder, -1, settle_entry);
}

/* --- removing ----------------------------------------------------------------------------------------------------------------- */

enum { REMOVE_DESCRIPTORS = 32 };

static int remove_entry(const char *path, const struct stat *info UNUSED, int kind UNUSED, struct FTW *where UNUSED)
{
    return remove(path) == 0 || errno == ENOENT ? 0 : errno;
}

enum status cli_tree_remove(const char *path, struct error *err)
{
    int error = nftw(path, remove_entry, REMOVE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
    if (error < 0)
        error = errno;
    if (error == 0 || error == ENOENT)
        return ST_OK;
    errno = error;
    return fail_errno(err, "remove %s", path);
}

/* wasi:filesystem/types: operations on paths beneath a directory; how paths are resolved is in path.h. */
#include "base/mem.h"
#include "wasi/file.h"
#include "wasi/path.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FLAG(name) WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_##name
#define OPEN(name) WASI_FILESYSTEM_TYPES_OPEN_FLAGS_##name
#define PATH_BYTES_MAX 4095 /* as the system's */

/* A NUL-ended copy for a worker. 0 or an errno. */
static int copy_path(struct cm_call *call, struct str path, char **ret_path)
{
    if (path.len > PATH_BYTES_MAX)
        return ENAMETOOLONG;
    if (path.len == 0)
        return ENOENT;
    if (memchr(path.data, 0, path.len))
        return EILSEQ;
    char *copy = arena_try(cm_call_arena(call), path.len + 1, 1);
    if (!copy)
        return ENOMEM;
    memcpy(copy, path.data, path.len);
    *ret_path = copy;
    return 0;
}

/* Prepares an operation on a path of `self`, which must be a directory, and one that may be changed if the operation does so. */
static int prepare(struct cm_call *call, struct wasi_file_op *op, const struct wasi_filesystem_types_descriptor *self,
                   struct str path, bool changes)
{
    op->fd = self->fd;
    if (!self->is_directory)
        return ENOTDIR;
    if (changes && (self->read_only || !(self->flags & FLAG(MUTATE_DIRECTORY))))
        return EPERM;
    return copy_path(call, path, &op->path);
}

static enum status finish(struct wasi_file_op *op, int error, struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    op->error = error;
    if (!error)
        TRY(wasi_file_run(op));
    ret->is_err = op->error != 0;
    ret->of.err = wasi_file_error(op->error);
    return ST_OK;
}

/* Runs an operation whose results are in it; returns with the error in *ret when it, or its preparation, failed. */
#define RUN_OR_RETURN(operation, refused)                                                                                          \
    do {                                                                                                                           \
        (operation)->error = (refused);                                                                                            \
        if (!(operation)->error)                                                                                                   \
            TRY(wasi_file_run(operation));                                                                                         \
        if ((operation)->error) {                                                                                                  \
            ret->is_err = true;                                                                                                    \
            ret->of.err = wasi_file_error((operation)->error);                                                                     \
            return ST_OK;                                                                                                          \
        }                                                                                                                          \
        ret->is_err = false;                                                                                                       \
    } while (0)

/* --- names -------------------------------------------------------------------------------------------------------------------- */

static int run_mkdir(struct wasi_file_op *op)
{
    autoclose int parent = -1;
    const char *name;
    bool slash;
    int error = wasi_path_parent(op->fd, op->path, &parent, &name, &slash);
    return error ? error : mkdirat(parent, name, 0777) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_create_directory_at(struct cm_call *call,
                                                                 struct wasi_filesystem_types_descriptor *self, struct str path,
                                                                 struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_mkdir};
    return finish(&op, prepare(call, &op, self, path, true), ret);
}

/* flags: AT_REMOVEDIR or 0 */
static int run_unlink(struct wasi_file_op *op)
{
    autoclose int parent = -1;
    const char *name;
    bool slash;
    int error = wasi_path_parent(op->fd, op->path, &parent, &name, &slash);
    if (!error && slash && !op->flags)
        error = ENOTDIR;
    return error ? error : unlinkat(parent, name, op->flags) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_remove_directory_at(struct cm_call *call,
                                                                 struct wasi_filesystem_types_descriptor *self, struct str path,
                                                                 struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_unlink, .flags = AT_REMOVEDIR};
    return finish(&op, prepare(call, &op, self, path, true), ret);
}

enum status wasi_filesystem_types_descriptor_unlink_file_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                            struct str path,
                                                            struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_unlink};
    return finish(&op, prepare(call, &op, self, path, true), ret);
}

/* Both ends of a rename or a link. */
struct two_names {
    int from, to;
    const char *from_name, *to_name;
    bool from_slash, to_slash;
};

static void close_names(struct two_names *names)
{
    close_descriptor(&names->from);
    close_descriptor(&names->to);
}

static int find_names(struct wasi_file_op *op, struct two_names *names)
{
    int error = wasi_path_parent(op->fd, op->path, &names->from, &names->from_name, &names->from_slash);
    return error ? error : wasi_path_parent(op->other, op->other_path, &names->to, &names->to_name, &names->to_slash);
}

static int is_directory(int dir, const char *name)
{
    struct stat info;
    return fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static int run_rename(struct wasi_file_op *op)
{
    __attribute__((cleanup(close_names))) struct two_names names = {-1, -1};
    int error = find_names(op, &names);
    if (!error && (names.from_slash || names.to_slash) && !is_directory(names.from, names.from_name))
        error = ENOTDIR;
    return error ? error : renameat(names.from, names.from_name, names.to, names.to_name) == 0 ? 0 : errno;
}

static int run_link(struct wasi_file_op *op)
{
    __attribute__((cleanup(close_names))) struct two_names names = {-1, -1};
    int error = find_names(op, &names);
    if (!error && (names.from_slash || names.to_slash))
        error = ENOENT;
    return error ? error : linkat(names.from, names.from_name, names.to, names.to_name, 0) == 0 ? 0 : errno;
}

static int prepare_other(struct cm_call *call, struct wasi_file_op *op, const struct wasi_filesystem_types_descriptor *other,
                         struct str path)
{
    struct wasi_file_op second = {0};
    int error = prepare(call, &second, other, path, true);
    op->other = second.fd;
    op->other_path = second.path;
    return error;
}

enum status wasi_filesystem_types_descriptor_rename_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                       struct str old_path, struct wasi_filesystem_types_descriptor *new_descriptor,
                                                       struct str new_path,
                                                       struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_rename};
    int error = prepare(call, &op, self, old_path, true);
    return finish(&op, error ? error : prepare_other(call, &op, new_descriptor, new_path), ret);
}

enum status wasi_filesystem_types_descriptor_link_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                     uint32_t old_path_flags, struct str old_path,
                                                     struct wasi_filesystem_types_descriptor *new_descriptor, struct str new_path,
                                                     struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_link};
    int error =
        old_path_flags & WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW ? EINVAL : prepare(call, &op, self, old_path, true);
    return finish(&op, error ? error : prepare_other(call, &op, new_descriptor, new_path), ret);
}

/* other_path: what the link says. An absolute one would lead out for whoever follows it. */
static int run_symlink(struct wasi_file_op *op)
{
    autoclose int parent = -1;
    const char *name;
    bool slash;
    int error = wasi_path_parent(op->fd, op->path, &parent, &name, &slash);
    if (!error && slash)
        error = ENOENT;
    return error ? error : symlinkat(op->other_path, parent, name) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_symlink_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                        struct str old_path, struct str new_path,
                                                        struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_symlink};
    int error = prepare(call, &op, self, new_path, true);
    if (!error)
        error = str_starts(old_path, STR("/")) ? EPERM : copy_path(call, old_path, &op.other_path);
    return finish(&op, error, ret);
}

static int run_readlink(struct wasi_file_op *op)
{
    autoclose int parent = -1;
    const char *name;
    bool slash;
    int error = wasi_path_parent(op->fd, op->path, &parent, &name, &slash);
    if (error)
        return error;
    ssize_t n = readlinkat(parent, name, op->data, op->len);
    if (n < 0)
        return errno;
    op->ret_len = (size_t)n;
    return *(const char *)op->data == '/' ? EPERM : 0;
}

enum status wasi_filesystem_types_descriptor_readlink_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                         struct str path,
                                                         struct cm_result_string_wasi_filesystem_types_error_code *ret)
{
    char *target = arena_try(cm_call_arena(call), PATH_BYTES_MAX, 1); /* whose room the path may have used up */
    struct wasi_file_op op = {.run = run_readlink, .data = target, .len = PATH_BYTES_MAX};
    RUN_OR_RETURN(&op, target ? prepare(call, &op, self, path, false) : ENOMEM);
    ret->of.ok = str_n(target, op.ret_len);
    if (!str_valid_utf8(ret->of.ok)) {
        ret->is_err = true;
        ret->of.err = wasi_file_error(EILSEQ);
    }
    return ST_OK;
}

/* --- what is there ------------------------------------------------------------------------------------------------------------ */

static int run_stat_at(struct wasi_file_op *op)
{
    autoclose int fd = -1;
    int error = wasi_path_open(op->fd, op->path, O_PATH, 0, op->follow, &fd);
    return error ? error : fstat(fd, &op->ret_stat) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_stat_at(
    struct cm_call *call, struct wasi_filesystem_types_descriptor *self, uint32_t path_flags, struct str path,
    struct cm_result_wasi_filesystem_types_descriptor_stat_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_stat_at, .follow = path_flags & WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW};
    RUN_OR_RETURN(&op, prepare(call, &op, self, path, false));
    wasi_file_stat(&op.ret_stat, &ret->of.ok);
    return ST_OK;
}

enum status wasi_filesystem_types_descriptor_metadata_hash_at(
    struct cm_call *call, struct wasi_filesystem_types_descriptor *self, uint32_t path_flags, struct str path,
    struct cm_result_wasi_filesystem_types_metadata_hash_value_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_stat_at, .follow = path_flags & WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW};
    RUN_OR_RETURN(&op, prepare(call, &op, self, path, false));
    wasi_file_hash(&op.ret_stat, &ret->of.ok);
    return ST_OK;
}

/* The file itself is found first, so that its times are set wherever its name may move meanwhile. */
static int run_times_at(struct wasi_file_op *op)
{
    autoclose int fd = -1;
    int error = wasi_path_open(op->fd, op->path, O_PATH, 0, op->follow, &fd);
    return error ? error : utimensat(fd, "", op->times, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_set_times_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                          uint32_t path_flags, struct str path,
                                                          const struct wasi_filesystem_types_new_timestamp *access,
                                                          const struct wasi_filesystem_types_new_timestamp *modification,
                                                          struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_times_at, .follow = path_flags & WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW};
    int error = prepare(call, &op, self, path, true);
    return finish(&op, error ? error : wasi_file_times(access, modification, op.times), ret);
}

/* --- opening ------------------------------------------------------------------------------------------------------------------ */

/* A FIFO without a writer must not block, and a device must not be opened for its effects: O_NONBLOCK, then a look at what it is.
 */
static int run_open(struct wasi_file_op *op)
{
    int fd;
    int error = wasi_path_open(op->fd, op->path, op->flags | O_NONBLOCK | O_NOCTTY, 0666, op->follow, &fd);
    if (error)
        return error;
    if (fstat(fd, &op->ret_stat) != 0)
        error = errno;
    else if (!S_ISREG(op->ret_stat.st_mode) && !S_ISDIR(op->ret_stat.st_mode))
        error = ENOTSUP;
    if (error)
        close(fd);
    else
        op->ret_fd = fd;
    return error;
}

/* What the guest asks for as flags of open(2). */
static int open_flags(uint32_t open, uint32_t flags)
{
    bool reads = flags & FLAG(READ), writes = flags & FLAG(WRITE);
    int result = writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY;
    result |= open & OPEN(CREATE) ? O_CREAT : 0;
    result |= open & OPEN(EXCLUSIVE) ? O_EXCL : 0;
    result |= open & OPEN(TRUNCATE) ? O_TRUNC : 0;
    result |= open & OPEN(DIRECTORY) ? O_DIRECTORY : 0;
    result |= flags & FLAG(FILE_INTEGRITY_SYNC) ? O_SYNC : 0;
    result |= flags & FLAG(DATA_INTEGRITY_SYNC) ? O_DSYNC : 0;
    return result;
}

static int check_open(const struct wasi_filesystem_types_descriptor *self, uint32_t open, uint32_t flags)
{
    if (self->context->open_files >= WASI_MAX_OPEN_FILES)
        return EMFILE;
    if (flags & FLAG(REQUESTED_WRITE_SYNC))
        return ENOTSUP;
    if (open & OPEN(DIRECTORY) && open & (OPEN(CREATE) | OPEN(EXCLUSIVE) | OPEN(TRUNCATE)))
        return EINVAL;
    return 0;
}

enum status
wasi_filesystem_types_descriptor_open_at(struct cm_call *call, struct wasi_filesystem_types_descriptor *self, uint32_t path_flags,
                                         struct str path, uint32_t open, uint32_t flags,
                                         struct cm_result_wasi_filesystem_types_descriptor_wasi_filesystem_types_error_code *ret)
{
    bool changes = open & (OPEN(CREATE) | OPEN(TRUNCATE)) || flags & (FLAG(WRITE) | FLAG(MUTATE_DIRECTORY));
    struct wasi_file_op op = {
        .run = run_open, .flags = open_flags(open, flags), .follow = path_flags & WASI_FILESYSTEM_TYPES_PATH_FLAGS_SYMLINK_FOLLOW};
    int error = check_open(self, open, flags);
    RUN_OR_RETURN(&op, error ? error : prepare(call, &op, self, path, changes));
    bool directory = S_ISDIR(op.ret_stat.st_mode);
    if (directory && (flags & FLAG(WRITE))) {
        close(op.ret_fd);
        ret->is_err = true;
        ret->of.err = wasi_file_error(EISDIR);
        return ST_OK;
    }
    /* A directory may be read, and be changed if its parent may, whatever the guest has asked for: that is what others do as well.
     */
    uint32_t given = flags & (FLAG(READ) | FLAG(WRITE) | FLAG(FILE_INTEGRITY_SYNC) | FLAG(DATA_INTEGRITY_SYNC));
    if (directory)
        given |= FLAG(READ) | (self->flags & FLAG(MUTATE_DIRECTORY));
    ret->of.ok = wasi_file_new(self->context, op.ret_fd, directory, self->read_only, given);
    return ST_OK;
}

#include "base/file.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_TRIES 100 /* for a new file; each is one of 2^64 */

/* --- reading ----------------------------------------------------------------------------------------------------------------- */

static enum status fail_too_large(const char *path, const struct buf *bytes, struct error *err)
{
    return fail(err, ST_LIMIT, "%s has more than %zu bytes", path, bytes->max);
}

/* Into what the buffer has room for, so that no byte is copied twice; the last of it is found by trying for more. */
static enum status read_rest(int fd, const char *path, struct buf *bytes, size_t from, struct error *err)
{
    for (;;) {
        char more[4096];
        size_t room = bytes->capacity - bytes->len;
        ssize_t len = pread(fd, room ? bytes->data + bytes->len : more, room ? room : sizeof more, (off_t)(bytes->len - from));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return fail_errno(err, "read %s", path);
        if (len == 0)
            return ST_OK;
        if (!room && buf_append(bytes, more, (size_t)len) != ST_OK)
            return fail_too_large(path, bytes, err);
        bytes->len += room ? (size_t)len : 0;
        bytes->data[bytes->len] = '\0';
    }
}

enum status file_read_open(int fd, const char *path, struct buf *bytes, struct error *err)
{
    struct stat info;
    size_t before = bytes->len;
    if (fstat(fd, &info) != 0)
        return fail_errno(err, "read %s", path);
    if (!S_ISREG(info.st_mode))
        return fail(err, ST_INVALID, "%s is not a regular file", path);
    if ((uint64_t)info.st_size > bytes->max - before)
        return fail_too_large(path, bytes, err);
    if (buf_reserve(bytes, (size_t)info.st_size) != ST_OK)
        return fail(err, ST_LIMIT, "%s: out of memory", path);
    enum status status = read_rest(fd, path, bytes, before, err);
    if (status != ST_OK) {
        bytes->len = before;
        bytes->data[before] = '\0';
    }
    return status;
}

enum status file_read(const char *path, struct buf *bytes, struct error *err)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* never to wait for a FIFO's other end */
    if (fd < 0)
        return fail_errno(err, "read %s", path);
    return file_read_open(fd, path, bytes, err);
}

/* --- writing ----------------------------------------------------------------------------------------------------------------- */

enum status file_write_all(int fd, struct str bytes, const char *path, struct error *err)
{
    while (bytes.len) {
        ssize_t len = write(fd, bytes.data, bytes.len);
        if (len < 0 && errno != EINTR)
            return fail_errno(err, "write %s", path);
        bytes = str_from(bytes, len < 0 ? 0 : (size_t)len);
    }
    return ST_OK;
}

/* A file that was not there, beside `path`. -1 and errno: there can be none. */
static int create_beside(const char *path, struct buf *ret_name)
{
    int fd = -1;
    for (int i = 0; i < NAME_TRIES && fd < 0 && (i == 0 || errno == EEXIST); i++) {
        uint64_t number;
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            return -1;
        buf_clear(ret_name);
        buf_addf(ret_name, "%s.%016llx", path, (unsigned long long)number);
        fd = open(ret_name->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

static bool keep_mode(int fd, const char *path)
{
    struct stat info;
    return stat(path, &info) != 0 || fchmod(fd, info.st_mode & 07777) == 0;
}

enum status file_replace(const char *path, struct str bytes, struct error *err)
{
    autofree char *real = realpath(path, NULL);
    const char *target = real ? real : path;
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    autoclose int fd = create_beside(target, &name);
    if (fd < 0)
        return fail_errno(err, "write %s", path);
    enum status status = file_write_all(fd, bytes, path, err);
    if (status == ST_OK && (!keep_mode(fd, target) || rename(name.data, target) != 0))
        status = fail_errno(err, "write %s", path);
    if (status != ST_OK)
        (void)unlink(name.data);
    return status;
}

/* --- folders ----------------------------------------------------------------------------------------------------------------- */

bool file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum status file_make_folders(const char *path, unsigned mode, struct error *err)
{
    autofree char *part = mem_strdup(path);
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return fail_errno(err, "create the folder %s", part);
        if (!slash)
            break;
        *slash = '/';
    }
    return file_is_folder(path) ? ST_OK : fail(err, ST_INVALID, "%s is not a folder", path);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum status read_names(DIR *dir, const char *folder, struct file_names *names, struct error *err)
{
    for (const struct dirent *entry; (errno = 0, entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (names->list.len == FILE_NAMES_MAX)
            return fail(err, ST_LIMIT, "there is more in the folder %s than %u files", folder, FILE_NAMES_MAX);
        vec_push(&names->list, mem_strdup(entry->d_name));
    }
    return errno ? fail_errno(err, "read the folder %s", folder) : ST_OK;
}

enum status file_names(const char *folder, struct file_names *ret_names, struct error *err)
{
    struct file_names names = {0};
    DIR *dir = opendir(folder);
    if (!dir)
        return fail_errno(err, "open the folder %s", folder);
    enum status status = read_names(dir, folder, &names, err);
    closedir(dir);
    if (status != ST_OK) {
        file_names_release(&names);
        return status;
    }
    if (names.list.len)
        qsort(names.list.items, names.list.len, sizeof *names.list.items, by_text);
    *ret_names = names;
    return ST_OK;
}

void file_names_release(struct file_names *names)
{
    vec_each (name, &names->list)
        free(*name);
    vec_release(&names->list);
}

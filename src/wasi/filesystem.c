/* wasi:filesystem/types: operations on an open descriptor; preopens. Those that take a path are in filesystem_at.c. */
#include "base/mem.h"
#include "wasi/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FLAG(name) WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_##name

/* Runs an operation that gives nothing back but success. */
static enum status finish(struct wasi_file_op *op, struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    TRY(wasi_file_run(op));
    ret->is_err = op->error != 0;
    ret->of.err = wasi_file_error(op->error);
    return ST_OK;
}

/* The errno that forbids the operation before the system is asked, as a result. */
#define REFUSE(condition, sys_errno)                                                                                               \
    if (condition) {                                                                                                               \
        ret->is_err = true;                                                                                                        \
        ret->of.err = wasi_file_error(sys_errno);                                                                                  \
        return ST_OK;                                                                                                              \
    }

enum status wasi_filesystem_types_descriptor_drop(struct cm_call *call, struct wasi_filesystem_types_descriptor *self)
{
    return wasi_node_drop(call, &self->node);
}

/* --- streams ------------------------------------------------------------------------------------------------------------------ */

enum status wasi_filesystem_types_descriptor_read_via_stream(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self, uint64_t offset,
    struct cm_result_wasi_io_streams_input_stream_wasi_filesystem_types_error_code *ret)
{
    REFUSE(self->is_directory, EISDIR)
    REFUSE(!(self->flags & FLAG(READ)), EBADF)
    ret->is_err = false;
    ret->of.ok = wasi_file_input(self, offset);
    return ST_OK;
}

enum status wasi_filesystem_types_descriptor_write_via_stream(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self, uint64_t offset,
    struct cm_result_wasi_io_streams_output_stream_wasi_filesystem_types_error_code *ret)
{
    REFUSE(self->is_directory, EISDIR)
    REFUSE(!(self->flags & FLAG(WRITE)), EBADF)
    ret->is_err = false;
    ret->of.ok = wasi_file_output(self, false, offset);
    return ST_OK;
}

enum status wasi_filesystem_types_descriptor_append_via_stream(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
    struct cm_result_wasi_io_streams_output_stream_wasi_filesystem_types_error_code *ret)
{
    REFUSE(self->is_directory, EISDIR)
    REFUSE(!(self->flags & FLAG(WRITE)), EBADF)
    ret->is_err = false;
    ret->of.ok = wasi_file_output(self, true, 0);
    return ST_OK;
}

/* --- reading and writing ------------------------------------------------------------------------------------------------------ */

enum status wasi_filesystem_types_descriptor_read(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                  uint64_t length, uint64_t offset,
                                                  struct cm_result_tuple2_list_u8_bool_wasi_filesystem_types_error_code *ret)
{
    REFUSE(self->is_directory, EISDIR)
    REFUSE(!(self->flags & FLAG(READ)), EBADF)
    REFUSE(offset > INT64_MAX, EINVAL)
    struct wasi_file_op op = {.run = wasi_file_read, .fd = self->fd, .len = MIN(length, WASI_FILE_IO_MAX), .offset = offset};
    op.data = arena_try(cm_call_arena(call), MAX(op.len, 1), 1);
    REFUSE(!op.data, ENOMEM)
    TRY(wasi_file_run(&op));
    REFUSE(op.error, op.error)
    ret->is_err = false;
    ret->of.ok.f0 = (struct cm_list_u8){op.data, op.ret_len};
    ret->of.ok.f1 = op.ret_len == 0 && length > 0;
    return ST_OK;
}

static int run_write(struct wasi_file_op *op)
{
    ssize_t n = pwrite(op->fd, op->data, op->len, (off_t)op->offset);
    op->ret_len = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

enum status wasi_filesystem_types_descriptor_write(struct cm_call *call, struct wasi_filesystem_types_descriptor *self,
                                                   const struct cm_list_u8 *buffer, uint64_t offset,
                                                   struct cm_result_u64_wasi_filesystem_types_error_code *ret)
{
    REFUSE(self->is_directory, EISDIR)
    REFUSE(!(self->flags & FLAG(WRITE)), EBADF)
    REFUSE(offset > INT64_MAX, EINVAL)
    struct wasi_file_op op = {.run = run_write, .fd = self->fd, .len = MIN(buffer->len, WASI_FILE_IO_MAX), .offset = offset};
    op.data = arena_try(cm_call_arena(call), MAX(op.len, 1), 1);
    REFUSE(!op.data, ENOMEM)
    if (op.len)
        memcpy(op.data, buffer->items, op.len);
    TRY(wasi_file_run(&op));
    REFUSE(op.error, op.error)
    ret->is_err = false;
    ret->of.ok = op.ret_len;
    return ST_OK;
}

/* --- the rest of a file ------------------------------------------------------------------------------------------------------- */

static int run_advise(struct wasi_file_op *op)
{
    return posix_fadvise(op->fd, (off_t)op->offset, (off_t)op->len, op->flags);
}

enum status wasi_filesystem_types_descriptor_advise(struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
                                                    uint64_t offset, uint64_t length, enum wasi_filesystem_types_advice advice,
                                                    struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    static const int kinds[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
    REFUSE(self->is_directory, EBADF)
    REFUSE(offset > INT64_MAX || length > INT64_MAX, EINVAL)
    struct wasi_file_op op = {.run = run_advise, .fd = self->fd, .offset = offset, .len = length, .flags = kinds[advice]};
    return finish(&op, ret);
}

/* A descriptor that cannot be synchronised, as one opened for reading on some file systems, has nothing to lose: no error. */
static int run_sync(struct wasi_file_op *op)
{
    int result = op->flags ? fdatasync(op->fd) : fsync(op->fd);
    return result == 0 || errno == EINVAL || errno == EROFS ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_sync_data(struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
                                                       struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_sync, .fd = self->fd, .flags = 1};
    return finish(&op, ret);
}

enum status wasi_filesystem_types_descriptor_sync(struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
                                                  struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_sync, .fd = self->fd};
    return finish(&op, ret);
}

enum status wasi_filesystem_types_descriptor_get_flags(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
    struct cm_result_wasi_filesystem_types_descriptor_flags_wasi_filesystem_types_error_code *ret)
{
    ret->is_err = false;
    ret->of.ok = self->flags;
    return ST_OK;
}

static int run_stat(struct wasi_file_op *op)
{
    return fstat(op->fd, &op->ret_stat) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_get_type(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
    struct cm_result_wasi_filesystem_types_descriptor_type_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_stat, .fd = self->fd};
    TRY(wasi_file_run(&op));
    REFUSE(op.error, op.error)
    ret->is_err = false;
    ret->of.ok = wasi_file_type(op.ret_stat.st_mode);
    return ST_OK;
}

static int run_truncate(struct wasi_file_op *op)
{
    return ftruncate(op->fd, (off_t)op->len) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_set_size(struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
                                                      uint64_t size, struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    REFUSE(self->is_directory || !(self->flags & FLAG(WRITE)), EBADF)
    REFUSE(size > INT64_MAX, EINVAL)
    struct wasi_file_op op = {.run = run_truncate, .fd = self->fd, .len = size};
    return finish(&op, ret);
}

int wasi_file_times(const struct wasi_filesystem_types_new_timestamp *access,
                    const struct wasi_filesystem_types_new_timestamp *modification, struct timespec ret_times[2])
{
    const struct wasi_filesystem_types_new_timestamp *given[2] = {access, modification};
    for (int i = 0; i < 2; i++) {
        ret_times[i] =
            (struct timespec){.tv_nsec = given[i]->tag == WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_NOW ? UTIME_NOW : UTIME_OMIT};
        if (given[i]->tag != WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_TIMESTAMP)
            continue;
        const struct wasi_clocks_wall_clock_datetime *time = &given[i]->of.timestamp;
        if (time->seconds > INT64_MAX || time->nanoseconds >= NS_PER_SECOND)
            return EINVAL;
        ret_times[i] = (struct timespec){.tv_sec = (time_t)time->seconds, .tv_nsec = time->nanoseconds};
    }
    return 0;
}

static int run_times(struct wasi_file_op *op)
{
    return futimens(op->fd, op->times) == 0 ? 0 : errno;
}

enum status wasi_filesystem_types_descriptor_set_times(struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
                                                       const struct wasi_filesystem_types_new_timestamp *access,
                                                       const struct wasi_filesystem_types_new_timestamp *modification,
                                                       struct cm_result_none_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_times, .fd = self->fd};
    REFUSE(self->read_only || !(self->flags & (FLAG(WRITE) | FLAG(MUTATE_DIRECTORY))), EPERM)
    int error = wasi_file_times(access, modification, op.times);
    REFUSE(error, error)
    return finish(&op, ret);
}

/* --- what it is --------------------------------------------------------------------------------------------------------------- */

static struct cm_option_wasi_clocks_wall_clock_datetime datetime(struct timespec time)
{
    struct cm_option_wasi_clocks_wall_clock_datetime result = {.is_some = time.tv_sec >= 0};
    if (result.is_some)
        result.value = (struct wasi_clocks_wall_clock_datetime){(uint64_t)time.tv_sec, (uint32_t)time.tv_nsec};
    return result;
}

void wasi_file_stat(const struct stat *from, struct wasi_filesystem_types_descriptor_stat *ret)
{
    *ret = (struct wasi_filesystem_types_descriptor_stat){
        .type = wasi_file_type(from->st_mode),
        .link_count = from->st_nlink,
        .size = (uint64_t)from->st_size,
        .data_access_timestamp = datetime(from->st_atim),
        .data_modification_timestamp = datetime(from->st_mtim),
        .status_change_timestamp = datetime(from->st_ctim),
    };
}

enum status
wasi_filesystem_types_descriptor_stat(struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
                                      struct cm_result_wasi_filesystem_types_descriptor_stat_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_stat, .fd = self->fd};
    TRY(wasi_file_run(&op));
    REFUSE(op.error, op.error)
    ret->is_err = false;
    wasi_file_stat(&op.ret_stat, &ret->of.ok);
    return ST_OK;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* Stable while the file is the same and unchanged; says nothing of the host's device and inode numbers by itself. */
void wasi_file_hash(const struct stat *from, struct wasi_filesystem_types_metadata_hash_value *ret)
{
    uint64_t identity = mix(from->st_dev * 0x9e3779b97f4a7c15ull + from->st_ino);
    uint64_t state =
        mix((uint64_t)from->st_mtim.tv_sec * NS_PER_SECOND + (uint64_t)from->st_mtim.tv_nsec) ^ mix((uint64_t)from->st_size);
    ret->lower = mix(identity ^ state);
    ret->upper = mix(identity + 0x9e3779b97f4a7c15ull * (state | 1));
}

enum status wasi_filesystem_types_descriptor_metadata_hash(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
    struct cm_result_wasi_filesystem_types_metadata_hash_value_wasi_filesystem_types_error_code *ret)
{
    struct wasi_file_op op = {.run = run_stat, .fd = self->fd};
    TRY(wasi_file_run(&op));
    REFUSE(op.error, op.error)
    ret->is_err = false;
    wasi_file_hash(&op.ret_stat, &ret->of.ok);
    return ST_OK;
}

enum status wasi_filesystem_types_descriptor_is_same_object(struct cm_call *call UNUSED,
                                                            struct wasi_filesystem_types_descriptor *self,
                                                            struct wasi_filesystem_types_descriptor *other, bool *ret)
{
    struct wasi_file_op first = {.run = run_stat, .fd = self->fd}, second = {.run = run_stat, .fd = other->fd};
    TRY(wasi_file_run(&first));
    TRY(wasi_file_run(&second));
    *ret = !first.error && !second.error && first.ret_stat.st_dev == second.ret_stat.st_dev &&
           first.ret_stat.st_ino == second.ret_stat.st_ino;
    return ST_OK;
}

enum status wasi_filesystem_types_filesystem_error_code(struct cm_call *call UNUSED, struct wasi_io_error_error *err,
                                                        struct cm_option_wasi_filesystem_types_error_code *ret)
{
    ret->is_some = err->kind == WASI_ERROR_FILESYSTEM;
    ret->value = ret->is_some ? err->code : 0;
    return ST_OK;
}

/* --- directories -------------------------------------------------------------------------------------------------------------- */

#define ENTRIES_PER_BATCH 64

struct entry {
    uint32_t type;
    char name[256];
};

/* Entries are read in batches on a worker; the DIR is used by one operation at a time. */
struct wasi_filesystem_types_directory_entry_stream {
    struct wasi_node node;
    struct wasi_filesystem_types_descriptor *directory; /* a reference */
    DIR *dir;
    struct entry *entries;
    size_t count, next;
    bool ended;
};

static void entries_destroy(struct wasi_node *node)
{
    struct wasi_filesystem_types_directory_entry_stream *self =
        CONTAINER_OF(node, struct wasi_filesystem_types_directory_entry_stream, node);
    if (self->dir)
        closedir(self->dir);
    self->directory->context->open_files--;
    wasi_node_unref(&self->directory->node);
    free(self->entries);
    free(self);
}

static int run_open_directory(struct wasi_file_op *op)
{
    autoclose int fd = openat(op->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    op->data = fd < 0 ? NULL : fdopendir(fd);
    if (!op->data)
        return errno;
    fd = -1; /* the DIR's */
    return 0;
}

enum status wasi_filesystem_types_descriptor_read_directory(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_descriptor *self,
    struct cm_result_wasi_filesystem_types_directory_entry_stream_wasi_filesystem_types_error_code *ret)
{
    REFUSE(!self->is_directory, ENOTDIR)
    REFUSE(!(self->flags & FLAG(READ)), EBADF)
    REFUSE(self->context->open_files >= WASI_MAX_OPEN_FILES, EMFILE)
    struct wasi_file_op op = {.run = run_open_directory, .fd = self->fd};
    enum status status = wasi_file_run(&op);
    if (status != ST_OK && op.data)
        closedir(op.data);
    TRY(status);
    REFUSE(op.error, op.error)
    struct wasi_filesystem_types_directory_entry_stream *stream = NEW(struct wasi_filesystem_types_directory_entry_stream);
    wasi_node_init(&stream->node, NULL, entries_destroy);
    wasi_node_ref(&self->node);
    self->context->open_files++;
    stream->directory = self;
    stream->dir = op.data;
    stream->entries = mem_array(ENTRIES_PER_BATCH, sizeof *stream->entries);
    ret->is_err = false;
    ret->of.ok = stream;
    return ST_OK;
}

enum status wasi_filesystem_types_directory_entry_stream_drop(struct cm_call *call,
                                                              struct wasi_filesystem_types_directory_entry_stream *self)
{
    return wasi_node_drop(call, &self->node);
}

static uint32_t entry_type(DIR *dir, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_UNKNOWN)
        return wasi_file_type(DTTOIF(entry->d_type));
    if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_UNKNOWN;
    return wasi_file_type(info.st_mode);
}

/* data: the stream. */
static int run_read_entries(struct wasi_file_op *op)
{
    struct wasi_filesystem_types_directory_entry_stream *stream = op->data;
    stream->count = stream->next = 0;
    while (stream->count < ENTRIES_PER_BATCH) {
        errno = 0;
        const struct dirent *entry = readdir(stream->dir);
        if (!entry && errno != 0)
            return errno;
        if (!entry) {
            stream->ended = true;
            return 0;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct entry *to = &stream->entries[stream->count++];
        to->type = entry_type(stream->dir, entry);
        snprintf(to->name, sizeof to->name, "%s", entry->d_name);
    }
    return 0;
}

enum status wasi_filesystem_types_directory_entry_stream_read_directory_entry(
    struct cm_call *call UNUSED, struct wasi_filesystem_types_directory_entry_stream *self,
    struct cm_result_option_wasi_filesystem_types_directory_entry_wasi_filesystem_types_error_code *ret)
{
    if (self->next == self->count && !self->ended) {
        struct wasi_file_op op = {.run = run_read_entries, .data = self};
        TRY(wasi_file_run(&op));
        REFUSE(op.error, op.error)
    }
    ret->is_err = false;
    ret->of.ok.is_some = self->next < self->count;
    if (!ret->of.ok.is_some)
        return ST_OK;
    const struct entry *entry = &self->entries[self->next++];
    REFUSE(!str_valid_utf8(str_of(entry->name)), EILSEQ)
    ret->of.ok.value = (struct wasi_filesystem_types_directory_entry){.type = entry->type, .name = str_of(entry->name)};
    return ST_OK;
}

/* --- preopens ----------------------------------------------------------------------------------------------------------------- */

enum status wasi_filesystem_preopens_get_directories(struct cm_call *call,
                                                     struct cm_list_tuple_wasi_filesystem_types_descriptor_string *ret)
{
    struct wasi_context *context = wasi_of(call);
    const struct wasi_profile *profile = context->profile;
    struct cm_tuple_wasi_filesystem_types_descriptor_string *list =
        ARENA_ARRAY(cm_call_arena(call), struct cm_tuple_wasi_filesystem_types_descriptor_string, profile->preopen_count);
    for (size_t i = 0; i < profile->preopen_count; i++) {
        const struct wasi_preopen *preopen = &profile->preopens[i];
        list[i].f0 = wasi_file_preopen(context, preopen);
        list[i].f1 = preopen->guest_path;
    }
    *ret = (struct cm_list_tuple_wasi_filesystem_types_descriptor_string){list, profile->preopen_count};
    return ST_OK;
}

/* Descriptors, operations on workers, streams of files; see file.h. */
#include "wasi/file.h"
#include "base/mem.h"
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- operations --------------------------------------------------------------------------------------------------------------- */

static void work(void *arg)
{
    struct wasi_file_op *op = arg;
    op->error = op->run(op);
}

enum status wasi_file_run(struct wasi_file_op *op)
{
    op->ret_fd = -1;
    if (!io_task_current()) {
        work(op);
        return ST_OK;
    }
    struct error err;
    enum status status = io_offload(work, op, &err);
    if (status == ST_LIMIT) { /* every worker is busy and their queue is full */
        op->error = EAGAIN;
        return ST_OK;
    }
    if (status != ST_OK)
        close_descriptor(&op->ret_fd);
    return status;
}

#define CODE(name) WASI_FILESYSTEM_TYPES_ERROR_CODE_##name

uint32_t wasi_file_error(int sys_errno)
{
    static const struct {
        int sys_errno;
        uint32_t code;
    } table[] = {
        {EACCES, CODE(ACCESS)},
        {EAGAIN, CODE(WOULD_BLOCK)},
        {EALREADY, CODE(ALREADY)},
        {EBADF, CODE(BAD_DESCRIPTOR)},
        {EBUSY, CODE(BUSY)},
        {EDEADLK, CODE(DEADLOCK)},
        {EDQUOT, CODE(QUOTA)},
        {EEXIST, CODE(EXIST)},
        {EFBIG, CODE(FILE_TOO_LARGE)},
        {EILSEQ, CODE(ILLEGAL_BYTE_SEQUENCE)},
        {EINPROGRESS, CODE(IN_PROGRESS)},
        {EINTR, CODE(INTERRUPTED)},
        {EINVAL, CODE(INVALID)},
        {EIO, CODE(IO)},
        {EISDIR, CODE(IS_DIRECTORY)},
        {ELOOP, CODE(LOOP)},
        {EMLINK, CODE(TOO_MANY_LINKS)},
        {EMSGSIZE, CODE(MESSAGE_SIZE)},
        {ENAMETOOLONG, CODE(NAME_TOO_LONG)},
        {ENODEV, CODE(NO_DEVICE)},
        {ENOENT, CODE(NO_ENTRY)},
        {ENOLCK, CODE(NO_LOCK)},
        {ENOMEM, CODE(INSUFFICIENT_MEMORY)},
        {EMFILE, CODE(INSUFFICIENT_MEMORY)},
        {ENFILE, CODE(INSUFFICIENT_MEMORY)},
        {ENOSPC, CODE(INSUFFICIENT_SPACE)},
        {ENOTDIR, CODE(NOT_DIRECTORY)},
        {ENOTEMPTY, CODE(NOT_EMPTY)},
        {ENOTRECOVERABLE, CODE(NOT_RECOVERABLE)},
        {ENOTSUP, CODE(UNSUPPORTED)},
        {ENOSYS, CODE(UNSUPPORTED)},
        {ENOTTY, CODE(NO_TTY)},
        {ENXIO, CODE(NO_SUCH_DEVICE)},
        {EOVERFLOW, CODE(OVERFLOW)},
        {EPERM, CODE(NOT_PERMITTED)},
        {EPIPE, CODE(PIPE)},
        {EROFS, CODE(READ_ONLY)},
        {ESPIPE, CODE(INVALID_SEEK)},
        {ETXTBSY, CODE(TEXT_FILE_BUSY)},
        {EXDEV, CODE(CROSS_DEVICE)},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].sys_errno == sys_errno)
            return table[i].code;
    return CODE(IO);
}

#define TYPE(name) WASI_FILESYSTEM_TYPES_DESCRIPTOR_TYPE_##name

uint32_t wasi_file_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return TYPE(REGULAR_FILE);
    case S_IFDIR:
        return TYPE(DIRECTORY);
    case S_IFLNK:
        return TYPE(SYMBOLIC_LINK);
    case S_IFCHR:
        return TYPE(CHARACTER_DEVICE);
    case S_IFBLK:
        return TYPE(BLOCK_DEVICE);
    case S_IFIFO:
        return TYPE(FIFO);
    case S_IFSOCK:
        return TYPE(SOCKET);
    default:
        return TYPE(UNKNOWN);
    }
}

/* --- descriptors -------------------------------------------------------------------------------------------------------------- */

static void descriptor_destroy(struct wasi_node *node)
{
    struct wasi_filesystem_types_descriptor *file = CONTAINER_OF(node, struct wasi_filesystem_types_descriptor, node);
    if (!file->is_preopen) {
        close(file->fd);
        file->context->open_files--;
    }
    free(file);
}

struct wasi_filesystem_types_descriptor *wasi_file_preopen(struct wasi_context *context, const struct wasi_preopen *preopen)
{
    struct wasi_filesystem_types_descriptor *file = NEW(struct wasi_filesystem_types_descriptor);
    wasi_node_init(&file->node, NULL, descriptor_destroy);
    file->fd = preopen->fd;
    file->is_directory = file->is_preopen = true;
    file->read_only = preopen->read_only;
    file->flags = WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ;
    if (!preopen->read_only)
        file->flags |= WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY;
    file->context = context;
    return file;
}

struct wasi_filesystem_types_descriptor *wasi_file_new(struct wasi_context *context, int fd, bool is_directory, bool read_only,
                                                       uint32_t flags)
{
    struct wasi_filesystem_types_descriptor *file = NEW(struct wasi_filesystem_types_descriptor);
    wasi_node_init(&file->node, NULL, descriptor_destroy);
    file->fd = fd;
    file->is_directory = is_directory;
    file->read_only = read_only;
    file->flags = flags;
    file->context = context;
    context->open_files++;
    return file;
}

/* --- streams ------------------------------------------------------------------------------------------------------------------ */

struct file_input {
    struct wasi_io_streams_input_stream stream;
    struct wasi_filesystem_types_descriptor *file; /* a reference; closing the descriptor does not end the stream */
    uint64_t offset;
};

static enum wasi_stream_state state_of(enum status status, int error, struct wasi_io_error_error **ret_error)
{
    if (status != ST_OK)
        return WASI_STREAM_STOPPED;
    if (error == 0)
        return WASI_STREAM_OPEN;
    *ret_error = wasi_error_new(WASI_ERROR_FILESYSTEM, wasi_file_error(error),
                                strerrordesc_np(error) ? strerrordesc_np(error) : "I/O error");
    return WASI_STREAM_FAILED;
}

int wasi_file_read(struct wasi_file_op *op)
{
    ssize_t n = pread(op->fd, op->data, op->len, (off_t)op->offset);
    op->ret_len = n < 0 ? 0 : (size_t)n;
    return n < 0 ? errno : 0;
}

/* Into the call's arena: a stream holds no memory between its reads. */
static enum wasi_stream_state input_read(struct wasi_io_streams_input_stream *stream, struct cm_call *call, uint64_t max,
                                         struct str *ret_bytes, struct wasi_io_error_error **ret_error)
{
    struct file_input *self = CONTAINER_OF(stream, struct file_input, stream);
    if (max == 0)
        return WASI_STREAM_OPEN;
    if (self->offset > INT64_MAX)
        return WASI_STREAM_CLOSED;
    struct wasi_file_op op = {
        .run = wasi_file_read, .fd = self->file->fd, .len = MIN(max, WASI_FILE_IO_MAX), .offset = self->offset};
    op.data = arena_try(cm_call_arena(call), op.len, 1);
    if (!op.data)
        return state_of(ST_OK, ENOMEM, ret_error);
    enum status status = wasi_file_run(&op);
    enum wasi_stream_state state = state_of(status, op.error, ret_error);
    if (state != WASI_STREAM_OPEN)
        return state;
    self->offset += op.ret_len;
    *ret_bytes = str_n(op.data, op.ret_len);
    return op.ret_len ? WASI_STREAM_OPEN : WASI_STREAM_CLOSED;
}

static const struct wasi_input_ops input_ops = {.read = input_read};

static void input_destroy(struct wasi_node *node)
{
    struct file_input *self = CONTAINER_OF(node, struct file_input, stream.node);
    wasi_node_unref(&self->file->node);
    free(self);
}

struct wasi_io_streams_input_stream *wasi_file_input(struct wasi_filesystem_types_descriptor *file, uint64_t offset)
{
    struct file_input *self = NEW(struct file_input);
    wasi_input_init(&self->stream, &input_ops, NULL, input_destroy);
    wasi_node_ref(&file->node);
    self->file = file;
    self->offset = offset;
    return &self->stream;
}

struct file_output {
    struct wasi_io_streams_output_stream stream;
    struct wasi_filesystem_types_descriptor *file; /* a reference */
    bool append;
    uint64_t offset;
};

static enum wasi_stream_state output_check(struct wasi_io_streams_output_stream *stream UNUSED, uint64_t *ret_permit,
                                           struct wasi_io_error_error **ret_error UNUSED)
{
    *ret_permit = WASI_FILE_IO_MAX;
    return WASI_STREAM_OPEN;
}

/* All of it, at the offset or (flags: RWF_APPEND) at the end. */
static int run_pwrite(struct wasi_file_op *op)
{
    while (op->ret_len < op->len) {
        struct iovec part = {(char *)op->data + op->ret_len, op->len - op->ret_len};
        ssize_t n = pwritev2(op->fd, &part, 1, (off_t)(op->offset + op->ret_len), op->flags);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n == 0)
            return EIO;
        op->ret_len += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static enum wasi_stream_state output_write(struct wasi_io_streams_output_stream *stream, struct str bytes,
                                           struct wasi_io_error_error **ret_error)
{
    struct file_output *self = CONTAINER_OF(stream, struct file_output, stream);
    if (self->offset > (uint64_t)INT64_MAX - bytes.len)
        return state_of(ST_OK, EFBIG, ret_error);
    autofree char *copy = mem_try_alloc(bytes.len); /* only for this write, so that idle streams cost nothing */
    if (!copy)
        return state_of(ST_OK, ENOMEM, ret_error);
    memcpy(copy, bytes.data, bytes.len);
    struct wasi_file_op op = {.run = run_pwrite,
                              .fd = self->file->fd,
                              .data = copy,
                              .len = bytes.len,
                              .offset = self->append ? 0 : self->offset,
                              .flags = self->append ? RWF_APPEND : 0};
    enum status status = wasi_file_run(&op);
    self->offset += op.ret_len;
    return state_of(status, op.error, ret_error);
}

static const struct wasi_output_ops output_ops = {.check = output_check, .write = output_write};

static void output_destroy(struct wasi_node *node)
{
    struct file_output *self = CONTAINER_OF(node, struct file_output, stream.node);
    wasi_node_unref(&self->file->node);
    free(self);
}

struct wasi_io_streams_output_stream *wasi_file_output(struct wasi_filesystem_types_descriptor *file, bool append, uint64_t offset)
{
    struct file_output *self = NEW(struct file_output);
    wasi_output_init(&self->stream, &output_ops, NULL, output_destroy);
    wasi_node_ref(&file->node);
    self->file = file;
    self->append = append;
    self->offset = offset;
    return &self->stream;
}

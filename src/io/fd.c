/* Watched descriptors: registration, readiness, reading and writing. */
#include "io/shard_private.h"
#include "io/socket.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- registration ------------------------------------------------------------------------------------------------------------ */

static enum status make_nonblocking(int descriptor, struct error *err)
{
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0))
        return fail_errno(err, "make descriptor %d non-blocking", descriptor);
    return ST_OK;
}

/* Also asks what kind of socket it is: on a TCP socket a short read says that the buffer is empty. */
static void learn_kind(struct io_fd *fd)
{
    int protocol = 0;
    socklen_t size = sizeof protocol;
    fd->is_socket = getsockopt(fd->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0;
    fd->is_tcp = fd->is_socket && protocol == IPPROTO_TCP;
}

static enum status watch(struct io_fd *fd, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = fd};
    if (epoll_ctl(io_shard_here->epoll, EPOLL_CTL_ADD, fd->fd, &event) == 0)
        return ST_OK;
    if (errno != EPERM)
        return fail_errno(err, "watch descriptor %d", fd->fd);
    fd->always_ready = true;
    return ST_OK;
}

static void prepare(struct io_fd *fd, int descriptor)
{
    *fd = (struct io_fd){.fd = descriptor};
    io_event_init(&fd->readable);
    io_event_init(&fd->writable);
    fd->readable.set = fd->writable.set = true;
}

static enum status open_prepared(struct io_fd *fd, struct error *err)
{
    learn_kind(fd);
    enum status status = io_shard_here ? watch(fd, err) : fail(err, ST_INTERNAL, "a descriptor can be watched only on a shard");
    if (status != ST_OK) {
        close(fd->fd);
        fd->fd = -1;
    }
    return status;
}

enum status io_fd_open(struct io_fd *fd, int descriptor, struct error *err)
{
    prepare(fd, descriptor);
    enum status status = make_nonblocking(descriptor, err);
    if (status == ST_OK)
        return open_prepared(fd, err);
    close(descriptor);
    fd->fd = -1;
    return status;
}

/* O_NONBLOCK belongs to the open file description, which we share with whoever started us: terminals and pipes are opened anew
 * through /proc. What cannot be (files keep one common offset, sockets, no permission) stays as it is, and writes may block. */
static int copy_standard(int standard, bool *ret_own)
{
    struct stat info;
    *ret_own = false;
    if (fstat(standard, &info) == 0 && (S_ISFIFO(info.st_mode) || isatty(standard))) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", standard);
        int own = open(path, (standard == 0 ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        *ret_own = own >= 0;
        if (own >= 0)
            return own;
    }
    return fcntl(standard, F_DUPFD_CLOEXEC, 3);
}

enum status io_fd_open_stdio(struct io_fd *fd, int standard, struct error *err)
{
    bool own;
    int copy = copy_standard(standard, &own);
    if (copy < 0) {
        prepare(fd, -1);
        return fail_errno(err, "copy standard descriptor %d", standard);
    }
    prepare(fd, copy);
    if (own)
        return open_prepared(fd, err);
    fd->always_ready = true;
    return ST_OK;
}

/* An event of this batch may still name it. */
static void forget(struct io_shard *shard, struct io_fd *fd)
{
    for (int i = 0; i < shard->undelivered_count; i++)
        if (shard->undelivered[i].data.ptr == fd)
            shard->undelivered[i].data.ptr = NULL;
}

int io_fd_take(struct io_fd *fd)
{
    int descriptor = fd->fd;
    if (descriptor < 0)
        return -1;
    /* Not left to close(2): a child that is just being spawned may hold the same open file, and events would still come. */
    if (!fd->always_ready)
        epoll_ctl(io_shard_here->epoll, EPOLL_CTL_DEL, descriptor, NULL);
    forget(io_shard_here, fd);
    fd->fd = -1;
    io_event_set(&fd->readable);
    io_event_set(&fd->writable);
    return descriptor;
}

void io_fd_close(struct io_fd *fd)
{
    int descriptor = io_fd_take(fd);
    if (descriptor >= 0)
        close(descriptor);
}

static void deliver(struct io_fd *fd, uint32_t events)
{
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        fd->hangup = true;
    if (events & (EPOLLHUP | EPOLLERR))
        fd->reset = true;
    if (fd->hangup || (events & EPOLLIN))
        io_event_set(&fd->readable);
    if (fd->hangup || (events & EPOLLOUT))
        io_event_set(&fd->writable);
    if (fd->on_ready)
        fd->on_ready(fd);
}

void io_fds_dispatch(struct io_shard *shard, struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        shard->undelivered = events + i + 1;
        shard->undelivered_count = count - i - 1;
        if (events[i].data.ptr)
            deliver(events[i].data.ptr, events[i].events);
    }
    shard->undelivered_count = 0;
}

/* --- one attempt ------------------------------------------------------------------------------------------------------------- */

static enum status closed(const struct io_fd *fd, const char *what, struct error *err)
{
    return fd->fd < 0 ? fail(err, ST_CANCELLED, "%s: the descriptor is closed", what) : ST_OK;
}

/* Happens once per request and more: nothing is formatted. */
static enum status not_yet(struct io_event *event, struct error *err)
{
    static const char message[] = "would block";
    io_event_clear(event);
    if (err) {
        err->status = ST_UNAVAILABLE;
        err->sys_errno = EAGAIN;
        memcpy(err->message, message, sizeof message);
    }
    return ST_UNAVAILABLE;
}

/* Whatever errno says: ST_UNAVAILABLE and ST_TIMEOUT are for "would block" and deadlines only. */
static enum status broken(struct io_fd *fd, const char *what, struct error *err)
{
    fail_errno(err, "%s", what);
    fd->hangup = fd->reset = true;
    if (err)
        err->status = ST_IO;
    return ST_IO;
}

enum status io_try_read(struct io_fd *fd, void *data, size_t size, size_t *ret_len, struct error *err)
{
    TRY(closed(fd, "read", err));
    ssize_t n;
    do
        n = fd->is_socket ? recv(fd->fd, data, size, MSG_DONTWAIT) : read(fd->fd, data, size);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return not_yet(&fd->readable, err);
    if (n < 0)
        return broken(fd, "read", err);
    if (fd->is_tcp && n > 0 && (size_t)n < size && !fd->hangup)
        io_event_clear(&fd->readable); /* all there was; what comes next is a new edge */
    *ret_len = (size_t)n;
    return ST_OK;
}

enum status io_try_writev(struct io_fd *fd, const struct iovec *parts, int count, size_t *ret_len, struct error *err)
{
    TRY(closed(fd, "write", err));
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)MIN(count, IOV_MAX)};
    ssize_t n;
    do
        n = fd->is_socket ? sendmsg(fd->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) : writev(fd->fd, parts, MIN(count, IOV_MAX));
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return not_yet(&fd->writable, err);
    if (n < 0)
        return broken(fd, "write", err);
    *ret_len = (size_t)n;
    return ST_OK;
}

/* --- waiting operations ------------------------------------------------------------------------------------------------------ */

static enum status check_cancelled(const char *what, struct error *err)
{
    const struct io_task *task = io_task_current();
    if (task && io_is_cancelled(task))
        return fail(err, ST_CANCELLED, "%s: cancelled", what);
    return ST_OK;
}

void io_spend_budget(void)
{
    struct io_shard *shard = io_shard_here;
    if (shard && shard->task && --shard->io_budget == 0)
        io_yield();
}

enum status io_fd_wait(const struct io_fd *fd, struct io_event *event, uint64_t deadline, const char *what, struct error *err)
{
    TRY(check_cancelled(what, err));
    TRY(closed(fd, what, err));
    enum status status = io_wait(event, deadline);
    TRY(closed(fd, what, err));
    return status == ST_OK ? ST_OK : fail(err, status, "%s: %s", what, status_name(status));
}

enum status io_read(struct io_fd *fd, void *data, size_t size, uint64_t deadline, size_t *ret_len, struct error *err)
{
    for (;;) {
        TRY(io_fd_wait(fd, &fd->readable, deadline, "read", err));
        enum status status = io_try_read(fd, data, size, ret_len, err);
        if (status == ST_OK)
            io_spend_budget();
        if (status != ST_UNAVAILABLE)
            return status;
    }
}

static void skip_written(struct iovec **parts, int *count, size_t len)
{
    while (*count > 0 && len >= (*parts)->iov_len) {
        len -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + len;
        (*parts)->iov_len -= len;
    }
}

enum status io_writev(struct io_fd *fd, struct iovec *parts, int count, uint64_t deadline, struct error *err)
{
    skip_written(&parts, &count, 0);
    while (count > 0) {
        size_t len = 0;
        TRY(io_fd_wait(fd, &fd->writable, deadline, "write", err));
        enum status status = io_try_writev(fd, parts, count, &len, err);
        if (status != ST_OK && status != ST_UNAVAILABLE)
            return status;
        skip_written(&parts, &count, len);
        if (status == ST_OK)
            io_spend_budget();
    }
    return ST_OK;
}

enum status io_write(struct io_fd *fd, const void *data, size_t len, uint64_t deadline, struct error *err)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    return io_writev(fd, &part, 1, deadline, err);
}

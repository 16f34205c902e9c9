#include "io/shard_private.h"
#include "io/socket.h"
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signal_watch {
    struct list link;
    struct io_fd fd;
    void (*handle)(int signal, void *env);
    void *env;
};

static void signals_ready(struct io_fd *fd)
{
    struct signal_watch *watch = CONTAINER_OF(fd, struct signal_watch, fd);
    struct signalfd_siginfo info;
    while (read(fd->fd, &info, sizeof info) == sizeof info)
        watch->handle((int)info.ssi_signo, watch->env);
}

static enum status block(const int *signals, size_t count, sigset_t *ret_set, struct error *err)
{
    sigemptyset(ret_set);
    for (size_t i = 0; i < count; i++)
        if (sigaddset(ret_set, signals[i]) != 0)
            return fail_errno(err, "watch signal %d", signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    return error == 0 ? ST_OK : fail(err, ST_INTERNAL, "block signals: %s", strerror(error));
}

enum status io_signals_block(const int *signals, size_t count, struct error *err)
{
    sigset_t set;
    return block(signals, count, &set, err);
}

enum status io_signals_watch(const int *signals, size_t count, void (*handle)(int signal, void *env), void *env, struct error *err)
{
    sigset_t set;
    if (!io_shard_here)
        return fail(err, ST_INTERNAL, "signals can be watched only on a shard");
    TRY(block(signals, count, &set, err));
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor < 0)
        return fail_errno(err, "create a signalfd");
    struct signal_watch *watch = NEW(struct signal_watch);
    enum status status = io_fd_open(&watch->fd, descriptor, err);
    if (status != ST_OK) {
        free(watch);
        return status;
    }
    watch->handle = handle;
    watch->env = env;
    watch->fd.on_ready = signals_ready;
    list_push_back(&io_shard_here->signals, &watch->link);
    return ST_OK;
}

void io_signals_release(struct io_shard *shard)
{
    for (struct list *link; (link = list_pop_front(&shard->signals));) {
        struct signal_watch *watch = LIST_ITEM(link, struct signal_watch, link);
        io_fd_close(&watch->fd);
        free(watch);
    }
}

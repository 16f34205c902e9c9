#include "io/runtime.h"
#include <signal.h>

static struct {
    pthread_mutex_t lock;
    unsigned shards;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER};

void io_runtime_join(struct io_shard *shard)
{
    pthread_mutex_lock(&runtime.lock);
    runtime.shards++;
    io_ticker_add(shard);
    pthread_mutex_unlock(&runtime.lock);
}

void io_runtime_leave(struct io_shard *shard)
{
    pthread_mutex_lock(&runtime.lock);
    io_ticker_remove(shard);
    if (--runtime.shards == 0)
        io_workers_stop();
    pthread_mutex_unlock(&runtime.lock);
}

int io_thread_start(pthread_t *ret_thread, size_t stack_size, void *(*main)(void *), void *arg)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        sigdelset(&blocked, faults[i]);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stack_size)
        pthread_attr_setstacksize(&attributes, stack_size);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int error = pthread_create(ret_thread, &attributes, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

#include "harness.h"
#include "coro_suite.h"
#include "tap.h"
#include <dirent.h>

void on_shard(void (*main)(struct io_task *task))
{
    static const struct coro_suite plain = {.ops = &coro_ucontext};
    coro_suite_run(&plain, main, 0, 0);
}

bool start_task(struct io_task *task, void (*run)(struct io_task *task))
{
    struct error err;
    return io_task_start(task, run, NULL, 0, &err) == ST_OK || tap_fail(__FILE__, __LINE__, "start a task: %s", err.message);
}

bool join_task(struct io_task *task)
{
    return io_wait(&task->done, CLOCK_NEVER) == ST_OK;
}

static enum status connect_pair(struct io_fd pair[2], struct error *err)
{
    struct io_address address;
    struct io_fd listener;
    int listening, connected, accepted;
    TRY(io_address_parse(STR("127.0.0.1:0"), &address, err));
    TRY(io_listen(&address, false, 8, &listening, err));
    TRY(io_local_address(listening, &address, err));
    TRY(io_fd_open(&listener, listening, err));
    TRY(io_connect(&address, clock_after(5 * NS_PER_SECOND), &connected, err));
    TRY(io_accept(&listener, clock_after(5 * NS_PER_SECOND), &accepted, NULL, err));
    io_fd_close(&listener);
    TRY(io_fd_open(&pair[0], connected, err));
    return io_fd_open(&pair[1], accepted, err);
}

bool open_pair(struct io_fd pair[2])
{
    struct error err;
    return connect_pair(pair, &err) == ST_OK || tap_fail(__FILE__, __LINE__, "connect a pair: %s", err.message);
}

int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

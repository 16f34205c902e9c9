/* For the tests of this room that need a shard but not a particular kind of coroutine. */
#pragma once

#include "io/socket.h"

/* Runs `main` as the first task of a shard on this thread; returns when all has ended. */
void on_shard(void (*main)(struct io_task *task));

/* Starts a task on the shard's own account; false when it failed (reported). */
bool start_task(struct io_task *task, void (*run)(struct io_task *task));
bool join_task(struct io_task *task);

/* Two connected TCP sockets on the loopback, opened on the current shard: [0] connected to [1]. From a task. */
bool open_pair(struct io_fd pair[2]);

/* Descriptors this process has open. */
int open_descriptors(void);

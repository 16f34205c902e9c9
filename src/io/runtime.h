/* What all shards of the process share: the worker threads behind io_offload and the ticker. Private to this room.
 *
 * It exists while a shard exists: io_shard_new joins, io_shard_free leaves, and the last one ends the threads, so that a program
 * that ends its shards ends with no thread left. Threads start at first need. */
#pragma once

#include "io/shard.h"
#include <pthread.h>

void io_runtime_join(struct io_shard *shard);
void io_runtime_leave(struct io_shard *shard);

/* Starts a thread with every signal blocked but those that a fault raises in it. Returns an errno. */
int io_thread_start(pthread_t *ret_thread, size_t stack_size, void *(*main)(void *), void *arg);

/* offload.c */
void io_workers_stop(void);

/* ticker.c: the last removed ends the thread. */
void io_ticker_add(struct io_shard *shard);
void io_ticker_remove(struct io_shard *shard);

/* Runs a small program to its end: a word as its argument, a line of text as its input, its output kept.
 *
 * For credential helpers: found in PATH, started without a shell by posix_spawn in a process group of its own, which is killed at
 * the time-out. Its standard error is discarded. Unlike io/child.h this blocks and needs no shard. Any thread. */
#pragma once

#include "base/buf.h"
#include <stdatomic.h>

#define OCI_HELPER_OUTPUT_MAX 65536

/* output         appended to; its maximum bounds what the program may print
 * ret_exit_code  0 to 255, or 128 + the signal that ended it
 * Fails: ST_NOT_FOUND no such program, ST_TIMEOUT, ST_LIMIT too much output, ST_CANCELLED, ST_IO. */
enum status oci_helper_run(const char *program, const char *argument, struct str input, uint64_t timeout_ms,
                           const atomic_bool *cancelled, struct buf *output, int *ret_exit_code, struct error *err) CHECKED;

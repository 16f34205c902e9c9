/* Starting a program: what io/child.c and io/run.c share.
 *
 * posix_spawn, never fork: guests' memory and threads make that costly and unsafe. The program gets every signal unblocked and at its
 * default, and no descriptor of ours but the three. Any thread. */
#pragma once

#include "base/error.h"
#include <sys/types.h>

enum io_launch_group {
    IO_LAUNCH_OURS,  /* of our process group: Ctrl-C on the terminal reaches it and all it has started */
    IO_LAUNCH_GROUP, /* leads a process group of its own */
    /* Leads a session of its own: nothing that it starts can ask on the terminal. It has no other descriptors than the three, either:
     * not what we were started with, as others have, nor what libraries open without CLOEXEC, as libcurl does its connections. */
    IO_LAUNCH_SESSION,
};

struct io_launch {
    const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH unless it has a slash */
    const char *directory;   /* to run in; NULL: ours */
    const char *const *env;  /* NULL-ended, or NULL: "NAME=value" adds to our environment or replaces, "NAME" takes away */
    bool clean_env;          /* begin with an empty environment instead of ours */
    enum io_launch_group group;
    int input, output, errors; /* descriptors of ours for its stdin, stdout, stderr, set in this order; -1: /dev/null */
};

/* ret_pidfd: to watch its end by; the caller's. On success the caller reaps *ret_pid. Fails: ST_NOT_FOUND, ST_DENIED and what else an
 * errno means, for the program or its directory. */
enum status io_launch(const struct io_launch *launch, pid_t *ret_pid, int *ret_pidfd, struct error *err) CHECKED;

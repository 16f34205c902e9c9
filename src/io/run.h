/* Programs that are run to their end: git, a build command, a credential helper, a new wash that is tried out.
 *
 * For what has no loop: it blocks and needs no shard. (On a shard io/child.h does it.) Any thread. */
#pragma once

#include "base/buf.h"
#include "base/cancel.h"
#include "base/clock.h"

#define IO_RUN_ERRORS_MAX 4096

struct io_run {
    const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH unless it has a slash */
    const char *directory;   /* to run in; NULL: ours */
    const char *const *env;  /* NULL-ended, or NULL: "NAME=value" adds or replaces, "NAME" takes away */
    /* On the user's terminal: it may read from it, and Ctrl-C reaches it and all it has started; no other child of ours may run
     * (io/descendants.h). Otherwise it gets a session of its own, so that nothing it starts can ask on the terminal. Either way all
     * that it has started is ended with it when it has to end early. */
    bool on_terminal;
    struct str input;    /* what it reads; none: nothing, or on the terminal what the user types */
    struct buf *output;  /* its stdout, up to the buffer's maximum; NULL: goes where stderr goes, as stdout is for results */
    struct buf *errors;  /* its last words on stderr, at most IO_RUN_ERRORS_MAX; NULL: they go to ours */
    bool discard_errors; /* they go nowhere */
    uint64_t timeout_ns; /* 0: none */
    struct cancel cancel;
};

/* ret_exit_code: 0 to 255, or 128 + the signal that ended it. ST_NOT_FOUND: no such program; ST_CANCELLED, ST_TIMEOUT, ST_LIMIT more
 * output than there is room for: it was asked to end then (SIGTERM), and what was left of it after two seconds was killed. */
enum status io_run(const struct io_run *run, int *ret_exit_code, struct error *err) CHECKED;

/* Whether a program has the user's terminal just now: nobody else writes there. Any thread. */
bool io_run_has_terminal(void);

/* Child processes: shell commands run beside the loop.
 *
 * A child is started (io/launch.h) as `sh -c COMMAND` in a process group of its own, with /dev/null as its input. Its end is seen
 * through a pidfd, its output through pipes that io_child_wait reads line by line. A child belongs to the shard it was started on;
 * one task waits for it. Where there is no loop, io/run.h runs programs. */
#pragma once

#include "base/buf.h"
#include "io/socket.h"
#include <sys/types.h>

enum io_child_output {
    IO_CHILD_INHERIT, /* our own stdout and stderr */
    IO_CHILD_DISCARD,
    IO_CHILD_LINES, /* each line is handed to `line` */
};

struct io_child_options {
    const char *command;    /* for `sh -c` */
    const char *directory;  /* to run it in; NULL: ours */
    const char *const *env; /* "NAME=value" each, then NULL: added to our environment, or replacing; NULL: none */
    bool clean_env;         /* start from an empty environment instead of ours */
    enum io_child_output output;
    /* For IO_CHILD_LINES: called from io_child_wait, without the line's end, bytes as they came (escape them before a terminal sees
     * them). Longer lines than max_line (0: 8 KiB) come in pieces. */
    void (*line)(void *env, bool is_stderr, struct str line);
    void *line_env;
    size_t max_line;
};

struct io_child {
    pid_t pid;
    bool ended;    /* the process has ended; its output may go on, from its own children */
    int exit_code; /* once ended: 0 to 255, or 128 + the signal that ended it */
    /* Private: */
    bool reaped;
    uint64_t output_end; /* once ended: when to stop waiting for output of what it left behind */
    struct io_fd end;    /* the pidfd */
    struct io_child_stream {
        struct io_fd fd;
        struct buf line;
    } streams[2]; /* stdout, stderr */
    struct io_child_options options;
};

/* Starts the command. ST_NOT_FOUND, ST_DENIED for a directory that cannot be entered; a command that the shell does not find ends
 * with 127. On success io_child_release is due. */
enum status io_child_start(struct io_child *child, const struct io_child_options *options, struct error *err) CHECKED;

/* Hands out lines until the child has ended and its output is at its end (or, when it left children behind that keep the pipes
 * open, for 200 ms more). ST_TIMEOUT and ST_CANCELLED leave it running: wait again, or stop it. Waits: yes. */
enum status io_child_wait(struct io_child *child, uint64_t deadline, int *ret_exit_code, struct error *err) CHECKED;

void io_child_signal(struct io_child *child, int signal); /* its whole process group; harmless once it has been reaped */

/* Asks the group to end (SIGTERM), and kills what is left of it after `grace_ns`. Lines still come. Cancellation does not interrupt
 * it. Waits: yes. */
void io_child_stop(struct io_child *child, uint64_t grace_ns);

/* Frees. A child that has not ended is killed. Waits: yes, if so. */
void io_child_release(struct io_child *child);

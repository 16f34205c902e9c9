/* Programs that a command runs to their end: git, a template's set-up, a new wash that is tried out.
 *
 * For commands without a host: no loop, one thread. (Under a host io/child.h does it.) While interrupts are held, SIGINT, SIGTERM
 * and SIGHUP stay pending instead of ending the process, so that a command can take back what it had begun; cli_process_run ends its
 * program when one arrives, and cli_interrupted tells of it afterwards. Children get a clean signal mask. */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include <signal.h>

struct cli_interrupts {
    sigset_t before;
};

void cli_interrupts_hold(struct cli_interrupts *interrupts);
/* As before. A signal that is pending is left so, held: the command that it ended reports it and exits. */
void cli_interrupts_release(const struct cli_interrupts *interrupts);
bool cli_interrupted(void);

#define CLI_PROCESS_ERRORS_MAX 4096

struct cli_process {
    const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH unless it has a slash */
    const char *directory;   /* to run in; NULL: ours */
    const char *const *env;  /* NULL-ended, or NULL: "NAME=value" adds or replaces, "NAME" takes away */
    /* On the user's terminal: it may read from it and Ctrl-C reaches it and all it has started. Otherwise it gets a session of its
     * own, so that nothing it starts can ask on the terminal, and all of it is ended with it. */
    bool on_terminal;
    struct buf *errors;  /* its last words on stderr, at most CLI_PROCESS_ERRORS_MAX; NULL: they go to ours */
    struct buf *output;  /* its stdout, up to the buffer's maximum; NULL: goes where stderr goes, as stdout is for results */
    uint64_t timeout_ns; /* 0: none */
};

/* ret_exit_code: 0 to 255, or 128 + the signal that ended it. ST_NOT_FOUND: no such program; ST_CANCELLED: interrupted, ST_TIMEOUT,
 * ST_LIMIT: more output than there is room for; the program was ended then. Blocks. Interrupts must be held. */
enum status cli_process_run(const struct cli_process *process, int *ret_exit_code, struct error *err) CHECKED;

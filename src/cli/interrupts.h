/* Interrupts that a command answers in its own time.
 *
 * While they are held, SIGINT, SIGTERM and SIGHUP stay pending instead of ending the process, so that a command can take back what it
 * had begun. What blocks for it is given cli_when_interrupted and ends when one arrives. One thread, before it starts others. */
#pragma once

#include "io/run.h"
#include <signal.h>

struct cli_interrupts {
    sigset_t before;
};

void cli_interrupts_hold(struct cli_interrupts *interrupts);
/* As before. A signal that is pending is left so, held: the command that it ended reports it, and main exits with its number. */
void cli_interrupts_release(const struct cli_interrupts *interrupts);
/* The signal that has arrived, or 0. */
int cli_interrupted(void);

/* Says yes once one that is held has arrived. */
extern const struct cancel cli_when_interrupted;

/* Runs a program as io_run does, until an interrupt arrives: ST_CANCELLED then. They are held meanwhile. */
enum status cli_run(const struct io_run *run, int *ret_exit_code, struct error *err) CHECKED;

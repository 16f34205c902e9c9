#include "cli/interrupts.h"
#include "base/mem.h"

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};

/* What is ignored, as under nohup, stays so: while it is held it would seem to have arrived. */
static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void cli_interrupts_hold(struct cli_interrupts *held)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++)
        if (!is_ignored(interrupts[i]))
            sigaddset(&set, interrupts[i]);
    sigprocmask(SIG_BLOCK, &set, &held->before);
}

int cli_interrupted(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++)
        if (sigismember(&pending, interrupts[i]))
            return interrupts[i];
    return 0;
}

void cli_interrupts_release(const struct cli_interrupts *held)
{
    if (!cli_interrupted())
        sigprocmask(SIG_SETMASK, &held->before, NULL);
}

static bool asked(const void *env UNUSED)
{
    return cli_interrupted() != 0;
}

const struct cancel cli_when_interrupted = {.asked = asked};

enum status cli_run(const struct io_run *run, int *ret_exit_code, struct error *err)
{
    struct cli_interrupts held;
    struct io_run until_interrupted = *run;
    until_interrupted.cancel = cli_when_interrupted;
    cli_interrupts_hold(&held);
    enum status status = io_run(&until_interrupted, ret_exit_code, err);
    cli_interrupts_release(&held);
    return status;
}

#include "cli/interrupts.h"
#include "base/mem.h"

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};

void cli_interrupts_hold(struct cli_interrupts *held)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++)
        sigaddset(&set, interrupts[i]);
    sigprocmask(SIG_BLOCK, &set, &held->before);
}

bool cli_interrupted(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++)
        if (sigismember(&pending, interrupts[i]))
            return true;
    return false;
}

void cli_interrupts_release(const struct cli_interrupts *held)
{
    if (!cli_interrupted())
        sigprocmask(SIG_SETMASK, &held->before, NULL);
}

static bool asked(const void *env UNUSED)
{
    return cli_interrupted();
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

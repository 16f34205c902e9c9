/* Interrupts that are held, and the programs that they end. */
#include "cli/interrupts.h"
#include "base/mem.h"
#include "tap.h"
#include <unistd.h>

TEST(an_interrupt_ends_it)
{
    struct cli_interrupts held;
    const char *const argv[] = {"sleep", "60", NULL};
    struct io_run run = {.argv = argv};
    struct error err;
    int code, signal;
    cli_interrupts_hold(&held);
    CHECK(!cli_interrupted());
    kill(getpid(), SIGINT);
    CHECK_EQ(cli_interrupted(), SIGINT);
    CHECK_EQ(cli_run(&run, &code, &err), ST_CANCELLED);
    CHECK(cli_interrupted());
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigwait(&set, &signal);
    cli_interrupts_release(&held);
}

TEST(what_is_ignored_is_no_interrupt)
{
    struct cli_interrupts held;
    signal(SIGHUP, SIG_IGN);
    cli_interrupts_hold(&held);
    kill(getpid(), SIGHUP);
    CHECK_EQ(cli_interrupted(), 0);
    cli_interrupts_release(&held);
    signal(SIGHUP, SIG_DFL);
}

/* Programs that a command runs: results, output, limits, interrupts. */
#include "cli/process.h"
#include "base/mem.h"
#include "tap.h"
#include <unistd.h>

static enum status shell(const char *script, struct cli_process process, int *ret_code, struct error *err)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct cli_interrupts held;
    process.argv = argv;
    cli_interrupts_hold(&held);
    enum status status = cli_process_run(&process, ret_code, err);
    cli_interrupts_release(&held);
    return status;
}

TEST(exit_codes)
{
    int code = -1;
    CHECK_EQ(shell("exit 0", (struct cli_process){0}, &code, NULL), ST_OK);
    CHECK_EQ(code, 0);
    CHECK_EQ(shell("exit 7", (struct cli_process){0}, &code, NULL), ST_OK);
    CHECK_EQ(code, 7);
    CHECK_EQ(shell("kill -9 $$", (struct cli_process){0}, &code, NULL), ST_OK);
    CHECK_EQ(code, 128 + 9);
}

TEST(a_program_that_is_not_there)
{
    const char *const argv[] = {"no-such-program-here", NULL};
    struct cli_process process = {.argv = argv};
    struct error err;
    int code;
    CHECK_EQ(cli_process_run(&process, &code, &err), ST_NOT_FOUND);
    CHECK(strstr(err.message, "no-such-program-here"));
}

TEST(output_errors_directory_and_environment)
{
    autobuf struct buf output = BUF_INIT(1000), errors = BUF_INIT(CLI_PROCESS_ERRORS_MAX);
    const char *const env[] = {"ADDED=yes", "HOME", NULL};
    struct cli_process process = {.directory = "/", .env = env, .output = &output, .errors = &errors};
    int code = -1;
    CHECK_EQ(shell("pwd; echo $ADDED ${HOME-none}; echo wrong >&2", process, &code, NULL), ST_OK);
    CHECK_EQ(code, 0);
    CHECK_STR(buf_str(&output), "/\nyes none\n");
    CHECK_STR(buf_str(&errors), "wrong\n");
}

TEST(the_last_errors_are_kept)
{
    autobuf struct buf errors = BUF_INIT(CLI_PROCESS_ERRORS_MAX);
    struct cli_process process = {.errors = &errors};
    int code = -1;
    CHECK_EQ(shell("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done >&2", process, &code, NULL), ST_OK);
    CHECK_EQ(errors.len, CLI_PROCESS_ERRORS_MAX);
    CHECK(str_ends(buf_str(&errors), STR("line 2999\n")));
}

TEST(too_much_output_ends_it)
{
    autobuf struct buf output = BUF_INIT(100);
    struct cli_process process = {.output = &output};
    int code;
    CHECK_EQ(shell("while :; do echo y; done", process, &code, NULL), ST_LIMIT);
}

TEST(time_out_ends_it_and_what_it_started)
{
    struct cli_process process = {.timeout_ns = 50 * NS_PER_MS};
    uint64_t start = clock_now();
    int code;
    CHECK_EQ(shell("sleep 60 & sleep 60", process, &code, NULL), ST_TIMEOUT);
    CHECK(clock_now() - start < 30 * NS_PER_SECOND);
}

TEST(one_that_ignores_the_request_is_killed)
{
    struct cli_process process = {.timeout_ns = 50 * NS_PER_MS};
    int code;
    CHECK_EQ(shell("trap '' TERM; while :; do sleep 1; done", process, &code, NULL), ST_TIMEOUT);
}

TEST(what_it_left_behind_does_not_hold_us)
{
    autobuf struct buf output = BUF_INIT(100);
    struct cli_process process = {.output = &output};
    uint64_t start = clock_now();
    int code;
    CHECK_EQ(shell("sleep 20 2>/dev/null & echo done", process, &code, NULL), ST_OK);
    CHECK_STR(buf_str(&output), "done\n");
    CHECK(clock_now() - start < 10 * NS_PER_SECOND);
}

TEST(an_interrupt_ends_it)
{
    struct cli_interrupts held;
    const char *const argv[] = {"sleep", "60", NULL};
    struct cli_process process = {.argv = argv};
    struct error err;
    int code, signal;
    cli_interrupts_hold(&held);
    CHECK(!cli_interrupted());
    kill(getpid(), SIGINT);
    CHECK(cli_interrupted());
    CHECK_EQ(cli_process_run(&process, &code, &err), ST_CANCELLED);
    CHECK(cli_interrupted());
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigwait(&set, &signal);
    cli_interrupts_release(&held);
}

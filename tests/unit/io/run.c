/* Programs that are run to their end: results, input, output, limits, giving up. */
#include "io/run.h"
#include "base/mem.h"
#include "tap.h"
#include <signal.h>
#include <sys/wait.h>

static enum status shell(const char *script, struct io_run run, int *ret_code, struct error *err)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    run.argv = argv;
    return io_run(&run, ret_code, err);
}

TEST(exit_codes)
{
    int code = -1;
    CHECK_EQ(shell("exit 0", (struct io_run){0}, &code, NULL), ST_OK);
    CHECK_EQ(code, 0);
    CHECK_EQ(shell("exit 7", (struct io_run){0}, &code, NULL), ST_OK);
    CHECK_EQ(code, 7);
    CHECK_EQ(shell("kill -9 $$", (struct io_run){0}, &code, NULL), ST_OK);
    CHECK_EQ(code, 128 + 9);
}

TEST(a_program_that_is_not_there)
{
    const char *const argv[] = {"no-such-program-here", NULL};
    struct io_run run = {.argv = argv};
    struct error err;
    int code;
    CHECK_EQ(io_run(&run, &code, &err), ST_NOT_FOUND);
    CHECK(strstr(err.message, "no-such-program-here"));
}

TEST(output_errors_directory_and_environment)
{
    autobuf struct buf output = BUF_INIT(1000), errors = BUF_INIT(IO_RUN_ERRORS_MAX);
    const char *const env[] = {"ADDED=yes", "HOME", NULL};
    struct io_run run = {.directory = "/", .env = env, .output = &output, .errors = &errors};
    int code = -1;
    CHECK_EQ(shell("pwd; echo $ADDED ${HOME-none}; echo wrong >&2", run, &code, NULL), ST_OK);
    CHECK_EQ(code, 0);
    CHECK_STR(buf_str(&output), "/\nyes none\n");
    CHECK_STR(buf_str(&errors), "wrong\n");
}

TEST(the_last_errors_are_kept)
{
    autobuf struct buf errors = BUF_INIT(IO_RUN_ERRORS_MAX);
    struct io_run run = {.errors = &errors};
    int code = -1;
    CHECK_EQ(shell("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done >&2", run, &code, NULL), ST_OK);
    CHECK_EQ(errors.len, IO_RUN_ERRORS_MAX);
    CHECK(str_ends(buf_str(&errors), STR("line 2999\n")));
}

TEST(too_much_output_ends_it)
{
    autobuf struct buf output = BUF_INIT(100);
    struct io_run run = {.output = &output};
    int code;
    CHECK_EQ(shell("while :; do echo y; done", run, &code, NULL), ST_LIMIT);
}

TEST(time_out_ends_it_and_what_it_started)
{
    struct io_run run = {.timeout_ns = 50 * NS_PER_MS};
    uint64_t start = clock_now();
    int code;
    CHECK_EQ(shell("sleep 60 & sleep 60", run, &code, NULL), ST_TIMEOUT);
    CHECK(clock_now() - start < 30 * NS_PER_SECOND);
}

TEST(one_that_ignores_the_request_is_killed)
{
    struct io_run run = {.timeout_ns = 50 * NS_PER_MS};
    int code;
    CHECK_EQ(shell("trap '' TERM; while :; do sleep 1; done", run, &code, NULL), ST_TIMEOUT);
}

TEST(what_it_left_behind_does_not_hold_us)
{
    autobuf struct buf output = BUF_INIT(100);
    struct io_run run = {.output = &output};
    uint64_t start = clock_now();
    int code;
    CHECK_EQ(shell("sleep 20 2>/dev/null & echo done", run, &code, NULL), ST_OK);
    CHECK_STR(buf_str(&output), "done\n");
    CHECK(clock_now() - start < 10 * NS_PER_SECOND);
}

TEST(giving_up_ends_it)
{
    atomic_bool asked = false;
    autobuf struct buf output = BUF_INIT(100);
    struct io_run run = {.output = &output, .cancel = cancel_by_flag(&asked)};
    int code = -1;
    CHECK_EQ(shell("echo here", run, &code, NULL), ST_OK);
    CHECK_EQ(code, 0);
    atomic_store(&asked, true);
    CHECK_EQ(shell("sleep 60 & sleep 60", run, &code, NULL), ST_CANCELLED);
}

TEST(input_is_read_or_left)
{
    autobuf struct buf output = BUF_INIT(1000), input = BUF_INIT(BUF_UNLIMITED);
    int code = -1;
    while (input.len < (1 << 20)) /* more than a pipe holds */
        buf_add(&input, STR("a line\n"));
    struct io_run run = {.input = buf_str(&input), .output = &output};
    CHECK_EQ(shell("wc -l; read x; echo $?", run, &code, NULL), ST_OK);
    CHECK_STR(str_trim(buf_str(&output)), "149797\n1");
    CHECK_EQ(shell("exit 3", run, &code, NULL), ST_OK);
    CHECK_EQ(code, 3);
    buf_clear(&output);
    run.input = STR_NULL;
    CHECK_EQ(shell("read x; echo $?", run, &code, NULL), ST_OK);
    CHECK_STR(buf_str(&output), "1\n");
}

TEST(errors_can_be_discarded)
{
    autobuf struct buf output = BUF_INIT(1000);
    struct io_run run = {.output = &output, .discard_errors = true};
    int code = -1;
    CHECK_EQ(shell("readlink /proc/self/fd/2", run, &code, NULL), ST_OK);
    CHECK_STR(buf_str(&output), "/dev/null\n");
}

TEST(a_directory_that_is_not_there)
{
    struct error err;
    int code;
    CHECK_EQ(shell("true", (struct io_run){.directory = "/no/such/folder"}, &code, &err), ST_NOT_FOUND);
    CHECK(strstr(err.message, "/no/such/folder"));
}

/* Whether the process that the script printed has been ended; it has become our child. */
static int ended_by(struct str output)
{
    uint64_t pid;
    int how = 0;
    if (!str_parse_u64(str_trim(output), INT32_MAX, &pid))
        return -1;
    return waitpid((pid_t)pid, &how, 0) == (pid_t)pid && WIFSIGNALED(how) ? WTERMSIG(how) : -1;
}

TEST(on_a_terminal_all_of_it_is_ended)
{
    static const struct {
        const char *script;
        int signal; /* that ends what it started */
    } cases[] = {
        {"sleep 60 & echo $!; sleep 60", SIGTERM},
        {"(trap '' TERM; exec sleep 60) & echo $!; sleep 60", SIGKILL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        autobuf struct buf output = BUF_INIT(100);
        struct io_run run = {.on_terminal = true, .output = &output, .timeout_ns = 200 * NS_PER_MS};
        int code;
        CHECK_EQ(shell(cases[i].script, run, &code, NULL), ST_TIMEOUT);
        CHECK_EQ(ended_by(buf_str(&output)), cases[i].signal);
    }
}

static bool has_output(const void *output)
{
    return ((const struct buf *)output)->len > 0;
}

/* As with Ctrl-C: the shell goes, a tool that ignores it stays. */
TEST(on_a_terminal_what_outlives_the_program_is_ended)
{
    autobuf struct buf output = BUF_INIT(100);
    struct io_run run = {.on_terminal = true, .output = &output, .cancel = {has_output, &output}};
    int code;
    CHECK_EQ(shell("(trap '' INT; exec sleep 60) & echo $!; kill -INT $$", run, &code, NULL), ST_CANCELLED);
    CHECK_EQ(ended_by(buf_str(&output)), SIGTERM);
}

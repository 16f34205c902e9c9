#include "io/child.h"
#include "harness.h"
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define SOON clock_after(20 * NS_PER_SECOND)

static struct buf out, errors;
static unsigned lines;

static void take_line(void *env UNUSED, bool is_stderr, struct str line)
{
    lines++;
    buf_add(is_stderr ? &errors : &out, line);
    buf_add(is_stderr ? &errors : &out, STR("|"));
}

static struct io_child_options with_lines(const char *command)
{
    buf_init(&out, BUF_UNLIMITED);
    buf_init(&errors, BUF_UNLIMITED);
    lines = 0;
    return (struct io_child_options){.command = command, .output = IO_CHILD_LINES, .line = take_line};
}

/* Runs it to its end; -1 when it could not be run. */
static int run(const struct io_child_options *options)
{
    struct io_child child;
    struct error err;
    int code = -1;
    if (io_child_start(&child, options, &err) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "%s", err.message) - 1;
    if (io_child_wait(&child, SOON, &code, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s", err.message);
    io_child_release(&child);
    return code;
}

static void release_output(void)
{
    buf_release(&out);
    buf_release(&errors);
}

static void codes_main(struct io_task *self UNUSED)
{
    static const struct {
        const char *command;
        int code;
    } cases[] = {{"exit 0", 0}, {"exit 7", 7}, {"kill -TERM $$", 128 + SIGTERM}, {"/no/such/program", 127}, {"read x", 1}};
    int before = open_descriptors();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct io_child_options options = {.command = cases[i].command, .output = IO_CHILD_DISCARD};
        CHECK_EQ(run(&options), cases[i].code);
    }
    CHECK_EQ(open_descriptors(), before);
}

TEST(exit_codes)
{
    on_shard(codes_main);
}

static void lines_main(struct io_task *self UNUSED)
{
    struct io_child_options options = with_lines("echo one; echo two >&2; printf 'three\\r\\n\\nfour'; printf 'five' >&2");
    CHECK_EQ(run(&options), 0);
    CHECK_STR(buf_str(&out), "one|three||four|");
    CHECK_STR(buf_str(&errors), "two|five|");
    release_output();
    options = with_lines("printf 'aaaaaaaaaabbbbbbbbbbccc\\ndddddddddd\\n'");
    options.max_line = 10;
    CHECK_EQ(run(&options), 0);
    CHECK_STR(buf_str(&out), "aaaaaaaaaa|bbbbbbbbbb|ccc|dddddddddd|");
    release_output();
    options = with_lines("i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done");
    CHECK_EQ(run(&options), 0);
    CHECK_EQ(lines, 20000);
    CHECK(str_ends(buf_str(&out), STR("|19998|19999|")));
    release_output();
}

TEST(output_by_lines)
{
    on_shard(lines_main);
}

/* Descriptors that a child of ours inherits, as whoever started the tests may have left some. */
static int inheritable(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);
        count += flags >= 0 && !(flags & FD_CLOEXEC);
    }
    return count;
}

static void surroundings_main(struct io_task *self UNUSED)
{
    static const char *const env[] = {"ADDED=1", "HOME=/elsewhere", "ADDED=2", NULL};
    static const int usr1 = SIGUSR1;
    sigset_t before;
    struct error err;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    CHECK_EQ(io_signals_block(&usr1, 1, &err), ST_OK);
    struct io_child_options options = with_lines("pwd; echo $ADDED $HOME; [ -n \"$PATH\" ] && echo path; [ -t 0 ] || cat;"
                                                 "grep SigBlk /proc/self/status; ls /proc/self/fd | wc -l");
    options.directory = "/usr/bin/..";
    options.env = env;
    CHECK_EQ(run(&options), 0);
    CHECK(str_starts(buf_str(&out), STR("/usr|2 /elsewhere|path|SigBlk:\t0000000000000000|")));
    char count[16];
    snprintf(count, sizeof count, "|%d|", inheritable() + 1); /* and the folder itself: nothing of ours leaks in */
    CHECK(str_ends(buf_str(&out), str_of(count)));
    release_output();
    options = with_lines("echo ${HOME-none} $ADDED");
    options.clean_env = true;
    options.env = (const char *const[]){"ADDED=3", NULL};
    CHECK_EQ(run(&options), 0);
    CHECK_STR(buf_str(&out), "none 3|");
    release_output();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

TEST(directory_environment_and_descriptors)
{
    on_shard(surroundings_main);
}

static void no_directory_main(struct io_task *self UNUSED)
{
    struct io_child child;
    struct error err;
    struct io_child_options options = with_lines("true");
    int before = open_descriptors();
    options.directory = "/no/such/folder";
    CHECK_EQ(io_child_start(&child, &options, &err), ST_NOT_FOUND);
    CHECK(strstr(err.message, "/no/such/folder") != NULL);
    options.directory = "/etc/passwd";
    CHECK(io_child_start(&child, &options, &err) != ST_OK);
    CHECK_EQ(open_descriptors(), before);
    release_output();
}

TEST(a_directory_that_is_none)
{
    on_shard(no_directory_main);
}

/* Whether everybody who inherited the pipe's other end has gone. */
static bool all_gone(int pipe_end)
{
    struct pollfd entry = {.fd = pipe_end, .events = POLLIN};
    char byte;
    return poll(&entry, 1, 5000) == 1 && read(pipe_end, &byte, 1) == 0;
}

static void stop_main(struct io_task *self UNUSED)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    struct io_child child;
    struct error err;
    int code = -1;
    /* Polite: its trap runs, and its own child goes with it. */
    struct io_child_options options = with_lines("trap 'echo bye; exit 3' TERM; sleep 1000 & echo ready; wait");
    CHECK_EQ(io_child_start(&child, &options, &err), ST_OK);
    CHECK_EQ(io_child_wait(&child, clock_after(300 * NS_PER_MS), &code, &err), ST_TIMEOUT);
    CHECK_STR(buf_str(&out), "ready|");
    close(ends[1]);
    uint64_t began = clock_now();
    io_child_stop(&child, 10 * NS_PER_SECOND);
    CHECK(clock_now() - began < 5 * NS_PER_SECOND);
    CHECK(child.ended);
    CHECK_EQ(child.exit_code, 3);
    CHECK_STR(buf_str(&out), "ready|bye|");
    io_child_release(&child);
    io_child_signal(&child, SIGKILL); /* harmless now */
    CHECK(all_gone(ends[0]));
    close(ends[0]);
    release_output();
    /* Deaf: killed after the grace. */
    options = with_lines("trap '' TERM; echo ready; while :; do sleep 1000; done");
    CHECK_EQ(io_child_start(&child, &options, &err), ST_OK);
    while (lines == 0)
        CHECK(io_child_wait(&child, clock_after(20 * NS_PER_MS), &code, &err) == ST_TIMEOUT);
    io_child_stop(&child, 20 * NS_PER_MS);
    CHECK_EQ(child.exit_code, 128 + SIGKILL);
    io_child_release(&child);
    release_output();
}

TEST(stopping)
{
    on_shard(stop_main);
}

/* A shell that ends while a child of its own keeps the pipe open. */
static void orphan_main(struct io_task *self UNUSED)
{
    struct io_child_options options = with_lines("sleep 1000 & echo $!");
    uint64_t began = clock_now();
    CHECK_EQ(run(&options), 0);
    CHECK(clock_now() - began < 10 * NS_PER_SECOND);
    uint64_t orphan;
    CHECK(str_parse_u64(str_slice(buf_str(&out), 0, out.len - 1), INT32_MAX, &orphan));
    CHECK_EQ(kill((pid_t)orphan, SIGKILL), 0); /* it was left alone */
    release_output();
}

TEST(output_that_outlives_the_process)
{
    on_shard(orphan_main);
}

static enum status wait_result;

static void wait_for_endless(struct io_task *task UNUSED)
{
    struct io_child child;
    struct error err;
    int code;
    struct io_child_options options = with_lines("yes");
    CHECK_EQ(io_child_start(&child, &options, &err), ST_OK);
    CHECK_EQ(io_child_wait(&child, clock_after(20 * NS_PER_MS), &code, &err), ST_TIMEOUT); /* though it never stops talking */
    wait_result = io_child_wait(&child, CLOCK_NEVER, &code, &err);
    io_child_release(&child); /* kills, though the task is cancelled */
    CHECK(child.ended);
    release_output();
}

static void endless_main(struct io_task *self UNUSED)
{
    struct io_task task;
    CHECK(start_task(&task, wait_for_endless));
    CHECK_EQ(io_sleep_until(clock_after(50 * NS_PER_MS)), ST_OK); /* we have our turn beside it */
    io_task_cancel(&task);
    CHECK(join_task(&task));
    CHECK_EQ(wait_result, ST_CANCELLED);
    CHECK(lines > 100);
}

TEST(endless_output)
{
    on_shard(endless_main);
}

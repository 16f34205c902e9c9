#include "io/run.h"
#include "base/file.h"
#include "base/mem.h"
#include "io/descendants.h"
#include "io/launch.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_NS (2 * NS_PER_SECOND) /* between asking a program to end and ending it */
/* A program that has ended may have left others behind which hold its output open. */
#define ORPHANED_OUTPUT_NS (200 * NS_PER_MS)
#define ASK_EVERY_NS (50 * NS_PER_MS) /* whether to give up */
enum { READ_SIZE = 4096 };

struct running {
    const struct io_run *run;
    pid_t pid;
    int end;             /* pidfd */
    int output, errors;  /* our ends of the pipes, or -1 */
    enum status stopped; /* why it was asked to end; ST_OK: it was not */
    bool killed;
    uint64_t deadline; /* of the time-out, then of the grace */
};

/* --- starting ----------------------------------------------------------------------------------------------------------------- */

/* In memory, all at once: then it does not matter whether it is read. *fd stays -1 where there is none. */
static enum status open_input(struct str input, int *fd, struct error *err)
{
    if (input.len == 0)
        return ST_OK;
    *fd = memfd_create("input", MFD_CLOEXEC);
    if (*fd < 0)
        return fail_errno(err, "keep a program's input");
    TRY(file_write_all(*fd, input, "a program's input", err));
    return lseek(*fd, 0, SEEK_SET) == 0 ? ST_OK : fail_errno(err, "keep a program's input");
}

static enum status open_pipe(int *ret_ours, int *ret_theirs, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(err, "create a pipe");
    *ret_ours = ends[0];
    *ret_theirs = ends[1];
    return ST_OK;
}

static enum status start(struct running *running, struct error *err)
{
    const struct io_run *run = running->run;
    autoclose int input = -1, their_output = -1, their_errors = -1;
    TRY(open_input(run->input, &input, err));
    if (run->output)
        TRY(open_pipe(&running->output, &their_output, err));
    if (run->errors)
        TRY(open_pipe(&running->errors, &their_errors, err));
    int errors = run->errors || run->discard_errors ? their_errors : STDERR_FILENO;
    const struct io_launch launch = {.argv = run->argv,
                                     .directory = run->directory,
                                     .env = run->env,
                                     .group = run->on_terminal ? IO_LAUNCH_OURS : IO_LAUNCH_SESSION,
                                     .input = run->on_terminal && run->input.len == 0 ? STDIN_FILENO : input,
                                     .output = run->output ? their_output : errors,
                                     .errors = errors};
    running->deadline = run->timeout_ns ? clock_after(run->timeout_ns) : CLOCK_NEVER;
    return io_launch(&launch, &running->pid, &running->end, err);
}

/* --- to its end --------------------------------------------------------------------------------------------------------------- */

static void signal_it(const struct running *running, int signal)
{
    if (running->run->on_terminal)
        (void)io_descendants_signal(signal);
    else
        kill(-running->pid, signal);
}

static void ask_to_end(struct running *running, enum status why)
{
    if (running->stopped != ST_OK)
        return;
    running->stopped = why;
    running->deadline = clock_after(GRACE_NS);
    signal_it(running, SIGTERM);
}

/* Errors keep their end, output its beginning. */
static void keep(struct running *running, bool is_error, const char *data, size_t len)
{
    struct buf *buf = is_error ? running->run->errors : running->run->output;
    if (is_error && buf->len + len > IO_RUN_ERRORS_MAX)
        buf_consume(buf, MIN(buf->len, buf->len + len - IO_RUN_ERRORS_MAX));
    if (buf_append(buf, data, len) != ST_OK)
        ask_to_end(running, ST_LIMIT);
}

static void pump(struct running *running, int *fd, bool is_error)
{
    char data[READ_SIZE];
    ssize_t n = read(*fd, data, sizeof data);
    if (n > 0) {
        keep(running, is_error, data, (size_t)n);
    } else if (n == 0 || errno != EINTR) {
        close_descriptor(fd);
        *fd = -1;
    }
}

/* Waits for output, or for `end` to be readable, until `deadline`; true when it is. */
static bool wait_for(struct running *running, int end, uint64_t deadline)
{
    struct pollfd fds[] = {
        {.fd = end, .events = POLLIN}, {.fd = running->errors, .events = POLLIN}, {.fd = running->output, .events = POLLIN}};
    uint64_t now = clock_now();
    int timeout = -1;
    if (deadline != CLOCK_NEVER)
        timeout = deadline <= now ? 0 : (int)MIN((deadline - now) / NS_PER_MS + 1, 1000000);
    if (poll(fds, ARRAY_LEN(fds), timeout) <= 0)
        return false;
    if (fds[1].revents)
        pump(running, &running->errors, true);
    if (fds[2].revents)
        pump(running, &running->output, false);
    return fds[0].revents != 0;
}

/* One turn of waiting; true when the program has ended. */
static bool turn(struct running *running)
{
    bool asks = running->run->cancel.asked && running->stopped == ST_OK;
    if (asks && cancel_asked(running->run->cancel))
        ask_to_end(running, ST_CANCELLED);
    if (wait_for(running, running->end, asks ? MIN(running->deadline, clock_after(ASK_EVERY_NS)) : running->deadline))
        return true;
    if (clock_now() < running->deadline)
        return false;
    if (running->stopped == ST_OK) {
        ask_to_end(running, ST_TIMEOUT);
    } else if (!running->killed) {
        running->killed = true;
        running->deadline = CLOCK_NEVER;
        signal_it(running, SIGKILL);
    }
    return false;
}

static void read_what_is_left(struct running *running)
{
    uint64_t end = clock_after(ORPHANED_OUTPUT_NS);
    while ((running->errors >= 0 || running->output >= 0) && clock_now() < end)
        wait_for(running, -1, end);
}

/* The program has ended early; what it started and has left on the terminal has the rest of the grace for it, and then none. Ctrl-C
 * may have ended the program before we asked anything of it. */
static void end_the_rest(struct running *running)
{
    uint64_t end = clock_after(GRACE_NS);
    size_t left = io_descendants_signal(SIGTERM);
    while (left > 0 && clock_now() < end) {
        wait_for(running, -1, MIN(end, clock_after(ASK_EVERY_NS)));
        left = io_descendants_signal(0);
    }
    for (end = clock_after(GRACE_NS); left > 0 && clock_now() < end; left = io_descendants_signal(SIGKILL))
        wait_for(running, -1, MIN(end, clock_after(NS_PER_MS))); /* one that is killed may have started another */
}

static int reap(struct running *running)
{
    int code = 0;
    if (!running->run->on_terminal && running->stopped != ST_OK)
        kill(-running->pid, SIGKILL); /* what is left of its session; until it is reaped the id cannot become another's */
    while (waitpid(running->pid, &code, 0) < 0)
        if (errno != EINTR)
            return 255;
    return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}

static enum status explain(const struct running *running, struct error *err)
{
    const char *name = running->run->argv[0];
    switch (running->stopped) {
    case ST_OK:
        return ST_OK;
    case ST_CANCELLED:
        return fail(err, ST_CANCELLED, "interrupted");
    case ST_LIMIT:
        return fail(err, ST_LIMIT, "`%s` wrote more than %zu bytes", name, running->run->output->max);
    default:
        return fail(err, ST_TIMEOUT, "`%s` did not end in time", name);
    }
}

static atomic_uint on_terminal; /* programs that are */

bool io_run_has_terminal(void)
{
    return atomic_load(&on_terminal) > 0;
}

enum status io_run(const struct io_run *run, int *ret_exit_code, struct error *err)
{
    struct running running = {.run = run, .end = -1, .output = -1, .errors = -1};
    bool adopted = run->on_terminal && io_descendants_adopt(true);
    atomic_fetch_add(&on_terminal, run->on_terminal);
    enum status status = start(&running, err);
    if (status == ST_OK) {
        while (!turn(&running))
            ;
        if (running.stopped == ST_OK && cancel_asked(run->cancel)) /* what ended it may be meant for us too: Ctrl-C */
            running.stopped = ST_CANCELLED;
        if (run->on_terminal && running.stopped != ST_OK)
            end_the_rest(&running);
        read_what_is_left(&running);
        int code = reap(&running);
        status = explain(&running, err);
        if (status == ST_OK)
            *ret_exit_code = code;
    }
    atomic_fetch_sub(&on_terminal, run->on_terminal);
    if (run->on_terminal)
        (void)io_descendants_adopt(adopted);
    close_descriptor(&running.end);
    close_descriptor(&running.output);
    close_descriptor(&running.errors);
    return status;
}

#include "io/child.h"
#include "io/launch.h"
#include "io/shard_private.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_MAX_LINE 8192
#define ORPHANED_OUTPUT_NS (200 * NS_PER_MS)
enum { READ_SIZE = 4096, READS_PER_ROUND = 16 };

/* --- starting ---------------------------------------------------------------------------------------------------------------- */

/* The child's ends of stdout and stderr. */
static enum status open_output(struct io_child *child, int ret_ends[2], struct error *err)
{
    for (int i = 0; i < 2; i++) {
        int pipe_ends[2];
        if (child->options.output != IO_CHILD_LINES)
            continue;
        if (pipe2(pipe_ends, O_CLOEXEC) != 0)
            return fail_errno(err, "create a pipe");
        ret_ends[i] = pipe_ends[1];
        TRY(io_fd_open(&child->streams[i].fd, pipe_ends[0], err));
    }
    return ST_OK;
}

static enum status spawn(struct io_child *child, const int ends[2], struct error *err)
{
    const struct io_child_options *options = &child->options;
    const char *const argv[] = {"/bin/sh", "-c", options->command, NULL};
    bool ours = options->output == IO_CHILD_INHERIT;
    const struct io_launch launch = {.argv = argv,
                                     .directory = options->directory,
                                     .env = options->env,
                                     .clean_env = options->clean_env,
                                     .group = IO_LAUNCH_GROUP,
                                     .input = -1,
                                     .output = ours ? STDOUT_FILENO : ends[0],
                                     .errors = ours ? STDERR_FILENO : ends[1]};
    int pidfd;
    TRY(io_launch(&launch, &child->pid, &pidfd, err));
    child->reaped = false;
    return io_fd_open(&child->end, pidfd, err);
}

enum status io_child_start(struct io_child *child, const struct io_child_options *options, struct error *err)
{
    int ends[2] = {-1, -1};
    *child = (struct io_child){.options = *options, .end.fd = -1, .reaped = true};
    for (int i = 0; i < 2; i++) {
        child->streams[i].fd.fd = -1;
        buf_init(&child->streams[i].line, options->max_line ? options->max_line : DEFAULT_MAX_LINE);
    }
    if (!io_shard_here)
        return fail(err, ST_INTERNAL, "a process can be started only on a shard");
    enum status status = open_output(child, ends, err);
    if (status == ST_OK)
        status = spawn(child, ends, err);
    for (int i = 0; i < 2; i++)
        close_descriptor(&ends[i]);
    if (status != ST_OK)
        io_child_release(child);
    return status;
}

/* --- output ------------------------------------------------------------------------------------------------------------------ */

static void emit_line(struct io_child *child, struct io_child_stream *stream)
{
    struct str line = buf_str(&stream->line);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (child->options.line)
        child->options.line(child->options.line_env, stream == &child->streams[1], line);
    buf_clear(&stream->line);
}

/* A line that fills the buffer goes out as a piece, once it is known to go on. */
static void take_output(struct io_child *child, struct io_child_stream *stream, struct str data)
{
    while (data.len > 0) {
        if (stream->line.len == stream->line.max && data.data[0] != '\n')
            emit_line(child, stream);
        size_t end = str_find_char(data, '\n');
        size_t len = MIN(MIN(end, data.len), stream->line.max - stream->line.len);
        bug_unless(buf_append(&stream->line, data.data, len) == ST_OK);
        data = str_from(data, len == end ? len + 1 : len);
        if (len == end)
            emit_line(child, stream);
    }
}

static void end_stream(struct io_child *child, struct io_child_stream *stream)
{
    if (stream->fd.fd < 0)
        return;
    if (stream->line.len > 0)
        emit_line(child, stream);
    io_fd_close(&stream->fd);
}

/* Reads what is there, up to a bound: the other stream, the deadline and other tasks have their turn too. */
static void pump(struct io_child *child, struct io_child_stream *stream)
{
    char data[READ_SIZE];
    for (int left = READS_PER_ROUND; left > 0 && stream->fd.fd >= 0 && stream->fd.readable.set; left--) {
        size_t len = 0;
        enum status status = io_try_read(&stream->fd, data, sizeof data, &len, NULL);
        if (status == ST_OK && len > 0) {
            take_output(child, stream, str_n(data, len));
            io_spend_budget();
        } else if (status != ST_UNAVAILABLE) {
            end_stream(child, stream);
        }
    }
}

/* --- the end ----------------------------------------------------------------------------------------------------------------- */

/* Looks without reaping: as long as the process is a zombie, its process group cannot become another's. */
static void look_for_end(struct io_child *child)
{
    siginfo_t info = {0};
    if (child->ended || !child->end.readable.set)
        return;
    int result = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (result == 0 && info.si_pid == 0) {
        io_event_clear(&child->end.readable);
        return;
    }
    child->ended = true;
    child->output_end = clock_after(ORPHANED_OUTPUT_NS);
    child->exit_code = result != 0 ? 255 : info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static bool output_is_over(const struct io_child *child)
{
    return child->streams[0].fd.fd < 0 && child->streams[1].fd.fd < 0;
}

/* ST_OK to look again. A stream that is never dry keeps its event set, so the other reasons to stop are checked first. */
static enum status wait_for_progress(struct io_child *child, uint64_t deadline)
{
    struct io_event *events[3];
    size_t count = 0;
    struct io_task *task = io_task_current();
    if (task && io_is_cancelled(task))
        return ST_CANCELLED;
    if (io_now() >= deadline)
        return ST_TIMEOUT;
    if (!child->ended)
        events[count++] = &child->end.readable;
    for (int i = 0; i < 2; i++)
        if (child->streams[i].fd.fd >= 0)
            events[count++] = &child->streams[i].fd.readable;
    enum status status = io_wait_any(events, count, child->ended ? MIN(deadline, child->output_end) : deadline);
    return status == ST_TIMEOUT ? ST_OK : status;
}

enum status io_child_wait(struct io_child *child, uint64_t deadline, int *ret_exit_code, struct error *err)
{
    for (;;) {
        pump(child, &child->streams[0]);
        pump(child, &child->streams[1]);
        look_for_end(child);
        if (child->ended && (output_is_over(child) || io_now() >= child->output_end))
            break;
        enum status status = wait_for_progress(child, deadline);
        if (status != ST_OK)
            return fail(err, status, "wait for `%s`: %s", child->options.command, status_name(status));
    }
    for (int i = 0; i < 2; i++)
        end_stream(child, &child->streams[i]);
    *ret_exit_code = child->exit_code;
    return ST_OK;
}

void io_child_signal(struct io_child *child, int signal)
{
    if (!child->reaped)
        kill(-child->pid, signal);
}

void io_child_stop(struct io_child *child, uint64_t grace_ns)
{
    struct io_task *task = io_task_current();
    int exit_code;
    io_cancel_mask(task);
    io_child_signal(child, SIGTERM);
    enum status status = io_child_wait(child, clock_after(grace_ns), &exit_code, NULL);
    io_child_signal(child, SIGKILL);
    if (status != ST_OK)
        status = io_child_wait(child, CLOCK_NEVER, &exit_code, NULL);
    bug_unless(status == ST_OK);
    io_cancel_unmask(task);
}

/* Killed processes end soon, but not at once: the task waits, and only a caller outside a task blocks. */
static void reap(struct io_child *child)
{
    struct io_task *task = io_task_current();
    if (child->reaped)
        return;
    if (!child->ended)
        kill(-child->pid, SIGKILL);
    if (task && child->end.fd >= 0) {
        io_cancel_mask(task);
        for (look_for_end(child); !child->ended; look_for_end(child))
            bug_unless(io_wait(&child->end.readable, CLOCK_NEVER) == ST_OK);
        io_cancel_unmask(task);
    }
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    child->reaped = true;
}

void io_child_release(struct io_child *child)
{
    reap(child);
    for (int i = 0; i < 2; i++) {
        io_fd_close(&child->streams[i].fd);
        buf_release(&child->streams[i].line);
    }
    io_fd_close(&child->end);
}

#include "io/child.h"
#include "base/vec.h"
#include "io/shard_private.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_MAX_LINE 8192
#define ORPHANED_OUTPUT_NS (200 * NS_PER_MS)
enum { READ_SIZE = 4096, READS_PER_ROUND = 16 };

extern char **environ;

/* --- environment ------------------------------------------------------------------------------------------------------------- */

typedef VEC(char *) env_list;

static struct str env_name(const char *entry)
{
    struct str text = str_of(entry);
    return str_slice(text, 0, MIN(str_find_char(text, '='), text.len));
}

static void env_put(env_list *list, const char *entry)
{
    char *borrowed = (char *)(uintptr_t)entry;
    vec_each (known, list)
        if (str_eq(env_name(*known), env_name(entry))) {
            *known = borrowed;
            return;
        }
    vec_push(list, borrowed);
}

static void build_env(const struct io_child_options *options, env_list *list)
{
    for (char **entry = options->clean_env ? NULL : environ; entry && *entry; entry++)
        env_put(list, *entry);
    for (const char *const *entry = options->env; entry && *entry; entry++)
        env_put(list, *entry);
    vec_push(list, NULL);
}

/* --- starting ---------------------------------------------------------------------------------------------------------------- */

/* The child's ends of stdout and stderr; -1: ours. */
static enum status open_output(struct io_child *child, int ret_ends[2], struct error *err)
{
    for (int i = 0; i < 2; i++) {
        int pipe_ends[2];
        if (child->options.output == IO_CHILD_DISCARD) {
            ret_ends[i] = open("/dev/null", O_WRONLY | O_CLOEXEC);
        } else if (child->options.output == IO_CHILD_LINES) {
            if (pipe2(pipe_ends, O_CLOEXEC) != 0)
                return fail_errno(err, "create a pipe");
            ret_ends[i] = pipe_ends[1];
            TRY(io_fd_open(&child->streams[i].fd, pipe_ends[0], err));
        } else {
            continue;
        }
        if (ret_ends[i] < 0)
            return fail_errno(err, "open /dev/null");
    }
    return ST_OK;
}

static int add_file_actions(posix_spawn_file_actions_t *actions, const struct io_child_options *options, const int ends[2])
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (int i = 0; i < 2 && error == 0; i++)
        if (ends[i] >= 0)
            error = posix_spawn_file_actions_adddup2(actions, ends[i], STDOUT_FILENO + i);
    if (error == 0 && options->directory)
        error = posix_spawn_file_actions_addchdir_np(actions, options->directory);
    return error;
}

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
}

/* Returns an errno. */
static int spawn_shell(struct io_child *child, const int ends[2])
{
    char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)child->options.command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    env_list env = {0};
    build_env(&child->options, &env);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes);
    int error = add_file_actions(&actions, &child->options, ends);
    if (error == 0)
        error = posix_spawn(&child->pid, "/bin/sh", &actions, &attributes, argv, env.items);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    vec_release(&env);
    return error;
}

static enum status spawn(struct io_child *child, const int ends[2], struct error *err)
{
    /* posix_spawn says only ENOENT: name the directory when it is at fault. */
    const char *directory = child->options.directory;
    if (directory && access(directory, X_OK) != 0)
        return fail_errno(err, "enter `%s`", directory);
    int error = spawn_shell(child, ends);
    if (error == 0)
        return ST_OK;
    errno = error;
    return fail_errno(err, "start a shell%s%s", directory ? " in " : "", directory ? directory : "");
}

/* The process is ours until we reap it, so its id still means it. */
static enum status watch_end(struct io_child *child, struct error *err)
{
    int pidfd = pidfd_open(child->pid, 0);
    if (pidfd < 0)
        return fail_errno(err, "watch process %d (pidfd_open needs Linux 5.3)", (int)child->pid);
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
    if (status == ST_OK) {
        child->reaped = false;
        status = watch_end(child, err);
    }
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

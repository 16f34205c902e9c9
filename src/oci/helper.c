#include "oci/helper.h"
#include "base/clock.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_AROUND_MS 50 /* between looks at the cancellation flag */

extern char **environ;

struct helper {
    const char *program;
    pid_t pid;
    int socket, end; /* its standard input and output; a pidfd */
    uint64_t deadline;
    const atomic_bool *cancelled;
};

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
}

/* Returns an errno. */
static int spawn(struct helper *helper, const char *argument, int its_end)
{
    char *argv[] = {(char *)(uintptr_t)helper->program, (char *)(uintptr_t)argument, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    set_attributes(&attributes);
    posix_spawn_file_actions_init(&actions);
    int error = posix_spawn_file_actions_adddup2(&actions, its_end, STDIN_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, its_end, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (error == 0)
        error = posix_spawnp(&helper->pid, helper->program, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* A socket pair instead of pipes: what a program that has ended does not read raises no signal. */
static enum status start(struct helper *helper, const char *argument, struct str input, struct error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno(err, "start %s: create a socket pair", helper->program);
    helper->socket = ends[0];
    int error = spawn(helper, argument, ends[1]);
    close(ends[1]);
    if (error == ENOENT)
        return fail(err, ST_NOT_FOUND, "%s, which the Docker configuration names, is not in PATH", helper->program);
    errno = error;
    if (error != 0)
        return fail_errno(err, "start %s", helper->program);
    helper->end = pidfd_open(helper->pid, 0);
    if (helper->end < 0)
        return fail_errno(err, "watch %s", helper->program);
    (void)send(helper->socket, input.data, input.len, MSG_NOSIGNAL); /* a short line: it fits, or the program has ended */
    (void)shutdown(helper->socket, SHUT_WR);
    return ST_OK;
}

/* Waits until the descriptor can be read. */
static enum status wait_readable(const struct helper *helper, int fd, struct error *err)
{
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        if (helper->cancelled && atomic_load(helper->cancelled))
            return fail(err, ST_CANCELLED, "cancelled while %s ran", helper->program);
        if (clock_now() >= helper->deadline)
            return fail(err, ST_TIMEOUT, "%s did not answer in time", helper->program);
        int ready = poll(&one, 1, LOOK_AROUND_MS);
        if (ready > 0)
            return ST_OK;
        if (ready < 0 && errno != EINTR)
            return fail_errno(err, "wait for %s", helper->program);
    }
}

static enum status read_output(const struct helper *helper, struct buf *output, struct error *err)
{
    char piece[4096];
    for (;;) {
        TRY(wait_readable(helper, helper->socket, err));
        ssize_t len = recv(helper->socket, piece, sizeof piece, MSG_DONTWAIT);
        if (len < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (len <= 0) /* its end, or a reset because it did not read its input */
            return ST_OK;
        if (buf_append(output, piece, (size_t)len) != ST_OK)
            return fail(err, ST_LIMIT, "%s printed more than %zu bytes", helper->program, output->max);
    }
}

/* Ends the whole group if it has not ended by itself, and takes the program's exit code. */
static int reap(const struct helper *helper, bool kill_first)
{
    siginfo_t info = {0};
    if (kill_first)
        kill(-helper->pid, SIGKILL);
    while (waitid(P_PID, (id_t)helper->pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

enum status oci_helper_run(const char *program, const char *argument, struct str input, uint64_t timeout_ms,
                           const atomic_bool *cancelled, struct buf *output, int *ret_exit_code, struct error *err)
{
    struct helper helper = {.program = program, .socket = -1, .end = -1, .cancelled = cancelled};
    helper.deadline = clock_after(timeout_ms * NS_PER_MS);
    enum status status = start(&helper, argument, input, err);
    if (status == ST_OK)
        status = read_output(&helper, output, err);
    if (status == ST_OK)
        status = wait_readable(&helper, helper.end, err);
    if (helper.pid > 0) {
        int code = reap(&helper, status != ST_OK);
        if (status == ST_OK)
            *ret_exit_code = code;
    }
    close_descriptor(&helper.socket);
    close_descriptor(&helper.end);
    return status;
}

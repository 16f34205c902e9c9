/* Running programs; see process.h. */
#include "cli/process.h"
#include "base/mem.h"
#include "base/vec.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_NS (2 * NS_PER_SECOND) /* between asking a program to end and ending it */
/* A program that has ended may have left others behind which hold its output open. */
#define ORPHANED_OUTPUT_NS (200 * NS_PER_MS)
enum { READ_SIZE = 4096 };

extern char **environ;

/* --- interrupts --------------------------------------------------------------------------------------------------------------- */

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};

static sigset_t interrupt_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(interrupts); i++)
        sigaddset(&set, interrupts[i]);
    return set;
}

void cli_interrupts_hold(struct cli_interrupts *held)
{
    sigset_t set = interrupt_set();
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

/* --- starting ----------------------------------------------------------------------------------------------------------------- */

struct run {
    const struct cli_process *process;
    pid_t pid;
    int end, signals;               /* pidfd; signalfd, -1 once one was seen */
    int output, errors;             /* our ends of the pipes, or -1 */
    int their_output, their_errors; /* theirs */
    bool interrupted, timed_out, overflowed, killed;
    uint64_t deadline; /* of the time-out, then of the grace, then of what is left of the output */
};

static struct str env_name(const char *entry)
{
    struct str text = str_of(entry);
    return str_slice(text, 0, MIN(str_find_char(text, '='), text.len));
}

typedef VEC(char *) env_list;

static void build_env(const struct cli_process *process, env_list *list)
{
    for (char **entry = environ; entry && *entry; entry++) {
        bool kept = true;
        for (const char *const *change = process->env; change && *change && kept; change++)
            kept = !str_eq(env_name(*change), env_name(*entry));
        if (kept)
            vec_push(list, *entry);
    }
    for (const char *const *change = process->env; change && *change; change++)
        if (strchr(*change, '='))
            vec_push(list, (char *)(uintptr_t)*change);
    vec_push(list, NULL);
}

static int add_file_actions(posix_spawn_file_actions_t *actions, const struct run *run)
{
    int errors = run->their_errors >= 0 ? run->their_errors : STDERR_FILENO;
    int output = run->their_output >= 0 ? run->their_output : errors;
    int error = run->process->on_terminal ? 0 : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
    if (error == 0 && run->process->directory)
        error = posix_spawn_file_actions_addchdir_np(actions, run->process->directory);
    return error;
}

static void set_attributes(posix_spawnattr_t *attributes, bool own_session)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_session ? POSIX_SPAWN_SETSID : 0));
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
}

static enum status spawn(struct run *run, struct error *err)
{
    const struct cli_process *process = run->process;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    env_list env = {0};
    build_env(process, &env);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes, !process->on_terminal);
    int error = add_file_actions(&actions, run);
    if (error == 0)
        error =
            posix_spawnp(&run->pid, process->argv[0], &actions, &attributes, (char *const *)(uintptr_t)process->argv, env.items);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    vec_release(&env);
    errno = error;
    return error == 0 ? ST_OK : fail_errno(err, "start `%s`", process->argv[0]);
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

static enum status start(struct run *run, struct error *err)
{
    sigset_t set = interrupt_set();
    if (run->process->errors)
        TRY(open_pipe(&run->errors, &run->their_errors, err));
    if (run->process->output)
        TRY(open_pipe(&run->output, &run->their_output, err));
    run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signals < 0)
        return fail_errno(err, "watch for signals");
    TRY(spawn(run, err));
    run->end = pidfd_open(run->pid, 0);
    if (run->end < 0)
        return fail_errno(err, "watch process %d (pidfd_open needs Linux 5.3)", (int)run->pid);
    run->deadline = run->process->timeout_ns ? clock_after(run->process->timeout_ns) : CLOCK_NEVER;
    return ST_OK;
}

/* --- to its end --------------------------------------------------------------------------------------------------------------- */

static void signal_it(const struct run *run, int signal)
{
    kill(run->process->on_terminal ? run->pid : -run->pid, signal);
}

static void ask_to_end(struct run *run)
{
    signal_it(run, SIGTERM);
    run->deadline = clock_after(GRACE_NS);
    close_descriptor(&run->signals);
    run->signals = -1; /* it stays readable */
}

/* Errors keep their end, output its beginning. */
static void keep(struct run *run, bool is_error, const char *data, size_t len)
{
    struct buf *buf = is_error ? run->process->errors : run->process->output;
    if (is_error && buf->len + len > CLI_PROCESS_ERRORS_MAX)
        buf_consume(buf, MIN(buf->len, buf->len + len - CLI_PROCESS_ERRORS_MAX));
    if (buf_append(buf, data, len) != ST_OK && !run->overflowed) {
        run->overflowed = true;
        ask_to_end(run);
    }
}

static void pump(struct run *run, int *fd, bool is_error)
{
    char data[READ_SIZE];
    ssize_t n = read(*fd, data, sizeof data);
    if (n > 0) {
        keep(run, is_error, data, (size_t)n);
    } else if (n == 0 || errno != EINTR) {
        close_descriptor(fd);
        *fd = -1;
    }
}

static void time_is_up(struct run *run)
{
    if (run->killed || run->interrupted || run->timed_out || run->overflowed) {
        run->killed = true;
        run->deadline = CLOCK_NEVER;
        signal_it(run, SIGKILL);
    } else {
        run->timed_out = true;
        ask_to_end(run);
    }
}

/* One turn of waiting; true when the program has ended. */
static bool turn(struct run *run)
{
    struct pollfd fds[] = {{.fd = run->end, .events = POLLIN},
                           {.fd = run->signals, .events = POLLIN},
                           {.fd = run->errors, .events = POLLIN},
                           {.fd = run->output, .events = POLLIN}};
    uint64_t now = clock_now();
    int timeout = -1;
    if (run->deadline != CLOCK_NEVER)
        timeout = run->deadline <= now ? 0 : (int)MIN((run->deadline - now) / NS_PER_MS + 1, 1000000);
    int ready = poll(fds, ARRAY_LEN(fds), timeout);
    if (ready == 0 && clock_now() >= run->deadline)
        time_is_up(run);
    if (ready <= 0)
        return false;
    if (fds[2].revents)
        pump(run, &run->errors, true);
    if (fds[3].revents)
        pump(run, &run->output, false);
    if (fds[1].revents && !run->interrupted) {
        run->interrupted = true;
        ask_to_end(run);
    }
    return fds[0].revents != 0;
}

static void read_what_is_left(struct run *run)
{
    uint64_t end = clock_after(ORPHANED_OUTPUT_NS);
    while (run->errors >= 0 || run->output >= 0) {
        struct pollfd fds[] = {{.fd = run->errors, .events = POLLIN}, {.fd = run->output, .events = POLLIN}};
        uint64_t now = clock_now();
        if (now >= end || poll(fds, ARRAY_LEN(fds), (int)((end - now) / NS_PER_MS + 1)) == 0)
            return;
        if (fds[0].revents)
            pump(run, &run->errors, true);
        if (fds[1].revents)
            pump(run, &run->output, false);
    }
}

static int reap(struct run *run)
{
    int code = 0;
    while (waitpid(run->pid, &code, 0) < 0)
        if (errno != EINTR)
            return 255;
    if (!run->process->on_terminal && (run->interrupted || run->timed_out || run->overflowed))
        kill(-run->pid, SIGKILL); /* what is left of its session; the id is not another's while a member lives */
    return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}

static void release(struct run *run)
{
    int *fds[] = {&run->end, &run->signals, &run->output, &run->errors, &run->their_output, &run->their_errors};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close_descriptor(fds[i]);
}

enum status cli_process_run(const struct cli_process *process, int *ret_exit_code, struct error *err)
{
    struct run run = {
        .process = process, .end = -1, .signals = -1, .output = -1, .errors = -1, .their_output = -1, .their_errors = -1};
    enum status status = start(&run, err);
    int code = 0;
    if (status == ST_OK) {
        close_descriptor(&run.their_output);
        close_descriptor(&run.their_errors);
        run.their_output = run.their_errors = -1;
        while (!turn(&run))
            ;
        read_what_is_left(&run);
    } else if (run.pid > 0) {
        signal_it(&run, SIGKILL);
    }
    if (run.pid > 0)
        code = reap(&run);
    release(&run);
    TRY(status);
    if (run.interrupted)
        return fail(err, ST_CANCELLED, "interrupted");
    if (run.timed_out)
        return fail(err, ST_TIMEOUT, "`%s` did not end in time", process->argv[0]);
    if (run.overflowed)
        return fail(err, ST_LIMIT, "`%s` wrote more than %zu bytes", process->argv[0], process->output->max);
    *ret_exit_code = code;
    return ST_OK;
}

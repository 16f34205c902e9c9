#include "io/launch.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

typedef VEC(char *) env_list;

static struct str env_name(const char *entry)
{
    struct str text = str_of(entry);
    return str_slice(text, 0, MIN(str_find_char(text, '='), text.len));
}

/* "NAME=value" or "NAME": after all that were there before. */
static void change_env(env_list *list, const char *change)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->len; i++)
        if (!str_eq(env_name(list->items[i]), env_name(change)))
            list->items[kept++] = list->items[i];
    list->len = kept;
    if (strchr(change, '='))
        vec_push(list, (char *)(uintptr_t)change);
}

static void build_env(const struct io_launch *launch, env_list *list)
{
    for (char **entry = launch->clean_env ? NULL : environ; entry && *entry; entry++)
        vec_push(list, *entry);
    for (const char *const *change = launch->env; change && *change; change++)
        change_env(list, *change);
    vec_push(list, NULL);
}

/* Returns an errno. */
static int add_standard(posix_spawn_file_actions_t *actions, int standard, int fd)
{
    if (fd >= 0)
        return posix_spawn_file_actions_adddup2(actions, fd, standard);
    return posix_spawn_file_actions_addopen(actions, standard, "/dev/null", standard == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
}

static int add_file_actions(posix_spawn_file_actions_t *actions, const struct io_launch *launch)
{
    int error = add_standard(actions, STDIN_FILENO, launch->input);
    if (error == 0)
        error = add_standard(actions, STDOUT_FILENO, launch->output);
    if (error == 0)
        error = add_standard(actions, STDERR_FILENO, launch->errors);
    if (error == 0 && launch->group == IO_LAUNCH_SESSION)
        error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (error == 0 && launch->directory)
        error = posix_spawn_file_actions_addchdir_np(actions, launch->directory);
    return error;
}

static void set_attributes(posix_spawnattr_t *attributes, enum io_launch_group group)
{
    sigset_t none, all;
    int flags = group == IO_LAUNCH_GROUP ? POSIX_SPAWN_SETPGROUP : group == IO_LAUNCH_SESSION ? POSIX_SPAWN_SETSID : 0;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(attributes, (short)(flags | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
}

/* Returns an errno. */
static int start(const struct io_launch *launch, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    env_list env = {0};
    build_env(launch, &env);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes, launch->group);
    int error = add_file_actions(&actions, launch);
    if (error == 0)
        error = posix_spawnp(ret_pid, launch->argv[0], &actions, &attributes, (char *const *)(uintptr_t)launch->argv, env.items);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    vec_release(&env);
    return error;
}

enum status io_launch(const struct io_launch *launch, pid_t *ret_pid, int *ret_pidfd, struct error *err)
{
    pid_t pid;
    /* posix_spawn says only ENOENT: name the directory when it is at fault. */
    if (launch->directory && access(launch->directory, X_OK) != 0)
        return fail_errno(err, "enter `%s`", launch->directory);
    errno = start(launch, &pid);
    if (errno != 0)
        return fail_errno(err, "start `%s`", launch->argv[0]);
    int pidfd = pidfd_open(pid, 0); /* the process is ours until it is reaped, so its id still means it */
    if (pidfd < 0) {
        enum status status = fail_errno(err, "watch process %d (pidfd_open needs Linux 5.3)", (int)pid);
        kill(launch->group == IO_LAUNCH_OURS ? pid : -pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return status;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return ST_OK;
}

#include "io/descendants.h"
#include "base/file.h"
#include "base/vec.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

struct process {
    pid_t pid, parent, session;
    char state;
    bool ours; /* a descendant */
};
typedef VEC(struct process) process_list;

bool io_descendants_adopt(bool adopt)
{
    int before = 0;
    (void)prctl(PR_GET_CHILD_SUBREAPER, &before, 0, 0, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, adopt ? 1 : 0, 0, 0, 0);
    return before != 0;
}

/* PID (NAME) STATE PARENT GROUP SESSION ...; the name may have anything in it. Source: proc_pid_stat(5). */
static bool read_process(int proc, const char *name, struct process *ret_process)
{
    char path[32], text[512];
    snprintf(path, sizeof path, "%.16s/stat", name);
    autoclose int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (len <= 0)
        return false;
    text[len] = '\0';
    const char *rest = strrchr(text, ')');
    struct process process = {0};
    if (!rest || sscanf(text, "%d", &process.pid) != 1 ||
        sscanf(rest + 1, " %c %d %*d %d", &process.state, &process.parent, &process.session) != 3)
        return false;
    *ret_process = process;
    return true;
}

static void read_processes(process_list *list)
{
    DIR *proc = opendir("/proc");
    struct process process;
    if (!proc)
        return;
    for (const struct dirent *entry; (entry = readdir(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_process(dirfd(proc), entry->d_name, &process))
            vec_push(list, process);
    closedir(proc);
}

static bool has_our_parent(const process_list *list, const struct process *process, pid_t self)
{
    if (process->parent == self)
        return true;
    vec_each (other, list)
        if (other->pid == process->parent)
            return other->ours;
    return false;
}

/* Until a round finds no more: the list is in no order of descent. */
static void find_descendants(process_list *list, pid_t self)
{
    for (bool more = true; more;) {
        more = false;
        vec_each (process, list)
            if (!process->ours && has_our_parent(list, process, self))
                process->ours = more = true;
    }
}

size_t io_descendants_signal(int signal)
{
    process_list list = {0};
    size_t count = 0;
    read_processes(&list);
    find_descendants(&list, getpid());
    vec_each (process, &list) {
        bool ended = process->state == 'Z' || process->state == 'X';
        if (process->ours && !ended && process->session == getsid(0) && kill(process->pid, signal) == 0)
            count++;
    }
    vec_release(&list);
    return count;
}

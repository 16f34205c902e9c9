#include "io/cpus.h"
#include "base/mem.h"
#include "io/shard.h"
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <unistd.h>

/* --- affinity ---------------------------------------------------------------------------------------------------------------- */

unsigned io_affinity_list(int *ret_cpus, unsigned max)
{
    enum { MOST_CPUS = 1 << 16 };
    unsigned count = 0;
    for (int size = CPU_SETSIZE; size <= MOST_CPUS; size *= 2) {
        cpu_set_t *set = CPU_ALLOC(size);
        bug_unless(set);
        size_t bytes = CPU_ALLOC_SIZE(size);
        bool known = sched_getaffinity(0, bytes, set) == 0; /* EINVAL: the kernel's mask is larger */
        for (int cpu = 0; known && cpu < size; cpu++)
            if (CPU_ISSET_S(cpu, bytes, set) && count++ < max)
                ret_cpus[count - 1] = cpu;
        CPU_FREE(set);
        if (known)
            break;
    }
    return MAX(count, 1u);
}

/* --- cgroups ----------------------------------------------------------------------------------------------------------------- */

/* False when the file cannot be read or does not fit. */
static bool read_file(const char *path, char *text, size_t size, struct str *ret_text)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = -1;
    while (fd >= 0 && len < size && (n = read(fd, text + len, size - len)) > 0)
        len += (size_t)n;
    *ret_text = str_n(text, len);
    return n == 0;
}

static unsigned whole_cpus(uint64_t quota, uint64_t period)
{
    uint64_t cpus = period ? quota / period + (quota % period != 0) : 0;
    return (unsigned)MIN(cpus, UINT_MAX);
}

static bool read_folder_file(struct str folder, const char *name, char *text, size_t size, struct str *ret_text)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%.*s/%s", STR_ARG(folder), name);
    if (len < 0 || (size_t)len >= sizeof path || !read_file(path, text, size, ret_text))
        return false;
    *ret_text = str_trim(*ret_text);
    return true;
}

/* cpu.max: "max 100000" or "150000 100000". */
static unsigned quota_v2(struct str folder)
{
    char text[64];
    struct str rest, quota_text;
    uint64_t quota, period;
    if (!read_folder_file(folder, "cpu.max", text, sizeof text, &rest) || !str_next_part(&rest, ' ', &quota_text))
        return 0;
    if (!str_parse_u64(quota_text, UINT64_MAX, &quota) || !str_parse_u64(str_trim(rest), UINT64_MAX, &period))
        return 0;
    return whole_cpus(quota, period);
}

/* -1 in the quota means none; it does not parse. */
static unsigned quota_v1(struct str folder)
{
    char quota_text[64], period_text[64];
    struct str text;
    uint64_t quota, period;
    if (!read_folder_file(folder, "cpu.cfs_quota_us", quota_text, sizeof quota_text, &text) ||
        !str_parse_u64(text, UINT64_MAX, &quota))
        return 0;
    if (!read_folder_file(folder, "cpu.cfs_period_us", period_text, sizeof period_text, &text) ||
        !str_parse_u64(text, UINT64_MAX, &period))
        return 0;
    return whole_cpus(quota, period);
}

/* The quota of a group binds those below it, so every folder up to the root counts. A path that climbs (seen from inside another
 * cgroup namespace) or does not exist here leaves the root, which is our own group in most containers. */
static unsigned strictest(const char *root, struct str group, unsigned (*quota)(struct str folder))
{
    char path[PATH_MAX];
    size_t root_len = strlen(root);
    unsigned least = 0;
    if (str_find(group, STR("/..")) != STR_NONE)
        group = STR("");
    int len = snprintf(path, sizeof path, "%s%.*s", root, STR_ARG(group));
    if (len < 0 || (size_t)len >= sizeof path)
        return 0;
    struct str folder = str_n(path, (size_t)len);
    for (;;) {
        unsigned here = quota(folder);
        if (here && (!least || here < least))
            least = here;
        size_t slash = str_find_last_char(folder, '/');
        if (folder.len <= root_len || slash == STR_NONE || slash < root_len)
            return least;
        folder.len = slash;
    }
}

static bool names_cpu(struct str controllers)
{
    struct str controller;
    while (str_next_part(&controllers, ',', &controller))
        if (str_is(controller, "cpu"))
            return true;
    return false;
}

/* One line of /proc/self/cgroup: "0::/system.slice/x" (version 2) or "4:cpu,cpuacct:/x" (version 1). */
static unsigned quota_of_line(struct str line, const char *root)
{
    char v1_root[PATH_MAX];
    struct str number, controllers;
    if (!str_next_part(&line, ':', &number) || !str_next_part(&line, ':', &controllers) || !line.data)
        return 0;
    if (controllers.len == 0)
        return strictest(root, line, quota_v2);
    int len = snprintf(v1_root, sizeof v1_root, "%s/cpu", root);
    return names_cpu(controllers) && len > 0 && (size_t)len < sizeof v1_root ? strictest(v1_root, line, quota_v1) : 0;
}

unsigned io_cgroup_quota(const char *self, const char *root)
{
    char text[8192];
    struct str rest, line;
    unsigned least = 0;
    if (!read_file(self, text, sizeof text, &rest))
        return 0;
    while (str_next_part(&rest, '\n', &line)) {
        unsigned quota = quota_of_line(line, root);
        if (quota && (!least || quota < least))
            least = quota;
    }
    return least;
}

unsigned io_shards_recommended(void)
{
    unsigned cpus = io_affinity_list(NULL, 0), quota = io_cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    return quota ? MIN(cpus, quota) : cpus;
}

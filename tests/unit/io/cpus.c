#include "io/cpus.h"
#include "io/shard.h"
#include "tap.h"
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

/* A cgroup tree made of plain files. */
static char root[] = "/tmp/wash-cgroup-XXXXXX";
static char path[256], self_path[256];

static void put(const char *name, const char *text)
{
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        tap_fail(__FILE__, __LINE__, "write %s", path);
}

static bool make_tree(void)
{
    memcpy(root + strlen(root) - 6, "XXXXXX", 6);
    if (!mkdtemp(root))
        return false;
    snprintf(self_path, sizeof self_path, "%s/self", root);
    return true;
}

static void remove_tree(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (system(command) != 0)
        tap_fail(__FILE__, __LINE__, "%s", command);
}

TEST(quota_of_version_2)
{
    CHECK(make_tree());
    put("self", "0::/a/b\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 0); /* no files at all */
    put("a/b/cpu.max", "max 100000\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 0);
    put("a/cpu.max", "350000 100000\n"); /* an outer group binds too; 3.5 processors need 4 threads */
    CHECK_EQ(io_cgroup_quota(self_path, root), 4);
    put("a/b/cpu.max", "150000 100000\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 2);
    put("cpu.max", "1000 100000\n"); /* in a container the root is our own group */
    CHECK_EQ(io_cgroup_quota(self_path, root), 1);
    put("self", "0::/../elsewhere\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 1);
    remove_tree();
}

TEST(quota_of_version_1)
{
    CHECK(make_tree());
    put("self", "12:memory:/m\n4:cpu,cpuacct:/x\n1:name=systemd:/y\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 0);
    put("cpu/x/cpu.cfs_quota_us", "-1\n");
    put("cpu/x/cpu.cfs_period_us", "100000\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 0);
    put("cpu/x/cpu.cfs_quota_us", "200000\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 2);
    put("self", "4:cpuset,cpuacct:/x\n");
    CHECK_EQ(io_cgroup_quota(self_path, root), 0);
    remove_tree();
}

TEST(damaged_quotas_are_none)
{
    static const char *const damaged[] = {
        "", "max", "100000", "100000 0", "x y", "-5 100000", "100000 100000 100000", "\n1", "99999999999999999999 1"};
    static const char *const selves[] = {"", "::", "0:", "0::", "no colons", "4:cpu", "0::\n\n0::/"};
    CHECK(make_tree());
    put("self", "0::/\n");
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        put("cpu.max", damaged[i]);
        CHECK_EQ(io_cgroup_quota(self_path, root), 0);
    }
    put("cpu.max", "max 100000");
    for (size_t i = 0; i < ARRAY_LEN(selves); i++) {
        put("self", selves[i]);
        CHECK_EQ(io_cgroup_quota(self_path, root), 0);
    }
    CHECK_EQ(io_cgroup_quota("/does/not/exist", root), 0);
    remove_tree();
}

TEST(affinity)
{
    int cpus[4];
    cpu_set_t set;
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    unsigned count = io_affinity_list(cpus, 4);
    CHECK_EQ(count, CPU_COUNT(&set));
    for (unsigned i = 0; i < MIN(count, 4); i++)
        CHECK(CPU_ISSET(cpus[i], &set));
    CHECK(io_shards_recommended() >= 1 && io_shards_recommended() <= count);
}

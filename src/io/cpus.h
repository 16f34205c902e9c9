/* What the kernel lets this process use of the machine. Private to this room. */
#pragma once

#include "base/str.h"

/* The processors of the affinity mask, ascending; at most `max`. Returns how many there are (at least 1). */
unsigned io_affinity_list(int *ret_cpus, unsigned max);

/* The strictest CPU quota of the cgroups that `self` (the file /proc/self/cgroup) names under `root` (/sys/fs/cgroup), version 1 or
 * 2, rounded up to whole processors; 0 when there is none. */
unsigned io_cgroup_quota(const char *self, const char *root);

/* Instances that have been used and are new again: the pool that a shard keeps for a workload.
 *
 * Every call gets an instance of which nothing shows that it was not made for it: memories and globals are as instantiation left
 * them, handle tables are empty (engine_store_reset says how). One that trapped, grew a memory, or has come to own much memory is
 * ended instead, and a new one made when it is needed. Components that cannot be renewed (state in tables, start functions that call
 * the host) and kernels without PAGEMAP_SCAN get a new instance for every call.
 *
 * A pool and all that it gives out belong to one shard. It borrows `linked`, which must outlive its last reference. */
#pragma once

#include "component/component.h"

struct cm_warm;

struct cm_warm_options {
    struct cm_instance_options instance; /* for every instance; data is not used */
    uint32_t max_core_instances;         /* that wait for a call; at least one component instance may. 0: 64 */
    uint64_t max_bytes;                  /* memory that those which wait own. 0: 64 MiB */
};

struct cm_warm *cm_warm_new(struct cm_linked *linked, const struct cm_warm_options *options);
struct cm_warm *cm_warm_ref(struct cm_warm *warm);
void cm_warm_unref(struct cm_warm *warm);

/* As cm_instantiate. data: CM_DATA_SLOTS pointers. Waits: yes. */
enum status cm_warm_take(struct cm_warm *warm, void *const *data, struct cm_instance **ret_instance, struct error *err) CHECKED;
/* Instead of cm_instance_free, for what was taken from it. */
void cm_warm_give(struct cm_warm *warm, struct cm_instance *instance);

/* Ends those that no call needed since the last trim; now and then. False: none is left. */
bool cm_warm_trim(struct cm_warm *warm);

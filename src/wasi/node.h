/* What every WASI object is: something with a handle, perhaps with a parent that must outlive it.
 *
 * A guest must drop children before their parent; doing otherwise traps, as in other runtimes. When an instance is torn down its
 * handles go in any order, so a child keeps its parent's memory alive by a reference. One shard, no locks. */
#pragma once

#include "component/host.h"

struct wasi_node {
    struct wasi_node *parent;
    unsigned children;                       /* handles of children that exist */
    unsigned refs;                           /* the handle, children, and whoever else holds it */
    void (*destroy)(struct wasi_node *node); /* frees the object around it, at refs 0 */
};

/* refs becomes 1: the handle's. parent may be NULL. */
void wasi_node_init(struct wasi_node *node, struct wasi_node *parent, void (*destroy)(struct wasi_node *));
void wasi_node_ref(struct wasi_node *node);
void wasi_node_unref(struct wasi_node *node); /* the last one also ends the child relation */
/* The body of a generated *_drop, and the end of an owned argument: lets go of the handle's reference, which is gone in any case;
 * then traps when children were left (call != NULL). */
enum status wasi_node_drop(struct cm_call *call, struct wasi_node *node);
/* Ends the child relation early: the object goes on without its parent. */
void wasi_node_detach(struct wasi_node *node);

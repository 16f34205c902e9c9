/* Handle tables, resources, and the scopes that lend them.
 *
 * Every component instance has ONE table for all that a guest knows by an index: resources now; subtasks, waitable sets, ends of
 * streams and futures, error contexts with the async ABI. Index 0 is never given out and a freed index is the next to be reused
 * (both are observable). A table belongs to one instance, hence to one shard: no locks. An entry may move when the table grows, so
 * only an index is kept across anything that may add one.
 *
 * A `struct cm_call_scope` is what one call owes: handles it lent (the caller's side, a subtask: `lends`) and borrows that it gave
 * to the callee (the callee's side, a task: `borrows`). A synchronous call may use one object for both sides; it lives in the
 * caller's frame.
 *
 * Resources are numbered per flattened component; `struct cm_resource` says who implements each. A host's object is known by its
 * pointer, a guest's by the i32 that the guest chose. A guest's resource that the host holds is a `struct cm_guest_resource`.
 * Source: CanonicalABI.md "Table State", "Resource State", "Subtask State", `canon resource.*`; messages as Wasmtime's. */
#pragma once

#include "base/error.h"
#include "base/list.h"
#include "component/host.h"

#define CM_HANDLES_MAX ((1u << 28) - 1) /* highest index the specification allows */
#define CM_HANDLES_DEFAULT (1u << 20)
#define CM_HOST_INSTANCE UINT32_MAX /* in place of a component instance: the host */

enum cm_handle_kind {
    CM_HANDLE_FREE,
    CM_HANDLE_OWN,
    CM_HANDLE_BORROW,
    CM_HANDLE_SUBTASK,
    CM_HANDLE_WAITABLE_SET,
    CM_HANDLE_STREAM_READER,
    CM_HANDLE_STREAM_WRITER,
    CM_HANDLE_FUTURE_READER,
    CM_HANDLE_FUTURE_WRITER,
    CM_HANDLE_ERROR_CONTEXT,
};

/* A resource type of the flattened component; its id is its place in the array. */
struct cm_resource {
    const struct cm_resource_desc *host; /* NULL: a component instance implements it */
    uint32_t instance;                   /* that instance; CM_HOST_INSTANCE when it is the host's */
};

struct cm_call_scope;

struct cm_handle {
    uint8_t kind;                /* enum cm_handle_kind */
    uint32_t type;               /* OWN, BORROW: resource id; STREAM_*, FUTURE_*: id of the cm_type; FREE: next free index or 0 */
    uint32_t lends;              /* OWN, BORROW: calls in progress that it is lent to */
    uint64_t rep;                /* OWN, BORROW: the host's object as an integer, or the guest's i32; others: their object */
    struct cm_call_scope *scope; /* BORROW: the call that it must be dropped in */
};

struct cm_handles {
    struct cm_handle *items;
    uint32_t len, capacity; /* len counts index 0 */
    uint32_t free;          /* most recently freed index, or 0 */
    uint32_t max;           /* highest index allowed */
    uint32_t instance;      /* whose table this is */
    bool is_initial;        /* items is the block given at the start */
    const struct cm_resource *resources;
};

/* initial: storage for the first entries (of the instance's arena), or NULL; not freed. It saves the allocation most instances
 * need. max: highest index, 0: CM_HANDLES_DEFAULT. resources: by id; outlives the table. */
void cm_handles_init(struct cm_handles *handles, uint32_t instance, const struct cm_resource *resources, uint32_t max,
                     struct cm_handle *initial, uint32_t initial_count);
/* Ends owned host objects that are left (drop with call == NULL), then frees the table. Guests' destructors do not run. */
void cm_handles_release(struct cm_handles *handles);

/* An entry in use, or NULL. Good until the next cm_handles_add. */
static inline struct cm_handle *cm_handles_get(const struct cm_handles *handles, uint32_t index)
{
    return index < handles->len && handles->items[index].kind != CM_HANDLE_FREE ? &handles->items[index] : NULL;
}
/* ST_TRAP: the table is full. */
enum status cm_handles_add(struct cm_handles *handles, const struct cm_handle *handle, uint32_t *ret_index,
                           struct error *err) CHECKED;
void cm_handles_remove(struct cm_handles *handles, uint32_t index); /* of an entry in use */
/* "unknown handle index N" (ST_TRAP). */
enum status cm_handle_unknown(uint32_t index, struct error *err);

/* --- resources --------------------------------------------------------------------------------------------------------------- */

/* The own or borrow handle at `index` if it is of that resource; else ST_TRAP "unknown handle index N", "index N is not a
 * resource", or "handle index N used with the wrong type, ...". */
enum status cm_resource_get(const struct cm_handles *handles, uint32_t resource, uint32_t index, struct cm_handle **ret_handle,
                            struct error *err) CHECKED;
/* canon resource.new; also what lowering an `own` does. */
enum status cm_resource_new(struct cm_handles *handles, uint32_t resource, uint64_t rep, uint32_t *ret_index,
                            struct error *err) CHECKED;
/* canon resource.rep */
enum status cm_resource_rep(const struct cm_handles *handles, uint32_t resource, uint32_t index, uint64_t *ret_rep,
                            struct error *err) CHECKED;
/* canon resource.drop, as far as the table goes: removes the entry, ends a borrow. An owned one must then be destroyed by its
 * implementer: *ret_owned says so, and *ret_rep names the object. Traps while lent. */
enum status cm_resource_drop(struct cm_handles *handles, uint32_t resource, uint32_t index, bool *ret_owned, uint64_t *ret_rep,
                             struct error *err) CHECKED;
/* Lifting an `own`: as drop, but a borrow traps too. */
enum status cm_resource_take(struct cm_handles *handles, uint32_t resource, uint32_t index, uint64_t *ret_rep,
                             struct error *err) CHECKED;
/* Lifting a `borrow`: the handle stays and is lent to the call of `scope`, which must be released. */
enum status cm_resource_lend(struct cm_handles *handles, uint32_t resource, uint32_t index, struct cm_call_scope *scope,
                             uint64_t *ret_rep, struct error *err) CHECKED;
/* Lowering a `borrow`: the representation itself for the instance that implements the resource, else a handle of `scope`. */
enum status cm_resource_borrow(struct cm_handles *handles, uint32_t resource, uint64_t rep, struct cm_call_scope *scope,
                               uint32_t *ret_value, struct error *err) CHECKED;

/* Lifting a stream or future: removes the readable end at `index`, of that kind and type. */
enum status cm_end_take(struct cm_handles *handles, enum cm_handle_kind kind, uint32_t type, uint32_t index, uint64_t *ret_object,
                        struct error *err) CHECKED;

/* --- a guest's resources in the host's hands --------------------------------------------------------------------------------- */

/* All that the host holds of one root instance. Objects stay valid until they are passed back as `own`, dropped, or the set is
 * released. */
struct cm_guest_resources {
    struct list items;
    uint32_t count, max;
};

struct cm_guest_resource {
    struct list link;
    struct cm_guest_resources *set;
    uint32_t resource;
    uint32_t lends;
    uint64_t rep;
};

void cm_guest_resources_init(struct cm_guest_resources *set, uint32_t max); /* 0: CM_HANDLES_DEFAULT */
void cm_guest_resources_release(struct cm_guest_resources *set);
enum status cm_guest_resource_new(struct cm_guest_resources *set, uint32_t resource, uint64_t rep,
                                  struct cm_guest_resource **ret_object, struct error *err) CHECKED;
/* Ends the host's hold: for `own` arguments, and before running the guest's destructor. Fails while lent, or if it is not of this
 * set or this resource. */
enum status cm_guest_resource_take(struct cm_guest_resources *set, uint32_t resource, struct cm_guest_resource *object,
                                   uint64_t *ret_rep, struct error *err) CHECKED;
enum status cm_guest_resource_lend(struct cm_guest_resources *set, uint32_t resource, struct cm_guest_resource *object,
                                   struct cm_call_scope *scope, uint64_t *ret_rep, struct error *err) CHECKED;

/* --- scopes ------------------------------------------------------------------------------------------------------------------ */

struct cm_lend {
    struct cm_handles *handles; /* NULL: lent by the host */
    union {
        uint32_t index;
        struct cm_guest_resource *object;
    };
};

#define CM_CALL_SCOPE_LENDS 6

struct cm_call_scope {
    uint32_t borrows; /* handles given to the callee and not dropped yet */
    uint32_t lend_count, lend_capacity;
    struct cm_lend *lends; /* inline_lends, or the heap's */
    struct cm_lend inline_lends[CM_CALL_SCOPE_LENDS];
};

static inline void cm_call_scope_init(struct cm_call_scope *scope)
{
    scope->borrows = scope->lend_count = 0;
    scope->lend_capacity = CM_CALL_SCOPE_LENDS;
    scope->lends = scope->inline_lends;
}

/* Ends every lend and frees: after the result has been delivered, and on every way out of a call that failed. */
void cm_call_scope_end_lends(struct cm_call_scope *scope);
static inline void cm_call_scope_release(struct cm_call_scope *scope)
{
    if (scope->lend_count)
        cm_call_scope_end_lends(scope);
}

/* At the return of a task: ST_TRAP "borrow handles still remain at the end of the call". */
enum status cm_call_scope_borrows_remain(struct error *err);
static inline enum status cm_call_scope_check(const struct cm_call_scope *scope, struct error *err)
{
    return scope->borrows ? cm_call_scope_borrows_remain(err) : ST_OK;
}

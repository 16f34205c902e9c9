/* A component at work: what is linked, instantiated, and called. Private to the runtime's files.
 *
 * `cm_linked` is the plan bound to a host: for every trampoline a `cm_binding` that carries everything a call needs, so that
 * nothing is looked up at run time. `cm_instance` is one instance of the whole (the root); it consists of *cells*, one for each
 * component instance of the plan, and one array of slots with the core items they share out.
 *
 * Instances, and arenas for calls, are kept by the thread that used them and given out again, so a request that finds everything
 * warm allocates nothing here. An instance belongs to one shard; linked objects are immutable but for the list of exports, which
 * has a lock. */
#pragma once

#include "component/abi.h"
#include "component/component.h"
#include "component/dynamic.h"
#include "component/plan.h"

#include <pthread.h>
#include <stdatomic.h>

/* --- loaded, linked ---------------------------------------------------------------------------------------------------------- */

struct cm_component {
    atomic_uint references;
    struct engine *engine;
    struct arena types_arena, plan_arena;
    struct cm_types *types;
    char *bytes;
    struct cm_plan *plan;
    struct cm_component_item *imports, *exports;
    uint32_t import_count, export_count;
};

/* An imported function and who serves it. */
struct cm_host_func {
    const struct cm_func_desc *desc;
    void *env;
};

/* A trampoline, bound. */
struct cm_binding {
    const struct cm_trampoline *trampoline;
    struct cm_linked *linked;
    struct cm_func_abi abi;          /* HOST, GUEST */
    const struct cm_host_func *host; /* HOST */
    const struct cm_plan_lift *lift; /* GUEST */
    engine_host_fn fn;
};

struct cm_export {
    struct cm_export *next;
    const struct cm_plan_lift *lift; /* NULL: an imported function, passed on */
    const struct cm_host_func *host;
    const struct cm_func_type *type;
    const struct cm_func_desc *desc;
    struct cm_func_abi abi;
    bool dynamic; /* desc was made from the type */
};

struct cm_linked {
    struct cm_component *component;
    const struct cm_plan *plan;
    struct engine *engine;
    struct arena arena;
    struct cm_resource *resources;   /* as plan->resources */
    void **resource_envs;            /* of the host's */
    struct cm_host_func *host_funcs; /* as plan->import_funcs */
    struct cm_binding *bindings;     /* as plan->trampolines */
    struct engine_pre **pres;        /* as plan->core_instances; NULL: not pooled */
    struct engine_pre **glues;       /* as plan->glues */
    pthread_mutex_t lock;            /* of what follows */
    struct cm_compiler *compiler;
    struct cm_dynamic dynamic; /* arena NULL: not used so far */
    struct cm_export *exports;
    _Atomic(struct cm_image *) image; /* of a new instance; NULL: none so far */
    atomic_bool has_no_image;         /* and none is possible */
};

/* --- instances --------------------------------------------------------------------------------------------------------------- */

#define CM_CELL_HANDLES 16 /* entries of a handle table before it goes to the heap */

struct cm_cell {
    struct cm_instance *instance;
    struct engine_store *store; /* NULL: it has no core code */
    bool may_leave;
    uint16_t backpressure;
    uint32_t context[2]; /* of the running task */
    struct cm_handles handles;
    struct cm_handle *first_handles; /* the block that handles begins with */
};

struct cm_instance {
    struct cm_instance *next; /* while unused */
    struct cm_linked *linked;
    struct arena arena; /* of slots and cells */
    struct engine_extern *slots;
    struct cm_cell *cells;
    struct arena results; /* of the last call of an export */
    struct cm_guest_resources guest_resources;
    uint64_t copy_budget_bytes;
    uint32_t max_handles;
    void *data[CM_DATA_SLOTS];
    unsigned calls; /* exports running */
    bool poisoned;
    bool called_host;   /* a function of the host was called */
    uint64_t renewals;  /* since it was made */
    uint64_t own_bytes; /* memory that it keeps, as of the last one */
    enum engine_trap_kind trap_kind;
    const struct cm_cell *traced; /* whose frames were added to the backtrace last */
    struct buf backtrace;
};

struct cm_call {
    struct cm_instance *instance;
    const struct cm_host_func *func;
    void *env;
    struct arena *arena;
    struct error *err; /* what cm_trap writes */
};

/* One side of a call, for the ABI: the options of a lift or lower, as they are in this instance. */
struct cm_frame {
    struct cm_guest guest; /* first: the ABI hands it back to the ops */
    struct cm_cell *cell;
    const struct cm_plan_options *options;
};
extern const struct cm_guest_ops cm_cell_ops;

static inline void cm_frame_init(struct cm_frame *frame, struct cm_cell *cell, const struct cm_plan_options *options,
                                 struct cm_call_scope *scope, struct arena *arena)
{
    struct cm_instance *instance = cell->instance;
    frame->guest = (struct cm_guest){.ops = &cm_cell_ops,
                                     .encoding = options->encoding,
                                     .handles = &cell->handles,
                                     .scope = scope,
                                     .guest_resources = &instance->guest_resources,
                                     .arena = arena,
                                     .budget_bytes = instance->copy_budget_bytes};
    frame->cell = cell;
    frame->options = options;
}

/* Calls a core function. Any failure poisons the instance. */
enum status cm_cell_call(struct cm_cell *cell, const struct cm_core_ref *func, union engine_raw *raw, size_t count,
                         struct error *err) CHECKED;
/* The same, while the cell may not leave: realloc, post-return. */
enum status cm_cell_call_confined(struct cm_cell *cell, const struct cm_core_ref *func, union engine_raw *raw, size_t count,
                                  struct error *err) CHECKED;
/* Ends an object that a handle owned: the host's drop, or the guest's destructor if there is one. */
enum status cm_resource_destroy(struct cm_instance *instance, uint32_t resource, uint64_t rep, struct error *err) CHECKED;
/* From now on nothing is called in this instance. cell: whose store trapped last; NULL: none did. */
void cm_instance_poison(struct cm_instance *instance, const struct cm_cell *cell);
/* "cannot enter component instance" */
enum status cm_instance_fail_poisoned(struct error *err);

/* Makes a cell's tables and flags those of a new one; what they held must have ended. */
void cm_cell_clear(struct cm_cell *cell);
/* From now on cm_instance_fuel counts anew. */
void cm_instance_clear_fuel(struct cm_instance *instance);
/* Ends what is left in the handle tables. */
void cm_instance_end_objects(struct cm_instance *instance);

/* What a task has of its own; saved and renewed around each call of a lifted function. */
struct cm_task_state {
    uint32_t context[2];
};
static inline struct cm_task_state cm_task_enter(struct cm_cell *cell)
{
    struct cm_task_state saved = {{cell->context[0], cell->context[1]}};
    cell->context[0] = cell->context[1] = 0;
    return saved;
}
static inline void cm_task_leave(struct cm_cell *cell, const struct cm_task_state *saved)
{
    cell->context[0] = saved->context[0];
    cell->context[1] = saved->context[1];
}

/* --- image.c ----------------------------------------------------------------------------------------------------------------- */

/* The image of a new instance, from `instance`, which must be one: for all of its linked object to use. Nothing happens if there is
 * one, or cannot be: an instance that called the host while it was made, say, may be different each time. */
void cm_image_take(struct cm_instance *instance);
/* Takes an instance that was called back to the image. False: it cannot be, free it. Ends its objects in either case. */
bool cm_instance_renew(struct cm_instance *instance, uint64_t max_bytes);
void cm_image_free(struct cm_image *image);

/* --- trampoline.c ------------------------------------------------------------------------------------------------------------ */

/* The function behind a trampoline, whose env is the binding; everything else in the binding is set already. */
engine_host_fn cm_trampoline_fn(const struct cm_binding *binding);

/* Inside the planner: the symbolic execution that plan.c does and plan_finish.c and elide.c complete. */
#pragma once

#include "base/vec.h"
#include "component/idmap.h"
#include "component/plan.h"

#define PLAN_MAX_ITEMS 1000000u /* indices, arguments and exports touched while flattening */
#define PLAN_MAX_ACTIVE 100u    /* component instantiations inside each other */

struct plan_frame;

/* The concrete thing behind an index. Types are not kept: of a type only its resource matters, and that is found when asked for. */
struct plan_group;
struct plan_instance_item;
struct plan_func_item {
    bool is_import;
    uint32_t index; /* lift, or imported function */
};
struct plan_closure {
    const struct cm_body *body;
    struct plan_frame *env;
};
union plan_item {
    struct cm_core_ref core;
    uint32_t module;
    const struct plan_group *group; /* a core instance */
    struct plan_func_item func;
    uint32_t resource; /* of a type; CM_NO_INDEX: another type */
    struct plan_closure component;
    const struct plan_instance_item *instance;
};

struct plan_group {
    const struct cm_core_exports *names;
    uint32_t instance;               /* a core instance of the plan; CM_NO_INDEX: made of `items` */
    const struct cm_core_ref *items; /* in the order of names */
};

struct plan_instance_item {
    const struct cm_externs *names;
    union plan_item *items; /* in the order of names */
};

/* A component being instantiated, or that was: nested components look into their parents. */
struct plan_frame {
    const struct cm_body *body;
    struct plan_frame *parent; /* the lexical one */
    uint32_t instance;
    union plan_item *items[CM_SORT_COUNT];
    uint32_t filled[CM_SORT_COUNT];
    struct map args;          /* import name -> union plan_item *; empty at the root */
    union plan_item *exports; /* in the order of the body's type */
};

struct plan_undo {
    uint32_t resource, before;
};

struct planner {
    struct cm_plan *plan;
    const struct cm_ir *ir;
    struct cm_types *types;
    struct arena *arena, scratch;
    struct error *err;
    uint32_t items_touched, active;
    bool unbound;       /* the substitution that runs met a resource that is not there */
    uint32_t *concrete; /* abstract resource -> resource of the plan, as the running body sees it; CM_NO_INDEX: not bound */
    VEC(struct plan_undo) undo;
    struct idmap modules; /* offset of a definition -> module */
    VEC(struct cm_plan_module) module_list;
    VEC(struct cm_plan_core_instance) core_instances;
    VEC(struct cm_plan_instance) instances;
    VEC(struct cm_trampoline) trampolines;
    VEC(struct cm_plan_lift) lifts;
    VEC(struct cm_plan_resource) resources;
    VEC(struct cm_plan_import) imports;
    VEC(struct cm_plan_import_func) import_funcs;
    VEC(struct cm_plan_import_resource) import_resources;
};

/* Charges for `count` items. ST_LIMIT */
enum status plan_spend(struct planner *p, uint64_t count) CHECKED;
/* The lists become the plan's arrays, slots are given out, signatures are checked. */
enum status plan_finish(struct planner *p) CHECKED;
/* Makes the modules that turn `bound` trampolines into functions of their owners' stores. */
void plan_glue(struct planner *p, const struct cm_plan_bound *bound, uint32_t count);
/* Rebinds what goes through shim modules, and removes them with their fixups. */
void plan_elide(struct planner *p);
/* Calls `visit` for every place that names a core item. user: the core instance that imports it; CM_NO_INDEX: something that reads
 * it when it is called. Stops at the first `false`. */
typedef bool (*plan_visit)(struct planner *p, struct cm_core_ref *ref, uint32_t user, void *env);
bool plan_each_ref(struct planner *p, plan_visit visit, void *env);

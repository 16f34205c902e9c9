/* The plan: a component flattened into the steps that make an instance of it.
 *
 * The planner executes the component once, symbolically: it walks the definitions of the root (ir.h), enters nested components as
 * they are instantiated, and keeps for every index the concrete thing behind it. Only what has an effect at run time is written
 * down: core instances in order, the trampolines their imports are bound to, functions lifted from them, resources. Nested
 * components, aliases, bundles and re-exports leave no trace.
 *
 * A core item is named by a *slot*: each instance of the plan has one array of them (memories, tables, functions ...), filled from
 * the exports of a core instance as soon as it exists. A slot that is read earlier is empty, which is a trap.
 *
 * Component instances keep their identity (handle table, may-leave flag), and each one that has core code gets a store of its own:
 * nothing is shared between their core instances, and later each of them may hold its own stack while it waits. Calls between
 * them run nested on one coroutine. A trap in any of them poisons the whole root instance.
 *
 * `shim` and `fixup` modules, through which toolchains tie the knot between a module and the memory its imports need, are
 * recognised by their structure and left out (elide.c), so that most components are one core instance with host functions only.
 *
 * Types in a plan have the flattened component's resource ids (`resources`). Immutable once made; any thread may read it.
 * Source: Explainer.md "Component Definitions" (instantiation), CanonicalABI.md "Canonical Definitions". */
#pragma once

#include "component/ir.h"

#define CM_NO_SLOT UINT32_MAX

/* A core item. Trampolines that something else than a core instance needs (a lift, an option) get a slot too. */
struct cm_core_ref {
    enum { CM_REF_NONE, CM_REF_TRAMPOLINE, CM_REF_EXPORT } kind;
    uint32_t instance; /* EXPORT: core instance */
    uint32_t index;    /* EXPORT: of its module; TRAMPOLINE */
    uint32_t slot;     /* or CM_NO_SLOT: not needed at run time */
};

struct cm_plan_module {
    struct str bytes;               /* empty: imported by the root, which the linker cannot satisfy */
    const struct module_info *info; /* NULL then */
    const struct cm_module_type *type;
    size_t offset;              /* in the binary */
    uint32_t instances;         /* core instances made of it; 0: only validated */
    struct engine_module *code; /* compiled by the component; NULL when there are no instances */
};

struct cm_plan_extract {
    struct str name; /* of the export */
    uint32_t slot;
};

struct cm_plan_core_instance {
    uint32_t module, owner; /* owner: component instance */
    uint32_t import_count;
    struct cm_core_ref *imports; /* in the module's order */
    bool pooled;                 /* trampolines only: instantiated from a prepared instance */
    uint32_t extract_count;
    const struct cm_plan_extract *extracts;
    struct cm_core_ref then; /* called next, without arguments: what an elided fixup did at its end */
    uint32_t then_owner;
};

struct cm_plan_instance { /* a component instance */
    uint32_t parent;      /* CM_NO_INDEX: the root */
    uint32_t depth;
    bool has_store, has_glue; /* glue: a module of ours in its store, see cm_plan_glue */
    struct str name;          /* of its body, or empty */
};

struct cm_plan_options {
    enum cm_encoding encoding;
    bool is_async;
    struct cm_core_ref memory, realloc, post_return, callback;
};

enum cm_trampoline_kind {
    CM_TRAMPOLINE_HOST,    /* lower of an imported function */
    CM_TRAMPOLINE_GUEST,   /* lower of a lifted function */
    CM_TRAMPOLINE_BUILTIN, /* resource.*, task.*, ... */
    CM_TRAMPOLINE_FORWARD, /* a core function that exists later than its user: what is left of an elided shim's entry */
};

struct cm_trampoline {
    enum cm_trampoline_kind kind;
    enum cm_canon_kind builtin;
    uint32_t owner; /* component instance whose core code calls it */
    struct engine_func_type core_type;
    const struct cm_func_type *type; /* HOST, GUEST; TASK_RETURN */
    struct cm_plan_options options;  /* HOST, GUEST; TASK_RETURN */
    uint32_t target;                 /* HOST: imported function; GUEST: lift; RESOURCE_*: resource */
    struct cm_core_ref forward;      /* FORWARD */
    const struct cm_canon *canon;    /* BUILTIN, for the rest */
};

struct cm_plan_lift {
    uint32_t owner;
    struct cm_core_ref func;
    const struct cm_func_type *type;
    struct cm_plan_options options;
};

struct cm_plan_resource {
    uint32_t instance;       /* component instance that implements it; CM_NO_INDEX: imported */
    struct cm_core_ref dtor; /* of an implemented one */
    uint32_t import;         /* of an imported one, */
    struct str name;         /* and its name in that interface */
};

/* What the root imports. Functions and resources stand in arrays of the plan, those of one import together. */
struct cm_plan_import {
    struct cm_extern_name name;
    enum cm_sort sort;
    uint32_t first_func, func_count;
    uint32_t first_resource, resource_count;
    const char *unsupported; /* what in it no host can offer ("a component"), or NULL */
    struct str unsupported_name;
};
struct cm_plan_import_func {
    uint32_t import;
    struct str name;
    const struct cm_func_type *type;
};
struct cm_plan_import_resource { /* one type export of an import; several may be the same resource */
    uint32_t import, resource;
    struct str name;
};

struct cm_plan_export {
    struct str name;
    enum cm_sort sort;
    enum { CM_EXPORT_OTHER, CM_EXPORT_LIFT, CM_EXPORT_IMPORT, CM_EXPORT_INSTANCE, CM_EXPORT_RESOURCE } kind;
    uint32_t target; /* LIFT: lift; IMPORT: imported function; RESOURCE: resource */
    uint32_t count;  /* INSTANCE */
    const struct cm_plan_export *items;
};

/* A trampoline that needs a slot: it must be a function of its owner's store. */
struct cm_plan_bound {
    uint32_t trampoline, slot;
    struct str name; /* in the glue module */
};

/* The module that makes trampolines into functions of a store (glue.c): its imports and exports are `bound`, in order. */
struct cm_plan_glue {
    uint32_t owner, count;
    const struct cm_plan_bound *bound;
    struct str bytes;
    struct engine_module *code;
};

struct cm_plan {
    struct cm_types *types;
    uint32_t module_count, core_instance_count, instance_count, trampoline_count, lift_count, resource_count;
    struct cm_plan_module *modules; /* every module of the binary that the walk came by */
    struct cm_plan_core_instance *core_instances;
    struct cm_plan_instance *instances; /* [0]: the root */
    struct cm_trampoline *trampolines;
    struct cm_plan_lift *lifts;
    struct cm_plan_resource *resources;
    uint32_t import_count, import_func_count, import_resource_count, export_count;
    struct cm_plan_import *imports;
    struct cm_plan_import_func *import_funcs;
    struct cm_plan_import_resource *import_resources;
    const struct cm_plan_export *exports;
    uint32_t slot_count, store_count;
    uint32_t glue_count;
    struct cm_plan_glue *glues;
    uint32_t elided; /* core instances left out */
};

/* Plans `ir`, whose types are `types`; results go to `arena`, which must live as long as the arena of the types.
 * ST_LIMIT: too many instances or trampolines; ST_INVALID: what only concrete resources show to be wrong. */
enum status cm_plan_new(const struct cm_ir *ir, struct cm_types *types, struct arena *arena, bool no_elide,
                        struct cm_plan **ret_plan, struct error *err) CHECKED;

/* A decoded and validated component: what the planner walks.
 *
 * Each component of a binary, nested ones included, is a `struct cm_body`: its definitions in the order in which they take effect,
 * and the index spaces they fill. Every definition appends at most one item to one index space, so a walk that keeps one array of
 * concrete items per sort and pushes for each definition can use every (sort, index) pair below without a check: they are
 * validated. Types are attached to items (`cm_body.items`), with resources as *abstract* ids: `introduced` says which ids a
 * definition brings into being and where in the concrete item they are found. Outer aliases name a count of bodies to go up and an
 * index there.
 *
 * A type that the binary defines is a `struct cm_deftype`. Two of them may have the same structure (`value`, `func`: hash-consed,
 * compare pointers) and still be different names for it, which is what validation of visibility and the printed WIT need; planning
 * and the ABI need only the structure.
 *
 * Everything lives in the arena given to `cm_decode`; strings and module bytes point into the binary, which must live as long.
 * Immutable after decoding; any thread may read it. Source: Binary.md, Explainer.md (component-model). */
#pragma once

#include "base/arena.h"
#include "component/limits.h"
#include "component/names.h"
#include "component/types.h"
#include "engine/module_reader.h"

#define CM_NO_INDEX UINT32_MAX

enum cm_sort {
    CM_SORT_CORE_FUNC,
    CM_SORT_CORE_TABLE,
    CM_SORT_CORE_MEMORY,
    CM_SORT_CORE_GLOBAL,
    CM_SORT_CORE_TAG,
    CM_SORT_CORE_TYPE,
    CM_SORT_CORE_MODULE,
    CM_SORT_CORE_INSTANCE,
    CM_SORT_FUNC,
    CM_SORT_VALUE,
    CM_SORT_TYPE,
    CM_SORT_COMPONENT,
    CM_SORT_INSTANCE,
    CM_SORT_COUNT
};
const char *cm_sort_text(enum cm_sort sort); /* "core function", "instance" */

/* --- types --------------------------------------------------------------------------------------------------------- */

struct cm_deftype;

struct cm_core_exports {
    const struct engine_export *items;
    uint32_t count;
    const uint32_t *by_name; /* indexes of items, in order of name */
};
const struct engine_export *cm_core_export_find(const struct cm_core_exports *exports, struct str name); /* NULL: none */

/* The core side of a module: what it imports and exports. By definition, by import, or read from its bytes. */
struct cm_module_type {
    const struct engine_import *imports;
    uint32_t import_count;
    struct cm_core_exports exports;
};

/* The type of one item of an index space. */
struct cm_extern {
    enum cm_sort sort;
    union {
        const struct engine_extern_type *core;       /* CORE_FUNC, CORE_TABLE, CORE_MEMORY, CORE_GLOBAL, CORE_TAG */
        const struct cm_core_deftype *core_type;     /* CORE_TYPE */
        const struct cm_module_type *module;         /* CORE_MODULE */
        const struct cm_core_exports *core_instance; /* CORE_INSTANCE */
        const struct cm_deftype *type; /* FUNC, COMPONENT, INSTANCE: of that kind, the item's type; TYPE: the item itself */
    };
};

struct cm_core_deftype {
    enum { CM_CORE_TYPE_FUNC, CM_CORE_TYPE_MODULE, CM_CORE_TYPE_OTHER } kind;
    bool is_final; /* may have no subtypes */
    struct engine_func_type func;
    const struct cm_module_type *module;
};

/* A name with its attributes. */
struct cm_extern_name {
    struct str text;
    struct cm_name parsed;
    struct str implements;  /* `implements`: an interface name, or empty */
    struct str external_id; /* or empty */
    bool has_external_id;
};

struct cm_named_extern {
    struct cm_extern_name name;
    struct cm_extern type;
};

struct cm_externs {
    const struct cm_named_extern *items; /* as written */
    uint32_t count;
    const uint32_t *by_name; /* indexes of items, in order of name */
};
const struct cm_named_extern *cm_extern_find(const struct cm_externs *externs, struct str name); /* NULL: none */

/* An abstract resource and where it is found: a path of export names from an item. An empty path: the item itself is the resource.
 */
struct cm_resource_path {
    uint32_t resource;
    uint32_t path_len;
    const struct str *path;
};

struct cm_instance_type {
    struct cm_externs exports;
    /* Resources that the type itself brings along (existentially quantified). Empty in the type of an instance that exists: its
     * resources were introduced by the definition that made it. */
    const struct cm_resource_path *bound;
    uint32_t bound_count;
};

struct cm_component_type {
    struct cm_externs imports, exports;
    /* Resources given by the imports; the path starts with the import's name. */
    const struct cm_resource_path *imported;
    uint32_t imported_count;
    /* Fresh resources of each instance; the path starts with an export's name. */
    const struct cm_resource_path *defined;
    uint32_t defined_count;
};

enum cm_deftype_kind { CM_DEFTYPE_VALUE, CM_DEFTYPE_RESOURCE, CM_DEFTYPE_FUNC, CM_DEFTYPE_COMPONENT, CM_DEFTYPE_INSTANCE };

/* A part of a value or function type, as named in the binary. */
struct cm_part {
    struct str name;               /* field, case, label, parameter; empty in tuples */
    const struct cm_deftype *type; /* NULL: no payload, or a label */
};

struct cm_deftype {
    enum cm_deftype_kind kind;
    uint32_t id;                       /* dense, in order of creation */
    const struct cm_deftype *alias_of; /* VALUE, RESOURCE, ...: a new name (import `eq`, export) of this one; NULL: defined here */
    union {
        const struct cm_type *value;               /* VALUE: its structure */
        uint32_t resource;                         /* RESOURCE: abstract id */
        const struct cm_func_type *func;           /* FUNC: its structure */
        const struct cm_component_type *component; /* COMPONENT */
        const struct cm_instance_type *instance;   /* INSTANCE */
    };
    /* VALUE: fields, cases, labels, tuple items. FUNC: parameters. */
    const struct cm_part *parts;
    uint32_t part_count;
    /* LIST, FIXED_LIST, OPTION, STREAM, FUTURE: of what; RESULT: ok; MAP: value; OWN, BORROW: the resource; FUNC: result. */
    const struct cm_deftype *element;
    const struct cm_deftype *second; /* RESULT: err; MAP: key */
    bool has_resource;               /* mentions a resource, be it one bound inside */
    uint32_t depth;                  /* of nesting; at most CM_LIMIT_TYPE_NESTING */
    uint32_t weight;                 /* parts below, itself included, as a tree; at most CM_LIMIT_TYPE_SIZE */
};

/* --- canonical definitions ----------------------------------------------------------------------------------------- */

enum cm_canon_kind {
    CM_CANON_LIFT,
    CM_CANON_LOWER,
    CM_CANON_RESOURCE_NEW,
    CM_CANON_RESOURCE_DROP,
    CM_CANON_RESOURCE_REP,
    CM_CANON_TASK_CANCEL,
    CM_CANON_TASK_RETURN,
    CM_CANON_SUBTASK_CANCEL,
    CM_CANON_SUBTASK_DROP,
    CM_CANON_CONTEXT_GET,
    CM_CANON_CONTEXT_SET,
    CM_CANON_BACKPRESSURE_INC,
    CM_CANON_BACKPRESSURE_DEC,
    CM_CANON_STREAM_NEW,
    CM_CANON_STREAM_READ,
    CM_CANON_STREAM_WRITE,
    CM_CANON_STREAM_CANCEL_READ,
    CM_CANON_STREAM_CANCEL_WRITE,
    CM_CANON_STREAM_DROP_READABLE,
    CM_CANON_STREAM_DROP_WRITABLE,
    CM_CANON_FUTURE_NEW,
    CM_CANON_FUTURE_READ,
    CM_CANON_FUTURE_WRITE,
    CM_CANON_FUTURE_CANCEL_READ,
    CM_CANON_FUTURE_CANCEL_WRITE,
    CM_CANON_FUTURE_DROP_READABLE,
    CM_CANON_FUTURE_DROP_WRITABLE,
    CM_CANON_ERROR_CONTEXT_NEW,
    CM_CANON_ERROR_CONTEXT_DEBUG_MESSAGE,
    CM_CANON_ERROR_CONTEXT_DROP,
    CM_CANON_WAITABLE_SET_NEW,
    CM_CANON_WAITABLE_SET_WAIT,
    CM_CANON_WAITABLE_SET_POLL,
    CM_CANON_WAITABLE_SET_DROP,
    CM_CANON_WAITABLE_JOIN,
    CM_CANON_THREAD_YIELD,
    CM_CANON_THREAD_INDEX,
    CM_CANON_THREAD_NEW_INDIRECT,
    CM_CANON_THREAD_RESUME_LATER,
    CM_CANON_THREAD_SUSPEND,
    CM_CANON_THREAD_SUSPEND_THEN_RESUME,
    CM_CANON_THREAD_YIELD_THEN_RESUME,
    CM_CANON_THREAD_SUSPEND_THEN_PROMOTE,
    CM_CANON_THREAD_YIELD_THEN_PROMOTE,
    CM_CANON_COUNT
};
const char *cm_canon_text(enum cm_canon_kind kind); /* "resource.new" */

enum cm_encoding { CM_ENCODING_UTF8, CM_ENCODING_UTF16, CM_ENCODING_LATIN1_UTF16 };

struct cm_canon_options {
    enum cm_encoding encoding; /* UTF-8 unless given */
    bool is_async;
    uint32_t memory;                         /* core memory; CM_NO_INDEX: not given */
    uint32_t realloc, post_return, callback; /* core functions; CM_NO_INDEX: not given */
};

struct cm_canon {
    enum cm_canon_kind kind;
    struct cm_canon_options options;      /* LIFT, LOWER, TASK_RETURN, reads, writes, ERROR_CONTEXT_NEW and DEBUG_MESSAGE */
    uint32_t func;                        /* LIFT: core function; LOWER: function */
    const struct cm_deftype *type;        /* LIFT, LOWER: FUNC; RESOURCE_*: RESOURCE; STREAM_*, FUTURE_*: VALUE */
    const struct cm_func_type *signature; /* LIFT, LOWER; TASK_RETURN: a function of no parameters with that result */
    const struct cm_type *element;        /* STREAM_*, FUTURE_*; NULL: none */
    uint32_t resource;                    /* RESOURCE_*: abstract id */
    bool is_async;                        /* SUBTASK_CANCEL, *_CANCEL_READ, *_CANCEL_WRITE */
    uint32_t slot;                        /* CONTEXT_*; 0 or 1 */
    uint32_t memory;                      /* WAITABLE_SET_WAIT, WAITABLE_SET_POLL: where the event goes */
    uint32_t table;                       /* THREAD_NEW_INDIRECT */
    const struct engine_func_type *start; /* THREAD_NEW_INDIRECT */
};

/* --- definitions --------------------------------------------------------------------------------------------------- */

enum cm_def_kind {
    CM_DEF_CORE_MODULE,       /* -> CORE_MODULE */
    CM_DEF_CORE_TYPE,         /* -> CORE_TYPE */
    CM_DEF_CORE_INSTANTIATE,  /* -> CORE_INSTANCE */
    CM_DEF_CORE_BUNDLE,       /* -> CORE_INSTANCE made of existing core items */
    CM_DEF_COMPONENT,         /* -> COMPONENT: a nested body */
    CM_DEF_INSTANTIATE,       /* -> INSTANCE */
    CM_DEF_BUNDLE,            /* -> INSTANCE made of existing items */
    CM_DEF_ALIAS_EXPORT,      /* -> any component sort: an export of an instance */
    CM_DEF_ALIAS_CORE_EXPORT, /* -> a core sort: an export of a core instance */
    CM_DEF_ALIAS_OUTER,       /* -> CORE_MODULE, CORE_TYPE, TYPE, COMPONENT of an enclosing body */
    CM_DEF_TYPE,              /* -> TYPE */
    CM_DEF_RESOURCE,          /* -> TYPE: a resource this component implements */
    CM_DEF_CANON,             /* -> FUNC for LIFT, else CORE_FUNC */
    CM_DEF_IMPORT,            /* -> the sort imported */
    CM_DEF_EXPORT,            /* -> the sort exported: the same item again, under the exported type */
};

struct cm_core_arg {
    struct str name;
    uint32_t instance; /* CORE_INSTANCE */
};
struct cm_item_arg { /* a named item: instantiation arguments and inline exports */
    struct str name;
    enum cm_sort sort;
    uint32_t index;
};

struct cm_def {
    enum cm_def_kind kind;
    size_t offset;     /* in the binary, for messages */
    enum cm_sort sort; /* the index space it appends to, */
    uint32_t index;    /* and the index there */
    union {
        struct {
            struct str bytes;
            const struct module_info *info;
        } module; /* CORE_MODULE */
        struct {
            uint32_t module;
            const struct cm_core_arg *args;
            uint32_t arg_count;
        } core_instantiate;
        struct {
            const struct cm_item_arg *items;
            uint32_t count;
        } bundle;                   /* CORE_BUNDLE, BUNDLE */
        const struct cm_body *body; /* COMPONENT */
        struct {
            uint32_t component;
            const struct cm_item_arg *args;
            uint32_t arg_count;
        } instantiate;
        struct {
            uint32_t instance;
            struct str name;
        } alias; /* ALIAS_EXPORT, ALIAS_CORE_EXPORT */
        struct {
            uint32_t count, index;
        } outer; /* bodies to go up (0: this one); an index of the same sort there */
        struct {
            uint32_t resource, dtor;
        } resource; /* dtor: core function or CM_NO_INDEX */
        struct cm_canon canon;
        struct {
            struct cm_extern_name name;
        } import;
        struct {
            struct cm_extern_name name;
            uint32_t index;
        } export_; /* an earlier item of `sort` */
    };
    /* IMPORT, INSTANTIATE, EXPORT (under a more abstract type): resources that come into being with the item, found in the concrete
     * item by path. RESOURCE: see resource.resource. */
    const struct cm_resource_path *introduced;
    uint32_t introduced_count;
};

struct cm_body {
    const struct cm_body *parent; /* NULL: the root */
    uint32_t depth;               /* 0: the root */
    size_t offset;                /* in the binary */
    const struct cm_def *defs;
    uint32_t def_count;
    const struct cm_extern *items[CM_SORT_COUNT]; /* the type of every item of every index space */
    uint32_t item_count[CM_SORT_COUNT];
    const struct cm_component_type *type;
    struct str name; /* of the custom section `component-name`, or empty */
};

/* --- decode -------------------------------------------------------------------------------------------------------- */

struct cm_ir {
    const struct cm_body *root;
    uint32_t resource_count; /* abstract ids are below this */
    uint32_t body_count, module_count;
    /* Custom sections at the root, `package-docs` and `wit-component-encoding`, or empty. */
    struct str package_docs, wit_encoding;
};

/* Whether `bytes` starts as a component does (false: a core module, or neither). */
bool cm_is_component(struct str bytes);

/* Decodes and validates. Core modules are read (imports, exports, structure) but their code is not validated: compile them, or use
 * engine_module_validate on each CM_DEF_CORE_MODULE.
 * bytes  borrowed; must outlive the IR
 * gates  enum cm_gate bits
 * types  its arena is where everything goes
 * Fails: ST_INVALID (the message ends in the offset), ST_LIMIT. Waits: no. */
enum status cm_decode(struct str bytes, uint32_t gates, struct cm_types *types, struct cm_ir *ret_ir, struct error *err) CHECKED;

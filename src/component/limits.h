/* Bounds on what a component may ask for while it is loaded, and the gates of unfinished features.
 *
 * Everything a component chooses is counted against one of these before memory is spent on it; going past one is ST_LIMIT with a
 * message that names it. Most agree with the limits other runtimes impose, so that what loads there loads here; the last group is
 * ours: it bounds structures whose size grows exponentially with the size of the binary (tuples of tuples, a child instantiated
 * twice a level). Source: component-model Binary.md, Explainer.md "Gated Features"; bounds of types: CanonicalABI.md "Element
 * Size". */
#pragma once

#include <stdint.h>

/* A feature that the specification has not finished: rejected with its name unless its bit is in cm_load_options.gates. `map`
 * types, `implements` names and the async ABI are finished. */
enum cm_gate {
    /* `async` on subtask.cancel and cancel-read/write; synchronous stream and future reads and writes. */
    CM_GATE_ASYNC_BUILTINS = 1 << 0,
    CM_GATE_ASYNC_STACKFUL = 1 << 1, /* async lift without a callback */
    CM_GATE_THREADS = 1 << 2,        /* thread.* built-ins other than thread.yield */
    CM_GATE_FIXED_LISTS = 1 << 3,    /* list<T, N> */
    CM_GATE_ERROR_CONTEXT = 1 << 4,  /* the error-context type and its built-ins */
    CM_GATE_ALL = (1 << 5) - 1,
    /* These cannot be enabled. */
    CM_GATE_VALUES = 1 << 5,         /* value imports and definitions, start functions */
    CM_GATE_NESTED_NAMES = 1 << 6,   /* several namespaces or projections in an interface name */
    CM_GATE_VERSION_SUFFIX = 1 << 7, /* canonical interface names */
    CM_GATE_MEMORY64 = 1 << 8,       /* 64-bit memories in canonical options, i64 resource representations and context slots */
    CM_GATE_SHARED_THREADS = 1 << 9, /* thread.spawn-*, thread.available-parallelism */
    CM_GATE_GC = 1 << 10,            /* `gc` and `core-type` options */
};

/* --- of one binary ------------------------------------------------------------------------------------------------- */

#define CM_LIMIT_BINARY_BYTES (1u << 30)
#define CM_LIMIT_NESTING 100      /* bodies and component and instance types, as they stand inside each other */
#define CM_LIMIT_TYPE_NESTING 100 /* types inside each other, through references as well */
#define CM_LIMIT_DEFS 250000u     /* definitions of all bodies and types together */
#define CM_LIMIT_MODULES 1000u    /* core modules: definitions and imports, of one body */
#define CM_LIMIT_COMPONENTS 1000u /* of one body */
#define CM_LIMIT_INSTANCES 1000u  /* core instances, and component instances, of one body */
#define CM_LIMIT_MEMORIES 1000u   /* memories, tables, tags: each, of one body */
#define CM_LIMIT_EXTERNS 100000u  /* imports or exports of one body, type or instance */
#define CM_LIMIT_ARGS 100000u     /* arguments of one instantiation */
#define CM_LIMIT_FIELDS 10000u    /* record fields, variant and enum cases, tuple items */
#define CM_LIMIT_PARAMS 1000u     /* of one function */
#define CM_LIMIT_OPTIONS 10u      /* canonical options of one definition */
#define CM_LIMIT_NAME_BYTES 100000u

/* --- ours ---------------------------------------------------------------------------------------------------------- */

#define CM_LIMIT_ARENA_BYTES (1ull << 28) /* everything decoded from one binary */
#define CM_LIMIT_RESOURCES 100000u        /* abstract resources: definitions, imports, and fresh ones per instantiation */
#define CM_LIMIT_WORK 20000000u           /* steps of substitution, subtyping and comparison spent on one binary */
#define CM_LIMIT_TYPE_SIZE 1000000u       /* named parts of one component or instance type, nested ones included */
#define CM_LIMIT_FLAT_COMPONENTS 4096u    /* component instances after flattening */
#define CM_LIMIT_FLAT_CORE_INSTANCES 256u /* core instances after flattening */
#define CM_LIMIT_FLAT_TRAMPOLINES 100000u /* lowers and built-ins after flattening */

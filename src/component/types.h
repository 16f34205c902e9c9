/* Component-level types: hash-consed, with their canonical ABI layout.
 *
 * One `struct cm_types` per loaded component owns every type in its arena. Structurally equal value types are one object, so equality
 * is pointer equality. A resource is a number: `resource` ids of a store are unique per (definition or import, in one component
 * body); the planner substitutes them by the ids of the flattened component with `cm_type_substitute`.
 * Layout: CanonicalABI.md "Alignment", "Element Size", "Flattening"; sizes are for 32-bit memories. Sizes and flat counts saturate. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "component/kind.h"

#define CM_MAX_FLAT 16 /* flat params of a sync call; past it they go through memory */
#define CM_MAX_FLAT_SATURATED 17
#define CM_MAX_FLAT_ASYNC 4           /* flat params of an async lower */
#define CM_MAX_BYTES ((1u << 28) - 1) /* of a string or list; and a type's size must stay below 1 << 28 */
#define CM_RESOURCE_NONE UINT32_MAX

/* Bounds of a store; what is past them is ST_LIMIT. */
#define CM_MAX_TYPES 1000000u /* value types, and as many function types */
#define CM_MAX_TYPE_DEPTH 100u
#define CM_MAX_TYPE_WEIGHT 1000000u /* nodes of one type written out in full */
#define CM_MAX_TYPE_FIELDS 10000u   /* fields, items, cases, labels of one type */
#define CM_MAX_FUNC_PARAMS 1000u

enum cm_core_type { CM_CORE_I32, CM_CORE_I64, CM_CORE_F32, CM_CORE_F64 }; /* = enum engine_val_type's first four */

struct cm_type;

struct cm_field {
    struct str name;            /* record field, variant case, enum case, flag; empty in tuples */
    const struct cm_type *type; /* NULL: no payload */
    uint32_t offset;            /* record, tuple: in memory */
};

struct cm_type {
    enum cm_kind kind;
    uint32_t id;               /* dense, per store */
    uint32_t size, align;      /* in linear memory */
    uint8_t flat_count;        /* 0..17, 17 = more than 16 */
    uint8_t flat[CM_MAX_FLAT]; /* enum cm_core_type each; meaningless when there are more than 16 */
    uint8_t discriminant_size; /* VARIANT, ENUM, OPTION, RESULT: 1, 2, 4 */
    uint32_t payload_offset;   /* VARIANT, OPTION, RESULT */
    uint16_t depth;
    bool has_borrow, has_handle; /* anywhere inside, elements of streams included: borrow; own, borrow, stream, future */
    bool has_pointer;            /* string, list, map inside, but not as a stream's element (so: needs memory to be lifted) */
    bool is_pod;                 /* lists of it may be copied bytewise: integers, floats, padding-free records and tuples of them */
    uint32_t count;              /* fields, cases, labels; FIXED_LIST: its length */
    const struct cm_field *fields; /* RECORD, TUPLE, VARIANT, ENUM, FLAGS; OPTION and RESULT too, as their two cases */
    const struct cm_type *element; /* LIST, FIXED_LIST, STREAM, FUTURE (NULL: none); MAP: the tuple<K, V> it despecialises to */
    uint32_t resource;             /* OWN, BORROW */
};

struct cm_func_type {
    bool is_async;
    uint32_t param_count;
    const struct cm_field *params; /* names and types */
    const struct cm_type *result;  /* NULL: none */
    uint32_t id;                   /* hash-consed too: equal types are one object */
};

struct cm_types; /* the store */

struct cm_types *cm_types_new(struct arena *arena);
void cm_types_release(struct cm_types *types); /* what is not in the arena */
struct arena *cm_types_arena(struct cm_types *types);
uint32_t cm_types_count(const struct cm_types *types); /* ids of value types are below it */
const char *cm_kind_name(enum cm_kind kind);           /* "u8", "record", ... */

/* Constructors. Fields, names and types are borrowed for the call and copied when new. They fail with ST_LIMIT (too large, too deep,
 * too many) or ST_INVALID (rules that concern one type alone: empty record, flags of 0 or more than 32, map key kinds,
 * fixed length 0, stream<char>, a borrow in a stream or future, element size of 2^28 bytes or more). Duplicate and non-kebab names are
 * the decoder's to reject. The types inside must be of this store. */
const struct cm_type *cm_type_primitive(struct cm_types *types, enum cm_kind kind);
enum status cm_type_record(struct cm_types *, const struct cm_field *fields, uint32_t count, const struct cm_type **ret,
                           struct error *) CHECKED;
enum status cm_type_tuple(struct cm_types *, const struct cm_type *const *items, uint32_t count, const struct cm_type **ret,
                          struct error *) CHECKED;
enum status cm_type_variant(struct cm_types *, const struct cm_field *cases, uint32_t count, const struct cm_type **ret,
                            struct error *) CHECKED;
enum status cm_type_enum(struct cm_types *, const struct str *names, uint32_t count, const struct cm_type **ret,
                         struct error *) CHECKED;
enum status cm_type_flags(struct cm_types *, const struct str *names, uint32_t count, const struct cm_type **ret,
                          struct error *) CHECKED;
enum status cm_type_option(struct cm_types *, const struct cm_type *, const struct cm_type **ret, struct error *) CHECKED;
enum status cm_type_result(struct cm_types *, const struct cm_type *ok, const struct cm_type *err_type, const struct cm_type **ret,
                           struct error *) CHECKED;
enum status cm_type_list(struct cm_types *, const struct cm_type *, const struct cm_type **ret, struct error *) CHECKED;
enum status cm_type_fixed_list(struct cm_types *, const struct cm_type *, uint32_t length, const struct cm_type **ret,
                               struct error *) CHECKED;
enum status cm_type_map(struct cm_types *, const struct cm_type *key, const struct cm_type *value, const struct cm_type **ret,
                        struct error *) CHECKED;
enum status cm_type_handle(struct cm_types *, enum cm_kind own_or_borrow, uint32_t resource, const struct cm_type **ret,
                           struct error *) CHECKED;
enum status cm_type_stream(struct cm_types *, enum cm_kind stream_or_future, const struct cm_type *element,
                           const struct cm_type **ret, struct error *) CHECKED;
enum status cm_type_func(struct cm_types *, bool is_async, const struct cm_field *params, uint32_t count,
                         const struct cm_type *result, const struct cm_func_type **ret, struct error *) CHECKED;

/* The type, of this store, with every resource id replaced by `map(id, env)`. */
typedef uint32_t (*cm_resource_map)(uint32_t resource, void *env);
enum status cm_type_substitute(struct cm_types *, const struct cm_type *, cm_resource_map, void *env, const struct cm_type **ret,
                               struct error *) CHECKED;
enum status cm_func_type_substitute(struct cm_types *, const struct cm_func_type *, cm_resource_map, void *env,
                                    const struct cm_func_type **ret, struct error *) CHECKED;

/* Flattening a whole signature (CanonicalABI.md flatten_functype). */
enum cm_abi_context {
    CM_ABI_LIFT_SYNC,
    CM_ABI_LOWER_SYNC,
    CM_ABI_LIFT_ASYNC_CALLBACK,
    CM_ABI_LIFT_ASYNC_STACKFUL,
    CM_ABI_LOWER_ASYNC
};
struct cm_core_signature {
    uint8_t params[CM_MAX_FLAT + 1], results[1];
    uint8_t param_count, result_count;
    bool params_in_memory, result_in_memory;
};
void cm_flatten_func(const struct cm_func_type *type, enum cm_abi_context context, struct cm_core_signature *ret_signature);

/* Nodes of the type written out in full, at most CM_MAX_TYPE_WEIGHT. */
uint32_t cm_type_weight(const struct cm_type *type);

/* WIT-like text of a type for messages: "list<tuple<string, u32>>". */
struct str cm_type_text(const struct cm_type *type, struct arena *arena);

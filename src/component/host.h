/* The host side of the Component Model: how C code offers interfaces to components and calls their exports.
 *
 * Bindings are generated from WIT (`wash bindgen --host`): C structs, prototypes, and the constant descriptor tables below, which the
 * runtime reads to convert between guest memory and C structs. Nobody writes lifting or lowering by hand.
 *
 * How WIT maps to C (names are <namespace>_<package>_<interface>_<item>, kebab to snake; versions do not appear):
 *   bool u8..u64 s8..s64 f32 f64 char   bool, uint8_t .. int64_t, float, double, uint32_t
 *   string                              struct str. In: a view of guest memory when its encoding is UTF-8, else the call's arena.
 *   list<T>, map<K,V>                   struct { const T *items; size_t len; } (map: items of { K key; V value; }). In: a view for
 *                                       u8 and other types whose layouts agree byte for byte and need no checks; else the call's arena.
 *   list<T, N>                          T[N] inside a struct { T items[N]; }
 *   record, tuple                       struct with the fields; tuples name them f0, f1, ...
 *   variant                             struct { uint32_t tag; union { T name; ... } of; }, tags <PREFIX>_<CASE>
 *   option<T>                           struct { bool is_some; T value; }
 *   result<T, E>                        struct { bool is_err; union { T ok; E err; } of; } (absent payloads have no member; no union
 *                                       when both are absent)
 *   enum                                enum, 4 bytes;   flags: uint32_t with <PREFIX>_<FLAG> bits
 *   own<R>, borrow<R>                   struct <prefix>_<r> *: the host's own object when the host implements R (an owned argument is
 *                                       the callee's; an owned result becomes the guest's handle); struct cm_guest_resource * else
 *   stream<T>, future<T>                struct cm_stream *, struct cm_future *
 * A host function: enum status <prefix>_<func>(struct cm_call *call, args..., T *ret); methods take the object first, constructors are
 * <prefix>_<r>_new, and <prefix>_<r>_drop ends an object. Structs are passed by const pointer, everything else by value; `ret` is
 * absent when there is no result. ST_OK lowers *ret. Anything else traps the guest; say why with `cm_trap`.
 *
 * Memory: arguments live until the function returns; what *ret points to must live until then too or be in `cm_call_arena`.
 * A host function is plain sequential C on the request's coroutine and may wait (io/shard.h). */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "component/kind.h"

struct cm_call;
struct cm_instance;
struct cm_export;
struct cm_guest_resource;
struct cm_stream;
struct cm_future;
struct cm_type_desc;
struct cm_interface_desc;

struct cm_field_desc {
    const char *name;                /* the WIT name */
    const struct cm_type_desc *type; /* NULL: a case without payload, an enum case, a flag */
    uint32_t offset;                 /* in the C struct */
};

/* The C layout of a WIT type. Constant data, generated; also built at run time from a decoded type (component/dynamic.h). */
struct cm_type_desc {
    enum cm_kind kind;
    uint32_t size, align;                    /* of the C type */
    uint32_t count;                          /* fields, cases, flags; FIXED_LIST: its length */
    const struct cm_field_desc *fields;      /* RECORD, TUPLE, VARIANT, ENUM, FLAGS */
    const struct cm_type_desc *element;      /* LIST, FIXED_LIST, OPTION, STREAM, FUTURE; RESULT: ok; MAP: value; NULL: none */
    const struct cm_type_desc *second;       /* RESULT: err; MAP: key; NULL: none */
    uint32_t offset;                         /* OPTION: of value; RESULT, VARIANT: of the union; MAP: of value in the item */
    uint32_t item_size;                      /* LIST, MAP: size of one C item */
    const struct cm_resource_desc *resource; /* OWN, BORROW of a host resource; NULL: a guest's */
};

struct cm_resource_desc {
    const char *name;                          /* "input-stream" */
    const struct cm_interface_desc *interface; /* that defines it */
    /* Ends an object when its owned handle is dropped (call != NULL; may trap) or when the instance is torn down with the handle still in
     * its table (call == NULL: must not fail; order between objects is not defined, so parents and children count references). */
    enum status (*drop)(struct cm_call *call, void *object);
};

struct cm_func_desc {
    const char *name; /* "[method]input-stream.read" */
    bool is_async;
    uint32_t param_count;
    const struct cm_field_desc *params; /* offsets in the generated args struct */
    const struct cm_type_desc *result;  /* NULL: none */
    uint32_t args_size;                 /* sizeof of the args struct; <= CM_MAX_ARGS */
    /* Host functions: the generated adapter that spreads the args struct over the C function. NULL in exported interfaces. */
    enum status (*invoke)(struct cm_call *call, const void *args, void *ret);
};
#define CM_MAX_ARGS 1024

/* A type the interface exports by name ("resource input-stream" or "type error-code = ..."). */
struct cm_named_type_desc {
    const char *name;
    const struct cm_type_desc *type; /* NULL when it is a resource */
    const struct cm_resource_desc *resource;
};

struct cm_interface_desc {
    const char *name;    /* "wasi:io/streams" */
    const char *version; /* "0.2.12", or NULL */
    uint32_t func_count, type_count;
    const struct cm_func_desc *funcs;
    const struct cm_named_type_desc *types;
};

/* --- in a host function ------------------------------------------------------------------------------------------------------ */

struct cm_instance *cm_call_instance(const struct cm_call *call);
void *cm_call_env(const struct cm_call *call);     /* given to cm_linker_add */
struct arena *cm_call_arena(struct cm_call *call); /* results may live here; bounded by the call's copy budget */
/* Sets the guest's trap message and returns ST_TRAP. */
enum status cm_trap(struct cm_call *call, const char *format, ...) PRINTF(2, 3);
const struct cm_func_desc *cm_call_func(const struct cm_call *call);

/* Per-instance state of the host's parts, set by whoever instantiates. */
enum cm_data_slot { CM_DATA_WASI, CM_DATA_HOST, CM_DATA_PLUGINS, CM_DATA_TEST, CM_DATA_SLOTS };
void *cm_instance_data(const struct cm_instance *instance, enum cm_data_slot slot);
void cm_instance_set_data(struct cm_instance *instance, enum cm_data_slot slot, void *data);
static inline void *cm_call_data(const struct cm_call *call, enum cm_data_slot slot)
{
    return cm_instance_data(cm_call_instance(call), slot);
}

/* --- calling an export ------------------------------------------------------------------------------------------------------- */

/* Calls an export found by cm_export_find with the generated func's args struct; *ret (may be NULL without a result) gets the result.
 * What ret points to lives in the instance's arena until the next call of an export or the end of the instance.
 * Owned host objects in args belong to the guest from here on, even on failure.
 * ST_TRAP (the instance is poisoned), ST_CANCELLED, ST_LIMIT. Waits: yes. */
enum status cm_call_export(struct cm_instance *instance, const struct cm_export *function, const void *args, void *ret,
                           struct error *err) CHECKED;

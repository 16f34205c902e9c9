/* Wasmtime, wrapped: the only room that includes wasmtime.h.
 *
 * An engine is per process and thread-safe; modules and pre-instances are immutable and shared by all shards; a store belongs to
 * one shard and is entered by one coroutine at a time. Host functions are synchronous, unchecked and take an array of raw values in
 * place of arguments and results; a host function that waits simply calls io_wait, which parks the whole coroutine under the guest.
 * Nothing here looks up a name or builds a linker per request: everything is resolved when a module is loaded.
 *
 * Lifetimes: engine > modules > pre-instances and stores with instances of them; free the inner ones first. A pre-instance borrows
 * each host function's `env`.
 *
 * Where guests run: on coroutines of `coro_fiber`, where they can be parked, preempted and cancelled; or on a plain thread (tests,
 * tools), where they run until they return and a host function cannot wait. Never on coroutines of another kind.
 *
 * Failures of a call: ST_TRAP whenever guest code was left by a trap, whoever caused it, or found too little stack to start on;
 * engine_trap_kind and engine_trap_status say who and why. After a trap the store may be asked about it, looked at and freed;
 * whether it may be entered again is the caller's decision. Everything else (ST_LIMIT, ST_UNAVAILABLE, ST_INVALID) means that no
 * guest code ran. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "io/coro.h"

struct engine;
struct engine_module;
struct engine_pre; /* a module with all its imports bound to host functions: instantiates without look-ups */
struct engine_store;

union engine_raw { /* = wasmtime_val_raw_t */
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    uint8_t v128[16];
    void *ref;
};

enum engine_val_type {
    ENGINE_I32,
    ENGINE_I64,
    ENGINE_F32,
    ENGINE_F64,
    ENGINE_V128,
    ENGINE_FUNCREF,
    ENGINE_EXTERNREF,
    ENGINE_OTHERREF
};
enum engine_extern_kind { ENGINE_FUNC, ENGINE_TABLE, ENGINE_MEMORY, ENGINE_GLOBAL, ENGINE_TAG };

struct engine_func_type {
    const uint8_t *params, *results; /* enum engine_val_type each */
    uint32_t param_count, result_count;
};

/* The type of an import or export as the module's binary says it (engine/module_reader.h reads it; nothing is borrowed from
 * Wasmtime). */
struct engine_extern_type {
    enum engine_extern_kind kind;
    struct engine_func_type func;      /* FUNC, TAG */
    uint8_t val_type;                  /* GLOBAL, TABLE element */
    bool is_mutable, is_shared, is_64; /* GLOBAL; MEMORY; MEMORY and TABLE */
    bool has_max;
    uint64_t min, max;       /* MEMORY pages, TABLE elements */
    uint32_t page_size_log2; /* MEMORY: 16 unless custom page sizes */
    uint32_t type_index;     /* of FUNC, TAG in the module's type space */
    bool exact_type_known;   /* false for reference types the reader does not model (GC types) */
};
struct engine_import {
    struct str module, name;
    struct engine_extern_type type;
};
struct engine_export {
    struct str name;
    struct engine_extern_type type;
};

/* Plain-data handles into a store (mirrors of wasmtime_func_t and its kin): copy freely, use only with their store. */
struct engine_func {
    uint64_t store_id;
    void *private_;
};
struct engine_memory {
    uint64_t store_id;
    uint64_t private_[2];
};
struct engine_table {
    uint64_t store_id;
    uint64_t private_[2];
};
struct engine_global {
    uint64_t store_id;
    uint32_t private_[4];
};
struct engine_instance {
    uint64_t store_id;
    size_t private_;
};
struct engine_extern {
    uint8_t kind; /* enum engine_extern_kind */
    union {
        struct engine_func func;
        struct engine_memory memory;
        struct engine_table table;
        struct engine_global global;
        uint8_t raw[24];
    };
};

/* --- engine --------------------------------------------------------------------------------------------------------------- */

struct engine_options {
    unsigned max_instances;       /* core instances, memories, tables in the pool; 0: 1000. Probed; smaller pools, then on-demand */
    unsigned max_stacks;          /* coroutines of all shards; 0: 1000 */
    uint64_t max_memory_bytes;    /* of one linear memory; 0: 4 GiB */
    uint64_t keep_resident_bytes; /* 0: 16 MiB with PAGEMAP_SCAN, else 128 KiB */
    unsigned table_elements;      /* 0: 20000 */
    size_t wasm_stack_bytes;      /* 0: 512 KiB */
    size_t coroutine_stack_bytes; /* 0: 2 MiB */
    bool no_pooling, no_pagemap_scan, no_parallel_compilation, no_cache;
    bool count_fuel;       /* of guests, which makes them slower; see engine_store_fuel */
    const char *cache_dir; /* code cache folder; NULL: $XDG_CACHE_HOME/wash/code. Created 0700; a folder not ours is not used */
    unsigned proposals;    /* reserved for dev.wasm_proposals */
};
/* options may be NULL: all defaults. Without room for a pool, or without a usable cache folder, the engine does without (and says
 * so at debug). Fails: ST_INVALID options out of range. */
enum status engine_new(const struct engine_options *options, struct engine **ret_engine, struct error *err) CHECKED;
void engine_free(struct engine *engine);
bool engine_uses_pooling(const struct engine *engine);
bool engine_uses_pagemap_scan(const struct engine *engine);
bool engine_counts_fuel(const struct engine *engine);
const char *engine_version(void); /* "48.0.8" */
/* Interrupts every guest soon: the ticker's hook (io_set_tick_hook) points here. Any thread. */
void engine_tick(void *engine);

/* Coroutines on Wasmtime fibers: pass with the engine as env to io_shard_new. */
extern const struct coro_ops coro_fiber;

/* --- modules -------------------------------------------------------------------------------------------------------------- */

/* Compiles, or maps from the code cache. bytes: a core module's binary, borrowed for the call.
 * Fails: ST_INVALID with Wasmtime's message, ST_LIMIT a memory, table or instance that the pool cannot hold.
 * Blocking and slow: call it from io_offload or before serving. Any thread. */
enum status engine_module_new(struct engine *engine, struct str bytes, struct engine_module **ret_module,
                              struct error *err) CHECKED;
void engine_module_free(struct engine_module *module);
const struct engine_import *engine_module_imports(const struct engine_module *module, size_t *ret_count);
const struct engine_export *engine_module_exports(const struct engine_module *module, size_t *ret_count);
/* Validates without compiling. */
enum status engine_module_validate(struct engine *engine, struct str bytes, struct error *err) CHECKED;
/* Text to binary; also component text (tests and fixtures). ret_binary: initialised by the caller, who releases it; its content is
 * replaced. Fails: ST_INVALID, ST_LIMIT over ret_binary's maximum. */
enum status engine_wat2wasm(struct str text, struct buf *ret_binary, struct error *err) CHECKED;

/* --- host functions and pre-instances ------------------------------------------------------------------------------------- */

/* A host function. raw: arguments on entry, results on return (count = max of both). Returns ST_OK, or anything else to trap the
 * guest: then the store's pending error (engine_trap_set) says why. store: the calling store, entered. */
typedef enum status (*engine_host_fn)(void *env, struct engine_store *store, union engine_raw *raw, size_t count);
struct engine_host_func {
    engine_host_fn fn;
    void *env;
    struct engine_func_type type;
};
/* funcs: one per import of `module`, in order; all imports must be functions. Types are checked here.
 * Fails: ST_INVALID count, kind or type does not match; ST_UNSUPPORTED one name imported twice with two meanings, or a
 * garbage-collected type: bind such modules with engine_instantiate. */
enum status engine_pre_new(struct engine *engine, struct engine_module *module, const struct engine_host_func *funcs, size_t count,
                           struct engine_pre **ret_pre, struct error *err) CHECKED;
void engine_pre_free(struct engine_pre *pre);

/* --- stores --------------------------------------------------------------------------------------------------------------- */

struct engine_limits {     /* 0: the engine's own */
    uint64_t memory_bytes; /* of each memory */
    uint64_t table_elements;
    uint64_t instances, memories, tables;
};
/* data: found again by engine_store_data. Deleting a store that has an activation is a bug. */
enum status engine_store_new(struct engine *engine, void *data, const struct engine_limits *limits, struct engine_store **ret_store,
                             struct error *err) CHECKED;
void engine_store_free(struct engine_store *store);
void *engine_store_data(const struct engine_store *store);

/* Instantiation runs the start function, so it may trap (ST_TRAP) and is a switch point. Waits: yes.
 * Fails: ST_UNAVAILABLE the pool is used up (try later), ST_LIMIT over the store's limits, ST_INVALID imports of the wrong type. */
enum status engine_pre_instantiate(struct engine_pre *pre, struct engine_store *store, struct engine_instance *ret_instance,
                                   struct error *err) CHECKED;
/* As above. imports: in the module's order. */
enum status engine_instantiate(struct engine_module *module, struct engine_store *store, const struct engine_extern *imports,
                               size_t count, struct engine_instance *ret_instance, struct error *err) CHECKED;
/* index: of engine_module_exports. False past the last one, and for what a handle cannot hold (shared memories). Costs a little for
 * each export before it. */
bool engine_instance_export(struct engine_store *store, const struct engine_instance *instance, size_t index,
                            struct engine_extern *ret_extern);
/* By name: does not touch the exports before it, so it is the cheaper one from the third export on. */
bool engine_instance_export_named(struct engine_store *store, const struct engine_instance *instance, struct str name,
                                  struct engine_extern *ret_extern);
/* A store-bound function around a host function (slow: for modules that cannot use a pre-instance). */
enum status engine_func_new(struct engine_store *store, const struct engine_host_func *func, struct engine_func *ret_func,
                            struct error *err) CHECKED;

/* Calls a function: raw holds arguments, then results; count >= both. Types are not checked: the plan did.
 * ST_TRAP: err says the trap's message; the backtrace is in engine_trap_backtrace. Epochs, the stack check and io_guest_enter/leave
 * are handled here. Waits: yes. */
enum status engine_call(struct engine_store *store, const struct engine_func *func, union engine_raw *raw, size_t count,
                        struct error *err) CHECKED;

/* From a host function: why it returned something else than ST_OK. The message is what the guest's trap says. Returns `status`.
 * A host function that fails without it: after a call into the same store that trapped, that trap goes on outwards; with
 * ST_CANCELLED the kind is ENGINE_TRAP_INTERRUPT; else the message names the status. */
enum status engine_trap_set(struct engine_store *store, enum status status, const char *format, ...) PRINTF(3, 4);
enum engine_trap_kind {
    ENGINE_TRAP_NONE,
    ENGINE_TRAP_HOST /* engine_trap_set */,
    ENGINE_TRAP_STACK_OVERFLOW,
    ENGINE_TRAP_MEMORY,
    ENGINE_TRAP_UNREACHABLE,
    ENGINE_TRAP_INTERRUPT /* cancelled */,
    ENGINE_TRAP_OTHER,
};
/* About the store's last trap. The status that engine_trap_set was given survives the way through the guest. */
enum engine_trap_kind engine_trap_kind(const struct engine_store *store);
enum status engine_trap_status(const struct engine_store *store);
struct str engine_trap_backtrace(const struct engine_store *store); /* lines "  0: 0x1234 - name", "" when there is none */

uint8_t *engine_memory_data(struct engine_store *store, const struct engine_memory *memory, uint64_t *ret_size);
enum status engine_table_set(struct engine_store *store, const struct engine_table *table, uint64_t index,
                             const struct engine_func *func, struct error *err) CHECKED;
void engine_global_get(struct engine_store *store, const struct engine_global *global, union engine_raw *ret_value);
void engine_global_set(struct engine_store *store, const struct engine_global *global, union engine_raw value);
/* A function handle as a raw reference value (the `ref` of a funcref argument or result), and back; NULL is the null reference. */
void *engine_func_to_raw(struct engine_store *store, const struct engine_func *func);
bool engine_func_from_raw(struct engine_store *store, void *raw, struct engine_func *ret_func);
/* Bytes of all memories of the store's instances. Memories never shrink, so the present sizes are the peak. */
uint64_t engine_store_peak_memory(struct engine_store *store);

/* --- fuel ----------------------------------------------------------------------------------------------------------------- */

/* What guests have run in a store since it was made, or since its count was cleared, in Wasmtime's unit: 1 for entering a function
 * and for most instructions; 1 more for each byte or element of bulk ones; nothing for nop, drop, block, loop, else, end, return
 * and unreachable. The same code on the same data has the same number, interrupted or not. 0 where the engine does not count.
 * What a function ran since it began, or since it last called another one, is counted when it returns or calls; of one that was left
 * by a trap before that, it is not. So a guest that is cancelled in a loop without calls has the number of before the loop.
 * A store has 2^64 - 1 of it: no guest runs out by running. */
uint64_t engine_store_fuel(const struct engine_store *store);
/* No guest may be running in it. */
void engine_store_clear_fuel(struct engine_store *store);

/* --- images --------------------------------------------------------------------------------------------------------------- */

/* What a store's instances hold at one moment: the content of their memories, the values of their mutable globals. A store whose
 * instances came to be in the same way can be taken there, which makes them new for less than new ones cost: nothing is mapped,
 * unmapped or faulted in, only pages that differ are copied. Immutable; any thread may use it. Wants the kernel's PAGEMAP_SCAN. */
struct engine_image;

/* Fails: ST_UNSUPPORTED the kernel lacks what it takes, or an instance has state of other kinds (tables that code writes, references
 * in globals, shared memory); ST_LIMIT no memory. */
enum status engine_image_new(struct engine_store *store, struct engine_image **ret_image, struct error *err) CHECKED;
void engine_image_free(struct engine_image *image);

/* Takes a store that no guest is running in, and that has the same modules' instances in the same order, to the state of `image`.
 * max_bytes bounds the memory that the store keeps for itself (pages once written); ret_bytes is how much it is.
 * False if it cannot be, and then the store is of no more use: a memory has grown, or has more pages of its own than allowed or than
 * it seems to need, or the store has trapped. */
bool engine_store_reset(struct engine_store *store, const struct engine_image *image, uint64_t max_bytes, uint64_t *ret_bytes);

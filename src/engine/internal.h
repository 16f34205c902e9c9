/* What the files of this room share. Nothing outside src/engine includes it.
 *
 * The handles of engine.h are bytewise the handles of wasmtime.h (checked below), so they are cast, never copied field by field. */
#pragma once

#include "base/arena.h"
#include "base/vec.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/module_state.h"
#include <stdatomic.h>
#include <wasmtime.h>

_Static_assert(sizeof(union engine_raw) == sizeof(wasmtime_val_raw_t), "raw values differ");
_Static_assert(sizeof(struct engine_func) == sizeof(wasmtime_func_t), "function handles differ");
_Static_assert(sizeof(struct engine_memory) == sizeof(wasmtime_memory_t), "memory handles differ");
_Static_assert(sizeof(struct engine_table) == sizeof(wasmtime_table_t), "table handles differ");
_Static_assert(sizeof(struct engine_global) == sizeof(wasmtime_global_t), "global handles differ");
_Static_assert(sizeof(struct engine_instance) == sizeof(wasmtime_instance_t), "instance handles differ");
_Static_assert(sizeof(wasmtime_tag_t) <= sizeof(((struct engine_extern *)NULL)->raw), "tag handles differ");

/* What a coroutine needs below its frame before a store is entered on it for the first time: the guest's stack, and this for the
 * host functions under it. */
#define ENGINE_HOST_STACK_BYTES (256u << 10)

struct engine {
    wasm_engine_t *handle;
    struct engine_options options; /* defaults filled in; cache_dir is not kept */
    bool pooling, pagemap_scan;
    int pagemap;                     /* /proc/self/pagemap where PAGEMAP_SCAN works, else -1 */
    struct code_cache *cache;        /* NULL: none */
    wasmtime_linker_t *fiber_linker; /* engine/fiber.c's two functions */
};

struct engine_module {
    wasmtime_module_t *handle;
    struct arena arena;
    struct engine_import *imports;
    struct engine_export *exports;
    size_t import_count, export_count;
    struct module_state state;
};

/* Why a guest was left other than by returning. */
struct trap_report {
    enum engine_trap_kind kind;
    enum status status;
    bool pending;   /* engine_trap_set was called, the host function has not returned yet */
    bool in_flight; /* a host function or the epoch callback failed; the guest is being unwound */
    bool nested;    /* a call made by the running host function trapped */
    char message[sizeof((struct error *)NULL)->message];
    struct buf backtrace;
};

struct store_instance {
    const struct engine_module *module;
    struct engine_instance instance;
};

/* Handles of the memories and mutable globals of a store's instances, in the order of the instances and of their modules' states. */
struct store_state {
    struct engine_memory *memories;
    struct engine_global *globals;
    size_t memory_count, global_count;
};

struct engine_store {
    struct engine *engine;
    void *data;
    wasmtime_store_t *handle;
    wasmtime_context_t *context; /* the one that came with the innermost host call */
    struct coro *holder;         /* who entered it, while depth > 0; NULL on a plain thread */
    unsigned depth;              /* guest entries under way */
    bool in_epoch_callback;
    bool attention;              /* trap has a pending or nested report */
    struct trap_report *trap;    /* NULL until there is something to report */
    struct store_state *state;   /* NULL until it is taken back to an image for the first time */
    struct store_instance first; /* most stores have one */
    VEC(struct store_instance) others;
};

/* store.c: the instances of a store, in the order they were made. */
static inline size_t store_instance_count(const struct engine_store *store)
{
    return store->first.module ? 1 + store->others.len : 0;
}
static inline const struct store_instance *store_instance_at(const struct engine_store *store, size_t index)
{
    return index == 0 ? &store->first : &store->others.items[index - 1];
}

/* image.c */
void store_state_free(struct store_state *state);

struct host_binding {
    engine_host_fn fn;
    void *env;
};

struct engine_pre {
    struct engine_module *module;
    wasmtime_instance_pre_t *handle;
    struct host_binding *bindings; /* one per import; Wasmtime's closures point at them */
};

/* trap.c */
struct trap_report *trap_report_get(struct engine_store *store);
/* Records a failure whose unwinding starts now. */
void trap_begin(struct engine_store *store, enum engine_trap_kind kind, enum status status, const char *message);
/* A host function returned `status`: decides what the guest's trap says. */
wasm_trap_t *trap_from_host(struct engine_store *store, enum status status);
/* Takes what Wasmtime returned from a guest (one of the two), records it in the store and fills err. Returns ST_TRAP. */
enum status trap_finish(struct engine_store *store, wasmtime_error_t *error, wasm_trap_t *trap, struct error *err);
bool error_has_backtrace(const wasmtime_error_t *error);
/* Wasmtime's message in one line; deletes the error. */
enum status fail_wasmtime(struct error *err, enum status status, wasmtime_error_t *error, const char *what);

/* call.c */
wasm_functype_t *functype_new(const struct engine_func_type *type, struct error *err); /* NULL: a type the C API cannot say */
wasm_trap_t *host_call(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *raw, size_t count);
void host_binding_free(void *binding);

/* fiber.c */
enum status fiber_setup(struct engine *engine, struct error *err) CHECKED;
void fiber_guest_enter(struct coro *coro);
void fiber_guest_leave(struct coro *coro);

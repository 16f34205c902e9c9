/* The canonical ABI: values between guest memory, core values and C structs.
 *
 * When a component is loaded, the parameters and the result of each function are compiled into *programs*: flat arrays of small
 * operations with all offsets worked out ("load the byte at 12, store it at 8", "string at slot 3"). At run time one interpreter
 * runs a program over two addresses; scalars are a load and a store each, nested records are part of their parent's program, and
 * only lists and very large types recurse. Three directions exist: guest to C (lift), C to guest (lower), and guest to guest
 * without any value in between (copy).
 *
 * Each end of a program has a form. MEMORY: an address in linear memory. C: a struct laid out as a `cm_type_desc` says. FLAT: an
 * array of raw core values; it is read and written as memory with 16-byte slots, of which loads take the low bytes (so upper bits
 * and the widenings of joined variants are ignored) and stores fill the low 64, zero-extended.
 *
 * A call goes like this (`abi` compiled once; contexts and scopes live in the frame of the call):
 *   guest calls host     cm_abi_call_host, which is: cm_abi_lift_params; desc->invoke; cm_abi_lower_result; scope released
 *   host calls guest     cm_abi_lower_params; engine_call; cm_abi_lift_result; cm_call_scope_check; post-return; scope released
 *   guest calls guest    cm_abi_copy_params; engine_call; cm_abi_copy_result; cm_call_scope_check; post-return; scope released
 * What the caller does: may-leave and re-entrance checks, tasks, post-return, poisoning. Every failure is ST_TRAP with Wasmtime's
 * wording in *err (between two guests with its prefix "wasm trap: "), or what realloc or a host function returned; after one the
 * instance must not be entered again. Nothing that the host owns leaks: `own` values that got stuck half-way are dropped.
 *
 * Programs are immutable and may be run by any thread; a context belongs to one call. Programs and what they point to (types,
 * descriptors, resources) live as long as the arena of the compiler. Source: CanonicalABI.md, "Loading" to "Lifting and Lowering
 * Values". Only 32-bit memories. */
#pragma once

#include "base/arena.h"
#include "component/handles.h"
#include "component/host.h"
#include "component/ir.h" /* enum cm_encoding */
#include "component/types.h"
#include "engine/engine.h"

/* --- one guest's side of a call --------------------------------------------------------------------------------------------- */

struct cm_guest;

/* How the ABI reaches a guest; a test may put plain memory behind it. */
struct cm_guest_ops {
    /* Sets memory and memory_size as they are now; size 0 when the memory does not exist yet. Called at the start of a conversion
     * that needs memory and after each realloc. */
    void (*refresh)(struct cm_guest *guest);
    /* Calls the `realloc` option, as a task of its own in which the instance may not leave. ST_TRAP when it traps. Waits: yes. */
    enum status (*realloc)(struct cm_guest *guest, uint32_t old, uint32_t old_size, uint32_t align, uint32_t new_size,
                           uint32_t *ret_address, struct error *err);
};

struct cm_guest {
    const struct cm_guest_ops *ops; /* the rest of what it needs: embed this struct */
    uint8_t *memory;
    uint64_t memory_size;
    enum cm_encoding encoding;
    bool copies; /* lifting copies strings and lists to the arena, for guests that may run on while the value is in use: results of
                    exports, arguments of async calls. false: views of guest memory where possible */
    bool between_guests;                        /* wording of traps: a guest is on the other side too */
    struct cm_handles *handles;                 /* of the component instance */
    struct cm_call_scope *scope;                /* lifting params: borrows are lent to it; lowering params: counts them */
    struct cm_guest_resources *guest_resources; /* of the root instance; NULL if its guest resources never meet the host */
    struct arena *arena;                        /* lifted strings, lists */
    uint64_t budget_bytes;                      /* what this call may still copy: counts down */
};

#define CM_COPY_BUDGET_DEFAULT (128ull << 20)

/* --- compiling -------------------------------------------------------------------------------------------------------------- */

struct cm_compiler;
struct cm_program;

/* Shares programs of equal types between functions: all of one type store. arena: holds everything that comes out; its maximum
 * bounds the programs (ST_LIMIT). resources: what ids in the types mean. */
struct cm_compiler *cm_compiler_new(struct arena *arena, const struct cm_resource *resources, uint32_t resource_count);
void cm_compiler_free(struct cm_compiler *compiler); /* programs stay */

struct cm_func_abi {
    const struct cm_program *params, *result; /* NULL: there are none */
    const struct cm_func_desc *desc;          /* NULL between guests */
    struct cm_core_signature lower, lift;     /* core types of the caller's import and of the callee's export; of those there are */
    uint8_t out_pointer;                      /* slot of the caller's parameters that says where the result goes */
    uint32_t result_size;                     /* of the C result; 0: none */
};

/* A host function called by a guest. context: CM_ABI_LOWER_SYNC or CM_ABI_LOWER_ASYNC. desc must describe the type: ST_INVALID says
 * where it does not. */
enum status cm_abi_compile_import(struct cm_compiler *compiler, const struct cm_func_type *type, const struct cm_func_desc *desc,
                                  enum cm_abi_context context, struct cm_func_abi *ret_abi, struct error *err) CHECKED;
/* A guest's function called by the host. context: CM_ABI_LIFT_*; for the async ones the result is what task.return is given. */
enum status cm_abi_compile_export(struct cm_compiler *compiler, const struct cm_func_type *type, const struct cm_func_desc *desc,
                                  enum cm_abi_context context, struct cm_func_abi *ret_abi, struct error *err) CHECKED;
/* A guest's function called by a guest. */
enum status cm_abi_compile_fused(struct cm_compiler *compiler, const struct cm_func_type *type, enum cm_abi_context lower,
                                 enum cm_abi_context lift, struct cm_func_abi *ret_abi, struct error *err) CHECKED;

/* Whether `desc` is the C side of `type`: ST_INVALID names the first difference ("field `x`: expected u32, found string").
 * `resources` as for the compiler; the resources of handles are compared by descriptor. */
enum status cm_abi_match_type(const struct cm_type *type, const struct cm_type_desc *desc, const struct cm_resource *resources,
                              struct error *err) CHECKED;
enum status cm_abi_match_func(const struct cm_func_type *type, const struct cm_func_desc *desc, const struct cm_resource *resources,
                              struct error *err) CHECKED;

/* --- running ---------------------------------------------------------------------------------------------------------------- */

/* raw: the core arguments; afterwards raw[0] is the core result, if there is one. Lifts, invokes abi->desc->invoke(call, ...),
 * lowers and releases caller->scope, which the caller of this has initialised. */
enum status cm_abi_call_host(const struct cm_func_abi *abi, struct cm_guest *caller, struct cm_call *call, union engine_raw *raw,
                             struct error *err) CHECKED;

/* The steps of it. args, ret: C structs of desc's layout. raw: the caller's core arguments in both. */
enum status cm_abi_lift_params(const struct cm_func_abi *abi, struct cm_guest *caller, const union engine_raw *raw, void *args,
                               struct error *err) CHECKED;
enum status cm_abi_lower_result(const struct cm_func_abi *abi, struct cm_guest *caller, const void *ret, union engine_raw *raw,
                                struct error *err) CHECKED;

/* Calls into a guest. raw: room for the core arguments, at least abi->lift.param_count and 1. For lift_result: core results, or the
 * arguments of task.return. Lowered `own` arguments belong to the guest from here on, even on failure. */
enum status cm_abi_lower_params(const struct cm_func_abi *abi, struct cm_guest *callee, const void *args, union engine_raw *raw,
                                struct error *err) CHECKED;
enum status cm_abi_lift_result(const struct cm_func_abi *abi, struct cm_guest *callee, const union engine_raw *raw, void *ret,
                               struct error *err) CHECKED;

/* Between guests. caller_raw: the caller's core arguments (for copy_result also where its core result goes: slot 0). callee_raw: as
 * raw above. */
enum status cm_abi_copy_params(const struct cm_func_abi *abi, struct cm_guest *caller, const union engine_raw *caller_raw,
                               struct cm_guest *callee, union engine_raw *callee_raw, struct error *err) CHECKED;
enum status cm_abi_copy_result(const struct cm_func_abi *abi, struct cm_guest *callee, const union engine_raw *callee_raw,
                               struct cm_guest *caller, union engine_raw *caller_raw, struct error *err) CHECKED;

/* Drops the host objects owned by a C value that will not be passed on. */
void cm_abi_discard(const struct cm_type_desc *desc, void *value);

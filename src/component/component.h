/* Components: load, link, instantiate.
 *
 *   bytes -> cm_component_load -> component (decoded, validated, planned, core modules compiled; immutable, shared by all shards)
 *   component + linker         -> cm_link -> linked (imports resolved to host functions; immutable, one per workload)
 *   linked                     -> cm_instantiate -> instance (stores, handle tables, arena; one shard's, one request's or warm)
 *
 * Everything keyed by text is resolved by cm_link; an instance costs a store, an instantiation and an arena from the shard's pool.
 * Source: Component Model, Explainer.md, Binary.md, CanonicalABI.md (snapshot of 2026-08-21; see component-model gates in limits.h). */
#pragma once

#include "component/host.h"
#include "engine/engine.h"

struct cm_component;
struct cm_linker;
struct cm_linked;

/* --- load ---------------------------------------------------------------------------------------------------------------------- */

struct cm_load_options {
    bool no_elide;  /* keep shim and fixup modules (WASH_NO_ELIDE=1) */
    uint32_t gates; /* enum cm_gate bits (limits.h) of unfinished features to accept; 0: what the specification enables */
};
/* bytes: borrowed for the call. ST_INVALID: malformed or invalid, the message names the offset and the rule. ST_LIMIT: over a bound.
 * Compiles core modules: slow unless cached; run it on a worker (io_offload) or before serving. Any thread. */
enum status cm_component_load(struct engine *engine, struct str bytes, const struct cm_load_options *options,
                              struct cm_component **ret_component, struct error *err) CHECKED;
struct cm_component *cm_component_ref(struct cm_component *component);
void cm_component_unref(struct cm_component *component);

struct cm_component_item {
    struct str name; /* "wasi:http/types@0.2.12", or a plain name */
    enum { CM_ITEM_FUNC, CM_ITEM_INSTANCE, CM_ITEM_TYPE, CM_ITEM_MODULE, CM_ITEM_COMPONENT, CM_ITEM_VALUE } kind;
};
const struct cm_component_item *cm_component_imports(const struct cm_component *component, size_t *ret_count);
const struct cm_component_item *cm_component_exports(const struct cm_component *component, size_t *ret_count);

/* --- link ---------------------------------------------------------------------------------------------------------------------- */

/* A set of host interfaces. Build it once, then link any number of components with it; it must outlive what it linked.
 * Names match exactly first, else by semver track, the highest registered version of a track winning; then the structure is checked:
 * the host may offer more than a component imports, not less. A plain name is looked for as it is, then as the interface it says it
 * `implements`; what the root imports outside of instances comes from the interface whose name is "". Resources are compared by
 * descriptor: interfaces that share one must point to the same. */
enum status cm_linker_new(struct cm_linker **ret_linker);
void cm_linker_free(struct cm_linker *linker);
enum status cm_linker_add(struct cm_linker *linker, const struct cm_interface_desc *interface, void *env,
                          struct error *err) CHECKED;

/* ST_NOT_FOUND: "component imports instance `X`, but a matching implementation was not found in the linker"; ST_INVALID: found, but the
 * types differ (the message names function and type). linked keeps a reference to component. */
enum status cm_link(struct cm_component *component, struct cm_linker *linker, struct cm_linked **ret_linked,
                    struct error *err) CHECKED;
void cm_linked_free(struct cm_linked *linked); /* no instance may be left */
struct cm_component *cm_linked_component(const struct cm_linked *linked);

/* An exported function: `interface` is the exported instance's name ("wasi:http/incoming-handler", matched by semver track against
 * desc's version), or NULL for a function of the root. `desc` gives the C layout of arguments and result and is checked against the
 * export's type. ST_NOT_FOUND, ST_INVALID. The result lives as long as linked. */
enum status cm_export_find(struct cm_linked *linked, const struct cm_interface_desc *interface, const struct cm_func_desc *desc,
                           const struct cm_export **ret_export, struct error *err) CHECKED;

/* The same for callers without bindings (scripts, `wash call`): the descriptor is made from the export's type (dynamic.h).
 * interface: empty for a function of the root. */
enum status cm_export_open(struct cm_linked *linked, struct str interface, struct str name, const struct cm_export **ret_export,
                           struct error *err) CHECKED;
const struct cm_func_desc *cm_export_desc(const struct cm_export *function);

/* --- instantiate ---------------------------------------------------------------------------------------------------------------- */

struct cm_instance_options {
    struct engine_limits limits;
    uint64_t copy_budget_bytes; /* per host call; 0: 128 MiB */
    uint32_t max_handles;       /* per component instance; 0: 1 << 20 */
    void *data[CM_DATA_SLOTS];
};
/* options: NULL for the defaults. Runs start functions: may trap (ST_TRAP; nothing is left of the instance then). ST_UNAVAILABLE: the
 * engine's pool is exhausted; ST_LIMIT: it wants more than the options allow. limits.memory_bytes holds for each memory. Waits: yes. */
enum status cm_instantiate(struct cm_linked *linked, const struct cm_instance_options *options, struct cm_instance **ret_instance,
                           struct error *err) CHECKED;
/* Drops what is left in its handle tables (host resources' drop with call == NULL; guest destructors do not run), then its stores. */
void cm_instance_free(struct cm_instance *instance);
/* Ends a guest's resource that the host owns (a result of type own<R>): runs the guest's destructor, if it has one. ST_TRAP; fails
 * while it is lent to a call. Waits: yes. */
enum status cm_guest_resource_drop(struct cm_instance *instance, struct cm_guest_resource *object, struct error *err) CHECKED;
bool cm_instance_poisoned(const struct cm_instance *instance);        /* it trapped: never call into it again */
struct str cm_instance_backtrace(const struct cm_instance *instance); /* of the trap that poisoned it */
enum engine_trap_kind cm_instance_trap_kind(const struct cm_instance *instance);
uint64_t cm_instance_peak_memory(const struct cm_instance *instance);
/* What its guests, in all its stores, have run since it was made or renewed; engine_store_fuel says in which unit, and what is left
 * out. Making it is not counted: a call has the same number in an instance made for it and in one used before. */
uint64_t cm_instance_fuel(const struct cm_instance *instance);
struct cm_linked *cm_instance_linked(const struct cm_instance *instance);

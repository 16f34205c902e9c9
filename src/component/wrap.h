/* Makes a component of a core module.
 *
 * A module built for a world carries it in custom sections whose names start with `component-type`; its imports and exports have
 * names that say which function of the world each is. What it imports becomes imports of the component, reduced to what is used
 * and lowered for it; what the world exports is lifted from it. Imports that need the module's own memory go through the shim and
 * fixup modules that break that circle. The result is decoded and validated before it is handed out.
 *
 * An adapter is a module that offers functions of an older interface, as WASI preview 1 is, in terms of a world of its own. It
 * works in the main module's memory, and is cut down to what the main module imports of it.
 *
 * Names are those that guests' binding generators and linkers use, wit-component's "legacy" scheme, or those of BuildTargets.md;
 * threads and 64-bit memories are not supported. No engine is needed and no code is compiled. Any thread. Source: BuildTargets.md
 * and CanonicalABI.md (component-model); wit-component 0.263 for names, the shape of the shim, and what is done to adapters. */
#pragma once

#include "base/buf.h"
#include "wit/encode.h"

struct cm_adapter {
    struct str name;  /* the module name that it stands behind: "wasi_snapshot_preview1" */
    struct str bytes; /* a core module with a `component-type` section */
};

struct cm_wrap_options {
    const struct cm_adapter *adapters;
    size_t adapter_count;
    const struct wit_producer *producer; /* for the section `producers`, or NULL */
};

/* Appends the component to `out`, whose maximum bounds it.
 * module   a core module; an adapter that it imports nothing from, and that exports nothing, is left out
 * options  may be NULL
 * Fails: ST_INVALID not a core module, or its imports and exports are not those of its world (the message names one);
 * ST_UNSUPPORTED; ST_LIMIT. `out` is then unchanged. Waits: no. */
enum status cm_wrap_module(struct str module, const struct cm_wrap_options *options, struct buf *out, struct error *err) CHECKED;

/* Whether `module` imports anything from `name`, exports `name`, or says for which world it was built; false for what is no core
 * module. Tells a module of WASI preview 1 ("wasi_snapshot_preview1") and a command ("_start") apart from others. */
bool cm_module_imports(struct str module, struct str name);
bool cm_module_exports(struct str module, struct str name);
bool cm_module_has_world(struct str module);

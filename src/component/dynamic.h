/* Descriptors made at run time: the C side of a type that is known only from a component.
 *
 * Generated bindings describe their C structs with constant `cm_type_desc` tables. Callers that have no bindings (the script
 * runner, `wash call`) get the same tables built from the decoded type, with the layout a C compiler would give the struct that
 * host.h prescribes, and then use the same compiled code as everybody else. Equal types give the same descriptor. Field names are
 * NUL-ended copies. Everything lives in the arena; one thread at a time. */
#pragma once

#include "base/arena.h"
#include "component/handles.h"
#include "component/host.h"
#include "component/types.h"

struct cm_dynamic {
    struct arena *arena;
    const struct cm_resource *resources;
    const struct cm_type_desc **by_type; /* by id of the type */
    uint32_t type_count;
};

/* resources: what resource ids in the types mean. */
void cm_dynamic_init(struct cm_dynamic *dynamic, struct arena *arena, const struct cm_resource *resources);
void cm_dynamic_release(struct cm_dynamic *dynamic); /* descriptors stay, in the arena */

/* ST_LIMIT: the arena is full, or the C struct would be larger than 256 MiB. ST_UNSUPPORTED: error-context. */
enum status cm_dynamic_type(struct cm_dynamic *dynamic, const struct cm_type *type, const struct cm_type_desc **ret_desc,
                            struct error *err) CHECKED;
/* A function's descriptor without `invoke`: arguments in order in one struct of args_size bytes (here not bounded by CM_MAX_ARGS).
 */
enum status cm_dynamic_func(struct cm_dynamic *dynamic, struct str name, const struct cm_func_type *type,
                            const struct cm_func_desc **ret_desc, struct error *err) CHECKED;

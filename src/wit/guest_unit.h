/* What the generators of guest bindings share: the places where the types of a world are, and how values are passed.
 *
 * What a name means depends on where it is used: an interface that a world imports and exports has two sets of types. A `unit` is
 * such a place. Names and flattened types live in the arena given. Source: component-model CanonicalABI.md, "Flattening". */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "wit/model.h"

#define GUEST_MAX_FLAT_PARAMS 16u /* core values that arguments are passed in; more go through memory */

/* An interface as the world imports or exports it, or the world's own items. */
struct guest_unit {
    const struct wit_interface *interface; /* NULL: the world's own */
    bool exported;
    const char *module;                /* its name in the component: "wasi:http/incoming-handler@0.2.12" */
    const struct wit_world_item *item; /* NULL: the world's own */
    const char *prefix;                /* in C, of names: "exports_wasi_http_incoming_handler" */
    struct go_package *package;        /* in Go */
};

enum core_type { CORE_I32, CORE_I64, CORE_F32, CORE_F64 };

/* The core values that a type, or a list of them, is passed in. */
struct flat {
    enum core_type items[GUEST_MAX_FLAT_PARAMS + 1]; /* the last one: a result beside 16 parameters */
    size_t len;
    bool over; /* more than fit */
};

struct guest_units {
    const struct wit_model *model;
    const struct wit_world *world;
    struct arena *arena;
    struct guest_unit own;
    VEC(struct guest_unit *) imports;
    VEC(struct guest_unit *) exports;
    struct map imports_by_key,
        exports_by_key;        /* wit_interface_key -> struct guest_unit *, of those that go under their full name */
    const struct flat **flats; /* of types, by their ids */
};

/* Finds the units of the world, in its order; they have no names yet. All arguments are borrowed. */
void guest_units_init(struct guest_units *units, const struct wit_model *model, const struct wit_world *world, struct arena *arena);
void guest_units_release(struct guest_units *units);

/* The model has other versions of this package: its version must be in names. */
bool guest_has_versions(const struct guest_units *units, const struct wit_package *package);
/* Where the name of `type` is defined, as `unit` sees it; `unit` itself if the type has none. NULL: not part of the world. */
const struct guest_unit *guest_unit_of(const struct guest_units *units, const struct guest_unit *unit, const struct wit_type *type);
/* What an alias finally stands for; *unit becomes the place of that. Of types whose names are all part of the world. */
const struct wit_type *guest_unit_root(const struct guest_units *units, const struct guest_unit **unit,
                                       const struct wit_type *type);

const struct flat *guest_flat_of(struct guest_units *units, const struct wit_type *type);
void guest_flat_append(struct flat *list, const struct flat *more);
/* Of a function's parameters, one after another; `over` if they are more than fit. */
struct flat guest_flat_params(struct guest_units *units, const struct wit_function *function);
/* A result that is passed in more than one core value goes through memory. `result` may be NULL. */
bool guest_in_memory(struct guest_units *units, const struct wit_type *result);
/* Cases and flags are kept in 1, 2 or 4 bytes, by how many there are. */
unsigned guest_integer_bytes(const struct wit_type *type);

/* Documentation as comment lines. A line must end where it does, whatever the text ends with. */
void guest_docs(struct buf *out, const char *indent, struct str docs);

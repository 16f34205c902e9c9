/* The guest generator's insides, shared by guest.c (what is generated, the two files), guest_name.c (names of types),
 * guest_type.c (definitions of types, what frees them), guest_resource.c, guest_function.c (signatures and bodies) and guest_flat.c
 * (values to and from core values).
 *
 * Names are NUL-ended and live in the generator's arena. Every function here that takes a type takes the unit in whose text it stands
 * (guest_unit.h).
 * The texts are proportional to the model but for the code that takes variants apart: `effort` bounds that. */
#pragma once

#include "base/vec.h"
#include "wit/c_name.h"
#include "wit/guest.h"
#include "wit/guest_unit.h"

#define GUEST_MAX_NAME 2000u        /* characters of an anonymous type's C name */
#define GUEST_MAX_EFFORT (1u << 17) /* statements of all functions together */

/* What is known of a type, kept by its id. */
struct type_facts {
    enum { FACT_UNKNOWN, FACT_NO, FACT_YES } frees, has_memory;
};

struct guest {
    struct guest_units units;
    struct error *err;
    struct arena arena;
    const char *world_name; /* "my_world" */
    struct map prefixes;    /* -> struct guest_unit *: no two may share one */
    struct map symbols;     /* C names taken -> const char *, what by */
    struct map defined;     /* unit and named type -> itself */
    struct map anonymous;   /* C names of types without a name -> their definition as text */
    struct map firsts;      /* package and words of a nameless result -> its first C name, without "_t" */
    struct map areas;       /* C types of results returned in memory -> their number + 1 */
    struct type_facts *facts;
    const char *subject; /* "function `f` of `a:b/c`": what an error is about */
    bool uses_strings;
    size_t effort;
    struct buf types;     /* header: types and constants */
    struct buf functions; /* header: prototypes */
    struct buf helpers;   /* header: what frees, drops, makes handles */
    struct buf core;      /* source: declarations of core imports and exports */
    struct buf helping;   /* source: bodies of the helpers */
    struct buf adapters;  /* source: bodies of imports, wrappers of exports */
};

/* guest.c */
/* Fails if something else has the name; what takes it is g->subject. */
enum status guest_take_symbol(struct guest *g, const char *name) CHECKED;

/* guest_name.c. */
const char *guest_member(struct guest *g, struct str name); /* a member or parameter: snake case, away from C's words */
/* As guest_unit_of and guest_unit_root. */
static inline const struct guest_unit *guest_owner(const struct guest *g, const struct guest_unit *unit,
                                                   const struct wit_type *type)
{
    return guest_unit_of(&g->units, unit, type);
}
static inline const struct wit_type *guest_root(const struct guest *g, const struct guest_unit **unit, const struct wit_type *type)
{
    return guest_unit_root(&g->units, unit, type);
}
/* No part of the type has a name, so that it means the same in every interface. Such types have the world's name in theirs, but those
 * with results. */
bool guest_is_nameless(const struct wit_type *type, bool with_results);
/* The C name of a type without its "_t": "wasi_io_streams_stream_error". Not for primitives. */
enum status guest_type_stem(struct guest *g, const struct guest_unit *unit, const struct wit_type *type,
                            const char **ret_stem) CHECKED;
/* The C type, "wasi_io_streams_stream_error_t" or "uint8_t". For types that guest_define_type accepted. */
const char *guest_c_type(struct guest *g, const struct guest_unit *unit, const struct wit_type *type);
const char *guest_handle_stem(struct guest *g, const struct guest_unit *owner, const struct wit_type *resource, bool own);

/* guest_type.c */
bool guest_first_time(struct guest *g, const struct guest_unit *unit, const struct wit_type *named);
/* Writes the type and what it is made of, once. */
enum status guest_define_type(struct guest *g, const struct guest_unit *unit, const struct wit_type *type) CHECKED;
/* The function that frees what a value refers to, or NULL if there is nothing. */
const char *guest_free_function(struct guest *g, const struct guest_unit *unit, const struct wit_type *type);
bool guest_has_memory(struct guest *g, const struct wit_type *type); /* text or a list is in it */
const char *guest_integer(const struct wit_type *type);              /* C type of an enum, flags, or the tag of a variant */

/* guest_resource.c */
/* Declares a function that the module exports; `head` is its declaration but for the semicolon. */
void guest_declare_export(struct guest *g, const char *export_name, const char *head);
enum status guest_define_resource(struct guest *g, const struct guest_unit *unit, const struct wit_type *resource) CHECKED;

/* guest_flat.c */
static inline const struct flat *guest_flatten(struct guest *g, const struct wit_type *type)
{
    return guest_flat_of(&g->units, type);
}
const char *guest_core_type(enum core_type type);
/* Writes statements that declare the variables c__<at> and on, whose core types are those of `slots`, and put the C value `value`
 * into them. */
void guest_lower(struct guest *g, struct buf *out, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                 const char *value, const struct flat *slots, size_t at);
/* The reverse: sets the C lvalue `value` from the variables. */
void guest_lift(struct guest *g, struct buf *out, unsigned indent, const struct guest_unit *unit, const struct wit_type *type,
                const char *value, const struct flat *slots, size_t at);

/* guest_function.c */
enum status guest_import(struct guest *g, const struct guest_unit *unit, const struct wit_function *function) CHECKED;
enum status guest_export(struct guest *g, const struct guest_unit *unit, const struct wit_function *function) CHECKED;

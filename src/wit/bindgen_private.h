/* The generator's insides, shared by bindgen.c (what is generated, functions, interfaces), bindgen_name.c (names), bindgen_type.c
 * (C types) and bindgen_table.c (descriptors of types).
 * Names are NUL-ended and live in the generator's arena. The texts have no bound of their own: they are proportional to the model,
 * since the one thing that could multiply, the name of a type without a name, is bounded by MAX_TAG. */
#pragma once

#include "base/vec.h"
#include "wit/bindgen.h"
#include "wit/c_name.h"

#define MAX_TAG 2000u /* characters of an anonymous type's C name */

enum unit_role { UNIT_HOST = 1, UNIT_GUEST = 2 };

/* An interface, or the items of a world that belong to no interface. */
struct unit {
    const struct wit_interface *interface;
    const struct wit_world *world; /* set for inline interfaces and a world's own items */
    struct str label;              /* of an inline interface */
    const char *prefix;            /* "wasi_io_streams" */
    unsigned roles;                /* enum unit_role bits */
    bool external;                 /* declared in an included header */
};

struct generator {
    const struct wit_model *model;
    const struct wit_bindgen_options *options;
    struct error *err;
    struct arena arena;
    VEC(struct unit *) units;
    struct map units_by_key;  /* interface or world key -> struct unit * */
    struct map prefixes;      /* prefix -> struct unit *: no two may share one */
    struct map tags, symbols; /* C names taken, in C's two name spaces -> const char *, what by */
    struct map anonymous;     /* tag of an anonymous type -> its members, so that no two types share a tag */
    struct map descriptors;   /* key of a type -> C expression of its descriptor */
    struct map emitted;       /* C types already written */
    uint32_t descriptor_count;
    struct buf types;      /* header: C types */
    struct buf prototypes; /* header: functions and tables */
    struct buf tables;     /* source: descriptors of types */
    struct buf functions;  /* source: adapters, functions, interfaces */
};

/* c_name.h, in the generator's arena. */
#define gen_printf(g, ...) c_printf(&(g)->arena, __VA_ARGS__)
static inline const char *gen_snake(struct generator *g, struct str name)
{
    return c_snake(&g->arena, name);
}
static inline const char *gen_upper(struct generator *g, struct str name)
{
    return c_upper(&g->arena, name);
}
static inline const char *gen_c_string(struct generator *g, struct str text)
{
    return c_string(&g->arena, text);
}

/* bindgen_name.c */
/* A member or parameter: snake case, away from C's words. */
const char *gen_member(struct generator *g, struct str name);
/* Takes `name`, or `name_`, ... if it is taken. */
const char *gen_take_symbol(struct generator *g, const char *name);
enum status gen_take_tag(struct generator *g, const char *name, struct str what) CHECKED;

/* bindgen_type.c. The names of a type may be asked for once gen_define_type accepted it. */
struct unit *gen_unit_of(const struct generator *g, const struct wit_type *type); /* that defines its name */
const char *gen_type_name(struct generator *g, const struct wit_type *type); /* "wasi_io_streams_stream_error", of a named type */
const char *gen_resource_name(struct generator *g, const struct wit_type *handle); /* NULL: a guest's resource */
bool gen_is_guest_resource(const struct generator *g, const struct wit_type *resource);
enum status gen_define_type(struct generator *g, const struct wit_type *type) CHECKED; /* writes it and what it needs, once */
const char *gen_tag(struct generator *g, const struct wit_type *type); /* "struct cm_list_u8", "enum x", of what has one */
const char *gen_c_type(struct generator *g,
                       const struct wit_type *type); /* with a space or star behind it: "uint32_t ", "struct x *" */
const char *gen_c_type_alone(struct generator *g, const struct wit_type *type); /* for sizeof */
static inline bool gen_has_own_name(const struct wit_type *type)
{
    return type->kind == WIT_RECORD || type->kind == WIT_VARIANT || type->kind == WIT_ENUM || type->kind == WIT_FLAGS;
}

/* bindgen_table.c */
enum status gen_descriptor(struct generator *g, const struct wit_type *type, const char **ret_expression) CHECKED;

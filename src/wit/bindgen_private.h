/* The generator's insides, shared by bindgen.c (what is generated, functions, interfaces), bindgen_name.c (names) and
 * bindgen_type.c (C types and their descriptors). Text goes into buffers without bound: it is proportional to the model. */
#pragma once

#include "base/vec.h"
#include "wit/bindgen.h"

enum unit_role { UNIT_HOST = 1, UNIT_GUEST = 2 };

/* An interface, or the items of a world that belong to no interface. */
struct unit {
    const struct wit_interface *interface;
    const struct wit_world *world; /* set for inline interfaces and a world's own items */
    struct str label;              /* of an inline interface */
    struct str prefix;             /* "wasi_io_streams" */
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
    struct map tags, symbols; /* C names taken -> what by */
    struct map anonymous;     /* tag of an anonymous type -> its key, so that no two types share a tag */
    struct map descriptors;   /* key of a type -> C expression of its descriptor */
    struct map emitted;       /* tag -> anything, of C types already written */
    uint32_t descriptor_count;
    struct buf types;      /* header: C types */
    struct buf prototypes; /* header: functions and tables */
    struct buf tables;     /* source: descriptors of types */
    struct buf functions;  /* source: adapters, functions, interfaces */
};

/* bindgen_name.c */
struct str gen_printf(struct generator *g, const char *format, ...) PRINTF(2, 3);
struct str gen_snake(struct generator *g, struct str name); /* "get-URL" -> "get_url" */
struct str gen_upper(struct generator *g, struct str name); /* "get-URL" -> "GET_URL" */
/* A member or parameter: snake case, away from C's words. */
struct str gen_member(struct generator *g, struct str name);
/* Takes `name`, or `name_`, ... if it is taken, in one of the two name spaces of C. */
struct str gen_take_symbol(struct generator *g, struct str name);
enum status gen_take_tag(struct generator *g, struct str name, struct str what) CHECKED;
struct str gen_c_string(struct generator *g, struct str text); /* with quotes */

/* bindgen_type.c */
struct unit *gen_unit_of(const struct generator *g, const struct wit_type *type); /* that defines its name */
struct str gen_type_name(struct generator *g, const struct wit_type *type); /* "wasi_io_streams_stream_error", of a named type */
bool gen_is_guest_resource(const struct generator *g, const struct wit_type *resource);
/* The C type, with a space or star behind it: "uint32_t ", "struct x *". */
struct str gen_c_type(struct generator *g, const struct wit_type *type);
bool gen_by_pointer(const struct wit_type *type);                                      /* a struct that goes by const pointer */
enum status gen_define_type(struct generator *g, const struct wit_type *type) CHECKED; /* writes it and what it needs, once */
enum status gen_descriptor(struct generator *g, const struct wit_type *type, struct str *ret_expression) CHECKED;

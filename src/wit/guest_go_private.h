/* The Go generator's insides, shared by guest_go.c (packages and files), guest_go_name.c (names, Go types, what is refused),
 * guest_go_layout.c (where values lie), guest_go_value.c (values to and from memory and core values), guest_go_type.c (definitions)
 * and guest_go_function.c.
 *
 * Names and expressions are NUL-ended and live in the generator's arena. Every function that takes a type takes the unit in whose WIT
 * it stands; what is written is for g->package, which may be another. Names made up here have an underscore inside, which no name of
 * WIT becomes. The texts are proportional to the model but for types that stand for others without a name: `effort` bounds that. */
#pragma once

#include "wit/c_name.h"
#include "wit/guest_go.h"
#include "wit/guest_unit.h"

#define GO_MAX_EFFORT (1u << 16) /* types written; parts of values put into memory, taken from it, described */
/* Of a value in memory, without what it points to. Go has several on its stack, up to sixteen times as large, and no more than 1 GiB. */
#define GO_MAX_TYPE_BYTES (1u << 22)

struct go_package {
    const char *path;   /* below the folder of the bindings: "wasi/http/types" */
    const char *name;   /* "types" */
    const char *alias;  /* what other packages call it; no other has the same */
    struct map symbols; /* Go names taken -> const char *, what by */
    struct map uses;    /* aliases of packages that the text refers to -> struct go_package * */
    struct buf text, exports;
};

struct go_shape {
    uint64_t size;
    uint32_t align;
    uint32_t payload; /* where that of a variant, option or result begins */
};

struct go {
    struct guest_units units;
    struct error *err;
    struct arena arena;
    struct str import_path;
    struct go_package *package; /* that is written now */
    struct map paths;           /* -> struct guest_unit *: no two may share one */
    struct map aliases;         /* taken -> itself */
    struct map checked;         /* unit and type -> itself */
    struct map tuples;          /* how many elements, as text -> itself */
    struct go_shape **shapes;   /* of types, by their ids */
    const char *subject;        /* "function `f` of `a:b/c`": what an error is about */
    size_t effort;
};

/* --- guest_go_name.c --- */

const char *go_public(struct arena *arena, struct str name); /* "get-url" -> "GetURL" */
bool go_is_word(const char *name);                           /* Go's own, or one that generated code has a use for */
/* A WIT namespace or package as a folder: "Wasi" -> "wasi"; "internal" -> "internal_", which the go command lets others import. */
const char *go_folder(struct arena *arena, struct str name);
/* Parameter names that hide nothing: "get-url" -> "getURL", away from Go's words and packages. */
const char *go_param(struct go *g, struct str name);
/* "incoming-handler" -> "incominghandler"; what no package can be called has the WIT package's name in front: "ioerror". */
const char *go_package_name(struct arena *arena, struct str package, struct str name);
/* Fails if something else of the package has the name; what takes it is g->subject. */
enum status go_take_symbol(struct go *g, const char *name) CHECKED;
/* A name of the package of `owner`: "types.Fields", or "Fields" in that package itself. */
const char *go_qualified(struct go *g, const struct guest_unit *owner, const char *name);
/* The same of a type's own name, with something before it: "types.Lower_Fields". */
const char *go_named(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *before);
/* Refuses what Go guests cannot use, and types of interfaces that the world does not have. */
enum status go_check_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type) CHECKED;
/* The Go type. For types that were checked. */
const char *go_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type);
/* What a name for a type without one stands for. */
const char *go_type_body(struct go *g, const struct guest_unit *unit, const struct wit_type *type);
const char *go_payload_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type); /* NULL: "wit.Unit" */
/* "*types.Fields", or the interface of a resource that the component has. */
const char *go_handle_type(struct go *g, const struct guest_unit *unit, const struct wit_type *resource, bool *ret_exported);
bool go_is_nilable(const struct wit_type *type); /* its Go type has a nil that is no value */

/* --- guest_go_layout.c --- */

const struct go_shape *go_shape_of(struct go *g, const struct wit_type *type);
/* Moves *offset past a part at the next place that fits; returns that place. */
uint64_t go_place(struct go *g, uint64_t *offset, const struct wit_type *type);
unsigned go_tag_bytes(const struct wit_type *type); /* of a variant, option or result */
/* Of all parameters in memory. */
struct go_shape go_params_shape(struct go *g, const struct wit_function *function);
/* An expression: a pointer to the wit.Layout of a type that is passed in core values. */
const char *go_layout(struct go *g, const struct guest_unit *unit, const struct wit_type *type);
/* The wit.Layout itself, of a record or variant. */
const char *go_layout_body(struct go *g, const struct guest_unit *unit, const struct wit_type *type);

/* --- guest_go_value.c --- */

bool go_is_scalar(const struct wit_type *type); /* passed in one core value, by an expression */
/* Writes statements that put the value `v` at `p`, an expression of a place; or an expression of what lies there. */
void go_lower(struct go *g, struct buf *out, const struct guest_unit *unit, const struct wit_type *type, const char *v,
              const char *p);
const char *go_lift(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *p);
/* "p+8" */
const char *go_at(struct go *g, const char *p, uint64_t offset);
/* The core value of a scalar, and back. */
const char *go_to_core(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *v);
const char *go_from_core(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *c);
const char *go_core_type(enum core_type type);
const char *go_from_bits(struct go *g, enum core_type type, const char *bits); /* a core value of an element of wit.Cores */
const char *go_to_bits(struct go *g, enum core_type type, const char *core);

/* --- guest_go_type.c --- */

enum status go_define_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type) CHECKED;

/* --- guest_go_function.c --- */

enum status go_import(struct go *g, const struct guest_unit *unit, const struct wit_function *function) CHECKED;
enum status go_export(struct go *g, const struct guest_unit *unit, const struct wit_function *function) CHECKED;
/* "(name string, value []byte) error", of what a component writes; without `self` of a method. */
const char *go_signature(struct go *g, const struct guest_unit *unit, const struct wit_function *function);
const char *go_function_name(struct go *g, const struct wit_function *function); /* "Get", "NewFields", "FieldsFromList" */

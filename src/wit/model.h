/* The resolved model of WIT: packages, interfaces, worlds, types and functions, with every name bound to what it names.
 *
 * Design: one arena owns everything, so parts point at each other freely and die together; what order things have in a list is the
 * order they are printed in. The resolver (`wit/load.h`) builds models from text; others (a component decoder) build them with the
 * functions below, in any order, and print them (`wit/print.h`) or generate bindings from them (`wit/bindgen.h`).
 * Threading: a model is built by one thread; once built it is only read and may be shared.
 * Ownership: text given to these functions is borrowed and must live as long as the model; `arena_str(&model->arena, s)` copies.
 * Limits: `wit_model_check_size` tells when a builder that follows untrusted input must stop (WIT_MAX_ITEMS); types deeper than
 * WIT_MAX_TYPE_DEPTH are refused by printer and generator.
 * Source: component-model WIT.md, "Item: world" to "Handles". */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "wit/name.h"

#define WIT_MAX_TYPE_DEPTH 100u      /* a type in a type, through names as well */
#define WIT_MAX_INTERFACE_DEPTH 500u /* an interface using a type of an interface that uses ... */
#define WIT_MAX_PACKAGES 1024u
#define WIT_MAX_ITEMS (1u << 20) /* types, fields, functions, parameters and world items of one model together */

/* A growing array in the model's arena. */
#define WIT_VEC(type)                                                                                                              \
    struct {                                                                                                                       \
        type *items;                                                                                                               \
        size_t len, capacity;                                                                                                      \
    }
#define wit_vec_push(arena, vec, item)                                                                                             \
    do {                                                                                                                           \
        if ((vec)->len == (vec)->capacity)                                                                                         \
            (vec)->items = wit_vec_grow(arena, (vec)->items, &(vec)->capacity, (vec)->len, sizeof *(vec)->items);                  \
        (vec)->items[(vec)->len++] = (item);                                                                                       \
    } while (0)
void *wit_vec_grow(struct arena *arena, const void *items, size_t *capacity, size_t len, size_t item_size);

enum wit_kind {
    WIT_BOOL,
    WIT_S8,
    WIT_U8,
    WIT_S16,
    WIT_U16,
    WIT_S32,
    WIT_U32,
    WIT_S64,
    WIT_U64,
    WIT_F32,
    WIT_F64,
    WIT_CHAR,
    WIT_STRING,
    WIT_ERROR_CONTEXT, /* the primitives: see wit_primitive */
    WIT_LIST,
    WIT_FIXED_LIST,
    WIT_OPTION,
    WIT_RESULT,
    WIT_TUPLE,
    WIT_MAP,
    WIT_STREAM,
    WIT_FUTURE,
    WIT_OWN,
    WIT_BORROW,
    WIT_RECORD,
    WIT_VARIANT,
    WIT_ENUM,
    WIT_FLAGS,
    WIT_RESOURCE, /* always named */
    WIT_ALIAS,    /* `type a = b`, and what `use` brings in */
    WIT_KIND_COUNT,
};

enum wit_gate { WIT_UNGATED, WIT_SINCE, WIT_UNSTABLE };

struct wit_stability {
    enum wit_gate gate;
    struct wit_version since;
    struct str feature;
    struct wit_version deprecated; /* not set: not deprecated */
};

/* What may be written before an item. */
struct wit_notes {
    struct str docs; /* lines separated by '\n', without comment marks; empty: none */
    struct wit_stability stability;
    struct str external_id;
    bool has_external_id;
};

struct wit_interface;
struct wit_world;

struct wit_field {   /* of a record, variant, enum, flags or tuple */
    struct str name; /* empty in a tuple */
    struct str docs;
    const struct wit_type *type; /* NULL: a case without payload, an enum case, a flag */
};

struct wit_type {
    enum wit_kind kind;
    uint32_t id;    /* counts up in a model; 0 for primitives */
    uint32_t depth; /* 0: refers to no other type */
    bool has_borrow;
    struct str name; /* empty: anonymous */
    struct wit_notes notes;
    struct wit_interface *interface; /* who defined the name: one of these two, or neither if anonymous */
    struct wit_world *world;
    union {
        const struct wit_type *first;
        const struct wit_type *element;  /* list, fixed list, option; stream and future: NULL without payload */
        const struct wit_type *ok;       /* result: NULL for `_` */
        const struct wit_type *key;      /* map */
        const struct wit_type *resource; /* own, borrow: a resource, or an alias of one */
        const struct wit_type *target;   /* alias */
    };
    union {
        const struct wit_type *second;
        const struct wit_type *err;   /* result: NULL for none */
        const struct wit_type *value; /* map */
    };
    uint32_t length;                  /* fixed list */
    WIT_VEC(struct wit_field) fields; /* record, variant, enum, flags, tuple */
};

enum wit_function_kind { WIT_FREESTANDING, WIT_METHOD, WIT_STATIC, WIT_CONSTRUCTOR };

struct wit_param {
    struct str name;
    const struct wit_type *type;
};

struct wit_function {
    enum wit_function_kind kind;
    bool is_async;
    struct str name;                  /* as components name it: "[method]blob.read" */
    struct str item;                  /* as WIT text names it: "read"; empty for a constructor */
    const struct wit_type *resource;  /* NULL if freestanding */
    WIT_VEC(struct wit_param) params; /* a method's `self` included */
    const struct wit_type *result;    /* NULL: none; a constructor's is own<resource>, or a result of it */
    struct wit_notes notes;
};

struct wit_interface {
    struct str name; /* empty: written inside a world */
    struct wit_package *package;
    struct wit_notes notes; /* no external id */
    WIT_VEC(struct wit_type *) types;
    WIT_VEC(struct wit_function *) functions; /* a resource's among them */
    uint32_t depth;                           /* longest chain of `use`; kept by the resolver */
    struct map type_names;                    /* name -> struct wit_type * */
    struct map function_names;                /* name -> struct wit_function * */
    struct map uses;  /* interfaces that `use` brings types from, in order of first use; by wit_interface_key */
    const void *self; /* its own address; see wit_interface_key */
};

enum wit_item_kind { WIT_ITEM_INTERFACE, WIT_ITEM_FUNCTION, WIT_ITEM_TYPE };

struct wit_world_item {
    enum wit_item_kind kind;
    struct str name;        /* the plain name; empty: an interface under its own full name */
    struct wit_notes notes; /* of an interface item; functions and types carry their own */
    struct wit_interface *interface;
    struct wit_function *function;
    struct wit_type *type;
};

struct wit_items { /* a WIT_VEC with an index: only the functions below change it */
    struct wit_world_item *items;
    size_t len, capacity;
    struct map names; /* wit_world_item_key -> position + 1 */
};

struct wit_world {
    struct str name;
    struct wit_package *package;
    struct wit_notes notes;   /* no external id */
    struct wit_items imports; /* types defined in or used by the world among them */
    struct wit_items exports;
};

struct wit_package {
    struct str ns, name;
    struct wit_version version;
    struct str full_name; /* "ns:name@version" */
    struct str docs;
    WIT_VEC(struct wit_interface *) interfaces;
    WIT_VEC(struct wit_world *) worlds;
    struct map interface_names; /* name -> struct wit_interface * */
    struct map world_names;     /* name -> struct wit_world * */
    int sort_state;             /* of wit_model_sort_packages */
};

struct wit_model {
    struct arena arena;
    WIT_VEC(struct wit_package *) packages;     /* from text: what a package depends on comes before it */
    WIT_VEC(struct wit_interface *) interfaces; /* of all packages, inline ones included */
    WIT_VEC(struct wit_world *) worlds;
    struct map package_names; /* full name -> struct wit_package * */
    uint32_t type_count, item_count;
};

void wit_model_init(struct wit_model *model);
void wit_model_release(struct wit_model *model); /* frees every part; harmless on a zeroed or released model */

/* ST_LIMIT once the model holds more than WIT_MAX_ITEMS; call it between items of untrusted input. */
enum status wit_model_check_size(const struct wit_model *model, struct error *err) CHECKED;

/* Packages. `version` may be NULL. Adding one that exists returns that one. */
struct wit_package *wit_package_add(struct wit_model *model, struct str ns, struct str name, const struct wit_version *version);
struct wit_package *wit_package_find(const struct wit_model *model, struct str full_name);
struct wit_interface *wit_package_interface(const struct wit_package *package, struct str name);
struct wit_world *wit_package_world(const struct wit_package *package, struct str name);

/* Orders the packages so that each comes after those whose types its interfaces use, in order of first need; `last`, if not NULL,
 * goes to the end. This is the order that wit-component prints a decoded component's packages in.
 * Fails: ST_INVALID if packages depend on each other in a circle. */
enum status wit_model_sort_packages(struct wit_model *model, struct wit_package *last, struct error *err) CHECKED;

/* An empty `name` makes an interface for use inside a world; it is listed in no package. */
struct wit_interface *wit_interface_add(struct wit_model *model, struct wit_package *package, struct str name);
/* "ns:name/interface@version"; empty for an inline one. */
struct str wit_interface_id(struct wit_model *model, const struct wit_interface *interface);
/* A key for maps that no name can equal. */
static inline struct str wit_interface_key(const struct wit_interface *interface)
{
    return str_n((const char *)&interface->self, sizeof interface->self);
}
struct wit_world *wit_world_add(struct wit_model *model, struct wit_package *package, struct str name);

/* Types. Primitives are shared by all models. The rest starts anonymous; `first` and `second` are as in struct wit_type (for
 * WIT_FIXED_LIST set `length` after). A reference to a resource by value is WIT_OWN of it, also where the text says only its name.
 */
const struct wit_type *wit_primitive(enum wit_kind kind);
struct wit_type *wit_type_new(struct wit_model *model, enum wit_kind kind, const struct wit_type *first,
                              const struct wit_type *second);
/* The new field, to add docs to; valid until the next call. */
struct wit_field *wit_type_add_field(struct wit_model *model, struct wit_type *type, struct str name, const struct wit_type *field);
/* Names `type` and lists it in the interface or world. Fails: ST_EXISTS if the name is taken there. */
enum status wit_interface_define(struct wit_model *model, struct wit_interface *interface, struct str name, struct wit_type *type,
                                 struct error *err) CHECKED;
enum status wit_world_define(struct wit_model *model, struct wit_world *world, struct str name, struct wit_type *type,
                             struct error *err) CHECKED;
struct wit_type *wit_interface_type(const struct wit_interface *interface, struct str name);

/* What an alias finally stands for; any other type is returned as it is. */
const struct wit_type *wit_type_root(const struct wit_type *type);
bool wit_is_composite(const struct wit_type *type); /* made of values of other types: in C a struct, which goes by const pointer */
/* The interface that `type` was brought from by `use`, or NULL if it was not. */
struct wit_interface *wit_type_used_from(const struct wit_type *type);
bool wit_kind_is_primitive(enum wit_kind kind);
const char *wit_kind_name(enum wit_kind kind); /* "list" */

/* Functions. `name` is the component-level name, which tells the kind: "run", "[method]r.m", "[static]r.m", "[constructor]r".
 * `resource` is the type of that resource, NULL for a freestanding function. */
struct wit_function *wit_function_new(struct wit_model *model, struct str name, const struct wit_type *resource);
void wit_function_add_param(struct wit_model *model, struct wit_function *function, struct str name, const struct wit_type *type);
void wit_function_set_result(struct wit_function *function, const struct wit_type *type);
/* Lists `function`. Fails: ST_EXISTS. */
enum status wit_interface_add_function(struct wit_model *model, struct wit_interface *interface, struct wit_function *function,
                                       struct error *err) CHECKED;
struct wit_function *wit_interface_function(const struct wit_interface *interface, struct str name);

/* World items. With an empty `name` the interface goes under its own full name; with one it is inline, or `name: path`
 * ("implements") if the interface has a name itself. Names must not repeat: ask wit_items_find first where the input is untrusted.
 * The item is returned to add notes to; valid until the next call. */
struct wit_world_item *wit_world_add_interface(struct wit_model *model, struct wit_world *world, bool import, struct str name,
                                               struct wit_interface *interface);
struct wit_world_item *wit_world_add_function(struct wit_model *model, struct wit_world *world, bool import,
                                              struct wit_function *function);
struct wit_world_item *wit_items_add(struct wit_model *model, struct wit_items *items, struct wit_world_item item);
/* By plain name, or by interface if `name` is empty; NULL if there is none. */
struct wit_world_item *wit_items_find(const struct wit_items *items, struct str name, const struct wit_interface *interface);

/* Inside the decoder: the state of one cm_decode, and the scopes that definitions are added to.
 *
 * Decoding is one pass: each definition is read, validated against what came before it, and appended. A *scope* is what definitions
 * stand in: a component's body, or a component or instance type written out. Scopes nest; `cm_decoder.scope` is the innermost.
 * Results go to the arena (bounded: `cm_alloc` and its kin fail with ST_LIMIT), the growing lists of open scopes to the heap; a
 * failed decode just closes the scopes that are left open.
 *
 * Types are compared, not rewritten: the check of an argument against an import binds abstract resources on either side
 * (`cm_subtyping`). Rewriting (`cm_substitute`) happens where fresh resources come into being. Every step of these walks is paid
 * from `work`, which bounds what a small binary can cost. One thread. Source: Binary.md, Explainer.md; the same rules as the
 * reference validator where the text leaves room. */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "component/idmap.h"
#include "component/ir.h"
#include "component/reader.h"

enum scope_kind { SCOPE_COMPONENT, SCOPE_COMPONENT_TYPE, SCOPE_INSTANCE_TYPE };

/* The imports, or the exports, of a scope so far. */
struct extern_list {
    VEC(struct cm_named_extern) items;
    struct map names;          /* strong-uniqueness key -> name in the arena */
    struct idmap types;        /* deftypes visible by name to whoever sees these */
    struct idmap resources;    /* deftype of a resource among these -> its name (a struct str in the arena) */
    struct map resource_names; /* the same names */
};

struct cm_scope {
    struct cm_scope *parent;
    enum scope_kind kind;
    struct cm_body *body; /* COMPONENT */
    uint32_t depth;       /* of scopes */
    VEC(struct cm_def) defs;
    VEC(struct cm_extern) items[CM_SORT_COUNT];
    struct extern_list imports, exports;
    VEC(struct cm_resource_path) imported;
    VEC(uint32_t) defined; /* resources that do not come from imports: defined here, by instances made here, exported in a type */
    struct idmap local;    /* those of them that are defined here: their representation is known */
};

struct cm_decoder {
    struct arena *arena;
    struct cm_types *types;
    uint32_t gates;
    struct error *err;
    struct cm_scope *scope;
    size_t offset; /* of the definition being decoded */
    uint32_t type_count, resource_count, def_count, body_count, module_count;
    uint32_t work; /* steps spent */
    const struct cm_deftype *primitives[CM_ERROR_CONTEXT + 1];
    struct str package_docs, wit_encoding;
    struct cm_def scratch; /* takes what is said of definitions inside types, which are no definitions */
};

/* --- errors and memory (decode.c) ------------------------------------------------------------------------------------ */

/* ST_INVALID with "(at offset 0x1b)". */
enum status cm_invalid(struct cm_decoder *d, const char *format, ...) PRINTF(2, 3);
enum status cm_over_limit(struct cm_decoder *d, const char *format, ...) PRINTF(2, 3);
/* Adds the offset to an error that something without a notion of it made. */
enum status cm_located(struct cm_decoder *d, enum status status);
enum status cm_require_gate(struct cm_decoder *d, enum cm_gate gate, const char *what) CHECKED;
enum status cm_spend(struct cm_decoder *d, uint64_t steps) CHECKED;
/* For looking a name up, or comparing it. */
static inline uint32_t cm_name_cost(struct str name)
{
    return 1 + (uint32_t)name.len / 64;
}
enum status cm_spend_path(struct cm_decoder *d, const struct cm_resource_path *path) CHECKED;
/* Zeroed memory of the arena. */
enum status cm_alloc(struct cm_decoder *d, size_t count, size_t item_size, void *ret_pointer) CHECKED;
enum status cm_keep(struct cm_decoder *d, const void *items, size_t count, size_t item_size, void *ret_pointer) CHECKED;

/* --- scopes (scope.c) ------------------------------------------------------------------------------------------------ */

enum status cm_scope_open(struct cm_decoder *d, enum scope_kind kind) CHECKED;
void cm_scope_close(struct cm_decoder *d); /* the innermost */
/* Appends an item to its index space. */
enum status cm_scope_push(struct cm_decoder *d, struct cm_extern item) CHECKED;
/* The item at an index, which is checked. */
enum status cm_scope_item(struct cm_decoder *d, const struct cm_scope *scope, enum cm_sort sort, uint32_t index,
                          struct cm_extern *ret_item) CHECKED;
enum status cm_scope_type(struct cm_decoder *d, uint32_t index, enum cm_deftype_kind kind,
                          const struct cm_deftype **ret_type) CHECKED;
/* Starts a definition that appends to `sort`: call before the push. Filled by the caller; valid until the next one. NULL in types.
 */
enum status cm_scope_define(struct cm_decoder *d, enum cm_def_kind kind, enum cm_sort sort, struct cm_def **ret_def) CHECKED;
enum status cm_scope_component_type(struct cm_decoder *d, const struct cm_deftype **ret_type) CHECKED; /* of what is in the scope */
enum status cm_scope_instance_type(struct cm_decoder *d, const struct cm_deftype **ret_type) CHECKED;

enum status cm_externs_make(struct cm_decoder *d, const struct cm_named_extern *items, size_t count,
                            struct cm_externs *ret_externs) CHECKED;
enum status cm_core_exports_make(struct cm_decoder *d, const struct engine_export *items, size_t count,
                                 struct cm_core_exports *ret_exports) CHECKED;

/* Both lists are the arena's. Fails on names that repeat. */
enum status cm_module_type_make(struct cm_decoder *d, const struct engine_import *imports, size_t import_count,
                                const struct engine_export *exports, size_t export_count,
                                const struct cm_module_type **ret_module) CHECKED;

/* --- types (deftype.c) ----------------------------------------------------------------------------------------------- */

const char *cm_deftype_text(enum cm_deftype_kind kind); /* "resource" */
/* A deftype like `proto`, with its own id; its measures (depth, weight, has_resource) are computed unless it has a weight, and
 * bounded. */
enum status cm_deftype_new(struct cm_decoder *d, const struct cm_deftype *proto, const struct cm_deftype **ret_type) CHECKED;
/* A new name for `type`. */
enum status cm_deftype_alias(struct cm_decoder *d, const struct cm_deftype *type, const struct cm_deftype **ret_type) CHECKED;
/* A value or function type out of its named parts, which the arena owns. */
struct value_shape {
    enum cm_kind kind;
    const struct cm_part *parts;
    uint32_t part_count;
    const struct cm_deftype *element, *second;
    uint32_t length; /* FIXED_LIST */
};
enum status cm_deftype_value(struct cm_decoder *d, const struct value_shape *shape, const struct cm_deftype *alias_of,
                             const struct cm_deftype **ret_type) CHECKED;
enum status cm_deftype_func(struct cm_decoder *d, bool is_async, const struct cm_part *params, uint32_t param_count,
                            const struct cm_deftype *result, const struct cm_deftype *alias_of,
                            const struct cm_deftype **ret_type) CHECKED;
enum status cm_deftype_resource(struct cm_decoder *d, uint32_t resource, const struct cm_deftype *alias_of,
                                const struct cm_deftype **ret_type) CHECKED;
enum status cm_resource_fresh(struct cm_decoder *d, uint32_t *ret_resource) CHECKED;
enum status cm_primitive(struct cm_decoder *d, enum cm_kind kind, const struct cm_deftype **ret_type) CHECKED;

/* Adds the resources that `item` refers to, and does not bind itself, to `set`. */
enum status cm_free_resources(struct cm_decoder *d, struct cm_extern item, struct idmap *set) CHECKED;
/* Where each of `resources` is found in the exports: paths in the order of `resources`; path NULL where it is not. */
enum status cm_resource_paths(struct cm_decoder *d, const struct cm_externs *exports, const uint32_t *resources, size_t count,
                              struct cm_resource_path *ret_paths) CHECKED;
/* The resource at a path of names, looked for in `externs`; false if something else, or nothing, is there. */
bool cm_resource_at(const struct cm_externs *externs, const struct str *path, uint32_t path_len, uint32_t *ret_resource);

/* --- substitution (substitute.c) ------------------------------------------------------------------------------------- */

struct cm_substitution {
    struct idmap resources; /* id -> id */
    struct idmap types;     /* deftype id -> deftype: given renamings, and the memo */
    bool renames;           /* types were given: not only those that mention a resource can change */
};
void cm_substitution_release(struct cm_substitution *substitution);
enum status cm_substitute(struct cm_decoder *d, struct cm_substitution *substitution, const struct cm_deftype *type,
                          const struct cm_deftype **ret_type) CHECKED;
enum status cm_substitute_externs(struct cm_decoder *d, struct cm_substitution *substitution, const struct cm_externs *externs,
                                  struct cm_externs *ret_externs) CHECKED;
/* The instance type with fresh resources for those it binds: the type of an instance that exists. */
enum status cm_freshen(struct cm_decoder *d, const struct cm_deftype *instance, const struct cm_deftype **ret_type,
                       const struct cm_resource_path **ret_introduced) CHECKED; /* as many as were bound */

/* --- subtyping (subtype.c) ------------------------------------------------------------------------------------------- */

struct subtyping_undo {
    uint32_t side, resource, before;
    bool was_bound;
};
struct cm_subtyping {
    struct cm_decoder *d;
    struct idmap bindings[2]; /* of the resources of either side, to ids that both sides agree on */
    VEC(struct subtyping_undo) undo;
};
void cm_subtyping_release(struct cm_subtyping *s);
void cm_subtyping_bind(struct cm_subtyping *s, unsigned side, uint32_t resource, uint32_t to);
/* Whether `a`, of side `side`, may stand where `b`, of the other side, is expected. The message says where they differ. */
enum status cm_subtype(struct cm_subtyping *s, unsigned side, struct cm_extern a, struct cm_extern b) CHECKED;
enum status cm_core_subtype(struct cm_decoder *d, const struct engine_extern_type *a, const struct engine_extern_type *b) CHECKED;

/* --- imports and exports (externs.c) --------------------------------------------------------------------------------- */

enum status cm_read_extern_name(struct cm_decoder *d, struct cm_reader *r, struct cm_extern_name *ret_name) CHECKED;
/* Checks name and type against each other and against the list, and appends. */
enum status cm_extern_list_add(struct cm_decoder *d, struct extern_list *list, const char *what, const struct cm_extern_name *name,
                               struct cm_extern item) CHECKED;
void cm_extern_list_release(struct extern_list *list);
/* Names the types of an imported or exported item; fails where it mentions a type that has no name there. */
enum status cm_make_visible(struct cm_decoder *d, bool import, struct str name, struct cm_extern item) CHECKED;

/* --- what sections hold ---------------------------------------------------------------------------------------------- */

enum status cm_decode_core_module(struct cm_decoder *d, struct str bytes) CHECKED;
enum status cm_decode_core_instance(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_core_type(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_instance(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_alias(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_type(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_canon(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_import(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_export(struct cm_decoder *d, struct cm_reader *r) CHECKED;
enum status cm_decode_export_decl(struct cm_decoder *d, struct cm_reader *r) CHECKED; /* in a type: no item, only its type */
enum status cm_read_value_type(struct cm_decoder *d, struct cm_reader *r, const struct cm_deftype **ret_type) CHECKED;
enum status cm_read_result_list(struct cm_decoder *d, struct cm_reader *r,
                                const struct cm_deftype **ret_type) CHECKED; /* NULL: none */
/* A component-level sort as one or two bytes. */
enum status cm_read_sort(struct cm_decoder *d, struct cm_reader *r, const char *what, enum cm_sort *ret_sort) CHECKED;
enum status cm_core_sort_parse(struct cm_reader *r, uint8_t byte, const char *what, enum cm_sort *ret_sort) CHECKED;

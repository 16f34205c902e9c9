/* The syntax tree of one WIT file, as written: no name is resolved yet. Used between parser and resolver only.
 *
 * Everything is in one arena (the model's, so that names and docs need no copy). Lists are WIT_VECs in source order.
 * Bounds: ST_LIMIT past WIT_MAX_ITEMS nodes of all files of a load together, and past WIT_MAX_TYPE_DEPTH nested types.
 * Source: component-model WIT.md, "Top-level items" to "Types". */
#pragma once

#include "wit/model.h"
#include "wit/source.h"

struct ast_id {
    struct str name;
    struct wit_pos pos;
};

/* The attributes before an item. */
struct ast_gate {
    struct wit_pos pos; /* of the first; source NULL: none */
    struct wit_stability stability;
    struct str external_id;
    bool has_external_id;
};

struct ast_path { /* `name` or `ns:package/name@version` */
    bool qualified;
    struct ast_id ns, package, name;
    struct wit_version version;
    struct str full_package; /* "ns:package@version", if qualified */
};

struct ast_field {
    struct ast_id id;
    struct str docs;
    struct ast_type *type; /* NULL: none */
};

/* A type as written. `kind` is WIT_ALIAS for a reference to a name (`id`). */
struct ast_type {
    enum wit_kind kind;
    struct wit_pos pos;
    struct ast_id id;                /* WIT_ALIAS: the name; WIT_OWN, WIT_BORROW: the resource */
    struct ast_type *first, *second; /* as in struct wit_type */
    uint32_t length;
    WIT_VEC(struct ast_field) fields;
    WIT_VEC(struct ast_function *) functions; /* of a resource */
};

struct ast_function {
    enum wit_function_kind kind;
    bool is_async;
    struct ast_id id; /* a constructor's is the keyword */
    struct str docs;
    struct ast_gate gate;
    WIT_VEC(struct ast_field) params;
    struct ast_type *result; /* NULL: none */
};

struct ast_rename {            /* `name` or `name as alias` */
    struct ast_id name, alias; /* alias is `name` again if not given */
};

enum ast_item_kind { AST_USE, AST_TYPE, AST_FUNCTION, AST_IMPORT, AST_EXPORT, AST_INCLUDE };
enum ast_extern_kind { AST_EXTERN_PATH, AST_EXTERN_NAMED_PATH, AST_EXTERN_FUNCTION, AST_EXTERN_INLINE };

typedef WIT_VEC(struct ast_item *) ast_items;

struct ast_item { /* of an interface or world */
    enum ast_item_kind kind;
    enum ast_extern_kind extern_kind; /* import, export */
    struct ast_id id;                 /* type: its name; import, export: the plain name */
    struct str docs;
    struct ast_gate gate;
    struct ast_path path;             /* use, include, import, export */
    WIT_VEC(struct ast_rename) names; /* use, include */
    struct ast_type *type;
    struct ast_function *function;
    ast_items inline_items; /* import, export of an inline interface */
};

enum ast_decl_kind { AST_INTERFACE, AST_WORLD, AST_TOP_USE };

struct ast_decl { /* at the top of a file or nested package */
    enum ast_decl_kind kind;
    struct ast_id id; /* of a `use`: the name it introduces */
    struct str docs;
    struct ast_gate gate;
    ast_items items;
    struct ast_path path; /* use */
};

struct ast_package_id {
    struct wit_pos pos;
    struct str ns, name, full_name;
    struct wit_version version;
    struct str docs;
};

/* One file, or one nested package: what shares `use` declarations. */
struct ast_file {
    const struct wit_source *source;
    bool has_package;
    struct ast_package_id package;
    WIT_VEC(struct ast_decl *) decls;
    WIT_VEC(struct ast_file *) nested; /* `package x:y { ... }` */
};

/* Parses `source` into `arena`. *node_count counts over several files. Fails: ST_INVALID, ST_LIMIT. */
enum status wit_parse(struct arena *arena, const struct wit_source *source, uint32_t *node_count, struct ast_file **ret_file,
                      struct error *err) CHECKED;

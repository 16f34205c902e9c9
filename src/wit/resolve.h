/* The resolver's insides, shared by load.c (files, packages), resolve.c (interfaces), resolve_type.c (types, functions),
 * resolve_world.c (worlds, include) and elaborate.c (what worlds need besides what they say).
 *
 * Packages are resolved one by one after those they refer to, straight into the model. Of a package, first every declaration is
 * entered by name, then interfaces are resolved in the order in which they use each other, then worlds in the order in which they
 * include each other. A name hidden by a feature that is off stays known, so that a reference to it gets a better message. */
#pragma once

#include "base/vec.h"
#include "wit/ast.h"
#include "wit/load.h"

struct decl_entry { /* an interface or world of a package */
    struct ast_decl *decl;
    struct file_scope *file;
    bool hidden;
    struct wit_interface *interface; /* once resolved; NULL if hidden */
    struct wit_world *world;
};

struct file_scope { /* what the top level of one file adds to the names of its package */
    struct ast_file *ast;
    struct map uses; /* name -> struct ast_decl * of a `use` */
};

struct package_source {
    struct ast_package_id id;
    WIT_VEC(struct ast_file *) files;
    WIT_VEC(struct ast_path *) foreign; /* paths into other packages, one per package, in order of first mention */
    bool foreign_found;
    struct wit_package *package; /* once resolved */
    struct map decls;            /* name -> struct decl_entry * */
    enum { PACKAGE_NEW, PACKAGE_VISITING, PACKAGE_DONE } state;
};

struct wit_loader {
    struct wit_model *model;
    struct wit_options options;
    uint32_t node_count, file_count;
    VEC(struct package_source *) packages;
    VEC(struct package_source *) order;
    struct map package_names; /* full name -> struct package_source * */
    struct package_source *main;
    const char *replaced_path; /* see wit_loader_replace_text; or NULL */
    struct str replacement;
};

struct resolver {
    struct wit_loader *loader;
    struct wit_model *model;
    struct package_source *source;
    struct wit_package *package;
    struct error *err;
};

/* Names of one scope of a component, told apart as components do. */
struct name_scope {
    struct map keys; /* wit_name_unique_key -> struct ast_id * */
};
enum status name_scope_add(struct resolver *r, struct name_scope *scope, struct str name, struct wit_pos pos) CHECKED;

/* Whether an item is part of the model. Fails if its `@since` does not fit the package. */
enum status resolve_gate(struct resolver *r, const struct ast_gate *gate, struct wit_pos pos, bool *ret_hidden) CHECKED;
struct wit_notes resolve_notes(const struct ast_gate *gate, struct str docs);

enum status resolve_package(struct wit_loader *loader, struct package_source *source, struct error *err) CHECKED;
/* What `path` names, seen from `file`; hidden ones fail. */
enum status resolve_path(struct resolver *r, struct file_scope *file, const struct ast_path *path,
                         struct decl_entry **ret_entry) CHECKED;
enum status resolve_interface_path(struct resolver *r, struct file_scope *file, const struct ast_path *path,
                                   struct wit_interface **ret_interface) CHECKED;
enum status resolve_world_path(struct resolver *r, struct file_scope *file, const struct ast_path *path,
                               struct wit_world **ret_world) CHECKED;
enum status resolve_inline_interface(struct resolver *r, struct file_scope *file, const struct ast_item *item,
                                     struct wit_interface **ret_interface) CHECKED;
enum status resolve_world(struct resolver *r, struct decl_entry *entry) CHECKED;
enum status elaborate_world(struct resolver *r, struct wit_world *world, struct wit_pos pos) CHECKED;

/* Types of one interface or world. */
struct type_scope {
    struct resolver *r;
    struct file_scope *file;
    struct wit_interface *interface; /* one of the two */
    struct wit_world *world;
    const ast_items *items;
    struct map hidden; /* name -> struct ast_item *, of types that a feature hides */
};
/* Brings in what `use` items name, then defines the types in an order in which each comes behind those it is made of. */
enum status resolve_types(struct type_scope *scope) CHECKED;
/* `resource` is the type that a method, static function or constructor belongs to; NULL otherwise. */
enum status resolve_function(struct type_scope *scope, const struct ast_function *ast, struct wit_type *resource,
                             struct wit_function **ret_function) CHECKED;
struct wit_type *scope_type(const struct type_scope *scope, struct str name);

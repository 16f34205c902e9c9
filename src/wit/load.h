/* Reads WIT text and resolves it into a model.
 *
 * A loader is given sources one after another (a folder with `deps/`, a folder of packages, single files or text), parses each at
 * once, and resolves all of them together at the end: packages in the order of their dependencies, names to what they name, worlds
 * with all that their interfaces need. Items behind `@unstable` are left out unless their feature is on; what is left out must be
 * well-formed but is not looked into. Threading: as the model. Ownership: the loader borrows model and options until released.
 * Errors: "file:line:column: message". Bounds: WIT_MAX_FILE_BYTES a file, WIT_MAX_FILES files, WIT_MAX_PACKAGES packages, and those
 * of model.h. Source: component-model WIT.md, "Filesystem structure", "Name resolution", "Feature Gates". */
#pragma once

#include "wit/model.h"

#define WIT_MAX_FILES 4096u

struct wit_options {
    const struct str *features; /* of `@unstable(feature = ...)` that are on */
    size_t feature_count;
    bool all_features;
};

struct wit_loader;

/* `options` may be NULL: no feature is on. */
struct wit_loader *wit_loader_new(struct wit_model *model, const struct wit_options *options);
void wit_loader_free(struct wit_loader *loader);

/* A folder: its *.wit files are one package, and `deps/`, if there, holds others. Or a single file. The first package added by this
 * or wit_loader_add_text is the main one. Fails: ST_NOT_FOUND, ST_IO, ST_INVALID, ST_LIMIT. Waits: no (reads files). */
enum status wit_loader_add_path(struct wit_loader *loader, const char *path, struct error *err) CHECKED;
/* A folder like `deps/`: each folder in it is a package, each .wit file one too. Others are passed over. */
enum status wit_loader_add_packages(struct wit_loader *loader, const char *folder, struct error *err) CHECKED;
/* Text in place of a file; `name` is for messages. */
enum status wit_loader_add_text(struct wit_loader *loader, struct str name, struct str text, struct error *err) CHECKED;

/* One package alone: a folder's *.wit files without its `deps/`, or a single file. The first becomes the main one as well. */
enum status wit_loader_add_package(struct wit_loader *loader, const char *path, struct error *err) CHECKED;
/* From here on the file at `path`, as it would be added, has this text instead of its own; both are borrowed. One file only. */
void wit_loader_replace_text(struct wit_loader *loader, const char *path, struct str text);

/* The packages added so far, nested ones included, in order; the names ("ns:name@version") live as long as the model. */
size_t wit_loader_package_count(const struct wit_loader *loader);
struct str wit_loader_package_name(const struct wit_loader *loader, size_t index);
/* What it declares: the names of its interfaces and of its worlds, each after a space (" a b"), in the model's arena. */
void wit_loader_list(const struct wit_loader *loader, size_t index, struct str *ret_interfaces, struct str *ret_worlds);
bool wit_loader_has_package(const struct wit_loader *loader, struct str full_name);

/* A package that others refer to. */
struct wit_reference {
    struct str ns, name, full_name;
    struct wit_version version; /* not set: none was written */
    struct str from;            /* the package that mentions it first */
};
/* Those that are referred to and were not added, each once; of one package what it uses and includes before what it imports and
 * exports. In the model's arena. */
void wit_loader_missing(struct wit_loader *loader, struct wit_reference **ret_references, size_t *ret_count);

/* Resolves everything added. Call once. *ret_main may be NULL if no main package was added. */
enum status wit_loader_finish(struct wit_loader *loader, struct wit_package **ret_main, struct error *err) CHECKED;

/* All of the above for one path. */
enum status wit_load(struct wit_model *model, const char *path, const struct wit_options *options, struct wit_package **ret_main,
                     struct error *err) CHECKED;

/* The world that `name` means: a name in `main`, a full one ("ns:name/world@version"), or, if empty, the only world of `main`.
 * Fails: ST_NOT_FOUND, ST_INVALID if there is a choice to make. */
enum status wit_select_world(const struct wit_model *model, const struct wit_package *main, struct str name,
                             struct wit_world **ret_world, struct error *err) CHECKED;

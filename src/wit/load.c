#include "wit/load.h"

#include "base/file.h"
#include "wit/resolve.h"

struct wit_loader *wit_loader_new(struct wit_model *model, const struct wit_options *options)
{
    struct wit_loader *loader = NEW(struct wit_loader);
    loader->model = model;
    if (options)
        loader->options = *options;
    return loader;
}

void wit_loader_free(struct wit_loader *loader)
{
    if (!loader)
        return;
    vec_each (source, &loader->packages)
        map_release(&(*source)->decls);
    vec_release(&loader->packages);
    vec_release(&loader->order);
    map_release(&loader->package_names);
    free(loader);
}

/* Packages out of parsed files. */
static enum status join_package_ids(struct package_source *source, const struct ast_file *file, struct error *err)
{
    if (!file->has_package)
        return ST_OK;
    const struct ast_package_id *id = &file->package;
    struct str docs = source->id.docs;
    if (source->id.full_name.len && !str_eq(source->id.full_name, id->full_name))
        return wit_fail_at(err, id->pos, "this file is of package `%.*s`, but another one in this folder is of `%.*s`",
                           STR_ARG(id->full_name), STR_ARG(source->id.full_name));
    if (docs.len && id->docs.len)
        return wit_fail_at(err, id->pos, "package `%.*s` has doc comments in more than one file", STR_ARG(id->full_name));
    source->id = *id;
    if (!id->docs.len)
        source->id.docs = docs;
    return ST_OK;
}

static enum status register_package(struct wit_loader *loader, struct package_source *source, struct error *err)
{
    const struct package_source *other = map_get(&loader->package_names, source->id.full_name);
    if (other)
        return wit_fail_at(err, source->id.pos, "package `%.*s` is also defined in %.*s", STR_ARG(source->id.full_name),
                           STR_ARG(other->id.pos.source->path));
    if (loader->packages.len >= WIT_MAX_PACKAGES)
        return wit_fail_at_status(err, ST_LIMIT, source->id.pos, "more than %u packages", WIT_MAX_PACKAGES);
    vec_push(&loader->packages, source);
    map_set(&loader->package_names, source->id.full_name, source);
    return ST_OK;
}

typedef WIT_VEC(struct ast_file *) file_list;

/* One folder's files: together a package; what they nest are packages of their own. */
static enum status add_group(struct wit_loader *loader, const file_list *files, const char *place, bool main, struct error *err)
{
    struct arena *arena = &loader->model->arena;
    struct package_source *source = ARENA_NEW(arena, struct package_source);
    for (size_t i = 0; i < files->len; i++) {
        struct ast_file *file = files->items[i];
        TRY(join_package_ids(source, file, err));
        wit_vec_push(arena, &source->files, file);
        for (size_t j = 0; j < file->nested.len; j++) {
            struct package_source *nested = ARENA_NEW(arena, struct package_source);
            nested->id = file->nested.items[j]->package;
            wit_vec_push(arena, &nested->files, file->nested.items[j]);
            TRY(register_package(loader, nested, err));
        }
    }
    if (source->id.full_name.len == 0)
        return fail(err, ST_INVALID, "%s: no file says which package this is; expected a line `package namespace:name;`", place);
    if (main && !loader->main)
        loader->main = source;
    return register_package(loader, source, err);
}

static enum status parse_source(struct wit_loader *loader, struct str path, struct str text, file_list *files, struct error *err)
{
    const struct wit_source *source;
    struct ast_file *file;
    struct arena *arena = &loader->model->arena;
    if (++loader->file_count > WIT_MAX_FILES)
        return fail(err, ST_LIMIT, "%.*s: more than %u WIT files", STR_ARG(path), WIT_MAX_FILES);
    TRY(wit_source_new(arena, path, text, &source, err));
    TRY(wit_parse(arena, source, &loader->node_count, &file, err));
    wit_vec_push(arena, files, file);
    return ST_OK;
}

enum status wit_loader_add_text(struct wit_loader *loader, struct str name, struct str text, struct error *err)
{
    file_list files = {0};
    TRY(parse_source(loader, name, text, &files, err));
    struct str place = arena_str(&loader->model->arena, name);
    return add_group(loader, &files, place.data, true, err);
}

/* Files. */
static enum status add_file(struct wit_loader *loader, const char *path, file_list *files, struct error *err)
{
    autobuf struct buf text = BUF_INIT(WIT_MAX_FILE_BYTES);
    if (loader->replaced_path && strcmp(path, loader->replaced_path) == 0)
        return parse_source(loader, str_of(path), loader->replacement, files, err);
    TRY(file_read(path, &text, err));
    return parse_source(loader, str_of(path), buf_str(&text), files, err);
}

static const char *join(struct wit_loader *loader, const char *folder, const char *name)
{
    return arena_printf(&loader->model->arena, "%s/%s", folder, name).data;
}

static enum status add_files_of(struct wit_loader *loader, const char *folder, const struct file_names *names, file_list *files,
                                struct error *err)
{
    vec_each (name, &names->list) {
        const char *path = join(loader, folder, *name);
        if (*name[0] != '.' && str_ends(str_of(*name), STR(".wit")) && !file_is_folder(path))
            TRY(add_file(loader, path, files, err));
    }
    return ST_OK;
}

/* All *.wit files of one folder as a package. */
static enum status add_folder(struct wit_loader *loader, const char *folder, bool main, struct error *err)
{
    autonames struct file_names names = {0};
    file_list files = {0};
    TRY(file_names(folder, &names, err));
    TRY(add_files_of(loader, folder, &names, &files, err));
    if (files.len == 0)
        return fail(err, ST_NOT_FOUND, "%s: the folder has no .wit files", folder);
    return add_group(loader, &files, folder, main, err);
}

static enum status add_dependency(struct wit_loader *loader, const char *path, struct error *err)
{
    file_list files = {0};
    if (file_is_folder(path))
        return add_folder(loader, path, false, err);
    if (!str_ends(str_of(path), STR(".wit")))
        return ST_OK;
    TRY(add_file(loader, path, &files, err));
    return add_group(loader, &files, path, false, err);
}

enum status wit_loader_add_packages(struct wit_loader *loader, const char *folder, struct error *err)
{
    autonames struct file_names names = {0};
    TRY(file_names(folder, &names, err));
    vec_each (name, &names.list)
        if (*name[0] != '.')
            TRY(add_dependency(loader, join(loader, folder, *name), err));
    return ST_OK;
}

enum status wit_loader_add_package(struct wit_loader *loader, const char *path, struct error *err)
{
    file_list files = {0};
    if (file_is_folder(path))
        return add_folder(loader, path, true, err);
    TRY(add_file(loader, path, &files, err));
    return add_group(loader, &files, path, true, err);
}

enum status wit_loader_add_path(struct wit_loader *loader, const char *path, struct error *err)
{
    const char *deps = join(loader, path, "deps");
    TRY(wit_loader_add_package(loader, path, err));
    return file_is_folder(path) && file_is_folder(deps) ? wit_loader_add_packages(loader, deps, err) : ST_OK;
}

void wit_loader_replace_text(struct wit_loader *loader, const char *path, struct str text)
{
    loader->replaced_path = path;
    loader->replacement = text;
}

size_t wit_loader_package_count(const struct wit_loader *loader)
{
    return loader->packages.len;
}

struct str wit_loader_package_name(const struct wit_loader *loader, size_t index)
{
    return loader->packages.items[index]->id.full_name;
}

static struct str list_declared(const struct wit_loader *loader, const struct package_source *source, enum ast_decl_kind kind)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED); /* of text that was read */
    for (size_t i = 0; i < source->files.len; i++) {
        const struct ast_file *file = source->files.items[i];
        for (size_t j = 0; j < file->decls.len; j++)
            if (file->decls.items[j]->kind == kind)
                buf_addf(&names, " %.*s", STR_ARG(file->decls.items[j]->id.name));
    }
    return arena_str(&loader->model->arena, buf_str(&names));
}

void wit_loader_list(const struct wit_loader *loader, size_t index, struct str *ret_interfaces, struct str *ret_worlds)
{
    *ret_interfaces = list_declared(loader, loader->packages.items[index], AST_INTERFACE);
    *ret_worlds = list_declared(loader, loader->packages.items[index], AST_WORLD);
}

bool wit_loader_has_package(const struct wit_loader *loader, struct str full_name)
{
    return map_has(&loader->package_names, full_name);
}

/* Which packages a package refers to, in the order of first mention: what worlds use and include before what they import and
 * export. */
static void add_foreign(struct wit_loader *loader, struct package_source *source, struct map *seen, struct ast_path *path)
{
    if (path->qualified && !map_set(seen, path->full_package, path))
        wit_vec_push(&loader->model->arena, &source->foreign, path);
}

static void add_foreign_of_items(struct wit_loader *loader, struct package_source *source, struct map *seen, const ast_items *items)
{
    for (size_t i = 0; i < items->len; i++)
        if (items->items[i]->kind == AST_USE || items->items[i]->kind == AST_INCLUDE)
            add_foreign(loader, source, seen, &items->items[i]->path);
}

static void add_foreign_of_externs(struct wit_loader *loader, struct package_source *source, struct map *seen,
                                   const ast_items *items, enum ast_item_kind kind)
{
    for (size_t i = 0; i < items->len; i++) {
        struct ast_item *item = items->items[i];
        if (item->kind != kind)
            continue;
        if (item->extern_kind == AST_EXTERN_INLINE)
            add_foreign_of_items(loader, source, seen, &item->inline_items);
        else if (item->extern_kind != AST_EXTERN_FUNCTION)
            add_foreign(loader, source, seen, &item->path);
    }
}

static void find_foreign(struct wit_loader *loader, struct package_source *source)
{
    struct map seen = {0};
    if (source->foreign_found)
        return;
    source->foreign_found = true;
    for (size_t i = 0; i < source->files.len; i++) {
        const struct ast_file *file = source->files.items[i];
        for (size_t j = 0; j < file->decls.len; j++) {
            struct ast_decl *decl = file->decls.items[j];
            add_foreign_of_items(loader, source, &seen, &decl->items);
            add_foreign_of_externs(loader, source, &seen, &decl->items, AST_IMPORT);
            add_foreign_of_externs(loader, source, &seen, &decl->items, AST_EXPORT);
            if (decl->kind == AST_TOP_USE)
                add_foreign(loader, source, &seen, &decl->path);
        }
    }
    map_release(&seen);
}

void wit_loader_missing(struct wit_loader *loader, struct wit_reference **ret_references, size_t *ret_count)
{
    struct arena *arena = &loader->model->arena;
    WIT_VEC(struct wit_reference) missing = {0};
    struct map seen = {0};
    vec_each (item, &loader->packages) {
        struct package_source *source = *item;
        find_foreign(loader, source);
        for (size_t i = 0; i < source->foreign.len; i++) {
            struct ast_path *path = source->foreign.items[i];
            if (map_has(&loader->package_names, path->full_package) || map_set(&seen, path->full_package, path))
                continue;
            struct wit_reference reference = {path->ns.name, path->package.name, path->full_package, path->version,
                                              source->id.full_name};
            wit_vec_push(arena, &missing, reference);
        }
    }
    map_release(&seen);
    *ret_references = missing.items;
    *ret_count = missing.len;
}

static enum status visit(struct wit_loader *loader, struct package_source *source, struct error *err)
{
    if (source->state == PACKAGE_DONE)
        return ST_OK;
    source->state = PACKAGE_VISITING;
    find_foreign(loader, source);
    for (size_t i = 0; i < source->foreign.len; i++) {
        const struct ast_path *path = source->foreign.items[i];
        struct package_source *needed = map_get(&loader->package_names, path->full_package);
        if (!needed || needed == source)
            continue; /* both are reported when the path is resolved */
        if (needed->state == PACKAGE_VISITING)
            return wit_fail_at(err, path->ns.pos, "packages `%.*s` and `%.*s` depend on each other", STR_ARG(source->id.full_name),
                               STR_ARG(path->full_package));
        TRY(visit(loader, needed, err));
    }
    source->state = PACKAGE_DONE;
    vec_push(&loader->order, source);
    return ST_OK;
}

static int compare_packages(const void *left, const void *right)
{
    const struct ast_package_id *a = &(*(struct package_source *const *)left)->id;
    const struct ast_package_id *b = &(*(struct package_source *const *)right)->id;
    int order = str_compare(a->ns, b->ns);
    if (order == 0)
        order = str_compare(a->name, b->name);
    return order == 0 ? wit_version_compare(&a->version, &b->version) : order;
}

enum status wit_loader_finish(struct wit_loader *loader, struct wit_package **ret_main, struct error *err)
{
    if (loader->packages.len)
        qsort(loader->packages.items, loader->packages.len, sizeof *loader->packages.items, compare_packages);
    vec_each (source, &loader->packages)
        TRY(visit(loader, *source, err));
    vec_each (source, &loader->order)
        TRY(resolve_package(loader, *source, err));
    if (ret_main)
        *ret_main = loader->main ? loader->main->package : NULL;
    return ST_OK;
}

enum status wit_load(struct wit_model *model, const char *path, const struct wit_options *options, struct wit_package **ret_main,
                     struct error *err)
{
    struct wit_loader *loader = wit_loader_new(model, options);
    enum status status = wit_loader_add_path(loader, path, err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, ret_main, err);
    wit_loader_free(loader);
    return status;
}

/* Choosing a world. */
static enum status fail_world_choice(const struct wit_package *main, struct error *err)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < main->worlds.len; i++)
        buf_addf(&names, "%s`%.*s`", i ? ", " : "", STR_ARG(main->worlds.items[i]->name));
    if (main->worlds.len == 0)
        return fail(err, ST_NOT_FOUND, "package `%.*s` has no world", STR_ARG(main->full_name));
    return fail(err, ST_INVALID, "package `%.*s` has several worlds: %.*s; name one", STR_ARG(main->full_name),
                STR_ARG(buf_str(&names)));
}

/* The package that "ns:name" or "ns:name@version" means: without version, the only one of that name will do. */
static const struct wit_package *find_package(const struct wit_model *model, struct str name, size_t *ret_count)
{
    const struct wit_package *found = wit_package_find(model, name);
    *ret_count = found != NULL;
    for (size_t i = 0; !found && i < model->packages.len; i++) {
        struct str rest = model->packages.items[i]->full_name;
        *ret_count += str_skip(&rest, name) && str_starts(rest, STR("@"));
    }
    for (size_t i = 0; !found && *ret_count == 1 && i < model->packages.len; i++) {
        struct str rest = model->packages.items[i]->full_name;
        if (str_skip(&rest, name) && str_starts(rest, STR("@")))
            found = model->packages.items[i];
    }
    return found;
}

enum status wit_select_world(const struct wit_model *model, const struct wit_package *main, struct str name,
                             struct wit_world **ret_world, struct error *err)
{
    const struct wit_package *package = main;
    struct str world = name;
    size_t slash = str_find_char(name, '/'), count = 1;
    if (slash != STR_NONE) {
        size_t at = str_find_char(name, '@');
        world = str_slice(name, slash + 1, at == STR_NONE ? name.len : at);
        autobuf struct buf full = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&full, "%.*s%.*s", STR_ARG(str_slice(name, 0, slash)), at == STR_NONE ? 0 : (int)(name.len - at),
                 at == STR_NONE ? "" : name.data + at);
        package = find_package(model, buf_str(&full), &count);
    }
    if (count > 1)
        return fail(err, ST_INVALID, "there are several versions of the package of world `%.*s`; name one", STR_ARG(name));
    if (!package)
        return fail(err, ST_NOT_FOUND, "the package of world `%.*s` is not among the packages given", STR_ARG(name));
    if (name.len == 0 && package->worlds.len != 1)
        return fail_world_choice(package, err);
    struct wit_world *found = name.len == 0 ? package->worlds.items[0] : wit_package_world(package, world);
    if (!found)
        return fail(err, ST_NOT_FOUND, "package `%.*s` has no world named `%.*s`", STR_ARG(package->full_name), STR_ARG(world));
    *ret_world = found;
    return ST_OK;
}

#include "wit/resolve.h"

#include "base/buf.h"
#include "wit/graph.h"

enum status name_scope_add(struct resolver *r, struct name_scope *scope, struct str name, struct wit_pos pos)
{
    struct ast_id *id = ARENA_NEW(&r->model->arena, struct ast_id);
    *id = (struct ast_id){name, pos};
    const struct ast_id *before = map_set(&scope->keys, wit_name_unique_key(&r->model->arena, name), id);
    if (!before)
        return ST_OK;
    if (str_eq(before->name, name))
        return wit_fail_at(r->err, pos, "`%.*s` is defined more than once", STR_ARG(name));
    return wit_fail_at(r->err, pos, "`%.*s` is the same name as `%.*s` to a component; choose another", STR_ARG(name),
                       STR_ARG(before->name));
}

static bool feature_on(const struct wit_options *options, struct str feature)
{
    for (size_t i = 0; i < options->feature_count; i++)
        if (str_eq(options->features[i], feature))
            return true;
    return options->all_features;
}

enum status resolve_gate(struct resolver *r, const struct ast_gate *gate, struct wit_pos pos, bool *ret_hidden)
{
    const struct wit_stability *stability = &gate->stability;
    const struct wit_version *version = &r->source->id.version;
    *ret_hidden = stability->gate == WIT_UNSTABLE && !feature_on(&r->loader->options, stability->feature);
    if (stability->gate != WIT_SINCE)
        return ST_OK;
    if (!wit_version_is_set(version))
        return wit_fail_at(r->err, gate->pos.source ? gate->pos : pos,
                           "`@since` is only for packages with a version, and `%.*s` has none", STR_ARG(r->source->id.full_name));
    if (wit_version_compare(&stability->since, version) > 0)
        return wit_fail_at(r->err, gate->pos, "`@since` names version %.*s, but the package is `%.*s`",
                           STR_ARG(stability->since.text), STR_ARG(r->source->id.full_name));
    return ST_OK;
}

struct wit_notes resolve_notes(const struct ast_gate *gate, struct str docs)
{
    return (struct wit_notes){docs, gate->stability, gate->external_id, gate->has_external_id};
}

/* Paths. */
static struct str nearest_decl(const struct package_source *source, struct str name)
{
    struct str candidates[128];
    size_t count = 0;
    map_each (entry, &source->decls)
        if (count < ARRAY_LEN(candidates))
            candidates[count++] = entry->key;
    return str_nearest(name, candidates, count);
}

static enum status fail_unknown_decl(struct resolver *r, const struct package_source *source, const struct ast_id *id)
{
    struct str nearest = nearest_decl(source, id->name);
    return wit_fail_at(r->err, id->pos, "package `%.*s` has no interface or world named `%.*s`%s%.*s%s",
                       STR_ARG(source->id.full_name), STR_ARG(id->name), nearest.len ? "; did you mean `" : "", (int)nearest.len,
                       nearest.len ? nearest.data : "", nearest.len ? "`?" : "");
}

static enum status fail_unknown_package(struct resolver *r, const struct ast_path *path)
{
    autobuf struct buf known = BUF_INIT(BUF_UNLIMITED);
    vec_each (source, &r->loader->packages)
        if (str_eq((*source)->id.ns, path->ns.name) && str_eq((*source)->id.name, path->package.name))
            buf_addf(&known, "%s`%.*s`", known.len ? ", " : "", STR_ARG((*source)->id.full_name));
    if (known.len)
        return wit_fail_at(r->err, path->ns.pos, "package `%.*s` is not among the packages given, but %.*s is; name that version",
                           STR_ARG(path->full_package), STR_ARG(buf_str(&known)));
    return wit_fail_at(r->err, path->ns.pos, "package `%.*s` is not among the packages given; add it to the `deps` folder",
                       STR_ARG(path->full_package));
}

static enum status resolve_foreign_path(struct resolver *r, const struct ast_path *path, struct decl_entry **ret_entry)
{
    struct package_source *source = map_get(&r->loader->package_names, path->full_package);
    if (!source)
        return fail_unknown_package(r, path);
    if (source == r->source)
        return wit_fail_at(r->err, path->ns.pos, "package `%.*s` cannot name itself; write just `%.*s`",
                           STR_ARG(path->full_package), STR_ARG(path->name.name));
    *ret_entry = map_get(&source->decls, path->name.name);
    return *ret_entry ? ST_OK : fail_unknown_decl(r, source, &path->name);
}

static enum status find_decl(struct resolver *r, struct file_scope *file, const struct ast_path *path,
                             struct decl_entry **ret_entry)
{
    if (path->qualified)
        return resolve_foreign_path(r, path, ret_entry);
    const struct ast_decl *use = map_get(&file->uses, path->name.name);
    if (use && use->path.qualified)
        return resolve_foreign_path(r, &use->path, ret_entry);
    const struct ast_id *id = use ? &use->path.name : &path->name;
    *ret_entry = map_get(&r->source->decls, id->name);
    return *ret_entry ? ST_OK : fail_unknown_decl(r, r->source, id);
}

enum status resolve_path(struct resolver *r, struct file_scope *file, const struct ast_path *path, struct decl_entry **ret_entry)
{
    struct decl_entry *entry;
    TRY(find_decl(r, file, path, &entry));
    if (entry->hidden)
        return wit_fail_at(r->err, path->name.pos, "`%.*s` is not available: it needs the feature `%.*s`, which is not on",
                           STR_ARG(path->name.name), STR_ARG(entry->decl->gate.stability.feature));
    *ret_entry = entry;
    return ST_OK;
}

enum status resolve_interface_path(struct resolver *r, struct file_scope *file, const struct ast_path *path,
                                   struct wit_interface **ret_interface)
{
    struct decl_entry *entry;
    TRY(resolve_path(r, file, path, &entry));
    if (entry->decl->kind != AST_INTERFACE)
        return wit_fail_at(r->err, path->name.pos, "expected an interface, but `%.*s` is a world", STR_ARG(path->name.name));
    *ret_interface = entry->interface;
    return ST_OK;
}

enum status resolve_world_path(struct resolver *r, struct file_scope *file, const struct ast_path *path,
                               struct wit_world **ret_world)
{
    struct decl_entry *entry;
    TRY(resolve_path(r, file, path, &entry));
    if (entry->decl->kind != AST_WORLD)
        return wit_fail_at(r->err, path->name.pos, "expected a world, but `%.*s` is an interface", STR_ARG(path->name.name));
    *ret_world = entry->world;
    return ST_OK;
}

/* Interfaces. */
static enum status add_resource_names(struct resolver *r, struct name_scope *names, const struct ast_item *item)
{
    struct arena *arena = &r->model->arena;
    for (size_t i = 0; i < item->type->functions.len; i++) {
        const struct ast_function *function = item->type->functions.items[i];
        struct str name = function->kind == WIT_CONSTRUCTOR
                              ? arena_printf(arena, "[constructor]%.*s", STR_ARG(item->id.name))
                              : arena_printf(arena, "[method]%.*s.%.*s", STR_ARG(item->id.name), STR_ARG(function->id.name));
        TRY(name_scope_add(r, names, name, function->id.pos));
    }
    return ST_OK;
}

/* Every name an interface defines, hidden ones too. */
static enum status add_interface_names(struct resolver *r, struct name_scope *names, const ast_items *items)
{
    for (size_t i = 0; i < items->len; i++) {
        const struct ast_item *item = items->items[i];
        if (item->kind == AST_TYPE || item->kind == AST_FUNCTION)
            TRY(name_scope_add(r, names, item->id.name, item->id.pos));
        if (item->kind == AST_TYPE)
            TRY(add_resource_names(r, names, item));
        for (size_t j = 0; item->kind == AST_USE && j < item->names.len; j++)
            TRY(name_scope_add(r, names, item->names.items[j].alias.name, item->names.items[j].alias.pos));
    }
    return ST_OK;
}

static enum status add_function(struct type_scope *scope, const struct ast_function *ast, struct wit_type *resource)
{
    struct resolver *r = scope->r;
    struct wit_function *function;
    bool hidden;
    TRY(resolve_gate(r, &ast->gate, ast->id.pos, &hidden));
    if (hidden)
        return ST_OK;
    TRY(resolve_function(scope, ast, resource, &function));
    return wit_interface_add_function(r->model, scope->interface, function, r->err);
}

static enum status add_functions(struct type_scope *scope)
{
    for (size_t i = 0; i < scope->items->len; i++) {
        const struct ast_item *item = scope->items->items[i];
        if (item->kind == AST_FUNCTION)
            TRY(add_function(scope, item->function, NULL));
        struct wit_type *resource = item->kind == AST_TYPE ? scope_type(scope, item->id.name) : NULL;
        for (size_t j = 0; resource && j < item->type->functions.len; j++)
            TRY(add_function(scope, item->type->functions.items[j], resource));
    }
    return ST_OK;
}

static enum status resolve_interface(struct resolver *r, struct file_scope *file, const ast_items *items,
                                     struct wit_interface *interface)
{
    struct type_scope scope = {.r = r, .file = file, .interface = interface, .items = items};
    struct name_scope names = {0};
    enum status status = add_interface_names(r, &names, items);
    if (status == ST_OK)
        status = resolve_types(&scope);
    if (status == ST_OK)
        status = add_functions(&scope);
    map_release(&names.keys);
    map_release(&scope.hidden);
    return status;
}

enum status resolve_inline_interface(struct resolver *r, struct file_scope *file, const struct ast_item *item,
                                     struct wit_interface **ret_interface)
{
    struct wit_interface *interface = wit_interface_add(r->model, r->package, STR(""));
    interface->notes = resolve_notes(&item->gate, item->docs);
    TRY(resolve_interface(r, file, &item->inline_items, interface));
    *ret_interface = interface;
    return ST_OK;
}

static enum status resolve_named_interface(struct resolver *r, struct decl_entry *entry)
{
    entry->interface = wit_interface_add(r->model, r->package, entry->decl->id.name);
    entry->interface->notes = resolve_notes(&entry->decl->gate, entry->decl->docs);
    return resolve_interface(r, entry->file, &entry->decl->items, entry->interface);
}

/* What is in something hidden must be hidden too, as far as others could refer to it. */
static enum status check_hidden(struct resolver *r, const struct decl_entry *entry)
{
    for (size_t i = 0; i < entry->decl->items.len; i++) {
        const struct ast_item *item = entry->decl->items.items[i];
        bool hidden = true;
        if (item->kind == AST_TYPE || item->kind == AST_USE)
            TRY(resolve_gate(r, &item->gate, item->gate.pos, &hidden));
        struct wit_pos pos = item->kind == AST_USE ? item->path.name.pos : item->id.pos;
        if (!hidden)
            return wit_fail_at(r->err, pos, "this must be `@unstable` too, because `%.*s`, which it is in, is",
                               STR_ARG(entry->decl->id.name));
    }
    return ST_OK;
}

/* Packages: names first. */
static enum status add_decl(struct resolver *r, struct file_scope *file, struct ast_decl *decl)
{
    struct decl_entry *entry = ARENA_NEW(&r->model->arena, struct decl_entry);
    *entry = (struct decl_entry){.decl = decl, .file = file};
    TRY(resolve_gate(r, &decl->gate, decl->id.pos, &entry->hidden));
    if (map_set(&r->source->decls, decl->id.name, entry))
        return wit_fail_at(r->err, decl->id.pos, "package `%.*s` already has an interface or world named `%.*s`",
                           STR_ARG(r->source->id.full_name), STR_ARG(decl->id.name));
    return ST_OK;
}

static enum status add_file_decls(struct resolver *r, struct file_scope *file)
{
    for (size_t i = 0; i < file->ast->decls.len; i++) {
        struct ast_decl *decl = file->ast->decls.items[i];
        if (decl->kind != AST_TOP_USE)
            TRY(add_decl(r, file, decl));
        else if (map_set(&file->uses, decl->id.name, decl))
            return wit_fail_at(r->err, decl->id.pos, "this file already has a `use` of the name `%.*s`", STR_ARG(decl->id.name));
    }
    return ST_OK;
}

static enum status check_file_uses(struct resolver *r, struct file_scope *file)
{
    map_each (use, &file->uses) {
        const struct ast_decl *decl = use->value;
        struct decl_entry *entry = map_get(&r->source->decls, use->key), *target;
        if (entry && entry->file == file)
            return wit_fail_at(r->err, decl->id.pos, "this file already defines `%.*s`; rename the `use` with `as`",
                               STR_ARG(use->key));
        struct ast_path by_name = {.name = decl->id};
        TRY(find_decl(r, file, &by_name, &target));
    }
    return ST_OK;
}

/* Then the order in which interfaces use, and worlds include, each other. */
struct decl_order {
    struct resolver *r;
    struct graph graph;
    struct map numbers; /* name -> node + 1 */
    VEC(struct decl_entry *) nodes;
};

static enum status add_decl_reference(struct decl_order *order, uint32_t from, const struct ast_item *item)
{
    struct resolver *r = order->r;
    struct decl_entry *entry;
    bool hidden;
    TRY(resolve_gate(r, &item->gate, item->gate.pos, &hidden));
    struct resolver quiet = *r;
    quiet.err = NULL;
    /* What is hidden need not exist; if it does, it keeps its place in the order. */
    enum status status = find_decl(hidden ? &quiet : r, order->nodes.items[from]->file, &item->path, &entry);
    if (status != ST_OK)
        return hidden ? ST_OK : status;
    if (map_get(&r->source->decls, entry->decl->id.name) != entry)
        return ST_OK; /* of another package */
    uintptr_t number = (uintptr_t)map_get(&order->numbers, entry->decl->id.name);
    vec_push(&order->graph.edges, (struct graph_edge){from, (uint32_t)number - 1, &item->path.name});
    return ST_OK;
}

static enum status build_decl_order(struct decl_order *order)
{
    map_each (name, &order->r->source->decls) {
        vec_push(&order->nodes, (struct decl_entry *)name->value);
        map_set(&order->numbers, name->key, (void *)(uintptr_t)order->nodes.len);
    }
    order->graph.count = (uint32_t)order->nodes.len;
    for (uint32_t i = 0; i < order->graph.count; i++) {
        const struct decl_entry *entry = order->nodes.items[i];
        enum ast_item_kind wanted = entry->decl->kind == AST_INTERFACE ? AST_USE : AST_INCLUDE;
        for (size_t j = 0; !entry->hidden && j < entry->decl->items.len; j++)
            if (entry->decl->items.items[j]->kind == wanted)
                TRY(add_decl_reference(order, i, entry->decl->items.items[j]));
    }
    return ST_OK;
}

static enum status resolve_in_order(struct decl_order *order, const uint32_t *sorted)
{
    for (uint32_t i = 0; i < order->graph.count; i++) {
        struct decl_entry *entry = order->nodes.items[sorted[i]];
        if (entry->hidden)
            TRY(check_hidden(order->r, entry));
        else if (entry->decl->kind == AST_INTERFACE)
            TRY(resolve_named_interface(order->r, entry));
    }
    for (uint32_t i = 0; i < order->graph.count; i++) {
        struct decl_entry *entry = order->nodes.items[sorted[i]];
        if (!entry->hidden && entry->decl->kind == AST_WORLD)
            TRY(resolve_world(order->r, entry));
    }
    return ST_OK;
}

static enum status sort_and_resolve(struct decl_order *order)
{
    const struct graph_edge *edge;
    TRY(build_decl_order(order));
    autofree uint32_t *sorted = mem_array(order->graph.count + 1, sizeof *sorted);
    if (!graph_sort(&order->graph, sorted, &edge)) {
        const struct ast_id *id = edge->where;
        return wit_fail_at(order->r->err, id->pos, "`%.*s` depends on itself through this reference", STR_ARG(id->name));
    }
    return resolve_in_order(order, sorted);
}

static enum status resolve_decls(struct resolver *r)
{
    struct decl_order order = {.r = r};
    enum status status = sort_and_resolve(&order);
    vec_release(&order.graph.edges);
    vec_release(&order.nodes);
    map_release(&order.numbers);
    return status;
}

static enum status resolve_files(struct resolver *r, struct file_scope *files)
{
    for (size_t i = 0; i < r->source->files.len; i++) {
        files[i].ast = r->source->files.items[i];
        TRY(add_file_decls(r, &files[i]));
    }
    for (size_t i = 0; i < r->source->files.len; i++)
        TRY(check_file_uses(r, &files[i]));
    return resolve_decls(r);
}

enum status resolve_package(struct wit_loader *loader, struct package_source *source, struct error *err)
{
    struct wit_model *model = loader->model;
    struct resolver r = {loader, model, source, NULL, err};
    struct file_scope *files = ARENA_ARRAY(&model->arena, struct file_scope, source->files.len);
    r.package = source->package = wit_package_add(model, source->id.ns, source->id.name, &source->id.version);
    source->package->docs = source->id.docs;
    enum status status = resolve_files(&r, files);
    for (size_t i = 0; i < source->files.len; i++)
        map_release(&files[i].uses);
    return status;
}

#include "wit/resolve.h"

/* A world being resolved. */
struct world_scope {
    struct resolver *r;
    struct decl_entry *entry;
    struct wit_world *world;
    struct type_scope types;
    struct name_scope import_names, export_names;
};

static struct str resource_function_name(struct arena *arena, const struct ast_item *item, const struct ast_function *function)
{
    if (function->kind == WIT_CONSTRUCTOR)
        return arena_printf(arena, "[constructor]%.*s", STR_ARG(item->id.name));
    return arena_printf(arena, "[method]%.*s.%.*s", STR_ARG(item->id.name), STR_ARG(function->id.name));
}

static enum status add_item_names(struct world_scope *w, const struct ast_item *item)
{
    struct resolver *r = w->r;
    bool labelled =
        item->kind == AST_TYPE || ((item->kind == AST_IMPORT || item->kind == AST_EXPORT) && item->extern_kind != AST_EXTERN_PATH);
    if (labelled)
        TRY(name_scope_add(r, item->kind == AST_EXPORT ? &w->export_names : &w->import_names, item->id.name, item->id.pos));
    for (size_t i = 0; item->kind == AST_USE && i < item->names.len; i++)
        TRY(name_scope_add(r, &w->import_names, item->names.items[i].alias.name, item->names.items[i].alias.pos));
    for (size_t i = 0; item->kind == AST_TYPE && i < item->type->functions.len; i++) {
        const struct ast_function *function = item->type->functions.items[i];
        TRY(name_scope_add(r, &w->import_names, resource_function_name(&r->model->arena, item, function), function->id.pos));
    }
    return ST_OK;
}

/* Imports and exports. */
static enum status add_interface(struct world_scope *w, const struct ast_item *item)
{
    struct resolver *r = w->r;
    struct wit_interface *interface;
    bool import = item->kind == AST_IMPORT, is_inline = item->extern_kind == AST_EXTERN_INLINE;
    struct str name = item->extern_kind == AST_EXTERN_PATH ? STR("") : item->id.name;
    if (is_inline)
        TRY(resolve_inline_interface(r, w->entry->file, item, &interface));
    else
        TRY(resolve_interface_path(r, w->entry->file, &item->path, &interface));
    if (name.len == 0 && wit_items_find(import ? &w->world->imports : &w->world->exports, name, interface))
        return wit_fail_at(r->err, item->path.name.pos, "interface `%.*s` is already %s", STR_ARG(interface->name),
                           import ? "imported" : "exported");
    struct wit_world_item *added = wit_world_add_interface(r->model, w->world, import, name, interface);
    added->notes = resolve_notes(&item->gate, is_inline ? STR("") : item->docs);
    return wit_model_check_size(r->model, r->err);
}

static enum status add_function(struct world_scope *w, const struct ast_function *ast, bool import, struct wit_type *resource)
{
    struct resolver *r = w->r;
    struct wit_function *function;
    bool hidden;
    TRY(resolve_gate(r, &ast->gate, ast->id.pos, &hidden));
    if (hidden)
        return ST_OK;
    TRY(resolve_function(&w->types, ast, resource, &function));
    wit_world_add_function(r->model, w->world, import, function);
    return ST_OK;
}

static enum status add_resource_functions(struct world_scope *w, const struct ast_item *item)
{
    struct wit_type *resource = scope_type(&w->types, item->id.name);
    for (size_t i = 0; resource && i < item->type->functions.len; i++)
        TRY(add_function(w, item->type->functions.items[i], true, resource));
    return ST_OK;
}

static enum status add_item(struct world_scope *w, const struct ast_item *item)
{
    bool hidden;
    if (item->kind == AST_TYPE)
        return add_resource_functions(w, item);
    if (item->kind != AST_IMPORT && item->kind != AST_EXPORT)
        return ST_OK;
    if (item->extern_kind == AST_EXTERN_FUNCTION)
        return add_function(w, item->function, item->kind == AST_IMPORT, NULL);
    TRY(resolve_gate(w->r, &item->gate, item->id.pos, &hidden));
    return hidden ? ST_OK : add_interface(w, item);
}

/* include: a copy of the other world's items, its own types among them. */
struct rename {
    const struct ast_rename *ast;
    bool used;
};

struct include {
    struct world_scope *w;
    const struct ast_item *item;
    struct wit_world *from;
    struct map types;   /* wit_type address (as bytes) -> copy */
    struct map renames; /* name -> struct rename * */
};

static const struct wit_type *copy_type(struct include *include, const struct wit_type *type);

/* Since when something is in another package's versions says nothing about ours. */
static struct wit_notes copy_notes(const struct include *include, const struct wit_notes *notes)
{
    struct wit_notes copy = *notes;
    if (include->from->package != include->w->r->package && copy.stability.gate == WIT_SINCE)
        copy.stability = (struct wit_stability){0};
    return copy;
}

static struct str type_key(struct include *include, const struct wit_type *type)
{
    return str_n(arena_copy(&include->w->r->model->arena, &type, sizeof type), sizeof type);
}

/* Copies what the included world or an inline interface of it owns, and anonymous types that may refer to it. */
static const struct wit_type *copy_type(struct include *include, const struct wit_type *type)
{
    if (!type || wit_kind_is_primitive(type->kind))
        return type;
    bool anonymous = type->name.len == 0;
    bool owned = type->world == include->from || (type->interface && type->interface->name.len == 0);
    if (!anonymous && !owned)
        return type;
    struct wit_type *copy = map_get(&include->types, str_n((const char *)&type, sizeof type));
    if (copy)
        return copy;
    struct wit_model *model = include->w->r->model;
    copy = wit_type_new(model, type->kind, copy_type(include, type->first), copy_type(include, type->second));
    copy->length = type->length;
    copy->notes = copy_notes(include, &type->notes);
    copy->name = type->name;
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        wit_type_add_field(model, copy, field->name, copy_type(include, field->type))->docs = field->docs;
    }
    map_set(&include->types, type_key(include, type), copy);
    return copy;
}

static struct wit_type *copy_named_type(struct include *include, const struct wit_type *type)
{
    const struct wit_type *copy = copy_type(include, type);
    bug_unless(copy != type);
    return map_get(&include->types, str_n((const char *)&type, sizeof type));
}

static struct wit_function *copy_function(struct include *include, const struct wit_function *function, struct str name)
{
    struct wit_model *model = include->w->r->model;
    struct wit_function *copy = wit_function_new(model, name, copy_type(include, function->resource));
    copy->is_async = function->is_async;
    copy->notes = copy_notes(include, &function->notes);
    for (size_t i = 0; i < function->params.len; i++)
        wit_function_add_param(model, copy, function->params.items[i].name, copy_type(include, function->params.items[i].type));
    wit_function_set_result(copy, copy_type(include, function->result));
    return copy;
}

static enum status copy_inline_interface(struct include *include, const struct wit_interface *interface,
                                         struct wit_interface **ret_copy)
{
    struct resolver *r = include->w->r;
    struct wit_interface *copy = wit_interface_add(r->model, r->package, STR(""));
    copy->notes = copy_notes(include, &interface->notes);
    copy->depth = interface->depth;
    for (size_t i = 0; i < interface->types.len; i++)
        TRY(wit_interface_define(r->model, copy, interface->types.items[i]->name,
                                 copy_named_type(include, interface->types.items[i]), r->err));
    for (size_t i = 0; i < interface->functions.len; i++) {
        const struct wit_function *function = interface->functions.items[i];
        TRY(wit_interface_add_function(r->model, copy, copy_function(include, function, function->name), r->err));
    }
    *ret_copy = copy;
    return ST_OK;
}

/* Renames `name`, or the resource in "[method]name.item". */
static struct str rename_item(struct include *include, struct str whole)
{
    struct str rest = whole;
    size_t close = str_starts(whole, STR("[")) ? str_find_char(whole, ']') : STR_NONE;
    struct str mark = close == STR_NONE ? STR("") : str_slice(whole, 0, close + 1);
    rest = str_from(rest, mark.len);
    size_t dot = str_find_char(rest, '.');
    struct str label = dot == STR_NONE ? rest : str_slice(rest, 0, dot), tail = str_from(rest, label.len);
    struct rename *rename = map_get(&include->renames, label);
    if (!rename)
        return whole;
    rename->used = true;
    return arena_printf(&include->w->r->model->arena, "%.*s%.*s%.*s", STR_ARG(mark), STR_ARG(rename->ast->alias.name),
                        STR_ARG(tail));
}

static enum status add_renames(struct include *include)
{
    for (size_t i = 0; i < include->item->names.len; i++) {
        struct rename *rename = ARENA_NEW(&include->w->r->model->arena, struct rename);
        rename->ast = &include->item->names.items[i];
        if (map_set(&include->renames, rename->ast->name.name, rename))
            return wit_fail_at(include->w->r->err, rename->ast->name.pos, "`%.*s` is renamed more than once",
                               STR_ARG(rename->ast->name.name));
    }
    return ST_OK;
}

static bool stability_equal(const struct wit_stability *a, const struct wit_stability *b)
{
    return a->gate == b->gate && str_eq(a->feature, b->feature) && str_eq(a->since.text, b->since.text) &&
           str_eq(a->deprecated.text, b->deprecated.text);
}

/* An interface under its own name is the same one wherever it comes from. */
static enum status include_interface(struct include *include, struct wit_items *into, const struct wit_world_item *item)
{
    struct resolver *r = include->w->r;
    bool foreign = include->from->package != r->package;
    struct wit_world_item *existing = wit_items_find(into, STR(""), item->interface);
    if (!existing)
        existing = wit_items_add(r->model, into, *item);
    const struct wit_stability *theirs = &item->notes.stability;
    struct wit_stability *ours = &existing->notes.stability;
    if (foreign && theirs->gate == WIT_SINCE)
        *ours = (struct wit_stability){0};
    else if (ours->gate == WIT_UNGATED)
        *ours = *theirs;
    else if (theirs->gate != WIT_UNGATED && !stability_equal(ours, theirs))
        return wit_fail_at(r->err, include->item->path.name.pos,
                           "interface `%.*s` is gated differently in this world and in the included `%.*s`",
                           STR_ARG(item->interface->name), STR_ARG(include->from->name));
    return ST_OK;
}

static enum status include_named(struct include *include, struct wit_items *into, struct name_scope *names,
                                 const struct wit_world_item *item)
{
    struct resolver *r = include->w->r;
    struct wit_world_item copy = *item;
    struct error reason;
    copy.notes = copy_notes(include, &item->notes);
    copy.name = rename_item(include, item->name);
    struct resolver quiet = *r;
    quiet.err = &reason;
    if (name_scope_add(&quiet, names, copy.name, include->item->path.name.pos) != ST_OK)
        return wit_fail_at(r->err, include->item->path.name.pos,
                           "including world `%.*s`: this world already has `%.*s`; rename one with `with { %.*s as ... }`",
                           STR_ARG(include->from->name), STR_ARG(copy.name), STR_ARG(item->name));
    if (item->kind == WIT_ITEM_FUNCTION)
        copy.function = copy_function(include, item->function, copy.name);
    else if (item->kind == WIT_ITEM_TYPE) {
        copy.type = copy_named_type(include, item->type);
        copy.type->name = copy.name;
        copy.type->world = include->w->world;
    } else if (item->interface->name.len == 0)
        TRY(copy_inline_interface(include, item->interface, &copy.interface));
    wit_items_add(r->model, into, copy);
    return ST_OK;
}

static enum status include_items(struct include *include, const struct wit_items *from, struct wit_items *into,
                                 struct name_scope *names)
{
    struct resolver *r = include->w->r;
    for (size_t i = 0; i < from->len; i++) {
        const struct wit_world_item *item = &from->items[i];
        if (item->kind == WIT_ITEM_INTERFACE && item->name.len == 0)
            TRY(include_interface(include, into, item));
        else
            TRY(include_named(include, into, names, item));
        TRY(wit_model_check_size(r->model, r->err));
    }
    return ST_OK;
}

static enum status check_renames(struct include *include)
{
    map_each (entry, &include->renames) {
        const struct rename *rename = entry->value;
        const struct ast_id *id = &rename->ast->name;
        if (!rename->used)
            return wit_fail_at(
                include->w->r->err, id->pos,
                "world `%.*s` has no plain name `%.*s` to rename (interfaces under their own name cannot be renamed)",
                STR_ARG(include->from->name), STR_ARG(id->name));
    }
    return ST_OK;
}

static enum status resolve_include(struct world_scope *w, const struct ast_item *item)
{
    struct include include = {.w = w, .item = item};
    bool hidden;
    TRY(resolve_gate(w->r, &item->gate, item->path.name.pos, &hidden));
    if (hidden)
        return ST_OK;
    TRY(resolve_world_path(w->r, w->entry->file, &item->path, &include.from));
    enum status status = add_renames(&include);
    if (status == ST_OK)
        status = include_items(&include, &include.from->imports, &w->world->imports, &w->import_names);
    if (status == ST_OK)
        status = include_items(&include, &include.from->exports, &w->world->exports, &w->export_names);
    if (status == ST_OK)
        status = check_renames(&include);
    map_release(&include.types);
    map_release(&include.renames);
    return status;
}

static enum status resolve_items(struct world_scope *w)
{
    const ast_items *items = &w->entry->decl->items;
    for (size_t i = 0; i < items->len; i++)
        TRY(add_item_names(w, items->items[i]));
    TRY(resolve_types(&w->types));
    for (size_t i = 0; i < items->len; i++)
        TRY(add_item(w, items->items[i]));
    for (size_t i = 0; i < items->len; i++)
        if (items->items[i]->kind == AST_INCLUDE)
            TRY(resolve_include(w, items->items[i]));
    return elaborate_world(w->r, w->world, w->entry->decl->id.pos);
}

enum status resolve_world(struct resolver *r, struct decl_entry *entry)
{
    struct world_scope w = {.r = r, .entry = entry};
    w.world = entry->world = wit_world_add(r->model, r->package, entry->decl->id.name);
    w.world->notes = resolve_notes(&entry->decl->gate, entry->decl->docs);
    w.types = (struct type_scope){.r = r, .file = entry->file, .world = w.world, .items = &entry->decl->items};
    enum status status = resolve_items(&w);
    map_release(&w.import_names.keys);
    map_release(&w.export_names.keys);
    map_release(&w.types.hidden);
    return status;
}

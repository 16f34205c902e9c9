#include "wit/graph.h"
#include "wit/resolve.h"

static enum status resolve_type(struct type_scope *scope, const struct ast_type *ast, const struct wit_type **ret_type);

struct wit_type *scope_type(const struct type_scope *scope, struct str name)
{
    if (scope->interface)
        return wit_interface_type(scope->interface, name);
    struct wit_world_item *item = wit_items_find(&scope->world->imports, name, NULL);
    return item ? item->type : NULL;
}

static enum status define(struct type_scope *scope, const struct ast_id *id, struct wit_type *type)
{
    struct resolver *r = scope->r;
    if (type->depth > WIT_MAX_TYPE_DEPTH)
        return wit_fail_at_status(r->err, ST_LIMIT, id->pos, "type `%.*s` is made of types more than %u deep", STR_ARG(id->name),
                                  WIT_MAX_TYPE_DEPTH);
    TRY(wit_model_check_size(r->model, r->err));
    return scope->interface ? wit_interface_define(r->model, scope->interface, id->name, type, r->err)
                            : wit_world_define(r->model, scope->world, id->name, type, r->err);
}

/* Messages for names that are not there. */
static const struct ast_item *find_item(const ast_items *items, struct str name)
{
    for (size_t i = 0; items && i < items->len; i++) {
        const struct ast_item *item = items->items[i];
        if ((item->kind == AST_FUNCTION || item->kind == AST_TYPE) && str_eq(item->id.name, name))
            return item;
    }
    return NULL;
}

#define MAX_SUGGESTIONS 64u

static struct str nearest_type(const struct type_scope *scope, struct str name)
{
    static const char *const words[] = {"string", "bool", "char", "u8",  "u16", "u32", "u64",
                                        "s8",     "s16",  "s32",  "s64", "f32", "f64"};
    struct str candidates[ARRAY_LEN(words) + MAX_SUGGESTIONS];
    size_t count = 0;
    if (str_is(name, "float32") || str_is(name, "float64"))
        return str_is(name, "float32") ? STR("f32") : STR("f64");
    for (; count < ARRAY_LEN(words); count++)
        candidates[count] = str_of(words[count]);
    for (size_t i = 0; i < scope->items->len && count < ARRAY_LEN(candidates); i++)
        if (scope->items->items[i]->kind == AST_TYPE)
            candidates[count++] = scope->items->items[i]->id.name;
    return str_nearest(name, candidates, count);
}

static enum status fail_unknown_type(const struct type_scope *scope, const struct ast_id *id)
{
    struct error *err = scope->r->err;
    const struct ast_item *hidden = map_get(&scope->hidden, id->name), *item = find_item(scope->items, id->name);
    if (hidden)
        return wit_fail_at(err, id->pos, "type `%.*s` is not available: it needs the feature `%.*s`, which is not on",
                           STR_ARG(id->name), STR_ARG(hidden->gate.stability.feature));
    if (item && item->kind == AST_FUNCTION)
        return wit_fail_at(err, id->pos, "expected a type, but `%.*s` is a function", STR_ARG(id->name));
    struct str nearest = nearest_type(scope, id->name);
    if (nearest.len)
        return wit_fail_at(err, id->pos, "type `%.*s` does not exist; did you mean `%.*s`?", STR_ARG(id->name), STR_ARG(nearest));
    return wit_fail_at(err, id->pos, "type `%.*s` does not exist here; define it or bring it in with `use`", STR_ARG(id->name));
}

static enum status lookup(struct type_scope *scope, const struct ast_id *id, struct wit_type **ret_type)
{
    struct wit_type *type = scope_type(scope, id->name);
    if (!type)
        return fail_unknown_type(scope, id);
    *ret_type = type;
    return ST_OK;
}

/* Handles name a resource, possibly through aliases. */
static enum status resolve_handle(struct type_scope *scope, const struct ast_type *ast, struct wit_type **ret_type)
{
    struct wit_type *resource;
    TRY(lookup(scope, &ast->id, &resource));
    if (wit_type_root(resource)->kind != WIT_RESOURCE)
        return wit_fail_at(scope->r->err, ast->id.pos, "`%s<%.*s>` needs a resource, but `%.*s` is none (it is `%s`)",
                           wit_kind_name(ast->kind), STR_ARG(ast->id.name), STR_ARG(ast->id.name),
                           wit_kind_name(wit_type_root(resource)->kind));
    *ret_type = wit_type_new(scope->r->model, ast->kind, resource, NULL);
    return ST_OK;
}

static bool is_map_key(const struct wit_type *type)
{
    return wit_kind_is_primitive(type->kind) && type->kind != WIT_F32 && type->kind != WIT_F64 && type->kind != WIT_ERROR_CONTEXT;
}

static enum status check_composite(const struct type_scope *scope, const struct ast_type *ast, const struct wit_type *type)
{
    struct error *err = scope->r->err;
    if (type->kind == WIT_MAP && !is_map_key(type->key))
        return wit_fail_at(err, ast->first->pos, "the key of a map must be bool, an integer type, char or string");
    if ((type->kind == WIT_STREAM || type->kind == WIT_FUTURE) && type->has_borrow)
        return wit_fail_at(err, ast->first->pos, "a %s cannot carry a `borrow`", wit_kind_name(type->kind));
    if (type->kind == WIT_STREAM && type->element && wit_type_root(type->element)->kind == WIT_CHAR)
        return wit_fail_at(err, ast->first->pos, "`stream<char>` is not allowed; use `stream<u8>` with an encoding");
    return ST_OK;
}

static enum status resolve_composite(struct type_scope *scope, const struct ast_type *ast, struct wit_type **ret_type)
{
    struct wit_model *model = scope->r->model;
    const struct wit_type *first = NULL, *second = NULL;
    if (ast->kind == WIT_OWN || ast->kind == WIT_BORROW)
        return resolve_handle(scope, ast, ret_type);
    if (ast->first)
        TRY(resolve_type(scope, ast->first, &first));
    if (ast->second)
        TRY(resolve_type(scope, ast->second, &second));
    struct wit_type *type = wit_type_new(model, ast->kind, first, second);
    type->length = ast->length;
    for (size_t i = 0; i < ast->fields.len; i++) {
        const struct ast_field *field = &ast->fields.items[i];
        const struct wit_type *payload = NULL;
        if (field->type)
            TRY(resolve_type(scope, field->type, &payload));
        wit_type_add_field(model, type, field->id.name, payload)->docs = field->docs;
    }
    TRY(check_composite(scope, ast, type));
    *ret_type = type;
    return ST_OK;
}

/* A type in a place for a value: the bare name of a resource is an owned handle there. */
static enum status resolve_type(struct type_scope *scope, const struct ast_type *ast, const struct wit_type **ret_type)
{
    struct wit_type *type;
    if (wit_kind_is_primitive(ast->kind)) {
        *ret_type = wit_primitive(ast->kind);
        return ST_OK;
    }
    if (ast->kind == WIT_ALIAS) {
        TRY(lookup(scope, &ast->id, &type));
        *ret_type = wit_type_root(type)->kind == WIT_RESOURCE ? wit_type_new(scope->r->model, WIT_OWN, type, NULL) : type;
        return ST_OK;
    }
    TRY(resolve_composite(scope, ast, &type));
    *ret_type = type;
    return ST_OK;
}

static const char *field_noun(enum wit_kind kind)
{
    return kind == WIT_RECORD ? "field" : kind == WIT_FLAGS ? "flag" : "case";
}

static enum status check_fields(const struct type_scope *scope, const struct ast_type *ast)
{
    struct resolver *r = scope->r;
    enum status status = ST_OK;
    struct map seen = {0};
    if (ast->kind == WIT_FLAGS && ast->fields.len > 32)
        return wit_fail_at(r->err, ast->fields.items[32].id.pos, "a flags type cannot have more than 32 flags");
    for (size_t i = 0; i < ast->fields.len && status == ST_OK; i++) {
        const struct ast_id *id = &ast->fields.items[i].id;
        const struct ast_id *before = map_set(&seen, wit_name_unique_key(&r->model->arena, id->name), (void *)(uintptr_t)id);
        if (before)
            status = wit_fail_at(r->err, id->pos, "%s `%.*s` is the same name as `%.*s` before it", field_noun(ast->kind),
                                 STR_ARG(id->name), STR_ARG(before->name));
    }
    map_release(&seen);
    return status;
}

static enum status define_type(struct type_scope *scope, const struct ast_item *item)
{
    struct wit_type *type;
    const struct ast_type *ast = item->type;
    if (ast->kind == WIT_ALIAS) {
        TRY(lookup(scope, &ast->id, &type));
        type = wit_type_new(scope->r->model, WIT_ALIAS, type, NULL);
    } else if (wit_kind_is_primitive(ast->kind)) {
        type = wit_type_new(scope->r->model, WIT_ALIAS, wit_primitive(ast->kind), NULL);
    } else {
        if (ast->kind >= WIT_RECORD)
            TRY(check_fields(scope, ast));
        TRY(resolve_composite(scope, ast, &type));
    }
    type->notes = resolve_notes(&item->gate, item->docs);
    return define(scope, &item->id, type);
}

static enum status fail_unknown_use(struct type_scope *scope, const struct ast_item *use, const struct ast_id *id)
{
    struct decl_entry *entry;
    struct error *err = scope->r->err;
    TRY(resolve_path(scope->r, scope->file, &use->path, &entry));
    const struct ast_item *item = find_item(&entry->decl->items, id->name);
    if (item && item->kind == AST_TYPE)
        return wit_fail_at(err, id->pos,
                           "type `%.*s` of interface `%.*s` is not available: it needs the feature `%.*s`, which is not on",
                           STR_ARG(id->name), STR_ARG(use->path.name.name), STR_ARG(item->gate.stability.feature));
    if (item)
        return wit_fail_at(err, id->pos, "`use` brings in types only, but `%.*s` is a function", STR_ARG(id->name));
    return wit_fail_at(err, id->pos, "interface `%.*s` has no type named `%.*s`", STR_ARG(use->path.name.name), STR_ARG(id->name));
}

static enum status resolve_use(struct type_scope *scope, const struct ast_item *use)
{
    struct resolver *r = scope->r;
    struct wit_interface *from;
    TRY(resolve_interface_path(r, scope->file, &use->path, &from));
    for (size_t i = 0; i < use->names.len; i++) {
        const struct ast_rename *name = &use->names.items[i];
        const struct wit_type *target = wit_interface_type(from, name->name.name);
        if (!target)
            return fail_unknown_use(scope, use, &name->name);
        struct wit_type *type = wit_type_new(r->model, WIT_ALIAS, target, NULL);
        type->notes = resolve_notes(&use->gate, STR(""));
        TRY(define(scope, &name->alias, type));
    }
    if (scope->interface && from->depth >= scope->interface->depth)
        scope->interface->depth = from->depth + 1;
    if (scope->interface && scope->interface->depth > WIT_MAX_INTERFACE_DEPTH)
        return wit_fail_at_status(r->err, ST_LIMIT, use->path.name.pos, "interfaces use each other more than %u deep",
                                  WIT_MAX_INTERFACE_DEPTH);
    return ST_OK;
}

/* The order of definition. */
struct type_order {
    struct type_scope *scope;
    struct map numbers;                 /* name -> node + 1 */
    VEC(const struct ast_item *) nodes; /* NULL: brought in by `use` */
    struct graph graph;
};

static enum status add_reference(struct type_order *order, uint32_t from, const struct ast_id *id)
{
    uintptr_t number = (uintptr_t)map_get(&order->numbers, id->name);
    if (!number)
        return fail_unknown_type(order->scope, id);
    vec_push(&order->graph.edges, (struct graph_edge){from, (uint32_t)number - 1, id});
    return ST_OK;
}

static enum status add_references(struct type_order *order, uint32_t from, const struct ast_type *ast)
{
    if (!ast)
        return ST_OK;
    if (ast->id.name.len)
        return add_reference(order, from, &ast->id);
    TRY(add_references(order, from, ast->first));
    TRY(add_references(order, from, ast->second));
    for (size_t i = 0; i < ast->fields.len; i++)
        TRY(add_references(order, from, ast->fields.items[i].type));
    return ST_OK;
}

static void add_node(struct type_order *order, struct str name, const struct ast_item *item)
{
    vec_push(&order->nodes, item);
    map_set(&order->numbers, name, (void *)(uintptr_t)order->nodes.len);
    order->graph.count++;
}

/* What is in a hidden resource must be hidden by the same token. */
static enum status hide_type(struct type_scope *scope, const struct ast_item *item)
{
    bool hidden = true;
    map_set(&scope->hidden, item->id.name, (void *)(uintptr_t)item);
    for (size_t i = 0; i < item->type->functions.len; i++) {
        const struct ast_function *function = item->type->functions.items[i];
        TRY(resolve_gate(scope->r, &function->gate, function->id.pos, &hidden));
        if (!hidden)
            return wit_fail_at(scope->r->err, function->id.pos, "this must be `@unstable` too, because `%.*s`, which it is in, is",
                               STR_ARG(item->id.name));
    }
    return ST_OK;
}

static enum status build_order(struct type_order *order)
{
    struct type_scope *scope = order->scope;
    for (size_t i = 0; i < scope->items->len; i++) {
        const struct ast_item *item = scope->items->items[i];
        bool hidden;
        if (item->kind != AST_TYPE && item->kind != AST_USE)
            continue;
        TRY(resolve_gate(scope->r, &item->gate, item->gate.pos, &hidden));
        for (size_t j = 0; item->kind == AST_USE && j < item->names.len; j++) {
            if (hidden)
                map_set(&scope->hidden, item->names.items[j].alias.name, (void *)(uintptr_t)item);
            else
                add_node(order, item->names.items[j].alias.name, NULL);
        }
        if (item->kind == AST_USE && !hidden)
            TRY(resolve_use(scope, item));
        else if (item->kind == AST_TYPE && hidden)
            TRY(hide_type(scope, item));
        else if (item->kind == AST_TYPE)
            add_node(order, item->id.name, item);
    }
    for (uint32_t i = 0; i < order->nodes.len; i++)
        if (order->nodes.items[i])
            TRY(add_references(order, i, order->nodes.items[i]->type));
    return ST_OK;
}

static enum status define_in_order(struct type_order *order)
{
    const struct graph_edge *edge;
    autofree uint32_t *sorted = mem_array(order->nodes.len + 1, sizeof *sorted);
    if (!graph_sort(&order->graph, sorted, &edge)) {
        const struct ast_id *id = edge->where;
        return wit_fail_at(order->scope->r->err, id->pos, "type `%.*s` contains itself; types cannot be recursive",
                           STR_ARG(id->name));
    }
    for (uint32_t i = 0; i < order->nodes.len; i++)
        if (order->nodes.items[sorted[i]])
            TRY(define_type(order->scope, order->nodes.items[sorted[i]]));
    return ST_OK;
}

enum status resolve_types(struct type_scope *scope)
{
    struct type_order order = {.scope = scope};
    enum status status = build_order(&order);
    if (status == ST_OK)
        status = define_in_order(&order);
    map_release(&order.numbers);
    vec_release(&order.nodes);
    vec_release(&order.graph.edges);
    return status;
}

/* Functions. */
static enum status resolve_params(struct type_scope *scope, const struct ast_function *ast, struct wit_function *function)
{
    struct resolver *r = scope->r;
    struct map seen = {0};
    enum status status = ST_OK;
    if (function->kind == WIT_METHOD) {
        map_set(&seen, STR("self"), function);
        wit_function_add_param(r->model, function, STR("self"), wit_type_new(r->model, WIT_BORROW, function->resource, NULL));
    }
    for (size_t i = 0; i < ast->params.len && status == ST_OK; i++) {
        const struct ast_field *param = &ast->params.items[i];
        const struct wit_type *type = NULL;
        if (map_set(&seen, wit_name_unique_key(&r->model->arena, param->id.name), function))
            status = wit_fail_at(r->err, param->id.pos, "function `%.*s` already has a parameter named `%.*s`",
                                 STR_ARG(function->name), STR_ARG(param->id.name));
        else
            status = resolve_type(scope, param->type, &type);
        wit_function_add_param(r->model, function, param->id.name, type);
    }
    map_release(&seen);
    return status;
}

static enum status resolve_constructor_result(struct type_scope *scope, const struct ast_function *ast,
                                              struct wit_function *function)
{
    const struct wit_type *type;
    if (!ast->result) {
        wit_function_set_result(function, wit_type_new(scope->r->model, WIT_OWN, function->resource, NULL));
        return ST_OK;
    }
    TRY(resolve_type(scope, ast->result, &type));
    bool fits = type->kind == WIT_RESULT && type->ok && type->ok->kind == WIT_OWN && type->ok->resource == function->resource;
    if (!fits)
        return wit_fail_at(scope->r->err, ast->result->pos,
                           "a constructor of `%.*s` can only return `result<%.*s>` or `result<%.*s, E>`",
                           STR_ARG(function->resource->name), STR_ARG(function->resource->name), STR_ARG(function->resource->name));
    wit_function_set_result(function, type);
    return ST_OK;
}

static enum status resolve_result(struct type_scope *scope, const struct ast_function *ast, struct wit_function *function)
{
    if (ast->kind == WIT_CONSTRUCTOR)
        return resolve_constructor_result(scope, ast, function);
    const struct wit_type *type = NULL;
    if (ast->result)
        TRY(resolve_type(scope, ast->result, &type));
    if (type && type->has_borrow)
        return wit_fail_at(scope->r->err, ast->result->pos, "function `%.*s` cannot return a `borrow`", STR_ARG(function->name));
    wit_function_set_result(function, type);
    return ST_OK;
}

static struct str component_name(struct arena *arena, const struct ast_function *ast, struct str resource)
{
    switch (ast->kind) {
    case WIT_METHOD:
        return arena_printf(arena, "[method]%.*s.%.*s", STR_ARG(resource), STR_ARG(ast->id.name));
    case WIT_STATIC:
        return arena_printf(arena, "[static]%.*s.%.*s", STR_ARG(resource), STR_ARG(ast->id.name));
    case WIT_CONSTRUCTOR:
        return arena_printf(arena, "[constructor]%.*s", STR_ARG(resource));
    default:
        return ast->id.name;
    }
}

enum status resolve_function(struct type_scope *scope, const struct ast_function *ast, struct wit_type *resource,
                             struct wit_function **ret_function)
{
    struct resolver *r = scope->r;
    struct str name = component_name(&r->model->arena, ast, resource ? resource->name : STR(""));
    struct wit_function *function = wit_function_new(r->model, name, resource);
    function->is_async = ast->is_async;
    function->notes = resolve_notes(&ast->gate, ast->docs);
    TRY(resolve_params(scope, ast, function));
    TRY(resolve_result(scope, ast, function));
    TRY(wit_model_check_size(r->model, r->err));
    *ret_function = function;
    return ST_OK;
}

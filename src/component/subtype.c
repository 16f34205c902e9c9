#include "component/decode.h"

/* Function and value types must be the same, as in other runtimes; only instances, components and modules may offer more, or want
 * less, than is expected of them. */

void cm_subtyping_release(struct cm_subtyping *s)
{
    idmap_release(&s->bindings[0]);
    idmap_release(&s->bindings[1]);
    vec_release(&s->undo);
}

void cm_subtyping_bind(struct cm_subtyping *s, unsigned side, uint32_t resource, uint32_t to)
{
    struct subtyping_undo undo = {.side = side, .resource = resource};
    undo.was_bound = idmap_get_id(&s->bindings[side], resource, &undo.before);
    vec_push(&s->undo, undo);
    idmap_set_id(&s->bindings[side], resource, to);
}

static void unbind_to(struct cm_subtyping *s, size_t mark)
{
    while (s->undo.len > mark) {
        struct subtyping_undo undo = vec_pop(&s->undo);
        if (undo.was_bound)
            idmap_set_id(&s->bindings[undo.side], undo.resource, undo.before);
        else
            idmap_remove(&s->bindings[undo.side], undo.resource);
    }
}

static uint32_t resolve(const struct cm_subtyping *s, unsigned side, uint32_t resource)
{
    (void)idmap_get_id(&s->bindings[side], resource, &resource);
    return resource;
}

/* Binds resources of `side` to what is found at their paths in the externs of the other side; the rest shows as a type error later.
 */
static enum status bind_paths(struct cm_subtyping *s, unsigned side, const struct cm_resource_path *paths, uint32_t count,
                              const struct cm_externs *others)
{
    uint32_t found;
    for (uint32_t i = 0; i < count; i++) {
        TRY(cm_spend_path(s->d, &paths[i]));
        if (cm_resource_at(others, paths[i].path, paths[i].path_len, &found))
            cm_subtyping_bind(s, side, paths[i].resource, resolve(s, 1 - side, found));
    }
    return ST_OK;
}

static enum status expected(struct cm_subtyping *s, const char *wanted, const char *found)
{
    return cm_invalid(s->d, "expected %s, found %s", wanted, found);
}

/* --- values and functions -------------------------------------------------------------------------------------------- */

static enum status same_value(struct cm_subtyping *s, unsigned side, const struct cm_type *a, const struct cm_type *b);

static enum status same_payload(struct cm_subtyping *s, unsigned side, const struct cm_type *a, const struct cm_type *b)
{
    if (a && b)
        return same_value(s, side, a, b);
    return a == b ? ST_OK : expected(s, b ? "a type" : "no type", a ? "one" : "none");
}

static enum status same_fields(struct cm_subtyping *s, unsigned side, const struct cm_type *a, const struct cm_type *b)
{
    const char *kind = cm_kind_name(a->kind);
    TRY(cm_spend(s->d, 1));
    if (a->count != b->count)
        return cm_invalid(s->d, "expected %s of %u, found one of %u", kind, b->count, a->count);
    for (uint32_t i = 0; a->fields && i < a->count; i++) {
        const struct cm_field *x = &a->fields[i], *y = &b->fields[i];
        TRY(cm_spend(s->d, cm_name_cost(x->name)));
        if (!str_eq(x->name, y->name))
            return cm_invalid(s->d, "expected `%.*s` in %s, found `%.*s`", STR_ARG(y->name), kind, STR_ARG(x->name));
        if (same_payload(s, side, x->type, y->type) == ST_OK)
            continue;
        return x->name.len ? fail_wrap(s->d->err, "type mismatch in %s `%.*s`", kind, STR_ARG(x->name))
                           : fail_wrap(s->d->err, "type mismatch in %s item %u", kind, i);
    }
    return ST_OK;
}

static enum status same_value(struct cm_subtyping *s, unsigned side, const struct cm_type *a, const struct cm_type *b)
{
    if (a == b && !a->has_handle)
        return ST_OK;
    TRY(cm_spend(s->d, 1));
    if (a->kind != b->kind)
        return expected(s, cm_kind_name(b->kind), cm_kind_name(a->kind));
    if ((a->kind == CM_OWN || a->kind == CM_BORROW) && resolve(s, side, a->resource) != resolve(s, 1 - side, b->resource))
        return cm_invalid(s->d, "resource types are not the same");
    TRY(same_fields(s, side, a, b));
    return same_payload(s, side, a->element, b->element);
}

static enum status same_func(struct cm_subtyping *s, unsigned side, const struct cm_deftype *a, const struct cm_deftype *b)
{
    const struct cm_func_type *x = a->func, *y = b->func;
    if (x == y && !a->has_resource)
        return ST_OK;
    TRY(cm_spend(s->d, 1));
    if (x->is_async != y->is_async)
        return expected(s, y->is_async ? "async function" : "sync function", x->is_async ? "async function" : "sync function");
    if (x->param_count != y->param_count)
        return cm_invalid(s->d, "expected %u parameters, found %u", y->param_count, x->param_count);
    for (uint32_t i = 0; i < x->param_count; i++) {
        const struct cm_field *p = &x->params[i], *q = &y->params[i];
        TRY(cm_spend(s->d, cm_name_cost(p->name)));
        if (!str_eq(p->name, q->name))
            return cm_invalid(s->d, "expected parameter named `%.*s`, found `%.*s`", STR_ARG(q->name), STR_ARG(p->name));
        if (same_value(s, side, p->type, q->type) != ST_OK)
            return fail_wrap(s->d->err, "type mismatch in function parameter `%.*s`", STR_ARG(p->name));
    }
    if (!x->result != !y->result)
        return expected(s, y->result ? "a result" : "no result", x->result ? "one" : "none");
    if (x->result && same_value(s, side, x->result, y->result) != ST_OK)
        return fail_wrap(s->d->err, "type mismatch with result type");
    return ST_OK;
}

/* --- core items ------------------------------------------------------------------------------------------------------ */

static enum status same_core_func(struct cm_decoder *d, const struct engine_extern_type *a, const struct engine_extern_type *b)
{
    const struct engine_func_type *x = &a->func, *y = &b->func;
    if (!a->exact_type_known || !b->exact_type_known)
        return ST_OK; /* the engine compares again when it links */
    if (x->param_count == y->param_count && x->result_count == y->result_count &&
        memcmp(x->params, y->params, x->param_count) == 0 && memcmp(x->results, y->results, x->result_count) == 0)
        return ST_OK;
    return cm_invalid(d, "expected core function of %u parameters and %u results, found %u and %u, or other types", y->param_count,
                      y->result_count, x->param_count, x->result_count);
}

static enum status within_limits(struct cm_decoder *d, const char *what, const struct engine_extern_type *a,
                                 const struct engine_extern_type *b)
{
    if (a->is_shared != b->is_shared)
        return cm_invalid(d, "mismatch in the shared flag for %s", what);
    if (a->is_64 != b->is_64)
        return cm_invalid(d, "mismatch in index type used for %s", what);
    if (a->min < b->min || (b->has_max && (!a->has_max || a->max > b->max)))
        return cm_invalid(d, "mismatch in %s limits", what);
    return ST_OK;
}

enum status cm_core_subtype(struct cm_decoder *d, const struct engine_extern_type *a, const struct engine_extern_type *b)
{
    static const char *const kinds[] = {[ENGINE_FUNC] = "func",
                                        [ENGINE_TABLE] = "table",
                                        [ENGINE_MEMORY] = "memory",
                                        [ENGINE_GLOBAL] = "global",
                                        [ENGINE_TAG] = "tag"};
    bool exact = a->exact_type_known && b->exact_type_known;
    if (a->kind != b->kind)
        return cm_invalid(d, "expected %s, found %s", kinds[b->kind], kinds[a->kind]);
    switch (a->kind) {
    case ENGINE_FUNC:
    case ENGINE_TAG:
        return same_core_func(d, a, b);
    case ENGINE_TABLE:
        if (exact && a->val_type != b->val_type)
            return cm_invalid(d, "mismatch in table element type");
        return within_limits(d, "table", a, b);
    case ENGINE_MEMORY:
        if (a->page_size_log2 != b->page_size_log2)
            return cm_invalid(d, "mismatch in page size for memories");
        return within_limits(d, "memory", a, b);
    case ENGINE_GLOBAL:
        if (a->is_mutable != b->is_mutable)
            return cm_invalid(d, "global types differ in mutability");
        if (exact && a->val_type != b->val_type)
            return cm_invalid(d, "mismatch in global type");
        return ST_OK;
    }
    return ST_OK;
}

/* What a module imports, by both names. */
static const struct engine_import *find_import(const struct cm_module_type *module, struct str from, struct str name)
{
    for (uint32_t i = 0; i < module->import_count; i++)
        if (str_eq(module->imports[i].module, from) && str_eq(module->imports[i].name, name))
            return &module->imports[i];
    return NULL;
}

static enum status module_subtype(struct cm_subtyping *s, const struct cm_module_type *a, const struct cm_module_type *b)
{
    for (uint32_t i = 0; i < a->import_count; i++) {
        struct str module = a->imports[i].module, name = a->imports[i].name;
        TRY(cm_spend(s->d, 1 + (uint64_t)b->import_count * (cm_name_cost(module) + cm_name_cost(name))));
        const struct engine_import *given = find_import(b, module, name);
        if (!given)
            return cm_invalid(s->d, "missing expected import `%.*s::%.*s`", STR_ARG(module), STR_ARG(name));
        if (cm_core_subtype(s->d, &given->type, &a->imports[i].type) != ST_OK)
            return fail_wrap(s->d->err, "type mismatch in import `%.*s::%.*s`", STR_ARG(module), STR_ARG(name));
    }
    for (uint32_t i = 0; i < b->exports.count; i++) {
        const struct engine_export *wanted = &b->exports.items[i];
        const struct engine_export *found = cm_core_export_find(&a->exports, wanted->name);
        TRY(cm_spend(s->d, cm_name_cost(wanted->name)));
        if (!found)
            return cm_invalid(s->d, "missing expected export `%.*s`", STR_ARG(wanted->name));
        if (cm_core_subtype(s->d, &found->type, &wanted->type) != ST_OK)
            return fail_wrap(s->d->err, "type mismatch in export `%.*s`", STR_ARG(wanted->name));
    }
    return ST_OK;
}

/* --- instances and components ---------------------------------------------------------------------------------------- */

/* Everything in `wanted`, which is of the other side, is in `given`. */
static enum status provides(struct cm_subtyping *s, unsigned side, const struct cm_externs *given, const struct cm_externs *wanted,
                            const char *what)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct cm_named_extern *b = &wanted->items[i], *a = cm_extern_find(given, b->name.text);
        TRY(cm_spend(s->d, cm_name_cost(b->name.text)));
        if (!a)
            return cm_invalid(s->d, "missing expected %s `%.*s`", what, STR_ARG(b->name.text));
        if (cm_subtype(s, side, a->type, b->type) != ST_OK)
            return fail_wrap(s->d->err, "type mismatch in %s `%.*s`", what, STR_ARG(b->name.text));
    }
    return ST_OK;
}

static enum status instance_subtype(struct cm_subtyping *s, unsigned side, const struct cm_instance_type *a,
                                    const struct cm_instance_type *b)
{
    size_t mark = s->undo.len;
    enum status status = bind_paths(s, 1 - side, b->bound, b->bound_count, &a->exports);
    if (status == ST_OK)
        status = provides(s, side, &a->exports, &b->exports, "instance export");
    unbind_to(s, mark);
    return status;
}

/* Who expects a component of type b gives it b's imports, which must do for a's, and gets a's exports, which must do for b's. */
static enum status component_subtype(struct cm_subtyping *s, unsigned side, const struct cm_component_type *a,
                                     const struct cm_component_type *b)
{
    size_t mark = s->undo.len;
    enum status status = bind_paths(s, side, a->imported, a->imported_count, &b->imports);
    if (status == ST_OK)
        status = provides(s, 1 - side, &b->imports, &a->imports, "import");
    if (status == ST_OK)
        status = bind_paths(s, 1 - side, b->defined, b->defined_count, &a->exports);
    if (status == ST_OK)
        status = provides(s, side, &a->exports, &b->exports, "export");
    unbind_to(s, mark);
    return status;
}

static enum status type_subtype(struct cm_subtyping *s, unsigned side, const struct cm_deftype *a, const struct cm_deftype *b)
{
    bool unbound = s->bindings[0].len == 0 && s->bindings[1].len == 0;
    if (a == b && (unbound || !a->has_resource))
        return ST_OK;
    TRY(cm_spend(s->d, 1));
    if (a->kind != b->kind)
        return cm_invalid(s->d, "expected %s%s, found %s%s", cm_deftype_text(b->kind), b->kind == CM_DEFTYPE_VALUE ? " type" : "",
                          cm_deftype_text(a->kind), a->kind == CM_DEFTYPE_VALUE ? " type" : "");
    switch (a->kind) {
    case CM_DEFTYPE_VALUE:
        return same_value(s, side, a->value, b->value);
    case CM_DEFTYPE_RESOURCE:
        if (resolve(s, side, a->resource) != resolve(s, 1 - side, b->resource))
            return cm_invalid(s->d, "resource types are not the same");
        return ST_OK;
    case CM_DEFTYPE_FUNC:
        return same_func(s, side, a, b);
    case CM_DEFTYPE_COMPONENT:
        return component_subtype(s, side, a->component, b->component);
    case CM_DEFTYPE_INSTANCE:
        return instance_subtype(s, side, a->instance, b->instance);
    }
    return ST_OK;
}

enum status cm_subtype(struct cm_subtyping *s, unsigned side, struct cm_extern a, struct cm_extern b)
{
    if (a.sort != b.sort)
        return expected(s, cm_sort_text(b.sort), cm_sort_text(a.sort));
    return a.sort == CM_SORT_CORE_MODULE ? module_subtype(s, a.module, b.module) : type_subtype(s, side, a.type, b.type);
}

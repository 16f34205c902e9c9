#include "component/plan_private.h"

#include "base/map.h"

enum status plan_spend(struct planner *p, uint64_t count)
{
    if (count > PLAN_MAX_ITEMS - p->items_touched)
        return fail(p->err, ST_LIMIT, "flattening the component takes more than %u steps", PLAN_MAX_ITEMS);
    p->items_touched += (uint32_t)count;
    return ST_OK;
}

/* What validation has ruled out, but what memory safety depends on. */
static enum status inconsistent(struct planner *p, const struct cm_def *def, const char *what, struct str name)
{
    return fail(p->err, ST_INVALID, "%s `%.*s` does not fit its use (at offset 0x%zx)", what, STR_ARG(name), def->offset);
}

/* --- resources --------------------------------------------------------------------------------------------------------------- */

static void bind(struct planner *p, uint32_t abstract, uint32_t concrete)
{
    vec_push(&p->undo, (struct plan_undo){abstract, p->concrete[abstract]});
    p->concrete[abstract] = concrete;
}

static uint32_t concrete_resource(uint32_t abstract, void *env)
{
    struct planner *p = env;
    uint32_t concrete = abstract < p->ir->resource_count ? p->concrete[abstract] : CM_NO_INDEX;
    if (concrete == CM_NO_INDEX)
        p->unbound = true;
    return concrete;
}

static uint32_t resource_of_type(const struct planner *p, const struct cm_extern *type)
{
    return type->type->kind == CM_DEFTYPE_RESOURCE ? p->concrete[type->type->resource] : CM_NO_INDEX;
}

static enum status concrete_func(struct planner *p, const struct cm_func_type *type, const struct cm_func_type **ret_type)
{
    TRY(plan_spend(p, 1 + type->param_count));
    p->unbound = false;
    TRY(cm_func_type_substitute(p->types, type, concrete_resource, p, ret_type, p->err));
    return p->unbound ? fail(p->err, ST_INVALID, "a function's type mentions a resource that is not there") : ST_OK;
}

/* Binds the resources that came into being with `item`. */
static enum status bind_introduced(struct planner *p, const struct cm_def *def, union plan_item item)
{
    for (uint32_t i = 0; i < def->introduced_count; i++) {
        const struct cm_resource_path *path = &def->introduced[i];
        union plan_item at = item;
        for (uint32_t k = 0; k < path->path_len; k++) {
            const struct cm_named_extern *named = cm_extern_find(at.instance->names, path->path[k]);
            if (!named)
                return inconsistent(p, def, "resource", path->path[k]);
            at = at.instance->items[named - at.instance->names->items];
        }
        bind(p, path->resource, at.resource);
    }
    return ST_OK;
}

/* --- items ------------------------------------------------------------------------------------------------------------------- */

static union plan_item item_at(const struct planner *p, const struct plan_frame *f, enum cm_sort sort, uint32_t index)
{
    if (sort == CM_SORT_TYPE)
        return (union plan_item){.resource = resource_of_type(p, &f->body->items[CM_SORT_TYPE][index])};
    return f->items[sort][index];
}

static void push(struct plan_frame *f, enum cm_sort sort, union plan_item item)
{
    if (f->items[sort])
        f->items[sort][f->filled[sort]] = item;
    f->filled[sort]++;
}

static const struct cm_extern *type_of(const struct plan_frame *f, const struct cm_def *def)
{
    return &f->body->items[def->sort][def->index];
}

static struct cm_core_ref optional_core_func(const struct plan_frame *f, uint32_t index)
{
    return index == CM_NO_INDEX ? (struct cm_core_ref){.slot = CM_NO_SLOT} : f->items[CM_SORT_CORE_FUNC][index].core;
}

/* --- core modules and instances ---------------------------------------------------------------------------------------------- */

static uint32_t add_module(struct planner *p, const struct cm_plan_module *module)
{
    vec_push(&p->module_list, *module);
    return (uint32_t)p->module_list.len - 1;
}

/* A body that is instantiated twice defines one module. */
static void define_module(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    uint32_t index;
    if (!idmap_get_id(&p->modules, (uint32_t)def->offset, &index)) {
        index = add_module(
            p, &(struct cm_plan_module){
                   .bytes = def->module.bytes, .info = def->module.info, .type = type_of(f, def)->module, .offset = def->offset});
        idmap_set_id(&p->modules, (uint32_t)def->offset, index);
    }
    push(f, CM_SORT_CORE_MODULE, (union plan_item){.module = index});
}

static const struct cm_core_ref *group_ref(const struct plan_group *group, struct str name, struct cm_core_ref *storage)
{
    const struct engine_export *export = cm_core_export_find(group->names, name);
    if (!export)
        return NULL;
    uint32_t index = (uint32_t)(export - group->names->items);
    *storage = group->instance == CM_NO_INDEX
                   ? group->items[index]
                   : (struct cm_core_ref){.kind = CM_REF_EXPORT, .instance = group->instance, .index = index, .slot = CM_NO_SLOT};
    return storage;
}

static enum status bind_core_imports(struct planner *p, const struct plan_frame *f, const struct cm_def *def, struct map *args,
                                     struct cm_plan_core_instance *instance)
{
    const struct cm_module_type *type = p->module_list.items[instance->module].type;
    for (uint32_t i = 0; i < def->core_instantiate.arg_count; i++)
        map_set(args, def->core_instantiate.args[i].name,
                (void *)(uintptr_t)f->items[CM_SORT_CORE_INSTANCE][def->core_instantiate.args[i].instance].group);
    for (uint32_t i = 0; i < type->import_count; i++) {
        const struct plan_group *group = map_get(args, type->imports[i].module);
        if (!group || !group_ref(group, type->imports[i].name, &instance->imports[i]))
            return inconsistent(p, def, "import of a core module", type->imports[i].name);
    }
    return ST_OK;
}

static enum status instantiate_core(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    uint32_t module = f->items[CM_SORT_CORE_MODULE][def->core_instantiate.module].module;
    const struct cm_module_type *type = p->module_list.items[module].type;
    TRY(plan_spend(p, 1ull + type->import_count + def->core_instantiate.arg_count));
    if (p->core_instances.len == CM_LIMIT_FLAT_CORE_INSTANCES)
        return fail(p->err, ST_LIMIT, "the component has more than %u core instances", CM_LIMIT_FLAT_CORE_INSTANCES);
    struct cm_plan_core_instance instance = {.module = module, .owner = f->instance, .import_count = type->import_count};
    instance.imports = ARENA_ARRAY(p->arena, struct cm_core_ref, type->import_count);
    struct map args = {0};
    enum status status = bind_core_imports(p, f, def, &args, &instance);
    map_release(&args);
    TRY(status);
    struct plan_group *group = ARENA_NEW(&p->scratch, struct plan_group);
    *group = (struct plan_group){.names = &type->exports, .instance = (uint32_t)p->core_instances.len};
    vec_push(&p->core_instances, instance);
    push(f, CM_SORT_CORE_INSTANCE, (union plan_item){.group = group});
    return ST_OK;
}

static enum status bundle_core(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    const struct cm_core_exports *names = type_of(f, def)->core_instance;
    TRY(plan_spend(p, 1ull + def->bundle.count));
    struct cm_core_ref *items = ARENA_ARRAY(&p->scratch, struct cm_core_ref, names->count);
    for (uint32_t i = 0; i < def->bundle.count; i++) {
        const struct cm_item_arg *item = &def->bundle.items[i];
        const struct engine_export *export = cm_core_export_find(names, item->name);
        if (!export)
            return inconsistent(p, def, "core export", item->name);
        items[export - names->items] = f->items[item->sort][item->index].core;
    }
    struct plan_group *group = ARENA_NEW(&p->scratch, struct plan_group);
    *group = (struct plan_group){.names = names, .instance = CM_NO_INDEX, .items = items};
    push(f, CM_SORT_CORE_INSTANCE, (union plan_item){.group = group});
    return ST_OK;
}

static enum status alias_core_export(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    union plan_item item;
    if (!group_ref(f->items[CM_SORT_CORE_INSTANCE][def->alias.instance].group, def->alias.name, &item.core))
        return inconsistent(p, def, "core export", def->alias.name);
    push(f, def->sort, item);
    return ST_OK;
}

/* --- canonical definitions --------------------------------------------------------------------------------------------------- */

static struct cm_plan_options options_of(const struct plan_frame *f, const struct cm_canon_options *options)
{
    struct cm_plan_options out = {.encoding = options->encoding,
                                  .is_async = options->is_async,
                                  .realloc = optional_core_func(f, options->realloc),
                                  .post_return = optional_core_func(f, options->post_return),
                                  .callback = optional_core_func(f, options->callback),
                                  .memory = {.slot = CM_NO_SLOT}};
    if (options->memory != CM_NO_INDEX)
        out.memory = f->items[CM_SORT_CORE_MEMORY][options->memory].core;
    return out;
}

static enum status lift(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    struct cm_plan_lift *lifted = vec_add(&p->lifts);
    lifted->owner = f->instance;
    lifted->func = f->items[CM_SORT_CORE_FUNC][def->canon.func].core;
    lifted->options = options_of(f, &def->canon.options);
    push(f, CM_SORT_FUNC, (union plan_item){.func = {.is_import = false, .index = (uint32_t)p->lifts.len - 1}});
    return concrete_func(p, def->canon.signature, &lifted->type);
}

/* The type that the lowering component sees and the one that the function was made with are one, once resources are concrete. */
static enum status lower(struct planner *p, const struct plan_frame *f, const struct cm_def *def, struct cm_trampoline *t)
{
    struct plan_func_item func = f->items[CM_SORT_FUNC][def->canon.func].func;
    const struct cm_func_type *own = func.is_import ? p->import_funcs.items[func.index].type : p->lifts.items[func.index].type;
    t->kind = func.is_import ? CM_TRAMPOLINE_HOST : CM_TRAMPOLINE_GUEST;
    t->target = func.index;
    t->options = options_of(f, &def->canon.options);
    TRY(concrete_func(p, def->canon.signature, &t->type));
    return t->type == own ? ST_OK : inconsistent(p, def, "type of lowered function", STR(""));
}

static enum status task_return(struct planner *p, const struct plan_frame *f, const struct cm_canon *canon, struct cm_trampoline *t)
{
    t->options = options_of(f, &canon->options);
    return concrete_func(p, canon->signature, &t->type);
}

/* Only its implementer may make handles of a resource, or look into them. */
static enum status resource_builtin(struct planner *p, const struct plan_frame *f, const struct cm_def *def,
                                    struct cm_trampoline *t)
{
    t->target = p->concrete[def->canon.resource];
    if (t->target == CM_NO_INDEX ||
        (def->canon.kind != CM_CANON_RESOURCE_DROP && p->resources.items[t->target].instance != f->instance))
        return inconsistent(p, def, "resource of", str_of(cm_canon_text(def->canon.kind)));
    return ST_OK;
}

static enum status define_canon(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    const struct cm_canon *canon = &def->canon;
    if (canon->kind == CM_CANON_LIFT)
        return lift(p, f, def);
    if (p->trampolines.len == CM_LIMIT_FLAT_TRAMPOLINES)
        return fail(p->err, ST_LIMIT, "the component has more than %u lowered functions", CM_LIMIT_FLAT_TRAMPOLINES);
    struct cm_trampoline t = {.kind = CM_TRAMPOLINE_BUILTIN,
                              .builtin = canon->kind,
                              .owner = f->instance,
                              .core_type = type_of(f, def)->core->func,
                              .canon = canon};
    if (canon->kind == CM_CANON_LOWER)
        TRY(lower(p, f, def, &t));
    else if (canon->kind == CM_CANON_TASK_RETURN)
        TRY(task_return(p, f, canon, &t));
    else if (canon->kind <= CM_CANON_RESOURCE_REP)
        TRY(resource_builtin(p, f, def, &t));
    push(f, CM_SORT_CORE_FUNC,
         (union plan_item){
             .core = {
                 .kind = CM_REF_TRAMPOLINE, .index = (uint32_t)p->trampolines.len, .instance = CM_NO_INDEX, .slot = CM_NO_SLOT}});
    vec_push(&p->trampolines, t);
    return ST_OK;
}

static void define_resource(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    bind(p, def->resource.resource, (uint32_t)p->resources.len);
    vec_push(&p->resources, (struct cm_plan_resource){
                                .instance = f->instance, .dtor = optional_core_func(f, def->resource.dtor), .import = CM_NO_INDEX});
    push(f, CM_SORT_TYPE, (union plan_item){.resource = 0});
}

/* --- component instances ----------------------------------------------------------------------------------------------------- */

static enum status bundle(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    const struct cm_externs *names = &type_of(f, def)->type->instance->exports;
    TRY(plan_spend(p, 1ull + def->bundle.count));
    struct plan_instance_item *instance = ARENA_NEW(&p->scratch, struct plan_instance_item);
    *instance = (struct plan_instance_item){.names = names, .items = ARENA_ARRAY(&p->scratch, union plan_item, names->count)};
    for (uint32_t i = 0; i < def->bundle.count; i++) {
        const struct cm_item_arg *item = &def->bundle.items[i];
        const struct cm_named_extern *named = cm_extern_find(names, item->name);
        if (!named)
            return inconsistent(p, def, "export", item->name);
        instance->items[named - names->items] = item_at(p, f, item->sort, item->index);
    }
    push(f, CM_SORT_INSTANCE, (union plan_item){.instance = instance});
    return ST_OK;
}

static enum status alias_export(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    const struct plan_instance_item *instance = f->items[CM_SORT_INSTANCE][def->alias.instance].instance;
    const struct cm_named_extern *named = cm_extern_find(instance->names, def->alias.name);
    if (!named || named->type.sort != def->sort)
        return inconsistent(p, def, "export", def->alias.name);
    push(f, def->sort, instance->items[named - instance->names->items]);
    return ST_OK;
}

static void alias_outer(const struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    const struct plan_frame *outer = f;
    for (uint32_t i = 0; i < def->outer.count; i++)
        outer = outer->parent;
    if (def->sort == CM_SORT_CORE_TYPE || def->sort == CM_SORT_TYPE)
        push(f, def->sort, (union plan_item){.resource = 0});
    else
        push(f, def->sort, item_at(p, outer, def->sort, def->outer.index));
}

static enum status run(struct planner *p, struct plan_frame *f);

/* A frame with room for every index of `body`, and a component instance for it. */
static enum status frame_new(struct planner *p, struct plan_closure closure, uint32_t parent, struct plan_frame **ret_frame)
{
    const struct cm_body *body = closure.body;
    if (p->instances.len == CM_LIMIT_FLAT_COMPONENTS)
        return fail(p->err, ST_LIMIT, "the component has more than %u component instances", CM_LIMIT_FLAT_COMPONENTS);
    uint64_t total = body->def_count + body->type->exports.count;
    for (enum cm_sort sort = 0; sort < CM_SORT_COUNT; sort++)
        total += body->item_count[sort];
    TRY(plan_spend(p, total));
    struct plan_frame *f = ARENA_NEW(&p->scratch, struct plan_frame);
    *f = (struct plan_frame){.body = body, .parent = closure.env, .instance = (uint32_t)p->instances.len};
    for (enum cm_sort sort = 0; sort < CM_SORT_COUNT; sort++)
        if (sort != CM_SORT_TYPE && sort != CM_SORT_CORE_TYPE && sort != CM_SORT_VALUE)
            f->items[sort] = ARENA_ARRAY(&p->scratch, union plan_item, body->item_count[sort]);
    f->exports = ARENA_ARRAY(&p->scratch, union plan_item, body->type->exports.count);
    vec_push(&p->instances, (struct cm_plan_instance){.parent = parent,
                                                      .depth = parent == CM_NO_INDEX ? 0 : p->instances.items[parent].depth + 1,
                                                      .name = body->name});
    *ret_frame = f;
    return ST_OK;
}

static enum status run_with_args(struct planner *p, struct plan_frame *caller, const struct cm_def *def, struct plan_frame *f)
{
    TRY(plan_spend(p, def->instantiate.arg_count));
    union plan_item *items = ARENA_ARRAY(&p->scratch, union plan_item, def->instantiate.arg_count);
    for (uint32_t i = 0; i < def->instantiate.arg_count; i++) {
        const struct cm_item_arg *arg = &def->instantiate.args[i];
        items[i] = item_at(p, caller, arg->sort, arg->index);
        map_set(&f->args, arg->name, &items[i]);
    }
    return run(p, f);
}

static enum status instantiate(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    struct plan_closure closure = f->items[CM_SORT_COMPONENT][def->instantiate.component].component;
    if (!closure.body)
        return fail(p->err, ST_UNSUPPORTED, "the component instantiates a component that it imports");
    if (p->active == PLAN_MAX_ACTIVE)
        return fail(p->err, ST_LIMIT, "components are instantiated more than %u deep", PLAN_MAX_ACTIVE);
    struct plan_frame *child;
    TRY(frame_new(p, closure, f->instance, &child));
    size_t undo_from = p->undo.len;
    p->active++;
    enum status status = run_with_args(p, f, def, child);
    p->active--;
    map_release(&child->args);
    while (p->undo.len > undo_from) { /* the same body may be running further up, with resources of its own */
        struct plan_undo undo = vec_pop(&p->undo);
        p->concrete[undo.resource] = undo.before;
    }
    TRY(status);
    struct plan_instance_item *instance = ARENA_NEW(&p->scratch, struct plan_instance_item);
    *instance = (struct plan_instance_item){.names = &closure.body->type->exports, .items = child->exports};
    union plan_item item = {.instance = instance};
    push(f, CM_SORT_INSTANCE, item);
    return bind_introduced(p, def, item);
}

/* --- imports and exports ----------------------------------------------------------------------------------------------------- */

/* Where the walk over what the root imports stands. */
struct import_walk {
    struct cm_plan_import *import;
    uint32_t index;
    bool inside; /* an imported instance */
};

static void unsupported(struct import_walk *walk, const char *what, struct str name)
{
    if (!walk->import->unsupported) {
        walk->import->unsupported = what;
        walk->import->unsupported_name = name;
    }
}

static enum status import_item(struct planner *p, struct import_walk *walk, struct str name, const struct cm_extern *type,
                               union plan_item *ret_item);

static enum status import_instance(struct planner *p, struct import_walk *walk, const struct cm_externs *exports,
                                   union plan_item *ret_item)
{
    TRY(plan_spend(p, exports->count));
    struct plan_instance_item *instance = ARENA_NEW(&p->scratch, struct plan_instance_item);
    *instance = (struct plan_instance_item){.names = exports, .items = ARENA_ARRAY(&p->scratch, union plan_item, exports->count)};
    walk->inside = true;
    for (uint32_t i = 0; i < exports->count; i++)
        TRY(import_item(p, walk, exports->items[i].name.text, &exports->items[i].type, &instance->items[i]));
    ret_item->instance = instance;
    return ST_OK;
}

static enum status import_func(struct planner *p, const struct import_walk *walk, struct str name, const struct cm_func_type *type,
                               union plan_item *ret_item)
{
    struct cm_plan_import_func *func = vec_add(&p->import_funcs);
    func->import = walk->index;
    func->name = name;
    ret_item->func = (struct plan_func_item){.is_import = true, .index = (uint32_t)p->import_funcs.len - 1};
    return concrete_func(p, type, &func->type);
}

/* An item of the host's, to be found when the component is linked. */
static enum status import_item(struct planner *p, struct import_walk *walk, struct str name, const struct cm_extern *type,
                               union plan_item *ret_item)
{
    switch (type->sort) {
    case CM_SORT_FUNC:
        return import_func(p, walk, name, type->type->func, ret_item);
    case CM_SORT_TYPE:
        ret_item->resource = resource_of_type(p, type);
        if (ret_item->resource != CM_NO_INDEX)
            vec_push(&p->import_resources, (struct cm_plan_import_resource){walk->index, ret_item->resource, name});
        return ST_OK;
    case CM_SORT_INSTANCE:
        if (walk->inside)
            unsupported(walk, "an instance inside an instance", name);
        return import_instance(p, walk, &type->type->instance->exports, ret_item);
    case CM_SORT_CORE_MODULE:
        unsupported(walk, "a core module", name);
        ret_item->module = add_module(p, &(struct cm_plan_module){.type = type->module});
        return ST_OK;
    default:
        unsupported(walk, "a component", name);
        ret_item->component = (struct plan_closure){NULL, NULL};
        return ST_OK;
    }
}

/* Resources of an import come before its functions, which use them. */
static void import_resources(struct planner *p, const struct cm_def *def, uint32_t import_index)
{
    for (uint32_t i = 0; i < def->introduced_count; i++) {
        const struct cm_resource_path *path = &def->introduced[i];
        bind(p, path->resource, (uint32_t)p->resources.len);
        vec_push(&p->resources,
                 (struct cm_plan_resource){.instance = CM_NO_INDEX,
                                           .dtor = {.slot = CM_NO_SLOT},
                                           .import = import_index,
                                           .name = path->path_len ? path->path[path->path_len - 1] : def->import.name.text});
    }
}

static enum status import_at_root(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    uint32_t index = (uint32_t)p->imports.len;
    struct cm_plan_import import = {.name = def->import.name,
                                    .sort = def->sort,
                                    .first_func = (uint32_t)p->import_funcs.len,
                                    .first_resource = (uint32_t)p->import_resources.len};
    union plan_item item = {.resource = CM_NO_INDEX};
    import_resources(p, def, index);
    struct import_walk walk = {&import, index, false};
    TRY(import_item(p, &walk, def->import.name.text, type_of(f, def), &item));
    import.func_count = (uint32_t)p->import_funcs.len - import.first_func;
    import.resource_count = (uint32_t)p->import_resources.len - import.first_resource;
    vec_push(&p->imports, import);
    push(f, def->sort, item);
    return ST_OK;
}

static enum status import(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    if (f->instance == 0)
        return import_at_root(p, f, def);
    const union plan_item *arg = map_get(&f->args, def->import.name.text);
    if (!arg)
        return inconsistent(p, def, "import", def->import.name.text);
    push(f, def->sort, *arg);
    return bind_introduced(p, def, *arg);
}

static enum status export(struct planner *p, struct plan_frame *f, const struct cm_def *def) {
    const struct cm_externs *exports = &f->body->type->exports;
    const struct cm_named_extern *named = cm_extern_find(exports, def->export_.name.text);
    if (!named) return inconsistent(p, def, "export", def->export_.name.text);
    union plan_item item = item_at(p, f, def->sort, def->export_.index);
    f->exports[named - exports->items] = item;
    push(f, def->sort, item);
    return bind_introduced(p, def, item);
}

/* --- running ----------------------------------------------------------------------------------------------------------------- */

static enum status define(struct planner *p, struct plan_frame *f, const struct cm_def *def)
{
    switch (def->kind) {
    case CM_DEF_CORE_MODULE:
        define_module(p, f, def);
        return ST_OK;
    case CM_DEF_CORE_INSTANTIATE:
        return instantiate_core(p, f, def);
    case CM_DEF_CORE_BUNDLE:
        return bundle_core(p, f, def);
    case CM_DEF_COMPONENT:
        push(f, CM_SORT_COMPONENT, (union plan_item){.component = {def->body, f}});
        return ST_OK;
    case CM_DEF_INSTANTIATE:
        return instantiate(p, f, def);
    case CM_DEF_BUNDLE:
        return bundle(p, f, def);
    case CM_DEF_ALIAS_EXPORT:
        return alias_export(p, f, def);
    case CM_DEF_ALIAS_CORE_EXPORT:
        return alias_core_export(p, f, def);
    case CM_DEF_ALIAS_OUTER:
        alias_outer(p, f, def);
        return ST_OK;
    case CM_DEF_RESOURCE:
        define_resource(p, f, def);
        return ST_OK;
    case CM_DEF_CANON:
        return define_canon(p, f, def);
    case CM_DEF_IMPORT:
        return import(p, f, def);
    case CM_DEF_EXPORT:
        return export(p, f, def);
    default: /* types */
        push(f, def->sort, (union plan_item){.resource = 0});
        return ST_OK;
    }
}

static enum status run(struct planner *p, struct plan_frame *f)
{
    for (uint32_t i = 0; i < f->body->def_count; i++)
        TRY(define(p, f, &f->body->defs[i]));
    return ST_OK;
}

/* Exports as the root's type shows them: it may show less of an instance than there is. */
static enum status list_exports(struct planner *p, const struct cm_externs *names, const struct plan_instance_item *from,
                                const struct cm_plan_export **ret_items)
{
    TRY(plan_spend(p, names->count));
    struct cm_plan_export *items = ARENA_ARRAY(p->arena, struct cm_plan_export, names->count);
    for (uint32_t i = 0; i < names->count; i++) {
        const struct cm_named_extern *shown = &names->items[i], *named = cm_extern_find(from->names, shown->name.text);
        struct cm_plan_export *out = &items[i];
        if (!named || named->type.sort != shown->type.sort)
            return fail(p->err, ST_INVALID, "export `%.*s` is not there", STR_ARG(shown->name.text));
        union plan_item item = from->items[named - from->names->items];
        *out = (struct cm_plan_export){.name = shown->name.text, .sort = shown->type.sort, .kind = CM_EXPORT_OTHER};
        if (out->sort == CM_SORT_FUNC) {
            out->kind = item.func.is_import ? CM_EXPORT_IMPORT : CM_EXPORT_LIFT;
            out->target = item.func.index;
        } else if (out->sort == CM_SORT_TYPE && item.resource != CM_NO_INDEX) {
            out->kind = CM_EXPORT_RESOURCE;
            out->target = item.resource;
        } else if (out->sort == CM_SORT_INSTANCE) {
            out->kind = CM_EXPORT_INSTANCE;
            out->count = shown->type.type->instance->exports.count;
            TRY(list_exports(p, &shown->type.type->instance->exports, item.instance, &out->items));
        }
    }
    *ret_items = items;
    return ST_OK;
}

static enum status plan_root(struct planner *p, bool no_elide)
{
    struct plan_frame *root;
    const struct cm_externs *exports = &p->ir->root->type->exports;
    p->concrete = ARENA_ARRAY(&p->scratch, uint32_t, p->ir->resource_count);
    for (uint32_t i = 0; i < p->ir->resource_count; i++)
        p->concrete[i] = CM_NO_INDEX;
    TRY(frame_new(p, (struct plan_closure){p->ir->root, NULL}, CM_NO_INDEX, &root));
    TRY(run(p, root));
    struct plan_instance_item whole = {.names = exports, .items = root->exports};
    p->plan->export_count = exports->count;
    TRY(list_exports(p, exports, &whole, &p->plan->exports));
    if (!no_elide)
        plan_elide(p);
    return plan_finish(p);
}

static void planner_release(struct planner *p)
{
    arena_release(&p->scratch);
    idmap_release(&p->modules);
    vec_release(&p->undo);
    vec_release(&p->module_list);
    vec_release(&p->core_instances);
    vec_release(&p->instances);
    vec_release(&p->trampolines);
    vec_release(&p->lifts);
    vec_release(&p->resources);
    vec_release(&p->imports);
    vec_release(&p->import_funcs);
    vec_release(&p->import_resources);
}

enum status cm_plan_new(const struct cm_ir *ir, struct cm_types *types, struct arena *arena, bool no_elide,
                        struct cm_plan **ret_plan, struct error *err)
{
    struct planner p = {.plan = ARENA_NEW(arena, struct cm_plan), .ir = ir, .types = types, .arena = arena, .err = err};
    arena_init(&p.scratch, SIZE_MAX);
    p.plan->types = types;
    enum status status = plan_root(&p, no_elide);
    planner_release(&p);
    if (status == ST_OK)
        *ret_plan = p.plan;
    return status;
}

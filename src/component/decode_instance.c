#include "component/decode.h"

/* --- sorts ----------------------------------------------------------------------------------------------------------- */

/* The sorts of items that components exchange. */
enum status cm_read_sort(struct cm_decoder *d, struct cm_reader *r, const char *what, enum cm_sort *ret_sort)
{
    static const uint8_t sorts[] = {[1] = CM_SORT_FUNC, [3] = CM_SORT_TYPE, [4] = CM_SORT_COMPONENT, [5] = CM_SORT_INSTANCE};
    uint8_t byte;
    TRY(cm_read_byte(r, &byte));
    if (byte == 0) {
        TRY(cm_read_byte(r, &byte));
        if (byte != 0x11)
            return cm_reader_bad_byte(r, byte, what);
        *ret_sort = CM_SORT_CORE_MODULE;
        return ST_OK;
    }
    if (byte == 2)
        return cm_require_gate(d, CM_GATE_VALUES, "items of sort value");
    if (byte >= ARRAY_LEN(sorts))
        return cm_reader_bad_byte(r, byte, what);
    *ret_sort = sorts[byte];
    return ST_OK;
}

/* --- instantiate ----------------------------------------------------------------------------------------------------- */

/* One instantiation while it is checked. */
struct instantiation {
    const struct cm_component_type *component;
    struct cm_item_arg *args;
    uint32_t arg_count;
    struct cm_externs given; /* the arguments with their types */
    struct cm_subtyping check;
    struct cm_substitution substitution;
};

static enum status read_args(struct cm_decoder *d, struct cm_reader *r, struct instantiation *in)
{
    struct cm_named_extern *given;
    TRY(cm_read_count(r, CM_LIMIT_ARGS, "instantiation arguments", &in->arg_count));
    TRY(cm_alloc(d, in->arg_count, sizeof *in->args, &in->args));
    TRY(cm_alloc(d, in->arg_count, sizeof *given, &given));
    for (uint32_t i = 0; i < in->arg_count; i++) {
        struct cm_item_arg *arg = &in->args[i];
        TRY(cm_read_name(r, &arg->name));
        TRY(cm_read_sort(d, r, "component external kind", &arg->sort));
        TRY(cm_read_u32(r, &arg->index));
        given[i].name.text = arg->name;
        TRY(cm_scope_item(d, d->scope, arg->sort, arg->index, &given[i].type));
    }
    TRY(cm_externs_make(d, given, in->arg_count, &in->given));
    for (uint32_t i = 1; i < in->arg_count; i++) {
        struct str name = given[in->given.by_name[i]].name.text;
        if (str_eq(name, given[in->given.by_name[i - 1]].name.text))
            return cm_invalid(d, "instantiation argument `%.*s` conflicts with previous argument `%.*s`", STR_ARG(name),
                              STR_ARG(name));
    }
    return ST_OK;
}

/* Types that the component imports are, in its exports, those that it was given. */
static enum status note_renamings(struct cm_decoder *d, struct cm_substitution *sub, struct cm_extern wanted,
                                  struct cm_extern given)
{
    TRY(cm_spend(d, 1));
    if (wanted.sort == CM_SORT_TYPE && wanted.type != given.type) {
        idmap_set(&sub->types, wanted.type->id, given.type);
        sub->renames = true;
    }
    if (wanted.sort != CM_SORT_INSTANCE || wanted.type == given.type)
        return ST_OK;
    const struct cm_externs *exports = &wanted.type->instance->exports;
    for (uint32_t i = 0; i < exports->count; i++) {
        TRY(cm_spend(d, cm_name_cost(exports->items[i].name.text)));
        const struct cm_named_extern *found = cm_extern_find(&given.type->instance->exports, exports->items[i].name.text);
        TRY(note_renamings(d, sub, exports->items[i].type, found->type));
    }
    return ST_OK;
}

static enum status bind_imported(struct cm_decoder *d, struct instantiation *in)
{
    uint32_t found;
    for (uint32_t i = 0; i < in->component->imported_count; i++) {
        const struct cm_resource_path *wanted = &in->component->imported[i];
        TRY(cm_spend_path(d, wanted));
        if (!cm_resource_at(&in->given, wanted->path, wanted->path_len, &found))
            continue; /* shows as a type error */
        cm_subtyping_bind(&in->check, 1, wanted->resource, found);
        idmap_set_id(&in->substitution.resources, wanted->resource, found);
    }
    return ST_OK;
}

static enum status check_args(struct cm_decoder *d, struct instantiation *in)
{
    TRY(bind_imported(d, in));
    for (uint32_t i = 0; i < in->component->imports.count; i++) {
        const struct cm_named_extern *import = &in->component->imports.items[i];
        const struct cm_named_extern *given = cm_extern_find(&in->given, import->name.text);
        if (!given)
            return cm_invalid(d, "missing import named `%.*s`", STR_ARG(import->name.text));
        TRY(cm_spend(d, cm_name_cost(import->name.text)));
        if (cm_subtype(&in->check, 0, given->type, import->type) != ST_OK)
            return fail_wrap(d->err, "type mismatch for import `%.*s`", STR_ARG(import->name.text));
        TRY(note_renamings(d, &in->substitution, import->type, given->type));
    }
    return ST_OK;
}

/* Each instance has its own of the resources that the component defines. */
static enum status introduce_defined(struct cm_decoder *d, struct instantiation *in, const struct cm_resource_path **ret_introduced)
{
    struct cm_resource_path *fresh;
    uint32_t count = in->component->defined_count;
    TRY(cm_keep(d, in->component->defined, count, sizeof *fresh, &fresh));
    for (uint32_t i = 0; i < count; i++) {
        TRY(cm_resource_fresh(d, &fresh[i].resource));
        idmap_set_id(&in->substitution.resources, in->component->defined[i].resource, fresh[i].resource);
        vec_push(&d->scope->defined, fresh[i].resource);
    }
    *ret_introduced = fresh;
    return ST_OK;
}

static enum status instantiate(struct cm_decoder *d, struct cm_reader *r, uint32_t component, struct instantiation *in)
{
    struct cm_instance_type *instance;
    struct cm_extern item = {.sort = CM_SORT_INSTANCE};
    struct cm_def *def;
    const struct cm_resource_path *introduced;
    TRY(read_args(d, r, in));
    TRY(check_args(d, in));
    TRY(introduce_defined(d, in, &introduced));
    TRY(cm_alloc(d, 1, sizeof *instance, &instance));
    TRY(cm_substitute_externs(d, &in->substitution, &in->component->exports, &instance->exports));
    const struct cm_deftype proto = {.kind = CM_DEFTYPE_INSTANCE, .instance = instance};
    TRY(cm_deftype_new(d, &proto, &item.type));
    TRY(cm_scope_define(d, CM_DEF_INSTANTIATE, CM_SORT_INSTANCE, &def));
    def->instantiate.component = component;
    def->instantiate.args = in->args;
    def->instantiate.arg_count = in->arg_count;
    def->introduced = introduced;
    def->introduced_count = in->component->defined_count;
    return cm_scope_push(d, item);
}

static enum status decode_instantiate(struct cm_decoder *d, struct cm_reader *r)
{
    uint32_t component;
    struct cm_extern item;
    TRY(cm_read_u32(r, &component));
    TRY(cm_scope_item(d, d->scope, CM_SORT_COMPONENT, component, &item));
    struct instantiation in = {.component = item.type->component, .check = {.d = d}};
    enum status status = instantiate(d, r, component, &in);
    cm_subtyping_release(&in.check);
    cm_substitution_release(&in.substitution);
    return status;
}

/* --- instances made of exports --------------------------------------------------------------------------------------- */

static enum status read_bundle_item(struct cm_decoder *d, struct cm_reader *r, struct extern_list *list, struct cm_item_arg *arg)
{
    struct cm_extern_name name;
    struct cm_extern item;
    TRY(cm_read_extern_name(d, r, &name));
    TRY(cm_read_sort(d, r, "component external kind", &arg->sort));
    TRY(cm_read_u32(r, &arg->index));
    TRY(cm_scope_item(d, d->scope, arg->sort, arg->index, &item));
    arg->name = name.text;
    return cm_extern_list_add(d, list, "export", &name, item);
}

static enum status decode_bundle_into(struct cm_decoder *d, struct cm_reader *r, struct extern_list *list)
{
    uint32_t count;
    struct cm_item_arg *items;
    struct cm_instance_type *instance;
    struct cm_extern item = {.sort = CM_SORT_INSTANCE};
    struct cm_def *def;
    TRY(cm_read_count(r, CM_LIMIT_EXTERNS, "instance exports", &count));
    TRY(cm_alloc(d, count, sizeof *items, &items));
    for (uint32_t i = 0; i < count; i++)
        TRY(read_bundle_item(d, r, list, &items[i]));
    TRY(cm_alloc(d, 1, sizeof *instance, &instance));
    TRY(cm_externs_make(d, list->items.items, list->items.len, &instance->exports));
    const struct cm_deftype proto = {.kind = CM_DEFTYPE_INSTANCE, .instance = instance};
    TRY(cm_deftype_new(d, &proto, &item.type));
    TRY(cm_scope_define(d, CM_DEF_BUNDLE, CM_SORT_INSTANCE, &def));
    def->bundle.items = items;
    def->bundle.count = count;
    return cm_scope_push(d, item);
}

static enum status decode_bundle(struct cm_decoder *d, struct cm_reader *r)
{
    struct extern_list list = {.items = {0}};
    enum status status = decode_bundle_into(d, r, &list);
    cm_extern_list_release(&list);
    return status;
}

enum status cm_decode_instance(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t form;
    TRY(cm_read_byte(r, &form));
    if (form > 1)
        return cm_reader_bad_byte(r, form, "instance");
    return form == 0 ? decode_instantiate(d, r) : decode_bundle(d, r);
}

/* --- aliases --------------------------------------------------------------------------------------------------------- */

static enum status alias_export(struct cm_decoder *d, struct cm_reader *r, enum cm_sort sort)
{
    uint32_t instance;
    struct str name;
    struct cm_extern item;
    struct cm_def *def;
    TRY(cm_read_u32(r, &instance));
    TRY(cm_read_name(r, &name));
    TRY(cm_scope_item(d, d->scope, CM_SORT_INSTANCE, instance, &item));
    const struct cm_named_extern *found = cm_extern_find(&item.type->instance->exports, name);
    if (!found)
        return cm_invalid(d, "instance %u has no export named `%.*s`", instance, STR_ARG(name));
    if (found->type.sort != sort)
        return cm_invalid(d, "export `%.*s` for instance %u is not a %s", STR_ARG(name), instance, cm_sort_text(sort));
    TRY(cm_scope_define(d, CM_DEF_ALIAS_EXPORT, sort, &def));
    def->alias.instance = instance;
    def->alias.name = name;
    return cm_scope_push(d, found->type);
}

static enum status alias_core_export(struct cm_decoder *d, struct cm_reader *r, enum cm_sort sort)
{
    uint32_t instance;
    struct str name;
    struct cm_extern item;
    struct cm_def *def;
    TRY(cm_read_u32(r, &instance));
    TRY(cm_read_name(r, &name));
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_INSTANCE, instance, &item));
    const struct engine_export *found = cm_core_export_find(item.core_instance, name);
    if (!found)
        return cm_invalid(d, "core instance %u has no export named `%.*s`", instance, STR_ARG(name));
    if ((int)found->type.kind != (int)sort - CM_SORT_CORE_FUNC)
        return cm_invalid(d, "export `%.*s` for core instance %u is not a %s", STR_ARG(name), instance, cm_sort_text(sort));
    TRY(cm_scope_define(d, CM_DEF_ALIAS_CORE_EXPORT, sort, &def));
    def->alias.instance = instance;
    def->alias.name = name;
    return cm_scope_push(d, (struct cm_extern){.sort = sort, .core = &found->type});
}

/* A type that crosses into a component must not depend on one of its instances, so it refers to no resource. */
static enum status check_closed(struct cm_decoder *d, struct cm_extern item)
{
    struct idmap mentioned = {0};
    enum status status = cm_free_resources(d, item, &mentioned);
    bool closed = mentioned.len == 0;
    idmap_release(&mentioned);
    TRY(status);
    if (!closed)
        return cm_invalid(d, "cannot alias outer type which transitively refers to resources not defined in the current component");
    return ST_OK;
}

static enum status alias_outer(struct cm_decoder *d, struct cm_reader *r, enum cm_sort sort)
{
    uint32_t count, index;
    struct cm_extern item;
    struct cm_def *def;
    TRY(cm_read_u32(r, &count));
    TRY(cm_read_u32(r, &index));
    const struct cm_scope *scope = d->scope;
    bool crosses_component = false;
    for (uint32_t up = 0; scope && up < count; up++) {
        crosses_component |= scope->kind == SCOPE_COMPONENT;
        scope = scope->parent;
    }
    if (!scope)
        return cm_invalid(d, "invalid outer alias count of %u", count);
    TRY(cm_scope_item(d, scope, sort, index, &item));
    if (sort == CM_SORT_TYPE && crosses_component)
        TRY(check_closed(d, item));
    TRY(cm_scope_define(d, CM_DEF_ALIAS_OUTER, sort, &def));
    def->outer.count = count;
    def->outer.index = index;
    return cm_scope_push(d, item);
}

/* Which sorts may be aliased how; in types only what makes sense there. */
static bool alias_allowed(const struct cm_decoder *d, uint8_t target, enum cm_sort sort)
{
    bool in_type = d->scope->kind != SCOPE_COMPONENT;
    switch (target) {
    case 0x00:
        return in_type ? sort == CM_SORT_TYPE || sort == CM_SORT_INSTANCE : sort >= CM_SORT_FUNC || sort == CM_SORT_CORE_MODULE;
    case 0x01:
        return !in_type && sort <= CM_SORT_CORE_TAG;
    default:
        return sort == CM_SORT_TYPE || sort == CM_SORT_CORE_TYPE ||
               (!in_type && (sort == CM_SORT_CORE_MODULE || sort == CM_SORT_COMPONENT));
    }
}

static enum status read_alias_sort(struct cm_reader *r, uint8_t first, enum cm_sort *ret_sort)
{
    static const uint8_t sorts[] = {
        [1] = CM_SORT_FUNC, [2] = CM_SORT_VALUE, [3] = CM_SORT_TYPE, [4] = CM_SORT_COMPONENT, [5] = CM_SORT_INSTANCE};
    uint8_t core;
    if (first == 0) {
        TRY(cm_read_byte(r, &core));
        return cm_core_sort_parse(r, core, "component outer alias kind", ret_sort);
    }
    if (first >= ARRAY_LEN(sorts))
        return cm_reader_bad_byte(r, first, "component outer alias kind");
    *ret_sort = sorts[first];
    return ST_OK;
}

enum status cm_decode_alias(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t first, target;
    enum cm_sort sort;
    TRY(cm_read_byte(r, &first));
    TRY(read_alias_sort(r, first, &sort));
    TRY(cm_read_byte(r, &target));
    if (target > 2)
        return cm_reader_bad_byte(r, target, "alias");
    if (sort == CM_SORT_VALUE)
        return cm_require_gate(d, CM_GATE_VALUES, "aliases of values");
    if (!alias_allowed(d, target, sort)) {
        if (d->scope->kind != SCOPE_COMPONENT)
            return cm_invalid(d, "aliases in a component or instance type may only refer to types or instances");
        return cm_invalid(d, "invalid leading byte (0x%x) for component outer alias kind: a %s cannot be aliased this way", first,
                          cm_sort_text(sort));
    }
    if (target == 0)
        return alias_export(d, r, sort);
    return target == 1 ? alias_core_export(d, r, sort) : alias_outer(d, r, sort);
}

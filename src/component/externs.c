#include "component/decode.h"

/* --- names ----------------------------------------------------------------------------------------------------------- */

static enum status read_attribute(struct cm_decoder *d, struct cm_reader *r, struct cm_extern_name *name)
{
    uint8_t kind;
    struct str text;
    TRY(cm_read_byte(r, &kind));
    if (kind > 2)
        return cm_reader_bad_byte(r, kind, "name option");
    TRY(cm_read_name(r, &text));
    if (kind == 0) {
        if (name->implements.data)
            return cm_reader_fail(r, "duplicate 'implements' option in name");
        name->implements = text;
    } else if (kind == 1) {
        return cm_require_gate(d, CM_GATE_VERSION_SUFFIX, "the `version-suffix` option of names");
    } else {
        if (name->has_external_id)
            return cm_reader_fail(r, "duplicate 'external-id' option in name");
        name->external_id = text;
        name->has_external_id = true;
    }
    return ST_OK;
}

enum status cm_read_extern_name(struct cm_decoder *d, struct cm_reader *r, struct cm_extern_name *ret_name)
{
    struct cm_extern_name name = {.has_external_id = false};
    uint8_t form;
    uint32_t count = 0;
    TRY(cm_read_byte(r, &form));
    if (form > 2)
        return cm_reader_bad_byte(r, form, "component name");
    TRY(cm_read_name(r, &name.text));
    if (form == 2)
        TRY(cm_read_count(r, 3, "options of a name", &count));
    for (uint32_t i = 0; i < count; i++)
        TRY(read_attribute(d, r, &name));
    *ret_name = name;
    return ST_OK;
}

static enum status check_implements(struct cm_decoder *d, const struct cm_extern_name *name, struct cm_extern item)
{
    struct cm_name interface;
    if (name->parsed.kind != CM_NAME_LABEL)
        return cm_invalid(d, "name `%.*s` is not valid with `implements`", STR_ARG(name->text));
    if (item.sort != CM_SORT_INSTANCE)
        return cm_invalid(d, "only instances can have an `implements`: `%.*s`", STR_ARG(name->text));
    TRY(cm_located(d, cm_name_parse(name->implements, &interface, d->err)));
    if (interface.kind != CM_NAME_INTERFACE)
        return cm_invalid(d, "name `%.*s` must be an interface", STR_ARG(name->implements));
    return ST_OK;
}

/* --- constructors, methods, statics ---------------------------------------------------------------------------------- */

static bool is_value(const struct cm_deftype *type, enum cm_kind kind)
{
    return type && type->kind == CM_DEFTYPE_VALUE && type->value->kind == kind;
}

/* The resource that an annotated function is about must have the name that the annotation says. */
static enum status check_resource_name(struct cm_decoder *d, const struct extern_list *list, const struct cm_deftype *resource,
                                       const struct cm_name *name)
{
    const struct str *known = idmap_get(&list->resources, resource->id);
    if (!known)
        return cm_invalid(d, "name `%.*s` is not valid: resource used in function does not have a name in this context",
                          STR_ARG(name->text));
    if (!str_eq(*known, name->resource))
        return cm_invalid(d, "name `%.*s` is not valid: function does not match expected resource name `%.*s`", STR_ARG(name->text),
                          STR_ARG(*known));
    return ST_OK;
}

static enum status check_constructor(struct cm_decoder *d, const struct extern_list *list, const struct cm_name *name,
                                     const struct cm_deftype *func)
{
    const struct cm_deftype *result = func->element;
    if (func->func->is_async)
        return cm_invalid(d, "name `%.*s` is not valid: constructor function cannot be async", STR_ARG(name->text));
    if (!result)
        return cm_invalid(d, "name `%.*s` is not valid: function should return one value", STR_ARG(name->text));
    const struct cm_deftype *own = is_value(result, CM_RESULT) ? result->element : result;
    if (!is_value(own, CM_OWN))
        return cm_invalid(d, "name `%.*s` is not valid: function should return `(own $T)` or `(result (own $T))`",
                          STR_ARG(name->text));
    return check_resource_name(d, list, own->element, name);
}

static enum status check_method(struct cm_decoder *d, const struct extern_list *list, const struct cm_name *name,
                                const struct cm_deftype *func)
{
    if (func->part_count == 0)
        return cm_invalid(d, "name `%.*s` is not valid: function should have at least one argument", STR_ARG(name->text));
    if (!str_is(func->parts[0].name, "self"))
        return cm_invalid(d, "name `%.*s` is not valid: function should have a first argument called `self`", STR_ARG(name->text));
    if (!is_value(func->parts[0].type, CM_BORROW))
        return cm_invalid(d, "name `%.*s` is not valid: function should take a first argument of `(borrow $T)`",
                          STR_ARG(name->text));
    return check_resource_name(d, list, func->parts[0].type->element, name);
}

static enum status check_annotation(struct cm_decoder *d, const struct extern_list *list, const struct cm_name *name,
                                    struct cm_extern item)
{
    if (name->kind == CM_NAME_LABEL || name->kind == CM_NAME_INTERFACE)
        return ST_OK;
    if (item.sort != CM_SORT_FUNC)
        return cm_invalid(d, "name `%.*s` is not valid: item is not a func", STR_ARG(name->text));
    if (name->kind == CM_NAME_CONSTRUCTOR)
        return check_constructor(d, list, name, item.type);
    if (name->kind == CM_NAME_METHOD)
        return check_method(d, list, name, item.type);
    if (!map_has(&list->resource_names, name->resource))
        return cm_invalid(d, "name `%.*s` is not valid: static resource name is not known in this context", STR_ARG(name->text));
    return ST_OK;
}

/* --- lists ----------------------------------------------------------------------------------------------------------- */

void cm_extern_list_release(struct extern_list *list)
{
    vec_release(&list->items);
    map_release(&list->names);
    idmap_release(&list->types);
    idmap_release(&list->resources);
    map_release(&list->resource_names);
}

static enum status check_unique(struct cm_decoder *d, struct extern_list *list, const char *what, const struct cm_name *name)
{
    char *key;
    struct str *kept;
    TRY(cm_alloc(d, name->text.len + 1, 1, &key));
    TRY(cm_keep(d, &name->text, 1, sizeof *kept, &kept));
    struct str *before = map_set(&list->names, str_n(key, cm_name_conflict_key(name, key)), kept);
    if (before)
        return cm_invalid(d, "%s name `%.*s` conflicts with previous name `%.*s`", what, STR_ARG(name->text), STR_ARG(*before));
    return ST_OK;
}

enum status cm_extern_list_add(struct cm_decoder *d, struct extern_list *list, const char *what, const struct cm_extern_name *name,
                               struct cm_extern item)
{
    if (list->items.len >= CM_LIMIT_EXTERNS)
        return cm_over_limit(d, "more than %u %ss", CM_LIMIT_EXTERNS, what);
    struct cm_named_extern added = {.name = *name, .type = item};
    TRY(cm_located(d, cm_name_parse(name->text, &added.name.parsed, d->err)));
    if (name->implements.data)
        TRY(check_implements(d, &added.name, item));
    TRY(check_annotation(d, list, &added.name.parsed, item));
    TRY(check_unique(d, list, what, &added.name.parsed));
    vec_push(&list->items, added);
    return ST_OK;
}

/* --- visibility: what is imported or exported may mention only types that have a name there ---------------------------- */

static enum status named(struct cm_decoder *d, const struct idmap *set, const struct cm_deftype *type, bool *ok);

/* What stands inside a type, one level down. */
static enum status parts_named(struct cm_decoder *d, const struct idmap *set, const struct cm_deftype *type, bool *ok)
{
    for (uint32_t i = 0; *ok && i < type->part_count; i++)
        TRY(named(d, set, type->parts[i].type, ok));
    TRY(named(d, set, type->element, ok));
    return named(d, set, type->second, ok);
}

/* Clears *ok unless `type`, as a part of something, is named or made of what is. */
static enum status named(struct cm_decoder *d, const struct idmap *set, const struct cm_deftype *type, bool *ok)
{
    if (!type || !*ok)
        return ST_OK;
    TRY(cm_spend(d, 1));
    bool must_have_name = type->kind == CM_DEFTYPE_RESOURCE;
    if (type->kind == CM_DEFTYPE_VALUE) {
        enum cm_kind kind = type->value->kind;
        must_have_name = kind == CM_RECORD || kind == CM_VARIANT || kind == CM_ENUM || kind == CM_FLAGS;
    }
    if (!must_have_name)
        return parts_named(d, set, type, ok);
    *ok = idmap_has(set, type->id);
    return ST_OK;
}

static enum status type_named(struct cm_decoder *d, struct idmap *set, const struct cm_deftype *type, bool *ok);

/* In an instance type, the types that it exports count as named for what comes after them. */
static enum status instance_named(struct cm_decoder *d, struct idmap *set, const struct cm_instance_type *instance, bool *ok)
{
    VEC(uint32_t) added = {0};
    enum status status = ST_OK;
    for (uint32_t i = 0; status == ST_OK && *ok && i < instance->exports.count; i++) {
        const struct cm_extern *item = &instance->exports.items[i].type;
        if (item->sort == CM_SORT_CORE_MODULE || item->sort == CM_SORT_COMPONENT)
            continue;
        status = type_named(d, set, item->type, ok);
        if (item->sort == CM_SORT_TYPE && *ok && !idmap_has(set, item->type->id)) {
            idmap_add(set, item->type->id);
            vec_push(&added, item->type->id);
        }
    }
    vec_each (id, &added)
        idmap_remove(set, *id);
    vec_release(&added);
    return status;
}

/* A type that is itself given a name. Component types were checked when they were made. */
static enum status type_named(struct cm_decoder *d, struct idmap *set, const struct cm_deftype *type, bool *ok)
{
    TRY(cm_spend(d, 1));
    if (type->kind == CM_DEFTYPE_RESOURCE || type->kind == CM_DEFTYPE_COMPONENT)
        return ST_OK;
    if (type->kind == CM_DEFTYPE_INSTANCE)
        return instance_named(d, set, type->instance, ok);
    return parts_named(d, set, type, ok);
}

static enum status make_type_visible(struct cm_decoder *d, bool import, const struct cm_deftype *type, bool *ok)
{
    struct idmap *imported = &d->scope->imports.types, *exported = &d->scope->exports.types;
    const struct cm_deftype *original = type->alias_of ? type->alias_of : type;
    /* Imports cannot use names that only exports gave. */
    if (import && idmap_has(exported, original->id) && !idmap_has(imported, original->id))
        *ok = false;
    if (*ok)
        TRY(type_named(d, import ? imported : exported, original, ok));
    if (import)
        idmap_add(imported, type->id);
    idmap_add(exported, type->id);
    return ST_OK;
}

static enum status make_item_visible(struct cm_decoder *d, bool import, struct cm_extern item, bool *ok)
{
    struct idmap *set = import ? &d->scope->imports.types : &d->scope->exports.types;
    switch (item.sort) {
    case CM_SORT_TYPE:
        return make_type_visible(d, import, item.type, ok);
    case CM_SORT_FUNC:
        return parts_named(d, set, item.type, ok);
    case CM_SORT_INSTANCE:
        TRY(cm_spend(d, item.type->instance->exports.count));
        for (uint32_t i = 0; *ok && i < item.type->instance->exports.count; i++)
            TRY(make_item_visible(d, import, item.type->instance->exports.items[i].type, ok));
        return ST_OK;
    default:
        return ST_OK;
    }
}

static enum status name_resource(struct cm_decoder *d, struct extern_list *list, struct str name, const struct cm_deftype *resource)
{
    struct str *kept;
    TRY(cm_keep(d, &name, 1, sizeof *kept, &kept));
    idmap_set(&list->resources, resource->id, kept);
    map_set(&list->resource_names, name, kept);
    return ST_OK;
}

enum status cm_make_visible(struct cm_decoder *d, bool import, struct str name, struct cm_extern item)
{
    bool ok = true;
    if (item.sort == CM_SORT_TYPE && item.type->kind == CM_DEFTYPE_RESOURCE)
        TRY(name_resource(d, import ? &d->scope->imports : &d->scope->exports, name, item.type));
    if (d->scope->kind == SCOPE_INSTANCE_TYPE)
        return ST_OK; /* it is checked where the instance is imported or exported */
    TRY(make_item_visible(d, import, item, &ok));
    if (ok)
        return ST_OK;
    const char *sort = item.sort == CM_SORT_FUNC ? "func" : cm_sort_text(item.sort);
    return cm_invalid(d, "%s not valid to be used as %s: `%.*s` mentions a type that has no name there", sort,
                      import ? "import" : "export", STR_ARG(name));
}

/* --- external types -------------------------------------------------------------------------------------------------- */

static enum status read_type_bound(struct cm_decoder *d, struct cm_reader *r, const struct cm_deftype **ret_type)
{
    uint8_t bound;
    uint32_t index, resource;
    struct cm_extern item;
    TRY(cm_read_byte(r, &bound));
    if (bound > 1)
        return cm_reader_bad_byte(r, bound, "type bound");
    if (bound == 1) {
        TRY(cm_resource_fresh(d, &resource));
        return cm_deftype_resource(d, resource, NULL, ret_type);
    }
    TRY(cm_read_u32(r, &index));
    TRY(cm_scope_item(d, d->scope, CM_SORT_TYPE, index, &item));
    return cm_deftype_alias(d, item.type, ret_type);
}

static enum status read_module_type(struct cm_decoder *d, struct cm_reader *r, const struct cm_module_type **ret_module)
{
    uint8_t sort;
    uint32_t index;
    struct cm_extern item;
    TRY(cm_read_byte(r, &sort));
    if (sort != 0x11)
        return cm_reader_bad_byte(r, sort, "component external kind");
    TRY(cm_read_u32(r, &index));
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_TYPE, index, &item));
    if (item.core_type->kind != CM_CORE_TYPE_MODULE)
        return cm_invalid(d, "core type index %u is not a module type", index);
    *ret_module = item.core_type->module;
    return ST_OK;
}

/* externtype */
static enum status read_extern_type(struct cm_decoder *d, struct cm_reader *r, struct cm_extern *ret_item)
{
    uint8_t kind;
    uint32_t index;
    TRY(cm_read_byte(r, &kind));
    switch (kind) {
    case 0x00:
        ret_item->sort = CM_SORT_CORE_MODULE;
        return read_module_type(d, r, &ret_item->module);
    case 0x01:
        ret_item->sort = CM_SORT_FUNC;
        TRY(cm_read_u32(r, &index));
        return cm_scope_type(d, index, CM_DEFTYPE_FUNC, &ret_item->type);
    case 0x02:
        return cm_require_gate(d, CM_GATE_VALUES, "value imports and exports");
    case 0x03:
        ret_item->sort = CM_SORT_TYPE;
        return read_type_bound(d, r, &ret_item->type);
    case 0x04:
        ret_item->sort = CM_SORT_COMPONENT;
        TRY(cm_read_u32(r, &index));
        return cm_scope_type(d, index, CM_DEFTYPE_COMPONENT, &ret_item->type);
    case 0x05:
        ret_item->sort = CM_SORT_INSTANCE;
        TRY(cm_read_u32(r, &index));
        return cm_scope_type(d, index, CM_DEFTYPE_INSTANCE, &ret_item->type);
    default:
        return cm_reader_bad_byte(r, kind, "component external kind");
    }
}

/* --- import and export ----------------------------------------------------------------------------------------------- */

struct introduced {
    const struct cm_resource_path *paths;
    uint32_t count;
};

/* Gives an item of a type that brings resources along resources of its own. */
static enum status introduce(struct cm_decoder *d, struct cm_extern *item, struct introduced *ret)
{
    *ret = (struct introduced){.count = 0};
    if (item->sort == CM_SORT_INSTANCE && item->type->instance->bound_count) {
        ret->count = item->type->instance->bound_count;
        return cm_freshen(d, item->type, &item->type, &ret->paths);
    }
    if (item->sort == CM_SORT_TYPE && item->type->kind == CM_DEFTYPE_RESOURCE && !item->type->alias_of) {
        const struct cm_resource_path self = {.resource = item->type->resource};
        ret->count = 1;
        return cm_keep(d, &self, 1, sizeof self, &ret->paths);
    }
    return ST_OK;
}

static enum status note_imported(struct cm_decoder *d, struct str name, const struct introduced *introduced)
{
    for (uint32_t i = 0; i < introduced->count; i++) {
        const struct cm_resource_path *from = &introduced->paths[i];
        struct str *path;
        TRY(cm_alloc(d, from->path_len + 1, sizeof *path, &path));
        path[0] = name;
        for (uint32_t j = 0; j < from->path_len; j++)
            path[j + 1] = from->path[j];
        const struct cm_resource_path added = {.resource = from->resource, .path_len = from->path_len + 1, .path = path};
        vec_push(&d->scope->imported, added);
    }
    return ST_OK;
}

static void note_defined(struct cm_decoder *d, const struct introduced *introduced)
{
    for (uint32_t i = 0; i < introduced->count; i++)
        vec_push(&d->scope->defined, introduced->paths[i].resource);
}

enum status cm_decode_import(struct cm_decoder *d, struct cm_reader *r)
{
    struct cm_extern_name name;
    struct cm_extern item;
    struct introduced introduced;
    struct cm_def *def;
    TRY(cm_read_extern_name(d, r, &name));
    TRY(read_extern_type(d, r, &item));
    TRY(introduce(d, &item, &introduced));
    TRY(note_imported(d, name.text, &introduced));
    TRY(cm_make_visible(d, true, name.text, item));
    TRY(cm_extern_list_add(d, &d->scope->imports, "import", &name, item));
    TRY(cm_scope_define(d, CM_DEF_IMPORT, item.sort, &def));
    def->import.name = vec_last(&d->scope->imports.items)->name;
    def->introduced = introduced.paths;
    def->introduced_count = introduced.count;
    return cm_scope_push(d, item);
}

enum status cm_decode_export_decl(struct cm_decoder *d, struct cm_reader *r)
{
    struct cm_extern_name name;
    struct cm_extern item;
    struct introduced introduced;
    TRY(cm_read_extern_name(d, r, &name));
    TRY(read_extern_type(d, r, &item));
    TRY(introduce(d, &item, &introduced));
    note_defined(d, &introduced);
    TRY(cm_make_visible(d, false, name.text, item));
    TRY(cm_extern_list_add(d, &d->scope->exports, "export", &name, item));
    return cm_scope_push(d, item);
}

/* The item that an export names; a type gets a new name, and a given type replaces the item's own. */
static enum status read_exported(struct cm_decoder *d, struct cm_reader *r, enum cm_sort sort, uint32_t index,
                                 struct cm_extern *ret_item)
{
    struct cm_extern ascribed;
    uint8_t has_type;
    TRY(cm_scope_item(d, d->scope, sort, index, ret_item));
    TRY(cm_read_byte(r, &has_type));
    if (has_type > 1)
        return cm_reader_bad_byte(r, has_type, "optional component export type");
    if (!has_type)
        return sort == CM_SORT_TYPE ? cm_deftype_alias(d, ret_item->type, &ret_item->type) : ST_OK;
    TRY(read_extern_type(d, r, &ascribed));
    struct cm_subtyping s = {.d = d};
    bool abstract = ascribed.sort == CM_SORT_TYPE && ascribed.type->kind == CM_DEFTYPE_RESOURCE && !ascribed.type->alias_of;
    if (abstract && sort == CM_SORT_TYPE && ret_item->type->kind == CM_DEFTYPE_RESOURCE)
        cm_subtyping_bind(&s, 1, ascribed.type->resource, ret_item->type->resource);
    enum status status = cm_subtype(&s, 0, *ret_item, ascribed);
    cm_subtyping_release(&s);
    if (status != ST_OK)
        return fail_wrap(d->err, "ascribed type of export is not compatible with item's type");
    *ret_item = ascribed;
    return ST_OK;
}

enum status cm_decode_export(struct cm_decoder *d, struct cm_reader *r)
{
    struct cm_extern_name name;
    enum cm_sort sort;
    uint32_t index;
    struct cm_extern item;
    struct introduced introduced;
    struct cm_def *def;
    TRY(cm_read_extern_name(d, r, &name));
    TRY(cm_read_sort(d, r, "component external kind", &sort));
    TRY(cm_read_u32(r, &index));
    TRY(read_exported(d, r, sort, index, &item));
    TRY(introduce(d, &item, &introduced));
    note_defined(d, &introduced);
    TRY(cm_make_visible(d, false, name.text, item));
    TRY(cm_extern_list_add(d, &d->scope->exports, "export", &name, item));
    TRY(cm_scope_define(d, CM_DEF_EXPORT, sort, &def));
    def->export_.name = vec_last(&d->scope->exports.items)->name;
    def->export_.index = index;
    def->introduced = introduced.paths;
    def->introduced_count = introduced.count;
    return cm_scope_push(d, item);
}

#include "component/decode.h"

/* --- modules --------------------------------------------------------------------------------------------------------- */

struct two_names {
    struct str module, name;
};

static int compare_two_names(const void *a, const void *b)
{
    const struct two_names *x = a, *y = b;
    int order = str_compare(x->module, y->module);
    return order ? order : str_compare(x->name, y->name);
}

/* The two names of an import become one name of the module's type: they must differ from the others'. */
static enum status check_imports(struct cm_decoder *d, const struct engine_import *imports, size_t count)
{
    autofree struct two_names *names = mem_array(MAX(count, (size_t)1), sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = (struct two_names){imports[i].module, imports[i].name};
    qsort(names, count, sizeof *names, compare_two_names);
    for (size_t i = 1; i < count; i++)
        if (compare_two_names(&names[i - 1], &names[i]) == 0)
            return cm_invalid(d, "duplicate import name `%.*s:%.*s`", STR_ARG(names[i].module), STR_ARG(names[i].name));
    return ST_OK;
}

enum status cm_module_type_make(struct cm_decoder *d, const struct engine_import *imports, size_t import_count,
                                const struct engine_export *exports, size_t export_count, const struct cm_module_type **ret_module)
{
    struct cm_module_type *type;
    TRY(check_imports(d, imports, import_count));
    TRY(cm_alloc(d, 1, sizeof *type, &type));
    type->imports = imports;
    type->import_count = (uint32_t)import_count;
    TRY(cm_core_exports_make(d, exports, export_count, &type->exports));
    *ret_module = type;
    return ST_OK;
}

enum status cm_decode_core_module(struct cm_decoder *d, struct str bytes)
{
    struct module_info *info;
    struct cm_extern item = {.sort = CM_SORT_CORE_MODULE};
    struct cm_def *def;
    TRY(cm_alloc(d, 1, sizeof *info, &info));
    if (module_read(bytes, d->arena, info, d->err) != ST_OK)
        return fail_wrap(d->err, "in the section at offset 0x%zx", d->offset);
    TRY(cm_module_type_make(d, info->imports, info->import_count, info->exports, info->export_count, &item.module));
    TRY(cm_scope_define(d, CM_DEF_CORE_MODULE, CM_SORT_CORE_MODULE, &def));
    def->module.bytes = bytes;
    def->module.info = info;
    d->module_count++;
    return cm_scope_push(d, item);
}

/* --- instances ------------------------------------------------------------------------------------------------------- */

enum status cm_core_sort_parse(struct cm_reader *r, uint8_t byte, const char *what, enum cm_sort *ret_sort)
{
    static const struct {
        uint8_t byte, sort;
    } sorts[] = {{0x00, CM_SORT_CORE_FUNC}, {0x01, CM_SORT_CORE_TABLE}, {0x02, CM_SORT_CORE_MEMORY}, {0x03, CM_SORT_CORE_GLOBAL},
                 {0x04, CM_SORT_CORE_TAG},  {0x10, CM_SORT_CORE_TYPE},  {0x11, CM_SORT_CORE_MODULE}, {0x12, CM_SORT_CORE_INSTANCE}};
    for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
        if (sorts[i].byte == byte) {
            *ret_sort = sorts[i].sort;
            return ST_OK;
        }
    }
    return cm_reader_bad_byte(r, byte, what);
}

/* What the arguments of one core instantiation offer. */
struct core_args {
    struct cm_core_arg *args;
    uint32_t count;
    struct map by_name; /* -> const struct cm_core_exports * */
};

static enum status read_core_args(struct cm_decoder *d, struct cm_reader *r, struct core_args *args)
{
    TRY(cm_read_count(r, CM_LIMIT_ARGS, "module instantiation arguments", &args->count));
    TRY(cm_alloc(d, args->count, sizeof *args->args, &args->args));
    for (uint32_t i = 0; i < args->count; i++) {
        struct cm_core_arg *arg = &args->args[i];
        struct cm_extern item;
        uint8_t sort;
        TRY(cm_read_name(r, &arg->name));
        TRY(cm_read_byte(r, &sort));
        if (sort != 0x12)
            return cm_reader_bad_byte(r, sort, "instantiation arg kind");
        TRY(cm_read_u32(r, &arg->instance));
        TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_INSTANCE, arg->instance, &item));
        if (map_has(&args->by_name, arg->name))
            return cm_invalid(d, "duplicate module instantiation argument named `%.*s`", STR_ARG(arg->name));
        map_set(&args->by_name, arg->name, (void *)(uintptr_t)item.core_instance);
    }
    return ST_OK;
}

static enum status check_core_args(struct cm_decoder *d, const struct cm_module_type *module, const struct core_args *args)
{
    for (uint32_t i = 0; i < module->import_count; i++) {
        const struct engine_import *import = &module->imports[i];
        TRY(cm_spend(d, cm_name_cost(import->module) + cm_name_cost(import->name)));
        const struct cm_core_exports *arg = map_get(&args->by_name, import->module);
        if (!arg)
            return cm_invalid(d, "missing module instantiation argument named `%.*s`", STR_ARG(import->module));
        const struct engine_export *found = cm_core_export_find(arg, import->name);
        if (!found)
            return cm_invalid(d, "module instantiation argument `%.*s` does not export an item named `%.*s`",
                              STR_ARG(import->module), STR_ARG(import->name));
        if (cm_core_subtype(d, &found->type, &import->type) != ST_OK)
            return fail_wrap(d->err, "type mismatch for export `%.*s` of module instantiation argument `%.*s`",
                             STR_ARG(import->name), STR_ARG(import->module));
    }
    return ST_OK;
}

static enum status decode_core_instantiate(struct cm_decoder *d, struct cm_reader *r)
{
    uint32_t module;
    struct cm_extern item;
    struct core_args args = {.count = 0};
    struct cm_def *def;
    TRY(cm_read_u32(r, &module));
    TRY(cm_scope_item(d, d->scope, CM_SORT_CORE_MODULE, module, &item));
    enum status status = read_core_args(d, r, &args);
    if (status == ST_OK)
        status = check_core_args(d, item.module, &args);
    map_release(&args.by_name);
    TRY(status);
    TRY(cm_scope_define(d, CM_DEF_CORE_INSTANTIATE, CM_SORT_CORE_INSTANCE, &def));
    def->core_instantiate.module = module;
    def->core_instantiate.args = args.args;
    def->core_instantiate.arg_count = args.count;
    const struct cm_extern instance = {.sort = CM_SORT_CORE_INSTANCE, .core_instance = &item.module->exports};
    return cm_scope_push(d, instance);
}

static enum status decode_core_bundle(struct cm_decoder *d, struct cm_reader *r)
{
    uint32_t count;
    struct cm_item_arg *items;
    struct engine_export *exports;
    struct cm_core_exports *type;
    struct cm_def *def;
    TRY(cm_read_count(r, CM_LIMIT_EXTERNS, "instance exports", &count));
    TRY(cm_alloc(d, count, sizeof *items, &items));
    TRY(cm_alloc(d, count, sizeof *exports, &exports));
    for (uint32_t i = 0; i < count; i++) {
        struct cm_extern item;
        uint8_t sort;
        TRY(cm_read_name(r, &items[i].name));
        TRY(cm_read_byte(r, &sort));
        if (sort > 4)
            return cm_reader_bad_byte(r, sort, "external kind");
        TRY(cm_core_sort_parse(r, sort, "external kind", &items[i].sort));
        TRY(cm_read_u32(r, &items[i].index));
        TRY(cm_scope_item(d, d->scope, items[i].sort, items[i].index, &item));
        exports[i] = (struct engine_export){.name = items[i].name, .type = *item.core};
    }
    TRY(cm_alloc(d, 1, sizeof *type, &type));
    TRY(cm_core_exports_make(d, exports, count, type));
    TRY(cm_scope_define(d, CM_DEF_CORE_BUNDLE, CM_SORT_CORE_INSTANCE, &def));
    def->bundle.items = items;
    def->bundle.count = count;
    const struct cm_extern instance = {.sort = CM_SORT_CORE_INSTANCE, .core_instance = type};
    return cm_scope_push(d, instance);
}

enum status cm_decode_core_instance(struct cm_decoder *d, struct cm_reader *r)
{
    uint8_t form;
    TRY(cm_read_byte(r, &form));
    if (form > 1)
        return cm_reader_bad_byte(r, form, "core instance");
    return form == 0 ? decode_core_instantiate(d, r) : decode_core_bundle(d, r);
}

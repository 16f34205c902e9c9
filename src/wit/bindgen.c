#include "wit/bindgen_private.h"

/* What is generated: every interface and world is a unit; those with a role and a package of the selection are written. */
static struct str world_key(struct unit *unit)
{
    return str_n((const char *)&unit->world, sizeof unit->world);
}

static bool is_external(const struct generator *g, const struct wit_package *package)
{
    for (size_t i = 0; i < g->options->package_count; i++)
        if (str_eq(g->options->packages[i], package->full_name))
            return false;
    return g->options->package_count > 0;
}

static struct unit *add_unit(struct generator *g, const struct wit_package *package, struct str name, struct str label)
{
    struct unit *unit = ARENA_NEW(&g->arena, struct unit);
    unit->label = label;
    unit->external = is_external(g, package);
    unit->prefix = gen_printf(g, "%s_%s_%s%s%s", gen_snake(g, package->ns), gen_snake(g, package->name), gen_snake(g, name),
                              label.len ? "_" : "", gen_snake(g, label));
    vec_push(&g->units, unit);
    return unit;
}

static void add_inline_units(struct generator *g, const struct wit_world *world, const struct wit_items *items)
{
    for (size_t i = 0; i < items->len; i++) {
        const struct wit_world_item *item = &items->items[i];
        if (item->kind != WIT_ITEM_INTERFACE || item->interface->name.len ||
            map_has(&g->units_by_key, wit_interface_key(item->interface)))
            continue;
        struct unit *unit = add_unit(g, world->package, world->name, item->name);
        unit->interface = item->interface;
        unit->world = world;
        map_set(&g->units_by_key, wit_interface_key(item->interface), unit);
    }
}

static void add_package_units(struct generator *g, const struct wit_package *package)
{
    for (size_t i = 0; i < package->interfaces.len; i++) {
        struct unit *unit = add_unit(g, package, package->interfaces.items[i]->name, STR(""));
        unit->interface = package->interfaces.items[i];
        map_set(&g->units_by_key, wit_interface_key(unit->interface), unit);
    }
    for (size_t i = 0; i < package->worlds.len; i++) {
        const struct wit_world *world = package->worlds.items[i];
        struct unit *unit = add_unit(g, package, world->name, STR(""));
        unit->world = world;
        map_set(&g->units_by_key, world_key(unit), unit);
        add_inline_units(g, world, &world->imports);
        add_inline_units(g, world, &world->exports);
    }
}

static void give_roles(struct generator *g, struct unit *world_unit, const struct wit_items *items, enum unit_role role)
{
    for (size_t i = 0; i < items->len; i++) {
        const struct wit_world_item *item = &items->items[i];
        struct unit *unit =
            item->kind == WIT_ITEM_INTERFACE ? map_get(&g->units_by_key, wit_interface_key(item->interface)) : world_unit;
        unit->roles |= role;
    }
}

static enum status choose_roles(struct generator *g)
{
    vec_each (at, &g->units) {
        struct unit *unit = *at;
        bool chosen = g->options->world ? unit->world == g->options->world : !unit->external;
        if (!unit->world || unit->interface || !chosen)
            continue;
        give_roles(g, unit, &unit->world->imports, UNIT_HOST);
        give_roles(g, unit, &unit->world->exports, UNIT_GUEST);
    }
    vec_each (at, &g->units) {
        struct unit *unit = *at;
        if (!g->options->world && unit->interface && unit->roles == 0)
            unit->roles = UNIT_HOST;
        if (unit->roles == 0)
            continue;
        const struct unit *other = map_set(&g->prefixes, str_of(unit->prefix), unit);
        if (other)
            return fail(g->err, ST_INVALID, "two interfaces or worlds would have the C prefix `%s` (two versions of one package?)",
                        unit->prefix);
    }
    return ST_OK;
}

/* Names that tables refer to each other by: nothing else may have them. */
static enum status reserve(struct generator *g, const char *name)
{
    if (gen_take_symbol(g, name) != name)
        return fail(g->err, ST_INVALID, "two things would both be `%s` in C; generate them separately", name);
    return ST_OK;
}

static enum status reserve_resource(struct generator *g, const struct wit_type *type)
{
    if (type->kind != WIT_RESOURCE)
        return ST_OK;
    const char *name = gen_type_name(g, type);
    TRY(gen_take_tag(g, name, type->name));
    TRY(reserve(g, gen_printf(g, "%s_resource", name)));
    return reserve(g, gen_printf(g, "%s_drop", name));
}

static enum status reserve_unit(struct generator *g, const struct unit *unit)
{
    if (unit->roles & UNIT_HOST)
        TRY(reserve(g, gen_printf(g, "%s_interface", unit->prefix)));
    if (unit->roles & UNIT_GUEST)
        TRY(reserve(g, gen_printf(g, "%s_export_interface", unit->prefix)));
    if (unit->roles == UNIT_GUEST)
        return ST_OK;
    for (size_t i = 0; unit->interface && i < unit->interface->types.len; i++)
        TRY(reserve_resource(g, unit->interface->types.items[i]));
    for (size_t i = 0; !unit->interface && i < unit->world->imports.len; i++)
        if (unit->world->imports.items[i].kind == WIT_ITEM_TYPE)
            TRY(reserve_resource(g, unit->world->imports.items[i].type));
    return ST_OK;
}

static bool has_resource(const struct wit_interface *interface)
{
    for (size_t i = 0; i < interface->types.len; i++)
        if (interface->types.items[i]->kind == WIT_RESOURCE)
            return true;
    return false;
}

/* Functions. A function's `symbol` ("wasi_io_poll_pollable_ready") is what everything of it is named after. */
static const char *function_symbol(struct generator *g, const struct unit *unit, const struct wit_function *function)
{
    const char *item = function->kind == WIT_CONSTRUCTOR ? "new" : gen_snake(g, function->item);
    if (!function->resource)
        return gen_printf(g, "%s_%s", unit->prefix, item);
    return gen_printf(g, "%s_%s_%s", unit->prefix, gen_snake(g, function->resource->name), item);
}

static enum status define_signature(struct generator *g, const struct wit_function *function)
{
    for (size_t i = 0; i < function->params.len; i++)
        TRY(gen_define_type(g, function->params.items[i].type));
    return function->result ? gen_define_type(g, function->result) : ST_OK;
}

static void write_prototype(struct generator *g, const struct wit_function *function, const char *symbol)
{
    buf_addf(&g->prototypes, "enum status %s(struct cm_call *call", symbol);
    for (size_t i = 0; i < function->params.len; i++) {
        const struct wit_param *param = &function->params.items[i];
        bool pointer = wit_is_composite(param->type);
        buf_addf(&g->prototypes, ", %s%s%s%s", pointer ? "const " : "", gen_c_type(g, param->type), pointer ? "*" : "",
                 gen_member(g, param->name));
    }
    if (function->result)
        buf_addf(&g->prototypes, ", %s*ret", gen_c_type(g, function->result));
    buf_add(&g->prototypes, STR(");\n"));
}

static enum status write_args_struct(struct generator *g, struct buf *out, const struct wit_function *function, const char *symbol)
{
    if (function->params.len == 0)
        return ST_OK;
    TRY(gen_take_tag(g, gen_printf(g, "%s_args", symbol), function->name));
    buf_addf(out, "struct %s_args {\n", symbol);
    for (size_t i = 0; i < function->params.len; i++)
        buf_addf(out, "    %s%s;\n", gen_c_type(g, function->params.items[i].type), gen_member(g, function->params.items[i].name));
    buf_add(out, STR("};\n"));
    return ST_OK;
}

static enum status write_params_table(struct generator *g, const struct wit_function *function, const char *symbol)
{
    if (function->params.len == 0)
        return ST_OK;
    buf_addf(&g->functions, "_Static_assert(sizeof(struct %s_args) <= CM_MAX_ARGS, \"too many arguments\");\n", symbol);
    buf_addf(&g->functions, "static const struct cm_field_desc %s_params[] = {\n", symbol);
    for (size_t i = 0; i < function->params.len; i++) {
        const struct wit_param *param = &function->params.items[i];
        const char *expression;
        TRY(gen_descriptor(g, param->type, &expression));
        buf_addf(&g->functions, "    {%s, %s, offsetof(struct %s_args, %s)},\n", gen_c_string(g, param->name), expression, symbol,
                 gen_member(g, param->name));
    }
    buf_add(&g->functions, STR("};\n"));
    return ST_OK;
}

/* Spreads the args struct over the C function. */
static void write_adapter(struct generator *g, const struct wit_function *function, const char *symbol)
{
    struct buf *out = &g->functions;
    buf_addf(out, "static enum status invoke_%s(struct cm_call *call, const void *args, void *ret)\n{\n", symbol);
    if (function->params.len)
        buf_addf(out, "    const struct %s_args *a = args;\n", symbol);
    else
        buf_add(out, STR("    (void)args;\n"));
    if (!function->result)
        buf_add(out, STR("    (void)ret;\n"));
    buf_addf(out, "    return %s(call", symbol);
    for (size_t i = 0; i < function->params.len; i++)
        buf_addf(out, ", %sa->%s", wit_is_composite(function->params.items[i].type) ? "&" : "",
                 gen_member(g, function->params.items[i].name));
    buf_addf(out, "%s);\n}\n", function->result ? ", ret" : "");
}

static bool is_unserved(const struct generator *g, const char *symbol)
{
    for (size_t i = 0; i < g->options->unserved_count; i++)
        if (str_starts(str_of(symbol), g->options->unserved[i]))
            return true;
    return false;
}

static enum status write_function_row(struct generator *g, struct buf *rows, const struct wit_function *function,
                                      const char *symbol, bool host)
{
    buf_addf(rows, "    {.name = %s, .is_async = %s", gen_c_string(g, function->name), function->is_async ? "true" : "false");
    if (function->params.len)
        buf_addf(rows, ", .param_count = %zu, .params = %s_params, .args_size = sizeof(struct %s_args)", function->params.len,
                 symbol, symbol);
    if (function->result) {
        const char *expression;
        TRY(gen_descriptor(g, function->result, &expression));
        buf_addf(rows, ", .result = %s", expression);
    }
    if (host && is_unserved(g, symbol))
        buf_addf(rows, ", .invoke = %.*s_unserved", STR_ARG(g->options->name));
    else if (host)
        buf_addf(rows, ", .invoke = invoke_%s", symbol);
    buf_add(rows, STR("},\n"));
    return ST_OK;
}

typedef VEC(const struct wit_function *) function_list;
typedef VEC(const struct wit_type *) type_list;

/* Everything of one function; its row of the interface's table goes to `rows`. */
static enum status write_function(struct generator *g, const struct wit_function *function, const char *symbol, bool host,
                                  struct buf *rows)
{
    TRY(define_signature(g, function));
    bool served = host && !is_unserved(g, symbol);
    if (served)
        write_prototype(g, function, symbol);
    TRY(write_args_struct(g, host ? &g->functions : &g->prototypes, function, symbol));
    TRY(write_params_table(g, function, symbol));
    if (served)
        write_adapter(g, function, symbol);
    return write_function_row(g, rows, function, symbol, host);
}

/* Constructors have their names first: a static function `new` must not take theirs. */
static void name_functions(struct generator *g, const struct unit *unit, const function_list *functions, const char **symbols)
{
    for (int constructors = 1; constructors >= 0; constructors--)
        for (size_t i = 0; i < functions->len; i++)
            if ((functions->items[i]->kind == WIT_CONSTRUCTOR) == (constructors == 1))
                symbols[i] = gen_take_symbol(g, function_symbol(g, unit, functions->items[i]));
}

/* `table` is what the interface's tables are called: "<prefix>_interface" or "<prefix>_export_interface". */
static enum status write_functions(struct generator *g, const struct unit *unit, const function_list *functions, const char *table,
                                   bool host)
{
    autobuf struct buf rows = BUF_INIT(BUF_UNLIMITED);
    autofree const char **symbols = mem_array(functions->len + 1, sizeof *symbols);
    if (functions->len == 0)
        return ST_OK;
    name_functions(g, unit, functions, symbols);
    if (!host)
        buf_addf(&g->prototypes, "extern const struct cm_func_desc %s_funcs[];\n", table);
    for (size_t i = 0; i < functions->len; i++) {
        TRY(write_function(g, functions->items[i], symbols[i], host, &rows));
        const char *macro = gen_take_symbol(g, gen_upper(g, str_of(symbols[i])));
        if (!host)
            buf_addf(&g->prototypes, "#define %s (&%s_funcs[%zu])\n", macro, table, i);
    }
    buf_addf(&g->functions, "%sconst struct cm_func_desc %s_funcs[] = {\n%s};\n", host ? "static " : "", table, rows.data);
    return ST_OK;
}

/* Resources and named types of an interface or world. */
static void write_resource(struct generator *g, const struct unit *unit, const struct wit_type *type)
{
    const char *name = gen_type_name(g, type);
    map_set(&g->emitted, str_of(gen_printf(g, "struct %s", name)), g);
    buf_addf(&g->types, "\nstruct %s; /* resource %.*s */\n", name, STR_ARG(type->name));
    buf_addf(&g->prototypes, "extern const struct cm_resource_desc %s_resource;\n", name);
    buf_addf(&g->tables, "static enum status end_%s(struct cm_call *call, void *object)\n{\n", name);
    if (is_unserved(g, name)) {
        buf_add(&g->tables, STR("    (void)call, (void)object;\n    return ST_INTERNAL; /* no such object is ever made */\n}\n"));
    } else {
        buf_addf(&g->prototypes, "enum status %s_drop(struct cm_call *call, struct %s *self);\n", name, name);
        buf_addf(&g->tables, "    return %s_drop(call, object);\n}\n", name);
    }
    buf_addf(&g->tables, "const struct cm_resource_desc %s_resource = {.name = %s, .interface = &%s_interface, .drop = end_%s};\n",
             name, gen_c_string(g, type->name), unit->prefix, name);
}

static enum status write_type_row(struct generator *g, const struct wit_type *type, struct buf *rows)
{
    const struct wit_type *root = wit_type_root(type);
    const char *expression = "NULL", *resource = "NULL";
    if (root->kind == WIT_RESOURCE) {
        if (!gen_is_guest_resource(g, root))
            resource = gen_printf(g, "&%s_resource", gen_type_name(g, root));
    } else {
        TRY(gen_define_type(g, type));
        TRY(gen_descriptor(g, type, &expression));
    }
    buf_addf(rows, "    {%s, %s, %s},\n", gen_c_string(g, type->name), expression, resource);
    return ST_OK;
}

static enum status write_types(struct generator *g, const type_list *types, const char *table)
{
    autobuf struct buf rows = BUF_INIT(BUF_UNLIMITED);
    vec_each (type, types)
        TRY(write_type_row(g, *type, &rows));
    if (types->len)
        buf_addf(&g->functions, "static const struct cm_named_type_desc %s_types[] = {\n%s};\n", table, rows.data);
    return ST_OK;
}

static void collect(const struct unit *unit, enum unit_role role, function_list *functions, type_list *types)
{
    const struct wit_interface *interface = unit->interface;
    for (size_t i = 0; interface && i < interface->types.len; i++)
        vec_push(types, interface->types.items[i]);
    for (size_t i = 0; interface && i < interface->functions.len; i++)
        vec_push(functions, interface->functions.items[i]);
    if (interface)
        return;
    const struct wit_items *items = role == UNIT_HOST ? &unit->world->imports : &unit->world->exports;
    for (size_t i = 0; i < items->len; i++) {
        if (items->items[i].kind == WIT_ITEM_TYPE)
            vec_push(types, items->items[i].type);
        if (items->items[i].kind == WIT_ITEM_FUNCTION)
            vec_push(functions, items->items[i].function);
    }
}

/* The name by which components know the unit: a world's own functions go under "$root". */
static struct str interface_name(struct generator *g, const struct unit *unit)
{
    const struct wit_interface *interface = unit->interface;
    if (!interface)
        return STR("$root");
    if (unit->label.len)
        return unit->label;
    return str_of(gen_printf(g, "%.*s:%.*s/%.*s", STR_ARG(interface->package->ns), STR_ARG(interface->package->name),
                             STR_ARG(interface->name)));
}

static void write_interface_table(struct generator *g, const struct unit *unit, const char *table, size_t function_count,
                                  size_t type_count)
{
    struct buf *out = &g->functions;
    const struct wit_interface *interface = unit->interface;
    bool versioned = interface && !unit->label.len && wit_version_is_set(&interface->package->version);
    buf_addf(&g->prototypes, "extern const struct cm_interface_desc %s;\n", table);
    buf_addf(out, "const struct cm_interface_desc %s = {.name = %s, .version = %s", table, gen_c_string(g, interface_name(g, unit)),
             versioned ? gen_c_string(g, interface->package->version.text) : "NULL");
    if (function_count)
        buf_addf(out, ", .func_count = %zu, .funcs = %s_funcs", function_count, table);
    if (type_count)
        buf_addf(out, ", .type_count = %zu, .types = %s_types", type_count, table);
    buf_add(out, STR("};\n"));
}

static enum status write_collected(struct generator *g, const struct unit *unit, enum unit_role role,
                                   const function_list *functions, const type_list *types)
{
    bool host = role == UNIT_HOST;
    const char *table = gen_printf(g, host ? "%s_interface" : "%s_export_interface", unit->prefix);
    struct str name = interface_name(g, unit);
    buf_addf(&g->prototypes, "\n/* %.*s%s */\n", STR_ARG(name), host ? "" : ", exported by guests");
    buf_addf(&g->functions, "\n/* %.*s */\n", STR_ARG(name));
    vec_each (type, types)
        if (host && (*type)->kind == WIT_RESOURCE)
            write_resource(g, unit, *type);
    TRY(write_types(g, types, table));
    TRY(write_functions(g, unit, functions, table, host));
    write_interface_table(g, unit, table, functions->len, types->len);
    return ST_OK;
}

static enum status write_unit(struct generator *g, const struct unit *unit, enum unit_role role)
{
    function_list functions = {0};
    type_list types = {0};
    enum status status = ST_OK;
    if (!(unit->roles & role) || unit->external)
        return ST_OK;
    collect(unit, role, &functions, &types);
    if (unit->interface || functions.len || types.len)
        status = write_collected(g, unit, role, &functions, &types);
    vec_release(&functions);
    vec_release(&types);
    return status;
}

static enum status check_unit(struct generator *g, const struct unit *unit)
{
    if (unit->interface && unit->roles == (UNIT_HOST | UNIT_GUEST) && has_resource(unit->interface)) {
        struct str name = interface_name(g, unit);
        return fail(g->err, ST_UNSUPPORTED,
                    "`%.*s` has resources and is both imported and exported: whose they are differs; generate the two separately",
                    STR_ARG(name));
    }
    return reserve_unit(g, unit);
}

static enum status write_units(struct generator *g)
{
    vec_each (unit, &g->units)
        if ((*unit)->roles && !(*unit)->external)
            TRY(check_unit(g, *unit));
    vec_each (unit, &g->units)
        TRY(write_unit(g, *unit, UNIT_HOST));
    vec_each (unit, &g->units)
        TRY(write_unit(g, *unit, UNIT_GUEST));
    return ST_OK;
}

/* The two files. */
static void write_header(struct generator *g, struct buf *header)
{
    struct str name = g->options->name;
    buf_add(header,
            STR("/* Generated from WIT by wit-bindgen-host: changes will be lost. See component/host.h for what it means. */\n"
                "#pragma once\n\n#include \"component/host.h\"\n"));
    for (size_t i = 0; i < g->options->include_count; i++)
        buf_addf(header, "#include \"%.*s\"\n", STR_ARG(g->options->includes[i]));
    buf_add(header, buf_str(&g->types));
    buf_add(header, buf_str(&g->prototypes));
    buf_addf(header,
             "\nextern const struct cm_interface_desc *const %.*s_interfaces[];\nextern const size_t %.*s_interface_count;\n",
             STR_ARG(name), STR_ARG(name));
}

static void write_source(struct generator *g, struct buf *source)
{
    struct str name = g->options->name;
    size_t count = 0;
    buf_addf(source,
             "/* Generated from WIT by wit-bindgen-host: changes will be lost. */\n#include \"%.*s\"\n\n#include <stddef.h>\n\n",
             STR_ARG(g->options->header));
    buf_add(source, buf_str(&g->tables));
    buf_add(source, buf_str(&g->functions));
    buf_addf(source, "\nconst struct cm_interface_desc *const %.*s_interfaces[] = {\n", STR_ARG(name));
    vec_each (at, &g->units) {
        const struct unit *unit = *at;
        bool written = unit->interface && (unit->roles & UNIT_HOST) && !unit->external;
        if (written)
            buf_addf(source, "    &%s_interface,\n", unit->prefix);
        count += written;
    }
    buf_addf(source, "    NULL,\n};\nconst size_t %.*s_interface_count = %zu;\n", STR_ARG(name), count);
}

static void release(struct generator *g)
{
    struct map *maps[] = {&g->units_by_key, &g->prefixes, &g->tags, &g->symbols, &g->anonymous, &g->descriptors, &g->emitted};
    struct buf *buffers[] = {&g->types, &g->prototypes, &g->tables, &g->functions};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        map_release(maps[i]);
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
        buf_release(buffers[i]);
    vec_release(&g->units);
    arena_release(&g->arena);
}

enum status wit_bindgen_host(const struct wit_model *model, const struct wit_bindgen_options *options, struct buf *header,
                             struct buf *source, struct error *err)
{
    struct generator g = {.model = model, .options = options, .err = err};
    struct buf *buffers[] = {&g.types, &g.prototypes, &g.tables, &g.functions};
    arena_init(&g.arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
        buf_init(buffers[i], BUF_UNLIMITED);
    for (size_t i = 0; i < model->packages.len; i++)
        add_package_units(&g, model->packages.items[i]);
    if (options->unserved_count)
        buf_addf(&g.prototypes, "enum status %.*s_unserved(struct cm_call *call, const void *args, void *ret);\n",
                 STR_ARG(options->name));
    enum status status = choose_roles(&g);
    if (status == ST_OK)
        status = write_units(&g);
    if (status == ST_OK) {
        write_header(&g, header);
        write_source(&g, source);
    }
    release(&g);
    return status;
}

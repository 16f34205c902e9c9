/* Handles of resources, what makes and ends them. */
#include "wit/guest_private.h"

/* A core function on handles, and the function of the header that calls it. */
static void write_import(struct guest *g, const char *module, const char *intrinsic, const struct wit_type *resource,
                         const char *result, const char *symbol)
{
    buf_addf(&g->core, "\n__attribute__((__import_module__(%s), __import_name__(\"[%s]%.*s\")))\nextern %s %s(int32_t);\n",
             c_string(&g->arena, str_of(module)), intrinsic, STR_ARG(resource->name), result, symbol);
}

void guest_declare_export(struct guest *g, const char *export_name, const char *head)
{
    buf_addf(&g->core, "\n__attribute__((__export_name__(%s)))\n%s;\n", c_string(&g->arena, str_of(export_name)), head);
}

static void write_helper(struct guest *g, const char *head, const char *body)
{
    buf_addf(&g->helpers, "\nextern %s;\n", head);
    buf_addf(&g->helping, "\n%s\n{\n    %s\n}\n", head, body);
}

static void write_drop(struct guest *g, const char *name, const char *kind, const char *handle)
{
    write_helper(g, c_printf(&g->arena, "void %s_drop_%s(%s_t handle)", name, kind, handle),
                 c_printf(&g->arena, "__wasm_import_%s_drop(handle.__handle);", name));
}

static void write_imported(struct guest *g, const struct guest_unit *unit, const struct wit_type *resource, const char *name,
                           const char *own, const char *borrow)
{
    buf_addf(&g->types, "\ntypedef struct %s_t {\n    int32_t __handle;\n} %s_t;\n", borrow, borrow);
    write_drop(g, name, "borrow", borrow);
    write_helper(
        g, c_printf(&g->arena, "%s_t %s_borrow_%s(%s_t handle)", borrow, unit->prefix, c_snake(&g->arena, resource->name), own),
        c_printf(&g->arena, "return (%s_t){handle.__handle};", borrow));
}

static void write_exported(struct guest *g, const struct guest_unit *unit, const struct wit_type *resource, const char *name,
                           const char *module, const char *own, const char *borrow)
{
    buf_addf(&g->types, "\ntypedef struct %s_t %s_t;\n\ntypedef %s_t *%s_t;\n", name, name, name, borrow);
    write_import(g, module, "resource-new", resource, "int32_t", c_printf(&g->arena, "__wasm_import_%s_new", name));
    write_helper(g, c_printf(&g->arena, "%s_t %s_new(%s_t *rep)", own, name, name),
                 c_printf(&g->arena, "return (%s_t){__wasm_import_%s_new((int32_t)rep)};", own, name));
    write_import(g, module, "resource-rep", resource, "int32_t", c_printf(&g->arena, "__wasm_import_%s_rep", name));
    write_helper(g, c_printf(&g->arena, "%s_t *%s_rep(%s_t handle)", name, name, own),
                 c_printf(&g->arena, "return (%s_t *)__wasm_import_%s_rep(handle.__handle);", name, name));
    buf_addf(&g->helpers, "\nvoid %s_destructor(%s_t *rep);\n", name, name);
    const char *head = c_printf(&g->arena, "void __wasm_export_%s_dtor(%s_t *rep)", name, name);
    guest_declare_export(g, c_printf(&g->arena, "%s#[dtor]%.*s", unit->module, STR_ARG(resource->name)), head);
    buf_addf(&g->helping, "\n%s\n{\n    %s_destructor(rep);\n}\n", head, name);
}

static enum status take_symbols(struct guest *g, const struct guest_unit *unit, const struct wit_type *resource, const char *name)
{
    static const char *const imported[] = {"drop_own", "drop_borrow"}, *const exported[] = {"t", "drop_own", "new", "rep",
                                                                                            "destructor"};
    const char *const *suffixes = unit->exported ? exported : imported;
    for (size_t i = 0; i < (unit->exported ? ARRAY_LEN(exported) : ARRAY_LEN(imported)); i++)
        TRY(guest_take_symbol(g, c_printf(&g->arena, "%s_%s", name, suffixes[i])));
    TRY(guest_take_symbol(g, c_printf(&g->arena, "%s_t", guest_handle_stem(g, unit, resource, true))));
    TRY(guest_take_symbol(g, c_printf(&g->arena, "%s_t", guest_handle_stem(g, unit, resource, false))));
    if (unit->exported)
        return ST_OK;
    return guest_take_symbol(g, guest_handle_stem(g, unit, resource, false)); /* makes a borrowed handle of an owned one */
}

enum status guest_define_resource(struct guest *g, const struct guest_unit *unit, const struct wit_type *resource)
{
    const char *name = c_printf(&g->arena, "%s_%s", unit->prefix, c_snake(&g->arena, resource->name));
    const char *own = guest_handle_stem(g, unit, resource, true), *borrow = guest_handle_stem(g, unit, resource, false);
    TRY(take_symbols(g, unit, resource, name));
    const char *module = unit->exported ? c_printf(&g->arena, "[export]%s", unit->module) : unit->module;
    buf_add(&g->types, STR("\n"));
    guest_docs(&g->types, "", resource->notes.docs);
    buf_addf(&g->types, "typedef struct %s_t {\n    int32_t __handle;\n} %s_t;\n", own, own);
    write_import(g, module, "resource-drop", resource, "void", c_printf(&g->arena, "__wasm_import_%s_drop", name));
    write_drop(g, name, "own", own);
    if (unit->exported)
        write_exported(g, unit, resource, name, module, own, borrow);
    else
        write_imported(g, unit, resource, name, own, borrow);
    return ST_OK;
}

#include "wit/guest_private.h"

#define SECTION_PIECE 800u /* bytes of a custom section in one string literal, of at most 4095 characters */

const char *wit_guest_file_name(struct arena *arena, const struct wit_world *world)
{
    return c_snake(arena, world->name);
}

enum status guest_take_symbol(struct guest *g, const char *name)
{
    const char *other = map_set(&g->symbols, str_of(name), (void *)(uintptr_t)g->subject);
    if (other)
        return fail(g->err, ST_INVALID, "%s and %s would both make `%s` in C; rename one of them", other, g->subject, name);
    return ST_OK;
}

/* A comment must end with its line, whatever the text ends with. */
void guest_docs(struct buf *out, const char *indent, struct str docs)
{
    struct str line;
    docs = str_trim(docs);
    while (docs.len && str_next_part(&docs, '\n', &line)) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        while (str_ends(line, STR(" ")) || str_ends(line, STR("\\")) || str_ends(line, STR("\?\?/")) || str_ends(line, STR("\r")))
            line.len--;
        bug_unless(buf_append_escaped(&text, line) == ST_OK);
        buf_addf(out, "%s//%s%s\n", indent, text.len ? " " : "", text.len ? text.data : "");
    }
}

/* The units. */
static bool has_other_version(const struct guest *g, const struct wit_package *package)
{
    for (size_t i = 0; i < g->model->packages.len; i++) {
        const struct wit_package *other = g->model->packages.items[i];
        if (other != package && str_eq(other->ns, package->ns) && str_eq(other->name, package->name))
            return true;
    }
    return false;
}

static const char *interface_prefix(struct guest *g, const struct wit_interface *interface, bool exported)
{
    const struct wit_package *package = interface->package;
    const char *version = "";
    if (has_other_version(g, package) && wit_version_is_set(&package->version)) {
        char *text =
            arena_copy(&g->arena, c_printf(&g->arena, "%.*s_", STR_ARG(package->version.text)), package->version.text.len + 2);
        for (char *c = text; *c; c++)
            if (*c == '.' || *c == '-' || *c == '+')
                *c = '_';
        version = text;
    }
    return c_printf(&g->arena, "%s%s_%s_%s%s", exported ? "exports_" : "", c_snake(&g->arena, package->ns),
                    c_snake(&g->arena, package->name), version, c_snake(&g->arena, interface->name));
}

static const char *interface_module(struct guest *g, const struct wit_interface *interface)
{
    const struct wit_package *package = interface->package;
    return c_printf(&g->arena, "%.*s:%.*s/%.*s%s%.*s", STR_ARG(package->ns), STR_ARG(package->name), STR_ARG(interface->name),
                    wit_version_is_set(&package->version) ? "@" : "", STR_ARG(package->version.text));
}

static enum status add_unit(struct guest *g, const struct wit_world_item *item, bool exported)
{
    struct guest_unit *unit = ARENA_NEW(&g->arena, struct guest_unit);
    unit->interface = item->interface;
    unit->exported = exported;
    if (item->name.len) {
        unit->module = c_printf(&g->arena, "%.*s", STR_ARG(item->name));
        unit->prefix = c_snake(&g->arena, item->name);
    } else {
        unit->module = interface_module(g, item->interface);
        unit->prefix = interface_prefix(g, item->interface, exported);
        map_set(exported ? &g->exports_by_key : &g->imports_by_key, wit_interface_key(item->interface), unit);
    }
    const struct guest_unit *other = map_set(&g->prefixes, str_of(unit->prefix), unit);
    if (other)
        return fail(g->err, ST_INVALID,
                    "interfaces `%s` and `%s` of world `%.*s` would have the same names in C; rename one of them", other->module,
                    unit->module, STR_ARG(g->world->name));
    if (exported)
        vec_push(&g->exports, unit);
    else
        vec_push(&g->imports, unit);
    return ST_OK;
}

static enum status add_units(struct guest *g, const struct wit_items *items, bool exported)
{
    for (size_t i = 0; i < items->len; i++)
        if (items->items[i].kind == WIT_ITEM_INTERFACE)
            TRY(add_unit(g, &items->items[i], exported));
    return ST_OK;
}

/* What the world has, in order. */
static enum status define_named(struct guest *g, const struct guest_unit *unit, const struct wit_type *type)
{
    g->subject = c_printf(&g->arena, "type `%.*s` of `%s`", STR_ARG(type->name), unit == &g->own ? g->world_name : unit->module);
    return guest_define_type(g, unit, type);
}

static void write_heading(struct guest *g, const char *what, const char *of)
{
    buf_addf(&g->functions, "\n// %s functions of `%s`\n", what, of);
    buf_addf(&g->adapters, "\n// %s functions of `%s`\n", what, of);
}

static enum status write_interface(struct guest *g, const struct guest_unit *unit)
{
    const struct wit_interface *interface = unit->interface;
    for (size_t i = 0; i < interface->types.len; i++)
        TRY(define_named(g, unit, interface->types.items[i]));
    if (interface->functions.len)
        write_heading(g, unit->exported ? "Exported" : "Imported", unit->module);
    for (size_t i = 0; i < interface->functions.len; i++)
        TRY((unit->exported ? guest_export : guest_import)(g, unit, interface->functions.items[i]));
    return ST_OK;
}

static enum status write_own_functions(struct guest *g, const struct wit_items *items, bool exported)
{
    bool any = false;
    for (size_t i = 0; i < items->len; i++) {
        if (items->items[i].kind != WIT_ITEM_FUNCTION)
            continue;
        if (!any)
            write_heading(g, exported ? "Exported" : "Imported", g->world_name);
        any = true;
        TRY((exported ? guest_export : guest_import)(g, &g->own, items->items[i].function));
    }
    return ST_OK;
}

static enum status write_world(struct guest *g)
{
    const struct wit_items *imports = &g->world->imports, *exports = &g->world->exports;
    TRY(add_units(g, imports, false));
    TRY(add_units(g, exports, true));
    vec_each (unit, &g->imports)
        TRY(write_interface(g, *unit));
    for (size_t i = 0; i < imports->len; i++)
        if (imports->items[i].kind == WIT_ITEM_TYPE)
            TRY(define_named(g, &g->own, imports->items[i].type));
    TRY(write_own_functions(g, imports, false));
    TRY(write_own_functions(g, exports, true));
    vec_each (unit, &g->exports)
        TRY(write_interface(g, *unit));
    return ST_OK;
}

/* The two files. */
static const char preamble[] = "// Generated by `wash bindgen --guest c`: changes will be lost.\n";

static const char string_prototypes[] = "\n"
                                        "// Makes `ret` refer to the text `s`, without a copy\n"
                                        "void @_string_set(@_string_t *ret, const char *s);\n"
                                        "\n"
                                        "// Makes `ret` a copy of the text `s`\n"
                                        "void @_string_dup(@_string_t *ret, const char *s);\n"
                                        "\n"
                                        "// Makes `ret` a copy of the `len` bytes at `s`\n"
                                        "void @_string_dup_n(@_string_t *ret, const char *s, size_t len);\n"
                                        "\n"
                                        "// Frees the text and empties `ret`\n"
                                        "void @_string_free(@_string_t *ret);\n";

static const char string_functions[] = "\n"
                                       "void @_string_set(@_string_t *ret, const char *s)\n"
                                       "{\n"
                                       "    ret->ptr = (uint8_t *)(uintptr_t)s;\n"
                                       "    ret->len = __builtin_strlen(s);\n"
                                       "}\n"
                                       "\n"
                                       "void @_string_dup(@_string_t *ret, const char *s)\n"
                                       "{\n"
                                       "    @_string_dup_n(ret, s, __builtin_strlen(s));\n"
                                       "}\n"
                                       "\n"
                                       "void @_string_dup_n(@_string_t *ret, const char *s, size_t len)\n"
                                       "{\n"
                                       "    ret->len = len;\n"
                                       "    ret->ptr = cabi_realloc(NULL, 0, 1, len);\n"
                                       "    __builtin_memcpy(ret->ptr, s, len);\n"
                                       "}\n"
                                       "\n"
                                       "void @_string_free(@_string_t *ret)\n"
                                       "{\n"
                                       "    if (ret->len > 0)\n"
                                       "        free(ret->ptr);\n"
                                       "    ret->ptr = NULL;\n"
                                       "    ret->len = 0;\n"
                                       "}\n";

static const char allocation[] = "\n"
                                 "extern void *realloc(void *ptr, size_t size);\n"
                                 "extern void free(void *ptr);\n"
                                 "\n"
                                 "// Weak: a component may have its own\n"
                                 "__attribute__((__weak__, __export_name__(\"cabi_realloc\")))\n"
                                 "void *cabi_realloc(void *ptr, size_t old_size, size_t align, size_t new_size);\n"
                                 "\n"
                                 "void *cabi_realloc(void *ptr, size_t old_size, size_t align, size_t new_size)\n"
                                 "{\n"
                                 "    (void)old_size;\n"
                                 "    if (new_size == 0)\n"
                                 "        return (void *)align;\n"
                                 "    void *ret = realloc(ptr, new_size);\n"
                                 "    if (!ret)\n"
                                 "        __builtin_trap();\n"
                                 "    return ret;\n"
                                 "}\n";

/* `text` with the world's name for every '@'. */
static void add_template(const struct guest *g, struct buf *out, const char *text)
{
    struct str rest = str_of(text), part;
    for (bool first = true; str_next_part(&rest, '@', &part); first = false)
        buf_addf(out, "%s%.*s", first ? "" : g->world_name, STR_ARG(part));
}

static void write_header(struct guest *g, struct buf *out)
{
    const char *upper = c_upper(&g->arena, g->world->name);
    buf_addf(out, "%s#ifndef __BINDINGS_%s_H\n#define __BINDINGS_%s_H\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", preamble,
             upper, upper);
    buf_add(out, STR("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"));
    if (g->uses_strings)
        add_template(g, out, "\ntypedef struct @_string_t {\n    uint8_t *ptr;\n    size_t len;\n} @_string_t;\n");
    buf_add(out, buf_str(&g->types));
    buf_add(out, buf_str(&g->functions));
    buf_add(out, STR("\n// Helper functions\n"));
    buf_add(out, buf_str(&g->helpers));
    if (g->uses_strings)
        add_template(g, out, string_prototypes);
    buf_add(out, STR("\n#ifdef __cplusplus\n}\n#endif\n#endif\n"));
}

static void write_bytes(struct buf *out, struct str bytes)
{
    buf_add(out, STR("    \".ascii \\\""));
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?';
        buf_addf(out, plain ? "%c" : "\\\\%03o", c);
    }
    buf_add(out, STR("\\\"\\n\"\n"));
}

/* A custom section, byte for byte, for clang has no attribute for one. In pieces: C has a limit for string literals. */
static void write_section(const struct guest *g, struct buf *out, struct str bytes)
{
    buf_add(out, STR("\n// The world's type, from which the component is made\n"));
    while (bytes.len) {
        struct str piece = str_slice(bytes, 0, SECTION_PIECE);
        buf_addf(out, "__asm__(\n    \".section \\\".custom_section.component-type:%.*s\\\",\\\"\\\",@\\n\"\n",
                 STR_ARG(g->world->name));
        for (; piece.len; piece = str_from(piece, 32))
            write_bytes(out, str_slice(piece, 0, 32));
        buf_add(out, STR("    \".text\\n\");\n"));
        bytes = str_from(bytes, SECTION_PIECE);
    }
}

static void write_source(struct guest *g, const struct wit_guest_options *options, struct buf *out)
{
    buf_addf(out, "%s#include \"%s.h\"\n", preamble, g->world_name);
    buf_add(out, str_of(allocation));
    buf_add(out, buf_str(&g->core));
    if (g->areas.len) {
        buf_add(out, STR("\nstatic union {\n"));
        map_each (area, &g->areas)
            buf_addf(out, "    %.*s r%zu;\n", STR_ARG(area->key), (size_t)(uintptr_t)area->value - 1);
        buf_add(out, STR("} ret_area__;\n"));
    }
    buf_add(out, STR("\n// Helper functions\n"));
    buf_add(out, buf_str(&g->helping));
    if (g->uses_strings)
        add_template(g, out, string_functions);
    buf_add(out, buf_str(&g->adapters));
    write_section(g, out, options->component_type);
}

static void release(struct guest *g)
{
    struct map *maps[] = {&g->imports_by_key, &g->exports_by_key, &g->prefixes, &g->symbols,
                          &g->defined,        &g->anonymous,      &g->firsts,   &g->areas};
    struct buf *buffers[] = {&g->types, &g->functions, &g->helpers, &g->core, &g->helping, &g->adapters};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        map_release(maps[i]);
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
        buf_release(buffers[i]);
    vec_release(&g->imports);
    vec_release(&g->exports);
    arena_release(&g->arena);
}

enum status wit_guest_c(const struct wit_model *model, const struct wit_guest_options *options, struct buf *header,
                        struct buf *source, struct error *err)
{
    struct guest g = {.model = model, .world = options->world, .err = err};
    struct buf *buffers[] = {&g.types, &g.functions, &g.helpers, &g.core, &g.helping, &g.adapters};
    arena_init(&g.arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(buffers); i++)
        buf_init(buffers[i], BUF_UNLIMITED);
    g.world_name = wit_guest_file_name(&g.arena, options->world);
    g.own = (struct guest_unit){.prefix = g.world_name, .module = "$root"};
    g.facts = ARENA_ARRAY(&g.arena, struct type_facts, (size_t)model->type_count + 1);
    enum status status = write_world(&g);
    if (status == ST_OK) {
        write_header(&g, header);
        write_source(&g, options, source);
    }
    release(&g);
    return status;
}

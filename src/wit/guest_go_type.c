/* Definitions of named types: as Go, and for records and variants how a value is put into memory, taken from it and described. */
#include "wit/guest_go_private.h"

static const char *field_name(struct go *g, const struct wit_field *field)
{
    return go_public(&g->arena, field->name);
}

/* --- integers -------------------------------------------------------------------------------------------------------- */

static enum status define_constants(struct go *g, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    const char *first = type->kind == WIT_FLAGS ? "1 << iota" : "iota";
    buf_addf(out, "type %s uint%u\n\nconst (\n", name, 8 * guest_integer_bytes(type));
    for (size_t i = 0; i < type->fields.len; i++) {
        const char *constant = c_printf(&g->arena, "%s%s", name, field_name(g, &type->fields.items[i]));
        TRY(go_take_symbol(g, constant));
        guest_docs(out, "", type->fields.items[i].docs);
        if (i == 0)
            buf_addf(out, "%s %s = %s\n", constant, name, first);
        else
            buf_addf(out, "%s\n", constant);
    }
    buf_add(out, STR(")\n"));
    return ST_OK;
}

static void define_enum_text(struct go *g, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    buf_addf(out, "\nfunc (v %s) String() string {\nreturn [...]string{", name);
    for (size_t i = 0; i < type->fields.len; i++)
        buf_addf(out, "%s\"%.*s\"", i ? ", " : "", STR_ARG(type->fields.items[i].name));
    buf_add(out, STR("}[v]\n}\n"));
}

/* --- records --------------------------------------------------------------------------------------------------------- */

static enum status define_struct(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    buf_addf(out, "type %s struct {\n", name);
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        TRY(go_take_symbol(g, c_printf(&g->arena, "%s.%s", name, field_name(g, field))));
        guest_docs(out, "", field->docs);
        buf_addf(out, "%s %s\n", field_name(g, field), go_type(g, unit, field->type));
    }
    buf_add(out, STR("}\n"));
    return ST_OK;
}

static void convert_record(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    uint64_t offset = 0;
    buf_addf(out, "\nfunc Lower_%s(p_ uint32, v_ %s) {\n", name, name);
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *place = go_at(g, "p_", go_place(g, &offset, field->type));
        go_lower(g, out, unit, field->type, c_printf(&g->arena, "v_.%s", field_name(g, field)), place);
    }
    buf_addf(out, "}\n\nfunc Lift_%s(p_ uint32) %s {\nreturn %s{\n", name, name, name);
    offset = 0;
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *place = go_at(g, "p_", go_place(g, &offset, field->type));
        buf_addf(out, "%s: %s,\n", field_name(g, field), go_lift(g, unit, field->type, place));
    }
    buf_add(out, STR("}\n}\n"));
}

/* --- variants -------------------------------------------------------------------------------------------------------- */

static enum status define_cases(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    buf_addf(out, "type %s interface {\nString() string\nis%s()\n}\n", name, name);
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *of = c_printf(&g->arena, "%s%s", name, field_name(g, field));
        TRY(go_take_symbol(g, of));
        buf_add(out, STR("\n"));
        guest_docs(out, "", field->docs);
        if (field->type)
            buf_addf(out, "type %s struct{ Value %s }\n", of, go_type(g, unit, field->type));
        else
            buf_addf(out, "type %s struct{}\n", of);
        buf_addf(out, "\nfunc (%s) is%s() {}\n\nfunc (%s) String() string { return \"%.*s\" }\n", of, name, of,
                 STR_ARG(field->name));
    }
    return ST_OK;
}

static bool has_payload(const struct wit_type *type)
{
    for (size_t i = 0; i < type->fields.len; i++)
        if (type->fields.items[i].type)
            return true;
    return false;
}

static void convert_variant(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    unsigned bits = 8 * go_tag_bytes(type);
    uint32_t payload = go_shape_of(g, type)->payload;
    buf_addf(out, "\nfunc Lower_%s(p_ uint32, v_ %s) {\nswitch %sv_.(type) {\n", name, name, has_payload(type) ? "v_ := " : "");
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        buf_addf(out, "case %s%s:\nwit.Lower(p_, uint%u(%zu))\n", name, field_name(g, field), bits, i);
        if (field->type)
            go_lower(g, out, unit, field->type, "v_.Value", go_at(g, "p_", payload));
    }
    buf_addf(out, "default:\npanic(\"a %s is none of its cases\")\n}\n}\n", name);
    buf_addf(out, "\nfunc Lift_%s(p_ uint32) %s {\nswitch wit.Lift[uint%u](p_) {\n", name, name, bits);
    for (size_t i = 0; i < type->fields.len; i++) {
        const struct wit_field *field = &type->fields.items[i];
        const char *value = field->type ? go_lift(g, unit, field->type, go_at(g, "p_", payload)) : "";
        buf_addf(out, "case %zu:\nreturn %s%s{%s}\n", i, name, field_name(g, field), value);
    }
    buf_addf(out, "}\npanic(\"a %s is none of its cases\")\n}\n", name);
}

/* --- resources ------------------------------------------------------------------------------------------------------- */

/* A function of the module's own table of handles. */
static void declare_intrinsic(struct go *g, const struct guest_unit *unit, const struct wit_type *resource, const char *intrinsic,
                              const char *symbol, const char *signature)
{
    buf_addf(&g->package->text, "\n//go:wasmimport %s%s [resource-%s]%.*s\nfunc %s%s\n", unit->exported ? "[export]" : "",
             unit->module, intrinsic, STR_ARG(resource->name), symbol, signature);
}

static enum status define_imported(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    TRY(go_take_symbol(g, c_printf(&g->arena, "%s.Drop", name)));
    TRY(go_take_symbol(g, c_printf(&g->arena, "%s.WitHandle", name)));
    buf_addf(out, "type %s struct{ WitHandle wit.Handle }\n", name);
    const char *drop = c_printf(&g->arena, "drop_%s", name);
    declare_intrinsic(g, unit, type, "drop", drop, "(handle uint32)");
    buf_addf(out,
             "\n// Drop ends the use of the resource; it does nothing for one that was given away.\n"
             "func (self *%s) Drop() { self.WitHandle.Drop(%s) }\n",
             name, drop);
    return ST_OK;
}

static enum status define_interface(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    buf_addf(out, "type %s interface {\n", name);
    for (size_t i = 0; i < unit->interface->functions.len; i++) {
        const struct wit_function *function = unit->interface->functions.items[i];
        if (function->kind != WIT_METHOD || function->resource != type)
            continue;
        for (size_t k = 0; k < function->params.len; k++)
            TRY(go_check_type(g, unit, function->params.items[k].type));
        if (function->result)
            TRY(go_check_type(g, unit, function->result));
        guest_docs(out, "", function->notes.docs);
        buf_addf(out, "%s%s\n", go_function_name(g, function), go_signature(g, unit, function));
    }
    buf_add(out, STR("}\n"));
    return ST_OK;
}

/* The component's values by numbers, and handles of others that stand for them. */
static enum status define_exported(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    struct buf *out = &g->package->text;
    TRY(define_interface(g, unit, type, name));
    declare_intrinsic(g, unit, type, "new", c_printf(&g->arena, "new_%s", name), "(number uint32) uint32");
    declare_intrinsic(g, unit, type, "rep", c_printf(&g->arena, "number_%s", name), "(handle uint32) uint32");
    declare_intrinsic(g, unit, type, "drop", c_printf(&g->arena, "drop_%s", name), "(handle uint32)");
    buf_addf(out, "\nvar all_%s wit.Table[%s]\n", name, name);
    buf_addf(out, "\nfunc Find_%s(number uint32) %s { return all_%s.Get(number) }\n", name, name, name);
    buf_addf(out, "\nfunc Give_%s(v %s) uint32 { return new_%s(all_%s.Add(v)) }\n", name, name, name, name);
    buf_addf(out, "\nfunc Receive_%s(handle uint32) %s {\nv, _ := all_%s.Remove(number_%s(handle))\ndrop_%s(handle)\nreturn v\n}\n",
             name, name, name, name, name);
    buf_addf(out, "\n//go:wasmexport %s#[dtor]%.*s\nfunc end_%s(number uint32) { all_%s.End(number) }\n", unit->module,
             STR_ARG(type->name), name, name);
    return ST_OK;
}

/* --- all ------------------------------------------------------------------------------------------------------------- */

static void define_functions(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    (type->kind == WIT_RECORD ? convert_record : convert_variant)(g, unit, type, name);
    if (!guest_flat_of(&g->units, type)->over)
        buf_addf(&g->package->text, "\nvar Layout_%s = %s\n", name, go_layout_body(g, unit, type));
}

static enum status define(struct go *g, const struct guest_unit *unit, const struct wit_type *type, const char *name)
{
    switch (type->kind) {
    case WIT_ENUM:
        TRY(define_constants(g, type, name));
        define_enum_text(g, type, name);
        return ST_OK;
    case WIT_FLAGS:
        return define_constants(g, type, name);
    case WIT_RECORD:
        TRY(define_struct(g, unit, type, name));
        define_functions(g, unit, type, name);
        return ST_OK;
    case WIT_VARIANT:
        TRY(define_cases(g, unit, type, name));
        define_functions(g, unit, type, name);
        return ST_OK;
    case WIT_RESOURCE:
        return unit->exported ? define_exported(g, unit, type, name) : define_imported(g, unit, type, name);
    default: /* a name for another type */
        buf_addf(&g->package->text, "type %s = %s\n", name, go_type_body(g, unit, type));
        return ST_OK;
    }
}

enum status go_define_type(struct go *g, const struct guest_unit *unit, const struct wit_type *type)
{
    const char *name = go_public(&g->arena, type->name);
    TRY(go_check_type(g, unit, type));
    TRY(go_take_symbol(g, name));
    buf_add(&g->package->text, STR("\n"));
    guest_docs(&g->package->text, "", type->notes.docs);
    return define(g, unit, type, name);
}

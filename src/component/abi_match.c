#include "component/abi_program.h"

#include <inttypes.h>

/* A C layout is checked against a type once, when a function is linked, with the path to the difference in the message. The
 * descriptors are generated, so what is checked is that they were generated from the same WIT: kinds, names, counts, resources. */

static enum status match(const struct cm_type *type, const struct cm_type_desc *desc, const struct cm_resource *resources,
                         struct error *err);

static enum status match_optional(const char *what, const struct cm_type *type, const struct cm_type_desc *desc,
                                  const struct cm_resource *resources, struct error *err)
{
    if (!type && !desc)
        return ST_OK;
    if (!type || !desc)
        return fail(err, ST_INVALID, "%s: expected %s, found %s", what, desc ? cm_kind_name(desc->kind) : "none",
                    type ? cm_kind_name(type->kind) : "none");
    return match(type, desc, resources, err) == ST_OK ? ST_OK : fail_wrap(err, "%s", what);
}

static enum status match_named(const char *what, const struct cm_field *field, const struct cm_field_desc *desc, bool has_name,
                               const struct cm_resource *resources, struct error *err)
{
    if (has_name && !str_is(field->name, desc->name))
        return fail(err, ST_INVALID, "expected %s named `%s`, found `%.*s`", what, desc->name, STR_ARG(field->name));
    struct error inner;
    if (match_optional(what, field->type, desc->type, resources, &inner) != ST_OK)
        return fail(err, ST_INVALID, "%s `%s`: %s", what, desc->name, inner.message + strlen(what) + 2);
    return ST_OK;
}

static enum status match_fields(const struct cm_type *type, const struct cm_type_desc *desc, const struct cm_resource *resources,
                                struct error *err)
{
    const char *what = type->kind == CM_RECORD  ? "field"
                       : type->kind == CM_TUPLE ? "item"
                       : type->kind == CM_FLAGS ? "flag"
                                                : "case";
    if (type->count != desc->count)
        return fail(err, ST_INVALID, "expected %s of %" PRIu32 " %ss, found %" PRIu32, cm_kind_name(desc->kind), desc->count, what,
                    type->count);
    for (uint32_t i = 0; i < type->count; i++)
        TRY(match_named(what, &type->fields[i], &desc->fields[i], type->kind != CM_TUPLE, resources, err));
    return ST_OK;
}

static enum status match_resource(const struct cm_type *type, const struct cm_type_desc *desc, const struct cm_resource *resources,
                                  struct error *err)
{
    const struct cm_resource_desc *host = resources[type->resource].host;
    if (host == desc->resource)
        return ST_OK;
    return fail(err, ST_INVALID, "expected resource `%s`, found %s%s%s", desc->resource ? desc->resource->name : "of the component",
                host ? "`" : "a resource of the component", host ? host->name : "", host ? "`" : "");
}

static enum status match(const struct cm_type *type, const struct cm_type_desc *desc, const struct cm_resource *resources,
                         struct error *err)
{
    if (type->kind != desc->kind)
        return fail(err, ST_INVALID, "expected %s, found %s", cm_kind_name(desc->kind), cm_kind_name(type->kind));
    switch (type->kind) {
    case CM_RECORD:
    case CM_TUPLE:
    case CM_VARIANT:
    case CM_ENUM:
    case CM_FLAGS:
        return match_fields(type, desc, resources, err);
    case CM_OPTION:
        return match_optional("option", type->fields[1].type, desc->element, resources, err);
    case CM_RESULT:
        TRY(match_optional("ok", type->fields[0].type, desc->element, resources, err));
        return match_optional("error", type->fields[1].type, desc->second, resources, err);
    case CM_MAP:
        TRY(match_optional("key", type->element->fields[0].type, desc->second, resources, err));
        return match_optional("value", type->element->fields[1].type, desc->element, resources, err);
    case CM_FIXED_LIST:
        if (type->count != desc->count)
            return fail(err, ST_INVALID, "expected list of length %" PRIu32 ", found %" PRIu32, desc->count, type->count);
        return match_optional("list item", type->element, desc->element, resources, err);
    case CM_LIST:
        return match_optional("list item", type->element, desc->element, resources, err);
    case CM_STREAM:
    case CM_FUTURE:
        return match_optional("element", type->element, desc->element, resources, err);
    case CM_OWN:
    case CM_BORROW:
        return match_resource(type, desc, resources, err);
    default:
        return ST_OK;
    }
}

enum status cm_abi_match_type(const struct cm_type *type, const struct cm_type_desc *desc, const struct cm_resource *resources,
                              struct error *err)
{
    return match(type, desc, resources, err);
}

enum status cm_abi_match_func(const struct cm_func_type *type, const struct cm_func_desc *desc, const struct cm_resource *resources,
                              struct error *err)
{
    struct error inner;
    if (type->is_async != desc->is_async)
        return fail(err, ST_INVALID, "function `%s`: expected %s function, found %s function", desc->name,
                    desc->is_async ? "an async" : "a synchronous", type->is_async ? "an async" : "a synchronous");
    if (type->param_count != desc->param_count)
        return fail(err, ST_INVALID, "function `%s`: expected %" PRIu32 " parameters, found %" PRIu32, desc->name,
                    desc->param_count, type->param_count);
    for (uint32_t i = 0; i < type->param_count; i++)
        if (match_named("parameter", &type->params[i], &desc->params[i], true, resources, &inner) != ST_OK)
            return fail(err, ST_INVALID, "function `%s`: %s", desc->name, inner.message);
    if (match_optional("result", type->result, desc->result, resources, &inner) != ST_OK)
        return fail(err, ST_INVALID, "function `%s`: %s", desc->name, inner.message);
    return ST_OK;
}

#include "component/dynamic.h"

#include "base/mem.h"

#define MAX_C_SIZE (256u << 20)

void cm_dynamic_init(struct cm_dynamic *dynamic, struct arena *arena, const struct cm_resource *resources)
{
    *dynamic = (struct cm_dynamic){.arena = arena, .resources = resources};
}

void cm_dynamic_release(struct cm_dynamic *dynamic)
{
    free(dynamic->by_type);
    dynamic->by_type = NULL;
    dynamic->type_count = 0;
}

/* --- layout, as the C ABI has it ---------------------------------------------------------------------------------------------- */

static enum status too_large(struct error *err)
{
    return fail(err, ST_LIMIT, "the types need too much memory");
}

struct place {
    uint64_t size; /* saturates far above MAX_C_SIZE */
    uint32_t align;
};

static uint64_t align_up(uint64_t offset, uint32_t align)
{
    return (offset + align - 1) / align * align;
}

static uint32_t place_member(struct place *place, uint32_t size, uint32_t align)
{
    uint64_t offset = align_up(place->size, align);
    place->size = offset + size;
    place->align = MAX(place->align, align);
    return (uint32_t)MIN(offset, UINT32_MAX);
}

static enum status set_size(struct cm_type_desc *desc, struct place place, struct error *err)
{
    uint64_t size = align_up(place.size, place.align);
    if (size > MAX_C_SIZE)
        return fail(err, ST_LIMIT, "a %s would take more than %u MiB in C", cm_kind_name(desc->kind), MAX_C_SIZE >> 20);
    desc->size = (uint32_t)size;
    desc->align = place.align;
    return ST_OK;
}

static void set_scalar(struct cm_type_desc *desc, uint32_t size)
{
    desc->size = desc->align = size;
}

static void set_pair(struct cm_type_desc *desc)
{
    desc->size = 2 * sizeof(void *);
    desc->align = _Alignof(void *);
}

/* --- kinds -------------------------------------------------------------------------------------------------------------------- */

static enum status optional(struct cm_dynamic *dynamic, const struct cm_type *type, const struct cm_type_desc **ret_desc,
                            struct error *err)
{
    *ret_desc = NULL;
    return type ? cm_dynamic_type(dynamic, type, ret_desc, err) : ST_OK;
}

static enum status name_of(struct cm_dynamic *dynamic, struct str name, uint32_t index, const char **ret_name, struct error *err)
{
    char number[16];
    if (name.len == 0) {
        int len = snprintf(number, sizeof number, "f%u", index);
        name = str_n(number, (size_t)len);
    }
    char *copy = arena_try(dynamic->arena, name.len + 1, 1);
    if (!copy)
        return too_large(err);
    memcpy(copy, name.data, name.len);
    *ret_name = copy;
    return ST_OK;
}

static enum status make_fields(struct cm_dynamic *dynamic, const struct cm_field *fields, uint32_t count,
                               struct cm_field_desc **ret_fields, struct error *err)
{
    struct cm_field_desc *copy = arena_try(dynamic->arena, MAX(count, 1u) * sizeof *copy, _Alignof(struct cm_field_desc));
    if (!copy)
        return too_large(err);
    for (uint32_t i = 0; i < count; i++) {
        TRY(name_of(dynamic, fields[i].name, i, &copy[i].name, err));
        TRY(optional(dynamic, fields[i].type, &copy[i].type, err));
    }
    *ret_fields = copy;
    return ST_OK;
}

static enum status make_record(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    struct place place = {0, 1};
    struct cm_field_desc *fields;
    TRY(make_fields(dynamic, type->fields, type->count, &fields, err));
    for (uint32_t i = 0; i < type->count; i++)
        fields[i].offset = place_member(&place, fields[i].type->size, fields[i].type->align);
    desc->fields = fields;
    desc->count = type->count;
    return set_size(desc, place, err);
}

/* A tag, then a union of payloads. */
static enum status make_choice(struct cm_type_desc *desc, uint32_t tag_size, const struct cm_type_desc *const *payloads,
                               uint32_t count, struct error *err)
{
    struct place place = {tag_size, tag_size};
    uint32_t size = 0, align = 1;
    for (uint32_t i = 0; i < count; i++) {
        size = payloads[i] ? MAX(size, payloads[i]->size) : size;
        align = payloads[i] ? MAX(align, payloads[i]->align) : align;
    }
    desc->offset = size ? place_member(&place, size, align) : 0;
    return set_size(desc, place, err);
}

static enum status make_variant(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc,
                                struct error *err)
{
    struct cm_field_desc *fields;
    TRY(make_fields(dynamic, type->fields, type->count, &fields, err));
    desc->fields = fields;
    desc->count = type->count;
    autofree const struct cm_type_desc **payloads = mem_array(type->count, sizeof(void *));
    for (uint32_t i = 0; i < type->count; i++)
        payloads[i] = fields[i].type;
    return make_choice(desc, sizeof(uint32_t), payloads, type->count, err);
}

static enum status make_labels(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    struct cm_field_desc *fields;
    TRY(make_fields(dynamic, type->fields, type->count, &fields, err));
    desc->fields = fields;
    desc->count = type->count;
    set_scalar(desc, sizeof(uint32_t));
    return ST_OK;
}

static enum status make_option(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    TRY(cm_dynamic_type(dynamic, type->fields[1].type, &desc->element, err));
    return make_choice(desc, sizeof(bool), &desc->element, 1, err);
}

static enum status make_result(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    TRY(optional(dynamic, type->fields[0].type, &desc->element, err));
    TRY(optional(dynamic, type->fields[1].type, &desc->second, err));
    const struct cm_type_desc *payloads[] = {desc->element, desc->second};
    return make_choice(desc, sizeof(bool), payloads, 2, err);
}

static enum status make_list(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    TRY(cm_dynamic_type(dynamic, type->element, &desc->element, err));
    desc->item_size = desc->element->size;
    set_pair(desc);
    return ST_OK;
}

static enum status make_map(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    struct place place = {0, 1};
    TRY(cm_dynamic_type(dynamic, type->element->fields[0].type, &desc->second, err));
    TRY(cm_dynamic_type(dynamic, type->element->fields[1].type, &desc->element, err));
    place_member(&place, desc->second->size, desc->second->align);
    desc->offset = place_member(&place, desc->element->size, desc->element->align);
    TRY(set_size(desc, place, err));
    desc->item_size = desc->size;
    set_pair(desc);
    return ST_OK;
}

static enum status make_fixed_list(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc,
                                   struct error *err)
{
    TRY(cm_dynamic_type(dynamic, type->element, &desc->element, err));
    desc->count = type->count;
    desc->item_size = desc->element->size;
    return set_size(desc, (struct place){(uint64_t)desc->element->size * type->count, desc->element->align}, err);
}

static enum status make_handle(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc)
{
    desc->resource = dynamic->resources[type->resource].host;
    set_scalar(desc, sizeof(void *));
    return ST_OK;
}

static enum status make_stream(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    set_scalar(desc, sizeof(void *));
    return optional(dynamic, type->element, &desc->element, err);
}

static enum status make(struct cm_dynamic *dynamic, const struct cm_type *type, struct cm_type_desc *desc, struct error *err)
{
    switch (type->kind) {
    case CM_STRING:
        set_pair(desc);
        return ST_OK;
    case CM_RECORD:
    case CM_TUPLE:
        return make_record(dynamic, type, desc, err);
    case CM_VARIANT:
        return make_variant(dynamic, type, desc, err);
    case CM_ENUM:
    case CM_FLAGS:
        return make_labels(dynamic, type, desc, err);
    case CM_OPTION:
        return make_option(dynamic, type, desc, err);
    case CM_RESULT:
        return make_result(dynamic, type, desc, err);
    case CM_LIST:
        return make_list(dynamic, type, desc, err);
    case CM_FIXED_LIST:
        return make_fixed_list(dynamic, type, desc, err);
    case CM_MAP:
        return make_map(dynamic, type, desc, err);
    case CM_OWN:
    case CM_BORROW:
        return make_handle(dynamic, type, desc);
    case CM_STREAM:
    case CM_FUTURE:
        return make_stream(dynamic, type, desc, err);
    case CM_ERROR_CONTEXT:
        return fail(err, ST_UNSUPPORTED, "error-context values need the gated feature error-context");
    default:
        set_scalar(desc, type->size);
        return ST_OK;
    }
}

static void remember(struct cm_dynamic *dynamic, const struct cm_type *type, const struct cm_type_desc *desc)
{
    if (type->id >= dynamic->type_count) {
        uint32_t count = MAX(type->id + 1, dynamic->type_count * 2);
        dynamic->by_type = mem_grow(dynamic->by_type, count, sizeof(void *));
        memset(dynamic->by_type + dynamic->type_count, 0, (count - dynamic->type_count) * sizeof(void *));
        dynamic->type_count = count;
    }
    dynamic->by_type[type->id] = desc;
}

enum status cm_dynamic_type(struct cm_dynamic *dynamic, const struct cm_type *type, const struct cm_type_desc **ret_desc,
                            struct error *err)
{
    if (type->id < dynamic->type_count && dynamic->by_type[type->id]) {
        *ret_desc = dynamic->by_type[type->id];
        return ST_OK;
    }
    struct cm_type_desc *desc = arena_try(dynamic->arena, sizeof *desc, _Alignof(struct cm_type_desc));
    if (!desc)
        return too_large(err);
    desc->kind = type->kind;
    TRY(make(dynamic, type, desc, err));
    remember(dynamic, type, desc);
    *ret_desc = desc;
    return ST_OK;
}

enum status cm_dynamic_func(struct cm_dynamic *dynamic, struct str name, const struct cm_func_type *type,
                            const struct cm_func_desc **ret_desc, struct error *err)
{
    struct place place = {0, 1};
    struct cm_field_desc *params;
    struct cm_func_desc *desc = arena_try(dynamic->arena, sizeof *desc, _Alignof(struct cm_func_desc));
    if (!desc)
        return too_large(err);
    TRY(name_of(dynamic, name, 0, &desc->name, err));
    TRY(make_fields(dynamic, type->params, type->param_count, &params, err));
    for (uint32_t i = 0; i < type->param_count; i++)
        params[i].offset = place_member(&place, params[i].type->size, params[i].type->align);
    uint64_t size = align_up(place.size, place.align);
    if (size > MAX_C_SIZE)
        return fail(err, ST_LIMIT, "the arguments of `%s` would take more than %u MiB in C", desc->name, MAX_C_SIZE >> 20);
    TRY(optional(dynamic, type->result, &desc->result, err));
    desc->is_async = type->is_async;
    desc->params = params;
    desc->param_count = type->param_count;
    desc->args_size = (uint32_t)size;
    *ret_desc = desc;
    return ST_OK;
}

#include "component/abi_program.h"

/* --- values that the host still owns ------------------------------------------------------------------------------------------ */

static bool may_own(const struct cm_type_desc *desc)
{
    return desc && desc->kind > CM_ERROR_CONTEXT && desc->kind != CM_ENUM && desc->kind != CM_FLAGS;
}

static void discard_own(struct cm_discard *d, const struct cm_type_desc *desc, const void *value)
{
    void *object;
    if (!desc->resource)
        return; /* a guest's: the set that holds it ends it */
    if (d->skip) {
        d->skip--;
        return;
    }
    d->limit--;
    memcpy(&object, value, sizeof object);
    if (object && desc->resource->drop)
        (void)desc->resource->drop(NULL, object);
}

static void discard_items(struct cm_discard *d, const struct cm_type_desc *desc, const void *value)
{
    struct {
        const uint8_t *items;
        size_t len;
    } list;
    memcpy(&list, value, sizeof list);
    bool is_map = desc->kind == CM_MAP;
    if (!may_own(desc->element))
        return; /* and a map's key is a primitive */
    for (size_t i = 0; i < list.len && d->limit; i++)
        cm_discard_value(d, desc->element, list.items + i * desc->item_size + (is_map ? desc->offset : 0));
}

static void discard_payload(struct cm_discard *d, const struct cm_type_desc *desc, const uint8_t *value)
{
    uint32_t tag;
    const struct cm_type_desc *payload;
    if (desc->kind == CM_VARIANT) {
        memcpy(&tag, value, sizeof tag);
        payload = tag < desc->count ? desc->fields[tag].type : NULL;
    } else if (desc->kind == CM_OPTION) {
        payload = *value ? desc->element : NULL;
    } else {
        payload = *value ? desc->second : desc->element;
    }
    if (payload)
        cm_discard_value(d, payload, value + desc->offset);
}

void cm_discard_value(struct cm_discard *d, const struct cm_type_desc *desc, const void *value)
{
    const uint8_t *at = value;
    if (!d->limit || !may_own(desc))
        return;
    switch (desc->kind) {
    case CM_RECORD:
    case CM_TUPLE:
        for (uint32_t i = 0; i < desc->count && d->limit; i++)
            cm_discard_value(d, desc->fields[i].type, at + desc->fields[i].offset);
        break;
    case CM_FIXED_LIST:
        for (uint32_t i = 0; i < desc->count && d->limit && may_own(desc->element); i++)
            cm_discard_value(d, desc->element, at + (size_t)i * desc->element->size);
        break;
    case CM_LIST:
    case CM_MAP:
        discard_items(d, desc, value);
        break;
    case CM_VARIANT:
    case CM_OPTION:
    case CM_RESULT:
        discard_payload(d, desc, at);
        break;
    case CM_OWN:
        discard_own(d, desc, value);
        break;
    default:
        break;
    }
}

void cm_abi_discard(const struct cm_type_desc *desc, void *value)
{
    struct cm_discard d = {0, UINT32_MAX};
    cm_discard_value(&d, desc, value);
}

static void discard_args(const struct cm_func_desc *desc, const void *args, uint32_t skip, uint32_t limit)
{
    struct cm_discard d = {skip, limit};
    for (uint32_t i = 0; i < desc->param_count; i++)
        cm_discard_value(&d, desc->params[i].type, (const uint8_t *)args + desc->params[i].offset);
}

static void discard_result(const struct cm_func_desc *desc, const void *ret, uint32_t skip, uint32_t limit)
{
    struct cm_discard d = {skip, limit};
    cm_discard_value(&d, desc->result, ret);
}

/* --- where values lie --------------------------------------------------------------------------------------------------------- */

/* A guest's values to read: core values, or at the address in `pointer`. */
static enum status source(const struct cm_program *program, struct cm_guest *guest, const union engine_raw *raw,
                          enum cm_range range, const void **ret_src, struct error *err)
{
    bool is_memory = program->in_form == CM_FORM_MEMORY;
    if (is_memory || program->has_pointer)
        guest->ops->refresh(guest);
    *ret_src = raw;
    if (!is_memory)
        return ST_OK;
    TRY(cm_guest_check(guest, range, raw[0].u32, program->in_size, program->in_align, err));
    *ret_src = guest->memory + raw[0].u32;
    return ST_OK;
}

/* Room for values to write that the guest's realloc gives. */
static enum status fresh_target(const struct cm_program *program, struct cm_guest *guest, union engine_raw *raw, void **ret_dst,
                                struct error *err)
{
    uint32_t address;
    *ret_dst = raw;
    if (program->out_form != CM_FORM_MEMORY)
        return ST_OK;
    TRY(cm_guest_alloc(guest, CM_RANGE_POINTER, program->out_align, program->out_size, &address, err));
    raw[0].u64 = address;
    *ret_dst = guest->memory + address;
    return ST_OK;
}

/* Room for a result at the address the caller gave. */
static enum status given_target(const struct cm_func_abi *abi, struct cm_guest *guest, union engine_raw *raw, void **ret_dst,
                                struct error *err)
{
    const struct cm_program *program = abi->result;
    uint32_t address = raw[abi->out_pointer].u32;
    bool is_memory = program->out_form == CM_FORM_MEMORY;
    if (is_memory || program->has_pointer)
        guest->ops->refresh(guest);
    *ret_dst = raw;
    if (!is_memory)
        return ST_OK;
    TRY(cm_guest_check(guest, CM_RANGE_POINTER, address, program->out_size, program->out_align, err));
    *ret_dst = guest->memory + address;
    return ST_OK;
}

/* --- a guest calls the host --------------------------------------------------------------------------------------------------- */

enum status cm_abi_lift_params(const struct cm_func_abi *abi, struct cm_guest *caller, const union engine_raw *raw, void *args,
                               struct error *err)
{
    const void *src;
    uint32_t owns;
    if (!abi->params)
        return ST_OK;
    TRY(source(abi->params, caller, raw, CM_RANGE_POINTER, &src, err));
    enum status status = cm_program_run(abi->params, caller, src, NULL, args, &owns, err);
    if (__builtin_expect(status != ST_OK, 0) && owns)
        discard_args(abi->desc, args, 0, owns);
    return status;
}

enum status cm_abi_lower_result(const struct cm_func_abi *abi, struct cm_guest *caller, const void *ret, union engine_raw *raw,
                                struct error *err)
{
    void *dst;
    uint32_t owns = 0;
    if (!abi->result)
        return ST_OK;
    enum status status = given_target(abi, caller, raw, &dst, err);
    if (status == ST_OK)
        status = cm_program_run(abi->result, NULL, ret, caller, dst, &owns, err);
    if (__builtin_expect(status != ST_OK, 0))
        discard_result(abi->desc, ret, owns, UINT32_MAX);
    return status;
}

#define INLINE_RESULT 256

/* Most results are a word or three: cheaper here than in a call of memset. */
static inline void clear_small(uint8_t *p, uint32_t size)
{
    if (size <= 32)
        memset(p, 0, 32);
    else
        memset(p, 0, size);
}

static enum status invoke(const struct cm_func_abi *abi, struct cm_guest *caller, struct cm_call *call, union engine_raw *raw,
                          struct error *err)
{
    _Alignas(max_align_t) uint8_t args[CM_MAX_ARGS], small[INLINE_RESULT];
    void *ret = small;
    if (abi->result_size > sizeof small)
        TRY(cm_guest_room(caller, abi->result_size, _Alignof(max_align_t), &ret, err));
    else
        clear_small(small, abi->result_size);
    TRY(cm_abi_lift_params(abi, caller, raw, args, err));
    TRY(abi->desc->invoke(call, args, ret));
    return cm_abi_lower_result(abi, caller, ret, raw, err);
}

enum status cm_abi_call_host(const struct cm_func_abi *abi, struct cm_guest *caller, struct cm_call *call, union engine_raw *raw,
                             struct error *err)
{
    enum status status = invoke(abi, caller, call, raw, err);
    cm_call_scope_release(caller->scope);
    return status;
}

/* --- the host calls a guest --------------------------------------------------------------------------------------------------- */

enum status cm_abi_lower_params(const struct cm_func_abi *abi, struct cm_guest *callee, const void *args, union engine_raw *raw,
                                struct error *err)
{
    void *dst;
    uint32_t owns = 0;
    if (!abi->params)
        return ST_OK;
    enum status status = fresh_target(abi->params, callee, raw, &dst, err);
    if (status == ST_OK)
        status = cm_program_run(abi->params, NULL, args, callee, dst, &owns, err);
    if (__builtin_expect(status != ST_OK, 0))
        discard_args(abi->desc, args, owns, UINT32_MAX);
    return status;
}

enum status cm_abi_lift_result(const struct cm_func_abi *abi, struct cm_guest *callee, const union engine_raw *raw, void *ret,
                               struct error *err)
{
    const void *src;
    uint32_t owns;
    if (!abi->result)
        return ST_OK;
    TRY(source(abi->result, callee, raw, CM_RANGE_RETURN, &src, err));
    enum status status = cm_program_run(abi->result, callee, src, NULL, ret, &owns, err);
    if (__builtin_expect(status != ST_OK, 0) && owns)
        discard_result(abi->desc, ret, 0, owns);
    return status;
}

/* --- a guest calls a guest ---------------------------------------------------------------------------------------------------- */

enum status cm_abi_copy_params(const struct cm_func_abi *abi, struct cm_guest *caller, const union engine_raw *caller_raw,
                               struct cm_guest *callee, union engine_raw *callee_raw, struct error *err)
{
    const void *src;
    void *dst;
    uint32_t owns;
    if (!abi->params)
        return ST_OK;
    TRY(source(abi->params, caller, caller_raw, CM_RANGE_POINTER, &src, err));
    TRY(fresh_target(abi->params, callee, callee_raw, &dst, err));
    return cm_program_run(abi->params, caller, src, callee, dst, &owns, err);
}

enum status cm_abi_copy_result(const struct cm_func_abi *abi, struct cm_guest *callee, const union engine_raw *callee_raw,
                               struct cm_guest *caller, union engine_raw *caller_raw, struct error *err)
{
    const void *src;
    void *dst;
    uint32_t owns;
    if (!abi->result)
        return ST_OK;
    TRY(source(abi->result, callee, callee_raw, CM_RANGE_RETURN, &src, err));
    TRY(given_target(abi, caller, caller_raw, &dst, err));
    return cm_program_run(abi->result, callee, src, caller, dst, &owns, err);
}

#include "host_things.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

struct point {
    int32_t x, y;
    struct str label;
};
struct bytes {
    const uint8_t *items;
    size_t len;
};
struct shorts {
    const uint16_t *items;
    size_t len;
};
struct maybe {
    bool is_some;
    uint32_t value;
};
struct half {
    bool is_err;
    union {
        uint32_t ok;
        struct str err;
    } of;
};

/* --- functions --------------------------------------------------------------------------------------------------------------- */

struct greet_args {
    struct str name;
};
static enum status greet(struct cm_call *call, const void *args, void *ret)
{
    const struct greet_args *a = args;
    *(struct str *)ret = arena_printf(cm_call_arena(call), "hello, %.*s", STR_ARG(a->name));
    return ST_OK;
}

struct reverse_args {
    struct bytes bytes;
};
static enum status reverse(struct cm_call *call, const void *args, void *ret)
{
    const struct reverse_args *a = args;
    struct bytes *out = ret;
    uint8_t *items = arena_alloc(cm_call_arena(call), a->bytes.len);
    for (size_t i = 0; i < a->bytes.len; i++)
        items[i] = a->bytes.items[a->bytes.len - 1 - i];
    *out = (struct bytes){items, a->bytes.len};
    return ST_OK;
}

static int32_t wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

struct shift_args {
    struct point p;
    int32_t by;
};
static enum status shift(struct cm_call *call, const void *args, void *ret)
{
    const struct shift_args *a = args;
    (void)call;
    *(struct point *)ret = (struct point){wrapping_add(a->p.x, a->by), wrapping_add(a->p.y, a->by), a->p.label};
    return ST_OK;
}

struct sum_args {
    struct shorts values;
};
static enum status sum(struct cm_call *call, const void *args, void *ret)
{
    const struct sum_args *a = args;
    uint64_t total = 0;
    (void)call;
    for (size_t i = 0; i < a->values.len; i++)
        total += a->values.items[i];
    *(uint64_t *)ret = total;
    return ST_OK;
}

struct halve_args {
    struct maybe n;
};
static enum status halve(struct cm_call *call, const void *args, void *ret)
{
    const struct halve_args *a = args;
    struct half *out = ret;
    (void)call;
    if (!a->n.is_some)
        *out = (struct half){.is_err = true, .of.err = STR("nothing to halve")};
    else if (a->n.value % 2)
        *out = (struct half){.is_err = true, .of.err = STR("odd")};
    else
        *out = (struct half){.of.ok = a->n.value / 2};
    return ST_OK;
}

struct fail_args {
    struct str message;
};
static enum status fail_with(struct cm_call *call, const void *args, void *ret)
{
    const struct fail_args *a = args;
    (void)ret;
    if (a->message.len == 0)
        return ST_IO;
    return cm_trap(call, "the host says: %.*s", STR_ARG(a->message));
}

static enum status pause_call(struct cm_call *call, const void *args, void *ret)
{
    struct things *things = cm_call_env(call);
    (void)args;
    return things->pause ? things->pause(things, call, ret) : cm_trap(call, "nobody waits here");
}

/* --- counters ---------------------------------------------------------------------------------------------------------------- */

static struct counter *counter_new(struct things *things, uint32_t value)
{
    struct counter *counter = NEW(struct counter);
    *counter = (struct counter){things, value};
    things->counters++;
    return counter;
}

static void counter_end(struct counter *counter)
{
    counter->things->counters--;
    counter->things->dropped++;
    free(counter);
}

static enum status counter_drop(struct cm_call *call, void *object)
{
    struct counter *counter = object;
    if (call && counter->value == 666)
        return cm_trap(call, "the counter will not go");
    counter_end(counter);
    return ST_OK;
}

struct counter_new_args {
    uint32_t start;
};
static enum status constructor(struct cm_call *call, const void *args, void *ret)
{
    const struct counter_new_args *a = args;
    *(struct counter **)ret = counter_new(cm_call_env(call), a->start);
    return ST_OK;
}

struct counter_add_args {
    struct counter *self;
    uint32_t by;
};
static enum status add(struct cm_call *call, const void *args, void *ret)
{
    const struct counter_add_args *a = args;
    (void)call;
    *(uint32_t *)ret = a->self->value += a->by;
    return ST_OK;
}

struct counter_merge_args {
    struct counter *a, *b;
};
static enum status merge(struct cm_call *call, const void *args, void *ret)
{
    const struct counter_merge_args *a = args;
    *(struct counter **)ret = counter_new(cm_call_env(call), a->a->value + a->b->value);
    counter_end(a->a);
    counter_end(a->b);
    return ST_OK;
}

/* --- descriptors ------------------------------------------------------------------------------------------------------------- */

#define SCALAR(kind_, c_type)                                                                                                      \
    {                                                                                                                              \
        .kind = (kind_), .size = sizeof(c_type), .align = _Alignof(c_type)                                                         \
    }
#define LIST(element_, c_type, item)                                                                                               \
    {                                                                                                                              \
        .kind = CM_LIST, .size = sizeof(c_type), .align = _Alignof(c_type), .element = (element_), .item_size = sizeof(item)       \
    }
#define FIELDS(fields_) .count = ARRAY_LEN(fields_), .fields = (fields_)
#define PARAMS(params_, c_type) .param_count = ARRAY_LEN(params_), .params = (params_), .args_size = sizeof(c_type)

static const struct cm_type_desc type_u8 = SCALAR(CM_U8, uint8_t), type_u16 = SCALAR(CM_U16, uint16_t),
                                 type_s32 = SCALAR(CM_S32, int32_t), type_u64 = SCALAR(CM_U64, uint64_t);
const struct cm_type_desc things_u32 = SCALAR(CM_U32, uint32_t);
const struct cm_type_desc things_string = SCALAR(CM_STRING, struct str);
static const struct cm_type_desc type_bytes = LIST(&type_u8, struct bytes, uint8_t),
                                 type_shorts = LIST(&type_u16, struct shorts, uint16_t);

static const struct cm_field_desc point_fields[] = {{"x", &type_s32, offsetof(struct point, x)},
                                                    {"y", &type_s32, offsetof(struct point, y)},
                                                    {"label", &things_string, offsetof(struct point, label)}};
const struct cm_type_desc things_point = {
    .kind = CM_RECORD, .size = sizeof(struct point), .align = _Alignof(struct point), FIELDS(point_fields)};
static const struct cm_type_desc type_maybe = {.kind = CM_OPTION,
                                               .size = sizeof(struct maybe),
                                               .align = _Alignof(struct maybe),
                                               .element = &things_u32,
                                               .offset = offsetof(struct maybe, value)};
static const struct cm_type_desc type_half = {.kind = CM_RESULT,
                                              .size = sizeof(struct half),
                                              .align = _Alignof(struct half),
                                              .element = &things_u32,
                                              .second = &things_string,
                                              .offset = offsetof(struct half, of)};
const struct cm_resource_desc things_counter = {"counter", &things_interface, counter_drop};
const struct cm_type_desc things_own_counter = {
    .kind = CM_OWN, .size = sizeof(void *), .align = _Alignof(void *), .resource = &things_counter};
static const struct cm_type_desc type_borrow_counter = {
    .kind = CM_BORROW, .size = sizeof(void *), .align = _Alignof(void *), .resource = &things_counter};

static const struct cm_field_desc greet_params[] = {{"name", &things_string, 0}};
static const struct cm_field_desc reverse_params[] = {{"bytes", &type_bytes, 0}};
static const struct cm_field_desc shift_params[] = {{"p", &things_point, offsetof(struct shift_args, p)},
                                                    {"by", &type_s32, offsetof(struct shift_args, by)}};
static const struct cm_field_desc sum_params[] = {{"values", &type_shorts, 0}};
static const struct cm_field_desc halve_params[] = {{"n", &type_maybe, 0}};
static const struct cm_field_desc fail_params[] = {{"message", &things_string, 0}};
static const struct cm_field_desc new_params[] = {{"start", &things_u32, 0}};
static const struct cm_field_desc add_params[] = {{"self", &type_borrow_counter, offsetof(struct counter_add_args, self)},
                                                  {"by", &things_u32, offsetof(struct counter_add_args, by)}};
static const struct cm_field_desc merge_params[] = {{"a", &things_own_counter, offsetof(struct counter_merge_args, a)},
                                                    {"b", &things_own_counter, offsetof(struct counter_merge_args, b)}};

static const struct cm_func_desc funcs[] = {
    {"greet", PARAMS(greet_params, struct greet_args), .result = &things_string, .invoke = greet},
    {"reverse", PARAMS(reverse_params, struct reverse_args), .result = &type_bytes, .invoke = reverse},
    {"shift", PARAMS(shift_params, struct shift_args), .result = &things_point, .invoke = shift},
    {"sum", PARAMS(sum_params, struct sum_args), .result = &type_u64, .invoke = sum},
    {"halve", PARAMS(halve_params, struct halve_args), .result = &type_half, .invoke = halve},
    {"fail", PARAMS(fail_params, struct fail_args), .invoke = fail_with},
    {"pause", .result = &things_u32, .invoke = pause_call},
    {"[constructor]counter", PARAMS(new_params, struct counter_new_args), .result = &things_own_counter, .invoke = constructor},
    {"[method]counter.add", PARAMS(add_params, struct counter_add_args), .result = &things_u32, .invoke = add},
    {"[static]counter.merge", PARAMS(merge_params, struct counter_merge_args), .result = &things_own_counter, .invoke = merge},
};
static const struct cm_named_type_desc types[] = {{"point", &things_point, NULL}, {"counter", NULL, &things_counter}};

const struct cm_interface_desc things_interface = {.name = "test:host/things",
                                                   .version = "0.2.5",
                                                   .func_count = ARRAY_LEN(funcs),
                                                   .type_count = ARRAY_LEN(types),
                                                   .funcs = funcs,
                                                   .types = types};

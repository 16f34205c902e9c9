/* Exports that pass what they get to imports and return what those return, for every kind of type; and resources both ways. Nothing is
 * leaked: `allocations` says how many blocks are there, so the generated code that frees arguments and results is tested too. */
#include "c_types.h"
#include <stdlib.h>
#include <string.h>

/* The linker puts these in the way of all allocations, the generated ones too. */
void *__real_malloc(size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);
static uint32_t allocations, counters;

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    allocations += ptr == NULL;
    return __real_realloc(ptr, size);
}

void __wrap_free(void *ptr)
{
    allocations -= ptr != NULL;
    __real_free(ptr);
}

/* What the import and the export of `echo` pass are different types of C where WIT has no name for them. */
#define IMPORT(name) test_c_types_echo_##name
#define EXPORT(name) exports_test_c_types_echo_##name
#define NO_FREE(pointer) ((void)(pointer))

/* Values. */
#define ECHO_VALUE(name, type)                                                                                                     \
    type EXPORT(name)(type x)                                                                                                      \
    {                                                                                                                              \
        return IMPORT(name)(x);                                                                                                    \
    }
ECHO_VALUE(a_bool, bool)
ECHO_VALUE(a_s8, int8_t)
ECHO_VALUE(a_u8, uint8_t)
ECHO_VALUE(a_s16, int16_t)
ECHO_VALUE(a_u16, uint16_t)
ECHO_VALUE(a_s32, int32_t)
ECHO_VALUE(a_u32, uint32_t)
ECHO_VALUE(a_s64, int64_t)
ECHO_VALUE(a_u64, uint64_t)
ECHO_VALUE(a_f32, float)
ECHO_VALUE(a_f64, double)
ECHO_VALUE(a_char, uint32_t)
ECHO_VALUE(an_enum, EXPORT(severity_t))
ECHO_VALUE(a_wide_enum, EXPORT(wide_t))
ECHO_VALUE(few_flags, EXPORT(few_t))
ECHO_VALUE(more_flags, EXPORT(more_t))
ECHO_VALUE(most_flags, EXPORT(most_t))

/* Structures, by pointer. The import borrows the argument, so it is still to be freed. */
#define ECHO_STRUCT(name, type, free_argument)                                                                                     \
    void EXPORT(name)(type * x, type * ret)                                                                                        \
    {                                                                                                                              \
        IMPORT(name)((void *)x, (void *)ret);                                                                                      \
        free_argument(x);                                                                                                          \
    }
ECHO_STRUCT(a_string, c_types_string_t, c_types_string_free)
ECHO_STRUCT(a_record, EXPORT(scalars_t), EXPORT(scalars_free))
ECHO_STRUCT(a_small_record, EXPORT(one_t), NO_FREE)
ECHO_STRUCT(a_nested_record, EXPORT(outer_t), EXPORT(outer_free))
ECHO_STRUCT(a_variant, EXPORT(shape_t), EXPORT(shape_free))
ECHO_STRUCT(a_bare_variant, EXPORT(bare_t), EXPORT(bare_free))
ECHO_STRUCT(a_mixed_variant, EXPORT(mixed_t), EXPORT(mixed_free))
ECHO_STRUCT(a_tuple, c_types_tuple3_u8_string_f64_t, c_types_tuple3_u8_string_f64_free)
ECHO_STRUCT(a_small_tuple, c_types_tuple1_u64_t, NO_FREE)
ECHO_STRUCT(a_large_tuple, EXPORT(tuple2_scalars_scalars_t), EXPORT(tuple2_scalars_scalars_free))
ECHO_STRUCT(named_bytes, EXPORT(bytes_t), EXPORT(bytes_free))
ECHO_STRUCT(named_pair, EXPORT(pair_t), EXPORT(pair_free))
ECHO_STRUCT(list_u8, c_types_list_u8_t, c_types_list_u8_free)
ECHO_STRUCT(list_bool, c_types_list_bool_t, c_types_list_bool_free)
ECHO_STRUCT(list_char, c_types_list_char32_t, c_types_list_char32_free)
ECHO_STRUCT(list_string, c_types_list_string_t, c_types_list_string_free)
ECHO_STRUCT(list_flags, EXPORT(list_more_t), EXPORT(list_more_free))
ECHO_STRUCT(list_enum, EXPORT(list_wide_t), EXPORT(list_wide_free))
ECHO_STRUCT(list_list, c_types_list_list_u16_t, c_types_list_list_u16_free)
ECHO_STRUCT(list_list_string, c_types_list_list_list_string_t, c_types_list_list_list_string_free)
ECHO_STRUCT(list_record, EXPORT(list_outer_t), EXPORT(list_outer_free))
ECHO_STRUCT(list_variant, EXPORT(list_mixed_t), EXPORT(list_mixed_free))
ECHO_STRUCT(list_tuple, c_types_list_tuple2_u8_u64_t, c_types_list_tuple2_u8_u64_free)
ECHO_STRUCT(list_option, c_types_list_option_string_t, c_types_list_option_string_free)
ECHO_STRUCT(list_result, EXPORT(list_result_void_string_t), EXPORT(list_result_void_string_free))

/* Options: a pointer that may be NULL, and a bool with a pointer. */
#define ECHO_OPTION(name, type, free_argument)                                                                                     \
    bool EXPORT(name)(type * maybe_x, type * ret)                                                                                  \
    {                                                                                                                              \
        bool is_some = IMPORT(name)((void *)maybe_x, (void *)ret);                                                                 \
        if (maybe_x)                                                                                                               \
            free_argument(maybe_x);                                                                                                \
        return is_some;                                                                                                            \
    }
ECHO_OPTION(option_u8, uint8_t, NO_FREE)
ECHO_OPTION(option_string, c_types_string_t, c_types_string_free)
ECHO_OPTION(option_option, c_types_option_u32_t, c_types_option_u32_free)
ECHO_OPTION(option_record, EXPORT(outer_t), EXPORT(outer_free))
ECHO_OPTION(option_result, EXPORT(result_shape_string_t), EXPORT(result_shape_string_free))
ECHO_OPTION(option_list, EXPORT(list_shape_t), EXPORT(list_shape_free))

/* A type that only stands for an option is a structure as an argument. */
bool EXPORT(named_option)(EXPORT(maybe_t) * x, c_types_string_t *ret)
{
    bool is_some = IMPORT(named_option)((void *)x, ret);
    EXPORT(maybe_free)(x);
    return is_some;
}

/* Results. */
#define ECHO_RESULT(name, type, ok, err, free_argument)                                                                            \
    bool EXPORT(name)(type * x, ok * ret, err * bad)                                                                               \
    {                                                                                                                              \
        bool is_ok = IMPORT(name)((void *)x, (void *)ret, (void *)bad);                                                            \
        free_argument(x);                                                                                                          \
        return is_ok;                                                                                                              \
    }
ECHO_RESULT(named_result, EXPORT(outcome_t), EXPORT(pair_t), EXPORT(severity_t), EXPORT(outcome_free))
ECHO_RESULT(result_both, EXPORT(result_string_shape_t), c_types_string_t, EXPORT(shape_t), EXPORT(result_string_shape_free))
ECHO_RESULT(result_option, EXPORT(result_option_string_list_u8_t), c_types_option_string_t, c_types_list_u8_t,
            EXPORT(result_option_string_list_u8_free))
ECHO_RESULT(result_result, EXPORT(result_result_u64_string_f32_t), EXPORT(result_u64_string_t), float,
            EXPORT(result_result_u64_string_f32_free))

bool EXPORT(a_result)(EXPORT(result_void_void_t) * x)
{
    return IMPORT(a_result)((void *)x);
}

bool EXPORT(result_ok)(EXPORT(result_u8_void_t) * x, uint8_t *ret)
{
    return IMPORT(result_ok)((void *)x, ret);
}

bool EXPORT(result_err)(EXPORT(result_void_severity_t) * x, EXPORT(severity_t) * err)
{
    return IMPORT(result_err)((void *)x, err);
}

/* Several arguments, and more than fit. */
void EXPORT(nothing)(void)
{
    IMPORT(nothing)();
}

void EXPORT(several)(uint8_t a, c_types_string_t *maybe_b, EXPORT(shape_t) * c, c_types_list_u32_t *d,
                     EXPORT(tuple4_u8_option_string_shape_list_u32_t) * ret)
{
    IMPORT(several)(a, maybe_b, c, d, (void *)ret);
    if (maybe_b)
        c_types_string_free(maybe_b);
    EXPORT(shape_free)(c);
    c_types_list_u32_free(d);
}

void EXPORT(sixteen)(uint8_t a, uint16_t b, uint32_t c, uint64_t d, float e, double f, int8_t g, int16_t h, int32_t i, int64_t j,
                     uint32_t k, bool l, uint8_t m, uint8_t n, c_types_string_t *o,
                     c_types_tuple15_u8_u16_u32_u64_f32_f64_s8_s16_s32_s64_char32_bool_u8_u8_string_t *ret)
{
    IMPORT(sixteen)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, ret);
    c_types_string_free(o);
}

void EXPORT(seventeen)(uint8_t a, uint16_t b, uint32_t c, uint64_t d, float e, double f, int8_t g, int16_t h, int32_t i, int64_t j,
                       uint32_t k, bool l, uint8_t *maybe_m, uint8_t n, c_types_string_t *o,
                       c_types_tuple15_u8_u16_u32_u64_f32_f64_s8_s16_s32_s64_char32_bool_option_u8_u8_string_t *ret)
{
    IMPORT(seventeen)(a, b, c, d, e, f, g, h, i, j, k, l, maybe_m, n, o, ret);
    c_types_string_free(o);
}

uint32_t EXPORT(many_to_one)(EXPORT(tuple2_scalars_scalars_t) * x, uint32_t y)
{
    uint32_t ret = IMPORT(many_to_one)((void *)x, y);
    EXPORT(tuple2_scalars_scalars_free)(x);
    return ret;
}

void EXPORT(reserved)(uint8_t int_, uint8_t ret_, uint8_t err_, uint8_t static_, uint8_t *maybe_x, uint8_t maybe_x_,
                      c_types_tuple6_u8_u8_u8_u8_option_u8_u8_t *ret)
{
    IMPORT(reserved)(int_, ret_, err_, static_, maybe_x, maybe_x_, ret);
}

/* The world's own. */
void exports_c_types_world_shape(c_types_own_record_t *x, c_types_own_record_t *ret)
{
    c_types_free(x, ret);
    c_types_own_record_free(x);
}

bool plain_too_ping(c_types_string_t *maybe_x, c_types_string_t *ret)
{
    bool is_some = plain_ping(maybe_x, ret);
    if (maybe_x)
        c_types_string_free(maybe_x);
    return is_some;
}

/* The guest's resource. */
struct exports_test_c_types_guest_counter_thing_t {
    uint32_t value;
};

static exports_test_c_types_guest_own_counter_thing_t new_counter(uint32_t value)
{
    exports_test_c_types_guest_counter_thing_t *counter = malloc(sizeof *counter);
    counter->value = value;
    counters++;
    return exports_test_c_types_guest_counter_thing_new(counter);
}

void exports_test_c_types_guest_counter_thing_destructor(exports_test_c_types_guest_counter_thing_t *rep)
{
    counters--;
    free(rep);
}

exports_test_c_types_guest_own_counter_thing_t exports_test_c_types_guest_constructor_counter_thing(uint32_t start)
{
    return new_counter(start);
}

bool exports_test_c_types_guest_static_counter_thing_parse(c_types_string_t *text,
                                                           exports_test_c_types_guest_own_counter_thing_t *ret,
                                                           c_types_string_t *err)
{
    uint32_t value = 0;
    c_types_string_set(err, "not looked at when there is a result");
    for (size_t i = 0; i < text->len; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9') {
            c_types_string_dup_n(err, (const char *)text->ptr, text->len);
            c_types_string_free(text);
            return false;
        }
        value = value * 10 + text->ptr[i] - '0';
    }
    c_types_string_free(text);
    *ret = new_counter(value);
    return true;
}

uint32_t exports_test_c_types_guest_method_counter_thing_add(exports_test_c_types_guest_borrow_counter_thing_t self, uint32_t by)
{
    return self->value += by;
}

exports_test_c_types_guest_own_counter_thing_t
exports_test_c_types_guest_static_counter_thing_merge(exports_test_c_types_guest_own_counter_thing_t a,
                                                      exports_test_c_types_guest_own_counter_thing_t b)
{
    exports_test_c_types_guest_counter_thing_rep(a)->value += exports_test_c_types_guest_counter_thing_rep(b)->value;
    exports_test_c_types_guest_counter_thing_drop_own(b);
    return a;
}

uint32_t exports_test_c_types_guest_static_counter_thing_sum(exports_test_c_types_guest_list_borrow_counter_thing_t *all)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < all->len; i++)
        sum += all->ptr[i]->value;
    exports_test_c_types_guest_list_borrow_counter_thing_free(all);
    return sum;
}

void exports_test_c_types_guest_twice(exports_test_c_types_guest_own_also_t a,
                                      exports_test_c_types_guest_tuple2_own_also_u32_t *ret)
{
    ret->f0 = a;
    ret->f1 = exports_test_c_types_guest_counter_thing_rep(a)->value *= 2;
}

uint32_t exports_test_c_types_guest_counters(void)
{
    return counters;
}

uint32_t exports_test_c_types_guest_allocations(void)
{
    return allocations;
}

/* The host's resource. */
void exports_test_c_types_guest_make(c_types_string_t *name, exports_test_c_types_guest_box_t *ret)
{
    ret->it = test_c_types_host_constructor_thing(name);
    c_types_string_t added;
    c_types_string_set(&added, "changed");
    if (!test_c_types_host_method_thing_rename(test_c_types_host_borrow_thing(ret->it), &added, &ret->note))
        abort();
    if (test_c_types_host_method_thing_rename(test_c_types_host_borrow_thing(ret->it), NULL, &ret->note))
        abort();
    c_types_string_free(name);
}

exports_test_c_types_guest_own_thing_t exports_test_c_types_guest_unbox(exports_test_c_types_guest_box_t *b)
{
    exports_test_c_types_guest_own_thing_t it = b->it;
    exports_test_c_types_guest_box_free(b);
    return it;
}

bool exports_test_c_types_guest_join(exports_test_c_types_guest_own_thing_t a, exports_test_c_types_guest_borrow_thing_t b,
                                     exports_test_c_types_guest_own_thing_t *ret, c_types_string_t *err)
{
    c_types_string_t name;
    test_c_types_host_method_thing_name(b, &name);
    bool good = name.len > 0;
    c_types_string_free(&name);
    if (good) {
        *ret = test_c_types_host_static_thing_join(a, b);
    } else {
        c_types_string_dup(err, "a thing without a name");
        test_c_types_host_thing_drop_own(a);
    }
    test_c_types_host_thing_drop_borrow(b);
    return good;
}

void exports_test_c_types_guest_names(exports_test_c_types_guest_list_borrow_thing_t *all, c_types_list_string_t *ret)
{
    ret->len = test_c_types_host_look((void *)all);
    ret->ptr = ret->len ? malloc(ret->len * sizeof *ret->ptr) : NULL;
    for (size_t i = 0; i < ret->len; i++) {
        test_c_types_host_method_thing_name(all->ptr[i], &ret->ptr[i]);
        test_c_types_host_thing_drop_borrow(all->ptr[i]);
    }
    exports_test_c_types_guest_list_borrow_thing_free(all);
}

bool exports_test_c_types_guest_pass(exports_test_c_types_guest_list_own_thing_t *all, bool fail,
                                     exports_test_c_types_guest_list_own_thing_t *ret,
                                     exports_test_c_types_guest_tuple2_list_own_thing_string_t *err)
{
    test_c_types_host_pass((void *)all, (void *)(fail ? &err->f0 : ret));
    if (fail)
        c_types_string_dup(&err->f1, "as asked");
    exports_test_c_types_guest_list_own_thing_free(all);
    return !fail;
}

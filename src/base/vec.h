/* Typed vectors: `VEC(int) v = {0}; vec_push(&v, 3); v.items[0]; vec_release(&v);`.
 * For our own data: growth aborts when memory is gone, so a count that an input chooses must be checked against a limit first. */
#pragma once

#include "base/mem.h"

#define VEC(type)                                                                                                                  \
    struct {                                                                                                                       \
        type *items;                                                                                                               \
        size_t len, capacity;                                                                                                      \
    }

#define vec_reserve(vec, extra)                                                                                                    \
    do {                                                                                                                           \
        if ((vec)->len + (extra) > (vec)->capacity) {                                                                              \
            (vec)->capacity = vec_next_capacity((vec)->len + (extra));                                                             \
            (vec)->items = mem_grow((vec)->items, (vec)->capacity, sizeof *(vec)->items);                                          \
        }                                                                                                                          \
    } while (0)

#define vec_push(vec, ...)                                                                                                         \
    do {                                                                                                                           \
        vec_reserve(vec, 1);                                                                                                       \
        (vec)->items[(vec)->len++] = (__VA_ARGS__);                                                                                \
    } while (0)

/* A zeroed new last item, as a pointer. */
#define vec_add(vec)                                                                                                               \
    ({                                                                                                                             \
        vec_reserve(vec, 1);                                                                                                       \
        memset(&(vec)->items[(vec)->len], 0, sizeof *(vec)->items);                                                                \
        &(vec)->items[(vec)->len++];                                                                                               \
    })

#define vec_last(vec) (&(vec)->items[(vec)->len - 1])
#define vec_pop(vec) ((vec)->items[--(vec)->len])
#define vec_clear(vec) ((void)((vec)->len = 0))
#define vec_release(vec)                                                                                                           \
    do {                                                                                                                           \
        free((vec)->items);                                                                                                        \
        (vec)->items = NULL;                                                                                                       \
        (vec)->len = (vec)->capacity = 0;                                                                                          \
    } while (0)
#define vec_each(item, vec) for (typeof(&*(vec)->items) item = (vec)->items; item && item < (vec)->items + (vec)->len; item++)

static inline size_t vec_next_capacity(size_t needed)
{
    size_t capacity = 8;
    while (capacity < needed)
        capacity *= 2;
    return capacity;
}

/* Memory and scope cleanup.
 *
 * `mem_*` abort when memory is gone: they are for our own small allocations. A size that a guest or a peer chose must never take
 * this path; it goes through a `struct buf` with a maximum, an arena with a maximum, or `mem_try_alloc`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size);                    /* zeroed; never NULL */
void *mem_array(size_t count, size_t item_size); /* zeroed; aborts on overflow */
void *mem_grow(void *memory, size_t count, size_t item_size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);
void *mem_try_alloc(size_t size); /* zeroed; NULL when memory is gone */

#define NEW(type) ((type *)mem_alloc(sizeof(type)))

void mem_free_pointer(void *pointer_to_pointer); /* behind `autofree` */
void close_descriptor(const int *fd);            /* behind `autoclose`; keeps errno */

#define autofree __attribute__((cleanup(mem_free_pointer)))
#define autoclose __attribute__((cleanup(close_descriptor)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static inline uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

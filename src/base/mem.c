#include "base/mem.h"

#include "base/error.h"

#include <errno.h>
#include <unistd.h>

void *mem_try_alloc(size_t size)
{
    return calloc(1, size ? size : 1);
}

void *mem_alloc(size_t size)
{
    void *memory = mem_try_alloc(size);
    if (!memory)
        bug("out of memory: %zu bytes", size);
    return memory;
}

static size_t array_size(size_t count, size_t item_size)
{
    size_t size;
    if (__builtin_mul_overflow(count, item_size, &size))
        bug("array of %zu items of %zu bytes is too large", count, item_size);
    return size;
}

void *mem_array(size_t count, size_t item_size)
{
    return mem_alloc(array_size(count, item_size));
}

void *mem_grow(void *memory, size_t count, size_t item_size)
{
    size_t size = array_size(count, item_size);
    void *grown = realloc(memory, size ? size : 1);
    if (!grown)
        bug("out of memory: %zu bytes", size);
    return grown;
}

char *mem_strndup(const char *text, size_t len)
{
    bug_unless(len < SIZE_MAX);
    char *copy = mem_alloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

void mem_free_pointer(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    free(memory);
}

void close_descriptor(const int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

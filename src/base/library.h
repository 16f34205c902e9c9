/* Shared libraries that are loaded when they are first needed.
 *
 * Some libraries bring dozens of others with them, and loading those takes longer than most commands run. Such a library is compiled
 * against as usual, but not linked: one file of ours defines those of its functions that we call, under their own names, and each
 * passes its arguments on to the library's. Callers are written as if it were linked, and the compiler holds both them and the
 * definitions against the library's header. What they owe is a library_load before the first call:
 *
 *     #define FUNCTIONS(X)                                                                                                        \
 *         X(struct archive *, archive_read_new, (void), ())                                                                       \
 *         X(int, archive_read_free, (struct archive * archive), (archive))
 *     FUNCTIONS(LIBRARY_FUNCTION)
 *     static const struct library_symbol symbols[] = {FUNCTIONS(LIBRARY_SYMBOL)};
 *     static struct library library = {"libarchive.so.13", "libarchive13", symbols, ARRAY_LEN(symbols), NULL};
 *
 * A library that was loaded stays. Any thread. */
#pragma once

#include "base/error.h"
#include <stddef.h>

struct library_symbol {
    const char *name;
    void **place; /* of the pointer to the function */
};

struct library {
    const char *file;    /* its soname: that of the headers we are compiled with */
    const char *package; /* Debian's, for the message */
    const struct library_symbol *symbols;
    size_t symbol_count;
    void *handle; /* private; NULL: not loaded */
};

/* Loads it, once; then all its symbols can be called. Fails: ST_UNSUPPORTED it is not installed, or is another version. */
enum status library_load(struct library *library, struct error *err) CHECKED;

#define LIBRARY_POINTER(name) static __typeof__(name) *loaded_##name
#define LIBRARY_FUNCTION(type, name, parameters, arguments)                                                                        \
    LIBRARY_POINTER(name);                                                                                                         \
    type name parameters                                                                                                           \
    {                                                                                                                              \
        bug_unless(loaded_##name);                                                                                                 \
        return loaded_##name arguments;                                                                                            \
    }
#define LIBRARY_SYMBOL(type, name, parameters, arguments) {#name, (void **)&loaded_##name},

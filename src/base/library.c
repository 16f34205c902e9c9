#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static enum status find_symbols(const struct library *library, void *handle, struct error *err)
{
    for (size_t i = 0; i < library->symbol_count; i++) {
        const struct library_symbol *symbol = &library->symbols[i];
        if (!(*symbol->place = dlsym(handle, symbol->name)))
            return fail(err, ST_UNSUPPORTED, "%s has no %s: it is another than that of Debian's package %s", library->file,
                        symbol->name, library->package);
    }
    return ST_OK;
}

static enum status load(struct library *library, struct error *err)
{
    if (library->handle)
        return ST_OK;
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return fail(err, ST_UNSUPPORTED, "this needs %s (Debian's package %s): %s", library->file, library->package, dlerror());
    enum status status = find_symbols(library, handle, err);
    if (status == ST_OK)
        library->handle = handle;
    else
        dlclose(handle);
    return status;
}

enum status library_load(struct library *library, struct error *err)
{
    pthread_mutex_lock(&loading);
    enum status status = load(library, err);
    pthread_mutex_unlock(&loading);
    return status;
}

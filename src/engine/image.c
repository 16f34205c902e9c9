#include "base/log.h"
#include "engine/internal.h"
#include "engine/pagemap.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* Fewer pages than this are not worth a thought. Of more, a run that changed only one in SPARSE is restored page by page for nothing:
 * what made them its own was another, larger one, or the kernel that gave huge pages. */
#define FEW_PAGES 256u
#define SPARSE 8u

struct image_memory {
    uint8_t *content; /* a mapping; pages that are zero take no memory */
    size_t size;
};

struct engine_image {
    size_t memory_count, global_count;
    struct image_memory *memories;
    union engine_raw *globals;
};

/* --- where the state of a store is ---------------------------------------------------------------------------------------- */

static bool find_item(struct engine_store *store, const struct store_instance *item, struct str name, void *handle, size_t size)
{
    struct engine_extern found;
    if (!engine_instance_export_named(store, &item->instance, name, &found))
        return false;
    memcpy(handle, found.raw, size);
    return true;
}

static bool find_instance_state(struct engine_store *store, const struct store_instance *item, struct store_state *state)
{
    const struct module_state *names = &item->module->state;
    for (size_t i = 0; i < names->memory_count; i++)
        if (!find_item(store, item, names->memories[i], &state->memories[state->memory_count++], sizeof *state->memories))
            return false;
    for (size_t i = 0; i < names->global_count; i++)
        if (!find_item(store, item, names->globals[i], &state->globals[state->global_count++], sizeof *state->globals))
            return false;
    return true;
}

static enum status find_state(struct engine_store *store, struct error *err)
{
    size_t memories = 0, globals = 0;
    if (store->state)
        return ST_OK;
    for (size_t i = 0; i < store_instance_count(store); i++) {
        const struct module_state *names = &store_instance_at(store, i)->module->state;
        if (!names->restorable)
            return fail(err, ST_UNSUPPORTED, "an instance has state that cannot be restored");
        memories += names->memory_count;
        globals += names->global_count;
    }
    struct store_state *state = NEW(struct store_state);
    state->memories = mem_array(memories + 1, sizeof *state->memories);
    state->globals = mem_array(globals + 1, sizeof *state->globals);
    for (size_t i = 0; i < store_instance_count(store); i++) {
        if (find_instance_state(store, store_instance_at(store, i), state))
            continue;
        store_state_free(state);
        return fail(err, ST_INTERNAL, "an instance lacks an export of its state");
    }
    store->state = state;
    return ST_OK;
}

void store_state_free(struct store_state *state)
{
    if (!state)
        return;
    free(state->memories);
    free(state->globals);
    free(state);
}

/* --- making an image ------------------------------------------------------------------------------------------------------ */

static enum status copy_memory(struct engine_store *store, const struct engine_memory *memory, struct image_memory *ret_image,
                               struct error *err)
{
    uint64_t size;
    const uint8_t *data = engine_memory_data(store, memory, &size);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size == 0)
        return ST_OK;
    uint8_t *content = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (content == MAP_FAILED)
        return fail(err, ST_LIMIT, "no memory for an image of %llu bytes", (unsigned long long)size);
    *ret_image = (struct image_memory){content, size};
    for (size_t at = 0; at < size; at += page) {
        size_t len = MIN(page, size - at);
        if (data[at] || memcmp(data + at, data + at + 1, len - 1) != 0)
            memcpy(content + at, data + at, len);
    }
    return mprotect(content, size, PROT_READ) == 0 ? ST_OK : fail_errno(err, "protect an image");
}

enum status engine_image_new(struct engine_store *store, struct engine_image **ret_image, struct error *err)
{
    if (store->engine->pagemap < 0)
        return fail(err, ST_UNSUPPORTED, "the kernel has no PAGEMAP_SCAN");
    TRY(find_state(store, err));
    const struct store_state *state = store->state;
    struct engine_image *image = NEW(struct engine_image);
    image->memories = mem_array(state->memory_count + 1, sizeof *image->memories);
    image->globals = mem_array(state->global_count + 1, sizeof *image->globals);
    for (; image->memory_count < state->memory_count; image->memory_count++) {
        size_t i = image->memory_count;
        enum status status = copy_memory(store, &state->memories[i], &image->memories[i], err);
        if (status != ST_OK) {
            image->memory_count++; /* this one may have its mapping already */
            engine_image_free(image);
            return status;
        }
    }
    for (; image->global_count < state->global_count; image->global_count++)
        engine_global_get(store, &state->globals[image->global_count], &image->globals[image->global_count]);
    *ret_image = image;
    return ST_OK;
}

void engine_image_free(struct engine_image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->memory_count; i++)
        if (image->memories[i].content)
            munmap(image->memories[i].content, image->memories[i].size);
    free(image->memories);
    free(image->globals);
    free(image);
}

/* --- going back ----------------------------------------------------------------------------------------------------------- */

struct restore {
    size_t page_bytes, max_pages, own_pages, changed_pages;
};

static void restore_pages(struct restore *restore, uint8_t *memory, const uint8_t *content, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += restore->page_bytes) {
        if (memcmp(memory + at, content + at, restore->page_bytes) == 0)
            continue;
        memcpy(memory + at, content + at, restore->page_bytes);
        restore->changed_pages++;
    }
}

static bool restore_memory(struct engine_store *store, const struct engine_memory *memory, const struct image_memory *image,
                           struct restore *restore)
{
    uint64_t size;
    uint8_t *data = engine_memory_data(store, memory, &size);
    if (size != image->size)
        return false;
    struct pagemap_scan scan = pagemap_scan_begin(store->engine->pagemap, data, size);
    while (pagemap_scan_next(&scan)) {
        for (size_t i = 0; i < scan.count; i++) {
            size_t bytes = (size_t)(scan.regions[i].end - scan.regions[i].start);
            uint8_t *from = data + (scan.regions[i].start - (uint64_t)(uintptr_t)data);
            restore->own_pages += bytes / restore->page_bytes;
            if (restore->own_pages > restore->max_pages)
                return false;
            restore_pages(restore, from, image->content + (from - data), bytes);
        }
    }
    return !scan.failed;
}

/* The store ends, and its slots of the pool must not keep what it has come to own: the next instance there would begin with it. */
static void give_pages_back(struct engine_store *store)
{
    const struct store_state *state = store->state;
    for (size_t i = 0; store->engine->pooling && i < state->memory_count; i++) {
        uint64_t size;
        uint8_t *data = engine_memory_data(store, &state->memories[i], &size);
        if (size > 0 && (madvise(data, size, MADV_NOHUGEPAGE) != 0 || madvise(data, size, MADV_DONTNEED) != 0))
            log_debug("pages are not given back", LOG_I64("errno", errno));
    }
}

static void restore_globals(struct engine_store *store, const struct store_state *state, const struct engine_image *image)
{
    for (size_t i = 0; i < state->global_count; i++) {
        union engine_raw now;
        engine_global_get(store, &state->globals[i], &now);
        if (memcmp(&now, &image->globals[i], sizeof now) != 0)
            engine_global_set(store, &state->globals[i], image->globals[i]);
    }
}

bool engine_store_reset(struct engine_store *store, const struct engine_image *image, uint64_t max_bytes, uint64_t *ret_bytes)
{
    struct error err;
    bug_unless(store->depth == 0);
    if (store->trap || find_state(store, &err) != ST_OK)
        return false;
    const struct store_state *state = store->state;
    bug_unless(state->memory_count == image->memory_count && state->global_count == image->global_count);
    struct restore restore = {.page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    restore.max_pages = max_bytes / restore.page_bytes;
    for (size_t i = 0; i < state->memory_count; i++)
        if (!restore_memory(store, &state->memories[i], &image->memories[i], &restore))
            return false;
    if (restore.own_pages > FEW_PAGES && restore.changed_pages < restore.own_pages / SPARSE) {
        give_pages_back(store);
        return false;
    }
    restore_globals(store, state, image);
    *ret_bytes = restore.own_pages * restore.page_bytes;
    return true;
}

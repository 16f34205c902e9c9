/* Taking an instance back to what it was when it was new.
 *
 * An instance made of the same parts in the same way is always the same, as long as nothing from outside took part: so the memories
 * and globals of one (engine_image) are those of all. */
#include "component/instance.h"

#include "base/log.h"

struct cm_image {
    uint32_t count;
    struct engine_image *cells[]; /* as the instance's; NULL: it has no store */
};

/* --- taking one -------------------------------------------------------------------------------------------------------------- */

/* Whether making it left nothing but memories and globals. */
static bool is_plain(const struct cm_instance *instance)
{
    bool plain = !instance->called_host && instance->guest_resources.count == 0;
    for (uint32_t i = 0; i < instance->linked->plan->instance_count && plain; i++) {
        const struct cm_cell *cell = &instance->cells[i];
        plain = cell->may_leave && !cell->backpressure && !cell->context[0] && !cell->context[1] && cell->handles.len <= 1;
    }
    return plain;
}

static enum status copy_cells(struct cm_instance *instance, struct cm_image *image, struct error *err)
{
    if (!is_plain(instance))
        return fail(err, ST_UNSUPPORTED, "it called the host, or made resources, while it was made");
    for (uint32_t i = 0; i < image->count; i++)
        if (instance->cells[i].store)
            TRY(engine_image_new(instance->cells[i].store, &image->cells[i], err));
    return ST_OK;
}

void cm_image_take(struct cm_instance *instance)
{
    struct cm_linked *linked = instance->linked;
    struct cm_image *none = NULL;
    struct error err;
    if (atomic_load_explicit(&linked->image, memory_order_acquire) || atomic_load(&linked->has_no_image))
        return;
    uint32_t count = linked->plan->instance_count;
    struct cm_image *image = mem_alloc(sizeof *image + count * sizeof image->cells[0]);
    image->count = count;
    if (copy_cells(instance, image, &err) != ST_OK) {
        log_debug("instances of this component cannot be renewed", LOG_TEXT("reason", err.message));
        atomic_store(&linked->has_no_image, true);
    } else if (atomic_compare_exchange_strong(&linked->image, &none, image)) {
        return;
    }
    cm_image_free(image); /* another shard was first, or there is none */
}

void cm_image_free(struct cm_image *image)
{
    if (!image)
        return;
    for (uint32_t i = 0; i < image->count; i++)
        engine_image_free(image->cells[i]);
    free(image);
}

/* --- going back -------------------------------------------------------------------------------------------------------------- */

bool cm_instance_renew(struct cm_instance *instance, uint64_t max_bytes)
{
    const struct cm_image *image = atomic_load_explicit(&instance->linked->image, memory_order_acquire);
    bool poisoned = instance->poisoned;
    cm_instance_end_objects(instance);
    if (!image || poisoned)
        return false;
    instance->own_bytes = 0;
    for (uint32_t i = 0; i < image->count; i++) {
        struct cm_cell *cell = &instance->cells[i];
        uint64_t bytes = 0;
        if (cell->store && !engine_store_reset(cell->store, image->cells[i], max_bytes - instance->own_bytes, &bytes))
            return false;
        instance->own_bytes += bytes;
        cm_cell_clear(cell);
    }
    cm_instance_clear_fuel(instance);
    cm_guest_resources_init(&instance->guest_resources, instance->max_handles);
    arena_reset(&instance->results);
    memset(instance->data, 0, sizeof instance->data);
    instance->poisoned = false;
    instance->renewals++;
    return true;
}

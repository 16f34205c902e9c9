#include "component/warm.h"

#include "base/mem.h"
#include "component/instance.h"

/* An image is worth its memory only for what is called again and again. */
#define INSTANCES_BEFORE_IMAGE 2

struct cm_warm {
    unsigned references;
    struct cm_linked *linked;
    struct cm_warm_options options;
    unsigned made;             /* instances, up to INSTANCES_BEFORE_IMAGE */
    struct cm_instance *first; /* most recently used first */
    uint32_t count, max_count;
    uint32_t spare; /* fewest that waited since the last trim */
    uint64_t own_bytes;
};

struct cm_warm *cm_warm_new(struct cm_linked *linked, const struct cm_warm_options *options)
{
    struct cm_warm *warm = NEW(struct cm_warm);
    const struct cm_plan *plan = linked->plan;
    *warm = (struct cm_warm){.references = 1, .linked = linked, .options = *options};
    if (warm->options.max_core_instances == 0)
        warm->options.max_core_instances = 64;
    if (warm->options.max_bytes == 0)
        warm->options.max_bytes = 64u << 20;
    warm->max_count = MAX(1, warm->options.max_core_instances / MAX(1, plan->core_instance_count + plan->glue_count));
    return warm;
}

struct cm_warm *cm_warm_ref(struct cm_warm *warm)
{
    warm->references++;
    return warm;
}

static struct cm_instance *take_first(struct cm_warm *warm)
{
    struct cm_instance *instance = warm->first;
    warm->first = instance->next;
    warm->count--;
    warm->own_bytes -= instance->own_bytes;
    warm->spare = MIN(warm->spare, warm->count);
    return instance;
}

void cm_warm_unref(struct cm_warm *warm)
{
    if (!warm || --warm->references > 0)
        return;
    while (warm->first)
        cm_instance_free(take_first(warm));
    free(warm);
}

enum status cm_warm_take(struct cm_warm *warm, void *const *data, struct cm_instance **ret_instance, struct error *err)
{
    if (warm->first) {
        *ret_instance = take_first(warm);
        memcpy((*ret_instance)->data, data, sizeof(*ret_instance)->data);
        return ST_OK;
    }
    struct cm_instance_options options = warm->options.instance;
    memcpy(options.data, data, sizeof options.data);
    TRY(cm_instantiate(warm->linked, &options, ret_instance, err));
    if (warm->made < INSTANCES_BEFORE_IMAGE)
        warm->made++;
    else
        cm_image_take(*ret_instance);
    return ST_OK;
}

void cm_warm_give(struct cm_warm *warm, struct cm_instance *instance)
{
    if (warm->count >= warm->max_count || !cm_instance_renew(instance, warm->options.max_bytes - warm->own_bytes)) {
        cm_instance_free(instance);
        return;
    }
    instance->next = warm->first;
    warm->first = instance;
    warm->count++;
    warm->own_bytes += instance->own_bytes;
}

bool cm_warm_trim(struct cm_warm *warm)
{
    uint32_t keep = warm->count - warm->spare;
    struct cm_instance **end = &warm->first;
    for (; keep > 0; keep--)
        end = &(*end)->next;
    while (*end) { /* the least recently used */
        struct cm_instance *instance = *end;
        *end = instance->next;
        warm->count--;
        warm->own_bytes -= instance->own_bytes;
        cm_instance_free(instance);
    }
    warm->spare = warm->count;
    return warm->count > 0;
}

/* The meter of a workload; see meter.h. */
#include "host/meter.h"
#include "base/log.h"
#include "base/mem.h"

/* Three a decade, from what a call costs that does next to nothing to some seconds of computing. */
static const uint64_t fuel_bounds[] = {
    100,       200,       500,       1000,       2000,       5000,       10000,       20000,    50000,
    100000,    200000,    500000,    1000000,    2000000,    5000000,    10000000,    20000000, 50000000,
    100000000, 200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000,
};

struct meter_part {
    struct histogram fuel;
    char apart[64]; /* no two shards write to one cache line */
};

struct host_meter {
    unsigned shard_count;
    struct meter_part parts[];
};

struct host_meter *host_meter_new(unsigned shard_count)
{
    struct host_meter *meter = mem_alloc(sizeof *meter + shard_count * sizeof meter->parts[0]);
    meter->shard_count = shard_count;
    for (unsigned i = 0; i < shard_count; i++)
        histogram_init(&meter->parts[i].fuel, fuel_bounds, ARRAY_LEN(fuel_bounds));
    return meter;
}

void host_meter_free(struct host_meter *meter)
{
    free(meter);
}

struct histogram *host_meter_part(struct host_meter *meter, unsigned shard)
{
    return meter ? &meter->parts[shard].fuel : NULL;
}

void host_meter_log(const struct host_meter *meter, struct str component)
{
    struct histogram fuel;
    if (!meter)
        return;
    histogram_init(&fuel, fuel_bounds, ARRAY_LEN(fuel_bounds));
    for (unsigned i = 0; i < meter->shard_count; i++)
        histogram_merge(&fuel, &meter->parts[i].fuel);
    if (fuel.count == 0)
        return;
    log_info("fuel.consumption", LOG_STR("component", component), LOG_U64("count", fuel.count), LOG_U64("sum", fuel.sum),
             LOG_U64("min", fuel.min), LOG_U64("max", fuel.max), LOG_U64("p50", histogram_quantile(&fuel, 0.5)),
             LOG_U64("p99", histogram_quantile(&fuel, 0.99)));
}

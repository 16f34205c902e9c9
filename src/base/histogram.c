#include "base/histogram.h"
#include "base/error.h"
#include "base/mem.h"

void histogram_init(struct histogram *histogram, const uint64_t *bounds, size_t bound_count)
{
    bug_unless(bound_count <= HISTOGRAM_MAX_BOUNDS);
    *histogram = (struct histogram){.bounds = bounds, .bound_count = bound_count};
}

/* The first bucket whose upper bound is not below the value. */
static size_t bucket_of(const struct histogram *histogram, uint64_t value)
{
    size_t low = 0, high = histogram->bound_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (histogram->bounds[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void widen(struct histogram *histogram, uint64_t min, uint64_t max)
{
    histogram->min = histogram->count ? MIN(histogram->min, min) : min;
    histogram->max = histogram->count ? MAX(histogram->max, max) : max;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    widen(histogram, value, value);
    histogram->buckets[bucket_of(histogram, value)]++;
    histogram->count++;
    histogram->sum = add_saturating(histogram->sum, value);
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    bug_unless(histogram->bounds == other->bounds && histogram->bound_count == other->bound_count);
    if (other->count == 0)
        return;
    widen(histogram, other->min, other->max);
    for (size_t i = 0; i <= other->bound_count; i++)
        histogram->buckets[i] += other->buckets[i];
    histogram->count += other->count;
    histogram->sum = add_saturating(histogram->sum, other->sum);
}

/* part: how far into the bucket, from 0 to 1 */
static uint64_t value_in_bucket(const struct histogram *histogram, size_t bucket, double part)
{
    uint64_t low = bucket > 0 ? MAX(histogram->bounds[bucket - 1], histogram->min) : histogram->min;
    uint64_t high = bucket < histogram->bound_count ? MIN(histogram->bounds[bucket], histogram->max) : histogram->max;
    return part < 1 ? low + (uint64_t)(part * (double)(high - low)) : high;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    double rank = share * (double)histogram->count;
    uint64_t below = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        uint64_t here = histogram->buckets[i];
        if (here > 0 && (double)(below + here) >= rank)
            return value_in_bucket(histogram, i, (rank - (double)below) / (double)here);
        below += here;
    }
    return histogram->count ? histogram->max : 0;
}

/* Histograms with explicit bucket boundaries, as OpenTelemetry's metrics data model defines them ("Histogram", ExplicitBounds).
 *
 * Bucket 0 counts the values up to bounds[0], bucket i those over bounds[i - 1] and up to bounds[i], the last one those over all
 * bounds. A histogram is a plain value without a lock: one thread records in it. What several threads measure is recorded in one
 * each, and added up by whoever reads them (histogram_merge). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX_BOUNDS 31

struct histogram {
    const uint64_t *bounds; /* ascending */
    size_t bound_count;
    uint64_t buckets[HISTOGRAM_MAX_BOUNDS + 1]; /* bound_count + 1 of them */
    uint64_t count, sum;                        /* the sum saturates at UINT64_MAX */
    uint64_t min, max;                          /* of no meaning while count is 0 */
};

/* bounds: borrowed for as long as the histogram or a copy of it is used; at most HISTOGRAM_MAX_BOUNDS. */
void histogram_init(struct histogram *histogram, const uint64_t *bounds, size_t bound_count);
void histogram_record(struct histogram *histogram, uint64_t value);
/* Adds what `other`, of the same bounds, has counted. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);
/* The value that a share of all values, from 0 to 1, does not exceed; 0 without values. An estimate: values are taken to lie evenly
 * in their bucket, and never outside of min and max. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#include "base/histogram.h"
#include "base/mem.h"
#include "tap.h"

static const uint64_t bounds[] = {10, 20, 50, 100};

static struct histogram histogram_of(const uint64_t *values, size_t count)
{
    struct histogram h;
    histogram_init(&h, bounds, ARRAY_LEN(bounds));
    for (size_t i = 0; i < count; i++)
        histogram_record(&h, values[i]);
    return h;
}
#define OF(...) histogram_of((const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static bool buckets_are(const struct histogram *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const uint64_t wanted[] = {a, b, c, d, e};
    return memcmp(h->buckets, wanted, sizeof wanted) == 0;
}

TEST(without_values)
{
    struct histogram h = histogram_of(NULL, 0);
    CHECK_EQ(h.count, 0);
    CHECK_EQ(h.sum, 0);
    CHECK(buckets_are(&h, 0, 0, 0, 0, 0));
    CHECK_EQ(histogram_quantile(&h, 0.5), 0);
}

TEST(upper_bounds_belong_to_their_bucket)
{
    struct histogram h = OF(0, 10, 11, 20, 21, 50, 51, 100, 101, UINT64_MAX);
    CHECK(buckets_are(&h, 2, 2, 2, 2, 2));
    CHECK_EQ(h.count, 10);
    CHECK_EQ(h.min, 0);
    CHECK_EQ(h.max, (long long)UINT64_MAX);
}

TEST(sum_min_max)
{
    struct histogram h = OF(30, 7, 200);
    CHECK_EQ(h.sum, 237);
    CHECK_EQ(h.min, 7);
    CHECK_EQ(h.max, 200);
    histogram_record(&h, UINT64_MAX - 1);
    CHECK_EQ(h.sum, (long long)UINT64_MAX); /* saturated */
    CHECK_EQ(h.count, 4);
}

TEST(without_bounds_there_is_one_bucket)
{
    struct histogram h;
    histogram_init(&h, NULL, 0);
    histogram_record(&h, 5);
    histogram_record(&h, 15);
    CHECK_EQ(h.buckets[0], 2);
    CHECK_EQ(histogram_quantile(&h, 0.5), 10);
}

TEST(merged_is_as_if_recorded_in_one)
{
    struct histogram a = OF(5, 15, 60), b = OF(3, 15, 1000), none = histogram_of(NULL, 0), all = OF(5, 15, 60, 3, 15, 1000);
    histogram_merge(&a, &none);
    histogram_merge(&none, &a);
    histogram_merge(&none, &b);
    CHECK_EQ(a.min, 5);
    CHECK_EQ(none.count, all.count);
    CHECK_EQ(none.sum, all.sum);
    CHECK_EQ(none.min, all.min);
    CHECK_EQ(none.max, all.max);
    CHECK(memcmp(none.buckets, all.buckets, sizeof all.buckets) == 0);
}

TEST(a_quantile_lies_in_its_bucket)
{
    struct histogram h;
    histogram_init(&h, bounds, ARRAY_LEN(bounds));
    for (uint64_t value = 1; value <= 100; value++)
        histogram_record(&h, value);
    CHECK_EQ(histogram_quantile(&h, 0), 1);
    CHECK_EQ(histogram_quantile(&h, 0.1), 10);
    CHECK_EQ(histogram_quantile(&h, 0.15), 15);
    CHECK_EQ(histogram_quantile(&h, 0.35), 35);
    CHECK_EQ(histogram_quantile(&h, 0.99), 99);
    CHECK_EQ(histogram_quantile(&h, 1), 100);
}

TEST(a_quantile_is_between_min_and_max)
{
    struct histogram one = OF(42), over = OF(5000, 7000), widest = OF(0, UINT64_MAX);
    CHECK_EQ(histogram_quantile(&one, 0), 42);
    CHECK_EQ(histogram_quantile(&one, 0.5), 42);
    CHECK_EQ(histogram_quantile(&one, 1), 42);
    CHECK_EQ(histogram_quantile(&over, 0), 5000); /* no upper bound but the largest value */
    CHECK_EQ(histogram_quantile(&over, 0.5), 6000);
    CHECK_EQ(histogram_quantile(&widest, 1), (long long)UINT64_MAX);
}

/* The fuzz target of WIT binaries over its seeds, whole and with bytes of their encoding changed. */
#include "base/mem.h"
#include "seeds.h"
#include "tap.h"

#define LLVMFuzzerTestOneInput fuzz_wit_binary
#include "../../fuzz/wit_binary.c"
#undef LLVMFuzzerTestOneInput

#define CHANGED_BYTES 4096

/* A change is four bytes behind the seed; see the target. */
static void run_seed(void *env UNUSED, const char *name UNUSED, struct buf *seed)
{
    static const uint8_t values[] = {0x00, 0x01, 0x02, 0x41, 0x7f, 0xff};
    size_t len = seed->len, step = 1 + CHANGED_BYTES / (1 + 200000 / len);
    seeds_try(fuzz_wit_binary, buf_str(seed));
    for (size_t at = 8; at < CHANGED_BYTES; at += step) {
        uint8_t tail[] = {0, (uint8_t)(at >> 8), (uint8_t)at, values[at % sizeof values]};
        buf_add(seed, str_n((const char *)tail, sizeof tail));
        seeds_try(fuzz_wit_binary, buf_str(seed));
        seed->len = len;
    }
}

TEST(wit_binary_seeds)
{
    CHECK(seeds_each(SEEDS "/wit_binary", run_seed, NULL) >= 6);
}

/* The fuzz target over its seeds, and over damage to them: characters that open, close and separate. */
#include "seeds.h"
#include "tap.h"

#define LLVMFuzzerTestOneInput fuzz_wit
#include "../../fuzz/wit.c"
#undef LLVMFuzzerTestOneInput

TEST(seeds)
{
    CHECK(seeds_damage(SEEDS "/wit", fuzz_wit, 60, STR("{}<>;,-%\"/")) >= 15);
}

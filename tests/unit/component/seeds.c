/* The fuzz target over its seeds, and over simple damage to them. */
#include "seeds.h"
#include "tap.h"

#define LLVMFuzzerTestOneInput fuzz_component_decode
#include "../../fuzz/component_decode.c"
#undef LLVMFuzzerTestOneInput

TEST(component_decode_seeds)
{
    CHECK(seeds_damage(SEEDS "/component_decode", fuzz_component_decode, 100, STR("\x00\x01\x41\x7f\xff")) >= 10);
}

/* The fuzz targets over their seeds, and over damage to them: bytes that split lines and tokens. */
#include "seeds.h"
#include "tap.h"

#define LLVMFuzzerTestOneInput fuzz_http_request
#include "../../fuzz/http_request.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_response
#include "../../fuzz/http_response.c"
#undef LLVMFuzzerTestOneInput

#define PLACES 200
#define SPLITTERS STR("\r\n :0")

TEST(request_seeds)
{
    CHECK(seeds_damage(SEEDS "/http_request", fuzz_http_request, PLACES, SPLITTERS) >= 10);
}

TEST(response_seeds)
{
    CHECK(seeds_damage(SEEDS "/http_response", fuzz_http_response, PLACES, SPLITTERS) >= 8);
}

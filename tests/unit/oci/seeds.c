/* The fuzz targets over their seeds, and over damage to them: bytes that split words. */
#include "seeds.h"
#include "tap.h"

#define LLVMFuzzerTestOneInput fuzz_oci_reference
#include "../../fuzz/oci_reference.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_oci_challenge
#include "../../fuzz/oci_challenge.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_oci_manifest
#include "../../fuzz/oci_manifest.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_oci_docker_config
#include "../../fuzz/oci_docker_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_oci_metadata
#include "../../fuzz/oci_metadata.c"
#undef LLVMFuzzerTestOneInput

#define PLACES 300
#define SPLITTERS STR("\"\\,: 0/")

TEST(reference_seeds)
{
    CHECK(seeds_damage(SEEDS "/oci_reference", fuzz_oci_reference, PLACES, SPLITTERS) >= 5);
}

TEST(challenge_seeds)
{
    CHECK(seeds_damage(SEEDS "/oci_challenge", fuzz_oci_challenge, PLACES, SPLITTERS) >= 5);
}

TEST(manifest_seeds)
{
    CHECK(seeds_damage(SEEDS "/oci_manifest", fuzz_oci_manifest, PLACES, SPLITTERS) >= 4);
}

TEST(docker_config_seeds)
{
    CHECK(seeds_damage(SEEDS "/oci_docker_config", fuzz_oci_docker_config, PLACES, SPLITTERS) >= 4);
}

TEST(metadata_seeds)
{
    CHECK(seeds_damage(SEEDS "/oci_metadata", fuzz_oci_metadata, PLACES, SPLITTERS) >= 2);
}

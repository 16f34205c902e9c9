/* The fuzz targets over their seeds, and over simple damage to them. */
#include "base/mem.h"
#include "tap.h"

#include <dirent.h>

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

typedef int fuzz_target(const uint8_t *data, size_t size);

static bool read_file(const char *path, struct buf *ret_content)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t len;
    if (!file)
        return false;
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(ret_content, str_n(piece, len));
    fclose(file);
    return true;
}

/* The seed itself, each of its beginnings, and each byte replaced by what splits words. */
static void run_seed(fuzz_target *target, struct buf *seed)
{
    target((const uint8_t *)seed->data, seed->len);
    for (size_t at = 0; at < seed->len; at += 1 + seed->len / 300) {
        target((const uint8_t *)seed->data, at);
        for (const char *c = "\"\\,: 0/"; *c; c++) {
            char saved = seed->data[at];
            seed->data[at] = *c;
            target((const uint8_t *)seed->data, seed->len);
            seed->data[at] = saved;
        }
    }
}

static int run_folder(fuzz_target *target, const char *name)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    int count = 0;
    buf_addf(&path, SEEDS "/%s", name);
    DIR *folder = opendir(path.data);
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        autobuf struct buf file = BUF_INIT(BUF_UNLIMITED), seed = BUF_INIT(BUF_UNLIMITED);
        if (entry->d_name[0] == '.')
            continue;
        buf_addf(&file, "%s/%s", path.data, entry->d_name);
        if (!read_file(file.data, &seed))
            continue;
        run_seed(target, &seed);
        count++;
    }
    closedir(folder);
    return count;
}

TEST(reference_seeds)
{
    CHECK(run_folder(fuzz_oci_reference, "oci_reference") >= 5);
}

TEST(challenge_seeds)
{
    CHECK(run_folder(fuzz_oci_challenge, "oci_challenge") >= 5);
}

TEST(manifest_seeds)
{
    CHECK(run_folder(fuzz_oci_manifest, "oci_manifest") >= 4);
}

TEST(docker_config_seeds)
{
    CHECK(run_folder(fuzz_oci_docker_config, "oci_docker_config") >= 4);
}

TEST(metadata_seeds)
{
    CHECK(run_folder(fuzz_oci_metadata, "oci_metadata") >= 2);
}

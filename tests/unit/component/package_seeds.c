/* The fuzz target of WIT binaries over its seeds, whole and with bytes of their encoding changed. */
#include "tap.h"

#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_wit_binary
#include "../../fuzz/wit_binary.c"
#undef LLVMFuzzerTestOneInput

#define CHANGED_BYTES 4096

static bool read_seed(const char *path, struct buf *ret_content)
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

static void run_seed(struct buf *seed)
{
    static const uint8_t values[] = {0x00, 0x01, 0x02, 0x41, 0x7f, 0xff};
    size_t len = seed->len, step = 1 + CHANGED_BYTES / (1 + 200000 / len);
    fuzz_wit_binary((const uint8_t *)seed->data, len);
    for (size_t at = 8; at < CHANGED_BYTES; at += step) {
        uint8_t tail[] = {0, (uint8_t)(at >> 8), (uint8_t)at, values[at % sizeof values]};
        buf_add(seed, str_n((const char *)tail, sizeof tail));
        fuzz_wit_binary((const uint8_t *)seed->data, seed->len);
        seed->len = len;
    }
}

TEST(wit_binary_seeds)
{
    int count = 0;
    DIR *folder = opendir(SEEDS "/wit_binary");
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        autobuf struct buf path = BUF_INIT(BUF_UNLIMITED), seed = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&path, SEEDS "/wit_binary/%s", entry->d_name);
        if (entry->d_name[0] == '.' || !read_seed(path.data, &seed))
            continue;
        run_seed(&seed);
        count++;
    }
    closedir(folder);
    CHECK(count >= 6);
}

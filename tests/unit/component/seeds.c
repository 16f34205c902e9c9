/* The fuzz target over its seeds, and over simple damage to them. */
#include "tap.h"

#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_component_decode
#include "../../fuzz/component_decode.c"
#undef LLVMFuzzerTestOneInput

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

/* The seed itself, some of its beginnings, and some bytes changed. */
static void run_seed(struct buf *seed)
{
    fuzz_component_decode((const uint8_t *)seed->data, seed->len);
    size_t step = 1 + seed->len / 100;
    for (size_t at = 0; at < seed->len; at += step) {
        char saved = seed->data[at];
        fuzz_component_decode((const uint8_t *)seed->data, at);
        for (int change = 1; change < 4; change++) {
            seed->data[at] = (char)(saved + change * 37);
            fuzz_component_decode((const uint8_t *)seed->data, seed->len);
        }
        seed->data[at] = saved;
    }
}

TEST(component_decode_seeds)
{
    int count = 0;
    DIR *folder = opendir(SEEDS "/component_decode");
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        autobuf struct buf path = BUF_INIT(BUF_UNLIMITED), seed = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&path, SEEDS "/component_decode/%s", entry->d_name);
        if (entry->d_name[0] == '.' || !read_seed(path.data, &seed))
            continue;
        run_seed(&seed);
        count++;
    }
    closedir(folder);
    CHECK(count >= 10);
}

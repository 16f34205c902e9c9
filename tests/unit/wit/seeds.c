/* The fuzz target over its seeds, and over simple damage to them. */
#include "support.h"

#include "base/mem.h"

#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_wit
#include "../../fuzz/wit.c"
#undef LLVMFuzzerTestOneInput

static void run(struct str text)
{
    fuzz_wit((const uint8_t *)text.data, text.len);
}

/* The seed, beginnings of it, and the seed with a character replaced by what opens, closes and separates. */
static void run_seed(struct buf *seed)
{
    run(buf_str(seed));
    size_t step = 1 + seed->len / 60;
    for (size_t at = 0; at < seed->len; at += step) {
        run(str_slice(buf_str(seed), 0, at));
        for (const char *c = "{}<>;,-%\"/"; *c; c++) {
            char saved = seed->data[at];
            seed->data[at] = *c;
            run(buf_str(seed));
            seed->data[at] = saved;
        }
    }
}

TEST(seeds)
{
    size_t count = 0;
    DIR *folder = opendir(SEEDS);
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        autobuf struct buf path = BUF_INIT(BUF_UNLIMITED), seed = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&path, "%s/%s", SEEDS, entry->d_name);
        if (!str_ends(buf_str(&path), STR(".wit")) || !support_read(path.data, &seed))
            continue;
        run_seed(&seed);
        count++;
    }
    closedir(folder);
    CHECK(count >= 15);
}

/* The fuzz targets over their seeds, and over simple damage to them. */
#include "base/mem.h"
#include "tap.h"

#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_http_request
#include "../../fuzz/http_request.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_response
#include "../../fuzz/http_response.c"
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
        bug_unless(buf_append(ret_content, piece, len) == ST_OK);
    fclose(file);
    return true;
}

/* The seed itself, each of its beginnings, and each byte replaced by what splits lines and tokens. */
static void run_seed(fuzz_target *target, struct buf *seed)
{
    target((const uint8_t *)seed->data, seed->len);
    size_t step = 1 + seed->len / 200;
    for (size_t at = 0; at < seed->len; at += step) {
        target((const uint8_t *)seed->data, at);
        for (const char *c = "\r\n :0"; *c; c++) {
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

TEST(request_seeds)
{
    CHECK(run_folder(fuzz_http_request, "http_request") >= 10);
}

TEST(response_seeds)
{
    CHECK(run_folder(fuzz_http_response, "http_response") >= 8);
}

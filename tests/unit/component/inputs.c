/* Runs a fuzz target over the files of a folder, as TAP: inputs FOLDER. */
#include "base/buf.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_input(const char *folder, const char *name, struct buf *out)
{
    char path[512], piece[4096];
    size_t len;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(out, str_n(piece, len));
    fclose(file);
    return true;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int count = 0;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        autobuf struct buf input = BUF_INIT(BUF_UNLIMITED);
        if (entry->d_name[0] == '.' || !read_input(argv[1], entry->d_name, &input))
            continue;
        LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len);
        printf("ok %d - %s\n", ++count, entry->d_name);
    }
    closedir(folder);
    printf("1..%d\n", count);
    return count == 0;
}

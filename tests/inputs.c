/* Runs a fuzz target over the files of a folder, as TAP: inputs FOLDER. */
#include "seeds.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_input(void *env, const char *name, struct buf *input)
{
    size_t *count = env;
    seeds_try(LLVMFuzzerTestOneInput, buf_str(input));
    printf("ok %zu - %s\n", ++*count, name);
}

int main(int argc, char **argv)
{
    size_t count = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    seeds_each(argv[1], run_input, &count);
    printf("1..%zu\n", count);
    return count == 0;
}

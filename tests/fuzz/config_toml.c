/* libFuzzer target: TOML either becomes a tree of bounded depth or is refused with a message. */
#include "config/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    json_t *tree = NULL;
    if (config_parse_toml("fuzz", str_n((const char *)data, size), &tree, &err) != ST_OK) {
        bug_unless(err.message[0] != '\0' && !tree);
        return 0;
    }
    bug_unless(json_is_object(tree));
    json_decref(tree);
    return 0;
}

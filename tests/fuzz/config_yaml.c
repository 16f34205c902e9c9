/* libFuzzer target: a configuration in YAML through reader and decoder. What is read and decoded is bounded; what is refused has a
 * message. */
#include "config/wash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(json_t *tree)
{
    struct arena arena;
    struct wash_config config;
    struct error err = {0};
    arena_init(&arena, SIZE_MAX);
    struct config_decoder decoder = {.origin = "fuzz", .arena = &arena};
    config_defaults(&wash_config_schema, &config);
    if (config_decode(&decoder, &wash_config_schema, tree, &config, &err) != ST_OK)
        bug_unless(err.message[0] != '\0');
    vec_release(&decoder.later_keys);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    json_t *tree = NULL;
    if (config_parse_yaml("fuzz", str_n((const char *)data, size), &tree, &err) != ST_OK) {
        bug_unless(err.message[0] != '\0' && !tree);
        return 0;
    }
    decode(tree);
    json_decref(tree);
    return 0;
}

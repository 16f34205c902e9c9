/* libFuzzer target: a configuration in YAML through reader, writer and decoder. What is read, written and read again is the same;
 * what decodes is encoded to what decodes again; what is refused has a message. */
#include "config/wash.h"
#include "config/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(json_t *tree)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    json_t *again = NULL;
    bug_unless(config_write(tree, CONFIG_YAML, &text, &err) == ST_OK);
    if (config_parse_yaml("written", buf_str(&text), &again, &err) != ST_OK)
        bug("what was written is refused: %s\n%s", err.message, text.data);
    if (!json_equal(tree, again))
        bug("what was written is another tree:\n%s", text.data);
    json_decref(again);
}

static enum status decode(json_t *tree, struct arena *arena, struct wash_config *config, struct error *err)
{
    struct config_report report = {.arena = arena};
    struct config_decoder decoder = {.origin = "fuzz", .arena = arena, .report = &report};
    config_defaults(&wash_config_schema, config);
    enum status status = config_decode(&decoder, &wash_config_schema, tree, config, err);
    vec_release(&decoder.later_keys);
    return status == ST_OK ? config_check(&wash_config_schema, config, &report, err) : status;
}

static void check_decoded(json_t *tree)
{
    struct arena arena;
    struct wash_config config, again;
    struct error err = {0};
    arena_init(&arena, SIZE_MAX);
    if (decode(tree, &arena, &config, &err) != ST_OK) {
        bug_unless(err.message[0] != '\0');
    } else {
        json_t *encoded = config_encode(&wash_config_schema, &config);
        enum status status = decode(encoded, &arena, &again, &err);
        bool hidden = config.dev.postgres_url.data != NULL; /* comes out as ***, which is no URL */
        if (status != ST_OK && !hidden)
            bug("what was encoded is refused: %s", err.message);
        json_decref(encoded);
    }
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
    check_written(tree);
    check_decoded(tree);
    json_decref(tree);
    return 0;
}

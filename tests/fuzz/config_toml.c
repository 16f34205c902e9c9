/* libFuzzer target: TOML either becomes a tree, which written and read again is the same, or is refused with a message. */
#include "config/read.h"
#include "config/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(json_t *tree)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    json_t *again = NULL;
    bug_unless(config_write(tree, CONFIG_TOML, &text, &err) == ST_OK);
    if (config_parse_toml("written", buf_str(&text), &again, &err) != ST_OK)
        bug("what was written is refused: %s\n%s", err.message, text.data);
    if (!json_equal(tree, again))
        bug("what was written is another tree:\n%s", text.data);
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    json_t *tree = NULL;
    if (config_parse_toml("fuzz", str_n((const char *)data, size), &tree, &err) != ST_OK) {
        bug_unless(err.message[0] != '\0' && !tree);
        return 0;
    }
    bug_unless(json_is_object(tree));
    check_written(tree);
    json_decref(tree);
    return 0;
}

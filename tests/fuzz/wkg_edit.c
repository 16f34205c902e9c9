/* libFuzzer target: in text with a world an import can be added, then not again, and when it is taken out it is gone. */
#include "wkg/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct wkg_target target;
    struct error err = {.message = ""};
    size_t count = 0, none = 1;
    autobuf struct buf added = BUF_INIT(BUF_UNLIMITED), again = BUF_INIT(BUF_UNLIMITED), removed = BUF_INIT(BUF_UNLIMITED);
    if (wkg_target_parse(STR("fuzz-ns:fuzz/item"), &target, &err) != ST_OK)
        bug("target");
    if (wkg_edit_add(STR("w"), text, &target, STR("import fuzz-ns:fuzz/item;"), &added, &err) != ST_OK) {
        bug_unless(err.message[0]);
        return 0;
    }
    bug_unless(wkg_edit_add(STR("w"), buf_str(&added), &target, STR("import x:y/z;"), &again, &err) == ST_EXISTS);
    if (wkg_edit_remove(STR("w"), buf_str(&added), &target, &removed, &count, &err) != ST_OK || count == 0)
        bug("not removed: %s", err.message);
    buf_clear(&again);
    if (wkg_edit_remove(STR("w"), buf_str(&removed), &target, &again, &none, &err) != ST_OK || none != 0)
        bug("not removed all: %s", err.message);
    return 0;
}

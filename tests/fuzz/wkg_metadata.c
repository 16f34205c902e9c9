/* libFuzzer target: a registry's metadata is refused with a message, or names a registry and a prefix that make a reference. */
#include "base/buf.h"
#include "oci/reference.h"
#include "wkg/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct wkg_metadata metadata;
    struct oci_reference reference;
    struct error err = {.message = ""};
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    arena_init(&arena, SIZE_MAX);
    if (wkg_metadata_parse("fuzz", str_n((const char *)data, size), &arena, &metadata, &err) == ST_OK) {
        buf_addf(&text, "%.*s/%.*sns/name:1.0.0", STR_ARG(metadata.registry.len ? metadata.registry : STR("example.com")),
                 STR_ARG(metadata.prefix));
        if (oci_reference_parse(buf_str(&text), &reference, &err) != ST_OK)
            bug("%s", err.message);
        oci_reference_release(&reference);
    } else {
        bug_unless(err.message[0]);
    }
    arena_release(&arena);
    return 0;
}

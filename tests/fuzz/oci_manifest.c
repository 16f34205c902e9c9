/* libFuzzer target: bytes as a manifest, called by each media type in turn. What is accepted has only valid digests, and choosing
 * from it succeeds or says why not. */
#include "oci/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_items(const struct oci_manifest *manifest)
{
    struct oci_digest again;
    for (size_t i = 0; i < manifest->count; i++) {
        bug_unless(oci_digest_parse(oci_digest_str(&manifest->items[i].digest), &again));
        bug_unless(manifest->items[i].size <= OCI_BLOB_MAX_BYTES && manifest->items[i].media_type.len > 0);
    }
}

static void check_choice(const struct oci_manifest *manifest)
{
    const struct oci_descriptor *chosen = NULL;
    struct error err = {.message = ""};
    enum status status =
        manifest->is_index ? oci_index_select(manifest, &chosen, &err) : oci_manifest_wasm_layer(manifest, &chosen, &err);
    bug_unless(status == ST_OK ? chosen >= manifest->items && chosen < manifest->items + manifest->count : err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"", OCI_TYPE_IMAGE, OCI_TYPE_INDEX "; charset=utf-8", OCI_TYPE_DOCKER_IMAGE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct arena arena;
        struct oci_manifest manifest;
        struct error err = {.message = ""};
        arena_init(&arena, 1 << 20);
        if (oci_manifest_parse(str_n((const char *)data, size), str_of(types[i]), &arena, &manifest, &err) == ST_OK) {
            check_items(&manifest);
            check_choice(&manifest);
        } else {
            bug_unless(err.message[0]);
        }
        arena_release(&arena);
    }
    return 0;
}

/* libFuzzer target: bytes as a WebAssembly binary that is pushed; its annotations are text, and build a manifest that is accepted. */
#include "oci/artifact.h"
#include "oci/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oci_annotation annotations[OCI_METADATA_MAX];
    size_t count = 0;
    struct str wasm = str_n((const char *)data, size);
    struct error err = {.message = ""};
    if (oci_metadata_read(wasm, annotations, &count, &err) != ST_OK) {
        bug_unless(err.message[0]);
        return 0;
    }
    struct oci_digest digest;
    struct oci_artifact artifact;
    struct oci_manifest manifest;
    struct arena arena;
    const struct oci_artifact_options options = {.created = STR("now"), .annotations = annotations, .annotation_count = count};
    oci_digest_of(wasm, &digest);
    arena_init(&arena, 4 * OCI_MANIFEST_MAX_BYTES);
    if (oci_artifact_build(&options, &digest, size, &artifact, &err) == ST_OK) {
        if (oci_manifest_parse(buf_str(&artifact.manifest), STR(OCI_TYPE_IMAGE), &arena, &manifest, &err) != ST_OK)
            bug("%s: %s", err.message, artifact.manifest.data);
        bug_unless(manifest.annotation_count == count && manifest.count == 1);
        oci_artifact_release(&artifact);
    }
    arena_release(&arena);
    return 0;
}

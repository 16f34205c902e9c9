#include "oci/artifact.h"
#include "base/mem.h"
#include "tap.h"

#define LAYER "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static struct oci_digest layer_digest(void)
{
    struct oci_digest digest;
    bug_unless(oci_digest_parse(STR(LAYER), &digest));
    return digest;
}

/* The bytes that crate oci-wasm 0.4 with oci-client 0.15 makes of the same. */
TEST(component_bytes)
{
    const struct str exports[] = {STR_INIT("wasi:http/incoming-handler@0.2.12")}, imports[] = {STR_INIT("a:b/c"), STR_INIT("run")};
    const struct oci_annotation annotations[] = {{STR_INIT("z"), STR_INIT("1")}, {STR_INIT("a"), STR_INIT("say \"hi\"")}};
    const struct oci_artifact_options options = {.exports = exports,
                                                 .export_count = 1,
                                                 .imports = imports,
                                                 .import_count = 2,
                                                 .created = STR_INIT("2026-01-02T03:04:05.678Z"),
                                                 .annotations = annotations,
                                                 .annotation_count = 2};
    const struct oci_digest layer = layer_digest();
    struct oci_artifact artifact;
    autobuf struct buf manifest = BUF_INIT(BUF_UNLIMITED);
    CHECK_EQ(oci_artifact_build(&options, &layer, 8, &artifact, NULL), ST_OK);
    CHECK_STR(buf_str(&artifact.config),
              "{\"created\":\"2026-01-02T03:04:05.678Z\",\"author\":null,\"architecture\":\"wasm\",\"os\":\"wasip2\","
              "\"layerDigests\":[\"" LAYER "\"],\"component\":{\"exports\":[\"wasi:http/incoming-handler@0.2.12\"],"
              "\"imports\":[\"a:b/c\",\"run\"],\"target\":null}}");
    buf_addf(&manifest,
             "{\"annotations\":{\"a\":\"say "
             "\\\"hi\\\"\",\"z\":\"1\"},\"config\":{\"digest\":\"%s\",\"mediaType\":\"" OCI_TYPE_WASM_CONFIG
             "\",\"size\":%zu},\"layers\":[{\"digest\":\"" LAYER "\",\"mediaType\":\"application/wasm\",\"size\":8}],"
             "\"mediaType\":\"" OCI_TYPE_IMAGE "\",\"schemaVersion\":2}",
             artifact.config_digest.text, artifact.config.len);
    CHECK_STR(buf_str(&artifact.manifest), manifest.data);
    oci_artifact_release(&artifact);
}

TEST(module_has_no_component_part)
{
    const struct oci_artifact_options options = {.is_module = true, .created = STR_INIT("now"), .author = STR_INIT("me")};
    const struct oci_digest layer = layer_digest();
    struct oci_artifact artifact;
    CHECK_EQ(oci_artifact_build(&options, &layer, 8, &artifact, NULL), ST_OK);
    CHECK_STR(buf_str(&artifact.config), "{\"created\":\"now\",\"author\":\"me\",\"architecture\":\"wasm\",\"os\":\"wasip1\","
                                         "\"layerDigests\":[\"" LAYER "\"],\"component\":null}");
    oci_artifact_release(&artifact);
}

TEST(what_is_built_is_accepted)
{
    const struct oci_artifact_options options = {.created = STR_INIT("now")};
    const struct oci_digest layer = layer_digest();
    struct oci_artifact artifact;
    struct oci_manifest manifest;
    const struct oci_descriptor *found;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    CHECK_EQ(oci_artifact_build(&options, &layer, 8, &artifact, NULL), ST_OK);
    CHECK_EQ(oci_manifest_parse(buf_str(&artifact.manifest), STR(OCI_TYPE_IMAGE), &arena, &manifest, NULL), ST_OK);
    CHECK_EQ(oci_manifest_wasm_layer(&manifest, &found, NULL), ST_OK);
    CHECK_STR(oci_digest_str(&found->digest), LAYER);
    oci_artifact_release(&artifact);
    arena_release(&arena);
}

TEST(size_is_bounded)
{
    const struct oci_digest layer = layer_digest();
    struct oci_artifact artifact;
    char *text = mem_alloc(OCI_MANIFEST_MAX_BYTES);
    memset(text, 'x', OCI_MANIFEST_MAX_BYTES);
    const struct oci_annotation annotation = {STR("a"), str_n(text, OCI_MANIFEST_MAX_BYTES)};
    const struct oci_artifact_options options = {.annotations = &annotation, .annotation_count = 1};
    CHECK_EQ(oci_artifact_build(&options, &layer, 8, &artifact, NULL), ST_LIMIT);
    free(text);
}

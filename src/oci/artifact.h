/* The artifact that a component is in a registry: one layer with its bytes, a configuration that describes it, and the manifest.
 *
 * The bytes are those that `wkg oci push` writes (crate oci-wasm), so that the same component has the same layer and a like
 * manifest whoever pushed it: the configuration has its fields in a fixed order, the manifest is canonical JSON (names in order, no
 * blanks). Source: CNCF TAG Runtime's Wasm OCI artifact layout; crate oci-wasm 0.4 (config.rs); OLPC canonical JSON. Any thread. */
#pragma once

#include "base/buf.h"
#include "oci/manifest.h"

struct oci_artifact_options {
    bool is_module;            /* core WebAssembly: os wasip1 and no component part */
    const struct str *exports; /* "wasi:http/incoming-handler@0.2.12", or plain names; of a component */
    const struct str *imports;
    size_t export_count, import_count;
    struct str target;                        /* world that it targets; empty: not stated */
    struct str author;                        /* empty: not stated */
    struct str created;                       /* RFC 3339 */
    const struct oci_annotation *annotations; /* of the manifest, in any order */
    size_t annotation_count;
};

struct oci_artifact {
    struct buf config, manifest;
    struct oci_digest config_digest, manifest_digest;
};

/* layer, layer_bytes  digest and length of the component
 * Fails: ST_LIMIT if the manifest becomes larger than registries take. On success oci_artifact_release is due. */
enum status oci_artifact_build(const struct oci_artifact_options *options, const struct oci_digest *layer, uint64_t layer_bytes,
                               struct oci_artifact *ret_artifact, struct error *err) CHECKED;
void oci_artifact_release(struct oci_artifact *artifact);

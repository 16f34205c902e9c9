/* Manifests: the JSON that says which blobs an artifact is made of, and indexes of manifests.
 *
 * What is read comes from a registry and is hostile: sizes, counts and text are bounded, the media type decides what the rest must
 * look like, and a document that could be read as both kinds is refused. Source: OCI image-spec 1.1 (manifest.md, image-index.md,
 * descriptor.md); Docker's schema 2, which differs in its media types. Any thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "oci/digest.h"

#define OCI_MANIFEST_MAX_BYTES (4u << 20)
#define OCI_MANIFEST_MAX_ITEMS 1024u
#define OCI_BLOB_MAX_BYTES (1ull << 40) /* that a descriptor may state at all; what is fetched has bounds of its own */

#define OCI_TYPE_IMAGE "application/vnd.oci.image.manifest.v1+json"
#define OCI_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_TYPE_DOCKER_IMAGE "application/vnd.docker.distribution.manifest.v2+json"
#define OCI_TYPE_DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define OCI_TYPE_WASM_CONFIG "application/vnd.wasm.config.v0+json"
#define OCI_TYPE_WASM "application/wasm"
#define OCI_TYPE_WASM_LEGACY "application/vnd.module.wasm.content.layer.v1+wasm"

struct oci_descriptor {
    struct str media_type;
    struct oci_digest digest;
    uint64_t size;
    struct str os, architecture; /* of an index's entry; empty: not stated */
};

struct oci_annotation {
    struct str name, value;
};

struct oci_manifest {
    bool is_index;
    struct str media_type;
    struct oci_descriptor config; /* not of an index */
    struct oci_descriptor *items; /* layers, or the manifests of an index */
    size_t count;
    struct oci_annotation *annotations;
    size_t annotation_count;
};

/* json          what the registry sent
 * content_type  its Content-Type header, or empty; it must agree with the document's own mediaType
 * ret_manifest  in the arena, which bounds it as well
 * Fails: ST_INVALID, ST_LIMIT, ST_UNSUPPORTED a kind of manifest that is not known. */
enum status oci_manifest_parse(struct str json, struct str content_type, struct arena *arena, struct oci_manifest *ret_manifest,
                               struct error *err) CHECKED;

/* The manifest for WebAssembly among those of an index: architecture `wasm`, preferably os `wasip2`, then `wasip1`. Fails:
 * ST_NOT_FOUND; the message names the platforms that there are. */
enum status oci_index_select(const struct oci_manifest *index, const struct oci_descriptor **ret_entry, struct error *err) CHECKED;

/* The one layer that is a component or a module. Fails: ST_UNSUPPORTED; the message names the layer types that there are. */
enum status oci_manifest_wasm_layer(const struct oci_manifest *manifest, const struct oci_descriptor **ret_layer,
                                    struct error *err) CHECKED;

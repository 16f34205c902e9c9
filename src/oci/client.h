/* A client of registries: the OCI distribution protocol, on the room web.
 *
 * Calls block; a client is used by one thread at a time (run them by io_offload on a shard) and keeps its connections and tokens
 * for the next call, to any registry. What a registry says is not believed: manifests and blobs are checked against their digests,
 * sizes are bounded, and credentials go to the registry they are for and to the token service that it names over https, never along
 * a redirect to another host or scheme. Source: OCI distribution-spec 1.1; distribution's token authentication specification. */
#pragma once

#include "base/buf.h"
#include "base/notice.h"
#include "oci/credentials.h"
#include "oci/manifest.h"
#include "oci/reference.h"

struct oci_client;

#define OCI_LAYER_MAX_BYTES (1ull << 30)
#define OCI_CHUNK_BYTES (8u << 20)
#define OCI_TAGS_MAX 100000u

/* Of the blob that is pulled or pushed. Called often, on the thread that blocks. */
typedef void oci_progress(void *env, uint64_t done_bytes, uint64_t total_bytes);

struct oci_client_options {
    struct oci_credentials_options credentials; /* text is copied; `cancel` is set from below */
    bool plain_http;                            /* talk HTTP instead of HTTPS; tokens may come over HTTP as well */
    uint64_t timeout_ms;                        /* of each call below, tries included; 0: none */
    uint64_t max_layer_bytes;                   /* 0: OCI_LAYER_MAX_BYTES */
    uint64_t chunk_bytes;                       /* blobs larger than this are pushed in pieces of it; 0: OCI_CHUNK_BYTES */
    struct cancel cancel;
    struct notice notice;
    oci_progress *progress; /* or NULL */
    void *progress_env;
    const char *user_agent; /* or NULL */
};

/* Fails: ST_UNSUPPORTED libcurl is not installed, ST_INTERNAL. */
enum status oci_client_new(const struct oci_client_options *options, struct oci_client **ret_client, struct error *err) CHECKED;
void oci_client_free(struct oci_client *client);

/* All calls fail with: ST_DENIED no or refused credentials, an untrusted certificate; ST_NOT_FOUND; ST_UNAVAILABLE the registry
 * cannot be reached, or is busy after several tries; ST_INVALID it answers with something that is not the protocol or does not
 * match its digest; ST_LIMIT; ST_TIMEOUT; ST_CANCELLED. What the registry says of its error is in the message, escaped. */

/* The manifest that `reference` names, checked against the reference's digest and the one that the registry states.
 * ret_json    appended to; its maximum is at least OCI_MANIFEST_MAX_BYTES
 * ret_digest  of the manifest */
enum status oci_client_manifest(struct oci_client *client, const struct oci_reference *reference, struct buf *ret_json,
                                char ret_content_type[256], struct oci_digest *ret_digest, struct error *err) CHECKED;

/* Only its digest, as the registry states it. */
enum status oci_client_manifest_digest(struct oci_client *client, const struct oci_reference *reference,
                                       struct oci_digest *ret_digest, struct error *err) CHECKED;

/* The manifest with the artifact's layer: of an index, the one for WebAssembly. Its text is in the arena.
 * ret_digest  of what `reference` names: of the index, if it is one */
enum status oci_client_resolve(struct oci_client *client, const struct oci_reference *reference, struct arena *arena,
                               struct oci_manifest *ret_manifest, struct oci_digest *ret_digest, struct error *err) CHECKED;

/* Downloads a blob of `reference`'s repository to the end of an empty file; path: which, for messages. A connection that drops is taken up where it broke; on
 * success the file has exactly the descriptor's size and digest, on failure anything. */
enum status oci_client_blob(struct oci_client *client, const struct oci_reference *reference, const struct oci_descriptor *blob,
                            int fd, const char *path, struct error *err) CHECKED;

/* The same into memory, for small ones: a configuration, a WIT package. */
enum status oci_client_blob_bytes(struct oci_client *client, const struct oci_reference *reference,
                                  const struct oci_descriptor *blob, struct buf *ret_bytes, struct error *err) CHECKED;

/* Uploads a file, or nothing if the registry has the blob already: in one piece, or in chunks if it is large. */
enum status oci_client_push_blob(struct oci_client *client, const struct oci_reference *reference,
                                 const struct oci_descriptor *blob, int fd, struct error *err) CHECKED;
enum status oci_client_push_bytes(struct oci_client *client, const struct oci_reference *reference, const struct oci_digest *digest,
                                  struct str bytes, struct error *err) CHECKED;

/* Stores a manifest under the reference's tag, or digest if it has no tag. */
enum status oci_client_push_manifest(struct oci_client *client, const struct oci_reference *reference, const char *media_type,
                                     struct str json, struct error *err) CHECKED;

/* The tags of `reference`'s repository, in the registry's order, all pages of them; in the arena. */
enum status oci_client_tags(struct oci_client *client, const struct oci_reference *reference, struct arena *arena,
                            struct str **ret_tags, size_t *ret_count, struct error *err) CHECKED;

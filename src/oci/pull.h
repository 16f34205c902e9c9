/* Pulling and pushing a component: what commands and hosts call.
 *
 * Both block and are meant for io_offload on a shard. What they return is verified: the file's bytes have the digest that the
 * manifest states, the manifest the one that the reference or the registry states. Whether they are a component is for the caller
 * to see. */
#pragma once

#include "oci/artifact.h"
#include "oci/cache.h"
#include "oci/client.h"

enum oci_policy {
    OCI_POLICY_ALWAYS,         /* ask the registry for the manifest; download what is not cached */
    OCI_POLICY_IF_NOT_PRESENT, /* ask it only for the manifest's digest if something is cached */
    OCI_POLICY_NEVER,          /* ask nobody */
};
bool oci_policy_parse(struct str name, enum oci_policy *ret_policy); /* "IfNotPresent", "if-not-present", any case */

struct oci_pulled {
    int fd;     /* of the artifact, for reading, at offset 0 */
    char *path; /* of the same in the cache, where another pull may replace it; NULL: not cached */
    uint64_t bytes;
    struct oci_digest digest, layer; /* of what the reference names, of the bytes */
    bool downloaded;                 /* false: the bytes were cached */
};

/* cache  NULL: none; one that fails is not used, and the pull goes on without. It is trimmed if something came into it
 * Fails: as client.h; ST_NOT_FOUND with OCI_POLICY_NEVER and nothing cached. On success oci_pulled_release is due. */
enum status oci_pull(struct oci_client *client, const struct oci_reference *reference, enum oci_policy policy,
                     struct oci_cache *cache, struct oci_pulled *ret_pulled, struct error *err) CHECKED;
void oci_pulled_release(struct oci_pulled *pulled); /* harmless on a zeroed one */

/* Uploads the file as the artifact that `options` describes. ret_digest: of the manifest. The reference must have a tag and no
 * digest (ST_INVALID). */
enum status oci_push(struct oci_client *client, const struct oci_reference *reference, int fd,
                     const struct oci_artifact_options *options, struct oci_digest *ret_digest, struct error *err) CHECKED;

/* Content digests, as registries name manifests and blobs: "sha256:" and 64 lower-case hexadecimal digits, or "sha512:" and 128.
 *
 * What we name ourselves gets SHA-256, which every registry knows. What others have named is checked by the algorithm they chose, so
 * that the same bytes can have two names: digests are compared that were made alike. Source: OCI image-spec, descriptor.md "Digests",
 * "Registered algorithms". Any thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define OCI_DIGEST_BYTES 135 /* of the longest */

struct oci_digest {
    char text[OCI_DIGEST_BYTES + 1]; /* NUL-ended; empty: none */
};

static inline struct str oci_digest_str(const struct oci_digest *digest)
{
    return str_n(digest->text, strnlen(digest->text, OCI_DIGEST_BYTES));
}

static inline bool oci_digest_eq(const struct oci_digest *a, const struct oci_digest *b)
{
    return str_eq(oci_digest_str(a), oci_digest_str(b));
}

bool oci_digest_parse(struct str text, struct oci_digest *ret_digest);
#define OCI_DIGEST_SHAPE "sha256: and 64, or sha512: and 128, hexadecimal digits in lower case" /* for messages */

bool oci_digest_is_sha256(const struct oci_digest *digest);

/* A digest in the making, of bytes that come in pieces. */
struct oci_hash {
    struct evp_md_ctx_st *context;
    const struct oci_algorithm *algorithm;
    uint64_t bytes; /* hashed so far */
};

/* like: its algorithm is used; NULL, or one that is empty: SHA-256. Here and below. */
void oci_hash_init(struct oci_hash *hash, const struct oci_digest *like);
void oci_hash_reset(struct oci_hash *hash); /* back to no bytes */
void oci_hash_update(struct oci_hash *hash, struct str bytes);
void oci_hash_finish(struct oci_hash *hash, struct oci_digest *ret_digest); /* reset or release it after */
void oci_hash_release(struct oci_hash *hash);                               /* harmless on a zeroed one */

void oci_digest_of(struct str bytes, struct oci_digest *ret_digest); /* SHA-256 */
void oci_digest_like(const struct oci_digest *like, struct str bytes, struct oci_digest *ret_digest);

/* Of the whole file, wherever its offset stands. `what` names it in messages. Fails: ST_IO. */
enum status oci_digest_of_file(int fd, const char *what, const struct oci_digest *like, struct oci_digest *ret_digest,
                               uint64_t *ret_bytes, struct error *err) CHECKED;

/* References: what people write to name an artifact in a registry.
 *
 *   ghcr.io/owner/name:1.2      localhost:5000/name@sha256:<64 hex digits>      name (docker.io/library/name:latest)
 *
 * The first part is a registry if it has a dot or a colon, or is `localhost`; otherwise the registry is docker.io, where a name of
 * one part lies under `library/`. Without tag and digest the tag is `latest`. With both, the digest decides what is pulled. Nothing
 * else is accepted: no scheme, no user, no digest but of the two algorithms (digest.h). Source: OCI distribution-spec 1.1, "Pulling manifests";
 * distribution's reference grammar for the defaults. Any thread. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define OCI_REPOSITORY_MAX 255
#define OCI_TAG_MAX 128
#define OCI_REFERENCE_MAX 1024

struct oci_reference {
    char *text;            /* the canonical text, which the rest are parts of; owned */
    struct str registry;   /* lower case: "docker.io", "localhost:5000", "[::1]:5000" */
    struct str repository; /* "library/name" */
    struct str tag;        /* empty: only a digest was given */
    struct str digest;     /* empty: none was given */
};

/* Fails: ST_INVALID; the message quotes the text and says what is wrong with it. */
enum status oci_reference_parse(struct str text, struct oci_reference *ret_reference, struct error *err) CHECKED;
void oci_reference_release(struct oci_reference *reference); /* harmless on a zeroed one */

/* A copy that names `digest` in the same repository, without a tag. */
void oci_reference_with_digest(const struct oci_reference *reference, struct str digest, struct oci_reference *ret_reference);

/* What follows /manifests/ in the registry's path: the digest if there is one, else the tag. */
static inline struct str oci_reference_target(const struct oci_reference *reference)
{
    return reference->digest.len ? reference->digest : reference->tag;
}

/* The host to connect to: docker.io is served by another. */
struct str oci_reference_host(const struct oci_reference *reference);

bool oci_repository_valid(struct str repository); /* "owner/name" */
bool oci_registry_valid(struct str registry);     /* "host", "host:port" */

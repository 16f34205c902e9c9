/* Packages in registries: their versions, the digest of one, its bytes.
 *
 * A registry is a name. What it says of itself (metadata.h) is asked for once, tells in which OCI registry its packages are, and is
 * believed in nothing else: a package is `<oci registry>/<prefix><namespace>/<name>`, tagged with its version, an artifact with one
 * layer of WebAssembly, and its digest is that layer's. Bytes are checked against it, wherever they come from. If the configuration
 * says so the registry is a folder instead (local.h), and nobody is asked.
 *
 * WKG_REGISTRY_<NAME>_AUTH_BEARER has a bearer token for the OCI registry of that name, written in capitals with `_` for all but
 * letters and digits, as in WKG_REGISTRY_GHCR_IO_AUTH_BEARER; it goes before the configuration's logins. Sessions are for one
 * thread; calls block. Source: wasm-pkg-tools, docs/registry-metadata.md; wasm-pkg-client 0.16 (lib.rs, oci/mod.rs). */
#pragma once

#include "oci/client.h"
#include "wkg/registries.h"

#define WKG_PACKAGE_MAX (64u << 20) /* bytes of one */
#define WKG_MAX_REGISTRIES 64u

struct wkg_session;

struct wkg_session_options {
    const struct wkg_registries *registries; /* borrowed */
    const char *cache;                       /* folder (store.h), borrowed; NULL: none */
    const char *user_agent;
    struct cancel cancel;
    bool interactive; /* credential helpers may ask the user on the terminal */
};

struct wkg_session *wkg_session_new(const struct wkg_session_options *options, struct arena *arena);
void wkg_session_free(struct wkg_session *session);

/* All fail as oci/client.h says, with the package in the message; ST_NOT_FOUND also if no registry is configured for it. */

/* ret_versions: the tags that are versions, in the arena, in no order. */
enum status wkg_session_versions(struct wkg_session *session, const struct wkg_package *package, struct wit_version **ret_versions,
                                 size_t *ret_count, struct error *err) CHECKED;
/* ST_NOT_FOUND: there is no such release. */
enum status wkg_session_digest(struct wkg_session *session, const struct wkg_package *package, struct str version,
                               struct oci_digest *ret_digest, struct error *err) CHECKED;
/* ret_bytes: appended to; its maximum is at least WKG_PACKAGE_MAX. From the cache if they are there: then nobody is asked. Else the
 * registry's release must have this digest: ST_INVALID names both if it does not. */
enum status wkg_session_bytes(struct wkg_session *session, const struct wkg_package *package, struct str version,
                              const struct oci_digest *digest, struct buf *ret_bytes, struct error *err) CHECKED;

/* What a registry says of itself: in which OCI registry, and where there, its packages are.
 *
 * It is a JSON document at /.well-known/wasm-pkg/registry.json; the same fields may stand in wkg's configuration. An older shape
 * names only `ociRegistry` and `ociNamespacePrefix`, which win where both are there. Nothing else of it is used, and what is used
 * is checked. A protocol that is not known is refused by who would speak it (remote.h). Source: wasm-pkg-tools, docs/registry-metadata.md. Text is in the arena; any thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include <jansson.h>

#define WKG_METADATA_PATH "/.well-known/wasm-pkg/registry.json"
#define WKG_METADATA_MAX 65536u
#define WKG_PREFIX_MAX 200u

#define WKG_BACKEND_OCI "oci"
#define WKG_BACKEND_LOCAL "local"

struct wkg_metadata {
    struct str registry; /* of OCI: "ghcr.io", "localhost:5000"; empty: the registry's own name */
    struct str prefix;   /* "owner/"; empty: none */
    struct str protocol; /* it prefers, or has as its only one; empty: it does not say */
};

/* origin: for messages. Fails: ST_INVALID. */
enum status wkg_metadata_parse(const char *origin, struct str json, struct arena *arena, struct wkg_metadata *ret_metadata,
                               struct error *err) CHECKED;
enum status wkg_metadata_decode(const char *origin, json_t *tree, struct arena *arena, struct wkg_metadata *ret_metadata,
                                struct error *err) CHECKED;

/* Whether these can be a registry and the beginning of repositories in it. Fails: ST_INVALID. */
enum status wkg_metadata_check(const char *origin, const struct wkg_metadata *metadata, struct error *err) CHECKED;

/* Of tables with one for each protocol, the key of the only one: that is the protocol then. NULL: there is none, or several. */
const char *wkg_only_table(json_t *tree);

/* Which registry has which package, and how to talk to it: wkg's own configuration, with wash's defaults under it.
 *
 * The file is the one that WKG_CONFIG_FILE names, else wasm-pkg/config.toml in the user's configuration folder:
 *
 *   default_registry = "example.com"
 *   [namespace_registries]
 *   ns = "example.com"
 *   other = { registry = "example.com", metadata = { oci = { registry = "ghcr.io", namespacePrefix = "a/" } } }
 *   [package_registry_overrides]
 *   "ns:name" = (as above)
 *   [registry."example.com".oci]
 *   auth = { username = "name", password = "word" }     or their Base64, "name:word"
 *   protocol = "http"
 *   [registry."a.name"]
 *   type = "local"                                      "oci" is the other one that is known
 *   [registry."a.name".local]
 *   root = "/path"                                      see local.h; relative to where the program runs
 *
 * A package's registry is that of the package, else of its namespace. A package of the namespaces wasi and ba is in the default
 * registry if there is one, else in a built-in one. All others are looked for in the listed registries (wit.registries), then in the
 * default one: the first that has the release keeps it.
 * Source: wasm-pkg-common 0.16 (config.rs, oci/config.rs). Text is in the arena; any thread. */
#pragma once

#include "base/vec.h"
#include "wkg/metadata.h"
#include "wkg/package.h"

#define WKG_MAX_MAPPINGS 10000u

struct wkg_mapping {
    struct str key;      /* "ns", or "ns:name" */
    struct str registry; /* a name: where its metadata is, and what the lock file says */
    bool has_metadata;   /* it is stated here: the registry is not asked */
    struct wkg_metadata metadata;
};

struct wkg_registry { /* what is stated of one */
    struct str name;
    struct str user, password; /* data NULL: none is stated */
    bool plain_http;
    struct str backend; /* "oci", "local", or one that is not known; data NULL: the registry's metadata says */
    struct str folder;  /* of backend "local" */
    struct str refused; /* why it cannot be used; data NULL: it can. That only counts when it is needed */
};

struct wkg_registries {
    struct arena *arena;
    VEC(struct wkg_mapping) mappings;
    VEC(struct wkg_registry) known;
    VEC(struct wkg_mapping) listed;      /* without keys; no name twice */
    struct wkg_mapping default_registry; /* .registry.data NULL: none */
};

/* Only the defaults. */
void wkg_registries_init(struct wkg_registries *registries, struct arena *arena);
void wkg_registries_release(struct wkg_registries *registries);

/* Puts a configuration over what is there. Fails: ST_INVALID. */
enum status wkg_registries_parse(struct wkg_registries *registries, const char *origin, struct str toml, struct error *err) CHECKED;
/* named: the user named the file, so that it must be there. */
enum status wkg_registries_read(struct wkg_registries *registries, const char *path, bool named, struct error *err) CHECKED;

/* One more mapping, instead of one with that key; text is borrowed. */
void wkg_registries_map(struct wkg_registries *registries, const struct wkg_mapping *mapping);
/* Lists a registry, with its login, which goes before one that is there. url: "ghcr.io", "https://ghcr.io", or with a path that its
 * packages are below, "ghcr.io/owner"; "http://" means plain HTTP. user, password: data NULL for none, else borrowed. Fails:
 * ST_INVALID. */
enum status wkg_registries_list(struct wkg_registries *registries, struct str url, struct str user, struct str password,
                                struct error *err) CHECKED;

/* The registry where a package is, or of several the one to ask as number `i`; NULL: there is none, or no other. Valid until
 * something is added. */
const struct wkg_mapping *wkg_registries_find(const struct wkg_registries *registries, const struct wkg_package *package, size_t i);
/* By its name. NULL: nothing is stated. */
const struct wkg_registry *wkg_registries_get(const struct wkg_registries *registries, struct str name);

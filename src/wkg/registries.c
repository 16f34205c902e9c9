#include "wkg/registries.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/url.h"
#include "config/read.h"
#include "oci/reference.h"
#include <openssl/evp.h>

/* Of wash; a user's configuration goes before them. */
static const struct wkg_mapping defaults[] = {
    {.key = STR_INIT("wasmcloud"), .registry = STR_INIT("wasmcloud.com")},
    {.key = STR_INIT("wrpc"), .registry = STR_INIT("bytecodealliance.org")},
};
/* Of wkg; the default registry goes before them. */
static const struct wkg_mapping built_in[] = {
    {.key = STR_INIT("wasi"), .registry = STR_INIT("wasi.dev")},
    {.key = STR_INIT("ba"), .registry = STR_INIT("bytecodealliance.org")},
};

void wkg_registries_init(struct wkg_registries *registries, struct arena *arena)
{
    *registries = (struct wkg_registries){.arena = arena};
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        vec_push(&registries->mappings, defaults[i]);
}

void wkg_registries_release(struct wkg_registries *registries)
{
    vec_release(&registries->mappings);
    vec_release(&registries->known);
    vec_release(&registries->listed);
}

void wkg_registries_map(struct wkg_registries *registries, const struct wkg_mapping *mapping)
{
    vec_each (there, &registries->mappings)
        if (str_eq(there->key, mapping->key)) {
            *there = *mapping;
            return;
        }
    vec_push(&registries->mappings, *mapping);
}

static const struct wkg_mapping *find_mapping(const struct wkg_registries *registries, struct str key)
{
    vec_each (mapping, &registries->mappings)
        if (str_eq(mapping->key, key))
            return mapping;
    return NULL;
}

static const struct wkg_mapping *find_built_in(struct str ns)
{
    for (size_t i = 0; i < ARRAY_LEN(built_in); i++)
        if (str_eq(built_in[i].key, ns))
            return &built_in[i];
    return NULL;
}

const struct wkg_mapping *wkg_registries_find(const struct wkg_registries *registries, const struct wkg_package *package, size_t i)
{
    const struct wkg_mapping *mapping = find_mapping(registries, package->text), *known = find_built_in(package->ns);
    const struct wkg_mapping *fallback = registries->default_registry.registry.data ? &registries->default_registry : NULL;
    if (!mapping)
        mapping = find_mapping(registries, package->ns);
    if (!mapping && known)
        mapping = fallback ? fallback : known;
    if (mapping)
        return i == 0 ? mapping : NULL;
    if (i < registries->listed.len)
        return &registries->listed.items[i];
    return i == registries->listed.len ? fallback : NULL;
}

static struct wkg_registry *find_registry(const struct wkg_registries *registries, struct str name)
{
    vec_each (registry, &registries->known)
        if (str_eq(registry->name, name))
            return registry;
    return NULL;
}

const struct wkg_registry *wkg_registries_get(const struct wkg_registries *registries, struct str name)
{
    return find_registry(registries, name);
}

static struct wkg_registry *find_or_add(struct wkg_registries *registries, struct str name)
{
    struct wkg_registry *registry = find_registry(registries, name);
    if (registry)
        return registry;
    vec_push(&registries->known, (struct wkg_registry){.name = name});
    return vec_last(&registries->known);
}

/* One that is there stays. */
static enum status add_to_list(struct wkg_registries *registries, const struct wkg_mapping *mapping, struct error *err)
{
    vec_each (there, &registries->listed) {
        if (!str_eq(there->registry, mapping->registry))
            continue;
        if (str_eq(there->metadata.prefix, mapping->metadata.prefix))
            return ST_OK;
        return fail(err, ST_INVALID, "%.*s is there twice, with different paths; wkg.lock could not tell them apart",
                    STR_ARG(mapping->registry));
    }
    if (registries->listed.len == WKG_MAX_MAPPINGS)
        return fail(err, ST_LIMIT, "there are more than %u", WKG_MAX_MAPPINGS);
    vec_push(&registries->listed, *mapping);
    return ST_OK;
}

enum status wkg_registries_list(struct wkg_registries *registries, struct str url, struct str user, struct str password,
                                struct error *err)
{
    struct str name = url;
    bool plain = str_skip(&name, STR("http://"));
    if (!plain)
        str_skip(&name, STR("https://"));
    while (str_ends(name, STR("/")))
        name.len--;
    size_t slash = str_find_char(name, '/');
    struct wkg_mapping mapping = {.registry = str_slice(name, 0, slash), .metadata = {STR(""), STR(""), STR("")}};
    struct str shown = url_shown(registries->arena, url);
    if (!oci_registry_valid(mapping.registry))
        return fail(err, ST_INVALID, "`%.*s` is no registry; write a host, as in ghcr.io", STR_ARG(shown));
    if (slash != STR_NONE) {
        mapping.has_metadata = true;
        mapping.metadata.registry = mapping.registry;
        mapping.metadata.prefix = arena_printf(registries->arena, "%.*s/", STR_ARG(str_from(name, slash + 1)));
        TRY(wkg_metadata_check(arena_printf(registries->arena, "%.*s", STR_ARG(shown)).data, &mapping.metadata, err));
    }
    TRY(add_to_list(registries, &mapping, err));
    struct wkg_registry *registry = find_or_add(registries, mapping.registry);
    if (user.data) {
        registry->user = user;
        registry->password = password;
    }
    registry->plain_http = registry->plain_http || plain;
    return ST_OK;
}

/* --- the file ----------------------------------------------------------------------------------------------------------------- */

struct config_reader {
    struct wkg_registries *registries;
    const char *origin;
    struct error *err;
};

static struct str copy(const struct config_reader *r, const char *text)
{
    return arena_str(r->registries->arena, str_of(text));
}

static enum status registry_name(const struct config_reader *r, const char *what, json_t *value, struct str *ret_name)
{
    if (!json_is_string(value) || !oci_registry_valid(str_of(json_string_value(value))))
        return fail(r->err, ST_INVALID, "%s: %s must be a registry, as in \"wasi.dev\"", r->origin, what);
    *ret_name = copy(r, json_string_value(value));
    return ST_OK;
}

static enum status decode_mapping(const struct config_reader *r, const char *key, json_t *value)
{
    struct wkg_mapping mapping = {.key = copy(r, key)};
    if (json_is_object(value)) {
        json_t *metadata = json_object_get(value, "metadata");
        mapping.has_metadata = true;
        if (wkg_metadata_decode(key, metadata, r->registries->arena, &mapping.metadata, r->err) != ST_OK)
            return fail_wrap(r->err, "%s", r->origin);
        value = json_object_get(value, "registry");
    }
    TRY(registry_name(r, key, value, &mapping.registry));
    wkg_registries_map(r->registries, &mapping);
    return ST_OK;
}

static enum status decode_mappings(const struct config_reader *r, json_t *table, bool packages)
{
    const char *key;
    json_t *value;
    struct wkg_package package;
    json_object_foreach(table, key, value)
    {
        if (packages && wkg_package_parse(str_of(key), &package, r->err) != ST_OK)
            return fail_wrap(r->err, "%s", r->origin);
        if (!packages && !wit_label_valid(str_of(key)))
            return fail(r->err, ST_INVALID, "%s: `%s` is not a namespace", r->origin, key);
        TRY(decode_mapping(r, key, value));
    }
    return ST_OK;
}

/* "name:word" in Base64. */
static enum status decode_base64(const struct config_reader *r, const char *text, struct wkg_registry *registry)
{
    size_t len = strlen(text), padded = (len + 3) / 4 * 4;
    autobuf struct buf in = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&in, "%s%.*s", text, (int)(padded - len), "===");
    char *out = arena_alloc(r->registries->arena, padded + 1);
    int decoded = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)buf_str(&in).data, (int)in.len);
    for (size_t i = in.len; decoded > 0 && i > 0 && in.data[i - 1] == '='; i--)
        decoded--;
    struct str both = str_n(out, decoded > 0 ? (size_t)decoded : 0);
    size_t colon = str_find_char(both, ':');
    if (colon == STR_NONE)
        return fail(r->err, ST_INVALID, "%s: `auth` of %.*s is not the Base64 of \"name:password\"", r->origin,
                    STR_ARG(registry->name));
    registry->user = str_slice(both, 0, colon);
    registry->password = str_from(both, colon + 1);
    return ST_OK;
}

static enum status decode_auth(const struct config_reader *r, json_t *auth, struct wkg_registry *registry)
{
    json_t *user = json_object_get(auth, "username"), *password = json_object_get(auth, "password");
    if (!auth)
        return ST_OK;
    if (json_is_string(auth))
        return decode_base64(r, json_string_value(auth), registry);
    if (!json_is_string(user) || !json_is_string(password))
        return fail(r->err, ST_INVALID, "%s: `auth` of %.*s needs `username` and `password`", r->origin, STR_ARG(registry->name));
    registry->user = copy(r, json_string_value(user));
    registry->password = copy(r, json_string_value(password));
    return ST_OK;
}

static enum status decode_protocol(const struct config_reader *r, json_t *protocol, struct wkg_registry *registry)
{
    struct str text = str_of(json_string_value(protocol));
    if (!protocol)
        return ST_OK;
    if (!str_is(text, "http") && !str_is(text, "https"))
        return fail(r->err, ST_INVALID, "%s: `protocol` of %.*s must be \"http\" or \"https\"", r->origin, STR_ARG(registry->name));
    registry->plain_http = str_is(text, "http");
    return ST_OK;
}

/* What would weaken TLS, or mean other bytes, is not passed over in silence. */
static enum status decode_oci(const struct config_reader *r, json_t *oci, struct wkg_registry *registry)
{
    if (json_is_true(json_object_get(oci, "accept_invalid_certificates")) ||
        json_array_size(json_object_get(oci, "extra_root_certificates")))
        registry->refused = STR("certificates that are trusted besides the system's go into WASH_OCI_CA_PATHS");
    TRY(decode_auth(r, json_object_get(oci, "auth"), registry));
    return decode_protocol(r, json_object_get(oci, "protocol"), registry);
}

static enum status decode_local(const struct config_reader *r, json_t *local, struct wkg_registry *registry)
{
    const char *root = json_string_value(json_object_get(local, "root"));
    if (!root || !root[0])
        return fail(r->err, ST_INVALID, "%s: registry %.*s is of type \"local\", which needs a table `local` with a path, `root`",
                    r->origin, STR_ARG(registry->name));
    registry->folder = copy(r, root);
    return ST_OK;
}

/* It is stated, or it is that of the only table. */
static enum status decode_backend(const struct config_reader *r, json_t *table, struct wkg_registry *registry)
{
    json_t *type = json_object_get(table, "default");
    const char *only = wkg_only_table(table);
    if (!type)
        type = json_object_get(table, "type");
    if (type && !json_is_string(type))
        return fail(r->err, ST_INVALID, "%s: `type` of registry %.*s must be text", r->origin, STR_ARG(registry->name));
    if (type || only)
        registry->backend = copy(r, type ? json_string_value(type) : only);
    return ST_OK;
}

static enum status decode_registry(const struct config_reader *r, const char *name, json_t *table)
{
    json_t *oci = json_object_get(table, WKG_BACKEND_OCI);
    if (!oci_registry_valid(str_of(name)) || !json_is_object(table) || (oci && !json_is_object(oci)))
        return fail(r->err, ST_INVALID, "%s: registry `%s` must be a host with a table, and so must `oci` in it", r->origin, name);
    struct wkg_registry *registry = find_or_add(r->registries, copy(r, name));
    TRY(decode_backend(r, table, registry));
    if (str_is(registry->backend, WKG_BACKEND_LOCAL))
        return decode_local(r, json_object_get(table, WKG_BACKEND_LOCAL), registry);
    return decode_oci(r, oci, registry);
}

static enum status decode_registries(const struct config_reader *r, json_t *table)
{
    const char *key;
    json_t *value;
    json_object_foreach(table, key, value) TRY(decode_registry(r, key, value));
    return ST_OK;
}

static enum status decode_key(const struct config_reader *r, const char *key, json_t *value)
{
    struct str name = str_of(key);
    if (str_is(name, "default_registry"))
        return registry_name(r, key, value, &r->registries->default_registry.registry);
    bool mappings = str_is(name, "namespace_registries"), packages = str_is(name, "package_registry_overrides");
    if (!mappings && !packages && !str_is(name, "registry"))
        return fail(r->err, ST_INVALID, "%s: `%s` is not known", r->origin, key);
    if (!json_is_object(value) || json_object_size(value) > WKG_MAX_MAPPINGS)
        return fail(r->err, ST_INVALID, "%s: `%s` must be a table of at most %u", r->origin, key, WKG_MAX_MAPPINGS);
    return mappings || packages ? decode_mappings(r, value, packages) : decode_registries(r, value);
}

enum status wkg_registries_parse(struct wkg_registries *registries, const char *origin, struct str toml, struct error *err)
{
    struct config_reader reader = {registries, origin, err};
    enum status status = ST_OK;
    const char *key;
    json_t *tree, *value;
    TRY(config_parse_toml(origin, toml, &tree, err));
    json_object_foreach(tree, key, value) if (status == ST_OK) status = decode_key(&reader, key, value);
    json_decref(tree);
    return status;
}

enum status wkg_registries_read(struct wkg_registries *registries, const char *path, bool named, struct error *err)
{
    autobuf struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
    struct error why;
    enum status status = file_read(path, &text, &why);
    if (status == ST_NOT_FOUND && !named)
        return ST_OK;
    return status == ST_OK ? wkg_registries_parse(registries, path, buf_str(&text), err) : fail(err, status, "%s", why.message);
}

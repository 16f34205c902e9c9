#include "wkg/metadata.h"
#include "base/buf.h"
#include "config/read.h"
#include "oci/reference.h"

struct metadata_reader {
    const char *origin;
    struct arena *arena;
    struct error *err;
};

/* Keeps what *ret_text is if there is nothing. JSON's null is nothing. */
static enum status take_text(struct metadata_reader *r, json_t *object, const char *key, struct str *ret_text)
{
    json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return ST_OK;
    if (!json_is_string(value))
        return fail(r->err, ST_INVALID, "%s: `%s` must be text", r->origin, key);
    *ret_text = arena_str(r->arena, str_n(json_string_value(value), json_string_length(value)));
    return ST_OK;
}

/* A prefix is what repositories begin with: "owner/", or "owner/some-". */
static bool prefix_valid(struct str prefix)
{
    autobuf struct buf repository = BUF_INIT(BUF_UNLIMITED);
    if (prefix.len > WKG_PREFIX_MAX)
        return false;
    buf_addf(&repository, "%.*sa", STR_ARG(prefix));
    return oci_repository_valid(buf_str(&repository));
}

/* What a reference begins with when it names a registry. */
static bool registry_valid(struct str name)
{
    return oci_registry_valid(name) &&
           (str_find_char(name, '.') != STR_NONE || str_find_char(name, ':') != STR_NONE || str_is(name, "localhost"));
}

enum status wkg_metadata_check(const char *origin, const struct wkg_metadata *metadata, struct error *err)
{
    if (metadata->registry.len && !registry_valid(metadata->registry))
        return fail(err, ST_INVALID, "%s: `%.*s` is no registry", origin, STR_ARG(metadata->registry));
    if (!prefix_valid(metadata->prefix))
        return fail(err, ST_INVALID, "%s: the namespace prefix `%.*s` cannot begin the name of a repository", origin,
                    STR_ARG(metadata->prefix));
    return ST_OK;
}

const char *wkg_only_table(json_t *tree)
{
    const char *key, *only = NULL;
    json_t *value;
    size_t tables = 0;
    json_object_foreach(tree, key, value) if (json_is_object(value)) only = tables++ == 0 ? key : NULL;
    return only;
}

enum status wkg_metadata_decode(const char *origin, json_t *tree, struct arena *arena, struct wkg_metadata *ret_metadata,
                                struct error *err)
{
    struct metadata_reader reader = {origin, arena, err};
    struct wkg_metadata metadata = {STR(""), STR(""), STR("")};
    json_t *oci = json_object_get(tree, WKG_BACKEND_OCI);
    const char *only = wkg_only_table(tree);
    if (!json_is_object(tree) || (oci && !json_is_object(oci)))
        return fail(err, ST_INVALID, "%s: the registry's metadata must be an object, and so must `oci` in it", origin);
    if (only)
        metadata.protocol = arena_str(arena, str_of(only));
    TRY(take_text(&reader, tree, "preferredProtocol", &metadata.protocol));
    TRY(take_text(&reader, oci, "registry", &metadata.registry));
    TRY(take_text(&reader, oci, "namespacePrefix", &metadata.prefix));
    TRY(take_text(&reader, tree, "ociRegistry", &metadata.registry));
    TRY(take_text(&reader, tree, "ociNamespacePrefix", &metadata.prefix));
    TRY(wkg_metadata_check(origin, &metadata, err));
    *ret_metadata = metadata;
    return ST_OK;
}

enum status wkg_metadata_parse(const char *origin, struct str json, struct arena *arena, struct wkg_metadata *ret_metadata,
                               struct error *err)
{
    json_t *tree;
    TRY(config_parse_json(origin, json, &tree, err));
    enum status status = wkg_metadata_decode(origin, tree, arena, ret_metadata, err);
    json_decref(tree);
    return status;
}

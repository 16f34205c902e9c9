#include "wkg/manifest.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/read.h"
#include "wkg/package.h"
#include "wkg/requirement.h"

const char *const wkg_field_names[WKG_FIELD_COUNT] = {"authors", "description", "licenses", "source", "homepage", "revision"};
/* Earlier names, which are still read. */
static const char *const field_aliases[WKG_FIELD_COUNT] = {"author", NULL, "license", "repository", NULL, NULL};

struct manifest_reader {
    const char *origin;
    struct arena *arena;
    struct wkg_manifest *manifest;
    struct error *err;
};

static enum status take_text(struct manifest_reader *r, const char *where, const char *key, json_t *value, struct str *ret_text)
{
    if (!json_is_string(value))
        return fail(r->err, ST_INVALID, "%s: %s.%s must be text", r->origin, where, key);
    *ret_text = arena_str(r->arena, str_n(json_string_value(value), json_string_length(value)));
    return ST_OK;
}

static enum status decode_requirement(struct manifest_reader *r, const char *name, json_t *value, struct str *ret_text)
{
    struct wkg_requirement requirement;
    struct str text;
    TRY(take_text(r, name, "version", value, &text));
    if (wkg_requirement_parse(text, &requirement, r->err) != ST_OK)
        return fail_wrap(r->err, "%s: %s", r->origin, name);
    *ret_text = wkg_requirement_format(&requirement, r->arena);
    return ST_OK;
}

static enum status decode_override(struct manifest_reader *r, const char *name, json_t *table, struct wkg_override *override)
{
    struct wkg_package package;
    const char *key;
    json_t *value;
    if (wkg_package_parse(str_of(name), &package, r->err) != ST_OK)
        return fail_wrap(r->err, "%s", r->origin);
    if (!json_is_object(table))
        return fail(r->err, ST_INVALID, "%s: overrides.%s must be a table with `path` or `version`", r->origin, name);
    override->package = arena_str(r->arena, str_of(name));
    json_object_foreach(table, key, value)
    {
        if (strcmp(key, "path") == 0)
            TRY(take_text(r, name, key, value, &override->path));
        else if (strcmp(key, "version") == 0)
            TRY(decode_requirement(r, name, value, &override->requirement));
        else
            return fail(r->err, ST_INVALID, "%s: overrides.%s.%s is not known", r->origin, name, key);
    }
    return ST_OK;
}

static int by_package(const void *a, const void *b)
{
    return str_compare(((const struct wkg_override *)a)->package, ((const struct wkg_override *)b)->package);
}

static enum status decode_overrides(struct manifest_reader *r, json_t *table)
{
    const char *key;
    json_t *value;
    if (!json_is_object(table) || json_object_size(table) > WKG_MAX_OVERRIDES)
        return fail(r->err, ST_INVALID, "%s: `overrides` must be a table of at most %u", r->origin, WKG_MAX_OVERRIDES);
    r->manifest->overrides = ARENA_ARRAY(r->arena, struct wkg_override, json_object_size(table) + 1);
    json_object_foreach(table, key, value)
        TRY(decode_override(r, key, value, &r->manifest->overrides[r->manifest->override_count++]));
    qsort(r->manifest->overrides, r->manifest->override_count, sizeof *r->manifest->overrides, by_package);
    return ST_OK;
}

static enum status decode_metadata(struct manifest_reader *r, json_t *table)
{
    const char *key;
    json_t *value;
    if (!json_is_object(table))
        return fail(r->err, ST_INVALID, "%s: `metadata` must be a table", r->origin);
    json_object_foreach(table, key, value)
    {
        size_t i = 0;
        while (i < WKG_FIELD_COUNT && strcmp(key, wkg_field_names[i]) != 0 &&
               !(field_aliases[i] && strcmp(key, field_aliases[i]) == 0))
            i++;
        if (i == WKG_FIELD_COUNT)
            return fail(r->err, ST_INVALID, "%s: metadata.%s is not known", r->origin, key);
        TRY(take_text(r, "metadata", key, value, &r->manifest->fields[i]));
    }
    return ST_OK;
}

/* What else is in it is for publishing. */
static enum status decode_workspace(struct manifest_reader *r, json_t *table)
{
    json_t *members = json_object_get(table, "members");
    size_t count = json_array_size(members);
    if (!json_is_object(table) || (members && !json_is_array(members)) || count > WKG_MAX_MEMBERS)
        return fail(r->err, ST_INVALID, "%s: `workspace` must be a table with `members`, a list of at most %u", r->origin,
                    WKG_MAX_MEMBERS);
    r->manifest->members = ARENA_ARRAY(r->arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++)
        TRY(take_text(r, "workspace", "members[]", json_array_get(members, i), &r->manifest->members[i]));
    r->manifest->member_count = count;
    return ST_OK;
}

static enum status decode(struct manifest_reader *r, json_t *tree)
{
    const char *key;
    json_t *value;
    if (json_object_get(tree, "workspace") && (json_object_get(tree, "overrides") || json_object_get(tree, "metadata")))
        return fail(r->err, ST_INVALID, "%s: `workspace` goes with neither `overrides` nor `metadata`", r->origin);
    json_object_foreach(tree, key, value)
    {
        if (strcmp(key, "overrides") == 0)
            TRY(decode_overrides(r, value));
        else if (strcmp(key, "metadata") == 0)
            TRY(decode_metadata(r, value));
        else if (strcmp(key, "workspace") == 0)
            TRY(decode_workspace(r, value));
        else
            return fail(r->err, ST_INVALID, "%s: `%s` is not known", r->origin, key);
    }
    return ST_OK;
}

enum status wkg_manifest_parse(const char *origin, struct str toml, struct arena *arena, struct wkg_manifest *ret_manifest,
                               struct error *err)
{
    struct wkg_manifest manifest = {0};
    struct manifest_reader reader = {origin, arena, &manifest, err};
    json_t *tree;
    TRY(config_parse_toml(origin, toml, &tree, err));
    enum status status = decode(&reader, tree);
    json_decref(tree);
    if (status == ST_OK)
        *ret_manifest = manifest;
    return status;
}

enum status wkg_manifest_read(const char *path, struct arena *arena, struct wkg_manifest *ret_manifest, struct error *err)
{
    autobuf struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
    struct error why;
    enum status status = file_read(path, &text, &why);
    if (status == ST_NOT_FOUND) {
        *ret_manifest = (struct wkg_manifest){0};
        return ST_OK;
    }
    return status == ST_OK ? wkg_manifest_parse(path, buf_str(&text), arena, ret_manifest, err)
                           : fail(err, status, "%s", why.message);
}

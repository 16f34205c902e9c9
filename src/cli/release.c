/* Releases and their manifests; see release.h. */
#include "cli/release.h"
#include "base/mem.h"
#include <jansson.h>
#include <openssl/evp.h>

#define MAX_ASSETS 1000
#define PRODUCT "wash"

/* --- the API's answer --------------------------------------------------------------------------------------------------------- */

static struct str json_text(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_string(value) ? str_n(json_string_value(value), json_string_length(value)) : STR_NULL;
}

static bool within_reach(const struct cli_version *version, enum release_reach reach, const struct cli_version *current)
{
    bool same_major = version->major == current->major, same_minor = version->minor == current->minor;
    return reach >= RELEASE_MAJOR || reach == RELEASE_LATEST || (same_major && (reach == RELEASE_MINOR || same_minor));
}

static enum status take_assets(json_t *object, struct arena *arena, struct release *release, struct error *err)
{
    json_t *assets = json_object_get(object, "assets"), *asset;
    size_t index;
    if (json_array_size(assets) > MAX_ASSETS)
        return fail(err, ST_LIMIT, "the release has more than %d files", MAX_ASSETS);
    release->assets = ARENA_ARRAY(arena, struct release_asset, json_array_size(assets));
    json_array_foreach(assets, index, asset)
    {
        json_t *id = json_object_get(asset, "id");
        struct str name = json_text(asset, "name");
        if (name.data && json_is_integer(id) && json_integer_value(id) > 0)
            release->assets[release->asset_count++] =
                (struct release_asset){arena_str(arena, name), (uint64_t)json_integer_value(id)};
    }
    return ST_OK;
}

/* A tag is shown, and goes into messages: it is taken only if it is a version. */
static bool take_version(json_t *object, struct arena *arena, struct release *release)
{
    struct str tag = json_text(object, "tag_name");
    release->tag = arena_str(arena, tag);
    return tag.data && tag.len <= 256 && cli_version_parse(release->tag, &release->version);
}

static json_t *newest(json_t *list, enum release_reach reach, const struct cli_version *current, struct arena *arena)
{
    json_t *object, *best = NULL;
    struct release candidate = {0}, best_release = {0};
    size_t index;
    json_array_foreach(list, index, object)
    {
        bool stable = !json_is_true(json_object_get(object, "draft")) && !json_is_true(json_object_get(object, "prerelease"));
        if (!stable || !take_version(object, arena, &candidate) || candidate.version.prerelease.len > 0)
            continue;
        if (within_reach(&candidate.version, reach, current) &&
            (!best || cli_version_compare(&candidate.version, &best_release.version) > 0)) {
            best = object;
            best_release = candidate;
        }
    }
    return best;
}

static enum status parse_tree(json_t *tree, enum release_reach reach, const struct cli_version *current, struct arena *arena,
                              struct release *ret_release, struct error *err)
{
    struct release release = {0};
    json_t *object = json_is_array(tree) ? newest(tree, reach, current, arena) : tree;
    if (!object)
        return fail(err, ST_NOT_FOUND, "no release is within reach");
    if (!json_is_object(object) || !take_version(object, arena, &release))
        return fail(err, ST_INVALID, "the latest release is not named by a version");
    TRY(take_assets(object, arena, &release, err));
    *ret_release = release;
    return ST_OK;
}

enum status release_parse(struct str json, enum release_reach reach, const struct cli_version *current, struct arena *arena,
                          struct release *ret_release, struct error *err)
{
    json_error_t problem;
    json_t *tree = json.len <= RELEASE_LIST_MAX_BYTES ? json_loadb(json.data, json.len, 0, &problem) : NULL;
    if (!tree)
        return fail(err, ST_INVALID, "the answer is not a release: it is not JSON");
    enum status status = parse_tree(tree, reach, current, arena, ret_release, err);
    json_decref(tree);
    return status;
}

const struct release_asset *release_asset(const struct release *release, struct str name)
{
    for (size_t i = 0; i < release->asset_count; i++)
        if (str_eq(release->assets[i].name, name))
            return &release->assets[i];
    return NULL;
}

/* --- the manifest ------------------------------------------------------------------------------------------------------------- */

static EVP_PKEY *read_key(struct str base64)
{
    unsigned char raw[64];
    if (base64.len != (RELEASE_KEY_BYTES + 2) / 3 * 4)
        return NULL;
    /* The padding counts as bytes for this function. */
    int len = EVP_DecodeBlock(raw, (const unsigned char *)base64.data, (int)base64.len);
    return len < RELEASE_KEY_BYTES ? NULL : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, RELEASE_KEY_BYTES);
}

enum status release_check_signature(struct str manifest, struct str signature, struct str key, struct error *err)
{
    EVP_PKEY *public = read_key(key);
    if (!public)
        return fail(err, ST_INVALID, "the key for updates that this wash was built with is not an Ed25519 key");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && signature.len == RELEASE_SIGNATURE_BYTES &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.len,
                                 (const unsigned char *)manifest.data, manifest.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    return good ? ST_OK : fail(err, ST_DENIED, "the manifest of the release is not signed by the key of this wash");
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_sha256(struct str hex, uint8_t ret_hash[32])
{
    if (hex.len != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum status find_file(json_t *tree, struct str name, struct release_file *ret_file, struct error *err)
{
    json_t *file;
    size_t index;
    json_array_foreach(json_object_get(tree, "files"), index, file)
    {
        json_t *size = json_object_get(file, "size");
        struct release_file found;
        if (!str_eq(json_text(file, "name"), name))
            continue;
        if (!json_is_integer(size) || json_integer_value(size) <= 0 ||
            json_integer_value(size) > (json_int_t)RELEASE_FILE_MAX_BYTES || !parse_sha256(json_text(file, "sha256"), found.sha256))
            return fail(err, ST_INVALID, "the manifest of the release does not describe %.*s", STR_ARG(name));
        found.size = (uint64_t)json_integer_value(size);
        *ret_file = found;
        return ST_OK;
    }
    return fail(err, ST_NOT_FOUND, "the manifest of the release does not name %.*s", STR_ARG(name));
}

static enum status check_manifest(json_t *tree, const struct cli_version *version, struct error *err)
{
    struct cli_version named;
    struct str text = json_text(tree, "version");
    if (!str_is(json_text(tree, "product"), PRODUCT))
        return fail(err, ST_DENIED, "the manifest of the release is not one of " PRODUCT);
    if (!cli_version_parse(text, &named) || cli_version_compare(&named, version) != 0)
        return fail(err, ST_DENIED, "the manifest of the release is one of version %.*s", (int)MIN(text.len, 64),
                    text.data ? text.data : "");
    return ST_OK;
}

enum status release_manifest_file(struct str manifest, const struct cli_version *version, struct str name,
                                  struct release_file *ret_file, struct error *err)
{
    json_error_t problem;
    json_t *tree = manifest.len <= RELEASE_MANIFEST_MAX_BYTES
                       ? json_loadb(manifest.data, manifest.len, JSON_REJECT_DUPLICATES, &problem)
                       : NULL;
    if (!tree)
        return fail(err, ST_INVALID, "the manifest of the release is not JSON");
    enum status status = check_manifest(tree, version, err);
    if (status == ST_OK)
        status = find_file(tree, name, ret_file, err);
    json_decref(tree);
    return status;
}

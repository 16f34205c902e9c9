#include "oci/manifest.h"
#include "base/buf.h"
#include "base/mem.h"
#include <jansson.h>

#define MEDIA_TYPE_MAX 255
#define SHOWN_MAX 5 /* platforms or layer types in a message */

struct reader {
    struct arena *arena;
    struct error *err;
};

/* --- parts ------------------------------------------------------------------------------------------------------------------- */

/* Copies text of at most `max` bytes; empty where it is not there. */
static enum status read_text(struct reader *reader, json_t *object, const char *name, size_t max, struct str *ret_text)
{
    json_t *value = json_object_get(object, name);
    *ret_text = STR("");
    if (!value || json_is_null(value))
        return ST_OK;
    if (!json_is_string(value))
        return fail(reader->err, ST_INVALID, "`%s` is not text", name);
    size_t len = json_string_length(value);
    if (len > max)
        return fail(reader->err, ST_LIMIT, "`%s` has %zu bytes, more than %zu", name, len, max);
    char *copy = arena_try(reader->arena, len + 1, 1);
    if (!copy)
        return fail(reader->err, ST_LIMIT, "it has too much text");
    memcpy(copy, json_string_value(value), len);
    *ret_text = str_n(copy, len);
    return ST_OK;
}

static bool media_type_valid(struct str type)
{
    for (size_t i = 0; i < type.len; i++)
        if ((unsigned char)type.data[i] <= ' ' || (unsigned char)type.data[i] >= 0x7f)
            return false;
    return type.len > 0;
}

static enum status read_descriptor(struct reader *reader, json_t *object, struct oci_descriptor *ret_descriptor)
{
    struct oci_descriptor descriptor = {0};
    struct str digest;
    json_t *size = json_object_get(object, "size"), *platform = json_object_get(object, "platform");
    if (!json_is_object(object))
        return fail(reader->err, ST_INVALID, "a descriptor is not an object");
    TRY(read_text(reader, object, "mediaType", MEDIA_TYPE_MAX, &descriptor.media_type));
    TRY(read_text(reader, object, "digest", 256, &digest));
    TRY(read_text(reader, platform, "os", 128, &descriptor.os));
    TRY(read_text(reader, platform, "architecture", 128, &descriptor.architecture));
    if (!media_type_valid(descriptor.media_type))
        return fail(reader->err, ST_INVALID, "a descriptor has no valid `mediaType`");
    if (!oci_digest_parse(digest, &descriptor.digest))
        return fail(reader->err, ST_INVALID, "a descriptor's `digest` is not " OCI_DIGEST_SHAPE);
    if (!json_is_integer(size) || json_integer_value(size) < 0 || (uint64_t)json_integer_value(size) > OCI_BLOB_MAX_BYTES)
        return fail(reader->err, ST_INVALID, "a descriptor's `size` is not a number of bytes");
    descriptor.size = (uint64_t)json_integer_value(size);
    *ret_descriptor = descriptor;
    return ST_OK;
}

static enum status read_items(struct reader *reader, json_t *array, const char *name, struct oci_manifest *manifest)
{
    if (!json_is_array(array))
        return fail(reader->err, ST_INVALID, "`%s` is not a list", name);
    size_t count = json_array_size(array);
    if (count > OCI_MANIFEST_MAX_ITEMS)
        return fail(reader->err, ST_LIMIT, "`%s` has %zu items, more than %u", name, count, OCI_MANIFEST_MAX_ITEMS);
    manifest->items = arena_try(reader->arena, MAX(count, 1) * sizeof *manifest->items, sizeof(void *));
    if (!manifest->items)
        return fail(reader->err, ST_LIMIT, "`%s` is too long", name);
    for (size_t i = 0; i < count; i++)
        TRY(read_descriptor(reader, json_array_get(array, i), &manifest->items[i]));
    manifest->count = count;
    return ST_OK;
}

static enum status read_annotations(struct reader *reader, json_t *object, struct oci_manifest *manifest)
{
    const char *name;
    json_t *value;
    size_t count = json_object_size(object), at = 0;
    if (!object || json_is_null(object))
        return ST_OK;
    if (!json_is_object(object) || count > OCI_MANIFEST_MAX_ITEMS)
        return fail(reader->err, ST_INVALID, "`annotations` is not an object of at most %u entries", OCI_MANIFEST_MAX_ITEMS);
    manifest->annotations = arena_try(reader->arena, MAX(count, 1) * sizeof *manifest->annotations, sizeof(void *));
    if (!manifest->annotations)
        return fail(reader->err, ST_LIMIT, "it has too many annotations");
    json_object_foreach(object, name, value)
    {
        struct oci_annotation *annotation = &manifest->annotations[at];
        size_t len = strlen(name);
        char *copy = arena_try(reader->arena, len + 1, 1);
        if (!copy)
            return fail(reader->err, ST_LIMIT, "it has too many annotations");
        memcpy(copy, name, len);
        annotation->name = str_n(copy, len);
        TRY(read_text(reader, object, name, OCI_MANIFEST_MAX_BYTES, &annotation->value));
        at++;
    }
    manifest->annotation_count = at;
    return ST_OK;
}

/* --- the document ------------------------------------------------------------------------------------------------------------ */

static bool is_known(struct str type, bool *ret_is_index)
{
    *ret_is_index = str_is(type, OCI_TYPE_INDEX) || str_is(type, OCI_TYPE_DOCKER_INDEX);
    return *ret_is_index || str_is(type, OCI_TYPE_IMAGE) || str_is(type, OCI_TYPE_DOCKER_IMAGE);
}

/* The document's own type counts; a registry that calls it something else is refused. */
static enum status decide_kind(struct reader *reader, json_t *document, struct str content_type, struct oci_manifest *manifest)
{
    bool header_is_index, has_layers = json_object_get(document, "layers"), has_manifests = json_object_get(document, "manifests");
    struct str header = str_trim(str_slice(content_type, 0, MIN(str_find_char(content_type, ';'), content_type.len)));
    bool header_known = is_known(header, &header_is_index);
    TRY(read_text(reader, document, "mediaType", MEDIA_TYPE_MAX, &manifest->media_type));
    if (has_layers && has_manifests)
        return fail(reader->err, ST_INVALID, "it has both `layers` and `manifests`");
    if (!manifest->media_type.len && header_known)
        manifest->media_type = arena_str(reader->arena, header);
    if (!manifest->media_type.len)
        manifest->media_type = has_manifests ? STR(OCI_TYPE_INDEX) : STR(OCI_TYPE_IMAGE);
    if (!is_known(manifest->media_type, &manifest->is_index))
        return fail(reader->err, ST_UNSUPPORTED, "its `mediaType` is not a kind of manifest that is known");
    if (header_known && !str_eq(header, manifest->media_type))
        return fail(reader->err, ST_INVALID, "the registry calls it %.*s, it calls itself %.*s", STR_ARG(header),
                    STR_ARG(manifest->media_type));
    return ST_OK;
}

static enum status read_document(struct reader *reader, json_t *document, struct str content_type, struct oci_manifest *manifest)
{
    if (!json_is_object(document))
        return fail(reader->err, ST_INVALID, "it is not a JSON object");
    if (json_integer_value(json_object_get(document, "schemaVersion")) != 2)
        return fail(reader->err, ST_UNSUPPORTED, "its `schemaVersion` is not 2");
    TRY(decide_kind(reader, document, content_type, manifest));
    if (manifest->is_index) {
        TRY(read_items(reader, json_object_get(document, "manifests"), "manifests", manifest));
    } else {
        TRY(read_descriptor(reader, json_object_get(document, "config"), &manifest->config));
        TRY(read_items(reader, json_object_get(document, "layers"), "layers", manifest));
    }
    return read_annotations(reader, json_object_get(document, "annotations"), manifest);
}

enum status oci_manifest_parse(struct str json, struct str content_type, struct arena *arena, struct oci_manifest *ret_manifest,
                               struct error *err)
{
    struct reader reader = {arena, err};
    struct oci_manifest manifest = {0};
    json_error_t problem;
    if (json.len > OCI_MANIFEST_MAX_BYTES)
        return fail(err, ST_LIMIT, "the manifest has %zu bytes, more than %u", json.len, OCI_MANIFEST_MAX_BYTES);
    json_t *document = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, &problem);
    if (!document)
        return fail(err, ST_INVALID, "the manifest is not JSON: line %d: %s", problem.line, problem.text);
    enum status status = read_document(&reader, document, content_type, &manifest);
    json_decref(document);
    if (status != ST_OK) {
        fail_wrap(err, "the manifest is refused");
        return status;
    }
    *ret_manifest = manifest;
    return ST_OK;
}

/* --- choosing ---------------------------------------------------------------------------------------------------------------- */

/* 0: not for WebAssembly. */
static int preference(const struct oci_descriptor *entry)
{
    bool is_index;
    if (!str_is(entry->architecture, "wasm") || !is_known(entry->media_type, &is_index) || is_index)
        return 0;
    return str_is(entry->os, "wasip2") ? 3 : str_is(entry->os, "wasip1") ? 2 : 1;
}

static void list_text(struct buf *list, struct str text)
{
    buf_add(list, list->len ? STR(", ") : STR(""));
    if (buf_append_escaped(list, text) != ST_OK)
        bug("escape");
}

enum status oci_index_select(const struct oci_manifest *index, const struct oci_descriptor **ret_entry, struct error *err)
{
    const struct oci_descriptor *best = NULL;
    autobuf struct buf seen = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < index->count; i++) {
        const struct oci_descriptor *entry = &index->items[i];
        if (preference(entry) > (best ? preference(best) : 0))
            best = entry;
        if (i < SHOWN_MAX) {
            list_text(&seen, entry->os.len ? entry->os : STR("?"));
            buf_addf(&seen, "/");
            if (buf_append_escaped(&seen, entry->architecture.len ? entry->architecture : STR("?")) != ST_OK)
                bug("escape");
        }
    }
    if (!best)
        return fail(err, ST_NOT_FOUND, "the index has no manifest for WebAssembly, only for: %s%s",
                    seen.len ? seen.data : "nothing", index->count > SHOWN_MAX ? ", ..." : "");
    *ret_entry = best;
    return ST_OK;
}

enum status oci_manifest_wasm_layer(const struct oci_manifest *manifest, const struct oci_descriptor **ret_layer, struct error *err)
{
    autobuf struct buf seen = BUF_INIT(BUF_UNLIMITED);
    if (manifest->is_index)
        return fail(err, ST_UNSUPPORTED, "it is an index of manifests");
    for (size_t i = 0; i < MIN(manifest->count, (size_t)SHOWN_MAX); i++)
        list_text(&seen, manifest->items[i].media_type);
    const struct str type = manifest->count ? manifest->items[0].media_type : STR("");
    if (manifest->count != 1 || !(str_is(type, OCI_TYPE_WASM) || str_is(type, OCI_TYPE_WASM_LEGACY)))
        return fail(err, ST_UNSUPPORTED, "it is not a WebAssembly artifact: that has one layer of type %s, this has %zu: %s",
                    OCI_TYPE_WASM, manifest->count, seen.len ? seen.data : "none");
    *ret_layer = &manifest->items[0];
    return ST_OK;
}

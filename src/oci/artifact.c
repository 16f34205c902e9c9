#include "oci/artifact.h"
#include "base/mem.h"
#include <inttypes.h>

/* The buffers are bounded: the first append that does not fit makes the rest fail as well, and the last is looked at. */
static enum status add_text(struct buf *json, const char *before, struct str text)
{
    TRY(buf_append_str(json, str_of(before)));
    return buf_append_json(json, text);
}

static enum status add_optional(struct buf *json, const char *before, struct str text)
{
    return text.len ? add_text(json, before, text) : buf_printf(json, "%snull", before);
}

static enum status add_list(struct buf *json, const char *before, const struct str *items, size_t count)
{
    TRY(buf_append_str(json, str_of(before)));
    for (size_t i = 0; i < count; i++)
        TRY(add_text(json, i ? "," : "", items[i]));
    return buf_append_char(json, ']');
}

static enum status write_config(const struct oci_artifact_options *options, const struct oci_digest *layer, struct buf *json)
{
    TRY(add_text(json, "{\"created\":", options->created));
    TRY(add_optional(json, ",\"author\":", options->author));
    TRY(buf_printf(json, ",\"architecture\":\"wasm\",\"os\":\"%s\",\"layerDigests\":[\"%s\"]",
                   options->is_module ? "wasip1" : "wasip2", layer->text));
    if (options->is_module)
        return buf_append_str(json, STR(",\"component\":null}"));
    TRY(add_list(json, ",\"component\":{\"exports\":[", options->exports, options->export_count));
    TRY(add_list(json, ",\"imports\":[", options->imports, options->import_count));
    TRY(add_optional(json, ",\"target\":", options->target));
    return buf_append_str(json, STR("}}"));
}

static int by_name(const void *a, const void *b)
{
    const struct oci_annotation *left = a, *right = b;
    return str_compare(left->name, right->name);
}

static enum status write_annotations(const struct oci_artifact_options *options, struct buf *json)
{
    if (options->annotation_count == 0)
        return ST_OK;
    autofree struct oci_annotation *sorted = mem_array(options->annotation_count, sizeof *sorted);
    memcpy(sorted, options->annotations, options->annotation_count * sizeof *sorted);
    qsort(sorted, options->annotation_count, sizeof *sorted, by_name);
    for (size_t i = 0; i < options->annotation_count; i++) {
        TRY(add_text(json, i ? "," : "\"annotations\":{", sorted[i].name));
        TRY(add_text(json, ":", sorted[i].value));
    }
    return buf_append_str(json, STR("},"));
}

static enum status write_descriptor(struct buf *json, const char *type, const struct oci_digest *digest, uint64_t size)
{
    return buf_printf(json, "{\"digest\":\"%s\",\"mediaType\":\"%s\",\"size\":%" PRIu64 "}", digest->text, type, size);
}

static enum status write_manifest(const struct oci_artifact_options *options, const struct oci_digest *layer, uint64_t layer_bytes,
                                  struct oci_artifact *artifact)
{
    struct buf *json = &artifact->manifest;
    TRY(buf_append_char(json, '{'));
    TRY(write_annotations(options, json));
    TRY(buf_append_str(json, STR("\"config\":")));
    TRY(write_descriptor(json, OCI_TYPE_WASM_CONFIG, &artifact->config_digest, artifact->config.len));
    TRY(buf_append_str(json, STR(",\"layers\":[")));
    TRY(write_descriptor(json, OCI_TYPE_WASM, layer, layer_bytes));
    return buf_append_str(json, STR("],\"mediaType\":\"" OCI_TYPE_IMAGE "\",\"schemaVersion\":2}"));
}

enum status oci_artifact_build(const struct oci_artifact_options *options, const struct oci_digest *layer, uint64_t layer_bytes,
                               struct oci_artifact *ret_artifact, struct error *err)
{
    struct oci_artifact artifact = {.config = BUF_INIT(OCI_MANIFEST_MAX_BYTES), .manifest = BUF_INIT(OCI_MANIFEST_MAX_BYTES)};
    enum status status = write_config(options, layer, &artifact.config);
    if (status == ST_OK) {
        oci_digest_of(buf_str(&artifact.config), &artifact.config_digest);
        status = write_manifest(options, layer, layer_bytes, &artifact);
    }
    if (status != ST_OK) {
        oci_artifact_release(&artifact);
        return fail(err, status, "the component's description has more than %u bytes", OCI_MANIFEST_MAX_BYTES);
    }
    oci_digest_of(buf_str(&artifact.manifest), &artifact.manifest_digest);
    *ret_artifact = artifact;
    return ST_OK;
}

void oci_artifact_release(struct oci_artifact *artifact)
{
    buf_release(&artifact->config);
    buf_release(&artifact->manifest);
}

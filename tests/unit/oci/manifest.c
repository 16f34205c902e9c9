#include "oci/manifest.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONFIG "\"config\":{\"mediaType\":\"application/vnd.wasm.config.v0+json\",\"digest\":\"" D1 "\",\"size\":2}"
#define LAYER(type) "{\"mediaType\":\"" type "\",\"digest\":\"" D2 "\",\"size\":8}"
#define IMAGE(layers) "{\"schemaVersion\":2," CONFIG ",\"layers\":[" layers "]}"
#define ENTRY(platform) "{\"mediaType\":\"" OCI_TYPE_IMAGE "\",\"digest\":\"" D2 "\",\"size\":8" platform "}"
#define PLATFORM(os, architecture) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" architecture "\"}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

struct parsed {
    struct arena arena;
    struct oci_manifest manifest;
    struct error err;
};

static enum status parse(struct parsed *parsed, const char *json, const char *type)
{
    *parsed = (struct parsed){0};
    arena_init(&parsed->arena, 1 << 20);
    return oci_manifest_parse(str_of(json), str_of(type), &parsed->arena, &parsed->manifest, &parsed->err);
}

TEST(image)
{
    struct parsed parsed;
    const struct oci_descriptor *layer;
    CHECK_EQ(parse(&parsed, IMAGE(LAYER("application/wasm")), OCI_TYPE_IMAGE), ST_OK);
    CHECK(!parsed.manifest.is_index);
    CHECK_STR(parsed.manifest.media_type, OCI_TYPE_IMAGE);
    CHECK_STR(oci_digest_str(&parsed.manifest.config.digest), D1);
    CHECK_EQ(oci_manifest_wasm_layer(&parsed.manifest, &layer, NULL), ST_OK);
    CHECK_STR(oci_digest_str(&layer->digest), D2);
    CHECK_EQ(layer->size, 8);
    arena_release(&parsed.arena);
}

TEST(annotations)
{
    struct parsed parsed;
    CHECK_EQ(parse(&parsed, "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"annotations\":{\"a\":\"b\"}}", ""), ST_OK);
    CHECK_EQ(parsed.manifest.annotation_count, 1);
    CHECK_STR(parsed.manifest.annotations[0].name, "a");
    CHECK_STR(parsed.manifest.annotations[0].value, "b");
    arena_release(&parsed.arena);
}

TEST(layer_types)
{
    static const struct {
        const char *json;
        enum status status;
    } cases[] = {
        {IMAGE(LAYER(OCI_TYPE_WASM)), ST_OK},
        {IMAGE(LAYER(OCI_TYPE_WASM_LEGACY)), ST_OK},
        {IMAGE(LAYER("application/vnd.oci.image.layer.v1.tar+gzip")), ST_UNSUPPORTED},
        {IMAGE(""), ST_UNSUPPORTED},
        {IMAGE(LAYER(OCI_TYPE_WASM) "," LAYER(OCI_TYPE_WASM)), ST_UNSUPPORTED},
        {IMAGE(LAYER("text/plain") "," LAYER(OCI_TYPE_WASM)), ST_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed parsed;
        const struct oci_descriptor *layer;
        CHECK_EQ(parse(&parsed, cases[i].json, OCI_TYPE_DOCKER_IMAGE), ST_OK);
        CHECK_STR(parsed.manifest.media_type, OCI_TYPE_DOCKER_IMAGE);
        CHECK_EQ(oci_manifest_wasm_layer(&parsed.manifest, &layer, &parsed.err), cases[i].status);
        arena_release(&parsed.arena);
    }
}

TEST(index_choice)
{
    static const struct {
        const char *json;
        int chosen; /* -1: none */
    } cases[] = {
        {INDEX(ENTRY(PLATFORM("linux", "amd64")) "," ENTRY(PLATFORM("wasip1", "wasm")) "," ENTRY(PLATFORM("wasip2", "wasm"))), 2},
        {INDEX(ENTRY(PLATFORM("wasip1", "wasm")) "," ENTRY(PLATFORM("linux", "amd64"))), 0},
        {INDEX(ENTRY(PLATFORM("wasi", "wasm"))), 0},
        {INDEX(ENTRY(PLATFORM("linux", "amd64"))), -1},
        {INDEX(ENTRY("")), -1},
        {INDEX(""), -1},
        {INDEX("{\"mediaType\":\"" OCI_TYPE_INDEX "\",\"digest\":\"" D2 "\",\"size\":8" PLATFORM("wasip2", "wasm") "}"), -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed parsed;
        const struct oci_descriptor *entry = NULL;
        CHECK_EQ(parse(&parsed, cases[i].json, OCI_TYPE_INDEX), ST_OK);
        CHECK(parsed.manifest.is_index);
        enum status status = oci_index_select(&parsed.manifest, &entry, &parsed.err);
        CHECK_EQ(status, cases[i].chosen < 0 ? ST_NOT_FOUND : ST_OK);
        if (status == ST_OK)
            CHECK_EQ(entry - parsed.manifest.items, cases[i].chosen);
        arena_release(&parsed.arena);
    }
}

TEST(index_names_what_there_is)
{
    struct parsed parsed;
    const struct oci_descriptor *entry;
    CHECK_EQ(parse(&parsed, INDEX(ENTRY(PLATFORM("linux", "arm\\u001b64")) "," ENTRY("")), ""), ST_OK);
    CHECK_EQ(oci_index_select(&parsed.manifest, &entry, &parsed.err), ST_NOT_FOUND);
    CHECK(strstr(parsed.err.message, "linux/arm\\x1b64, ?/?"));
    arena_release(&parsed.arena);
}

TEST(refused)
{
    static const struct {
        const char *json, *type;
        enum status status;
    } cases[] = {
        {"", "", ST_INVALID},
        {"[]", "", ST_INVALID},
        {"{}", "", ST_UNSUPPORTED},
        {"{\"schemaVersion\":1}", "", ST_UNSUPPORTED},
        {"{\"schemaVersion\":2}", "", ST_INVALID},
        {"{\"schemaVersion\":2,\"layers\":[]}", "", ST_INVALID},
        {"{\"schemaVersion\":2,\"mediaType\":\"application/x\"," CONFIG ",\"layers\":[]}", "", ST_UNSUPPORTED},
        {"{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]," CONFIG "}", "", ST_INVALID},
        {"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_INDEX "\",\"manifests\":[]}", OCI_TYPE_IMAGE, ST_INVALID},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"\",\"digest\":\"" D1 "\",\"size\":1}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\\nb\",\"digest\":\"" D1 "\",\"size\":1}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\",\"digest\":\"sha256:1\",\"size\":1}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\",\"digest\":\"sha512:1\",\"size\":1}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\",\"digest\":\"" D1 "\",\"size\":-1}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\",\"digest\":\"" D1 "\",\"size\":1.5}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\",\"digest\":\"" D1 "\",\"size\":9223372036854775807}"), "", ST_INVALID},
        {IMAGE("{\"mediaType\":\"a\",\"digest\":\"" D1 "\"}"), "", ST_INVALID},
        {"{\"schemaVersion\":2,\"schemaVersion\":2," CONFIG ",\"layers\":[]}", "", ST_INVALID},
        {"{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"annotations\":{\"a\":1}}", "", ST_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parsed parsed;
        CHECK(parse(&parsed, cases[i].json, cases[i].type) == cases[i].status ||
              tap_fail(__FILE__, __LINE__, "%s: %s", cases[i].json, parsed.err.message));
        CHECK(parsed.err.message[0]);
        arena_release(&parsed.arena);
    }
}

TEST(count_is_bounded)
{
    struct parsed parsed;
    autobuf struct buf json = BUF_INIT(BUF_UNLIMITED);
    buf_add(&json, STR("{\"schemaVersion\":2," CONFIG ",\"layers\":["));
    for (unsigned i = 0; i <= OCI_MANIFEST_MAX_ITEMS; i++)
        buf_addf(&json, "%s%s", i ? "," : "", LAYER("a"));
    buf_add(&json, STR("]}"));
    CHECK_EQ(parse(&parsed, json.data, ""), ST_LIMIT);
    arena_release(&parsed.arena);
}

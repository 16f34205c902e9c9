#include "oci/metadata.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

#define COMPONENT "\0asm\x0d\0\1\0"
#define MODULE "\0asm\1\0\0\0"

static void add_section(struct buf *wasm, const char *name, struct str content)
{
    buf_addf(wasm, "%c%c%c%s", 1, (int)(1 + strlen(name) + content.len), (int)strlen(name), name);
    wasm->data[wasm->len - strlen(name) - 3] = 0; /* custom */
    buf_add(wasm, content);
}

TEST(sections_become_annotations)
{
    static const char *const names[] = {"org.opencontainers.image.authors",  "org.opencontainers.image.description",
                                        "org.opencontainers.image.licenses", "org.opencontainers.image.revision",
                                        "org.opencontainers.image.source",   "org.opencontainers.image.title",
                                        "org.opencontainers.image.url",      "org.opencontainers.image.version"};
    static const char *const values[] = {"me", "what", "MIT", "abc", "https://s.x/", "name", "https://h.x/", "1.2"};
    struct oci_annotation found[OCI_METADATA_MAX];
    size_t count;
    autobuf struct buf wasm = BUF_INIT(BUF_UNLIMITED);
    buf_add(&wasm, STR(COMPONENT));
    add_section(&wasm, "version", STR("1.2"));
    add_section(&wasm, "homepage", STR("https://h.x/"));
    add_section(&wasm, "component-name", STR("\0\5\4name\1\1\0"));
    add_section(&wasm, "unrelated", STR("\xff\xff"));
    add_section(&wasm, "authors", STR("me"));
    add_section(&wasm, "description", STR("what"));
    add_section(&wasm, "licenses", STR("MIT"));
    add_section(&wasm, "source", STR("https://s.x/"));
    add_section(&wasm, "revision", STR("abc"));
    CHECK_EQ(oci_metadata_read(buf_str(&wasm), found, &count, NULL), ST_OK);
    CHECK_EQ(count, OCI_METADATA_MAX);
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(found[i].name, names[i]);
        CHECK_STR(found[i].value, values[i]);
    }
}

TEST(nested_sections_do_not_count)
{
    struct oci_annotation found[OCI_METADATA_MAX];
    size_t count;
    autobuf struct buf wasm = BUF_INIT(BUF_UNLIMITED), inner = BUF_INIT(BUF_UNLIMITED);
    buf_add(&inner, STR(MODULE));
    add_section(&inner, "authors", STR("them"));
    buf_add(&wasm, STR(COMPONENT));
    buf_addf(&wasm, "%c%c", 1, (int)inner.len);
    buf_add(&wasm, buf_str(&inner));
    CHECK_EQ(oci_metadata_read(buf_str(&wasm), found, &count, NULL), ST_OK);
    CHECK_EQ(count, 0);
    CHECK(oci_metadata_is_module(buf_str(&inner)) && !oci_metadata_is_module(buf_str(&wasm)));
    CHECK_EQ(oci_metadata_read(buf_str(&inner), found, &count, NULL), ST_OK);
    CHECK_EQ(count, 1);
}

TEST(refused)
{
    static const struct str cases[] = {
        STR_INIT(""),
        STR_INIT("\0asm"),
        STR_INIT("\0asm\2\0\0\0"),
        STR_INIT(COMPONENT "\0"),
        STR_INIT(COMPONENT "\0\5\1a"),
        STR_INIT(COMPONENT "\0\1\2"),
        STR_INIT(COMPONENT "\0\xff\xff\xff\xff\xff\xff"),
        STR_INIT(COMPONENT "\0\x0a\7authors\xff\xff"),
        STR_INIT(COMPONENT "\0\x0a\7authorsa\0"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_annotation found[OCI_METADATA_MAX];
        size_t count;
        CHECK_EQ(oci_metadata_read(cases[i], found, &count, NULL), ST_INVALID);
    }
}

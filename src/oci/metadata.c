#include "oci/metadata.h"
#include "base/mem.h"

#define KEY "org.opencontainers.image."

struct cursor {
    struct str rest;
};

static const struct {
    const char *section, *annotation; /* in order of the annotations */
} sections[OCI_METADATA_MAX] = {
    {"authors", KEY "authors"}, {"description", KEY "description"}, {"licenses", KEY "licenses"}, {"revision", KEY "revision"},
    {"source", KEY "source"},   {"component-name", KEY "title"},    {"homepage", KEY "url"},      {"version", KEY "version"},
};
enum { TITLE = 5 };

static bool take_byte(struct cursor *cursor, uint8_t *ret_byte)
{
    if (cursor->rest.len == 0)
        return false;
    *ret_byte = (uint8_t)cursor->rest.data[0];
    cursor->rest = str_from(cursor->rest, 1);
    return true;
}

static bool take_u32(struct cursor *cursor, uint32_t *ret_value)
{
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; shift < 35 && (byte & 0x80); shift += 7) {
        if (!take_byte(cursor, &byte))
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
    }
    *ret_value = (uint32_t)value;
    return !(byte & 0x80) && value <= UINT32_MAX;
}

/* A length and as many bytes. */
static bool take_part(struct cursor *cursor, struct str *ret_part)
{
    uint32_t len;
    if (!take_u32(cursor, &len) || len > cursor->rest.len)
        return false;
    *ret_part = str_slice(cursor->rest, 0, len);
    cursor->rest = str_from(cursor->rest, len);
    return true;
}

/* Subsection 0 of a name section holds the name of the whole. */
static bool read_own_name(struct str content, struct str *ret_name)
{
    struct cursor cursor = {content};
    struct str part;
    uint8_t id;
    while (cursor.rest.len) {
        if (!take_byte(&cursor, &id) || !take_part(&cursor, &part))
            return false;
        struct cursor inner = {part};
        if (id == 0)
            return take_part(&inner, ret_name) && inner.rest.len == 0;
    }
    return true;
}

static enum status read_custom(struct str section, struct str texts[OCI_METADATA_MAX], struct error *err)
{
    struct cursor cursor = {section};
    struct str name;
    if (!take_part(&cursor, &name))
        return fail(err, ST_INVALID, "a custom section's name is malformed");
    bool is_name = str_is(name, "component-name") || str_is(name, "name");
    for (size_t i = 0; i < OCI_METADATA_MAX; i++) {
        if (!str_is(name, sections[i].section) && !(i == TITLE && is_name))
            continue;
        struct str text = cursor.rest;
        if (i == TITLE) {
            text = STR("");
            if (!read_own_name(cursor.rest, &text))
                return ST_OK; /* names are for debugging: a broken section is no reason to refuse */
        }
        if (text.len > OCI_METADATA_TEXT_MAX)
            return fail(err, ST_LIMIT, "the custom section `%s` has %zu bytes, more than %u", sections[i].section, text.len,
                        OCI_METADATA_TEXT_MAX);
        if (!str_valid_utf8(text))
            return fail(err, ST_INVALID, "the custom section `%s` is not UTF-8", sections[i].section);
        if (str_find_char(text, '\0') != STR_NONE)
            return fail(err, ST_INVALID, "the custom section `%s` has a NUL character", sections[i].section);
        texts[i] = text;
    }
    return ST_OK;
}

static bool has_header(struct str wasm, const char *version_and_layer)
{
    return wasm.len >= 8 && memcmp(wasm.data, "\0asm", 4) == 0 && memcmp(wasm.data + 4, version_and_layer, 4) == 0;
}

bool oci_metadata_is_module(struct str wasm)
{
    return has_header(wasm, "\1\0\0\0");
}

enum status oci_metadata_read(struct str wasm, struct oci_annotation ret_annotations[OCI_METADATA_MAX], size_t *ret_count,
                              struct error *err)
{
    struct str texts[OCI_METADATA_MAX] = {0}, section;
    struct cursor cursor = {str_from(wasm, 8)};
    if (!oci_metadata_is_module(wasm) && !has_header(wasm, "\x0d\0\1\0"))
        return fail(err, ST_INVALID, "not a WebAssembly component or module");
    while (cursor.rest.len) {
        uint8_t id;
        if (!take_byte(&cursor, &id) || !take_part(&cursor, &section))
            return fail(err, ST_INVALID, "a section goes past the end of the file");
        if (id == 0)
            TRY(read_custom(section, texts, err));
    }
    *ret_count = 0;
    for (size_t i = 0; i < OCI_METADATA_MAX; i++)
        if (texts[i].len)
            ret_annotations[(*ret_count)++] = (struct oci_annotation){str_of(sections[i].annotation), texts[i]};
    return ST_OK;
}

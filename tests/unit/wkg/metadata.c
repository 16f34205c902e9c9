#include "wkg/metadata.h"
#include "base/mem.h"
#include "tap.h"

/* document, OCI registry, prefix, protocol */
static const char *const good[][4] = {
    {"{\"preferredProtocol\":\"oci\",\"oci\":{\"registry\":\"ghcr.io\",\"namespacePrefix\":\"webassembly/\"}}", "ghcr.io",
     "webassembly/", "oci"},
    {"{\"ociRegistry\":\"ghcr.io\",\"ociNamespacePrefix\":\"bytecodealliance/a-\"}", "ghcr.io", "bytecodealliance/a-", ""},
    {"{\"oci\":{\"registry\":\"a.example\"},\"ociRegistry\":\"b.example:5000\",\"more\":[1]}", "b.example:5000", "", "oci"},
    {"{\"oci\":{\"registry\":null},\"preferredProtocol\":null}", "", "", "oci"},
    {"{\"preferredProtocol\":\"warg\",\"oci\":{}}", "", "", "warg"},
    {"{\"warg\":{\"url\":\"x\"}}", "", "", "warg"},
    {"{\"warg\":{},\"oci\":{\"registry\":\"a.example\"}}", "a.example", "", ""},
    {"{}", "", "", ""},
};
/* document, what the message has */
static const char *const bad[][2] = {
    {"[]", "object"},
    {"{\"oci\":3}", "object"},
    {"{\"oci\":{\"registry\":3}}", "`registry`"},
    {"{\"preferredProtocol\":3}", "`preferredProtocol`"},
    {"{\"ociRegistry\":\"https://ghcr.io\"}", "https://ghcr.io"},
    {"{\"ociRegistry\":\"ghcr.io/x\"}", "ghcr.io/x"},
    {"{\"ociRegistry\":\"intranet\"}", "intranet"},
    {"{\"ociNamespacePrefix\":\"../\"}", "../"},
    {"{\"ociNamespacePrefix\":\"/a/\"}", "/a/"},
    {"{\"ociNamespacePrefix\":\"a//\"}", "a//"},
    {"{\"ociNamespacePrefix\":\"A/\"}", "A/"},
    {"{\"ociNamespacePrefix\":\"a@b/\"}", "a@b/"},
    {"{", "origin"},
};

TEST(shapes)
{
    struct arena arena;
    struct error err;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct wkg_metadata metadata;
        CHECK(wkg_metadata_parse("origin", str_of(good[i][0]), &arena, &metadata, &err) == ST_OK);
        CHECK_STR(metadata.registry, good[i][1]);
        CHECK_STR(metadata.prefix, good[i][2]);
        CHECK_STR(metadata.protocol, good[i][3]);
    }
    arena_release(&arena);
}

TEST(refused)
{
    struct arena arena;
    struct wkg_metadata metadata;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct error err = {.message = ""};
        if (wkg_metadata_parse("origin", str_of(bad[i][0]), &arena, &metadata, &err) == ST_OK || !strstr(err.message, bad[i][1]))
            tap_fail(__FILE__, __LINE__, "case %zu: %s", i, err.message);
    }
    arena_release(&arena);
}

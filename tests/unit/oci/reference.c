#include "oci/reference.h"
#include "base/mem.h"
#include "tap.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(accepted)
{
    static const struct {
        const char *text, *canonical, *registry, *repository, *tag, *digest;
    } cases[] = {
        {"name", "docker.io/library/name:latest", "docker.io", "library/name", "latest", ""},
        {"owner/name:1.2", "docker.io/owner/name:1.2", "docker.io", "owner/name", "1.2", ""},
        {"index.docker.io/name", "docker.io/library/name:latest", "docker.io", "library/name", "latest", ""},
        {"docker.io/a/b", "docker.io/a/b:latest", "docker.io", "a/b", "latest", ""},
        {"localhost/name", "localhost/name:latest", "localhost", "name", "latest", ""},
        {"localhost:5000/a/b/c:v1", "localhost:5000/a/b/c:v1", "localhost:5000", "a/b/c", "v1", ""},
        {"GHCR.io/owner/name:V1", "ghcr.io/owner/name:V1", "ghcr.io", "owner/name", "V1", ""},
        {"[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000", "a", "b", ""},
        {"[fe80::1]/a", "[fe80::1]/a:latest", "[fe80::1]", "a", "latest", ""},
        {"127.0.0.1:1/a-b__c.d---e:_x", "127.0.0.1:1/a-b__c.d---e:_x", "127.0.0.1:1", "a-b__c.d---e", "_x", ""},
        {"h.x/a@sha256:" HEX64, "h.x/a@sha256:" HEX64, "h.x", "a", "", "sha256:" HEX64},
        {"h.x/a@sha512:" HEX64 HEX64, "h.x/a@sha512:" HEX64 HEX64, "h.x", "a", "", "sha512:" HEX64 HEX64},
        {"h.x/a:t@sha256:" HEX64, "h.x/a:t@sha256:" HEX64, "h.x", "a", "t", "sha256:" HEX64},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_reference reference, again;
        struct error err = {0};
        CHECK(oci_reference_parse(str_of(cases[i].text), &reference, &err) == ST_OK);
        CHECK_STR(str_of(reference.text), cases[i].canonical);
        CHECK_STR(reference.registry, cases[i].registry);
        CHECK_STR(reference.repository, cases[i].repository);
        CHECK_STR(reference.tag, cases[i].tag);
        CHECK_STR(reference.digest, cases[i].digest);
        CHECK(oci_reference_parse(str_of(reference.text), &again, &err) == ST_OK);
        CHECK_STR(str_of(again.text), cases[i].canonical);
        oci_reference_release(&reference);
        oci_reference_release(&again);
    }
}

TEST(refused)
{
    static const char *const cases[] = {
        "",
        "/",
        ":tag",
        "a:",
        "a@",
        "Name",
        "a//b",
        "a/",
        "/a",
        "a b",
        "a\nb",
        "a..b",
        "a___b",
        "-a",
        "a-",
        "a/../b",
        "../a",
        "h.x/A",
        "Host/a",
        "h.x/",
        "h.x:/a",
        "h.x:0/a",
        "h.x:05/a",
        "h.x:65536/a",
        "h.x:http/a",
        "-h.x/a",
        "h..x/a",
        "user@h.x/a",
        "user:pw@h.x/a",
        "https://h.x/a",
        "oci://h.x/a",
        "[::1/a",
        "[zz]/a",
        "[::1]x/a",
        "a:.tag",
        "a:-tag",
        "a:t/b",
        "a:t:u",
        "a@sha256:",
        "a@sha256:" HEX64 "0",
        "a@sha256:" HEX64 "@sha256:" HEX64,
        "a@sha512:" HEX64,
        "a@sha256:" HEX64 HEX64,
        "a@sha384:" HEX64,
        "a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "h.x/\xc3\xa9",
        "h.x/a?x=1",
        "h.x/a#b",
        "h.x/a%2fb",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_reference reference;
        struct error err = {0};
        CHECK(oci_reference_parse(str_of(cases[i]), &reference, &err) == ST_INVALID ||
              tap_fail(__FILE__, __LINE__, "%s", cases[i]));
        CHECK(strstr(err.message, "is not an OCI reference: "));
    }
}

TEST(nul_bytes_are_refused)
{
    struct oci_reference reference;
    CHECK_EQ(oci_reference_parse(STR("h.x/a\0b"), &reference, NULL), ST_INVALID);
    CHECK_EQ(oci_reference_parse(STR("h.x/a:b\0"), &reference, NULL), ST_INVALID);
    CHECK_EQ(oci_reference_parse(STR("[::1\0]/a"), &reference, NULL), ST_INVALID);
}

TEST(lengths)
{
    char text[600];
    struct oci_reference reference;
    memset(text, 'a', sizeof text);
    memcpy(text, "h.x/", 4);
    CHECK_EQ(oci_reference_parse(str_n(text, 4 + OCI_REPOSITORY_MAX), &reference, NULL), ST_OK);
    oci_reference_release(&reference);
    CHECK_EQ(oci_reference_parse(str_n(text, 4 + OCI_REPOSITORY_MAX + 1), &reference, NULL), ST_INVALID);
    CHECK_EQ(oci_reference_parse(str_n(text + 4, OCI_REPOSITORY_MAX - 8), &reference, NULL), ST_OK);
    CHECK_EQ(reference.repository.len, OCI_REPOSITORY_MAX); /* library/ and the rest */
    oci_reference_release(&reference);
    CHECK_EQ(oci_reference_parse(str_n(text + 4, OCI_REPOSITORY_MAX - 7), &reference, NULL), ST_INVALID);
    text[5] = ':';
    CHECK_EQ(oci_reference_parse(str_n(text, 6 + OCI_TAG_MAX), &reference, NULL), ST_OK);
    oci_reference_release(&reference);
    CHECK_EQ(oci_reference_parse(str_n(text, 6 + OCI_TAG_MAX + 1), &reference, NULL), ST_INVALID);
}

TEST(message_is_escaped)
{
    struct oci_reference reference;
    struct error err;
    CHECK_EQ(oci_reference_parse(STR("a\x1b[31mb"), &reference, &err), ST_INVALID);
    CHECK(!strchr(err.message, '\x1b') && strstr(err.message, "\\x1b"));
}

TEST(host_and_target)
{
    struct oci_reference hub, other, pinned;
    CHECK(oci_reference_parse(STR("name"), &hub, NULL) == ST_OK);
    CHECK(oci_reference_parse(STR("h.x:1/a:t"), &other, NULL) == ST_OK);
    CHECK_STR(oci_reference_host(&hub), "registry-1.docker.io");
    CHECK_STR(oci_reference_host(&other), "h.x:1");
    CHECK_STR(oci_reference_target(&other), "t");
    oci_reference_with_digest(&hub, STR("sha256:" HEX64), &pinned);
    CHECK_STR(str_of(pinned.text), "docker.io/library/name@sha256:" HEX64);
    CHECK_STR(oci_reference_target(&pinned), "sha256:" HEX64);
    oci_reference_release(&hub);
    oci_reference_release(&other);
    oci_reference_release(&pinned);
}

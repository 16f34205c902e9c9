#include "oci/challenge.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

TEST(offers)
{
    static const struct {
        const char *header;
        enum oci_scheme scheme;
        const char *realm, *service, *error;
    } cases[] = {
        {"Bearer realm=\"https://auth.x/token\",service=\"registry.x\",scope=\"repository:a/b:pull\"", OCI_SCHEME_BEARER,
         "https://auth.x/token", "registry.x", ""},
        {"bearer REALM=\"https://a\" , error=\"insufficient_scope\"", OCI_SCHEME_BEARER, "https://a", "", "insufficient_scope"},
        {"Basic realm=\"Registry Realm\"", OCI_SCHEME_BASIC, "Registry Realm", "", ""},
        {"Basic", OCI_SCHEME_BASIC, "", "", ""},
        {"Basic realm=x, Bearer realm=\"https://b\"", OCI_SCHEME_BEARER, "https://b", "", ""},
        {"Bearer realm=\"https://b\", Basic realm=x", OCI_SCHEME_BEARER, "https://b", "", ""},
        {"Negotiate", OCI_SCHEME_NONE, "", "", ""},
        {"Negotiate abc/+==, Basic realm=\"a\\\"b\\\\c\"", OCI_SCHEME_BASIC, "a\"b\\c", "", ""},
        {"Digest realm=\"d\", nonce=\"n\", Basic realm=b", OCI_SCHEME_BASIC, "b", "", ""},
        {", ,Basic realm=\"a, b=c\",,", OCI_SCHEME_BASIC, "a, b=c", "", ""},
        {"", OCI_SCHEME_NONE, "", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_challenge challenge = {0};
        struct error err = {0};
        CHECK(oci_challenge_parse(str_of(cases[i].header), &challenge, &err) == ST_OK ||
              tap_fail(__FILE__, __LINE__, "%s: %s", cases[i].header, err.message));
        CHECK_EQ(challenge.scheme, cases[i].scheme);
        CHECK_STR(str_of(challenge.realm), cases[i].realm);
        CHECK_STR(str_of(challenge.service), cases[i].service);
        CHECK_STR(str_of(challenge.error), cases[i].error);
    }
}

TEST(malformed)
{
    static const char *const cases[] = {
        "Bearer realm=\"https://a",
        "Bearer realm=\"a\" service=\"b\"",
        "Bearer realm=\"a\",realm=\"b\"",
        "=x",
        "\"Bearer\"",
        "Bearer; realm=\"a\"",
        "Bearer realm=\"a\x01\"",
        "Bearer realm=\"a\\",
        "Basic a b",
        "Bearer realm=\"a\"b, scope=c",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_challenge challenge = {.scheme = OCI_SCHEME_BASIC};
        struct error err = {0};
        CHECK(oci_challenge_parse(str_of(cases[i]), &challenge, &err) == ST_INVALID ||
              tap_fail(__FILE__, __LINE__, "%s", cases[i]));
        CHECK_EQ(challenge.scheme, OCI_SCHEME_BASIC);
        CHECK(challenge.realm[0] == '\0');
    }
}

TEST(bounds)
{
    struct oci_challenge challenge = {0};
    autobuf struct buf header = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&header, "Bearer realm=\"%*s\"", (int)sizeof challenge.realm, "x");
    CHECK_EQ(oci_challenge_parse(buf_str(&header), &challenge, NULL), ST_LIMIT);
    buf_clear(&header);
    buf_addf(&header, "Basic x=\"%*s\"", OCI_CHALLENGE_MAX, "x");
    CHECK_EQ(oci_challenge_parse(buf_str(&header), &challenge, NULL), ST_LIMIT);
    CHECK_EQ(challenge.scheme, OCI_SCHEME_NONE);
}

#include "oci/digest.h"
#include "base/mem.h"
#include "tap.h"

/* Of "abc"; FIPS 180-4, examples. */
#define ABC_256 "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_512                                                                                                                    \
    "sha512:"                                                                                                                      \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac9"       \
    "4fa54ca49f"

TEST(both_algorithms)
{
    static const char *const cases[] = {ABC_256, ABC_512};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oci_digest wanted, found;
        CHECK(oci_digest_parse(str_of(cases[i]), &wanted));
        oci_digest_like(&wanted, STR("abc"), &found);
        CHECK_STR(oci_digest_str(&found), cases[i]);
        CHECK(oci_digest_eq(&wanted, &found));
        CHECK(oci_digest_is_sha256(&found) == (i == 0));
        oci_digest_like(&wanted, STR("abd"), &found);
        CHECK(!oci_digest_eq(&wanted, &found));
    }
}

TEST(ours_is_sha256)
{
    struct oci_digest found, none = {0};
    oci_digest_of(STR("abc"), &found);
    CHECK_STR(oci_digest_str(&found), ABC_256);
    oci_digest_like(&none, STR("abc"), &found);
    CHECK_STR(oci_digest_str(&found), ABC_256);
}

TEST(in_pieces_and_again)
{
    struct oci_digest like, found;
    struct oci_hash hash;
    CHECK(oci_digest_parse(STR(ABC_512), &like));
    oci_hash_init(&hash, &like);
    oci_hash_update(&hash, STR("x"));
    oci_hash_reset(&hash);
    oci_hash_update(&hash, STR("a"));
    oci_hash_update(&hash, STR("bc"));
    CHECK_EQ(hash.bytes, 3);
    oci_hash_finish(&hash, &found);
    oci_hash_release(&hash);
    CHECK_STR(oci_digest_str(&found), ABC_512);
}

TEST(shapes)
{
    static const char *const bad[] = {"",
                                      "sha256:",
                                      "sha512:",
                                      "sha256",
                                      ABC_256 "0",
                                      "sha512:ba7816bf",
                                      "sha384:ba7816bf",
                                      "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                                      "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"};
    struct oci_digest digest;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!oci_digest_parse(str_of(bad[i]), &digest) || tap_fail(__FILE__, __LINE__, "%s", bad[i]));
}

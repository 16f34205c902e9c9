/* What an API says of releases, and the signed manifest. */
#include "cli/release.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"
#include <openssl/evp.h>

struct parse {
    struct arena arena;
    struct release release;
    struct error err;
};

static void release_it(struct parse *parse)
{
    arena_release(&parse->arena);
}
#define PARSE __attribute__((cleanup(release_it))) struct parse

static enum status parse(struct parse *parse, const char *json, enum release_reach reach)
{
    struct cli_version current;
    *parse = (struct parse){0};
    arena_init(&parse->arena, SIZE_MAX);
    bug_unless(cli_version_parse(STR("1.2.3"), &current));
    return release_parse(str_of(json), reach, &current, &parse->arena, &parse->release, &parse->err);
}

TEST(one_release_and_its_files)
{
    PARSE p;
    CHECK_EQ(
        parse(&p,
              "{\"tag_name\": \"v2.0.0\", \"assets\": [{\"name\": \"a\", \"id\": 7}, {\"name\": 1, \"id\": 8}, {\"name\": \"c\"},"
              "{\"name\": \"d\", \"id\": -1}, null, {\"name\": \"e\", \"id\": 9}]}",
              RELEASE_LATEST),
        ST_OK);
    CHECK_STR(p.release.tag, "v2.0.0");
    CHECK_EQ(p.release.asset_count, 2);
    CHECK_EQ(release_asset(&p.release, STR("e"))->id, 9);
    CHECK(!release_asset(&p.release, STR("c")));
}

TEST(the_newest_within_reach)
{
    static const char list[] = "[{\"tag_name\": \"1.2.4\"}, {\"tag_name\": \"v1.9.0\"}, {\"tag_name\": \"1.2.10\"}, {\"tag_name\": "
                               "\"3.0.0\"}, {\"tag_name\": \"nightly\"},"
                               "{\"tag_name\": \"4.0.0\", \"draft\": true}, {\"tag_name\": \"5.0.0\", \"prerelease\": true}, "
                               "{\"tag_name\": \"6.0.0-rc.1\"}, {}, 7,"
                               "{\"tag_name\": \"2.0.0\"}, {\"tag_name\": \"0.1.0\"}]";
    static const struct {
        enum release_reach reach;
        const char *tag;
    } cases[] = {{RELEASE_PATCH, "1.2.10"}, {RELEASE_MINOR, "v1.9.0"}, {RELEASE_MAJOR, "3.0.0"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        PARSE p;
        CHECK_EQ(parse(&p, list, cases[i].reach), ST_OK);
        CHECK_STR(p.release.tag, cases[i].tag);
    }
    PARSE p;
    CHECK_EQ(parse(&p, "[{\"tag_name\": \"2.0.0\"}]", RELEASE_PATCH), ST_NOT_FOUND);
}

TEST(answers_that_are_none)
{
    static const char *const answers[] = {"",
                                          "null",
                                          "7",
                                          "{}",
                                          "{\"tag_name\": 7}",
                                          "{\"tag_name\": \"latest\"}",
                                          "{\"tag_name\": \"1.2.3\"",
                                          "{\"tag_name\": \"1.2.3\\u001b[1m\"}"};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        PARSE p;
        CHECK_EQ(parse(&p, answers[i], RELEASE_LATEST), ST_INVALID);
    }
    PARSE p;
    CHECK_EQ(parse(&p, "[]", RELEASE_MAJOR), ST_NOT_FOUND);
}

static const char manifest[] =
    "{\"product\": \"wash\", \"version\": \"1.2.4\", \"files\": [{\"name\": \"other\", \"size\": 1, \"sha256\": \"\"},"
    "{\"name\": \"file\", \"size\": 12, \"sha256\": \"00ff00000000000000000000000000000000000000000000000000000000001a\"}]}";

static enum status look_up(const char *text, const char *version_text, const char *name, struct release_file *ret_file)
{
    struct cli_version version;
    bug_unless(cli_version_parse(str_of(version_text), &version));
    return release_manifest_file(str_of(text), &version, str_of(name), ret_file, NULL);
}

TEST(a_file_in_a_manifest)
{
    struct release_file file;
    CHECK_EQ(look_up(manifest, "v1.2.4", "file", &file), ST_OK);
    CHECK_EQ(file.size, 12);
    CHECK(file.sha256[1] == 0xff && file.sha256[31] == 0x1a);
    CHECK_EQ(look_up(manifest, "1.2.4", "nothing", &file), ST_NOT_FOUND);
    CHECK_EQ(look_up(manifest, "1.2.4", "other", &file), ST_INVALID);
    CHECK_EQ(look_up(manifest, "1.2.5", "file", &file), ST_DENIED);
}

TEST(manifests_that_are_none)
{
    struct release_file file;
    CHECK_EQ(look_up("", "1.2.4", "file", &file), ST_INVALID);
    CHECK_EQ(look_up("[]", "1.2.4", "file", &file), ST_DENIED);
    CHECK_EQ(look_up("{\"product\": \"other\", \"version\": \"1.2.4\"}", "1.2.4", "file", &file), ST_DENIED);
    CHECK_EQ(look_up("{\"product\": \"wash\", \"version\": \"1.2.4\"}", "1.2.4", "file", &file), ST_NOT_FOUND);
    CHECK_EQ(look_up("{\"product\": \"wash\", \"version\": \"1.2.4\", \"version\": \"1.2.5\"}", "1.2.4", "file", &file),
             ST_INVALID);
}

/* A key pair, the public half as the build has it. */
static EVP_PKEY *make_key(char ret_public[64])
{
    uint8_t raw[RELEASE_KEY_BYTES];
    size_t len = sizeof raw;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bug_unless(key && EVP_PKEY_get_raw_public_key(key, raw, &len) == 1);
    EVP_EncodeBlock((unsigned char *)ret_public, raw, (int)len);
    return key;
}

static void sign(EVP_PKEY *key, struct str text, uint8_t ret_signature[RELEASE_SIGNATURE_BYTES])
{
    size_t len = RELEASE_SIGNATURE_BYTES;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bug_unless(EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
               EVP_DigestSign(context, ret_signature, &len, (const uint8_t *)text.data, text.len) == 1);
    EVP_MD_CTX_free(context);
}

TEST(signatures)
{
    char public[64], other[64];
    uint8_t signature[RELEASE_SIGNATURE_BYTES];
    struct str text = str_of(manifest), signed_text = str_n((const char *)signature, sizeof signature);
    EVP_PKEY *key = make_key(public), *stranger = make_key(other);
    sign(key, text, signature);
    CHECK_EQ(release_check_signature(text, signed_text, str_of(public), NULL), ST_OK);
    CHECK_EQ(release_check_signature(text, signed_text, str_of(other), NULL), ST_DENIED);
    CHECK_EQ(release_check_signature(str_from(text, 1), signed_text, str_of(public), NULL), ST_DENIED);
    CHECK_EQ(release_check_signature(text, str_slice(signed_text, 0, 63), str_of(public), NULL), ST_DENIED);
    CHECK_EQ(release_check_signature(text, STR(""), str_of(public), NULL), ST_DENIED);
    signature[5] ^= 1;
    CHECK_EQ(release_check_signature(text, signed_text, str_of(public), NULL), ST_DENIED);
    sign(stranger, text, signature);
    CHECK_EQ(release_check_signature(text, signed_text, str_of(public), NULL), ST_DENIED);
    CHECK_EQ(release_check_signature(text, signed_text, STR("tooshort"), NULL), ST_INVALID);
    CHECK_EQ(release_check_signature(text, signed_text, STR("????????????????????????????????????????????"), NULL), ST_INVALID);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
}

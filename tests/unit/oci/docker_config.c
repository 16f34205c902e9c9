#include "oci/docker_config.h"
#include "base/mem.h"
#include "tap.h"

#define AUTH "\"auth\":\"dXNlcjpwYTpzcw==\"" /* user:pa:ss */

struct found {
    struct arena arena;
    struct oci_docker_login login;
    struct error err;
};

static enum status find(struct found *found, const char *json, const char *registry)
{
    *found = (struct found){0};
    arena_init(&found->arena, 1 << 20);
    return oci_docker_config_find(str_of(json), str_of(registry), &found->arena, &found->login, &found->err);
}

TEST(logins)
{
    static const struct {
        const char *json, *registry, *user, *password, *helper, *server;
    } cases[] = {
        {"{}", "h.x", "", "", "", "h.x"},
        {"{\"auths\":{\"h.x\":{" AUTH "}}}", "h.x", "user", "pa:ss", "", "h.x"},
        {"{\"auths\":{\"h.x:5000\":{" AUTH "}}}", "h.x", "", "", "", "h.x"},
        {"{\"auths\":{\"https://h.x/v2/\":{" AUTH "}}}", "h.x", "user", "pa:ss", "", "h.x"},
        {"{\"auths\":{\"H.x\":{" AUTH "}}}", "h.x", "user", "pa:ss", "", "h.x"},
        {"{\"auths\":{\"https://index.docker.io/v1/\":{" AUTH "}}}", "docker.io", "user", "pa:ss", "",
         "https://index.docker.io/v1/"},
        {"{\"auths\":{\"h.x\":{\"username\":\"u\",\"password\":\"p\"}}}", "h.x", "u", "p", "", "h.x"},
        {"{\"auths\":{\"h.x\":{}},\"credsStore\":\"secretservice\"}", "h.x", "", "", "secretservice", "h.x"},
        {"{\"credsStore\":\"a\",\"credHelpers\":{\"h.x\":\"b-1.c_d\"}}", "h.x", "", "", "b-1.c_d", "h.x"},
        {"{\"credsStore\":\"a\",\"credHelpers\":{\"h.x\":\"b\"}}", "i.x", "", "", "a", "i.x"},
        {"{\"credHelpers\":{\"h.x\":\"b\"},\"auths\":{\"h.x\":{" AUTH "}}}", "h.x", "user", "pa:ss", "b", "h.x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct found found;
        CHECK(find(&found, cases[i].json, cases[i].registry) == ST_OK || tap_fail(__FILE__, __LINE__, "%s", found.err.message));
        CHECK_STR(found.login.user, cases[i].user);
        CHECK_STR(found.login.password, cases[i].password);
        CHECK_STR(found.login.helper, cases[i].helper);
        CHECK_STR(found.login.server, cases[i].server);
        CHECK_EQ(found.login.found, cases[i].user[0] != '\0');
        CHECK(!found.login.is_identity_token);
        arena_release(&found.arena);
    }
}

TEST(identity_token)
{
    struct found found;
    CHECK_EQ(find(&found, "{\"auths\":{\"h.x\":{\"identitytoken\":\"t\"," AUTH "}}}", "h.x"), ST_OK);
    CHECK(found.login.is_identity_token);
    arena_release(&found.arena);
}

TEST(refused)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{",
        "{\"auths\":{\"h.x\":[]}}",
        "{\"auths\":{\"h.x\":{\"auth\":\"dXNlcg==\"}}}", /* user */
        "{\"auths\":{\"h.x\":{\"auth\":\"OnB3\"}}}",     /* :pw */
        "{\"auths\":{\"h.x\":{\"auth\":\"!!!!\"}}}",
        "{\"auths\":{\"h.x\":{\"auth\":\"dQp1OnA=\"}}}", /* u\nu:p */
        "{\"auths\":{\"h.x\":{\"username\":\"a\\u0007\"}}}",
        "{\"credsStore\":\"../../bin/sh\"}",
        "{\"credsStore\":\"a b\"}",
        "{\"credsStore\":\"a;b\"}",
        "{\"credHelpers\":{\"h.x\":\"a/b\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct found found;
        CHECK(find(&found, cases[i], "h.x") == ST_INVALID || tap_fail(__FILE__, __LINE__, "%s", cases[i]));
        CHECK(found.err.message[0]);
        arena_release(&found.arena);
    }
}

TEST(of_another_registry_is_not_looked_at)
{
    struct found found;
    CHECK_EQ(find(&found, "{\"auths\":{\"i.x\":{\"auth\":\"!!!!\"}}}", "h.x"), ST_OK);
    CHECK(!found.login.found);
    arena_release(&found.arena);
}

#include "oci/credentials.h"
#include "base/clock.h"
#include "base/mem.h"
#include "folder.h"
#include "tap.h"

#define FILE_LOGIN "{\"auths\":{\"h.x\":{\"auth\":\"dXNlcjpwYXNz\"}}" /* user:pass */
#define HELPER "{\"credsStore\":\"test\"}"

static bool use_helper(const struct folder *folder, const char *script)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    const char *old = getenv("PATH");
    buf_addf(&path, "%s:%s", folder->path, str_starts(str_of(old), STR("/tmp/wash-test-")) ? strchr(old, ':') + 1 : old);
    return setenv("PATH", path.data, 1) == 0 && folder_write(folder, "docker-credential-test", str_of(script), 0755);
}

static enum status find(const struct folder *folder, const char *config, const struct oci_credentials_options *more,
                        struct oci_login *ret_login, struct error *err)
{
    struct oci_credentials_options options = more ? *more : (struct oci_credentials_options){0};
    options.docker_config = folder->path;
    *ret_login = (struct oci_login){0};
    if (config && !folder_write(folder, "config.json", str_of(config), 0600))
        return ST_INTERNAL;
    return oci_credentials_find(&options, STR("h.x"), ret_login, err);
}

TEST(order)
{
    autofolder folder;
    struct oci_login login;
    struct error err = {0};
    const struct oci_credentials_options given = {.user = STR_INIT("me"), .password = STR_INIT("mine")};
    const struct oci_credentials_options token = {.user = STR_INIT("me"), .token = STR_INIT("t")};
    CHECK(folder_open(&folder));
    CHECK_EQ(find(&folder, NULL, NULL, &login, &err), ST_OK);
    CHECK(!login.user && !login.password);
    CHECK_EQ(find(&folder, FILE_LOGIN "}", NULL, &login, &err), ST_OK);
    CHECK_STR(str_of(login.user), "user");
    CHECK_STR(str_of(login.password), "pass");
    oci_login_release(&login);
    CHECK_EQ(find(&folder, FILE_LOGIN "}", &given, &login, &err), ST_OK);
    CHECK_STR(str_of(login.user), "me");
    oci_login_release(&login);
    CHECK_EQ(find(&folder, FILE_LOGIN "}", &token, &login, &err), ST_OK);
    CHECK_STR(str_of(login.token), "t");
    CHECK(!login.user && !login.password);
    oci_login_release(&login);
}

TEST(malformed_file_is_named)
{
    autofolder folder;
    struct oci_login login;
    struct error err = {0};
    CHECK(folder_open(&folder));
    CHECK_EQ(find(&folder, "{", NULL, &login, &err), ST_INVALID);
    CHECK(strstr(err.message, "/config.json: line 1"));
}

TEST(identity_token)
{
    autofolder folder;
    struct oci_login login;
    struct error err = {0};
    CHECK(folder_open(&folder));
    CHECK_EQ(find(&folder, "{\"auths\":{\"h.x\":{\"identitytoken\":\"t\"}}}", NULL, &login, &err), ST_UNSUPPORTED);
    CHECK(strstr(err.message, "identity token"));
}

TEST(helper_answers)
{
    static const struct {
        const char *script;
        enum status status;
        const char *user, *message;
    } cases[] = {
        {"#!/bin/sh\nread x\n[ \"$1 $x\" = 'get h.x' ] && echo '{\"Username\":\"hu\",\"Secret\":\"hs\"}'\n", ST_OK, "hu", NULL},
        {"#!/bin/sh\necho '{\"Username\":\"hu\",\"Secret\":\"hs\"}'\n", ST_OK, "hu", NULL}, /* does not read its input */
        {"#!/bin/sh\necho credentials not found in native keychain; exit 1\n", ST_OK, "user", NULL},
        {"#!/bin/sh\nprintf 'locked \\033[1m'; exit 3\n", ST_UNAVAILABLE, NULL, "failed with exit code 3: locked \\x1b[1m"},
        {"#!/bin/sh\necho first >&2; echo no agent >&2; exit 3\n", ST_UNAVAILABLE, NULL, "failed with exit code 3: no agent"},
        {"#!/bin/sh\necho said; echo why >&2; exit 3\n", ST_UNAVAILABLE, NULL, "exit code 3: said: why"},
        {"#!/bin/sh\nkill -9 $$\n", ST_UNAVAILABLE, NULL, "failed with exit code 137"},
        {"#!/bin/sh\necho '{\"Username\":\"<token>\",\"Secret\":\"t\"}'\n", ST_UNSUPPORTED, NULL, "identity token"},
        {"#!/bin/sh\necho nonsense\n", ST_INVALID, NULL, "did not answer"},
        {"#!/bin/sh\ncat /dev/zero\n", ST_LIMIT, NULL, "wrote more than"},
        {"#!/bin/sh\nsleep 100 & sleep 100\n", ST_TIMEOUT, NULL, "did not end in time"},
        {"#!/bin/sh\nexec >&-; sleep 100\n", ST_TIMEOUT, NULL, "did not end in time"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        autofolder folder;
        struct oci_login login;
        struct error err = {0};
        const struct oci_credentials_options options = {.helper_timeout_ms = cases[i].status == ST_TIMEOUT ? 300 : 20000};
        CHECK(folder_open(&folder) && use_helper(&folder, cases[i].script));
        enum status status = find(&folder, FILE_LOGIN ",\"credsStore\":\"test\"}", &options, &login, &err);
        CHECK(status == cases[i].status || tap_fail(__FILE__, __LINE__, "%zu: %s", i, err.message));
        if (cases[i].user)
            CHECK_STR(str_of(login.user), cases[i].user);
        if (cases[i].message)
            CHECK(strstr(err.message, cases[i].message) || tap_fail(__FILE__, __LINE__, "%s", err.message));
        oci_login_release(&login);
    }
}

TEST(helper_that_is_not_installed)
{
    autofolder folder;
    struct oci_login login;
    struct error err = {0};
    CHECK(folder_open(&folder));
    CHECK_EQ(find(&folder, "{\"credsStore\":\"wash-no-such\"}", NULL, &login, &err), ST_NOT_FOUND);
    CHECK(strstr(err.message, "docker-credential-wash-no-such"));
}

TEST(helper_can_be_cancelled)
{
    autofolder folder;
    struct oci_login login;
    atomic_bool cancelled = true;
    const struct oci_credentials_options options = {.cancel = cancel_by_flag(&cancelled)};
    CHECK(folder_open(&folder) && use_helper(&folder, "#!/bin/sh\nsleep 100\n"));
    uint64_t start = clock_now();
    CHECK_EQ(find(&folder, HELPER, &options, &login, NULL), ST_CANCELLED);
    CHECK(clock_now() - start < 10 * NS_PER_SECOND);
}

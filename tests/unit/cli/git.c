/* Addresses and references that git may see, and those that it must not. */
#include "cli/git.h"
#include "base/mem.h"
#include "tap.h"

TEST(addresses_of_repositories)
{
    static const char *const good[] = {"https://example.com/a.git",
                                       "http://example.com/a",
                                       "ssh://git@example.com:22/a",
                                       "git://example.com/a",
                                       "file:///srv/a.git",
                                       "git@example.com:a/b.git",
                                       "example.com:a",
                                       "https://[::1]:8443/a.git",
                                       "ssh://[::1]/a"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct error err = {0};
        CHECK(cli_git_check_url(str_of(good[i]), &err) == ST_OK || tap_fail(__FILE__, __LINE__, "%s: %s", good[i], err.message));
    }
}

TEST(refused_addresses)
{
    static const char *const bad[] = {
        "",
        "-uexample",
        "--upload-pack=touch x",
        "ext::sh -c true",
        "fd::3",
        "persistent-https::x",
        "ext::https://example.com/a",
        "ftp://example.com/a",
        "HTTPS://example.com/a",
        "git+ssh://example.com/a",
        "://x",
        "ssh://-oProxyCommand=true/a",
        "ssh://git@-oProxyCommand=true/a",
        "-oProxyCommand=true:a",
        "git@-oProxyCommand=true:a",
        "https:///a",
        "ssh://",
        "https://example.com/\na",
        "https://example.com/a\x7f",
        "nowhere",
        "./nowhere",
        "/nowhere:x",
        ":a",
        "host:",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(cli_git_check_url(str_of(bad[i]), NULL) != ST_OK || tap_fail(__FILE__, __LINE__, "accepted: %s", bad[i]));
}

TEST(references)
{
    static const char *const good[] = {"main", "v1.2.3", "feature/a-b", "0123456789abcdef", "a@b"};
    static const char *const bad[] = {"", "-b", "--orphan", "a b", "a..b", "HEAD~1", "HEAD^", "a:b", "@{-1}", "a\nb", "a*", "a\\b"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK_EQ(cli_git_check_ref(str_of(good[i]), NULL), ST_OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(cli_git_check_ref(str_of(bad[i]), NULL) != ST_OK || tap_fail(__FILE__, __LINE__, "accepted: %s", bad[i]));
}

#include "base/error.h"

#include "base/mem.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(fail_fills_the_error)
{
    struct error err = {.sys_errno = 7};
    CHECK_EQ(fail(&err, ST_DENIED, "open %s: %d", "x", 3), ST_DENIED);
    CHECK_EQ(err.status, ST_DENIED);
    CHECK_EQ(err.sys_errno, 0);
    CHECK_STR(str_of(err.message), "open x: 3");
    CHECK_EQ(fail(NULL, ST_TRAP, "nobody listens %d", 1), ST_TRAP);
}

TEST(fail_may_use_its_own_message)
{
    struct error err = {0};
    fail(&err, ST_IO, "inner");
    CHECK_EQ(fail(&err, ST_INVALID, "outer (%s)", err.message), ST_INVALID);
    CHECK_STR(str_of(err.message), "outer (inner)");
}

TEST(wrap_adds_context_in_front)
{
    struct error err = {0};
    fail(&err, ST_NOT_FOUND, "no such tag");
    CHECK_EQ(fail_wrap(&err, "pull %.*s", STR_ARG(STR("a/b:c"))), ST_NOT_FOUND);
    CHECK_EQ(fail_wrap(&err, "start"), ST_NOT_FOUND);
    CHECK_STR(str_of(err.message), "start: pull a/b:c: no such tag");
}

TEST(wrap_never_reports_success)
{
    struct error err = {0};
    CHECK_EQ(fail_wrap(&err, "load"), ST_INTERNAL);
    CHECK_EQ(err.status, ST_INTERNAL);
    CHECK_STR(str_of(err.message), "load: unknown error");
    CHECK_EQ(fail_wrap(NULL, "load"), ST_INTERNAL);
}

TEST(errno_becomes_status_and_text)
{
    struct error err = {0};
    errno = ENOENT;
    CHECK_EQ(fail_errno(&err, "open %s", "/nowhere"), ST_NOT_FOUND);
    CHECK_EQ(err.sys_errno, ENOENT);
    CHECK_STR(str_of(err.message), "open /nowhere: No such file or directory");
    CHECK_EQ(fail_wrap(&err, "read settings"), ST_NOT_FOUND);
    CHECK_EQ(err.sys_errno, ENOENT);
    errno = EACCES;
    CHECK_EQ(fail_errno(NULL, "open"), ST_DENIED);
    errno = 0;
    CHECK_EQ(fail_errno(&err, "open"), ST_INTERNAL);
}

TEST(errno_table)
{
    CHECK_EQ(status_from_errno(EEXIST), ST_EXISTS);
    CHECK_EQ(status_from_errno(EMFILE), ST_LIMIT);
    CHECK_EQ(status_from_errno(ETIMEDOUT), ST_TIMEOUT);
    CHECK_EQ(status_from_errno(ECANCELED), ST_CANCELLED);
    CHECK_EQ(status_from_errno(ECONNREFUSED), ST_UNAVAILABLE);
    CHECK_EQ(status_from_errno(ENOSYS), ST_UNSUPPORTED);
    CHECK_EQ(status_from_errno(ECONNRESET), ST_IO);
    CHECK_EQ(status_from_errno(99999), ST_IO);
    for (int e = 0; e < 200; e++)
        CHECK(status_from_errno(e) != ST_OK);
}

TEST(long_messages_keep_both_ends)
{
    struct error err = {0};
    CHECK_EQ(fail(&err, ST_INVALID, "begin %*d end", 1000, 5), ST_INVALID);
    struct str message = str_of(err.message);
    CHECK_EQ(message.len, sizeof err.message - 1);
    CHECK(str_starts(message, STR("begin ")));
    CHECK(str_ends(message, STR(" 5 end")));
    CHECK(str_find(message, STR(" ... ")) != STR_NONE);
}

TEST(messages_at_the_edge_are_whole)
{
    for (int len = 495; len <= 510; len++) {
        struct error err = {0};
        fail(&err, ST_INVALID, "%0*d", len, 0);
        CHECK_EQ(strlen(err.message), MIN(len, 503));
        CHECK_EQ(strstr(err.message, " ... ") != NULL, len > 503);
    }
}

TEST(endless_messages_end_in_dots)
{
    struct error err = {0};
    fail(&err, ST_INVALID, "begin %*d end", 100000, 5);
    CHECK(str_starts(str_of(err.message), STR("begin ")));
    CHECK(str_ends(str_of(err.message), STR("...")));
}

TEST(deep_wrapping_keeps_the_cause)
{
    struct error err = {0};
    fail(&err, ST_IO, "connection refused");
    for (int i = 0; i < 200; i++)
        CHECK_EQ(fail_wrap(&err, "context number %d of many", i), ST_IO);
    struct str message = str_of(err.message);
    CHECK(message.len < sizeof err.message);
    CHECK(str_starts(message, STR("context number 199 of many: ")));
    CHECK(str_ends(message, STR(": connection refused")));
    fail_wrap(&err, "%*d", 5000, 1); /* a huge context does not push it out either */
    CHECK(str_ends(str_of(err.message), STR(": connection refused")));
}

TEST(cuts_never_split_a_character)
{
    char text[2400];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        struct error err = {0};
        fail(&err, ST_INVALID, "%.1000s", text);
        CHECK(strlen(err.message) < sizeof err.message);
        size_t len = strlen(err.message);
        fail(&err, ST_INVALID, "%s", text);
        CHECK(str_valid_utf8(str_of(err.message)));
        fail(&err, ST_INVALID, "%.*s", (int)(shift + 800), text);
        CHECK(str_valid_utf8(str_of(err.message)));
        CHECK(len > 480);
    }
}

TEST(tables_cover_every_status)
{
    for (enum status status = ST_OK; status < ST_COUNT_; status++) {
        CHECK(status_name(status)[0]);
        CHECK(status_http(status) >= 200 && status_http(status) < 600);
        CHECK_EQ(status_exit_code(status), status == ST_OK ? 0 : status == ST_CANCELLED ? 130 : 1);
    }
    CHECK_STR(str_of(status_name(ST_NOT_FOUND)), "not found");
    CHECK_EQ(status_http(ST_NOT_FOUND), 404);
    CHECK_STR(str_of(status_name((enum status)1000)), "internal error");
    CHECK_EQ(status_http((enum status) - 1), 500);
}

/* Runs `bug` in a child; returns what it printed. */
static struct str bug_output(char *text, size_t size, int *ret_wait_status)
{
    int pipe_fds[2];
    if (pipe(pipe_fds) != 0)
        return STR_NULL;
    pid_t child = fork();
    if (child == 0) {
        dup2(pipe_fds[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        bug("value is %d%*s", 7, 5000, "");
    }
    close(pipe_fds[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(pipe_fds[0], text + len, size - len)) > 0;)
        len += (size_t)got;
    close(pipe_fds[0]);
    waitpid(child, ret_wait_status, 0);
    return str_n(text, len);
}

TEST(bug_says_where_and_aborts)
{
    char text[4096];
    int wait_status = 0;
    struct str output = bug_output(text, sizeof text, &wait_status);
    CHECK(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGABRT);
    CHECK(str_starts(output, STR("bug: ")));
    CHECK(str_find(output, STR("error.c:")) != STR_NONE);
    CHECK(str_find(output, STR(": value is 7")) != STR_NONE);
    CHECK_EQ(output.data[output.len - 1], '\n');
}

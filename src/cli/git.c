/* Cloning with git; see git.h. */
#include "cli/git.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/interrupts.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- addresses and references ------------------------------------------------------------------------------------------------- */

static const char *const schemes[] = {"https", "http", "ssh", "git", "file"};
#define SCHEMES_TEXT "https, http, ssh, git, file, or HOST:PATH"
#define ALLOWED_PROTOCOLS "file:git:http:https:ssh"

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return true;
    return false;
}

/* "user@host:port" or "host": ssh would take a host or a user that begins with a dash for an option. */
static enum status check_authority(struct str authority, bool may_be_empty, struct error *err)
{
    size_t at = str_find_last_char(authority, '@');
    struct str host = at == STR_NONE ? authority : str_from(authority, at + 1);
    if (str_starts(host, STR("-")) || str_starts(authority, STR("-")))
        return fail(err, ST_INVALID, "the host of a repository cannot begin with a dash: `%.*s`", STR_ARG(authority));
    if (host.len == 0 && !may_be_empty)
        return fail(err, ST_INVALID, "the repository's address names no host");
    return ST_OK;
}

static enum status check_scheme(struct str scheme, struct str rest, struct error *err)
{
    struct str authority = str_slice(rest, 0, MIN(str_find_char(rest, '/'), rest.len));
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_is(scheme, schemes[i]))
            return check_authority(authority, str_is(scheme, "file"), err);
    return fail(err, ST_INVALID, "`%.*s://` is not a transport that git may use here; use " SCHEMES_TEXT, STR_ARG(scheme));
}

enum status cli_git_check_url(struct str url, struct error *err)
{
    size_t colon = str_find_char(url, ':'), slash = str_find_char(url, '/'), mark = str_find(url, STR("://"));
    if (url.len == 0)
        return fail(err, ST_INVALID, "the repository's address is empty");
    if (url.data[0] == '-')
        return fail(err, ST_INVALID, "a repository's address cannot begin with a dash: `%.*s`", STR_ARG(url));
    if (has_control(url))
        return fail(err, ST_INVALID, "the repository's address has control characters");
    if (colon != STR_NONE && colon + 1 < url.len && url.data[colon + 1] == ':' && (slash == STR_NONE || colon < slash))
        return fail(err, ST_INVALID, "`%.*s::` is not a transport that git may use here; use " SCHEMES_TEXT, (int)colon, url.data);
    if (mark != STR_NONE && mark < slash)
        return check_scheme(str_slice(url, 0, mark), str_from(url, mark + 3), err);
    if (colon != STR_NONE && (slash == STR_NONE || colon < slash) && colon + 1 < url.len)
        return check_authority(str_slice(url, 0, colon), false, err);
    return fail(err, ST_NOT_FOUND, "`%.*s` is neither a folder here nor the address of a git repository (" SCHEMES_TEXT ")",
                STR_ARG(url));
}

/* Git's own rules for names (git check-ref-format), as far as they keep a name from meaning something else. */
enum status cli_git_check_ref(struct str ref, struct error *err)
{
    bool good = ref.len > 0 && ref.data[0] != '-' && !has_control(ref) && str_find(ref, STR("..")) == STR_NONE &&
                str_find(ref, STR("@{")) == STR_NONE;
    for (size_t i = 0; good && i < ref.len; i++)
        good = !strchr(" ~^:?*[\\", ref.data[i]);
    if (!good)
        return fail(err, ST_INVALID, "`%.*s` is not the name of a branch, a tag or a commit", STR_ARG(ref));
    return ST_OK;
}

/* --- running git -------------------------------------------------------------------------------------------------------------- */

/* What git keeps in its environment about "this repository" (git rev-parse --local-env-vars) is forgotten: we may run in a hook. */
static const char *const environment[] = {
    "GIT_TERMINAL_PROMPT=0",
    "GIT_ALLOW_PROTOCOL=" ALLOWED_PROTOCOLS,
    "GIT_LFS_SKIP_SMUDGE=1",
    "LC_ALL=C", /* its words are looked at */
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_TEMPLATE_DIR",
    "GIT_EXTERNAL_DIFF",
    NULL,
};

#define SETTINGS                                                                                                                   \
    "git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false", "-c",                  \
        "advice.detachedHead=false", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"

static bool words_of(struct str line)
{
    return str_starts(line, STR("fatal: ")) || str_starts(line, STR("error: ")) || str_starts(line, STR("ERROR: "));
}

/* The last thing that git calls an error, else the last thing that it said. */
static struct str last_words(struct str errors)
{
    struct str line, last = STR_NULL;
    bool found = false;
    while (str_next_part(&errors, '\n', &line)) {
        line = str_trim(line);
        if (line.len > 0 && (words_of(line) || !found)) {
            found = found || words_of(line);
            last = line;
        }
    }
    return last;
}

static enum status run_git(const struct cli_git_clone *clone, const char *directory, const char *const *argv, const char *what,
                           struct error *err)
{
    autobuf struct buf errors = BUF_INIT(IO_RUN_ERRORS_MAX);
    bool shown = clone->on_terminal;
    const struct io_run run = {.argv = argv,
                               .directory = directory,
                               .env = environment,
                               .on_terminal = clone->on_terminal,
                               .errors = shown ? NULL : &errors};
    int code;
    enum status status = cli_run(&run, &code, err);
    if (status == ST_NOT_FOUND)
        return fail(err, ST_NOT_FOUND, "`git` is not installed: repositories need it");
    TRY(status);
    if (code == 0)
        return ST_OK;
    struct str words = last_words(buf_str(&errors));
    if (str_find(words, STR("terminal prompts disabled")) != STR_NONE) /* servers do not tell one from the other */
        return fail(err, ST_DENIED,
                    "%s: there is none at this address, or it wants a login, which git gets from a credential helper", what);
    return fail(err, ST_IO, "%s: git failed with exit code %d%s%.*s", what, code, words.len ? ": " : "", STR_ARG(words));
}

/* The attributes of .git/info win over those in the repository: no file of it goes through a program of the user's. */
static enum status forbid_filters(const struct cli_git_clone *clone, struct error *err)
{
    static const char text[] = "* -filter -ident -working-tree-encoding\n";
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&path, "%s/.git/info", clone->folder);
    if (mkdir(path.data, 0777) != 0 && errno != EEXIST)
        return fail_errno(err, "make %s", path.data);
    buf_add(&path, STR("/attributes"));
    autoclose int fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
        return fail_errno(err, "write %s", path.data);
    return ST_OK;
}

/* Quiet, so its words are for us also where a user watches. */
static enum status check_out(const struct cli_git_clone *clone, struct error *err)
{
    const struct cli_git_clone unseen = {.folder = clone->folder};
    const char *const argv[] = {SETTINGS, "checkout", "--quiet", "--force", clone->ref ? clone->ref : "HEAD", "--", NULL};
    enum status status = run_git(&unseen, clone->folder, argv, "check out the repository", err);
    if (status == ST_OK || str_find(str_of(err->message), STR("invalid reference")) == STR_NONE)
        return status;
    if (clone->ref)
        return fail(err, ST_NOT_FOUND, "the repository has no branch, tag or commit `%s`", clone->ref);
    return fail(err, ST_NOT_FOUND, "the repository is empty");
}

/* Objects are fetched first, files written after: with our attributes. --no-local: the objects of a repository on this machine are
 * read through git's protocol, which does not follow links among them. */
enum status cli_git_clone(const struct cli_git_clone *clone, struct error *err)
{
    VEC(const char *) argv = {0};
    static const char *const fetch[] = {SETTINGS, "clone", "--template=", "--no-checkout", "--no-local", "--no-recurse-submodules"};
    for (size_t i = 0; i < ARRAY_LEN(fetch); i++)
        vec_push(&argv, fetch[i]);
    if (!clone->ref) {
        vec_push(&argv, "--depth");
        vec_push(&argv, "1");
    }
    if (!clone->on_terminal)
        vec_push(&argv, "--quiet");
    vec_push(&argv, "--");
    vec_push(&argv, clone->url);
    vec_push(&argv, clone->folder);
    vec_push(&argv, NULL);
    enum status status = run_git(clone, NULL, argv.items, "clone the repository", err);
    vec_release(&argv);
    TRY(status);
    TRY(forbid_filters(clone, err));
    return check_out(clone, err);
}

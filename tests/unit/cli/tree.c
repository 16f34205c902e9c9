/* Folders copied, checked, removed. The cases are made with the shell. */
#include "cli/tree.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cli/interrupts.h"
#include "tap.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char path[64];
};

static void leave(struct place *place)
{
    if (chdir("/") == 0 && cli_tree_remove(place->path, NULL) != ST_OK)
        bug("remove %s", place->path);
}
#define PLACE __attribute__((cleanup(leave))) struct place

/* A folder of its own, as the working directory, in which the script was run. */
static bool enter(struct place *place, const char *script)
{
    const char *const argv[] = {"sh", "-ec", script, NULL};
    const struct io_run run = {.argv = argv};
    int code = -1;
    snprintf(place->path, sizeof place->path, "/tmp/wash-tree.XXXXXX");
    bool ready = mkdtemp(place->path) && chdir(place->path) == 0;
    return ready && io_run(&run, &code, NULL) == ST_OK && code == 0;
}

static enum status copy(const char *from, const char *to, struct error *err)
{
    autoclose int in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int out = mkdir(to, 0777) == 0 ? open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return in < 0 || out < 0 ? ST_INTERNAL : cli_tree_copy(in, out, err);
}

static bool is(const char *script)
{
    const char *const argv[] = {"sh", "-ec", script, NULL};
    const struct io_run run = {.argv = argv};
    int code = -1;
    return io_run(&run, &code, NULL) == ST_OK && code == 0;
}

TEST(copies_what_belongs_to_a_project)
{
    PLACE place;
    CHECK(enter(&place,
                "mkdir -p a/.git a/b/.git a/node_modules/x a/target/x a/b/target a/empty; echo one > a/b/file; echo run > a/run;"
                "chmod 4755 a/run; chmod 640 a/b/file; ln -s b/file a/link; echo x > a/target/CACHEDIR.TAG; echo y > a/b/target/y;"
                "echo g > a/.git/config; echo h > a/.gitignore"));
    struct error err = {0};
    CHECK(copy("a", "c", &err) == ST_OK || tap_fail(__FILE__, __LINE__, "%s", err.message));
    CHECK(is("[ \"$(cat c/link)\" = one ] && [ -L c/link ] && [ -x c/run ] && [ ! -u c/run ] && [ ! -x c/b/file ] && [ -f "
             "c/b/target/y ]"));
    CHECK(is("[ -d c/empty ] && [ -f c/.gitignore ] && [ ! -e c/.git ] && [ ! -e c/b/.git ] && [ ! -e c/target ] && [ ! -e "
             "c/node_modules ]"));
}

TEST(refuses_to_copy_what_is_no_file)
{
    PLACE place;
    struct error err = {0};
    CHECK(enter(&place, "mkdir -p a/b; mkfifo a/b/pipe"));
    CHECK_EQ(copy("a", "c", &err), ST_INVALID);
    CHECK(strstr(err.message, "b/pipe"));
}

TEST(refuses_what_is_too_deep)
{
    PLACE place;
    struct error err = {0};
    CHECK(enter(&place, "mkdir a; cd a; i=0; while [ $i -lt 150 ]; do mkdir d; cd d; i=$((i+1)); done"));
    CHECK_EQ(copy("a", "c", &err), ST_LIMIT);
    CHECK_EQ(cli_tree_settle("a", &err), ST_LIMIT);
}

TEST(every_git_folder_is_dropped)
{
    PLACE place;
    CHECK(enter(&place,
                "mkdir -p a/.git/x a/b/.GIT; echo gitdir: /elsewhere > a/b/.git; echo x > a/b/.gitkeep; ln -s / a/b/c; rm a/b/c; "
                "chmod 500 a/.git/x"));
    CHECK_EQ(cli_tree_settle("a", NULL), ST_OK);
    CHECK(is("[ ! -e a/.git ] && [ ! -e a/b/.git ] && [ ! -e a/b/.GIT ] && [ -f a/b/.gitkeep ]"));
}

TEST(links_that_stay_inside)
{
    PLACE place;
    CHECK(
        enter(&place,
              "mkdir -p a/b/c; echo x > a/file; ln -s ../file a/b/1; ln -s . a/2; ln -s ../../b/./c/../c a/b/c/3; ln -s later a/4;"
              "ln -s b/c/5 a/b/c/5; ln -s 2/2/2/file a/6"));
    struct error err = {0};
    CHECK(cli_tree_settle("a", &err) == ST_OK || tap_fail(__FILE__, __LINE__, "%s", err.message));
}

TEST(links_that_lead_out)
{
    static const char *const links[] = {
        "ln -s /etc/passwd a/bad",         "ln -s / a/bad",           "ln -s .. a/bad",
        "ln -s ../outside a/bad",          "ln -s b/../../x a/bad",   "ln -s ../../x a/b/bad",
        "ln -s later/../../x a/bad",       "ln -s ./../a/file a/bad", "ln -s b/c a/in; ln -s . a/b/up; ln -s up/../../x a/b/bad",
        "ln -s . a/s; ln -s s/../x a/bad", "ln -s ../.. a/b/bad",
    };
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        PLACE place;
        autobuf struct buf script = BUF_INIT(BUF_UNLIMITED);
        struct error err = {0};
        buf_addf(&script, "mkdir -p a/b/c; echo x > a/file; echo x > outside; %s", links[i]);
        CHECK(enter(&place, script.data));
        CHECK(cli_tree_settle("a", &err) == ST_INVALID || tap_fail(__FILE__, __LINE__, "accepted: %s", links[i]));
        CHECK(strstr(err.message, "bad"));
    }
}

TEST(removing_follows_no_links)
{
    PLACE place;
    CHECK(enter(&place, "mkdir -p a/b keep; echo x > keep/file; ln -s ../keep a/link; ln -s ../../keep/file a/b/link"));
    CHECK_EQ(cli_tree_remove("a", NULL), ST_OK);
    CHECK_EQ(cli_tree_remove("a", NULL), ST_OK);
    CHECK(is("[ ! -e a ] && [ -f keep/file ]"));
}

TEST(an_interrupt_ends_the_work)
{
    PLACE place;
    struct cli_interrupts held;
    int signal;
    CHECK(enter(&place, "mkdir -p a/b; echo x > a/file"));
    cli_interrupts_hold(&held);
    kill(getpid(), SIGTERM);
    CHECK_EQ(copy("a", "c", NULL), ST_CANCELLED);
    CHECK_EQ(cli_tree_settle("a", NULL), ST_CANCELLED);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &signal);
    cli_interrupts_release(&held);
}

/* Paths beneath a directory: the kernel's resolution and the fallback walk give the same answers, and none leads out. */
#include "wasi/path.h"
#include "base/mem.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tree with a secret beside it; `dir` is open. */
struct tree {
    char root[40];
    int dir;
};

static void make_file(int dir, const char *name)
{
    int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, name, strlen(name)) < 0)
        bug("%s", name);
    close(fd);
}

static void set_up(struct tree *tree)
{
    snprintf(tree->root, sizeof tree->root, "/tmp/wash-path-XXXXXX");
    if (!mkdtemp(tree->root))
        bug("mkdtemp");
    int root = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_file(root, "secret");
    mkdirat(root, "in", 0755);
    tree->dir = openat(root, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_file(tree->dir, "file");
    mkdirat(tree->dir, "sub", 0755);
    make_file(tree->dir, "sub/deep");
    char absolute[64];
    snprintf(absolute, sizeof absolute, "%s/secret", tree->root);
    const char *const links[][2] = {
        {"file", "link"},    {"../secret", "out"}, {absolute, "absolute"}, {"sub/../file", "around"},   {"b", "a"},
        {"a", "b"},          {"..", "up"},         {"sub", "to-sub"},      {"../../secret", "sub/out"}, {"../file", "sub/back"},
        {"none", "dangling"}};
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (symlinkat(links[i][0], tree->dir, links[i][1]) != 0)
            bug("symlink %s", links[i][1]);
    close(root);
}

static void tear_down(struct tree *tree)
{
    char command[64];
    close(tree->dir);
    snprintf(command, sizeof command, "rm -rf %s", tree->root);
    if (system(command) != 0)
        bug("%s", command);
}
#define TREE __attribute__((cleanup(tear_down))) struct tree

static const struct {
    const char *path;
    int flags;
    bool follow;
    int error;
} cases[] = {
    {"file", O_RDONLY, true, 0},
    {"./file", O_RDONLY, true, 0},
    {"sub//deep", O_RDONLY, true, 0},
    {"sub/../file", O_RDONLY, true, 0},
    {"sub/.", O_RDONLY | O_DIRECTORY, true, 0},
    {"sub/", O_RDONLY | O_DIRECTORY, true, 0},
    {".", O_RDONLY | O_DIRECTORY, true, 0},
    {"sub/..", O_RDONLY | O_DIRECTORY, true, 0},
    {"link", O_RDONLY, true, 0},
    {"link", O_RDONLY, false, ELOOP},
    {"around", O_RDONLY, true, 0},
    {"to-sub/deep", O_RDONLY, false, 0},
    {"sub/back", O_RDONLY, true, 0},
    {"", O_RDONLY, true, ENOENT},
    {"none", O_RDONLY, true, ENOENT},
    {"dangling", O_RDONLY, true, ENOENT},
    {"file/below", O_RDONLY, true, ENOTDIR},
    {"file/", O_RDONLY, true, ENOTDIR},
    {"a", O_RDONLY, true, ELOOP},
    {"..", O_RDONLY, true, EPERM},
    {"../secret", O_RDONLY, true, EPERM},
    {"sub/../../secret", O_RDONLY, true, EPERM},
    {"out", O_RDONLY, true, EPERM},
    {"sub/out", O_RDONLY, true, EPERM},
    {"absolute", O_RDONLY, true, EPERM},
    {"up/secret", O_RDONLY, true, EPERM},
    {"/etc/passwd", O_RDONLY, true, EPERM},
    {"/", O_RDONLY, true, EPERM},
    {"out", O_WRONLY | O_CREAT, true, EPERM},
    {"file", O_WRONLY | O_CREAT | O_EXCL, true, EEXIST},
    {"link", O_WRONLY | O_CREAT | O_EXCL, true, EEXIST},
};

TEST(both_resolvers_agree)
{
    TREE tree;
    set_up(&tree);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int walk = 0; walk < 2; walk++) {
            int fd = -1;
            int error = walk ? wasi_path_walk(tree.dir, cases[i].path, cases[i].flags, 0600, cases[i].follow, &fd)
                             : wasi_path_open(tree.dir, cases[i].path, cases[i].flags, 0600, cases[i].follow, &fd);
            close_descriptor(&fd);
            if (error != cases[i].error)
                printf("# %s %s\n", walk ? "walk" : "open", cases[i].path);
            CHECK_EQ(error, cases[i].error);
        }
    }
}

TEST(created_files_stay_inside)
{
    TREE tree;
    set_up(&tree);
    for (int walk = 0; walk < 2; walk++) {
        const char *name = walk ? "sub/new-by-walk" : "sub/new";
        int fd = -1;
        CHECK_EQ((walk ? wasi_path_walk : wasi_path_open)(tree.dir, name, O_RDWR | O_CREAT | O_EXCL, 0600, true, &fd), 0);
        close(fd);
        struct stat info;
        CHECK_EQ(fstatat(tree.dir, name, &info, AT_SYMLINK_NOFOLLOW), 0);
        CHECK_EQ(info.st_mode & 0777, 0600);
    }
}

static const struct {
    const char *path, *name;
    bool slash;
    int error;
} parents[] = {
    {"file", "file", false, 0}, {"sub/deep", "deep", false, 0}, {"sub/new/", "new", true, 0},    {"to-sub/x", "x", false, 0},
    {"", NULL, false, ENOENT},  {".", NULL, false, EINVAL},     {"..", NULL, false, EPERM},      {"sub/..", NULL, false, EPERM},
    {"/x", NULL, false, EPERM}, {"up/x", NULL, false, EPERM},   {"none/x", NULL, false, ENOENT}, {"file/x", NULL, false, ENOTDIR},
};

TEST(parents)
{
    TREE tree;
    set_up(&tree);
    for (size_t i = 0; i < ARRAY_LEN(parents); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s", parents[i].path);
        int parent = -1;
        const char *name = NULL;
        bool slash;
        int error = wasi_path_parent(tree.dir, path, &parent, &name, &slash);
        close_descriptor(&parent);
        CHECK_EQ(error, parents[i].error);
        if (error == 0) {
            CHECK_STR(str_of(name), parents[i].name);
            CHECK_EQ(slash, parents[i].slash);
        }
    }
}

TEST(very_long_paths_are_refused)
{
    TREE tree;
    set_up(&tree);
    static char path[8192];
    memset(path, 'x', sizeof path - 1);
    int fd;
    CHECK_EQ(wasi_path_walk(tree.dir, path, O_RDONLY, 0, true, &fd), ENAMETOOLONG);
    for (size_t i = 0; i + 2 < 4000; i += 2)
        memcpy(path + i, "d/", 2);
    path[4000] = 0;
    CHECK_EQ(wasi_path_walk(tree.dir, path, O_RDONLY, 0, true, &fd), ENOENT);
}

/* Files and folders as a whole. */
#include "base/file.h"
#include "base/mem.h"
#include "folder.h"
#include "tap.h"
#include <sys/stat.h>
#include <unistd.h>

/* A path in the folder; good until the next but three. */
static const char *in(const struct folder *folder, const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_LEN(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
    return path;
}

TEST(a_file_is_read_up_to_the_maximum)
{
    autofolder folder;
    autobuf struct buf bytes = BUF_INIT(8), more = BUF_INIT(7);
    struct error err;
    CHECK(folder_open(&folder) && folder_write(&folder, "f", STR("1234"), 0600));
    CHECK_EQ(file_read(in(&folder, "f"), &bytes, &err), ST_OK);
    CHECK_EQ(file_read(in(&folder, "f"), &bytes, &err), ST_OK);
    CHECK_STR(buf_str(&bytes), "12341234");
    CHECK_EQ(bytes.data[8], '\0');
    CHECK_EQ(file_read(in(&folder, "f"), &more, &err), ST_OK);
    CHECK_EQ(file_read(in(&folder, "f"), &more, &err), ST_LIMIT);
    CHECK(strstr(err.message, "/f has more than 7 bytes"));
    CHECK_STR(buf_str(&more), "1234");
}

TEST(files_whose_size_is_not_known)
{
    autobuf struct buf bytes = BUF_INIT(1 << 16), few = BUF_INIT(10);
    CHECK_EQ(file_read("/proc/self/status", &bytes, NULL), ST_OK);
    CHECK(str_find(buf_str(&bytes), STR("VmRSS")) != STR_NONE);
    CHECK_EQ(file_read("/proc/self/status", &few, NULL), ST_LIMIT);
    CHECK_EQ(few.len, 0);
}

TEST(large_and_empty_files)
{
    autofolder folder;
    autobuf struct buf written = BUF_INIT(BUF_UNLIMITED), bytes = BUF_INIT(1 << 24);
    for (unsigned i = 0; written.len < 1234567; i++)
        buf_addf(&written, "%u ", i);
    CHECK(folder_open(&folder) && folder_write(&folder, "none", STR(""), 0600));
    CHECK_EQ(file_replace(in(&folder, "f"), buf_str(&written), NULL), ST_OK);
    CHECK_EQ(file_read(in(&folder, "none"), &bytes, NULL), ST_OK);
    CHECK_EQ(bytes.len, 0);
    CHECK_EQ(file_read(in(&folder, "f"), &bytes, NULL), ST_OK);
    CHECK(str_eq(buf_str(&bytes), buf_str(&written)));
}

TEST(what_is_no_file_is_refused)
{
    autofolder folder;
    autobuf struct buf bytes = BUF_INIT(100);
    struct error err;
    CHECK(folder_open(&folder));
    CHECK_EQ(mkfifo(in(&folder, "fifo"), 0600), 0);
    const char *const paths[] = {folder.path, in(&folder, "fifo"), "/dev/zero"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        CHECK_EQ(file_read(paths[i], &bytes, &err), ST_INVALID);
        CHECK(strstr(err.message, "is not a regular file"));
    }
    CHECK_EQ(file_read(in(&folder, "none"), &bytes, &err), ST_NOT_FOUND);
    CHECK(strstr(err.message, "/none: "));
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? info.st_mode : 0;
}

TEST(a_replaced_file_keeps_its_mode_and_its_link)
{
    autofolder folder;
    autobuf struct buf bytes = BUF_INIT(100);
    autonames struct file_names names = {0};
    CHECK(folder_open(&folder) && folder_write(&folder, "f", STR("old"), 0640));
    CHECK_EQ(symlink("f", in(&folder, "link")), 0);
    CHECK_EQ(file_replace(in(&folder, "link"), STR("new"), NULL), ST_OK);
    CHECK_EQ(mode_of(in(&folder, "link")) & S_IFMT, S_IFLNK);
    CHECK_EQ(mode_of(in(&folder, "f")), S_IFREG | 0640);
    mode_t mask = umask(027);
    CHECK_EQ(file_replace(in(&folder, "other"), STR("new"), NULL), ST_OK);
    umask(mask);
    CHECK_EQ(mode_of(in(&folder, "other")), S_IFREG | 0640);
    CHECK_EQ(file_read(in(&folder, "f"), &bytes, NULL), ST_OK);
    CHECK_STR(buf_str(&bytes), "new");
    CHECK_EQ(file_replace(in(&folder, "no/folder"), STR("new"), NULL), ST_NOT_FOUND);
    CHECK_EQ(file_replace(folder.path, STR("new"), NULL) != ST_OK, 1);
    CHECK_EQ(file_names(folder.path, &names, NULL), ST_OK);
    CHECK_EQ(names.list.len, 3); /* nothing else is left */
}

TEST(names_come_in_order)
{
    static const char *const wanted[] = {".hidden", "Z", "a", "a-b", "b"};
    autofolder folder;
    autonames struct file_names names = {0}, none = {0};
    CHECK(folder_open(&folder));
    for (size_t i = ARRAY_LEN(wanted); i > 0; i--)
        CHECK(folder_write(&folder, wanted[i - 1], STR(""), 0600));
    CHECK_EQ(file_names(folder.path, &names, NULL), ST_OK);
    CHECK_EQ(names.list.len, ARRAY_LEN(wanted));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        CHECK_STR(str_of(names.list.items[i]), wanted[i]);
    CHECK_EQ(file_names(in(&folder, "none"), &none, NULL), ST_NOT_FOUND);
    CHECK_EQ(file_names(in(&folder, "a"), &none, NULL), ST_INVALID);
}

TEST(folders_are_made_down_to_the_last)
{
    autofolder folder;
    struct error err;
    CHECK(folder_open(&folder) && folder_write(&folder, "f", STR(""), 0600));
    CHECK_EQ(file_make_folders(in(&folder, "a/b/c"), 0700, NULL), ST_OK);
    CHECK_EQ(file_make_folders(in(&folder, "a/b/c"), 0700, NULL), ST_OK);
    CHECK(file_is_folder(in(&folder, "a/b/c")) && !file_is_folder(in(&folder, "f")));
    CHECK_EQ(mode_of(in(&folder, "a/b")), S_IFDIR | 0700);
    CHECK_EQ(file_make_folders(in(&folder, "f"), 0700, &err), ST_INVALID);
    CHECK(strstr(err.message, "/f is not a folder"));
    CHECK_EQ(file_make_folders(in(&folder, "f/d"), 0700, &err), ST_INVALID);
}

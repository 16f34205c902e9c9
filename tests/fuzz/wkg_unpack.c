/* libFuzzer target: an archive of WIT sources is unpacked into a scratch folder, or refused with a message and nothing left of it.
 * What is there then is files and folders within the bounds, and nothing beside the folder or where the program runs.
 *
 * A plain tar is tried a second time with the checksums of its headers set right, which chance would seldom do. */
#include "base/buf.h"
#include "base/mem.h"
#include "wkg/file.h"
#include "wkg/unpack.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, SIZE_AT = 124, SIZE_LEN = 12, CHECKSUM_AT = 148, CHECKSUM_LEN = 8 };

/* <root>/here is where the program runs, <root>/outer/folder is unpacked into. */
static char *root;

static char *below(const char *name)
{
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&path, "%s/%s", root, name);
    return buf_take(&path);
}

static void remove_root(void)
{
    (void)wkg_tree_remove(root, NULL);
    free(root);
}

/* In memory where the system has such a place. */
static void make_root(void)
{
    const char *place = getenv("TMPDIR");
    autobuf struct buf template = BUF_INIT(BUF_UNLIMITED);
    if (!place || place[0] != '/')
        place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    buf_addf(&template, "%s/wash-fuzz-unpack-XXXXXX", place);
    bug_unless(mkdtemp(template.data));
    root = buf_take(&template);
    autofree char *here = below("here"), *outer = below("outer");
    bug_unless(mkdir(here, 0700) == 0 && mkdir(outer, 0700) == 0);
    bug_unless(atexit(remove_root) == 0);
}

/* --- what is there afterwards ------------------------------------------------------------------------------------------------- */

struct found {
    uint64_t entries, bytes;
};

static void walk(int parent, const char *name, unsigned levels, struct found *found);

static void look_at(int folder, const char *name, unsigned levels, struct found *found)
{
    struct stat info;
    bug_unless(levels > 0 && fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0);
    found->entries++;
    if (S_ISDIR(info.st_mode)) {
        bug_unless((info.st_mode & 07777) == 0700);
        walk(folder, name, levels - 1, found);
        return;
    }
    bug_unless(S_ISREG(info.st_mode) && (info.st_mode & 07777) == 0600 && info.st_nlink == 1);
    found->bytes += (uint64_t)info.st_size;
}

/* levels: what is in the folder may be that deep. */
static void walk(int parent, const char *name, unsigned levels, struct found *found)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    bug_unless(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            look_at(fd, entry->d_name, levels, found);
    closedir(folder);
}

static void check_scratch(enum status status, const char *folder)
{
    struct found all = {0}, unpacked = {0};
    bug_unless((status == ST_OK) == wkg_exists(folder));
    walk(AT_FDCWD, root, WKG_ARCHIVE_MAX_DEPTH + 2, &all);
    if (status == ST_OK)
        walk(AT_FDCWD, folder, WKG_ARCHIVE_MAX_DEPTH, &unpacked);
    bug_unless(all.entries == unpacked.entries + (status == ST_OK ? 3 : 2)); /* here, outer, folder */
    bug_unless(all.bytes == unpacked.bytes);
    bug_unless(unpacked.entries <= WKG_ARCHIVE_MAX_ENTRIES && unpacked.bytes <= WKG_ARCHIVE_MAX_BYTES);
}

static void try_archive(struct str archive)
{
    struct error err = {.message = ""};
    autofree char *here = below("here"), *folder = below("outer/folder");
    autoclose int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bug_unless(before >= 0 && chdir(here) == 0);
    enum status status = wkg_archive_unpack(archive, folder, &err);
    bug_unless(fchdir(before) == 0);
    bug_unless(status == ST_OK || (err.message[0] && err.status == status));
    check_scratch(status, folder);
    bug_unless(wkg_tree_remove(folder, &err) == ST_OK);
}

/* --- checksums ---------------------------------------------------------------------------------------------------------------- */

/* Sets the checksum of a header; false: it is the end of the archive, all zeros. */
static bool repair_header(char *header)
{
    char digits[CHECKSUM_LEN];
    unsigned sum = 0, content = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        content |= (uint8_t)header[i];
        sum += i - CHECKSUM_AT < CHECKSUM_LEN ? ' ' : (uint8_t)header[i];
    }
    snprintf(digits, sizeof digits, "%06o", sum & 0777777);
    if (content)
        memcpy(header + CHECKSUM_AT, digits, sizeof digits);
    return content;
}

static size_t size_in(const char *header)
{
    size_t size = 0;
    for (size_t i = SIZE_AT; i < SIZE_AT + SIZE_LEN && header[i] >= '0' && header[i] <= '7'; i++)
        size = size * 8 + (size_t)(header[i] - '0');
    return size;
}

static bool repair(struct buf *tar)
{
    size_t at = 0;
    while (at < tar->len && tar->len - at >= BLOCK && repair_header(tar->data + at))
        at += BLOCK + (size_in(tar->data + at) + BLOCK - 1) / BLOCK * BLOCK;
    return at > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autobuf struct buf repaired = BUF_INIT(BUF_UNLIMITED);
    struct str archive = str_n((const char *)data, size);
    if (!root)
        make_root();
    try_archive(archive);
    buf_add(&repaired, archive);
    if (!str_starts(archive, STR("\x1f\x8b")) && repair(&repaired) && !str_eq(buf_str(&repaired), archive))
        try_archive(buf_str(&repaired));
    return 0;
}

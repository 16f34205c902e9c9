#include "wkg/unpack.h"
#include "base/file.h"
#include "base/mem.h"
#include "wkg/file.h"
#include "wkg/libarchive.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct unpacking {
    struct archive *archive;
    const char *folder;
    uint64_t entries, bytes;
    struct error *err;
};

static enum status fail_archive(struct unpacking *u)
{
    const char *text = archive_error_string(u->archive);
    return fail(u->err, ST_INVALID, "not a tar archive that can be read: %s", text ? text : "it is damaged");
}

/* --- bounds ------------------------------------------------------------------------------------------------------------------- */

static enum status count_entry(struct unpacking *u)
{
    if (++u->entries > WKG_ARCHIVE_MAX_ENTRIES)
        return fail(u->err, ST_LIMIT, "the archive has more than %u entries", WKG_ARCHIVE_MAX_ENTRIES);
    return ST_OK;
}

/* Before `more` bytes are read, to be written or to be passed over; what the archive itself has besides files counts as well. */
static enum status check_size(struct unpacking *u, int64_t more)
{
    if (more > (int64_t)(WKG_ARCHIVE_MAX_BYTES - u->bytes) || archive_filter_bytes(u->archive, 0) > (int64_t)WKG_ARCHIVE_MAX_BYTES)
        return fail(u->err, ST_LIMIT, "the archive unpacks to more than %llu bytes", WKG_ARCHIVE_MAX_BYTES);
    return ST_OK;
}

/* As UTF-8 or not: the bytes are what counts. */
static enum status check_name(struct unpacking *u, struct str name)
{
    struct str rest = name, part;
    size_t depth = 0;
    if (name.len == 0 || name.len > WKG_ARCHIVE_MAX_NAME)
        return fail(u->err, ST_INVALID, "the archive has an entry whose name is empty or longer than %u bytes",
                    WKG_ARCHIVE_MAX_NAME);
    if (name.data[0] == '/')
        return fail(u->err, ST_INVALID, "the archive has an entry with an absolute name, `%.*s`", STR_ARG(name));
    while (str_next_part(&rest, '/', &part)) {
        if (str_is(part, ".."))
            return fail(u->err, ST_INVALID, "the archive has an entry that leads out of it, `%.*s`", STR_ARG(name));
        if (++depth > WKG_ARCHIVE_MAX_DEPTH)
            return fail(u->err, ST_LIMIT, "the archive has folders deeper than %u", WKG_ARCHIVE_MAX_DEPTH);
    }
    return ST_OK;
}

/* --- entries ------------------------------------------------------------------------------------------------------------------ */

static enum status write_file(struct unpacking *u, const char *path, struct str name)
{
    char piece[65536];
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(u->err, ST_INVALID, "the archive has `%.*s` twice", STR_ARG(name));
    if (fd < 0)
        return fail_errno(u->err, "unpack `%.*s`", STR_ARG(name));
    for (;;) {
        la_ssize_t len = archive_read_data(u->archive, piece, sizeof piece);
        if (len < 0)
            return fail_archive(u);
        if (len == 0)
            return ST_OK;
        TRY(check_size(u, len));
        u->bytes += (uint64_t)len;
        TRY(file_write_all(fd, str_n(piece, (size_t)len), path, u->err));
    }
}

/* ret_made: it was not there. */
static enum status make_folder(struct unpacking *u, const char *path, struct str name, bool *ret_made)
{
    *ret_made = mkdir(path, 0700) == 0;
    if (*ret_made || (errno == EEXIST && file_is_folder(path)))
        return ST_OK;
    if (errno == EEXIST || errno == ENOTDIR)
        return fail(u->err, ST_INVALID, "the archive needs a folder for `%.*s` where it has a file", STR_ARG(name));
    return fail_errno(u->err, "unpack `%.*s`", STR_ARG(name));
}

/* The folders that `name` is in; often they have no entries. */
static enum status make_parents(struct unpacking *u, char *path, struct str name)
{
    bool made;
    for (char *slash = strchr(path + strlen(u->folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        enum status status = make_folder(u, path, name, &made);
        *slash = '/';
        TRY(status);
        if (made)
            TRY(count_entry(u));
    }
    return ST_OK;
}

static enum status unpack_entry(struct unpacking *u, struct archive_entry *entry)
{
    const char *text = archive_entry_pathname(entry);
    struct str name = text ? str_of(text) : STR("");
    mode_t type = archive_entry_filetype(entry);
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    bool made;
    TRY(count_entry(u));
    TRY(check_size(u, archive_entry_size(entry)));
    TRY(check_name(u, name));
    if (archive_entry_hardlink(entry) || (type != AE_IFREG && type != AE_IFDIR))
        return fail(u->err, ST_INVALID, "the archive has `%.*s`, which is neither a file nor a folder", STR_ARG(name));
    while (str_ends(name, STR("/")))
        name.len--;
    buf_addf(&path, "%s/%.*s", u->folder, STR_ARG(name));
    TRY(make_parents(u, path.data, name));
    return type == AE_IFDIR ? make_folder(u, path.data, name, &made) : write_file(u, path.data, name);
}

static enum status unpack_all(struct unpacking *u, struct str archive)
{
    archive_read_support_format_tar(u->archive);
    archive_read_support_filter_gzip(u->archive);
    if (archive_read_open_memory(u->archive, archive.data, archive.len) != ARCHIVE_OK)
        return fail_archive(u);
    for (;;) {
        struct archive_entry *entry;
        int code = archive_read_next_header(u->archive, &entry);
        if (code == ARCHIVE_EOF)
            return u->entries ? ST_OK : fail(u->err, ST_INVALID, "the archive is empty");
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return fail_archive(u);
        TRY(unpack_entry(u, entry));
    }
}

enum status wkg_archive_unpack(struct str archive, const char *folder, struct error *err)
{
    TRY(wkg_libarchive_load(err));
    struct unpacking u = {.folder = folder, .err = err};
    if (mkdir(folder, 0700) != 0)
        return fail_errno(err, "make folder %s", folder);
    u.archive = archive_read_new();
    enum status status = u.archive ? unpack_all(&u, archive) : fail(err, ST_INTERNAL, "libarchive cannot be set up");
    archive_read_free(u.archive);
    if (status != ST_OK)
        (void)wkg_tree_remove(folder, NULL);
    return status;
}

#include "wkg/unpack.h"
#include "base/file.h"
#include "base/mem.h"
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

/* As UTF-8 or not: the bytes are what counts. The caller frees. */
static enum status check_name(struct unpacking *u, struct str name, struct error *err)
{
    struct str rest = name, part;
    size_t depth = 0;
    if (name.len == 0 || name.len > WKG_ARCHIVE_MAX_NAME)
        return fail(err, ST_INVALID, "the archive has an entry whose name is empty or longer than %u bytes", WKG_ARCHIVE_MAX_NAME);
    if (name.data[0] == '/')
        return fail(err, ST_INVALID, "the archive has an entry with an absolute name, `%.*s`", STR_ARG(name));
    while (str_next_part(&rest, '/', &part)) {
        if (str_is(part, ".."))
            return fail(err, ST_INVALID, "the archive has an entry that leads out of it, `%.*s`", STR_ARG(name));
        if (++depth > WKG_ARCHIVE_MAX_DEPTH)
            return fail(err, ST_LIMIT, "the archive has folders deeper than %u", WKG_ARCHIVE_MAX_DEPTH);
    }
    if (++u->entries > WKG_ARCHIVE_MAX_ENTRIES)
        return fail(err, ST_LIMIT, "the archive has more than %u entries", WKG_ARCHIVE_MAX_ENTRIES);
    return ST_OK;
}

static enum status write_piece(struct unpacking *u, int fd, const char *path, struct str piece)
{
    if ((u->bytes += piece.len) > WKG_ARCHIVE_MAX_BYTES)
        return fail(u->err, ST_LIMIT, "the archive unpacks to more than %llu bytes", WKG_ARCHIVE_MAX_BYTES);
    return file_write_all(fd, piece, path, u->err);
}

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
        TRY(write_piece(u, fd, path, str_n(piece, (size_t)len)));
    }
}

static enum status unpack_entry(struct unpacking *u, struct archive_entry *entry)
{
    const char *text = archive_entry_pathname(entry);
    struct str name = text ? str_of(text) : STR("");
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED), parent = BUF_INIT(BUF_UNLIMITED);
    TRY(check_name(u, name, u->err));
    mode_t type = archive_entry_filetype(entry);
    if (archive_entry_hardlink(entry) || (type != AE_IFREG && type != AE_IFDIR))
        return fail(u->err, ST_INVALID, "the archive has `%.*s`, which is neither a file nor a folder", STR_ARG(name));
    while (str_ends(name, STR("/")))
        name.len--;
    buf_addf(&path, "%s/%.*s", u->folder, STR_ARG(name));
    if (type == AE_IFDIR)
        return file_make_folders(path.data, 0700, u->err);
    buf_add(&parent, str_slice(buf_str(&path), 0, str_find_last_char(buf_str(&path), '/')));
    TRY(file_make_folders(parent.data, 0700, u->err));
    return write_file(u, path.data, name);
}

static enum status unpack_all(struct unpacking *u)
{
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
    struct unpacking u = {.archive = archive_read_new(), .folder = folder, .err = err};
    if (!u.archive)
        return fail(err, ST_INTERNAL, "libarchive cannot be set up");
    archive_read_support_format_tar(u.archive);
    archive_read_support_filter_gzip(u.archive);
    archive_read_support_filter_zstd(u.archive);
    archive_read_support_filter_xz(u.archive);
    enum status status = ST_OK;
    if (archive_read_open_memory(u.archive, archive.data, archive.len) != ARCHIVE_OK)
        status = fail_archive(&u);
    if (status == ST_OK)
        status = unpack_all(&u);
    archive_read_free(u.archive);
    return status;
}

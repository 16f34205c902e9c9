#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "oci/cache_private.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_NAME_MAX 200 /* of the reference in a folder's or file's name */
#define RECORD_MAX 4096u
#define NEW_ARTIFACT "new-artifact" /* while they are written */
#define NEW_RECORD "new-record"

/* --- the folder -------------------------------------------------------------------------------------------------------------- */

static enum status make_folders(const char *path, struct error *err)
{
    enum status status = file_make_folders(path, 0700, err);
    if (status != ST_OK)
        fail_wrap(err, "artifact cache");
    return status;
}

static enum status open_private(int parent, const char *name, const char *path, int *ret_folder, struct error *err)
{
    struct stat info;
    autoclose int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &info) != 0)
        return fail_errno(err, "artifact cache: open %s", path);
    if (info.st_uid != geteuid())
        return fail(err, ST_DENIED, "artifact cache: %s belongs to user %u, not to us", path, (unsigned)info.st_uid);
    if (info.st_mode & 022)
        return fail(err, ST_DENIED, "artifact cache: others may write to %s (chmod go-w it)", path);
    *ret_folder = folder;
    folder = -1;
    return ST_OK;
}

enum status oci_cache_open(const char *folder, struct oci_cache **ret_cache, struct error *err)
{
    int descriptor;
    if (folder[0] != '/')
        return fail(err, ST_INVALID, "artifact cache: `%s` is not an absolute path", folder);
    TRY(make_folders(folder, err));
    TRY(open_private(AT_FDCWD, folder, folder, &descriptor, err));
    struct oci_cache *cache = NEW(struct oci_cache);
    cache->path = mem_strdup(folder);
    cache->folder = descriptor;
    *ret_cache = cache;
    return ST_OK;
}

void oci_cache_close(struct oci_cache *cache)
{
    if (!cache)
        return;
    close(cache->folder);
    free(cache->path);
    free(cache);
}

/* --- entries ----------------------------------------------------------------------------------------------------------------- */

static void add_sanitised(struct buf *name, struct str text)
{
    text = str_slice(text, 0, ENTRY_NAME_MAX);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        buf_addf(name, "%c", c == '/' || c == ':' || c == '@' ? '_' : c);
    }
}

static char *entry_name(const struct oci_reference *reference)
{
    struct buf name = BUF_INIT(BUF_UNLIMITED);
    struct oci_digest digest;
    oci_digest_of(str_of(reference->text), &digest);
    add_sanitised(&name, str_of(reference->text));
    buf_addf(&name, "_%.8s", digest.text + sizeof "sha256:" - 1);
    return buf_take(&name);
}

/* The last part of the reference: "hello_1.2.wasm". */
static char *artifact_name(const struct oci_reference *reference)
{
    struct buf name = BUF_INIT(BUF_UNLIMITED);
    struct str text = str_of(reference->text);
    add_sanitised(&name, str_from(text, str_find_last_char(text, '/') + 1));
    buf_add(&name, STR(".wasm"));
    return buf_take(&name);
}

/* ret_again: it was there, and was removed before it could be opened. */
static enum status open_entry(struct oci_cache *cache, const char *name, struct oci_cache_entry *entry, bool *ret_again,
                              struct error *err)
{
    if (mkdirat(cache->folder, name, 0700) != 0 && errno != EEXIST)
        return fail_errno(err, "artifact cache: create %s", entry->path);
    enum status status = open_private(cache->folder, name, entry->path, &entry->folder, err);
    *ret_again = status == ST_NOT_FOUND;
    return *ret_again ? ST_OK : status;
}

/* False: whoever had the lock removed the entry, because it came to nothing. */
static bool still_there(const struct oci_cache_entry *entry)
{
    struct stat locked, named;
    return fstat(entry->lock, &locked) == 0 && stat(entry->path, &named) == 0 &&
           fstatat(entry->folder, OCI_CACHE_LOCK, &named, AT_SYMLINK_NOFOLLOW) == 0 && locked.st_ino == named.st_ino &&
           locked.st_dev == named.st_dev;
}

static enum status try_lock(struct oci_cache *cache, const char *name, struct cancel cancel, struct notice notice,
                            struct oci_cache_entry *entry, bool *ret_again, struct error *err)
{
    TRY(open_entry(cache, name, entry, ret_again, err));
    if (*ret_again)
        return ST_OK;
    entry->lock = openat(entry->folder, OCI_CACHE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (entry->lock < 0 && errno == ENOENT) {
        *ret_again = true;
        return ST_OK;
    }
    if (entry->lock < 0)
        return fail_errno(err, "artifact cache: open %s/" OCI_CACHE_LOCK, entry->path);
    enum status status = lock_wait(entry->lock, entry->path, cancel, notice, err);
    if (status != ST_OK) {
        fail_wrap(err, "artifact cache");
        return status;
    }
    *ret_again = !still_there(entry);
    return ST_OK;
}

static void close_both(struct oci_cache_entry *entry)
{
    close_descriptor(&entry->lock); /* which unlocks it */
    close_descriptor(&entry->folder);
    entry->lock = entry->folder = -1;
}

enum status oci_cache_lock(struct oci_cache *cache, const struct oci_reference *reference, struct cancel cancel,
                           struct notice notice, struct oci_cache_entry *ret_entry, struct error *err)
{
    struct oci_cache_entry entry = {.folder = -1, .lock = -1, .writing = -1};
    autofree char *name = entry_name(reference);
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&path, "%s/%s", cache->path, name);
    entry.path = buf_take(&path);
    entry.name = artifact_name(reference);
    entry.reference = mem_strdup(reference->text);
    enum status status;
    bool again;
    do {
        close_both(&entry);
        status = try_lock(cache, name, cancel, notice, &entry, &again, err);
    } while (status == ST_OK && again);
    if (status == ST_OK) {
        (void)unlinkat(entry.folder, NEW_ARTIFACT, 0); /* left by a process that died: the lock is ours */
        (void)unlinkat(entry.folder, NEW_RECORD, 0);
        (void)futimens(entry.lock, NULL);
        *ret_entry = entry;
        return ST_OK;
    }
    close_both(&entry);
    oci_cache_unlock(&entry);
    return status;
}

void oci_cache_drop(struct oci_cache_entry *entry)
{
    if (entry->writing < 0)
        return;
    close(entry->writing);
    entry->writing = -1;
    (void)unlinkat(entry->folder, NEW_ARTIFACT, 0);
}

/* An entry that came to nothing leaves nothing. */
static void remove_empty(const struct oci_cache_entry *entry)
{
    if (entry->lock < 0 || faccessat(entry->folder, OCI_CACHE_DIGEST, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return;
    (void)unlinkat(entry->folder, OCI_CACHE_LOCK, 0);
    (void)rmdir(entry->path);
}

void oci_cache_unlock(struct oci_cache_entry *entry)
{
    if (!entry->path)
        return;
    oci_cache_drop(entry);
    remove_empty(entry);
    close_both(entry);
    free(entry->path);
    free(entry->name);
    free(entry->reference);
    *entry = (struct oci_cache_entry){0};
}

char *oci_cache_path(const struct oci_cache_entry *entry)
{
    struct buf path = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&path, "%s/%s", entry->path, entry->name);
    return buf_take(&path);
}

/* --- reading ----------------------------------------------------------------------------------------------------------------- */

static bool read_small(const struct oci_cache_entry *entry, const char *name, struct buf *content)
{
    char piece[RECORD_MAX];
    autoclose int fd = openat(entry->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd < 0 ? -1 : read(fd, piece, sizeof piece);
    return len >= 0 && buf_append(content, piece, (size_t)len) == ST_OK;
}

static void write_record(const struct oci_cache_entry *entry, const struct oci_digest *manifest, const struct oci_digest *layer,
                         uint64_t bytes, struct buf *text)
{
    buf_addf(text, "reference %s\nmanifest %s\nlayer %s\nbytes %" PRIu64 "\n", entry->reference, manifest->text, layer->text,
             bytes);
}

/* The record is what write_record would write for the digests in it. */
static bool parse_record(const struct oci_cache_entry *entry, struct str record, struct oci_cached *cached)
{
    autobuf struct buf again = BUF_INIT(BUF_UNLIMITED);
    struct str rest = record, line;
    while (str_next_part(&rest, '\n', &line)) {
        if (str_skip(&line, STR("manifest ")))
            (void)oci_digest_parse(line, &cached->manifest);
        else if (str_skip(&line, STR("layer ")))
            (void)oci_digest_parse(line, &cached->layer);
        else if (str_skip(&line, STR("bytes ")))
            (void)str_parse_u64(line, INT64_MAX, &cached->bytes);
    }
    write_record(entry, &cached->manifest, &cached->layer, cached->bytes, &again);
    return cached->manifest.text[0] && cached->layer.text[0] && str_eq(buf_str(&again), record);
}

/* As long as the file is open here, or where its descriptor goes, trimming leaves it. */
static void hold(int artifact)
{
    (void)flock(artifact, LOCK_SH | LOCK_NB);
}

static bool artifact_intact(const struct oci_cache_entry *entry, struct oci_cached *cached)
{
    struct stat info;
    struct oci_digest digest;
    uint64_t bytes;
    autoclose int fd = openat(entry->folder, entry->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size != cached->bytes)
        return false;
    if (oci_digest_of_file(fd, entry->name, &cached->layer, &digest, &bytes, NULL) != ST_OK ||
        !oci_digest_eq(&digest, &cached->layer))
        return false;
    hold(fd);
    cached->fd = fd;
    fd = -1;
    return true;
}

enum status oci_cache_load(struct oci_cache_entry *entry, struct oci_cached *ret_cached, struct error *err)
{
    struct oci_cached cached = {.fd = -1};
    autobuf struct buf digest = BUF_INIT(RECORD_MAX), record = BUF_INIT(RECORD_MAX);
    if (!read_small(entry, OCI_CACHE_DIGEST, &digest) || !read_small(entry, OCI_CACHE_RECORD, &record))
        return fail(err, ST_NOT_FOUND, "%s is not in the artifact cache", entry->reference);
    if (!parse_record(entry, buf_str(&record), &cached) || !str_eq(str_trim(buf_str(&digest)), oci_digest_str(&cached.manifest)) ||
        !artifact_intact(entry, &cached))
        return fail(err, ST_NOT_FOUND, "%s is damaged in the artifact cache (%s)", entry->reference, entry->path);
    *ret_cached = cached;
    return ST_OK;
}

/* --- writing ----------------------------------------------------------------------------------------------------------------- */

enum status oci_cache_begin(struct oci_cache_entry *entry, int *ret_fd, struct error *err)
{
    oci_cache_drop(entry);
    int fd = openat(entry->folder, NEW_ARTIFACT, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(err, "artifact cache: create a file in %s", entry->path);
    hold(fd);
    entry->writing = *ret_fd = fd;
    return ST_OK;
}

static enum status write_small(const struct oci_cache_entry *entry, const char *name, struct str content, struct error *err)
{
    (void)unlinkat(entry->folder, NEW_RECORD, 0);
    autoclose int fd = openat(entry->folder, NEW_RECORD, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t written = fd < 0 ? -1 : write(fd, content.data, content.len);
    if (written >= 0 && (size_t)written < content.len)
        return fail(err, ST_LIMIT, "artifact cache: no space for %s/%s", entry->path, name);
    if (written < 0 || renameat(entry->folder, NEW_RECORD, entry->folder, name) != 0)
        return fail_errno(err, "artifact cache: write %s/%s", entry->path, name);
    return ST_OK;
}

enum status oci_cache_rename(struct oci_cache_entry *entry, const struct oci_digest *manifest, const struct oci_digest *layer,
                             uint64_t bytes, struct error *err)
{
    autobuf struct buf record = BUF_INIT(BUF_UNLIMITED);
    write_record(entry, manifest, layer, bytes, &record);
    TRY(write_small(entry, OCI_CACHE_RECORD, buf_str(&record), err));
    return write_small(entry, OCI_CACHE_DIGEST, oci_digest_str(manifest), err);
}

enum status oci_cache_finish(struct oci_cache_entry *entry, const struct oci_digest *manifest, const struct oci_digest *layer,
                             uint64_t bytes, struct error *err)
{
    bug_unless(entry->writing >= 0);
    if (renameat(entry->folder, NEW_ARTIFACT, entry->folder, entry->name) != 0)
        return fail_errno(err, "artifact cache: rename to %s/%s", entry->path, entry->name);
    close(entry->writing);
    entry->writing = -1;
    return oci_cache_rename(entry, manifest, layer, bytes, err);
}

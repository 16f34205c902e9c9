#include "engine/cache.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "wash code v2\n\0\0" /* 16 bytes with the final NUL; part of the key */
#define STALE_SECONDS 3600         /* a temporary file this old belongs to a process that died */
#define TEMPORARY_PREFIX "tmp-"

struct trailer { /* behind the code; ELF readers do not look there */
    char magic[16];
    uint64_t code_bytes, facts, checksum; /* of the code and what stands before it here */
};

struct code_cache {
    int dir;
    char *identity;
    uint64_t max_bytes;
    atomic_uint serial; /* of temporary files */
};

/* --- the folder ----------------------------------------------------------------------------------------------------------- */

static enum status make_folders(const char *path, struct error *err)
{
    enum status status = file_make_folders(path, 0700, err);
    if (status != ST_OK)
        fail_wrap(err, "code cache");
    return status;
}

static enum status default_folder(char **ret_path, struct error *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (cache && cache[0] == '/') {
        if (asprintf(&path, "%s/wash/code", cache) < 0)
            return fail(err, ST_LIMIT, "code cache: out of memory");
    } else if (home && home[0] == '/') {
        if (asprintf(&path, "%s/.cache/wash/code", home) < 0)
            return fail(err, ST_LIMIT, "code cache: out of memory");
    } else {
        return fail(err, ST_NOT_FOUND, "code cache: neither XDG_CACHE_HOME nor HOME names a folder");
    }
    *ret_path = path;
    return ST_OK;
}

static enum status open_folder(const char *path, int *ret_dir, struct error *err)
{
    struct stat info;
    autoclose int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &info) != 0)
        return fail_errno(err, "code cache: open %s", path);
    if (info.st_uid != geteuid())
        return fail(err, ST_DENIED, "code cache: %s belongs to user %u, not to us; it is not used", path, (unsigned)info.st_uid);
    if (info.st_mode & 077)
        return fail(err, ST_DENIED, "code cache: %s has mode %03o, others may enter; it is not used (chmod 700 it)", path,
                    (unsigned)info.st_mode & 0777);
    *ret_dir = dir;
    dir = -1;
    return ST_OK;
}

enum status code_cache_open(const char *dir, struct str identity, uint64_t max_bytes, struct code_cache **ret_cache,
                            struct error *err)
{
    autofree char *path = dir ? mem_strdup(dir) : NULL;
    if (!path)
        TRY(default_folder(&path, err));
    if (!path[0])
        return fail(err, ST_INVALID, "code cache: empty folder name");
    TRY(make_folders(path, err));
    int descriptor = -1;
    TRY(open_folder(path, &descriptor, err));
    struct code_cache *cache = NEW(struct code_cache);
    cache->dir = descriptor;
    cache->identity = mem_strndup(identity.data, identity.len);
    cache->max_bytes = max_bytes;
    *ret_cache = cache;
    return ST_OK;
}

void code_cache_close(struct code_cache *cache)
{
    if (!cache)
        return;
    close(cache->dir);
    free(cache->identity);
    free(cache);
}

/* --- keys and checksums --------------------------------------------------------------------------------------------------- */

void code_cache_key(const struct code_cache *cache, struct str bytes, struct code_key *ret_key)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) && EVP_DigestUpdate(context, MAGIC, sizeof MAGIC) &&
                EVP_DigestUpdate(context, cache->identity, strlen(cache->identity) + 1) &&
                EVP_DigestUpdate(context, bytes.data, bytes.len) && EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    if (!done)
        bug("SHA-256 is not available");
    for (size_t i = 0; i < 32; i++)
        snprintf(ret_key->name + 2 * i, 3, "%02x", digest[i]);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Finds accidents, not attacks: the folder is private. Several lanes, because it reads the whole of what start-up maps. */
static uint64_t checksum(const uint8_t *data, size_t len)
{
    uint64_t lanes[4] = {len, 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb};
    size_t i = 0;
    for (; i + 32 <= len; i += 32) {
        uint64_t words[4];
        memcpy(words, data + i, sizeof words);
        for (int lane = 0; lane < 4; lane++)
            lanes[lane] = mix(lanes[lane] ^ words[lane], 0xd6e8feb86659fd93);
    }
    uint8_t rest[32] = {0};
    memcpy(rest, data + i, len - i);
    for (int lane = 0; lane < 4; lane++) {
        uint64_t word;
        memcpy(&word, rest + 8 * lane, sizeof word);
        lanes[lane] = mix(lanes[lane] ^ word, 0xa0761d6478bd642f);
    }
    return mix(lanes[0] ^ lanes[1], lanes[2] ^ lanes[3] ^ 0xe7037ed1a0b428db);
}

static uint64_t trailer_checksum(const struct trailer *trailer, const uint8_t *code)
{
    return mix(checksum(code, trailer->code_bytes) ^ trailer->facts, 0x8ebc6af09c88c6e3);
}

/* --- loading -------------------------------------------------------------------------------------------------------------- */

static bool usable(const struct stat *info)
{
    return S_ISREG(info->st_mode) && info->st_uid == geteuid() && (info->st_mode & 077) == 0 && info->st_nlink == 1;
}

static bool read_intact(int descriptor, size_t size, uint64_t *ret_facts)
{
    struct trailer trailer;
    if (size < sizeof trailer)
        return false;
    uint8_t *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
        return false;
    size_t code_bytes = size - sizeof trailer;
    memcpy(&trailer, data + code_bytes, sizeof trailer);
    bool good = memcmp(trailer.magic, MAGIC, sizeof trailer.magic) == 0 && trailer.code_bytes == code_bytes &&
                trailer.checksum == trailer_checksum(&trailer, data);
    munmap(data, size);
    *ret_facts = trailer.facts;
    return good;
}

enum status code_cache_load(struct code_cache *cache, const struct code_key *key, int *ret_descriptor, uint64_t *ret_facts)
{
    struct stat info;
    uint64_t facts;
    autoclose int descriptor = openat(cache->dir, key->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 || fstat(descriptor, &info) != 0 || !usable(&info))
        return ST_NOT_FOUND;
    if (!read_intact(descriptor, (size_t)info.st_size, &facts)) {
        code_cache_remove(cache, key);
        return ST_NOT_FOUND;
    }
    if ((uint64_t)info.st_mtim.tv_sec + 86400 < (uint64_t)clock_wall().seconds)
        (void)futimens(descriptor, NULL); /* eviction takes the least recently used, to the day */
    *ret_descriptor = descriptor;
    *ret_facts = facts;
    descriptor = -1;
    return ST_OK;
}

void code_cache_remove(struct code_cache *cache, const struct code_key *key)
{
    (void)unlinkat(cache->dir, key->name, 0);
}

/* --- storing -------------------------------------------------------------------------------------------------------------- */

struct cached_file {
    char name[65];
    time_t used;
    uint64_t bytes;
};

static int older_first(const void *a, const void *b)
{
    const struct cached_file *left = a, *right = b;
    return (left->used > right->used) - (left->used < right->used);
}

/* Removes leftovers of dead writers, and the least recently used files until the rest fits. */
static void evict(struct code_cache *cache)
{
    VEC(struct cached_file) files = {0};
    uint64_t total = 0;
    int descriptor = openat(cache->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!folder) {
        if (descriptor >= 0)
            close(descriptor);
        return;
    }
    int64_t now = clock_wall().seconds;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        size_t len = strlen(entry->d_name);
        if (fstatat(cache->dir, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
            continue;
        if (str_starts(str_of(entry->d_name), STR(TEMPORARY_PREFIX)) && info.st_mtim.tv_sec + STALE_SECONDS < now)
            (void)unlinkat(cache->dir, entry->d_name, 0);
        if (len != 64)
            continue;
        struct cached_file *file = vec_add(&files);
        memcpy(file->name, entry->d_name, len);
        file->used = info.st_mtim.tv_sec;
        file->bytes = (uint64_t)info.st_size;
        total += file->bytes;
    }
    closedir(folder);
    if (total > cache->max_bytes)
        qsort(files.items, files.len, sizeof *files.items, older_first);
    for (size_t i = 0; i < files.len && total > cache->max_bytes; i++) {
        (void)unlinkat(cache->dir, files.items[i].name, 0);
        total -= files.items[i].bytes;
    }
    vec_release(&files);
}

enum status code_cache_store(struct code_cache *cache, const struct code_key *key, struct str code, uint64_t facts,
                             struct error *err)
{
    if (code.len > cache->max_bytes)
        return fail(err, ST_LIMIT, "code cache: a module of %zu bytes is over the bound of %" PRIu64, code.len, cache->max_bytes);
    char temporary[96];
    snprintf(temporary, sizeof temporary, TEMPORARY_PREFIX "%ld-%u-%" PRIx64, (long)getpid(), atomic_fetch_add(&cache->serial, 1),
             clock_now());
    autoclose int descriptor = openat(cache->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return fail_errno(err, "code cache: create %s", temporary);
    struct trailer trailer = {.magic = MAGIC, .code_bytes = code.len, .facts = facts};
    trailer.checksum = trailer_checksum(&trailer, (const uint8_t *)code.data);
    enum status status = file_write_all(descriptor, code, "the code cache", err);
    if (status == ST_OK)
        status = file_write_all(descriptor, str_n((const char *)&trailer, sizeof trailer), "the code cache", err);
    if (status == ST_OK && renameat(cache->dir, temporary, cache->dir, key->name) != 0)
        status = fail_errno(err, "code cache: rename %s", temporary);
    if (status != ST_OK)
        (void)unlinkat(cache->dir, temporary, 0);
    else
        evict(cache);
    return status;
}

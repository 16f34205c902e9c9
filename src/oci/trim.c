/* The bound of the artifact cache: what was used longest ago goes. Other processes may use the cache at the same time; those that want
 * to trim it as well wait. */
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "oci/cache_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct candidate {
    char *name; /* of its folder */
    uint64_t bytes;
    struct timespec used;
};

typedef VEC(struct candidate) candidate_list;

/* NULL: it cannot be read. */
static DIR *open_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder && fd >= 0)
        close(fd);
    return folder;
}

static bool is_file(int folder, const char *name, struct stat *ret_info)
{
    return fstatat(folder, name, ret_info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(ret_info->st_mode);
}

/* --- what there is ------------------------------------------------------------------------------------------------------------ */

/* False: it is no entry. */
static bool measure(int parent, const char *name, struct candidate *ret_candidate)
{
    struct stat info;
    DIR *folder = open_folder(parent, name);
    if (!folder)
        return false;
    bool is_entry = is_file(dirfd(folder), OCI_CACHE_LOCK, &info);
    struct candidate candidate = {.used = info.st_mtim};
    for (const struct dirent *file; is_entry && (file = readdir(folder));)
        if (is_file(dirfd(folder), file->d_name, &info))
            candidate.bytes += (uint64_t)info.st_size;
    closedir(folder);
    if (!is_entry)
        return false;
    candidate.name = mem_strdup(name);
    *ret_candidate = candidate;
    return true;
}

static void find_candidates(const struct oci_cache *cache, candidate_list *candidates)
{
    struct candidate candidate;
    DIR *folder = open_folder(cache->folder, ".");
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && measure(cache->folder, entry->d_name, &candidate))
            vec_push(candidates, candidate);
    closedir(folder);
}

static int compare_times(const struct timespec *a, const struct timespec *b)
{
    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? -1 : 1;
    return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

static int by_use(const void *a, const void *b)
{
    return compare_times(&((const struct candidate *)a)->used, &((const struct candidate *)b)->used);
}

/* --- what goes ---------------------------------------------------------------------------------------------------------------- */

static bool is_free(int folder, const char *name)
{
    autoclose int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Nobody has an artifact of it open. The lock of the entry keeps others from opening it meanwhile. */
static bool all_free(DIR *folder)
{
    bool all = true;
    for (const struct dirent *file; (file = readdir(folder));)
        if (str_ends(str_of(file->d_name), STR(".wasm")))
            all = all && is_free(dirfd(folder), file->d_name);
    rewinddir(folder);
    return all;
}

/* The record first: what is left if we die then is no entry that counts. The lock last: others wait for it, and find it gone. */
static void remove_files(DIR *folder)
{
    (void)unlinkat(dirfd(folder), OCI_CACHE_DIGEST, 0);
    (void)unlinkat(dirfd(folder), OCI_CACHE_RECORD, 0);
    for (const struct dirent *file; (file = readdir(folder));)
        if (strcmp(file->d_name, OCI_CACHE_LOCK) != 0)
            (void)unlinkat(dirfd(folder), file->d_name, 0);
    (void)unlinkat(dirfd(folder), OCI_CACHE_LOCK, 0);
}

/* False: it is in use, or has been since it was looked at. */
static bool remove_candidate(const struct oci_cache *cache, const struct candidate *candidate)
{
    struct stat info;
    DIR *folder = open_folder(cache->folder, candidate->name);
    if (!folder)
        return false;
    autoclose int lock = openat(dirfd(folder), OCI_CACHE_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    bool unused = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &info) == 0 && info.st_nlink > 0 &&
                  compare_times(&info.st_mtim, &candidate->used) == 0 && all_free(folder);
    if (unused)
        remove_files(folder);
    closedir(folder);
    return unused && unlinkat(cache->folder, candidate->name, AT_REMOVEDIR) == 0;
}

static void trim(const struct oci_cache *cache, uint64_t max_bytes)
{
    candidate_list candidates = {0};
    uint64_t total = 0, removed = 0;
    find_candidates(cache, &candidates);
    vec_each (candidate, &candidates)
        total += candidate->bytes;
    if (candidates.len)
        qsort(candidates.items, candidates.len, sizeof *candidates.items, by_use);
    vec_each (candidate, &candidates) {
        if (total - removed > max_bytes && remove_candidate(cache, candidate))
            removed += candidate->bytes;
        free(candidate->name);
    }
    vec_release(&candidates);
    if (removed)
        log_debug("trimmed the artifact cache", LOG_TEXT("folder", cache->path), LOG_U64("bytes", removed));
}

void oci_cache_trim(struct oci_cache *cache, uint64_t max_bytes)
{
    while (flock(cache->folder, LOCK_EX) != 0)
        if (errno != EINTR)
            return;
    trim(cache, max_bytes);
    (void)flock(cache->folder, LOCK_UN);
}

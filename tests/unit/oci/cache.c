#include "oci/cache.h"
#include "base/mem.h"
#include "folder.h"
#include "tap.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MANIFEST "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "sha256:2222222222222222222222222222222222222222222222222222222222222222"

struct fixture {
    struct folder folder;
    struct oci_cache *cache;
    struct oci_reference reference;
    struct oci_cache_entry entry;
};

static void fixture_close(struct fixture *fixture)
{
    oci_cache_unlock(&fixture->entry);
    oci_cache_close(fixture->cache);
    oci_reference_release(&fixture->reference);
    folder_remove(&fixture->folder);
}
#define autofixture __attribute__((cleanup(fixture_close))) struct fixture

static bool fixture_open(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    return folder_open(&fixture->folder) && oci_cache_open(fixture->folder.path, &fixture->cache, NULL) == ST_OK &&
           oci_reference_parse(STR("h.x:1/a/b:t"), &fixture->reference, NULL) == ST_OK;
}

static bool lock(struct fixture *fixture)
{
    return oci_cache_lock(fixture->cache, &fixture->reference, (struct cancel){0}, (struct notice){0}, &fixture->entry, NULL) ==
           ST_OK;
}

static bool store(struct fixture *fixture, struct str bytes)
{
    struct oci_digest manifest, layer;
    int fd;
    oci_digest_of(bytes, &layer);
    return oci_digest_parse(STR(MANIFEST), &manifest) && oci_cache_begin(&fixture->entry, &fd, NULL) == ST_OK &&
           write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len &&
           oci_cache_finish(&fixture->entry, &manifest, &layer, bytes.len, NULL) == ST_OK;
}

static enum status load(struct fixture *fixture, struct oci_cached *ret_cached)
{
    struct error err;
    enum status status = oci_cache_load(&fixture->entry, ret_cached, &err);
    if (status == ST_OK)
        close(ret_cached->fd);
    return status;
}

TEST(layout)
{
    autofixture f;
    struct oci_cached cached;
    CHECK(fixture_open(&f) && lock(&f));
    CHECK_EQ(load(&f, &cached), ST_NOT_FOUND);
    CHECK(store(&f, STR("hello")));
    CHECK_EQ(load(&f, &cached), ST_OK);
    CHECK_EQ(cached.bytes, 5);
    CHECK_STR(oci_digest_str(&cached.manifest), MANIFEST);
    autofree char *path = oci_cache_path(&f.entry);
    CHECK(str_ends(str_of(path), STR("/b_t.wasm")));
    autobuf struct buf digest = BUF_INIT(BUF_UNLIMITED), bytes = BUF_INIT(BUF_UNLIMITED), name = BUF_INIT(BUF_UNLIMITED);
    struct oci_digest hash;
    oci_digest_of(STR("h.x:1/a/b:t"), &hash);
    buf_addf(&name, "h.x_1_a_b_t_%.8s/digest", hash.text + 7);
    CHECK(folder_read(&f.folder, name.data, &digest));
    CHECK_STR(buf_str(&digest), MANIFEST);
}

TEST(nothing_is_left_of_nothing)
{
    autofixture f;
    int fd;
    CHECK(fixture_open(&f) && lock(&f));
    CHECK_EQ(oci_cache_begin(&f.entry, &fd, NULL), ST_OK);
    CHECK_EQ(write(fd, "half", 4), 4);
    oci_cache_unlock(&f.entry);
    CHECK_EQ(rmdir(f.folder.path), 0);
}

/* Each damage makes the entry not be there, and storing again repairs it. */
TEST(damage)
{
    static const struct {
        const char *file, *content; /* content NULL: remove it */
    } cases[] = {
        {"b_t.wasm", "hellO"}, {"b_t.wasm", "hell"}, {"b_t.wasm", NULL},
        {"digest", OTHER},     {"digest", ""},       {"digest", NULL},
        {"layer", ""},         {"layer", NULL},      {"layer", "manifest " MANIFEST "\n"},
    };
    autofixture f;
    struct oci_cached cached;
    CHECK(fixture_open(&f) && lock(&f));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(store(&f, STR("hello")));
        CHECK_EQ(load(&f, &cached), ST_OK);
        autobuf struct buf file = BUF_INIT(BUF_UNLIMITED);
        buf_addf(&file, "%s/%s", f.entry.path, cases[i].file);
        FILE *damaged = cases[i].content ? fopen(file.data, "we") : NULL;
        if (damaged) {
            fputs(cases[i].content, damaged);
            fclose(damaged);
        } else {
            CHECK_EQ(unlink(file.data), 0);
        }
        CHECK(load(&f, &cached) == ST_NOT_FOUND || tap_fail(__FILE__, __LINE__, "%zu: %s", i, cases[i].file));
    }
    CHECK(store(&f, STR("hello")));
    CHECK_EQ(load(&f, &cached), ST_OK);
}

TEST(a_link_is_not_followed)
{
    autofixture f;
    struct oci_cached cached;
    CHECK(fixture_open(&f) && lock(&f) && store(&f, STR("hello")));
    CHECK(folder_write(&f.folder, "outside", STR("hello"), 0600));
    autofree char *path = oci_cache_path(&f.entry);
    autobuf struct buf target = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&target, "%s/outside", f.folder.path);
    CHECK(unlink(path) == 0 && symlink(target.data, path) == 0);
    CHECK_EQ(load(&f, &cached), ST_NOT_FOUND);
}

TEST(renamed_manifest)
{
    autofixture f;
    struct oci_cached cached;
    struct oci_digest other, layer;
    CHECK(fixture_open(&f) && lock(&f) && store(&f, STR("hello")));
    CHECK(oci_digest_parse(STR(OTHER), &other));
    oci_digest_of(STR("hello"), &layer);
    CHECK_EQ(oci_cache_rename(&f.entry, &other, &layer, 5, NULL), ST_OK);
    CHECK_EQ(load(&f, &cached), ST_OK);
    CHECK_STR(oci_digest_str(&cached.manifest), OTHER);
}

TEST(folder_of_others_is_refused)
{
    autofixture f;
    struct oci_cache *cache;
    struct error err;
    CHECK(fixture_open(&f));
    CHECK_EQ(chmod(f.folder.path, 0777), 0);
    CHECK_EQ(oci_cache_open(f.folder.path, &cache, &err), ST_DENIED);
    CHECK(strstr(err.message, "others may write"));
    CHECK_EQ(oci_cache_open("relative", &cache, &err), ST_INVALID);
    CHECK_EQ(oci_cache_open("/proc/no/such", &cache, &err), ST_NOT_FOUND);
}

struct other {
    struct fixture *fixture;
    struct oci_cache_entry entry;
    enum status status;
    atomic_bool cancelled;
};

static void *lock_too(void *arg)
{
    struct other *other = arg;
    other->status = oci_cache_lock(other->fixture->cache, &other->fixture->reference, cancel_by_flag(&other->cancelled),
                                   (struct notice){0}, &other->entry, NULL);
    return NULL;
}

TEST(one_at_a_time)
{
    autofixture f;
    pthread_t thread;
    struct oci_cached cached;
    CHECK(fixture_open(&f) && lock(&f));
    struct other other = {.fixture = &f};
    CHECK_EQ(pthread_create(&thread, NULL, lock_too, &other), 0);
    usleep(50000);
    bool stored = store(&f, STR("hello"));
    oci_cache_unlock(&f.entry);
    pthread_join(thread, NULL);
    CHECK(stored);
    CHECK_EQ(other.status, ST_OK);
    f.entry = other.entry;
    CHECK_EQ(load(&f, &cached), ST_OK);
}

/* The first removes its entry, lock file included, while the second waits on that file: it must not believe that it has the lock. */
TEST(waiting_for_what_is_removed)
{
    autofixture f;
    pthread_t thread;
    CHECK(fixture_open(&f) && lock(&f));
    struct other other = {.fixture = &f};
    CHECK_EQ(pthread_create(&thread, NULL, lock_too, &other), 0);
    usleep(50000);
    oci_cache_unlock(&f.entry);
    pthread_join(thread, NULL);
    CHECK_EQ(other.status, ST_OK);
    f.entry = other.entry;
    autobuf struct buf file = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&file, "%s/lock", f.entry.path);
    CHECK_EQ(access(file.data, F_OK), 0);
    CHECK(store(&f, STR("hello")));
}

TEST(waiting_can_be_cancelled)
{
    autofixture f;
    pthread_t thread;
    CHECK(fixture_open(&f) && lock(&f));
    struct other other = {.fixture = &f};
    CHECK_EQ(pthread_create(&thread, NULL, lock_too, &other), 0);
    usleep(30000);
    atomic_store(&other.cancelled, true);
    pthread_join(thread, NULL);
    CHECK_EQ(other.status, ST_CANCELLED);
}

TEST(long_references_fit_in_a_name)
{
    autofixture f;
    char text[300];
    CHECK(fixture_open(&f));
    memset(text, 'a', sizeof text);
    memcpy(text, "h.x/", 4);
    oci_reference_release(&f.reference);
    CHECK_EQ(oci_reference_parse(str_n(text, 4 + OCI_REPOSITORY_MAX), &f.reference, NULL), ST_OK);
    CHECK(lock(&f) && store(&f, STR("hello")));
}

/* --- the bound ---------------------------------------------------------------------------------------------------------------- */

static bool use(struct fixture *fixture, const char *reference, struct oci_cache_entry *ret_entry)
{
    oci_reference_release(&fixture->reference);
    return oci_reference_parse(str_of(reference), &fixture->reference, NULL) == ST_OK &&
           oci_cache_lock(fixture->cache, &fixture->reference, (struct cancel){0}, (struct notice){0}, ret_entry, NULL) == ST_OK;
}

/* An entry with an artifact of 1000 bytes, used `age` seconds ago. */
static bool add(struct fixture *fixture, const char *reference, int age)
{
    char bytes[1000] = {0};
    autobuf struct buf path = BUF_INIT(BUF_UNLIMITED);
    struct timespec now;
    if (!use(fixture, reference, &fixture->entry) || !store(fixture, str_n(bytes, sizeof bytes)))
        return false;
    buf_addf(&path, "%s/lock", fixture->entry.path);
    oci_cache_unlock(&fixture->entry);
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= age;
    return utimensat(AT_FDCWD, path.data, (struct timespec[]){now, now}, 0) == 0;
}

static bool has(struct fixture *fixture, const char *reference)
{
    struct oci_cached cached;
    struct oci_cache_entry entry;
    if (!use(fixture, reference, &entry))
        return false;
    bool found = oci_cache_load(&entry, &cached, NULL) == ST_OK;
    if (found)
        close(cached.fd);
    oci_cache_unlock(&entry);
    return found;
}

static bool fill(struct fixture *fixture)
{
    return fixture_open(fixture) && add(fixture, "h.x/b:1", 200) && add(fixture, "h.x/a:1", 300) && add(fixture, "h.x/c:1", 100);
}

TEST(trim_removes_what_was_used_longest_ago)
{
    autofixture f;
    struct oci_cache_entry entry;
    CHECK(fill(&f));
    oci_cache_trim(f.cache, 100000);
    CHECK(has(&f, "h.x/b:1") && has(&f, "h.x/a:1") && has(&f, "h.x/c:1"));
    CHECK(add(&f, "h.x/a:1", 300) && add(&f, "h.x/b:1", 200) && add(&f, "h.x/c:1", 100));
    CHECK(use(&f, "h.x/a:1", &entry)); /* now */
    oci_cache_unlock(&entry);
    oci_cache_trim(f.cache, 2500);
    CHECK(!has(&f, "h.x/b:1") && !has(&f, "h.x/c:1") && has(&f, "h.x/a:1"));
    oci_cache_trim(f.cache, 0);
    CHECK(!has(&f, "h.x/a:1"));
    CHECK_EQ(rmdir(f.folder.path), 0); /* nothing is left */
    CHECK_EQ(mkdir(f.folder.path, 0700), 0);
}

TEST(trim_leaves_what_is_locked)
{
    autofixture f;
    struct oci_cache_entry entry;
    struct oci_cached cached;
    CHECK(fill(&f) && use(&f, "h.x/a:1", &entry));
    oci_cache_trim(f.cache, 0);
    CHECK(oci_cache_load(&entry, &cached, NULL) == ST_OK);
    close(cached.fd);
    oci_cache_unlock(&entry);
    CHECK(!has(&f, "h.x/b:1") && has(&f, "h.x/a:1"));
}

TEST(trim_leaves_what_is_open)
{
    autofixture f;
    struct oci_cache_entry entry;
    struct oci_cached cached;
    CHECK(fill(&f) && use(&f, "h.x/a:1", &entry) && oci_cache_load(&entry, &cached, NULL) == ST_OK);
    oci_cache_unlock(&entry);
    oci_cache_trim(f.cache, 0);
    CHECK(has(&f, "h.x/a:1"));
    close(cached.fd);
    oci_cache_trim(f.cache, 0);
    CHECK(!has(&f, "h.x/a:1"));
}

/* What a process that died in the middle has left, and what is not ours to remove. */
TEST(trim_passes_over_what_is_no_entry)
{
    autofixture f;
    struct oci_cache_entry entry;
    CHECK(fill(&f) && use(&f, "h.x/a:1", &entry));
    CHECK_EQ(unlinkat(entry.folder, "digest", 0), 0);
    CHECK_EQ(mkdirat(entry.folder, "theirs", 0700), 0);
    oci_cache_unlock(&entry);
    CHECK(folder_write(&f.folder, "notes", STR("mine"), 0600));
    oci_cache_trim(f.cache, 0);
    CHECK(folder_has(&f.folder, "notes"));
    CHECK(!has(&f, "h.x/a:1") && !has(&f, "h.x/b:1"));
    CHECK(add(&f, "h.x/a:1", 0) && has(&f, "h.x/a:1"));
}

struct crowd {
    struct fixture fixture;
    unsigned number;
    bool failed;
};

/* Pulls, or loads and reads, then trims. */
static void *use_and_trim(void *arg)
{
    struct crowd *crowd = arg;
    char reference[32], bytes[1000];
    for (unsigned i = 0; i < 200 && !crowd->failed; i++) {
        struct oci_cached cached = {.fd = -1};
        struct fixture *f = &crowd->fixture;
        snprintf(reference, sizeof reference, "h.x/%c:1", 'a' + (int)((i * 7 + crowd->number) % 5));
        crowd->failed = !use(f, reference, &f->entry);
        if (!crowd->failed && oci_cache_load(&f->entry, &cached, NULL) != ST_OK)
            crowd->failed = !store(f, str_n(memset(bytes, 'x', sizeof bytes), sizeof bytes)) ||
                            oci_cache_load(&f->entry, &cached, NULL) != ST_OK;
        oci_cache_unlock(&f->entry);
        oci_cache_trim(f->cache, 2000);
        crowd->failed = crowd->failed || pread(cached.fd, bytes, sizeof bytes, 0) != sizeof bytes;
        close(cached.fd);
    }
    return NULL;
}

TEST(many_trim_at_once)
{
    autofolder folder;
    pthread_t threads[4];
    struct crowd crowd[4] = {0};
    CHECK(folder_open(&folder));
    for (unsigned i = 0; i < ARRAY_LEN(crowd); i++) {
        crowd[i].number = i;
        CHECK_EQ(oci_cache_open(folder.path, &crowd[i].fixture.cache, NULL), ST_OK);
    }
    for (unsigned i = 0; i < ARRAY_LEN(crowd); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_and_trim, &crowd[i]), 0);
    for (unsigned i = 0; i < ARRAY_LEN(crowd); i++)
        pthread_join(threads[i], NULL);
    oci_cache_trim(crowd[0].fixture.cache, 0);
    bool failed = false;
    for (unsigned i = 0; i < ARRAY_LEN(crowd); i++) {
        failed = failed || crowd[i].failed;
        oci_cache_close(crowd[i].fixture.cache);
        oci_reference_release(&crowd[i].fixture.reference);
    }
    CHECK(!failed);
    CHECK_EQ(rmdir(folder.path), 0);
    CHECK_EQ(mkdir(folder.path, 0700), 0);
}

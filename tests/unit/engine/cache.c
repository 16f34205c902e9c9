#include "engine/cache.h"
#include "base/mem.h"
#include "unit/engine/support.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- a folder for a test -------------------------------------------------------------------------------------------------- */

struct folder {
    char path[64];
};

static bool folder_init(struct folder *folder)
{
    snprintf(folder->path, sizeof folder->path, "%s", "/tmp/wash-engine-XXXXXX");
    return mkdtemp(folder->path) != NULL;
}

/* Calls `each` (may be NULL) for every file; returns how many there are. */
static int folder_each(const struct folder *folder, void (*each)(int dir, const char *name))
{
    int count = 0;
    DIR *dir = opendir(folder->path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (each)
            each(dirfd(dir), entry->d_name);
    }
    if (dir)
        closedir(dir);
    return count;
}

static void remove_file(int dir, const char *name)
{
    unlinkat(dir, name, 0);
}

static void folder_release(struct folder *folder)
{
    folder_each(folder, remove_file);
    rmdir(folder->path);
}

/* --- the cache alone ------------------------------------------------------------------------------------------------------ */

static struct code_cache *open_cache(const struct folder *folder, const char *identity, uint64_t max_bytes)
{
    struct code_cache *cache = NULL;
    struct error err;
    if (code_cache_open(folder->path, str_of(identity), max_bytes, &cache, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "%s", err.message);
    return cache;
}

static bool has(struct code_cache *cache, const struct code_key *key, const char *content)
{
    char data[64] = "";
    autoclose int fd = -1;
    return code_cache_load(cache, key, &fd) == ST_OK && read(fd, data, strlen(content)) == (ssize_t)strlen(content) &&
           strcmp(data, content) == 0;
}

TEST(what_was_stored_is_loaded)
{
    struct folder folder;
    struct code_key key, other;
    struct error err;
    CHECK(folder_init(&folder));
    struct code_cache *cache = open_cache(&folder, "one", 1 << 20), *stranger = open_cache(&folder, "two", 1 << 20);
    CHECK(cache && stranger);
    code_cache_key(cache, STR("module"), &key);
    code_cache_key(stranger, STR("module"), &other);
    CHECK(strcmp(key.name, other.name) != 0);
    CHECK_EQ(strlen(key.name), 64);
    CHECK(!has(cache, &key, "code"));
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), &err), ST_OK);
    CHECK(has(cache, &key, "code"));
    CHECK(!has(stranger, &other, "code"));
    CHECK_EQ(code_cache_store(cache, &key, STR("edoc"), &err), ST_OK);
    CHECK(has(cache, &key, "edoc"));
    CHECK_EQ(folder_each(&folder, NULL), 1);
    code_cache_remove(cache, &key);
    CHECK(!has(cache, &key, "edoc"));
    code_cache_close(cache);
    code_cache_close(stranger);
    folder_release(&folder);
}

static void flip_first_byte(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
    char byte = 0;
    if (pread(fd, &byte, 1, 0) != 1)
        bug("pread");
    byte ^= 1;
    if (pwrite(fd, &byte, 1, 0) != 1)
        bug("pwrite");
    close(fd);
}

static void cut_tail(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
    if (ftruncate(fd, 10) != 0)
        bug("ftruncate");
    close(fd);
}

static void make_empty(int dir, const char *name)
{
    close(openat(dir, name, O_WRONLY | O_TRUNC | O_CLOEXEC));
}

TEST(a_damaged_file_is_removed)
{
    void (*const damages[])(int, const char *) = {flip_first_byte, cut_tail, make_empty};
    struct folder folder;
    struct code_key key;
    struct error err;
    CHECK(folder_init(&folder));
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    code_cache_key(cache, STR("module"), &key);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        CHECK_EQ(code_cache_store(cache, &key, STR("some code, longer than one lane of the checksum is wide"), &err), ST_OK);
        CHECK(has(cache, &key, "some code"));
        folder_each(&folder, damages[i]);
        CHECK(!has(cache, &key, "some code"));
        CHECK_EQ(folder_each(&folder, NULL), 0);
    }
    code_cache_close(cache);
    folder_release(&folder);
}

static void open_to_group(int dir, const char *name)
{
    fchmodat(dir, name, 0640, 0);
}

static void link_twice(int dir, const char *name)
{
    if (linkat(dir, name, dir, "second-name", 0) != 0)
        bug("linkat");
}

TEST(a_file_that_others_may_touch_is_not_loaded)
{
    struct folder folder;
    struct code_key key;
    struct error err;
    CHECK(folder_init(&folder));
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    code_cache_key(cache, STR("module"), &key);
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), &err), ST_OK);
    folder_each(&folder, open_to_group);
    CHECK(!has(cache, &key, "code"));
    CHECK_EQ(folder_each(&folder, NULL), 1); /* not ours to remove */
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), &err), ST_OK);
    CHECK(has(cache, &key, "code"));
    folder_each(&folder, link_twice);
    CHECK(!has(cache, &key, "code"));
    code_cache_close(cache);
    folder_release(&folder);
}

static void give_away(int dir, const char *name)
{
    if (fchownat(dir, name, 1, 1, AT_SYMLINK_NOFOLLOW) != 0)
        bug("fchownat");
}

TEST(a_file_or_folder_of_another_user_is_not_used)
{
    struct folder folder;
    struct code_key key;
    struct code_cache *second;
    struct error err;
    if (geteuid() != 0)
        SKIP("only root can give a file away");
    CHECK(folder_init(&folder));
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    code_cache_key(cache, STR("module"), &key);
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), &err), ST_OK);
    folder_each(&folder, give_away);
    CHECK(!has(cache, &key, "code"));
    CHECK_EQ(chown(folder.path, 1, 1), 0);
    CHECK_EQ(code_cache_open(folder.path, STR(""), 1 << 20, &second, &err), ST_DENIED);
    CHECK(strstr(err.message, "belongs to user 1"));
    code_cache_close(cache);
    folder_release(&folder);
}

TEST(a_folder_must_be_private)
{
    struct folder folder;
    struct code_cache *cache;
    struct error err;
    char nested[128];
    CHECK(folder_init(&folder));
    CHECK_EQ(chmod(folder.path, 0755), 0);
    CHECK_EQ(code_cache_open(folder.path, STR(""), 1 << 20, &cache, &err), ST_DENIED);
    CHECK(strstr(err.message, "others may enter"));
    snprintf(nested, sizeof nested, "%s/a/b", folder.path);
    CHECK_EQ(code_cache_open(nested, STR(""), 1 << 20, &cache, &err), ST_OK); /* made on the way, private */
    struct stat info;
    CHECK_EQ(stat(nested, &info), 0);
    CHECK_EQ(info.st_mode & 0777, 0700);
    code_cache_close(cache);
    CHECK_EQ(rmdir(nested), 0);
    snprintf(nested, sizeof nested, "%s/a", folder.path);
    CHECK_EQ(rmdir(nested), 0);
    snprintf(nested, sizeof nested, "%s/file", folder.path);
    close(open(nested, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK(code_cache_open(nested, STR(""), 1 << 20, &cache, &err) != ST_OK);
    CHECK(code_cache_open("", STR(""), 1 << 20, &cache, &err) != ST_OK);
    folder_release(&folder);
}

TEST(the_oldest_files_go_when_the_folder_is_full)
{
    struct folder folder;
    struct code_key keys[4];
    struct error err;
    char code[4000], path[160];
    CHECK(folder_init(&folder));
    memset(code, 'x', sizeof code);
    struct code_cache *cache = open_cache(&folder, "", 13000);
    CHECK(cache);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char name = (char)('a' + i);
        code_cache_key(cache, str_n(&name, 1), &keys[i]);
        CHECK_EQ(code_cache_store(cache, &keys[i], str_n(code, sizeof code), &err), ST_OK);
        CHECK(has(cache, &keys[i], "xxxx"));
        snprintf(path, sizeof path, "%s/%s", folder.path, keys[i].name);
        struct timespec times[2] = {{.tv_sec = 1000000000 + (time_t)i}, {.tv_sec = 1000000000 + (time_t)i}};
        CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    CHECK_EQ(folder_each(&folder, NULL), 3);
    CHECK(!has(cache, &keys[0], "xxxx"));
    CHECK(has(cache, &keys[1], "xxxx")); /* now it is the most recently used one */
    char last = 'e';
    struct code_key key;
    code_cache_key(cache, str_n(&last, 1), &key);
    CHECK_EQ(code_cache_store(cache, &key, str_n(code, sizeof code), &err), ST_OK);
    CHECK(has(cache, &keys[1], "xxxx"));
    CHECK(!has(cache, &keys[2], "xxxx"));
    CHECK_EQ(code_cache_store(cache, &key, str_n(code, 13001), &err), ST_LIMIT);
    code_cache_close(cache);
    folder_release(&folder);
}

TEST(leftovers_of_dead_writers_are_removed)
{
    struct folder folder;
    struct code_key key;
    struct error err;
    char path[128];
    CHECK(folder_init(&folder));
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    snprintf(path, sizeof path, "%s/tmp-1-2", folder.path);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    code_cache_key(cache, STR("module"), &key);
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), &err), ST_OK);
    CHECK_EQ(folder_each(&folder, NULL), 2); /* it may still be written to */
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), &err), ST_OK);
    CHECK_EQ(folder_each(&folder, NULL), 1);
    code_cache_close(cache);
    folder_release(&folder);
}

/* --- an engine with a cache ----------------------------------------------------------------------------------------------- */

static int run_with_options(const struct engine_options *options)
{
    struct engine *engine;
    struct test_guest guest;
    struct engine_func run;
    struct error err;
    if (engine_new(options, &engine, &err) != ST_OK)
        return -1;
    union engine_raw raw = {.i32 = -2};
    if (test_guest_init(&guest, engine, "(module (memory (export \"m\") 1) (func (export \"run\") (result i32) (i32.const 42)))",
                        NULL, 0)) {
        struct engine_store *store = test_start(engine, &guest, NULL, NULL, 1, &run);
        if (store && engine_call(store, &run, &raw, 1, &err) != ST_OK)
            raw.i32 = -3;
        engine_store_free(store);
        test_guest_release(&guest);
    }
    engine_free(engine);
    return raw.i32;
}

static int run_with_cache(const struct folder *folder, bool no_cache)
{
    struct engine_options options = {.max_instances = 4, .max_stacks = 1, .cache_dir = folder->path, .no_cache = no_cache};
    return run_with_options(&options);
}

static struct timespec seen_change; /* of the last file looked at */

static void note_change(int dir, const char *name)
{
    struct stat info;
    if (fstatat(dir, name, &info, 0) != 0)
        bug("fstatat");
    seen_change = info.st_ctim;
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Whether a run leaves the only file as it was: then nothing was compiled. */
static bool run_leaves_file(const struct folder *folder)
{
    folder_each(folder, note_change);
    struct timespec before = seen_change;
    usleep(20000); /* file times advance with the kernel's tick */
    if (run_with_cache(folder, false) != 42 || folder_each(folder, note_change) != 1)
        bug("the guest did not run");
    return same_time(before, seen_change);
}

TEST(an_engine_loads_what_another_compiled)
{
    struct folder folder;
    CHECK(folder_init(&folder));
    CHECK_EQ(run_with_cache(&folder, true), 42);
    CHECK_EQ(folder_each(&folder, NULL), 0);
    CHECK_EQ(run_with_cache(&folder, false), 42);
    CHECK_EQ(folder_each(&folder, NULL), 1);
    CHECK(run_leaves_file(&folder));
    folder_each(&folder, flip_first_byte);
    CHECK(!run_leaves_file(&folder));
    CHECK(run_leaves_file(&folder));
    folder_each(&folder, open_to_group);
    CHECK(!run_leaves_file(&folder)); /* compiled, and the foreign file replaced by ours */
    CHECK(run_leaves_file(&folder));
    folder_release(&folder);
}

TEST(code_that_counts_fuel_is_other_code)
{
    struct folder folder;
    CHECK(folder_init(&folder));
    struct engine_options counting = {.max_instances = 4, .max_stacks = 1, .cache_dir = folder.path, .count_fuel = true};
    for (int i = 0; i < 2; i++) { /* the second time with what the first left there */
        CHECK_EQ(run_with_cache(&folder, false), 42);
        CHECK_EQ(run_with_options(&counting), 42);
        CHECK_EQ(folder_each(&folder, NULL), 2);
    }
    folder_release(&folder);
}

/* A file whose checksum holds but which Wasmtime does not accept: written by us as if by another version. */
TEST(code_that_wasmtime_refuses_is_compiled_anew)
{
    struct folder folder;
    struct error err;
    CHECK(folder_init(&folder));
    CHECK_EQ(run_with_cache(&folder, false), 42);
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    struct code_key key = {""};
    DIR *dir = opendir(folder.path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strlen(entry->d_name) == 64)
            memcpy(key.name, entry->d_name, 65);
    closedir(dir);
    CHECK_EQ(code_cache_store(cache, &key,
                              STR("\x7f"
                                  "ELF, but not really"),
                              &err),
             ST_OK);
    CHECK(has(cache, &key,
              "\x7f"
              "ELF"));
    CHECK_EQ(run_with_cache(&folder, false), 42);
    CHECK(has(cache, &key,
              "\x7f"
              "ELF"));
    CHECK(!has(cache, &key,
               "\x7f"
               "ELF, but"));
    code_cache_close(cache);
    folder_release(&folder);
}

TEST(an_engine_runs_without_a_usable_folder)
{
    struct folder folder;
    CHECK(folder_init(&folder));
    CHECK_EQ(chmod(folder.path, 0755), 0);
    CHECK_EQ(run_with_cache(&folder, false), 42);
    CHECK_EQ(folder_each(&folder, NULL), 0);
    folder_release(&folder);
}

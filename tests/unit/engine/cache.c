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

#define FACTS 0x0102030405060708u /* that are kept with whatever is stored below */

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
    uint64_t facts = 0;
    autoclose int fd = -1;
    return code_cache_load(cache, key, &fd, &facts) == ST_OK && facts == FACTS &&
           read(fd, data, strlen(content)) == (ssize_t)strlen(content) && strcmp(data, content) == 0;
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
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), FACTS, &err), ST_OK);
    CHECK(has(cache, &key, "code"));
    CHECK(!has(stranger, &other, "code"));
    CHECK_EQ(code_cache_store(cache, &key, STR("edoc"), FACTS, &err), ST_OK);
    CHECK(has(cache, &key, "edoc"));
    CHECK_EQ(folder_each(&folder, NULL), 1);
    code_cache_remove(cache, &key);
    CHECK(!has(cache, &key, "edoc"));
    code_cache_close(cache);
    code_cache_close(stranger);
    folder_release(&folder);
}

/* at: from the start, or if negative from the end. */
static void flip_byte(int dir, const char *name, off_t at)
{
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC);
    char byte = 0;
    off_t offset = at < 0 ? lseek(fd, 0, SEEK_END) + at : at;
    if (pread(fd, &byte, 1, offset) != 1)
        bug("pread");
    byte ^= 1;
    if (pwrite(fd, &byte, 1, offset) != 1)
        bug("pwrite");
    close(fd);
}

static void flip_first_byte(int dir, const char *name)
{
    flip_byte(dir, name, 0);
}

static void flip_fact(int dir, const char *name)
{
    flip_byte(dir, name, -2 * (off_t)sizeof(uint64_t)); /* the checksum is behind them */
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
    void (*const damages[])(int, const char *) = {flip_first_byte, flip_fact, cut_tail, make_empty};
    struct folder folder;
    struct code_key key;
    struct error err;
    CHECK(folder_init(&folder));
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    code_cache_key(cache, STR("module"), &key);
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        CHECK_EQ(code_cache_store(cache, &key, STR("some code, longer than one lane of the checksum is wide"), FACTS, &err), ST_OK);
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
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), FACTS, &err), ST_OK);
    folder_each(&folder, open_to_group);
    CHECK(!has(cache, &key, "code"));
    CHECK_EQ(folder_each(&folder, NULL), 1); /* not ours to remove */
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), FACTS, &err), ST_OK);
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
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), FACTS, &err), ST_OK);
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
        CHECK_EQ(code_cache_store(cache, &keys[i], str_n(code, sizeof code), FACTS, &err), ST_OK);
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
    CHECK_EQ(code_cache_store(cache, &key, str_n(code, sizeof code), FACTS, &err), ST_OK);
    CHECK(has(cache, &keys[1], "xxxx"));
    CHECK(!has(cache, &keys[2], "xxxx"));
    CHECK_EQ(code_cache_store(cache, &key, str_n(code, 13001), FACTS, &err), ST_LIMIT);
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
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), FACTS, &err), ST_OK);
    CHECK_EQ(folder_each(&folder, NULL), 2); /* it may still be written to */
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
    CHECK_EQ(code_cache_store(cache, &key, STR("code"), FACTS, &err), ST_OK);
    CHECK_EQ(folder_each(&folder, NULL), 1);
    code_cache_close(cache);
    folder_release(&folder);
}

/* --- an engine with a cache ----------------------------------------------------------------------------------------------- */

static const char plain_guest[] = "(module (memory (export \"m\") 1) (func (export \"run\") (result i32) (i32.const 42)))";

/* Runs a guest whose `run` answers 42. ret_restorable: whether the store could be taken back to an image; may be NULL. */
static int run_guest(const struct engine_options *options, const char *text, bool *ret_restorable)
{
    struct engine *engine;
    struct test_guest guest;
    struct engine_func run;
    struct engine_image *image = NULL;
    struct error err;
    if (engine_new(options, &engine, &err) != ST_OK)
        return -1;
    union engine_raw raw = {.i32 = -2};
    if (test_guest_init(&guest, engine, text, NULL, 0)) {
        struct engine_store *store = test_start(engine, &guest, NULL, NULL, 1, &run);
        if (store && ret_restorable)
            *ret_restorable = engine_image_new(store, &image, &err) == ST_OK;
        if (store && engine_call(store, &run, &raw, 1, &err) != ST_OK)
            raw.i32 = -3;
        engine_store_free(store);
        engine_image_free(image);
        test_guest_release(&guest);
    }
    engine_free(engine);
    return raw.i32;
}

static int run_with_cache(const struct folder *folder, bool no_cache)
{
    struct engine_options options = {.max_instances = 4, .max_stacks = 1, .cache_dir = folder->path, .no_cache = no_cache};
    return run_guest(&options, plain_guest, NULL);
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
        CHECK_EQ(run_guest(&counting, plain_guest, NULL), 42);
        CHECK_EQ(folder_each(&folder, NULL), 2);
    }
    folder_release(&folder);
}

static struct code_key only_key; /* of the last file looked at */

static void note_key(int dir UNUSED, const char *name)
{
    only_key = (struct code_key){""};
    memcpy(only_key.name, name, strnlen(name, sizeof only_key.name - 1));
}

/* A file whose checksum holds but which Wasmtime does not accept: written by us as if by another version. */
TEST(code_that_wasmtime_refuses_is_compiled_anew)
{
    struct folder folder;
    struct error err;
    uint64_t facts;
    autoclose int fd = -1;
    char data[4] = "";
    CHECK(folder_init(&folder));
    CHECK_EQ(run_with_cache(&folder, false), 42);
    struct code_cache *cache = open_cache(&folder, "", 1 << 20);
    CHECK(cache);
    CHECK_EQ(folder_each(&folder, note_key), 1);
    CHECK_EQ(code_cache_store(cache, &only_key,
                              str_n("\x7f"
                                    "ELF, but not really",
                                    20),
                              FACTS, &err),
             ST_OK);
    CHECK(has(cache, &only_key,
              "\x7f"
              "ELF, but not really"));
    CHECK_EQ(run_with_cache(&folder, false), 42);
    CHECK(!has(cache, &only_key,
               "\x7f"
               "ELF, but"));
    CHECK_EQ(code_cache_load(cache, &only_key, &fd, &facts), ST_OK);
    CHECK(read(fd, data, sizeof data) == sizeof data && memcmp(data,
                                                               "\x7f"
                                                               "ELF",
                                                               4) == 0);
    code_cache_close(cache);
    folder_release(&folder);
}

/* Stores the only file's code again with other facts. */
static bool change_facts(const struct folder *folder, struct code_cache *cache, uint64_t change)
{
    autobuf struct buf code = BUF_INIT(BUF_UNLIMITED);
    struct error err;
    struct stat info;
    uint64_t facts;
    autoclose int fd = -1;
    enum { TRAILER_BYTES = 40 };
    if (folder_each(folder, note_key) != 1 || code_cache_load(cache, &only_key, &fd, &facts) != ST_OK || fstat(fd, &info) != 0)
        return false;
    if (buf_reserve(&code, (size_t)info.st_size) != ST_OK)
        return false;
    code.len = (size_t)info.st_size - TRAILER_BYTES;
    return pread(fd, code.data, code.len, 0) == (ssize_t)code.len &&
           code_cache_store(cache, &only_key, buf_str(&code), facts ^ change, &err) == ST_OK;
}

/* Whether code changes tables is found out once: an engine that loads the code is told, and does not look itself. */
TEST(what_code_does_to_tables_is_cached_with_it)
{
    static const struct {
        const char *text;
        bool restorable;
    } guests[] = {
        {plain_guest, true},
        {"(module (memory (export \"m\") 1) (table $t 1 funcref) (func (export \"run\") (result i32)"
         " (table.set $t (i32.const 0) (ref.null func)) (i32.const 42)))",
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(guests); i++) {
        struct folder folder;
        CHECK(folder_init(&folder));
        struct engine_options options = {.max_instances = 4, .max_stacks = 1, .cache_dir = folder.path};
        struct code_cache *cache = open_cache(&folder, "", 64 << 20);
        CHECK(cache);
        for (int run = 0; run < 2; run++) { /* compiled, then loaded */
            bool restorable = !guests[i].restorable;
            CHECK_EQ(run_guest(&options, guests[i].text, &restorable), 42);
            CHECK_EQ(restorable, guests[i].restorable);
        }
        CHECK(change_facts(&folder, cache, 1));
        bool restorable = guests[i].restorable;
        CHECK_EQ(run_guest(&options, guests[i].text, &restorable), 42);
        CHECK_EQ(restorable, !guests[i].restorable);
        code_cache_close(cache);
        folder_release(&folder);
    }
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

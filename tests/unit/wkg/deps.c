#include "wkg/deps.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "tap.h"
#include "wkg/file.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A WIT folder of the test's own. */
struct place {
    struct arena arena;
    char *wit;
};

static const char *path_in(struct place *place, const char *name)
{
    return arena_printf(&place->arena, "%s/%s", place->wit, name).data;
}

static void put(struct place *place, const char *name, const char *text)
{
    const char *path = path_in(place, name);
    struct error err;
    autofree char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    if (file_make_folders(folder, 0777, &err) != ST_OK || file_replace(path, str_of(text), &err) != ST_OK)
        bug("%s", err.message);
}

static struct str get(struct place *place, const char *name)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    return file_read(path_in(place, name), &text, NULL) == ST_OK ? arena_str(&place->arena, buf_str(&text)) : STR("none");
}

static void open_place(struct place *place)
{
    arena_init(&place->arena, SIZE_MAX);
    place->wit = mem_strdup("/tmp/wkg-deps-XXXXXX");
    if (!mkdtemp(place->wit))
        bug("mkdtemp");
    put(place, "deps/a-b-1.0.0/package.wit", "package a:b@1.0.0;\n");
    put(place, "deps/a-c/package.wit", "package a:c;\n");
    put(place, "deps/a-d/package.wit", "package a:other;\n"); /* named otherwise */
    put(place, "deps/a-e/package.wit", "package a:e;\n");     /* with another file */
    put(place, "deps/a-e/more.wit", "interface i {}\n");
    put(place, "deps/loose.wit", "package l:l;\n");
}

static void close_place(struct place *place)
{
    (void)wkg_tree_remove(place->wit, NULL);
    free(place->wit);
    arena_release(&place->arena);
}

static const struct wkg_dep wanted[] = {
    {STR_INIT("a-b-1.0.0"), STR_INIT("package a:b@1.0.0;\n")}, /* as it is */
    {STR_INIT("a-c"), STR_INIT("package a:c;\ninterface i {}\n")},
    {STR_INIT("n-n"), STR_INIT("package n:n;\n")},
};

TEST(what_was_fetched_and_what_was_not)
{
    struct place place;
    struct wkg_deps deps = {0};
    struct error err;
    open_place(&place);
    symlink("a-c", path_in(&place, "deps/a-link"));
    enum status status = wkg_deps_read(place.wit, &place.arena, &deps, &err);
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < deps.fetched_count; i++)
        buf_addf(&names, " %.*s", STR_ARG(deps.fetched[i].name));
    for (size_t i = 0; i < deps.kept_count; i++)
        buf_addf(&names, " (%s)", strrchr(deps.kept[i], '/') + 1);
    close_place(&place);
    CHECK_EQ(status, ST_OK);
    CHECK_STR(buf_str(&names), " a-b-1.0.0 a-c (a-d) (a-e) (a-link) (loose.wit)");
}

static enum status change(struct place *place, bool clean, void (*before_commit)(struct place *), struct error *err)
{
    struct wkg_deps deps;
    struct wkg_deps_change *prepared;
    TRY(wkg_deps_read(place->wit, &place->arena, &deps, err));
    TRY(wkg_deps_prepare(place->wit, &deps, wanted, ARRAY_LEN(wanted), clean, &prepared, err));
    if (before_commit)
        before_commit(place);
    enum status status = wkg_deps_commit(prepared, err);
    wkg_deps_change_free(prepared);
    return status;
}

static bool has_stage(struct place *place)
{
    autobuf struct buf pattern = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&pattern, "ls -A %s | grep -q '^.deps-'", place->wit);
    return system(pattern.data) == 0;
}

TEST(replaced)
{
    struct place place;
    struct error err;
    struct stat before, after;
    open_place(&place);
    stat(path_in(&place, "deps/a-b-1.0.0/package.wit"), &before);
    enum status status = change(&place, false, NULL, &err);
    stat(path_in(&place, "deps/a-b-1.0.0/package.wit"), &after);
    bool right = str_is(get(&place, "deps/a-c/package.wit"), "package a:c;\ninterface i {}\n") &&
                 str_is(get(&place, "deps/n-n/package.wit"), "package n:n;\n") &&
                 wkg_exists(path_in(&place, "deps/a-e/more.wit")) && wkg_exists(path_in(&place, "deps/loose.wit")) &&
                 !has_stage(&place);
    enum status cleaned = change(&place, true, NULL, &err);
    bool gone = !wkg_exists(path_in(&place, "deps/a-e")) && !wkg_exists(path_in(&place, "deps/loose.wit")) &&
                wkg_exists(path_in(&place, "deps/n-n"));
    close_place(&place);
    CHECK_EQ(status, ST_OK);
    CHECK(right);
    CHECK_EQ(before.st_ino, after.st_ino);
    CHECK_EQ(cleaned, ST_OK);
    CHECK(gone);
}

static void take_place(struct place *place)
{
    put(place, "deps/n-n/other", "in the way");
}

TEST(all_or_nothing)
{
    struct place place;
    struct error err = {.message = ""};
    open_place(&place);
    enum status status = change(&place, true, take_place, &err);
    bool same = str_is(get(&place, "deps/a-c/package.wit"), "package a:c;\n") && wkg_exists(path_in(&place, "deps/a-e/more.wit")) &&
                wkg_exists(path_in(&place, "deps/loose.wit")) && str_is(get(&place, "deps/n-n/other"), "in the way") &&
                !has_stage(&place);
    close_place(&place);
    CHECK(status != ST_OK);
    CHECK(strstr(err.message, "n-n"));
    CHECK(same);
}

TEST(in_the_way)
{
    struct place place;
    struct error err;
    open_place(&place);
    put(&place, "deps/n-n/mine.wit", "package x:y;\n");
    enum status status = change(&place, false, NULL, &err);
    bool untouched = str_is(get(&place, "deps/a-c/package.wit"), "package a:c;\n") && !has_stage(&place);
    close_place(&place);
    CHECK_EQ(status, ST_EXISTS);
    CHECK(untouched);
}

TEST(locked)
{
    struct place place;
    struct error err;
    open_place(&place);
    put(&place, ".deps-AbCdEf/old/x", "what an interrupted program left");
    int fd = -1;
    enum status status = wkg_wit_lock(place.wit, (struct cancel){0}, (struct notice){0}, &fd, &err);
    bool cleared = !has_stage(&place);
    close_descriptor(&fd);
    close_place(&place);
    CHECK_EQ(status, ST_OK);
    CHECK(cleared);
}

TEST(cleaning_leaves_what_was_not_fetched)
{
    struct place place;
    struct wkg_deps deps, nothing, none;
    struct error err;
    bool removed = false, again = true;
    open_place(&place);
    enum status status = wkg_deps_clean(place.wit, &place.arena, &removed, &deps, &err);
    bool fetched = wkg_exists(path_in(&place, "deps/a-b-1.0.0")) || wkg_exists(path_in(&place, "deps/a-c"));
    bool own = wkg_exists(path_in(&place, "deps/a-d")) && wkg_exists(path_in(&place, "deps/a-e/more.wit")) &&
               wkg_exists(path_in(&place, "deps/loose.wit")) && !has_stage(&place);
    (void)wkg_tree_remove(path_in(&place, "deps"), NULL);
    put(&place, "deps/a-c/package.wit", "package a:c;\n");
    enum status second = wkg_deps_clean(place.wit, &place.arena, &again, &nothing, &err);
    bool empty_stays = wkg_exists(path_in(&place, "deps"));
    bool third_removed = true;
    enum status third = wkg_deps_clean(place.wit, &place.arena, &third_removed, &none, &err);
    close_place(&place);
    CHECK_EQ(status, ST_OK);
    CHECK(removed && !fetched && own);
    CHECK_EQ(deps.kept_count, 3);
    CHECK_EQ(second, ST_OK);
    CHECK(again && !empty_stays);
    CHECK_EQ(third, ST_OK);
    CHECK(!third_removed && none.kept_count == 0);
}

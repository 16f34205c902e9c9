#include "wkg/deps.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "wit/load.h"
#include "wit/source.h"
#include "wkg/file.h"
#include "wkg/package.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE_PREFIX ".deps-"
#define PACKAGE_FILE "package.wit"

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

static bool is_real(const char *path, mode_t type)
{
    struct stat info;
    return lstat(path, &info) == 0 && (info.st_mode & S_IFMT) == type;
}

static bool has_one_file(const char *folder, struct arena *arena)
{
    autonames struct file_names names = {0};
    return file_names(folder, &names, NULL) == ST_OK && names.list.len == 1 && strcmp(names.list.items[0], PACKAGE_FILE) == 0 &&
           is_real(arena_printf(arena, "%s/" PACKAGE_FILE, folder).data, S_IFREG);
}

/* The folder's name is that of the package that its file says it is. */
static bool is_named_after(const char *name, struct str text, struct arena *arena)
{
    struct wit_model model;
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, NULL);
    bool named = wit_loader_add_text(loader, STR(PACKAGE_FILE), text, NULL) == ST_OK &&
                 str_is(wkg_folder_name(wit_loader_package_name(loader, 0), arena), name);
    wit_loader_free(loader);
    wit_model_release(&model);
    return named;
}

static bool read_fetched(const char *folder, const char *name, struct arena *arena, struct wkg_dep *ret_dep)
{
    autobuf struct buf text = BUF_INIT(WIT_MAX_FILE_BYTES);
    if (!is_real(folder, S_IFDIR) || !has_one_file(folder, arena) ||
        file_read(arena_printf(arena, "%s/" PACKAGE_FILE, folder).data, &text, NULL) != ST_OK ||
        !is_named_after(name, buf_str(&text), arena))
        return false;
    *ret_dep = (struct wkg_dep){arena_str(arena, str_of(name)), arena_str(arena, buf_str(&text))};
    return true;
}

static void sort_out(const struct file_names *names, struct arena *arena, struct wkg_deps *deps)
{
    deps->kept = ARENA_ARRAY(arena, const char *, names->list.len + 1);
    deps->fetched = ARENA_ARRAY(arena, struct wkg_dep, names->list.len + 1);
    vec_each (name, &names->list) {
        const char *path = arena_printf(arena, "%s/%s", deps->folder, *name).data;
        if (read_fetched(path, *name, arena, &deps->fetched[deps->fetched_count]))
            deps->fetched_count++;
        else
            deps->kept[deps->kept_count++] = path;
    }
}

enum status wkg_deps_read(const char *wit_dir, struct arena *arena, struct wkg_deps *ret_deps, struct error *err)
{
    struct wkg_deps deps = {.folder = arena_printf(arena, "%s/deps", wit_dir).data};
    autonames struct file_names names = {0};
    if (is_real(deps.folder, S_IFLNK))
        return fail(err, ST_DENIED, "%s is a symbolic link; `wash wit clean` removes it", deps.folder);
    enum status status = file_names(deps.folder, &names, err);
    if (status != ST_OK && status != ST_NOT_FOUND)
        return status;
    if (names.list.len > WKG_MAX_DEPS)
        return fail(err, ST_LIMIT, "%s has more than %u packages", deps.folder, WKG_MAX_DEPS);
    sort_out(&names, arena, &deps);
    *ret_deps = deps;
    return ST_OK;
}

enum status wkg_wit_lock(const char *wit_dir, struct cancel cancel, struct notice notice, int *ret_fd, struct error *err)
{
    struct arena arena;
    autonames struct file_names names = {0};
    int fd = open(wit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "open folder %s", wit_dir);
    enum status status = lock_wait(fd, wit_dir, cancel, notice, err);
    if (status != ST_OK) {
        close_descriptor(&fd);
        return status;
    }
    arena_init(&arena, SIZE_MAX);
    if (file_names(wit_dir, &names, NULL) == ST_OK)
        vec_each (name, &names.list)
            if (str_starts(str_of(*name), STR(STAGE_PREFIX)))
                (void)wkg_tree_remove(arena_printf(&arena, "%s/%s", wit_dir, *name).data, NULL);
    arena_release(&arena);
    *ret_fd = fd;
    return ST_OK;
}

/* --- changing ----------------------------------------------------------------------------------------------------------------- */

struct move {
    const char *from, *to;
    bool done;
};

struct wkg_deps_change {
    struct arena arena;
    const char *wit_dir, *deps;
    char *stage; /* has what is new, and in `old` what was taken away */
    VEC(struct move) moves;
};

static void plan_move(struct wkg_deps_change *change, const char *from, const char *to)
{
    vec_push(&change->moves, (struct move){from, to, false});
}

static void plan_removal(struct wkg_deps_change *change, const char *name)
{
    plan_move(change, arena_printf(&change->arena, "%s/%s", change->deps, name).data,
              arena_printf(&change->arena, "%s/old/%s", change->stage, name).data);
}

static enum status stage_dep(struct wkg_deps_change *change, const struct wkg_dep *dep, struct error *err)
{
    const char *folder = arena_printf(&change->arena, "%s/%.*s", change->stage, STR_ARG(dep->name)).data;
    const char *place = arena_printf(&change->arena, "%s/%.*s", change->deps, STR_ARG(dep->name)).data;
    TRY(file_make_folders(folder, 0777, err));
    TRY(file_replace(arena_printf(&change->arena, "%s/" PACKAGE_FILE, folder).data, dep->text, err));
    plan_move(change, folder, place);
    return ST_OK;
}

static const struct wkg_dep *find_dep(const struct wkg_dep *deps, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(deps[i].name, name))
            return &deps[i];
    return NULL;
}

static enum status make_stage(struct wkg_deps_change *change, struct error *err)
{
    autobuf struct buf template = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&template, "%s/" STAGE_PREFIX "XXXXXX", change->wit_dir);
    if (!mkdtemp(template.data))
        return fail_errno(err, "make a folder in %s", change->wit_dir);
    change->stage = buf_take(&template);
    return file_make_folders(arena_printf(&change->arena, "%s/old", change->stage).data, 0700, err);
}

static enum status prepare(struct wkg_deps_change *change, const struct wkg_deps *there, const struct wkg_dep *wanted, size_t count,
                           bool clean, struct error *err)
{
    TRY(make_stage(change, err));
    for (size_t i = 0; i < there->fetched_count; i++) {
        const struct wkg_dep *dep = find_dep(wanted, count, there->fetched[i].name);
        if (!dep || !str_eq(dep->text, there->fetched[i].text))
            plan_removal(change, there->fetched[i].name.data);
    }
    for (size_t i = 0; i < there->kept_count; i++) {
        const char *name = strrchr(there->kept[i], '/') + 1;
        if (clean)
            plan_removal(change, name);
        else if (find_dep(wanted, count, str_of(name)))
            return fail(err, ST_EXISTS, "%s is in the way: it was not fetched; remove it, or fetch with --clean", there->kept[i]);
    }
    for (size_t i = 0; i < count; i++) {
        const struct wkg_dep *dep = find_dep(there->fetched, there->fetched_count, wanted[i].name);
        if (!dep || !str_eq(dep->text, wanted[i].text))
            TRY(stage_dep(change, &wanted[i], err));
    }
    return ST_OK;
}

enum status wkg_deps_prepare(const char *wit_dir, const struct wkg_deps *there, const struct wkg_dep *wanted, size_t count,
                             bool clean, struct wkg_deps_change **ret_change, struct error *err)
{
    struct wkg_deps_change *change = NEW(struct wkg_deps_change);
    arena_init(&change->arena, SIZE_MAX);
    change->wit_dir = arena_str(&change->arena, str_of(wit_dir)).data;
    change->deps = arena_str(&change->arena, str_of(there->folder)).data;
    enum status status = prepare(change, there, wanted, count, clean, err);
    if (status == ST_OK)
        *ret_change = change;
    else
        wkg_deps_change_free(change);
    return status;
}

static void undo(struct wkg_deps_change *change)
{
    for (size_t i = change->moves.len; i-- > 0;)
        if (change->moves.items[i].done)
            (void)!rename(change->moves.items[i].to, change->moves.items[i].from);
}

enum status wkg_deps_commit(struct wkg_deps_change *change, struct error *err)
{
    if (change->moves.len)
        TRY(file_make_folders(change->deps, 0777, err));
    vec_each (move, &change->moves) {
        if (rename(move->from, move->to) != 0) {
            enum status status = fail_errno(err, "put %s in place", move->to);
            undo(change);
            return status;
        }
        move->done = true;
    }
    return ST_OK;
}

void wkg_deps_change_free(struct wkg_deps_change *change)
{
    if (!change)
        return;
    if (change->stage)
        (void)wkg_tree_remove(change->stage, NULL);
    free(change->stage);
    vec_release(&change->moves);
    arena_release(&change->arena);
    free(change);
}

static enum status remove_fetched(const char *wit_dir, struct arena *arena, struct wkg_deps *ret_deps, struct error *err)
{
    struct wkg_deps_change *change;
    TRY(wkg_deps_read(wit_dir, arena, ret_deps, err));
    TRY(wkg_deps_prepare(wit_dir, ret_deps, NULL, 0, false, &change, err));
    enum status status = wkg_deps_commit(change, err);
    wkg_deps_change_free(change);
    TRY(status);
    if (ret_deps->kept_count == 0 && rmdir(ret_deps->folder) != 0 && errno != ENOTEMPTY)
        return fail_errno(err, "remove the folder %s", ret_deps->folder);
    return ST_OK;
}

enum status wkg_deps_clean(const char *wit_dir, struct arena *arena, bool *ret_removed, struct wkg_deps *ret_deps,
                           struct error *err)
{
    struct wkg_deps deps = {.folder = arena_printf(arena, "%s/deps", wit_dir).data};
    bool there = wkg_exists(deps.folder);
    if (is_real(deps.folder, S_IFDIR))
        TRY(remove_fetched(wit_dir, arena, &deps, err));
    else
        TRY(wkg_tree_remove(deps.folder, err));
    *ret_removed = there;
    *ret_deps = deps;
    return ST_OK;
}

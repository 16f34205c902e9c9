#include "wkg/lock.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/read.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "wkg/requirement.h"

#define LOCK_VERSION 1

void wkg_lock_release(struct wkg_lock *lock)
{
    vec_release(&lock->items);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------ */

struct lock_reader {
    const char *origin;
    struct arena *arena;
    struct wkg_lock *lock;
    struct error *err;
};

static enum status text_of(struct lock_reader *r, json_t *table, const char *key, bool required, struct str *ret_text)
{
    json_t *value = json_object_get(table, key);
    if (!value && !required) {
        *ret_text = STR_NULL;
        return ST_OK;
    }
    if (!json_is_string(value))
        return fail(r->err, ST_INVALID, "%s: `%s` must be there and be text", r->origin, key);
    *ret_text = arena_str(r->arena, str_n(json_string_value(value), json_string_length(value)));
    return ST_OK;
}

static enum status read_version(struct lock_reader *r, json_t *table, struct wkg_locked locked)
{
    struct wkg_requirement requirement;
    struct wit_version version;
    struct oci_digest digest;
    struct str text;
    TRY(text_of(r, table, "requirement", true, &text));
    TRY(text_of(r, table, "version", true, &locked.version));
    TRY(text_of(r, table, "digest", true, &locked.digest));
    if (wkg_requirement_parse(text, &requirement, r->err) != ST_OK || wit_version_parse(locked.version, &version, r->err) != ST_OK)
        return fail_wrap(r->err, "%s", r->origin);
    if (!oci_digest_parse(locked.digest, &digest) || !oci_digest_is_sha256(&digest))
        return fail(r->err, ST_INVALID, "%s: `%.*s` is no digest; it is sha256: and 64 hexadecimal digits", r->origin,
                    STR_ARG(locked.digest));
    locked.requirement = wkg_requirement_format(&requirement, r->arena);
    if (r->lock->items.len >= WKG_LOCK_MAX_ENTRIES)
        return fail(r->err, ST_LIMIT, "%s: more than %u packages", r->origin, WKG_LOCK_MAX_ENTRIES);
    if (wkg_lock_find(r->lock, locked.package, locked.registry, locked.requirement))
        return fail(r->err, ST_INVALID, "%s: %.*s is there twice", r->origin, STR_ARG(locked.package));
    vec_push(&r->lock->items, locked);
    return ST_OK;
}

static enum status each_table(struct lock_reader *r, json_t *table, const char *key, const char *alias, json_t **ret_array)
{
    json_t *array = json_object_get(table, key);
    if (!array)
        array = json_object_get(table, alias);
    *ret_array = array;
    size_t i;
    json_t *item;
    if (array && !json_is_array(array))
        return fail(r->err, ST_INVALID, "%s: `%s` must be a list of tables", r->origin, key);
    json_array_foreach(array, i, item) if (!json_is_object(item)) return fail(r->err, ST_INVALID,
                                                                              "%s: `%s` must be a list of tables", r->origin, key);
    return ST_OK;
}

static enum status read_package(struct lock_reader *r, json_t *table)
{
    struct wkg_locked locked = {0};
    struct wkg_package package;
    json_t *versions, *item;
    size_t i;
    TRY(text_of(r, table, "name", true, &locked.package));
    TRY(text_of(r, table, "registry", false, &locked.registry));
    if (wkg_package_parse(locked.package, &package, r->err) != ST_OK)
        return fail_wrap(r->err, "%s", r->origin);
    if (locked.registry.data && !oci_registry_valid(locked.registry))
        return fail(r->err, ST_INVALID, "%s: `%.*s` is no registry", r->origin, STR_ARG(locked.registry));
    TRY(each_table(r, table, "versions", "version", &versions));
    json_array_foreach(versions, i, item) TRY(read_version(r, item, locked));
    return ST_OK;
}

static enum status read_tree(struct lock_reader *r, json_t *tree)
{
    json_t *version = json_object_get(tree, "version"), *packages, *item;
    size_t i;
    if (!json_is_integer(version))
        return fail(r->err, ST_INVALID, "%s: `version` must be there and be a number", r->origin);
    if (json_integer_value(version) != LOCK_VERSION)
        return fail(r->err, ST_UNSUPPORTED, "%s: version %lld of the format is not known, only %d is", r->origin,
                    (long long)json_integer_value(version), LOCK_VERSION);
    TRY(each_table(r, tree, "packages", "package", &packages));
    json_array_foreach(packages, i, item) TRY(read_package(r, item));
    return ST_OK;
}

enum status wkg_lock_parse(const char *origin, struct str text, struct arena *arena, struct wkg_lock *ret_lock, struct error *err)
{
    struct wkg_lock lock = {0};
    struct lock_reader reader = {origin, arena, &lock, err};
    json_t *tree;
    if (str_trim(text).len == 0) {
        *ret_lock = lock;
        return ST_OK;
    }
    TRY(config_parse_toml(origin, text, &tree, err));
    enum status status = read_tree(&reader, tree);
    json_decref(tree);
    if (status != ST_OK) {
        wkg_lock_release(&lock);
        return status;
    }
    *ret_lock = lock;
    return ST_OK;
}

enum status wkg_lock_read(const char *path, struct arena *arena, struct wkg_lock *ret_lock, struct error *err)
{
    autobuf struct buf text = BUF_INIT(CONFIG_MAX_BYTES);
    struct error why;
    enum status status = file_read(path, &text, &why);
    if (status == ST_NOT_FOUND) {
        *ret_lock = (struct wkg_lock){0};
        return ST_OK;
    }
    return status == ST_OK ? wkg_lock_parse(path, buf_str(&text), arena, ret_lock, err) : fail(err, status, "%s", why.message);
}

/* --- entries ------------------------------------------------------------------------------------------------------------------ */

static int compare_registries(struct str a, struct str b)
{
    if (!a.data || !b.data)
        return (a.data != NULL) - (b.data != NULL);
    return str_compare(a, b);
}

/* The namespace first, then the name: `a-b:c` comes behind `a:c`. */
static int compare_packages(struct str a, struct str b)
{
    size_t left = str_find_char(a, ':'), right = str_find_char(b, ':');
    int order = str_compare(str_slice(a, 0, left), str_slice(b, 0, right));
    return order ? order : str_compare(str_from(a, left + 1), str_from(b, right + 1));
}

static int compare_tables(const struct wkg_locked *a, const struct wkg_locked *b)
{
    int order = compare_packages(a->package, b->package);
    return order ? order : compare_registries(a->registry, b->registry);
}

static int compare_entries(const void *left, const void *right)
{
    const struct wkg_locked *a = left, *b = right;
    int order = compare_tables(a, b);
    return order ? order : str_compare(a->requirement, b->requirement);
}

static struct wkg_locked *find(const struct wkg_lock *lock, struct str package, struct str registry, struct str requirement)
{
    vec_each (item, &lock->items)
        if (str_eq(item->package, package) && compare_registries(item->registry, registry) == 0 &&
            str_eq(item->requirement, requirement))
            return item;
    return NULL;
}

const struct wkg_locked *wkg_lock_find(const struct wkg_lock *lock, struct str package, struct str registry, struct str requirement)
{
    return find(lock, package, registry, requirement);
}

bool wkg_lock_remove(struct wkg_lock *lock, struct str package)
{
    size_t kept = 0;
    for (size_t i = 0; i < lock->items.len; i++)
        if (!str_eq(lock->items.items[i].package, package))
            lock->items.items[kept++] = lock->items.items[i];
    bool removed = kept < lock->items.len;
    lock->items.len = kept;
    return removed;
}

void wkg_lock_add(struct wkg_lock *lock, const struct wkg_locked *locked)
{
    struct wkg_locked *there = find(lock, locked->package, locked->registry, locked->requirement);
    if (there)
        *there = *locked;
    else
        vec_push(&lock->items, *locked);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------ */

static void add_row(struct buf *out, const char *key, struct str value)
{
    buf_addf(out, "%s = \"%.*s\"\n", key, STR_ARG(value)); /* checked when it was read or resolved: nothing in it needs escaping */
}

void wkg_lock_format(const struct wkg_lock *lock, struct buf *out)
{
    autofree struct wkg_locked *items = mem_array(lock->items.len + 1, sizeof *items);
    size_t count = lock->items.len;
    if (count) {
        memcpy(items, lock->items.items, count * sizeof *items);
        qsort(items, count, sizeof *items, compare_entries);
    }
    buf_add(out, STR("# This file is automatically generated.\n# It is not intended for manual editing.\nversion = 1\n"));
    if (count == 0)
        buf_add(out, STR("packages = []\n"));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_tables(&items[i - 1], &items[i]) != 0) {
            buf_add(out, STR("\n[[packages]]\n"));
            add_row(out, "name", items[i].package);
            if (items[i].registry.data)
                add_row(out, "registry", items[i].registry);
        }
        buf_add(out, STR("\n[[packages.versions]]\n"));
        add_row(out, "requirement", items[i].requirement);
        add_row(out, "version", items[i].version);
        add_row(out, "digest", items[i].digest);
    }
}

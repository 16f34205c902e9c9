#include "wkg/join.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "component/world.h"
#include "wit/print.h"

struct decoded {
    struct wit_model model;
    struct wit_package *package;
    bool done;
};

struct merged {
    struct decoded *decoded; /* where it was seen first, and what was added since is borrowed from */
    struct wit_package *package;
    const struct wkg_encoded *from;
};

struct joiner {
    struct wkg_encoded *encoded;
    struct decoded *decoded;
    size_t count;
    struct arena *arena;
    struct map by_main; /* full name -> struct decoded * */
    struct map merged;  /* full name -> struct merged *, in order of first sight */
    size_t bytes;       /* printed so far */
    struct error *err;
};

/* --- comparing ---------------------------------------------------------------------------------------------------------------- */

/* Counts what is printed: types can fan out in text. */
static enum status spend(struct joiner *j, const struct buf *text)
{
    if ((j->bytes += text->len) > WKG_JOINED_MAX)
        return fail(j->err, ST_LIMIT, "the packages are more than %u bytes as text", WKG_JOINED_MAX);
    return ST_OK;
}

/* An interface of one type or function (with its resource) as text. */
static enum status print_item(struct joiner *j, const struct wit_package *package, struct wit_type *type,
                              struct wit_function *function, struct buf *out)
{
    struct wit_type *resource = function ? (struct wit_type *)(uintptr_t)function->resource : type;
    struct wit_interface interface = {.name = STR("i")}, *only = &interface;
    struct wit_package part = {.ns = package->ns, .name = package->name, .full_name = package->full_name};
    interface.package = &part;
    interface.types.items = &resource;
    interface.types.len = resource != NULL;
    interface.functions.items = &function;
    interface.functions.len = function != NULL;
    part.interfaces.items = &only;
    part.interfaces.len = 1;
    TRY(wit_print_package(&part, false, out, j->err));
    return spend(j, out);
}

/* Documentation and stability are only with the package itself: they do not count. */
static bool counts(struct str line)
{
    line = str_trim(line);
    return line.len && !str_starts(line, STR("///")) && !str_starts(line, STR("@since(")) && !str_starts(line, STR("@unstable(")) &&
           !str_starts(line, STR("@deprecated("));
}

static bool next_that_counts(struct str *rest, struct str *ret_line)
{
    while (str_next_part(rest, '\n', ret_line))
        if (counts(*ret_line))
            return true;
    return false;
}

static bool same_but_for_docs(struct str a, struct str b)
{
    struct str left, right;
    for (;;) {
        bool more = next_that_counts(&a, &left);
        if (more != next_that_counts(&b, &right))
            return false;
        if (!more)
            return true;
        if (!str_eq(left, right))
            return false;
    }
}

struct pair { /* of types or of functions that have one name */
    struct wit_type *ours, *theirs;
    struct wit_function *our_function, *their_function;
    struct str name;
};

static enum status compare(struct joiner *j, const struct merged *merged, const struct wkg_encoded *from,
                           const struct wit_interface *interface, const struct pair *pair)
{
    autobuf struct buf ours = BUF_INIT(WKG_JOINED_MAX), theirs = BUF_INIT(WKG_JOINED_MAX);
    TRY(print_item(j, merged->package, pair->ours, pair->our_function, &ours));
    TRY(print_item(j, merged->package, pair->theirs, pair->their_function, &theirs));
    if (same_but_for_docs(buf_str(&ours), buf_str(&theirs)))
        return ST_OK;
    return fail(j->err, ST_INVALID,
                "packages `%.*s` and `%.*s` were made with different versions of `%.*s`: `%.*s` of %.*s differs",
                STR_ARG(merged->from->label), STR_ARG(from->label), STR_ARG(merged->package->full_name), STR_ARG(pair->name),
                STR_ARG(interface->name));
}

/* --- merging ------------------------------------------------------------------------------------------------------------------ */

static enum status merge_types(struct joiner *j, struct merged *merged, const struct wkg_encoded *from, struct wit_interface *into,
                               const struct wit_interface *interface)
{
    for (size_t i = 0; i < interface->types.len; i++) {
        struct wit_type *type = interface->types.items[i];
        struct pair pair = {.ours = wit_interface_type(into, type->name), .theirs = type, .name = type->name};
        if (pair.ours) {
            TRY(compare(j, merged, from, interface, &pair));
            continue;
        }
        wit_vec_push(&merged->decoded->model.arena, &into->types, type);
        map_set(&into->type_names, type->name, type);
    }
    return ST_OK;
}

static enum status merge_functions(struct joiner *j, struct merged *merged, const struct wkg_encoded *from,
                                   struct wit_interface *into, const struct wit_interface *interface)
{
    for (size_t i = 0; i < interface->functions.len; i++) {
        struct wit_function *function = interface->functions.items[i];
        struct pair pair = {
            .our_function = wit_interface_function(into, function->name), .their_function = function, .name = function->name};
        if (pair.our_function) {
            TRY(compare(j, merged, from, interface, &pair));
            continue;
        }
        wit_vec_push(&merged->decoded->model.arena, &into->functions, function);
        map_set(&into->function_names, function->name, function);
    }
    return ST_OK;
}

static enum status merge_interface(struct joiner *j, struct merged *merged, const struct wkg_encoded *from,
                                   struct wit_interface *interface)
{
    struct wit_interface *into = wit_package_interface(merged->package, interface->name);
    if (!into) {
        wit_vec_push(&merged->decoded->model.arena, &merged->package->interfaces, interface);
        map_set(&merged->package->interface_names, interface->name, interface);
        return ST_OK;
    }
    TRY(merge_types(j, merged, from, into, interface));
    return merge_functions(j, merged, from, into, interface);
}

static enum status merge_package(struct joiner *j, struct decoded *decoded, struct wit_package *package)
{
    const struct wkg_encoded *from = &j->encoded[decoded - j->decoded];
    struct merged *merged = map_get(&j->merged, package->full_name);
    if (!merged) {
        merged = NEW(struct merged);
        *merged = (struct merged){decoded, package, from};
        map_set(&j->merged, package->full_name, merged);
        return ST_OK;
    }
    for (size_t i = 0; i < package->interfaces.len; i++)
        package->interfaces.items[i]->package = merged->package; /* so that they name each other as neighbours */
    for (size_t i = 0; i < package->interfaces.len; i++)
        TRY(merge_interface(j, merged, from, package->interfaces.items[i]));
    for (size_t i = 0; i < package->worlds.len; i++) {
        struct wit_world *world = package->worlds.items[i];
        if (wit_package_world(merged->package, world->name))
            continue;
        wit_vec_push(&merged->decoded->model.arena, &merged->package->worlds, world);
        map_set(&merged->package->world_names, world->name, world);
    }
    return ST_OK;
}

/* Those that it carries parts of come before it, if they are among what is joined. */
static enum status visit(struct joiner *j, struct decoded *decoded)
{
    if (decoded->done)
        return ST_OK;
    decoded->done = true;
    for (size_t i = 0; i < decoded->model.packages.len; i++) {
        struct decoded *other = map_get(&j->by_main, decoded->model.packages.items[i]->full_name);
        if (other)
            TRY(visit(j, other));
    }
    for (size_t i = 0; i < decoded->model.packages.len; i++)
        TRY(merge_package(j, decoded, decoded->model.packages.items[i]));
    return ST_OK;
}

/* --- decoding ----------------------------------------------------------------------------------------------------------------- */

static void list_names(struct joiner *j, struct wkg_encoded *encoded, const struct wit_package *package)
{
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < package->interfaces.len; i++)
        buf_addf(&names, " %.*s", STR_ARG(package->interfaces.items[i]->name));
    encoded->interfaces = arena_str(j->arena, buf_str(&names));
    buf_clear(&names);
    for (size_t i = 0; i < package->worlds.len; i++)
        buf_addf(&names, " %.*s", STR_ARG(package->worlds.items[i]->name));
    encoded->worlds = arena_str(j->arena, buf_str(&names));
    encoded->name = arena_str(j->arena, package->full_name);
}

static enum status decode(struct joiner *j, size_t at)
{
    struct wkg_encoded *encoded = &j->encoded[at];
    struct decoded *decoded = &j->decoded[at];
    struct wit_world *world;
    if (cm_world_model(encoded->bytes, j->arena, &decoded->model, &decoded->package, &world, j->err) != ST_OK)
        return fail_wrap(j->err, "package `%.*s`", STR_ARG(encoded->label));
    if (world)
        return fail(j->err, ST_INVALID, "package `%.*s` is a component, not a WIT package", STR_ARG(encoded->label));
    list_names(j, encoded, decoded->package);
    if (map_set(&j->by_main, encoded->name, decoded))
        return fail(j->err, ST_INVALID, "package `%.*s` is there twice: `%.*s` says that it is it", STR_ARG(encoded->name),
                    STR_ARG(encoded->label));
    return ST_OK;
}

static enum status join(struct joiner *j)
{
    for (size_t i = 0; i < j->count; i++)
        TRY(decode(j, i));
    for (size_t i = 0; i < j->count; i++)
        TRY(visit(j, &j->decoded[i]));
    return ST_OK;
}

static enum status print_all(struct joiner *j, struct wkg_joined **ret_joined, size_t *ret_count)
{
    struct wkg_joined *joined = ARENA_ARRAY(j->arena, struct wkg_joined, j->merged.len + 1);
    size_t count = 0;
    map_each (entry, &j->merged) {
        const struct wit_package *package = ((const struct merged *)entry->value)->package;
        autobuf struct buf text = BUF_INIT(WKG_JOINED_MAX);
        TRY(wit_print_package(package, false, &text, j->err));
        TRY(spend(j, &text));
        joined[count++] = (struct wkg_joined){arena_str(j->arena, package->full_name), arena_str(j->arena, buf_str(&text))};
    }
    *ret_joined = joined;
    *ret_count = count;
    return ST_OK;
}

static void release(struct joiner *j)
{
    map_each (entry, &j->merged)
        free(entry->value);
    map_release(&j->merged);
    map_release(&j->by_main);
    for (size_t i = 0; i < j->count; i++)
        wit_model_release(&j->decoded[i].model);
    free(j->decoded);
}

enum status wkg_join(struct wkg_encoded *packages, size_t count, struct arena *arena, struct wkg_joined **ret_joined,
                     size_t *ret_count, struct error *err)
{
    struct joiner j = {.encoded = packages, .count = count, .arena = arena, .err = err};
    j.decoded = mem_array(count + 1, sizeof *j.decoded);
    for (size_t i = 0; i < count; i++)
        wit_model_init(&j.decoded[i].model);
    enum status status = join(&j);
    if (status == ST_OK)
        status = print_all(&j, ret_joined, ret_count);
    release(&j);
    return status;
}

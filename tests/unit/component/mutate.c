/* Ten thousand damaged components: each is rejected with a message, or links, runs and traps, or works. Nothing crashes or leaks;
 * the sanitizers' builds look closer. */
#include "base/clock.h"
#include "base/mem.h"
#include "host_things.h"
#include "runtime_help.h"

#include <stdio.h>
#include <stdlib.h>

#define MUTATIONS 10000

static const char *const sources[] = {"things.wat", "nested.wat", "box.wat", "types.wat"};

struct tally {
    unsigned rejected, unlinked, failed, called, trapped;
};

static enum status seed_bytes(const char *name, struct buf *out, struct error *err)
{
    char path[512];
    autobuf struct buf text = BUF_INIT(1 << 20);
    snprintf(path, sizeof path, "%s/data/%s", COMPONENT_TESTS, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return fail_errno(err, "open %s", path);
    enum status status = buf_reserve(&text, 1 << 20);
    text.len = fread(text.data, 1, 1 << 20, file);
    fclose(file);
    TRY(status);
    return engine_wat2wasm(buf_str(&text), out, err);
}

/* One change, at times up to four: a bit, a byte, a number by one, a piece doubled or cut out. */
static void mutate(struct random *random, struct buf *bytes)
{
    for (uint32_t left = random_below(random, 4) ? 1 : 1 + random_below(random, 4); left > 0; left--) {
        size_t at = 8 + random_below(random, (uint32_t)bytes->len - 8), len = 1 + random_below(random, 16);
        len = MIN(len, bytes->len - at);
        switch (random_below(random, 8)) {
        case 0:
        case 5:
        case 6:
            bytes->data[at] = (char)(bytes->data[at] ^ 1 << random_below(random, 8));
            break;
        case 1:
            bytes->data[at] = (char)random_below(random, 256);
            break;
        case 2:
        case 7:
            bytes->data[at] = (char)(bytes->data[at] + (random_below(random, 2) ? 1 : -1));
            break;
        case 3:
            memmove(bytes->data + at, bytes->data + at + len, bytes->len - at - len);
            bytes->len -= len;
            break;
        default:
            memmove(bytes->data + at, bytes->data + 8 + random_below(random, (uint32_t)(bytes->len - 8 - len) + 1), len);
        }
        if (bytes->len < 32)
            return;
    }
}

static void call_exports(struct runtime *rt, struct random *random, struct tally *tally)
{
    size_t count;
    const struct cm_component_item *items = cm_component_exports(rt->component, &count);
    for (size_t i = 0; i < count && i < 40; i++) {
        const struct cm_export *export;
        if (items[i].kind != CM_ITEM_FUNC || cm_export_open(rt->linked, STR(""), items[i].name, &export, &rt->err) != ST_OK)
            continue;
        const struct cm_func_desc *func = cm_export_desc(export);
        char *args = arena_alloc(&rt->arena, func->args_size + 16u);
        for (uint32_t k = 0; k < func->param_count; k++)
            if (func->params[k].type->kind == CM_OWN || func->params[k].type->kind == CM_BORROW)
                args = NULL; /* there is none to give */
            else if (args)
                random_value(random, &rt->arena, func->params[k].type, args + func->params[k].offset);
        if (!args)
            continue;
        tally->called++;
        void *result = arena_alloc(&rt->arena, func->result ? func->result->size : 1);
        if (cm_call_export(rt->instance, export, args, result, &rt->err) != ST_OK)
            tally->trapped++;
    }
}

/* False when something failed without a message. */
static bool try_component(struct str bytes, struct random *random, struct tally *tally)
{
    struct things things = {0};
    struct runtime rt = {.err.message = ""};
    const struct cm_load_options options = {.no_elide = random_below(random, 2)};
    const struct cm_instance_options limits = {
        .limits = {.memory_bytes = 1 << 20, .table_elements = 1000, .instances = 20, .memories = 20, .tables = 20},
        .copy_budget_bytes = 1 << 20,
        .max_handles = 100};
    arena_init(&rt.arena, SIZE_MAX);
    bool ok = cm_linker_new(&rt.linker) == ST_OK && cm_linker_add(rt.linker, &things_interface, &things, &rt.err) == ST_OK;
    if (cm_component_load(runtime_engine(), bytes, &options, &rt.component, &rt.err) != ST_OK)
        tally->rejected++;
    else if (runtime_try_link(&rt) != ST_OK)
        tally->unlinked++;
    else if (cm_instantiate(rt.linked, &limits, &rt.instance, &rt.err) != ST_OK)
        tally->failed++;
    else
        call_exports(&rt, random, tally);
    ok = ok && (rt.instance || rt.err.message[0]);
    runtime_close(&rt);
    return (ok && things.counters == 0) || tap_fail(__FILE__, __LINE__, "%u counters are left", things.counters);
}

static unsigned mutation_count(void)
{
    const char *text = getenv("MUTATIONS");
    return text ? (unsigned)strtoul(text, NULL, 10) : MUTATIONS;
}

TEST(damaged_components)
{
    struct random random = {.state = 0x2545f4914f6cdd1d};
    struct tally tally = {0};
    unsigned count = mutation_count();
    for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
        autobuf struct buf seed = BUF_INIT(1 << 20);
        struct error err;
        CHECK(seed_bytes(sources[s], &seed, &err) == ST_OK || tap_fail(__FILE__, __LINE__, "%s", err.message));
        for (unsigned i = 0; i < count / ARRAY_LEN(sources); i++) {
            autobuf struct buf bytes = BUF_INIT(1 << 20);
            buf_add(&bytes, buf_str(&seed));
            mutate(&random, &bytes);
            CHECK(try_component(buf_str(&bytes), &random, &tally));
        }
    }
    printf("# %u mutations: %u rejected, %u not linked, %u not instantiated, %u calls of which %u trapped\n", count, tally.rejected,
           tally.unlinked, tally.failed, tally.called, tally.trapped);
    CHECK(tally.rejected > 0 && tally.unlinked > 0 && tally.called > tally.trapped && tally.trapped > 0);
}

/* Ten thousand damaged components: each is rejected with a message, or links, runs and traps, or works. Nothing crashes or leaks;
 * the sanitizers' builds look closer. */
#include "base/mem.h"
#include "exercise.h"
#include "runtime_help.h"

#include <stdio.h>
#include <stdlib.h>

#define MUTATIONS 10000

static const char *const sources[] = {"things.wat", "nested.wat", "box.wat", "types.wat"};

struct tally {
    unsigned rejected, unlinked, failed, called, trapped, renewed;
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

/* False when something leaked, or failed without a message. */
static bool try_component(struct str bytes, struct random *random, struct tally *tally)
{
    struct exercise e = {.engine = runtime_engine(), .seed = random->state, .no_elide = random_below(random, 2), .limit_ms = 1000};
    exercise_run(&e, bytes);
    tally->rejected += e.reached == EXERCISE_REJECTED;
    tally->unlinked += e.reached == EXERCISE_UNLINKED;
    tally->failed += e.reached == EXERCISE_FAILED;
    tally->called += e.calls;
    tally->trapped += e.traps;
    tally->renewed += e.renewals;
    return (e.objects_left == 0 && (e.reached == EXERCISE_CALLED || e.err.message[0])) ||
           tap_fail(__FILE__, __LINE__, "%u objects are left; `%s`", e.objects_left, e.err.message);
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
    printf("# %u mutations: %u rejected, %u not linked, %u not instantiated, %u calls of which %u trapped, %u renewals\n", count,
           tally.rejected, tally.unlinked, tally.failed, tally.called, tally.trapped, tally.renewed);
    CHECK(tally.rejected > 0 && tally.unlinked > 0 && tally.called > tally.trapped && tally.trapped > 0);
}

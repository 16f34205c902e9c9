/* libFuzzer target: bytes as a component, as far as they go: loaded, linked to a small host, instantiated with small limits, every
 * export called with random arguments, with and without shim elision. Whatever happens has a message, and nothing is left behind.
 */
#include "unit/component/abi_help.c"
#include "unit/component/abi_value.c"
#include "unit/component/exercise.c"
#include "unit/component/host_things.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct engine *engine_once(void)
{
    static struct engine *engine;
    const struct engine_options options = {
        .max_instances = 64, .max_stacks = 8, .no_cache = true, .no_parallel_compilation = true, .max_memory_bytes = 1 << 24};
    struct error err;
    if (!engine && engine_new(&options, &engine, &err) != ST_OK)
        bug("%s", err.message);
    return engine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_n((const char *)data, size);
    for (int no_elide = 0; no_elide < 2; no_elide++) {
        struct exercise e = {.engine = engine_once(), .seed = size * 0x9e3779b97f4a7c15, .no_elide = no_elide, .limit_ms = 100};
        exercise_run(&e, bytes);
        bug_unless(e.objects_left == 0);
        bug_unless(e.reached == EXERCISE_CALLED || e.err.message[0]);
        if (e.reached == EXERCISE_REJECTED)
            break;
    }
    return 0;
}

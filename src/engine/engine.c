#include "base/clock.h"
#include "base/log.h"
#include "engine/internal.h"
#include "engine/pagemap.h"
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

/* The two functions that our build of libwasmtime adds (third_party/wasmtime). */
extern bool wash_pagemap_scan_available(void);
extern void wash_pooling_pagemap_scan_set(wasmtime_pooling_allocation_config_t *config, bool enable);

#define GIB (1ull << 30)
#define MIB (1ull << 20)
#define TABLE_ELEMENT_BYTES 16u /* what Wasmtime's pool reserves for one */
#define GUARD_BYTES (32 * MIB)  /* behind every memory: lets the compiler leave out bounds checks of small offsets */
#define MEMORIES_PER_MODULE 16u
#define TABLES_PER_MODULE 64u
#define SMALLEST_POOL 16u
#define MAPPINGS_PER_SLOT 3u /* of a memory in use: image, heap, and what is not yet accessible */

#ifdef __SANITIZE_THREAD__
enum { UNDER_TSAN = 1 }; /* its shadow memory leaves little room: small memories, and its own view of Rust's threads */

/* Wasmtime allocates while it handles the signal of a trap; that is safe, because the signal came from the guest's code. */
const char *__tsan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
    return "report_signal_unsafe=0";
}

/* The next store may have a slot before the thread that gave it back comes to say so (engine/tsan.h). */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "race:reset_with_pagemap";
}
#else
enum { UNDER_TSAN = 0 };
#endif

struct pool_size {
    unsigned instances, stacks;
    uint64_t slot_bytes, table_bytes, stack_bytes;
};

/* --- options -------------------------------------------------------------------------------------------------------------- */

static void fill_defaults(struct engine_options *options)
{
    if (options->max_instances == 0)
        options->max_instances = 1000;
    if (options->max_stacks == 0)
        options->max_stacks = 1000;
    if (options->max_memory_bytes == 0)
        options->max_memory_bytes = 4 * GIB;
    if (options->table_elements == 0)
        options->table_elements = 20000;
    if (options->wasm_stack_bytes == 0)
        options->wasm_stack_bytes = 512u << 10;
    if (options->coroutine_stack_bytes == 0)
        options->coroutine_stack_bytes = 2u << 20;
    options->cache_dir = NULL; /* the caller's */
}

static enum status check_options(const struct engine_options *options, struct error *err)
{
    if (options->max_memory_bytes > 1024 * GIB)
        return fail(err, ST_INVALID, "engine: a memory limit of %" PRIu64 " bytes is over 1 TiB", options->max_memory_bytes);
    if (options->max_instances > 100000 || options->max_stacks > 100000)
        return fail(err, ST_INVALID, "engine: more than 100000 instances or coroutines");
    if (options->table_elements > 10000000)
        return fail(err, ST_INVALID, "engine: more than 10000000 elements in a table");
    if (options->wasm_stack_bytes < 16u << 10 ||
        options->coroutine_stack_bytes < options->wasm_stack_bytes + 2 * ENGINE_HOST_STACK_BYTES)
        return fail(err, ST_INVALID, "engine: a coroutine's stack of %zu bytes is too small for %zu bytes of guest stack",
                    options->coroutine_stack_bytes, options->wasm_stack_bytes);
    return ST_OK;
}

/* --- how large a pool fits ------------------------------------------------------------------------------------------------ */

static uint64_t reservation_bytes(const struct engine_options *options)
{
    return UNDER_TSAN ? 16 * MIB : MAX(4 * GIB, options->max_memory_bytes);
}

static uint64_t round_to_pages(uint64_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static struct pool_size wanted_pool(const struct engine_options *options)
{
    return (struct pool_size){
        .instances = options->max_instances,
        .stacks = options->max_stacks,
        .slot_bytes = round_to_pages(reservation_bytes(options)) + GUARD_BYTES,
        .table_bytes = round_to_pages((uint64_t)options->table_elements * TABLE_ELEMENT_BYTES),
        .stack_bytes = round_to_pages(options->coroutine_stack_bytes) + round_to_pages(1),
    };
}

static bool reserve(uint64_t bytes, int protection, void **ret_address)
{
    void *address = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *ret_address = address == MAP_FAILED ? NULL : address;
    return *ret_address != NULL;
}

/* Whether the kernel grants, all at once, what Wasmtime will ask for. */
static bool fits(const struct pool_size *size)
{
    uint64_t bytes[3] = {size->instances * size->slot_bytes + GUARD_BYTES, size->instances * size->table_bytes,
                         size->stacks * size->stack_bytes};
    int protection[3] = {PROT_NONE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
    void *address[3] = {NULL, NULL, NULL};
    bool good = true;
    for (int i = 0; i < 3 && good; i++)
        good = reserve(bytes[i], protection[i], &address[i]);
    for (int i = 0; i < 3; i++)
        if (address[i])
            munmap(address[i], bytes[i]);
    return good;
}

static unsigned max_mappings(void)
{
    char text[32] = "";
    autoclose int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    uint64_t value = 0;
    if (len > 0 && str_parse_u64(str_trim(str_n(text, (size_t)len)), UINT32_MAX, &value))
        return (unsigned)value;
    return 65530; /* the kernel's default */
}

/* Each stack is two mappings as soon as the pool exists, each memory in use a few: past the kernel's bound mprotect fails. */
static void fit_mappings(struct pool_size *size)
{
    unsigned budget = max_mappings() / 8 * 7;
    size->stacks = MIN(size->stacks, MAX(SMALLEST_POOL, budget * 2 / 5 / 2));
    size->instances = MIN(size->instances, MAX(SMALLEST_POOL, (budget - 2 * size->stacks) / MAPPINGS_PER_SLOT));
}

/* The largest pool up to the one that was asked for, or false. */
static bool probe_pool(struct pool_size *size)
{
    fit_mappings(size);
    while (!fits(size)) {
        if (size->instances <= SMALLEST_POOL && size->stacks <= SMALLEST_POOL)
            return false;
        size->instances = MAX(size->instances / 2, SMALLEST_POOL);
        size->stacks = MAX(size->stacks / 2, SMALLEST_POOL);
    }
    return true;
}

/* --- configuration -------------------------------------------------------------------------------------------------------- */

static void configure_pool(wasm_config_t *config, const struct engine *engine)
{
    const struct engine_options *options = &engine->options;
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, options->max_instances);
    wasmtime_pooling_allocation_config_total_memories_set(pool, options->max_instances);
    wasmtime_pooling_allocation_config_total_tables_set(pool, options->max_instances);
    wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, options->max_instances);
    wasmtime_pooling_allocation_config_total_stacks_set(pool, options->max_stacks);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, MIN(MEMORIES_PER_MODULE, options->max_instances));
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, MIN(TABLES_PER_MODULE, options->max_instances));
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, options->max_memory_bytes);
    wasmtime_pooling_allocation_config_table_elements_set(pool, options->table_elements);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, options->keep_resident_bytes);
    wasmtime_pooling_allocation_config_table_keep_resident_set(
        pool, engine->pagemap_scan ? round_to_pages((uint64_t)options->table_elements * TABLE_ELEMENT_BYTES) : 64u << 10);
    wash_pooling_pagemap_scan_set(pool, engine->pagemap_scan);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

static wasm_config_t *configure(const struct engine *engine)
{
    const struct engine_options *options = &engine->options;
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_consume_fuel_set(config, options->count_fuel);
    wasmtime_config_max_wasm_stack_set(config, options->wasm_stack_bytes);
    wasmtime_config_async_stack_size_set(config, options->coroutine_stack_bytes);
    wasmtime_config_memory_reservation_set(config, reservation_bytes(options));
    wasmtime_config_memory_guard_size_set(config, GUARD_BYTES);
    wasmtime_config_memory_may_move_set(config, false);
    wasmtime_config_memory_init_cow_set(config, true);
    wasmtime_config_parallel_compilation_set(config, !options->no_parallel_compilation);
    wasmtime_config_native_unwind_info_set(config, false); /* backtraces walk frame pointers */
    wasmtime_config_wasm_exceptions_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    if (engine->pooling)
        configure_pool(config, engine);
    return config;
}

static enum status open_cache(struct engine *engine, const char *dir, struct error *err)
{
    const struct engine_options *options = &engine->options;
    char identity[256];
    int len = snprintf(identity, sizeof identity,
                       "wasmtime " WASMTIME_VERSION " state=" MODULE_STATE_VERSION " pooling=%d memory=%" PRIu64 " proposals=%u%s",
                       engine->pooling, engine->pooling ? options->max_memory_bytes : reservation_bytes(options),
                       options->proposals, options->count_fuel ? " fuel" : "");
    return code_cache_open(dir, str_n(identity, (size_t)len), CODE_CACHE_DEFAULT_BYTES, &engine->cache, err);
}

static void choose_allocation(struct engine *engine)
{
    struct engine_options *options = &engine->options;
    if (UNDER_TSAN) {
        options->max_memory_bytes = MIN(options->max_memory_bytes, 16 * MIB);
        options->no_parallel_compilation = true;
    }
    struct pool_size size = wanted_pool(options);
    engine->pooling = !options->no_pooling && probe_pool(&size);
    engine->pagemap = options->no_pagemap_scan ? -1 : pagemap_open();
    /* Wasmtime's own scan takes a page that was swapped out for one that was never written. */
    engine->pagemap_scan = engine->pooling && engine->pagemap >= 0 && wash_pagemap_scan_available() && !pagemap_swap_in_use();
    if (engine->pooling && size.instances < options->max_instances)
        log_debug("smaller instance pool than asked for", LOG_U64("asked", options->max_instances),
                  LOG_U64("instances", size.instances), LOG_U64("stacks", size.stacks));
    if (engine->pooling) {
        options->max_instances = size.instances;
        options->max_stacks = size.stacks;
    } else if (!options->no_pooling) {
        log_debug("no room for an instance pool; instances are allocated on demand");
    }
    if (options->keep_resident_bytes == 0)
        options->keep_resident_bytes = engine->pagemap_scan ? 16 * MIB : 128u << 10;
}

/* --- the engine ----------------------------------------------------------------------------------------------------------- */

enum status engine_new(const struct engine_options *options, struct engine **ret_engine, struct error *err)
{
    struct engine *engine = NEW(struct engine);
    engine->pagemap = -1;
    if (options)
        engine->options = *options;
    const char *cache_dir = engine->options.cache_dir;
    fill_defaults(&engine->options);
    enum status status = check_options(&engine->options, err);
    if (status != ST_OK)
        goto failed;
    choose_allocation(engine);
    struct error cache_error;
    if (!engine->options.no_cache && open_cache(engine, cache_dir, &cache_error) != ST_OK)
        log_debug("no code cache", LOG_TEXT("reason", cache_error.message));
    engine->handle = wasm_engine_new_with_config(configure(engine));
    if (!engine->handle) {
        status = fail(err, ST_INTERNAL, "engine: Wasmtime did not start");
        goto failed;
    }
    status = fiber_setup(engine, err);
    if (status != ST_OK)
        goto failed;
    *ret_engine = engine;
    return ST_OK;
failed:
    engine_free(engine);
    return status;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    if (engine->fiber_linker)
        wasmtime_linker_delete(engine->fiber_linker);
    if (engine->handle)
        wasm_engine_delete(engine->handle);
    code_cache_close(engine->cache);
    close_descriptor(&engine->pagemap);
    free(engine);
}

bool engine_uses_pooling(const struct engine *engine)
{
    return engine->pooling;
}

bool engine_uses_pagemap_scan(const struct engine *engine)
{
    return engine->pagemap_scan;
}

bool engine_counts_fuel(const struct engine *engine)
{
    return engine->options.count_fuel;
}

const char *engine_version(void)
{
    return WASMTIME_VERSION;
}

void engine_tick(void *engine)
{
    wasmtime_engine_increment_epoch(((struct engine *)engine)->handle);
}

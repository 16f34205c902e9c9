/* What an instance of a component costs beyond what the engine takes for its core instance.
 *   bench-component FILE...
 * For each component: its plan, the time of store + core instance + end of both as the engine does them, and the time of
 * cm_instantiate + cm_instance_free; imports are stubs that trap. WASH_NO_ELIDE=1 keeps shim modules. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "component/instance.h"
#include "stub_host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 5

static enum status read_file(const char *path, struct buf *out, struct error *err)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 1;
    if (fd < 0)
        return fail_errno(err, "open %s", path);
    for (; got > 0; out->len += (size_t)got) {
        TRY(buf_reserve(out, 1 << 20));
        got = read(fd, out->data + out->len, 1 << 20);
        if (got < 0)
            return fail_errno(err, "read %s", path);
    }
    return ST_OK;
}

static enum status bare(struct cm_linked *linked, struct error *err)
{
    struct engine_store *store;
    struct engine_instance instance;
    static const struct engine_limits limits;
    TRY(engine_store_new(linked->engine, NULL, &limits, &store, err));
    enum status status = engine_pre_instantiate(linked->pres[0], store, &instance, err);
    engine_store_free(store);
    return status;
}

static enum status whole(struct cm_linked *linked, struct error *err)
{
    struct cm_instance *instance;
    TRY(cm_instantiate(linked, NULL, &instance, err));
    cm_instance_free(instance);
    return ST_OK;
}

/* The best of a few rounds, in ns. */
static enum status measure(struct cm_linked *linked, enum status (*run)(struct cm_linked *, struct error *), double *ret_ns,
                           struct error *err)
{
    unsigned count = 1;
    double best = 0;
    for (unsigned round = 0; round < ROUNDS;) {
        uint64_t start = clock_now();
        for (unsigned i = 0; i < count; i++)
            TRY(run(linked, err));
        uint64_t took = clock_now() - start;
        if (took < 50000000) {
            count *= 2;
            continue;
        }
        double each = (double)took / count;
        best = round++ == 0 || each < best ? each : best;
    }
    *ret_ns = best;
    return ST_OK;
}

static void print_plan(const struct cm_plan *plan)
{
    unsigned pooled = 0, bound = 0;
    for (uint32_t i = 0; i < plan->core_instance_count; i++)
        pooled += plan->core_instances[i].pooled;
    for (uint32_t i = 0; i < plan->glue_count; i++)
        bound += plan->glues[i].count;
    printf("  %u component instances, %u stores, %u core instances (%u prepared, %u left out), %u trampolines (%u in slots), %u "
           "slots\n",
           plan->instance_count, plan->store_count, plan->core_instance_count, pooled, plan->elided, plan->trampoline_count, bound,
           plan->slot_count);
}

static enum status bench(struct engine *engine, const char *path, struct error *err)
{
    autobuf struct buf bytes = BUF_INIT(1u << 30);
    const char *no_elide = getenv("WASH_NO_ELIDE");
    const struct cm_load_options options = {.no_elide = no_elide && *no_elide == '1'};
    struct cm_component *component;
    struct cm_linker *linker;
    struct stub_host *host;
    struct cm_linked *linked;
    double bare_ns = 0, whole_ns;
    TRY(read_file(path, &bytes, err));
    uint64_t start = clock_now();
    TRY(cm_component_load(engine, buf_str(&bytes), &options, &component, err));
    uint64_t loaded = clock_now();
    TRY(cm_linker_new(&linker));
    TRY(stub_host_new(component, linker, &host, err));
    uint64_t stubbed = clock_now();
    TRY(cm_link(component, linker, &linked, err));
    printf("%s: load %.1f ms, link %.2f ms\n", path, (double)(loaded - start) / 1e6, (double)(clock_now() - stubbed) / 1e6);
    print_plan(component->plan);
    if (component->plan->core_instance_count == 1)
        TRY(measure(linked, bare, &bare_ns, err));
    TRY(measure(linked, whole, &whole_ns, err));
    printf("  core instance %.2f us, component instance %.2f us\n", bare_ns / 1e3, whole_ns / 1e3);
    cm_linked_free(linked);
    stub_host_free(host);
    cm_linker_free(linker);
    cm_component_unref(component);
    return ST_OK;
}

int main(int argc, char **argv)
{
    const struct engine_options options = {.no_cache = false};
    struct engine *engine;
    struct error err;
    if (engine_new(&options, &engine, &err) != ST_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = 1; i < argc; i++)
        if (bench(engine, argv[i], &err) != ST_OK) {
            fprintf(stderr, "%s: %s\n", argv[i], err.message);
            return 1;
        }
    engine_free(engine);
    return 0;
}

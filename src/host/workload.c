/* Loading a workload; see workload.h. */
#include "host/workload.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "component/limits.h"
#include "host/host.h"
#include <fcntl.h>
#include <unistd.h>

struct loading {
    struct host *host;
    const struct host_workload_spec *spec;
    struct host_workload *workload;
    enum status status;
    struct error err;
};

/* A guest's output becomes log lines of its component. */
static void log_line(void *env, enum wasi_output output, struct str line)
{
    const struct host_workload *workload = env;
    const char *stream = output == WASI_STDOUT ? "stdout" : "stderr";
    log_info("guest", LOG_STR("component", workload->name), LOG_TEXT("stream", stream), LOG_STR("line", line));
}

static enum status open_volumes(struct host_workload *workload, const struct host_workload_spec *spec, struct error *err)
{
    struct wasi_preopen *preopens = ARENA_ARRAY(&workload->arena, struct wasi_preopen, spec->volume_count);
    workload->profile.preopens = preopens;
    for (size_t i = 0; i < spec->volume_count; i++) {
        struct str path = arena_str(&workload->arena, spec->volumes[i].host_path);
        int fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* may block, say on a network file system */
        if (fd < 0)
            return fail_errno(err, "the folder %s of the volume at %.*s", path.data, STR_ARG(spec->volumes[i].guest_path));
        preopens[i] = (struct wasi_preopen){.fd = fd, .guest_path = arena_str(&workload->arena, spec->volumes[i].guest_path)};
        workload->profile.preopen_count++;
    }
    return ST_OK;
}

static void copy_environment(struct host_workload *workload, const struct host_workload_spec *spec)
{
    struct wasi_pair *pairs = ARENA_ARRAY(&workload->arena, struct wasi_pair, spec->environment_count);
    for (size_t i = 0; i < spec->environment_count; i++)
        pairs[i] = (struct wasi_pair){arena_str(&workload->arena, spec->environment[i].name),
                                      arena_str(&workload->arena, spec->environment[i].value)};
    workload->profile.environment = pairs;
    workload->profile.environment_count = spec->environment_count;
}

static enum status check_kind(struct str bytes, const char *path, struct error *err)
{
    if (bytes.len == 0)
        return fail(err, ST_INVALID, "%s is empty", path);
    if (bytes.len < 8 || memcmp(bytes.data, "\0asm", 4) != 0)
        return fail(err, ST_INVALID, "%s is not a WebAssembly binary", path);
    if (memcmp(bytes.data + 4, "\x01\0\0\0", 4) == 0)
        return fail(err, ST_INVALID, "%s is a core module, not a component; `wasm-tools component new` makes a component of it",
                    path);
    return ST_OK;
}

static enum status load_bytes(struct loading *loading, const char *path, struct cm_component **ret_component)
{
    struct error *err = &loading->err;
    autobuf struct buf bytes =
        BUF_INIT(CM_LIMIT_BINARY_BYTES); /* a mapping could change under us while a build rewrites the file */
    enum status status = file_read(path, &bytes, err);
    if (status == ST_NOT_FOUND)
        return fail(err, ST_NOT_FOUND, "there is no component at %s; build it there, or name its file in build.component_path",
                    path);
    TRY(status);
    TRY(check_kind(buf_str(&bytes), path, err));
    const struct cm_load_options options = {.no_elide = loading->spec->no_elide};
    status = cm_component_load(host_engine(loading->host), buf_str(&bytes), &options, ret_component, err);
    return status == ST_OK ? ST_OK : fail_wrap(err, "%s", path);
}

#define OFFERED "wash offers WASI 0.2: wasi:cli, clocks, filesystem, http, io, random, sockets"

static enum status link_component(struct loading *loading, struct cm_component *component)
{
    struct host_workload *workload = loading->workload;
    struct error *err = &loading->err;
    enum status status = cm_link(component, host_linker(loading->host), &workload->linked, err);
    if (status == ST_NOT_FOUND) {
        struct error cause = *err;
        return fail(err, ST_NOT_FOUND,
                    "component `%.*s`: %s; build it for interfaces that the host offers (" OFFERED
                    "), or compose it with a component that "
                    "exports the missing one",
                    STR_ARG(workload->name), cause.message);
    }
    if (status == ST_OK && (status = wasi_http_find_handler(workload->linked, &workload->http_handler, err)) == ST_NOT_FOUND)
        return fail(err, ST_INVALID,
                    "component `%.*s` does not export wasi:http/incoming-handler, so it cannot answer HTTP requests",
                    STR_ARG(workload->name));
    return status == ST_OK ? ST_OK : fail_wrap(err, "component `%.*s`", STR_ARG(workload->name));
}

/* On a worker thread. */
static void load(void *arg)
{
    struct loading *loading = arg;
    const struct host_workload_spec *spec = loading->spec;
    struct host_workload *workload = loading->workload;
    struct cm_component *component = NULL;
    loading->status = open_volumes(workload, spec, &loading->err);
    if (loading->status == ST_OK)
        loading->status = load_bytes(loading, arena_str(&workload->arena, spec->path).data, &component);
    if (loading->status == ST_OK)
        loading->status = link_component(loading, component);
    cm_component_unref(component);
}

enum status host_workload_load(struct host *host, const struct host_workload_spec *spec, struct host_workload **ret_workload,
                               struct error *err)
{
    struct host_workload *workload = NEW(struct host_workload);
    atomic_init(&workload->refs, 1);
    arena_init(&workload->arena, SIZE_MAX);
    workload->name = arena_str(&workload->arena, spec->name);
    workload->profile.line = log_line;
    workload->profile.env = workload;
    if (engine_counts_fuel(host_engine(host)))
        workload->meter = host_meter_new(host_shard_count(host));
    copy_environment(workload, spec);
    struct loading loading = {.host = host, .spec = spec, .workload = workload};
    enum status status = io_offload(load, &loading, err);
    if (status == ST_OK && loading.status != ST_OK) {
        *err = loading.err;
        status = loading.status;
    }
    if (status == ST_OK)
        *ret_workload = workload;
    else
        host_workload_unref(workload);
    return status;
}

struct host_workload *host_workload_ref(struct host_workload *workload)
{
    atomic_fetch_add_explicit(&workload->refs, 1, memory_order_relaxed);
    return workload;
}

void host_workload_unref(struct host_workload *workload)
{
    if (!workload || atomic_fetch_sub_explicit(&workload->refs, 1, memory_order_acq_rel) != 1)
        return;
    host_meter_log(workload->meter, workload->name);
    host_meter_free(workload->meter);
    if (workload->linked)
        cm_linked_free(workload->linked);
    for (size_t i = 0; i < workload->profile.preopen_count; i++)
        close(workload->profile.preopens[i].fd);
    arena_release(&workload->arena);
    free(workload);
}

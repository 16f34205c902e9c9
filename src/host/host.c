/* Shards, listeners, deployment, stop; see host.h. */
#include "host/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/request.h"
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* What a shard has; touched by its thread alone. */
struct host_shard {
    struct host *host;
    struct io_shard *io;
    unsigned index;
    struct http_server *server;
    struct io_account account; /* of the workload's calls */
    struct host_workload *workload;
    struct cm_warm *warm; /* instances of the workload */
    struct io_timer trim;
    struct io_listening listening; /* until they are handed to the server */
};

struct host {
    struct config_limits limits;
    struct engine *engine;
    struct cm_linker *linker;
    struct cm_warm_options warm;
    unsigned count;
    struct host_shard *shards;
    struct io_shards *threads;

    /* Of the first shard: */
    enum status (*run)(struct host *host, void *env, struct error *err);
    void *env;
    struct io_task main_task;
    enum status status;
    struct error err;
    struct io_event stop;
    unsigned signals;
    void (*abandon)(void *env);
    void *abandon_env;
};

/* --- life --------------------------------------------------------------------------------------------------------------------- */

/* Connections are descriptors: take all that the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct engine_options engine_options(const struct host_options *options, unsigned shards)
{
    const struct config_limits *limits = &options->limits;
    return (struct engine_options){
        .max_instances = (unsigned)MIN(shards * limits->calls_in_flight * 2, 10000),
        .max_stacks = (unsigned)MIN(shards * (limits->calls_in_flight + limits->calls_in_flight / 8 + 64), 20000),
        .table_elements = (unsigned)limits->table_elements,
        .wasm_stack_bytes = limits->stack_kib << 10,
        .no_pagemap_scan = options->no_pagemap_scan,
        .no_pooling = options->no_pooling,
        .count_fuel = options->meters,
    };
}

enum status host_new(const struct host_options *options, struct host **ret_host, struct error *err)
{
    struct host *host = NEW(struct host);
    host->limits = options->limits;
    host->count = options->limits.shards ? (unsigned)options->limits.shards : io_shards_recommended();
    host->warm.instance.limits.memory_bytes = options->limits.memory_mib << 20;
    host->warm.instance.limits.table_elements = options->limits.table_elements;
    host->warm.max_core_instances = (unsigned)options->limits.calls_in_flight / 4;
    host->shards = mem_array(host->count, sizeof *host->shards);
    for (unsigned i = 0; i < host->count; i++)
        host->shards[i] = (struct host_shard){.host = host, .index = i};
    raise_descriptor_limit();
    struct engine_options engine = engine_options(options, host->count);
    enum status status = engine_new(&engine, &host->engine, err);
    if (status == ST_OK)
        status = cm_linker_new(&host->linker);
    if (status == ST_OK)
        status = wasi_linker_add(host->linker, err);
    if (status == ST_OK)
        *ret_host = host;
    else
        host_free(host);
    return status;
}

void host_free(struct host *host)
{
    if (!host)
        return;
    for (unsigned i = 0; i < host->count; i++) {
        io_listening_close(&host->shards[i].listening);
        host_workload_unref(host->shards[i].workload);
    }
    if (host->linker)
        cm_linker_free(host->linker);
    if (host->engine)
        engine_free(host->engine);
    free(host->shards);
    free(host);
}

struct engine *host_engine(const struct host *host)
{
    return host->engine;
}

struct cm_linker *host_linker(const struct host *host)
{
    return host->linker;
}

const struct config_limits *host_limits(const struct host *host)
{
    return &host->limits;
}

unsigned host_shard_count(const struct host *host)
{
    return host->count;
}

/* --- work on every shard ------------------------------------------------------------------------------------------------------ */

/* One function as a task on each shard; the caller, on the first shard, waits for all. */
struct everywhere {
    enum status (*run)(struct host_shard *shard, void *env, struct error *err);
    void *env;
    struct io_shard *home;
    unsigned left;
    struct io_event done;
    struct visit *visits;
};

struct visit {
    struct everywhere *everywhere;
    struct host_shard *shard;
    struct io_message go, back;
    struct io_task task;
    enum status status;
    struct error err;
};

/* On the first shard's loop. */
static void visit_over(struct io_message *message)
{
    struct everywhere *everywhere = CONTAINER_OF(message, struct visit, back)->everywhere;
    if (--everywhere->left == 0)
        io_event_set(&everywhere->done);
}

static void visit_done(struct io_task *task)
{
    struct visit *visit = CONTAINER_OF(task, struct visit, task);
    io_post(visit->everywhere->home, &visit->back);
}

static void visit_run(struct io_task *task)
{
    struct visit *visit = CONTAINER_OF(task, struct visit, task);
    visit->status = visit->everywhere->run(visit->shard, visit->everywhere->env, &visit->err);
}

/* On the visited shard's loop. */
static void visit_start(struct io_message *message)
{
    struct visit *visit = CONTAINER_OF(message, struct visit, go);
    visit->status = io_task_start(&visit->task, visit_run, NULL, IO_TASK_INNER, &visit->err);
    if (visit->status == ST_OK)
        visit->task.on_done = visit_done;
    else
        io_post(visit->everywhere->home, &visit->back);
}

/* The first failure, or ST_OK. Waits: yes, also when the caller is cancelled: the visits are on its stack. */
static enum status on_every_shard(struct host *host, enum status (*run)(struct host_shard *, void *, struct error *), void *env,
                                  struct error *err)
{
    struct everywhere everywhere = {.run = run, .env = env, .home = io_shard_current(), .left = host->count};
    io_event_init(&everywhere.done);
    everywhere.visits = mem_array(host->count, sizeof *everywhere.visits);
    for (unsigned i = 0; i < host->count; i++) {
        everywhere.visits[i] =
            (struct visit){.everywhere = &everywhere, .shard = &host->shards[i], .go.run = visit_start, .back.run = visit_over};
        io_post(host->shards[i].io, &everywhere.visits[i].go);
    }
    io_cancel_mask(io_task_current());
    enum status status = io_wait(&everywhere.done, CLOCK_NEVER);
    io_cancel_unmask(io_task_current());
    for (unsigned i = 0; i < host->count && status == ST_OK; i++) {
        status = everywhere.visits[i].status;
        *err = everywhere.visits[i].err;
    }
    free(everywhere.visits);
    return status;
}

/* --- serving ------------------------------------------------------------------------------------------------------------------ */

#define TRIM_INTERVAL_NS (2 * NS_PER_SECOND)

static void handle(struct http_exchange *exchange, void *env)
{
    struct host_shard *shard = env;
    struct host_workload *workload = host_workload_ref(shard->workload);
    struct cm_warm *warm = cm_warm_ref(shard->warm);
    if (shard->trim.deadline == CLOCK_NEVER)
        io_timer_arm(&shard->trim, io_now() + TRIM_INTERVAL_NS);
    struct host_call call = {
        .workload = workload,
        .warm = warm,
        .fuel = host_meter_part(workload->meter, shard->index),
        .timeout_ns = shard->host->limits.call_timeout_secs * NS_PER_SECOND,
    };
    host_handle_request(&call, exchange);
    cm_warm_unref(warm);
    host_workload_unref(workload);
}

/* Instances that nobody called for a while go. */
static void trim(struct io_timer *timer)
{
    struct host_shard *shard = CONTAINER_OF(timer, struct host_shard, trim);
    if (cm_warm_trim(shard->warm))
        io_timer_arm(timer, io_now() + TRIM_INTERVAL_NS);
}

static struct io_account *account(struct http_exchange *exchange UNUSED, void *env)
{
    struct host_shard *shard = env;
    return &shard->account;
}

static void refused(int status, const char *reason, const struct io_address *peer, void *env UNUSED)
{
    char text[IO_ADDRESS_TEXT_MAX];
    log_info("request refused", LOG_I64("status", status), LOG_TEXT("reason", reason),
             LOG_STR("peer", io_address_format(peer, text)));
}

#define LISTEN_BACKLOG 1024 /* connections that wait while the workload is being built, or the shard is busy */

static enum status listen_shared(struct host_shard *shard, const struct io_address *addresses, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        TRY(io_listen(&addresses[i], true, LISTEN_BACKLOG, &shard->listening.descriptors[i], err));
        shard->listening.count = i + 1;
    }
    return ST_OK;
}

/* SO_REUSEPORT lets our shards share a port, but would let us share it with a stranger too: first see whether it is free. */
enum status host_listen(struct host *host, struct str address, uint16_t *ret_port, struct error *err)
{
    struct io_listening probe;
    struct io_address addresses[IO_LISTEN_MAX];
    TRY(io_listen_named(address, LISTEN_BACKLOG, &probe, err));
    *ret_port = probe.port;
    if (host->count == 1) {
        host->shards[0].listening = probe;
        return ST_OK;
    }
    size_t count = probe.count;
    enum status status = ST_OK;
    for (size_t i = 0; i < count && status == ST_OK; i++)
        status = io_local_address(probe.descriptors[i], &addresses[i], err);
    io_listening_close(&probe);
    for (unsigned i = 0; i < host->count && status == ST_OK; i++)
        status = listen_shared(&host->shards[i], addresses, count, err);
    return status;
}

static enum status serve_on_shard(struct host_shard *shard, void *env, struct error *err)
{
    struct host_workload *workload_before = shard->workload;
    struct cm_warm *warm_before = shard->warm;
    shard->workload = host_workload_ref(env);
    shard->warm = cm_warm_new(shard->workload->linked, &shard->host->warm);
    cm_warm_unref(warm_before);
    host_workload_unref(workload_before);
    struct io_listening *listening = &shard->listening;
    while (listening->count > 0)
        TRY(http_server_listen(shard->server, listening->descriptors[--listening->count], NULL, err));
    return ST_OK;
}

enum status host_serve(struct host *host, struct host_workload *workload, struct error *err)
{
    enum status status = on_every_shard(host, serve_on_shard, workload, err);
    host_workload_unref(workload);
    return status;
}

/* env: where each shard puts its part, by its index */
static enum status copy_fuel(struct host_shard *shard, void *env, struct error *err)
{
    if (!shard->workload)
        return fail(err, ST_NOT_FOUND, "no workload is served");
    ((struct histogram *)env)[shard->index] = *host_meter_part(shard->workload->meter, shard->index);
    return ST_OK;
}

enum status host_read_fuel(struct host *host, struct histogram *ret_fuel, struct error *err)
{
    if (!engine_counts_fuel(host->engine))
        return fail(err, ST_UNSUPPORTED, "the host does not measure fuel");
    autofree struct histogram *parts = mem_array(host->count, sizeof *parts);
    TRY(on_every_shard(host, copy_fuel, parts, err));
    for (unsigned i = 1; i < host->count; i++)
        histogram_merge(&parts[0], &parts[i]);
    *ret_fuel = parts[0];
    return ST_OK;
}

static enum status drain_shard(struct host_shard *shard, void *env, struct error *err UNUSED)
{
    enum status status = http_server_drain(shard->server, *(uint64_t *)env);
    if (status == ST_INTERNAL)
        return status;
    http_server_free(shard->server);
    io_timer_disarm(&shard->trim);
    cm_warm_unref(shard->warm);
    shard->server = NULL;
    shard->warm = NULL;
    return status;
}

/* --- running ------------------------------------------------------------------------------------------------------------------ */

struct io_event *host_stop_event(struct host *host)
{
    return &host->stop;
}

void host_wait_stop(struct host *host)
{
    if (io_wait(&host->stop, CLOCK_NEVER) != ST_OK)
        log_debug("waiting for a stop was cancelled");
}

void host_request_stop(struct host *host)
{
    io_event_set(&host->stop);
}

void host_set_abandon(struct host *host, void (*abandon)(void *env), void *env)
{
    host->abandon = abandon;
    host->abandon_env = env;
}

static void on_signal(int signal, void *env)
{
    struct host *host = env;
    if (host->signals++ > 0) {
        log_warn("stopping at once");
        if (host->abandon)
            host->abandon(host->abandon_env);
        _exit(signal == SIGINT ? 130 : 143);
    }
    log_info("stopping: running calls may finish; once more to stop at once", LOG_U64("drain_secs", host->limits.drain_secs));
    host_request_stop(host);
}

static void run_main(struct io_task *task)
{
    struct host *host = CONTAINER_OF(task, struct host, main_task);
    host->status = host->run(host, host->env, &host->err);
    uint64_t deadline = clock_after(host->limits.drain_secs * NS_PER_SECOND);
    struct error err;
    if (on_every_shard(host, drain_shard, &deadline, &err) != ST_OK)
        log_warn("some calls were cut off by the stop");
    io_shards_stop(host->threads);
}

static void setup_shard(struct io_shard *io, void *env)
{
    struct host *host = env;
    struct host_shard *shard = &host->shards[io_shard_index(io)];
    io_timer_init(&shard->trim, trim);
    io_account_init(&shard->account, "workload");
    shard->account.max_running = (unsigned)host->limits.calls_in_flight;
    struct http_server_options options = {
        .handle = handle,
        .account = account,
        .refused = refused,
        .env = shard,
        .max_connections = (unsigned)host->limits.connections,
    };
    shard->server = http_server_new(&options);
}

struct host_start {
    struct io_message message;
    struct host *host;
};

static const int stop_signals[] = {SIGINT, SIGTERM};

/* The first message to the first shard, once every shard is there. */
static void start_main(struct io_message *message)
{
    struct host *host = CONTAINER_OF(message, struct host_start, message)->host;
    enum status status = io_signals_watch(stop_signals, ARRAY_LEN(stop_signals), on_signal, host, &host->err);
    if (status == ST_OK)
        status = io_task_start(&host->main_task, run_main, NULL, 0, &host->err);
    if (status != ST_OK) {
        host->status = status;
        io_shards_stop(host->threads);
    }
}

enum status host_run(struct host *host, enum status (*run)(struct host *host, void *env, struct error *err), void *env,
                     struct error *err)
{
    host->run = run;
    host->env = env;
    io_event_init(&host->stop);
    TRY(io_signals_block(stop_signals, ARRAY_LEN(stop_signals), err));
    io_set_tick_hook(engine_tick, host->engine);
    struct io_shards_options options = {
        .shard = {.coro_ops = &coro_fiber, .coro_env = host->engine, .max_coroutines = (unsigned)host->limits.calls_in_flight + 64},
        .count = host->count,
        .pin = true,
        .setup = setup_shard,
        .env = host,
    };
    TRY(io_shards_start(&options, &host->threads, err));
    struct host_start start = {.message.run = start_main, .host = host};
    for (unsigned i = 0; i < host->count; i++)
        host->shards[i].io = io_shards_get(host->threads, i);
    io_post(host->shards[0].io, &start.message);
    io_shards_join(host->threads);
    *err = host->err;
    return host->status;
}

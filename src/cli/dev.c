/* `wash dev`: builds the project's component and serves it over HTTP until it is told to stop. */
#include "base/log.h"
#include "base/mem.h"
#include "cli/build.h"
#include "config/wash.h"
#include "host/host.h"
#include "io/child.h"
#include <signal.h>
#include <unistd.h>

#define COMPONENT_NAME "wash-dev-component"

struct dev {
    struct cli_context *context;
    struct config_project project;
    struct str component_path;
    struct str address; /* where it listens, as the configuration names it, with the port that it got */
};

/* --- building ----------------------------------------------------------------------------------------------------------------- */

/* Waits for the build, or for a stop: then the build is ended as well. */
static enum status wait_build(struct host *host, struct io_child *child, int *ret_code, struct error *err)
{
    for (;;) {
        enum status status = io_child_wait(child, clock_after(100 * NS_PER_MS), ret_code, err);
        if (status != ST_TIMEOUT)
            return status;
        if (host_stop_event(host)->set) {
            io_child_stop(child, 2 * NS_PER_SECOND);
            return ST_CANCELLED;
        }
    }
}

static void kill_build(void *env)
{
    io_child_signal(env, SIGKILL);
}

/* Standard output is kept for the JSON result. */
static void print_build_line(void *env UNUSED, bool is_stderr UNUSED, struct str line)
{
    fprintf(stderr, "%.*s\n", STR_ARG(line));
}

static enum status build(struct dev *dev, struct host *host, struct error *err)
{
    struct cli_build plan = cli_build_of(&dev->project, true, dev->context->arena);
    if (!plan.command.data) {
        log_info("no build.command in the configuration: serving the component as it is",
                 LOG_STR("component_path", plan.component_path));
        return ST_OK;
    }
    log_info("building", LOG_STR("command", plan.command));
    struct io_child_options options = {
        .command = plan.command.data,
        .directory = plan.directory.data,
        .env = plan.env,
        .output = dev->context->json ? IO_CHILD_LINES : IO_CHILD_INHERIT,
        .line = print_build_line,
    };
    struct io_child child;
    int code = 0;
    TRY(io_child_start(&child, &options, err));
    host_set_abandon(host, kill_build, &child);
    enum status status = wait_build(host, &child, &code, err);
    host_set_abandon(host, NULL, NULL);
    io_child_release(&child);
    if (status == ST_OK && code != 0)
        return cli_build_failed(&plan, code, err);
    return status == ST_OK ? cli_build_wrap(&plan, err) : status;
}

/* --- serving ------------------------------------------------------------------------------------------------------------------ */

static struct host_workload_spec workload_spec(const struct dev *dev)
{
    struct arena *arena = dev->context->arena;
    const struct config_objects *configured = &dev->project.config.dev.volumes;
    struct host_volume *volumes = ARENA_ARRAY(arena, struct host_volume, configured->len);
    for (size_t i = 0; i < configured->len; i++) {
        const struct config_volume *volume = (const struct config_volume *)configured->items + i;
        volumes[i] = (struct host_volume){config_resolve_path(&dev->project, volume->host_path, arena), volume->guest_path};
    }
    const char *no_elide = getenv("WASH_NO_ELIDE");
    return (struct host_workload_spec){
        .name = STR(COMPONENT_NAME),
        .path = dev->component_path,
        .no_elide = no_elide && strcmp(no_elide, "1") == 0,
        .volumes = volumes,
        .volume_count = configured->len,
    };
}

static void say_where(struct dev *dev)
{
    struct str address = dev->address;
    bool everywhere = str_starts(address, STR("0.0.0.0:")) || str_starts(address, STR(":")) || str_starts(address, STR("[::]:"));
    struct str url = arena_printf(dev->context->arena, "http://%s%.*s", address.data[0] == ':' ? "0.0.0.0" : "", STR_ARG(address));
    log_info("listening for HTTP requests", LOG_STR("address", url));
    if (everywhere)
        log_info("other machines can reach this address; set dev.address to 127.0.0.1:PORT to keep it to this one");
    log_info("press Ctrl-C to stop");
}

static void restore_terminal(void *env UNUSED)
{
    cli_terminal_restore();
}

/* Compiling a large component takes seconds where the code is not in the cache. */
static enum status load(struct dev *dev, struct host *host, struct host_workload **ret_workload, struct error *err)
{
    struct host_workload_spec spec = workload_spec(dev);
    struct cli_progress progress = {0};
    host_set_abandon(host, restore_terminal, NULL);
    cli_progress_start(&progress, &dev->context->terminal, "compiling");
    enum status status = host_workload_load(host, &spec, ret_workload, err);
    cli_progress_end(&progress);
    host_set_abandon(host, NULL, NULL);
    return status;
}

/* The main task on the host's first shard. */
static enum status develop(struct host *host, void *env, struct error *err)
{
    struct dev *dev = env;
    log_info("HTTP server listening", LOG_STR("addr", dev->address));
    log_info("development session started, building and deploying component...");
    enum status status = build(dev, host, err);
    struct host_workload *workload = NULL;
    if (status == ST_OK)
        status = load(dev, host, &workload, err);
    if (status == ST_OK && host_stop_event(host)->set) { /* stopped while it compiled */
        host_workload_unref(workload);
        return ST_OK;
    }
    if (status == ST_OK)
        status = host_serve(host, workload, err);
    if (status == ST_OK) {
        say_where(dev);
        host_wait_stop(host);
    }
    return status == ST_CANCELLED && host_stop_event(host)->set ? ST_OK : status;
}

/* --- the command -------------------------------------------------------------------------------------------------------------- */

static void warn_later_keys(const struct dev *dev)
{
    if (dev->project.later_count == 0)
        return;
    autobuf struct buf names = BUF_INIT(BUF_UNLIMITED);
    for (size_t i = 0; i < dev->project.later_count; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(dev->project.later_keys[i]));
    log_warn("these keys are not acted on yet", LOG_STR("keys", buf_str(&names)));
}

static enum status listen_on(struct dev *dev, struct host *host, struct error *err)
{
    struct str address = dev->project.config.dev.address;
    uint16_t port;
    enum status status = host_listen(host, address, &port, err);
    if (status == ST_EXISTS)
        return fail(err, ST_EXISTS, "%s; dev.address or WASH_DEV_ADDRESS may name another", err->message);
    if (status != ST_OK)
        return fail_wrap(err, "dev.address `%.*s`", STR_ARG(address));
    struct str host_name = str_slice(address, 0, str_find_last_char(address, ':'));
    dev->address = arena_printf(dev->context->arena, "%.*s:%u", STR_ARG(host_name), port);
    return ST_OK;
}

/* Somebody in the wrong folder is told so, and not that its component is missing. */
static enum status check_project(const struct dev *dev, struct error *err)
{
    const struct config_project *project = &dev->project;
    if (project->config_path.data || project->config.build.command.data || access(dev->component_path.data, F_OK) == 0)
        return ST_OK;
    return fail(err, ST_NOT_FOUND,
                "there is no project here: neither %s nor a folder above it has a .wash/config.yaml; `wash new` makes a project, "
                "`wash config init` a configuration",
                project->root.data);
}

static enum status run_dev(struct cli_context *context, const void *options UNUSED, struct error *err)
{
    struct dev dev = {.context = context};
    TRY(cli_load_project(context, &dev.project, err));
    dev.component_path = config_component_path(&dev.project, true, context->arena);
    TRY(check_project(&dev, err));
    log_info("starting development session for project", LOG_STR("path", dev.project.root));
    warn_later_keys(&dev);
    struct host_options host_options = {
        .limits = dev.project.config.limits,
        .no_pagemap_scan = getenv("WASH_NO_PAGEMAP_SCAN") != NULL,
        .meters = context->parsed.globals.enable_meters,
    };
    struct host *host;
    TRY(host_new(&host_options, &host, err));
    enum status status = listen_on(&dev, host, err);
    if (status == ST_OK)
        status = host_run(host, develop, &dev, err);
    host_free(host);
    if (status == ST_OK)
        cli_result(context, STR_NULL, "Development command executed successfully", NULL);
    return status;
}

const struct cli_command cli_dev = {
    .name = "dev",
    .summary = "Build a project's component and serve it over HTTP",
    .details = "Runs dev.command (or build.command) of .wash/config.yaml in the project, then answers "
               "requests on dev.address with the component, until Ctrl-C or SIGTERM.",
    CLI_EXAMPLES({"Build and serve the project of this folder, or of one above it", "wash dev"},
                 {"Only for this machine, on another port", "WASH_DEV_ADDRESS=127.0.0.1:8080 wash dev"}),
    .run = run_dev,
};

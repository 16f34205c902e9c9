/* The host: shards that serve workloads.
 *
 * A host owns the engine, one thread per core (a shard each, io/shard.h), and an HTTP server on every shard. A workload is a
 * component that was loaded and linked once and is shared by all shards; each request gets an instance of its own. `host_run`
 * starts the shards, runs the caller's main function as a task on the first, and returns when that is done and everything is
 * drained.
 *
 * Everything here is called from the main function's task, except host_new, host_run, host_free (the main thread) and
 * host_request_stop (the first shard's loop). */
#pragma once

#include "config/wash.h"
#include "host/workload.h"
#include "io/shard.h"

struct host;

struct host_options {
    struct config_limits limits;
    bool no_pagemap_scan, no_pooling; /* measurements */
    bool meters;                      /* what workloads use is measured, see host/meter.h; their code gets slower */
};

enum status host_new(const struct host_options *options, struct host **ret_host, struct error *err) CHECKED;
void host_free(struct host *host);

/* Runs `run` as a task on the first shard, with SIGINT and SIGTERM turned into a stop: the first cancels the wait of
 * host_wait_stop, and the second ends the process at once. When `run` returns, listeners close, running calls get
 * limits.drain_secs, and the shards end. Returns what `run` returned. */
enum status host_run(struct host *host, enum status (*run)(struct host *host, void *env, struct error *err), void *env,
                     struct error *err) CHECKED;

/* Opens the listening sockets, for each shard one at each address that `address` names (io_listen_named); connections wait in their
 * queue until host_serve. ret_port: where it listens, also if `address` left it open with port 0. ST_EXISTS: the port is in use.
 * Before host_run. */
enum status host_listen(struct host *host, struct str address, uint16_t *ret_port, struct error *err) CHECKED;

/* Answers every request with `workload` from now on; the workload before it ends when its last call does. Takes the reference.
 * Waits: yes. */
enum status host_serve(struct host *host, struct host_workload *workload, struct error *err) CHECKED;

/* What the meter (host/meter.h) of the workload that is served has so far, of all shards. ST_NOT_FOUND: nothing is served;
 * ST_UNSUPPORTED: the host does not measure. Waits: yes. */
enum status host_read_fuel(struct host *host, struct histogram *ret_fuel, struct error *err) CHECKED;

/* Waits for a stop. Waits: yes. */
void host_wait_stop(struct host *host);
void host_request_stop(struct host *host);
/* What to do before a second signal ends the process at once, say to end children; on the first shard's loop. NULL: nothing. */
void host_set_abandon(struct host *host, void (*abandon)(void *env), void *env);
struct io_event *host_stop_event(struct host *host);

struct engine *host_engine(const struct host *host);
struct cm_linker *host_linker(const struct host *host);
const struct config_limits *host_limits(const struct host *host);
unsigned host_shard_count(const struct host *host);

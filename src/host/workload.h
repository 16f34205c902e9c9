/* A workload: a component, loaded and linked, with what it may see of the world. Immutable once made, but for its meter, of which
 * each shard has a part; reference-counted across shards. With the last reference it logs what the meter has. */
#pragma once

#include "host/meter.h"
#include "wasi/wasi.h"
#include <stdatomic.h>

struct host;

struct host_volume {
    struct str host_path; /* absolute */
    struct str guest_path;
};

struct host_workload_spec {
    struct str name; /* of the component, in logs */
    struct str path; /* of the component's file */
    bool no_elide;   /* see cm_load_options */
    const struct host_volume *volumes;
    size_t volume_count;
    const struct wasi_pair *environment;
    size_t environment_count;
};

struct host_workload {
    atomic_uint refs;
    struct str name;
    struct arena arena;
    struct wasi_profile profile;
    struct cm_linked *linked;
    const struct cm_export *http_handler;
    struct host_meter *meter; /* NULL: nothing is measured */
};

/* Reads, compiles and links on a worker thread. ST_NOT_FOUND: the file, a volume, or an import that nobody offers (the message says
 * what would satisfy it). ST_INVALID: not a component, or one that does not answer HTTP. Waits: yes. */
enum status host_workload_load(struct host *host, const struct host_workload_spec *spec, struct host_workload **ret_workload,
                               struct error *err) CHECKED;
struct host_workload *host_workload_ref(struct host_workload *workload);
void host_workload_unref(struct host_workload *workload);

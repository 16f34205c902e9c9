/* WASI 0.2 for components: what the host gives an instance, and the interfaces to link.
 *
 * A `struct wasi_profile` is what a component may see of the world: arguments, environment, volumes, where its output goes. It is
 * made once per workload, immutable, shared by all shards. A `struct wasi_context` is the state of one instance: cheap to make,
 * embedded in the request. Nothing of the host's own environment, arguments or files is visible unless a profile says so. */
#pragma once

#include "component/component.h"
#include "wasi/prng.h"

struct wasi_pair {
    struct str name, value;
};

struct wasi_preopen {
    int fd; /* O_PATH or O_RDONLY directory; the profile's owner closes it */
    struct str guest_path;
    bool read_only;
};

enum wasi_output { WASI_STDOUT, WASI_STDERR };
#define WASI_LINE_MAX 8192 /* longer lines of a guest are cut into several */

struct wasi_profile {
    const struct wasi_pair *environment;
    size_t environment_count;
    const struct str *arguments;
    size_t argument_count;
    const struct wasi_preopen *preopens;
    size_t preopen_count;
    /* One line of a guest's output, without its end; raw bytes: escape them. NULL: output is dropped. */
    void (*line)(void *env, enum wasi_output output, struct str line);
    void *env;
};

struct http_exchange;
struct wasi_http_request;

struct wasi_context {
    const struct wasi_profile *profile;
    struct wasi_lines {
        char *text; /* the line so far; NULL until something is written */
        size_t len;
    } lines[2];
    bool exited; /* wasi:cli/exit was called: the trap that follows is no failure of its own */
    uint8_t exit_code;
    struct wasi_prng prng;          /* wasi:random/insecure; seeded at first use */
    struct wasi_http_request *http; /* the request it answers, or NULL */
    unsigned open_files;            /* descriptors this instance holds, bounded by WASI_MAX_OPEN_FILES */
    size_t held_bytes;              /* of fields, texts and bodies that its objects hold, bounded by WASI_MAX_HELD_BYTES */
};
#define WASI_MAX_OPEN_FILES 256
#define WASI_MAX_HELD_BYTES (32u << 20)

void wasi_context_init(struct wasi_context *context, const struct wasi_profile *profile);
void wasi_context_release(struct wasi_context *context); /* writes out what is left of unfinished lines */

static inline struct wasi_context *wasi_of(const struct cm_call *call)
{
    return cm_call_data(call, CM_DATA_WASI);
}

/* Adds every interface of WASI 0.2. */
enum status wasi_linker_add(struct cm_linker *linker, struct error *err) CHECKED;

/* --- HTTP --------------------------------------------------------------------------------------------------------------------- */

/* The exported wasi:http/incoming-handler#handle. ST_NOT_FOUND when the component has none. */
enum status wasi_http_find_handler(struct cm_linked *linked, const struct cm_export **ret_handler, struct error *err) CHECKED;

/* Has an instance, whose context is in its CM_DATA_WASI slot, answer an exchange on the exchange's task.
 * ST_OK: the guest set a response and finished it, or its instance's end will abort it. Else *err says why not, and the caller
 * answers if the exchange has not been responded to: ST_INVALID: it returned without a response, or set an error-code; ST_TRAP,
 * ST_CANCELLED as of cm_call_export. Free the instance before the exchange ends. Waits: yes. */
enum status wasi_http_serve(struct cm_instance *instance, const struct cm_export *handler, struct http_exchange *exchange,
                            struct error *err) CHECKED;

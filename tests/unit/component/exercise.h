/* Takes any bytes as far as they go as a component: load, link to the test host, instantiate with small limits, call every export
 * with random arguments; then the same once more in the same instance, renewed, which must not show. For damaged components and for
 * the fuzzer. A guest that does not end is cancelled. */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "engine/engine.h"

struct exercise {
    struct engine *engine;
    uint64_t seed; /* of the arguments */
    bool no_elide;
    unsigned limit_ms; /* for all of it but loading */
    /* Results: */
    enum { EXERCISE_REJECTED, EXERCISE_UNLINKED, EXERCISE_FAILED, EXERCISE_CALLED } reached;
    unsigned calls, traps, renewals;
    bool cancelled;
    unsigned objects_left; /* of the host's: 0 unless something leaked */
    struct error err;      /* why it went no further */
};

void exercise_run(struct exercise *exercise, struct str bytes);

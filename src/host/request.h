/* One HTTP request, answered by an instance of its own. */
#pragma once

#include "component/warm.h"
#include "host/workload.h"
#include "http/server.h"

/* What answers, as the shard has it. */
struct host_call {
    const struct host_workload *workload;
    struct cm_warm *warm;   /* of the workload */
    struct histogram *fuel; /* where what the call consumes is recorded; NULL: nowhere */
    uint64_t timeout_ns;
};

/* Runs the workload on the exchange, on the exchange's task, in an instance out of `warm`, and sees to it that the client gets an
 * answer or sees that there is none: 500 or 504 before the response's head, an aborted connection after it. Logs the request at
 * info, its fuel at debug, and failures at error. `call` is borrowed. Waits: yes. */
void host_handle_request(const struct host_call *call, struct http_exchange *exchange);

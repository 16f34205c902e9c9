/* One HTTP request, answered by an instance of its own. */
#pragma once

#include "host/workload.h"
#include "http/server.h"

struct host_call_options {
    uint64_t timeout_ns;
    struct engine_limits limits;
};

/* Runs `workload` on the exchange, on the exchange's task, and sees to it that the client gets an answer or sees that there is
 * none: 500 or 504 before the response's head, an aborted connection after it. Logs the request at info and failures at error.
 * Waits: yes. */
void host_handle_request(const struct host_workload *workload, const struct host_call_options *options,
                         struct http_exchange *exchange);

/* One HTTP request, answered by an instance of its own. */
#pragma once

#include "component/warm.h"
#include "host/workload.h"
#include "http/server.h"

/* Runs `workload` on the exchange, on the exchange's task, in an instance out of `warm`, and sees to it that the client gets an answer or sees that there is
 * none: 500 or 504 before the response's head, an aborted connection after it. Logs the request at info and failures at error.
 * Waits: yes. */
void host_handle_request(const struct host_workload *workload, struct cm_warm *warm, uint64_t timeout_ns,
                         struct http_exchange *exchange);

/* Answering one request; see request.h. */
#include "host/request.h"
#include "base/log.h"
#include "base/mem.h"

struct request {
    const struct host_call *call;
    struct http_exchange *exchange;
    struct wasi_context wasi;
    struct io_timer timer;
    struct io_task *task;
    bool timed_out, no_room;
};

static void time_out(struct io_timer *timer)
{
    struct request *request = CONTAINER_OF(timer, struct request, timer);
    request->timed_out = true;
    io_task_cancel(request->task);
}

/* The trap of an instance, for people: what happened, then where, innermost function first. */
static void log_failure(const struct request *request, const struct error *err, struct str backtrace)
{
    const struct http_head *head = http_exchange_head(request->exchange);
    struct str component = request->call->workload->name;
    log_error("request failed", LOG_STR("component", component), LOG_TEXT("reason", err->message), LOG_STR("method", head->method),
              LOG_STR("path", head->target));
    struct str frame;
    while (str_next_part(&backtrace, '\n', &frame)) {
        frame = str_trim(frame);
        if (frame.len)
            log_error("  at", LOG_STR("component", component), LOG_STR("frame", frame));
    }
}

/* The client's side of a failure: 504 for a time-out, 503 when the host had no room for an instance, else 500. */
static void answer_failure(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct error err;
    io_task_uncancel(request->task);
    if (http_exchange_responded(exchange)) {
        http_exchange_abort(exchange);
        return;
    }
    int status = request->timed_out ? 504 : request->no_room ? 503 : 500;
    struct str text = request->timed_out ? STR("the component took too long to answer\n")
                      : request->no_room ? STR("the host has no room for the component now\n")
                                         : STR("the component failed to answer\n");
    static const struct http_field type = {.name = STR_INIT("content-type"), .value = STR_INIT("text/plain; charset=utf-8")};
    if (http_exchange_reply(exchange, status, &type, 1, text, &err) != ST_OK)
        http_exchange_abort(exchange);
}

/* What has become of the call, in the log if it failed. */
static enum status judge(const struct request *request, enum status status, struct str backtrace, struct error *err)
{
    if (status == ST_OK)
        return ST_OK;
    if (request->timed_out)
        status = fail(err, ST_TIMEOUT, "the call timed out after %llu s (limits.call_timeout_secs)",
                      (unsigned long long)(request->call->timeout_ns / NS_PER_SECOND));
    if (status == ST_CANCELLED)
        log_debug("request cancelled: the client has gone, or the host stops", LOG_STR("component", request->call->workload->name));
    else
        log_failure(request, err, backtrace);
    return status;
}

static void measure(const struct request *request, const struct cm_instance *instance)
{
    uint64_t fuel = cm_instance_fuel(instance);
    const struct http_head *head = http_exchange_head(request->exchange);
    histogram_record(request->call->fuel, fuel);
    log_debug("fuel consumed", LOG_STR("component", request->call->workload->name), LOG_STR("method", head->method),
              LOG_STR("path", head->target), LOG_U64("fuel", fuel));
}

static enum status run(struct request *request, struct error *err)
{
    const struct host_call *call = request->call;
    struct http_exchange *exchange = request->exchange;
    void *const data[CM_DATA_SLOTS] = {[CM_DATA_WASI] = &request->wasi};
    struct cm_instance *instance;
    enum status status = cm_warm_take(call->warm, data, &instance, err);
    if (status != ST_OK) {
        request->no_room = status == ST_LIMIT;
        return judge(request, status, STR_NULL, err);
    }
    status = wasi_http_serve(instance, call->workload->http_handler, exchange, err);
    if (request->wasi.exited && status == ST_TRAP && request->wasi.exit_code == 0 && http_exchange_finished(exchange))
        status = ST_OK; /* it left by exit(0) after it had answered */
    if (status == ST_OK && !http_exchange_finished(exchange) && !http_exchange_gone(exchange)->set)
        status = fail(err, ST_INVALID,
                      "the body of the response was not finished (outgoing-body.finish), or the client did not take it");
    status = judge(request, status, request->wasi.exited ? STR_NULL : cm_instance_backtrace(instance), err);
    if (call->fuel)
        measure(request, instance);
    cm_warm_give(call->warm, instance);
    return status;
}

static void log_request(const struct http_exchange *exchange)
{
    if (!log_enabled(LOG_INFO))
        return;
    const struct http_head *head = http_exchange_head(exchange);
    double ms = (double)(clock_now() - http_exchange_started_ns(exchange)) / (double)NS_PER_MS;
    log_info("request", LOG_STR("method", head->method), LOG_STR("path", head->target),
             LOG_I64("status", http_exchange_status(exchange)), LOG_U64("bytes", http_exchange_sent_bytes(exchange)),
             LOG_F64("ms", ms));
}

void host_handle_request(const struct host_call *call, struct http_exchange *exchange)
{
    struct request request = {.call = call, .exchange = exchange, .task = http_exchange_task(exchange)};
    struct error err = {0};
    wasi_context_init(&request.wasi, &call->workload->profile);
    io_timer_init(&request.timer, time_out);
    io_timer_arm(&request.timer, io_now() + call->timeout_ns);
    enum status status = run(&request, &err);
    io_timer_disarm(&request.timer);
    if (status != ST_OK || !http_exchange_responded(exchange))
        answer_failure(&request);
    wasi_context_release(&request.wasi);
    log_request(exchange);
}

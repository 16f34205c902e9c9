/* The HTTP/1.1 server: connections of one shard.
 *
 * A connection between requests is data, not a stack: the shard's loop reads and checks heads, and only a complete request gets a
 * task (a coroutine) on which the handler runs as plain sequential C; see http/exchange.h for what it can do there. So slow or idle
 * clients cost a buffer at most, requests queue by workload (`account`) before they cost anything, and stacks stay few and warm.
 * Requests of one connection are handled one after another; further ones wait, unread or in the bounded buffer.
 *
 * Every malformed message is answered with its status and a reason, then the connection closes gently (we stop sending, and read on
 * for a moment, so that the answer is not destroyed by a reset). Everything belongs to one shard and is called on its thread.
 * Sources: RFC 9112 sections 8 and 9, RFC 9110 section 10.1.1. */
#pragma once

#include "http/exchange.h"

struct http_server;

struct http_server_options {
    /* Handles one request; the exchange ends when it returns. Unanswered by then: 500; begun but not finished: aborted. */
    void (*handle)(struct http_exchange *exchange, void *env);
    /* Optional, on the loop, before the task starts: the account the request's task runs under (NULL: the shard's own). When its
     * queue is full the answer is 503. */
    struct io_account *(*account)(struct http_exchange *exchange, void *env);
    /* Optional, on the loop: the client of a request being handled has gone for good (reset; not merely half-closed). Without it
     * the task is cancelled. */
    void (*disconnected)(struct http_exchange *exchange, void *env);
    /* Optional, on the loop: a message was refused before it became an exchange, or found no room. */
    void (*refused)(int status, const char *reason, const struct io_address *peer, void *env);
    void *env;

    /* 0: the default. Times in ns. */
    unsigned max_connections;   /* 10,000; past it the longest idle one is closed; if none is, new ones wait in the listen queue */
    uint64_t idle_timeout_ns;   /* 75 s: between requests */
    uint64_t head_timeout_ns;   /* 30 s: from the first byte of a head to its last, and before that on a new connection */
    uint64_t body_timeout_ns;   /* 60 s: without a byte of a request body that the handler waits for */
    uint64_t write_timeout_ns;  /* 60 s: without the client taking a byte of the answer */
    uint64_t linger_timeout_ns; /* 2 s: for the client to close after our last answer; also for the rest of an unread body */
    uint64_t max_unread_body;   /* 256 KiB of body that no handler read are skipped to keep the connection; else it closes */
};

struct http_server_stats {
    unsigned connections, active; /* now; active: with a request being handled or queued */
    uint64_t accepted, requests, refused;
    uint64_t received_bytes, sent_bytes;
};

/* `options` is copied. */
struct http_server *http_server_new(const struct http_server_options *options);

/* Accepts from a listening socket (io_listen), which the server owns from now on, also on failure. tag: of the caller's choice,
 * found again by http_exchange_listener_tag. */
enum status http_server_listen(struct http_server *server, int descriptor, void *tag, struct error *err) CHECKED;

/* Stops accepting, closes idle connections, lets requests that have begun finish (their answers say Connection: close). At the
 * deadline, or when the caller is cancelled, their tasks are cancelled and the other connections cut; then waits for the handlers
 * to return, up to 5 s. ST_OK: nothing was cut; ST_TIMEOUT or ST_CANCELLED: something was; ST_INTERNAL: a handler ignored its
 * cancellation, and the server cannot be freed. Waits: yes. */
enum status http_server_drain(struct http_server *server, uint64_t deadline) CHECKED;

/* After a drain, or when no request is being handled. NULL is allowed. */
void http_server_free(struct http_server *server);

void http_server_get_stats(const struct http_server *server, struct http_server_stats *ret_stats);

/* What a connection and an exchange are made of. For server.c, connection.c, request.c and response.c only.
 *
 * server.c accepts, keeps time and pools; connection.c is the loop's part (heads, hand-over to a task, what follows an exchange);
 * request.c and response.c are the handler's part. Which of them may touch what: while the state is CONNECTION_ACTIVE, `in` and the
 * body belong to the reading task; `out` to whoever runs, since appending and sending never wait in between. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "http/server.h"
#include "http/write.h"

#define IN_SIZE 16383 /* of a read buffer, at first (one less: room for the NUL that ends a buf) */
#define IN_MAX (HTTP_MAX_HEAD + 1)
#define BODY_IN_SIZE 65535 /* of the one a large body is read through */
#define OUT_SIZE 16383     /* of a write buffer, at first */
#define OUT_HIGH 32768     /* written bytes that may wait in it; more waits for the client */
#define OUT_MAX (HTTP_MAX_HEAD + HTTP_MAX_TRAILERS + 2 * OUT_HIGH)
#define OPEN_BODY_MAX 8192 /* bytes of body held back to count them */
#define DIRECT_MIN 4096    /* shorter writes are copied into the buffer, longer ones sent from where they are */
#define LINGER_MAX (1 << 20)
#define OPERATIONS_PER_YIELD 32

enum connection_state {
    CONNECTION_NEW,    /* nothing has come yet: no buffers */
    CONNECTION_IDLE,   /* between requests: no buffers */
    CONNECTION_HEAD,   /* part of a head is here */
    CONNECTION_ACTIVE, /* the exchange's task is queued or running */
    CONNECTION_FLUSH,  /* the client must take the answer first */
    CONNECTION_SKIP,   /* the rest of a body that no handler read */
    CONNECTION_LINGER, /* our side is closed; reads on until the client's is */
    CONNECTION_STATES,
};

enum response_state {
    RESPONSE_NONE,
    RESPONSE_OPEN, /* head and the beginning of the body are in `out`, framing not yet decided */
    RESPONSE_BODY,
    RESPONSE_DONE,
    RESPONSE_ABORTED,
};

struct http_listener {
    struct http_server *server;
    struct io_fd fd;
    struct io_task task;
    void *tag;
    struct list link;
};

struct http_connection {
    struct http_server *server;
    struct io_fd fd;
    struct io_address peer;
    void *tag; /* of its listener */
    enum connection_state state;
    struct list link; /* in server->by_state[state] */
    uint64_t since;   /* when it came there, or made progress there */
    struct buf in;
    size_t in_at; /* in[in_at, len) has not been parsed */
    struct buf out;
    size_t out_at;          /* out[out_at, len) has not been sent */
    struct list dirty_link; /* in server->dirty: to be flushed in the loop's next turn */
    struct http_exchange *exchange;
    struct io_task task;
    uint64_t skipped; /* bytes in CONNECTION_SKIP and CONNECTION_LINGER */
    bool closing;     /* no further request */
    bool peer_closes; /* the client said that it sends nothing more */
};

struct http_exchange {
    struct http_connection *connection;
    struct http_parser parser;
    struct http_body body;
    struct buf head_buf; /* holds the head once the body is read through another buffer */
    bool head_apart;
    struct io_event gone;
    void *user;
    uint64_t started;
    uint64_t body_since; /* when the handler began to wait for more of the body, */
    bool waiting;        /* if it does */
    struct http_reject body_reject;
    bool continued; /* 100 Continue is out, or was not needed */

    enum response_state response;
    enum http_write_framing framing;
    int status;
    bool bodiless; /* HEAD, 204, 304: the body is dropped */
    bool close_after;
    bool keep;       /* decided when the head is complete */
    uint64_t length; /* declared, or HTTP_LENGTH_UNKNOWN */
    uint64_t written;
    size_t head_at, body_at; /* in `out`; meaningful until head_sent */
    bool head_sent;          /* at least in part */
    unsigned operations;     /* reads and writes that did not have to wait */

    struct http_field fields[HTTP_MAX_FIELDS];
    struct http_field trailers[HTTP_MAX_TRAILER_FIELDS];
    struct arena arena; /* kept, empty, between exchanges */
};

struct http_server {
    struct http_server_options options;
    uint64_t timeout_ns[CONNECTION_STATES];
    struct list by_state[CONNECTION_STATES]; /* oldest first: each state has one time-out */
    struct io_timer timer;                   /* at or before the first of them */
    struct list dirty;
    struct io_timer flush_timer;
    struct list listeners;
    struct io_event room;  /* a connection went, or became idle */
    struct io_event empty; /* no connections */
    bool draining;
    struct http_date date;
    struct http_server_stats stats;
    VEC(struct buf) spare_buffers;
    VEC(struct http_exchange *) spare_exchanges;
    char discard[4096];
};

/* server.c */
struct buf http_buffer_take(struct http_server *server, size_t size, size_t max); /* data NULL when memory is gone */
void http_buffer_put(struct http_server *server, struct buf *buf);
struct http_exchange *http_exchange_take(struct http_server *server); /* NULL when memory is gone */
void http_exchange_put(struct http_server *server, struct http_exchange *exchange);
void http_connection_set_state(struct http_connection *connection, enum connection_state state);
void http_connection_free(struct http_connection *connection);

/* connection.c */
enum status http_connection_open(struct http_listener *listener, int descriptor, const struct io_address *peer,
                                 struct error *err) CHECKED;
void http_connection_expire(struct http_connection *connection);
void http_connection_drain(struct http_connection *connection); /* an idle one, while the server drains */
void http_connection_sent(struct http_connection *connection, size_t len);
/* Sends what is in `out`, without waiting. ST_OK: all of it; ST_UNAVAILABLE; ST_IO. */
enum status http_connection_flush(struct http_connection *connection) CHECKED;
void http_connection_mark_dirty(struct http_connection *connection);
void http_connection_unmark_dirty(struct http_connection *connection);
void http_connection_gone(struct http_connection *connection);
static inline size_t http_connection_pending(const struct http_connection *connection)
{
    return connection->out.len - connection->out_at;
}
/* Makes sure there is an `out`. */
enum status http_connection_need_out(struct http_connection *connection, struct error *err) CHECKED;

/* request.c */
/* Room behind `in` for more of the request body, without moving the head. */
enum status http_exchange_make_room(struct http_exchange *exchange, struct error *err) CHECKED;

/* response.c */
void http_exchange_conclude(struct http_exchange *exchange); /* the handler has returned */
void http_exchange_commit(struct http_exchange *exchange);   /* decides the framing of an open answer that cannot be held back */
void http_exchange_send_continue(struct http_exchange *exchange);

/* A server and its clients on one shard, for the tests of this room. */
#pragma once

#include "base/buf.h"
#include "http/server.h"
#include "tap.h"

struct fixture {
    struct http_server *server;
    struct io_address address;
    bool narrow;
    enum status drained; /* what the final drain gave */
};

/* Runs `body` on a task beside a server with these options; then drains (one second) and frees it. */
void with_server(const struct http_server_options *options, void (*body)(struct fixture *fixture));
/* The same with small socket buffers, so that a client that does not read is felt soon. */
void with_narrow_server(const struct http_server_options *options, void (*body)(struct fixture *fixture));

struct client {
    struct io_fd fd;
    struct buf got; /* everything received and not yet taken */
};
#define CLIENT_INIT                                                                                                                \
    {                                                                                                                              \
        .fd.fd = -1, .got = BUF_INIT(BUF_UNLIMITED)                                                                                \
    }
bool client_open(struct fixture *fixture, struct client *client);
void client_close(struct client *client);
void client_reset(struct client *client); /* closes with a reset */
bool client_send(struct client *client, struct str data);
bool client_wait_for(struct client *client, const char *text); /* reads until `got` contains it */
enum client_end { CLIENT_CLOSED, CLIENT_RESET, CLIENT_TIMEOUT };
enum client_end client_read_end(struct client *client); /* reads until the server closes */
bool client_quiet(struct client *client);               /* nothing comes for 30 ms */

/* Sends `request`, ends the sending side, reads to the end: the whole answer without its Date lines, valid until the next call. */
const char *exchange_once(struct fixture *fixture, const char *request);
/* `text` without Date lines; valid until the next call. */
const char *without_date(struct str text);

#define autoclient __attribute__((cleanup(client_close)))

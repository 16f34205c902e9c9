/* Sockets, pipes, listeners, the resolver: non-blocking descriptors that tasks wait on.
 *
 * A `struct io_fd` is registered once with its shard's epoll instance (edge-triggered, both directions); `readable` and `writable`
 * are level events that the operations here clear when the kernel says EAGAIN. One task may read and another write at a time. */
#pragma once

#include "io/shard.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct io_fd {
    int fd; /* -1: closed */
    struct io_event readable, writable;
    bool hangup; /* the peer closed or reset (EPOLLRDHUP, EPOLLHUP, EPOLLERR); sets both events */
    bool reset;  /* neither direction works any more (EPOLLHUP, EPOLLERR); hangup without it: the peer only stopped sending */
    void (*on_ready)(struct io_fd *fd);   /* optional: called on the loop when an edge arrives */
    bool is_socket, is_tcp, always_ready; /* the shard's */
};

/* Takes the descriptor (closes it on failure), makes it non-blocking and watches it from the current shard. Both events start set:
 * the first operation tries at once. A regular file, which epoll refuses, is always ready. on_ready is left NULL. */
enum status io_fd_open(struct io_fd *fd, int descriptor, struct error *err) CHECKED;
void io_fd_close(struct io_fd *fd); /* wakes waiters with ST_CANCELLED results of their reads; harmless when closed */
int io_fd_take(struct io_fd *fd);   /* closes without closing the descriptor: it is the caller's again, unwatched */

/* What io_fd_open does for one of the process's standard descriptors (0, 1, 2), on a copy: the original stays as it is, and a
 * terminal or pipe that other processes share does not become non-blocking for them. */
enum status io_fd_open_stdio(struct io_fd *fd, int standard, struct error *err) CHECKED;

/* The waiting operations check for cancellation first, and give way to other tasks after a number of them that did not have to
 * wait: a peer that never lets us wait can neither keep a cancelled task alive nor hold up the shard. */

/* Reads at least one byte, or 0 at the end (size > 0). ST_TIMEOUT, ST_CANCELLED, ST_IO. Waits: yes. */
enum status io_read(struct io_fd *fd, void *data, size_t size, uint64_t deadline, size_t *ret_len, struct error *err) CHECKED;
/* Writes everything; `parts` is used up on the way. Some bytes may be out when it fails. Waits: yes. */
enum status io_write(struct io_fd *fd, const void *data, size_t len, uint64_t deadline, struct error *err) CHECKED;
enum status io_writev(struct io_fd *fd, struct iovec *parts, int count, uint64_t deadline, struct error *err) CHECKED;
/* One attempt without waiting: ST_UNAVAILABLE when it would block (and the event is cleared). */
enum status io_try_read(struct io_fd *fd, void *data, size_t size, size_t *ret_len, struct error *err) CHECKED;
enum status io_try_writev(struct io_fd *fd, const struct iovec *parts, int count, size_t *ret_len, struct error *err) CHECKED;

struct io_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len;
};
#define IO_ADDRESS_TEXT_MAX 64
/* "127.0.0.1:8000", "[::1]:8000", ":8000" (all IPv4 addresses). Numeric only. */
enum status io_address_parse(struct str text, struct io_address *ret_address, struct error *err) CHECKED;
struct str io_address_format(const struct io_address *address, char ret_text[IO_ADDRESS_TEXT_MAX]);
uint16_t io_address_port(const struct io_address *address);
void io_address_set_port(struct io_address *address, uint16_t port);

/* Opens a listening socket with SO_REUSEADDR, and SO_REUSEPORT when `shared` (one per shard). ST_EXISTS when the port is in use. */
enum status io_listen(const struct io_address *address, bool shared, int backlog, int *ret_descriptor, struct error *err) CHECKED;

#define IO_LISTEN_MAX 8
struct io_listening {
    int descriptors[IO_LISTEN_MAX];
    size_t count;
    uint16_t port; /* of all of them */
};
/* Listens, not shared, at every address that `text` names: as io_address_parse takes it, or "localhost:8000". Addresses that are not
 * this machine's are left out as long as another is. For port 0 the system chooses one for all. ST_NOT_FOUND: no such name; else as
 * io_listen. On success io_listening_close is due, unless the descriptors are taken. Blocks while it asks for a name; any thread. */
enum status io_listen_named(struct str text, int backlog, struct io_listening *ret_listening, struct error *err) CHECKED;
void io_listening_close(struct io_listening *listening);

/* Accepts one connection (non-blocking, CLOEXEC, TCP_NODELAY). Waits: yes. */
enum status io_accept(struct io_fd *listener, uint64_t deadline, int *ret_descriptor, struct io_address *ret_peer,
                      struct error *err) CHECKED;
/* Accepting fails with ST_LIMIT when descriptors or memory run out: the connection stays queued, pause and try again. */
enum status io_local_address(int descriptor, struct io_address *ret_address,
                             struct error *err) CHECKED; /* after listening on port 0 */
/* ST_UNAVAILABLE refused or unreachable, ST_TIMEOUT, ST_CANCELLED. Waits: yes. */
enum status io_connect(const struct io_address *address, uint64_t deadline, int *ret_descriptor, struct error *err) CHECKED;

/* Addresses of a name, or of numeric text, by getaddrinfo on a worker thread. ret_addresses: up to `max`. ST_INVALID, ST_NOT_FOUND,
 * ST_UNAVAILABLE when the name server does not answer, ST_CANCELLED (at once: the look-up goes on without us). Waits: yes. */
enum status io_resolve(struct str host, uint16_t port, struct io_address *ret_addresses, size_t max, size_t *ret_count,
                       struct error *err) CHECKED;
/* The same on any thread, which it blocks. */
enum status io_resolve_blocking(struct str host, uint16_t port, struct io_address *ret_addresses, size_t max, size_t *ret_count,
                                struct error *err) CHECKED;

/* Signals. A signal reaches a signalfd only when every thread blocks it. Threads started by this room block all of them; the
 * program blocks those it wants in its first thread, before it starts any other: io_signals_block. */
enum status io_signals_block(const int *signals, size_t count, struct error *err) CHECKED;
/* Blocks the given signals in the calling thread too, and delivers them to `handle` on the current shard's loop, until it ends. */
enum status io_signals_watch(const int *signals, size_t count, void (*handle)(int signal, void *env), void *env,
                             struct error *err) CHECKED;

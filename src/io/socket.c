/* Addresses, listening, accepting, connecting. */
#include "io/socket.h"
#include "io/shard_private.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* --- addresses --------------------------------------------------------------------------------------------------------------- */

static bool parse_host(struct str host, uint16_t port, struct io_address *ret)
{
    char text[IO_ADDRESS_TEXT_MAX];
    bool bracketed = host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (bracketed)
        host = str_slice(host, 1, host.len - 1);
    if (host.len >= sizeof text || memchr(host.data, 0, host.len))
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = 0;
    *ret = (struct io_address){0};
    if (bracketed) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons(port);
        ret->len = sizeof ret->v6;
        return inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1;
    }
    ret->v4.sin_family = AF_INET;
    ret->v4.sin_port = htons(port);
    ret->len = sizeof ret->v4;
    return host.len == 0 || inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1;
}

enum status io_address_parse(struct str text, struct io_address *ret_address, struct error *err)
{
    size_t colon = str_find_last_char(text, ':');
    uint64_t port;
    struct io_address address;
    if (colon == STR_NONE || !str_parse_u64(str_from(text, colon + 1), 65535, &port))
        return fail(err, ST_INVALID, "`%.*s` is not an address: it must end in `:` and a port number from 0 to 65535",
                    STR_ARG(text));
    if (!parse_host(str_slice(text, 0, colon), (uint16_t)port, &address))
        return fail(err, ST_INVALID, "`%.*s` is not an address: write `127.0.0.1:8000`, `[::1]:8000`, or `:8000` for all of IPv4",
                    STR_ARG(text));
    *ret_address = address;
    return ST_OK;
}

struct str io_address_format(const struct io_address *address, char ret_text[IO_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    int len;
    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        len = snprintf(ret_text, IO_ADDRESS_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    } else if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        len = snprintf(ret_text, IO_ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
    } else {
        len = snprintf(ret_text, IO_ADDRESS_TEXT_MAX, "unknown");
    }
    return str_n(ret_text, (size_t)len);
}

uint16_t io_address_port(const struct io_address *address)
{
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

void io_address_set_port(struct io_address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

/* --- listening --------------------------------------------------------------------------------------------------------------- */

static enum status switch_on(int descriptor, int level, int option, const char *name, struct error *err)
{
    const int on = 1;
    if (setsockopt(descriptor, level, option, &on, sizeof on) != 0)
        return fail_errno(err, "set %s", name);
    return ST_OK;
}

/* TCP_NODELAY is inherited by accepted connections. */
static enum status prepare_listener(int descriptor, const struct io_address *address, bool shared, struct error *err)
{
    TRY(switch_on(descriptor, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR", err));
    TRY(switch_on(descriptor, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", err));
    if (shared)
        TRY(switch_on(descriptor, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", err));
    if (address->any.sa_family == AF_INET6)
        TRY(switch_on(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", err));
    return ST_OK;
}

static enum status bind_and_listen(int descriptor, const struct io_address *address, int backlog, struct error *err)
{
    char text[IO_ADDRESS_TEXT_MAX];
    struct str name = io_address_format(address, text);
    if (bind(descriptor, &address->any, address->len) == 0 && listen(descriptor, backlog) == 0)
        return ST_OK;
    if (errno == EADDRINUSE) {
        enum status status = fail(err, ST_EXISTS, "listen on %.*s: the port is already in use", STR_ARG(name));
        if (err)
            err->sys_errno = EADDRINUSE;
        return status;
    }
    return fail_errno(err, "listen on %.*s", STR_ARG(name));
}

enum status io_listen(const struct io_address *address, bool shared, int backlog, int *ret_descriptor, struct error *err)
{
    int descriptor = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return fail_errno(err, "create a socket");
    enum status status = prepare_listener(descriptor, address, shared, err);
    if (status == ST_OK)
        status = bind_and_listen(descriptor, address, backlog, err);
    if (status != ST_OK) {
        close(descriptor);
        return status;
    }
    *ret_descriptor = descriptor;
    return ST_OK;
}

enum status io_local_address(int descriptor, struct io_address *ret_address, struct error *err)
{
    struct io_address address = {.len = sizeof address.v6};
    if (getsockname(descriptor, &address.any, &address.len) != 0)
        return fail_errno(err, "ask for a socket's address");
    *ret_address = address;
    return ST_OK;
}

/* --- accepting --------------------------------------------------------------------------------------------------------------- */

/* Connections that died in the queue, and network errors that Linux hands to accept: not the listener's trouble. */
static bool is_passing(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* ST_UNAVAILABLE: the queue is empty. */
static enum status try_accept(struct io_fd *listener, int *ret_descriptor, struct io_address *ret_peer, struct error *err)
{
    if (listener->fd < 0)
        return fail(err, ST_CANCELLED, "accept: the listener is closed");
    struct io_address peer = {.len = sizeof peer.v6};
    int descriptor;
    do
        descriptor = accept4(listener->fd, &peer.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (descriptor < 0 && is_passing(errno));
    if (descriptor < 0 && errno == EAGAIN) {
        io_event_clear(&listener->readable);
        return ST_UNAVAILABLE;
    }
    if (descriptor < 0) {
        enum status status = is_shortage(errno) ? ST_LIMIT : ST_IO;
        fail_errno(err, "accept");
        if (err)
            err->status = status;
        return status;
    }
    *ret_descriptor = descriptor;
    if (ret_peer)
        *ret_peer = peer;
    return ST_OK;
}

enum status io_accept(struct io_fd *listener, uint64_t deadline, int *ret_descriptor, struct io_address *ret_peer,
                      struct error *err)
{
    for (;;) {
        enum status status = io_fd_wait(listener, &listener->readable, deadline, "accept", err);
        if (status == ST_OK)
            status = try_accept(listener, ret_descriptor, ret_peer, err);
        if (status == ST_OK)
            io_spend_budget();
        if (status != ST_UNAVAILABLE)
            return status;
    }
}

/* --- connecting -------------------------------------------------------------------------------------------------------------- */

static enum status await_connected(struct io_fd *fd, uint64_t deadline, struct error *err)
{
    int error = 0;
    socklen_t size = sizeof error;
    io_event_clear(&fd->writable);
    TRY(io_fd_wait(fd, &fd->writable, deadline, "connect", err));
    if (getsockopt(fd->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return fail_errno(err, "connect");
    if (error == 0)
        return ST_OK;
    errno = error;
    return fail_errno(err, "connect");
}

static enum status connect_watched(struct io_fd *fd, const struct io_address *address, uint64_t deadline, struct error *err)
{
    TRY(switch_on(fd->fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", err));
    int result = connect(fd->fd, &address->any, address->len);
    if (result == 0)
        return ST_OK;
    if (errno != EINPROGRESS && errno != EINTR)
        return fail_errno(err, "connect");
    return await_connected(fd, deadline, err);
}

enum status io_connect(const struct io_address *address, uint64_t deadline, int *ret_descriptor, struct error *err)
{
    char text[IO_ADDRESS_TEXT_MAX];
    struct io_fd fd;
    int descriptor = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return fail_errno(err, "create a socket");
    TRY(io_fd_open(&fd, descriptor, err));
    enum status status = connect_watched(&fd, address, deadline, err);
    if (status != ST_OK) {
        io_fd_close(&fd);
        struct str name = io_address_format(address, text);
        if (err)
            fail_wrap(err, "%.*s", STR_ARG(name));
        return status;
    }
    *ret_descriptor = io_fd_take(&fd);
    return ST_OK;
}

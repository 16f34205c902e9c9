/* The resolver: getaddrinfo, on a worker thread for tasks. A request lives on the heap, so that a cancelled task need not wait for a dead
 * server. */
#include "io/shard_private.h"
#include "io/socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>

enum { MAX_HOST = 253, MAX_ADDRESSES = 64 };

struct request {
    struct io_job job;
    char host[MAX_HOST + 1];
    uint16_t port;
    struct io_address addresses[MAX_ADDRESSES];
    size_t count;
    int error, sys_errno;
    struct io_event done;
    bool abandoned;
};

static bool take_address(struct io_address *address, const struct addrinfo *info, uint16_t port)
{
    *address = (struct io_address){.len = info->ai_addrlen};
    if (info->ai_family == AF_INET && info->ai_addrlen == sizeof address->v4) {
        memcpy(&address->v4, info->ai_addr, sizeof address->v4);
        address->v4.sin_port = htons(port);
        return true;
    }
    if (info->ai_family == AF_INET6 && info->ai_addrlen == sizeof address->v6) {
        memcpy(&address->v6, info->ai_addr, sizeof address->v6);
        address->v6.sin6_port = htons(port);
        return true;
    }
    return false;
}

static void look_up(struct io_job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    request->error = getaddrinfo(request->host, NULL, &hints, &list);
    request->sys_errno = errno;
    for (struct addrinfo *info = request->error ? NULL : list; info && request->count < MAX_ADDRESSES; info = info->ai_next)
        if (take_address(&request->addresses[request->count], info, request->port))
            request->count++;
    if (list)
        freeaddrinfo(list);
}

static void looked_up(struct io_job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);
    if (request->abandoned)
        free(request);
    else
        io_event_set(&request->done);
}

static enum status fail_look_up(const struct request *request, struct error *err)
{
    switch (request->error) {
    case 0:
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return fail(err, ST_NOT_FOUND, "no address is known for `%s`", request->host);
    case EAI_AGAIN:
        return fail(err, ST_UNAVAILABLE, "look up `%s`: the name server does not answer", request->host);
    case EAI_MEMORY:
        return fail(err, ST_LIMIT, "look up `%s`: out of memory", request->host);
    case EAI_SYSTEM:
        errno = request->sys_errno;
        fail_errno(err, "look up `%s`", request->host);
        break;
    default:
        fail(err, ST_IO, "look up `%s`: %s", request->host, gai_strerror(request->error));
    }
    if (err)
        err->status = ST_IO;
    return ST_IO;
}

/* An address needs no thread. */
static bool parse_numeric(struct str host, uint16_t port, struct io_address *ret_address)
{
    char text[IO_ADDRESS_TEXT_MAX];
    struct io_address address = {0};
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = 0;
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
        address.len = sizeof address.v4;
    } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
        address.len = sizeof address.v6;
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

/* What it found, when it is done. */
static enum status take_found(const struct request *request, struct io_address *ret_addresses, size_t max, size_t *ret_count,
                              struct error *err)
{
    if (request->error != 0 || request->count == 0)
        return fail_look_up(request, err);
    *ret_count = MIN(request->count, max);
    memcpy(ret_addresses, request->addresses, *ret_count * sizeof *ret_addresses);
    return ST_OK;
}

static enum status await_look_up(struct request *request, struct io_address *ret_addresses, size_t max, size_t *ret_count,
                                 struct error *err)
{
    enum status status = io_wait(&request->done, CLOCK_NEVER);
    if (status != ST_OK) {
        request->abandoned = true;
        return fail(err, status, "look up `%s`: %s", request->host, status_name(status));
    }
    status = take_found(request, ret_addresses, max, ret_count, err);
    free(request);
    return status;
}

static enum status check_host(struct str host, struct error *err)
{
    if (host.len == 0 || host.len > MAX_HOST || memchr(host.data, 0, host.len))
        return fail(err, ST_INVALID, "a host name has 1 to %d bytes and no NUL", MAX_HOST);
    return ST_OK;
}

static struct request *new_request(struct str host, uint16_t port)
{
    struct request *request = NEW(struct request);
    memcpy(request->host, host.data, host.len);
    request->port = port;
    return request;
}

enum status io_resolve_blocking(struct str host, uint16_t port, struct io_address *ret_addresses, size_t max, size_t *ret_count,
                                struct error *err)
{
    TRY(check_host(host, err));
    if (max > 0 && parse_numeric(host, port, ret_addresses)) {
        *ret_count = 1;
        return ST_OK;
    }
    autofree struct request *request = new_request(host, port);
    look_up(&request->job);
    return take_found(request, ret_addresses, max, ret_count, err);
}

enum status io_resolve(struct str host, uint16_t port, struct io_address *ret_addresses, size_t max, size_t *ret_count,
                       struct error *err)
{
    TRY(check_host(host, err));
    if (max > 0 && parse_numeric(host, port, ret_addresses)) {
        *ret_count = 1;
        return ST_OK;
    }
    if (!io_task_current())
        return fail(err, ST_INTERNAL, "names can be looked up only from a task");
    struct request *request = new_request(host, port);
    io_event_init(&request->done);
    enum status status = io_job_start(&request->job, look_up, looked_up, err);
    if (status != ST_OK) {
        free(request);
        return status;
    }
    return await_look_up(request, ret_addresses, max, ret_count, err);
}

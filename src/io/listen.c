/* Listening where a text says: by address or by name, at one port. */
#include "base/file.h"
#include "base/mem.h"
#include "io/socket.h"
#include <errno.h>
#include <unistd.h>

/* "[::1]" and "" are addresses for io_address_parse alone; anything else before the port may be a name. */
static enum status find_addresses(struct str text, struct io_address *ret_addresses, size_t *ret_count, struct error *err)
{
    uint64_t port;
    size_t colon = str_find_last_char(text, ':');
    bool is_name = colon != STR_NONE && colon > 0 && text.data[0] != '[' && str_parse_u64(str_from(text, colon + 1), 65535, &port);
    if (is_name)
        return io_resolve_blocking(str_slice(text, 0, colon), (uint16_t)port, ret_addresses, IO_LISTEN_MAX, ret_count, err);
    *ret_count = 1;
    return io_address_parse(text, ret_addresses, err);
}

static bool is_not_ours(const struct error *err)
{
    return err->sys_errno == EADDRNOTAVAIL || err->sys_errno == EAFNOSUPPORT;
}

static bool was_seen(const struct io_address *addresses, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (addresses[i].len == addresses[at].len && memcmp(&addresses[i].any, &addresses[at].any, addresses[at].len) == 0)
            return true;
    return false;
}

static enum status listen_at(struct io_listening *listening, struct io_address *address, int backlog, struct error *err)
{
    int descriptor;
    if (listening->port)
        io_address_set_port(address, listening->port);
    TRY(io_listen(address, false, backlog, &descriptor, err));
    listening->descriptors[listening->count++] = descriptor;
    TRY(io_local_address(descriptor, address, err));
    listening->port = io_address_port(address);
    return ST_OK;
}

enum status io_listen_named(struct str text, int backlog, struct io_listening *ret_listening, struct error *err)
{
    struct io_address addresses[IO_LISTEN_MAX];
    struct io_listening listening = {0};
    struct error problem = {0}, elsewhere = {0};
    size_t count;
    enum status status = find_addresses(text, addresses, &count, &problem);
    for (size_t i = 0; status == ST_OK && i < count; i++) {
        if (was_seen(addresses, i))
            continue;
        status = listen_at(&listening, &addresses[i], backlog, &problem);
        if (status != ST_OK && is_not_ours(&problem)) { /* ::1 where there is no IPv6: the name's others will do */
            elsewhere = problem;
            status = ST_OK;
        }
    }
    if (status == ST_OK && listening.count > 0) {
        *ret_listening = listening;
        return ST_OK;
    }
    io_listening_close(&listening);
    if (err)
        *err = status == ST_OK ? elsewhere : problem;
    return status == ST_OK ? elsewhere.status : status;
}

void io_listening_close(struct io_listening *listening)
{
    for (size_t i = 0; i < listening->count; i++)
        close_descriptor(&listening->descriptors[i]);
    *listening = (struct io_listening){0};
}

/* wasi:sockets: the network, and what no socket is needed for. Sockets themselves and the resolver are not served yet (unserved.c). */
#include "base/mem.h"
#include "wasi/stream.h"

struct wasi_sockets_network_network {
    struct wasi_node node;
};

static void network_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_sockets_network_network, node));
}

enum status wasi_sockets_instance_network_instance_network(struct cm_call *call UNUSED, struct wasi_sockets_network_network **ret)
{
    *ret = NEW(struct wasi_sockets_network_network);
    wasi_node_init(&(*ret)->node, NULL, network_destroy);
    return ST_OK;
}

enum status wasi_sockets_network_network_drop(struct cm_call *call, struct wasi_sockets_network_network *self)
{
    return wasi_node_drop(call, &self->node);
}

/* No stream of ours fails with an error of a socket. */
enum status wasi_sockets_network_network_error_code(struct cm_call *call UNUSED, struct wasi_io_error_error *err UNUSED,
                                                    struct cm_option_wasi_sockets_network_error_code *ret)
{
    ret->is_some = false;
    return ST_OK;
}

/* Parents, children, references; see node.h. */
#include "wasi/node.h"

void wasi_node_init(struct wasi_node *node, struct wasi_node *parent, void (*destroy)(struct wasi_node *))
{
    *node = (struct wasi_node){.parent = parent, .refs = 1, .destroy = destroy};
    if (parent) {
        parent->children++;
        parent->refs++;
    }
}

void wasi_node_ref(struct wasi_node *node)
{
    node->refs++;
}

/* Parents are let go of one by one, not by recursion. */
void wasi_node_unref(struct wasi_node *node)
{
    while (node && --node->refs == 0) {
        struct wasi_node *parent = node->parent;
        if (parent)
            parent->children--;
        node->destroy(node);
        node = parent;
    }
}

void wasi_node_detach(struct wasi_node *node)
{
    struct wasi_node *parent = node->parent;
    node->parent = NULL;
    if (parent) {
        parent->children--;
        wasi_node_unref(parent);
    }
}

enum status wasi_node_drop(struct cm_call *call, struct wasi_node *node)
{
    bool has_children = node->children > 0;
    wasi_node_detach(node);
    wasi_node_unref(node);
    return call && has_children ? cm_trap(call, "resource has children") : ST_OK;
}

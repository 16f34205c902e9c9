/* Topological order of a small graph that keeps source order where dependencies leave a choice. */
#pragma once

#include "base/vec.h"
#include <stdbool.h>

struct graph_edge {
    uint32_t from, to; /* `from` needs `to` first */
    const void *where; /* the caller's, for its error message */
};

struct graph {
    uint32_t count; /* nodes 0 .. count-1, in source order */
    VEC(struct graph_edge) edges;
};

/* Fills order[0 .. count-1] with every node behind those it needs; of several that could come, the lowest comes first.
 * False if there is a circle: *ret_edge is then an edge of one. */
bool graph_sort(const struct graph *graph, uint32_t *order, const struct graph_edge **ret_edge);

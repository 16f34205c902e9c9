#include "wit/graph.h"

/* A binary heap of node numbers, lowest on top. */
struct heap {
    uint32_t *nodes;
    uint32_t len;
};

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static void heap_push(struct heap *heap, uint32_t node)
{
    uint32_t at = heap->len++;
    heap->nodes[at] = node;
    for (; at > 0 && heap->nodes[(at - 1) / 2] > heap->nodes[at]; at = (at - 1) / 2)
        swap(&heap->nodes[(at - 1) / 2], &heap->nodes[at]);
}

static uint32_t heap_pop(struct heap *heap)
{
    uint32_t top = heap->nodes[0], at = 0;
    heap->nodes[0] = heap->nodes[--heap->len];
    for (;;) {
        uint32_t least = at, left = 2 * at + 1, right = 2 * at + 2;
        if (left < heap->len && heap->nodes[left] < heap->nodes[least])
            least = left;
        if (right < heap->len && heap->nodes[right] < heap->nodes[least])
            least = right;
        if (least == at)
            return top;
        swap(&heap->nodes[at], &heap->nodes[least]);
        at = least;
    }
}

/* users[first[n] .. first[n + 1]) are the nodes that need n. */
static void index_users(const struct graph *graph, uint32_t *first, uint32_t *users)
{
    vec_each (edge, &graph->edges)
        first[edge->to + 1]++;
    for (uint32_t i = 0; i < graph->count; i++)
        first[i + 1] += first[i];
    autofree uint32_t *filled = mem_array(graph->count + 1, sizeof *filled);
    vec_each (edge, &graph->edges)
        users[first[edge->to] + filled[edge->to]++] = edge->from;
}

static const struct graph_edge *find_circle(const struct graph *graph, const uint32_t *missing)
{
    /* Every node left needs another one left, so following any such edge must come around; the first in source order will do. */
    const struct graph_edge *found = NULL;
    vec_each (edge, &graph->edges)
        if (missing[edge->from] && missing[edge->to] && (!found || edge->from < found->from))
            found = edge;
    return found;
}

bool graph_sort(const struct graph *graph, uint32_t *order, const struct graph_edge **ret_edge)
{
    uint32_t count = graph->count, done = 0;
    autofree uint32_t *missing = mem_array(count + 1, sizeof *missing);
    autofree uint32_t *first = mem_array(count + 2, sizeof *first);
    autofree uint32_t *users = mem_array(graph->edges.len + 1, sizeof *users);
    autofree uint32_t *storage = mem_array(count + 1, sizeof *storage);
    struct heap ready = {storage, 0};
    vec_each (edge, &graph->edges)
        missing[edge->from]++;
    index_users(graph, first, users);
    for (uint32_t i = 0; i < count; i++)
        if (missing[i] == 0)
            heap_push(&ready, i);
    while (ready.len > 0) {
        uint32_t node = heap_pop(&ready);
        order[done++] = node;
        for (uint32_t i = first[node]; i < first[node + 1]; i++)
            if (--missing[users[i]] == 0)
                heap_push(&ready, users[i]);
    }
    if (done < count)
        *ret_edge = find_circle(graph, missing);
    return done == count;
}

/* Intrusive doubly linked lists. A `struct list` is both the head and the node embedded in an item; an empty or unlinked one points
 * to itself. Unlinking twice is harmless. */
#pragma once

#include "base/mem.h"
#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)                                                                                                            \
    {                                                                                                                              \
        &(name), &(name)                                                                                                           \
    }

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_between(struct list *item, struct list *prev, struct list *next)
{
    item->prev = prev;
    item->next = next;
    prev->next = item;
    next->prev = item;
}

static inline void list_push_back(struct list *head, struct list *item)
{
    list_insert_between(item, head->prev, head);
}

static inline void list_push_front(struct list *head, struct list *item)
{
    list_insert_between(item, head, head->next);
}

static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

static inline struct list *list_pop_front(struct list *head)
{
    struct list *item = head->next;
    if (item == head)
        return NULL;
    list_remove(item);
    return item;
}

#define LIST_ITEM(node, type, member) CONTAINER_OF(node, type, member)
#define list_each(item, head, type, member)                                                                                        \
    for (type *item = LIST_ITEM((head)->next, type, member), *item##_next = LIST_ITEM(item->member.next, type, member);            \
         &item->member != (head); item = item##_next, item##_next = LIST_ITEM(item->member.next, type, member))

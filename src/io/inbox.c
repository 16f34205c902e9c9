/* Messages between threads. Posting pushes on a lock-free stack; the shard takes the whole stack at once and turns it round. The
 * eventfd is written only when the shard may be blocked in epoll, or inside a guest (then the ticker sees it and interrupts).
 * `posters` counts the threads that are in here: the message may already have run and ended the shard when they look again. */
#include "io/shard_private.h"
#include <sched.h>
#include <unistd.h>

/* Sequentially consistent, as is the other side in shard.c: either the shard sees what was published before this call, or this call
 * sees that the shard is about to sleep. */
static void wake(struct io_shard *shard)
{
    bool asleep = atomic_load(&shard->asleep) && atomic_exchange(&shard->asleep, false);
    if (!asleep && !(atomic_load_explicit(&shard->guest, memory_order_relaxed) & GUEST_INSIDE))
        return;
    const uint64_t one = 1;
    ssize_t written = write(shard->wake, &one, sizeof one);
    (void)written; /* it fails only when the counter is full, and then the shard is awake */
}

void io_post(struct io_shard *shard, struct io_message *message)
{
    atomic_fetch_add(&shard->posters, 1);
    struct io_message *head = atomic_load_explicit(&shard->inbox, memory_order_relaxed);
    do
        message->next = head;
    while (!atomic_compare_exchange_weak(&shard->inbox, &head, message));
    if (!head || atomic_load(&shard->asleep))
        wake(shard);
    atomic_fetch_sub(&shard->posters, 1);
}

void io_shard_stop(struct io_shard *shard)
{
    atomic_fetch_add(&shard->posters, 1);
    atomic_store(&shard->stop_requested, true);
    wake(shard);
    atomic_fetch_sub(&shard->posters, 1);
}

void io_shard_await_posters(struct io_shard *shard)
{
    while (atomic_load(&shard->posters) > 0)
        sched_yield();
}

bool io_inbox_empty(const struct io_shard *shard)
{
    return atomic_load(&shard->inbox) == NULL;
}

bool io_inbox_run(struct io_shard *shard)
{
    if (atomic_load_explicit(&shard->inbox, memory_order_relaxed) == NULL)
        return false;
    struct io_message *newest = atomic_exchange(&shard->inbox, NULL), *oldest = NULL;
    while (newest) {
        struct io_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct io_message *message = oldest;
        oldest = message->next;
        message->run(message); /* its storage may be gone now */
    }
    return true;
}

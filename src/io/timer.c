#include "io/shard_private.h"

void io_timer_init(struct io_timer *timer, void (*fire)(struct io_timer *))
{
    *timer = (struct io_timer){.deadline = CLOCK_NEVER, .fire = fire};
}

void io_timer_arm(struct io_timer *timer, uint64_t deadline)
{
    struct io_shard *shard = io_shard_here;
    timer->deadline = deadline;
    if (deadline == CLOCK_NEVER && timer->heap_position == 0)
        return;
    bug_unless(shard);
    if (deadline == CLOCK_NEVER)
        heap_remove(&shard->timers, &timer->heap_position);
    else
        heap_set(&shard->timers, &timer->heap_position, deadline);
}

/* One that re-arms itself in the past fires once per turn, not for ever. */
bool io_timers_fire(struct io_shard *shard)
{
    bool any = false;
    for (size_t left = shard->timers.len; left > 0 && heap_first_key(&shard->timers) <= shard->now; left--) {
        struct io_timer *timer = HEAP_FIRST(&shard->timers, struct io_timer, heap_position);
        io_timer_disarm(timer);
        timer->fire(timer);
        any = true;
    }
    return any;
}

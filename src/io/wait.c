/* Events and waits. A wake carries no reason: the woken task looks at the levels in a fixed order (event, cancel, deadline), and
 * parks again when none holds. That is how every race between them is resolved. */
#include "io/shard_private.h"

enum { INLINE_WAITERS = 8 };
#define SHORT_SLICE_NS (NS_PER_MS / 2)

struct waiter { /* on the waiting task's stack */
    struct list link;
    struct io_task *task;
};

void io_event_init(struct io_event *event)
{
    event->set = false;
    list_init(&event->waiters);
}

void io_event_set(struct io_event *event)
{
    if (event->set)
        return;
    event->set = true;
    list_each (waiter, &event->waiters, struct waiter, link)
        io_task_wake(waiter->task);
}

static bool any_set(struct io_event *const *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (events[i]->set)
            return true;
    return false;
}

bool io_is_cancelled(const struct io_task *task)
{
    return task->cancelled && task->cancel_masked == 0;
}

static void stop_spinning(struct io_shard *shard, struct io_task *task)
{
    task->spent_ns = 0;
    if (!task->spinning)
        return;
    task->spinning = false;
    atomic_fetch_sub_explicit(&shard->spinners, 1, memory_order_relaxed);
}

/* The timer stays in the heap when the wait ends, at worst to fire in vain once: a connection that waits a thousand times for at
 * most a minute each moves it once a minute. */
static void aim_timer(struct io_task *task, uint64_t deadline)
{
    task->wait_deadline = deadline;
    if (deadline < task->timer.deadline)
        io_timer_arm(&task->timer, deadline);
}

static void park(struct io_task *task)
{
    task->state = TASK_PARKED;
    coro_park();
}

/* The wait proper, once nothing is set. waiters: room for `count`. */
static enum status wait_linked(struct io_task *task, struct waiter *waiters, struct io_event *const *events, size_t count,
                               uint64_t deadline)
{
    struct io_shard *shard = io_shard_here;
    enum status status = ST_OK;
    stop_spinning(shard, task);
    aim_timer(task, deadline);
    for (size_t i = 0; i < count; i++) {
        waiters[i].task = task;
        list_push_back(&events[i]->waiters, &waiters[i].link);
    }
    do {
        park(task);
        if (any_set(events, count))
            break;
        status = io_is_cancelled(task) ? ST_CANCELLED : deadline <= shard->now ? ST_TIMEOUT : ST_OK;
    } while (status == ST_OK);
    for (size_t i = 0; i < count; i++)
        list_remove(&waiters[i].link);
    task->wait_deadline = CLOCK_NEVER;
    return status;
}

enum status io_wait_any(struct io_event *const *events, size_t count, uint64_t deadline)
{
    struct io_task *task = io_task_current();
    if (!task)
        return ST_INTERNAL;
    if (any_set(events, count))
        return ST_OK;
    if (io_is_cancelled(task))
        return ST_CANCELLED;
    if (deadline <= io_shard_here->now)
        return ST_TIMEOUT;
    struct waiter few[INLINE_WAITERS];
    if (count <= INLINE_WAITERS)
        return wait_linked(task, few, events, count, deadline);
    struct waiter *many = mem_try_alloc(count * sizeof *many);
    if (!many)
        return ST_LIMIT;
    enum status status = wait_linked(task, many, events, count, deadline);
    free(many);
    return status;
}

enum status io_wait(struct io_event *event, uint64_t deadline)
{
    return io_wait_any(&event, 1, deadline);
}

enum status io_sleep_until(uint64_t deadline)
{
    enum status status = io_wait_any(NULL, 0, deadline);
    return status == ST_TIMEOUT ? ST_OK : status;
}

/* Back to the end of the queue; not before the loop has looked for events. The loop queues it, once the time it has used is
 * charged. */
static void give_way(struct io_task *task, enum task_state state)
{
    task->yielded_turn = io_shard_here->turn;
    task->state = state;
    coro_park();
}

void io_yield(void)
{
    struct io_task *task = io_task_current();
    if (task)
        give_way(task, TASK_YIELDED);
}

/* The hook interrupts the guests of all shards. One that was not meant (its slice is short, no event came for its shard) goes on at
 * once; and one that has computed little since its last wait keeps its rank. */
enum status io_preempt(void)
{
    struct io_task *task = io_task_current();
    if (!task)
        return ST_OK;
    if (io_is_cancelled(task))
        return ST_CANCELLED;
    struct io_shard *shard = io_shard_here;
    uint64_t slice_ns = clock_now() - shard->now;
    if (slice_ns < SHORT_SLICE_NS && !atomic_load_explicit(&shard->interrupted, memory_order_relaxed))
        return ST_OK;
    atomic_store_explicit(&shard->interrupted, false, memory_order_relaxed);
    task->spent_ns += slice_ns;
    if (task->spent_ns >= SHORT_SLICE_NS && !task->spinning) {
        task->spinning = true;
        atomic_fetch_add_explicit(&shard->spinners, 1, memory_order_relaxed);
    }
    give_way(task, task->spinning ? TASK_SPENT : TASK_YIELDED);
    return io_is_cancelled(task) ? ST_CANCELLED : ST_OK;
}

/* What a shard is made of. For the sources of this room only; shard.h explains the design. */
#pragma once

#include "io/heap.h"
#include "io/shard.h"
#include <sys/epoll.h>

enum task_state {
    TASK_NEW,      /* not started, or finished */
    TASK_WAITING,  /* queued: has no coroutine and no promise of one */
    TASK_RUNNABLE, /* in a class of its account */
    TASK_RUNNING,
    TASK_YIELDED, /* on its way into IO_CLASS_WOKEN, IO_CLASS_SPENT */
    TASK_SPENT,
    TASK_PARKED,  /* in a wait */
    TASK_STALLED, /* promised a coroutine that could not be created yet */
};

/* What the ticker thread reads of a shard: (number of the guest entry << 2) | flags. */
enum { GUEST_INSIDE = 1, GUEST_SPINNING = 2, GUEST_NUMBER = 4 };

struct errand { /* for the loop, from a task: make a coroutine */
    struct coro **ret_coro;
    struct error *err;
    enum status status;
};

struct io_shard {
    /* Touched by other threads: */
    _Alignas(64) _Atomic(struct io_message *) inbox; /* newest first */
    atomic_bool asleep;                              /* blocked in epoll, or about to: a poster must wake it */
    atomic_bool stop_requested;
    atomic_uint posters; /* threads inside io_post or io_shard_stop */
    _Alignas(64) atomic_uint_fast64_t guest;
    atomic_uint spinners;                                     /* tasks with a spinning guest */
    atomic_bool interrupted;                                  /* the ticker's last interrupt was for this shard */
    uint64_t ticker_last, ticker_watched, ticker_interrupted; /* the ticker's: words it saw */

    /* Its own: */
    _Alignas(64) uint64_t now;
    uint64_t turn;
    struct io_task *task; /* the running one */
    struct errand *errand;
    struct heap timers;
    struct heap runnable; /* accounts that have a runnable task */
    struct heap starved;  /* accounts whose first queued task waits for the shard's bound alone */
    uint64_t floor_ns;    /* used_ns of the account that ran last: where newly active ones join */
    struct coro_pool coros;
    struct io_account own; /* of tasks that name no account */
    struct list accounts;  /* not used by order: only to find every task */
    unsigned tasks, running, max_running, reserve;
    struct list stalled; /* tasks that could not get a stack, in order */
    struct io_task *retrying;
    struct io_timer stall_timer, trim_timer;
    unsigned jobs; /* offloaded and not yet back */
    unsigned drainers;
    struct io_event quiet; /* only drainers are left */
    unsigned index;
    int cpu;
    bool stopping;
    uint64_t guest_number;

    int epoll, wake;    /* wake: an eventfd */
    unsigned io_budget; /* operations without a wait that the running task has left before it gives way */
    bool no_pwait2;
    struct epoll_event *undelivered; /* of the batch being dispatched */
    int undelivered_count;
    struct list signals; /* watches, freed with the shard */
};

enum { IO_BUDGET = 64 };

/* One load even in a shared library. */
extern _Thread_local struct io_shard *io_shard_here __attribute__((tls_model("initial-exec")));

/* wait.c, task.c: the run queue. */
bool io_is_cancelled(const struct io_task *task);               /* and not masked */
void io_task_wake(struct io_task *task);                        /* if parked */
void io_task_enqueue(struct io_task *task, enum io_class rank); /* any state but runnable */
bool io_run_queue_step(struct io_shard *shard);                 /* runs one task; false when none may run in this turn */
void io_shard_cancel_all(struct io_shard *shard);
void io_tasks_init(struct io_shard *shard);
void io_tasks_release(struct io_shard *shard);

/* timer.c */
bool io_timers_fire(struct io_shard *shard); /* true: some were due */

/* fd.c: marks what a batch of epoll events says. */
void io_fds_dispatch(struct io_shard *shard, struct epoll_event *events, int count);
struct io_fd;
enum status io_fd_wait(const struct io_fd *fd, struct io_event *event, uint64_t deadline, const char *what,
                       struct error *err) CHECKED;
void io_spend_budget(void); /* after an operation that did not wait: gives way now and then */

/* signals.c */
void io_signals_release(struct io_shard *shard);

/* ticker.c: what the ticker sees of the running task's guest. */
void io_guest_publish(struct io_shard *shard, const struct io_task *task, bool inside);

/* inbox.c */
bool io_inbox_empty(const struct io_shard *shard);
bool io_inbox_run(struct io_shard *shard); /* true: there were messages */
void io_shard_await_posters(struct io_shard *shard);

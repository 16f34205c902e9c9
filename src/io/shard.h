/* Shards, tasks, events: the heart of the program. (This comment grows into the essay; see ARCHITECTURE.md for the thread model.)
 *
 * A shard is one thread on one core: an epoll loop, timers, a run queue, coroutines. What a shard owns is touched by its thread
 * alone: no locks, no atomics. Between shards there is only an inbox (a queue and an eventfd) and `io_offload`.
 *
 * A task is a job on a coroutine of its shard. It is plain sequential C: it waits with `io_wait`, which parks the coroutine until
 * an event is set, a deadline passes or the task is cancelled. Host code is atomic between switch points; the switch points are the
 * functions here marked "Waits" and every entry into a guest. Event callbacks (timers, posted functions) run on the plain loop:
 * they mark, copy and queue, never wait, never enter a guest. */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/coro.h"
#include <stdatomic.h>

struct io_shard;
struct io_task;

/* --- events ------------------------------------------------------------------------------------------------------------------ */

/* A level: set or not. Setting wakes every waiter; it stays set until cleared. Belongs to one shard. The memory of an event must
 * outlive every wait on it. */
struct io_event {
    bool set;
    struct list waiters;
};

void io_event_init(struct io_event *event);
void io_event_set(struct io_event *event);
static inline void io_event_clear(struct io_event *event)
{
    event->set = false;
}

/* Waits until `event` is set. deadline: monotonic ns (base/clock.h) or CLOCK_NEVER.
 * ST_OK when set (even if the deadline has passed as well), ST_TIMEOUT, ST_CANCELLED when the running task is or becomes cancelled
 * (a set event wins over both), ST_INTERNAL outside a task. Waits: yes. */
enum status io_wait(struct io_event *event, uint64_t deadline) CHECKED;

/* As io_wait, for the first of several events; more than one may be set on return. count may be 0: a plain sleep. */
enum status io_wait_any(struct io_event *const *events, size_t count, uint64_t deadline) CHECKED;

/* Sleeps: ST_OK at the deadline, or ST_CANCELLED. Waits: yes. */
enum status io_sleep_until(uint64_t deadline) CHECKED;

/* Lets other runnable tasks and pending I/O go first. Waits: yes (it never fails; a no-op outside a task). */
void io_yield(void);

/* --- timers: fire on the plain loop ------------------------------------------------------------------------------------------ */

struct io_timer {
    uint64_t deadline; /* CLOCK_NEVER: not armed */
    void (*fire)(struct io_timer *timer);
    size_t heap_position; /* the shard's */
};
void io_timer_init(struct io_timer *timer, void (*fire)(struct io_timer *));
void io_timer_arm(struct io_timer *timer, uint64_t deadline); /* re-arming moves it; CLOCK_NEVER disarms */
static inline void io_timer_disarm(struct io_timer *timer)
{
    io_timer_arm(timer, CLOCK_NEVER);
}

/* --- accounts and tasks ------------------------------------------------------------------------------------------------------ */

/* The order of an account's runnable tasks; see "the run queue" above. */
enum io_class { IO_CLASS_WOKEN, IO_CLASS_START, IO_CLASS_SPENT, IO_CLASS_COUNT };

#define IO_MAX_QUEUED_DEFAULT 10000

/* What the run queue is fair by: one per workload and shard. Least CPU time used runs first. It belongs to the shard of its first
 * task. */
struct io_account {
    const char *name;     /* borrowed; for messages */
    uint64_t cpu_ns;      /* CPU time of its tasks, maintained by the shard */
    uint64_t charged_ns;  /* extra costs charged by io_account_charge */
    unsigned running;     /* tasks that hold a coroutine, or are about to get theirs */
    unsigned max_running; /* past it, tasks from outside queue; 0 = only the shard's bound */
    unsigned queued;      /* tasks waiting for a coroutine */
    unsigned max_queued;  /* past it io_task_start fails with ST_LIMIT; io_account_init sets IO_MAX_QUEUED_DEFAULT */
    /* The shard's: */
    struct io_shard *shard;
    struct list tasks;   /* all of them */
    struct list waiting; /* the queued ones */
    struct list runnable[IO_CLASS_COUNT];
    uint64_t class_since[IO_CLASS_COUNT]; /* when the class was last served, or became runnable */
    uint64_t used_ns; /* its place in the order: CPU time and charges, lifted to the shard's floor when it wakes */
    size_t run_position, admit_position; /* in the shard's heaps */
    struct list link;
    struct io_event drained; /* set while it has no task */
};
void io_account_init(struct io_account *account, const char *name);
void io_account_charge(struct io_account *account, uint64_t ns);

/* Cancels every task of the account, queued ones included. */
void io_account_cancel(struct io_account *account);
/* Waits until the account has no task; the caller must not be one of them. ST_OK, ST_TIMEOUT, ST_CANCELLED. Waits: yes. */
enum status io_account_drain(struct io_account *account, uint64_t deadline) CHECKED;

enum io_task_flags {
    IO_TASK_INNER = 1, /* a waiting guest depends on it: takes the reserve of coroutines, never queues; ST_LIMIT past the reserve */
};

/* Caller-owned storage, usually part of a request; must live until `done` is set (or the task was never started). */
struct io_task {
    void (*run)(struct io_task *task);
    struct io_account *account;
    /* Optional, set it after io_task_start: called on the loop as the very last thing, after `done` was set; may free the task. */
    void (*on_done)(struct io_task *task);
    struct io_event done;
    bool cancelled;         /* sticky; read freely */
    unsigned cancel_masked; /* > 0: waits ignore `cancelled` (cleanup sections) */
    unsigned flags;
    /* The shard's: */
    struct coro *coro;
    struct list run_link;     /* in its account's `waiting` or `runnable` */
    struct list account_link; /* in its account's `tasks` */
    struct io_timer timer;    /* fires at or before `wait_deadline` */
    uint64_t wait_deadline;   /* of the wait it is in, or CLOCK_NEVER */
    uint64_t started_ns;      /* io_now() of io_task_start */
    uint64_t yielded_turn;    /* the loop's turn it yielded in: it goes on in a later one */
    unsigned guest_depth;     /* inside io_guest_enter */
    bool begun;
    bool spinning; /* its guest was interrupted since its last wait */
    uint8_t state;
};

/* Starts `run` on a coroutine of the current shard as soon as the run queue gets to it (never before this returns).
 * account may be NULL: the shard's own. ST_LIMIT when the account's queue is full or (IO_TASK_INNER) the reserve is used up. */
enum status io_task_start(struct io_task *task, void (*run)(struct io_task *), struct io_account *account, unsigned flags,
                          struct error *err) CHECKED;
/* Marks it cancelled and wakes it: its waits return ST_CANCELLED, its guests trap at the next epoch check. Harmless when done. */
void io_task_cancel(struct io_task *task);
struct io_task *io_task_current(void); /* NULL outside a task */
static inline void io_cancel_mask(struct io_task *task)
{
    task->cancel_masked++;
}
static inline void io_cancel_unmask(struct io_task *task)
{
    task->cancel_masked--;
}
/* Takes a cancellation back once its reason has been dealt with (a call that timed out still sends its 504). From the task itself.
 */
static inline void io_task_uncancel(struct io_task *task)
{
    task->cancelled = false;
}

/* --- posted functions and offloaded work ------------------------------------------------------------------------------------- */

/* A message to a shard, from any thread; `run` is called once on that shard's loop, in order per sender. The storage is the
 * sender's until then. */
struct io_message {
    void (*run)(struct io_message *message);
    struct io_message *next;
};
void io_post(struct io_shard *shard, struct io_message *message);

/* Runs `fn(arg)` on a worker thread and waits for it. `fn` touches no shard, no store, no guest memory. If the task is cancelled
 * meanwhile, the call still waits for `fn` to return (its memory is on this stack), then returns ST_CANCELLED; else ST_OK.
 * ST_LIMIT when the workers' queue is full. Waits: yes. */
enum status io_offload(void (*fn)(void *arg), void *arg, struct error *err) CHECKED;

/* Work on a worker thread without a task that waits for it; io_offload is made of this. `work` runs on the worker, then `done` on
 * the shard's loop. The storage is the caller's until `done` is called. ST_LIMIT when the workers' queue is full. */
struct io_job {
    void (*work)(struct io_job *job);
    void (*done)(struct io_job *job);
    /* The workers': */
    struct io_message message;
    struct io_shard *shard;
    struct list link;
};
enum status io_job_start(struct io_job *job, void (*work)(struct io_job *), void (*done)(struct io_job *),
                         struct error *err) CHECKED;

/* --- shards ------------------------------------------------------------------------------------------------------------------ */

struct io_shard_options {
    const struct coro_ops *coro_ops;
    void *coro_env;
    size_t stack_size;       /* 0: 2 MiB */
    unsigned max_coroutines; /* 0: 1000 */
    unsigned reserve;        /* of them, only for IO_TASK_INNER; 0: a tenth */
    int cpu;                 /* core to pin to, or -1 */
};

/* Shards are numbered from 0. io_shard_run turns the calling thread into the shard until io_shard_stop. */
enum status io_shard_new(unsigned index, const struct io_shard_options *options, struct io_shard **ret_shard,
                         struct error *err) CHECKED;
void io_shard_free(struct io_shard *shard);
void io_shard_run(struct io_shard *shard);
void io_shard_stop(struct io_shard *shard); /* from any thread; returns at once */
struct io_shard *io_shard_current(void);    /* NULL on other threads */
/* Waits until the calling task is the only one of its shard (others that wait here do not count). Waits: yes. */
enum status io_shard_drain(uint64_t deadline) CHECKED;
unsigned io_shard_index(const struct io_shard *shard);
uint64_t io_now(void); /* the loop's cached time: exact to one turn of the loop */

/* A thread for each of several shards. */
struct io_shards_options {
    struct io_shard_options shard;                    /* for each; its `cpu` is ignored */
    unsigned count;                                   /* 0: io_shards_recommended() */
    bool pin;                                         /* each to a core of the affinity mask, in order */
    void (*setup)(struct io_shard *shard, void *env); /* optional: the first thing on each loop, say to start tasks */
    void *env;
};
struct io_shards;
enum status io_shards_start(const struct io_shards_options *options, struct io_shards **ret_shards, struct error *err) CHECKED;
unsigned io_shards_count(const struct io_shards *shards);
struct io_shard *io_shards_get(const struct io_shards *shards, unsigned index); /* NULL past the last */
void io_shards_stop(struct io_shards *shards);                                  /* io_shard_stop on each */
void io_shards_join(struct io_shards *shards);                                  /* waits until all have ended, and frees them */

/* How many shards this process should run: affinity mask and cgroup CPU quota. At least 1. */
unsigned io_shards_recommended(void);

/* --- guests and preemption (used by `engine`) --------------------------------------------------------------------------------- */

/* The engine brackets every outermost guest entry on a coroutine with these. While a shard is inside a guest for longer than a tick
 * (1 ms), or an event becomes ready on its epoll descriptor meanwhile, the ticker thread calls the tick hook, which interrupts
 * guests (it advances Wasmtime's epoch). The ticker sleeps while no shard is inside a guest. */
void io_guest_enter(void);
void io_guest_leave(void);
void io_set_tick_hook(void (*tick)(void *env), void *env); /* once, before shards run */

/* From the interrupted guest (the epoch callback), on its coroutine: polls for new events, yields if others can run.
 * ST_OK to go on, ST_CANCELLED when the running task is cancelled (the guest must trap). Waits: yes. */
enum status io_preempt(void) CHECKED;

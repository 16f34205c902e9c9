/* Shards, tasks, events: the heart of the program.
 *
 * THE MODEL. A shard is one thread on one core: an epoll instance, timers, a run queue, coroutines, and whatever its users put
 * there (listeners, pools, connections). What a shard owns is touched by its thread alone: no locks, no atomics. A task is a job on
 * one of the shard's coroutines (io/coro.h): plain sequential C that waits with io_wait and its kin. While it waits, the coroutine
 * is parked with its whole stack, guests and all, and the thread does something else.
 *
 * The loop goes round in turns: wait for events (without blocking when a task can run), deliver them, run the messages of the
 * inbox, fire the timers that are due, then run tasks, at most 64 or half a millisecond's worth before it looks for events again.
 *
 * TWO WORLDS. Code of a shard runs either in a task, on a coroutine, or on the plain loop: timers, messages, io_fd's on_ready,
 * `done` and `on_done` callbacks, signal handlers. On the plain loop nothing may wait or enter a guest: callbacks mark, copy,
 * queue, set events, start tasks. Waiting there is refused with ST_INTERNAL. A task may do everything.
 *
 * SWITCH POINTS. Nothing else of the shard runs between two switch points of a task: what it reads there cannot change under it.
 * The switch points are the functions marked "Waits", and every entry into a guest (its epoch callback may call io_preempt).
 * Re-read shared state after one. io_task_start, io_event_set, io_task_cancel, io_post and timers are not switch points: they only
 * queue.
 *
 * WHO MAY CALL WHAT. From any thread: io_post, io_shard_stop, io_shards_*, io_shards_recommended, io_set_tick_hook, io_now. From a
 * task only: what is marked "Waits", io_offload. Everything else: from the shard that owns the object, in a task or on the loop.
 *
 * OWNERSHIP. Events, tasks, accounts, timers, messages, jobs are embedded in their users' objects; the shard links them but never
 * allocates or frees them. They must outlive their use: an event every wait on it (a wait that was woken counts until it has
 * returned), a task its `done` (or use `on_done`, which may free it), an account its last task, an armed timer its firing, a
 * message its run, a job its `done`. A wait costs no memory: its nodes are on the waiting coroutine's stack.
 *
 * RACES. A wake carries no reason. Setting an event, cancelling, or the deadline's timer only puts the task into the run queue;
 * when it runs, it looks at the levels as they are then, in a fixed order:
 *   1. an event is set           -> ST_OK, even when cancelled or late: a result that arrived is never lost
 *   2. cancelled and not masked  -> ST_CANCELLED
 *   3. the deadline has passed   -> ST_TIMEOUT
 *   4. none of these             -> it parks again (the event was set and cleared in between: a pulse may be missed)
 * So it does not matter in which order the three came or which of them woke it, and a task is never queued twice. An operation that
 * completes after its wait has given up finds nobody: whoever starts one that outlives its wait keeps its memory (see io_job), or
 * waits with cancellation masked until it is back (io_offload does).
 *
 * CANCELLATION is a flag of the task, sticky, that makes every wait fail until the task has unwound; its guests trap at their next
 * epoch check. A cleanup that must wait masks it, for a bounded time. A task that was started always runs: one that is cancelled
 * while it is still queued gets its turn like any other and finds `cancelled` set, so that what its starter prepared is cleaned up
 * in one place. Stopping a shard cancels all its tasks, and those started later are born cancelled; the loop ends when the last one
 * and the last job have ended. To stop gently, stop accepting work, drain (io_account_drain, io_shard_drain), then stop.
 *
 * THE RUN QUEUE is fair by account (one per workload): the account that has used least CPU time goes first. An account that wakes
 * after a pause joins at the level of the one that ran last: idling saves up nothing. Among equals, and within an account, come
 * tasks that were woken, then tasks to be started (finish before you begin), then spent ones, whose guest used up its slice; a
 * lower class that has waited 4 ms goes first once, so that none starves. A task that gives way (io_yield, io_preempt) goes on in a
 * later turn, after the loop has looked for events.
 *
 * BOUNDS. Coroutines per shard are bounded, and a part of them is a reserve. Work from outside queues for a coroutine, per account
 * and up to a bound, then fails with ST_LIMIT. Work that a waiting guest depends on (IO_TASK_INNER) may use the reserve and fails
 * past it at once: it must not queue behind tasks that wait for it. When stacks cannot be made (no memory), tasks wait until one is
 * free. Reads and writes that never have to wait give way after 64 operations.
 *
 * PREEMPTION. A guest that computes cannot be waited for. The shard publishes, with one relaxed store, the number of the guest
 * entry it is inside; a ticker thread compares, every millisecond, and when an entry lasts for a whole tick it calls the tick hook,
 * which makes every guest call io_preempt soon (it advances Wasmtime's epoch). While a long guest runs, the ticker also polls the
 * shard's epoll descriptor and interrupts at the first event; a message or a finished job writes the eventfd in it. The ticker
 * sleeps when there has been no guest for 10 ms; see ticker.c for how an entry wakes it without a barrier.
 *
 * BETWEEN THREADS there is only the inbox (io_post: lock-free, and a system call only when the shard sleeps or is inside a guest)
 * and the worker threads behind io_offload, for libraries that block.
 *
 * COSTS, on one 2 GHz core: park and resume 0.1 us with ucontext, 0.25 us on Wasmtime fibers; no system call and one clock read per
 * switch. A wait with a deadline usually moves no timer: each task has one, which stays armed when the wait ends and is moved when
 * it fires too early. */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "io/coro.h"
#include <stdatomic.h>

struct io_shard;
struct io_task;

/* --- events ------------------------------------------------------------------------------------------------------------------ */

/* A level: set or not. Setting wakes every waiter; it stays set until cleared. Belongs to the shard whose tasks wait on it.
 * Initialise it before use (a zeroed one is not ready). */
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

/* As io_wait, for the first of several events; more than one may be set on return, and one may be named twice. count may be 0: a
 * plain sleep that ends with ST_TIMEOUT. ST_LIMIT when there is no memory for so many (more than 8 take some). Waits: yes. */
enum status io_wait_any(struct io_event *const *events, size_t count, uint64_t deadline) CHECKED;

/* Sleeps: ST_OK at the deadline, or ST_CANCELLED. Waits: yes. */
enum status io_sleep_until(uint64_t deadline) CHECKED;

/* Lets the other runnable tasks of the account, pending I/O, and accounts that have used less go first. Waits: yes (it never fails;
 * a no-op outside a task). Inside a task io_now() is the time of the last switch point: a long computation yields to renew it. */
void io_yield(void);

/* --- timers: fire on the plain loop ------------------------------------------------------------------------------------------ */

/* One timer, one moment. Zeroed storage will not do: io_timer_init. Disarm it before its memory goes. */
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

/* The order of an account's runnable tasks; see "the run queue" above. For the shard. */
enum io_class { IO_CLASS_WOKEN, IO_CLASS_START, IO_CLASS_SPENT, IO_CLASS_COUNT };

#define IO_MAX_QUEUED_DEFAULT 10000

/* What the run queue is fair by: one per workload and shard. Least CPU time used runs first. It belongs to the shard of its first
 * task. The bounds may be changed at any time. */
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
    uint64_t class_since[IO_CLASS_COUNT]; /* when it was last served or first passed over; 0: neither */
    uint64_t used_ns; /* its place in the order: CPU time and charges, lifted to the shard's floor when it wakes */
    size_t run_position, admit_position; /* in the shard's heaps */
    struct list link;
    struct io_event drained; /* set while it has no task */
};
void io_account_init(struct io_account *account, const char *name);
/* Adds a cost that its tasks caused but the shard did not see (a trap's handling, a worker's time): it counts as time used. */
void io_account_charge(struct io_account *account, uint64_t ns);

/* Cancels every task of the account, queued ones included. */
void io_account_cancel(struct io_account *account);
/* Waits until the account has no task; the caller must not be one of them. ST_OK, ST_TIMEOUT, ST_CANCELLED. Waits: yes. */
enum status io_account_drain(struct io_account *account, uint64_t deadline) CHECKED;

enum io_task_flags {
    IO_TASK_INNER = 1, /* a waiting guest depends on it: takes the reserve of coroutines, never queues; ST_LIMIT past the reserve */
};

/* Caller-owned storage, usually part of a request; must live until `done` is set (or the task was never started). io_task_start
 * sets every field. */
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
    uint64_t spent_ns;        /* time of the slices at whose end its guest was interrupted, since its last wait */
    bool begun;
    bool spinning; /* that is a lot */
    uint8_t state;
};

/* Starts `run` on a coroutine of the current shard as soon as the run queue gets to it (never before this returns).
 * account may be NULL: the shard's own. ST_LIMIT when the account's queue is full or (IO_TASK_INNER) the reserve is used up or no
 * stack can be made; ST_INTERNAL on a thread that is no shard. On failure `run` is never called. */
enum status io_task_start(struct io_task *task, void (*run)(struct io_task *), struct io_account *account, unsigned flags,
                          struct error *err) CHECKED;
/* Marks it cancelled and wakes it: its waits return ST_CANCELLED, its guests trap at the next epoch check. Harmless when done. From
 * another shard: post a message that does it. */
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
 * Without effect when the shard is stopping: then there is no going on. */
void io_task_uncancel(struct io_task *task);

/* --- posted functions and offloaded work ------------------------------------------------------------------------------------- */

/* A message to a shard, from any thread; `run` is called once on that shard's loop, in order per sender. The storage is the shard's
 * until then, and the receiver's from then on: `run` may free it. A message that comes after the loop has ended is never run. */
struct io_message {
    void (*run)(struct io_message *message);
    struct io_message *next;
};
void io_post(struct io_shard *shard, struct io_message *message);

/* Runs `fn(arg)` on a worker thread and waits for it. `fn` touches no shard, no store, no guest memory. If the task is or gets
 * cancelled, the call still runs `fn` and waits for it (its memory is on this stack), then returns ST_CANCELLED; else ST_OK. With
 * any other result `fn` has not run: ST_LIMIT when the workers' queue is full, ST_INTERNAL outside a task. Waits: yes. */
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

/* Shards are numbered from 0. io_shard_run turns the calling thread into the shard until io_shard_stop, and blocks SIGPIPE
 * meanwhile; what is posted before runs first. io_shard_free: after the loop has ended (or never ran), and when nobody posts any
 * more. */
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

/* A thread for each of several shards, with every signal blocked (see io_signals_block in io/socket.h). */
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

/* How many shards this process should run: the affinity mask's processors, or the cgroups' CPU quota rounded up when that is less.
 * At least 1. */
unsigned io_shards_recommended(void);

/* --- guests and preemption (used by `engine`) --------------------------------------------------------------------------------- */

/* The engine brackets every outermost guest entry on a coroutine with these (nested ones may, too). A guest that waits in a host
 * call is not inside: the shard sees to that. Outside a task they do nothing, and nothing interrupts. */
void io_guest_enter(void);
void io_guest_leave(void);
/* tick: called on the ticker's thread; must be quick and must not block. Once, before shards run. */
void io_set_tick_hook(void (*tick)(void *env), void *env);

/* From the interrupted guest (the epoch callback), on its coroutine: lets the loop look for events and others run, unless the
 * interrupt was for another shard. ST_OK to go on, ST_CANCELLED when the running task is cancelled and not masked (the guest must
 * trap). Waits: yes. */
enum status io_preempt(void) CHECKED;

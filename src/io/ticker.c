/* The ticker: a thread that interrupts guests that run for long, and at once when an event is ready for their shard.
 *
 * A shard publishes one word: the number of its present guest entry, and whether it is inside. The ticker compares words: the same
 * entry at two ticks has run for a whole tick. It sleeps on a condition variable after some ticks without any guest; a shard that
 * enters a guest then wakes it. That check is a plain load after a plain store on the hot path, so the ticker, before it sleeps,
 * has the kernel run a full barrier on every other thread (membarrier): after it either the ticker sees the shard's store, or the
 * shard sees `asleep`. Where membarrier is forbidden, the ticker looks every 20 ms instead.
 *
 * The thread wakes thousands of times a second beside a guest that spins, and on a busy machine would queue for a core behind that
 * very guest: it asks the kernel for precedence (hurry). */
#include "base/vec.h"
#include "io/runtime.h"
#include "io/shard_private.h"
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TICK_NS NS_PER_MS
#define RESAMPLE_NS (100 * NS_PER_US) /* while a guest that spins waits for its turn: to watch its shard again soon */
#define BLIND_SLEEP_NS (20 * NS_PER_MS)
#define HURRY_SLICE_NS (100 * NS_PER_US) /* the kernel's least */
#define HURRY_NICE (-10)
#define STACK_SIZE ((size_t)256 << 10)
enum { QUIET_TICKS = 10 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake, gone;
    VEC(struct io_shard *) shards;
    VEC(struct pollfd) poll;
    void (*tick)(void *env);
    void *env;
    unsigned quiet_ticks;
    bool running, stopping;
    bool has_membarrier;
} ticker = {.lock = PTHREAD_MUTEX_INITIALIZER, .gone = PTHREAD_COND_INITIALIZER};

/* Apart from the rest: every guest entry reads it. True also when the thread has not been started yet. */
_Alignas(64) static atomic_bool asleep;

/* --- the thread -------------------------------------------------------------------------------------------------------------- */

static uint64_t word_of(struct io_shard *shard)
{
    return atomic_load_explicit(&shard->guest, memory_order_relaxed);
}

static bool any_inside(void)
{
    vec_each (shard, &ticker.shards)
        if (word_of(*shard) & GUEST_INSIDE)
            return true;
    return false;
}

static void sleep_until_woken(void)
{
    atomic_store(&asleep, true);
    if (ticker.has_membarrier)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    while (atomic_load(&asleep) && !ticker.stopping && !any_inside()) {
        uint64_t until = clock_now() + BLIND_SLEEP_NS;
        struct timespec time = {(time_t)(until / NS_PER_SECOND), (long)(until % NS_PER_SECOND)};
        if (ticker.has_membarrier)
            pthread_cond_wait(&ticker.wake, &ticker.lock);
        else
            pthread_cond_timedwait(&ticker.wake, &ticker.lock, &time);
    }
    atomic_store(&asleep, false);
    ticker.quiet_ticks = 0;
}

/* A guest that has been seen in an earlier sample, or is known to spin. */
static bool worth_watching(const struct io_shard *shard, uint64_t word)
{
    return (word & GUEST_INSIDE) && ((word & GUEST_SPINNING) || word == shard->ticker_last) && word != shard->ticker_interrupted;
}

/* Fills the poll set; returns how long to wait at most. */
static uint64_t prepare_poll(uint64_t until_tick)
{
    uint64_t wait_ns = until_tick;
    vec_clear(&ticker.poll);
    vec_each (item, &ticker.shards) {
        struct io_shard *shard = *item;
        uint64_t word = word_of(shard);
        shard->ticker_watched = worth_watching(shard, word) ? word : 0;
        if (shard->ticker_watched)
            vec_push(&ticker.poll, (struct pollfd){.fd = shard->epoll, .events = POLLIN});
        else if (atomic_load_explicit(&shard->spinners, memory_order_relaxed) > 0)
            wait_ns = MIN(wait_ns, RESAMPLE_NS);
    }
    return wait_ns;
}

static bool poll_says_ready(int epoll)
{
    vec_each (entry, &ticker.poll)
        if (entry->fd == epoll && entry->revents)
            return true;
    return false;
}

/* Events are ready for shards whose guest is still the one that was watched. */
static bool mark_interrupted(void)
{
    bool any = false;
    vec_each (item, &ticker.shards) {
        struct io_shard *shard = *item;
        if (!shard->ticker_watched || word_of(shard) != shard->ticker_watched || !poll_says_ready(shard->epoll))
            continue;
        shard->ticker_interrupted = shard->ticker_watched;
        atomic_store_explicit(&shard->interrupted, true, memory_order_relaxed);
        any = true;
    }
    return any;
}

/* Takes the samples; true when some guest has run since the last tick. */
static bool sample(void)
{
    bool overdue = false, quiet = true;
    vec_each (item, &ticker.shards) {
        struct io_shard *shard = *item;
        uint64_t word = word_of(shard);
        if ((word & GUEST_INSIDE) && word == shard->ticker_last) {
            atomic_store_explicit(&shard->interrupted, true, memory_order_relaxed);
            overdue = true;
        }
        if ((word & GUEST_INSIDE) || word != shard->ticker_last)
            quiet = false;
        shard->ticker_last = word;
    }
    ticker.quiet_ticks = quiet ? ticker.quiet_ticks + 1 : 0;
    return overdue;
}

/* While a guest computes, its shard is deaf until this thread has run: the thread must not queue for a core behind the shard and
 * whoever else is busy. The kernel's attributes of a thread; libc has neither them nor the call. */
struct sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

static bool set_attributes(struct sched_attributes attributes)
{
    attributes.size = sizeof attributes;
    attributes.flags = SCHED_FLAG_RESET_ON_FORK;
    return syscall(SYS_sched_setattr, 0, &attributes, 0u) == 0;
}

/* What is permitted, the best first: the lowest real-time priority; a better niceness; and what needs no permission: short slices,
 * for which the kernel lets a thread that wakes go before one with long ones (since Linux 6.12; before, it changes nothing). */
static void hurry(void)
{
    if (set_attributes((struct sched_attributes){.policy = SCHED_FIFO, .priority = 1}))
        return;
    if (!set_attributes((struct sched_attributes){.policy = SCHED_OTHER, .nice = HURRY_NICE, .runtime_ns = HURRY_SLICE_NS}))
        set_attributes((struct sched_attributes){.policy = SCHED_OTHER, .runtime_ns = HURRY_SLICE_NS});
}

static void *ticker_main(void *arg UNUSED)
{
    prctl(PR_SET_TIMERSLACK, 1000ul);
    hurry();
    pthread_mutex_lock(&ticker.lock);
    uint64_t next_tick = clock_now() + TICK_NS;
    while (!ticker.stopping) {
        if (ticker.quiet_ticks >= QUIET_TICKS)
            sleep_until_woken();
        uint64_t now = clock_now();
        uint64_t wait_ns = prepare_poll(next_tick > now ? next_tick - now : 0);
        struct timespec timeout = {0, (long)wait_ns};
        pthread_mutex_unlock(&ticker.lock);
        int ready = ppoll(ticker.poll.items, ticker.poll.len, &timeout, NULL);
        pthread_mutex_lock(&ticker.lock);
        bool interrupt = ready > 0 && mark_interrupted();
        now = clock_now();
        if (now >= next_tick) {
            interrupt |= sample();
            next_tick = now + TICK_NS;
        }
        if (interrupt)
            ticker.tick(ticker.env);
    }
    ticker.running = false;
    pthread_cond_broadcast(&ticker.gone);
    pthread_mutex_unlock(&ticker.lock);
    return NULL;
}

/* --- starting and stopping --------------------------------------------------------------------------------------------------- */

static void start_thread(void)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ticker.wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ticker.quiet_ticks = 0;
    pthread_t thread;
    if (io_thread_start(&thread, STACK_SIZE, ticker_main, NULL) != 0)
        return; /* the next guest entry tries again */
    pthread_detach(thread);
    ticker.running = true;
    atomic_store(&asleep, false);
}

static void wake_ticker(void)
{
    pthread_mutex_lock(&ticker.lock);
    if (!ticker.running) {
        start_thread();
    } else {
        atomic_store(&asleep, false);
        pthread_cond_signal(&ticker.wake);
    }
    pthread_mutex_unlock(&ticker.lock);
}

void io_set_tick_hook(void (*tick)(void *env), void *env)
{
    pthread_mutex_lock(&ticker.lock);
    ticker.tick = tick;
    ticker.env = env;
    /* Here and not when it is needed: with other threads running the kernel takes 10 to 20 ms for it. */
    ticker.has_membarrier = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    atomic_store(&asleep, tick && !ticker.running);
    pthread_mutex_unlock(&ticker.lock);
}

void io_ticker_add(struct io_shard *shard)
{
    pthread_mutex_lock(&ticker.lock);
    vec_push(&ticker.shards, shard);
    pthread_mutex_unlock(&ticker.lock);
}

static void stop_thread(void)
{
    ticker.stopping = true;
    if (ticker.running)
        pthread_cond_signal(&ticker.wake);
    while (ticker.running)
        pthread_cond_wait(&ticker.gone, &ticker.lock);
    ticker.stopping = false;
    atomic_store(&asleep, ticker.tick != NULL);
    vec_release(&ticker.shards);
    vec_release(&ticker.poll);
}

/* The last one stops the thread. */
void io_ticker_remove(struct io_shard *shard)
{
    pthread_mutex_lock(&ticker.lock);
    vec_each (item, &ticker.shards)
        if (*item == shard) {
            *item = *vec_last(&ticker.shards);
            ticker.shards.len--;
            break;
        }
    if (ticker.shards.len == 0)
        stop_thread();
    pthread_mutex_unlock(&ticker.lock);
}

/* --- the shards' side -------------------------------------------------------------------------------------------------------- */

void io_guest_publish(struct io_shard *shard, const struct io_task *task, bool inside)
{
    if (!inside) {
        atomic_store_explicit(&shard->guest, shard->guest_number, memory_order_relaxed);
        return;
    }
    shard->guest_number += GUEST_NUMBER;
    uint64_t word = shard->guest_number | GUEST_INSIDE | (task->spinning ? GUEST_SPINNING : 0);
    atomic_store_explicit(&shard->guest, word, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the compiler's part; the ticker's membarrier does the processor's */
    if (__builtin_expect(atomic_load_explicit(&asleep, memory_order_relaxed), false))
        wake_ticker();
}

void io_guest_enter(void)
{
    struct io_shard *shard = io_shard_here;
    struct io_task *task = shard ? shard->task : NULL;
    if (task && task->guest_depth++ == 0)
        io_guest_publish(shard, task, true);
}

void io_guest_leave(void)
{
    struct io_shard *shard = io_shard_here;
    struct io_task *task = shard ? shard->task : NULL;
    if (!task)
        return;
    bug_unless(task->guest_depth > 0);
    if (--task->guest_depth == 0)
        io_guest_publish(shard, task, false);
}

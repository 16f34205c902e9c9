/* The loop: look for events, run messages and timers, then a batch of tasks. */
#include "base/log.h"
#include "io/runtime.h"
#include "io/shard_private.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEFAULT_STACK_SIZE ((size_t)2 << 20)
#define DEFAULT_MAX_COROUTINES 1000
#define TRIM_AFTER_NS NS_PER_SECOND
#define BATCH_NS (500 * NS_PER_US)
enum { EVENTS_PER_POLL = 256, TASKS_PER_BATCH = 64, IDLE_COROUTINES_KEPT = 64 };

_Thread_local struct io_shard *io_shard_here;

struct io_shard *io_shard_current(void)
{
    return io_shard_here;
}

unsigned io_shard_index(const struct io_shard *shard)
{
    return shard->index;
}

uint64_t io_now(void)
{
    return io_shard_here ? io_shard_here->now : clock_now();
}

/* --- new and free ------------------------------------------------------------------------------------------------------------ */

/* A burst leaves many stacks behind, each with the pages it touched: half of the surplus goes every second. */
static void trim_timer_fire(struct io_timer *timer)
{
    struct io_shard *shard = CONTAINER_OF(timer, struct io_shard, trim_timer);
    coro_pool_trim(&shard->coros, MAX(shard->coros.idle_count / 2, IDLE_COROUTINES_KEPT));
}

static enum status open_descriptors(struct io_shard *shard, struct error *err)
{
    shard->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (shard->epoll < 0)
        return fail_errno(err, "create an epoll instance");
    shard->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (shard->wake < 0)
        return fail_errno(err, "create an eventfd");
    /* Edge-triggered: every write is an edge, so nobody needs to read it. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (epoll_ctl(shard->epoll, EPOLL_CTL_ADD, shard->wake, &event) != 0)
        return fail_errno(err, "watch an eventfd");
    return ST_OK;
}

static void close_descriptors(struct io_shard *shard)
{
    if (shard->wake >= 0)
        close(shard->wake);
    if (shard->epoll >= 0)
        close(shard->epoll);
}

enum status io_shard_new(unsigned index, const struct io_shard_options *options, struct io_shard **ret_shard, struct error *err)
{
    unsigned max = options->max_coroutines ? options->max_coroutines : DEFAULT_MAX_COROUTINES;
    unsigned reserve = options->reserve ? options->reserve : MAX(max / 10, 1);
    if (reserve >= max)
        return fail(err, ST_INVALID, "a reserve of %u coroutines leaves none of %u for ordinary tasks", reserve, max);
    struct io_shard *shard = aligned_alloc(_Alignof(struct io_shard), sizeof *shard);
    bug_unless(shard);
    memset(shard, 0, sizeof *shard);
    shard->index = index;
    shard->cpu = options->cpu;
    shard->max_running = max;
    shard->reserve = reserve;
    shard->epoll = shard->wake = -1;
    shard->now = clock_now();
    coro_pool_init(&shard->coros, options->coro_ops, options->coro_env,
                   options->stack_size ? options->stack_size : DEFAULT_STACK_SIZE, max);
    io_tasks_init(shard);
    io_timer_init(&shard->trim_timer, trim_timer_fire);
    list_init(&shard->signals);
    enum status status = open_descriptors(shard, err);
    if (status != ST_OK) {
        close_descriptors(shard);
        free(shard);
        return status;
    }
    io_runtime_join(shard);
    *ret_shard = shard;
    return ST_OK;
}

void io_shard_free(struct io_shard *shard)
{
    if (!shard)
        return;
    bug_unless(io_shard_here != shard);
    io_runtime_leave(shard);
    io_shard_await_posters(shard);
    coro_pool_release(&shard->coros);
    io_tasks_release(shard);
    heap_release(&shard->timers);
    close_descriptors(shard);
    free(shard);
}

/* --- the loop ---------------------------------------------------------------------------------------------------------------- */

/* How long nothing is to be done but wait for events: ns, or CLOCK_NEVER. */
static uint64_t idle_time(const struct io_shard *shard)
{
    if (shard->runnable.len > 0)
        return 0;
    uint64_t first = heap_first_key(&shard->timers);
    if (first == CLOCK_NEVER)
        return CLOCK_NEVER;
    return first > shard->now ? first - shard->now : 0;
}

static int wait_for_events(struct io_shard *shard, struct epoll_event *events, uint64_t idle_ns)
{
    if (!shard->no_pwait2) {
        struct timespec timeout = {(time_t)(idle_ns / NS_PER_SECOND), (long)(idle_ns % NS_PER_SECOND)};
        int count = epoll_pwait2(shard->epoll, events, EVENTS_PER_POLL, idle_ns == CLOCK_NEVER ? NULL : &timeout, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM))
            return count;
        shard->no_pwait2 = true; /* before Linux 5.11, or a sandbox that does not know the call */
    }
    uint64_t ms = idle_ns / NS_PER_MS + (idle_ns % NS_PER_MS != 0);
    int timeout = idle_ns == CLOCK_NEVER ? -1 : (int)MIN(ms, 1u << 30);
    return epoll_wait(shard->epoll, events, EVENTS_PER_POLL, timeout);
}

/* True when events were delivered. */
static bool poll_events(struct io_shard *shard, uint64_t idle_ns)
{
    struct epoll_event events[EVENTS_PER_POLL];
    if (idle_ns > 0) {
        atomic_store(&shard->asleep, true);
        if (!io_inbox_empty(shard) || atomic_load(&shard->stop_requested) != shard->stopping)
            idle_ns = 0;
    }
    int count = wait_for_events(shard, events, idle_ns);
    if (count < 0 && errno != EINTR)
        bug("epoll_wait: %s", strerror(errno));
    atomic_store_explicit(&shard->asleep, false, memory_order_relaxed);
    shard->now = clock_now();
    if (count > 0)
        io_fds_dispatch(shard, events, count);
    return count > 0;
}

static void run_batch(struct io_shard *shard)
{
    uint64_t end = shard->now + BATCH_NS;
    for (int left = TASKS_PER_BATCH; left > 0 && shard->now < end; left--)
        if (!io_run_queue_step(shard))
            break;
}

static void notice_stop(struct io_shard *shard)
{
    if (shard->stopping || !atomic_load_explicit(&shard->stop_requested, memory_order_relaxed))
        return;
    shard->stopping = true;
    io_shard_cancel_all(shard);
}

static void turn(struct io_shard *shard)
{
    shard->turn++;
    bool busy = poll_events(shard, idle_time(shard));
    busy |= io_inbox_run(shard);
    notice_stop(shard);
    busy |= io_timers_fire(shard);
    if (busy)
        shard->now = clock_now(); /* what the callbacks took is not the next task's */
    run_batch(shard);
    if (shard->coros.idle_count > IDLE_COROUTINES_KEPT && shard->trim_timer.deadline == CLOCK_NEVER)
        io_timer_arm(&shard->trim_timer, shard->now + TRIM_AFTER_NS);
}

static bool is_over(const struct io_shard *shard)
{
    return shard->stopping && shard->tasks == 0 && shard->jobs == 0 && io_inbox_empty(shard);
}

static void pin(const struct io_shard *shard)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (shard->cpu < 0 || shard->cpu >= CPU_SETSIZE)
        return;
    CPU_SET(shard->cpu, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
        log_debug("a shard could not be pinned", LOG_U64("shard", shard->index), LOG_I64("cpu", shard->cpu));
}

static void only_broken_pipe(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGPIPE);
}

/* A write to a pipe that nobody reads fails with EPIPE; the signal beside it stays pending while it is blocked, and goes here. */
static void restore_signals(const sigset_t *before)
{
    const struct timespec at_once = {0};
    sigset_t broken_pipe;
    only_broken_pipe(&broken_pipe);
    if (!sigismember(before, SIGPIPE))
        while (sigtimedwait(&broken_pipe, NULL, &at_once) == SIGPIPE)
            ;
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

void io_shard_run(struct io_shard *shard)
{
    bug_unless(!io_shard_here);
    sigset_t broken_pipe, before;
    only_broken_pipe(&broken_pipe);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    pin(shard);
    io_shard_here = shard;
    while (!is_over(shard))
        turn(shard);
    io_signals_release(shard);
    coro_pool_trim(&shard->coros, 0);
    io_shard_here = NULL;
    restore_signals(&before);
}

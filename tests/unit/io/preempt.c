/* The ticker and io_preempt, with C in the place of guests: `spin` looks at an epoch as compiled code does. The engine's tests do
 * the same with real guests. */
#include "harness.h"
#include "tap.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static atomic_uint_fast64_t epoch;

static void tick(void *env UNUSED)
{
    atomic_fetch_add_explicit(&epoch, 1, memory_order_relaxed);
}

static void on_ticking_shard(void (*main)(struct io_task *task))
{
    io_set_tick_hook(tick, NULL);
    on_shard(main);
    io_set_tick_hook(NULL, NULL);
}

#define NOW clock_thread_cpu()

/* Computes until `over`, as a guest does; returns why it ended. */
static enum status spin(const bool *stop, uint64_t end)
{
    enum status status = ST_OK;
    uint64_t seen = atomic_load_explicit(&epoch, memory_order_relaxed);
    io_guest_enter();
    while (status == ST_OK && !*(const volatile bool *)stop && NOW < end) {
        uint64_t now = atomic_load_explicit(&epoch, memory_order_relaxed);
        if (now != seen) {
            seen = now;
            status = io_preempt();
        }
    }
    io_guest_leave();
    return status;
}

static bool over;
static struct io_task tasks[4];
static struct io_account accounts[4];
static uint64_t until;
static enum status results[4];

static void spin_task(struct io_task *task)
{
    results[task - tasks] = spin(&over, until);
}

static void round_robin_main(struct io_task *self UNUSED)
{
    struct error err;
    over = false;
    until = NOW + 200 * NS_PER_MS;
    for (int i = 0; i < 4; i++) {
        io_account_init(&accounts[i], "spinner");
        CHECK_EQ(io_task_start(&tasks[i], spin_task, &accounts[i], 0, &err), ST_OK);
    }
    for (int i = 0; i < 4; i++)
        CHECK(join_task(&tasks[i]));
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(results[i], ST_OK);
        CHECK(accounts[i].cpu_ns > 20 * NS_PER_MS);
    }
}

TEST(spinning_guests_take_turns)
{
    on_ticking_shard(round_robin_main);
}

/* The same within one account: nobody's slice is long, so all go on until the end. */
static uint64_t longest_gap[4];

static void spin_and_measure(struct io_task *task)
{
    size_t index = (size_t)(task - tasks);
    uint64_t seen = atomic_load(&epoch);
    io_guest_enter();
    while (NOW < until) {
        if (atomic_load(&epoch) == seen)
            continue;
        uint64_t left = NOW;
        results[index] = io_preempt();
        seen = atomic_load(&epoch);
        longest_gap[index] = MAX(longest_gap[index], NOW - left);
    }
    io_guest_leave();
}

static void same_account_main(struct io_task *self UNUSED)
{
    until = NOW + 200 * NS_PER_MS;
    for (int i = 0; i < 4; i++) {
        longest_gap[i] = 0;
        CHECK(start_task(&tasks[i], spin_and_measure));
    }
    for (int i = 0; i < 4; i++)
        CHECK(join_task(&tasks[i]));
    for (int i = 0; i < 4; i++)
        CHECK(longest_gap[i] > 0 && longest_gap[i] < 100 * NS_PER_MS);
}

TEST(spinning_guests_of_one_account_take_turns)
{
    on_ticking_shard(same_account_main);
}

/* --- interruption ------------------------------------------------------------------------------------------------------------ */

enum { ROUNDS = 40 };

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* On a busy machine the ticker itself has to wait for a processor now and then. */
static uint64_t median(uint64_t *values)
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    printf("# median %.3f ms, worst %.3f ms\n", (double)values[ROUNDS / 2] / 1e6, (double)values[ROUNDS - 1] / 1e6);
    return values[ROUNDS / 2];
}

static clockid_t shard_clock;

static uint64_t shard_cpu(void)
{
    struct timespec t;
    clock_gettime(shard_clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static int pipe_ends[2];
static uint64_t latencies[ROUNDS];

/* From another thread: the time of writing, as the bytes. */
static void *write_times(void *arg UNUSED)
{
    for (int i = 0; i < ROUNDS; i++) {
        usleep(3000 + (useconds_t)i * 37 % 1000);
        uint64_t now = shard_cpu();
        if (write(pipe_ends[1], &now, sizeof now) != sizeof now)
            break;
    }
    return NULL;
}

static void read_times(struct io_task *task UNUSED)
{
    struct io_fd fd;
    struct error err;
    CHECK_EQ(io_fd_open(&fd, pipe_ends[0], &err), ST_OK);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t written;
        size_t len;
        CHECK_EQ(io_read(&fd, &written, sizeof written, clock_after(10 * NS_PER_SECOND), &len, &err), ST_OK);
        latencies[i] = NOW - written;
    }
    io_fd_close(&fd);
    over = true;
}

static void event_main(struct io_task *self UNUSED)
{
    pthread_t writer;
    CHECK_EQ(pthread_getcpuclockid(pthread_self(), &shard_clock), 0);
    CHECK_EQ(pipe(pipe_ends), 0);
    over = false;
    until = CLOCK_NEVER;
    CHECK(start_task(&tasks[0], spin_task));
    CHECK(start_task(&tasks[1], read_times));
    CHECK_EQ(pthread_create(&writer, NULL, write_times, NULL), 0);
    CHECK(join_task(&tasks[0]));
    CHECK(join_task(&tasks[1]));
    pthread_join(writer, NULL);
    close(pipe_ends[1]);
    CHECK(median(latencies) < 2 * NS_PER_MS);
}

TEST(a_new_event_interrupts)
{
    on_ticking_shard(event_main);
}

/* The ticker does not queue for a core behind shards that compute, where it may have its way. */
static atomic_int ticker_policy;

static void tick_and_look(void *env)
{
    atomic_store(&ticker_policy, sched_getscheduler(0));
    tick(env);
}

static void *try_real_time(void *ret_policy)
{
    const struct sched_param lowest = {.sched_priority = 1};
    bool permitted = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0;
    *(int *)ret_policy = permitted ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER | SCHED_RESET_ON_FORK;
    return NULL;
}

static void short_spin_main(struct io_task *self UNUSED)
{
    over = false;
    CHECK_EQ(spin(&over, NOW + 20 * NS_PER_MS), ST_OK);
}

TEST(the_ticker_goes_before_others)
{
    int expected = -1;
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, try_real_time, &expected), 0);
    pthread_join(thread, NULL);
    atomic_store(&ticker_policy, -1);
    io_set_tick_hook(tick_and_look, NULL);
    on_shard(short_spin_main);
    io_set_tick_hook(NULL, NULL);
    CHECK_EQ(atomic_load(&ticker_policy), expected);
    CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
}

struct timed_message {
    struct io_message message;
    uint64_t posted;
};
static struct timed_message messages[ROUNDS];
static int arrived;

static void message_arrives(struct io_message *message)
{
    struct timed_message *timed = CONTAINER_OF(message, struct timed_message, message);
    latencies[arrived++] = NOW - timed->posted;
    over = arrived == ROUNDS;
}

static void *post_times(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        usleep(3000 + (useconds_t)i * 37 % 1000);
        messages[i] = (struct timed_message){{.run = message_arrives}, shard_cpu()};
        io_post(arg, &messages[i].message);
    }
    return NULL;
}

static void message_main(struct io_task *self UNUSED)
{
    pthread_t poster;
    CHECK_EQ(pthread_getcpuclockid(pthread_self(), &shard_clock), 0);
    over = false;
    until = CLOCK_NEVER;
    arrived = 0;
    CHECK_EQ(pthread_create(&poster, NULL, post_times, io_shard_current()), 0);
    CHECK_EQ(spin(&over, until), ST_OK);
    pthread_join(poster, NULL);
    CHECK_EQ(arrived, ROUNDS);
    CHECK(median(latencies) < 2 * NS_PER_MS);
}

TEST(a_message_interrupts)
{
    on_ticking_shard(message_main);
}

static void cancel_spinner(struct io_timer *timer UNUSED)
{
    io_task_cancel(&tasks[0]);
}

static void cancel_main(struct io_task *self UNUSED)
{
    struct io_timer timer;
    over = false;
    until = CLOCK_NEVER;
    io_timer_init(&timer, cancel_spinner);
    io_timer_arm(&timer, clock_after(5 * NS_PER_MS)); /* fires although a guest computes */
    uint64_t began = NOW;
    CHECK(start_task(&tasks[0], spin_task));
    CHECK(join_task(&tasks[0]));
    CHECK_EQ(results[0], ST_CANCELLED);
    CHECK(NOW - began < 500 * NS_PER_MS);
}

TEST(a_cancelled_guest_ends)
{
    on_ticking_shard(cancel_main);
}

static void masked_spin(struct io_task *task)
{
    io_cancel_mask(task);
    io_task_cancel(task);
    results[0] = spin(&over, NOW + 10 * NS_PER_MS);
    io_cancel_unmask(task);
    results[1] = spin(&over, NOW + NS_PER_SECOND);
}

static void masked_main(struct io_task *self UNUSED)
{
    over = false;
    CHECK(start_task(&tasks[0], masked_spin));
    CHECK(join_task(&tasks[0]));
    CHECK_EQ(results[0], ST_OK); /* a destructor in a cleanup section runs to its end */
    CHECK_EQ(results[1], ST_CANCELLED);
}

TEST(a_masked_guest_goes_on)
{
    on_ticking_shard(masked_main);
}

/* --- when the ticker does not tick ------------------------------------------------------------------------------------------- */

static void quiet_main(struct io_task *self UNUSED)
{
    over = false;
    uint64_t before = atomic_load(&epoch);
    CHECK_EQ(io_sleep_until(clock_after(30 * NS_PER_MS)), ST_OK);
    CHECK_EQ(atomic_load(&epoch), before);
    CHECK_EQ(spin(&over, NOW + 10 * NS_PER_MS), ST_OK);

    io_guest_enter(); /* a guest that waits in a host call is not inside */
    CHECK_EQ(io_sleep_until(clock_after(5 * NS_PER_MS)), ST_OK);
    before = atomic_load(&epoch);
    CHECK_EQ(io_sleep_until(clock_after(30 * NS_PER_MS)), ST_OK);
    CHECK(atomic_load(&epoch) <= before + 1);
    io_guest_leave();
    CHECK_EQ(io_preempt(), ST_OK);
}

TEST(no_ticks_without_a_computing_guest)
{
    on_ticking_shard(quiet_main);
}

/* Entries that are short: the ticker is awake, but has nobody to interrupt. A busy machine may stop us inside one and make it look
 * long, but hardly every time. */
static uint64_t ticks_during_short_entries(void)
{
    uint64_t before = atomic_load(&epoch);
    for (uint64_t end = clock_after(50 * NS_PER_MS); clock_now() < end;) {
        io_guest_enter();
        io_guest_leave();
    }
    return atomic_load(&epoch) - before;
}

static void short_main(struct io_task *self UNUSED)
{
    uint64_t fewest = UINT64_MAX;
    for (int i = 0; i < 10 && fewest >= 10; i++)
        fewest = MIN(fewest, ticks_during_short_entries());
    CHECK(fewest < 10);
}

TEST(short_entries_are_not_interrupted)
{
    on_ticking_shard(short_main);
}

/* The ticker goes to sleep about 10 ms after the last guest: an entry at that very moment must wake it or keep it up. */
static void wakes_main(struct io_task *self UNUSED)
{
    unsigned missed = 0;
    over = false;
    for (int i = 0; i < 60; i++) {
        CHECK_EQ(io_sleep_until(clock_after((9000 + (uint64_t)i * 97 % 4000) * NS_PER_US)), ST_OK);
        uint64_t before = atomic_load(&epoch), give_up = clock_after(2 * NS_PER_SECOND);
        io_guest_enter();
        while (atomic_load(&epoch) == before && clock_now() < give_up)
            ;
        io_guest_leave();
        missed += atomic_load(&epoch) == before;
    }
    CHECK_EQ(missed, 0);
}

TEST(the_ticker_never_oversleeps)
{
    on_ticking_shard(wakes_main);
}

/* Preempted work does not hold up the rest of its own account. */
static uint64_t waited_for_start, start_began;

static void note_start(struct io_task *task UNUSED)
{
    waited_for_start = NOW - start_began;
    over = true;
}

static void start_beside_main(struct io_task *self UNUSED)
{
    over = false;
    until = NOW + 5 * NS_PER_SECOND;
    for (int i = 0; i < 3; i++)
        CHECK(start_task(&tasks[i], spin_task));
    CHECK_EQ(io_sleep_until(clock_after(20 * NS_PER_MS)), ST_OK);
    start_began = NOW;
    CHECK(start_task(&tasks[3], note_start));
    for (int i = 0; i < 4; i++)
        CHECK(join_task(&tasks[i]));
    CHECK(waited_for_start < 100 * NS_PER_MS);
}

TEST(starts_go_before_spent_guests)
{
    on_ticking_shard(start_beside_main);
}

/* However long the slice was. */
static struct io_event woken_event;
static int first_to_run;

static void wait_and_note(struct io_task *task UNUSED)
{
    if (io_wait(&woken_event, CLOCK_NEVER) == ST_OK && !first_to_run)
        first_to_run = 1;
}

static void long_slice(struct io_task *task UNUSED)
{
    io_guest_enter();
    for (uint64_t end = clock_after(10 * NS_PER_MS); clock_now() < end;)
        ;
    io_event_set(&woken_event);
    results[0] = io_preempt();
    if (!first_to_run)
        first_to_run = 2;
    io_guest_leave();
}

static void woken_first_main(struct io_task *self UNUSED)
{
    first_to_run = 0;
    io_event_init(&woken_event);
    CHECK(start_task(&tasks[1], wait_and_note));
    while (list_empty(&woken_event.waiters))
        io_yield();
    CHECK(start_task(&tasks[0], long_slice));
    CHECK(join_task(&tasks[0]));
    CHECK(join_task(&tasks[1]));
    CHECK_EQ(first_to_run, 1);
}

TEST(woken_tasks_go_before_spent_guests)
{
    on_ticking_shard(woken_first_main);
}

/* The hook interrupts all shards' guests; one that has only begun, and for whose shard nothing came, keeps running. */
static unsigned other_turns;

static void take_turns(struct io_task *task UNUSED)
{
    while (!over) {
        other_turns++;
        io_yield();
    }
}

static void not_meant_main(struct io_task *self UNUSED)
{
    unsigned kept = 0;
    over = false;
    other_turns = 0;
    CHECK(start_task(&tasks[0], take_turns));
    for (int i = 0; i < 100; i++) {
        io_yield();
        unsigned before = other_turns;
        io_guest_enter();
        CHECK_EQ(io_preempt(), ST_OK);
        io_guest_leave();
        kept += other_turns == before;
    }
    over = true;
    CHECK(join_task(&tasks[0]));
    CHECK(kept > 50); /* not all: the machine may stop us for a while */
}

TEST(an_interrupt_for_another_shard)
{
    on_ticking_shard(not_meant_main);
}

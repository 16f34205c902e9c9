#include "coro_suite.h"
#include "base/mem.h"
#include "tap.h"
#include <pthread.h>
#include <unistd.h>

/* Statics are the tests' stage: each case sets what it uses. */

#define MS NS_PER_MS

static size_t stack_size(const struct coro_suite *suite)
{
    return suite->stack_size ? suite->stack_size : (size_t)256 << 10;
}

/* ThreadSanitizer maps a megabyte and more for each. */
static unsigned many(const struct coro_suite *suite)
{
#ifdef __SANITIZE_THREAD__
    return MIN(suite->many ? suite->many : 10000, 1000);
#else
    return suite->many ? suite->many : 10000;
#endif
}

/* xorshift: the same order in every run. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void shuffle(unsigned *items, unsigned count, uint32_t seed)
{
    for (unsigned i = 0; i < count; i++)
        items[i] = i;
    for (unsigned i = count; i > 1; i--) {
        unsigned other = next_random(&seed) % i, kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

/* --- a shard for one case ---------------------------------------------------------------------------------------------------- */

static struct io_shard *shard;
static struct io_task main_task;

struct boot {
    struct io_message message;
    void (*main)(struct io_task *task);
    bool started;
};

static void main_done(struct io_task *task UNUSED)
{
    io_shard_stop(io_shard_current());
}

static void boot_run(struct io_message *message)
{
    struct boot *boot = CONTAINER_OF(message, struct boot, message);
    struct error err;
    if (io_task_start(&main_task, boot->main, NULL, 0, &err) != ST_OK) {
        tap_fail(__FILE__, __LINE__, "start the main task: %s", err.message);
        io_shard_stop(io_shard_current());
        return;
    }
    main_task.on_done = main_done;
}

bool coro_suite_run(const struct coro_suite *suite, void (*main)(struct io_task *task), unsigned max_coroutines, unsigned reserve)
{
    struct error err;
    struct boot boot = {.message.run = boot_run, .main = main};
    const struct io_shard_options options = {.coro_ops = suite->ops,
                                             .coro_env = suite->env,
                                             .stack_size = stack_size(suite),
                                             .max_coroutines = max_coroutines,
                                             .reserve = reserve,
                                             .cpu = -1};
    if (io_shard_new(0, &options, &shard, &err) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "make a shard: %s", err.message);
    io_post(shard, &boot.message);
    io_shard_run(shard);
    io_shard_free(shard);
    return true;
}

static bool start(struct io_task *task, void (*run)(struct io_task *), struct io_account *account)
{
    struct error err;
    return io_task_start(task, run, account, 0, &err) == ST_OK || tap_fail(__FILE__, __LINE__, "start a task: %s", err.message);
}

static bool join(struct io_task *task)
{
    return io_wait(&task->done, CLOCK_NEVER) == ST_OK;
}

/* Lets the others go until it holds, or fails. */
#define UNTIL(condition)                                                                                                           \
    do {                                                                                                                           \
        for (uint64_t give_up = clock_after(20 * NS_PER_SECOND); !(condition);) {                                                  \
            CHECK(clock_now() < give_up);                                                                                          \
            io_yield();                                                                                                            \
        }                                                                                                                          \
    } while (0)

static void burn(uint64_t ns)
{
    for (uint64_t end = clock_now() + ns; clock_now() < end;)
        ;
}

/* --- coroutines alone -------------------------------------------------------------------------------------------------------- */

struct counting_job {
    int steps, parks;
};

static void count_and_park(void *arg)
{
    struct counting_job *job = arg;
    for (int i = 0; i < job->parks; i++) {
        job->steps++;
        coro_park();
    }
    job->steps += 100;
}

void coro_suite_jobs(const struct coro_suite *suite)
{
    struct coro_pool pool;
    struct coro *first, *again;
    struct counting_job twice = {.parks = 2}, at_once = {.parks = 0};
    coro_pool_init(&pool, suite->ops, suite->env, stack_size(suite), 2);
    CHECK(coro_take(&pool, &first, NULL) == ST_OK);
    CHECK(!coro_current());
    CHECK(!coro_run(first, count_and_park, &twice));
    CHECK_EQ(twice.steps, 1);
    CHECK(!coro_resume(first));
    CHECK_EQ(twice.steps, 2);
    CHECK(coro_resume(first));
    CHECK_EQ(twice.steps, 102);
    CHECK_EQ(pool.idle_count, 1);
    CHECK(coro_take(&pool, &again, NULL) == ST_OK);
    CHECK(again == first); /* the next job runs on the same stack */
    CHECK(coro_run(again, count_and_park, &at_once));
    CHECK_EQ(at_once.steps, 100);
    coro_pool_release(&pool);
    CHECK_EQ(pool.count, 0);
}

void coro_suite_pool_bound_and_trim(const struct coro_suite *suite)
{
    struct coro_pool pool;
    struct coro *taken[4], *extra;
    struct counting_job jobs[4];
    struct error err;
    coro_pool_init(&pool, suite->ops, suite->env, stack_size(suite), 4);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct counting_job){.parks = 1};
        CHECK(coro_take(&pool, &taken[i], NULL) == ST_OK);
        CHECK(!coro_run(taken[i], count_and_park, &jobs[i]));
    }
    CHECK_EQ(coro_take(&pool, &extra, &err), ST_LIMIT);
    for (int i = 0; i < 4; i++)
        CHECK(coro_resume(taken[i]));
    CHECK_EQ(pool.idle_count, 4);
    coro_pool_trim(&pool, 1);
    CHECK_EQ(pool.count, 1);
    CHECK(coro_take(&pool, &extra, NULL) == ST_OK);
    CHECK(extra == taken[3]); /* the one used last is kept */
    CHECK(coro_run(extra, count_and_park, &(struct counting_job){0}));
    coro_pool_release(&pool);
}

static size_t left_outside, left_above, left_below;

__attribute__((noinline)) static size_t measure_below(size_t bytes)
{
    volatile char block[1024];
    block[0] = 1;
    size_t left = bytes > sizeof block ? measure_below(bytes - sizeof block) : coro_stack_left();
    return left + (size_t)block[0] - 1;
}

static void measure_stack(void *arg UNUSED)
{
    left_above = coro_stack_left();
    left_below = measure_below(32 << 10);
}

void coro_suite_stack_left(const struct coro_suite *suite)
{
    struct coro_pool pool;
    struct coro *coro;
    coro_pool_init(&pool, suite->ops, suite->env, stack_size(suite), 1);
    CHECK(coro_take(&pool, &coro, NULL) == ST_OK);
    left_outside = coro_stack_left();
    CHECK(coro_run(coro, measure_stack, NULL));
    size_t whole = coro->stack_size;
    coro_pool_release(&pool);
    CHECK(left_outside == SIZE_MAX);
    CHECK(left_above <= whole && left_above > whole - (16 << 10));
    CHECK(left_below <= left_above - (32 << 10));
    CHECK(left_below + (160 << 10) > left_above); /* sanitizers pad frames */
}

struct stacked_job {
    struct coro *coro;
    uint32_t seed;
    unsigned rounds;
    bool intact;
};

/* Fills its stack, parks, and looks whether it is all still there. */
static void guard_stack(void *arg)
{
    struct stacked_job *job = arg;
    volatile uint32_t words[256];
    uint32_t state = job->seed;
    job->intact = true;
    for (unsigned round = 0; round < job->rounds; round++) {
        uint32_t began = state;
        for (int i = 0; i < 256; i++)
            words[i] = next_random(&state);
        coro_park();
        for (int i = 0; i < 256; i++)
            job->intact &= words[i] == next_random(&began);
    }
}

void coro_suite_many_in_random_order(const struct coro_suite *suite)
{
    enum { ROUNDS = 3 };
    unsigned count = many(suite), failed = 0, ended = 0;
    struct coro_pool pool;
    autofree struct stacked_job *jobs = mem_array(count, sizeof *jobs);
    autofree unsigned *order = mem_array(count, sizeof *order);
    coro_pool_init(&pool, suite->ops, suite->env, stack_size(suite), count);
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = (struct stacked_job){.seed = i * 2654435761u + 1, .rounds = ROUNDS};
        CHECK(coro_take(&pool, &jobs[i].coro, NULL) == ST_OK);
        CHECK(!coro_run(jobs[i].coro, guard_stack, &jobs[i]));
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        shuffle(order, count, round + 1);
        for (unsigned i = 0; i < count; i++)
            ended += coro_resume(jobs[order[i]].coro);
    }
    for (unsigned i = 0; i < count; i++)
        failed += !jobs[i].intact;
    coro_pool_release(&pool);
    CHECK_EQ(ended, count);
    CHECK_EQ(failed, 0);
}

/* --- waits ------------------------------------------------------------------------------------------------------------------- */

static struct io_event event, other_event;
static struct io_task tasks[8];
static enum status results[8];
static int woken;

static size_t index_of(const struct io_task *task)
{
    return (size_t)(task - tasks);
}

static void wait_for_event(struct io_task *task)
{
    results[index_of(task)] = io_wait(&event, CLOCK_NEVER);
    woken++;
}

static size_t waiters_of(const struct io_event *waited)
{
    size_t count = 0;
    for (const struct list *link = waited->waiters.next; link != &waited->waiters; link = link->next)
        count++;
    return count;
}

static void wait_levels_main(struct io_task *self UNUSED)
{
    woken = 0;
    io_event_init(&event);
    io_event_set(&event);
    CHECK_EQ(io_wait(&event, CLOCK_NEVER), ST_OK);
    CHECK_EQ(io_wait(&event, 0), ST_OK); /* still set; a deadline in the past does not matter */
    io_event_clear(&event);
    CHECK_EQ(io_wait(&event, 0), ST_TIMEOUT);
    for (int i = 0; i < 4; i++)
        CHECK(start(&tasks[i], wait_for_event, NULL));
    UNTIL(waiters_of(&event) == 4);
    CHECK_EQ(woken, 0);
    io_event_set(&event); /* wakes all; but it is a level, and it has gone again when they look */
    io_event_clear(&event);
    io_yield();
    io_yield();
    CHECK_EQ(woken, 0);
    io_event_set(&event);
    for (int i = 0; i < 4; i++) {
        CHECK(join(&tasks[i]));
        CHECK_EQ(results[i], ST_OK);
    }
    CHECK_EQ(woken, 4);
    CHECK(list_empty(&event.waiters));
}

void coro_suite_wait_levels(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, wait_levels_main, 0, 0));
}

static void wait_outside(struct io_timer *timer UNUSED)
{
    struct error err;
    results[0] = io_wait(&event, CLOCK_NEVER);
    results[1] = io_sleep_until(clock_after(MS));
    results[2] = io_offload((void (*)(void *))abort, NULL, &err);
    io_yield();
    io_event_set(&other_event);
}

static void wait_outside_main(struct io_task *self UNUSED)
{
    struct io_timer timer;
    io_event_init(&event);
    io_event_init(&other_event);
    io_timer_init(&timer, wait_outside);
    io_timer_arm(&timer, io_now());
    CHECK_EQ(io_wait(&other_event, CLOCK_NEVER), ST_OK);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(results[i], ST_INTERNAL);
}

void coro_suite_wait_outside_a_task(const struct coro_suite *suite)
{
    struct error err;
    CHECK_EQ(io_wait(&event, CLOCK_NEVER), ST_INTERNAL);
    CHECK_EQ(io_task_start(&tasks[0], wait_for_event, NULL, 0, &err), ST_INTERNAL);
    CHECK(coro_suite_run(suite, wait_outside_main, 0, 0));
}

static void wait_timeout_main(struct io_task *self UNUSED)
{
    io_event_init(&event);
    CHECK_EQ(io_wait(&event, io_now()), ST_TIMEOUT);
    /* Each wait needs another deadline: later, earlier, none, and earlier than the timer that an old wait left behind. */
    static const unsigned delays_ms[] = {3, 6, 2, 50, 1};
    for (size_t i = 0; i < ARRAY_LEN(delays_ms); i++) {
        uint64_t deadline = clock_after(delays_ms[i] * MS);
        if (delays_ms[i] == 50)
            deadline = clock_after(5 * MS);
        CHECK_EQ(io_wait(&event, deadline), ST_TIMEOUT);
        CHECK(clock_now() >= deadline);
        CHECK(io_now() >= deadline);
        CHECK(clock_now() < deadline + 500 * MS);
    }
    CHECK(list_empty(&event.waiters));
}

void coro_suite_wait_timeout(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, wait_timeout_main, 0, 0));
}

/* --- races ------------------------------------------------------------------------------------------------------------------- */

/* What happens to the waiting task at one moment: any mixture, in any order. */
enum { SET = 1, CANCEL = 2 };
static struct {
    struct io_timer timer;
    unsigned actions;
    struct io_task *victim;
} race;

static void race_fire(struct io_timer *timer UNUSED)
{
    if (race.actions & CANCEL)
        io_task_cancel(race.victim);
    if (race.actions & SET)
        io_event_set(&event);
}

static uint64_t race_deadline;

static void race_wait(struct io_task *task)
{
    results[index_of(task)] = io_wait(&event, race_deadline);
}

/* A timer does `actions` at the moment when the wait's deadline comes, and the loop gets to both in one turn. timer_first: the
 * timer is armed (and so may fire) before the wait's own. False when the machine was too slow to be waiting before that moment. */
static bool try_race(bool timer_first, bool has_deadline, uint64_t delay_ns)
{
    uint64_t moment = clock_after(delay_ns);
    io_event_init(&event);
    race_deadline = has_deadline ? moment : CLOCK_NEVER;
    io_timer_init(&race.timer, race_fire);
    if (timer_first)
        io_timer_arm(&race.timer, moment);
    if (!start(&tasks[0], race_wait, NULL))
        return true;
    while (list_empty(&event.waiters) && !tasks[0].done.set)
        io_yield();
    if (!timer_first)
        io_timer_arm(&race.timer, moment);
    bool in_time = !tasks[0].done.set && io_now() < moment;
    while (clock_now() <= moment)
        ; /* the loop comes late: everything is due at once */
    return join(&tasks[0]) && in_time;
}

static enum status run_race(unsigned actions, bool timer_first, bool has_deadline)
{
    race.actions = actions;
    race.victim = &tasks[0];
    for (uint64_t delay = 2 * MS; delay < NS_PER_SECOND; delay *= 2)
        if (try_race(timer_first, has_deadline, delay))
            return results[0];
    return ST_INTERNAL;
}

static void timeout_race_main(struct io_task *self UNUSED)
{
    for (int order = 0; order < 2; order++) {
        CHECK_EQ(run_race(0, order, true), ST_TIMEOUT);
        CHECK_EQ(run_race(SET, order, true), ST_OK);
        CHECK_EQ(run_race(SET, order, false), ST_OK);
    }
}

void coro_suite_timeout_races_completion(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, timeout_race_main, 0, 0));
}

static void cancel_race_main(struct io_task *self UNUSED)
{
    for (int order = 0; order < 2; order++) {
        CHECK_EQ(run_race(CANCEL, order, false), ST_CANCELLED);
        CHECK_EQ(run_race(CANCEL, order, true), ST_CANCELLED);
        CHECK_EQ(run_race(CANCEL | SET, order, false), ST_OK);
        CHECK_EQ(run_race(CANCEL | SET, order, true), ST_OK);
        CHECK(tasks[0].cancelled); /* sticky: its next wait would have said so */
    }
    io_task_cancel(&tasks[0]); /* harmless when done */
}

void coro_suite_cancel_races_both(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, cancel_race_main, 0, 0));
}

static void masked_waits(struct io_task *task)
{
    io_cancel_mask(task);
    results[0] = io_wait(&event, CLOCK_NEVER);
    results[1] = io_sleep_until(clock_after(MS));
    io_cancel_mask(task);
    io_cancel_unmask(task); /* masks nest */
    results[2] = io_wait(&other_event, clock_after(MS));
    io_cancel_unmask(task);
    results[3] = io_wait(&other_event, CLOCK_NEVER);
    results[4] = io_sleep_until(CLOCK_NEVER);
    io_task_uncancel(task);
    results[5] = io_wait(&other_event, clock_after(MS));
}

static void cancel_masked_main(struct io_task *self UNUSED)
{
    io_event_init(&event);
    io_event_init(&other_event);
    CHECK(start(&tasks[0], masked_waits, NULL));
    UNTIL(waiters_of(&event) == 1);
    io_task_cancel(&tasks[0]);
    io_yield();
    io_yield();
    CHECK(!tasks[0].done.set);
    io_event_set(&event);
    CHECK(join(&tasks[0]));
    static const enum status expected[] = {ST_OK, ST_OK, ST_TIMEOUT, ST_CANCELLED, ST_CANCELLED, ST_TIMEOUT};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        CHECK_EQ(results[i], expected[i]);
}

void coro_suite_cancel_masked(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, cancel_masked_main, 0, 0));
}

static void note_cancelled(struct io_task *task)
{
    results[index_of(task)] = task->cancelled ? io_wait(&event, CLOCK_NEVER) : ST_OK;
    woken++;
}

/* A task that was started always runs, cancelled or not: whoever started it counts on its cleaning up. */
static void cancel_before_start_main(struct io_task *self UNUSED)
{
    struct io_account account;
    io_account_init(&account, "one at a time");
    account.max_running = 1;
    io_event_init(&event);
    woken = 0;
    for (int i = 0; i < 3; i++)
        CHECK(start(&tasks[i], note_cancelled, &account));
    CHECK_EQ(account.queued, 2);
    io_task_cancel(&tasks[0]);
    io_task_cancel(&tasks[2]);
    CHECK_EQ(woken, 0);
    CHECK_EQ(io_account_drain(&account, CLOCK_NEVER), ST_OK);
    CHECK_EQ(woken, 3);
    CHECK_EQ(results[0], ST_CANCELLED);
    CHECK_EQ(results[1], ST_OK);
    CHECK_EQ(results[2], ST_CANCELLED);
}

void coro_suite_cancel_before_start(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, cancel_before_start_main, 0, 0));
}

/* --- several events ---------------------------------------------------------------------------------------------------------- */

enum { MOST_EVENTS = 300 };
static struct io_event events[MOST_EVENTS];
static struct io_event *event_list[MOST_EVENTS];
static size_t event_count;

static void init_events(size_t count)
{
    event_count = count;
    for (size_t i = 0; i < count; i++) {
        io_event_init(&events[i]);
        event_list[i] = &events[i];
    }
}

static bool no_waiters(void)
{
    for (size_t i = 0; i < event_count; i++)
        if (!list_empty(&events[i].waiters))
            return false;
    return true;
}

static void wait_for_any(struct io_task *task)
{
    results[index_of(task)] = io_wait_any(event_list, event_count, race_deadline);
}

static bool any_wakes(size_t which)
{
    if (!start(&tasks[0], wait_for_any, NULL))
        return false;
    while (list_empty(&events[which].waiters) && !tasks[0].done.set)
        io_yield();
    bool was_waiting = !tasks[0].done.set;
    io_event_set(&events[which]);
    bool ended = join(&tasks[0]) && results[0] == ST_OK;
    io_event_clear(&events[which]);
    return was_waiting && ended && no_waiters();
}

static void wait_any_main(struct io_task *self UNUSED)
{
    race_deadline = CLOCK_NEVER;
    init_events(3);
    for (size_t i = 0; i < 3; i++)
        CHECK(any_wakes(i));
    io_event_set(&events[2]);
    CHECK_EQ(io_wait_any(event_list, 3, 0), ST_OK);
    io_event_clear(&events[2]);
    CHECK_EQ(io_wait_any(event_list, 3, clock_after(MS)), ST_TIMEOUT);
    CHECK(no_waiters());
    event_list[1] = event_list[0]; /* the same one twice */
    CHECK(any_wakes(0));
    CHECK_EQ(io_wait_any(event_list, 3, clock_after(MS)), ST_TIMEOUT);
    CHECK(no_waiters());
    CHECK(start(&tasks[0], wait_for_any, NULL));
    UNTIL(waiters_of(&events[0]) > 0);
    io_task_cancel(&tasks[0]);
    CHECK(join(&tasks[0]));
    CHECK_EQ(results[0], ST_CANCELLED);
    CHECK(no_waiters());
    CHECK_EQ(io_wait_any(NULL, 0, clock_after(MS)), ST_TIMEOUT);
}

void coro_suite_wait_any_of_several(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, wait_any_main, 0, 0));
}

static void wait_many_main(struct io_task *self UNUSED)
{
    race_deadline = CLOCK_NEVER;
    for (size_t count = 8; count <= MOST_EVENTS; count += 73) {
        init_events(count);
        CHECK(any_wakes(0));
        CHECK(any_wakes(count - 1));
        CHECK(any_wakes(count / 2));
        CHECK_EQ(io_wait_any(event_list, count, clock_after(MS)), ST_TIMEOUT);
        CHECK(no_waiters());
    }
}

void coro_suite_wait_any_of_many(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, wait_many_main, 0, 0));
}

/* Many tasks wait for random sets of random events with random deadlines, while others set, clear and cancel: each result must be
 * explained by what the task sees when it returns. */
enum { RANDOM_EVENTS = 16, RANDOM_TASKS = 32, RANDOM_ROUNDS = 300 };
static struct io_task random_tasks[RANDOM_TASKS];
static uint32_t random_state;
static unsigned wrong, oks, timeouts, cancels;

static void judge(struct io_task *task, enum status status, struct io_event *const *waited, size_t count, uint64_t deadline)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= waited[i]->set;
    oks += status == ST_OK;
    timeouts += status == ST_TIMEOUT;
    cancels += status == ST_CANCELLED;
    if (any)
        wrong += status != ST_OK;
    else if (task->cancelled)
        wrong += status != ST_CANCELLED;
    else
        wrong += status != ST_TIMEOUT || io_now() < deadline;
}

static void random_task(struct io_task *task)
{
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        struct io_event *waited[12];
        size_t count = next_random(&random_state) % 12;
        for (size_t i = 0; i < count; i++)
            waited[i] = &events[next_random(&random_state) % RANDOM_EVENTS];
        uint64_t deadline = io_now() + next_random(&random_state) % (200 * NS_PER_US);
        judge(task, io_wait_any(waited, count, deadline), waited, count, deadline);
        if (task->cancelled)
            io_task_uncancel(task);
        struct io_event *touched = &events[next_random(&random_state) % RANDOM_EVENTS];
        switch (next_random(&random_state) % 8) {
        case 0:
            io_task_cancel(&random_tasks[next_random(&random_state) % RANDOM_TASKS]);
            break;
        case 1:
        case 2:
            io_event_set(touched);
            break;
        case 3:
            io_yield();
            break;
        default:
            io_event_clear(touched);
        }
    }
}

static void waits_at_random_main(struct io_task *self UNUSED)
{
    random_state = 12345;
    wrong = oks = timeouts = cancels = 0;
    init_events(RANDOM_EVENTS);
    for (int i = 0; i < RANDOM_TASKS; i++)
        CHECK(start(&random_tasks[i], random_task, NULL));
    for (int i = 0; i < RANDOM_TASKS; i++)
        CHECK(join(&random_tasks[i]));
    CHECK_EQ(wrong, 0);
    CHECK_EQ(oks + timeouts + cancels, RANDOM_TASKS * RANDOM_ROUNDS);
    CHECK(oks > 100 && timeouts > 100 && cancels > 100);
    CHECK(no_waiters());
}

void coro_suite_waits_at_random(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, waits_at_random_main, 0, 0));
}

static void sleep_one(struct io_task *task)
{
    uint64_t deadline = race_deadline + (8 - index_of(task)) * MS;
    results[index_of(task)] = io_sleep_until(deadline);
    if (io_now() < deadline)
        results[index_of(task)] = ST_INTERNAL;
    tasks[index_of(task)].flags = (unsigned)woken++; /* its place in the order */
}

static void sleeps_main(struct io_task *self UNUSED)
{
    woken = 0;
    CHECK_EQ(io_sleep_until(0), ST_OK);
    race_deadline = clock_after(100 * MS); /* later than the last of them starts */
    for (int i = 0; i < 8; i++)
        CHECK(start(&tasks[i], sleep_one, NULL));
    for (int i = 0; i < 8; i++) {
        CHECK(join(&tasks[i]));
        CHECK_EQ(results[i], ST_OK);
        CHECK_EQ(tasks[i].flags, 7 - i); /* the shortest first */
    }
}

void coro_suite_sleeps(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, sleeps_main, 0, 0));
}

/* --- the run queue ----------------------------------------------------------------------------------------------------------- */

static bool message_ran;

static void message_run(struct io_message *message UNUSED)
{
    message_ran = true;
}

static void yield_three_times(struct io_task *task)
{
    for (int i = 0; i < 3; i++) {
        results[woken++] = (enum status)index_of(task);
        io_yield();
    }
}

static void yield_main(struct io_task *self UNUSED)
{
    struct io_message message = {.run = message_run};
    message_ran = false;
    io_post(shard, &message);
    CHECK(!message_ran);
    io_yield();
    CHECK(message_ran); /* the loop has looked at its inbox, and so at its events */
    woken = 0;
    CHECK(start(&tasks[0], yield_three_times, NULL));
    CHECK(start(&tasks[1], yield_three_times, NULL));
    CHECK(join(&tasks[0]));
    CHECK(join(&tasks[1]));
    for (int i = 0; i < 6; i++)
        CHECK_EQ(results[i], i % 2); /* they take turns */
}

void coro_suite_yield_lets_others_go(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, yield_main, 0, 0));
}

static int order[8];
static int order_len;

static void note_order(struct io_task *task)
{
    order[order_len++] = (int)index_of(task);
}

static void wait_then_note(struct io_task *task)
{
    if (io_wait(&event, CLOCK_NEVER) == ST_OK)
        note_order(task);
}

static void resumes_first_main(struct io_task *self UNUSED)
{
    order_len = 0;
    io_event_init(&event);
    CHECK(start(&tasks[0], wait_then_note, NULL));
    UNTIL(waiters_of(&event) == 1);
    CHECK(start(&tasks[1], note_order, NULL));
    CHECK(start(&tasks[2], note_order, NULL));
    io_event_set(&event);
    for (int i = 0; i < 3; i++)
        CHECK(join(&tasks[i]));
    CHECK_EQ(order[0], 0);
    CHECK_EQ(order[1], 1);
    CHECK_EQ(order[2], 2);
}

void coro_suite_resumes_before_starts(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, resumes_first_main, 0, 0));
}

static bool ping_pong_over;

/* Two tasks that wake each other for ever: the account always has a task to resume. */
static void ping_pong(struct io_task *task)
{
    struct io_event *mine = index_of(task) == 0 ? &event : &other_event, *theirs = index_of(task) == 0 ? &other_event : &event;
    while (!ping_pong_over) {
        io_event_set(theirs);
        if (io_wait(mine, CLOCK_NEVER) != ST_OK)
            return;
        io_event_clear(mine);
        burn(20 * NS_PER_US);
    }
    io_event_set(theirs);
}

static void starts_not_starved_main(struct io_task *self UNUSED)
{
    ping_pong_over = false;
    order_len = 0;
    io_event_init(&event);
    io_event_init(&other_event);
    CHECK(start(&tasks[0], ping_pong, NULL));
    CHECK(start(&tasks[1], ping_pong, NULL));
    CHECK_EQ(io_sleep_until(clock_after(5 * MS)), ST_OK);
    uint64_t began = clock_now();
    CHECK(start(&tasks[2], note_order, NULL));
    bool started = io_wait(&tasks[2].done, clock_after(1000 * MS)) == ST_OK;
    uint64_t took = clock_now() - began;
    ping_pong_over = true;
    CHECK(join(&tasks[0]));
    CHECK(join(&tasks[1]));
    CHECK(started);
    CHECK(took < 200 * MS);
}

void coro_suite_starts_are_not_starved(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, starts_not_starved_main, 0, 0));
}

static uint64_t busy_until;

static void be_busy(struct io_task *task)
{
    while (io_now() < busy_until && !task->cancelled) {
        burn(50 * NS_PER_US);
        io_yield();
    }
}

static void fair_main(struct io_task *self UNUSED)
{
    struct io_account lone, crowd;
    io_account_init(&lone, "lone");
    io_account_init(&crowd, "crowd");
    busy_until = clock_after(200 * MS);
    CHECK(start(&tasks[0], be_busy, &lone));
    for (int i = 1; i < 6; i++)
        CHECK(start(&tasks[i], be_busy, &crowd));
    CHECK_EQ(io_account_drain(&lone, CLOCK_NEVER), ST_OK);
    CHECK_EQ(io_account_drain(&crowd, CLOCK_NEVER), ST_OK);
    double share = (double)lone.cpu_ns / (double)(lone.cpu_ns + crowd.cpu_ns);
    if (share < 0.4 || share > 0.6)
        tap_fail(__FILE__, __LINE__, "one task against five got %.2f of the time", share);
    CHECK(lone.cpu_ns + crowd.cpu_ns > 150 * MS);
}

void coro_suite_fair_between_accounts(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, fair_main, 0, 0));
}

/* An account that slept while another worked does not get that time back. */
static void no_credit_main(struct io_task *self UNUSED)
{
    struct io_account worker, sleeper;
    io_account_init(&worker, "worker");
    io_account_init(&sleeper, "sleeper");
    CHECK(start(&tasks[1], note_order, &sleeper));
    CHECK(join(&tasks[1]));
    busy_until = clock_after(200 * MS);
    CHECK(start(&tasks[0], be_busy, &worker));
    CHECK_EQ(io_sleep_until(clock_after(100 * MS)), ST_OK);
    uint64_t worker_before = worker.cpu_ns;
    CHECK(start(&tasks[1], be_busy, &sleeper));
    CHECK_EQ(io_account_drain(&worker, CLOCK_NEVER), ST_OK);
    CHECK_EQ(io_account_drain(&sleeper, CLOCK_NEVER), ST_OK);
    double share = (double)(worker.cpu_ns - worker_before) / (double)(worker.cpu_ns - worker_before + sleeper.cpu_ns);
    if (share < 0.25 || share > 0.75)
        tap_fail(__FILE__, __LINE__, "the worker kept %.2f of the time after the sleeper woke", share);
}

void coro_suite_idle_account_has_no_credit(const struct coro_suite *suite)
{
    order_len = 0;
    CHECK(coro_suite_run(suite, no_credit_main, 0, 0));
}

static struct io_account charged_account, plain_account;
static uint64_t plain_ns_before;

static void note_plain(struct io_task *task UNUSED)
{
    plain_ns_before = plain_account.cpu_ns;
    busy_until = 0;
}

/* What is charged counts like time used: the other account catches up first. */
static void charges_main(struct io_task *self UNUSED)
{
    io_account_init(&charged_account, "charged");
    io_account_init(&plain_account, "plain");
    io_account_charge(&charged_account, 1); /* before its first task */
    busy_until = CLOCK_NEVER;
    CHECK(start(&tasks[0], note_plain, &charged_account));
    CHECK(start(&tasks[1], be_busy, &plain_account));
    io_account_charge(&charged_account, 50 * MS);
    CHECK_EQ(charged_account.charged_ns, 50 * MS + 1);
    CHECK_EQ(io_account_drain(&charged_account, CLOCK_NEVER), ST_OK);
    CHECK_EQ(io_account_drain(&plain_account, CLOCK_NEVER), ST_OK);
    CHECK(plain_ns_before >= 49 * MS);
}

void coro_suite_charges_count(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, charges_main, 0, 0));
}

/* --- bounds ------------------------------------------------------------------------------------------------------------------ */

static unsigned running_now, running_most;

static void hold(struct io_task *task)
{
    running_now++;
    running_most = MAX(running_most, running_now);
    order[order_len++ % 8] = (int)index_of(task);
    results[0] = io_wait(&event, CLOCK_NEVER);
    running_now--;
}

static void reset_hold(void)
{
    running_now = running_most = 0;
    order_len = 0;
    io_event_init(&event);
}

static void account_bounds_main(struct io_task *self UNUSED)
{
    struct io_account account;
    struct error err;
    io_account_init(&account, "small");
    account.max_running = 2;
    account.max_queued = 3;
    reset_hold();
    for (int i = 0; i < 5; i++)
        CHECK(start(&tasks[i], hold, &account));
    CHECK_EQ(io_task_start(&tasks[5], hold, &account, 0, &err), ST_LIMIT);
    CHECK(strstr(err.message, "`small`") != NULL);
    CHECK_EQ(account.running, 2);
    CHECK_EQ(account.queued, 3);
    UNTIL(running_now == 2);
    CHECK_EQ(io_task_start(&tasks[5], hold, &account, IO_TASK_INNER, &err), ST_OK); /* never queues */
    UNTIL(running_now == 3);
    io_event_set(&event);
    CHECK_EQ(io_account_drain(&account, CLOCK_NEVER), ST_OK);
    CHECK_EQ(order_len, 6);
    static const int expected[] = {0, 1, 5, 2, 3, 4};
    for (int i = 0; i < 6; i++)
        CHECK_EQ(order[i], expected[i]);
    CHECK_EQ(account.running, 0);
    CHECK_EQ(account.queued, 0);
}

void coro_suite_account_bounds(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, account_bounds_main, 0, 0));
}

/* When the shard's bound is what they wait for, the account that has used least gets the next coroutine. */
static void shard_bound_main(struct io_task *self UNUSED)
{
    struct io_account greedy, modest;
    io_account_init(&greedy, "greedy");
    io_account_init(&modest, "modest");
    reset_hold();
    for (int i = 0; i < 6; i++)
        CHECK(start(&tasks[i], hold, &greedy));
    UNTIL(running_now == 3); /* 5 coroutines, 1 in reserve, 1 is ours */
    CHECK_EQ(greedy.queued, 3);
    io_account_charge(&greedy, 10 * MS);
    CHECK(start(&tasks[6], hold, &modest));
    CHECK_EQ(modest.queued, 1);
    io_event_set(&event);
    CHECK_EQ(io_account_drain(&modest, CLOCK_NEVER), ST_OK);
    CHECK_EQ(io_account_drain(&greedy, CLOCK_NEVER), ST_OK);
    CHECK_EQ(order_len, 7);
    CHECK_EQ(order[3], 6); /* ahead of three that had waited longer */
    CHECK(running_most <= 3);
}

void coro_suite_shard_bound_is_fair(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, shard_bound_main, 5, 1));
}

static void reserve_main(struct io_task *self UNUSED)
{
    struct error err;
    reset_hold();
    for (int i = 0; i < 4; i++)
        CHECK(start(&tasks[i], hold, NULL));
    UNTIL(running_now == 2); /* with us, 3 of 5: the reserve of 2 is untouched */
    CHECK_EQ(io_task_start(&tasks[4], hold, NULL, IO_TASK_INNER, &err), ST_OK);
    CHECK_EQ(io_task_start(&tasks[5], hold, NULL, IO_TASK_INNER, &err), ST_OK);
    CHECK_EQ(io_task_start(&tasks[6], hold, NULL, IO_TASK_INNER, &err), ST_LIMIT);
    CHECK(strstr(err.message, "5 coroutines") != NULL);
    UNTIL(running_now == 4);
    io_event_set(&event);
    for (int i = 0; i < 6; i++)
        CHECK(join(&tasks[i]));
    CHECK_EQ(order_len, 6);
}

void coro_suite_reserve_for_inner_tasks(const struct coro_suite *suite)
{
    struct io_shard *none;
    struct error err;
    CHECK(coro_suite_run(suite, reserve_main, 5, 2));
    const struct io_shard_options all_reserved = {
        .coro_ops = suite->ops, .coro_env = suite->env, .max_coroutines = 3, .reserve = 3};
    CHECK_EQ(io_shard_new(0, &all_reserved, &none, &err), ST_INVALID);
}

static void nest(struct io_task *task)
{
    size_t depth = index_of(task);
    volatile size_t here = depth;
    struct error err;
    results[depth] = ST_OK;
    if (depth + 1 < ARRAY_LEN(tasks)) {
        results[depth] = io_task_start(&tasks[depth + 1], nest, NULL, IO_TASK_INNER, &err);
        if (results[depth] == ST_OK)
            results[depth] = io_wait(&tasks[depth + 1].done, CLOCK_NEVER);
    }
    if (here != depth)
        results[depth] = ST_INTERNAL;
}

/* Each makes the next one's coroutine while it is on its own. */
static void inner_from_task_main(struct io_task *self UNUSED)
{
    CHECK(start(&tasks[0], nest, NULL));
    CHECK(join(&tasks[0]));
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
        CHECK_EQ(results[i], ST_OK);
}

void coro_suite_inner_task_from_a_task(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, inner_from_task_main, 0, 0));
}

static void freed_run(struct io_task *task UNUSED)
{
    io_yield();
}

static void freed_done(struct io_task *task)
{
    woken += task->done.set && !io_task_current();
    free(task);
}

static void done_callback_main(struct io_task *self UNUSED)
{
    woken = 0;
    for (int i = 0; i < 100; i++) {
        struct io_task *task = NEW(struct io_task);
        CHECK(start(task, freed_run, NULL));
        task->on_done = freed_done;
    }
    CHECK_EQ(io_shard_drain(CLOCK_NEVER), ST_OK);
    CHECK_EQ(woken, 100);
}

void coro_suite_done_callback_frees(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, done_callback_main, 0, 0));
}

/* --- offload ----------------------------------------------------------------------------------------------------------------- */

struct blocking {
    int pipe[2];
    atomic_bool entered, left;
    pthread_t thread;
};
static struct blocking blocking;

static void block_until_written(void *arg)
{
    struct blocking *b = arg;
    char byte;
    b->thread = pthread_self();
    atomic_store(&b->entered, true);
    if (read(b->pipe[0], &byte, 1) == 1)
        atomic_store(&b->left, true);
}

static bool blocking_init(void)
{
    blocking.entered = blocking.left = false;
    return pipe(blocking.pipe) == 0;
}

static void blocking_release(void)
{
    close(blocking.pipe[0]);
    close(blocking.pipe[1]);
}

static void offload_task(struct io_task *task)
{
    struct error err;
    results[index_of(task)] = io_offload(block_until_written, &blocking, &err);
}

static void offload_returns_main(struct io_task *self UNUSED)
{
    CHECK(blocking_init());
    CHECK(start(&tasks[0], offload_task, NULL));
    UNTIL(atomic_load(&blocking.entered)); /* the shard goes on meanwhile */
    CHECK(!tasks[0].done.set);
    CHECK_EQ(write(blocking.pipe[1], "x", 1), 1);
    CHECK(join(&tasks[0]));
    CHECK_EQ(results[0], ST_OK);
    CHECK(atomic_load(&blocking.left));
    CHECK(!pthread_equal(blocking.thread, pthread_self()));
    blocking_release();
}

void coro_suite_offload_returns(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, offload_returns_main, 0, 0));
}

/* The call waits for its function in any case; before: cancelled while it runs; after: when it has returned but is not resumed yet.
 */
static void offload_cancel_main(struct io_task *self UNUSED)
{
    for (int after = 0; after < 2; after++) {
        CHECK(blocking_init());
        CHECK(start(&tasks[0], offload_task, NULL));
        UNTIL(atomic_load(&blocking.entered));
        if (!after)
            io_task_cancel(&tasks[0]);
        for (int i = 0; i < 10; i++)
            io_yield();
        CHECK(!tasks[0].done.set);
        CHECK_EQ(write(blocking.pipe[1], "x", 1), 1);
        while (after && !atomic_load(&blocking.left))
            ;
        if (after)
            io_task_cancel(&tasks[0]);
        CHECK(join(&tasks[0]));
        CHECK(atomic_load(&blocking.left));
        CHECK_EQ(results[0], ST_CANCELLED);
        CHECK_EQ(tasks[0].cancel_masked, 0);
        blocking_release();
    }
}

void coro_suite_offload_completes_during_cancel(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, offload_cancel_main, 0, 0));
}

static void add_one(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static atomic_uint offload_sum;
static unsigned offload_failures;

static void offload_repeatedly(struct io_task *task UNUSED)
{
    struct error err;
    for (int i = 0; i < 20; i++)
        offload_failures += io_offload(add_one, &offload_sum, &err) != ST_OK;
}

static void offload_many_main(struct io_task *self UNUSED)
{
    enum { TASKS = 100 };
    autofree struct io_task *crowd = mem_array(TASKS, sizeof *crowd);
    atomic_store(&offload_sum, 0);
    offload_failures = 0;
    for (int i = 0; i < TASKS; i++)
        CHECK(start(&crowd[i], offload_repeatedly, NULL));
    for (int i = 0; i < TASKS; i++)
        CHECK(join(&crowd[i]));
    CHECK_EQ(offload_failures, 0);
    CHECK_EQ(atomic_load(&offload_sum), TASKS * 20);
}

void coro_suite_offload_many(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, offload_many_main, 0, 0));
}

/* --- the inbox --------------------------------------------------------------------------------------------------------------- */

enum { POSTERS = 4, POSTS = 5000 };

struct numbered_message {
    struct io_message message;
    int poster, number;
};
static struct poster {
    pthread_t thread;
    int next; /* the number its next message should have */
    struct numbered_message messages[POSTS];
} * posters;
static int arrived, out_of_order;

static void numbered_run(struct io_message *message)
{
    struct numbered_message *numbered = CONTAINER_OF(message, struct numbered_message, message);
    out_of_order += posters[numbered->poster].next++ != numbered->number || io_task_current() != NULL;
    if (++arrived == POSTERS * POSTS)
        io_event_set(&event);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    for (int i = 0; i < POSTS; i++) {
        poster->messages[i] = (struct numbered_message){{.run = numbered_run}, (int)(poster - posters), i};
        io_post(shard, &poster->messages[i].message);
        if (i % 500 == 0)
            usleep(200); /* so that the shard falls asleep now and then */
    }
    return NULL;
}

static void inbox_main(struct io_task *self UNUSED)
{
    io_event_init(&event);
    arrived = out_of_order = 0;
    posters = mem_array(POSTERS, sizeof *posters);
    for (int i = 0; i < POSTERS; i++)
        CHECK_EQ(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    CHECK_EQ(io_wait(&event, clock_after(60 * NS_PER_SECOND)), ST_OK);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i].thread, NULL);
    CHECK_EQ(arrived, POSTERS * POSTS);
    CHECK_EQ(out_of_order, 0);
    free(posters);
}

void coro_suite_inbox_from_many_threads(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, inbox_main, 0, 0));
}

struct answer {
    struct io_message message;
    atomic_int number;
};
static struct answer answer;

static void answer_run(struct io_message *message UNUSED)
{
    io_event_set(&event);
}

/* One message at a time, each posted once the one before has been taken: a lost wake-up would hang. */
static void *post_one_by_one(void *arg)
{
    int rounds = *(int *)arg;
    for (int i = 1; i <= rounds; i++) {
        while (atomic_load(&answer.number) != i)
            ;
        for (volatile int spin = i % 64 * 16; spin > 0; spin--)
            ; /* meets the shard at different points of its way to sleep */
        io_post(shard, &answer.message);
    }
    return NULL;
}

static void inbox_wakes_main(struct io_task *self UNUSED)
{
    int rounds = 5000;
    pthread_t thread;
    io_event_init(&event);
    answer.message.run = answer_run;
    atomic_store(&answer.number, 0);
    CHECK_EQ(pthread_create(&thread, NULL, post_one_by_one, &rounds), 0);
    int lost = 0;
    for (int i = 1; i <= rounds; i++) {
        io_event_clear(&event);
        atomic_store(&answer.number, i);
        lost += io_wait(&event, clock_after(10 * NS_PER_SECOND)) != ST_OK;
    }
    pthread_join(thread, NULL);
    CHECK_EQ(lost, 0);
}

void coro_suite_inbox_wakes_a_sleeping_shard(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, inbox_wakes_main, 0, 0));
}

/* --- drain and stop ---------------------------------------------------------------------------------------------------------- */

static void sleep_for_ever(struct io_task *task)
{
    results[index_of(task)] = io_sleep_until(CLOCK_NEVER);
    io_cancel_mask(task);
    if (io_sleep_until(clock_after(2 * MS)) == ST_OK) /* its cleaning up takes a while */
        woken++;
}

static void drain_main(struct io_task *self)
{
    struct io_account account;
    io_account_init(&account, "drained");
    account.max_running = 3;
    woken = 0;
    CHECK_EQ(io_account_drain(&account, 0), ST_OK); /* nothing there */
    for (int i = 0; i < 5; i++)
        CHECK(start(&tasks[i], sleep_for_ever, &account));
    CHECK_EQ(io_account_drain(&account, clock_after(3 * MS)), ST_TIMEOUT);
    CHECK_EQ(io_shard_drain(clock_after(3 * MS)), ST_TIMEOUT);
    CHECK_EQ(woken, 0);
    io_account_cancel(&account); /* the two queued ones too */
    CHECK_EQ(io_account_drain(&account, clock_after(5000 * MS)), ST_OK);
    CHECK_EQ(woken, 5);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(results[i], ST_CANCELLED);
    CHECK_EQ(io_shard_drain(0), ST_OK); /* we are alone */
    CHECK_EQ(io_account_drain(self->account, 0), ST_INTERNAL);
}

void coro_suite_drain(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, drain_main, 0, 0));
}

static void start_late(struct io_task *task)
{
    struct error err;
    results[index_of(task)] = io_sleep_until(CLOCK_NEVER);
    if (io_task_start(&tasks[7], sleep_for_ever, NULL, 0, &err) != ST_OK) /* while the shard is stopping: born cancelled */
        results[7] = ST_INTERNAL;
}

static void stop_main(struct io_task *self UNUSED)
{
    static struct io_account account;
    woken = 0;
    io_account_init(&account, "stopped");
    account.max_running = 2;
    results[7] = ST_OK;
    for (int i = 0; i < 6; i++)
        CHECK(start(&tasks[i], sleep_for_ever, i < 4 ? &account : NULL));
    CHECK(start(&tasks[6], start_late, NULL));
    io_yield();
}

void coro_suite_stop_cancels_everything(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, stop_main, 0, 0)); /* returns only when all have ended */
    CHECK_EQ(woken, 7);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(results[i], ST_CANCELLED);
}

/* --- size -------------------------------------------------------------------------------------------------------------------- */

struct parked {
    struct io_task task;
    struct io_event event;
    uint32_t waits;
    bool intact;
};

static unsigned crowd_size, crowd_waits;

static void park_often(struct io_task *task)
{
    struct parked *parked = CONTAINER_OF(task, struct parked, task);
    volatile uintptr_t canary = (uintptr_t)parked ^ 0x5a5a5a5a;
    for (int i = 0; i < 3; i++) {
        if (io_wait(&parked->event, clock_after(600 * NS_PER_SECOND)) != ST_OK)
            return;
        io_event_clear(&parked->event);
        parked->waits++;
        crowd_waits++;
    }
    parked->intact = canary == ((uintptr_t)parked ^ 0x5a5a5a5a);
}

static void parked_main(struct io_task *self UNUSED)
{
    autofree struct parked *crowd = mem_array(crowd_size, sizeof *crowd);
    autofree unsigned *shuffled = mem_array(crowd_size, sizeof *shuffled);
    crowd_waits = 0;
    for (unsigned i = 0; i < crowd_size; i++) {
        io_event_init(&crowd[i].event);
        CHECK(start(&crowd[i].task, park_often, NULL));
    }
    for (int round = 0; round < 3; round++) {
        shuffle(shuffled, crowd_size, (uint32_t)round + 7);
        for (unsigned i = 0; i < crowd_size; i++) {
            io_event_set(&crowd[shuffled[i]].event);
            if (i % 17 == 0)
                io_yield();
        }
        UNTIL(crowd_waits == ((unsigned)round + 1) * crowd_size);
    }
    unsigned bad = 0;
    for (unsigned i = 0; i < crowd_size; i++)
        bad += !join(&crowd[i].task) || crowd[i].waits != 3 || !crowd[i].intact;
    CHECK_EQ(bad, 0);
}

void coro_suite_parked_tasks_in_random_order(const struct coro_suite *suite)
{
    crowd_size = many(suite) - many(suite) / 10 - 1; /* the reserve stays free */
    CHECK(coro_suite_run(suite, parked_main, many(suite), 0));
}

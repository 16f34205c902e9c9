/* Coroutines, waits and their races. */
#include "coro_suite_stage.h"
#include <unistd.h>

/* Statics are the tests' stage: each case sets what it uses. */

size_t suite_stack_size(const struct coro_suite *suite)
{
    return suite->stack_size ? suite->stack_size : (size_t)256 << 10;
}

/* ThreadSanitizer maps a megabyte and more for each. */
unsigned suite_many(const struct coro_suite *suite)
{
#ifdef __SANITIZE_THREAD__
    return MIN(suite->many ? suite->many : 10000, 1000);
#else
    return suite->many ? suite->many : 10000;
#endif
}

uint32_t suite_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

void suite_shuffle(unsigned *items, unsigned count, uint32_t seed)
{
    for (unsigned i = 0; i < count; i++)
        items[i] = i;
    for (unsigned i = count; i > 1; i--) {
        unsigned other = suite_random(&seed) % i, kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

/* --- a shard for one case ---------------------------------------------------------------------------------------------------- */

struct io_shard *suite_shard;
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
                                             .stack_size = suite_stack_size(suite),
                                             .max_coroutines = max_coroutines,
                                             .reserve = reserve,
                                             .cpu = -1};
    if (io_shard_new(0, &options, &suite_shard, &err) != ST_OK)
        return tap_fail(__FILE__, __LINE__, "make a shard: %s", err.message);
    io_post(suite_shard, &boot.message);
    io_shard_run(suite_shard);
    io_shard_free(suite_shard);
    return true;
}

bool suite_start(struct io_task *task, void (*run)(struct io_task *), struct io_account *account)
{
    struct error err;
    return io_task_start(task, run, account, 0, &err) == ST_OK || tap_fail(__FILE__, __LINE__, "start a task: %s", err.message);
}

bool suite_join(struct io_task *task)
{
    return io_wait(&task->done, CLOCK_NEVER) == ST_OK;
}

void suite_burn(uint64_t ns)
{
    for (uint64_t end = clock_now() + ns; clock_now() < end;)
        ;
}

size_t suite_waiters(const struct io_event *waited)
{
    size_t count = 0;
    for (const struct list *link = waited->waiters.next; link != &waited->waiters; link = link->next)
        count++;
    return count;
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
    coro_pool_init(&pool, suite->ops, suite->env, suite_stack_size(suite), 2);
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
    coro_pool_init(&pool, suite->ops, suite->env, suite_stack_size(suite), 4);
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
    coro_pool_init(&pool, suite->ops, suite->env, suite_stack_size(suite), 1);
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
            words[i] = suite_random(&state);
        coro_park();
        for (int i = 0; i < 256; i++)
            job->intact &= words[i] == suite_random(&began);
    }
}

void coro_suite_many_in_random_order(const struct coro_suite *suite)
{
    enum { ROUNDS = 3 };
    unsigned count = suite_many(suite), failed = 0, ended = 0;
    struct coro_pool pool;
    autofree struct stacked_job *jobs = mem_array(count, sizeof *jobs);
    autofree unsigned *order = mem_array(count, sizeof *order);
    coro_pool_init(&pool, suite->ops, suite->env, suite_stack_size(suite), count);
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = (struct stacked_job){.seed = i * 2654435761u + 1, .rounds = ROUNDS};
        CHECK(coro_take(&pool, &jobs[i].coro, NULL) == ST_OK);
        CHECK(!coro_run(jobs[i].coro, guard_stack, &jobs[i]));
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        suite_shuffle(order, count, round + 1);
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
        CHECK(suite_start(&tasks[i], wait_for_event, NULL));
    UNTIL(suite_waiters(&event) == 4);
    CHECK_EQ(woken, 0);
    io_event_set(&event); /* wakes all; but it is a level, and it has gone again when they look */
    io_event_clear(&event);
    io_yield();
    io_yield();
    CHECK_EQ(woken, 0);
    io_event_set(&event);
    for (int i = 0; i < 4; i++) {
        CHECK(suite_join(&tasks[i]));
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
    if (!suite_start(&tasks[0], race_wait, NULL))
        return true;
    while (list_empty(&event.waiters) && !tasks[0].done.set)
        io_yield();
    if (!timer_first)
        io_timer_arm(&race.timer, moment);
    bool in_time = !tasks[0].done.set && io_now() < moment;
    while (clock_now() <= moment)
        ; /* the loop comes late: everything is due at once */
    return suite_join(&tasks[0]) && in_time;
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
    CHECK(suite_start(&tasks[0], masked_waits, NULL));
    UNTIL(suite_waiters(&event) == 1);
    io_task_cancel(&tasks[0]);
    io_yield();
    io_yield();
    CHECK(!tasks[0].done.set);
    io_event_set(&event);
    CHECK(suite_join(&tasks[0]));
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
        CHECK(suite_start(&tasks[i], note_cancelled, &account));
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
    if (!suite_start(&tasks[0], wait_for_any, NULL))
        return false;
    while (list_empty(&events[which].waiters) && !tasks[0].done.set)
        io_yield();
    bool was_waiting = !tasks[0].done.set;
    io_event_set(&events[which]);
    bool ended = suite_join(&tasks[0]) && results[0] == ST_OK;
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
    CHECK(suite_start(&tasks[0], wait_for_any, NULL));
    UNTIL(suite_waiters(&events[0]) > 0);
    io_task_cancel(&tasks[0]);
    CHECK(suite_join(&tasks[0]));
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
        size_t count = suite_random(&random_state) % 12;
        for (size_t i = 0; i < count; i++)
            waited[i] = &events[suite_random(&random_state) % RANDOM_EVENTS];
        uint64_t deadline = io_now() + suite_random(&random_state) % (200 * NS_PER_US);
        judge(task, io_wait_any(waited, count, deadline), waited, count, deadline);
        if (task->cancelled)
            io_task_uncancel(task);
        struct io_event *touched = &events[suite_random(&random_state) % RANDOM_EVENTS];
        switch (suite_random(&random_state) % 8) {
        case 0:
            io_task_cancel(&random_tasks[suite_random(&random_state) % RANDOM_TASKS]);
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
        CHECK(suite_start(&random_tasks[i], random_task, NULL));
    for (int i = 0; i < RANDOM_TASKS; i++)
        CHECK(suite_join(&random_tasks[i]));
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
        CHECK(suite_start(&tasks[i], sleep_one, NULL));
    for (int i = 0; i < 8; i++) {
        CHECK(suite_join(&tasks[i]));
        CHECK_EQ(results[i], ST_OK);
        CHECK_EQ(tasks[i].flags, 7 - i); /* the shortest first */
    }
}

void coro_suite_sleeps(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, sleeps_main, 0, 0));
}

/* The run queue, bounds, offload, inbox, drain; and many tasks. */
#include "coro_suite_stage.h"
#include <pthread.h>
#include <unistd.h>

static struct io_event event, other_event;
static struct io_task tasks[8];
static enum status results[8];
static int woken;

static size_t index_of(const struct io_task *task)
{
    return (size_t)(task - tasks);
}

/* --- the run queue ----------------------------------------------------------------------------------------------------------- */

static bool message_ran;

static void message_run(struct io_message *message UNUSED)
{
    message_ran = true;
}

static void yield_three_times(struct io_task *task)
{
    if (io_wait(&event, CLOCK_NEVER) != ST_OK)
        return;
    for (int i = 0; i < 3; i++) {
        results[woken++] = (enum status)index_of(task);
        io_yield();
    }
}

static void yield_main(struct io_task *self UNUSED)
{
    struct io_message message = {.run = message_run};
    message_ran = false;
    io_post(suite_shard, &message);
    CHECK(!message_ran);
    io_yield();
    CHECK(message_ran); /* the loop has looked at its inbox, and so at its events */
    woken = 0;
    io_event_init(&event);
    CHECK(suite_start(&tasks[0], yield_three_times, NULL));
    CHECK(suite_start(&tasks[1], yield_three_times, NULL));
    UNTIL(suite_waiters(&event) == 2);
    io_event_set(&event);
    CHECK(suite_join(&tasks[0]));
    CHECK(suite_join(&tasks[1]));
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
    CHECK(suite_start(&tasks[0], wait_then_note, NULL));
    UNTIL(suite_waiters(&event) == 1);
    CHECK(suite_start(&tasks[1], note_order, NULL));
    CHECK(suite_start(&tasks[2], note_order, NULL));
    io_event_set(&event);
    for (int i = 0; i < 3; i++)
        CHECK(suite_join(&tasks[i]));
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
        suite_burn(20 * NS_PER_US);
    }
    io_event_set(theirs);
}

static void starts_not_starved_main(struct io_task *self UNUSED)
{
    ping_pong_over = false;
    order_len = 0;
    io_event_init(&event);
    io_event_init(&other_event);
    CHECK(suite_start(&tasks[0], ping_pong, NULL));
    CHECK(suite_start(&tasks[1], ping_pong, NULL));
    CHECK_EQ(io_sleep_until(clock_after(5 * MS)), ST_OK);
    uint64_t began = clock_now();
    CHECK(suite_start(&tasks[2], note_order, NULL));
    bool started = io_wait(&tasks[2].done, clock_after(1000 * MS)) == ST_OK;
    uint64_t took = clock_now() - began;
    ping_pong_over = true;
    CHECK(suite_join(&tasks[0]));
    CHECK(suite_join(&tasks[1]));
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
        suite_burn(50 * NS_PER_US);
        io_yield();
    }
}

static void fair_main(struct io_task *self UNUSED)
{
    struct io_account lone, crowd;
    io_account_init(&lone, "lone");
    io_account_init(&crowd, "crowd");
    busy_until = clock_after(200 * MS);
    CHECK(suite_start(&tasks[0], be_busy, &lone));
    for (int i = 1; i < 6; i++)
        CHECK(suite_start(&tasks[i], be_busy, &crowd));
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
    CHECK(suite_start(&tasks[1], note_order, &sleeper));
    CHECK(suite_join(&tasks[1]));
    busy_until = clock_after(200 * MS);
    CHECK(suite_start(&tasks[0], be_busy, &worker));
    CHECK_EQ(io_sleep_until(clock_after(100 * MS)), ST_OK);
    uint64_t worker_before = worker.cpu_ns;
    CHECK(suite_start(&tasks[1], be_busy, &sleeper));
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
    CHECK(suite_start(&tasks[0], note_plain, &charged_account));
    CHECK(suite_start(&tasks[1], be_busy, &plain_account));
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
        CHECK(suite_start(&tasks[i], hold, &account));
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
        CHECK(suite_start(&tasks[i], hold, &greedy));
    UNTIL(running_now == 3); /* 5 coroutines, 1 in reserve, 1 is ours */
    CHECK_EQ(greedy.queued, 3);
    io_account_charge(&greedy, 10 * MS);
    CHECK(suite_start(&tasks[6], hold, &modest));
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
        CHECK(suite_start(&tasks[i], hold, NULL));
    UNTIL(running_now == 2); /* with us, 3 of 5: the reserve of 2 is untouched */
    CHECK_EQ(io_task_start(&tasks[4], hold, NULL, IO_TASK_INNER, &err), ST_OK);
    CHECK_EQ(io_task_start(&tasks[5], hold, NULL, IO_TASK_INNER, &err), ST_OK);
    CHECK_EQ(io_task_start(&tasks[6], hold, NULL, IO_TASK_INNER, &err), ST_LIMIT);
    CHECK(strstr(err.message, "5 coroutines") != NULL);
    UNTIL(running_now == 4);
    io_event_set(&event);
    for (int i = 0; i < 6; i++)
        CHECK(suite_join(&tasks[i]));
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
    CHECK(suite_start(&tasks[0], nest, NULL));
    CHECK(suite_join(&tasks[0]));
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
        CHECK(suite_start(task, freed_run, NULL));
        task->on_done = freed_done;
    }
    CHECK_EQ(io_shard_drain(CLOCK_NEVER), ST_OK);
    CHECK_EQ(woken, 100);
}

void coro_suite_done_callback_frees(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, done_callback_main, 0, 0));
}

/* Accounts with different bounds, tasks that start others, wait, yield and cancel: each that was started runs once, and in the end
 * all is counted back to nothing. */
enum { CROWD = 400, CROWD_ACCOUNTS = 5, CROWD_ROUNDS = 4000 };

struct crowd_task {
    struct io_task task;
    bool alive;
    unsigned starts, runs;
};
static struct crowd_task crowd_tasks[CROWD];
static struct io_account crowd_accounts[CROWD_ACCOUNTS];
static uint32_t crowd_state;
static unsigned crowd_left, crowd_wrong, crowd_refused;

static void crowd_done(struct io_task *task)
{
    struct crowd_task *one = CONTAINER_OF(task, struct crowd_task, task);
    crowd_wrong += one->runs != one->starts;
    one->alive = false;
}

static void crowd_run(struct io_task *task);

static void crowd_start(void)
{
    struct crowd_task *one = &crowd_tasks[suite_random(&crowd_state) % CROWD];
    struct io_account *account = &crowd_accounts[suite_random(&crowd_state) % CROWD_ACCOUNTS];
    struct error err;
    if (one->alive || crowd_left == 0)
        return;
    crowd_left--;
    unsigned flags = suite_random(&crowd_state) % 4 == 0 ? IO_TASK_INNER : 0;
    enum status status = io_task_start(&one->task, crowd_run, account, flags, &err);
    crowd_refused += status == ST_LIMIT;
    crowd_wrong += status != ST_OK && status != ST_LIMIT;
    if (status != ST_OK)
        return;
    one->task.on_done = crowd_done;
    one->alive = true;
    one->starts++;
}

static void crowd_run(struct io_task *task)
{
    CONTAINER_OF(task, struct crowd_task, task)->runs++;
    for (unsigned left = suite_random(&crowd_state) % 6; left > 0; left--) {
        struct crowd_task *other = &crowd_tasks[suite_random(&crowd_state) % CROWD];
        switch (suite_random(&crowd_state) % 4) {
        case 0:
            io_yield();
            break;
        case 1:
            (void)!io_sleep_until(io_now() + suite_random(&crowd_state) % (100 * NS_PER_US));
            break;
        case 2:
            if (other->alive)
                io_task_cancel(&other->task);
            break;
        default:
            crowd_start();
        }
    }
}

static void tasks_at_random_main(struct io_task *self UNUSED)
{
    crowd_state = 99;
    crowd_left = CROWD_ROUNDS;
    crowd_wrong = crowd_refused = 0;
    memset(crowd_tasks, 0, sizeof crowd_tasks);
    for (unsigned i = 0; i < CROWD_ACCOUNTS; i++) {
        io_account_init(&crowd_accounts[i], "crowd");
        crowd_accounts[i].max_running = i * 3; /* the first has no bound of its own */
        crowd_accounts[i].max_queued = 5 + i * 10;
    }
    while (crowd_left > 0) {
        for (unsigned burst = suite_random(&crowd_state) % 200; burst > 0; burst--)
            crowd_start();
        io_yield();
    }
    CHECK_EQ(io_shard_drain(clock_after(20 * NS_PER_SECOND)), ST_OK);
    CHECK_EQ(crowd_wrong, 0);
    CHECK(crowd_refused > 0 && crowd_refused < CROWD_ROUNDS);
    for (unsigned i = 0; i < CROWD_ACCOUNTS; i++)
        CHECK(crowd_accounts[i].running == 0 && crowd_accounts[i].queued == 0 && crowd_accounts[i].drained.set);
}

void coro_suite_tasks_at_random(const struct coro_suite *suite)
{
    CHECK(coro_suite_run(suite, tasks_at_random_main, 24, 4));
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
    CHECK(suite_start(&tasks[0], offload_task, NULL));
    UNTIL(atomic_load(&blocking.entered)); /* the shard goes on meanwhile */
    CHECK(!tasks[0].done.set);
    CHECK_EQ(write(blocking.pipe[1], "x", 1), 1);
    CHECK(suite_join(&tasks[0]));
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
        CHECK(suite_start(&tasks[0], offload_task, NULL));
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
        CHECK(suite_join(&tasks[0]));
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
        CHECK(suite_start(&crowd[i], offload_repeatedly, NULL));
    for (int i = 0; i < TASKS; i++)
        CHECK(suite_join(&crowd[i]));
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
        io_post(suite_shard, &poster->messages[i].message);
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
        io_post(suite_shard, &answer.message);
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
        CHECK(suite_start(&tasks[i], sleep_for_ever, &account));
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
        CHECK(suite_start(&tasks[i], sleep_for_ever, i < 4 ? &account : NULL));
    CHECK(suite_start(&tasks[6], start_late, NULL));
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
        CHECK(suite_start(&crowd[i].task, park_often, NULL));
    }
    for (int round = 0; round < 3; round++) {
        suite_shuffle(shuffled, crowd_size, (uint32_t)round + 7);
        for (unsigned i = 0; i < crowd_size; i++) {
            io_event_set(&crowd[shuffled[i]].event);
            if (i % 17 == 0)
                io_yield();
        }
        UNTIL(crowd_waits == ((unsigned)round + 1) * crowd_size);
    }
    unsigned bad = 0;
    for (unsigned i = 0; i < crowd_size; i++)
        bad += !suite_join(&crowd[i].task) || crowd[i].waits != 3 || !crowd[i].intact;
    CHECK_EQ(bad, 0);
}

void coro_suite_parked_tasks_in_random_order(const struct coro_suite *suite)
{
    crowd_size = suite_many(suite) - suite_many(suite) / 10 - 1; /* the reserve stays free */
    CHECK(coro_suite_run(suite, parked_main, suite_many(suite), 0));
}

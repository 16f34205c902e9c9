/* Guests that compute for long: interrupted, taking turns, cancelled. */
#include "unit/engine/shard_support.h"
#include <pthread.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
#define PROMPT_NS (20 * NS_PER_MS)
#else
#define PROMPT_NS (2 * NS_PER_MS)
#endif

/* "spin" counts in memory for ever; "count" counts up to its argument. */
static const char spinner_text[] =
    "(module $spinner (memory (export \"m\") 1)"
    "(func $forever (loop $l (i64.store (i32.const 8) (i64.add (i64.const 1) (i64.load (i32.const 8)))) (br $l)))"
    "(func (export \"spin\") (param i32) (result i32) (call $forever) (i32.const 0))"
    "(func (export \"count\") (param i32) (result i32) (local i32) (loop $l (local.set 1 (i32.add (local.get 1) (i32.const 1)))"
    "  (br_if $l (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)))";

enum { SPIN = 1, COUNT = 2 };

/* --- on a plain thread ---------------------------------------------------------------------------------------------------- */

static atomic_bool ticking;

static void *tick_on(void *engine)
{
    while (atomic_load(&ticking)) {
        engine_tick(engine);
        usleep(100);
    }
    return NULL;
}

TEST(a_guest_on_a_plain_thread_is_not_disturbed_by_ticks)
{
    struct test_guest code;
    struct engine_func count;
    struct error err = {0};
    pthread_t thread;
    CHECK(test_guest_init(&code, test_engine(), spinner_text, NULL, 0));
    struct engine_store *store = test_start(test_engine(), &code, NULL, NULL, COUNT, &count);
    CHECK(store);
    atomic_store(&ticking, true);
    CHECK_EQ(pthread_create(&thread, NULL, tick_on, test_engine()), 0);
    union engine_raw raw = {.i32 = 50000000};
    enum status status = engine_call(store, &count, &raw, 1, &err);
    atomic_store(&ticking, false);
    pthread_join(thread, NULL);
    CHECK_EQ(status, ST_OK);
    CHECK_EQ(raw.i32, 50000000);
    engine_store_free(store);
    test_guest_release(&code);
}

/* --- cancelled and taking turns ------------------------------------------------------------------------------------------- */

enum { SPINNERS = 4 };

/* Tells the host where its counter is, then counts for ever. */
static const char counter_text[] =
    "(module $counter (import \"h\" \"tell\" (func $tell)) (memory (export \"m\") 1)"
    "(func $forever (loop $l (i64.store (i32.const 8) (i64.add (i64.const 1) (i64.load (i32.const 8)))) (br $l)))"
    "(func (export \"spin\") (param i32) (result i32) (call $tell) (call $forever) (i32.const 0)))";

struct spin_case {
    struct test_guest code;
    struct guest_task guests[SPINNERS];
    struct io_account accounts[SPINNERS];
    const volatile uint64_t *counters[SPINNERS];
    bool own_accounts, good, fair;
    int named; /* backtraces that say where a guest was */
};

static enum status host_tell(void *env, struct engine_store *store, union engine_raw *raw UNUSED, size_t count UNUSED)
{
    struct spin_case *it = env;
    struct guest_task *guest = engine_store_data(store);
    uint64_t size;
    uint8_t *data = engine_memory_data(store, &guest->memory, &size);
    it->counters[guest - it->guests] = (const volatile uint64_t *)(data + 8);
    return ST_OK;
}

static void look_at_backtrace(struct guest_task *guest, struct engine_store *store, const struct engine_instance *instance UNUSED)
{
    struct spin_case *it = guest->env;
    it->named += str_find(engine_trap_backtrace(store), STR("counter!forever")) != STR_NONE;
}

static bool all_moved_alike(const struct spin_case *it)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < SPINNERS; i++) {
        uint64_t count = it->counters[i] ? *it->counters[i] : 0;
        least = MIN(least, count);
        most = MAX(most, count);
    }
    return least > 1000 && least * 3 > most;
}

static void run_spinners(void *arg)
{
    struct spin_case *it = arg;
    it->good = true;
    for (int i = 0; i < SPINNERS; i++) {
        guest_task_init(&it->guests[i], test_engine(), &it->code, SPIN, 0);
        it->guests[i].look = look_at_backtrace;
        it->guests[i].env = it;
        io_account_init(&it->accounts[i], "spinner");
        it->good &= guest_task_start(&it->guests[i], it->own_accounts ? &it->accounts[i] : &it->accounts[0]);
    }
    /* Other processes take slices away; in the long run that evens out. */
    uint64_t deadline = clock_after(20 * NS_PER_SECOND);
    while (!it->fair && clock_now() < deadline) {
        it->good &= io_sleep_until(clock_after(50 * NS_PER_MS)) == ST_OK;
        it->fair = all_moved_alike(it);
    }
    for (int i = 0; i < SPINNERS; i++)
        io_task_cancel(&it->guests[i].task);
    for (int i = 0; i < SPINNERS; i++) {
        guest_task_join(&it->guests[i]);
        it->good &= it->guests[i].status == ST_TRAP && it->guests[i].trap_kind == ENGINE_TRAP_INTERRUPT &&
                    it->guests[i].trap_status == ST_CANCELLED;
    }
}

static void check_turns(bool own_accounts)
{
    struct spin_case it = {.own_accounts = own_accounts};
    struct engine_host_func tell = {host_tell, &it, test_type(":")};
    CHECK(test_guest_init(&it.code, test_engine(), counter_text, &tell, 1));
    test_on_shard(test_engine(), 16, run_spinners, &it);
    test_guest_release(&it.code);
    CHECK(it.good);
    CHECK(it.fair);
    CHECK_EQ(it.named, SPINNERS);
}

TEST(spinning_guests_of_one_account_take_turns)
{
    check_turns(false);
}

TEST(spinning_guests_of_several_accounts_take_turns)
{
    check_turns(true);
}

/* --- a spinning guest inside a host call of another store ----------------------------------------------------------------- */

static enum status host_enter(void *env UNUSED, struct engine_store *store, union engine_raw *raw UNUSED, size_t count UNUSED)
{
    struct guest_task *inner = ((struct guest_task *)engine_store_data(store))->inner;
    guest_task_run(inner);
    return inner->status == ST_OK ? ST_OK : inner->trap_status;
}

struct nested_spin {
    struct test_guest outer, spinner;
    struct guest_task guests[2];
    bool good;
};

static void cancel_nested_spin(void *arg)
{
    struct nested_spin *it = arg;
    guest_task_init(&it->guests[0], test_engine(), &it->outer, 0, 0);
    guest_task_init(&it->guests[1], test_engine(), &it->spinner, SPIN, 0);
    it->guests[0].inner = &it->guests[1];
    it->good = guest_task_start(&it->guests[0], NULL) && io_sleep_until(clock_after(5 * NS_PER_MS)) == ST_OK;
    io_task_cancel(&it->guests[0].task);
    guest_task_join(&it->guests[0]);
    for (int i = 0; i < 2; i++)
        it->good &= it->guests[i].status == ST_TRAP && it->guests[i].trap_kind == ENGINE_TRAP_INTERRUPT &&
                    it->guests[i].trap_status == ST_CANCELLED;
}

TEST(a_spinning_guest_inside_another_is_cancelled_with_it)
{
    struct nested_spin it = {.good = false};
    struct engine_host_func enter = {host_enter, NULL, test_type("i:i")};
    CHECK(test_guest_init(&it.outer, test_engine(),
                          "(module (import \"h\" \"enter\" (func $e (param i32) (result i32)))"
                          "(func (export \"run\") (param i32) (result i32) (call $e (local.get 0))))",
                          &enter, 1));
    CHECK(test_guest_init(&it.spinner, test_engine(), spinner_text, NULL, 0));
    test_on_shard(test_engine(), 8, cancel_nested_spin, &it);
    test_guest_release(&it.outer);
    test_guest_release(&it.spinner);
    CHECK(it.good);
}

/* --- events beside a spinning guest --------------------------------------------------------------------------------------- */

enum { SAMPLES = 40 };

struct sample {
    struct io_message message;
    struct io_task task;
    uint64_t posted, loop_ns, task_ns; /* until the message ran, until a task that it started ran */
    struct prompt_case *owner;
};

struct prompt_case {
    struct test_guest code;
    struct guest_task spinner;
    struct sample samples[SAMPLES];
    struct io_shard *shard;
    struct io_event all_done;
    int done;
    bool good;
};

static void sample_task(struct io_task *task)
{
    struct sample *sample = CONTAINER_OF(task, struct sample, task);
    sample->task_ns = clock_now() - sample->posted;
    if (++sample->owner->done == SAMPLES)
        io_event_set(&sample->owner->all_done);
}

static void sample_arrived(struct io_message *message)
{
    struct sample *sample = CONTAINER_OF(message, struct sample, message);
    struct error err;
    sample->loop_ns = clock_now() - sample->posted;
    if (io_task_start(&sample->task, sample_task, NULL, 0, &err) != ST_OK)
        bug("%s", err.message);
}

static void *post_samples(void *arg)
{
    struct prompt_case *it = arg;
    for (int i = 0; i < SAMPLES; i++) {
        usleep(3000);
        it->samples[i].message.run = sample_arrived;
        it->samples[i].owner = it;
        it->samples[i].posted = clock_now();
        io_post(it->shard, &it->samples[i].message);
    }
    return NULL;
}

static void run_prompt_case(void *arg)
{
    struct prompt_case *it = arg;
    struct io_account account;
    pthread_t thread;
    io_account_init(&account, "spinner");
    io_event_init(&it->all_done);
    it->shard = io_shard_current();
    guest_task_init(&it->spinner, test_engine(), &it->code, SPIN, 0);
    it->good = guest_task_start(&it->spinner, &account) && pthread_create(&thread, NULL, post_samples, it) == 0 &&
               io_wait(&it->all_done, clock_after(20 * NS_PER_SECOND)) == ST_OK;
    pthread_join(thread, NULL);
    io_task_cancel(&it->spinner.task);
    guest_task_join(&it->spinner);
}

static int by_task_ns(const void *a, const void *b)
{
    const struct sample *left = a, *right = b;
    return (left->task_ns > right->task_ns) - (left->task_ns < right->task_ns);
}

TEST(a_new_event_interrupts_a_spinning_guest)
{
    static struct prompt_case it;
    uint64_t median = UINT64_MAX;
    /* Another process may take the processor away for longer than what is measured: the best of some rounds counts. */
    for (int round = 0; round < 5 && median > PROMPT_NS; round++) {
        memset(&it, 0, sizeof it);
        CHECK(test_guest_init(&it.code, test_engine(), spinner_text, NULL, 0));
        test_on_shard(test_engine(), 16, run_prompt_case, &it);
        test_guest_release(&it.code);
        CHECK(it.good);
        qsort(it.samples, SAMPLES, sizeof it.samples[0], by_task_ns);
        median = it.samples[SAMPLES / 2].task_ns;
    }
    printf("# median %llu us\n", (unsigned long long)median / 1000);
    CHECK(median <= PROMPT_NS);
}

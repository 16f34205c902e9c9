#include "harness.h"
#include "tap.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>

enum { SHARDS = 3, HOPS = 3000 };

static struct io_shards *group;
static atomic_uint set_up, wrong_shard;
static sigset_t masks[SHARDS];

static void count_setup(struct io_shard *shard, void *env)
{
    pthread_sigmask(SIG_BLOCK, NULL, &masks[io_shard_index(shard)]);
    atomic_fetch_add(&wrong_shard, io_shard_current() != shard || env != &set_up);
    atomic_fetch_add(&set_up, 1);
}

/* A message that travels round the shards. */
struct hop {
    struct io_message message;
    unsigned at, left;
};

static void hop_run(struct io_message *message)
{
    struct hop *hop = CONTAINER_OF(message, struct hop, message);
    atomic_fetch_add(&wrong_shard, io_shard_index(io_shard_current()) != hop->at);
    if (hop->left-- == 0) {
        io_shards_stop(group);
        return;
    }
    hop->at = (hop->at + 1) % SHARDS;
    io_post(io_shards_get(group, hop->at), &hop->message);
}

TEST(shards_pass_messages)
{
    struct error err;
    struct hop hop = {.message.run = hop_run, .left = HOPS};
    const struct io_shards_options options = {
        .shard = {.coro_ops = &coro_ucontext}, .count = SHARDS, .pin = true, .setup = count_setup, .env = &set_up};
    atomic_store(&set_up, 0);
    CHECK_EQ(io_shards_start(&options, &group, &err), ST_OK);
    CHECK_EQ(io_shards_count(group), SHARDS);
    CHECK(io_shards_get(group, SHARDS) == NULL);
    io_post(io_shards_get(group, 0), &hop.message);
    io_shards_join(group);
    CHECK_EQ(atomic_load(&set_up), SHARDS);
    CHECK_EQ(atomic_load(&wrong_shard), 0);
    for (int i = 0; i < SHARDS; i++) {
        CHECK(sigismember(&masks[i], SIGTERM));
        CHECK(sigismember(&masks[i], SIGPIPE));
        CHECK(!sigismember(&masks[i], SIGSEGV));
        CHECK(!sigismember(&masks[i], SIGILL));
    }
}

static struct io_task sleepers[SHARDS];
static enum status sleeper_results[SHARDS];

static void sleeper_run(struct io_task *task)
{
    sleeper_results[task - sleepers] = io_sleep_until(CLOCK_NEVER);
}

static void start_sleeper(struct io_shard *shard, void *env UNUSED)
{
    struct error err;
    if (io_task_start(&sleepers[io_shard_index(shard)], sleeper_run, NULL, 0, &err) != ST_OK)
        tap_fail(__FILE__, __LINE__, "start a task: %s", err.message);
}

TEST(stopping_ends_all_shards)
{
    struct error err;
    const struct io_shards_options options = {.shard = {.coro_ops = &coro_ucontext}, .count = SHARDS, .setup = start_sleeper};
    CHECK_EQ(io_shards_start(&options, &group, &err), ST_OK);
    io_shards_stop(group);
    io_shards_stop(group); /* harmless twice */
    io_shards_join(group);
    for (int i = 0; i < SHARDS; i++)
        CHECK_EQ(sleeper_results[i], ST_CANCELLED);
}

static int pinned_to;

static void note_cpu(struct io_shard *shard UNUSED, void *env UNUSED)
{
    cpu_set_t set;
    pthread_getaffinity_np(pthread_self(), sizeof set, &set);
    pinned_to = CPU_COUNT(&set);
}

TEST(pinning_leaves_one_core)
{
    struct error err;
    struct io_shards_options options = {.shard = {.coro_ops = &coro_ucontext}, .count = 1, .setup = note_cpu, .pin = true};
    CHECK_EQ(io_shards_start(&options, &group, &err), ST_OK);
    io_shards_stop(group);
    io_shards_join(group);
    CHECK_EQ(pinned_to, 1);
}

TEST(a_shard_that_cannot_be_made)
{
    struct error err;
    const struct io_shards_options options = {.shard = {.coro_ops = &coro_ucontext, .max_coroutines = 2, .reserve = 2}, .count = 2};
    CHECK_EQ(io_shards_start(&options, &group, &err), ST_INVALID);
    CHECK(strstr(err.message, "reserve") != NULL);
}

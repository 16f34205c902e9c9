#include "harness.h"
#include "tap.h"
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static int seen[4], seen_count;
static struct io_event arrived;

static void note_signal(int number, void *env)
{
    if (seen_count < 4)
        seen[seen_count++] = number;
    io_event_set(env);
}

static void signals_main(struct io_task *self UNUSED)
{
    static const int watched[] = {SIGUSR1, SIGUSR2};
    struct error err;
    seen_count = 0;
    io_event_init(&arrived);
    CHECK_EQ(io_signals_watch(watched, 2, note_signal, &arrived, &err), ST_OK);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(io_wait(&arrived, clock_after(5 * NS_PER_SECOND)), ST_OK);
    io_event_clear(&arrived);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ(io_wait(&arrived, clock_after(5 * NS_PER_SECOND)), ST_OK);
    CHECK_EQ(seen_count, 2);
    CHECK_EQ(seen[0], SIGUSR1);
    CHECK_EQ(seen[1], SIGUSR2);
    static const int no_signal[] = {12345};
    CHECK_EQ(io_signals_watch(no_signal, 1, note_signal, NULL, &err), ST_INVALID);
}

TEST(arrive_on_the_loop)
{
    static const int ours[] = {SIGUSR1, SIGUSR2};
    sigset_t before, blocked;
    struct error err;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    CHECK_EQ(io_signals_block(ours, 2, &err), ST_OK);
    int descriptors = open_descriptors();
    on_shard(signals_main);
    CHECK_EQ(open_descriptors(), descriptors);
    pthread_sigmask(SIG_SETMASK, &before, &blocked);
    CHECK(sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGUSR2));
    CHECK_EQ(io_signals_watch(ours, 1, note_signal, NULL, &err), ST_INTERNAL); /* no shard here */
}

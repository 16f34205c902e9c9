#include "harness.h"
#include "tap.h"

enum { TIMERS = 500 };
static struct io_timer timers[TIMERS];
static uint64_t fired_at[TIMERS];
static int fired, early, out_of_order;
static uint64_t last_deadline, deadlines[TIMERS];

static void note_fired(struct io_timer *timer)
{
    size_t index = (size_t)(timer - timers);
    early += io_now() < deadlines[index];
    out_of_order += deadlines[index] < last_deadline;
    last_deadline = deadlines[index];
    fired_at[index] = io_now();
    fired++;
}

static void arm(size_t index, uint64_t deadline)
{
    deadlines[index] = deadline;
    io_timer_arm(&timers[index], deadline);
}

static void reset_timers(void)
{
    fired = early = out_of_order = 0;
    last_deadline = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        io_timer_init(&timers[i], note_fired);
        fired_at[i] = 0;
    }
}

static void in_order_main(struct io_task *self UNUSED)
{
    uint64_t begin = clock_now();
    reset_timers();
    for (size_t i = 0; i < TIMERS; i++)
        arm(i, begin + i * 7919 % 1000 * 20 * NS_PER_US);
    for (size_t i = 0; i < TIMERS; i += 5)
        arm(i, begin + 5 * NS_PER_MS); /* moved */
    for (size_t i = 1; i < TIMERS; i += 5)
        io_timer_disarm(&timers[i]);
    io_timer_disarm(&timers[1]); /* harmless twice */
    CHECK_EQ(io_sleep_until(begin + 25 * NS_PER_MS), ST_OK);
    CHECK_EQ(fired, TIMERS - TIMERS / 5);
    CHECK_EQ(early, 0);
    CHECK_EQ(out_of_order, 0);
    for (size_t i = 0; i < TIMERS; i++) {
        CHECK_EQ(fired_at[i] != 0, i % 5 != 1);
        CHECK(timers[i].deadline == CLOCK_NEVER);
    }
}

TEST(fires_in_order)
{
    on_shard(in_order_main);
}

static struct io_event ticked;
static int ticks;

static void tick_again(struct io_timer *timer)
{
    if (++ticks < 10)
        io_timer_arm(timer, io_now()); /* already due: once per turn, not for ever in one */
    else
        io_event_set(&ticked);
}

static void disarm_next(struct io_timer *timer)
{
    fired++;
    io_timer_disarm(timer + 1);
}

static void from_callback_main(struct io_task *self UNUSED)
{
    struct io_timer again;
    ticks = 0;
    io_event_init(&ticked);
    io_timer_init(&again, tick_again);
    io_timer_arm(&again, 0);
    CHECK_EQ(io_wait(&ticked, clock_after(NS_PER_SECOND)), ST_OK);
    CHECK_EQ(ticks, 10);

    reset_timers();
    uint64_t moment = clock_now();
    timers[0].fire = disarm_next;
    io_timer_arm(&timers[0], moment);
    io_timer_arm(&timers[1], moment + 1); /* due in the same turn */
    CHECK_EQ(io_sleep_until(clock_after(2 * NS_PER_MS)), ST_OK);
    CHECK_EQ(fired, 1);
}

TEST(armed_and_disarmed_by_callbacks)
{
    on_shard(from_callback_main);
}

/* A wait leaves its timer behind: it must neither wake the task for nothing nor be lost when the next wait needs it earlier. */
static struct io_event never, soon;

static void set_soon(struct io_timer *timer UNUSED)
{
    io_event_set(&soon);
}

static void lazy_main(struct io_task *self)
{
    struct io_timer setter;
    io_event_init(&never);
    io_event_init(&soon);
    io_timer_init(&setter, set_soon);
    io_timer_arm(&setter, clock_after(NS_PER_MS));
    CHECK_EQ(io_wait(&soon, clock_after(10 * NS_PER_MS)), ST_OK);
    CHECK(self->timer.deadline != CLOCK_NEVER); /* still armed, for nobody */
    uint64_t deadline = clock_after(30 * NS_PER_MS);
    CHECK_EQ(io_wait(&never, deadline), ST_TIMEOUT); /* it fired at 10 ms and was moved */
    CHECK(io_now() >= deadline);
    io_event_clear(&soon);
    io_timer_arm(&setter, clock_after(NS_PER_MS));
    CHECK_EQ(io_wait(&soon, clock_after(NS_PER_SECOND)), ST_OK);
    deadline = clock_after(2 * NS_PER_MS); /* earlier than the one left behind */
    CHECK_EQ(io_wait(&never, deadline), ST_TIMEOUT);
    CHECK(io_now() < deadline + 500 * NS_PER_MS);
}

TEST(deadlines_are_moved_lazily)
{
    on_shard(lazy_main);
}

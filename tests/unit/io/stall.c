/* When stacks cannot be made: tasks wait until one is free or can be made, inner ones fail at once. */
#include "coro_suite.h"
#include "harness.h"
#include "tap.h"

static unsigned stacks_left;

static enum status scarce_create(struct coro_pool *pool, struct coro **ret_coro, struct error *err)
{
    if (stacks_left == 0)
        return fail(err, ST_LIMIT, "no memory for another stack");
    stacks_left--;
    return coro_ucontext.create(pool, ret_coro, err);
}

static struct coro_suite scarce(struct coro_ops *ops, unsigned stacks)
{
    *ops = coro_ucontext;
    ops->create = scarce_create;
    stacks_left = stacks;
    return (struct coro_suite){.ops = ops};
}

enum { TASKS = 20 };
static struct io_task tasks[TASKS];
static unsigned ran, at_once, most_at_once, out_of_order;

static void count_run(struct io_task *task)
{
    if (task >= tasks && task < tasks + TASKS)
        out_of_order += (unsigned)(task - tasks) != ran + at_once;
    at_once++;
    most_at_once = MAX(most_at_once, at_once);
    io_yield();
    at_once--;
    ran++;
}

static void scarce_main(struct io_task *self UNUSED)
{
    struct io_task inner;
    struct error err;
    ran = at_once = most_at_once = out_of_order = 0;
    for (int i = 0; i < TASKS; i++)
        CHECK(start_task(&tasks[i], count_run));
    io_task_cancel(&tasks[TASKS - 1]); /* runs all the same */
    while (at_once < 2)
        io_yield();
    CHECK_EQ(io_task_start(&inner, count_run, NULL, IO_TASK_INNER, &err), ST_LIMIT);
    CHECK(strstr(err.message, "no memory") != NULL);
    for (int i = 0; i < TASKS; i++)
        CHECK(join_task(&tasks[i]));
    CHECK_EQ(ran, TASKS);
    CHECK_EQ(out_of_order, 0);
    CHECK_EQ(most_at_once, 2);                                                    /* two stacks beside ours */
    CHECK_EQ(io_task_start(&inner, count_run, NULL, IO_TASK_INNER, &err), ST_OK); /* an idle one will do */
    CHECK(join_task(&inner));
}

TEST(tasks_wait_for_a_stack)
{
    struct coro_ops ops;
    const struct coro_suite suite = scarce(&ops, 3);
    CHECK(coro_suite_run(&suite, scarce_main, 0, 0));
}

static void relieve(struct io_timer *timer UNUSED)
{
    stacks_left = 1;
}

/* No task ends that could leave its stack: the shard tries again by itself. */
static void retry_main(struct io_task *self UNUSED)
{
    struct io_timer timer;
    ran = at_once = 0;
    io_timer_init(&timer, relieve);
    io_timer_arm(&timer, clock_after(5 * NS_PER_MS));
    CHECK(start_task(&tasks[0], count_run));
    CHECK_EQ(io_wait(&tasks[0].done, clock_after(10 * NS_PER_SECOND)), ST_OK);
    CHECK_EQ(ran, 1);
}

TEST(a_stack_is_tried_again)
{
    struct coro_ops ops;
    const struct coro_suite suite = scarce(&ops, 1);
    CHECK(coro_suite_run(&suite, retry_main, 0, 0));
}

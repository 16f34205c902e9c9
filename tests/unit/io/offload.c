#include "harness.h"
#include "tap.h"
#include <unistd.h>

/* More jobs than threads and than the queue holds, all blocked on one pipe. */
enum { JOBS = 5000, MOST = 4096 + 64 };

static int ends[2];
static struct io_job jobs[JOBS];
static unsigned accepted, refused, returned, not_on_loop;
static struct io_event all_back;

static void block(struct io_job *job UNUSED)
{
    char byte;
    if (read(ends[0], &byte, 1) < 0)
        abort();
}

static void back(struct io_job *job UNUSED)
{
    not_on_loop += io_task_current() != NULL;
    if (++returned == accepted)
        io_event_set(&all_back);
}

static void flood_main(struct io_task *self UNUSED)
{
    struct error err;
    CHECK_EQ(pipe(ends), 0);
    accepted = refused = returned = not_on_loop = 0;
    io_event_init(&all_back);
    for (int i = 0; i < JOBS; i++) {
        enum status status = io_job_start(&jobs[i], block, back, &err);
        accepted += status == ST_OK;
        refused += status == ST_LIMIT;
    }
    CHECK_EQ(accepted + refused, JOBS);
    CHECK(accepted >= 4096 && accepted <= MOST);
    CHECK(strstr(err.message, "4096") != NULL);
    CHECK_EQ(returned, 0);
    close(ends[1]); /* the end of the pipe lets them all go */
    CHECK_EQ(io_wait(&all_back, clock_after(30 * NS_PER_SECOND)), ST_OK);
    CHECK_EQ(returned, accepted);
    CHECK_EQ(not_on_loop, 0);
    close(ends[0]);
}

TEST(the_queue_is_bounded)
{
    struct error err;
    on_shard(flood_main);
    CHECK_EQ(io_job_start(&jobs[0], block, back, &err), ST_INTERNAL); /* no shard here */
}

static struct io_job last_job;
static bool last_done;

static void slow(struct io_job *job UNUSED)
{
    usleep(20000);
}

static void note_last(struct io_job *job UNUSED)
{
    last_done = true;
}

static void leave_job_main(struct io_task *self UNUSED)
{
    CHECK_EQ(io_job_start(&last_job, slow, note_last, NULL), ST_OK);
}

TEST(a_shard_ends_after_its_jobs)
{
    last_done = false;
    on_shard(leave_job_main);
    CHECK(last_done);
}

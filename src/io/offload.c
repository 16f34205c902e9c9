/* Worker threads for what blocks. One pool for the process: threads are made when work waits and none is idle, up to a bound, and
 * end after a while without work. Each that ends joins the one that ended before it, and stopping the pool joins the last: nothing
 * of them, their thread-local memory included, is left then. */
#include "base/log.h"
#include "io/runtime.h"
#include "io/shard_private.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#define STACK_SIZE ((size_t)8 << 20) /* of addresses; compilers and resolvers run here */
#define KEEP_IDLE_SECONDS 10
enum { MIN_THREADS = 4, MAX_THREADS = 64, MAX_QUEUED = 4096 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, gone;
    struct list queue;
    unsigned queued, threads, idle;
    bool stopping, has_ended;
    pthread_t ended; /* the last that has ended; to be joined */
} workers = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .work = PTHREAD_COND_INITIALIZER,
             .gone = PTHREAD_COND_INITIALIZER,
             .queue = LIST_INIT(workers.queue)};

/* --- workers ----------------------------------------------------------------------------------------------------------------- */

/* False: nothing came for a long time, and there are enough others. */
static bool wait_for_work(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KEEP_IDLE_SECONDS;
    workers.idle++;
    int result = 0;
    while (workers.queued == 0 && !workers.stopping && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&workers.work, &workers.lock, &until);
    workers.idle--;
    return workers.queued > 0 || (!workers.stopping && workers.threads <= MIN_THREADS);
}

/* Called with the lock held, and leaves without it. */
static void join_ended(bool replace)
{
    bool had_ended = workers.has_ended;
    pthread_t ended = workers.ended;
    workers.has_ended = replace;
    workers.ended = pthread_self();
    pthread_mutex_unlock(&workers.lock);
    if (had_ended)
        pthread_join(ended, NULL);
}

static void *worker_main(void *arg UNUSED)
{
    pthread_mutex_lock(&workers.lock);
    while (workers.queued > 0 || wait_for_work()) {
        struct list *link = list_pop_front(&workers.queue);
        if (!link)
            continue;
        struct io_job *job = LIST_ITEM(link, struct io_job, link);
        workers.queued--;
        pthread_mutex_unlock(&workers.lock);
        job->work(job);
        io_post(job->shard, &job->message); /* the job may be gone now */
        pthread_mutex_lock(&workers.lock);
    }
    workers.threads--;
    pthread_cond_broadcast(&workers.gone);
    join_ended(true);
    return NULL;
}

/* With every signal blocked, as the new thread inherits the mask. Called with the lock held. */
static bool add_worker(void)
{
    pthread_t thread;
    if (io_thread_start(&thread, STACK_SIZE, worker_main, NULL) != 0)
        return false;
    workers.threads++;
    return true;
}

void io_workers_stop(void)
{
    pthread_mutex_lock(&workers.lock);
    workers.stopping = true;
    pthread_cond_broadcast(&workers.work);
    while (workers.threads > 0)
        pthread_cond_wait(&workers.gone, &workers.lock);
    workers.stopping = false;
    join_ended(false);
}

/* --- jobs -------------------------------------------------------------------------------------------------------------------- */

static void job_returned(struct io_message *message)
{
    struct io_job *job = CONTAINER_OF(message, struct io_job, message);
    job->shard->jobs--;
    job->done(job);
}

static enum status submit(struct io_job *job, struct error *err)
{
    if (workers.queued >= MAX_QUEUED)
        return fail(err, ST_LIMIT, "%u blocking operations are queued already, which is the bound", workers.queued);
    if (workers.queued >= workers.idle && workers.threads < MAX_THREADS && !add_worker() && workers.threads == 0)
        return fail(err, ST_LIMIT, "no thread could be created for a blocking operation");
    list_push_back(&workers.queue, &job->link);
    workers.queued++;
    pthread_cond_signal(&workers.work);
    return ST_OK;
}

enum status io_job_start(struct io_job *job, void (*work)(struct io_job *), void (*done)(struct io_job *), struct error *err)
{
    if (!io_shard_here)
        return fail(err, ST_INTERNAL, "work can be offloaded only from a shard");
    *job = (struct io_job){.work = work, .done = done, .shard = io_shard_here, .message.run = job_returned};
    pthread_mutex_lock(&workers.lock);
    enum status status = submit(job, err);
    pthread_mutex_unlock(&workers.lock);
    if (status == ST_OK)
        io_shard_here->jobs++;
    return status;
}

struct offloaded_call {
    struct io_job job;
    void (*fn)(void *arg);
    void *arg;
    struct io_event done;
};

static void call_work(struct io_job *job)
{
    struct offloaded_call *call = CONTAINER_OF(job, struct offloaded_call, job);
    call->fn(call->arg);
}

static void call_done(struct io_job *job)
{
    io_event_set(&CONTAINER_OF(job, struct offloaded_call, job)->done);
}

enum status io_offload(void (*fn)(void *arg), void *arg, struct error *err)
{
    struct io_task *task = io_task_current();
    if (!task)
        return fail(err, ST_INTERNAL, "work can be offloaded only from a task");
    struct offloaded_call call = {.fn = fn, .arg = arg};
    io_event_init(&call.done);
    TRY(io_job_start(&call.job, call_work, call_done, err));
    io_cancel_mask(task); /* its memory is on this stack */
    enum status status = io_wait(&call.done, CLOCK_NEVER);
    io_cancel_unmask(task);
    bug_unless(status == ST_OK);
    return io_is_cancelled(task) ? fail(err, ST_CANCELLED, "cancelled during a blocking operation") : ST_OK;
}

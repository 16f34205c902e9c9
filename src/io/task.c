/* Accounts, tasks and the run queue. */
#include "base/log.h"
#include "io/shard_private.h"

/* A lower class of an account waits at most this long behind a higher one that never runs dry. */
#define CLASS_PATIENCE_NS (4 * NS_PER_MS)
#define STALL_RETRY_NS (10 * NS_PER_MS)

/* --- the order of accounts --------------------------------------------------------------------------------------------------- */

static bool has_runnable(const struct io_account *account)
{
    for (int rank = 0; rank < IO_CLASS_COUNT; rank++)
        if (!list_empty(&account->runnable[rank]))
            return true;
    return false;
}

/* Least used first; among equals, one with a woken task before one with only starts. */
static void reorder(struct io_account *account)
{
    struct io_shard *shard = account->shard;
    if (has_runnable(account))
        heap_set(&shard->runnable, &account->run_position, account->used_ns << 1 | list_empty(&account->runnable[IO_CLASS_WOKEN]));
    else
        heap_remove(&shard->runnable, &account->run_position);
}

static bool may_run_more(const struct io_account *account)
{
    return account->max_running == 0 || account->running < account->max_running;
}

/* In the heap of the starved: has queued tasks that its own bound would let run. */
static void reorder_starved(struct io_account *account)
{
    struct io_shard *shard = account->shard;
    if (!list_empty(&account->waiting) && may_run_more(account))
        heap_set(&shard->starved, &account->admit_position, account->used_ns);
    else
        heap_remove(&shard->starved, &account->admit_position);
}

static void charge(struct io_account *account, uint64_t ns)
{
    account->used_ns += ns;
    reorder(account);
    if (account->admit_position)
        reorder_starved(account);
}

void io_account_init(struct io_account *account, const char *name)
{
    *account = (struct io_account){.name = name, .max_queued = IO_MAX_QUEUED_DEFAULT};
    list_init(&account->tasks);
    list_init(&account->waiting);
    list_init(&account->link);
    for (int rank = 0; rank < IO_CLASS_COUNT; rank++)
        list_init(&account->runnable[rank]);
    io_event_init(&account->drained);
    account->drained.set = true;
}

void io_account_charge(struct io_account *account, uint64_t ns)
{
    account->charged_ns += ns;
    if (account->shard)
        charge(account, ns);
    else
        account->used_ns += ns;
}

void io_account_cancel(struct io_account *account)
{
    list_each (task, &account->tasks, struct io_task, account_link)
        io_task_cancel(task);
}

enum status io_account_drain(struct io_account *account, uint64_t deadline)
{
    struct io_task *self = io_task_current();
    if (self && self->account == account)
        return ST_INTERNAL;
    return io_wait(&account->drained, deadline);
}

/* --- runnable tasks ---------------------------------------------------------------------------------------------------------- */

void io_task_enqueue(struct io_task *task, enum io_class rank)
{
    struct io_account *account = task->account;
    struct io_shard *shard = account->shard;
    if (!account->run_position)
        account->used_ns = MAX(account->used_ns, shard->floor_ns);
    if (list_empty(&account->runnable[rank]))
        account->class_since[rank] = 0;
    list_push_back(&account->runnable[rank], &task->run_link);
    task->state = TASK_RUNNABLE;
    reorder(account);
}

void io_task_wake(struct io_task *task)
{
    if (task->state != TASK_PARKED)
        return;
    bug_unless(task->account->shard == io_shard_here);
    io_task_enqueue(task, IO_CLASS_WOKEN);
}

void io_task_cancel(struct io_task *task)
{
    task->cancelled = true;
    if (task->cancel_masked == 0)
        io_task_wake(task);
}

void io_task_uncancel(struct io_task *task)
{
    if (!task->account->shard->stopping)
        task->cancelled = false;
}

struct io_task *io_task_current(void)
{
    return io_shard_here ? io_shard_here->task : NULL;
}

/* Fires at or before the deadline of the wait the task is in: waits do not move it when they end, only to have it earlier. */
static void task_timer_fire(struct io_timer *timer)
{
    struct io_task *task = CONTAINER_OF(timer, struct io_task, timer);
    if (task->wait_deadline == CLOCK_NEVER)
        return;
    if (task->wait_deadline > io_shard_here->now)
        io_timer_arm(timer, task->wait_deadline);
    else
        io_task_wake(task);
}

/* --- starting ---------------------------------------------------------------------------------------------------------------- */

static bool has_outer_slot(const struct io_shard *shard)
{
    return shard->running < shard->max_running - shard->reserve;
}

/* From now on the task counts against both bounds; it gets its coroutine when it first runs. */
static void promise(struct io_task *task, enum io_class rank)
{
    struct io_account *account = task->account;
    account->running++;
    account->shard->running++;
    if (account->admit_position)
        reorder_starved(account);
    io_task_enqueue(task, rank);
}

static void admit_starved(struct io_shard *shard)
{
    while (shard->starved.len > 0 && has_outer_slot(shard)) {
        struct io_account *account = HEAP_FIRST(&shard->starved, struct io_account, admit_position);
        struct io_task *task = LIST_ITEM(account->waiting.next, struct io_task, run_link);
        list_remove(&task->run_link);
        account->queued--;
        promise(task, IO_CLASS_START);
        reorder_starved(account);
    }
}

/* Coroutines are made on the loop's stack: a coroutine that needs one leaves an errand and parks, and the loop comes straight back
 * to it, so nothing else runs in between. */
static enum status take_coroutine(struct io_shard *shard, struct coro **ret_coro, struct error *err)
{
    if (!coro_current() || shard->coros.idle_count > 0)
        return coro_take(&shard->coros, ret_coro, err);
    struct errand errand = {.ret_coro = ret_coro, .err = err};
    shard->errand = &errand;
    coro_park();
    return errand.status;
}

static bool run_errands(struct io_shard *shard, struct coro *coro, bool ended)
{
    while (shard->errand) {
        struct errand *errand = shard->errand;
        shard->errand = NULL;
        errand->status = coro_take(&shard->coros, errand->ret_coro, errand->err);
        ended = coro_resume(coro);
    }
    return ended;
}

static enum status start_inner(struct io_task *task, struct error *err)
{
    struct io_shard *shard = task->account->shard;
    if (shard->running >= shard->max_running)
        return fail(err, ST_LIMIT, "all %u coroutines of the shard are in use, the reserve for inner calls included",
                    shard->max_running);
    TRY(take_coroutine(shard, &task->coro, err));
    promise(task, IO_CLASS_WOKEN);
    return ST_OK;
}

static enum status start_outer(struct io_task *task, struct error *err)
{
    struct io_account *account = task->account;
    if (list_empty(&account->waiting) && may_run_more(account) && has_outer_slot(account->shard)) {
        promise(task, IO_CLASS_START);
        return ST_OK;
    }
    if (account->queued >= account->max_queued)
        return fail(err, ST_LIMIT, "`%s` has %u tasks running and %u queued, which is its bound", account->name, account->running,
                    account->queued);
    list_push_back(&account->waiting, &task->run_link);
    account->queued++;
    task->state = TASK_WAITING;
    reorder_starved(account);
    return ST_OK;
}

static void join_account(struct io_task *task, struct io_account *account)
{
    struct io_shard *shard = io_shard_here;
    bug_unless(!account->shard || account->shard == shard);
    account->shard = shard;
    task->account = account;
}

static void update_quiet(struct io_shard *shard)
{
    if (shard->tasks <= shard->drainers)
        io_event_set(&shard->quiet);
    else
        io_event_clear(&shard->quiet);
}

static void count_task(struct io_task *task)
{
    struct io_account *account = task->account;
    if (list_empty(&account->tasks))
        list_push_back(&account->shard->accounts, &account->link);
    list_push_back(&account->tasks, &task->account_link);
    io_event_clear(&account->drained);
    account->shard->tasks++;
    update_quiet(account->shard);
}

enum status io_task_start(struct io_task *task, void (*run)(struct io_task *), struct io_account *account, unsigned flags,
                          struct error *err)
{
    struct io_shard *shard = io_shard_here;
    if (!shard)
        return fail(err, ST_INTERNAL, "a task can be started only on a shard");
    *task = (struct io_task){.run = run,
                             .flags = flags,
                             .cancelled = shard->stopping,
                             .wait_deadline = CLOCK_NEVER,
                             .started_ns = shard->now,
                             .state = TASK_NEW};
    io_event_init(&task->done);
    io_timer_init(&task->timer, task_timer_fire);
    list_init(&task->run_link);
    list_init(&task->account_link);
    join_account(task, account ? account : &shard->own);
    TRY(flags & IO_TASK_INNER ? start_inner(task, err) : start_outer(task, err));
    count_task(task);
    return ST_OK;
}

/* --- running ----------------------------------------------------------------------------------------------------------------- */

static void task_body(void *arg)
{
    struct io_task *task = arg;
    task->run(task);
}

/* Stacks can run out before coroutines do (no memory, or a pool that shards share). Tasks that get none stand in line, in order;
 * one at a time tries again: when another task ends, when one was lucky, or after a while. */
static void retry_stalled(struct io_shard *shard)
{
    if (shard->retrying || list_empty(&shard->stalled))
        return;
    struct io_task *task = LIST_ITEM(shard->stalled.next, struct io_task, run_link);
    list_remove(&task->run_link);
    io_task_enqueue(task, IO_CLASS_START);
    list_remove(&task->run_link);
    list_push_front(&task->account->runnable[IO_CLASS_START], &task->run_link);
    shard->retrying = task;
}

static void stall_timer_fire(struct io_timer *timer)
{
    retry_stalled(CONTAINER_OF(timer, struct io_shard, stall_timer));
}

static void stall(struct io_shard *shard, struct io_task *task, bool goes_first)
{
    task->state = TASK_STALLED;
    if (goes_first)
        list_push_front(&shard->stalled, &task->run_link);
    else
        list_push_back(&shard->stalled, &task->run_link);
    io_timer_arm(&shard->stall_timer, shard->now + STALL_RETRY_NS);
}

static bool give_coroutine(struct io_shard *shard, struct io_task *task)
{
    bool is_retry = shard->retrying == task, may_try = is_retry || list_empty(&shard->stalled) || shard->coros.idle_count > 0;
    struct error err = {.message = "others stand in line"};
    if (is_retry)
        shard->retrying = NULL;
    if (may_try && coro_take(&shard->coros, &task->coro, &err) == ST_OK) {
        retry_stalled(shard);
        return true;
    }
    log_debug("a coroutine cannot be created; its task waits", LOG_TEXT("account", task->account->name),
              LOG_TEXT("reason", err.message));
    stall(shard, task, is_retry);
    return false;
}

static void uncount_task(struct io_task *task)
{
    struct io_account *account = task->account;
    struct io_shard *shard = account->shard;
    account->running--;
    shard->running--;
    shard->tasks--;
    list_remove(&task->account_link);
    if (list_empty(&account->tasks)) {
        list_remove(&account->link);
        io_event_set(&account->drained);
    }
    update_quiet(shard);
}

/* The task's storage may go with on_done, and its account with it. */
static void finish(struct io_shard *shard, struct io_task *task)
{
    struct io_account *account = task->account;
    task->state = TASK_NEW;
    task->coro = NULL;
    io_timer_disarm(&task->timer);
    if (task->spinning)
        atomic_fetch_sub_explicit(&shard->spinners, 1, memory_order_relaxed);
    uncount_task(task);
    if (!list_empty(&account->waiting))
        reorder_starved(account);
    admit_starved(shard);
    retry_stalled(shard);
    io_event_set(&task->done);
    if (task->on_done)
        task->on_done(task);
}

/* Runs the task until it parks or ends; true when it has ended. */
static bool switch_to(struct io_shard *shard, struct io_task *task)
{
    task->state = TASK_RUNNING;
    shard->task = task;
    shard->io_budget = IO_BUDGET;
    if (task->guest_depth > 0)
        io_guest_publish(shard, task, true);
    bool ended;
    if (task->begun) {
        ended = coro_resume(task->coro);
    } else {
        task->begun = true;
        ended = coro_run(task->coro, task_body, task);
    }
    ended = run_errands(shard, task->coro, ended);
    if (task->guest_depth > 0)
        io_guest_publish(shard, task, false);
    shard->task = NULL;
    return ended;
}

/* The clock of the loop is cheap and near enough for short slices. A guest that spins takes long ones, in which the kernel may have
 * run others on this core: they are measured by the thread's own clock. */
static void run_task(struct io_shard *shard, struct io_task *task)
{
    struct io_account *account = task->account;
    uint64_t began = shard->now, cpu_began = task->spinning ? clock_thread_cpu() : 0;
    bool ended = switch_to(shard, task);
    shard->now = clock_now();
    uint64_t used = cpu_began ? clock_thread_cpu() - cpu_began : shard->now - began;
    account->cpu_ns += used;
    charge(account, used);
    if (ended)
        finish(shard, task);
    else if (task->state == TASK_YIELDED)
        io_task_enqueue(task, IO_CLASS_WOKEN);
    else if (task->state == TASK_SPENT)
        io_task_enqueue(task, IO_CLASS_SPENT);
    else
        bug_unless(task->state == TASK_PARKED); /* else it called coro_park itself, and nobody would find it */
}

/* The first task of a class, if it may run in this turn: one that has given way waits until the loop has looked for events. */
static struct io_task *first_of(const struct io_account *account, enum io_class rank)
{
    const struct list *queue = &account->runnable[rank];
    struct io_task *task = list_empty(queue) ? NULL : LIST_ITEM(queue->next, struct io_task, run_link);
    return task && task->yielded_turn != account->shard->turn ? task : NULL;
}

/* Whether the class has been passed over for too long. Its wait begins when it is passed over first: the loop's time may be old
 * when a task is queued. */
static bool is_overdue(struct io_account *account, enum io_class rank, uint64_t now)
{
    if (account->class_since[rank] == 0)
        account->class_since[rank] = now;
    return now - account->class_since[rank] >= CLASS_PATIENCE_NS;
}

/* The first task of the highest class, unless a lower one is overdue. */
static struct io_task *choose(struct io_account *account)
{
    uint64_t now = account->shard->now;
    struct io_task *chosen = NULL;
    enum io_class chosen_rank = IO_CLASS_WOKEN;
    bool overdue = false;
    for (enum io_class rank = IO_CLASS_WOKEN; rank < IO_CLASS_COUNT && !overdue; rank++) {
        struct io_task *task = first_of(account, rank);
        overdue = chosen && task && is_overdue(account, rank, now);
        if (task && (!chosen || overdue)) {
            chosen = task;
            chosen_rank = rank;
        }
    }
    if (chosen)
        account->class_since[chosen_rank] = now;
    return chosen;
}

bool io_run_queue_step(struct io_shard *shard)
{
    if (shard->runnable.len == 0)
        return false;
    struct io_account *account = HEAP_FIRST(&shard->runnable, struct io_account, run_position);
    struct io_task *task = choose(account);
    if (!task)
        return false;
    shard->floor_ns = MAX(shard->floor_ns, account->used_ns);
    list_remove(&task->run_link);
    if (task->coro || give_coroutine(shard, task))
        run_task(shard, task);
    else
        reorder(account);
    return true;
}

/* --- the shard's part -------------------------------------------------------------------------------------------------------- */

void io_tasks_init(struct io_shard *shard)
{
    io_account_init(&shard->own, "shard");
    list_init(&shard->accounts);
    list_init(&shard->stalled);
    io_timer_init(&shard->stall_timer, stall_timer_fire);
    io_event_init(&shard->quiet);
}

void io_tasks_release(struct io_shard *shard)
{
    bug_unless(shard->tasks == 0);
    heap_release(&shard->runnable);
    heap_release(&shard->starved);
}

enum status io_shard_drain(uint64_t deadline)
{
    struct io_shard *shard = io_shard_here;
    if (!io_task_current())
        return ST_INTERNAL;
    shard->drainers++;
    update_quiet(shard);
    enum status status = io_wait(&shard->quiet, deadline);
    shard->drainers--;
    update_quiet(shard);
    return status;
}

void io_shard_cancel_all(struct io_shard *shard)
{
    list_each (account, &shard->accounts, struct io_account, link)
        io_account_cancel(account);
}

/* Instances whose guests wait in host functions, several on one shard: they park and go on in any order. */
#include "base/mem.h"
#include "host_things.h"
#include "io/shard.h"
#include "runtime_help.h"

#define GUESTS 24

struct guest {
    struct io_task task;
    struct io_event event;
    struct runtime *rt;
    unsigned number;
    bool waiting;
    uint32_t result;
    enum status status;
    enum engine_trap_kind kind;
};

static struct guest guests[GUESTS];

/* Waits for the guest's own event; nested: calls the instance of the next guest meanwhile, which waits itself. */
static enum status wait_here(struct things *things, struct cm_call *call, uint32_t *ret)
{
    struct guest *guest = cm_call_data(call, CM_DATA_TEST);
    (void)things;
    guest->waiting = true;
    TRY(io_wait(&guest->event, CLOCK_NEVER));
    guest->waiting = false;
    *ret = 100 * guest->number;
    return ST_OK;
}

static void run_guest(struct io_task *task)
{
    struct guest *guest = CONTAINER_OF(task, struct guest, task);
    const struct cm_instance_options options = {.data[CM_DATA_TEST] = guest};
    struct cm_instance *instance;
    const struct cm_export *export;
    struct error err;
    guest->status = cm_instantiate(guest->rt->linked, &options, &instance, &err);
    if (guest->status != ST_OK)
        return;
    guest->status = cm_export_open(guest->rt->linked, STR(""), STR("pause"), &export, &err);
    if (guest->status == ST_OK)
        guest->status = cm_call_export(instance, export, NULL, &guest->result, &err);
    guest->kind = cm_instance_trap_kind(instance);
    cm_instance_free(instance);
}

static bool start(struct runtime *rt, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        guests[i] = (struct guest){.rt = rt, .number = i};
        io_event_init(&guests[i].event);
        if (io_task_start(&guests[i].task, run_guest, NULL, 0, &rt->err) != ST_OK)
            return tap_fail(__FILE__, __LINE__, "%s", rt->err.message);
    }
    for (unsigned i = 0; i < count; i++)
        while (!guests[i].waiting)
            io_yield();
    return true;
}

static bool join(unsigned number)
{
    return io_wait(&guests[number].task.done, CLOCK_NEVER) == ST_OK;
}

static void two_guests(struct runtime *rt)
{
    CHECK(start(rt, 2));
    io_event_set(&guests[1].event);
    CHECK(join(1));
    CHECK_EQ(guests[1].status, ST_OK);
    CHECK_EQ(guests[1].result, 101);
    CHECK(guests[0].waiting);
    io_event_set(&guests[0].event);
    CHECK(join(0));
    CHECK_EQ(guests[0].status, ST_OK);
    CHECK_EQ(guests[0].result, 1);
}

static void many_guests(struct runtime *rt)
{
    CHECK(start(rt, GUESTS));
    for (unsigned i = 0; i < GUESTS; i++) {
        unsigned number = (i * 7 + 3) % GUESTS; /* neither first in first out nor the reverse */
        io_event_set(&guests[number].event);
        CHECK(join(number));
        CHECK_EQ(guests[number].status, ST_OK);
        CHECK_EQ(guests[number].result, 100 * number + 1);
    }
}

static void cancelled_guests(struct runtime *rt)
{
    CHECK(start(rt, 3));
    io_task_cancel(&guests[1].task);
    CHECK(join(1));
    CHECK_EQ(guests[1].status, ST_CANCELLED);
    CHECK_EQ(guests[1].kind, ENGINE_TRAP_INTERRUPT);
    io_event_set(&guests[2].event);
    io_event_set(&guests[0].event);
    CHECK(join(0));
    CHECK(join(2));
    CHECK_EQ(guests[0].status, ST_OK);
    CHECK_EQ(guests[2].result, 201);
}

/* --- on a shard -------------------------------------------------------------------------------------------------------------- */

struct body {
    struct io_task task;
    struct io_message message;
    struct io_shard *shard;
    struct runtime *rt;
    void (*run)(struct runtime *rt);
};

static void run_body(struct io_task *task)
{
    struct body *body = CONTAINER_OF(task, struct body, task);
    body->run(body->rt);
    for (unsigned i = 0; i < GUESTS; i++) /* after a failed check */
        if (guests[i].waiting)
            io_task_cancel(&guests[i].task);
    if (io_shard_drain(clock_after(60 * NS_PER_SECOND)) != ST_OK)
        tap_fail(__FILE__, __LINE__, "tasks are left");
    io_shard_stop(body->shard);
}

static void start_body(struct io_message *message)
{
    struct body *body = CONTAINER_OF(message, struct body, message);
    if (io_task_start(&body->task, run_body, NULL, 0, NULL) != ST_OK)
        bug("no task on a fresh shard");
}

static bool on_shard(void (*run)(struct runtime *rt))
{
    struct things things = {.pause = wait_here};
    struct runtime rt = {0};
    struct io_shard_options options = {
        .coro_ops = &coro_fiber, .coro_env = runtime_engine(), .max_coroutines = GUESTS + 4, .reserve = 1, .cpu = -1};
    struct body body = {.rt = &rt, .run = run, .message.run = start_body};
    bool opened = runtime_load(&rt, "things.wat") && runtime_add(&rt, &things_interface, &things) &&
                  runtime_try_link(&rt) == ST_OK && io_shard_new(0, &options, &body.shard, &rt.err) == ST_OK;
    if (opened) {
        io_set_tick_hook(engine_tick, runtime_engine());
        io_post(body.shard, &body.message);
        io_shard_run(body.shard);
        io_shard_free(body.shard);
    }
    runtime_close(&rt);
    return opened || tap_fail(__FILE__, __LINE__, "%s", rt.err.message);
}

TEST(two_guests_wait_at_once)
{
    CHECK(on_shard(two_guests));
}

TEST(many_guests_go_on_in_any_order)
{
    CHECK(on_shard(many_guests));
}

TEST(a_waiting_guest_is_cancelled)
{
    CHECK(on_shard(cancelled_guests));
}

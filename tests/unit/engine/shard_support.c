#include "unit/engine/shard_support.h"

struct body_task {
    struct io_task task;
    struct io_message message;
    struct io_shard *shard;
    void (*body)(void *arg);
    void *arg;
};

static void run_body(struct io_task *task)
{
    struct body_task *self = CONTAINER_OF(task, struct body_task, task);
    self->body(self->arg);
    if (io_shard_drain(clock_after(60 * NS_PER_SECOND)) != ST_OK)
        tap_fail(__FILE__, __LINE__, "tasks are left");
    io_shard_stop(self->shard);
}

static void start_body(struct io_message *message)
{
    struct body_task *self = CONTAINER_OF(message, struct body_task, message);
    struct error err;
    if (io_task_start(&self->task, run_body, NULL, 0, &err) != ST_OK)
        bug("%s", err.message);
}

void test_on_shard(struct engine *engine, unsigned max_coroutines, void (*body)(void *arg), void *arg)
{
    struct io_shard_options options = {
        .coro_ops = &coro_fiber, .coro_env = engine, .max_coroutines = max_coroutines, .reserve = 1, .cpu = -1};
    struct body_task self = {.body = body, .arg = arg, .message.run = start_body};
    struct error err;
    io_set_tick_hook(engine_tick, engine);
    if (io_shard_new(0, &options, &self.shard, &err) != ST_OK)
        bug("%s", err.message);
    io_post(self.shard, &self.message);
    io_shard_run(self.shard);
    io_shard_free(self.shard);
}

void guest_task_init(struct guest_task *guest, struct engine *engine, const struct test_guest *code, size_t export_index,
                     int32_t argument)
{
    *guest = (struct guest_task){.engine = engine, .code = code, .export_index = export_index, .argument = argument};
    io_event_init(&guest->event);
}

static void finish(struct guest_task *guest, const struct engine_instance *instance)
{
    guest->trap_kind = engine_trap_kind(guest->store);
    guest->trap_status = engine_trap_status(guest->store);
    if (guest->look && instance)
        guest->look(guest, guest->store, instance);
    engine_store_free(guest->store);
    guest->store = NULL;
}

void guest_task_run(struct guest_task *guest)
{
    struct engine_instance instance;
    struct engine_extern found, memory;
    union engine_raw raw = {.i32 = guest->argument};
    guest->status = engine_store_new(guest->engine, guest, NULL, &guest->store, &guest->err);
    if (guest->status != ST_OK)
        return;
    guest->status = engine_pre_instantiate(guest->code->pre, guest->store, &instance, &guest->err);
    if (guest->status != ST_OK) {
        finish(guest, NULL);
        return;
    }
    bug_unless(engine_instance_export(guest->store, &instance, guest->export_index, &found) && found.kind == ENGINE_FUNC);
    if (engine_instance_export(guest->store, &instance, 0, &memory) && memory.kind == ENGINE_MEMORY)
        guest->memory = memory.memory;
    guest->status = engine_call(guest->store, &found.func, &raw, 1, &guest->err);
    guest->result = raw.i32;
    finish(guest, &instance);
}

static void run_task(struct io_task *task)
{
    guest_task_run(CONTAINER_OF(task, struct guest_task, task));
}

bool guest_task_start(struct guest_task *guest, struct io_account *account)
{
    struct error err;
    if (io_task_start(&guest->task, run_task, account, 0, &err) == ST_OK)
        return true;
    return tap_fail(__FILE__, __LINE__, "%s", err.message);
}

void guest_task_join(struct guest_task *guest)
{
    if (io_wait(&guest->task.done, CLOCK_NEVER) != ST_OK)
        tap_fail(__FILE__, __LINE__, "the waiting test was cancelled");
}

enum status host_wait(void *env UNUSED, struct engine_store *store, union engine_raw *raw, size_t count UNUSED)
{
    struct guest_task *guest = engine_store_data(store);
    guest->waiting = true;
    enum status status = io_wait(&guest->event, CLOCK_NEVER);
    guest->waiting = false;
    io_event_clear(&guest->event);
    guest->waits++;
    raw[0].i32++;
    return status;
}

void guest_task_wake(struct guest_task *guest)
{
    io_event_set(&guest->event);
}

void guest_task_await_wait(struct guest_task *guest)
{
    while (!guest->waiting && !guest->task.done.set)
        io_yield();
}

uint32_t test_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#include "exercise.h"

#include "abi_help.h"
#include "base/clock.h"
#include "base/mem.h"
#include "component/instance.h"
#include "host_things.h"
#include "io/shard.h"

#define MAX_EXPORTS 40

struct run {
    struct exercise *exercise;
    struct cm_component *component;
    struct cm_linked *linked;
    struct arena arena;
    struct random random;
    uint64_t outcome; /* of the calls so far: a hash of their results and traps */
    /* The shard it runs on: */
    struct io_task task, watch;
    struct io_message start;
    struct io_shard *shard;
};

/* --- calling ----------------------------------------------------------------------------------------------------------------- */

/* NULL: a handle is wanted, and there is none to give. */
static void *random_args(struct run *run, const struct cm_func_desc *func)
{
    char *args = arena_alloc(&run->arena, func->args_size + 16u);
    for (uint32_t i = 0; i < func->param_count; i++) {
        const struct cm_field_desc *param = &func->params[i];
        if (param->type->kind == CM_OWN || param->type->kind == CM_BORROW || param->type->kind == CM_STREAM ||
            param->type->kind == CM_FUTURE)
            return NULL;
        random_value(&run->random, &run->arena, param->type, args + param->offset);
    }
    return args;
}

static void add_outcome(struct run *run, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        run->outcome = (run->outcome ^ (uint8_t)text.data[i]) * 0x100000001b3;
}

static void call_export(struct run *run, struct cm_instance *instance, struct str name)
{
    struct exercise *e = run->exercise;
    const struct cm_export *export;
    if (cm_export_open(run->linked, STR(""), name, &export, &e->err) != ST_OK)
        return;
    const struct cm_func_desc *func = cm_export_desc(export);
    if (func->args_size > 4096 || (func->result && func->result->size > 65536))
        return;
    void *args = random_args(run, func), *result = arena_alloc(&run->arena, func->result ? func->result->size + 1u : 1);
    if (!args)
        return;
    e->calls++;
    if (cm_call_export(instance, export, args, result, &e->err) != ST_OK) {
        e->traps++;
        add_outcome(run, str_of(e->err.message));
    } else if (func->result) {
        if (func->result->kind <= CM_STRING) /* others may hold addresses */
            add_outcome(run, value_text(&run->arena, func->result, result));
        cm_abi_discard(func->result, result);
    }
}

static uint64_t call_exports(struct run *run, struct cm_instance *instance)
{
    size_t count;
    const struct cm_component_item *items = cm_component_exports(run->component, &count);
    run->random.state = run->exercise->seed | 1;
    run->outcome = 0;
    for (size_t i = 0; i < count && i < MAX_EXPORTS; i++)
        if (items[i].kind == CM_ITEM_FUNC)
            call_export(run, instance, items[i].name);
    return run->outcome;
}

static void run_instance(struct run *run)
{
    struct exercise *e = run->exercise;
    const struct cm_instance_options options = {
        .limits = {.memory_bytes = 1 << 20, .table_elements = 1000, .instances = 20, .memories = 20, .tables = 20},
        .copy_budget_bytes = 1 << 20,
        .max_handles = 100};
    struct cm_instance *instance;
    e->reached = EXERCISE_FAILED;
    if (cm_instantiate(run->linked, &options, &instance, &e->err) != ST_OK)
        return;
    e->reached = EXERCISE_CALLED;
    cm_image_take(instance);
    uint64_t outcome = call_exports(run, instance);
    if (cm_instance_renew(instance, 1 << 20)) {
        e->renewals++;
        if (call_exports(run, instance) != outcome && !e->cancelled)
            bug("a renewed instance is not as a new one");
    }
    cm_instance_free(instance);
}

/* --- on a shard of its own, under a watch ------------------------------------------------------------------------------------ */

static void run_task(struct io_task *task)
{
    run_instance(CONTAINER_OF(task, struct run, task));
}

static void run_watch(struct io_task *watch)
{
    struct run *run = CONTAINER_OF(watch, struct run, watch);
    uint64_t deadline = clock_after(run->exercise->limit_ms * NS_PER_MS);
    if (io_task_start(&run->task, run_task, NULL, 0, NULL) != ST_OK)
        bug("no task on a fresh shard");
    if (io_wait(&run->task.done, deadline) != ST_OK) {
        run->exercise->cancelled = true;
        io_task_cancel(&run->task);
        if (io_wait(&run->task.done, CLOCK_NEVER) != ST_OK)
            bug("the watch was cancelled");
    }
    io_shard_stop(run->shard);
}

static void start_watch(struct io_message *message)
{
    struct run *run = CONTAINER_OF(message, struct run, start);
    if (io_task_start(&run->watch, run_watch, NULL, 0, NULL) != ST_OK)
        bug("no task on a fresh shard");
}

static void run_watched(struct run *run)
{
    struct io_shard_options options = {
        .coro_ops = &coro_fiber, .coro_env = run->exercise->engine, .max_coroutines = 3, .reserve = 1, .cpu = -1};
    struct error err;
    if (io_shard_new(0, &options, &run->shard, &err) != ST_OK)
        bug("%s", err.message);
    io_set_tick_hook(engine_tick, run->exercise->engine);
    run->start.run = start_watch;
    io_post(run->shard, &run->start);
    io_shard_run(run->shard);
    io_shard_free(run->shard);
}

void exercise_run(struct exercise *e, struct str bytes)
{
    struct things things = {0};
    struct run run = {.exercise = e};
    struct cm_linker *linker;
    const struct cm_load_options options = {.no_elide = e->no_elide};
    e->err.message[0] = 0;
    e->reached = EXERCISE_REJECTED;
    if (cm_component_load(e->engine, bytes, &options, &run.component, &e->err) != ST_OK)
        return;
    arena_init(&run.arena, SIZE_MAX);
    if (cm_linker_new(&linker) != ST_OK || cm_linker_add(linker, &things_interface, &things, &e->err) != ST_OK)
        bug("%s", e->err.message);
    e->reached = EXERCISE_UNLINKED;
    if (cm_link(run.component, linker, &run.linked, &e->err) == ST_OK)
        run_watched(&run);
    cm_linked_free(run.linked);
    cm_linker_free(linker);
    cm_component_unref(run.component);
    arena_release(&run.arena);
    e->objects_left = things.counters;
}

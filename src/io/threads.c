/* A thread for each shard. */
#include "base/vec.h"
#include "io/cpus.h"
#include "io/runtime.h"
#include "io/shard.h"

struct shard_thread {
    struct io_shards *group;
    struct io_shard *shard;
    struct io_message setup;
    pthread_t thread;
    bool started;
};

struct io_shards {
    struct io_shards_options options;
    struct shard_thread *threads;
    unsigned count;
};

static void run_setup(struct io_message *message)
{
    struct shard_thread *self = CONTAINER_OF(message, struct shard_thread, setup);
    self->group->options.setup(self->shard, self->group->options.env);
}

static void *shard_main(void *arg)
{
    struct shard_thread *self = arg;
    io_shard_run(self->shard);
    return NULL;
}

static enum status start_one(struct shard_thread *self, unsigned index, int cpu, struct error *err)
{
    const struct io_shards_options *options = &self->group->options;
    struct io_shard_options shard_options = options->shard;
    shard_options.cpu = cpu;
    TRY(io_shard_new(index, &shard_options, &self->shard, err));
    if (options->setup) {
        self->setup.run = run_setup;
        io_post(self->shard, &self->setup);
    }
    int error = io_thread_start(&self->thread, 0, shard_main, self);
    if (error != 0)
        return fail(err, ST_LIMIT, "start the thread of shard %u: %s", index, strerror(error));
    self->started = true;
    return ST_OK;
}

enum status io_shards_start(const struct io_shards_options *options, struct io_shards **ret_shards, struct error *err)
{
    enum { MOST_CPUS = 1024 };
    int cpus[MOST_CPUS];
    unsigned cpu_count = MIN(io_affinity_list(cpus, MOST_CPUS), MOST_CPUS);
    struct io_shards *group = NEW(struct io_shards);
    group->options = *options;
    group->count = options->count ? options->count : io_shards_recommended();
    group->threads = mem_array(group->count, sizeof *group->threads);
    enum status status = ST_OK;
    for (unsigned i = 0; i < group->count && status == ST_OK; i++) {
        group->threads[i].group = group;
        status = start_one(&group->threads[i], i, options->pin ? cpus[i % cpu_count] : -1, err);
    }
    if (status != ST_OK) {
        io_shards_stop(group);
        io_shards_join(group);
        return status;
    }
    *ret_shards = group;
    return ST_OK;
}

unsigned io_shards_count(const struct io_shards *group)
{
    return group->count;
}

struct io_shard *io_shards_get(const struct io_shards *group, unsigned index)
{
    return index < group->count ? group->threads[index].shard : NULL;
}

void io_shards_stop(struct io_shards *group)
{
    for (unsigned i = 0; i < group->count; i++)
        if (group->threads[i].shard)
            io_shard_stop(group->threads[i].shard);
}

/* A shard is freed only when all have ended: they may post to each other until then. */
void io_shards_join(struct io_shards *group)
{
    if (!group)
        return;
    for (unsigned i = 0; i < group->count; i++)
        if (group->threads[i].started)
            pthread_join(group->threads[i].thread, NULL);
    for (unsigned i = 0; i < group->count; i++)
        io_shard_free(group->threads[i].shard);
    free(group->threads);
    free(group);
}

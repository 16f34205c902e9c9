/* wasi:io/error and wasi:io/poll. */
#include "base/mem.h"
#include "wasi/stream.h"
#include <stdalign.h>

/* --- errors ------------------------------------------------------------------------------------------------------------------- */

static void error_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_io_error_error, node));
}

struct wasi_io_error_error *wasi_error_new(enum wasi_error_kind kind, uint32_t code, const char *text)
{
    struct wasi_io_error_error *error = NEW(struct wasi_io_error_error);
    wasi_node_init(&error->node, NULL, error_destroy);
    error->kind = kind;
    error->code = code;
    error->text = text;
    return error;
}

enum status wasi_io_error_error_to_debug_string(struct cm_call *call UNUSED, struct wasi_io_error_error *self, struct str *ret)
{
    *ret = str_of(self->text);
    return ST_OK;
}

enum status wasi_io_error_error_drop(struct cm_call *call, struct wasi_io_error_error *self)
{
    return wasi_node_drop(call, &self->node);
}

/* --- pollables ---------------------------------------------------------------------------------------------------------------- */

static void pollable_destroy(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_io_poll_pollable, node));
}

struct wasi_io_poll_pollable *wasi_pollable_new(struct wasi_node *watched, wasi_pollable_event event, uint64_t deadline)
{
    struct wasi_io_poll_pollable *pollable = NEW(struct wasi_io_poll_pollable);
    wasi_node_init(&pollable->node, watched, pollable_destroy);
    pollable->event = event;
    pollable->deadline = deadline;
    return pollable;
}

/* When not ready: *ret_event is what to wait for (NULL: only the deadline counts), no longer than until *ret_deadline. */
static bool is_ready(struct wasi_io_poll_pollable *pollable, uint64_t now, struct io_event **ret_event, uint64_t *ret_deadline)
{
    *ret_event = NULL;
    *ret_deadline = pollable->deadline;
    if (pollable->event) {
        *ret_event = pollable->event(pollable->node.parent, ret_deadline);
        if (!*ret_event || (*ret_event)->set)
            return true;
    }
    return *ret_deadline <= now;
}

enum status wasi_io_poll_pollable_ready(struct cm_call *call UNUSED, struct wasi_io_poll_pollable *self, bool *ret)
{
    struct io_event *event;
    uint64_t deadline;
    *ret = is_ready(self, clock_now(), &event, &deadline);
    return ST_OK;
}

enum status wasi_io_poll_pollable_block(struct cm_call *call UNUSED, struct wasi_io_poll_pollable *self)
{
    struct io_event *event;
    uint64_t deadline;
    while (!is_ready(self, clock_now(), &event, &deadline)) {
        enum status status = io_wait_any(&event, event ? 1 : 0, deadline);
        if (status != ST_OK && status != ST_TIMEOUT)
            return status;
    }
    return ST_OK;
}

enum status wasi_io_poll_pollable_drop(struct cm_call *call, struct wasi_io_poll_pollable *self)
{
    return wasi_node_drop(call, &self->node);
}

#define POLL_MAX 65536 /* entries of one list; looking at them is not interrupted */

struct poll_round {
    uint32_t *ready;
    size_t ready_count;
    struct io_event **events;
    size_t event_count;
    uint64_t deadline;
};

static void look(const struct cm_list_wasi_io_poll_pollable *in, struct poll_round *round)
{
    uint64_t now = clock_now();
    round->ready_count = round->event_count = 0;
    round->deadline = CLOCK_NEVER;
    for (size_t i = 0; i < in->len; i++) {
        struct io_event *event;
        uint64_t deadline;
        if (is_ready(in->items[i], now, &event, &deadline))
            round->ready[round->ready_count++] = (uint32_t)i;
        else if (event)
            round->events[round->event_count++] = event;
        round->deadline = MIN(round->deadline, deadline);
    }
}

enum status wasi_io_poll_poll(struct cm_call *call, const struct cm_list_wasi_io_poll_pollable *in, struct cm_list_u32 *ret)
{
    if (in->len == 0)
        return cm_trap(call, "empty poll list");
    if (in->len > POLL_MAX)
        return cm_trap(call, "poll list of %zu entries is longer than %d", in->len, POLL_MAX);
    struct arena *arena = cm_call_arena(call);
    struct poll_round round = {
        .ready = arena_try(arena, in->len * sizeof(uint32_t), alignof(uint32_t)),
        .events = arena_try(arena, in->len * sizeof(struct io_event *), alignof(struct io_event *)),
    };
    if (!round.ready || !round.events)
        return cm_trap(call, "poll list of %zu entries is too long", in->len);
    for (;;) {
        look(in, &round);
        if (round.ready_count > 0)
            break;
        enum status status = io_wait_any(round.events, round.event_count, round.deadline);
        if (status != ST_OK && status != ST_TIMEOUT)
            return status;
    }
    *ret = (struct cm_list_u32){round.ready, round.ready_count};
    return ST_OK;
}

/* Giving up.
 *
 * What blocks for long is given a `struct cancel` and asks it now and then, on the thread that blocks; when the answer is yes it ends
 * with ST_CANCELLED. {0} never says yes. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct cancel {
    bool (*asked)(const void *env);
    const void *env;
};

static inline bool cancel_asked(struct cancel cancel)
{
    return cancel.asked && cancel.asked(cancel.env);
}

static inline bool cancel_flag_is_set(const void *flag)
{
    return atomic_load((const atomic_bool *)flag);
}

/* A flag that another thread sets. */
static inline struct cancel cancel_by_flag(const atomic_bool *flag)
{
    return (struct cancel){cancel_flag_is_set, flag};
}

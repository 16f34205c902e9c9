/* What a thread keeps for its next requests: instances that ended, and arenas of calls, with the memory they had. A thread's end
 * frees its own. */
#pragma once

#include "component/instance.h"

#define CM_BACKTRACE_BYTES (64u << 10)

/* An instance of which only the arenas and the backtrace are initialised; the rest is as its last user left it. */
struct cm_instance *cm_pool_take_instance(void);
void cm_pool_give_instance(struct cm_instance *instance);

/* An empty arena that may grow to about max_bytes. */
struct arena *cm_pool_take_arena(uint64_t max_bytes);
void cm_pool_give_arena(struct arena *arena);

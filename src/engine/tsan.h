/* What ThreadSanitizer cannot see by itself: a slot of the pool passes from the thread that ended a store to one that instantiates
 * under locks of Wasmtime, whose code is not instrumented. In other builds these are nothing. */
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define pool_slots_given(pool) __tsan_release(pool)
#define pool_slots_taken(pool) __tsan_acquire(pool)
#else
#define pool_slots_given(pool) ((void)(pool))
#define pool_slots_taken(pool) ((void)(pool))
#endif

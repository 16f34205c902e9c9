/* Time. Deadlines are nanoseconds of CLOCK_MONOTONIC; CLOCK_NEVER means none. */
#pragma once

#include "base/str.h"

#define CLOCK_NEVER UINT64_MAX
#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

struct clock_time { /* since 1970-01-01T00:00:00Z */
    int64_t seconds;
    uint32_t nanoseconds;
};

uint64_t clock_now(void);        /* monotonic, ns */
uint64_t clock_thread_cpu(void); /* CPU time of this thread, ns */
uint64_t clock_resolution(void);
struct clock_time clock_wall(void);
uint64_t clock_after(uint64_t delay_ns); /* now + delay, saturating at CLOCK_NEVER */

#define CLOCK_TEXT_MAX 32
struct str clock_format_rfc3339(struct clock_time t, char ret_text[CLOCK_TEXT_MAX]); /* UTC, milliseconds */
struct str clock_format_http(struct clock_time t, char ret_text[CLOCK_TEXT_MAX]);    /* RFC 9110 IMF-fixdate */

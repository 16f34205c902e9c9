/* wasi:clocks: monotonic-clock, wall-clock, timezone. */
#include "base/clock.h"
#include "base/mem.h"
#include "wasi/stream.h"
#include <time.h>

enum status wasi_clocks_monotonic_clock_now(struct cm_call *call UNUSED, uint64_t *ret)
{
    *ret = clock_now();
    return ST_OK;
}

enum status wasi_clocks_monotonic_clock_resolution(struct cm_call *call UNUSED, uint64_t *ret)
{
    *ret = clock_resolution();
    return ST_OK;
}

enum status wasi_clocks_monotonic_clock_subscribe_instant(struct cm_call *call UNUSED, uint64_t when,
                                                          struct wasi_io_poll_pollable **ret)
{
    *ret = wasi_pollable_new(NULL, NULL, when);
    return ST_OK;
}

enum status wasi_clocks_monotonic_clock_subscribe_duration(struct cm_call *call UNUSED, uint64_t when,
                                                           struct wasi_io_poll_pollable **ret)
{
    *ret = wasi_pollable_new(NULL, NULL, clock_after(when));
    return ST_OK;
}

enum status wasi_clocks_wall_clock_now(struct cm_call *call UNUSED, struct wasi_clocks_wall_clock_datetime *ret)
{
    struct clock_time now = clock_wall();
    ret->seconds = now.seconds < 0 ? 0 : (uint64_t)now.seconds;
    ret->nanoseconds = now.nanoseconds;
    return ST_OK;
}

enum status wasi_clocks_wall_clock_resolution(struct cm_call *call UNUSED, struct wasi_clocks_wall_clock_datetime *ret)
{
    struct timespec resolution = {0};
    clock_getres(CLOCK_REALTIME, &resolution);
    ret->seconds = (uint64_t)resolution.tv_sec;
    ret->nanoseconds = (uint32_t)resolution.tv_nsec;
    return ST_OK;
}

/* A component lives in UTC: where the host stands is not its business. */
enum status wasi_clocks_timezone_display(struct cm_call *call UNUSED, const struct wasi_clocks_wall_clock_datetime *when UNUSED,
                                         struct wasi_clocks_timezone_timezone_display *ret)
{
    *ret = (struct wasi_clocks_timezone_timezone_display){.utc_offset = 0, .name = STR("UTC"), .in_daylight_saving_time = false};
    return ST_OK;
}

enum status wasi_clocks_timezone_utc_offset(struct cm_call *call UNUSED, const struct wasi_clocks_wall_clock_datetime *when UNUSED,
                                            int32_t *ret)
{
    *ret = 0;
    return ST_OK;
}

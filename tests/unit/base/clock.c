#include "base/clock.h"

#include "base/mem.h"
#include "tap.h"

TEST(monotonic)
{
    uint64_t before = clock_now();
    uint64_t after = clock_now();
    CHECK(before > 0);
    CHECK(after >= before);
    CHECK(clock_resolution() > 0);
    CHECK(clock_resolution() < NS_PER_SECOND);
}

TEST(thread_cpu_advances_with_work)
{
    uint64_t before = clock_thread_cpu();
    volatile unsigned work = 0;
    while (clock_thread_cpu() == before && work < 100000000)
        work++;
    CHECK(clock_thread_cpu() > before);
}

TEST(after_saturates)
{
    uint64_t now = clock_now(), deadline = clock_after(5 * NS_PER_MS);
    CHECK(deadline >= now + 5 * NS_PER_MS);
    CHECK(deadline < now + 60 * NS_PER_SECOND);
    CHECK(clock_after(CLOCK_NEVER) == CLOCK_NEVER);
    CHECK(clock_after(CLOCK_NEVER - 1) == CLOCK_NEVER);
}

TEST(wall_clock_is_this_century)
{
    struct clock_time t = clock_wall();
    CHECK(t.seconds > 1700000000);
    CHECK(t.nanoseconds < NS_PER_SECOND);
}

static const struct {
    struct clock_time time;
    const char *rfc3339, *http;
} cases[] = {
    {{0, 0}, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {{784111777, 0}, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110's example */
    {{1767323045, 678900000}, "2026-01-02T03:04:05.678Z", "Fri, 02 Jan 2026 03:04:05 GMT"},
    {{951782400, 999999999}, "2000-02-29T00:00:00.999Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
    {{4107542399, 1000000}, "2100-02-28T23:59:59.001Z", "Sun, 28 Feb 2100 23:59:59 GMT"},
    {{4107542400, 0}, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT"},
    {{-1, 0}, "1969-12-31T23:59:59.000Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
    {{253402300799, 0}, "9999-12-31T23:59:59.000Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
    {{-62167219200, 0}, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT"},
    {{INT64_MAX, UINT32_MAX}, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
    {{INT64_MIN, 0}, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT"},
};

TEST(formats)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[CLOCK_TEXT_MAX];
        CHECK_STR(clock_format_rfc3339(cases[i].time, text), cases[i].rfc3339);
        CHECK_STR(str_of(text), cases[i].rfc3339);
        CHECK_STR(clock_format_http(cases[i].time, text), cases[i].http);
        CHECK_STR(str_of(text), cases[i].http);
    }
}

TEST(dates_agree_with_libc)
{
    /* A step that is no multiple of a day visits every time of day, over all four-digit years. */
    for (int64_t seconds = -62167219200; seconds <= 253402300799; seconds += 20000003) {
        struct tm tm;
        time_t t = seconds;
        char want[64], text[CLOCK_TEXT_MAX];
        CHECK(gmtime_r(&t, &tm));
        snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.000Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        CHECK_STR(clock_format_rfc3339((struct clock_time){seconds, 0}, text), want);
        strftime(want, 4, "%a", &tm);
        CHECK_STR(str_slice(clock_format_http((struct clock_time){seconds, 0}, text), 0, 3), want);
    }
}

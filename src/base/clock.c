#include "base/clock.h"
#include "base/mem.h"

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: years of four digits, all that either format can say. */
#define FIRST_SECOND (-62167219200)
#define LAST_SECOND 253402300799
#define SECONDS_PER_DAY 86400

struct date {
    unsigned year, month, day, weekday; /* month from 1, weekday from 0 = Sunday */
    unsigned hour, minute, second;
};

static uint64_t read_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

uint64_t clock_now(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_thread_cpu(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_resolution(void)
{
    struct timespec t;
    clock_getres(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

struct clock_time clock_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (struct clock_time){t.tv_sec, (uint32_t)t.tv_nsec};
}

uint64_t clock_after(uint64_t delay_ns)
{
    return add_saturating(clock_now(), delay_ns); /* CLOCK_NEVER */
}

/* The proleptic Gregorian date (the method is Howard Hinnant's civil_from_days). Not gmtime_r, which takes a lock of the whole
 * process each time, and every log line comes here. */
static struct date date_of(int64_t seconds)
{
    seconds = seconds < FIRST_SECOND ? FIRST_SECOND : seconds > LAST_SECOND ? LAST_SECOND : seconds;
    uint64_t since = (uint64_t)(seconds - FIRST_SECOND);
    unsigned second = (unsigned)(since % SECONDS_PER_DAY);
    uint64_t day_number = since / SECONDS_PER_DAY;    /* from 0000-01-01, a Saturday */
    uint64_t days = day_number + 400 * 365 + 97 - 60; /* from a 1st of March, so that a leap day ends its year */
    unsigned era = (unsigned)(days / 146097), of_era = (unsigned)(days % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * of_year + 2) / 153; /* from March */
    return (struct date){
        .year = year_of_era + era * 400 + (month >= 10) - 400,
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
        .weekday = (unsigned)((day_number + 6) % 7),
        .hour = second / 3600,
        .minute = second / 60 % 60,
        .second = second % 60,
    };
}

/* Writes exactly `digits` digits and then `after`. */
static char *put_number(char *at, unsigned value, unsigned digits, char after)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    at[digits] = after;
    return at + digits + 1;
}

static char *put_name(char *at, const char *names, unsigned index, const char *after)
{
    memcpy(at, names + 3 * index, 3);
    memcpy(at + 3, after, strlen(after));
    return at + 3 + strlen(after);
}

struct str clock_format_rfc3339(struct clock_time t, char ret_text[CLOCK_TEXT_MAX])
{
    struct date d = date_of(t.seconds);
    uint32_t ms = t.nanoseconds / NS_PER_MS;
    char *at = put_number(ret_text, d.year, 4, '-');
    at = put_number(at, d.month, 2, '-');
    at = put_number(at, d.day, 2, 'T');
    at = put_number(at, d.hour, 2, ':');
    at = put_number(at, d.minute, 2, ':');
    at = put_number(at, d.second, 2, '.');
    at = put_number(at, ms > 999 ? 999 : ms, 3, 'Z');
    *at = '\0';
    return str_n(ret_text, (size_t)(at - ret_text));
}

struct str clock_format_http(struct clock_time t, char ret_text[CLOCK_TEXT_MAX])
{
    struct date d = date_of(t.seconds);
    char *at = put_name(ret_text, "SunMonTueWedThuFriSat", d.weekday, ", ");
    at = put_number(at, d.day, 2, ' ');
    at = put_name(at, "JanFebMarAprMayJunJulAugSepOctNovDec", d.month - 1, " ");
    at = put_number(at, d.year, 4, ' ');
    at = put_number(at, d.hour, 2, ':');
    at = put_number(at, d.minute, 2, ':');
    at = put_number(at, d.second, 2, ' ');
    memcpy(at, "GMT", sizeof "GMT");
    return str_n(ret_text, (size_t)(at + 3 - ret_text));
}

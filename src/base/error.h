/* Errors: a status to branch on, and a message for people.
 *
 * A function that can fail returns `enum status` and fills a caller-owned `struct error`, which lives in the caller's frame and
 * needs no freeing. `fail` creates an error, `fail_wrap` adds context on the way up ("what we were doing: what went wrong").
 * Every `err` argument may be NULL where the caller has no use for the message. `bug` is for our own mistakes only: it aborts. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum status {
    ST_OK,
    ST_INVALID, /* malformed input or arguments */
    ST_NOT_FOUND,
    ST_EXISTS,
    ST_DENIED,
    ST_LIMIT, /* a bound was reached: size, count, depth, memory of a tenant */
    ST_TIMEOUT,
    ST_CANCELLED,
    ST_UNAVAILABLE, /* try again later */
    ST_IO,
    ST_UNSUPPORTED,
    ST_TRAP, /* a guest trapped */
    ST_INTERNAL,
    ST_COUNT_,
};

struct error {
    enum status status;
    int sys_errno; /* errno behind ST_IO and its kin, or 0 */
    char message[504];
};

#define CHECKED __attribute__((warn_unused_result))
#define PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#define UNUSED __attribute__((unused))
#define TRY(expression)                                                                                                            \
    do {                                                                                                                           \
        enum status try_status_ = (expression);                                                                                    \
        if (__builtin_expect(try_status_ != ST_OK, 0))                                                                             \
            return try_status_;                                                                                                    \
    } while (0)

/* Fills *err (if any) and returns `status`. A message that is too long loses its middle. */
enum status fail(struct error *err, enum status status, const char *format, ...) PRINTF(3, 4);
enum status fail_v(struct error *err, enum status status, const char *format, va_list args) PRINTF(3, 0);

/* As `fail`, for a system call that just failed: takes errno, maps it to a status, and appends its text. */
enum status fail_errno(struct error *err, const char *format, ...) PRINTF(2, 3);

/* Puts "context: " before the message of an error that is already filled, and returns its status; ST_INTERNAL where `err` is NULL,
 * for the status was kept nowhere: return the callee's own where that matters. */
enum status fail_wrap(struct error *err, const char *format, ...) PRINTF(2, 3);

enum status status_from_errno(int sys_errno);
const char *status_name(enum status status); /* "not found" */
int status_exit_code(enum status status);    /* 0, 1, or 130 for ST_CANCELLED */
int status_http(enum status status);         /* the HTTP status a host failure of this kind answers with */

/* Our own mistake: prints where and what, then aborts. */
#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void bug_at(const char *file, int line, const char *format, ...) PRINTF(3, 4);
#define bug_unless(condition)                                                                                                      \
    do {                                                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                                                     \
            bug("assertion failed: %s", #condition);                                                                               \
    } while (0)

#include "base/error.h"

#include "base/mem.h"

#include <errno.h>
#include <unistd.h>

/* What a message is composed in before it is cut to fit: long enough that its end, usually the cause, is still known. */
#define DRAFT_MAX 2048

static const struct {
    const char *name;
    int exit_code, http;
} status_table[ST_COUNT_] = {
    [ST_OK] = {"ok", 0, 200},
    [ST_INVALID] = {"invalid", 1, 400},
    [ST_NOT_FOUND] = {"not found", 1, 404},
    [ST_EXISTS] = {"already exists", 1, 409},
    [ST_DENIED] = {"denied", 1, 403},
    [ST_LIMIT] = {"limit reached", 1, 503},
    [ST_TIMEOUT] = {"timed out", 1, 504},
    [ST_CANCELLED] = {"cancelled", 130, 503},
    [ST_UNAVAILABLE] = {"unavailable", 1, 503},
    [ST_IO] = {"input/output error", 1, 502},
    [ST_UNSUPPORTED] = {"unsupported", 1, 501},
    [ST_TRAP] = {"trap", 1, 500},
    [ST_INTERNAL] = {"internal error", 1, 500},
};

static const struct {
    int sys_errno;
    enum status status;
} errno_table[] = {
    {EINVAL, ST_INVALID},
    {ENOTDIR, ST_INVALID},
    {EISDIR, ST_INVALID},
    {ENAMETOOLONG, ST_INVALID},
    {ELOOP, ST_INVALID},
    {EILSEQ, ST_INVALID},
    {ERANGE, ST_INVALID},
    {ENOENT, ST_NOT_FOUND},
    {ESRCH, ST_NOT_FOUND},
    {ENODEV, ST_NOT_FOUND},
    {ENXIO, ST_NOT_FOUND},
    {EEXIST, ST_EXISTS},
    {ENOTEMPTY, ST_EXISTS},
    {EADDRINUSE, ST_EXISTS},
    {EACCES, ST_DENIED},
    {EPERM, ST_DENIED},
    {EROFS, ST_DENIED},
    {ENOMEM, ST_LIMIT},
    {EMFILE, ST_LIMIT},
    {ENFILE, ST_LIMIT},
    {ENOSPC, ST_LIMIT},
    {EDQUOT, ST_LIMIT},
    {EFBIG, ST_LIMIT},
    {ENOBUFS, ST_LIMIT},
    {EMSGSIZE, ST_LIMIT},
    {E2BIG, ST_LIMIT},
    {ETIMEDOUT, ST_TIMEOUT},
    {ECANCELED, ST_CANCELLED},
    {EAGAIN, ST_UNAVAILABLE},
    {EINTR, ST_UNAVAILABLE},
    {EBUSY, ST_UNAVAILABLE},
    {ETXTBSY, ST_UNAVAILABLE},
    {ECONNREFUSED, ST_UNAVAILABLE},
    {EHOSTUNREACH, ST_UNAVAILABLE},
    {ENETUNREACH, ST_UNAVAILABLE},
    {ENETDOWN, ST_UNAVAILABLE},
    {ENOSYS, ST_UNSUPPORTED},
    {EOPNOTSUPP, ST_UNSUPPORTED},
    {EAFNOSUPPORT, ST_UNSUPPORTED},
    {EPROTONOSUPPORT, ST_UNSUPPORTED},
};

/* Whether a UTF-8 sequence goes on at this byte, so that no cut is made before it. */
static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Formats into text[DRAFT_MAX] and returns the length; what does not fit is replaced by "...". */
static size_t draft(char *text, const char *format, va_list args)
{
    int full = vsnprintf(text, DRAFT_MAX, format, args);
    if (full < 0) {
        static const char unprintable[] = "(message cannot be formatted)";
        memcpy(text, unprintable, sizeof unprintable);
        return sizeof unprintable - 1;
    }
    if (full < DRAFT_MAX)
        return (size_t)full;
    size_t len = DRAFT_MAX - sizeof "...";
    while (len > 0 && continues(text[len]))
        len--;
    memcpy(text + len, "...", sizeof "...");
    return len + 3;
}

/* A message that is too long loses its middle: it begins with what we were doing and ends with what went wrong. */
static void set_message(struct error *err, const char *text, size_t len)
{
    static const char gap[] = " ... ";
    const size_t room = sizeof err->message - 1, gap_len = sizeof gap - 1;
    if (len <= room) {
        memcpy(err->message, text, len);
        err->message[len] = '\0';
        return;
    }
    size_t head = (room - gap_len) / 2, tail = len - (room - gap_len - head);
    while (head > 0 && continues(text[head]))
        head--;
    while (tail < len && continues(text[tail]))
        tail++;
    memcpy(err->message, text, head);
    memcpy(err->message + head, gap, gap_len);
    memcpy(err->message + head + gap_len, text + tail, len - tail);
    err->message[head + gap_len + (len - tail)] = '\0';
}

/* Sets "<context>: <cause>", where the context is formatted here. `cause` may be err's own message. */
static void set_joined(struct error *err, const char *cause, const char *format, va_list args)
{
    char text[DRAFT_MAX + 2 + sizeof err->message];
    size_t len = draft(text, format, args), cause_len = strnlen(cause, sizeof err->message - 1);
    memcpy(text + len, ": ", 2);
    memcpy(text + len + 2, cause, cause_len);
    set_message(err, text, len + 2 + cause_len);
}

enum status fail_v(struct error *err, enum status status, const char *format, va_list args)
{
    bug_unless(status != ST_OK);
    if (!err)
        return status;
    /* By way of a draft because an argument may be the old message of this same error. */
    char text[DRAFT_MAX];
    size_t len = draft(text, format, args);
    set_message(err, text, len);
    err->status = status;
    err->sys_errno = 0;
    return status;
}

enum status fail(struct error *err, enum status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_v(err, status, format, args);
    va_end(args);
    return status;
}

enum status fail_errno(struct error *err, const char *format, ...)
{
    int sys_errno = errno;
    enum status status = status_from_errno(sys_errno);
    if (!err)
        return status;
    char storage[128];
    const char *cause = strerror_r(sys_errno, storage, sizeof storage);
    va_list args;
    va_start(args, format);
    set_joined(err, cause, format, args);
    va_end(args);
    err->status = status;
    err->sys_errno = sys_errno;
    return status;
}

enum status fail_wrap(struct error *err, const char *format, ...)
{
    /* Nobody kept the status. A caller that wants the real one passes an error; it must never look like success. */
    if (!err)
        return ST_INTERNAL;
    if (err->status == ST_OK) {
        err->status = ST_INTERNAL;
        memcpy(err->message, "unknown error", sizeof "unknown error");
    }
    va_list args;
    va_start(args, format);
    set_joined(err, err->message, format, args);
    va_end(args);
    return err->status;
}

enum status status_from_errno(int sys_errno)
{
    if (sys_errno == 0)
        return ST_INTERNAL;
    for (size_t i = 0; i < ARRAY_LEN(errno_table); i++)
        if (errno_table[i].sys_errno == sys_errno)
            return errno_table[i].status;
    return ST_IO;
}

/* A status out of range (from a plugin, say) is reported, not followed out of the table. */
static enum status known(enum status status)
{
    return (unsigned)status < ST_COUNT_ ? status : ST_INTERNAL;
}

const char *status_name(enum status status)
{
    return status_table[known(status)].name;
}

int status_exit_code(enum status status)
{
    return status_table[known(status)].exit_code;
}

int status_http(enum status status)
{
    return status_table[known(status)].http;
}

void bug_at(const char *file, int line, const char *format, ...)
{
    char text[1024];
    int len = snprintf(text, sizeof text, "bug: %s:%d: ", file, line);
    size_t at = len < 0 ? 0 : MIN((size_t)len, sizeof text - 2);
    va_list args;
    va_start(args, format);
    len = vsnprintf(text + at, sizeof text - 1 - at, format, args);
    va_end(args);
    at += len < 0 ? 0 : MIN((size_t)len, sizeof text - 2 - at);
    text[at++] = '\n';
    /* Straight to the descriptor: stdio's locks and buffers may be part of the trouble. */
    if (write(STDERR_FILENO, text, at) < 0)
        abort();
    abort();
}

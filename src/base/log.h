/* Logging to stderr, as text for people or JSON lines for machines.
 *
 *   log_info("listening", LOG_STR("address", address), LOG_U64("shards", shards));
 *   2026-01-02T03:04:05.678Z  INFO listening address=127.0.0.1:8000 shards=2
 *   {"timestamp":"2026-01-02T03:04:05.678Z","level":"INFO","message":"listening","address":"127.0.0.1:8000","shards":2}
 *
 * The message is a constant or text of ours; everything that varies is a field. Text is always escaped (`buf_append_escaped`), so a
 * guest or a peer cannot forge lines or drive the terminal. One line is one write(2); threads may log at once. Libraries below
 * `host` log at debug only; the top logs errors, once. */
#pragma once

#include "base/error.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_F64, LOG_FIELD_BOOL } kind;
    union {
        struct str str;
        uint64_t u64;
        int64_t i64;
        double f64;
        bool flag;
    };
};

#define LOG_STR(k, v)                                                                                                              \
    {                                                                                                                              \
        .key = (k), .kind = LOG_FIELD_STR, .str = (v)                                                                              \
    }
#define LOG_TEXT(k, v)                                                                                                             \
    {                                                                                                                              \
        .key = (k), .kind = LOG_FIELD_STR, .str = str_of(v)                                                                        \
    }
#define LOG_U64(k, v)                                                                                                              \
    {                                                                                                                              \
        .key = (k), .kind = LOG_FIELD_U64, .u64 = (v)                                                                              \
    }
#define LOG_I64(k, v)                                                                                                              \
    {                                                                                                                              \
        .key = (k), .kind = LOG_FIELD_I64, .i64 = (v)                                                                              \
    }
#define LOG_F64(k, v)                                                                                                              \
    {                                                                                                                              \
        .key = (k), .kind = LOG_FIELD_F64, .f64 = (v)                                                                              \
    }
#define LOG_BOOL(k, v)                                                                                                             \
    {                                                                                                                              \
        .key = (k), .kind = LOG_FIELD_BOOL, .flag = (v)                                                                            \
    }

/* Process-wide settings; set once by the program before threads start. Defaults: info, text, stderr. */
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
void log_set_fd(int fd);
/* Directives as in RUST_LOG: "warn", "info,wash::oci=debug,io=off". A target is `wash` (everything of ours) or a room of src/, with
 * or without `wash::` before it; of several that fit, the longest counts. Targets that we do not have are no mistake. False, and
 * nothing is changed, where a level is unknown or there are too many. */
bool log_set_filter(struct str directives);
bool log_level_parse(struct str name, enum log_level *ret_level); /* error warn info debug trace, any case */

extern enum log_level log_level_now;
static inline bool log_enabled(enum log_level level)
{
    return level <= log_level_now;
}

void log_write(enum log_level level, const char *file, const char *message, const struct log_field *fields, size_t count);

#define log_at(level, message, ...)                                                                                                \
    do {                                                                                                                           \
        if (log_enabled(level)) {                                                                                                  \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                                                  \
            log_write(level, __FILE__, message, log_fields_, sizeof log_fields_ / sizeof(struct log_field));                       \
        }                                                                                                                          \
    } while (0)
#define log_error(message, ...) log_at(LOG_ERROR, message, __VA_ARGS__)
#define log_warn(message, ...) log_at(LOG_WARN, message, __VA_ARGS__)
#define log_info(message, ...) log_at(LOG_INFO, message, __VA_ARGS__)
#define log_debug(message, ...) log_at(LOG_DEBUG, message, __VA_ARGS__)
#define log_trace(message, ...) log_at(LOG_TRACE, message, __VA_ARGS__)

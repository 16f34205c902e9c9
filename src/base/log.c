#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

/* What varies is bounded twice: a value is cut, and a field that would still make the line too long is left out and counted. */
#define VALUE_MAX 8192
#define LINE_MAX_BYTES (64 * 1024)
#define TRAILER_MAX 64

enum log_level log_level_now = LOG_INFO;
static enum log_format format_now = LOG_FORMAT_TEXT;

enum { RULES_MAX = 32, LEVEL_OFF = -1 };
struct rule {
    char room[24]; /* "": every one */
    int level;
};
static struct rule rules[RULES_MAX];
static size_t rule_count;
static int fd_now = STDERR_FILENO;

static const struct str level_names[] = {
    [LOG_ERROR] = STR_INIT("ERROR"), [LOG_WARN] = STR_INIT("WARN"),   [LOG_INFO] = STR_INIT("INFO"),
    [LOG_DEBUG] = STR_INIT("DEBUG"), [LOG_TRACE] = STR_INIT("TRACE"),
};

void log_set_level(enum log_level level)
{
    log_level_now = level;
    rule_count = 0;
}

/* "wash", "wash::oci", "oci"; a name that is too long is none of ours. */
static bool room_of_target(struct str target, char ret_room[24])
{
    if (str_is(target, "wash"))
        target = STR("");
    str_skip(&target, STR("wash::"));
    if (target.len >= 24)
        return false;
    memcpy(ret_room, target.data, target.len);
    ret_room[target.len] = 0;
    return true;
}

static bool parse_directive(struct str directive, struct rule *ret_rule, bool *ret_known)
{
    size_t equals = str_find_char(directive, '=');
    struct str target = equals == STR_NONE ? STR("") : str_slice(directive, 0, equals);
    struct str level = equals == STR_NONE ? directive : str_from(directive, equals + 1);
    enum log_level parsed = LOG_TRACE;
    bool off = str_eq_nocase(level, STR("off")), all = equals == STR_NONE && str_starts(directive, STR("wash"));
    if (!off && !all && !log_level_parse(level, &parsed))
        return false;
    ret_rule->level = off ? LEVEL_OFF : (int)parsed;
    *ret_known = room_of_target(all ? directive : target, ret_rule->room);
    return true;
}

bool log_set_filter(struct str directives)
{
    struct rule parsed[RULES_MAX];
    size_t count = 0;
    int most = LEVEL_OFF;
    struct str part;
    while (str_next_part(&directives, ',', &part)) {
        bool known = false;
        part = str_trim(part);
        if (part.len == 0)
            continue;
        if (count == RULES_MAX || !parse_directive(part, &parsed[count], &known))
            return false;
        if (known && parsed[count].level > most)
            most = parsed[count].level;
        count += known;
    }
    memcpy(rules, parsed, count * sizeof *rules);
    rule_count = count;
    log_level_now = most > LEVEL_OFF ? (enum log_level)most : LOG_ERROR;
    return true;
}

/* "../src/oci/client.c" gives "oci". */
static struct str room_of_file(const char *file)
{
    struct str rest = str_of(file);
    size_t at = str_find(rest, STR("src/"));
    if (at == STR_NONE)
        return STR("");
    rest = str_from(rest, at + strlen("src/"));
    size_t slash = str_find_char(rest, '/');
    return slash == STR_NONE ? STR("") : str_slice(rest, 0, slash);
}

static bool wanted(enum log_level level, const char *file)
{
    if (rule_count == 0)
        return true;
    struct str room = room_of_file(file);
    int allowed = LOG_ERROR;
    bool own = false;
    for (size_t i = 0; i < rule_count; i++) {
        bool fits = str_is(room, rules[i].room);
        if (fits || (!own && !*rules[i].room))
            allowed = rules[i].level;
        own = own || fits;
    }
    return (int)level <= allowed;
}

void log_set_format(enum log_format format)
{
    format_now = format;
}

void log_set_fd(int fd)
{
    fd_now = fd;
}

bool log_level_parse(struct str name, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (str_eq_nocase(name, level_names[i])) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Puts a value that has spaces or quotes of its own between quotes, or it could pass for several fields. */
static enum status append_quotable(struct buf *line, struct str value)
{
    bool plain = value.len > 0;
    for (size_t i = 0; i < value.len && plain; i++)
        plain = !strchr(" \"=\\", value.data[i]) || value.data[i] == '\0';
    if (plain)
        return buf_append_escaped(line, value);
    TRY(buf_append_char(line, '"'));
    size_t from = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] != '"' && value.data[i] != '\\')
            continue;
        TRY(buf_append_escaped(line, str_slice(value, from, i)));
        TRY(buf_append_char(line, '\\'));
        TRY(buf_append_char(line, value.data[i]));
        from = i + 1;
    }
    TRY(buf_append_escaped(line, str_from(value, from)));
    return buf_append_char(line, '"');
}

static enum status append_text(struct buf *line, struct str text, bool quotable)
{
    if (format_now == LOG_FORMAT_JSON)
        return buf_append_json(line, text);
    return quotable ? append_quotable(line, text) : buf_append_escaped(line, text);
}

static enum status append_cut(struct buf *line, struct str text, bool quotable)
{
    if (text.len <= VALUE_MAX)
        return append_text(line, text, quotable);
    size_t len = VALUE_MAX;
    while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    autobuf struct buf cut = BUF_INIT(VALUE_MAX + TRAILER_MAX);
    TRY(buf_append(&cut, text.data, len));
    TRY(buf_printf(&cut, "... (%zu bytes)", text.len));
    return append_text(line, buf_str(&cut), quotable);
}

static enum status append_f64(struct buf *line, double value)
{
    if (format_now == LOG_FORMAT_JSON && !isfinite(value))
        return buf_append_str(line, STR("null")); /* JSON has no word for it */
    return buf_printf(line, "%.15g", value);
}

static enum status append_value(struct buf *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_STR:
        return append_cut(line, field->str, true);
    case LOG_FIELD_U64:
        return buf_printf(line, "%llu", (unsigned long long)field->u64);
    case LOG_FIELD_I64:
        return buf_printf(line, "%lld", (long long)field->i64);
    case LOG_FIELD_F64:
        return append_f64(line, field->f64);
    case LOG_FIELD_BOOL:
        return buf_append_str(line, field->flag ? STR("true") : STR("false"));
    }
    return ST_INVALID;
}

static enum status append_field(struct buf *line, const struct log_field *field)
{
    bool json = format_now == LOG_FORMAT_JSON;
    TRY(buf_append_char(line, json ? ',' : ' '));
    TRY(append_text(line, str_of(field->key), true));
    TRY(buf_append_char(line, json ? ':' : '='));
    return append_value(line, field);
}

/* Room for the trailer is kept by a smaller maximum until it is written. */
static enum status append_fields(struct buf *line, const struct log_field *fields, size_t count)
{
    size_t omitted = 0;
    line->max = LINE_MAX_BYTES - TRAILER_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t before = line->len;
        if (append_field(line, &fields[i]) == ST_OK)
            continue;
        line->len = before;
        line->data[before] = '\0';
        omitted++;
    }
    line->max = LINE_MAX_BYTES;
    struct log_field note = LOG_U64("omitted_fields", omitted);
    return omitted ? append_field(line, &note) : ST_OK;
}

static enum status compose(struct buf *line, enum log_level level, struct str message, const struct log_field *fields, size_t count)
{
    char storage[CLOCK_TEXT_MAX];
    struct str timestamp = clock_format_rfc3339(clock_wall(), storage), name = level_names[level];
    if (format_now == LOG_FORMAT_TEXT) {
        TRY(buf_printf(line, "%s %5s ", timestamp.data, name.data));
        TRY(append_cut(line, message, false));
        TRY(append_fields(line, fields, count));
        return buf_append_char(line, '\n');
    }
    TRY(buf_printf(line, "{\"timestamp\":\"%s\",\"level\":\"%s\",\"message\":", timestamp.data, name.data));
    TRY(append_cut(line, message, false));
    TRY(append_fields(line, fields, count));
    return buf_append_str(line, STR("}\n"));
}

/* One write(2), as no other thread or process can get between; the loop is for a descriptor that takes only a part. A reader that
 * is gone or does not read (EPIPE, EAGAIN) loses lines: there is nobody to tell. */
static void write_line(struct str line)
{
    while (line.len > 0) {
        ssize_t written = write(fd_now, line.data, line.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        line = str_from(line, (size_t)written);
    }
}

void log_write(enum log_level level, const char *file, const char *message, const struct log_field *fields, size_t count)
{
    if (!wanted(level, file))
        return;
    int saved = errno; /* so that a log line between a call and the look at its errno is harmless */
    autobuf struct buf line = BUF_INIT(LINE_MAX_BYTES);
    if (compose(&line, level, str_of(message), fields, count) == ST_OK)
        write_line(buf_str(&line));
    errno = saved;
}

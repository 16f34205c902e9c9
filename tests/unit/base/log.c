#include "base/log.h"

#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define TIMESTAMP_LEN 24

/* The log, sent through a pipe while it lives. */
struct capture {
    int fds[2];
    char text[128 * 1024];
};

static void capture_start(struct capture *c, enum log_format format)
{
    if (pipe2(c->fds, O_CLOEXEC | O_NONBLOCK) != 0)
        bug("pipe2");
    fcntl(c->fds[1], F_SETPIPE_SZ, (int)sizeof c->text);
    log_set_fd(c->fds[1]);
    log_set_format(format);
    log_set_level(LOG_TRACE);
}

static void capture_end(struct capture *c)
{
    log_set_fd(STDERR_FILENO);
    log_set_format(LOG_FORMAT_TEXT);
    log_set_level(LOG_INFO);
    close(c->fds[0]);
    close(c->fds[1]);
}

#define autocapture __attribute__((cleanup(capture_end)))

static struct str captured(struct capture *c)
{
    ssize_t len = read(c->fds[0], c->text, sizeof c->text);
    return len < 0 ? STR_NULL : str_n(c->text, (size_t)len);
}

/* What follows the timestamp of a text line, whose form is checked here. */
static struct str after_timestamp(struct str line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < TIMESTAMP_LEN; i++) {
        if (i >= line.len)
            return STR_NULL;
        char c = line.data[i];
        if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
            return STR_NULL;
    }
    return str_from(line, TIMESTAMP_LEN);
}

TEST(text_line)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    log_info("listening", LOG_TEXT("address", "127.0.0.1:8000"), LOG_U64("shards", 2));
    CHECK_STR(after_timestamp(captured(&c)), "  INFO listening address=127.0.0.1:8000 shards=2\n");
    log_error("no fields");
    CHECK_STR(after_timestamp(captured(&c)), " ERROR no fields\n");
    log_trace("kinds", LOG_U64("max", UINT64_MAX), LOG_I64("min", INT64_MIN), LOG_F64("third", 0.5), LOG_F64("tenth", 0.1),
              LOG_BOOL("yes", true), LOG_BOOL("no", false), LOG_F64("nan", (double)NAN));
    CHECK_STR(after_timestamp(captured(&c)),
              " TRACE kinds max=18446744073709551615 min=-9223372036854775808 third=0.5 tenth=0.1 yes=true no=false nan=nan\n");
}

TEST(json_line)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_JSON);
    log_info("listening", LOG_TEXT("address", "127.0.0.1:8000"), LOG_U64("shards", 2));
    struct str line = captured(&c);
    CHECK(str_skip(&line, STR("{\"timestamp\":\"")));
    CHECK_STR(after_timestamp(line),
              "\",\"level\":\"INFO\",\"message\":\"listening\",\"address\":\"127.0.0.1:8000\",\"shards\":2}\n");
    log_warn("say \"hi\"", LOG_I64("i", -1), LOG_F64("f", 1e300), LOG_F64("inf", (double)INFINITY), LOG_BOOL("b", true),
             LOG_STR("null", STR_NULL));
    line = captured(&c);
    CHECK(str_skip(&line, STR("{\"timestamp\":\"")));
    CHECK_STR(after_timestamp(line), "\",\"level\":\"WARN\",\"message\":\"say \\\"hi\\\"\",\"i\":-1,\"f\":1e+300,\"inf\":null,"
                                     "\"b\":true,\"null\":\"\"}\n");
}

TEST(hostile_values_cannot_forge)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    log_info("x", LOG_TEXT("v", "a\n2026-01-02T03:04:05.678Z ERROR forged"));
    CHECK_STR(after_timestamp(captured(&c)), "  INFO x v=\"a\\n2026-01-02T03:04:05.678Z ERROR forged\"\n");
    log_info("x", LOG_TEXT("v", "a admin=true"), LOG_TEXT("w", "q\" admin=true \""), LOG_TEXT("e", ""), LOG_TEXT("b", "\\n"));
    CHECK_STR(after_timestamp(captured(&c)), "  INFO x v=\"a admin=true\" w=\"q\\\" admin=true \\\"\" e=\"\" b=\"\\\\n\"\n");
    log_info("x", LOG_TEXT("v", "\x1b[2J\xc2\x9b\xe2\x80\xae\xff"), LOG_STR("n", STR("a\0b")));
    CHECK_STR(after_timestamp(captured(&c)), "  INFO x v=\\x1b[2J\\u{9b}\\u{202e}\\xff n=a\\x00b\n");
    const char *message = "line\nbreak";
    log_info(message, LOG_STR("k", STR("v")));
    CHECK_STR(after_timestamp(captured(&c)), "  INFO line\\nbreak k=v\n");
}

TEST(hostile_values_in_json)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_JSON);
    log_info("x", LOG_TEXT("v", "\"},{\n\x1b\xff\xe2\x80\xae"));
    struct str line = captured(&c);
    CHECK(str_ends(line, STR(",\"v\":\"\\\"},{\\n\\u001b\xef\xbf\xbd\\u202e\"}\n")));
    CHECK_EQ(str_find_char(line, '\n'), line.len - 1);
}

TEST(level_decides)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    log_set_level(LOG_WARN);
    log_info("silent");
    log_debug("silent");
    CHECK(!captured(&c).data);
    log_warn("heard");
    CHECK_STR(after_timestamp(captured(&c)), "  WARN heard\n");
    CHECK(log_enabled(LOG_ERROR));
    CHECK(!log_enabled(LOG_INFO));
}

static const struct {
    const char *filter;
    bool base_debug, base_error, other_debug; /* is it written */
} filters[] = {
    {"debug", true, true, true},
    {"warn", false, true, false},
    {"wash=debug", true, true, true},
    {"wash", true, true, true},
    {"info,wash::base=debug", true, true, false},
    {"debug, base=error", false, true, true},
    {"base=debug,info", true, true, false},
    {"debug,base=off", false, false, true},
    {"async_nats=trace", false, true, false},
    {"a_target_with_a_very_long_name::indeed=debug,info", false, true, false},
};

TEST(CLI_7_directives_decide_by_target)
{
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        struct capture c;
        capture_start(&c, LOG_FORMAT_TEXT);
        bool set = log_set_filter(str_of(filters[i].filter));
        for (int k = 0; k < 3; k++) {
            enum log_level level = k == 1 ? LOG_ERROR : LOG_DEBUG;
            if (log_enabled(level))
                log_write(level, k < 2 ? "../src/base/x.c" : "../src/io/x.c", k == 0 ? "one" : k == 1 ? "two" : "three", NULL, 0);
        }
        ssize_t len = read(c.fds[0], c.text, sizeof c.text - 1);
        capture_end(&c);
        struct str text = str_n(c.text, len > 0 ? (size_t)len : 0);
        CHECK(set);
        CHECK_EQ(str_find(text, STR("one")) != STR_NONE, filters[i].base_debug);
        CHECK_EQ(str_find(text, STR("two")) != STR_NONE, filters[i].base_error);
        CHECK_EQ(str_find(text, STR("three")) != STR_NONE, filters[i].other_debug);
    }
    CHECK(!log_set_filter(STR("debgu")));
    CHECK(!log_set_filter(STR("info,base=loud")));
}

TEST(level_names)
{
    enum log_level level = LOG_ERROR;
    CHECK(log_level_parse(STR("debug"), &level) && level == LOG_DEBUG);
    CHECK(log_level_parse(STR("WARN"), &level) && level == LOG_WARN);
    CHECK(log_level_parse(STR("Trace"), &level) && level == LOG_TRACE);
    CHECK(!log_level_parse(STR("warning"), &level) && level == LOG_TRACE);
    CHECK(!log_level_parse(STR(""), &level));
}

TEST(long_values_are_cut)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    size_t size = 4 << 20;
    autofree char *huge = mem_alloc(size + 1);
    memset(huge, 'x', size);
    log_info("m", LOG_STR("huge", str_n(huge, size)), LOG_U64("after", 1));
    struct str line = captured(&c);
    CHECK(line.len < 9000);
    CHECK(str_ends(line, STR("xx... (4194304 bytes)\" after=1\n")));
    memcpy(huge + 8190, "\xe2\x82\xac", 3); /* across the cut, which must not split it */
    log_info("m", LOG_STR("huge", str_n(huge, size)));
    line = captured(&c);
    CHECK(str_valid_utf8(line));
    CHECK(str_find(line, STR("\\x")) == STR_NONE);
    log_info(huge);
    CHECK(str_ends(captured(&c), STR("xx... (4194304 bytes)\n")));
}

TEST(fields_that_do_not_fit_are_counted)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_JSON);
    char controls[8000];
    memset(controls, 1, sizeof controls); /* six bytes each in JSON */
    struct str v = str_n(controls, sizeof controls);
    log_info("m", LOG_STR("a", v), LOG_STR("b", v), LOG_U64("c", 3), LOG_STR("d", v));
    struct str line = captured(&c);
    CHECK(line.len < 64 * 1024);
    CHECK(str_ends(line, STR("\\u0001\",\"c\":3,\"omitted_fields\":2}\n")));
}

TEST(errno_survives)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    close(c.fds[1]);
    errno = ENOENT;
    log_info("into a closed descriptor");
    CHECK_EQ(errno, ENOENT);
    c.fds[1] = -1;
}

TEST(full_pipe_does_not_hang)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    for (int i = 0; i < 20000; i++)
        log_info("filling", LOG_I64("i", i));
    CHECK(captured(&c).len > 0);
}

#define THREADS 4
#define LINES 2000

static void *log_lines(void *arg)
{
    char filler[200];
    memset(filler, 'f', sizeof filler);
    for (int i = 0; i < LINES; i++)
        log_info("line", LOG_U64("thread", (uintptr_t)arg), LOG_I64("i", i), LOG_STR("filler", str_n(filler, sizeof filler)),
                 LOG_TEXT("end", "end"));
    return NULL;
}

/* Takes the whole lines of `text` off it; false if one is not as written or out of order. */
static bool take_lines(struct buf *text, int *next)
{
    size_t end;
    while ((end = str_find_char(buf_str(text), '\n')) != STR_NONE) {
        struct str line = after_timestamp(str_slice(buf_str(text), 0, end));
        if (!str_skip(&line, STR("  INFO line thread=")) || line.len == 0 || line.data[0] < '0' || line.data[0] >= '0' + THREADS)
            return false;
        int thread = line.data[0] - '0';
        char want[400];
        snprintf(want, sizeof want, "%d i=%d filler=", thread, next[thread]++);
        if (!str_skip(&line, str_of(want)) || line.len != 200 + strlen(" end=end") || !str_ends(line, STR("f end=end")))
            return false;
        buf_consume(text, end + 1);
    }
    return true;
}

TEST(lines_of_threads_stay_whole)
{
    autocapture struct capture c;
    capture_start(&c, LOG_FORMAT_TEXT);
    fcntl(c.fds[0], F_SETFL, 0);
    fcntl(c.fds[1], F_SETFL, 0);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, log_lines, (void *)i);
    autobuf struct buf text = BUF_INIT(1 << 20);
    int next[THREADS] = {0};
    bool whole = true;
    while (whole && next[0] + next[1] + next[2] + next[3] < THREADS * LINES)
        whole = buf_append_str(&text, captured(&c)) == ST_OK && take_lines(&text, next);
    if (!whole)
        fcntl(c.fds[1], F_SETFL, O_NONBLOCK); /* let the writers end */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(whole);
    CHECK_EQ(text.len, 0);
}

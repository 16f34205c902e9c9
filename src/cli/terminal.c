/* Colour, progress, cursor; see terminal.h. */
#include "cli/terminal.h"
#include "base/mem.h"
#include "io/run.h"
#include <inttypes.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define SHOW_AFTER_NS NS_PER_SECOND
#define DRAW_EVERY_NS (100 * NS_PER_MS)
#define TAKE_BACK "\r\x1b[K\x1b[?25h"
enum { BAR_CELLS = 24, WIDTH_DEFAULT = 80 };

/* A fact about the process's terminal that a signal handler has to know: its cursor is hidden, by us. */
static volatile sig_atomic_t cursor_hidden;
/* And so is this: it does not show what is typed, because of us; it did as `shown` says. */
static volatile sig_atomic_t echo_off;
static struct termios shown;

static bool can_color(int fd)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

void cli_terminal_init(struct cli_terminal *ret_terminal)
{
    struct winsize size;
    const char *term = getenv("TERM");
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    *ret_terminal = (struct cli_terminal){
        .color_out = can_color(STDOUT_FILENO),
        .color_err = can_color(STDERR_FILENO),
        .progress = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0),
        .width = known ? size.ws_col : WIDTH_DEFAULT,
    };
}

void cli_paint(struct buf *out, bool color, enum cli_style style, const char *text)
{
    static const char *const codes[] = {
        [CLI_BOLD] = "1", [CLI_RED] = "1;31", [CLI_GREEN] = "32", [CLI_YELLOW] = "33", [CLI_CYAN] = "36"};
    if (color && style != CLI_PLAIN)
        buf_addf(out, "\x1b[%sm%s\x1b[0m", codes[style], text);
    else
        buf_add(out, str_of(text));
}

static void put(struct str text)
{
    while (text.len > 0) {
        ssize_t n = write(STDERR_FILENO, text.data, text.len);
        if (n <= 0)
            return;
        text = str_from(text, (size_t)n);
    }
}

void cli_terminal_restore(void)
{
    if (cursor_hidden)
        put(STR(TAKE_BACK));
    if (echo_off)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &shown);
}

bool cli_terminal_echo(bool on)
{
    if (on) {
        bool done = echo_off && tcsetattr(STDIN_FILENO, TCSANOW, &shown) == 0;
        echo_off = 0;
        return done;
    }
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    struct termios hidden = shown;
    hidden.c_lflag &= (tcflag_t)~ECHO;
    hidden.c_lflag |= ICANON | ECHONL;
    echo_off = 1;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0; /* what was typed before is no answer */
}

static void end_interrupted(int number)
{
    cli_terminal_restore();
    _exit(128 + number);
}

void cli_terminal_restore_when_interrupted(void)
{
    struct sigaction action = {.sa_handler = end_interrupted, .sa_flags = SA_ONSTACK}, before;
    sigemptyset(&action.sa_mask);
    static const int numbers[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) /* ignored stays so, as under nohup */
            sigaction(numbers[i], &action, NULL);
}

/* --- progress ----------------------------------------------------------------------------------------------------------------- */

void cli_format_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1024;
        unit++;
    }
    buf_addf(out, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_amount(struct buf *out, const struct cli_progress *progress, uint64_t amount)
{
    if (progress->bytes)
        cli_format_size(out, amount);
    else
        buf_addf(out, "%" PRIu64, amount);
}

static void add_bar(struct buf *out, uint64_t done, uint64_t total)
{
    size_t cells = (size_t)((double)MIN(done, total) / (double)total * BAR_CELLS);
    buf_add(out, STR(" ["));
    for (size_t i = 0; i < BAR_CELLS; i++)
        buf_add(out, i < cells ? STR("#") : STR("-"));
    buf_addf(out, "] %3.0f%%", (double)MIN(done, total) / (double)total * 100);
}

void cli_progress_line(struct buf *out, const struct cli_progress *progress, uint64_t elapsed_ns, unsigned width)
{
    autobuf struct buf line = BUF_INIT(BUF_UNLIMITED);
    uint64_t done = progress->done, total = progress->total;
    if (total == 0)
        buf_addf(&line, "%c ", "|/-\\"[elapsed_ns / DRAW_EVERY_NS % 4]);
    buf_add(&line, str_of(progress->what));
    if (total > 0 && width >= 60)
        add_bar(&line, done, total);
    if (done > 0 || total > 0) {
        buf_add(&line, STR(" "));
        add_amount(&line, progress, done);
    }
    if (total > 0) {
        buf_add(&line, STR(" of "));
        add_amount(&line, progress, total);
    }
    buf_addf(&line, " %llu s", (unsigned long long)(elapsed_ns / NS_PER_SECOND));
    buf_add(out, str_slice(buf_str(&line), 0, width > 1 ? width - 1 : 0)); /* a full line would wrap */
}

static void draw(struct cli_progress *progress)
{
    autobuf struct buf line = BUF_INIT(BUF_UNLIMITED);
    buf_add(&line, cursor_hidden ? STR("\r\x1b[K") : STR("\x1b[?25l\r\x1b[K"));
    cli_progress_line(&line, progress, clock_now() - progress->started, progress->terminal.width);
    cursor_hidden = 1;
    put(buf_str(&line));
    put(STR("\r")); /* a log line begins at the line's begin */
}

/* A program that asks the user something has the terminal for itself, with a cursor. */
static void draw_unless_asked(struct cli_progress *progress)
{
    if (!io_run_has_terminal()) {
        draw(progress);
    } else if (cursor_hidden) {
        put(STR(TAKE_BACK));
        cursor_hidden = 0;
    }
}

static void *draw_until_ended(void *env)
{
    struct cli_progress *progress = env;
    uint64_t next = progress->started + SHOW_AFTER_NS;
    pthread_mutex_lock(&progress->mutex);
    while (!progress->ended) {
        struct timespec until = {(time_t)(next / NS_PER_SECOND), (long)(next % NS_PER_SECOND)};
        pthread_cond_timedwait(&progress->changed, &progress->mutex, &until);
        if (!progress->ended && clock_now() >= next) {
            draw_unless_asked(progress);
            next = clock_after(DRAW_EVERY_NS);
        }
    }
    pthread_mutex_unlock(&progress->mutex);
    return NULL;
}

/* Signals are for the threads that were there before. */
static bool start_thread(struct cli_progress *progress)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&progress->thread, NULL, draw_until_ended, progress) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void cli_progress_start(struct cli_progress *progress, const struct cli_terminal *terminal, const char *what)
{
    bool bytes = progress->bytes;
    *progress = (struct cli_progress){.bytes = bytes, .terminal = *terminal, .what = what, .started = clock_now()};
    if (!terminal->progress)
        return;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&progress->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&progress->mutex, NULL);
    progress->running = start_thread(progress);
}

void cli_progress_update(struct cli_progress *progress, uint64_t done, uint64_t total)
{
    progress->done = done;
    progress->total = total;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (!progress->running)
        return;
    pthread_mutex_lock(&progress->mutex);
    progress->ended = true;
    pthread_cond_signal(&progress->changed);
    pthread_mutex_unlock(&progress->mutex);
    pthread_join(progress->thread, NULL);
    pthread_cond_destroy(&progress->changed);
    pthread_mutex_destroy(&progress->mutex);
    progress->running = false;
    cli_terminal_restore();
    cursor_hidden = 0;
}

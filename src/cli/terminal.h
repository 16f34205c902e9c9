/* The user's terminal: colour, width, and a line that shows that something is still going on.
 *
 * What people read besides results goes to stderr. Colour is for terminals only and off with NO_COLOR. A progress line appears when
 * work has taken a second, on a terminal only, and is gone when the work is done; the cursor is back even when the program is
 * interrupted. While a program of io/run.h has the terminal there is none. Progress is drawn by a thread of its own, so work that cannot say how far it is may have one too. */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include <pthread.h>
#include <stdatomic.h>

enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_CYAN };

struct cli_terminal {
    bool color_out, color_err; /* of stdout and stderr */
    bool progress;             /* stderr is a terminal that can take a line back */
    unsigned width;            /* of stderr; 80 where unknown */
};

void cli_terminal_init(struct cli_terminal *ret_terminal);

/* Text in a style; as it is where colour is off. */
void cli_paint(struct buf *out, bool color, enum cli_style style, const char *text);

/* From here on SIGINT and SIGTERM end the program with 130 and 143, the cursor and the echo back. (A host takes these signals for itself.) */
void cli_terminal_restore_when_interrupted(void);

/* For who ends the process in another way: gives the cursor back, and the echo. */
void cli_terminal_restore(void);

/* Whether what is typed on stdin is shown; on again also when the program is interrupted. False: stdin is no terminal. */
bool cli_terminal_echo(bool on);

struct cli_progress {
    bool running;
    bool bytes; /* numbers are bytes */
    struct cli_terminal terminal;
    const char *what;             /* "pulling": borrowed */
    _Atomic uint64_t done, total; /* total 0: unknown */
    /* Private: */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ended;
    uint64_t started;
};

/* Does nothing where there is no terminal to show it on, as do the others then. */
void cli_progress_start(struct cli_progress *progress, const struct cli_terminal *terminal, const char *what);
void cli_progress_update(struct cli_progress *progress, uint64_t done, uint64_t total); /* from any thread */
void cli_progress_end(struct cli_progress *progress);                                   /* takes the line back */

/* The line after `elapsed_ns`, at most `width` columns; for tests too. */
void cli_progress_line(struct buf *out, const struct cli_progress *progress, uint64_t elapsed_ns, unsigned width);

/* "512 B", "1.5 KiB", "12.0 MiB" */
void cli_format_size(struct buf *out, uint64_t bytes);

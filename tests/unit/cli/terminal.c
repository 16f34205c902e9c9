/* Progress lines, sizes, colour. CLI-6. */
#include "cli/terminal.h"
#include "base/mem.h"
#include "tap.h"
#include <unistd.h>

static const struct {
    uint64_t bytes;
    const char *text;
} sizes[] = {{0, "0 B"},        {1023, "1023 B"},          {1024, "1.0 KiB"},
             {1536, "1.5 KiB"}, {12ull << 20, "12.0 MiB"}, {UINT64_MAX, "16.0 EiB"}};

TEST(sizes_are_for_people)
{
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        cli_format_size(&text, sizes[i].bytes);
        CHECK_STR(buf_str(&text), sizes[i].text);
    }
}

static const struct {
    uint64_t done, total, elapsed_ms;
    unsigned width;
    const char *line;
} lines[] = {
    {512, 1024, 2000, 80, "pulling [############------------]  50% 512 B of 1.0 KiB 2 s"},
    {2048, 1024, 2000, 80, "pulling [########################] 100% 2.0 KiB of 1.0 KiB 2 s"},
    {512, 1024, 2000, 40, "pulling 512 B of 1.0 KiB 2 s"},
    {512, 1024, 2000, 13, "pulling 512 "},
    {0, 0, 2900, 80, "/ pulling 2 s"},
    {512, 0, 2900, 80, "/ pulling 512 B 2 s"},
};

TEST(progress_fits_the_terminal)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
        struct cli_progress progress = {.bytes = true, .what = "pulling"};
        cli_progress_update(&progress, lines[i].done, lines[i].total);
        cli_progress_line(&text, &progress, lines[i].elapsed_ms * NS_PER_MS, lines[i].width);
        CHECK_STR(buf_str(&text), lines[i].line);
    }
}

TEST(no_terminal_no_progress)
{
    struct cli_terminal terminal = {.width = 80};
    struct cli_progress progress = {.bytes = true};
    cli_progress_start(&progress, &terminal, "pulling");
    CHECK(!progress.running);
    cli_progress_update(&progress, 1, 2);
    cli_progress_end(&progress);
}

TEST(progress_ends_at_once)
{
    struct cli_terminal terminal = {.progress = true, .width = 80};
    struct cli_progress progress = {.bytes = true};
    uint64_t start = clock_now();
    cli_progress_start(&progress, &terminal, "pulling");
    CHECK(progress.running);
    cli_progress_end(&progress);
    CHECK(!progress.running);
    CHECK(clock_now() - start < NS_PER_SECOND); /* the line was not due yet, and is not waited for */
}

/* What is drawn on stderr, and taken back. */
TEST(progress_is_drawn_after_a_second_and_taken_back)
{
    struct cli_terminal terminal = {.progress = true, .width = 80};
    struct cli_progress progress = {0};
    char drawn[256], rest[4096];
    int ends[2], standard = dup(STDERR_FILENO);
    uint64_t start = clock_now();
    CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    cli_progress_start(&progress, &terminal, "compiling");
    cli_progress_update(&progress, 1, 2);
    ssize_t first = read(ends[0], drawn, sizeof drawn);
    uint64_t elapsed = clock_now() - start;
    cli_progress_end(&progress);
    dup2(standard, STDERR_FILENO);
    close(standard);
    close(ends[1]);
    ssize_t len = 0, n;
    while ((n = read(ends[0], rest + len, sizeof rest - (size_t)len)) > 0)
        len += n;
    close(ends[0]);
    CHECK(first > 0);
    CHECK(elapsed >= NS_PER_SECOND);
    CHECK(str_starts(str_n(drawn, (size_t)first), STR("\x1b[?25l\r\x1b[Kcompiling [############------------]  50% 1 of 2 1 s")));
    CHECK(str_ends(str_n(rest, (size_t)len), STR("\r\x1b[K\x1b[?25h")));
}

TEST(colour_only_where_it_is_on)
{
    autobuf struct buf on = BUF_INIT(BUF_UNLIMITED), off = BUF_INIT(BUF_UNLIMITED);
    cli_paint(&on, true, CLI_RED, "no");
    cli_paint(&off, false, CLI_RED, "no");
    CHECK_STR(buf_str(&on), "\x1b[1;31mno\x1b[0m");
    CHECK_STR(buf_str(&off), "no");
}

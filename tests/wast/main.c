/* wast [--skip FILE] [--verbose] FILE...: runs scripts of the Component Model's test suite. Prints `FILE: N passed, N failed`;
 * exits with 0 only if every form of every file was executed and held (or is on the skip list). WASH_NO_ELIDE=1 keeps shim modules.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "component/limits.h"
#include "script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_SCRIPT_BYTES (64u << 20)

static enum status read_file(const char *path, struct buf *out, struct error *err)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "open %s", path);
    for (;;) {
        TRY(buf_reserve(out, 65536));
        ssize_t got = read(fd, out->data + out->len, 65536);
        if (got < 0)
            return fail_errno(err, "read %s", path);
        if (got == 0)
            return ST_OK;
        out->len += (size_t)got;
    }
}

static bool run_file(const char *path, const struct script_options *options)
{
    autobuf struct buf text = BUF_INIT(MAX_SCRIPT_BYTES);
    struct script_counts counts;
    struct error err = {.message = "the file is too large"};
    if (read_file(path, &text, &err) != ST_OK || script_run(path, buf_str(&text), options, &counts, &err) != ST_OK) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        printf("%s: 0 passed, 1 failed\n", path);
        return false;
    }
    printf("%s: %u passed, %u failed", path, counts.passed, counts.failed);
    if (counts.skipped)
        printf(", %u skipped", counts.skipped);
    printf("\n");
    fflush(stdout);
    return counts.failed == 0;
}

static bool set_up(struct script_options *options, struct buf *skips, const char *skip_path, struct error *err)
{
    const char *no_elide = getenv("WASH_NO_ELIDE");
    const struct engine_options engine_options = {.no_cache = true};
    options->no_elide = no_elide && strcmp(no_elide, "1") == 0;
    options->gates = CM_GATE_ALL;
    if (skip_path) {
        if (read_file(skip_path, skips, err) != ST_OK)
            return false;
        options->skips = skips->data;
    }
    return engine_new(&engine_options, &options->engine, err) == ST_OK;
}

int main(int argc, char **argv)
{
    struct script_options options = {.engine = NULL};
    autobuf struct buf skips = BUF_INIT(MAX_SCRIPT_BYTES);
    const char *skip_path = NULL;
    struct error err;
    int at = 1;
    bool ok = true;
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--skip") == 0 && at + 1 < argc) {
            skip_path = argv[++at];
        } else if (strcmp(argv[at], "--verbose") == 0) {
            options.verbose = true;
        } else {
            fprintf(stderr, "usage: %s [--skip FILE] [--verbose] FILE...\n", argv[0]);
            return 2;
        }
    }
    if (!set_up(&options, &skips, skip_path, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    for (; at < argc; at++)
        ok = run_file(argv[at], &options) && ok;
    engine_free(options.engine);
    return ok ? 0 : 1;
}

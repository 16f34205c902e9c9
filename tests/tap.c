#include "tap.h"

#include "base/buf.h"

static struct tap_test *first, **last = &first;
static bool failed;
const char *tap_skipped;

void tap_register(struct tap_test *test)
{
    *last = test;
    last = &test->next;
}

bool tap_fail(const char *file, int line, const char *format, ...)
{
    autobuf struct buf what = BUF_INIT(BUF_UNLIMITED), shown = BUF_INIT(BUF_UNLIMITED);
    va_list args;
    va_start(args, format);
    if (buf_vprintf(&what, format, args) != ST_OK || buf_append_escaped(&shown, buf_str(&what)) != ST_OK)
        abort();
    va_end(args);
    printf("# %s:%d: %s\n", file, line, buf_str(&shown).data);
    failed = true;
    return false;
}

bool tap_same_int(const char *file, int line, const char *what, long long got, long long want)
{
    return got == want || tap_fail(file, line, "%s is %lld, not %lld", what, got, want);
}

bool tap_same_str(const char *file, int line, const char *what, struct str got, struct str want)
{
    return str_eq(got, want) || tap_fail(file, line, "%s is \"%.*s\", not \"%.*s\"", what, STR_ARG(got), STR_ARG(want));
}

/* Names the test "file/name", and tells whether the filter wants it. */
static bool selected(const struct tap_test *test, const char *filter, char ret_name[256])
{
    struct str file = str_of(test->file), stem = str_from(file, str_find_last_char(file, '/') + 1);
    snprintf(ret_name, 256, "%.*s/%s", (int)str_find_last_char(stem, '.'), stem.data, test->name);
    return strstr(ret_name, filter) != NULL;
}

int main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : "";
    char name[256];
    int number = 0, failures = 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* so that a crash leaves what came before it */
    printf("TAP version 13\n");
    for (struct tap_test *test = first; test; test = test->next) {
        if (!selected(test, filter, name))
            continue;
        failed = false, tap_skipped = "";
        test->run();
        failures += failed;
        printf("%sok %d - %s%s\n", failed ? "not " : "", ++number, name, tap_skipped);
    }
    printf("1..%d\n", number); /* last, so that a test that exits is noticed too */
    return failures > 0;
}

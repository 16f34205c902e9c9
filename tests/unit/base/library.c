/* Libraries that are loaded when they are needed. libm stands for one: every machine has it, and this program does not link it. */
#include "base/library.h"

#include "base/mem.h"
#include "tap.h"
#include <math.h>
#include <pthread.h>

#undef tgamma
#define FUNCTIONS(X) X(double, tgamma, (double x), (x))
FUNCTIONS(LIBRARY_FUNCTION)

static const struct library_symbol symbols[] = {FUNCTIONS(LIBRARY_SYMBOL)};
static struct library library = {"libm.so.6", "libc6", symbols, ARRAY_LEN(symbols), NULL};

static void *load(void *ret_status)
{
    *(enum status *)ret_status = library_load(&library, NULL);
    return NULL;
}

TEST(threads_load_it_once_and_call_it)
{
    pthread_t threads[4];
    enum status statuses[ARRAY_LEN(threads)];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, load, &statuses[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(statuses[i], ST_OK);
    }
    volatile double four = 4;
    CHECK(tgamma(four) == 6);
}

TEST(one_that_is_not_there_is_named)
{
    struct library missing = {"libno-such.so.1", "libno-such1", NULL, 0, NULL};
    struct error err;
    CHECK_EQ(library_load(&missing, &err), ST_UNSUPPORTED);
    CHECK(strstr(err.message, "libno-such.so.1") && strstr(err.message, "package libno-such1"));
}

TEST(another_version_is_refused)
{
    void *nothing;
    const struct library_symbol others[] = {{"no_such_function", &nothing}};
    struct library other = {"libm.so.6", "libc6", others, ARRAY_LEN(others), NULL};
    struct error err;
    CHECK_EQ(library_load(&other, &err), ST_UNSUPPORTED);
    CHECK(strstr(err.message, "no_such_function") && !other.handle);
}

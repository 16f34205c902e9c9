/* A test harness: `TEST(name) { CHECK(expr); }` registers itself; the program prints TAP. A failed check tells where and what, and
 * returns from the function it stands in (which returns void). Run one file or test with argv[1], a part of "file/name". */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct tap_test {
    const char *file, *name;
    void (*run)(void);
    struct tap_test *next;
};

void tap_register(struct tap_test *test);
extern const char *tap_skipped;                                                  /* by the running test: " # SKIP why" */
bool tap_fail(const char *file, int line, const char *format, ...) PRINTF(3, 4); /* false */
bool tap_same_int(const char *file, int line, const char *what, long long got, long long want);
bool tap_same_str(const char *file, int line, const char *what, struct str got, struct str want);

#define TEST(id)                                                                                                                   \
    static void test_##id(void);                                                                                                   \
    static struct tap_test tap_test_##id = {__FILE__, #id, test_##id, NULL};                                                       \
    __attribute__((constructor)) static void register_##id(void)                                                                   \
    {                                                                                                                              \
        tap_register(&tap_test_##id);                                                                                              \
    }                                                                                                                              \
    static void test_##id(void)
#define TAP_RETURN_UNLESS(condition)                                                                                               \
    do {                                                                                                                           \
        if (!(condition))                                                                                                          \
            return;                                                                                                                \
    } while (0)
#define CHECK(expr) TAP_RETURN_UNLESS((expr) || tap_fail(__FILE__, __LINE__, "not true: %s", #expr))
#define CHECK_EQ(a, b) TAP_RETURN_UNLESS(tap_same_int(__FILE__, __LINE__, #a, (long long)(a), (long long)(b)))
#define CHECK_STR(s, text) TAP_RETURN_UNLESS(tap_same_str(__FILE__, __LINE__, #s, (s), str_of(text)))
#define SKIP(why) TAP_RETURN_UNLESS((tap_skipped = " # SKIP " why, false))

/* What the two halves of the suite share. Private to it. */
#pragma once

#include "base/mem.h"
#include "coro_suite.h"
#include "tap.h"

#define MS NS_PER_MS

extern struct io_shard *suite_shard; /* of the running case */

size_t suite_stack_size(const struct coro_suite *suite);
unsigned suite_many(const struct coro_suite *suite);

bool suite_start(struct io_task *task, void (*run)(struct io_task *), struct io_account *account); /* false: failed and reported */
bool suite_join(struct io_task *task);
void suite_burn(uint64_t ns); /* computes for so long */

uint32_t suite_random(uint32_t *state); /* xorshift: the same order in every run */
void suite_shuffle(unsigned *items, unsigned count, uint32_t seed);
size_t suite_waiters(const struct io_event *waited);

/* Lets the others go until it holds, or fails. */
#define UNTIL(condition)                                                                                                           \
    do {                                                                                                                           \
        for (uint64_t give_up = clock_after(20 * NS_PER_SECOND); !(condition);) {                                                  \
            CHECK(clock_now() < give_up);                                                                                          \
            io_yield();                                                                                                            \
        }                                                                                                                          \
    } while (0)

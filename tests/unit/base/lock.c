/* Waiting for locks that others hold. */
#include "base/lock.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

struct held {
    char path[32];
    int fd; /* has the lock */
    char told[200];
    unsigned count;
};

static bool hold(struct held *held)
{
    *held = (struct held){.path = "/tmp/wash-test-lock-XXXXXX"};
    held->fd = mkostemp(held->path, O_CLOEXEC);
    return held->fd >= 0 && flock(held->fd, LOCK_EX) == 0;
}

static void release(struct held *held)
{
    close_descriptor(&held->fd);
    unlink(held->path);
}
#define HELD __attribute__((cleanup(release))) struct held

/* Whoever waits has been told; the other ends. */
static void end_when_told(void *env, const char *text)
{
    struct held *held = env;
    snprintf(held->told, sizeof held->told, "%s", text);
    held->count++;
    flock(held->fd, LOCK_UN);
}

TEST(a_wait_is_told_once)
{
    HELD held;
    struct error err;
    CHECK(hold(&held));
    autoclose int fd = open(held.path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(lock_wait(fd, held.path, (struct cancel){0}, (struct notice){end_when_told, &held}, &err), ST_OK);
    CHECK_EQ(held.count, 1);
    CHECK(strstr(held.told, "waiting for another process") && strstr(held.told, held.path));
    CHECK(flock(held.fd, LOCK_EX | LOCK_NB) != 0);
}

TEST(a_wait_can_be_cancelled)
{
    HELD held;
    struct error err;
    atomic_bool asked = true;
    CHECK(hold(&held));
    autoclose int fd = open(held.path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(lock_wait(fd, held.path, cancel_by_flag(&asked), (struct notice){0}, &err), ST_CANCELLED);
    CHECK(strstr(err.message, held.path));
}

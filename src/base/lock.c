#include "base/lock.h"
#include "base/buf.h"
#include "base/clock.h"
#include <errno.h>
#include <sys/file.h>
#include <time.h>

#define LOOK_AGAIN_NS (20 * NS_PER_MS)
#define TELL_AFTER_NS NS_PER_SECOND

static void tell(struct notice notice, const char *path)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&text, "waiting for another process that works on %s", path);
    notice_tell(notice, text.data);
}

enum status lock_wait(int fd, const char *path, struct cancel cancel, struct notice notice, struct error *err)
{
    const struct timespec pause = {0, LOOK_AGAIN_NS};
    uint64_t tell_at = clock_after(TELL_AFTER_NS);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_errno(err, "lock %s", path);
        if (cancel_asked(cancel))
            return fail(err, ST_CANCELLED, "interrupted while another process works on %s", path);
        if (clock_now() >= tell_at) {
            tell(notice, path);
            tell_at = CLOCK_NEVER;
        }
        nanosleep(&pause, NULL);
    }
    return ST_OK;
}

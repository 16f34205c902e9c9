/* Locks between processes: flock of an open file or folder. Who ends, however it does, gives them back. */
#pragma once

#include "base/cancel.h"
#include "base/error.h"
#include "base/notice.h"

/* Waits for the exclusive lock of `fd`; closing it gives it back. Looks many times a second, so that it can be cancelled; after a second
 * it tells that it waits. path: what it is, for messages. Fails: ST_CANCELLED, ST_IO and what else an errno means. */
enum status lock_wait(int fd, const char *path, struct cancel cancel, struct notice notice, struct error *err) CHECKED;

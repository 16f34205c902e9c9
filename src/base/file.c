#include "base/file.h"

#include <errno.h>
#include <unistd.h>

enum status file_write_all(int fd, struct str bytes, const char *path, struct error *err)
{
    while (bytes.len) {
        ssize_t len = write(fd, bytes.data, bytes.len);
        if (len < 0 && errno != EINTR)
            return fail_errno(err, "write %s", path);
        bytes = str_from(bytes, len < 0 ? 0 : (size_t)len);
    }
    return ST_OK;
}

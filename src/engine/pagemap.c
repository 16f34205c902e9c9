#include "engine/pagemap.h"
#include "base/mem.h"
#include "base/str.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The interface is younger than the headers we build with. */
struct scan_request {
    uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
    uint64_t inverted, all_of, any_of, returned; /* categories */
};
#define SCAN_REQUEST _IOWR('f', 16, struct scan_request)

enum {
    IS_FILE = 1 << 2,
    IS_PRESENT = 1 << 3,
    IS_SWAPPED = 1 << 4,
    IS_ZERO = 1 << 5,
};

static int scan(int pagemap, struct scan_request *request)
{
    request->size = sizeof *request;
    request->inverted = IS_FILE | IS_ZERO;
    request->all_of = IS_FILE | IS_ZERO;
    request->any_of = IS_PRESENT | IS_SWAPPED;
    return ioctl(pagemap, SCAN_REQUEST, request);
}

int pagemap_open(void)
{
    struct scan_request request = {0};
    autoclose int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || scan(fd, &request) != 0)
        return -1;
    int opened = fd;
    fd = -1;
    return opened;
}

struct pagemap_scan pagemap_scan_begin(int pagemap, const void *memory, size_t size)
{
    uint64_t start = (uint64_t)(uintptr_t)memory;
    return (struct pagemap_scan){.pagemap = pagemap, .at = start, .end = start + size};
}

bool pagemap_scan_next(struct pagemap_scan *s)
{
    while (s->at < s->end) {
        struct scan_request request = {
            .start = s->at, .end = s->end, .regions = (uint64_t)(uintptr_t)s->regions, .region_count = PAGEMAP_REGIONS};
        int count = scan(s->pagemap, &request);
        s->failed = count < 0 || request.walk_end <= s->at;
        if (s->failed)
            return false;
        s->at = request.walk_end;
        s->count = (size_t)count;
        if (count > 0)
            return true;
    }
    return false;
}

bool pagemap_swap_in_use(void)
{
    char text[4096];
    autoclose int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text);
    size_t head = len > 0 ? str_find_char(str_n(text, (size_t)len), '\n') : STR_NONE;
    return head != STR_NONE && head + 1 < (size_t)len;
}

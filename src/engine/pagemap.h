/* Which pages of a memory are its own: written since they were mapped, in memory or swapped out.
 *
 * A page that was never touched, or only read, still is the zero page or the file behind the mapping. The others are found by the
 * kernel's PAGEMAP_SCAN (Linux 6.7) on /proc/self/pagemap, some hundred regions a call.
 * Source: Linux, Documentation/admin-guide/mm/pagemap.rst. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A descriptor for scans of this process, or -1 where the kernel offers none. */
int pagemap_open(void);

struct pagemap_region { /* as the kernel writes it */
    uint64_t start, end, categories;
};

#define PAGEMAP_REGIONS 256

struct pagemap_scan {
    int pagemap;
    uint64_t at, end;
    bool failed;
    size_t count;
    struct pagemap_region regions[PAGEMAP_REGIONS];
};

/* memory: page-aligned, mapped. */
struct pagemap_scan pagemap_scan_begin(int pagemap, const void *memory, size_t size);
/* Finds the next regions, whole pages in ascending order. False when there are no more, or the scan failed. */
bool pagemap_scan_next(struct pagemap_scan *scan);

/* Whether the system swaps at all. */
bool pagemap_swap_in_use(void);

/* Files behind wasi:filesystem: descriptors, and running their operations on worker threads.
 *
 * An operation is a struct with everything it needs copied in (a worker never sees guest memory) and a function that makes system
 * calls and returns an errno; `wasi_file_run` runs it off the loop and parks the task meanwhile. */
#pragma once

#include "wasi/stream.h"
#include "wasi/wasi.h"
#include <sys/stat.h>

#define WASI_FILE_IO_MAX (256u << 10) /* bytes of one read or write of a file */

struct wasi_filesystem_types_descriptor {
    struct wasi_node node;
    int fd;
    bool is_directory, read_only;
    uint32_t flags;               /* wasi descriptor-flags */
    bool is_preopen;              /* its fd is the profile's, and not counted */
    struct wasi_context *context; /* its count of open files; an instance's descriptors end before its context */
};

struct wasi_file_op {
    int (*run)(struct wasi_file_op *op); /* 0 or an errno */
    int fd, other;                       /* the descriptor, or directory; a second directory */
    char *path, *other_path;             /* NUL-ended copies */
    bool follow;
    int flags; /* O_* or AT_*; advice */
    uint64_t offset, len;
    void *data;
    struct timespec times[2];
    /* results: */
    int error, ret_fd;
    size_t ret_len;
    struct stat ret_stat;
};

/* Runs it on a worker (or right here when there is no task). ST_OK: op->error says how it went. ST_CANCELLED: the task was
 * cancelled; what the operation made (ret_fd) has been closed. Waits: yes. */
enum status wasi_file_run(struct wasi_file_op *op) CHECKED;

/* An operation: reads up to `len` bytes at `offset` into `data`. */
int wasi_file_read(struct wasi_file_op *op);

uint32_t wasi_file_error(int sys_errno); /* the error-code */
uint32_t wasi_file_type(mode_t mode);    /* the descriptor-type */

/* Takes fd. */
struct wasi_filesystem_types_descriptor *wasi_file_new(struct wasi_context *context, int fd, bool is_directory, bool read_only,
                                                       uint32_t flags);
/* Uses the profile's fd, so that a guest can take its volumes as often as it likes. */
struct wasi_filesystem_types_descriptor *wasi_file_preopen(struct wasi_context *context, const struct wasi_preopen *preopen);

void wasi_file_stat(const struct stat *from, struct wasi_filesystem_types_descriptor_stat *ret);
void wasi_file_hash(const struct stat *from, struct wasi_filesystem_types_metadata_hash_value *ret);
/* 0 or EINVAL. */
int wasi_file_times(const struct wasi_filesystem_types_new_timestamp *access,
                    const struct wasi_filesystem_types_new_timestamp *modification, struct timespec ret_times[2]);

struct wasi_io_streams_input_stream *wasi_file_input(struct wasi_filesystem_types_descriptor *file, uint64_t offset);
struct wasi_io_streams_output_stream *wasi_file_output(struct wasi_filesystem_types_descriptor *file, bool append, uint64_t offset);

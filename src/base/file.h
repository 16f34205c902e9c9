/* Files, where the system's calls leave something to do. */
#pragma once

#include "base/error.h"
#include "base/str.h"

/* Writes all of `bytes`, whatever interrupts it. path: for the message. Fails: ST_IO and what else an errno means. Blocks. */
enum status file_write_all(int fd, struct str bytes, const char *path, struct error *err) CHECKED;

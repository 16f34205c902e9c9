/* libarchive, loaded when an archive is first unpacked: it brings along libxml2 and ICU, which read other formats than ours. Of its
 * functions those in libarchive.c can be called, after wkg_libarchive_load. */
#pragma once

#include "base/error.h"
#include <archive.h>
#include <archive_entry.h>

/* Fails: ST_UNSUPPORTED it is not installed. Any thread. */
enum status wkg_libarchive_load(struct error *err) CHECKED;

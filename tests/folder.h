/* A folder for one test, and files in it. */
#pragma once

#include "base/buf.h"

struct folder {
    char path[64];
};

bool folder_open(struct folder *folder);
void folder_remove(struct folder *folder); /* with all that is in it */
#define autofolder __attribute__((cleanup(folder_remove))) struct folder

bool folder_write(const struct folder *folder, const char *name, struct str content, int mode);
bool folder_read(const struct folder *folder, const char *name, struct buf *ret_content);
bool folder_has(const struct folder *folder, const char *name);

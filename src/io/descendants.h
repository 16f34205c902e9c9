/* What a program has started, and what those have: found by descent, for programs that stay in our process group, where a signal to
 * the group would reach us and who started us as well.
 *
 * While they are adopted, what loses its parent becomes our child instead of init's, so that it is still found. A process that made
 * itself a session of its own, as daemons do, is left alone. For processes whose children are all meant: one program at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Returns whether it was so before. */
bool io_descendants_adopt(bool adopt);

/* Signals every descendant of ours; 0 as signal only counts. Returns how many there were that had not ended. */
size_t io_descendants_signal(int signal);

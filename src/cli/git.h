/* Git repositories as templates, whatever is in them and whoever serves them.
 *
 * An address is one of https, http, ssh, git, file, or HOST:PATH as ssh's users write it; transports that run a program (`ext::`) and
 * anything that a program would take for an option are refused before git sees them. Git itself is run without hooks, filters,
 * submodules, prompts and templates, and with the environment's own repository forgotten. */
#pragma once

#include "base/error.h"
#include "base/str.h"

/* ST_INVALID says what is wrong with it. */
enum status cli_git_check_url(struct str url, struct error *err) CHECKED;
enum status cli_git_check_ref(struct str ref, struct error *err) CHECKED;

struct cli_git_clone {
    const char *url;    /* checked; or the path of a repository on this machine */
    const char *ref;    /* checked branch, tag or commit; NULL: what the repository offers, without its history */
    const char *folder; /* to be made; its parent is ours */
    bool on_terminal;   /* see io/run.h; and git shows its progress */
};

/* Blocks. ST_CANCELLED when interrupted; else the error has git's own words. A failed clone leaves its folder behind. */
enum status cli_git_clone(const struct cli_git_clone *clone, struct error *err) CHECKED;

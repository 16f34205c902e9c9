/* What `wash update` and the notice of new versions share: where releases are, and where things about them are kept. */
#pragma once

#include "cli/cli.h"
#include "cli/release.h"

struct update_source {
    struct str repository; /* "owner/name" */
    struct str api_url;    /* https, without a slash at the end */
    struct str token;      /* data NULL: none */
};

/* The build's, or what WASH_UPDATE_API_URL and `repository` (data NULL: the build's) say. ST_INVALID; ST_UNSUPPORTED: there is none. */
enum status update_source(struct arena *arena, struct str repository, struct str token, struct update_source *ret_source,
                          struct error *err) CHECKED;

/* Asks for the release within reach. timeout_ms 0: none. Blocks; interrupts must be held. */
enum status update_find_release(const struct update_source *source, enum release_reach reach, uint64_t timeout_ms,
                                struct arena *arena, struct release *ret_release, struct error *err) CHECKED;

/* `name` in wash's cache, in folders that are made. ST_NOT_FOUND: there is no place for a cache. */
enum status update_cache_path(const struct cli_context *context, const char *name, struct str *ret_path, struct error *err) CHECKED;

struct cli_version update_current_version(void);

/* After a command, for a user at a terminal: says if there is a newer wash. Asks at most once a day, for a second; a problem is no
 * one's business. */
void cli_notice_new_version(struct cli_context *context);

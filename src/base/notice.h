/* Saying something that is neither a result nor an error: that others are waited for, that there is a way round what is missing.
 *
 * Rooms that serve commands and hosts alike do not log it themselves; who calls them says how it is told, on the thread that calls.
 * {0} tells nobody. */
#pragma once

struct notice {
    void (*tell)(void *env, const char *text); /* the text is gone afterwards */
    void *env;
};

static inline void notice_tell(struct notice notice, const char *text)
{
    if (notice.tell)
        notice.tell(notice.env, text);
}

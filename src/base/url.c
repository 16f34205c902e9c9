#include "base/url.h"
#include "base/mem.h"

struct str url_shown(struct arena *arena, struct str url)
{
    size_t mark = str_find(url, STR("://"));
    if (mark == STR_NONE)
        return arena_str(arena, url);
    struct str scheme = str_slice(url, 0, mark), rest = str_from(url, mark + 3);
    struct str authority = str_slice(rest, 0, MIN(str_find_char(rest, '/'), rest.len));
    size_t at = str_find_last_char(authority, '@'), colon = str_find_char(authority, ':');
    if (at == STR_NONE)
        return arena_str(arena, url);
    struct str login = str_slice(authority, 0, at), host = str_from(rest, at);
    if (colon != STR_NONE && colon < at)
        return arena_printf(arena, "%.*s://%.*s:***%.*s", STR_ARG(scheme), (int)colon, login.data, STR_ARG(host));
    if (str_ends(scheme, STR("ssh")))
        return arena_str(arena, url);
    return arena_printf(arena, "%.*s://***%.*s", STR_ARG(scheme), STR_ARG(host));
}

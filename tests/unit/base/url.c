#include "base/url.h"

#include "base/mem.h"
#include "tap.h"

TEST(logins_are_not_shown)
{
    static const char *const cases[][2] = {
        {"https://user:secret@example.com/a", "https://user:***@example.com/a"},
        {"https://user:se@cret@example.com/a", "https://user:***@example.com/a"},
        {"redis://:secret@example.com:6379", "redis://:***@example.com:6379"},
        {"https://token@example.com/a:b@c", "https://***@example.com/a:b@c"},
        {"nats://token@example.com:4222", "nats://***@example.com:4222"},
        {"git+ssh://git@example.com/a", "git+ssh://git@example.com/a"},
        {"ssh://git:secret@example.com/a", "ssh://git:***@example.com/a"},
        {"https://example.com:8443/a", "https://example.com:8443/a"},
        {"https://example.com/@scope/a", "https://example.com/@scope/a"},
        {"git@example.com:a", "git@example.com:a"},
        {"file:///a@b:c", "file:///a@b:c"},
        {"../folder@2/wit", "../folder@2/wit"},
        {"", ""},
    };
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(url_shown(&arena, str_of(cases[i][0])), cases[i][1]);
    arena_release(&arena);
}

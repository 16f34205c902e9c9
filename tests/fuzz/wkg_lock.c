/* libFuzzer target: wkg.lock is refused with a message, or what was read is written as text that is read as the same. */
#include "wkg/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void format_again(const struct wkg_lock *lock, struct arena *arena, struct buf *ret_text)
{
    struct wkg_lock again;
    struct error err;
    autobuf struct buf first = BUF_INIT(BUF_UNLIMITED);
    wkg_lock_format(lock, &first);
    if (wkg_lock_parse("again", buf_str(&first), arena, &again, &err) != ST_OK)
        bug("what was written is refused: %s", err.message);
    wkg_lock_format(&again, ret_text);
    bug_unless(str_eq(buf_str(&first), buf_str(ret_text)));
    wkg_lock_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct wkg_lock lock;
    struct error err = {.message = ""};
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    arena_init(&arena, SIZE_MAX);
    if (wkg_lock_parse("fuzz", str_n((const char *)data, size), &arena, &lock, &err) == ST_OK) {
        format_again(&lock, &arena, &text);
        wkg_lock_release(&lock);
    } else {
        bug_unless(err.message[0]);
    }
    arena_release(&arena);
    return 0;
}

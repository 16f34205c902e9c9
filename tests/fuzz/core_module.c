/* libFuzzer target: bytes as a core module. What the reader accepts can be given exports for its state, and then the reader accepts
 * that too and finds the same module, with those exports behind its own. */
#include "engine/module_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_added(const struct module_info *info, const struct module_info *exposed, const struct module_state *state)
{
    bug_unless(exposed->export_count == info->export_count + state->added_count);
    bug_unless(exposed->import_count == info->import_count && exposed->func_count == info->func_count);
    for (size_t i = 0; i < info->export_count; i++)
        bug_unless(str_eq(exposed->exports[i].name, info->exports[i].name) && exposed->export_items[i] == info->export_items[i]);
    for (size_t i = 0; i < state->added_count; i++) {
        const struct engine_export *export = &exposed->exports[info->export_count + i];
        bug_unless(str_eq(export->name, state->added[i].name) && export->type.kind == state->added[i].kind);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autobuf struct buf out = BUF_INIT(BUF_UNLIMITED);
    struct str bytes = str_n((const char *)data, size);
    struct module_info info, exposed;
    struct module_state state;
    struct arena arena;
    struct error err = {.message = ""};
    arena_init(&arena, 64u << 20);
    if (module_read(bytes, &arena, &info, &err) == ST_OK) {
        module_state_find(&info, &arena, &state);
        module_state_expose(&info, bytes, &state, &out);
        bug_unless((out.len > 0) == (state.added_count > 0));
        if (out.len > 0) {
            if (module_read(buf_str(&out), &arena, &exposed, &err) != ST_OK)
                bug("%s", err.message);
            check_added(&info, &exposed, &state);
        }
    } else {
        bug_unless(err.message[0] && err.status != ST_OK);
    }
    arena_release(&arena);
    return 0;
}

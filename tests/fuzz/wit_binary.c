/* libFuzzer target: WIT packages in the binary format. An input is text, which is encoded, then perhaps a NUL and changes to what
 * came out: two bytes of offset and one to put there, each. Or it is a component itself. What is read as a package prints; what of
 * that can be encoded is read again and prints the same. */
#include "component/limits.h"
#include "component/world.h"
#include "wit/encode.h"
#include "wit/load.h"
#include "wit/print.h"

#define MAX_BYTES (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct decoded {
    struct arena arena;
    struct wit_model model;
    struct wit_package *package;
    struct wit_world *world;
    struct buf text;
};

static enum status decode(struct decoded *d, struct str bytes)
{
    struct error err = {.message = ""};
    *d = (struct decoded){.text = BUF_INIT(MAX_BYTES)};
    arena_init(&d->arena, CM_LIMIT_ARENA_BYTES);
    wit_model_init(&d->model);
    enum status status = cm_world_model(bytes, &d->arena, &d->model, &d->package, &d->world, &err);
    if (status == ST_OK)
        status = wit_print_package(d->package, false, &d->text, &err);
    bug_unless(status == ST_OK || (err.message[0] && err.status == status));
    return status;
}

static void decoded_release(struct decoded *d)
{
    wit_model_release(&d->model);
    arena_release(&d->arena);
    buf_release(&d->text);
}

/* What was decoded goes out and comes in again. Features of worlds that only components have may be refused. */
static void check_again(const struct decoded *first)
{
    autobuf struct buf bytes = BUF_INIT(MAX_BYTES);
    struct decoded second;
    struct error err = {.message = ""};
    if (wit_encode_package(first->package, NULL, &bytes, &err) != ST_OK) {
        bug_unless(err.message[0] && bytes.len == 0);
        return;
    }
    if (decode(&second, buf_str(&bytes)) != ST_OK || !str_eq(buf_str(&first->text), buf_str(&second.text)))
        bug("encoded, it is another:\n%s\n%s", first->text.data, second.text.data);
    decoded_release(&second);
}

static void check_binary(struct str bytes)
{
    struct decoded first;
    if (decode(&first, bytes) == ST_OK && !first.world)
        check_again(&first);
    decoded_release(&first);
}

static bool encode(struct str text, struct buf *out)
{
    const struct wit_options all = {.all_features = true};
    struct wit_model model;
    struct wit_package *package = NULL;
    struct error err = {.message = ""};
    wit_model_init(&model);
    struct wit_loader *loader = wit_loader_new(&model, &all);
    enum status status = wit_loader_add_text(loader, STR("fuzz.wit"), text, &err);
    if (status == ST_OK)
        status = wit_loader_finish(loader, &package, &err);
    if (status == ST_OK)
        status = wit_encode_package(package, NULL, out, &err);
    bug_unless(status == ST_OK || err.message[0]);
    wit_loader_free(loader);
    wit_model_release(&model);
    return status == ST_OK;
}

static void change(struct buf *bytes, struct str changes)
{
    for (size_t i = 0; i + 3 <= changes.len && bytes->len; i += 3) {
        size_t at = (size_t)(uint8_t)changes.data[i] << 8 | (uint8_t)changes.data[i + 1];
        bytes->data[at % bytes->len] = changes.data[i + 2];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_n((const char *)data, size);
    autobuf struct buf bytes = BUF_INIT(MAX_BYTES);
    if (str_starts(input, STR("\0asm"))) {
        check_binary(input);
        return 0;
    }
    size_t end = str_find_char(input, '\0');
    if (encode(str_slice(input, 0, end), &bytes)) {
        change(&bytes, end == STR_NONE ? STR("") : str_from(input, end + 1));
        check_binary(buf_str(&bytes));
    }
    return 0;
}

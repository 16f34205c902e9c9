/* wit-tool print PATH | encode PATH: WIT for comparing with other tools. PATH is text (a file or a folder, every feature on), or,
 * to print, a component. Standard output gets the package as text with those it depends on, or as a component. */
#include "base/mem.h"
#include "component/limits.h"
#include "component/world.h"
#include "wit/encode.h"
#include "wit/load.h"
#include "wit/print.h"

#include <stdio.h>

static enum status read_file(const char *path, struct buf *out, struct error *err)
{
    char piece[65536];
    size_t len;
    FILE *file = fopen(path, "re");
    if (!file)
        return fail_errno(err, "open %s", path);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(out, str_n(piece, len));
    fclose(file);
    return ST_OK;
}

static enum status run(const char *command, const char *path, struct buf *out, struct error *err)
{
    const struct wit_options options = {.all_features = true};
    autobuf struct buf bytes = BUF_INIT(BUF_UNLIMITED);
    struct wit_model model;
    struct wit_package *package;
    if (str_ends(str_of(path), STR(".wasm"))) {
        TRY(read_file(path, &bytes, err));
        return cm_world_wit(buf_str(&bytes), out, err);
    }
    wit_model_init(&model);
    enum status status = wit_load(&model, path, &options, &package, err);
    if (status == ST_OK && strcmp(command, "encode") == 0)
        status = wit_encode_package(package, NULL, out, err);
    else if (status == ST_OK)
        status = wit_print(&model, package, out, err);
    wit_model_release(&model);
    return status;
}

int main(int argc, char **argv)
{
    autobuf struct buf out = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    struct error err;
    if (argc != 3 || (strcmp(argv[1], "print") != 0 && strcmp(argv[1], "encode") != 0)) {
        fprintf(stderr, "usage: %s print|encode PATH\n", argv[0]);
        return 2;
    }
    if (run(argv[1], argv[2], &out, &err) != ST_OK) {
        fprintf(stderr, "%s: %s\n", argv[2], err.message);
        return 1;
    }
    return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}

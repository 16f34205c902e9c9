#include "cli/go_module.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include <stdlib.h>
#include <unistd.h>

#define MODULE_FILE_MAX (1u << 20)

/* The folder without symbolic links, as far as it is there. */
static struct str real_folder(struct arena *arena, struct str folder)
{
    struct str there = folder;
    for (;;) {
        autofree char *real = realpath(arena_str(arena, there).data, NULL);
        if (real)
            return arena_printf(arena, "%s%.*s", strcmp(real, "/") == 0 ? "" : real, STR_ARG(str_from(folder, there.len)));
        size_t slash = str_find_last_char(there, '/');
        if (slash == STR_NONE || slash == 0)
            return folder;
        there = str_slice(there, 0, slash);
    }
}

static struct str unquoted(struct str text)
{
    bool quoted = text.len >= 2 && (text.data[0] == '"' || text.data[0] == '`') && text.data[text.len - 1] == text.data[0];
    return quoted ? str_slice(text, 1, text.len - 1) : text;
}

/* Of the line "module example.com/project"; empty if there is none. Source: go.dev/ref/mod, "go.mod files". */
static struct str module_path(struct str text)
{
    struct str line;
    while (str_next_part(&text, '\n', &line)) {
        size_t comment = str_find(line, STR("//"));
        line = str_trim(comment == STR_NONE ? line : str_slice(line, 0, comment));
        if (str_skip(&line, STR("module")) && line.len && strchr(" \t\"`", line.data[0]))
            return unquoted(str_trim(line));
    }
    return STR("");
}

static bool is_import_path(struct str path)
{
    bool good = path.len > 0;
    for (size_t i = 0; i < path.len && good; i++) {
        char c = path.data[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~/", c));
    }
    return good;
}

static enum status import_path(struct arena *arena, struct str file, struct str below, struct str *ret_path, struct error *err)
{
    autobuf struct buf text = BUF_INIT(MODULE_FILE_MAX);
    TRY(file_read(file.data, &text, err));
    struct str module = module_path(buf_str(&text));
    if (!module.len)
        return fail(err, ST_INVALID, "%.*s names no module", STR_ARG(file));
    struct str path = arena_printf(arena, "%.*s%.*s", STR_ARG(module), STR_ARG(below));
    if (!is_import_path(path))
        return fail(err, ST_INVALID, "%.*s: Go cannot import a package `%.*s`; name folders with letters, digits and -._~",
                    STR_ARG(file), STR_ARG(path));
    *ret_path = path;
    return ST_OK;
}

enum status cli_go_import_path(struct arena *arena, struct str folder, struct str *ret_path, struct error *err)
{
    struct str real = real_folder(arena, folder), above = real;
    while (str_ends(real, STR("/")))
        real.len--;
    for (above = real;; above = str_slice(above, 0, str_find_last_char(above, '/'))) {
        struct str file = arena_printf(arena, "%.*s/go.mod", STR_ARG(above));
        if (access(file.data, F_OK) == 0)
            return import_path(arena, file, str_from(real, above.len), ret_path, err);
        if (!above.len)
            break;
    }
    return fail(err, ST_NOT_FOUND, "no go.mod in %.*s or above; make one with `go mod init`", STR_ARG(real));
}

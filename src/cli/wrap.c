/* Components of core modules, with the adapters for WASI preview 1 that this program carries. */
#include "component/wrap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "component/limits.h"

#include <fcntl.h>
#include <unistd.h>

#define PREVIEW1 "wasi_snapshot_preview1"

/* PREVIEW1_DIR holds command.wasm and reactor.wasm (tools/preview1-adapter.sh). */
#define CARRY(name)                                                                                                                \
    __asm__(".pushsection .rodata\n"                                                                                               \
            "preview1_" name ": .incbin \"" PREVIEW1_DIR "/" name ".wasm\"\n"                                                      \
            "preview1_" name "_end:\n"                                                                                             \
            ".popsection\n")
CARRY("command");
CARRY("reactor");
extern const char preview1_command[], preview1_command_end[], preview1_reactor[], preview1_reactor_end[];

/* A program with a `_start` is a command, which the adapter runs; everything else is called by what it exports. */
static struct str preview1_adapter(struct str module)
{
    if (cm_module_exports(module, STR("_start")))
        return str_n(preview1_command, (size_t)(preview1_command_end - preview1_command));
    return str_n(preview1_reactor, (size_t)(preview1_reactor_end - preview1_reactor));
}

static bool is_given(const struct cm_adapter *adapters, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(adapters[i].name, name))
            return true;
    return false;
}

enum status cli_wrap_module(struct str module, const struct cm_adapter *adapters, size_t adapter_count, struct buf *out,
                            struct error *err)
{
    static const struct wit_producer producer = {STR_INIT("wash"), STR_INIT(WASH_VERSION)};
    VEC(struct cm_adapter) all = {0};
    for (size_t i = 0; i < adapter_count; i++)
        vec_push(&all, adapters[i]);
    if (cm_module_imports(module, STR(PREVIEW1)) && !is_given(adapters, adapter_count, PREVIEW1))
        vec_push(&all, (struct cm_adapter){STR(PREVIEW1), preview1_adapter(module)});
    const struct cm_wrap_options options = {.adapters = all.items, .adapter_count = all.len, .producer = &producer};
    enum status status = cm_wrap_module(module, &options, out, err);
    vec_release(&all);
    return status;
}

/* --- files ----------------------------------------------------------------------------------------------------------- */

bool cli_is_core_module(struct str bytes)
{
    return str_starts(bytes, STR("\0asm\1\0\0\0"));
}

/* What is neither is named with what it is, as far as its first bytes tell. */
static enum status check_header(const char *path, bool *ret_is_module, struct error *err)
{
    char header[8];
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, header, sizeof header);
    if (len < 0)
        return fail_errno(err, "%s", path);
    struct str bytes = str_n(header, (size_t)len);
    *ret_is_module = cli_is_core_module(bytes);
    if (*ret_is_module || str_starts(bytes, STR("\0asm\x0d\0\1\0")))
        return ST_OK;
    return fail(err, ST_INVALID, "%s: neither a component nor a core module of WebAssembly%s", path,
                len == 0                          ? "; it is empty"
                : str_starts(bytes, STR("\0asm")) ? ", but of a version that is not known, or cut off"
                                                  : "");
}

/* A component of a module that names no world would have no imports and no exports. */
static enum status check_module(struct str module, const char *path, struct error *err)
{
    if (cm_module_has_world(module) || cm_module_imports(module, STR(PREVIEW1)))
        return ST_OK;
    return fail(
        err, ST_INVALID,
        "%s: a core module that does not say for which world it was built; `wash component new --wit PATH` makes a component "
        "of one",
        path);
}

enum status cli_wrap_file(struct str path, bool *ret_wrapped, struct error *err)
{
    autobuf struct buf module = BUF_INIT(CM_LIMIT_BINARY_BYTES), component = BUF_INIT(CM_LIMIT_BINARY_BYTES);
    autofree char *name = mem_strndup(path.data, path.len);
    bool is_module;
    TRY(check_header(name, &is_module, err));
    if (is_module) {
        TRY(file_read(name, &module, err));
        if (cli_wrap_module(buf_str(&module), NULL, 0, &component, err) != ST_OK)
            return fail_wrap(err, "make a component of %s", name);
        TRY(check_module(buf_str(&module), name, err));
        TRY(file_replace(name, buf_str(&component), err));
    }
    *ret_wrapped = is_module;
    return ST_OK;
}

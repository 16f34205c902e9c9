/* Results, failures and files of the commands; see cli.h. */
#include "base/mem.h"
#include "cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_json(json_t *object)
{
    autofree char *text = json_dumps(object, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(object);
    if (text)
        puts(text);
}

void cli_result(const struct cli_context *context, struct str text, const char *message, json_t *data)
{
    if (!context->json) {
        if (text.len)
            fwrite(text.data, 1, text.len, stdout);
        if (text.len && text.data[text.len - 1] != '\n')
            putchar('\n');
        json_decref(data);
        return;
    }
    autobuf struct buf escaped = BUF_INIT(BUF_UNLIMITED); /* it may name a file that is not valid UTF-8 */
    if (buf_append_escaped(&escaped, str_of(message)) != ST_OK)
        bug("escape");
    print_json(json_pack("{s:s, s:b, s:o}", "message", buf_str(&escaped).data, "success", 1, "data", data ? data : json_null()));
}

void cli_failure(const struct cli_context *context, const struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (buf_append_escaped(&text, str_of(err->message)) != ST_OK)
        return;
    if (context->json)
        print_json(json_pack("{s:s, s:b, s:n}", "message", text.data ? text.data : "", "success", 0, "data"));
    else
        fprintf(stderr, "error: %s\n", text.data ? text.data : "unknown error");
}

struct str cli_path(const struct cli_context *context, struct str path)
{
    if (str_starts(path, STR("/")))
        return arena_str(context->arena, path);
    return arena_printf(context->arena, "%.*s/%.*s", STR_ARG(context->start_directory), STR_ARG(path));
}

enum status cli_read_file(struct str path, size_t max_bytes, struct buf *ret_bytes, struct error *err)
{
    autofree char *name = mem_strndup(path.data, path.len);
    autoclose int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return fail_errno(err, "%s", name);
    if (!S_ISREG(info.st_mode))
        return fail(err, ST_INVALID, "%s is not a regular file", name);
    if ((uint64_t)info.st_size > max_bytes)
        return fail(err, ST_LIMIT, "%s has %lld bytes, more than the limit of %zu", name, (long long)info.st_size, max_bytes);
    buf_init(ret_bytes, max_bytes);
    enum status status = ST_OK;
    char chunk[65536];
    ssize_t n = 1;
    while (status == ST_OK && n > 0) {
        n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n < 0)
            status = fail_errno(err, "read %s", name);
        else if (n > 0 && buf_append(ret_bytes, chunk, (size_t)n) != ST_OK)
            status = fail(err, ST_LIMIT, "%s has more than %zu bytes", name, max_bytes);
    }
    if (status != ST_OK)
        buf_release(ret_bytes);
    return status;
}

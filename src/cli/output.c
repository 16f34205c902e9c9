/* Results and failures of the commands; see cli.h. */
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"

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

json_t *cli_json_text(struct str text)
{
    json_t *value = json_stringn(text.data, text.len);
    if (value)
        return value;
    autobuf struct buf escaped = BUF_INIT(BUF_UNLIMITED);
    if (buf_append_escaped(&escaped, text) != ST_OK)
        bug("escape");
    return json_stringn(escaped.data, escaped.len);
}

/* Arguments, output of tools and names of files come into messages: nothing of them drives the terminal. */
static void print_error(const struct cli_context *context, struct str text)
{
    autobuf struct buf line = BUF_INIT(BUF_UNLIMITED);
    cli_paint(&line, context->terminal.color_err, CLI_RED, "error:");
    buf_addf(&line, " %.*s\n", STR_ARG(text));
    fwrite(line.data, 1, line.len, stderr);
}

void cli_failure(const struct cli_context *context, const struct error *err)
{
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED);
    if (buf_append_escaped(&text, str_of(err->message)) != ST_OK)
        return;
    if (context->json)
        print_json(json_pack("{s:s, s:b, s:n}", "message", text.data ? text.data : "", "success", 0, "data"));
    else
        print_error(context, text.data ? buf_str(&text) : STR("unknown error"));
}

void cli_failure_data(const struct cli_context *context, struct str text, const char *message, json_t *data)
{
    autobuf struct buf escaped = BUF_INIT(BUF_UNLIMITED);
    if (buf_append_escaped(&escaped, str_of(message)) != ST_OK)
        bug("escape");
    if (context->json) {
        print_json(
            json_pack("{s:s, s:b, s:o}", "message", buf_str(&escaped).data, "success", 0, "data", data ? data : json_null()));
        return;
    }
    fwrite(text.data, 1, text.len, stdout);
    fflush(stdout);
    print_error(context, buf_str(&escaped));
    json_decref(data);
}

void cli_hint(const struct cli_context *context, const char *format, ...)
{
    if (context->json)
        return;
    autobuf struct buf text = BUF_INIT(BUF_UNLIMITED), line = BUF_INIT(BUF_UNLIMITED);
    va_list args;
    va_start(args, format);
    bool fits = buf_vprintf(&text, format, args) == ST_OK;
    va_end(args);
    cli_paint(&line, context->terminal.color_err, CLI_CYAN, "next:");
    buf_add(&line, STR(" "));
    if (fits && buf_append_escaped(&line, buf_str(&text)) == ST_OK)
        fprintf(stderr, "%s\n", line.data);
}

static void tell(void *env UNUSED, const char *text)
{
    log_info(text);
}

const struct notice cli_by_log = {.tell = tell};

struct str cli_shell_word(struct arena *arena, struct str text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
    autobuf struct buf word = BUF_INIT(BUF_UNLIMITED);
    size_t clear = 0;
    while (clear < text.len && text.data[clear] && strchr(plain, text.data[clear]))
        clear++;
    if (clear == text.len && text.len > 0)
        return arena_str(arena, text);
    buf_add(&word, STR("'"));
    for (size_t i = 0; i < text.len; i++)
        buf_add(&word, text.data[i] == '\'' ? STR("'\\''") : str_slice(text, i, i + 1));
    buf_add(&word, STR("'"));
    return arena_str(arena, buf_str(&word));
}

/* What is said with variables elsewhere: in options, and where HACKING.md says. */
static const char *const variables[] = {
    "WASH_COMPONENT_PATH",  "WASH_GITHUB_TOKEN", "WASH_LOG_FORMAT",     "WASH_NO_ELIDE",
    "WASH_NO_PAGEMAP_SCAN", "WASH_OCI_CA_PATHS", "WASH_UPDATE_API_URL", NULL,
};

struct config_request cli_config_request(const struct cli_context *context)
{
    const struct cli_globals *globals = &context->parsed.globals;
    return (struct config_request){.start = context->start_directory,
                                   .named = globals->directory.data != NULL,
                                   .user_folder = context->folders.config,
                                   .user_file = globals->user_config,
                                   .variables = variables};
}

void cli_warn_of_config(const struct config_project *project)
{
    for (size_t i = 0; i < project->warning_count; i++)
        log_warn(project->warnings[i].data);
}

enum status cli_load_project(const struct cli_context *context, struct config_project *ret_project, struct error *err)
{
    struct config_request request = cli_config_request(context);
    TRY(config_load(&request, context->arena, ret_project, err));
    cli_warn_of_config(ret_project);
    return ST_OK;
}

struct str cli_path(const struct cli_context *context, struct str path)
{
    if (str_starts(path, STR("/")))
        return arena_str(context->arena, path);
    return arena_printf(context->arena, "%.*s/%.*s", STR_ARG(context->start_directory), STR_ARG(path));
}

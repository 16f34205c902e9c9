/* wasi:cli: environment, exit, stdio, terminals. */
#include "base/mem.h"
#include "wasi/context.h"
#include "wasi/stream.h"

/* --- environment -------------------------------------------------------------------------------------------------------------- */

enum status wasi_cli_environment_get_environment(struct cm_call *call, struct cm_list_tuple_string_string *ret)
{
    const struct wasi_profile *profile = wasi_of(call)->profile;
    struct cm_tuple_string_string *pairs =
        ARENA_ARRAY(cm_call_arena(call), struct cm_tuple_string_string, profile->environment_count);
    for (size_t i = 0; i < profile->environment_count; i++)
        pairs[i] = (struct cm_tuple_string_string){profile->environment[i].name, profile->environment[i].value};
    *ret = (struct cm_list_tuple_string_string){pairs, profile->environment_count};
    return ST_OK;
}

enum status wasi_cli_environment_get_arguments(struct cm_call *call, struct cm_list_string *ret)
{
    const struct wasi_profile *profile = wasi_of(call)->profile;
    *ret = (struct cm_list_string){profile->arguments, profile->argument_count};
    return ST_OK;
}

enum status wasi_cli_environment_initial_cwd(struct cm_call *call UNUSED, struct cm_option_string *ret)
{
    ret->is_some = false;
    return ST_OK;
}

/* --- exit --------------------------------------------------------------------------------------------------------------------- */

/* Ends the instance by a trap that the host knows by `exited`. */
static enum status leave(struct cm_call *call, uint8_t code)
{
    struct wasi_context *context = wasi_of(call);
    context->exited = true;
    context->exit_code = code;
    return cm_trap(call, "exited with status %u", code);
}

enum status wasi_cli_exit_exit(struct cm_call *call, const struct cm_result_none_none *status)
{
    return leave(call, status->is_err ? 1 : 0);
}

enum status wasi_cli_exit_exit_with_code(struct cm_call *call, uint8_t status_code)
{
    return leave(call, status_code);
}

/* --- stdio -------------------------------------------------------------------------------------------------------------------- */

static void free_input(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct wasi_io_streams_input_stream, node));
}

static enum wasi_stream_state stdin_read(struct wasi_io_streams_input_stream *stream UNUSED, struct cm_call *call UNUSED,
                                         uint64_t max UNUSED, struct str *ret_bytes UNUSED,
                                         struct wasi_io_error_error **ret_error UNUSED)
{
    return WASI_STREAM_CLOSED;
}
static const struct wasi_input_ops stdin_ops = {.read = stdin_read};

enum status wasi_cli_stdin_get_stdin(struct cm_call *call UNUSED, struct wasi_io_streams_input_stream **ret)
{
    *ret = NEW(struct wasi_io_streams_input_stream);
    wasi_input_init(*ret, &stdin_ops, NULL, free_input);
    return ST_OK;
}

struct stdio_stream {
    struct wasi_io_streams_output_stream stream;
    struct wasi_context *context;
    enum wasi_output output;
};

#define STDIO_PERMIT 4096 /* each byte may be a line of the log */

static enum wasi_stream_state stdio_check(struct wasi_io_streams_output_stream *stream UNUSED, uint64_t *ret_permit,
                                          struct wasi_io_error_error **ret_error UNUSED)
{
    *ret_permit = STDIO_PERMIT;
    return WASI_STREAM_OPEN;
}

static enum wasi_stream_state stdio_write(struct wasi_io_streams_output_stream *stream, struct str bytes,
                                          struct wasi_io_error_error **ret_error UNUSED)
{
    struct stdio_stream *self = CONTAINER_OF(stream, struct stdio_stream, stream);
    wasi_output_write(self->context, self->output, bytes);
    io_yield(); /* writing a log takes time that no slice of the guest accounts for */
    return WASI_STREAM_OPEN;
}
static const struct wasi_output_ops stdio_ops = {.check = stdio_check, .write = stdio_write};

static void free_stdio(struct wasi_node *node)
{
    free(CONTAINER_OF(node, struct stdio_stream, stream.node));
}

static struct wasi_io_streams_output_stream *open_stdio(struct cm_call *call, enum wasi_output output)
{
    struct stdio_stream *self = NEW(struct stdio_stream);
    wasi_output_init(&self->stream, &stdio_ops, NULL, free_stdio);
    self->context = wasi_of(call);
    self->output = output;
    return &self->stream;
}

enum status wasi_cli_stdout_get_stdout(struct cm_call *call, struct wasi_io_streams_output_stream **ret)
{
    *ret = open_stdio(call, WASI_STDOUT);
    return ST_OK;
}

enum status wasi_cli_stderr_get_stderr(struct cm_call *call, struct wasi_io_streams_output_stream **ret)
{
    *ret = open_stdio(call, WASI_STDERR);
    return ST_OK;
}

/* --- terminals: a guest's output goes through the log, so it never has one ---------------------------------------------------- */

enum status wasi_cli_terminal_stdin_get_terminal_stdin(struct cm_call *call UNUSED,
                                                       struct cm_option_wasi_cli_terminal_input_terminal_input *ret)
{
    ret->is_some = false;
    return ST_OK;
}

enum status wasi_cli_terminal_stdout_get_terminal_stdout(struct cm_call *call UNUSED,
                                                         struct cm_option_wasi_cli_terminal_output_terminal_output *ret)
{
    ret->is_some = false;
    return ST_OK;
}

enum status wasi_cli_terminal_stderr_get_terminal_stderr(struct cm_call *call UNUSED,
                                                         struct cm_option_wasi_cli_terminal_output_terminal_output *ret)
{
    ret->is_some = false;
    return ST_OK;
}

enum status wasi_cli_terminal_input_terminal_input_drop(struct cm_call *call UNUSED,
                                                        struct wasi_cli_terminal_input_terminal_input *self UNUSED)
{
    return ST_OK;
}

enum status wasi_cli_terminal_output_terminal_output_drop(struct cm_call *call UNUSED,
                                                          struct wasi_cli_terminal_output_terminal_output *self UNUSED)
{
    return ST_OK;
}

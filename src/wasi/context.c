/* The per-instance context: output lines, and linking; see wasi.h. */
#include "wasi/context.h"
#include "base/mem.h"
#include "wasi/bindings.h"

void wasi_context_init(struct wasi_context *context, const struct wasi_profile *profile)
{
    memset(context, 0, sizeof *context);
    context->profile = profile;
}

bool wasi_hold(struct wasi_context *context, size_t bytes)
{
    if (bytes > WASI_MAX_HELD_BYTES - context->held_bytes)
        return false;
    context->held_bytes += bytes;
    return true;
}

void wasi_release(struct wasi_context *context, size_t bytes)
{
    context->held_bytes -= bytes;
}

enum status wasi_holds_too_much(struct cm_call *call)
{
    return cm_trap(call, "the fields, texts and bodies that the component holds are larger than %u MiB", WASI_MAX_HELD_BYTES >> 20);
}

static void emit(struct wasi_context *context, enum wasi_output output)
{
    struct wasi_lines *line = &context->lines[output];
    if (context->profile->line)
        context->profile->line(context->profile->env, output, str_n(line->text, line->len));
    line->len = 0;
}

void wasi_output_write(struct wasi_context *context, enum wasi_output output, struct str bytes)
{
    struct wasi_lines *line = &context->lines[output];
    if (bytes.len && !line->text)
        line->text = mem_alloc(WASI_LINE_MAX);
    while (bytes.len) {
        size_t end = str_find_char(bytes, '\n');
        size_t part = MIN(end == STR_NONE ? bytes.len : end, WASI_LINE_MAX - line->len);
        memcpy(line->text + line->len, bytes.data, part);
        line->len += part;
        bytes = str_from(bytes, part);
        if (part == end) { /* the whole line is there: take its end as well */
            bytes = str_from(bytes, 1);
            emit(context, output);
        } else if (line->len == WASI_LINE_MAX) {
            emit(context, output);
        }
    }
}

void wasi_context_release(struct wasi_context *context)
{
    for (enum wasi_output output = WASI_STDOUT; output <= WASI_STDERR; output++) {
        if (context->lines[output].len)
            emit(context, output);
        free(context->lines[output].text);
        context->lines[output].text = NULL;
    }
}

enum status wasi_linker_add(struct cm_linker *linker, struct error *err)
{
    for (size_t i = 0; i < wasi_interface_count; i++)
        TRY(cm_linker_add(linker, wasi_interfaces[i], NULL, err));
    return ST_OK;
}

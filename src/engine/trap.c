#include "engine/internal.h"

#define BACKTRACE_BYTES (16u << 10)
#define FRAME_NAME_BYTES 256u /* names come from the guest */

/* --- Wasmtime's messages -------------------------------------------------------------------------------------------------- */

/* An error prints as its outermost context, a blank line, "Caused by:" and the inner causes, indented and, when there are several,
 * numbered; with RUST_BACKTRACE set a native backtrace follows. For a trap the outermost context is the guest's backtrace. */

static struct str skip_spaces(struct str line)
{
    while (line.len > 0 && line.data[0] == ' ')
        line = str_from(line, 1);
    return line;
}

/* "0: cause" to "cause". */
static struct str skip_number(struct str line)
{
    size_t digits = 0;
    while (digits < line.len && char_is_digit(line.data[digits]))
        digits++;
    if (digits > 0 && digits + 1 < line.len && line.data[digits] == ':' && line.data[digits + 1] == ' ')
        return str_from(line, digits + 2);
    return line;
}

static bool is_frame(struct str line)
{
    line = skip_spaces(line);
    return line.len > 0 && char_is_digit(line.data[0]) && str_find(line, STR(": ")) != STR_NONE;
}

/* All causes in one line, outermost first: "failed to parse: type mismatch (at offset 0x24)". The backtrace is left out; of an
 * error in WebAssembly text, the drawing of the place is. */
static void flatten_message(struct str text, struct buf *out)
{
    struct str line;
    bool in_backtrace = false;
    while (str_next_part(&text, '\n', &line)) {
        line = skip_spaces(str_trim(line));
        if (str_eq(line, STR("Stack backtrace:")))
            return;
        if (str_starts(line, STR("error while executing at wasm backtrace:"))) {
            in_backtrace = true;
            continue;
        }
        if (str_eq(line, STR("Caused by:"))) {
            in_backtrace = false;
            continue;
        }
        if (line.len == 0 || in_backtrace)
            continue;
        bool place = str_skip(&line, STR("--> "));
        if (out->len > 0 && buf_append_str(out, place ? STR(" at ") : STR(": ")) != ST_OK)
            return;
        if (buf_append_escaped(out, skip_number(line)) != ST_OK || place)
            return;
    }
}

static enum status fail_flattened(struct error *err, enum status status, struct str text, const char *what)
{
    autobuf struct buf line = BUF_INIT(sizeof err->message);
    flatten_message(text, &line);
    if (what)
        return fail(err, status, "%s: %.*s", what, STR_ARG(buf_str(&line)));
    return fail(err, status, "%.*s", STR_ARG(buf_str(&line)));
}

enum status fail_wasmtime(struct error *err, enum status status, wasmtime_error_t *error, const char *what)
{
    wasm_byte_vec_t text;
    wasmtime_error_message(error, &text);
    fail_flattened(err, status, str_n(text.data, text.size), what);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
    return status;
}

bool error_has_backtrace(const wasmtime_error_t *error)
{
    wasm_frame_vec_t frames;
    wasmtime_error_wasm_trace(error, &frames);
    bool any = frames.size > 0;
    wasm_frame_vec_delete(&frames);
    return any;
}

/* --- backtraces ----------------------------------------------------------------------------------------------------------- */

/* "    3:     0x1f2 - module!name" to "  3: 0x1f2 - module!name". */
static enum status add_frame(struct buf *out, struct str line)
{
    line = skip_spaces(line);
    size_t colon = str_find_char(line, ':');
    struct str number = str_slice(line, 0, colon), rest = skip_spaces(str_from(line, colon + 1)), offset = STR_NULL;
    size_t dash = str_find(rest, STR(" - "));
    if (str_starts(rest, STR("0x")) && dash != STR_NONE) {
        offset = str_slice(rest, 0, dash);
        rest = str_from(rest, dash + 3);
    }
    (void)str_skip(&rest, STR("<unknown>!"));
    TRY(buf_printf(out, "%3.*s: %.*s%s", STR_ARG(number), STR_ARG(offset), offset.len ? " - " : ""));
    TRY(buf_append_escaped(out, str_slice(rest, 0, FRAME_NAME_BYTES)));
    return buf_append_char(out, '\n');
}

static void read_backtrace(struct str text, struct buf *out)
{
    struct str line;
    buf_clear(out);
    if (!str_next_part(&text, '\n', &line) || !str_starts(line, STR("error while executing at wasm backtrace:")))
        return;
    while (str_next_part(&text, '\n', &line) && line.len > 0)
        if (is_frame(line) && add_frame(out, line) != ST_OK)
            return;
}

/* --- what a guest was left for -------------------------------------------------------------------------------------------- */

struct trap_report *trap_report_get(struct engine_store *store)
{
    if (!store->trap) {
        store->trap = NEW(struct trap_report);
        buf_init(&store->trap->backtrace, BACKTRACE_BYTES);
    }
    return store->trap;
}

static void set_report(struct trap_report *report, enum engine_trap_kind kind, enum status status, const char *message)
{
    report->kind = kind;
    report->status = status;
    if (message != report->message)
        snprintf(report->message, sizeof report->message, "%s", message);
}

void trap_begin(struct engine_store *store, enum engine_trap_kind kind, enum status status, const char *message)
{
    struct trap_report *report = trap_report_get(store);
    set_report(report, kind, status, message);
    buf_clear(&report->backtrace);
    report->in_flight = true;
}

enum status engine_trap_set(struct engine_store *store, enum status status, const char *format, ...)
{
    bug_unless(status != ST_OK);
    struct trap_report *report = trap_report_get(store);
    va_list args;
    va_start(args, format);
    struct error text;
    fail_v(&text, status, format, args);
    va_end(args);
    set_report(report, ENGINE_TRAP_HOST, status, text.message);
    if (!report->nested) /* else the one of the call that trapped is kept: it goes deeper */
        buf_clear(&report->backtrace);
    report->pending = store->attention = true;
    report->nested = false;
    return status;
}

wasm_trap_t *trap_from_host(struct engine_store *store, enum status status)
{
    struct trap_report *report = trap_report_get(store);
    if (!report->pending && !report->nested) {
        bool cancelled = status == ST_CANCELLED;
        char message[96];
        snprintf(message, sizeof message, cancelled ? "the call was cancelled" : "a host function failed: %s", status_name(status));
        set_report(report, cancelled ? ENGINE_TRAP_INTERRUPT : ENGINE_TRAP_HOST, status, message);
        buf_clear(&report->backtrace);
    }
    report->pending = report->nested = store->attention = false;
    report->in_flight = true;
    return wasmtime_trap_new("host", 4);
}

static enum engine_trap_kind kind_of_code(wasmtime_trap_code_t code)
{
    switch (code) {
    case WASMTIME_TRAP_CODE_STACK_OVERFLOW:
        return ENGINE_TRAP_STACK_OVERFLOW;
    case WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS:
        return ENGINE_TRAP_MEMORY;
    case WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED:
        return ENGINE_TRAP_UNREACHABLE;
    case WASMTIME_TRAP_CODE_INTERRUPT:
        return ENGINE_TRAP_INTERRUPT;
    default:
        return ENGINE_TRAP_OTHER;
    }
}

/* A trap of the guest's own. Its text is asked of a fresh trap with the same code: that one has no backtrace, so nothing that the
 * guest named can get into it. */
static void report_trap(struct trap_report *report, const wasm_trap_t *trap, struct str text)
{
    wasmtime_trap_code_t code;
    struct error line;
    if (wasmtime_trap_code(trap, &code)) {
        wasm_byte_vec_t plain;
        wasm_trap_t *fresh = wasmtime_trap_new_code(code);
        wasm_trap_message(fresh, &plain);
        fail_flattened(&line, ST_TRAP, str_of(plain.data), NULL);
        wasm_byte_vec_delete(&plain);
        wasm_trap_delete(fresh);
        set_report(report, kind_of_code(code), ST_TRAP, line.message);
    } else {
        fail_flattened(&line, ST_TRAP, text, NULL); /* an exception that nobody caught */
        set_report(report, ENGINE_TRAP_OTHER, ST_TRAP, line.message);
    }
}

enum status trap_finish(struct engine_store *store, wasmtime_error_t *error, wasm_trap_t *trap, struct error *err)
{
    struct trap_report *report = trap_report_get(store);
    wasm_byte_vec_t text;
    struct error line;
    if (trap)
        wasm_trap_message(trap, &text);
    else
        wasmtime_error_message(error, &text);
    struct str whole = str_n(text.data, strnlen(text.data, text.size));
    if (!report->in_flight || report->backtrace.len == 0)
        read_backtrace(whole, &report->backtrace);
    if (trap) {
        report_trap(report, trap, whole);
        wasm_trap_delete(trap);
    } else {
        if (!report->in_flight) {
            fail_flattened(&line, ST_TRAP, whole, NULL);
            set_report(report, ENGINE_TRAP_OTHER, ST_TRAP, line.message);
        }
        wasmtime_error_delete(error);
    }
    wasm_byte_vec_delete(&text);
    report->in_flight = false;
    report->nested = store->attention = store->depth > 0;
    return fail(err, ST_TRAP, "%s", report->message);
}

enum engine_trap_kind engine_trap_kind(const struct engine_store *store)
{
    return store->trap ? store->trap->kind : ENGINE_TRAP_NONE;
}

enum status engine_trap_status(const struct engine_store *store)
{
    return store->trap ? store->trap->status : ST_OK;
}

struct str engine_trap_backtrace(const struct engine_store *store)
{
    return store->trap ? buf_str(&store->trap->backtrace) : STR("");
}

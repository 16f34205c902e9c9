/* Asking the user; see ask.h. */
#include "cli/ask.h"
#include <errno.h>
#include <unistd.h>

bool cli_interactive(const struct cli_globals *globals)
{
    return !globals->non_interactive && isatty(STDIN_FILENO);
}

bool cli_confirm(const struct cli_context *context, const char *question)
{
    char line[64];
    if (!cli_interactive(&context->parsed.globals))
        return true;
    fprintf(stderr, "%s [Y/n] ", question);
    for (;;) {
        if (!fgets(line, sizeof line, stdin)) {
            fputc('\n', stderr); /* the cursor is still behind the question */
            return false;
        }
        struct str answer = str_trim(str_of(line));
        if (answer.len == 0 || str_eq_nocase(answer, STR("y")) || str_eq_nocase(answer, STR("yes")))
            return true;
        if (str_eq_nocase(answer, STR("n")) || str_eq_nocase(answer, STR("no")))
            return false;
        fprintf(stderr, "Please answer y or n: ");
    }
}

/* A byte at a time, so that nothing of what follows the line is lost. */
static enum status read_secret(bool one_line, struct buf *secret, struct error *err)
{
    for (;;) {
        char c;
        ssize_t len = read(STDIN_FILENO, &c, 1);
        if (len < 0 && errno != EINTR)
            return fail_errno(err, "read the password");
        if (len == 0 || (len == 1 && one_line && c == '\n'))
            return ST_OK;
        if (len == 1 && buf_append_char(secret, c) != ST_OK)
            return fail(err, ST_LIMIT, "the password has more than %d bytes", CLI_SECRET_MAX);
    }
}

static enum status ask(const char *question, struct buf *secret, struct error *err)
{
    if (!cli_terminal_echo(false))
        return fail_errno(err, "hide what is typed");
    fprintf(stderr, "%s ", question);
    enum status status = read_secret(true, secret, err);
    cli_terminal_echo(true);
    return status;
}

static struct str without_end(struct str text, char c)
{
    return text.len && text.data[text.len - 1] == c ? str_slice(text, 0, text.len - 1) : text;
}

enum status cli_ask_secret(const struct cli_context *context, const char *question, struct str *ret_secret, struct error *err)
{
    autobuf struct buf bytes = BUF_INIT(CLI_SECRET_MAX);
    TRY(question ? ask(question, &bytes, err) : read_secret(false, &bytes, err));
    struct str secret = without_end(without_end(buf_str(&bytes), '\n'), '\r');
    if (secret.len == 0)
        return fail(err, ST_INVALID, "the password is empty");
    *ret_secret = arena_str(context->arena, secret);
    return ST_OK;
}

/* Asking the user; see ask.h. */
#include "cli/ask.h"
#include <unistd.h>

bool cli_interactive(const struct cli_context *context)
{
    return !context->parsed.globals.non_interactive && isatty(STDIN_FILENO);
}

bool cli_confirm(const struct cli_context *context, const char *question)
{
    char line[64];
    if (!cli_interactive(context))
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

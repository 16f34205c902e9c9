/* `wash completion`; the scripts are in completion_*.c. */
#include "cli/completion.h"
#include "base/mem.h"
#include "cli/cli.h"

enum shell { BASH, ELVISH, FISH, POWERSHELL, ZSH };

static const char *const shells[] = {
    [BASH] = "bash", [ELVISH] = "elvish", [FISH] = "fish", [POWERSHELL] = "powershell", [ZSH] = "zsh", NULL};

static void (*const writers[])(struct buf *out, const struct cli_command *root) = {
    [BASH] = completion_bash, [ELVISH] = completion_elvish, [FISH] = completion_fish, [POWERSHELL] = completion_powershell,
    [ZSH] = completion_zsh,
};
_Static_assert(ARRAY_LEN(shells) == ARRAY_LEN(writers) + 1, "a shell without a writer");

struct completion_options {
    struct str shell;
};

static enum status run_completion(struct cli_context *context, const void *options_pointer, struct error *err UNUSED)
{
    const struct completion_options *options = options_pointer;
    autobuf struct buf script = BUF_INIT(BUF_UNLIMITED);
    size_t shell = 0;
    while (!str_is(options->shell, shells[shell])) /* one of them: the parser saw to that */
        shell++;
    writers[shell](&script, context->root);
    cli_result(context, buf_str(&script), "Completion script",
               json_pack("{s:s%, s:s%}", "shell", options->shell.data, options->shell.len, "script", script.data, script.len));
    return ST_OK;
}

static const struct cli_option arguments[] = {
    {.name = "SHELL",
     .kind = CLI_CHOICE,
     .offset = offsetof(struct completion_options, shell),
     .choices = shells,
     .required = true,
     .help = "The shell"},
};

const struct cli_command cli_completion_command = {
    .name = "completion",
    .summary = "Print a script that completes wash's command line in a shell",
    .options_size = sizeof(struct completion_options),
    .arguments = arguments,
    .argument_count = ARRAY_LEN(arguments),
    CLI_EXAMPLES({"Bash, for this user", "wash completion bash > ~/.local/share/bash-completion/completions/wash"},
                 {"zsh, into a folder of $fpath", "wash completion zsh > ~/.zfunc/_wash"}),
    .run = run_completion,
};

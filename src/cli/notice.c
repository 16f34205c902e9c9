/* The notice of new versions; see update.h. What was learned is kept for a day in a file of wash's cache: the tag of the latest
 * release, or nothing when it could not be learned. */
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/interrupts.h"
#include "cli/update.h"
#include "cli/update_config.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_SECONDS 86400
#define ASK_TIMEOUT_MS 1000
#define KEPT_FILE "new_version_available.txt"

/* True: it was asked less than a day ago. A file from the future says nothing. */
static bool read_kept(struct str path, struct arena *arena, struct str *ret_tag)
{
    char text[256];
    struct stat info;
    autoclose int fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    int64_t age = clock_wall().seconds - (int64_t)info.st_mtime;
    ssize_t len = read(fd, text, sizeof text);
    if (len < 0 || age < 0 || age >= KEPT_SECONDS)
        return false;
    *ret_tag = arena_str(arena, str_trim(str_n(text, (size_t)len)));
    return true;
}

static bool keep(struct str path, struct str tag, struct arena *arena)
{
    struct str new = arena_printf(arena, "%s.%d", path.data, (int)getpid());
    autoclose int fd = open(new.data, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    if (write(fd, tag.data, tag.len) == (ssize_t)tag.len && rename(new.data, path.data) == 0)
        return true;
    unlink(new.data);
    return false;
}

static struct str ask(struct arena *arena)
{
    struct update_source source;
    struct release release;
    struct cli_interrupts interrupts;
    struct error ignored;
    if (update_source(arena, STR_NULL, STR_NULL, &source, &ignored) != ST_OK)
        return STR("");
    cli_interrupts_hold(&interrupts);
    enum status status = update_find_release(&source, RELEASE_LATEST, ASK_TIMEOUT_MS, arena, &release, &ignored);
    cli_interrupts_release(&interrupts);
    return status == ST_OK ? release.tag : STR("");
}

/* Somebody reads what we say, and it is not about updating already. */
static bool is_wanted(const struct cli_context *context)
{
    const struct cli_command *command = context->parsed.command;
    return *cli_update_config.repository && !context->json && cli_interactive(&context->parsed.globals) && isatty(STDERR_FILENO) &&
           isatty(STDOUT_FILENO) && command->run && command != &cli_update;
}

void cli_notice_new_version(struct cli_context *context)
{
    struct str path, tag;
    struct cli_version latest, current = update_current_version();
    struct error ignored;
    if (!is_wanted(context) || update_cache_path(context, KEPT_FILE, &path, &ignored) != ST_OK)
        return;
    fflush(stdout);
    if (!read_kept(path, context->arena, &tag)) {
        if (!keep(path, STR(""), context->arena)) /* it would be asked again for each command */
            return;
        tag = ask(context->arena);
        (void)keep(path, tag, context->arena);
    }
    if (cli_version_parse(tag, &latest) && cli_version_compare(&latest, &current) > 0)
        fprintf(stderr, "\nwash %.*s is there (this is " WASH_VERSION "): `wash update` gets it\n", STR_ARG(tag));
}

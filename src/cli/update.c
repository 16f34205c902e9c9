/* `wash update`: replaces this executable by the one of a newer release.
 *
 * What is installed is what the signed manifest of the release says, byte for byte. The new file is written beside the old one and
 * takes its name in one step; if it then does not run, the old one is put back from the backup. */
#include "cli/update.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/download.h"
#include "cli/interrupts.h"
#include "cli/update_config.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_SUFFIX ".tmp_upgrade"
#define TRY_OUT_NS (20 * NS_PER_SECOND)
enum { EXECUTABLE_MODE = 0755 };

struct update_options {
    struct str repository, token;
    bool force, dry_run, major, minor, patch;
};

struct update {
    struct cli_context *context;
    const struct update_options *options;
    struct update_source source;
    struct release release;
    struct release_file file;           /* what the manifest says of the new executable */
    struct str path, temporary, backup; /* of the executable */
};

/* --- files -------------------------------------------------------------------------------------------------------------------- */

/* A file that was not there before, whatever an earlier update has left. */
static enum status create_file(const char *path, int *ret_fd, struct error *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return fail_errno(err, "replace %s", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(err, "write %s", path);
    *ret_fd = fd;
    return ST_OK;
}

static enum status finish_file(int fd, const char *path, struct error *err)
{
    return fchmod(fd, EXECUTABLE_MODE) == 0 && fsync(fd) == 0 ? ST_OK : fail_errno(err, "write %s", path);
}

static enum status copy_to(const char *from, const char *to, struct error *err)
{
    char data[65536];
    ssize_t n;
    autoclose int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    if (in < 0)
        return fail_errno(err, "read %s", from);
    TRY(create_file(to, &out, err));
    while ((n = read(in, data, sizeof data)) != 0) {
        if (n < 0 && errno != EINTR)
            return fail_errno(err, "read %s", from);
        TRY(file_write_all(out, str_n(data, n > 0 ? (size_t)n : 0), to, err));
    }
    return finish_file(out, to, err);
}

static enum status rename_to(const char *from, const char *to, struct error *err)
{
    return rename(from, to) == 0 ? ST_OK : fail_errno(err, "replace %s", to);
}

/* --- what the release offers -------------------------------------------------------------------------------------------------- */

static struct str asset_url(const struct update *update, const struct release_asset *asset)
{
    return arena_printf(update->context->arena, "%s/repos/%s/releases/assets/%llu", update->source.api_url.data,
                        update->source.repository.data, (unsigned long long)asset->id);
}

static enum status fetch_small(const struct update *update, const char *name, size_t max_bytes, struct buf *ret_bytes,
                               struct error *err)
{
    const struct release_asset *asset = release_asset(&update->release, str_of(name));
    if (!asset)
        return fail(err, ST_DENIED, "release %s has no %s: what is not signed is not installed", update->release.tag.data, name);
    buf_init(ret_bytes, max_bytes);
    struct cli_download download = {
        .url = asset_url(update, asset),
        .accept = "application/octet-stream",
        .token = update->source.token,
        .max_bytes = max_bytes,
        .cancel = cli_when_interrupted,
        .sink = cli_download_to_buf,
        .sink_env = ret_bytes,
    };
    return cli_download(&download, err);
}

static enum status read_manifest(struct update *update, struct error *err)
{
    autobuf struct buf manifest = {0}, signature = {0};
    TRY(fetch_small(update, RELEASE_MANIFEST_NAME, RELEASE_MANIFEST_MAX_BYTES, &manifest, err));
    TRY(fetch_small(update, RELEASE_SIGNATURE_NAME, RELEASE_SIGNATURE_BYTES, &signature, err));
    TRY(release_check_signature(buf_str(&manifest), buf_str(&signature), str_of(cli_update_config.key), err));
    return release_manifest_file(buf_str(&manifest), &update->release.version, str_of(cli_update_config.asset), &update->file, err);
}

struct verified_file {
    int fd;
    const char *path;
    EVP_MD_CTX *hash;
    uint64_t size, expected_size;
    struct cli_progress progress;
};

static enum status take_bytes(void *env, struct str piece, struct error *err)
{
    struct verified_file *file = env;
    if (EVP_DigestUpdate(file->hash, piece.data, piece.len) != 1)
        return fail(err, ST_INTERNAL, "SHA-256");
    file->size += piece.len;
    cli_progress_update(&file->progress, file->size, file->expected_size);
    return file_write_all(file->fd, piece, file->path, err);
}

static enum status check_bytes(const struct update *update, struct verified_file *file, struct error *err)
{
    uint8_t hash[32];
    if (EVP_DigestFinal_ex(file->hash, hash, NULL) != 1)
        return fail(err, ST_INTERNAL, "SHA-256");
    if (file->size != update->file.size || memcmp(hash, update->file.sha256, sizeof hash) != 0)
        return fail(err, ST_DENIED, "%s of release %s is not the file that its manifest names", cli_update_config.asset,
                    update->release.tag.data);
    return ST_OK;
}

static enum status download_into(const struct update *update, struct verified_file *file, struct error *err)
{
    const struct release_asset *asset = release_asset(&update->release, str_of(cli_update_config.asset));
    if (!asset)
        return fail(err, ST_NOT_FOUND, "release %s has no %s", update->release.tag.data, cli_update_config.asset);
    if (EVP_DigestInit_ex(file->hash, EVP_sha256(), NULL) != 1)
        return fail(err, ST_INTERNAL, "SHA-256");
    struct cli_download download = {
        .url = asset_url(update, asset),
        .accept = "application/octet-stream",
        .token = update->source.token,
        .max_bytes = update->file.size,
        .cancel = cli_when_interrupted,
        .sink = take_bytes,
        .sink_env = file,
    };
    cli_progress_start(&file->progress, &update->context->terminal, "downloading");
    enum status status = cli_download(&download, err);
    cli_progress_end(&file->progress);
    TRY(status);
    TRY(check_bytes(update, file, err));
    return finish_file(file->fd, file->path, err);
}

static enum status download_executable(const struct update *update, struct error *err)
{
    autoclose int fd = -1;
    enum status created = create_file(update->temporary.data, &fd, err);
    if (created == ST_DENIED)
        return fail(err, created, "%s; run it as a user who may replace %s, or get the new one where this one came from",
                    err->message, update->path.data);
    TRY(created);
    struct verified_file file = {.fd = fd,
                                 .path = update->temporary.data,
                                 .hash = EVP_MD_CTX_new(),
                                 .expected_size = update->file.size,
                                 .progress.bytes = true};
    enum status status = file.hash ? download_into(update, &file, err) : fail(err, ST_INTERNAL, "SHA-256");
    EVP_MD_CTX_free(file.hash);
    return status;
}

/* --- replacing ---------------------------------------------------------------------------------------------------------------- */

static enum status find_executable(struct update *update, struct error *err)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len < 0)
        return fail_errno(err, "find this executable");
    struct arena *arena = update->context->arena;
    update->path = arena_str(arena, str_n(path, (size_t)len));
    update->temporary = arena_printf(arena, "%s" TEMPORARY_SUFFIX, update->path.data);
    return update_cache_path(update->context, "update/wash_backup", &update->backup, err);
}

/* Two updates at once would take each other's files. The lock is held until the process ends. */
static enum status lock(const struct update *update, struct error *err)
{
    struct str path;
    TRY(update_cache_path(update->context, "update/lock", &path, err));
    int fd = open(path.data, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(err, "%s", path.data);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ST_OK;
    close(fd);
    return fail(err, ST_UNAVAILABLE, "another `wash update` is running");
}

/* The new executable says who it is. */
static enum status try_out(const struct update *update, struct error *err)
{
    autobuf struct buf output = BUF_INIT(4096);
    const char *const argv[] = {update->path.data, "-V", NULL};
    const struct io_run run = {.argv = argv, .output = &output, .discard_errors = true, .timeout_ns = TRY_OUT_NS};
    struct cli_version version;
    int code;
    TRY(cli_run(&run, &code, err));
    struct str said = str_trim(buf_str(&output));
    if (code != 0)
        return fail(err, ST_INVALID, "it ended with %d", code);
    if (!str_skip(&said, STR("wash ")) || !cli_version_parse(said, &version) ||
        cli_version_compare(&version, &update->release.version) != 0)
        return fail(err, ST_INVALID, "it is not %s", update->release.tag.data);
    return ST_OK;
}

static enum status put_back(const struct update *update, struct error *err)
{
    struct error problem;
    if (copy_to(update->backup.data, update->temporary.data, &problem) != ST_OK ||
        rename_to(update->temporary.data, update->path.data, &problem) != ST_OK)
        return fail(err, ST_IO, "%s; it could not be put back (%s): copy %s to %s", err->message, problem.message,
                    update->backup.data, update->path.data);
    return fail_wrap(err, "the new wash does not work, and the old one is back");
}

static enum status replace(const struct update *update, struct error *err)
{
    autofree char *new_backup = NULL;
    autobuf struct buf name = BUF_INIT(BUF_UNLIMITED);
    buf_addf(&name, "%s.new", update->backup.data);
    new_backup = buf_take(&name);
    TRY(download_executable(update, err));
    TRY(copy_to(update->path.data, new_backup, err));
    TRY(rename_to(new_backup, update->backup.data, err));
    if (cli_interrupted())
        return fail(err, ST_CANCELLED, "interrupted");
    TRY(rename_to(update->temporary.data, update->path.data, err));
    return try_out(update, err) == ST_OK ? ST_OK : put_back(update, err);
}

static enum status apply(struct update *update, struct error *err)
{
    TRY(read_manifest(update, err));
    TRY(find_executable(update, err));
    TRY(lock(update, err));
    enum status status = replace(update, err);
    if (status != ST_OK)
        unlink(update->temporary.data);
    return status;
}

/* --- the command -------------------------------------------------------------------------------------------------------------- */

static enum release_reach reach_of(const struct update_options *options)
{
    return options->major ? RELEASE_MAJOR : options->minor ? RELEASE_MINOR : options->patch ? RELEASE_PATCH : RELEASE_LATEST;
}

static void say_available(const struct update *update, int order)
{
    struct arena *arena = update->context->arena;
    const char *tag = update->release.tag.data;
    struct str text = order > 0 ? arena_printf(arena, "Update available: %s (this is " WASH_VERSION ")", tag)
                                : arena_printf(arena, "wash " WASH_VERSION " is up to date (release %s)", tag);
    cli_result(update->context, text, text.data,
               json_pack("{s:s, s:s, s:b, s:b}", "current_version", WASH_VERSION, "target_version", tag, "update_available",
                         order > 0, "dry_run", update->options->dry_run));
}

static void say_done(const struct update *update)
{
    struct arena *arena = update->context->arena;
    struct str text = arena_printf(arena, "wash upgraded to %s", update->release.tag.data);
    json_t *data = json_pack("{s:s, s:o, s:o}", "version", update->release.tag.data, "backup_path", cli_json_text(update->backup),
                             "install_path", cli_json_text(update->path));
    cli_result(update->context, arena_printf(arena, "%s; the one before is in %s", text.data, update->backup.data), text.data,
               data);
}

static enum status run(struct update *update, struct error *err)
{
    const struct update_options *options = update->options;
    struct cli_version current = update_current_version();
    TRY(update_source(update->context->arena, options->repository, options->token, &update->source, err));
    TRY(update_find_release(&update->source, reach_of(options), 0, update->context->arena, &update->release, err));
    int order = cli_version_compare(&update->release.version, &current);
    if (options->dry_run || order < 0 || (order == 0 && !options->force)) {
        say_available(update, order);
        return ST_OK;
    }
    TRY(apply(update, err));
    say_done(update);
    return ST_OK;
}

static enum status update_run(struct cli_context *context, const void *options_pointer, struct error *err)
{
    struct update update = {.context = context, .options = options_pointer};
    struct cli_interrupts interrupts;
    if (!update.options->dry_run && !*cli_update_config.key)
        return fail(err, ST_UNSUPPORTED,
                    "this build of wash has no key to check updates with, so it cannot update itself; get the new one where this "
                    "one came from (--dry-run only looks)");
    cli_interrupts_hold(&interrupts);
    enum status status = run(&update, err);
    cli_interrupts_release(&interrupts);
    return status;
}

static enum status check(const void *options_pointer, const struct cli_globals *globals UNUSED, struct error *err)
{
    const struct update_options *options = options_pointer;
    if (options->major + options->minor + options->patch > 1)
        return fail(err, ST_INVALID, "--major, --minor and --patch exclude each other: give one of them, or none for the latest");
    return ST_OK;
}

#define OPTION(member) offsetof(struct update_options, member)
static const struct cli_option options[] = {
    {.name = "force",
     .letter = 'f',
     .kind = CLI_FLAG,
     .offset = OPTION(force),
     .help = "Install the latest even if it is this version"},
    {.name = "dry-run", .letter = 'd', .kind = CLI_FLAG, .offset = OPTION(dry_run), .help = "Only say whether there is an update"},
    {.name = "git",
     .kind = CLI_TEXT,
     .offset = OPTION(repository),
     .value_name = "OWNER/NAME",
     .help = "Repository whose releases are looked at; default: the build's"},
    {.name = "token",
     .kind = CLI_TEXT,
     .offset = OPTION(token),
     .value_name = "TOKEN",
     .env = "WASH_GITHUB_TOKEN",
     .help = "For private repositories; also from GITHUB_TOKEN, GH_TOKEN, GITHUB_ACCESS_TOKEN"},
    {.name = "major", .kind = CLI_FLAG, .offset = OPTION(major), .help = "Allow a new major version"},
    {.name = "minor", .kind = CLI_FLAG, .offset = OPTION(minor), .help = "Stay within the major version"},
    {.name = "patch", .kind = CLI_FLAG, .offset = OPTION(patch), .help = "Stay within the minor version"},
};

const struct cli_command cli_update = {
    .name = "update",
    .alias = "upgrade",
    .summary = "Update wash to the latest version",
    .details =
        "Takes the latest release, or with --major, --minor or --patch the newest within reach. A release is installed only if "
        "its manifest is signed by the key that this wash was built with. The executable is replaced in one step, tried, and "
        "put back if it does not run.",
    .options_size = sizeof(struct update_options),
    .options = options,
    .option_count = ARRAY_LEN(options),
    CLI_EXAMPLES({"Say whether there is a newer version, and change nothing", "wash update --dry-run"}),
    .check = check,
    .run = update_run,
};

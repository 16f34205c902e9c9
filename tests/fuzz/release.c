/* libFuzzer target: the first byte chooses what the rest is read as: an API's answer, by each reach, or a manifest. */
#include "cli/release.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_answer(struct str text, enum release_reach reach)
{
    struct arena arena;
    struct cli_version current = {.major = 1, .minor = 2, .patch = 3, .prerelease = STR("")};
    struct release release;
    arena_init(&arena, SIZE_MAX);
    if (release_parse(text, reach, &current, &arena, &release, NULL) == ST_OK) {
        bug_unless(release.tag.len > 0 && str_valid_utf8(release.tag));
        for (size_t i = 0; i < release.asset_count; i++)
            bug_unless(release.assets[i].id > 0 && release_asset(&release, release.assets[i].name));
    }
    arena_release(&arena);
}

static void read_manifest(struct str text)
{
    struct cli_version version = {.major = 1, .minor = 2, .patch = 4, .prerelease = STR("")};
    struct release_file file;
    struct error err = {0};
    if (release_manifest_file(text, &version, STR("file"), &file, &err) == ST_OK)
        bug_unless(file.size > 0 && file.size <= RELEASE_FILE_MAX_BYTES);
    else
        bug_unless(err.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str text = str_n((const char *)data + 1, size - 1);
    if (data[0] == 'm')
        read_manifest(text);
    else
        read_answer(text, data[0] % 4);
    return 0;
}

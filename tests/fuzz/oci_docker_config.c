/* libFuzzer target: bytes as Docker's config.json. A helper that is named has a valid name, a user has no control characters. */
#include "oci/docker_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const registries[] = {"docker.io", "h.x:5000"};
    for (size_t i = 0; i < sizeof registries / sizeof *registries; i++) {
        struct arena arena;
        struct oci_docker_login login;
        struct error err = {.message = ""};
        arena_init(&arena, 1 << 22);
        if (oci_docker_config_find(str_n((const char *)data, size), str_of(registries[i]), &arena, &login, &err) == ST_OK) {
            bug_unless(!login.helper.len || oci_docker_helper_valid(login.helper));
            for (size_t at = 0; at < login.user.len; at++)
                bug_unless((unsigned char)login.user.data[at] >= ' ');
            bug_unless(login.server.len > 0);
        } else {
            bug_unless(err.message[0]);
        }
        arena_release(&arena);
    }
    return 0;
}

/* libFuzzer target: wkg.toml, and wkg's configuration of registries. Either is refused with a message, or what was read keeps to what
 * its headers promise: bounds, names of packages and registries, no login without a password. */
#include "oci/reference.h"
#include "wkg/manifest.h"
#include "wkg/registries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(const struct wkg_manifest *manifest)
{
    struct wkg_package package;
    bug_unless(manifest->override_count <= WKG_MAX_OVERRIDES && manifest->member_count <= WKG_MAX_MEMBERS);
    bug_unless(manifest->override_count == 0 || manifest->member_count == 0);
    for (size_t i = 0; i < manifest->override_count; i++)
        bug_unless(wkg_package_parse(manifest->overrides[i].package, &package, NULL) == ST_OK);
    for (size_t i = 0; i < manifest->member_count; i++)
        bug_unless(manifest->members[i].data);
}

static void check_registries(const struct wkg_registries *registries)
{
    vec_each (mapping, &registries->mappings)
        bug_unless(mapping->key.len && oci_registry_valid(mapping->registry));
    vec_each (registry, &registries->known) {
        bug_unless(oci_registry_valid(registry->name));
        bug_unless(!registry->user.data == !registry->password.data);
        bug_unless(str_is(registry->backend, "local") == (registry->folder.len > 0));
    }
    bug_unless(!registries->default_registry.registry.data || oci_registry_valid(registries->default_registry.registry));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct arena arena;
    struct wkg_manifest manifest;
    struct wkg_registries registries;
    struct error err = {.message = ""}, other = {.message = ""};
    arena_init(&arena, SIZE_MAX);
    wkg_registries_init(&registries, &arena);
    if (wkg_manifest_parse("fuzz", text, &arena, &manifest, &err) == ST_OK)
        check_manifest(&manifest);
    else
        bug_unless(err.message[0]);
    if (wkg_registries_parse(&registries, "fuzz", text, &other) == ST_OK)
        check_registries(&registries);
    else
        bug_unless(other.message[0]);
    wkg_registries_release(&registries);
    arena_release(&arena);
    return 0;
}

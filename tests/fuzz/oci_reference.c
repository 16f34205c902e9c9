/* libFuzzer target: text as an OCI reference. What is accepted has a canonical text that is accepted and stays the same, and parts
 * that are each valid. */
#include "oci/digest.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oci_reference reference, again;
    struct oci_digest digest;
    struct error err = {.message = ""};
    if (oci_reference_parse(str_n((const char *)data, size), &reference, &err) != ST_OK) {
        bug_unless(err.message[0] && err.status == ST_INVALID);
        return 0;
    }
    bug_unless(oci_registry_valid(reference.registry) && oci_repository_valid(reference.repository));
    bug_unless(reference.tag.len || reference.digest.len);
    bug_unless(!reference.digest.len || oci_digest_parse(reference.digest, &digest));
    bug_unless(oci_reference_parse(str_of(reference.text), &again, NULL) == ST_OK);
    bug_unless(strcmp(reference.text, again.text) == 0 && str_eq(reference.registry, again.registry));
    bug_unless(str_eq(reference.repository, again.repository) && str_eq(reference.tag, again.tag));
    oci_reference_release(&reference);
    oci_reference_release(&again);
    return 0;
}

/* libFuzzer target: bytes as a WWW-Authenticate header. A refused one changes nothing, and what is taken is NUL-ended text. */
#include "oci/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct oci_challenge none;
    struct oci_challenge challenge = {0};
    struct error err = {.message = ""};
    if (oci_challenge_parse(str_n((const char *)data, size), &challenge, &err) != ST_OK) {
        bug_unless(err.message[0] && memcmp(&challenge, &none, sizeof none) == 0);
        return 0;
    }
    bug_unless(memchr(challenge.realm, '\0', sizeof challenge.realm) && memchr(challenge.service, '\0', sizeof challenge.service));
    bug_unless(challenge.scheme != OCI_SCHEME_NONE || !challenge.realm[0]);
    for (const char *c = challenge.realm; *c; c++)
        bug_unless((unsigned char)*c >= ' ' || *c == '\t');
    return 0;
}

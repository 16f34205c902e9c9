#include "oci/pull.h"
#include "base/mem.h"
#include "tap.h"

TEST(policy_names)
{
    static const struct {
        const char *name;
        int policy; /* -1: none */
    } cases[] = {
        {"Always", OCI_POLICY_ALWAYS},
        {"IfNotPresent", OCI_POLICY_IF_NOT_PRESENT},
        {"if-not-present", OCI_POLICY_IF_NOT_PRESENT},
        {"if_not_PRESENT", OCI_POLICY_IF_NOT_PRESENT},
        {"never", OCI_POLICY_NEVER},
        {"", -1},
        {"sometimes", -1},
        {"alwaysalwaysalwaysalways", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum oci_policy policy;
        bool known = oci_policy_parse(str_of(cases[i].name), &policy);
        CHECK_EQ(known, cases[i].policy >= 0);
        if (known)
            CHECK_EQ(policy, cases[i].policy);
    }
}

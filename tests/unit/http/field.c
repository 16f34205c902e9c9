#include "http/field.h"

#include "tap.h"

TEST(ids_in_any_case)
{
    CHECK_EQ(http_field_identify(STR("HOST")), HTTP_FIELD_HOST);
    CHECK_EQ(http_field_identify(STR("Content-length")), HTTP_FIELD_CONTENT_LENGTH);
    CHECK_EQ(http_field_identify(STR("transfer-encoding")), HTTP_FIELD_TRANSFER_ENCODING);
    CHECK_EQ(http_field_identify(STR("proxy-connection")), HTTP_FIELD_PROXY_CONNECTION);
    CHECK_EQ(http_field_identify(STR("tE")), HTTP_FIELD_TE);
    CHECK_EQ(http_field_identify(STR("Proxy-Authorization")), HTTP_FIELD_PROXY_AUTHORIZATION);
    CHECK_EQ(http_field_identify(STR("hosts")), HTTP_FIELD_OTHER);
    CHECK_EQ(http_field_identify(STR("hose")), HTTP_FIELD_OTHER);
    CHECK_EQ(http_field_identify(STR("")), HTTP_FIELD_OTHER);
}

TEST(hop_by_hop)
{
    CHECK(http_field_is_hop_by_hop(http_field_identify(STR("Connection"))));
    CHECK(http_field_is_hop_by_hop(http_field_identify(STR("HTTP2-Settings"))));
    CHECK(http_field_is_hop_by_hop(http_field_identify(STR("upgrade"))));
    CHECK(!http_field_is_hop_by_hop(http_field_identify(STR("trailer"))));
    CHECK(!http_field_is_hop_by_hop(http_field_identify(STR("x"))));
}

TEST(finding)
{
    struct http_field fields[] = {
        {STR("A"), STR("1"), HTTP_FIELD_OTHER},
        {STR("Connection"), STR("close, X-Hop"), HTTP_FIELD_CONNECTION},
        {STR("a"), STR("2"), HTTP_FIELD_OTHER},
        {STR("connection"), STR("x-other"), HTTP_FIELD_CONNECTION},
    };
    size_t at = 0;
    CHECK_STR(http_field_find(fields, 4, STR("a"))->value, "1");
    CHECK_STR(http_field_next(fields, 4, STR("A"), &at)->value, "1");
    CHECK_STR(http_field_next(fields, 4, STR("A"), &at)->value, "2");
    CHECK(!http_field_next(fields, 4, STR("A"), &at));
    CHECK(!http_field_find(fields, 4, STR("b")));
    CHECK(http_connection_names(fields, 4, STR("x-hop")));
    CHECK(http_connection_names(fields, 4, STR("X-Other")));
    CHECK(!http_connection_names(fields, 4, STR("a")));
}

/* Inside the room: a client's state, and one exchange. */
#pragma once

#include "web/client.h"
#include "web/libcurl.h"

struct web_client {
    CURL *curl;
    char *user_agent;
    struct cancel cancel;
};

/* One request to `url` and its response. `err` is there. */
enum status web_exchange(struct web_client *client, const struct web_request *request, const char *url, const char *authorization,
                         struct web_response *response, struct error *err) CHECKED;

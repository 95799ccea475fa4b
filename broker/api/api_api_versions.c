/* api_api_versions.c - ApiVersions: what this broker serves, from its own
 * table.
 *
 * A version this broker does not know is answered, not refused: with the body
 * of version 0, UNSUPPORTED_VERSION, and the versions of this API alone, so
 * that the client can ask again (KIP-511).
 */
#include "api/api_table.h"
#include "broker.h"
#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/msg_api_versions.h"

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? in full (KIP-511). */
static bool is_software_name(struct bytes text)
{
    if (text.len == 0 || !is_name_char(text.at[0]) ||
        !is_name_char(text.at[text.len - 1]))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_name_char(text.at[i]) && text.at[i] != '-' && text.at[i] != '.')
            return false;
    }
    return true;
}

static void answer_unknown_version(struct request *request)
{
    struct wire_api_versions_response response;
    struct wire_api_versions_response_api_keys self = {
        .api_key = WIRE_API_VERSIONS,
        .min_version = request->api->min,
        .max_version = request->api->max,
    };

    wire_api_versions_response_init(&response);
    response.error_code = KAFKA_UNSUPPORTED_VERSION;
    response.api_keys = &self;
    response.n_api_keys = 1;
    request->version = 0;
    request_reply(request, &response);
}

void api_api_versions(struct request *request)
{
    struct wire_api_versions_response response;
    const struct wire_api_versions_request *in;

    if (request->version < request->api->min ||
        request->version > request->api->max) {
        answer_unknown_version(request);
        return;
    }
    in = request_read(request);
    if (in == NULL)
        return;
    wire_api_versions_response_init(&response);
    if (request->version >= 3 &&
        (!is_software_name(in->client_software_name) ||
         !is_software_name(in->client_software_version))) {
        response.error_code = KAFKA_INVALID_REQUEST;
        request_reply(request, &response);
        return;
    }
    response.api_keys =
        arena_array(&request->arena, n_wire_apis, sizeof *response.api_keys);
    for (size_t i = 0; response.api_keys && i < n_wire_apis; i++) {
        const struct wire_api *api = &wire_apis[i];

        if (api_handler(api->key) == NULL)
            continue;
        response.api_keys[response.n_api_keys++] =
            (struct wire_api_versions_response_api_keys){ api->key, api->min,
                                                          api->max };
    }
    response.finalized_features_epoch =
        atomic_load(&request->broker->features_epoch);
    request_reply(request, &response);
}

/* api_incremental_alter_configs.c - IncrementalAlterConfigs: single overrides
 * set, deleted, appended to or subtracted from (KIP-339). */
#include "api/api_table.h"
#include "api/config_edit.h"
#include "wire/msg_incremental_alter_configs.h"

static void answer(struct request *request)
{
    const struct config_edits *edits = request->park;
    struct wire_incremental_alter_configs_response response;

    wire_incremental_alter_configs_response_init(&response);
    response.n_responses = edits->n;
    response.responses =
        arena_array(&request->arena, edits->n, sizeof *response.responses);
    for (size_t i = 0; response.responses && i < edits->n; i++) {
        response.responses[i].error_code = edits->edits[i].error;
        response.responses[i].error_message = edits->edits[i].message;
        response.responses[i].resource_type = edits->edits[i].type;
        response.responses[i].resource_name = edits->edits[i].name;
    }
    if (request->arena.err != ERR_OK)
        request_close(request,
                      "IncrementalAlterConfigs: the answer is too large");
    else
        request_reply(request, &response);
}

void api_incremental_alter_configs(struct request *request)
{
    const struct wire_incremental_alter_configs_request *in =
        request_read(request);
    struct config_edits *edits;

    if (in == NULL)
        return;
    edits = config_edits_new(request, in->n_resources);
    for (size_t i = 0; edits && i < in->n_resources; i++) {
        const struct wire_incremental_alter_configs_request_resources *from =
            &in->resources[i];
        struct config_change *changes =
            arena_array(&request->arena, from->n_configs, sizeof *changes);

        for (size_t j = 0; changes && j < from->n_configs; j++) {
            changes[j].name = from->configs[j].name;
            changes[j].value = from->configs[j].value;
            changes[j].operation = from->configs[j].config_operation;
        }
        edits->edits[i].type = from->resource_type;
        edits->edits[i].name = from->resource_name;
        edits->edits[i].changes = changes;
        edits->edits[i].n_changes = from->n_configs;
    }
    if (edits == NULL || request->arena.err != ERR_OK) {
        request_close(
            request,
            "IncrementalAlterConfigs: too many resources in one request");
        return;
    }
    edits->replace = false;
    edits->validate_only = in->validate_only;
    edits->on_done = answer;
    config_edits_start(edits);
}

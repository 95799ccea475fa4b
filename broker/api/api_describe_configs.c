/* api_describe_configs.c - DescribeConfigs: what is in force, and where from.
 *
 * Topics: their overrides over the broker's settings. BROKER with this broker's
 * id: all settings; with the empty name: the cluster-wide dynamic ones. Secrets
 * are named, their values are not told.
 */
#include "api/api_table.h"
#include "api/config_edit.h"
#include "api/topic_plan.h"
#include "broker.h"
#include "config/overrides.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_describe_configs.h"

enum { SOURCE_LOGGER = 6, TYPE_UNKNOWN = 0 };

typedef struct wire_describe_configs_request_resources resource_in;
typedef struct wire_describe_configs_response_results result_out;
typedef struct wire_describe_configs_response_results_configs config_out;
typedef struct wire_describe_configs_response_results_configs_synonyms
    synonym_out;

struct describe {
    struct request *request;
    const struct wire_describe_configs_request *in;
};

static bool is_asked(const resource_in *in, struct bytes name)
{
    if (in->configuration_keys_null || in->n_configuration_keys == 0)
        return true;
    for (size_t i = 0; i < in->n_configuration_keys; i++) {
        if (bytes_equal(in->configuration_keys[i], name))
            return true;
    }
    return false;
}

static struct bytes told(const struct describe *describe, bool secret,
                         struct bytes value)
{
    if (secret)
        return BYTES_NULL;
    return arena_copy(&describe->request->arena, value);
}

static void fill_config(const struct describe *describe,
                        const struct conf_key *row, struct bytes value,
                        const struct config_synonym *synonyms, size_t n,
                        bool read_only, config_out *out)
{
    bool secret = conf_is_secret(row);

    wire_describe_configs_response_results_configs_init(out);
    out->name = bytes_of(row->name);
    out->value = told(describe, secret, value);
    out->read_only = read_only;
    out->config_source = (int8_t)(n > 0 ? synonyms[0].source : CONFIG_DEFAULT);
    out->is_sensitive = secret;
    out->config_type = (int8_t)row->type;
    if (describe->in->include_documentation)
        out->documentation = bytes_of(row->doc);
    if (!describe->in->include_synonyms)
        return;
    out->synonyms =
        arena_array(&describe->request->arena, n, sizeof *out->synonyms);
    for (size_t i = 0; out->synonyms && i < n; i++)
        out->synonyms[out->n_synonyms++] =
            (synonym_out){ bytes_of(synonyms[i].name),
                           told(describe, secret, synonyms[i].value),
                           (int8_t)synonyms[i].source };
}

static void describe_topic(const struct describe *describe,
                           const resource_in *in, result_out *out)
{
    struct request *request = describe->request;
    struct conf_pair *pairs;
    size_t n_pairs;

    overrides_topic_pairs(request->broker->overrides, in->resource_name,
                          &request->arena, &pairs, &n_pairs);
    out->configs =
        arena_array(&request->arena, TOPIC_KEY_COUNT, sizeof *out->configs);
    config_texts_take(request->broker->config);
    for (int key = 0; out->configs && key < TOPIC_KEY_COUNT; key++) {
        const struct conf_key *row = topic_key_row((enum topic_key)key);
        struct config_synonym synonyms[CONFIG_SYNONYMS_MAX];
        size_t n;

        if ((row->flags & CONF_INTERNAL) || !is_asked(in, bytes_of(row->name)))
            continue;
        n = topic_synonyms(request->broker->config, (enum topic_key)key, pairs,
                           n_pairs, synonyms);
        fill_config(describe, row,
                    topic_value(request->broker->config, (enum topic_key)key,
                                pairs, n_pairs, &request->arena),
                    synonyms, n, false, &out->configs[out->n_configs++]);
    }
    config_texts_give(request->broker->config);
}

static void describe_unknown(const struct describe *describe,
                             const resource_in *in,
                             const struct conf_pair *pairs, size_t n,
                             result_out *out)
{
    (void)describe;
    for (size_t i = 0; i < n; i++) {
        config_out *config = &out->configs[out->n_configs];

        if (!is_asked(in, pairs[i].name))
            continue;
        wire_describe_configs_response_results_configs_init(config);
        config->name = pairs[i].name;
        config->read_only = true;
        config->config_source = CONFIG_FILE;
        config->is_sensitive = true; /* nobody knows what it holds */
        config->config_type = TYPE_UNKNOWN;
        out->n_configs++;
    }
}

static void describe_broker(const struct describe *describe,
                            const resource_in *in, result_out *out)
{
    struct request *request = describe->request;
    const struct config *cfg = request->broker->config;
    size_t n_unknown;
    const struct conf_pair *unknown = config_unknown(cfg, &n_unknown);

    out->configs = arena_array(&request->arena, CONFIG_KEY_COUNT + n_unknown,
                               sizeof *out->configs);
    config_texts_take(cfg);
    for (int key = 0; out->configs && key < CONFIG_KEY_COUNT; key++) {
        const struct conf_key *row = config_key_row((enum config_key)key);
        struct config_synonym synonyms[CONFIG_SYNONYMS_MAX];
        size_t n;

        if ((row->flags & CONF_INTERNAL) || !is_asked(in, bytes_of(row->name)))
            continue;
        n = config_synonyms(cfg, (enum config_key)key, synonyms);
        fill_config(describe, row,
                    bytes_of(config_text(cfg, (enum config_key)key)), synonyms,
                    n, !config_is_dynamic((enum config_key)key),
                    &out->configs[out->n_configs++]);
    }
    config_texts_give(cfg);
    if (out->configs != NULL)
        describe_unknown(describe, in, unknown, n_unknown, out);
}

/* Only what /config/brokers/<default> holds. */
static void describe_cluster_layer(const struct describe *describe,
                                   const resource_in *in, result_out *out)
{
    struct request *request = describe->request;
    struct conf_pair *pairs;
    size_t n;

    overrides_layer_pairs(request->broker->overrides, CONFIG_CLUSTER,
                          &request->arena, &pairs, &n);
    out->configs = arena_array(&request->arena, n, sizeof *out->configs);
    for (size_t i = 0; out->configs && i < n; i++) {
        int key = config_key_find(pairs[i].name);
        struct config_synonym only = { .source = CONFIG_CLUSTER };

        if (key < 0 || !is_asked(in, pairs[i].name))
            continue;
        const struct conf_key *row = config_key_row((enum config_key)key);
        only.name = row->name;
        only.value = pairs[i].value;
        fill_config(describe, row, only.value, &only, 1,
                    !config_is_dynamic((enum config_key)key),
                    &out->configs[out->n_configs++]);
    }
}

/* There is one logger, with one level. */
static void describe_loggers(const struct describe *describe, result_out *out)
{
    out->configs =
        arena_array(&describe->request->arena, 1, sizeof *out->configs);
    if (out->configs == NULL)
        return;
    wire_describe_configs_response_results_configs_init(&out->configs[0]);
    out->configs[0].name = BYTES("root");
    out->configs[0].value = BYTES("INFO");
    out->configs[0].read_only = true;
    out->configs[0].config_source = SOURCE_LOGGER;
    out->configs[0].config_type = CONF_STRING;
    out->n_configs = 1;
}

static int16_t describe_resource(const struct describe *describe,
                                 const resource_in *in, result_out *out,
                                 struct errmsg *why)
{
    struct request *request = describe->request;
    enum config_layer layer = CONFIG_BROKER;
    struct meta_topic *topic;
    int16_t error;

    switch (in->resource_type) {
    case RESOURCE_TOPIC:
        if (topic_name_check(in->resource_name, why) != KAFKA_NONE)
            return KAFKA_INVALID_TOPIC_EXCEPTION;
        topic =
            metadata_topic_find(request->broker->metadata, in->resource_name);
        if (topic == NULL)
            return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        meta_topic_unref(topic);
        describe_topic(describe, in, out);
        return KAFKA_NONE;
    case RESOURCE_BROKER:
    case RESOURCE_BROKER_LOGGER:
        error = config_resource_layer(request, in->resource_name,
                                      in->resource_type == RESOURCE_BROKER
                                          ? CONFIG_DESCRIBE
                                          : CONFIG_LOGGER,
                                      &layer, why);
        if (error != KAFKA_NONE)
            return error;
        if (in->resource_type == RESOURCE_BROKER_LOGGER)
            describe_loggers(describe, out);
        else if (layer == CONFIG_CLUSTER)
            describe_cluster_layer(describe, in, out);
        else
            describe_broker(describe, in, out);
        return KAFKA_NONE;
    default:
        return KAFKA_INVALID_REQUEST;
    }
}

/* A resource of no known kind spoils the whole request, as in Kafka. */
static bool are_known(const struct wire_describe_configs_request *in)
{
    for (size_t i = 0; i < in->n_resources; i++)
        if (in->resources[i].resource_type != RESOURCE_TOPIC &&
            in->resources[i].resource_type != RESOURCE_BROKER &&
            in->resources[i].resource_type != RESOURCE_BROKER_LOGGER)
            return false;
    return true;
}

static int16_t refuse(struct errmsg *why)
{
    err_set(why, ERR_INVALID,
            "This most likely occurs because of a request being malformed by "
            "the client library or the message was sent to an incompatible "
            "broker. See the broker logs for more details.");
    return KAFKA_INVALID_REQUEST;
}

void api_describe_configs(struct request *request)
{
    const struct wire_describe_configs_request *in = request_read(request);
    struct describe describe = { request, in };
    struct wire_describe_configs_response response;
    bool known;

    if (in == NULL)
        return;
    known = are_known(in);
    wire_describe_configs_response_init(&response);
    response.n_results = in->n_resources;
    response.results =
        arena_array(&request->arena, in->n_resources, sizeof *response.results);
    for (size_t i = 0; response.results && i < in->n_resources; i++) {
        result_out *out = &response.results[i];
        struct errmsg why = { "" };

        wire_describe_configs_response_results_init(out);
        out->resource_type = in->resources[i].resource_type;
        out->resource_name = in->resources[i].resource_name;
        out->error_code =
            known ? describe_resource(&describe, &in->resources[i], out, &why)
                  : refuse(&why);
        if (why.text[0] != '\0')
            out->error_message =
                arena_copy(&request->arena, bytes_of(why.text));
    }
    if (request->arena.err != ERR_OK)
        request_close(request, "DescribeConfigs: the answer is too large");
    else
        request_reply(request, &response);
}

/* znode_broker.c - /brokers/ids/N, written in versions 2, 4 and 5, read in all.
 *
 *   1  host, port                       one PLAINTEXT endpoint
 *   2  + endpoints                      protocol = listener name
 *   3  + rack
 *   4  + listener_security_protocol_map
 *   5  + features
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "znode/znode_in.h"

static const char *const protocols[] = { "PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                         "SASL_SSL" };

static int16_t protocol_number(const char *name, size_t len)
{
    for (int16_t i = 0; i < 4; i++)
        if (strlen(protocols[i]) == len &&
            strncasecmp(name, protocols[i], len) == 0)
            return i;
    return -1;
}

/* -- writing ----------------------------------------------------------- */

static void write_endpoint(struct wr *w, const struct znode_endpoint *e)
{
    bool v6 = e->host.len > 0 && memchr(e->host.at, ':', e->host.len) != NULL;

    wr_u8(w, '"');
    wr_raw(w, e->listener.at, e->listener.len);
    jw_text(w, v6 ? "://[" : "://");
    wr_raw(w, e->host.at, e->host.len);
    jw_text(w, v6 ? "]:" : ":");
    jw_int(w, e->port);
    wr_u8(w, '"');
}

static void write_protocol_map(struct wr *w, const struct znode_broker *broker)
{
    struct bytes *names =
        mem_need_array(broker->n_endpoints + 1, sizeof *names);
    size_t *order = mem_need_array(broker->n_endpoints + 1, sizeof *order);

    for (size_t i = 0; i < broker->n_endpoints; i++)
        names[i] = broker->endpoints[i].listener;
    znode_order_trie(names, broker->n_endpoints, order);
    jw_text(w, "\"listener_security_protocol_map\":{");
    for (size_t i = 0; i < broker->n_endpoints; i++) {
        const struct znode_endpoint *e = &broker->endpoints[order[i]];

        jw_comma(w, i);
        jw_string(w, e->listener);
        wr_u8(w, ':');
        jw_string(w, bytes_of(protocols[e->protocol & 3]));
    }
    jw_text(w, "},");
    mem_free(names);
    mem_free(order);
}

static void write_features(struct wr *w, const struct znode_broker *broker)
{
    jw_text(w, "\"features\":{");
    for (size_t i = 0; i < broker->n_features; i++) {
        jw_comma(w, i);
        jw_string(w, broker->features[i].name);
        jw_text(w, ":{\"min_version\":");
        jw_int(w, broker->features[i].min);
        jw_text(w, ",\"max_version\":");
        jw_int(w, broker->features[i].max);
        jw_text(w, "}");
    }
    jw_text(w, "},");
}

void znode_broker_write(struct wr *w, const struct znode_broker *broker)
{
    const struct znode_endpoint *plain = NULL;

    for (size_t i = 0; i < broker->n_endpoints && plain == NULL; i++)
        if (broker->endpoints[i].protocol == 0)
            plain = &broker->endpoints[i];
    wr_u8(w, '{');
    if (broker->version >= 5)
        write_features(w, broker);
    if (broker->version >= 4)
        write_protocol_map(w, broker);
    jw_text(w, "\"endpoints\":[");
    for (size_t i = 0; i < broker->n_endpoints; i++) {
        jw_comma(w, i);
        write_endpoint(w, &broker->endpoints[i]);
    }
    jw_text(w, "],");
    if (broker->version >= 3 && !bytes_is_null(broker->rack)) {
        jw_text(w, "\"rack\":");
        jw_string(w, broker->rack);
        wr_u8(w, ',');
    }
    jw_text(w, "\"jmx_port\":");
    jw_int(w, broker->jmx_port);
    jw_text(w, ",\"port\":");
    jw_int(w, plain ? plain->port : -1);
    jw_text(w, ",\"host\":");
    jw_string(w, plain ? plain->host : BYTES_NULL);
    jw_text(w, ",\"version\":");
    jw_int(w, broker->version);
    jw_text(w, ",\"timestamp\":\"");
    jw_int(w, broker->timestamp_ms);
    jw_text(w, "\"}");
}

/* -- reading ----------------------------------------------------------- */

/* By the map when there is one (listener names in any case), else by name. */
static int16_t find_protocol(json_t *map, struct bytes listener)
{
    const char *name;
    json_t *value;

    if (map == NULL)
        return protocol_number((const char *)listener.at, listener.len);
    json_object_foreach(map, name, value)
        if (strlen(name) == listener.len && json_is_string(value) &&
            strncasecmp(name, (const char *)listener.at, listener.len) == 0)
            return protocol_number(json_string_value(value),
                                   json_string_length(value));
    return -1;
}

/* "NAME://host:port". */
static bool read_endpoint(struct bytes text, json_t *map,
                          struct znode_endpoint *out)
{
    const uint8_t *at = memmem(text.at, text.len, "://", 3);
    const uint8_t *colon;
    char *name;
    int64_t port;
    size_t n;

    if (at == NULL || at == text.at)
        return false;
    n = (size_t)(at - text.at);
    name = (char *)(uintptr_t)text.at; /* our copy: made upper case in place */
    for (size_t i = 0; i < n; i++)
        name[i] = (char)toupper((unsigned char)name[i]);
    out->listener = bytes_make(text.at, n);
    out->protocol = find_protocol(map, out->listener);
    at += 3;
    n = text.len - n - 3;
    colon = n ? memrchr(at, ':', n) : NULL;
    if (colon == NULL || out->protocol < 0 ||
        !bytes_to_int64(bytes_make(colon + 1, n - (size_t)(colon - at) - 1), -1,
                        INT32_MAX, &port))
        return false;
    out->port = (int32_t)port;
    out->host = bytes_make(at, (size_t)(colon - at));
    if (out->host.len >= 2 && at[0] == '[' && colon[-1] == ']')
        out->host = bytes_make(at + 1, out->host.len - 2);
    return true;
}

static void read_endpoints(struct jr *jr, struct znode_broker *out)
{
    json_t *array = jr_array(jr, jr->root, "endpoints");
    json_t *map =
        jr_object_or_null(jr, jr->root, "listener_security_protocol_map");
    size_t n = json_array_size(array);

    out->endpoints = arena_array(jr->arena, n, sizeof *out->endpoints);
    for (size_t i = 0; out->endpoints != NULL && i < n; i++) {
        json_t *item = json_array_get(array, i);
        struct bytes text =
            json_is_string(item) ? jr_copy(jr, item) : BYTES_NULL;

        if (bytes_is_null(text) ||
            !read_endpoint(text, map, &out->endpoints[i])) {
            jr_fail(jr, "endpoints",
                    "a list of NAME://host:port whose "
                    "protocols are known");
            return;
        }
    }
    out->n_endpoints = out->endpoints ? n : 0;
}

static void read_only_endpoint(struct jr *jr, struct znode_broker *out)
{
    out->endpoints = arena_array(jr->arena, 1, sizeof *out->endpoints);
    if (out->endpoints == NULL)
        return;
    out->n_endpoints = 1;
    out->endpoints[0] =
        (struct znode_endpoint){ .listener = BYTES("PLAINTEXT"),
                                 .host = jr_string(jr, jr->root, "host"),
                                 .port = (int32_t)jr_int(jr, jr->root, "port",
                                                         -1, INT32_MAX) };
}

static void read_features(struct jr *jr, struct znode_broker *out)
{
    json_t *map = jr_object_or_null(jr, jr->root, "features"), *entry;
    const char *name;
    size_t n = 0;

    out->features =
        arena_array(jr->arena, json_object_size(map), sizeof *out->features);
    if (out->features == NULL)
        return;
    json_object_foreach(map, name, entry) {
        struct znode_feature *f = &out->features[n];

        f->min = (int16_t)jr_int(jr, entry, "min_version", 0, INT16_MAX);
        f->max = (int16_t)jr_int(jr, entry, "max_version", 0, INT16_MAX);
        f->name = arena_copy(jr->arena, bytes_of(name));
        if (jr->err != ERR_OK)
            return;
        n++;
    }
    out->n_features = n;
}

enum err znode_broker_read(struct bytes data, struct arena *arena,
                           struct znode_broker *broker, struct errmsg *why)
{
    struct jr jr;

    *broker = (struct znode_broker){ 0 };
    jr_open(&jr, data, ZNODE_BROKER_IDS, arena, why);
    jr_need_object(&jr);
    broker->version = (int32_t)jr_int(&jr, jr.root, "version", 1, INT32_MAX);
    broker->jmx_port =
        (int32_t)jr_int(&jr, jr.root, "jmx_port", INT32_MIN, INT32_MAX);
    broker->timestamp_ms = jr_number_text(jr.root, "timestamp");
    if (jr.err == ERR_OK && broker->version == 1)
        read_only_endpoint(&jr, broker);
    else if (jr.err == ERR_OK)
        read_endpoints(&jr, broker);
    broker->rack = jr_string_or_null(&jr, jr.root, "rack");
    if (jr.err == ERR_OK)
        read_features(&jr, broker);
    return jr_close(&jr);
}

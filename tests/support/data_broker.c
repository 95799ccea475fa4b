/* data_broker.c - parts of a broker, wired together as server.c does. */
#include "tests/support/data_broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api_table.h"
#include "base/mem.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_produce.h"
#include "wire/msg_update_metadata.h"

/* The fixture serves tests, fuzzing and people alike; so it does not use Check.
 */
#define NEED(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            abort();                                                           \
        }                                                                      \
    } while (0)

enum { POOL_THREADS = 4, REACTORS = 2, FRAME_MOST = 64 * 1024 * 1024 };

static void *coord_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void topic_config(void *context, struct bytes topic,
                         struct log_config *config)
{
    const struct data_broker *db = context;

    if (topic.len >= 3 && memcmp(topic.at, "min", 3) == 0)
        config->min_insync_replicas = db->min_insync;
    if (topic.len >= 4 && memcmp(topic.at, "time", 4) == 0)
        config->timestamp_append_time = true;
    if (topic.len >= 5 && memcmp(topic.at, "flush", 5) == 0)
        config->flush_messages = 1;
    if (topic.len >= 7 && memcmp(topic.at, "compact", 7) == 0) {
        config->cleanup_compact = true;
        config->cleanup_delete = false;
    }
}

void data_broker_init(struct data_broker *db)
{
    *db = (struct data_broker){ .dir = "/tmp/gregor-data-XXXXXX",
                                .fetch_sessions = 1000,
                                .min_insync = 2 };
    NEED(mkdtemp(db->dir) != NULL);
    log_config_init(&db->defaults);
    cleaner_config_init(&db->cleaner);
}

static void start_replicas(struct data_broker *db)
{
    struct replicas_config config;
    const char *dirs[] = { db->dir };
    struct errmsg why = { "" };

    replicas_config_init(&config);
    config.broker = &db->broker;
    config.fs = fs_real();
    config.log_dirs = dirs;
    config.n_log_dirs = 1;
    config.defaults = db->defaults;
    config.fetch_sessions = db->fetch_sessions;
    config.cleaner = db->cleaner;
    config.topic_config = topic_config;
    config.context = db;
    NEED(replicas_open(&db->broker.replicas, &config, &why) == ERR_OK);
    NEED(replicas_load(db->broker.replicas, &why) == ERR_OK);
    replicas_start(db->broker.replicas);
}

static void start_net(struct data_broker *db, int port)
{
    struct errmsg why = { "" };
    struct net_config config = {
        .listeners = &db->listener,
        .n_listeners = 1,
        .reactors = REACTORS,
        .request_max_bytes = FRAME_MOST,
        .send_buffer = -1,
        .receive_buffer = -1,
        .backlog = 50,
        .idle_us = 600000000,
        .quota = NET_UNLIMITED,
        .memory_budget = 256 * 1024 * 1024,
        .handler = api_handler,
    };

    db->listener = (struct listener){ .name = "PLAINTEXT",
                                      .host = "127.0.0.1",
                                      .port = port,
                                      .advertised_host = "127.0.0.1" };
    db->broker.listeners = &db->listener;
    db->broker.n_listeners = 1;
    db->broker.inter_broker = &db->listener;
    NEED(net_start(&db->broker.net, &db->broker, &config, &why) == ERR_OK);
    db->port = db->listener.port = db->listener.advertised_port =
        net_port(db->broker.net, 0);
    net_accept(db->broker.net);
}

/* Brokers 1 (this one) and 2 (nobody) are alive; the topic, when there is one,
 * is as told. */
static void tell_metadata(struct data_broker *db, const char *topic,
                          struct uuid id, int32_t n, int factor, int32_t leader,
                          int32_t leader_epoch)
{
    static int32_t both[] = { DATA_BROKER_ID, DATA_FOLLOWER_ID };
    struct wire_update_metadata_request_live_brokers_endpoints endpoint = {
        .host = BYTES("127.0.0.1"),
        .port = db->port,
        .listener = BYTES("PLAINTEXT")
    };
    struct wire_update_metadata_request_live_brokers_endpoints nowhere = {
        .host = BYTES("127.0.0.1"), .port = 1, .listener = BYTES("PLAINTEXT")
    };
    struct wire_update_metadata_request_live_brokers brokers[] = {
        { .id = DATA_BROKER_ID, .endpoints = &endpoint, .n_endpoints = 1 },
        { .id = DATA_FOLLOWER_ID, .endpoints = &nowhere, .n_endpoints = 1 },
    };
    struct wire_update_metadata_request_topic_states state = { 0 };
    struct wire_update_metadata_request update;

    wire_update_metadata_request_init(&update);
    update.controller_id = DATA_BROKER_ID;
    update.live_brokers = brokers;
    update.n_live_brokers = 2;
    if (topic) {
        state.topic_name = bytes_of(topic);
        state.topic_id = id;
        state.partition_states =
            mem_need_array((size_t)n + 1, sizeof *state.partition_states);
        state.n_partition_states = (size_t)n;
        for (int32_t i = 0; i < n; i++) {
            state.partition_states[i].partition_index = i;
            state.partition_states[i].leader = leader;
            state.partition_states[i].leader_epoch = leader_epoch;
            state.partition_states[i].replicas = both;
            state.partition_states[i].n_replicas = (size_t)factor;
            state.partition_states[i].isr = both;
            state.partition_states[i].n_isr = (size_t)factor;
        }
        update.topic_states = &state;
        update.n_topic_states = 1;
    }
    metadata_update(db->broker.metadata, &update);
    mem_free(state.partition_states);
}

void data_broker_start(struct data_broker *db, int port)
{
    struct errmsg why = { "" };

    static const char *const settings[] = { "zookeeper.connect=localhost:1",
                                            "auto.create.topics.enable=false",
                                            NULL };
    struct config_source_env env = { .overrides = settings,
                                     .host_name = "localhost" };

    memset(&db->broker, 0, sizeof db->broker);
    NEED(config_open(&db->config, &env, &why) == ERR_OK);
    db->broker.config = db->config;
    db->broker.id = DATA_BROKER_ID;
    snprintf(db->broker.cluster_id, sizeof db->broker.cluster_id, "test");
    NEED(metadata_new(&db->broker.metadata) == ERR_OK);
    NEED(pool_new(&db->broker.pool, "io", POOL_THREADS, &why) == ERR_OK);
    lane_init(&db->broker.control_lane, db->broker.pool);
    NEED(loop_new(&db->broker.coord_loop, "coord", &why) == ERR_OK);
    NEED(pthread_create(&db->coord, NULL, coord_main, db->broker.coord_loop) ==
         0);
    start_replicas(db);
    start_net(db, port);
    tell_metadata(db, NULL, (struct uuid){ { 0 } }, 0, 1, 0, 0);
}

static void stop(struct data_broker *db, bool clean)
{
    replicas_drain(db->broker.replicas);
    net_stop(&db->broker.net, 5000);
    if (clean)
        replicas_stop(db->broker.replicas);
    else
        replicas_abandon(db->broker.replicas);
    pool_free(&db->broker.pool);
    loop_stop(db->broker.coord_loop);
    pthread_join(db->coord, NULL);
    loop_free(&db->broker.coord_loop);
    replicas_free(&db->broker.replicas);
    metadata_free(&db->broker.metadata);
    config_close(&db->config);
}

void data_broker_stop(struct data_broker *db)
{
    stop(db, true);
}

void data_broker_kill(struct data_broker *db)
{
    stop(db, false);
}

void data_broker_fini(struct data_broker *db)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", db->dir);
    NEED(system(command) == 0);
}

/* -- in the controller's place
 * --------------------------------------------------- */

static void apply(struct data_broker *db, const char *topic, struct uuid id,
                  int32_t n, int factor, int32_t leader, int32_t leader_epoch)
{
    static const int32_t both[] = { DATA_BROKER_ID, DATA_FOLLOWER_ID };
    struct replicas_change *changes =
        mem_need_array((size_t)n, sizeof *changes);

    for (int32_t i = 0; i < n; i++)
        changes[i] = (struct replicas_change){
            .topic = bytes_of(topic),
            .index = i,
            .change = {
                .controller_epoch = 1,
                .leader = leader,
                .leader_epoch = leader_epoch,
                .topic_id = id,
                .is_new = true,
                .replicas = both,
                .n_replicas = (size_t)factor,
                .isr = both,
                .n_isr = (size_t)factor,
            },
        };
    replicas_apply(db->broker.replicas, changes, (size_t)n);
    for (int32_t i = 0; i < n; i++)
        NEED(changes[i].error == KAFKA_NONE);
    mem_free(changes);
}

/* The topic's id follows from its name, so that it survives a restart. */
static struct uuid id_of(const char *topic)
{
    struct uuid id = { { 0 } };
    uint64_t hash = bytes_hash(bytes_of(topic), 7);

    memcpy(id.b, &hash, sizeof hash);
    id.b[15] = 1;
    return id;
}

struct uuid data_broker_host(struct data_broker *db, const char *topic,
                             int32_t n, int factor, int32_t leader_epoch)
{
    struct uuid id = id_of(topic);

    tell_metadata(db, topic, id, n, factor, DATA_BROKER_ID, leader_epoch);
    apply(db, topic, id, n, factor, DATA_BROKER_ID, leader_epoch);
    return id;
}

void data_broker_unlead(struct data_broker *db, const char *topic, int32_t n,
                        int32_t leader_epoch)
{
    struct uuid id = id_of(topic);

    tell_metadata(db, topic, id, n, 2, DATA_FOLLOWER_ID, leader_epoch);
    apply(db, topic, id, n, 2, DATA_FOLLOWER_ID, leader_epoch);
}

/* -- records ------------------------------------------------------------------
 */

struct data_batch data_batch_make(int32_t count)
{
    return (struct data_batch){ .count = count,
                                .producer_id = -1,
                                .producer_epoch = -1,
                                .base_sequence = -1,
                                .timestamp = 1700000000000 };
}

void data_batch_write(struct wr *w, const struct data_batch *batch)
{
    struct batch_builder builder;
    struct batch_spec spec = batch_spec_make();
    size_t room = batch->value_bytes > 16 ? batch->value_bytes : 16;
    char *value = mem_need(room + 1);

    spec.attributes = batch->attributes;
    spec.producer_id = batch->producer_id;
    spec.producer_epoch = batch->producer_epoch;
    spec.base_sequence = batch->base_sequence;
    batch_builder_init(&builder);
    NEED(batch_builder_start(&builder, &spec, w) == ERR_OK);
    for (int32_t i = 0; i < batch->count; i++) {
        int n = snprintf(value, room + 1, "%d", i);
        struct batch_record record = { .offset = i,
                                       .timestamp = batch->timestamp + i };

        memset(value + n, '.', room - (size_t)n);
        record.value = bytes_make(value, batch->value_bytes ? batch->value_bytes
                                                            : (size_t)n);
        batch_builder_add(&builder, &record);
    }
    NEED(batch_builder_finish(&builder, NULL) == ERR_OK);
    batch_builder_fini(&builder);
    mem_free(value);
}

/* -- client -------------------------------------------------------------------
 */

void data_client_open(struct data_client *client, const struct data_broker *db)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)db->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    *client = (struct data_client){ .next_id = 1 };
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED(client->fd >= 0);
    NEED(connect(client->fd, (struct sockaddr *)&to, sizeof to) == 0);
    arena_init(&client->arena, FRAME_MOST);
}

void data_client_close(struct data_client *client)
{
    close(client->fd);
    arena_fini(&client->arena);
    mem_free(client->frame);
}

void data_client_send(struct data_client *client, int16_t key, int16_t version,
                      const void *request)
{
    const struct wire_api *api = wire_api_find(key);
    size_t at = 0;
    struct wr w;

    wr_init(&w, FRAME_MOST);
    wr_i32(&w, 0);
    wr_i16(&w, key);
    wr_i16(&w, version);
    wr_i32(&w, client->next_id++);
    wr_string(&w, false, BYTES("test"));
    if (wire_request_header_version(key, version) == 2)
        wr_uvarint(&w, 0);
    api->request.write(&w, version, request);
    NEED(w.err == ERR_OK);
    wr_patch_i32(&w, 0, (int32_t)w.len - 4);
    while (at < w.len) {
        ssize_t n = send(client->fd, w.data + at, w.len - at, MSG_NOSIGNAL);

        if (n <= 0)
            break;
        at += (size_t)n;
    }
    wr_fini(&w);
}

static bool read_whole(int fd, uint8_t *at, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(fd, at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

const void *data_client_receive(struct data_client *client, int16_t key,
                                int16_t version)
{
    const struct wire_api *api = wire_api_find(key);
    uint8_t head[4];
    void *response;
    struct rd r;
    size_t len;

    if (!read_whole(client->fd, head, 4))
        return NULL;
    r = rd_make(bytes_make(head, 4));
    len = rd_u32(&r);
    NEED(len <= FRAME_MOST);
    mem_free(client->frame);
    client->frame = mem_try(len);
    NEED(client->frame != NULL);
    if (!read_whole(client->fd, client->frame, len))
        return NULL;
    r = rd_make(bytes_make(client->frame, len));
    rd_i32(&r);
    if (wire_response_header_version(key, version) == 1)
        rd_skip_tags(&r);
    response = arena_take(&client->arena, api->response.size);
    NEED(response != NULL);
    NEED(api->response.read(&r, version, &client->arena, response) == ERR_OK);
    NEED(r.left == 0);
    return response;
}

const void *data_client_call(struct data_client *client, int16_t key,
                             int16_t version, const void *request)
{
    data_client_send(client, key, version, request);
    return data_client_receive(client, key, version);
}

bool data_client_is_readable(const struct data_client *client, int ms)
{
    struct pollfd pfd = { .fd = client->fd, .events = POLLIN };

    return poll(&pfd, 1, ms) > 0;
}

const struct wire_produce_response_responses_partition_responses *
data_client_produce(struct data_client *client, const char *topic,
                    int32_t index, int16_t acks, int16_t version,
                    struct bytes records)
{
    struct wire_produce_request_topic_data_partition_data partition = {
        .index = index, .records = { .mem = records }
    };
    struct wire_produce_request_topic_data data = { .name = bytes_of(topic),
                                                    .partition_data =
                                                        &partition,
                                                    .n_partition_data = 1 };
    const struct wire_produce_response *response;
    struct wire_produce_request request;

    wire_produce_request_init(&request);
    request.acks = acks;
    request.timeout_ms = 10000;
    request.topic_data = &data;
    request.n_topic_data = 1;
    response = data_client_call(client, WIRE_PRODUCE, version, &request);
    if (!response)
        return NULL;
    NEED(response->n_responses == 1);
    NEED(response->responses[0].n_partition_responses == 1);
    return &response->responses[0].partition_responses[0];
}

/* Whole requests into the handlers of the data path, over a real connection to
 * a broker without coordination. The first byte chooses the API, the second the
 * version; the rest is the body. The mutator makes bodies that reach far:
 * topics that exist, and batches that are nearly right. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/diag.h"
#include "tests/fuzz/fuzz_messages.h"
#include "tests/support/data_broker.h"
#include "wire/apis.h"
#include "wire/msg_fetch.h"
#include "wire/msg_list_offsets.h"
#include "wire/msg_produce.h"

enum { HEAD = 2, REHOST_EVERY = 500 };

static const int16_t keys[] = {
    WIRE_PRODUCE,           WIRE_FETCH,
    WIRE_LIST_OFFSETS,      WIRE_LEADER_AND_ISR,
    WIRE_STOP_REPLICA,      WIRE_UPDATE_METADATA,
    WIRE_DELETE_RECORDS,    WIRE_OFFSET_FOR_LEADER_EPOCH,
    WIRE_DESCRIBE_LOG_DIRS, WIRE_DESCRIBE_PRODUCERS,
};

static const struct wire_api *choose(const uint8_t *data, int16_t *version)
{
    const struct wire_api *api =
        wire_api_find(keys[data[0] % (sizeof keys / sizeof keys[0])]);

    *version = (int16_t)(data[1] % (api->max + 1));
    return api;
}

static struct data_broker db;

static void stop_broker(void)
{
    data_broker_kill(&db);
    data_broker_fini(&db);
}

static void start_broker(void)
{
    diag_open(2, DIAG_ERROR);
    data_broker_init(&db);
    data_broker_start(&db, 0);
    atexit(stop_broker);
}

/* What requests may have undone. */
static void host(void)
{
    static int32_t epoch;

    replicas_stop_replicas(
        db.broker.replicas,
        (struct replicas_stop_one[]){ { BYTES("t"), 0, -2, true, 0 } }, 1);
    data_broker_host(&db, "t", 2, 1, ++epoch & 0xffff);
}

/* Nobody is to wait here: wake whoever does. */
static void wake_all(void)
{
    struct partition **all;
    size_t n;

    replicas_all(db.broker.replicas, &all, &n);
    for (size_t i = 0; i < n; i++) {
        partition_stop(all[i]);
        partition_unref(&all[i]);
    }
    mem_free(all);
}

static void send_frame(int fd, const struct wire_api *api, int16_t version,
                       struct bytes body)
{
    struct wr w;

    wr_init(&w, 1 << 24);
    wr_i32(&w, 0);
    wr_i16(&w, api->key);
    wr_i16(&w, version);
    wr_i32(&w, 1);
    wr_string(&w, false, BYTES("fuzz"));
    if (wire_request_header_version(api->key, version) == 2)
        wr_uvarint(&w, 0);
    wr_raw(&w, body.at, body.len);
    wr_patch_i32(&w, 0, (int32_t)w.len - 4);
    if (send(fd, w.data, w.len, MSG_NOSIGNAL) != (ssize_t)w.len)
        abort();
    wr_fini(&w);
    shutdown(fd, SHUT_WR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
                               unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned runs;
    struct data_client client;
    uint8_t sink[4096];
    int16_t version;
    const struct wire_api *api;

    if (size < HEAD)
        return 0;
    if (runs == 0)
        start_broker();
    if (runs++ % REHOST_EVERY == 0)
        host();
    api = choose(data, &version);
    data_client_open(&client, &db);
    send_frame(client.fd, api, version, bytes_make(data + HEAD, size - HEAD));
    for (;;) {
        while (!data_client_is_readable(&client, 1))
            wake_all();
        if (recv(client.fd, sink, sizeof sink, 0) <= 0)
            break;
    }
    data_client_close(&client);
    return 0;
}

/* -- bodies that reach far
 * ------------------------------------------------------ */

static struct bytes make_records(struct wire_random *rnd, struct arena *arena)
{
    struct data_batch batch =
        data_batch_make((int32_t)(1 + wire_random_u64(rnd) % 20));
    struct bytes made;
    struct wr records;

    wr_init(&records, 1 << 20);
    batch.attributes = (int16_t)(wire_random_u64(rnd) % 5);
    batch.value_bytes = wire_random_u64(rnd) % 100;
    if (wire_random_bool(rnd)) {
        batch.producer_id = (int64_t)(wire_random_u64(rnd) % 4);
        batch.producer_epoch = (int16_t)(wire_random_u64(rnd) % 3);
        batch.base_sequence = (int32_t)(wire_random_u64(rnd) % 40);
    }
    data_batch_write(&records, &batch);
    if (wire_random_u64(rnd) % 4 == 0)
        records.data[wire_random_u64(rnd) % records.len] ^=
            (uint8_t)(1u << wire_random_u64(rnd) % 8);
    made = arena_copy(arena, bytes_make(records.data, records.len));
    wr_fini(&records);
    return made;
}

static void mend_produce(struct wire_random *rnd, struct arena *arena,
                         struct wire_produce_request *q)
{
    q->acks = (int16_t)(wire_random_u64(rnd) % 3 - 1);
    for (size_t i = 0; i < q->n_topic_data; i++) {
        q->topic_data[i].name = BYTES("t");
        for (size_t j = 0; j < q->topic_data[i].n_partition_data; j++) {
            q->topic_data[i].partition_data[j].index =
                (int32_t)(wire_random_u64(rnd) % 3);
            q->topic_data[i].partition_data[j].records =
                (struct wire_records){ .mem = make_records(rnd, arena) };
        }
    }
}

static void mend_fetch(struct wire_random *rnd, struct wire_fetch_request *q)
{
    if (wire_random_bool(rnd))
        q->session_id = 0;
    q->session_epoch = (int32_t)(wire_random_u64(rnd) % 3) - 1;
    q->replica_id = q->replica_state.replica_id = -1;
    for (size_t i = 0; i < q->n_topics; i++) {
        q->topics[i].topic = BYTES("t");
        for (size_t j = 0; j < q->topics[i].n_partitions; j++) {
            q->topics[i].partitions[j].partition =
                (int32_t)(wire_random_u64(rnd) % 3);
            q->topics[i].partitions[j].current_leader_epoch = -1;
            q->topics[i].partitions[j].last_fetched_epoch = -1;
            q->topics[i].partitions[j].fetch_offset =
                (int64_t)(wire_random_u64(rnd) % 50);
        }
    }
}

static void mend_list_offsets(struct wire_random *rnd,
                              struct wire_list_offsets_request *q)
{
    for (size_t i = 0; i < q->n_topics; i++) {
        q->topics[i].name = BYTES("t");
        for (size_t j = 0; j < q->topics[i].n_partitions; j++) {
            q->topics[i].partitions[j].partition_index =
                (int32_t)(wire_random_u64(rnd) % 3);
            q->topics[i].partitions[j].current_leader_epoch = -1;
        }
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most,
                               unsigned seed)
{
    struct wire_random rnd = { seed };
    const struct wire_api *api;
    struct arena arena;
    int16_t version;
    void *request;
    struct wr w;

    if (wire_random_u64(&rnd) % 4 == 0 || most < HEAD)
        return LLVMFuzzerMutate(data, size, most);
    data[0] = (uint8_t)wire_random_u64(&rnd);
    data[1] = (uint8_t)wire_random_u64(&rnd);
    if (wire_random_bool(&rnd))
        data[0] = (uint8_t)(wire_random_u64(&rnd) % 3);
    api = choose(data, &version);
    arena_init(&arena, 1 << 22);
    request = arena_take(&arena, api->request.size);
    api->request.init(request);
    api->request.random(&rnd, version, &arena, request);
    if (api->key == WIRE_PRODUCE)
        mend_produce(&rnd, &arena, request);
    else if (api->key == WIRE_FETCH)
        mend_fetch(&rnd, request);
    else if (api->key == WIRE_LIST_OFFSETS)
        mend_list_offsets(&rnd, request);
    wr_init(&w, most - HEAD);
    api->request.write(&w, version, request);
    if (w.err == ERR_OK) {
        if (w.len)
            memcpy(data + HEAD, w.data, w.len);
        size = HEAD + w.len;
    }
    wr_fini(&w);
    arena_fini(&arena);
    return size;
}

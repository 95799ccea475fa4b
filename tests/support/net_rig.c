/* net_rig.c - the net on loopback for tests. */
#include "tests/support/net_rig.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/lock.h"
#include "seg/seg_files.h"
#include "tests/support/unit.h"
#include "wire/errors.h"
#include "wire/msg_api_versions.h"
#include "wire/msg_fetch.h"
#include "wire/msg_heartbeat.h"
#include "wire/msg_leave_group.h"
#include "wire/msg_produce.h"

/* -- the file ------------------------------------------------------------- */

static struct seg_files *files;
static char file_path[] = "/tmp/net-rig-XXXXXX";
static const char file_template[] = "/tmp/net-rig-XXXXXX";

uint8_t rig_file_byte(size_t i)
{
    return (uint8_t)(i * 2654435761u >> 13);
}

static void file_make(void)
{
    uint8_t *bytes = mem_need(RIG_FILE);
    int fd;

    memcpy(file_path, file_template, sizeof file_path);
    fd = mkstemp(file_path);
    for (size_t i = 0; i < RIG_FILE; i++)
        bytes[i] = rig_file_byte(i);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, RIG_FILE), RIG_FILE);
    close(fd);
    mem_free(bytes);
    files = seg_files_new(fs_real(), 16);
}

static struct seg_file *file_ref(void)
{
    struct seg_key key = { .log = 1 };
    struct seg_file *file = seg_files_find(files, &key);
    struct errmsg why;

    if (file == NULL)
        ck_assert_err(
            seg_files_open(files, &key, file_path, false, &file, &why), ERR_OK);
    return file;
}

static size_t open_descriptors(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 4096; fd++)
        n += dup2(fd, fd) == fd;
    return n;
}

/* -- handlers ------------------------------------------------------------- */

static struct lock parked_lock = { PTHREAD_MUTEX_INITIALIZER };
static struct request *parked[4096];
static size_t n_parked;

static void park(struct request *request)
{
    lock_take(&parked_lock);
    parked[n_parked++] = request;
    lock_give(&parked_lock);
}

static void answer_leave(struct request *request)
{
    struct wire_leave_group_response response;

    wire_leave_group_response_init(&response);
    response.error_code = 77;
    request_reply(request, &response);
}

static void answer_produce(struct request *request, int64_t sum)
{
    struct wire_produce_response response;
    struct wire_produce_response_responses topic;
    struct wire_produce_response_responses_partition_responses partition;

    wire_produce_response_init(&response);
    wire_produce_response_responses_init(&topic);
    wire_produce_response_responses_partition_responses_init(&partition);
    partition.base_offset = sum;
    topic.name = BYTES("t");
    topic.partition_responses = &partition;
    topic.n_partition_responses = 1;
    response.responses = &topic;
    response.n_responses = 1;
    request_reply(request, &response);
}

static void answer_parked(struct request *request)
{
    if (request->api->key == WIRE_PRODUCE)
        answer_produce(request, *(int64_t *)request->park);
    else
        answer_leave(request);
}

size_t rig_release(void)
{
    struct request *mine[4096];
    size_t n;

    lock_take(&parked_lock);
    n = n_parked;
    memcpy(mine, parked, n * sizeof *mine);
    n_parked = 0;
    lock_give(&parked_lock);
    for (size_t i = 0; i < n; i++)
        request_post(mine[i], answer_parked);
    return n;
}

void rig_await_parked(size_t n)
{
    size_t now;

    do {
        sched_yield();
        lock_take(&parked_lock);
        now = n_parked;
        lock_give(&parked_lock);
    } while (now < n);
}

static void on_api_versions(struct request *request)
{
    struct wire_api_versions_response response;

    wire_api_versions_response_init(&response);
    if (request->version > request->api->max || request->version < 0) {
        request->version = 0;
        response.error_code = KAFKA_UNSUPPORTED_VERSION;
    } else if (request_read(request) == NULL) {
        return;
    }
    struct wire_api_versions_response_api_keys keys[2];
    for (int i = 0; i < 2; i++)
        wire_api_versions_response_api_keys_init(&keys[i]);
    keys[0].api_key = WIRE_HEARTBEAT;
    keys[0].max_version = 3;
    keys[1].api_key = WIRE_API_VERSIONS;
    keys[1].max_version = 3;
    response.api_keys = keys;
    response.n_api_keys = 2;
    request_reply(request, &response);
}

static void on_heartbeat(struct request *request)
{
    struct wire_heartbeat_request *in = request_read(request);
    struct wire_heartbeat_response response;

    if (in == NULL)
        return;
    wire_heartbeat_response_init(&response);
    response.error_code = (int16_t)in->generation_id;
    request_expect_no_hurry(request);
    request_reply(request, &response);
}

static void on_leave(struct request *request)
{
    if (request_read(request) != NULL)
        park(request);
}

static int64_t sum_of(struct bytes body)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < body.len; i++)
        sum = sum * 31 + body.at[i];
    return (int64_t)sum;
}

static void on_produce(struct request *request)
{
    struct wire_produce_request *in = request_read(request);
    int64_t sum = sum_of(request->body);

    if (in == NULL)
        return;
    switch (in->acks) {
    case 0:
        request_reply_none(request);
        break;
    case 7:
        request_close(request, "seven acks are too many");
        break;
    case 9:
        request->park = arena_take(&request->arena, sizeof sum);
        ck_assert_ptr_nonnull(request->park);
        *(int64_t *)request->park = sum;
        request_drop_frame(request);
        park(request);
        break;
    default:
        answer_produce(request, sum);
    }
}

static void on_fetch(struct request *request)
{
    struct wire_fetch_request *in = request_read(request);
    struct wire_fetch_response response;
    struct wire_fetch_response_responses topic;
    struct wire_fetch_response_responses_partitions *parts;

    if (in == NULL)
        return;
    size_t n = (size_t)in->session_id * 2;
    parts = arena_array(&request->arena, n, sizeof *parts);
    ck_assert_ptr_nonnull(parts);
    for (size_t i = 0; i < n; i++) {
        wire_fetch_response_responses_partitions_init(&parts[i]);
        parts[i].partition_index = (int32_t)i;
        parts[i].records.file = file_ref();
        parts[i].records.position = i % 2 ? 1000 : 0;
        parts[i].records.length = i % 2 ? RIG_FILE - 1000 : 5;
    }
    wire_fetch_response_init(&response);
    wire_fetch_response_responses_init(&topic);
    topic.topic = BYTES("t");
    topic.partitions = parts;
    topic.n_partitions = n;
    response.responses = &topic;
    response.n_responses = 1;
    request_reply(request, &response);
}

static api_fn *handler_of(int16_t key)
{
    switch (key) {
    case WIRE_API_VERSIONS:
        return on_api_versions;
    case WIRE_HEARTBEAT:
        return on_heartbeat;
    case WIRE_LEAVE_GROUP:
        return on_leave;
    case WIRE_PRODUCE:
        return on_produce;
    case WIRE_FETCH:
        return on_fetch;
    default:
        return NULL;
    }
}

/* -- life ----------------------------------------------------------------- */

static size_t descriptors_before;

void rig_init(struct rig *rig)
{
    *rig = (struct rig){ .net = NULL };
    rig->listener =
        (struct listener){ .name = "PLAINTEXT", .host = "127.0.0.1" };
    rig->config = (struct net_config){
        .listeners = &rig->listener,
        .n_listeners = 1,
        .reactors = 2,
        .request_max_bytes = 100 * 1024 * 1024,
        .send_buffer = -1,
        .receive_buffer = -1,
        .idle_us = 600 * 1000000ll,
        .quota = NET_UNLIMITED,
        .memory_budget = 256 * 1024 * 1024,
        .handler = handler_of,
    };
}

void rig_start(struct rig *rig)
{
    struct errmsg why = { "" };
    enum err err;

    descriptors_before = open_descriptors();
    file_make();
    err = net_start(&rig->net, NULL, &rig->config, &why);
    ck_assert_msg(err == ERR_OK, "%s", why.text);
    rig->port = net_port(rig->net, 0);
    rig->listener.port = rig->port;
    ck_assert_int_gt(rig->port, 0);
    net_accept(rig->net);
}

void rig_stop(struct rig *rig)
{
    net_stop(&rig->net, 5000);
    ck_assert_ptr_null(rig->net);
    seg_files_free(&files);
    unlink(file_path);
    ck_assert_uint_eq(n_parked, 0);
    ck_assert_uint_eq(open_descriptors(), descriptors_before);
}

void rig_await_connections(struct rig *rig, size_t n)
{
    while (net_connections(rig->net) != n)
        sched_yield();
}

/* -- client --------------------------------------------------------------- */

int rig_connect(struct rig *rig)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)rig->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void rig_send(int fd, const void *at, size_t n)
{
    const uint8_t *p = at;

    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        ck_assert_int_gt(k, 0);
        p += k;
        n -= (size_t)k;
    }
}

bool rig_recv(int fd, void *at, size_t n)
{
    uint8_t *p = at;

    while (n > 0) {
        ssize_t k = recv(fd, p, n, 0);

        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

bool rig_is_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, 0) <= 0;
}

uint8_t *rig_frame(int16_t key, int16_t version, int32_t correlation_id,
                   const void *request, size_t *len)
{
    int16_t header = wire_request_header_version(key, version);
    struct wr w;

    wr_init(&w, SIZE_MAX);
    wr_i32(&w, 0);
    wr_i16(&w, key);
    wr_i16(&w, version);
    wr_i32(&w, correlation_id);
    if (header >= 1)
        wr_string(&w, false, BYTES("rig"));
    if (header >= 2)
        wr_uvarint(&w, 0);
    wire_api_find(key)->request.write(&w, version, request);
    ck_assert_err(w.err, ERR_OK);
    wr_patch_i32(&w, 0, (int32_t)w.len - 4);
    *len = w.len;
    return w.data;
}

void rig_send_request(int fd, int16_t key, int16_t version,
                      int32_t correlation_id, const void *request)
{
    size_t len;
    uint8_t *frame = rig_frame(key, version, correlation_id, request, &len);

    rig_send(fd, frame, len);
    mem_free(frame);
}

const void *rig_recv_response(int fd, int16_t key, int16_t version,
                              int32_t correlation_id, struct arena *arena)
{
    const struct wire_message *message = &wire_api_find(key)->response;
    void *out = arena_take(arena, message->size);
    uint8_t *frame;
    uint32_t be;
    struct rd r;

    ck_assert(rig_recv(fd, &be, 4));
    frame = arena_take(arena, be32toh(be));
    ck_assert_ptr_nonnull(frame);
    ck_assert(rig_recv(fd, frame, be32toh(be)));
    r = rd_make(bytes_make(frame, be32toh(be)));
    ck_assert_int_eq(rd_i32(&r), correlation_id);
    if (wire_response_header_version(key, version) >= 1)
        rd_skip_tags(&r);
    ck_assert_err(message->read(&r, version, arena, out), ERR_OK);
    ck_assert_uint_eq(r.left, 0);
    return out;
}

void rig_send_heartbeat(int fd, int32_t n)
{
    struct wire_heartbeat_request request;

    wire_heartbeat_request_init(&request);
    request.group_id = BYTES("group");
    request.member_id = BYTES("member");
    request.generation_id = n;
    rig_send_request(fd, WIRE_HEARTBEAT, 4, n, &request);
}

void rig_recv_heartbeat(int fd, int32_t n)
{
    const struct wire_heartbeat_response *response;
    struct arena arena;

    arena_init(&arena, 4096);
    response = rig_recv_response(fd, WIRE_HEARTBEAT, 4, n, &arena);
    ck_assert_int_eq(response->error_code, (int16_t)n);
    arena_fini(&arena);
}

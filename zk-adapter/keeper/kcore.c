/* kcore.c - frames, replies, gates and batches; see kcore.h. */
#include "keeper/kcore.h"

#include <assert.h>
#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/diag.h"
#include "keeper/kahead.h"

static bool random_bytes(void *out, size_t len)
{
    assert(len < INT_MAX);
    return RAND_bytes(out, (int)len) == 1;
}

void kcore_init(struct kcore *core, const struct keeper_config *config,
                int64_t now_ms, int64_t wall_ms)
{
    *core = (struct kcore){
        .config = config,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .started_ms = now_ms,
        .batch_open = 1,
        .containers_due_ms = now_ms + config->container_check_ms,
        .schemes = { config->provider_sasl, config->provider_x509,
                     config->sasl_any },
        .random = random_bytes,
    };
    ktree_init(&core->tree);
    ksessions_init(&core->sessions, config->tick_time_ms, now_ms, now_ms);
    kwatches_init(&core->watches);
    list_init(&core->peers);
    list_init(&core->dirty);
    list_init(&core->gated);
    arena_init(&core->arena, K_ARENA_MOST);
    wr_init(&core->log, INT32_MAX);
    core->trace_mask = 306; /* ZooTrace's default */
    core->stats.response_last = -1;
    core->stats.response_min = -1;
    core->stats.response_max = -1;
}

void kcore_fini(struct kcore *core)
{
    assert(list_is_empty(&core->peers));
    ktree_fini(&core->tree);
    ksessions_fini(&core->sessions);
    kwatches_fini(&core->watches);
    ksasl_free(&core->sasl);
    arena_fini(&core->arena);
    wr_fini(&core->log);
}

void kpeer_init(struct kcore *core, struct kpeer *peer, struct bytes ip,
                const char *address)
{
    *peer = (struct kpeer){ .since_ms = core->now_ms,
                            .since_wall_ms = core->wall_ms };
    list_init(&peer->dirty);
    list_init(&peer->gated);
    list_append(&core->peers, &peer->link);
    wr_init(&peer->out, K_OUT_MOST);
    kwatcher_init(&peer->watcher);
    kids_init(&peer->ids);
    peer->ids.schemes = &core->schemes;
    err_ignore(kids_add(&peer->ids, BYTES("ip"), ip), "the first one fits");
    strncpy(peer->address, address, sizeof peer->address - 1);
    kpeer_stats_reset(peer);
    core->n_peers++;
}

void kpeer_stats_reset(struct kpeer *peer)
{
    peer->stats = (struct kpeer_stats){ .last_cxid = -1, .last_zxid = -1 };
}

/* The provider for Prometheus never lets its counters fall. */
void kcore_stats_reset(struct kcore *core)
{
    core->stats = (struct kcore_stats){ .response_last = -1,
                                        .response_min = -1,
                                        .response_max = -1 };
    if (!core->config->prometheus)
        memset(&core->metrics, 0, sizeof core->metrics);
}

void kpeer_fini(struct kcore *core, struct kpeer *peer)
{
    if (peer->session != NULL && peer->session->peer == peer)
        peer->session->peer = NULL;
    kwatcher_fini(&core->watches, &peer->watcher);
    kids_fini(&peer->ids);
    mem_free(peer->sasl);
    peer->sasl = NULL;
    list_remove(&peer->link);
    core->n_peers--;
    list_remove(&peer->dirty);
    list_remove(&peer->gated);
    wr_fini(&peer->out);
}

void kpeer_end(struct kcore *core, struct kpeer *peer, enum kpeer_close how)
{
    if (how > peer->close)
        peer->close = how;
    if (list_is_empty(&peer->dirty))
        list_append(&core->dirty, &peer->dirty);
}

/* -- output ---------------------------------------------------------------- */

void kpeer_gate(struct kcore *core, struct kpeer *peer, int64_t zxid)
{
    uint64_t batch;

    if (zxid > peer->shown_zxid)
        peer->shown_zxid = zxid;
    if (zxid <= core->durable_zxid)
        return;
    batch =
        zxid <= core->syncing_zxid ? core->batch_done + 1 : core->batch_open;
    if (peer->n_gates > 0 && peer->gates[peer->n_gates - 1].batch >= batch)
        return;
    assert(peer->n_gates < 2);
    peer->gates[peer->n_gates++] = (struct kgate){ .batch = batch,
                                                   .at = peer->out.len,
                                                   .since_ms = core->now_ms };
    if (list_is_empty(&peer->gated))
        list_append(&core->gated, &peer->gated);
}

static void out_failed(struct kcore *core, struct kpeer *peer)
{
    DIAG_SELDOM(DIAG_WARN, "event=keeper_output_limit peer=%s bytes=%zu",
                peer->address, kpeer_unsent(peer));
    kmetric_count(&core->metrics, KM_connection_drop_count, 1);
    kpeer_end(core, peer, KPEER_DEAD);
}

size_t kframe_begin(struct kpeer *peer, int32_t xid, int64_t zxid,
                    enum kcode code)
{
    size_t frame = peer->out.len;
    uint8_t *p = wr_room(&peer->out, 20);

    if (p != NULL) {
        uint32_t be_xid = htobe32((uint32_t)xid);
        uint64_t be_zxid = htobe64((uint64_t)zxid);
        uint32_t be_code = htobe32((uint32_t)code);

        memcpy(p + 4, &be_xid, 4);
        memcpy(p + 8, &be_zxid, 8);
        memcpy(p + 16, &be_code, 4);
    }
    return frame;
}

size_t kreply_begin(struct kcore *core, struct kpeer *peer, int32_t xid,
                    int64_t zxid, enum kcode code)
{
    kpeer_gate(core, peer, zxid);
    if (core->durable_zxid > peer->shown_zxid)
        peer->shown_zxid = core->durable_zxid;
    return kframe_begin(peer, xid, peer->shown_zxid, code);
}

static void count_response(struct kcore *core, size_t len)
{
    struct kcore_stats *stats = &core->stats;
    int64_t size = (int64_t)len - 4;

    kmetric_count(&core->metrics, KM_response_bytes, len);
    stats->response_last = size;
    if (size > stats->response_max)
        stats->response_max = size;
    if (size < stats->response_min || stats->response_min < 0)
        stats->response_min = size;
}

void kreply_end(struct kcore *core, struct kpeer *peer, size_t frame)
{
    if (peer->out.err != ERR_OK) {
        out_failed(core, peer);
        return;
    }
    count_response(core, peer->out.len - frame);
    wr_patch_i32(&peer->out, frame, (int32_t)(peer->out.len - frame - 4));
    peer->stats.sent++;
    peer->stats.last_zxid = peer->shown_zxid;
    peer->stats.last_response_ms = core->now_ms;
    core->stats.sent++;
    if (list_is_empty(&peer->dirty))
        list_append(&core->dirty, &peer->dirty);
}

void kreply_error(struct kcore *core, struct kpeer *peer, int32_t xid,
                  int64_t zxid, enum kcode code)
{
    kreply_end(core, peer, kreply_begin(core, peer, xid, zxid, code));
}

struct bytes kpeer_sendable(const struct kpeer *peer)
{
    size_t end = peer->n_gates ? peer->gates[0].at : peer->out.len;

    if (end == peer->sent)
        return bytes_make("", 0);
    return bytes_make(peer->out.data + peer->sent, end - peer->sent);
}

void kpeer_sent(struct kpeer *peer, size_t n)
{
    struct wr *out = &peer->out;

    peer->sent += n;
    assert(peer->sent <= out->len);
    if (peer->sent == out->len && peer->n_gates == 0) {
        peer->sent = 0;
        out->len = 0;
        if (out->size > 4096)
            wr_fini(out);
    } else if (peer->sent > (64u << 10) && peer->sent > out->len / 2) {
        memmove(out->data, out->data + peer->sent, out->len - peer->sent);
        out->len -= peer->sent;
        for (unsigned i = 0; i < peer->n_gates; i++)
            peer->gates[i].at -= peer->sent;
        peer->sent = 0;
    }
}

/* -- log batches ----------------------------------------------------------- */

enum { RECORD_FRONT = 12 }; /* checksum and length */

size_t krecord_begin(struct kcore *core, int64_t client, int32_t cxid,
                     int32_t type)
{
    size_t record = core->log.len;
    uint8_t front[RECORD_FRONT] = { 0 };

    wr_raw(&core->log, front, sizeof front);
    wr_i64(&core->log, client);
    wr_i32(&core->log, cxid);
    wr_i64(&core->log, core->zxid + 1);
    wr_i64(&core->log, core->wall_ms);
    wr_i32(&core->log, type);
    return record;
}

void krecord_cut(struct kcore *core, size_t record)
{
    assert(record <= core->log.len);
    core->log.len = record;
}

void krecord_end(struct kcore *core, size_t record)
{
    struct wr *log = &core->log;

    if (log->err != ERR_OK) {
        /* The change is applied, but can be neither logged nor answered. */
        diag_error("event=keeper_out_of_memory bytes=%zu remedy=\"give the "
                   "process more memory\"",
                   log->len);
        abort();
    }
    size_t len = log->len - record - RECORD_FRONT;
    uint64_t sum =
        htobe64(isal_adler32(1, log->data + record + RECORD_FRONT, len));
    memcpy(log->data + record, &sum, 8);
    wr_patch_i32(log, record + 8, (int32_t)len);
    wr_u8(log, 0x42);
    core->zxid++;
    core->records++;
    core->record_bytes += len + RECORD_FRONT + 1;
    core->batch_records++;
    if (len > K_RECORD_SNAP)
        core->want_snapshot = true;
}

bool kcore_take_batch(struct kcore *core, struct wr *records)
{
    if (core->log.len == 0 || core->batch_open != core->batch_done + 1)
        return false;
    assert(records->len == 0);
    struct wr old = *records;
    *records = core->log;
    core->log = old;
    core->log.limit = INT32_MAX;
    core->syncing_zxid = core->zxid;
    core->syncing_records = core->batch_records;
    core->batch_open++;
    core->batch_records = 0;
    return true;
}

/* `n` requests of a peer were answered `ms` after they came. */
static void count_latency(struct kcore *core, struct kpeer *peer, int64_t ms,
                          uint32_t n_reads, uint32_t n_writes)
{
    struct kcore_stats *stats = &core->stats;
    struct kpeer_stats *own = &peer->stats;
    uint64_t n = (uint64_t)n_reads + n_writes;

    if (n == 0)
        return;
    own->latency_last_ms = ms;
    if (own->latency_n == 0 || ms < own->latency_min_ms)
        own->latency_min_ms = ms;
    if (ms > own->latency_max_ms)
        own->latency_max_ms = ms;
    own->latency_n += n;
    own->latency_sum_ms += (uint64_t)ms * n;
    if (stats->latency_n == 0 || ms < stats->latency_min_ms)
        stats->latency_min_ms = ms;
    if (ms > stats->latency_max_ms)
        stats->latency_max_ms = ms;
    stats->latency_n += n;
    stats->latency_sum_ms += (uint64_t)ms * n;
    kmetric_add(&core->metrics, KM_readlatency, ms, n_reads);
    kmetric_add(&core->metrics, KM_updatelatency, ms, n_writes);
    kmetric_add(&core->metrics, KM_propagation_latency, ms, n_writes);
}

static void count_request(struct kcore *core, struct kpeer *peer, bool write)
{
    if (peer->n_gates == 0) {
        count_latency(core, peer, 0, !write, write);
        return;
    }
    struct kgate *gate = &peer->gates[peer->n_gates - 1];
    gate->n_reads += !write;
    gate->n_writes += write;
}

void kcore_durable(struct kcore *core)
{
    assert(core->batch_open == core->batch_done + 2);
    kmetric_add(&core->metrics, KM_sync_processor_batch_size,
                (int64_t)core->syncing_records, 1);
    core->batch_done++;
    core->durable_zxid = core->syncing_zxid;
    LIST_EACH(link, &core->gated) {
        struct kpeer *peer = CONTAINER_OF(link, struct kpeer, gated);

        if (peer->gates[0].batch > core->batch_done)
            continue;
        count_latency(core, peer, core->now_ms - peer->gates[0].since_ms,
                      peer->gates[0].n_reads, peer->gates[0].n_writes);
        peer->gates[0] = peer->gates[1];
        if (--peer->n_gates == 0)
            list_remove(&peer->gated);
        if (list_is_empty(&peer->dirty))
            list_append(&core->dirty, &peer->dirty);
    }
}

/* -- input ----------------------------------------------------------------- */

static void request_handle(struct kreq *req)
{
    switch ((enum kopcode)req->type) {
    case KOP_EXISTS:
    case KOP_GET_DATA:
    case KOP_GET_ACL:
    case KOP_GET_CHILDREN:
    case KOP_GET_CHILDREN2:
    case KOP_SYNC:
    case KOP_PING:
    case KOP_GET_EPHEMERALS:
    case KOP_GET_ALL_CHILDREN_NUMBER:
    case KOP_WHO_AM_I:
        kread_handle(req);
        return;
    case KOP_CREATE:
    case KOP_CREATE2:
    case KOP_CREATE_CONTAINER:
    case KOP_CREATE_TTL:
    case KOP_DELETE:
    case KOP_SET_DATA:
    case KOP_SET_ACL:
    case KOP_RECONFIG:
    case KOP_CLOSE_SESSION:
        kwrite_handle(req);
        return;
    case KOP_MULTI:
        kmulti_handle(req);
        return;
    case KOP_MULTI_READ:
        kmulti_read_handle(req);
        return;
    case KOP_SET_WATCHES:
    case KOP_SET_WATCHES2:
    case KOP_ADD_WATCH:
    case KOP_CHECK_WATCHES:
    case KOP_REMOVE_WATCHES:
        kwatch_handle(req);
        return;
    case KOP_AUTH:
    case KOP_SASL:
        kauth_handle(req);
        return;
    case KOP_CHECK:
    case KOP_DELETE_CONTAINER:
    case KOP_CREATE_SESSION:
    case KOP_ERROR:
        break;
    }
    kreply_end(req->core, req->peer,
               kframe_begin(req->peer, req->xid, -1, K_UNIMPLEMENTED));
    kpeer_end(req->core, req->peer, KPEER_LAST);
}

static bool is_write(int32_t type)
{
    switch (type) {
    case KOP_CREATE:
    case KOP_DELETE:
    case KOP_SET_DATA:
    case KOP_SET_ACL:
    case KOP_MULTI:
    case KOP_CREATE2:
    case KOP_RECONFIG:
    case KOP_CREATE_CONTAINER:
    case KOP_CREATE_TTL:
    case KOP_CLOSE_SESSION:
        return true;
    default:
        return false;
    }
}

static void frame_handle(struct kcore *core, struct kpeer *peer,
                         struct bytes frame)
{
    struct kreq req = { .core = core, .peer = peer, .rd = rd_make(frame) };

    peer->stats.received++;
    core->stats.received++;
    kmetric_count(&core->metrics, KM_bytes_received_count, frame.len + 4);
    if (!peer->hello) {
        kmetric_count(&core->metrics, KM_connection_request_count, 1);
        kconnect_handle(core, peer, frame);
        count_request(core, peer, true);
        return;
    }
    req.xid = rd_i32(&req.rd);
    req.type = rd_i32(&req.rd);
    if (req.rd.err != ERR_OK) {
        kpeer_end(core, peer, KPEER_DEAD);
        return;
    }
    peer->stats.last_op = req.type;
    if (req.xid >= 0)
        peer->stats.last_cxid = req.xid;
    if (req.type != KOP_AUTH && req.type != KOP_SASL)
        ksession_touch(&core->sessions, peer->session, core->now_ms);
    if (peer->known || kauth_enforce(&req)) {
        request_handle(&req);
        count_request(core, peer, is_write(req.type));
    }
    if (core->arena.chunks != NULL)
        arena_reset(&core->arena);
}

/* The longest frame that may start like this; op 101 and 105 carry every watch
 * of a client in one frame, and refusing it would lock the C client out. */
static size_t frame_most(const struct kcore *core, const struct kpeer *peer,
                         struct bytes in)
{
    size_t most = (size_t)core->config->jute_max_buffer;

    if (peer->hello && in.len >= 12) {
        struct rd r = rd_make(bytes_make(in.at + 8, 4));
        int32_t type = rd_i32(&r);

        if ((type == KOP_SET_WATCHES || type == KOP_SET_WATCHES2) &&
            most < K_SET_WATCHES_MOST)
            most = K_SET_WATCHES_MOST;
    }
    return most;
}

/* True: it was a word, answered or with its argument still to come. */
static bool word_handle(struct kcore *core, struct kpeer *peer, struct bytes in,
                        size_t *need)
{
    struct bytes answer;
    size_t more = 0;

    if (core->word == NULL)
        return false;
    peer->stats.received++;
    answer = core->word(core, peer, in, &core->arena, &more);
    if (bytes_is_null(answer)) {
        peer->stats.received--;
    } else {
        core->stats.received++;
        core->stats.sent++;
        kmetric_count(&core->metrics, KM_bytes_received_count, 4);
        wr_raw(&peer->out, answer.at, answer.len);
        kpeer_end(core, peer,
                  peer->out.err == ERR_OK ? KPEER_LAST : KPEER_DEAD);
    }
    arena_reset(&core->arena);
    if (more > in.len)
        *need = more;
    return peer->close != KPEER_OPEN || more > in.len;
}

/* How long the frame at the start of `in` is, with its length word; 0 when that
 * is not known yet or the peer was ended. */
static size_t frame_len(struct kcore *core, struct kpeer *peer, struct bytes in,
                        size_t *need)
{
    struct rd r = rd_make(in);
    uint32_t len;

    *need = 4;
    if (in.len < 4)
        return 0;
    len = rd_u32(&r);
    if (len > (uint32_t)core->config->jute_max_buffer) {
        if (!peer->hello && word_handle(core, peer, in, need))
            return 0;
        if (peer->hello && in.len < 12 && len <= K_SET_WATCHES_MOST) {
            *need = 12;
            return 0;
        }
    }
    if (len > frame_most(core, peer, in)) {
        DIAG_SELDOM(DIAG_WARN,
                    "event=keeper_frame_refused peer=%s bytes=%u "
                    "limit=%d",
                    peer->address, len, core->config->jute_max_buffer);
        kmetric_count(&core->metrics, KM_connection_drop_count, 1);
        kpeer_end(core, peer, KPEER_DEAD);
        return 0;
    }
    *need = 4 + (size_t)len;
    return *need;
}

size_t kcore_feed(struct kcore *core, struct kpeer *peer, struct bytes in,
                  size_t *need)
{
    /* Length, xid, type; most types go on with a path. */
    static const struct kahead_form form = { 0, 4, 12 };
    struct kahead ahead;
    size_t done = 0;

    peer->paused = false;
    *need = 4;
    if (in.len == 0)
        return 0;
    kahead_start(&ahead, &form, 0);
    kahead_look(&ahead, &core->tree, in);
    kahead_look(&ahead, &core->tree, in);
    while (peer->close == KPEER_OPEN) {
        struct bytes rest = bytes_make(in.at + done, in.len - done);

        if (core->hold || kpeer_unsent(peer) > K_OUT_PAUSE ||
            core->log.len > K_BATCH_PAUSE) {
            peer->paused = true;
            break;
        }
        size_t len = frame_len(core, peer, rest, need);
        if (len == 0 || len > rest.len)
            break;
        if (len < rest.len)
            kahead_look(&ahead, &core->tree, in);
        frame_handle(core, peer, bytes_make(rest.at + 4, len - 4));
        done += len;
    }
    return done;
}

/* api_list_offsets.c - ListOffsets: first, last, by time, largest time.
 *
 * First and last are answered here at once; a timestamp has to be looked for in
 * indexes and batches, and version 0 asks for the age of files: in the pool. */
#include "api/api_table.h"
#include "api/offload.h"
#include "base/clock.h"
#include "broker.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_list_offsets.h"

typedef struct wire_list_offsets_request request_in;
typedef struct wire_list_offsets_response response_out;
typedef struct wire_list_offsets_request_topics topic_in;
typedef struct wire_list_offsets_request_topics_partitions partition_in;
typedef struct wire_list_offsets_response_topics topic_out;
typedef struct wire_list_offsets_response_topics_partitions partition_out;

enum {
    LATEST = -1,
    EARLIEST = -2,
    MAX_TIMESTAMP = -3,
    EARLIEST_LOCAL = -4,
};

enum { CONSUMER = -1, DEBUGGER = -2 };

static bool is_quick(int64_t timestamp)
{
    return timestamp == LATEST || timestamp == EARLIEST ||
           timestamp == EARLIEST_LOCAL;
}

static int16_t error_of(enum err err)
{
    return err == ERR_IO || err == ERR_CLOSED ? KAFKA_KAFKA_STORAGE_ERROR
                                              : KAFKA_UNKNOWN_SERVER_ERROR;
}

/* Where the asker's world ends: followers see all that is written. */
static int64_t last_of(const request_in *in, const struct partition_view *view)
{
    if (in->replica_id != CONSUMER)
        return view->log_end;
    return in->isolation_level == 1 ? view->last_stable : view->high_watermark;
}

/* After an election the high watermark may lag behind what was acknowledged;
 * until it has passed the epoch's start, consumers are told to come again. */
static int16_t lags(const struct request *request, const request_in *in,
                    const struct partition_view *view)
{
    if (in->replica_id != CONSUMER || view->epoch_start < 0 ||
        view->epoch_start <= view->high_watermark)
        return KAFKA_NONE;
    return request->version >= 5 ? KAFKA_OFFSET_NOT_AVAILABLE
                                 : KAFKA_LEADER_NOT_AVAILABLE;
}

static enum err find(struct log *log, int64_t timestamp, struct log_offset *out)
{
    struct errmsg why = { "" };

    return timestamp == MAX_TIMESTAMP
               ? log_offset_max_time(log, out, &why)
               : log_offset_by_time(log, timestamp, out, &why);
}

static void answer_entered(const struct request *request, const request_in *in,
                           const partition_in *p,
                           const struct partition_view *view,
                           partition_out *out)
{
    struct log_offset found = { view->log_start, LOG_NO_TIMESTAMP, -1 };
    int16_t lag = lags(request, in, view);
    int64_t last = last_of(in, view);
    enum err err;

    if (p->timestamp == LATEST) {
        out->error_code = lag;
        if (lag != KAFKA_NONE)
            return;
        found.offset = last;
        found.leader_epoch = view->leader_epoch;
    } else if (p->timestamp == EARLIEST || p->timestamp == EARLIEST_LOCAL) {
        found.leader_epoch = log_epoch_at(view->log, view->log_start);
    } else {
        err = find(view->log, p->timestamp, &found);
        if (err != ERR_OK) {
            out->error_code = error_of(err);
            return;
        }
        if (found.offset == LOG_NO_OFFSET || found.offset >= last) {
            out->error_code = lag;
            return;
        }
    }
    out->timestamp = found.timestamp;
    out->offset = found.offset;
    out->leader_epoch = found.leader_epoch;
}

/* -- version 0
 * --------------------------------------------------------------------- */

/* Where a segment begins, and how old its file is; the log's end comes last
 * when the active segment holds anything. */
struct mark {
    int64_t offset;
    int64_t modified_ms;
};

static enum err marks_of(struct request *request,
                         const struct partition_view *view, struct mark **marks,
                         size_t *n)
{
    struct log_segment_fact *facts;
    struct errmsg why = { "" };
    int64_t now = clock_wall_ms();
    size_t n_facts;
    enum err err =
        log_segment_facts(view->log, &request->arena, &facts, &n_facts, &why);

    *n = 0;
    if (err != ERR_OK)
        return err;
    *marks = arena_array(&request->arena, n_facts + 1, sizeof **marks);
    if (!*marks)
        return request->arena.err;
    for (size_t i = 0; i < n_facts; i++)
        (*marks)[(*n)++] = (struct mark){
            facts[i].base > view->log_start ? facts[i].base : view->log_start,
            facts[i].modified_ms > 0 ? facts[i].modified_ms : now,
        };
    if (n_facts > 0 && facts[n_facts - 1].bytes > 0)
        (*marks)[(*n)++] = (struct mark){ view->log_end, now };
    return ERR_OK;
}

/* Count of leading marks that are not younger than what is asked for. */
static size_t marks_until(const struct mark *marks, size_t n, int64_t timestamp)
{
    if (timestamp == LATEST)
        return n;
    if (timestamp == EARLIEST || timestamp == EARLIEST_LOCAL)
        return n > 0;
    while (n > 0 && marks[n - 1].modified_ms > timestamp)
        n--;
    return n;
}

/* Version 0 lists where segments begin, newest first; consumers see nothing
 * beyond the high watermark, which then stands for all that is. */
static void answer_old_style(struct request *request, const request_in *in,
                             const partition_in *p,
                             const struct partition_view *view,
                             partition_out *out)
{
    int64_t high =
        in->replica_id == CONSUMER ? view->high_watermark : INT64_MAX;
    size_t n, most, first = 0;
    struct mark *marks;
    enum err err = marks_of(request, view, &marks, &n);

    if (err != ERR_OK) {
        out->error_code = error_of(err);
        return;
    }
    if (p->max_num_offsets < 0) { /* Kafka has no better word for it either */
        out->error_code = KAFKA_UNKNOWN_SERVER_ERROR;
        return;
    }
    n = marks_until(marks, n, p->timestamp);
    most = (size_t)p->max_num_offsets < n ? (size_t)p->max_num_offsets : n;
    out->old_style_offsets =
        arena_array(&request->arena, most + 1, sizeof *out->old_style_offsets);
    if (!out->old_style_offsets)
        return;
    while (first < most && marks[n - 1 - first].offset > high)
        first++;
    if (first > 0)
        out->old_style_offsets[out->n_old_style_offsets++] = high;
    for (size_t i = first; i < most; i++)
        out->old_style_offsets[out->n_old_style_offsets++] =
            marks[n - 1 - i].offset;
}

static void answer(struct request *request, const request_in *in,
                   struct bytes topic, const partition_in *p,
                   partition_out *out)
{
    struct partition_view view;
    struct partition *partition;

    wire_list_offsets_response_topics_partitions_init(out);
    out->partition_index = p->partition_index;
    out->error_code = replicas_get(request->broker->replicas, topic,
                                   p->partition_index, &partition);
    if (!partition)
        return;
    out->error_code = partition_enter(partition, p->current_leader_epoch,
                                      in->replica_id != DEBUGGER, &view);
    if (out->error_code == KAFKA_NONE) {
        if (request->version == 0)
            answer_old_style(request, in, p, &view, out);
        else
            answer_entered(request, in, p, &view, out);
        partition_leave(partition);
    }
    partition_unref(&partition);
}

static bool is_twice(const request_in *in, const topic_in *topic,
                     const partition_in *p)
{
    for (size_t i = 0; i < in->n_topics; i++) {
        const topic_in *t = &in->topics[i];

        if (t != topic && !bytes_equal(t->name, topic->name))
            continue;
        for (size_t j = 0; j < t->n_partitions; j++)
            if (&t->partitions[j] != p &&
                t->partitions[j].partition_index == p->partition_index)
                return true;
    }
    return false;
}

/* Comparing each with each is for requests of usual size; more partitions than
 * this are looked through within their topic only by who sends them sorted. */
enum { TWICE_MOST = 512 };

static size_t count(const request_in *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->n_topics; i++)
        n += in->topics[i].n_partitions;
    return n;
}

static void work(struct request *request, const void *message, void *response)
{
    const request_in *in = message;
    response_out *out = response;
    struct arena *arena = &request->arena;
    bool check = request->version > 0 && count(in) <= TWICE_MOST;

    out->topics = arena_array(arena, in->n_topics, sizeof *out->topics);
    for (size_t i = 0; out->topics && i < in->n_topics; i++) {
        const topic_in *t = &in->topics[i];
        topic_out *to = &out->topics[out->n_topics++];

        to->name = t->name;
        to->partitions =
            arena_array(arena, t->n_partitions, sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < t->n_partitions; j++) {
            partition_out *p = &to->partitions[to->n_partitions++];

            answer(request, in, t->name, &t->partitions[j], p);
            if (check && is_twice(in, t, &t->partitions[j])) {
                wire_list_offsets_response_topics_partitions_init(p);
                p->partition_index = t->partitions[j].partition_index;
                p->error_code = KAFKA_INVALID_REQUEST;
            }
        }
    }
}

void api_list_offsets(struct request *request)
{
    const request_in *in = request_read(request);
    response_out out;

    if (!in)
        return;
    for (size_t i = 0; i < in->n_topics; i++)
        for (size_t j = 0; j < in->topics[i].n_partitions; j++)
            if (request->version == 0 ||
                !is_quick(in->topics[i].partitions[j].timestamp)) {
                offload_decoded(request, in, work);
                return;
            }
    wire_list_offsets_response_init(&out);
    work(request, in, &out);
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}

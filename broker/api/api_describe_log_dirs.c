/* api_describe_log_dirs.c - what lies in which directory, and how large it is.
 */
#include <stdlib.h>

#include "api/api_table.h"
#include "api/offload.h"
#include "broker.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_describe_log_dirs.h"

typedef struct wire_describe_log_dirs_request request_in;
typedef struct wire_describe_log_dirs_response response_out;
typedef struct wire_describe_log_dirs_response_results dir_out;
typedef struct wire_describe_log_dirs_response_results_topics topic_out;
typedef struct wire_describe_log_dirs_response_results_topics_partitions
    partition_out;

/* One log, as it is now. */
struct fact {
    struct bytes topic; /* in the arena */
    int32_t index;
    const struct log_dir *dir;
    int64_t size;
    int64_t lag;
};

static int fact_compare(const void *a, const void *b)
{
    const struct fact *x = a, *y = b;
    int c = bytes_compare(x->topic, y->topic);

    return c ? c : (x->index > y->index) - (x->index < y->index);
}

static int int_compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

/* Indexes asked for, sorted in place once, so that many can be looked up. */
static void sort_request(const request_in *in)
{
    for (size_t i = 0; i < in->n_topics; i++)
        if (in->topics[i].n_partitions > 1)
            qsort(in->topics[i].partitions, in->topics[i].n_partitions,
                  sizeof *in->topics[i].partitions, int_compare);
}

static bool is_asked(const request_in *in, struct bytes topic, int32_t index)
{
    if (in->topics_null)
        return true;
    for (size_t i = 0; i < in->n_topics; i++)
        if (bytes_equal(in->topics[i].topic, topic) &&
            in->topics[i].n_partitions > 0 &&
            bsearch(&index, in->topics[i].partitions,
                    in->topics[i].n_partitions, sizeof index, int_compare))
            return true;
    return false;
}

/* Logs count, whether hosted by now or only found at start; those have no lag
 * to tell. */
static bool look(struct partition *p, struct arena *arena, struct fact *fact)
{
    struct log *log = partition_use_log(p);

    if (!log)
        return false;
    fact->topic = arena_copy(arena, partition_topic(p));
    fact->index = p->index;
    fact->dir = log_dir_of(log);
    fact->size = log_size(log);
    fact->lag = log_high_watermark(log) - log_end_offset(log);
    if (fact->lag < 0)
        fact->lag = 0;
    partition_leave(p);
    return true;
}

static size_t collect(struct request *request, const request_in *in,
                      struct fact **facts)
{
    struct partition **all;
    size_t n, found = 0;

    replicas_all(request->broker->replicas, &all, &n);
    *facts = arena_array(&request->arena, n, sizeof **facts);
    for (size_t i = 0; i < n; i++) {
        if (*facts && is_asked(in, partition_topic(all[i]), all[i]->index) &&
            look(all[i], &request->arena, &(*facts)[found]))
            found++;
        partition_unref(&all[i]);
    }
    mem_free(all);
    if (found > 1)
        qsort(*facts, found, sizeof **facts, fact_compare);
    return found;
}

static void fill_topics(struct arena *arena, const struct log_dir *dir,
                        const struct fact *facts, size_t n, dir_out *out)
{
    partition_out *partitions;
    topic_out *topic = NULL;
    size_t here = 0;

    for (size_t i = 0; i < n; i++)
        here += facts[i].dir == dir;
    partitions = arena_array(arena, here, sizeof *partitions);
    out->topics = arena_array(arena, here, sizeof *out->topics);
    if (!partitions || !out->topics)
        return;
    for (size_t i = 0; i < n; i++) {
        if (facts[i].dir != dir)
            continue;
        if (!topic || !bytes_equal(topic->name, facts[i].topic)) {
            topic = &out->topics[out->n_topics++];
            topic->name = facts[i].topic;
            topic->partitions = partitions;
        }
        partitions->partition_index = facts[i].index;
        partitions->partition_size = facts[i].size;
        partitions->offset_lag = facts[i].lag;
        partitions++;
        topic->n_partitions++;
    }
}

static void fill_dir(struct arena *arena, const struct log_dir *dir,
                     const struct fact *facts, size_t n, dir_out *out)
{
    wire_describe_log_dirs_response_results_init(out);
    out->log_dir = arena_copy(arena, bytes_of(log_dir_path(dir)));
    if (log_dir_offline(dir) ||
        log_dir_space(dir, &out->total_bytes, &out->usable_bytes) != ERR_OK) {
        out->error_code = KAFKA_KAFKA_STORAGE_ERROR;
        return;
    }
    fill_topics(arena, dir, facts, n, out);
}

static void work(struct request *request, const void *message, void *response)
{
    const request_in *in = message;
    response_out *out = response;
    struct log_dir *const *dirs;
    struct fact *facts;
    size_t n, n_dirs;

    sort_request(in);
    n = collect(request, in, &facts);
    dirs = replicas_dirs(request->broker->replicas, &n_dirs);
    out->results = arena_array(&request->arena, n_dirs, sizeof *out->results);
    for (size_t i = 0; facts && out->results && i < n_dirs; i++)
        fill_dir(&request->arena, dirs[i], facts, n,
                 &out->results[out->n_results++]);
}

void api_describe_log_dirs(struct request *request)
{
    offload_to_pool(request, work);
}

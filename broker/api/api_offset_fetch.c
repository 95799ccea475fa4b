/* api_offset_fetch.c - OffsetFetch: how far groups have read.
 *
 * From version 8 on many groups at once; before, one, whose answer has the same
 * shape one level up. Version 0 asks ZooKeeper, as OffsetCommit's writes there.
 */
#include "api/api_table.h"
#include "api/zk_offsets.h"
#include "broker.h"
#include "group/group.h"
#include "wire/errors.h"
#include "wire/msg_offset_fetch.h"

typedef struct wire_offset_fetch_request request_in;
typedef struct wire_offset_fetch_response response_out;
typedef struct wire_offset_fetch_response_topics_partitions partition_out;

/* -- one group ------------------------------------------------------------ */

/* Before version 2 there is no place for an error but beside each partition. */
static void spread_error(struct arena *arena, const request_in *in,
                         int16_t error, response_out *out)
{
    out->topics = arena_array(arena, in->n_topics, sizeof *out->topics);
    for (size_t i = 0; out->topics && i < in->n_topics; i++) {
        struct wire_offset_fetch_response_topics *to =
            &out->topics[out->n_topics++];

        to->name = in->topics[i].name;
        to->partitions = arena_array(arena, in->topics[i].n_partition_indexes,
                                     sizeof *to->partitions);
        for (size_t j = 0;
             to->partitions && j < in->topics[i].n_partition_indexes; j++) {
            partition_out *p = &to->partitions[to->n_partitions++];

            wire_offset_fetch_response_topics_partitions_init(p);
            p->partition_index = in->topics[i].partition_indexes[j];
            p->committed_offset = -1;
            p->metadata = BYTES("");
            p->error_code = error;
        }
    }
}

static void
copy_topic(struct arena *arena,
           const struct wire_offset_fetch_response_groups_topics *in,
           struct wire_offset_fetch_response_topics *out)
{
    out->name = in->name;
    out->partitions =
        arena_array(arena, in->n_partitions, sizeof *out->partitions);
    for (size_t j = 0; out->partitions && j < in->n_partitions; j++) {
        const struct wire_offset_fetch_response_groups_topics_partitions *from =
            &in->partitions[j];

        out->partitions[out->n_partitions++] = (partition_out){
            .partition_index = from->partition_index,
            .committed_offset = from->committed_offset,
            .committed_leader_epoch = from->committed_leader_epoch,
            .metadata = from->metadata,
            .error_code = from->error_code,
        };
    }
}

static void fetch_one(struct request *request, const request_in *in,
                      response_out *out)
{
    struct arena *arena = &request->arena;
    struct wire_offset_fetch_request_groups group;
    struct wire_offset_fetch_response_groups found;

    wire_offset_fetch_request_groups_init(&group);
    wire_offset_fetch_response_groups_init(&found);
    group.group_id = in->group_id;
    group.topics_null = in->topics_null;
    group.topics = arena_array(arena, in->n_topics, sizeof *group.topics);
    for (size_t i = 0; group.topics && i < in->n_topics; i++) {
        group.topics[i].name = in->topics[i].name;
        group.topics[i].partition_indexes = in->topics[i].partition_indexes;
        group.topics[i].n_partition_indexes = in->topics[i].n_partition_indexes;
        group.n_topics++;
    }
    if (arena->err != ERR_OK)
        return;
    groups_fetch(request->broker->groups, arena, &group, in->require_stable,
                 &found);
    out->error_code = found.error_code;
    if (found.error_code != KAFKA_NONE && request->version < 2)
        spread_error(arena, in, found.error_code, out);
    out->topics = found.error_code == KAFKA_NONE
                      ? arena_array(arena, found.n_topics, sizeof *out->topics)
                      : out->topics;
    for (size_t i = 0;
         found.error_code == KAFKA_NONE && out->topics && i < found.n_topics;
         i++)
        copy_topic(arena, &found.topics[i], &out->topics[out->n_topics++]);
}

static void fetch_many(struct request *request, const request_in *in,
                       response_out *out)
{
    out->groups =
        arena_array(&request->arena, in->n_groups, sizeof *out->groups);
    for (size_t i = 0; out->groups && i < in->n_groups; i++) {
        struct wire_offset_fetch_response_groups *to =
            &out->groups[out->n_groups++];

        wire_offset_fetch_response_groups_init(to);
        groups_fetch(request->broker->groups, &request->arena, &in->groups[i],
                     in->require_stable, to);
    }
}

void api_offset_fetch(struct request *request)
{
    const request_in *in = request_read(request);
    response_out out;

    if (!in)
        return;
    if (request->version == 0) {
        zk_offsets_fetch(request, in);
        return;
    }
    wire_offset_fetch_response_init(&out);
    if (request->version >= 8)
        fetch_many(request, in, &out);
    else
        fetch_one(request, in, &out);
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the answer needs too much memory");
}

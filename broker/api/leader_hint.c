/* leader_hint.c - what we know of a leader elsewhere. */
#include "api/leader_hint.h"

#include "broker.h"
#include "metadata/metadata.h"
#include "partition/replicas.h"

static void from_metadata(struct broker *broker, struct bytes topic,
                          int32_t index, int32_t *leader, int32_t *epoch)
{
    struct meta_topic *t = metadata_topic_find(broker->metadata, topic);
    const struct meta_partition *p = t ? meta_partition_find(t, index) : NULL;

    *leader = p ? p->leader : -1;
    *epoch = p ? p->leader_epoch : -1;
    if (t)
        meta_topic_unref(t);
}

static void add_node(struct request *request, struct leader_hints *hints,
                     const struct meta_broker *broker)
{
    const struct meta_endpoint *endpoint =
        meta_endpoint_find(broker, request->listener->name);

    if (!endpoint)
        return;
    if (hints->n == hints->room) {
        size_t room = hints->room ? hints->room * 2 : 4;
        struct leader_node *nodes =
            arena_array(&request->arena, room, sizeof *nodes);

        if (!nodes)
            return;
        if (hints->n)
            memcpy(nodes, hints->nodes, hints->n * sizeof *nodes);
        hints->nodes = nodes;
        hints->room = room;
    }
    hints->nodes[hints->n++] = (struct leader_node){
        .id = broker->id,
        .host = arena_copy(&request->arena, bytes_of(endpoint->host)),
        .port = endpoint->port,
        .rack = arena_copy(&request->arena, bytes_of(broker->rack)),
    };
}

void leader_hint(struct request *request, struct leader_hints *hints,
                 struct bytes topic, int32_t partition, int32_t *leader,
                 int32_t *leader_epoch)
{
    struct broker *broker = request->broker;
    struct partition *p = replicas_find(broker->replicas, topic, partition);
    struct meta_cluster *cluster;
    const struct meta_broker *node;

    if (p) {
        lock_take(&p->lock);
        *leader = p->leader;
        *leader_epoch = p->leader_epoch;
        lock_give(&p->lock);
        partition_unref(&p);
    } else {
        from_metadata(broker, topic, partition, leader, leader_epoch);
    }
    for (size_t i = 0; i < hints->n; i++)
        if (hints->nodes[i].id == *leader)
            return;
    cluster = metadata_cluster(broker->metadata);
    node = meta_broker_find(cluster, *leader);
    if (node)
        add_node(request, hints, node);
    meta_cluster_unref(cluster);
}

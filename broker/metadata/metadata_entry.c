/* metadata_entry.c - the immutable entries: one piece of memory each.
 *
 * Sizes are added up first and the pieces then cut from one allocation, so that
 * 10,000 partitions cost 10,000 small slices, not 40,000 allocations, and an
 * unref frees with one call.
 */
#include "metadata/metadata_entry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/mem.h"
#include "wire/msg_update_metadata.h"

enum { LEADER_REMOVED = -2 };

/* -- the request, flattened ----------------------------------------------- */

static bool change_is_sane(const struct meta_change *c, size_t n_replicas,
                           size_t n_isr, size_t n_offline)
{
    if (c->partition.index >= 0 && n_replicas <= UINT16_MAX &&
        n_isr <= UINT16_MAX && n_offline <= UINT16_MAX)
        return true;
    DIAG_SELDOM(DIAG_WARN,
                "event=metadata_entry_refused topic=%.*s partition=%d "
                "replicas=%zu",
                BYTES_ARG(c->name), c->partition.index, n_replicas);
    return false;
}

/* Both shapes of the request have the same fields under the same names. */
#define CHANGE_FILL(c, p)                                                      \
    do {                                                                       \
        (c)->partition = (struct meta_partition){                              \
            .index = (p)->partition_index,                                     \
            .controller_epoch = (p)->controller_epoch,                         \
            .leader = (p)->leader,                                             \
            .leader_epoch = (p)->leader_epoch,                                 \
            .zk_version = (p)->zk_version,                                     \
            .replicas = (p)->replicas,                                         \
            .isr = (p)->isr,                                                   \
            .offline = (p)->offline_replicas,                                  \
            .n_replicas = (uint16_t)(p)->n_replicas,                           \
            .n_isr = (uint16_t)(p)->n_isr,                                     \
            .n_offline = (uint16_t)(p)->n_offline_replicas,                    \
        };                                                                     \
        if (change_is_sane(c, (p)->n_replicas, (p)->n_isr,                     \
                           (p)->n_offline_replicas))                           \
            n++;                                                               \
    } while (0)

static int change_compare(const void *a, const void *b)
{
    const struct meta_change *x = a;
    const struct meta_change *y = b;
    int c = bytes_compare(x->name, y->name);

    if (c != 0)
        return c;
    if (x->partition.index != y->partition.index)
        return x->partition.index < y->partition.index ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static size_t last_ones(struct meta_change *changes, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n &&
            changes[i].partition.index == changes[i + 1].partition.index &&
            bytes_equal(changes[i].name, changes[i + 1].name))
            continue;
        changes[kept++] = changes[i];
    }
    return kept;
}

size_t meta_changes_of(const struct wire_update_metadata_request *update,
                       struct meta_change **list)
{
    size_t most = update->n_ungrouped_partition_states;
    struct meta_change *changes;
    size_t n = 0;

    for (size_t t = 0; t < update->n_topic_states; t++)
        most += update->topic_states[t].n_partition_states;
    changes = mem_need_array(most + 1, sizeof *changes);
    for (size_t t = 0; t < update->n_topic_states; t++) {
        const struct wire_update_metadata_request_topic_states *topic =
            &update->topic_states[t];

        for (size_t i = 0; i < topic->n_partition_states; i++) {
            changes[n].name = topic->topic_name;
            changes[n].id = topic->topic_id;
            changes[n].order = n;
            CHANGE_FILL(&changes[n], &topic->partition_states[i]);
        }
    }
    for (size_t i = 0; i < update->n_ungrouped_partition_states; i++) {
        changes[n].name = update->ungrouped_partition_states[i].topic_name;
        changes[n].id = (struct uuid){ { 0 } };
        changes[n].order = n;
        CHANGE_FILL(&changes[n], &update->ungrouped_partition_states[i]);
    }
    qsort(changes, n, sizeof *changes, change_compare);
    *list = changes;
    return last_ones(changes, n);
}

/* -- topics --------------------------------------------------------------- */

/* Old and new partitions in one ascending walk; a change hides the old one of
 * its index. */
struct walk {
    const struct meta_topic *old; /* may be NULL */
    const struct meta_change *changes;
    size_t n_changes;
    size_t at_old, at_change;
};

static const struct meta_partition *walk_next(struct walk *w)
{
    for (;;) {
        const struct meta_partition *old = NULL;
        const struct meta_partition *change = NULL;

        if (w->old != NULL && w->at_old < w->old->n_partitions)
            old = &w->old->partitions[w->at_old];
        if (w->at_change < w->n_changes)
            change = &w->changes[w->at_change].partition;
        if (change == NULL || (old != NULL && old->index < change->index)) {
            w->at_old += old != NULL;
            return old;
        }
        w->at_change++;
        if (old != NULL && old->index == change->index)
            w->at_old++;
        if (change->leader != LEADER_REMOVED)
            return change;
    }
}

static const int32_t *ids_take(int32_t **room, const int32_t *ids, size_t n)
{
    int32_t *copy = *room;

    if (n > 0)
        memcpy(copy, ids, n * sizeof *copy);
    *room += n;
    return copy;
}

struct meta_topic *meta_topic_merge(const struct meta_topic *old,
                                    const struct meta_change *changes, size_t n)
{
    struct walk start = { old, changes, n, 0, 0 };
    struct walk walk = start;
    const struct meta_partition *p;
    struct bytes name = changes[0].name;
    struct meta_partition *partitions;
    struct meta_topic *topic;
    size_t n_partitions = 0;
    size_t n_ids = 0;
    int32_t *room;
    char *text;

    while ((p = walk_next(&walk)) != NULL) {
        n_partitions++;
        n_ids += (size_t)p->n_replicas + p->n_isr + p->n_offline;
    }
    if (n_partitions == 0)
        return NULL;
    topic = mem_need(sizeof *topic + n_partitions * sizeof *partitions +
                     n_ids * sizeof(int32_t) + name.len + 1);
    partitions = (struct meta_partition *)(topic + 1);
    room = (int32_t *)(partitions + n_partitions);
    text = (char *)(room + n_ids);
    memcpy(text, name.at, name.len);
    atomic_init(&topic->refs, 1);
    topic->name = bytes_make(text, name.len);
    topic->id = changes[n - 1].id;
    topic->partitions = partitions;
    walk = start;
    while ((p = walk_next(&walk)) != NULL) {
        struct meta_partition *mine = &partitions[topic->n_partitions++];

        *mine = *p;
        mine->replicas = ids_take(&room, p->replicas, p->n_replicas);
        mine->isr = ids_take(&room, p->isr, p->n_isr);
        mine->offline = ids_take(&room, p->offline, p->n_offline);
    }
    return topic;
}

void meta_topic_unref(struct meta_topic *topic)
{
    if (atomic_fetch_sub_explicit(&topic->refs, 1, memory_order_acq_rel) == 1)
        mem_free(topic);
}

const struct meta_partition *meta_partition_find(const struct meta_topic *topic,
                                                 int32_t index)
{
    size_t low = 0;
    size_t high = topic->n_partitions;

    /* Usually there are no gaps, and the index is the place. */
    if (index >= 0 && (size_t)index < high &&
        topic->partitions[index].index == index)
        return &topic->partitions[index];
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (topic->partitions[mid].index == index)
            return &topic->partitions[mid];
        if (topic->partitions[mid].index < index)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* -- brokers -------------------------------------------------------------- */

/* Pieces are cut from the one allocation behind the cluster; a first pass with
 * `base` NULL only adds up. */
struct cutter {
    char *base;
    size_t used;
};

static void *cut(struct cutter *c, size_t size)
{
    size_t at = (c->used + 7) & ~(size_t)7;

    c->used = at + size;
    return c->base ? c->base + at : NULL;
}

static const char *cut_text(struct cutter *c, struct bytes text)
{
    char *copy = cut(c, text.len + 1);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.at, text.len);
    return copy;
}

static const char *protocol_name(int16_t protocol)
{
    static const char *const names[] = { "PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                         "SASL_SSL" };

    return protocol >= 0 && protocol < 4 ? names[protocol] : "UNKNOWN";
}

static void
endpoints_cut(struct cutter *c,
              const struct wire_update_metadata_request_live_brokers *b,
              struct meta_broker *mine)
{
    /* Version 0 has one plain endpoint beside the list. */
    bool v0 = b->n_endpoints == 0 && b->v0_host.len > 0;
    size_t n = v0 ? 1 : b->n_endpoints;
    struct meta_endpoint *list = cut(c, n * sizeof *list);

    for (size_t i = 0; i < n; i++) {
        struct meta_endpoint e = { .protocol = 0, .port = b->v0_port };

        if (!v0) {
            const struct wire_update_metadata_request_live_brokers_endpoints
                *in = &b->endpoints[i];

            e.protocol = in->security_protocol;
            e.port = in->port;
            /* Up to version 2 the listener bears its protocol's name. */
            e.listener = in->listener.len > 0
                             ? cut_text(c, in->listener)
                             : protocol_name(in->security_protocol);
            e.host = cut_text(c, in->host);
        } else {
            e.listener = protocol_name(0);
            e.host = cut_text(c, b->v0_host);
        }
        if (list != NULL)
            list[i] = e;
    }
    if (mine != NULL) {
        mine->endpoints = list;
        mine->n_endpoints = n;
    }
}

static void brokers_cut(struct cutter *c,
                        const struct wire_update_metadata_request *update,
                        struct meta_cluster *cluster)
{
    struct meta_broker *list = cut(c, update->n_live_brokers * sizeof *list);

    for (size_t i = 0; i < update->n_live_brokers; i++) {
        const struct wire_update_metadata_request_live_brokers *in =
            &update->live_brokers[i];
        const char *rack = in->rack.at ? cut_text(c, in->rack) : NULL;

        endpoints_cut(c, in, list ? &list[i] : NULL);
        if (list != NULL) {
            list[i].id = in->id;
            list[i].rack = rack;
        }
    }
    if (list != NULL) {
        cluster->brokers = list;
        cluster->n_brokers = update->n_live_brokers;
    }
}

static int broker_compare(const void *a, const void *b)
{
    const struct meta_broker *x = a;
    const struct meta_broker *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

struct meta_cluster *
meta_cluster_of(const struct wire_update_metadata_request *update)
{
    struct cutter count = { NULL, 0 };
    struct cutter real;
    struct meta_cluster *cluster;

    brokers_cut(&count, update, NULL);
    cluster = mem_need(sizeof *cluster + count.used + 8);
    real = (struct cutter){ (char *)(cluster + 1), 0 };
    atomic_init(&cluster->refs, 1);
    cluster->controller_id = update->controller_id;
    brokers_cut(&real, update, cluster);
    if (cluster->n_brokers > 1)
        qsort(cluster->brokers, cluster->n_brokers, sizeof *cluster->brokers,
              broker_compare);
    return cluster;
}

struct meta_cluster *meta_cluster_empty(void)
{
    struct meta_cluster *cluster = mem_need(sizeof *cluster);

    atomic_init(&cluster->refs, 1);
    cluster->controller_id = -1;
    return cluster;
}

void meta_cluster_unref(struct meta_cluster *cluster)
{
    if (atomic_fetch_sub_explicit(&cluster->refs, 1, memory_order_acq_rel) == 1)
        mem_free(cluster);
}

const struct meta_broker *meta_broker_find(const struct meta_cluster *cluster,
                                           int32_t id)
{
    for (size_t i = 0; i < cluster->n_brokers; i++)
        if (cluster->brokers[i].id == id)
            return &cluster->brokers[i];
    return NULL;
}

const struct meta_endpoint *meta_endpoint_find(const struct meta_broker *broker,
                                               const char *listener)
{
    for (size_t i = 0; i < broker->n_endpoints; i++)
        if (strcmp(broker->endpoints[i].listener, listener) == 0)
            return &broker->endpoints[i];
    return NULL;
}

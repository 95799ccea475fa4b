/* replicas.c - replicas that go offline.
 *
 * Their broker is told to stop them (as far as it still listens), they leave
 * the ISR, the leader's place becomes empty if they led, and the other replicas
 * hear of the new leader epoch. An ISR of one is kept: that replica alone has
 * all the data, and is the one that may lead again.
 */
#include "controller/internal.h"

static void decide_removal(struct controller *ctl, struct state_item *item,
                           struct ctx_partition *p)
{
    const int32_t *isr = ctx_isr(p);
    int32_t *left;
    size_t n = 0;

    if (!ctx_has_state(p) || !ctx_isr_has(p, item->broker) ||
        (p->n_isr == 1 && p->leader != item->broker)) {
        item->status = ITEM_KEPT;
        return;
    }
    left = flow_take(ctl, p->n_isr, sizeof *left);
    for (size_t i = 0; i < p->n_isr; i++)
        if (isr[i] != item->broker || p->n_isr == 1)
            left[n++] = isr[i];
    item->next = (struct znode_state){
        .leader = p->leader == item->broker ? NO_LEADER : p->leader,
        .leader_epoch = p->leader_epoch + 1,
        .isr = left,
        .n_isr = n,
        .controller_epoch = ctl->epoch,
        .recovery = p->recovery,
    };
    item->status = ITEM_WRITE;
}

static void finish_step(struct controller *ctl)
{
    struct update *u = &ctl->update;

    for (size_t i = 0; i < u->n_items; i++) {
        struct state_item *item = &u->items[i];
        struct ctx_partition *p = ctx_partition_find(item->topic, item->index);

        if (p == NULL)
            continue;
        if (item->status == ITEM_WRITTEN && !item->topic->to_delete)
            for (int r = 0; r < p->n_replicas; r++)
                if (ctx_replicas(p)[r] != item->broker)
                    batch_add_lai(ctl, item->topic, item->index,
                                  ctx_replicas(p)[r], false);
        batch_add_um(ctl, item->topic, item->index);
    }
}

static void removal_step(struct controller *ctl)
{
    update_run(ctl, decide_removal);
}

void replicas_offline(struct controller *ctl)
{
    struct update *u = &ctl->update;

    for (size_t i = 0; i < u->n_items; i++) {
        struct state_item *item = &u->items[i];
        struct ctx_partition *p = ctx_partition_find(item->topic, item->index);
        int place = p ? ctx_replica_place(p, item->broker) : -1;

        if (place < 0) {
            item->status = ITEM_FAILED;
            continue;
        }
        ctx_replica_move(p, place, REPLICA_OFFLINE);
        batch_add_stop(ctl, item->topic, item->index, item->broker, false);
        ctl->work.any = true;
    }
    flow_then(ctl, removal_step);
    flow_then(ctl, finish_step);
}

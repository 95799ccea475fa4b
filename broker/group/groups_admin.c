/* groups_admin.c - groups as an operator sees them, and takes them away. */
#include "group/group_shard.h"

#include "base/mem.h"
#include "broker.h"
#include "group/group_inside.h"
#include "wire/errors.h"
#include "wire/msg_describe_groups.h"
#include "wire/msg_list_groups.h"

/* Of one answer, however often the request names a group. */
#define ADMIN_MOST ((size_t)256 << 20)

/* -- describe ------------------------------------------------------------- */

static void describe_members(struct arena *arena, const struct group *group,
                             struct wire_describe_groups_response_groups *out)
{
    bool stable = group->phase == GROUP_STABLE;

    out->members = arena_array(arena, group_size(group), sizeof *out->members);
    if (!out->members)
        return;
    for (const struct list *link = group->members.next; link != &group->members;
         link = link->next) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);
        struct wire_describe_groups_response_groups_members *to =
            &out->members[out->n_members++];
        struct bytes metadata = group_member_metadata(m, group->protocol);

        wire_describe_groups_response_groups_members_init(to);
        to->member_id = arena_copy(arena, m->id);
        to->group_instance_id = arena_copy(arena, m->instance_id);
        to->client_id = arena_copy(arena, m->client_id);
        to->client_host = arena_copy(arena, m->client_host);
        /* Both mean something in a finished round only. */
        to->member_metadata = stable && !bytes_is_null(metadata)
                                  ? arena_copy(arena, metadata)
                                  : BYTES("");
        to->member_assignment = stable && !bytes_is_null(m->assignment)
                                    ? arena_copy(arena, m->assignment)
                                    : BYTES("");
    }
}

static struct bytes text_copy(struct arena *arena, struct bytes b)
{
    return bytes_is_null(b) ? BYTES("") : arena_copy(arena, b);
}

void groups_describe(struct groups *groups, struct arena *arena,
                     struct bytes id,
                     struct wire_describe_groups_response_groups *out)
{
    struct group_shard *shard;
    const struct group *group;

    out->group_id = id;
    out->error_code = groups_enter(groups, id, &shard);
    if (out->error_code != KAFKA_NONE)
        return;
    arena->limit_bytes = ADMIN_MOST;
    group = shard_find(shard, id);
    out->group_state =
        bytes_of(group_phase_name(group ? group->phase : GROUP_DEAD));
    if (group) {
        out->protocol_type = text_copy(arena, group->protocol_type);
        if (group->phase == GROUP_STABLE)
            out->protocol_data = text_copy(arena, group->protocol);
        describe_members(arena, group, out);
    }
    shard_leave(shard);
}

/* -- list ----------------------------------------------------------------- */

/* The phases asked for, as bits: looked for once, and not in each group. */
static unsigned phases_asked(const struct wire_list_groups_request *in)
{
    unsigned asked = 0;

    if (in->n_states_filter == 0)
        return ~0u;
    for (int phase = GROUP_EMPTY; phase <= GROUP_DEAD; phase++)
        for (size_t i = 0; i < in->n_states_filter; i++)
            if (bytes_is(in->states_filter[i],
                         group_phase_name((enum group_phase)phase)))
                asked |= 1u << phase;
    return asked;
}

static void list_shard(struct group_shard *shard, struct arena *arena,
                       unsigned asked, struct wire_list_groups_response *out,
                       size_t room)
{
    LIST_EACH(link, &shard->all) {
        const struct group *group = CONTAINER_OF(link, struct group, all);
        struct wire_list_groups_response_groups *to =
            &out->groups[out->n_groups];

        if (out->n_groups == room)
            return; /* came in since they were counted */
        if (!(asked & 1u << group->phase))
            continue;
        wire_list_groups_response_groups_init(to);
        to->group_id = arena_copy(arena, group_id(group));
        to->protocol_type = text_copy(arena, group->protocol_type);
        to->group_state = bytes_of(group_phase_name(group->phase));
        out->n_groups++;
    }
}

static size_t count_groups(struct groups *groups)
{
    const struct shard_table *table = atomic_load(&groups->table);
    size_t n = 0;

    for (int32_t i = 0; i < table->n; i++) {
        struct group_shard *shard = groups_shard(groups, i);

        if (!shard)
            continue;
        lock_take(&shard->lock);
        n += shard->by_id.count;
        lock_give(&shard->lock);
    }
    return n;
}

void groups_list(struct groups *groups, struct arena *arena,
                 const struct wire_list_groups_request *in,
                 struct wire_list_groups_response *out)
{
    const struct shard_table *table = atomic_load(&groups->table);
    unsigned asked = phases_asked(in);
    size_t room;

    if (!atomic_load(&groups->active)) {
        out->error_code = KAFKA_COORDINATOR_NOT_AVAILABLE;
        return;
    }
    arena->limit_bytes = ADMIN_MOST;
    room = count_groups(groups);
    out->groups = arena_array(arena, room, sizeof *out->groups);
    for (int32_t i = 0; out->groups && i < table->n; i++) {
        struct group_shard *shard = groups_shard(groups, i);

        if (!shard)
            continue;
        lock_take(&shard->lock);
        if (shard->phase == SHARD_LOADING)
            out->error_code = KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
        if (shard->phase == SHARD_READY)
            list_shard(shard, arena, asked, out, room);
        lock_give(&shard->lock);
    }
}

/* -- delete --------------------------------------------------------------- */

static bool wants_all(const struct group *group,
                      const struct group_topic *topic,
                      const struct group_offset *offset, const void *context)
{
    (void)group;
    (void)topic;
    (void)offset;
    (void)context;
    return true;
}

static void drop_promises(struct group *group)
{
    LIST_EACH(link, &group->txns) {
        struct group_txn *txn = CONTAINER_OF(link, struct group_txn, link);

        group_txn_free(&txn);
    }
    while (!list_is_empty(&group->pending)) {
        struct group_pending *p =
            CONTAINER_OF(group->pending.next, struct group_pending, link);

        group_pending_remove(group, bytes_make(p->id, p->len));
    }
}

int16_t groups_delete(struct groups *groups, struct bytes id)
{
    struct group_shard *shard;
    struct group *group;
    int16_t error = groups_enter(groups, id, &shard);

    if (error != KAFKA_NONE)
        return error;
    group = shard_find(shard, id);
    if (!group || group->phase == GROUP_DEAD) {
        error = KAFKA_GROUP_ID_NOT_FOUND;
    } else if (group->phase != GROUP_EMPTY) {
        error = KAFKA_NON_EMPTY_GROUP;
    } else {
        drop_promises(group);
        shard_forget(shard, group, wants_all, NULL);
    }
    shard_leave(shard);
    return error;
}

static bool wants_listed(const struct group *group,
                         const struct group_topic *topic,
                         const struct group_offset *offset, const void *context)
{
    /* Finding only remembers where it was last. */
    struct group_offsets *listed = (struct group_offsets *)(uintptr_t)context;

    (void)group;
    return group_offsets_find(listed, group_topic_name(topic),
                              offset->partition) != NULL &&
           !group_offsets_topic(listed, group_topic_name(topic))->asked;
}

/* Which may go: all of an empty group, of consumers those nobody asks for. */
static int16_t list_wanted(const struct group *group,
                           const struct bytes *topics,
                           const int32_t *partitions, int16_t *errors, size_t n,
                           struct group_offsets *listed)
{
    bool in_use = group->phase != GROUP_EMPTY;

    if (group->phase == GROUP_DEAD)
        return KAFKA_GROUP_ID_NOT_FOUND;
    if (in_use && !bytes_is(group->protocol_type, "consumer"))
        return KAFKA_NON_EMPTY_GROUP;
    for (size_t i = 0; i < n; i++)
        group_offsets_expect(listed, topics[i], partitions[i]);
    if (in_use && !group_mark_asked(group, listed))
        for (size_t i = 0; i < listed->n; i++)
            listed->topics[i]->asked = true; /* rather than one too few */
    for (size_t i = 0; i < n; i++)
        errors[i] = group_offsets_topic(listed, topics[i])->asked
                        ? KAFKA_GROUP_SUBSCRIBED_TO_TOPIC
                        : KAFKA_NONE;
    return KAFKA_NONE;
}

int16_t groups_delete_offsets(struct groups *groups, struct bytes id,
                              const struct bytes *topics,
                              const int32_t *partitions, int16_t *errors,
                              size_t n)
{
    struct group_offsets listed = { 0 };
    struct group_shard *shard;
    struct group *group;
    int16_t error = groups_enter_named(groups, id, &shard);

    if (error != KAFKA_NONE)
        return error;
    group = shard_find(shard, id);
    error = KAFKA_GROUP_ID_NOT_FOUND;
    if (group)
        error = list_wanted(group, topics, partitions, errors, n, &listed);
    if (error == KAFKA_NONE)
        shard_forget(shard, group, wants_listed, &listed);
    shard_leave(shard);
    group_offsets_fini(&listed);
    return error;
}

/* -- figures -------------------------------------------------------------- */

void groups_figures(struct groups *groups, struct groups_figures *out)
{
    const struct shard_table *table = atomic_load(&groups->table);

    *out = (struct groups_figures){ 0 };
    for (int32_t i = 0; i < table->n; i++) {
        struct group_shard *shard = groups_shard(groups, i);

        if (!shard)
            continue;
        lock_take(&shard->lock);
        out->loading += shard->phase == SHARD_LOADING;
        LIST_EACH(link, &shard->all) {
            const struct group *group = CONTAINER_OF(link, struct group, all);

            out->groups++;
            out->members += group_size(group);
            out->offsets += group->offsets.n_committed;
            out->phases[group->phase]++;
        }
        lock_give(&shard->lock);
    }
}

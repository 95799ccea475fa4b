/* group_member.c - members, their protocols, and who knows whom by which name.
 *
 * How many members have a protocol is counted as they come and go, by name in a
 * map: the lists come from clients, and comparing each with each would be
 * theirs to make slow.
 */
#include "group/group_inside.h"

#include <assert.h>

#include "base/mem.h"
#include "wire/errors.h"
#include "wire/rd.h"

/* -- protocols ------------------------------------------------------------ */

struct group_protocols *group_protocols_new(const struct group_protocol *of,
                                            size_t n)
{
    size_t size = sizeof(struct group_protocols) + n * sizeof of[0];
    struct group_protocols *copy;
    uint8_t *at;

    for (size_t i = 0; i < n; i++)
        size += of[i].name.len + of[i].metadata.len;
    copy = mem_try(size);
    if (!copy)
        return NULL;
    copy->n = n;
    at = (uint8_t *)&copy->of[n];
    for (size_t i = 0; i < n; i++) {
        const struct bytes from[2] = { of[i].name, of[i].metadata };
        struct bytes to[2];

        for (size_t j = 0; j < 2; j++) {
            to[j] = bytes_make(at, from[j].len);
            if (from[j].len > 0)
                memcpy(at, from[j].at, from[j].len);
            at += from[j].len;
        }
        copy->of[i] = (struct group_protocol){ to[0], to[1] };
    }
    return copy;
}

bool group_protocols_equal(const struct group_protocols *a,
                           const struct group_protocols *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!bytes_equal(a->of[i].name, b->of[i].name) ||
            !bytes_equal(a->of[i].metadata, b->of[i].metadata))
            return false;
    return true;
}

struct bytes group_member_metadata(const struct group_member *member,
                                   struct bytes protocol)
{
    for (size_t i = 0; i < member->protocols->n; i++)
        if (bytes_equal(member->protocols->of[i].name, protocol))
            return member->protocols->of[i].metadata;
    return BYTES_NULL;
}

/* -- tallies -------------------------------------------------------------- */

static bool tally_is(const struct map_link *link, const void *key)
{
    const struct group_tally *tally =
        CONTAINER_OF(link, struct group_tally, link);

    return bytes_equal(bytes_make(tally->name, tally->len),
                       *(const struct bytes *)key);
}

static struct group_tally *tally_find(const struct group *group,
                                      struct bytes name)
{
    struct map_link *link =
        map_find(&group->tallies, bytes_hash(name, group->tallies.seed),
                 tally_is, &name);

    return link ? CONTAINER_OF(link, struct group_tally, link) : NULL;
}

static struct group_tally *tally_get(struct group *group, struct bytes name)
{
    struct group_tally *tally = tally_find(group, name);

    if (tally)
        return tally;
    tally = mem_need(sizeof *tally + name.len + 1);
    tally->len = name.len;
    if (name.len > 0)
        memcpy(tally->name, name.at, name.len);
    map_put(&group->tallies, &tally->link,
            bytes_hash(name, group->tallies.seed));
    return tally;
}

void group_tally_add(struct group *group, const struct group_member *member)
{
    const struct group_protocols *p = member->protocols;

    for (size_t i = 0; i < p->n; i++) {
        struct group_tally *tally = tally_get(group, p->of[i].name);

        if (tally->seen == member)
            continue; /* named twice */
        tally->seen = member;
        tally->members++;
    }
    for (size_t i = 0; i < p->n; i++)
        tally_find(group, p->of[i].name)->seen = NULL;
}

void group_tally_remove(struct group *group, const struct group_member *member)
{
    const struct group_protocols *p = member->protocols;

    for (size_t i = 0; i < p->n; i++) {
        struct group_tally *tally = tally_find(group, p->of[i].name);

        if (tally->seen == member)
            continue;
        tally->seen = member;
        assert(tally->members > 0);
        tally->members--;
    }
    for (size_t i = 0; i < p->n; i++) {
        struct group_tally *tally = tally_find(group, p->of[i].name);

        if (!tally)
            continue;
        tally->seen = NULL;
        if (tally->members == 0) {
            map_remove(&group->tallies, &tally->link);
            mem_free(tally);
        }
    }
}

bool group_supports(const struct group *group, struct bytes protocol_type,
                    const struct group_protocols *protocols)
{
    if (group->phase == GROUP_EMPTY)
        return protocol_type.len > 0 && protocols->n > 0;
    if (!bytes_equal(group->protocol_type, protocol_type))
        return false;
    if (group_size(group) == 0)
        return protocols->n > 0;
    for (size_t i = 0; i < protocols->n; i++) {
        const struct group_tally *tally =
            tally_find(group, protocols->of[i].name);

        if (tally && tally->members == group_size(group))
            return true;
    }
    return false;
}

/* The member's favourite of those that all have. */
static struct group_tally *vote(const struct group *group,
                                const struct group_member *member)
{
    for (size_t i = 0; i < member->protocols->n; i++) {
        struct group_tally *tally =
            tally_find(group, member->protocols->of[i].name);

        if (tally->members == group_size(group))
            return tally;
    }
    return NULL;
}

struct bytes group_choose(struct group *group)
{
    struct group_tally *best = NULL;

    LIST_EACH(link, &group->members) {
        struct group_tally *tally =
            vote(group, CONTAINER_OF(link, struct group_member, link));

        assert(tally); /* who has nothing in common is not let in */
        tally->votes++;
        if (!best || tally->votes > best->votes)
            best = tally;
    }
    LIST_EACH(link, &group->members)
        vote(group, CONTAINER_OF(link, struct group_member, link))->votes = 0;
    return best ? bytes_make(best->name, best->len) : BYTES_NULL;
}

/* -- members -------------------------------------------------------------- */

struct bytes group_own(struct bytes b)
{
    uint8_t *copy;

    if (bytes_is_null(b))
        return BYTES_NULL;
    copy = mem_need(b.len + 1);
    if (b.len > 0)
        memcpy(copy, b.at, b.len);
    return bytes_make(copy, b.len);
}

void group_disown(struct bytes *b)
{
    mem_free((void *)(uintptr_t)b->at);
    *b = BYTES_NULL;
}

static struct bytes put_behind(uint8_t **at, struct bytes from)
{
    struct bytes to = bytes_make(*at, from.len);

    if (bytes_is_null(from))
        return BYTES_NULL;
    if (from.len > 0)
        memcpy(*at, from.at, from.len);
    *at += from.len + 1; /* so that an empty one has a place too */
    return to;
}

struct group_member *group_member_new(const struct group_member_spec *spec)
{
    size_t size = sizeof(struct group_member) + spec->instance_id.len +
                  spec->client_id.len + spec->client_host.len + 3;
    struct group_member *member = mem_try(size);
    uint8_t *at = (uint8_t *)(member + 1);

    if (!member)
        return NULL;
    memset(member, 0, size);
    member->protocols = group_protocols_new(spec->protocols, spec->n_protocols);
    if (!member->protocols) {
        mem_free(member);
        return NULL;
    }
    list_init(&member->link);
    member->id = group_own(spec->id);
    member->instance_id = put_behind(&at, spec->instance_id);
    member->client_id = put_behind(&at, spec->client_id);
    member->client_host = put_behind(&at, spec->client_host);
    member->session_ms = spec->session_ms;
    member->rebalance_ms = spec->rebalance_ms;
    member->deadline_us = GROUP_NEVER;
    member->assignment = BYTES_NULL;
    return member;
}

void group_member_free(struct group_member **out)
{
    struct group_member *member = *out;

    if (!member)
        return;
    assert(list_is_empty(&member->link));
    assert(!member->join_waiter && !member->sync_waiter);
    group_disown(&member->id);
    group_disown(&member->assignment);
    mem_free(member->protocols);
    mem_free(member);
    *out = NULL;
}

static bool id_is(const struct map_link *link, const void *key)
{
    const struct group_member *member =
        CONTAINER_OF(link, struct group_member, by_id);

    return bytes_equal(member->id, *(const struct bytes *)key);
}

static bool instance_is(const struct map_link *link, const void *key)
{
    const struct group_member *member =
        CONTAINER_OF(link, struct group_member, by_instance);

    return bytes_equal(member->instance_id, *(const struct bytes *)key);
}

struct group_member *group_member_find(const struct group *group,
                                       struct bytes id)
{
    struct map_link *link =
        map_find(&group->by_id, bytes_hash(id, group->by_id.seed), id_is, &id);

    return link ? CONTAINER_OF(link, struct group_member, by_id) : NULL;
}

struct group_member *group_instance_find(const struct group *group,
                                         struct bytes instance_id)
{
    struct map_link *link = map_find(
        &group->by_instance, bytes_hash(instance_id, group->by_instance.seed),
        instance_is, &instance_id);

    return link ? CONTAINER_OF(link, struct group_member, by_instance) : NULL;
}

static void index_id(struct group *group, struct group_member *member)
{
    map_put(&group->by_id, &member->by_id,
            bytes_hash(member->id, group->by_id.seed));
}

void group_member_add(struct group *group, struct group_member *member)
{
    list_append(&group->members, &member->link);
    index_id(group, member);
    if (group_member_is_static(member))
        map_put(&group->by_instance, &member->by_instance,
                bytes_hash(member->instance_id, group->by_instance.seed));
    group_tally_add(group, member);
    if (!group->leader)
        group->leader = member;
    group_pending_remove(group, member->id);
}

void group_member_remove(struct group *group, struct group_member *member)
{
    assert(!member->join_waiter && !member->sync_waiter);
    group_tally_remove(group, member);
    list_remove(&member->link);
    map_remove(&group->by_id, &member->by_id);
    if (group_member_is_static(member))
        map_remove(&group->by_instance, &member->by_instance);
    if (member->sync_due)
        group->n_sync_due--;
    member->sync_due = false;
    if (group->leader == member)
        group->leader =
            list_is_empty(&group->members)
                ? NULL
                : CONTAINER_OF(group->members.next, struct group_member, link);
}

void group_member_rename(struct group *group, struct group_member *member,
                         struct bytes id)
{
    struct bytes copy = group_own(id);

    map_remove(&group->by_id, &member->by_id);
    group_disown(&member->id);
    member->id = copy;
    index_id(group, member);
}

void group_member_update(struct group *group, struct group_member *member,
                         struct group_member *fresh)
{
    struct group_protocols *protocols = fresh->protocols;

    group_tally_remove(group, member);
    fresh->protocols = member->protocols;
    member->protocols = protocols;
    group_tally_add(group, member);
    member->session_ms = fresh->session_ms;
    member->rebalance_ms = fresh->rebalance_ms;
}

int16_t group_member_check(const struct group *group, struct bytes member_id,
                           struct bytes instance_id,
                           struct group_member **member)
{
    if (!bytes_is_null(instance_id)) {
        *member = group_instance_find(group, instance_id);
        if (!*member)
            return KAFKA_UNKNOWN_MEMBER_ID;
        return bytes_equal((*member)->id, member_id) ? KAFKA_NONE
                                                     : KAFKA_FENCED_INSTANCE_ID;
    }
    *member = group_member_find(group, member_id);
    return *member ? KAFKA_NONE : KAFKA_UNKNOWN_MEMBER_ID;
}

/* -- ids that were given out ---------------------------------------------- */

static bool pending_is(const struct map_link *link, const void *key)
{
    const struct group_pending *p =
        CONTAINER_OF(link, struct group_pending, by_id);

    return bytes_equal(bytes_make(p->id, p->len), *(const struct bytes *)key);
}

static struct group_pending *pending_find(const struct group *group,
                                          struct bytes id)
{
    struct map_link *link =
        map_find(&group->pending_by_id,
                 bytes_hash(id, group->pending_by_id.seed), pending_is, &id);

    return link ? CONTAINER_OF(link, struct group_pending, by_id) : NULL;
}

bool group_is_pending(const struct group *group, struct bytes id)
{
    return pending_find(group, id) != NULL;
}

void group_pending_add(struct group *group, struct bytes id, int64_t at_us)
{
    struct group_pending *p = mem_need(sizeof *p + id.len + 1);

    p->deadline_us = at_us;
    p->len = id.len;
    if (id.len > 0)
        memcpy(p->id, id.at, id.len);
    list_init(&p->link);
    list_append(&group->pending, &p->link);
    map_put(&group->pending_by_id, &p->by_id,
            bytes_hash(id, group->pending_by_id.seed));
    group_due(group, at_us);
}

bool group_pending_remove(struct group *group, struct bytes id)
{
    struct group_pending *p = pending_find(group, id);

    if (!p)
        return false;
    list_remove(&p->link);
    map_remove(&group->pending_by_id, &p->by_id);
    mem_free(p);
    return true;
}

/* ksession.c - buckets of sessions; see ksession.h. */
#include "keeper/ksession.h"

#include <assert.h>

#include "base/mem.h"

struct bucket {
    struct map_link link;
    int64_t tick;
    struct list sessions;
};

void ksessions_init(struct ksessions *sessions, int32_t tick_ms,
                    int64_t seed_ms, int64_t now_ms)
{
    *sessions = (struct ksessions){ .tick_ms = tick_ms };
    map_init(&sessions->by_id);
    map_init(&sessions->buckets);
    sessions->next_id = ((seed_ms & 0xffffffffff) << 16) | 1ll << 56;
    sessions->next_tick = now_ms / tick_ms;
}

void ksessions_fini(struct ksessions *sessions)
{
    struct map_link *link;

    while ((link = map_next(&sessions->by_id, NULL)) != NULL)
        ksession_remove(sessions, CONTAINER_OF(link, struct ksession, link));
    map_fini(&sessions->by_id);
    map_fini(&sessions->buckets);
}

static uint64_t int_hash(const struct map *map, int64_t key)
{
    return map_hash_int((uint64_t)key, map->seed);
}

static bool session_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, const struct ksession, link)->id ==
           *(const int64_t *)key;
}

static bool bucket_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, const struct bucket, link)->tick ==
           *(const int64_t *)key;
}

static struct bucket *bucket_find(const struct ksessions *sessions,
                                  int64_t tick)
{
    struct map_link *link =
        map_find(&sessions->buckets, int_hash(&sessions->buckets, tick),
                 bucket_is, &tick);

    return link ? CONTAINER_OF(link, struct bucket, link) : NULL;
}

static void bucket_leave(struct ksessions *sessions, struct ksession *session)
{
    struct bucket *bucket = bucket_find(sessions, session->tick);

    assert(bucket != NULL);
    list_remove(&session->bucket);
    if (list_is_empty(&bucket->sessions)) {
        map_remove(&sessions->buckets, &bucket->link);
        mem_free(bucket);
    }
}

static void bucket_enter(struct ksessions *sessions, struct ksession *session,
                         int64_t tick)
{
    struct bucket *bucket = bucket_find(sessions, tick);

    if (bucket == NULL) {
        bucket = mem_need(sizeof *bucket);
        bucket->tick = tick;
        list_init(&bucket->sessions);
        map_put(&sessions->buckets, &bucket->link,
                int_hash(&sessions->buckets, tick));
    }
    session->tick = tick;
    list_append(&bucket->sessions, &session->bucket);
}

void ksessions_swap(struct ksessions *to, struct ksessions *from,
                    int32_t live_ms, int64_t now_ms)
{
    struct ksessions old = *to;
    struct map_link *link = NULL;

    *to = *from;
    *from = old;
    to->next_id = old.next_id;
    to->next_tick = now_ms / to->tick_ms;
    while ((link = map_next(&to->by_id, link)) != NULL) {
        struct ksession *session = CONTAINER_OF(link, struct ksession, link);

        assert(session->peer == NULL);
        if (session->live_ms < live_ms)
            session->live_ms = live_ms;
        ksession_touch(to, session, now_ms);
    }
}

int64_t ksessions_new_id(struct ksessions *sessions)
{
    while (sessions->next_id == 0 || sessions->next_id == INT64_MIN ||
           ksession_find(sessions, sessions->next_id) != NULL)
        sessions->next_id++;
    return sessions->next_id++;
}

static int64_t tick_of(const struct ksessions *sessions,
                       const struct ksession *session, int64_t now_ms)
{
    return (now_ms + session->live_ms) / sessions->tick_ms + 1;
}

struct ksession *ksession_add(struct ksessions *sessions, int64_t id,
                              int32_t timeout_ms, int64_t now_ms)
{
    struct ksession *session = ksession_find(sessions, id);

    if (session == NULL) {
        session = mem_need(sizeof *session);
        session->id = id;
        session->live_ms = timeout_ms;
        list_init(&session->bucket);
        map_put(&sessions->by_id, &session->link,
                int_hash(&sessions->by_id, id));
        bucket_enter(sessions, session, tick_of(sessions, session, now_ms));
    }
    session->timeout_ms = timeout_ms;
    session->live_ms = timeout_ms;
    ksession_touch(sessions, session, now_ms);
    return session;
}

struct ksession *ksession_find(const struct ksessions *sessions, int64_t id)
{
    struct map_link *link = map_find(
        &sessions->by_id, int_hash(&sessions->by_id, id), session_is, &id);

    return link ? CONTAINER_OF(link, struct ksession, link) : NULL;
}

void ksession_remove(struct ksessions *sessions, struct ksession *session)
{
    bucket_leave(sessions, session);
    map_remove(&sessions->by_id, &session->link);
    mem_free(session);
}

void ksession_touch(struct ksessions *sessions, struct ksession *session,
                    int64_t now_ms)
{
    int64_t tick = tick_of(sessions, session, now_ms);

    if (tick == session->tick)
        return;
    bucket_leave(sessions, session);
    bucket_enter(sessions, session, tick);
}

struct ksession *ksessions_expired(struct ksessions *sessions, int64_t now_ms)
{
    int64_t over = now_ms / sessions->tick_ms; /* buckets up to this one */

    if (sessions->buckets.count == 0)
        sessions->next_tick = over;
    for (; sessions->next_tick <= over; sessions->next_tick++) {
        struct bucket *bucket = bucket_find(sessions, sessions->next_tick);

        if (bucket != NULL)
            return CONTAINER_OF(bucket->sessions.next, struct ksession, bucket);
    }
    return NULL;
}

/* java.util.Random with a known seed: part of the contract, because sessions
 * of a data directory must be re-attachable after it changed servers. */
void ksession_password(int64_t id, uint8_t out[static KSESSION_PASSWORD])
{
    const uint64_t mask = (1ull << 48) - 1;
    uint64_t s = ((uint64_t)id ^ 0xB3415C00u ^ 0x5DEECE66Dull) & mask;

    for (int i = 0; i < 4; i++) {
        s = (s * 0x5DEECE66Dull + 0xB) & mask;
        uint32_t word = (uint32_t)(s >> 16);
        for (int k = 0; k < 4; k++)
            out[4 * i + k] = (uint8_t)(word >> (8 * k));
    }
}

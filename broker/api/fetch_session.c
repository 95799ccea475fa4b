/* fetch_session.c - the cache of fetch sessions (KIP-227, rules of Kafka 3.7).
 */
#include "api/fetch_session.h"

#include <stdatomic.h>
#include <sys/random.h>

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "wire/errors.h"

enum { FULL_EPOCH = 0, FINAL_EPOCH = -1 };

/* One partition of a session. */
struct fetch_part {
    struct map_link link;
    struct list ring; /* in order of service */
    struct uuid id;   /* zero below v13 */
    int32_t partition;
    int32_t current_epoch;
    int32_t last_fetched_epoch;
    int32_t max_bytes;
    int64_t offset;
    int64_t fetcher_log_start;
    int64_t high_watermark; /* told last; -1: tell again */
    int64_t log_start;      /* told last */
    uint32_t name_len;      /* UINT32_MAX: the id's name is not known */
    char name[];
};

struct fetch_session {
    struct map_link link; /* by id */
    _Atomic uint32_t refs;
    int32_t id;
    bool privileged;       /* a follower's */
    bool by_id;            /* topic ids (v13+) */
    bool listed;           /* sessions' lock: still in the cache */
    bool evictable_by_all; /* sessions' lock: as of the last use */
    bool evictable_by_privileged;
    int64_t created_ms;
    int64_t used_ms; /* sessions' lock */
    size_t size;     /* sessions' lock: parts as of the last use */

    struct lock lock; /* for all below; after the sessions' lock */
    int32_t epoch;    /* that the next request must carry */
    struct map map;   /* parts */
    struct list ring; /* parts in order of service */
    size_t bytes;     /* of the parts; counted in sessions->bytes */
};

struct fetch_sessions {
    struct lock lock;
    struct map map;
    size_t slots;
    _Atomic size_t bytes; /* of all parts */
};

static int32_t epoch_after(int32_t epoch)
{
    return epoch < 0 ? FINAL_EPOCH : epoch == INT32_MAX ? 1 : epoch + 1;
}

/* -- parts
 * -------------------------------------------------------------------------- */

struct part_key {
    bool by_id;
    struct uuid id;
    struct bytes name;
    int32_t partition;
};

static uint64_t part_hash(const struct map *map, const struct part_key *key)
{
    struct bytes of =
        key->by_id ? bytes_make(key->id.b, sizeof key->id.b) : key->name;

    return map_hash_int((uint32_t)key->partition, bytes_hash(of, map->seed));
}

static struct bytes part_name(const struct fetch_part *part)
{
    return part->name_len == UINT32_MAX
               ? BYTES_NULL
               : bytes_make(part->name, part->name_len);
}

static bool part_is(const struct map_link *link, const void *context)
{
    const struct fetch_part *part = CONTAINER_OF(link, struct fetch_part, link);
    const struct part_key *key = context;

    if (part->partition != key->partition)
        return false;
    return key->by_id ? uuid_equal(part->id, key->id)
                      : bytes_equal(part_name(part), key->name);
}

static size_t part_bytes(size_t name_len)
{
    return sizeof(struct fetch_part) + name_len + 16; /* and its slot */
}

static struct fetch_part *part_find(const struct fetch_session *s,
                                    const struct part_key *key)
{
    struct map_link *link =
        map_find(&s->map, part_hash(&s->map, key), part_is, key);

    return link ? CONTAINER_OF(link, struct fetch_part, link) : NULL;
}

static void part_set(struct fetch_part *part, const struct fetch_want *want)
{
    part->max_bytes = want->max_bytes;
    part->offset = want->offset;
    part->fetcher_log_start = want->log_start;
    part->current_epoch = want->current_epoch;
    part->last_fetched_epoch = want->last_fetched_epoch;
}

/* A new part at the end of the ring; NULL when memory or the budget is out. */
static struct fetch_part *part_add(struct fetch_sessions *sessions,
                                   struct fetch_session *s,
                                   const struct fetch_want *want)
{
    struct part_key key = { s->by_id, want->id, want->topic, want->partition };
    size_t bytes = part_bytes(want->topic.len);
    struct fetch_part *part;

    if (atomic_fetch_add(&sessions->bytes, bytes) + bytes >
            FETCH_SESSION_BYTES ||
        !(part = mem_try(sizeof *part + want->topic.len))) {
        atomic_fetch_sub(&sessions->bytes, bytes);
        return NULL;
    }
    memset(part, 0, sizeof *part);
    part->id = want->id;
    part->partition = want->partition;
    part->name_len = want->topic.at ? (uint32_t)want->topic.len : UINT32_MAX;
    if (want->topic.at != NULL && want->topic.len > 0)
        memcpy(part->name, want->topic.at, want->topic.len);
    part->high_watermark = -1;
    part->log_start = -1;
    part_set(part, want);
    s->bytes += bytes;
    map_put(&s->map, &part->link, part_hash(&s->map, &key));
    list_append(&s->ring, &part->ring);
    return part;
}

static void part_drop(struct fetch_sessions *sessions, struct fetch_session *s,
                      struct fetch_part *part)
{
    size_t bytes =
        part_bytes(part->name_len == UINT32_MAX ? 0 : part->name_len);

    map_remove(&s->map, &part->link);
    list_remove(&part->ring);
    s->bytes -= bytes;
    atomic_fetch_sub(&sessions->bytes, bytes);
    mem_free(part);
}

/* -- sessions
 * ----------------------------------------------------------------------- */

static struct fetch_session *session_new(int32_t id, bool privileged,
                                         bool by_id, int64_t now_ms)
{
    struct fetch_session *s = mem_need(sizeof *s);

    atomic_init(&s->refs, 1);
    s->id = id;
    s->privileged = privileged;
    s->by_id = by_id;
    s->created_ms = s->used_ms = now_ms;
    s->epoch = epoch_after(FULL_EPOCH);
    lock_init(&s->lock);
    map_init(&s->map);
    list_init(&s->ring);
    return s;
}

static void session_unref(struct fetch_session **session)
{
    struct fetch_session *s = *session;

    *session = NULL;
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    LIST_EACH(link, &s->ring)
        mem_free(CONTAINER_OF(link, struct fetch_part, ring));
    map_fini(&s->map);
    lock_fini(&s->lock);
    mem_free(s);
}

static bool id_is(const struct map_link *link, const void *key)
{
    const struct fetch_session *s =
        CONTAINER_OF(link, struct fetch_session, link);

    return s->id == *(const int32_t *)key;
}

static struct fetch_session *find_locked(const struct fetch_sessions *sessions,
                                         int32_t id)
{
    struct map_link *link =
        map_find(&sessions->map, map_hash_int((uint32_t)id, sessions->map.seed),
                 id_is, &id);

    return link ? CONTAINER_OF(link, struct fetch_session, link) : NULL;
}

/* Out of the cache, off the budget; its parts go when the last request is
 * through with it. */
static void remove_locked(struct fetch_sessions *sessions,
                          struct fetch_session *s)
{
    map_remove(&sessions->map, &s->link);
    s->listed = false;
    lock_take(&s->lock);
    atomic_fetch_sub(&sessions->bytes, s->bytes);
    s->bytes = 0;
    lock_give(&s->lock);
    session_unref(&s);
}

static void touch_locked(struct fetch_session *s, int64_t now_ms, size_t size)
{
    bool aged = now_ms - s->created_ms > FETCH_SESSION_STALE_MS;

    s->used_ms = now_ms;
    s->size = size;
    s->evictable_by_all = aged;
    s->evictable_by_privileged = aged || !s->privileged;
}

/* (privileged, size, id): the smaller, the sooner it goes. */
static int value_compare(bool a_privileged, size_t a_size, int32_t a_id,
                         const struct fetch_session *b)
{
    if (a_privileged != b->privileged)
        return a_privileged ? 1 : -1;
    if (a_size != b->size)
        return a_size > b->size ? 1 : -1;
    return (a_id > b->id) - (a_id < b->id);
}

/* Make room for a newcomer of that worth, if it may push anyone out. */
static bool evict_locked(struct fetch_sessions *sessions, bool privileged,
                         size_t size, int64_t now_ms)
{
    struct fetch_session *oldest = NULL, *least = NULL;

    for (struct map_link *l = map_next(&sessions->map, NULL); l;
         l = map_next(&sessions->map, l)) {
        struct fetch_session *s = CONTAINER_OF(l, struct fetch_session, link);

        if (!oldest || s->used_ms < oldest->used_ms)
            oldest = s;
        if (privileged ? !s->evictable_by_privileged : !s->evictable_by_all)
            continue;
        if (!least || value_compare(s->privileged, s->size, s->id, least) < 0)
            least = s;
    }
    if (!oldest)
        return false;
    if (now_ms - oldest->used_ms > FETCH_SESSION_STALE_MS) {
        remove_locked(sessions, oldest);
        return true;
    }
    if (!least || value_compare(privileged, size, 0, least) < 0)
        return false;
    remove_locked(sessions, least);
    return true;
}

struct fetch_sessions *fetch_sessions_new(size_t slots)
{
    struct fetch_sessions *sessions = mem_need(sizeof *sessions);

    lock_init(&sessions->lock);
    map_init(&sessions->map);
    sessions->slots = slots;
    return sessions;
}

void fetch_sessions_free(struct fetch_sessions **out)
{
    struct fetch_sessions *sessions = *out;
    struct map_link *link;

    *out = NULL;
    if (!sessions)
        return;
    while ((link = map_next(&sessions->map, NULL)) != NULL)
        remove_locked(sessions, CONTAINER_OF(link, struct fetch_session, link));
    map_fini(&sessions->map);
    lock_fini(&sessions->lock);
    mem_free(sessions);
}

size_t fetch_sessions_count(struct fetch_sessions *sessions)
{
    size_t n;

    lock_take(&sessions->lock);
    n = sessions->map.count;
    lock_give(&sessions->lock);
    return n;
}

/* -- what a request wants
 * ------------------------------------------------------------ */

/* List what the request itself names; names are copied, once a topic. */
static enum err list_request(const struct wire_fetch_request *q, bool by_id,
                             fetch_name_fn *name, void *name_context,
                             struct arena *arena, struct fetch_context *c)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_topics; i++)
        n += q->topics[i].n_partitions;
    c->wants = arena_array(arena, n, sizeof *c->wants);
    if (!c->wants)
        return arena->err;
    for (size_t i = 0; i < q->n_topics; i++) {
        const struct wire_fetch_request_topics *t = &q->topics[i];
        struct bytes topic = by_id ? name(name_context, t->topic_id, arena)
                                   : arena_copy(arena, t->topic);

        for (size_t j = 0; j < t->n_partitions; j++)
            c->wants[c->n_wants++] = (struct fetch_want){
                .topic = topic,
                .id = t->topic_id,
                .partition = t->partitions[j].partition,
                .current_epoch = t->partitions[j].current_leader_epoch,
                .last_fetched_epoch = t->partitions[j].last_fetched_epoch,
                .max_bytes = t->partitions[j].partition_max_bytes,
                .offset = t->partitions[j].fetch_offset,
                .log_start = t->partitions[j].log_start_offset,
            };
    }
    return arena->err;
}

/* A partition named twice counts once, as last told, at its first place. Full
 * requests only; sessions do it by themselves. */
static enum err drop_twins(struct fetch_context *c, struct arena *arena)
{
    size_t size = 1, kept = 0;
    struct fetch_want **table;

    if (c->n_wants < 2)
        return ERR_OK;
    while (size < c->n_wants * 2)
        size *= 2;
    table = arena_array(arena, size, sizeof(struct fetch_want *));
    if (!table)
        return arena->err;
    for (size_t i = 0; i < c->n_wants; i++) {
        struct fetch_want *w = &c->wants[i];
        struct bytes of =
            c->by_id ? bytes_make(w->id.b, sizeof w->id.b) : w->topic;
        size_t at =
            (size_t)map_hash_int((uint32_t)w->partition, bytes_hash(of, 0)) &
            (size - 1);

        while (table[at] &&
               !(table[at]->partition == w->partition &&
                 (c->by_id ? uuid_equal(table[at]->id, w->id)
                           : bytes_equal(table[at]->topic, w->topic))))
            at = (at + 1) & (size - 1);
        if (table[at]) {
            *table[at] = *w;
        } else {
            c->wants[kept] = *w;
            table[at] = &c->wants[kept++];
        }
    }
    c->n_wants = kept;
    return ERR_OK;
}

/* Take what the request adds or changes into the session, and drop what it
 * forgets. False: out of budget. */
static bool update_locked(struct fetch_sessions *sessions,
                          struct fetch_session *s,
                          const struct wire_fetch_request *q,
                          const struct fetch_context *c)
{
    for (size_t i = 0; i < c->n_wants; i++) {
        struct part_key key = { s->by_id, c->wants[i].id, c->wants[i].topic,
                                c->wants[i].partition };
        struct fetch_part *part = part_find(s, &key);

        if (part)
            part_set(part, &c->wants[i]);
        else if (!part_add(sessions, s, &c->wants[i]))
            return false;
    }
    for (size_t i = 0; i < q->n_forgotten_topics_data; i++) {
        const struct wire_fetch_request_forgotten_topics_data *t =
            &q->forgotten_topics_data[i];

        for (size_t j = 0; j < t->n_partitions; j++) {
            struct part_key key = { s->by_id, t->topic_id, t->topic,
                                    t->partitions[j] };
            struct fetch_part *part = part_find(s, &key);

            if (part)
                part_drop(sessions, s, part);
        }
    }
    return true;
}

/* List all the session wants, in order of service. Names are copied; a row of
 * partitions of one topic shares a copy. */
static enum err list_session_locked(struct fetch_session *s,
                                    fetch_name_fn *name, void *name_context,
                                    struct arena *arena,
                                    struct fetch_context *c)
{
    struct bytes topic = BYTES_NULL;
    struct uuid last = { { 0 } };

    c->n_wants = 0;
    c->wants = arena_array(arena, s->map.count, sizeof *c->wants);
    if (!c->wants)
        return arena->err;
    LIST_EACH(link, &s->ring) {
        struct fetch_part *part = CONTAINER_OF(link, struct fetch_part, ring);
        struct bytes known = part_name(part);

        if (known.at && !bytes_equal(known, topic))
            topic = arena_copy(arena, known);
        else if (!known.at && (!topic.at || !uuid_equal(last, part->id)))
            topic = name(name_context, part->id, arena);
        last = part->id;
        c->wants[c->n_wants++] = (struct fetch_want){
            .topic = topic,
            .id = part->id,
            .partition = part->partition,
            .current_epoch = part->current_epoch,
            .last_fetched_epoch = part->last_fetched_epoch,
            .max_bytes = part->max_bytes,
            .offset = part->offset,
            .log_start = part->fetcher_log_start,
            .part = part,
        };
    }
    return arena->err;
}

/* -- opening
 * ------------------------------------------------------------------------- */

static void open_full(struct fetch_sessions *sessions,
                      const struct wire_fetch_request *q,
                      struct fetch_context *c)
{
    struct fetch_session *s;

    if (q->session_id != 0) {
        lock_take(&sessions->lock);
        s = find_locked(sessions, q->session_id);
        if (s)
            remove_locked(sessions, s);
        lock_give(&sessions->lock);
    }
    c->kind = q->session_epoch == FINAL_EPOCH ? FETCH_SESSIONLESS : FETCH_FULL;
}

static int16_t check_locked(const struct fetch_session *s, int32_t epoch,
                            bool by_id)
{
    if (s->epoch != epoch)
        return KAFKA_INVALID_FETCH_SESSION_EPOCH;
    if (s->by_id != by_id)
        return KAFKA_FETCH_SESSION_TOPIC_ID_ERROR;
    return KAFKA_NONE;
}

static enum err open_incremental(struct fetch_sessions *sessions,
                                 const struct wire_fetch_request *q,
                                 fetch_name_fn *name, void *name_context,
                                 struct arena *arena, int64_t now_ms,
                                 struct fetch_context *c)
{
    struct fetch_session *s;
    enum err err = ERR_OK;
    bool gone = false;
    size_t size = 0;

    lock_take(&sessions->lock);
    s = find_locked(sessions, q->session_id);
    if (!s) {
        c->error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
        lock_give(&sessions->lock);
        return ERR_OK;
    }
    lock_take(&s->lock);
    c->error = check_locked(s, q->session_epoch, c->by_id);
    if (c->error == KAFKA_NONE) {
        if (!update_locked(sessions, s, q, c)) {
            c->error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
            gone = true;
        } else if (s->map.count == 0) {
            c->kind = FETCH_SESSIONLESS; /* closed by forgetting all */
            gone = true;
        } else {
            s->epoch = epoch_after(s->epoch);
            size = s->map.count;
            c->kind = FETCH_INCREMENTAL;
            err = list_session_locked(s, name, name_context, arena, c);
        }
    }
    lock_give(&s->lock);
    if (size > 0)
        touch_locked(s, now_ms, size);
    if (c->kind == FETCH_INCREMENTAL) {
        atomic_fetch_add(&s->refs, 1);
        c->session = s;
    }
    if (gone)
        remove_locked(sessions, s);
    lock_give(&sessions->lock);
    return err;
}

enum err fetch_context_open(struct fetch_sessions *sessions,
                            const struct wire_fetch_request *q, int16_t version,
                            bool follower, fetch_name_fn *name,
                            void *name_context, struct arena *arena,
                            int64_t now_ms, struct fetch_context *c)
{
    bool full =
        q->session_epoch == FULL_EPOCH || q->session_epoch == FINAL_EPOCH;
    enum err err;

    *c = (struct fetch_context){ .kind = FETCH_SESSION_ERROR,
                                 .follower = follower,
                                 .by_id = version >= 13,
                                 .epoch = q->session_epoch };
    err = list_request(q, c->by_id, name, name_context, arena, c);
    if (err != ERR_OK)
        return err;
    if (full) {
        open_full(sessions, q, c);
        return drop_twins(c, arena);
    }
    return open_incremental(sessions, q, name, name_context, arena, now_ms, c);
}

/* -- answering
 * ----------------------------------------------------------------------- */

/* A positive id that no session has. */
static int32_t new_id_locked(const struct fetch_sessions *sessions)
{
    uint32_t id;

    do {
        if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
            id = (uint32_t)(sessions->map.count * 2654435761u + 1);
        id &= INT32_MAX;
    } while (id == 0 || find_locked(sessions, (int32_t)id));
    return (int32_t)id;
}

static void note_told(struct fetch_part *part, const struct fetch_told *told)
{
    part->high_watermark =
        told->error != KAFKA_NONE ? -1 : told->high_watermark;
    part->log_start = told->log_start;
}

static int32_t open_session(struct fetch_sessions *sessions,
                            const struct fetch_context *c,
                            const struct fetch_told *told, int64_t now_ms)
{
    struct fetch_session *s = NULL;
    int32_t id = 0;

    lock_take(&sessions->lock);
    if (sessions->slots > 0 &&
        (sessions->map.count < sessions->slots ||
         evict_locked(sessions, c->follower, c->n_wants, now_ms))) {
        s = session_new(new_id_locked(sessions), c->follower, c->by_id, now_ms);
        for (size_t i = 0; i < c->n_wants; i++) {
            struct fetch_part *part = part_add(sessions, s, &c->wants[i]);

            if (!part) { /* over the budget: it stays without a session */
                atomic_fetch_sub(&sessions->bytes, s->bytes);
                session_unref(&s);
                break;
            }
            note_told(part, &told[i]);
        }
    }
    if (s) {
        s->listed = true;
        touch_locked(s, now_ms, c->n_wants);
        map_put(&sessions->map, &s->link,
                map_hash_int((uint32_t)s->id, sessions->map.seed));
        id = s->id;
    }
    lock_give(&sessions->lock);
    return id;
}

/* Whether there is something to say; notes that it was said. */
static bool part_answer(struct fetch_session *s, struct fetch_part *part,
                        const struct fetch_told *told)
{
    bool say = told->has_records || told->diverging ||
               told->error != KAFKA_NONE ||
               part->high_watermark != told->high_watermark ||
               part->log_start != told->log_start;

    note_told(part, told);
    if (told->has_records) {
        list_remove(&part->ring);
        list_append(&s->ring, &part->ring);
    }
    return say;
}

void fetch_context_answer(struct fetch_sessions *sessions,
                          struct fetch_context *c,
                          const struct fetch_told *told, bool *include,
                          int64_t now_ms, int16_t *error, int32_t *session_id)
{
    struct fetch_session *s = c->session;

    *error = c->error;
    *session_id = 0;
    for (size_t i = 0; i < c->n_wants; i++)
        include[i] = c->kind != FETCH_SESSION_ERROR;
    if (c->kind == FETCH_FULL)
        *session_id = open_session(sessions, c, told, now_ms);
    if (c->kind != FETCH_INCREMENTAL)
        return;
    *session_id = s->id;
    lock_take(&s->lock);
    if (s->epoch != epoch_after(c->epoch)) {
        /* Another request went on with the session meanwhile. */
        *error = KAFKA_INVALID_FETCH_SESSION_EPOCH;
        memset(include, 0, c->n_wants * sizeof *include);
    } else {
        for (size_t i = 0; i < c->n_wants; i++)
            include[i] = part_answer(s, c->wants[i].part, &told[i]);
    }
    lock_give(&s->lock);
}

void fetch_context_close(struct fetch_context *c)
{
    session_unref(&c->session);
}

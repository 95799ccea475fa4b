/* replicas.c - the map of partitions, and opening and closing what it needs.
 *
 * The map's lock covers finding and taking a reference, nothing else: no disk
 * work and no partition's lock under it.
 */
#include "partition/partition_private.h"

#include <stdio.h>

#include "api/fetch_session.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "wire/errors.h"

enum {
    INLINE_SMALL = 4 * 1024,        /* by a reactor unless writes stall */
    INLINE_LARGE = 2 * 1024 * 1024, /* never, above */
    SLOW_WRITE_US = 1000,           /* a write that makes us careful ... */
    CAREFUL_US = 100 * 1000,        /* ... for so long */
    STALL_US = 20 * 1000,           /* one that makes us so with all sizes ... */
    STALL_TIMES = 10, /* ... for so many times as long as it took: stalls cost
                         a reactor a tenth of its time at most */
};

/* -- settings
 * --------------------------------------------------------------------- */

struct topic_settings *topic_settings_new(const struct log_config *config)
{
    struct topic_settings *settings = mem_need(sizeof *settings);

    atomic_init(&settings->refs, 1);
    settings->log = *config;
    return settings;
}

struct topic_settings *topic_settings_ref(struct topic_settings *settings)
{
    atomic_fetch_add_explicit(&settings->refs, 1, memory_order_relaxed);
    return settings;
}

void topic_settings_unref(struct topic_settings **settings)
{
    struct topic_settings *s = *settings;

    *settings = NULL;
    if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        mem_free(s);
}

void replicas_config_init(struct replicas_config *config)
{
    *config = (struct replicas_config){
        .recovery_threads = 1,
        .open_files = 4096,
        .retention_check_ms = 300000,
        .recovery_checkpoint_ms = 60000,
        .start_checkpoint_ms = 60000,
        .high_checkpoint_ms = 5000,
        .flush_check_ms = INT64_MAX,
        .producer_check_ms = 600000,
        .lag_max_ms = 30000,
        .fetch_sessions = 1000,
    };
    cleaner_config_init(&config->cleaner);
    log_config_init(&config->defaults);
}

/* -- the map
 * ---------------------------------------------------------------------- */

struct key {
    struct bytes topic;
    int32_t index;
};

static uint64_t hash_of(const struct replicas *r, struct bytes topic,
                        int32_t index)
{
    return map_hash_int((uint32_t)index, bytes_hash(topic, r->map.seed));
}

static bool is_partition(const struct map_link *link, const void *context)
{
    const struct partition *p = CONTAINER_OF(link, struct partition, link);
    const struct key *key = context;

    return p->index == key->index &&
           bytes_equal(partition_topic(p), key->topic);
}

struct partition *replicas_lookup(struct replicas *r, struct bytes topic,
                                  int32_t index)
{
    struct key key = { topic, index };
    uint64_t hash = hash_of(r, topic, index);
    struct partition *p = NULL;
    struct map_link *link;

    lock_take(&r->lock);
    link = map_find(&r->map, hash, is_partition, &key);
    if (link)
        p = partition_ref(CONTAINER_OF(link, struct partition, link));
    lock_give(&r->lock);
    return p;
}

bool replicas_put(struct replicas *r, struct partition *p)
{
    struct key key = { partition_topic(p), p->index };
    uint64_t hash = hash_of(r, key.topic, key.index);
    bool fresh;

    lock_take(&r->lock);
    fresh = map_find(&r->map, hash, is_partition, &key) == NULL;
    if (fresh)
        map_put(&r->map, &partition_ref(p)->link, hash);
    lock_give(&r->lock);
    return fresh;
}

void replicas_drop(struct replicas *r, struct partition *p)
{
    lock_take(&r->lock);
    map_remove(&r->map, &p->link);
    lock_give(&r->lock);
    partition_unref(&p);
}

static enum partition_state state_of(struct partition *p)
{
    enum partition_state state;

    lock_take(&p->lock);
    state = (enum partition_state)p->state;
    lock_give(&p->lock);
    return state;
}

struct partition *replicas_find(struct replicas *r, struct bytes topic,
                                int32_t index)
{
    struct partition *p = replicas_lookup(r, topic, index);

    if (p && state_of(p) != PARTITION_ONLINE)
        partition_unref(&p);
    return p;
}

/* Whether the cluster knows the partition, wherever it lives. */
static bool known_elsewhere(const struct replicas *r, struct bytes topic,
                            int32_t index)
{
    struct meta_topic *t = metadata_topic_find(r->broker->metadata, topic);
    bool known = t && meta_partition_find(t, index) != NULL;

    if (t)
        meta_topic_unref(t);
    return known;
}

int16_t replicas_get(struct replicas *r, struct bytes topic, int32_t index,
                     struct partition **out)
{
    struct partition *p = replicas_lookup(r, topic, index);
    enum partition_state state = p ? state_of(p) : PARTITION_DELETED;

    *out = NULL;
    if (state == PARTITION_ONLINE) {
        *out = p;
        return KAFKA_NONE;
    }
    partition_unref(&p);
    if (state == PARTITION_OFFLINE)
        return KAFKA_KAFKA_STORAGE_ERROR;
    return known_elsewhere(r, topic, index) ? KAFKA_NOT_LEADER_OR_FOLLOWER
                                            : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
}

void replicas_all(struct replicas *r, struct partition ***partitions, size_t *n)
{
    struct partition **all;
    size_t count = 0;

    lock_take(&r->lock);
    all = mem_need_array(r->map.count + 1, sizeof(struct partition *));
    for (struct map_link *l = map_next(&r->map, NULL); l;
         l = map_next(&r->map, l))
        all[count++] = partition_ref(CONTAINER_OF(l, struct partition, link));
    lock_give(&r->lock);
    *partitions = all;
    *n = count;
}

struct fetch_sessions *replicas_fetch_sessions(struct replicas *r)
{
    return r->sessions;
}

const struct replicas_config *replicas_config(const struct replicas *r)
{
    return &r->config;
}

struct log_dir *const *replicas_dirs(const struct replicas *r, size_t *n)
{
    *n = r->n_dirs;
    return r->dirs;
}

/* -- where to write
 * ----------------------------------------------------------------- */

bool replicas_may_write_inline(struct replicas *r, size_t size)
{
    const _Atomic int64_t *until_us =
        size <= INLINE_SMALL ? &r->stalled_until_us : &r->slow_until_us;

    return size <= INLINE_LARGE &&
           atomic_load_explicit(until_us, memory_order_relaxed) <=
               clock_mono_us();
}

static void careful_until(_Atomic int64_t *until_us, int64_t us)
{
    if (us > atomic_load_explicit(until_us, memory_order_relaxed))
        atomic_store_explicit(until_us, us, memory_order_relaxed);
}

void replicas_note_write(struct replicas *r, int64_t took_us)
{
    int64_t now;

    if (took_us <= SLOW_WRITE_US)
        return;
    now = clock_mono_us();
    careful_until(&r->slow_until_us, now + CAREFUL_US);
    if (took_us > STALL_US)
        careful_until(&r->stalled_until_us, now + took_us * STALL_TIMES);
}

/* -- directories
 * -------------------------------------------------------------------- */

struct offline_job {
    struct job job;
    struct replicas *replicas;
    struct log_dir *dir;
};

static size_t dirs_online(const struct replicas *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_dirs; i++)
        n += !log_dir_offline(r->dirs[i]);
    return n;
}

/* In the pool: the thread that met the failure may hold anything. */
static void offline_run(struct job *job)
{
    struct offline_job *offline = CONTAINER_OF(job, struct offline_job, job);
    struct replicas *r = offline->replicas;
    struct partition **all;
    size_t n;

    replicas_all(r, &all, &n);
    for (size_t i = 0; i < n; i++) {
        bool in_it;

        lock_take(&all[i]->lock);
        in_it = all[i]->log && log_dir_of(all[i]->log) == offline->dir;
        lock_give(&all[i]->lock);
        if (in_it)
            partition_close(all[i], PARTITION_OFFLINE);
        partition_unref(&all[i]);
    }
    mem_free(all);
    if (r->config.on_offline)
        r->config.on_offline(r->config.context, log_dir_path(offline->dir),
                             dirs_online(r) == 0);
    mem_free(offline);
    atomic_fetch_sub(&r->jobs, 1);
    gate_notify(&r->gate);
}

void replicas_on_offline(void *context, struct log_dir *dir)
{
    struct replicas *r = context;
    struct offline_job *offline = mem_need(sizeof *offline);

    offline->job.run = offline_run;
    offline->replicas = r;
    offline->dir = dir;
    atomic_fetch_add(&r->jobs, 1);
    pool_submit(r->broker->pool, &offline->job);
}

/* -- life
 * ---------------------------------------------------------------------------
 */

static enum err open_dirs(struct replicas *r, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (size_t i = 0; i < r->config.n_log_dirs; i++) {
        struct log_dir *dir;

        err = log_dir_open(&dir, r->config.fs, r->files, r->paths[i], why);
        if (err == ERR_OK) {
            log_dir_on_offline(dir, replicas_on_offline, r);
            r->dirs[r->n_dirs++] = dir;
            continue;
        }
        if (err != ERR_IO && err != ERR_DENIED && err != ERR_SPACE)
            return err;
        if (r->config.n_log_dirs > 1)
            diag_error("event=log_dir_unusable path=%s reason=\"%s\"",
                       r->paths[i], why->text);
    }
    if (r->n_dirs > 0)
        return ERR_OK;
    err_prefix(why, "log.dirs: let the broker write there, or set others");
    return err;
}

enum err replicas_open(struct replicas **out,
                       const struct replicas_config *config, struct errmsg *why)
{
    struct replicas *r = mem_need(sizeof *r);
    enum err err;

    assert(config->n_log_dirs > 0);
    r->config = *config;
    r->broker = config->broker;
    r->paths = mem_need_array(config->n_log_dirs, sizeof *r->paths);
    for (size_t i = 0; i < config->n_log_dirs; i++)
        r->paths[i] = mem_need_text(bytes_of(config->log_dirs[i]));
    r->config.log_dirs = (const char *const *)r->paths;
    r->dirs = mem_need_array(config->n_log_dirs, sizeof(struct log_dir *));
    r->files = seg_files_new(config->fs, config->open_files);
    r->sessions = fetch_sessions_new(config->fetch_sessions);
    r->defaults = topic_settings_new(&config->defaults);
    lock_init(&r->lock);
    map_init(&r->map);
    gate_init(&r->gate);
    err = open_dirs(r, why);
    if (err != ERR_OK)
        replicas_free(&r);
    *out = r;
    return err;
}

void replicas_close_unclean(struct replicas *r)
{
    struct partition **all;
    struct errmsg why;
    size_t n;

    replicas_all(r, &all, &n);
    for (size_t i = 0; i < n; i++) {
        struct log *log;

        partition_close(all[i], PARTITION_DELETED);
        log = partition_take_log(all[i]);
        if (log)
            log_abandon(&log);
        replicas_drop(r, all[i]);
        partition_unref(&all[i]);
    }
    mem_free(all);
    for (size_t i = 0; i < r->n_dirs; i++)
        err_ignore(log_dir_close(&r->dirs[i], false, &why),
                   "nothing is promised by an unclean close");
    r->n_dirs = 0;
}

void replicas_free(struct replicas **out)
{
    struct replicas *r = *out;

    if (!r)
        return;
    *out = NULL;
    replicas_close_unclean(r);
    seg_files_free(&r->files);
    fetch_sessions_free(&r->sessions);
    topic_settings_unref(&r->defaults);
    for (size_t i = 0; i < r->config.n_log_dirs; i++)
        mem_free(r->paths[i]);
    mem_free(r->paths);
    mem_free(r->dirs);
    map_fini(&r->map);
    gate_fini(&r->gate);
    lock_fini(&r->lock);
    mem_free(r);
}

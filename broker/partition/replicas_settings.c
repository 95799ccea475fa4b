/* replicas_settings.c - topics' settings, shared by their partitions. */
#include "partition/partition_private.h"

#include "base/mem.h"
#include "broker.h"

struct topic_settings *replicas_settings(struct replicas *r, struct bytes topic)
{
    struct topic_settings *defaults, *settings;
    struct log_config config;

    lock_take(&r->lock);
    defaults = topic_settings_ref(r->defaults);
    lock_give(&r->lock);
    if (!r->config.topic_config)
        return defaults;
    config = defaults->log;
    r->config.topic_config(r->config.context, topic, &config);
    /* Bytes that differ by padding alone cost one struct more, no harm. */
    if (memcmp(&config, &defaults->log, sizeof config) == 0) /* NOLINT */
        return defaults;
    settings = topic_settings_new(&config);
    topic_settings_unref(&defaults);
    return settings;
}

/* Give a topic's partitions the same new settings. */
void replicas_topic_config_set(struct replicas *r, struct bytes topic,
                               const struct log_config *config)
{
    struct topic_settings *settings = topic_settings_new(config);
    struct partition **all;
    size_t n;

    replicas_all(r, &all, &n);
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(partition_topic(all[i]), topic))
            partition_set_settings(all[i], topic_settings_ref(settings));
        partition_unref(&all[i]);
    }
    mem_free(all);
    topic_settings_unref(&settings);
}

/* -- new defaults
 * ------------------------------------------------------------------- */

struct reconfigure {
    struct job job;
    struct replicas *replicas;
};

static void reconfigure_run(struct job *job)
{
    struct reconfigure *re = CONTAINER_OF(job, struct reconfigure, job);
    struct replicas *r = re->replicas;
    struct topic_settings *settings = NULL;
    struct bytes of = BYTES_NULL;
    struct partition **all;
    size_t n;

    replicas_all(r, &all, &n);
    for (size_t i = 0; i < n; i++) {
        struct bytes name = partition_topic(all[i]);

        if (!settings || !bytes_equal(of, name)) {
            topic_settings_unref(&settings);
            settings = replicas_settings(r, name);
            of = name;
        }
        partition_set_settings(all[i], topic_settings_ref(settings));
    }
    topic_settings_unref(&settings);
    for (size_t i = 0; i < n; i++)
        partition_unref(&all[i]);
    mem_free(all);
    mem_free(re);
    atomic_fetch_sub(&r->jobs, 1);
    gate_notify(&r->gate);
}

void replicas_defaults_set(struct replicas *r,
                           const struct log_config *defaults)
{
    struct topic_settings *fresh = topic_settings_new(defaults), *old;
    struct reconfigure *re = mem_need(sizeof *re);

    lock_take(&r->lock);
    old = r->defaults;
    r->defaults = fresh;
    lock_give(&r->lock);
    topic_settings_unref(&old);
    re->job.run = reconfigure_run;
    re->replicas = r;
    atomic_fetch_add(&r->jobs, 1);
    pool_submit(r->broker->pool, &re->job);
}

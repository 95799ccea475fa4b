/* kmetric_show.c - all metrics, one sample after the other. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keeper/kmetric.h"
#include "keeper/kquota.h"

struct show {
    const struct kcore *core;
    enum kmetric_style style;
    ksample_fn *each;
    void *to;
};

static void give(const struct show *show, struct ksample sample)
{
    if (sample.before == NULL)
        sample.before = "";
    if (sample.after == NULL)
        sample.after = "";
    if (show->style == KMETRIC_PROMETHEUS && !sample.is_double) {
        sample.is_double = true;
        sample.d = (double)sample.i;
    }
    show->each(show->to, &sample);
}

static void gauge(const struct show *show, const char *name, int64_t value)
{
    give(show, (struct ksample){ .family = name, .type = "gauge", .i = value });
}

static void gauge_double(const struct show *show, const char *name,
                         double value)
{
    give(show,
         (struct ksample){
             .family = name, .type = "gauge", .is_double = true, .d = value });
}

static size_t open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* . and .. and this directory itself */
}

/* At most four decimals. */
static double average(int64_t sum, uint64_t n)
{
    return n ? round((double)sum / (double)n * 10000.0) / 10000.0 : 0.0;
}

static void gauges(const struct show *show)
{
    const struct kcore *core = show->core;
    const struct kcore_stats *s = &core->stats;
    struct rlimit files = { 0, 0 };

    (void)getrlimit(RLIMIT_NOFILE, &files);
    gauge_double(show, "avg_latency",
                 average((int64_t)s->latency_sum_ms, s->latency_n));
    gauge(show, "max_latency", s->latency_max_ms);
    gauge(show, "min_latency", s->latency_min_ms);
    gauge(show, "packets_received", (int64_t)s->received);
    gauge(show, "packets_sent", (int64_t)s->sent);
    gauge(show, "num_alive_connections", (int64_t)core->n_peers);
    gauge(show, "outstanding_requests", (int64_t)core->batch_records);
    gauge(show, "znode_count", (int64_t)core->tree.n + 1);
    gauge(show, "watch_count",
          (int64_t)(core->watches.n_data + core->watches.n_child));
    gauge(show, "ephemerals_count", (int64_t)core->tree.n_ephemerals);
    gauge(show, "approximate_data_size", core->tree.data_size);
    gauge(show, "open_file_descriptor_count", (int64_t)open_files());
    gauge(show, "max_file_descriptor_count", (int64_t)files.rlim_cur);
    gauge(show, "uptime", core->now_ms - core->started_ms);
    gauge(show, "global_sessions", (int64_t)core->sessions.by_id.count);
    gauge(show, "local_sessions", 0);
    gauge(show, "auth_failed_count", (int64_t)s->auth_failed);
    gauge(show, "last_client_response_size", s->response_last);
    gauge(show, "min_client_response_size", s->response_min);
    gauge(show, "max_client_response_size", s->response_max);
    gauge_double(show, "connection_drop_probability", 0.0);
    gauge(show, "outstanding_tls_handshake", 0);
    gauge(show, "non_mtls_remote_conn_count", 0);
    gauge(show, "non_mtls_local_conn_count", 0);
}

/* -- quotas, by the first component of their path -------------------------- */

enum { SPACES_MOST = 1000 };

struct space {
    char *name; /* not ended by a NUL */
    size_t len;
    int64_t values[4]; /* -1: none */
};

struct spaces {
    struct space *at;
    size_t n;
};

static struct bytes top_of(struct bytes path)
{
    size_t n = 1;

    while (n < path.len && path.at[n] != '/')
        n++;
    return bytes_make(path.at + 1, n - 1);
}

static struct space *space_get(struct spaces *spaces, struct bytes top)
{
    for (size_t i = 0; i < spaces->n; i++)
        if (spaces->at[i].len == top.len &&
            memcmp(spaces->at[i].name, top.at, top.len) == 0)
            return &spaces->at[i];
    if (spaces->n == SPACES_MOST)
        return NULL;
    spaces->at = mem_need_more(spaces->at, spaces->n + 1, sizeof *spaces->at);
    struct space *space = &spaces->at[spaces->n++];
    *space = (struct space){ .len = top.len, .values = { -1, -1, -1, -1 } };
    char *name = mem_need(top.len + 1);
    memcpy(name, top.at, top.len);
    space->name = name;
    return space;
}

static void value_add(int64_t *to, int64_t value)
{
    if (value > -1)
        *to = (*to < 0 ? 0 : *to) + value;
}

static void space_add(void *to, struct bytes path, const struct kquota *limits,
                      const struct kquota *usage)
{
    struct space *space = space_get(to, top_of(path));

    if (space == NULL)
        return;
    value_add(&space->values[0],
              limits->bytes_hard > -1 ? limits->bytes_hard : limits->bytes);
    value_add(&space->values[1], usage->bytes);
    value_add(&space->values[2],
              limits->count_hard > -1 ? limits->count_hard : limits->count);
    value_add(&space->values[3], usage->count);
}

static void quotas(const struct show *show)
{
    static const char *const names[] = { "quota_bytes_limit_per_namespace",
                                         "quota_bytes_usage_per_namespace",
                                         "quota_count_limit_per_namespace",
                                         "quota_count_usage_per_namespace" };
    struct spaces spaces = { .n = 0 };

    if (show->core->n_limits > 0)
        kquota_each(show->core, space_add, &spaces);
    for (unsigned k = 0; k < 4; k++) {
        const char *type = "gauge";

        for (size_t i = 0; i < spaces.n; i++) {
            const struct space *space = &spaces.at[i];

            if (space->values[k] < 0)
                continue;
            give(show,
                 (struct ksample){ .family = names[k],
                                   .type = type,
                                   .label = "key",
                                   .key = bytes_make(space->name, space->len),
                                   .key_in_front = show->style == KMETRIC_PLAIN,
                                   .i = space->values[k] });
            type = NULL;
        }
        if (type != NULL)
            give(show, (struct ksample){
                           .family = names[k], .type = type, .none = true });
    }
    for (size_t i = 0; i < spaces.n; i++)
        mem_free(spaces.at[i].name);
    mem_free(spaces.at);
}

/* -- summaries ------------------------------------------------------------- */

static void summary_plain(const struct show *show, enum kmetric_summary id)
{
    static const struct {
        const char *before;
        double share;
    } shares[] = {
        { "p50_", 0.5 },
        { "p95_", 0.95 },
        { "p99_", 0.99 },
        { "p999_", 0.999 },
    };
    const struct kmetrics *metrics = &show->core->metrics;
    const struct kmetric_summary_values *s = &metrics->summaries[id];
    struct ksample sample = { .family = kmetric_summary_name(id),
                              .type = "summary",
                              .before = "avg_",
                              .is_double = true,
                              .d = average(s->sum, s->n) };

    give(show, sample);
    sample.is_double = false;
    sample.type = NULL;
    sample.before = "min_";
    sample.i = s->min;
    give(show, sample);
    sample.before = "max_";
    sample.i = s->max;
    give(show, sample);
    sample.before = "cnt_";
    sample.i = (int64_t)s->n;
    give(show, sample);
    sample.before = "sum_";
    sample.i = s->sum;
    give(show, sample);
    for (size_t k = 0; id >= KM_N_PLAIN && k < 4; k++) {
        sample.before = shares[k].before;
        sample.i = kmetric_percentile(metrics, id, shares[k].share);
        give(show, sample);
    }
}

static void summary_prometheus(const struct show *show, enum kmetric_summary id)
{
    static const struct {
        const char *text;
        double share;
    } shares[] = {
        { "0.5", 0.5 },
        { "0.9", 0.9 },
        { "0.99", 0.99 },
    };
    const struct kmetrics *metrics = &show->core->metrics;
    const struct kmetric_summary_values *s = &metrics->summaries[id];
    struct ksample sample = { .family = kmetric_summary_name(id),
                              .type = "summary",
                              .label = "quantile",
                              .is_double = true };

    for (size_t k = 0; k < (id >= KM_N_PLAIN ? 3 : 1); k++) {
        sample.key = bytes_of(shares[k].text);
        sample.d =
            s->n ? (double)kmetric_percentile(metrics, id, shares[k].share)
                 : NAN;
        give(show, sample);
        sample.type = NULL;
    }
    sample.label = NULL;
    sample.after = "_count";
    sample.d = (double)s->n;
    give(show, sample);
    sample.after = "_sum";
    sample.d = (double)s->sum;
    give(show, sample);
}

/* -- the process ----------------------------------------------------------- */

static void process_all(const struct show *show)
{
    const double page = (double)sysconf(_SC_PAGESIZE);
    const struct kcore *core = show->core;
    struct rusage usage = { 0 };
    struct rlimit files = { 0, 0 };
    long size = 0;
    long resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f != NULL) {
        if (fscanf(f, "%ld %ld", &size, &resident) != 2)
            size = resident = 0;
        (void)fclose(f);
    }
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    give(show,
         (struct ksample){
             .family = "process_cpu_seconds_total",
             .type = "counter",
             .is_double = true,
             .d = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
                      1e6 });
    gauge_double(show, "process_start_time_seconds",
                 (double)(core->wall_ms - (core->now_ms - core->started_ms)) /
                     1000.0);
    gauge(show, "process_open_fds", (int64_t)open_files());
    gauge(show, "process_max_fds", (int64_t)files.rlim_cur);
    gauge_double(show, "process_virtual_memory_bytes", (double)size * page);
    gauge_double(show, "process_resident_memory_bytes",
                 (double)resident * page);
}

void kmetrics_each(const struct kcore *core, enum kmetric_style style,
                   bool process, ksample_fn *each, void *to)
{
    const struct show show = { core, style, each, to };

    gauges(&show);
    quotas(&show);
    for (unsigned i = 0; i < KM_N_COUNTERS; i++)
        give(&show, (struct ksample){
                        .family = kmetric_counter_name((enum kmetric_counter)i),
                        .type = "counter",
                        .i = (int64_t)core->metrics.counters[i] });
    for (unsigned i = 0; i < KM_N_SUMMARIES; i++) {
        if (style == KMETRIC_PLAIN)
            summary_plain(&show, (enum kmetric_summary)i);
        else
            summary_prometheus(&show, (enum kmetric_summary)i);
    }
    if (process)
        process_all(&show);
}

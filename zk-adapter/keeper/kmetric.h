/* kmetric.h - what the service counts, under ZooKeeper's names.
 *
 * Counters only grow. A summary keeps count, sum, least and most of what was
 * added, and a histogram, from which percentiles are read to within an eighth;
 * advanced ones show more of them. Gauges are not kept: kmetrics_each() asks
 * the core.
 *
 * Adding costs a few nanoseconds. Threads: the keeper loop only.
 */
#ifndef GREGOR_KEEPER_KMETRIC_H
#define GREGOR_KEEPER_KMETRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "keeper/kmetric_list.h"

#define KMETRIC_ENUM(name) KM_##name,
enum kmetric_counter { KMETRIC_COUNTERS(KMETRIC_ENUM) KM_N_COUNTERS };
enum kmetric_summary {
    KMETRIC_SUMMARIES(KMETRIC_ENUM) KM_N_PLAIN,
    KM_BEFORE_ADVANCED = KM_N_PLAIN - 1,
    KMETRIC_ADVANCED(KMETRIC_ENUM) KM_N_SUMMARIES
};
#undef KMETRIC_ENUM

enum { KM_SLOTS = 232 };

struct kmetric_summary_values {
    uint64_t n;
    int64_t sum;
    int64_t min; /* 0 while n is 0, like max */
    int64_t max;
};

struct kmetrics {
    uint64_t counters[KM_N_COUNTERS];
    struct kmetric_summary_values summaries[KM_N_SUMMARIES];
    uint32_t slots[KM_N_SUMMARIES][KM_SLOTS];
};

static inline void kmetric_count(struct kmetrics *metrics,
                                 enum kmetric_counter counter, uint64_t n)
{
    metrics->counters[counter] += n;
}

/* Add `value` `n` times. */
void kmetric_add(struct kmetrics *metrics, enum kmetric_summary summary,
                 int64_t value, uint64_t n);

/* The value that `share` (0 to 1) of all that was added do not exceed; 0 while
 * there is none. */
int64_t kmetric_percentile(const struct kmetrics *metrics,
                           enum kmetric_summary summary, double share);

/* As ZooKeeper spells it; static. */
const char *kmetric_counter_name(enum kmetric_counter counter);
const char *kmetric_summary_name(enum kmetric_summary summary);

/* One line of what the metrics show. */
struct ksample {
    const char *family; /* the metric */
    const char *type;   /* gauge, counter, summary: at the first of a family */
    const char *before; /* around the family: the sample's name */
    const char *after;
    const char *label; /* NULL: none */
    struct bytes key;  /* the label's value */
    bool key_in_front; /* the key is part of the name, before the family */
    bool none;         /* the family has no samples now */
    bool is_double;
    int64_t i;
    double d;
};

typedef void ksample_fn(void *to, const struct ksample *sample);

/* How summaries are spelled: avg_x min_x ..., or x{quantile=...} x_count x_sum
 * with all numbers as doubles, as ZooKeeper's metrics provider for Prometheus
 * does. */
enum kmetric_style { KMETRIC_PLAIN, KMETRIC_PROMETHEUS };

struct kcore;

/* Everything there is, in one fixed order. `process`: also what the process
 * takes (process_cpu_seconds_total ...). */
void kmetrics_each(const struct kcore *core, enum kmetric_style style,
                   bool process, ksample_fn *each, void *to);

#endif

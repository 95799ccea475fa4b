/* kmetric.c - counting; see kmetric.h. */
#include "keeper/kmetric.h"

#include <assert.h>

#define NAME(name) #name,
static const char *const counters[] = { KMETRIC_COUNTERS(NAME) };
static const char *const summaries[] = { KMETRIC_SUMMARIES(NAME)
                                             KMETRIC_ADVANCED(NAME) };
#undef NAME

static_assert(sizeof counters / sizeof counters[0] == KM_N_COUNTERS, "names");
static_assert(sizeof summaries / sizeof summaries[0] == KM_N_SUMMARIES,
              "names");

const char *kmetric_counter_name(enum kmetric_counter counter)
{
    return counters[counter];
}

const char *kmetric_summary_name(enum kmetric_summary summary)
{
    return summaries[summary];
}

/* Values below 16 have a slot each, then each power of two has eight. */
static unsigned slot_of(int64_t value)
{
    unsigned top;

    if (value < 16)
        return value < 0 ? 0 : (unsigned)value;
    if (value > INT32_MAX)
        value = INT32_MAX;
    top = 63u - (unsigned)__builtin_clzll((unsigned long long)value);
    return 16 + (top - 4) * 8 + ((unsigned)(value >> (top - 3)) & 7u);
}

static int64_t slot_value(unsigned slot)
{
    unsigned top = (slot - 16) / 8 + 4;

    if (slot < 16)
        return slot;
    return (int64_t)(8 + (slot - 16) % 8) << (top - 3);
}

void kmetric_add(struct kmetrics *metrics, enum kmetric_summary summary,
                 int64_t value, uint64_t n)
{
    struct kmetric_summary_values *s = &metrics->summaries[summary];

    if (n == 0)
        return;
    if (s->n == 0 || value < s->min)
        s->min = value;
    if (s->n == 0 || value > s->max)
        s->max = value;
    s->n += n;
    /* wraps, as ZooKeeper's does */
    s->sum = (int64_t)((uint64_t)s->sum + (uint64_t)value * n);
    metrics->slots[summary][slot_of(value)] += (uint32_t)n;
}

int64_t kmetric_percentile(const struct kmetrics *metrics,
                           enum kmetric_summary summary, double share)
{
    const uint32_t *slots = metrics->slots[summary];
    uint64_t all = 0;
    uint64_t seen = 0;

    for (unsigned i = 0; i < KM_SLOTS; i++)
        all += slots[i];
    for (unsigned i = 0; i < KM_SLOTS; i++) {
        seen += slots[i];
        if (seen > 0 && (double)seen >= share * (double)all)
            return slot_value(i);
    }
    return 0;
}

/* Metrics: what is added comes out, and numbers look as Java prints them. */
#include <math.h>

#include "keeper/kmetric.h"
#include "keeper/ktext.h"

#include "tests/support/kworld.h"
#include "tests/support/unit.h"

START_TEST(numbers_look_as_java_prints_them)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "0.0" },
        { 1, "1.0" },
        { 0.25, "0.25" },
        { -12.5, "-12.5" },
        { 100, "100.0" },
        { 9999999, "9999999.0" },
        { 1e7, "1.0E7" },
        { 17908736, "1.7908736E7" },
        { 0.001, "0.001" },
        { 0.0005, "5.0E-4" },
        { 1.79524721098e9, "1.79524721098E9" },
        { NAN, "NaN" },
        { INFINITY, "Infinity" },
    };
    char text[KTEXT_NUMBER];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ktext_double(text, cases[i].value);
        ck_assert_str_eq(text, cases[i].text);
    }
    ktext_average(text, 7, 4);
    ck_assert_str_eq(text, "1.75");
    ktext_average(text, 2, 3);
    ck_assert_str_eq(text, "0.6667");
    ktext_average(text, 0, 0);
    ck_assert_str_eq(text, "0.0");
}
END_TEST

START_TEST(percentiles_are_right_to_within_an_eighth)
{
    static struct kmetrics metrics;
    const enum kmetric_summary s = KM_updatelatency;

    memset(&metrics, 0, sizeof metrics);
    ck_assert_int_eq(kmetric_percentile(&metrics, s, 0.5), 0);
    for (int64_t i = 1; i <= 1000; i++)
        kmetric_add(&metrics, s, i, 2);
    ck_assert_uint_eq(metrics.summaries[s].n, 2000);
    ck_assert_int_eq(metrics.summaries[s].sum, 1001000);
    ck_assert_int_eq(metrics.summaries[s].min, 1);
    ck_assert_int_eq(metrics.summaries[s].max, 1000);
    for (int share = 1; share <= 10; share++) {
        int64_t got = kmetric_percentile(&metrics, s, share / 10.0);

        ck_assert_int_le(got, share * 100);
        ck_assert_int_ge(got * 8, share * 100 * 7);
    }
    kmetric_add(&metrics, s, INT64_MAX, 1);
    kmetric_add(&metrics, s, -5, 1);
    ck_assert_int_gt(kmetric_percentile(&metrics, s, 1.0), 1 << 30);
}
END_TEST

struct seen {
    size_t samples;
    size_t families;
    double znode_count;
    bool p99;
    bool quantile;
};

static void see(void *to, const struct ksample *s)
{
    struct seen *seen = to;

    seen->samples += !s->none;
    seen->families += s->type != NULL;
    if (strcmp(s->family, "znode_count") == 0)
        seen->znode_count = s->is_double ? s->d : (double)s->i;
    if (strcmp(s->family, "readlatency") == 0) {
        seen->p99 = seen->p99 || strcmp(s->before, "p99_") == 0;
        seen->quantile = seen->quantile || s->label != NULL;
    }
}

START_TEST(both_styles_show_every_family_once)
{
    struct kworld world;
    struct seen plain = { .samples = 0 };
    struct seen prometheus = { .samples = 0 };

    kworld_init(&world);
    kmetrics_each(&world.core, KMETRIC_PLAIN, false, see, &plain);
    kmetrics_each(&world.core, KMETRIC_PROMETHEUS, false, see, &prometheus);
    ck_assert_uint_eq(plain.families, 24 + 4 + KM_N_COUNTERS + KM_N_SUMMARIES);
    ck_assert_uint_eq(prometheus.families, plain.families);
    ck_assert_double_eq(plain.znode_count, 5);
    ck_assert_double_eq(prometheus.znode_count, 5);
    ck_assert(plain.p99 && !plain.quantile);
    ck_assert(prometheus.quantile && !prometheus.p99);
    kworld_fini(&world);
}
END_TEST

START_TEST(requests_are_counted_when_they_are_answered)
{
    struct kworld world;
    struct kuser user;
    const struct kmetric_summary_values *updates;

    kworld_init(&world);
    kuser_hello(&world, &user, 5000);
    updates = &world.core.metrics.summaries[KM_updatelatency];
    ck_assert_uint_eq(updates->n, 1);
    struct wr body;
    wr_init(&body, 1000);
    kbody_create(&body, "/a", "x", 0);
    kuser_send(&user, KOP_CREATE, &body);
    ck_assert_uint_eq(updates->n, 1);
    kworld_pass(&world, 7);
    kworld_sync(&world);
    ck_assert_uint_eq(updates->n, 2);
    ck_assert_int_eq(updates->max, 7);
    ck_assert_int_eq(user.peer.stats.latency_max_ms, 7);
    kuser_exists(&user, "/a", false);
    ck_assert_uint_eq(world.core.metrics.summaries[KM_readlatency].n, 1);
    kcore_stats_reset(&world.core);
    ck_assert_uint_eq(updates->n, 0);
    ck_assert_int_eq(world.core.stats.response_max, -1);
    wr_fini(&body);
    kuser_go(&user);
    kworld_fini(&world);
}
END_TEST

UNIT_MAIN("kmetric", numbers_look_as_java_prints_them,
          percentiles_are_right_to_within_an_eighth,
          both_styles_show_every_family_once,
          requests_are_counted_when_they_are_answered)

/* test_znode.c - payloads byte for byte as Kafka's, readers as tolerant. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "znode/znode.h"

#define GOLDEN "tests/zk-adapter/znode/golden/payloads.txt"

static struct arena arena;
static struct wr w;
static struct errmsg why;

static void setup(void)
{
    arena_init(&arena, 64 << 20);
    wr_init(&w, 16 << 20);
}

static void teardown(void)
{
    arena_fini(&arena);
    wr_fini(&w);
}

static void wrote(const char *text)
{
    ck_assert_int_eq(w.err, ERR_OK);
    ck_assert_msg(bytes_equal(bytes_make(w.data, w.len), bytes_of(text)),
                  "wrote %.*s\nnot   %s", (int)w.len, (const char *)w.data,
                  text);
    w.len = 0;
}

/* -- golden payloads: what is read and written again is the same bytes -- */

static enum err again_broker(struct bytes d)
{
    struct znode_broker v;
    enum err err = znode_broker_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_broker_write(&w, &v);
    return err;
}

static enum err again_topic(struct bytes d)
{
    struct znode_topic v;
    enum err err = znode_topic_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_topic_write(&w, &v);
    return err;
}

static enum err again_state(struct bytes d)
{
    struct znode_state v;
    enum err err = znode_state_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_state_write(&w, &v);
    return err;
}

static enum err again_controller(struct bytes d)
{
    struct znode_controller v;
    enum err err = znode_controller_read(d, &v, &why);

    if (err == ERR_OK)
        znode_controller_write(&w, &v);
    return err;
}

static enum err again_feature(struct bytes d)
{
    struct znode_features v;
    enum err err = znode_features_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_features_write(&w, &v);
    return err;
}

static enum err again_config(struct bytes d)
{
    struct conf_pair *v;
    size_t n;
    enum err err = znode_config_read(d, &arena, &v, &n, &why);

    if (err == ERR_OK)
        znode_config_write(&w, v, n);
    return err;
}

static enum err again_config_change(struct bytes d)
{
    struct bytes v;
    enum err err = znode_config_change_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_config_change_write(&w, v);
    return err;
}

static enum err again_cluster_id(struct bytes d)
{
    struct bytes v;
    enum err err = znode_cluster_id_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_cluster_id_write(&w, v);
    return err;
}

static enum err again_partitions(struct bytes d)
{
    struct znode_partition *v;
    size_t n;
    enum err err = znode_partitions_read(d, &arena, &v, &n, &why);

    if (err == ERR_OK)
        znode_partitions_write(&w, v, n);
    return err;
}

static enum err again_reassign(struct bytes d)
{
    struct znode_partition *v;
    size_t n;
    enum err err = znode_reassign_read(d, &arena, &v, &n, &why);

    if (err == ERR_OK)
        znode_reassign_write(&w, v, n);
    return err;
}

static enum err again_log_dir_event(struct bytes d)
{
    int32_t v;
    enum err err = znode_log_dir_event_read(d, &v, &why);

    if (err == ERR_OK)
        znode_log_dir_event_write(&w, v);
    return err;
}

static enum err again_producer_ids(struct bytes d)
{
    struct znode_producer_ids v;
    enum err err = znode_producer_ids_read(d, &v, &why);

    if (err == ERR_OK)
        znode_producer_ids_write(&w, &v);
    return err;
}

static enum err again_acl(struct bytes d)
{
    struct znode_acl *v;
    size_t n;
    enum err err = znode_acls_read(d, &arena, &v, &n, &why);

    if (err == ERR_OK)
        znode_acls_write(&w, v, n);
    return err;
}

static enum err again_acl_change(struct bytes d)
{
    struct znode_acl_change v;
    enum err err = znode_acl_change_read(d, d.at[0] == '{', &arena, &v, &why);

    if (err == ERR_OK)
        znode_acl_change_write(&w, &v);
    return err;
}

static enum err again_token(struct bytes d)
{
    struct znode_token v;
    enum err err = znode_token_read(d, &arena, &v, &why);

    if (err == ERR_OK)
        znode_token_write(&w, &v);
    return err;
}

static const struct {
    const char *prefix; /* the first that fits */
    enum err (*again)(struct bytes data);
} kinds[] = {
    { "broker", again_broker },
    { "topic", again_topic },
    { "state", again_state },
    { "controller", again_controller },
    { "feature", again_feature },
    { "config_change", again_config_change },
    { "config", again_config },
    { "cluster_id", again_cluster_id },
    { "isr_change", again_partitions },
    { "preferred", again_partitions },
    { "reassign", again_reassign },
    { "log_dir_event", again_log_dir_event },
    { "producer_ids", again_producer_ids },
    { "acl_extended_change", again_acl_change },
    { "acl_change", again_acl_change },
    { "acl", again_acl },
    { "token", again_token },
};

START_TEST(each_payload_of_kafka_is_read_and_written_again_byte_for_byte)
{
    FILE *f = fopen(GOLDEN, "r");
    char line[8192];
    unsigned n = 0;

    ck_assert_msg(f != NULL, GOLDEN);
    while (fgets(line, sizeof line, f) != NULL) {
        char *tab = strchr(line, '\t');
        size_t k = 0;

        if (line[0] == '#')
            continue;
        ck_assert_ptr_nonnull(tab);
        *tab = '\0';
        tab[strcspn(tab + 1, "\n") + 1] = '\0';
        while (strncmp(line, kinds[k].prefix, strlen(kinds[k].prefix)) != 0)
            ck_assert_uint_lt(++k, sizeof kinds / sizeof *kinds);
        ck_assert_msg(kinds[k].again(bytes_of(tab + 1)) == ERR_OK, "%s: %s",
                      line, why.text);
        wrote(tab + 1);
        n++;
    }
    fclose(f);
    ck_assert_uint_gt(n, 40);
}
END_TEST

/* -- reading ----------------------------------------------------------- */

START_TEST(a_broker_of_any_version_is_understood)
{
    struct znode_broker b;

    ck_assert_int_eq(
        znode_broker_read(BYTES("{\"version\":1,\"host\":\"h\",\"port\":9092,"
                                "\"jmx_port\":-1,\"timestamp\":\"5\"}"),
                          &arena, &b, &why),
        ERR_OK);
    ck_assert_uint_eq(b.n_endpoints, 1);
    ck_assert(bytes_is(b.endpoints[0].host, "h"));
    ck_assert_int_eq(b.timestamp_ms, 5);
    ck_assert(bytes_is_null(b.rack));
    ck_assert_int_eq(
        znode_broker_read(
            BYTES("{\"version\":9,\"jmx_port\":1,\"rack\":null,\"x\":[{}],"
                  "\"endpoints\":[\"int://[::1]:9\",\"A://:1\"],"
                  "\"listener_security_protocol_map\":{\"INT\":\"SASL_SSL\","
                  "\"a\":\"SSL\"},\"features\":{\"f\":{\"min_version\":1,"
                  "\"max_version\":2}}}"),
            &arena, &b, &why),
        ERR_OK);
    ck_assert_uint_eq(b.n_endpoints, 2);
    ck_assert(bytes_is(b.endpoints[0].listener, "INT"));
    ck_assert(bytes_is(b.endpoints[0].host, "::1"));
    ck_assert_int_eq(b.endpoints[0].protocol, 3);
    ck_assert_int_eq(b.endpoints[1].protocol, 1);
    ck_assert_uint_eq(b.endpoints[1].host.len, 0);
    ck_assert_int_eq(b.features[0].max, 2);
}
END_TEST

START_TEST(wrong_brokers_are_refused_with_a_sentence)
{
    static const char *const wrong[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"version\":0,\"jmx_port\":1}",
        "{\"version\":4,\"jmx_port\":1}",
        "{\"version\":4,\"jmx_port\":1,\"endpoints\":[\"A:1\"]}",
        ("{\"version\":4,\"jmx_port\":1,\"endpoints\":[\"A://h:1\"],"
         "\"listener_security_protocol_map\":{\"B\":\"SSL\"}}"),
        "{\"version\":4,\"jmx_port\":1,\"endpoints\":[7]}",
    };
    struct znode_broker b;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        why.text[0] = '\0';
        ck_assert_msg(znode_broker_read(bytes_of(wrong[i]), &arena, &b, &why) ==
                          ERR_FORMAT,
                      "%s", wrong[i]);
        ck_assert(why.text[0] != '\0');
    }
}
END_TEST

START_TEST(a_topic_is_sorted_and_its_missing_parts_are_empty)
{
    struct znode_topic t;

    ck_assert_int_eq(
        znode_topic_read(BYTES("{\"version\":1,\"partitions\":{\"10\":[1],"
                               "\"2\":[3,4],\"02\":[9]}}"),
                         &arena, &t, &why),
        ERR_OK);
    ck_assert_uint_eq(t.n_partitions, 2);
    ck_assert_int_eq(t.partitions[0].partition, 2);
    ck_assert_int_eq(t.partitions[1].partition, 10);
    ck_assert(uuid_is_zero(t.id));
    ck_assert_uint_eq(t.partitions[0].n_adding, 0);
    ck_assert_int_eq(znode_topic_read(BYTES("no json"), &arena, &t, &why),
                     ERR_FORMAT);
    ck_assert_int_eq(znode_topic_read(BYTES_NULL, &arena, &t, &why),
                     ERR_FORMAT);
    ck_assert_int_eq(znode_topic_read(BYTES("{\"partitions\":{\"x\":[]}}"),
                                      &arena, &t, &why),
                     ERR_FORMAT);
    ck_assert_int_eq(znode_topic_read(BYTES("{\"partitions\":{\"1\":[5e9]}}"),
                                      &arena, &t, &why),
                     ERR_FORMAT);
}
END_TEST

START_TEST(a_state_without_json_is_absent)
{
    struct znode_state s;

    ck_assert_int_eq(znode_state_read(BYTES_NULL, &arena, &s, &why),
                     ERR_ABSENT);
    ck_assert_int_eq(znode_state_read(BYTES("{"), &arena, &s, &why),
                     ERR_ABSENT);
    ck_assert_int_eq(
        znode_state_read(BYTES("{\"leader\":1}"), &arena, &s, &why),
        ERR_FORMAT);
    ck_assert_int_eq(
        znode_state_read(BYTES("{\"leader\":-1,\"leader_epoch\":1,\"isr\":[],"
                               "\"controller_epoch\":2}"),
                         &arena, &s, &why),
        ERR_OK);
    ck_assert_int_eq(s.recovery, 0);
    ck_assert_uint_eq(s.n_isr, 0);
}
END_TEST

START_TEST(a_config_is_lenient_about_everything_but_its_values)
{
    static const char *const empty[] = { "", "[]", "{}", "7",
                                         "{\"config\":5}" };
    struct conf_pair *pairs;
    size_t n;

    ck_assert_int_eq(znode_config_read(BYTES_NULL, &arena, &pairs, &n, &why),
                     ERR_OK);
    ck_assert_uint_eq(n, 0);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        ck_assert_int_eq(
            znode_config_read(bytes_of(empty[i]), &arena, &pairs, &n, &why),
            ERR_OK);
        ck_assert_uint_eq(n, 0);
    }
    ck_assert_int_eq(znode_config_read(BYTES("{\"config\":{\"a\":1}}"), &arena,
                                       &pairs, &n, &why),
                     ERR_FORMAT);
    ck_assert_int_eq(
        znode_config_read(BYTES("nonsense"), &arena, &pairs, &n, &why),
        ERR_FORMAT);
}
END_TEST

/* What is written of a value, between its quotes. */
static struct bytes value_written(const char *value, size_t len)
{
    const struct conf_pair pair = { BYTES("a"), bytes_make(value, len) };
    static const char before[] = "{\"version\":1,\"config\":{\"a\":\"";

    w.len = 0;
    znode_config_write(&w, &pair, 1);
    ck_assert_int_eq(w.err, ERR_OK);
    return bytes_make(w.data + sizeof before - 1,
                      w.len - (sizeof before - 1) - 3);
}

START_TEST(text_that_is_not_utf_8_is_written_as_java_would_read_it)
{
    static const char *const good[] = { "x",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf" };
    static const char *const bad[] = { "\x80", "\xbf", "\xc0", "\xc1", "\xf5",
                                       "\xff", "\xc2", "\xe0", "\xf0" };
    struct conf_pair *pairs;
    size_t n;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert(bytes_is(value_written(good[i], strlen(good[i])), good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert(bytes_is(value_written(bad[i], 1), "\xef\xbf\xbd"));
    ck_assert(bytes_is(value_written("\xf0\x9f\x98\x80", 4), "\\uD83D\\uDE00"));
    ck_assert(
        bytes_is(value_written("\xe2\x82", 2), "\xef\xbf\xbd\xef\xbf\xbd"));
    /* whatever two or three bytes: our own reader takes it */
    for (unsigned c = 0; c < 0x10000; c += 7) {
        const char text[] = { (char)(c >> 8), (char)c, 'z' };

        value_written(text, c % 3 + 1);
        arena_reset(&arena);
        ck_assert_int_eq(znode_config_read(bytes_make(w.data, w.len), &arena,
                                           &pairs, &n, &why),
                         ERR_OK);
        ck_assert_uint_eq(n, 1);
    }
}
END_TEST

START_TEST(both_versions_of_a_config_change_become_an_entity_path)
{
    struct bytes path;

    ck_assert_int_eq(
        znode_config_change_read(BYTES("{\"version\":1,\"entity_type\":"
                                       "\"topics\",\"entity_name\":\"t\"}"),
                                 &arena, &path, &why),
        ERR_OK);
    ck_assert(bytes_is(path, "topics/t"));
    ck_assert_int_eq(
        znode_config_change_read(BYTES("{\"version\":1,\"entity_type\":"
                                       "\"users\",\"entity_name\":\"t\"}"),
                                 &arena, &path, &why),
        ERR_FORMAT);
    ck_assert_int_eq(
        znode_config_change_read(BYTES("{\"version\":3}"), &arena, &path, &why),
        ERR_FORMAT);
    ck_assert_int_eq(znode_config_change_read(BYTES_NULL, &arena, &path, &why),
                     ERR_ABSENT);
}
END_TEST

START_TEST(a_reassignment_with_an_unknown_key_is_refused)
{
    struct znode_partition *parts;
    size_t n;

    ck_assert_int_eq(
        znode_reassign_read(
            BYTES(
                "{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\""
                ":0,\"replicas\":[1],\"log_dirs\":[\"any\"]}]}"),
            &arena, &parts, &n, &why),
        ERR_FORMAT);
    ck_assert_int_eq(znode_reassign_read(BYTES("{"), &arena, &parts, &n, &why),
                     ERR_FORMAT);
}
END_TEST

START_TEST(features_must_make_sense)
{
    static const char *const wrong[] = {
        "{}",
        "{\"version\":3,\"status\":1,\"features\":{}}",
        "{\"version\":2,\"features\":{}}",
        "{\"version\":2,\"status\":1}",
        "{\"version\":2,\"status\":2,\"features\":{}}",
        ("{\"version\":1,\"status\":1,\"features\":{\"f\":"
         "{\"max_version_level\":1}}}"),
        ("{\"version\":2,\"status\":1,\"features\":{\"f\":"
         "{\"max_version_level\":0}}}"),
    };
    struct znode_features f;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(znode_features_read(bytes_of(wrong[i]), &arena, &f,
                                          &why) == ERR_FORMAT,
                      "%s", wrong[i]);
}
END_TEST

START_TEST(producer_ids_are_numbers_in_strings_and_null_means_none)
{
    struct znode_producer_ids ids;

    ck_assert_int_eq(znode_producer_ids_read(BYTES_NULL, &ids, &why),
                     ERR_ABSENT);
    ck_assert_int_eq(znode_producer_ids_read(BYTES(""), &ids, &why),
                     ERR_FORMAT);
    ck_assert_int_eq(
        znode_producer_ids_read(BYTES("{\"broker\":1,\"block_start\":0,"
                                      "\"block_end\":9}"),
                                &ids, &why),
        ERR_FORMAT);
}
END_TEST

START_TEST(acls_of_another_version_are_refused_and_nothing_is_none)
{
    struct znode_acl *acls;
    size_t n = 7;

    ck_assert_int_eq(znode_acls_read(BYTES(""), &arena, &acls, &n, &why),
                     ERR_OK);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(znode_acls_read(BYTES("{\"version\":2,\"acls\":[]}"),
                                     &arena, &acls, &n, &why),
                     ERR_FORMAT);
}
END_TEST

START_TEST(numbers_are_plain_text)
{
    int64_t v;

    znode_number_write(&w, 42);
    wrote("42");
    ck_assert_int_eq(znode_number_read(BYTES("17"), 0, 100, &v, &why), ERR_OK);
    ck_assert_int_eq(v, 17);
    ck_assert_int_eq(znode_number_read(BYTES("101"), 0, 100, &v, &why),
                     ERR_FORMAT);
    ck_assert_int_eq(znode_number_read(BYTES_NULL, 0, 100, &v, &why),
                     ERR_FORMAT);
}
END_TEST

START_TEST(too_large_payloads_are_not_looked_at)
{
    struct znode_topic t;
    static uint8_t big[ZNODE_DATA_MAX + 1];

    memset(big, '[', sizeof big);
    ck_assert_int_eq(
        znode_topic_read(bytes_make(big, sizeof big), &arena, &t, &why),
        ERR_LIMIT);
    /* deep nesting is no JSON for us, and costs no stack */
    ck_assert_int_eq(
        znode_topic_read(bytes_make(big, 100000), &arena, &t, &why),
        ERR_FORMAT);
}
END_TEST

/* -- paths ------------------------------------------------------------- */

START_TEST(paths_are_built_and_names_that_would_leave_them_refused)
{
    struct znode_path p;
    char longer[ZNODE_PATH_MAX];

    ck_assert_str_eq(znode_path_broker(&p, 7), "/brokers/ids/7");
    ck_assert_str_eq(znode_path_topic(&p, BYTES("t")), "/brokers/topics/t");
    ck_assert_str_eq(znode_path_partitions(&p, BYTES("t")),
                     "/brokers/topics/t/partitions");
    ck_assert_str_eq(znode_path_partition(&p, BYTES("t"), 3),
                     "/brokers/topics/t/partitions/3");
    ck_assert_str_eq(znode_path_state(&p, BYTES("t"), 3),
                     "/brokers/topics/t/partitions/3/state");
    ck_assert_str_eq(znode_path_delete_topic(&p, BYTES("t")),
                     "/admin/delete_topics/t");
    ck_assert_str_eq(znode_path_config(&p, BYTES("users/u/clients/c")),
                     "/config/users/u/clients/c");
    ck_assert_str_eq(znode_path_config_topic(&p, BYTES("t")),
                     "/config/topics/t");
    ck_assert_str_eq(znode_path_config_broker(&p, 1), "/config/brokers/1");
    ck_assert_str_eq(znode_path_config_broker(&p, -1),
                     "/config/brokers/<default>");
    ck_assert_str_eq(znode_path_acl(&p, true, "Topic", BYTES("a")),
                     "/kafka-acl-extended/prefixed/Topic/a");
    ck_assert_str_eq(znode_path_consumer_offset(&p, BYTES("g"), BYTES("t"), 0),
                     "/consumers/g/offsets/t/0");
    ck_assert_ptr_null(znode_path_topic(&p, BYTES("a/b")));
    ck_assert_ptr_null(znode_path_topic(&p, BYTES("")));
    ck_assert_ptr_null(znode_path_topic(&p, bytes_make("a\0b", 3)));
    ck_assert_ptr_null(znode_path_config(&p, BYTES("users//x")));
    ck_assert_ptr_null(znode_path_config(&p, BYTES("")));
    memset(longer, 'x', sizeof longer);
    ck_assert_ptr_null(znode_path_topic(&p, bytes_make(longer, sizeof longer)));
}
END_TEST

START_TEST(sequence_numbers_are_read_from_names_and_paths)
{
    int64_t n;

    ck_assert(znode_sequence(BYTES("config_change_0000000012"),
                             ZNODE_CONFIG_CHANGE_PREFIX, &n));
    ck_assert_int_eq(n, 12);
    ck_assert(znode_sequence(BYTES("/x/y/acl_changes_0000000003"),
                             ZNODE_ACL_CHANGE_PREFIX, &n));
    ck_assert_int_eq(n, 3);
    ck_assert(!znode_sequence(BYTES("config_change_"),
                              ZNODE_CONFIG_CHANGE_PREFIX, &n));
    ck_assert(!znode_sequence(BYTES("config_change_1x"),
                              ZNODE_CONFIG_CHANGE_PREFIX, &n));
    ck_assert(
        !znode_sequence(BYTES("other_1"), ZNODE_CONFIG_CHANGE_PREFIX, &n));
}
END_TEST

START_TEST(entity_names_are_sanitized_as_kafka_does_and_back)
{
    struct bytes name;

    znode_sanitize(&w, BYTES("a b*+/%:@\xc3\xa9&=~<default>-_."));
    wrote("a%20b%2A%2B%2F%25%3A%40%C3%A9%26%3D%7E%3Cdefault%3E-_.");
    ck_assert_int_eq(znode_desanitize(BYTES("a%20b%2a+%C3%A9"), &arena, &name),
                     ERR_OK);
    ck_assert(bytes_is(name, "a b* \xc3\xa9"));
    ck_assert_int_eq(znode_desanitize(BYTES("%4"), &arena, &name), ERR_FORMAT);
    ck_assert_int_eq(znode_desanitize(BYTES("%zz"), &arena, &name), ERR_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("znode");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(
        t, each_payload_of_kafka_is_read_and_written_again_byte_for_byte);
    tcase_add_test(t, a_broker_of_any_version_is_understood);
    tcase_add_test(t, wrong_brokers_are_refused_with_a_sentence);
    tcase_add_test(t, a_topic_is_sorted_and_its_missing_parts_are_empty);
    tcase_add_test(t, a_state_without_json_is_absent);
    tcase_add_test(t, a_config_is_lenient_about_everything_but_its_values);
    tcase_add_test(t, text_that_is_not_utf_8_is_written_as_java_would_read_it);
    tcase_add_test(t, both_versions_of_a_config_change_become_an_entity_path);
    tcase_add_test(t, a_reassignment_with_an_unknown_key_is_refused);
    tcase_add_test(t, features_must_make_sense);
    tcase_add_test(t, producer_ids_are_numbers_in_strings_and_null_means_none);
    tcase_add_test(t, acls_of_another_version_are_refused_and_nothing_is_none);
    tcase_add_test(t, numbers_are_plain_text);
    tcase_add_test(t, too_large_payloads_are_not_looked_at);
    tcase_add_test(t, paths_are_built_and_names_that_would_leave_them_refused);
    tcase_add_test(t, sequence_numbers_are_read_from_names_and_paths);
    tcase_add_test(t, entity_names_are_sanitized_as_kafka_does_and_back);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}

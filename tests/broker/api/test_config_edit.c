/* test_config_edit.c - what an edit makes of a resource's overrides. */
#include "api/config_edit.h"

#include <check.h>
#include <stdlib.h>

#include "wire/errors.h"

static struct arena arena;
static struct config *cfg;

static void set_up(void)
{
    const char *const settings[] = { "zookeeper.connect=embedded", NULL };
    struct config_source_env env = { .overrides = settings,
                                     .host_name = "here" };
    struct errmsg why = { "" };

    arena_init(&arena, 1 << 20);
    ck_assert_msg(config_open(&cfg, &env, &why) == ERR_OK, "%s", why.text);
}

static void tear_down(void)
{
    config_close(&cfg);
    arena_fini(&arena);
}

static struct config_edit edit_topic(const struct config_change *changes,
                                     size_t n, const struct conf_pair *old,
                                     size_t n_old, bool replace)
{
    struct config_edit edit = { .type = RESOURCE_TOPIC,
                                .name = BYTES("t"),
                                .changes = changes,
                                .n_changes = n };

    config_edit_merge(&edit, &arena, cfg, replace, old, n_old);
    return edit;
}

static const char *value_of(const struct config_edit *edit, const char *name)
{
    for (size_t i = 0; i < edit->n_pairs; i++) {
        if (bytes_is(edit->pairs[i].name, name))
            return (const char *)arena_format(&arena, "%.*s",
                                              BYTES_ARG(edit->pairs[i].value))
                .at;
    }
    return NULL;
}

static const struct conf_pair old_pairs[] = {
    { BYTES("retention.ms"), BYTES("5") },
    { BYTES("cleanup.policy"), BYTES("compact") },
};

START_TEST(set_and_delete_leave_other_overrides_alone)
{
    const struct config_change changes[] = {
        { BYTES("segment.ms"), BYTES("7"), CONFIG_SET },
        { BYTES("retention.ms"), BYTES_NULL, CONFIG_DELETE },
    };
    struct config_edit edit = edit_topic(changes, 2, old_pairs, 2, false);

    ck_assert_int_eq(edit.error, KAFKA_NONE);
    ck_assert_uint_eq(edit.n_pairs, 2);
    ck_assert_str_eq(value_of(&edit, "segment.ms"), "7");
    ck_assert_str_eq(value_of(&edit, "cleanup.policy"), "compact");
}
END_TEST

START_TEST(append_adds_once_and_subtract_takes_out)
{
    const struct config_change append[] = {
        { BYTES("cleanup.policy"), BYTES("delete,compact"), CONFIG_APPEND },
    };
    const struct config_change subtract[] = {
        { BYTES("cleanup.policy"), BYTES("compact"), CONFIG_SUBTRACT },
    };
    struct config_edit edit = edit_topic(append, 1, old_pairs, 2, false);

    ck_assert_str_eq(value_of(&edit, "cleanup.policy"), "compact,delete");
    edit = edit_topic(subtract, 1, edit.pairs, edit.n_pairs, false);
    ck_assert_str_eq(value_of(&edit, "cleanup.policy"), "delete");
}
END_TEST

START_TEST(replacing_drops_what_is_not_named)
{
    const struct config_change changes[] = {
        { BYTES("segment.ms"), BYTES("7"), CONFIG_SET },
    };
    struct config_edit edit = edit_topic(changes, 1, old_pairs, 2, true);

    ck_assert_uint_eq(edit.n_pairs, 1);
}
END_TEST

START_TEST(bad_values_lists_and_duplicates_are_refused)
{
    const struct config_change unknown[] = { { BYTES("x"), BYTES("1"),
                                               CONFIG_SET } };
    const struct config_change value[] = { { BYTES("retention.ms"),
                                             BYTES("soon"), CONFIG_SET } };
    const struct config_change list[] = { { BYTES("retention.ms"), BYTES("1"),
                                            CONFIG_APPEND } };
    const struct config_change null[] = { { BYTES("retention.ms"), BYTES_NULL,
                                            CONFIG_SET } };
    const struct config_change twice[] = {
        { BYTES("retention.ms"), BYTES("1"), CONFIG_SET },
        { BYTES("retention.ms"), BYTES("2"), CONFIG_SET },
    };

    ck_assert_int_eq(edit_topic(unknown, 1, NULL, 0, false).error,
                     KAFKA_INVALID_CONFIG);
    ck_assert_int_eq(edit_topic(value, 1, NULL, 0, false).error,
                     KAFKA_INVALID_CONFIG);
    ck_assert_int_eq(edit_topic(list, 1, NULL, 0, false).error,
                     KAFKA_INVALID_CONFIG);
    ck_assert_int_eq(edit_topic(null, 1, NULL, 0, false).error,
                     KAFKA_INVALID_REQUEST);
    ck_assert_int_eq(edit_topic(twice, 2, NULL, 0, false).error,
                     KAFKA_INVALID_REQUEST);
}
END_TEST

START_TEST(more_changes_than_there_are_keys_are_refused_at_once)
{
    enum { N = 501 };
    struct config_change *changes = calloc(N, sizeof *changes);
    struct config_edit edit;

    for (int i = 0; i < N; i++) {
        changes[i].name = arena_format(&arena, "k%d", i);
        changes[i].value = BYTES("v");
    }
    edit = edit_topic(changes, N, NULL, 0, false);
    ck_assert_int_eq(edit.error, KAFKA_INVALID_REQUEST);
    ck_assert_uint_eq(edit.n_pairs, 0);
    free(changes);
}
END_TEST

START_TEST(a_name_with_a_zero_byte_is_refused)
{
    const struct config_change change = { .name = bytes_make("a\0b", 3),
                                          .value = BYTES("v") };
    struct config_edit edit = edit_topic(&change, 1, NULL, 0, false);

    ck_assert_int_eq(edit.error, KAFKA_INVALID_REQUEST);
}
END_TEST

START_TEST(a_resource_with_very_many_overrides_takes_no_more_but_gives_some)
{
    enum { N = 2000 };
    const struct config_change more = { .name = BYTES("one.more"),
                                        .value = BYTES("v") };
    const struct config_change less = { .name = BYTES("k7"),
                                        .operation = CONFIG_DELETE };
    struct conf_pair *old = calloc(N, sizeof *old);
    struct config_edit edit = { .type = RESOURCE_BROKER,
                                .name = BYTES("0"),
                                .changes = &more,
                                .n_changes = 1 };

    for (int i = 0; i < N; i++)
        old[i] =
            (struct conf_pair){ arena_format(&arena, "k%d", i), BYTES("v") };
    config_edit_merge(&edit, &arena, cfg, false, old, N);
    ck_assert_int_eq(edit.error, KAFKA_INVALID_REQUEST);
    edit.changes = &less;
    config_edit_merge(&edit, &arena, cfg, false, old, N);
    ck_assert_int_eq(edit.error, KAFKA_NONE);
    ck_assert_uint_eq(edit.n_pairs, N - 1);
    free(old);
}
END_TEST

START_TEST(a_list_too_long_to_compare_is_refused)
{
    char *text = calloc(1, INT16_MAX + 2);
    struct config_change change = { BYTES("cleanup.policy"), BYTES_NULL,
                                    CONFIG_APPEND };
    struct config_edit edit;

    memset(text, ',', INT16_MAX + 1);
    change.value = bytes_of(text);
    edit = edit_topic(&change, 1, NULL, 0, false);
    ck_assert_int_eq(edit.error, KAFKA_INVALID_CONFIG);
    ck_assert(strstr((const char *)edit.message.at, "longer") != NULL);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_edit");
    TCase *tc = tcase_create("merge");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, set_and_delete_leave_other_overrides_alone);
    tcase_add_test(tc, append_adds_once_and_subtract_takes_out);
    tcase_add_test(tc, replacing_drops_what_is_not_named);
    tcase_add_test(tc, bad_values_lists_and_duplicates_are_refused);
    tcase_add_test(tc, more_changes_than_there_are_keys_are_refused_at_once);
    tcase_add_test(tc, a_name_with_a_zero_byte_is_refused);
    tcase_add_test(
        tc, a_resource_with_very_many_overrides_takes_no_more_but_gives_some);
    tcase_add_test(tc, a_list_too_long_to_compare_is_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

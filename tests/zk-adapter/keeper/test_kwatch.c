/* Who hears of what. */
#include "keeper/kwatch.h"

#include <stdio.h>

#include "tests/support/unit.h"

struct heard {
    char text[1024];
    struct kwatcher *a;
};

static void tell(void *to, struct kwatcher *watcher, enum kwatch_event event,
                 struct bytes path)
{
    struct heard *heard = to;
    size_t len = strlen(heard->text);

    snprintf(heard->text + len, sizeof heard->text - len, "%c%d%.*s ",
             watcher == heard->a ? 'a' : 'b', (int)event, BYTES_ARG(path));
}

static struct kwatches w;
static struct kwatcher a;
static struct kwatcher b;
static struct heard heard;

static void setup(void)
{
    kwatches_init(&w);
    kwatcher_init(&a);
    kwatcher_init(&b);
    heard = (struct heard){ .a = &a };
}

static void teardown(void)
{
    kwatcher_fini(&w, &a);
    kwatcher_fini(&w, &b);
    ck_assert_uint_eq(w.n, 0);
    ck_assert_uint_eq(w.by_path.count, 0);
    ck_assert_uint_eq(w.n_recursive, 0);
    kwatches_fini(&w);
}

static void fires(enum kwatch_event event, const char *path, const char *want)
{
    heard.text[0] = '\0';
    kwatch_fire(&w, event, bytes_of(path), tell, &heard);
    ck_assert_str_eq(heard.text, want);
}

START_TEST(a_data_watch_fires_once)
{
    setup();
    kwatch_add(&w, &a, BYTES("/p"), KWATCH_DATA);
    kwatch_add(&w, &a, BYTES("/p"), KWATCH_DATA);
    fires(KWATCH_CHANGED, "/q", "");
    fires(KWATCH_CHANGED, "/p", "a3/p ");
    fires(KWATCH_CHANGED, "/p", "");
    teardown();
}
END_TEST

START_TEST(a_delete_tells_data_then_child_watchers_then_the_parents)
{
    setup();
    kwatch_add(&w, &a, BYTES("/p/n"), KWATCH_DATA | KWATCH_CHILD);
    kwatch_add(&w, &b, BYTES("/p/n"), KWATCH_CHILD);
    kwatch_add(&w, &b, BYTES("/p"), KWATCH_CHILD);
    fires(KWATCH_DELETED, "/p/n", "a2/p/n b2/p/n b4/p ");
    fires(KWATCH_DELETED, "/p/n", "");
    teardown();
}
END_TEST

START_TEST(the_parent_of_a_top_level_node_is_the_root)
{
    setup();
    kwatch_add(&w, &a, BYTES("/"), KWATCH_CHILD);
    fires(KWATCH_CREATED, "/x", "a4/ ");
    teardown();
}
END_TEST

START_TEST(persistent_watches_stay_and_hear_of_children)
{
    setup();
    kwatch_add(&w, &a, BYTES("/p"), KWATCH_PERSISTENT);
    for (int i = 0; i < 2; i++) {
        fires(KWATCH_CHANGED, "/p", "a3/p ");
        fires(KWATCH_CREATED, "/p/n", "a4/p ");
        fires(KWATCH_CHANGED, "/p/n", "");
        fires(KWATCH_DELETED, "/p", "a2/p ");
    }
    teardown();
}
END_TEST

START_TEST(recursive_watches_hear_of_all_below_but_never_of_children_lists)
{
    setup();
    kwatch_add(&w, &a, BYTES("/"), KWATCH_RECURSIVE);
    kwatch_add(&w, &b, BYTES("/p"), KWATCH_RECURSIVE);
    fires(KWATCH_CREATED, "/p/n/m", "b1/p/n/m a1/p/n/m ");
    fires(KWATCH_CHANGED, "/pq", "a3/pq ");
    kwatch_add(&w, &b, BYTES("/p/n"), KWATCH_DATA);
    fires(KWATCH_CHANGED, "/p/n", "b3/p/n a3/p/n ");
    teardown();
}
END_TEST

START_TEST(modes_are_a_set_and_can_be_taken_one_by_one)
{
    setup();
    kwatch_add(&w, &a, BYTES("/p"), KWATCH_DATA);
    kwatch_add(&w, &a, BYTES("/p"), KWATCH_RECURSIVE);
    ck_assert_uint_eq(kwatch_modes(&w, &a, BYTES("/p")),
                      KWATCH_DATA | KWATCH_RECURSIVE);
    fires(KWATCH_CHANGED, "/p", "a3/p ");
    ck_assert_uint_eq(kwatch_modes(&w, &a, BYTES("/p")), KWATCH_RECURSIVE);
    kwatch_remove(&w, &a, BYTES("/p"), KWATCH_RECURSIVE);
    fires(KWATCH_CHANGED, "/p", "");
    kwatch_remove(&w, &a, BYTES("/none"), KWATCH_RECURSIVE);
    teardown();
}
END_TEST

UNIT_MAIN("kwatch", a_data_watch_fires_once,
          a_delete_tells_data_then_child_watchers_then_the_parents,
          the_parent_of_a_top_level_node_is_the_root,
          persistent_watches_stay_and_hear_of_children,
          recursive_watches_hear_of_all_below_but_never_of_children_lists,
          modes_are_a_set_and_can_be_taken_one_by_one)

/* The ring of links. */
#include "base/list.h"

#include "tests/support/unit.h"

struct item {
    char letter;
    struct list link;
};

static void fill(struct list *head, struct item *items, const char *letters)
{
    list_init(head);
    for (size_t i = 0; letters[i] != '\0'; i++) {
        items[i].letter = letters[i];
        list_append(head, &items[i].link);
    }
}

/* The letters in order, forwards; and the same from behind. */
static void expect(struct list *head, const char *letters)
{
    char forwards[16] = "", backwards[16] = "";
    size_t n = 0, at = strlen(letters);

    LIST_EACH(l, head)
        forwards[n++] = CONTAINER_OF(l, struct item, link)->letter;
    ck_assert_str_eq(forwards, letters);
    for (struct list *l = head->prev; l != head; l = l->prev)
        backwards[--at] = CONTAINER_OF(l, struct item, link)->letter;
    ck_assert_str_eq(backwards, letters);
    ck_assert_int_eq(list_is_empty(head), letters[0] == '\0');
}

START_TEST(elements_come_in_the_order_they_were_put)
{
    struct item items[3], first = { .letter = 'z' };
    struct list head;

    fill(&head, items, "abc");
    list_prepend(&head, &first.link);
    expect(&head, "zabc");
}
END_TEST

START_TEST(removing_twice_does_no_harm)
{
    struct item items[3];
    struct list head;

    fill(&head, items, "abc");
    list_remove(&items[1].link);
    ck_assert(list_is_empty(&items[1].link));
    list_remove(&items[1].link);
    expect(&head, "ac");
}
END_TEST

START_TEST(the_body_of_a_walk_may_remove_where_it_stands)
{
    struct item items[4];
    struct list head;

    fill(&head, items, "abcd");
    LIST_EACH(l, &head)
        list_remove(l);
    expect(&head, "");
}
END_TEST

START_TEST(one_list_moves_behind_another)
{
    struct item left[2], right[2];
    struct list a, b, none;

    fill(&a, left, "ab");
    fill(&b, right, "cd");
    list_init(&none);
    list_move_all(&a, &none);
    expect(&a, "ab");
    list_move_all(&a, &b);
    expect(&a, "abcd");
    expect(&b, "");
    list_move_all(&b, &a);
    expect(&b, "abcd");
    expect(&a, "");
}
END_TEST

UNIT_MAIN("list", elements_come_in_the_order_they_were_put,
          removing_twice_does_no_harm,
          the_body_of_a_walk_may_remove_where_it_stands,
          one_list_moves_behind_another)

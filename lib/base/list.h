/* list.h - a doubly linked ring that lives inside its elements.
 *
 * A `struct list` is both the head and the link. An empty head, and a link that
 * is in no list, point at themselves; so list_remove() may be called twice and
 * list_is_empty() on a link says whether it is out of every list.
 */
#ifndef GREGOR_BASE_LIST_H
#define GREGOR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* The object of type `type` whose member `member` is the link `link`. */
#define CONTAINER_OF(link, type, member)                                       \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* Make an empty head, or a link that is in no list; before any other use. */
static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

/* Of a head: has it no element? Of a link: is it in no list? */
static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

/* Put `l`, which is in no list, at the end. */
static inline void list_append(struct list *head, struct list *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* Put `l`, which is in no list, at the front. */
static inline void list_prepend(struct list *head, struct list *l)
{
    list_append(head->next, l);
}

/* Take `l` out of whatever list it is in; no harm if in none. */
static inline void list_remove(struct list *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* Move all elements of `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Walk from first to last; the body may remove the current link. */
#define LIST_EACH(link, head)                                                  \
    for (struct list *link = (head)->next, *link##_next = link->next;          \
         link != (head); link = link##_next, link##_next = link->next)

#endif

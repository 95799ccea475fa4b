/* kwords_list.c - the words that list watches, sessions and ephemerals. */
#include <time.h>

#include "keeper/ktext.h"
#include "keeper/kwords.h"

/* -- watches --------------------------------------------------------------- */

void kword_wchs(struct kword *word)
{
    struct kinfo_watches sum = kinfo_watches(word->core);

    ktext_say(&word->w,
              "%zu connections watching %zu paths\nTotal watches:%zu\n",
              sum.peers, sum.paths, sum.total);
}

void kword_wchc(struct kword *word)
{
    struct wr *w = &word->w;

    for (struct list *l = word->core->peers.next; l != &word->core->peers;
         l = l->next) {
        const struct kpeer *p = CONTAINER_OF(l, struct kpeer, link);

        if (!kinfo_peer_watches(p))
            continue;
        ktext_say(w, "0x%llx\n", (unsigned long long)p->session_id);
        for (struct list *m = p->watcher.watches.next; m != &p->watcher.watches;
             m = m->next) {
            const struct kwatch *watch =
                CONTAINER_OF(m, struct kwatch, of_peer);

            if (!kwatch_in_data(watch->modes))
                continue;
            ktext_say(w, "\t");
            wr_raw(w, watch->path->text, watch->path->len);
            ktext_say(w, "\n");
        }
    }
    ktext_say(w, "\n");
}

void kword_wchp(struct kword *word)
{
    struct wr *w = &word->w;
    struct map_link *link = NULL;

    while ((link = map_next(&word->core->watches.by_path, link)) != NULL) {
        struct kwatch_path *path = CONTAINER_OF(link, struct kwatch_path, link);

        if (!kinfo_path_is_watched(path))
            continue;
        wr_raw(w, path->text, path->len);
        ktext_say(w, "\n");
        for (struct list *l = path->watches.next; l != &path->watches;
             l = l->next) {
            struct kwatch *watch = CONTAINER_OF(l, struct kwatch, of_path);

            if (kwatch_in_data(watch->modes))
                ktext_say(w, "\t0x%llx\n",
                          (unsigned long long)CONTAINER_OF(
                              watch->owner, struct kpeer, watcher)
                              ->session_id);
        }
    }
    ktext_say(w, "\n");
}

/* -- dump ------------------------------------------------------------------ */

static void dump_ephemerals(struct kword *word)
{
    struct wr *w = &word->w;
    struct map_link *link = NULL;

    ktext_say(w, "ephemeral nodes dump:\nSessions with Ephemerals (%zu):\n",
              word->core->tree.owners.count);
    while ((link = map_next(&word->core->tree.owners, link)) != NULL) {
        struct ktree_owner *owner =
            CONTAINER_OF(link, struct ktree_owner, link);

        ktext_say(w, "0x%llx:\n", (unsigned long long)owner->session);
        for (struct list *l = owner->nodes.next; l != &owner->nodes;
             l = l->next) {
            const struct ktree_node *node =
                &CONTAINER_OF(l, struct ktree_owned, link)->node;
            size_t len = ktree_path_len(node);
            uint8_t *room;

            ktext_say(w, "\t");
            room = wr_room(w, len);
            if (room != NULL)
                ktree_path(node, room, len);
            ktext_say(w, "\n");
        }
    }
}

static void dump_bucket(struct kword *word, const struct kinfo_expiry *list,
                        size_t n)
{
    const struct kcore *core = word->core;
    time_t at = (time_t)((core->wall_ms + list->at_ms - core->now_ms) / 1000);
    struct tm tm;
    char when[64];

    (void)localtime_r(&at, &tm);
    (void)strftime(when, sizeof when, "%a %b %d %H:%M:%S %Z %Y", &tm);
    ktext_say(&word->w, "%zu expire at %s:\n", n, when);
    for (size_t i = 0; i < n; i++) {
        if (list[i].address == NULL)
            ktext_say(&word->w, "\t0x%llx\n", (unsigned long long)list[i].id);
        else
            ktext_say(&word->w, "\tip: %s sessionId: 0x%llx\n", list[i].address,
                      (unsigned long long)list[i].id);
    }
}

/* Takes over the list. */
static void dump_sets(struct kword *word, const char *title,
                      struct kinfo_expiry *list, size_t n)
{
    ktext_say(&word->w, "%s (%zu)/(%zu):\n", title, kinfo_buckets(list, n), n);
    for (size_t i = 0; i < n;) {
        size_t same = 1;

        while (i + same < n && list[i + same].at_ms == list[i].at_ms)
            same++;
        dump_bucket(word, list + i, same);
        i += same;
    }
    mem_free(list);
}

void kword_dump(struct kword *word)
{
    size_t n;
    struct kinfo_expiry *list = kinfo_sessions(word->core, &n);

    dump_sets(word, "SessionTracker dump:\nSession Sets", list, n);
    dump_ephemerals(word);
    list = kinfo_connections(word->core, &n);
    dump_sets(word, "Connections dump:\nConnections Sets", list, n);
}

/* kwords.h - the four-letter words: who asks, and where the answer goes.
 *
 * Private to kwords.c and kwords_list.c, but for kword_answer(). */
#ifndef GREGOR_KEEPER_KWORDS_H
#define GREGOR_KEEPER_KWORDS_H

#include "keeper/kinfo.h"

struct kword {
    struct kcore *core;
    struct kpeer *peer;    /* the asking connection */
    struct bytes argument; /* what the word takes behind its name */
    struct wr w;           /* the answer */
};

/* Answer the word at the start of `in` (at least four bytes); the answer is in
 * the arena. Null with *need 0: no word; with *need above in.len: an argument
 * of the word is still to come. */
struct bytes kword_answer(struct kcore *core, struct kpeer *peer,
                          struct bytes in, struct arena *arena, size_t *need);

/* kwords_list.c */
/* Each writes its answer to word->w, byte for byte as ZooKeeper 3.9 lays it
 * out: watches counted, by connection, by path; who expires when, and
 * ephemerals. */
void kword_wchs(struct kword *word);
void kword_wchc(struct kword *word);
void kword_wchp(struct kword *word);
void kword_dump(struct kword *word);

#endif

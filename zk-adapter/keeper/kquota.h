/* kquota.h - what subtrees may hold, and what they hold.
 *
 * A quota of /a lives in two nodes that clients make and read:
 *
 *     /zookeeper/quota/a/zookeeper_limits   count=5,bytes=-1=;countHardLimit=9
 *     /zookeeper/quota/a/zookeeper_stats    count=3,bytes=17
 *
 * The limits are the client's; the stats are kept by the server, in place: no
 * version or zxid of theirs changes. A change counts for the deepest path at or
 * above it that has limits. Limits are looked at only with enforceQuota=true:
 * then a hard limit refuses, and a soft one makes a line for the operator.
 *
 * As at the real server, every op of a multi is checked against what was there
 * before the multi.
 *
 * Threads: the keeper loop only.
 */
#ifndef GREGOR_KEEPER_KQUOTA_H
#define GREGOR_KEEPER_KQUOTA_H

#include "keeper/kop.h"

/* The four numbers of a quota; -1: not set. */
struct kquota {
    int64_t count;
    int64_t bytes;
    int64_t count_hard;
    int64_t bytes_hard;
};

/* Read a text as above. What is no number counts as not set. */
struct kquota kquota_read(struct bytes text);

/* May `path` be created (count 1), or its data grow by `bytes`? K_OK, or
 * K_QUOTA_EXCEEDED. */
enum kcode kquota_check(struct kcore *core, struct bytes path, int64_t count,
                        int64_t bytes);

/* A change was made: keep the stats. */
void kquota_change(struct kcore *core, const struct kchange *change,
                   int64_t zxid);

/* Count everything anew, after a recovery. */
void kquota_recount(struct kcore *core);

/* The stats show changes up to this zxid, which their own Stat does not tell;
 * 0 for other nodes. */
int64_t kquota_shown(const struct kcore *core, const struct ktree_node *node);

/* Sum the quotas below each first component, for the metrics: calls `each` for
 * every quota with its path, limits and usage. */
void kquota_each(const struct kcore *core,
                 void (*each)(void *to, struct bytes path,
                              const struct kquota *limits,
                              const struct kquota *usage),
                 void *to);

#endif

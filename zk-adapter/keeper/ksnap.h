/* ksnap.h - snapshots: the whole tree as bytes, and back.
 *
 * A snapshot is taken while requests go on: ksnap_more() gives a slice of nodes
 * at a time. It is named by the zxid at its start, S. Nodes created after S are
 * left out (replay creates them); older ones may show later changes (replay
 * repeats them). A list of rights that came after S is not in the table at the
 * front; such a node is written with a closed list, and replay of its setACL
 * brings the right one. It must not be given its name before everything up to
 * the zxid at its end is durable.
 *
 * No system calls: bytes go to a buffer, a file comes as bytes.
 */
#ifndef GREGOR_KEEPER_KSNAP_H
#define GREGOR_KEEPER_KSNAP_H

#include "keeper/kcore.h"

struct ksnap {
    struct kcore *core;
    struct ktree_walk walk;
    int64_t zxid;      /* S */
    int64_t closed_id; /* of the closed list */
    bool started;
};

/* Begin: front part into `w`. */
void ksnap_start(struct ksnap *snap, struct kcore *core, struct wr *w);
/* At most `most` further nodes; true when there are more. */
bool ksnap_more(struct ksnap *snap, struct wr *w, size_t most);
/* The end mark of the nodes; the checksums are ksnap_seal()'s. */
void ksnap_end(struct ksnap *snap, struct wr *w);
/* Stop early. */
void ksnap_stop(struct ksnap *snap);

/* The checksum over everything written, carried along. */
uint32_t ksnap_sum(uint32_t sum, struct bytes more);
enum { KSNAP_SUM_FIRST = 1 };

/* What follows the nodes: checksum, digest (none), last zxid; `sum` covers all
 * bytes before. */
void ksnap_seal(struct wr *w, uint32_t sum, int64_t zxid);

/* True if the file may be whole: the cheap test ZooKeeper makes. */
bool ksnap_looks_whole(struct bytes file);

/* Load a snapshot into an empty core. After an error the core is half full and
 * must be thrown away. ERR_FORMAT, ERR_SHORT, ERR_CORRUPT, ERR_NOMEM. */
MUST_USE enum err ksnap_load(struct kcore *core, struct bytes file,
                             struct errmsg *why);

/* The same, and the file has to be right to its last byte, for it may be cut
 * anywhere. `*zxid`: what the snapshot says it is of; -1 when it was written by
 * a release before 3.9, which does not say. */
MUST_USE enum err ksnap_load_sealed(struct kcore *core, struct bytes file,
                                    int64_t *zxid, struct errmsg *why);

#endif

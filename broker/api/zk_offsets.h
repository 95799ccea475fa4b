/* zk_offsets.h - offsets in ZooKeeper, as version 0 of OffsetCommit and
 * OffsetFetch keep them: /consumers/<group>/offsets/<topic>/<partition>.
 *
 * Both answer the request; reactor thread.
 */
#ifndef GREGOR_ZK_OFFSETS_H
#define GREGOR_ZK_OFFSETS_H

#include "group/group.h"

struct wire_offset_fetch_request;

/* Store the items without an error; on_done comes when all have a result. */
void zk_offsets_commit(struct groups_commit *commit);

/* Read, and answer. */
void zk_offsets_fetch(struct request *request,
                      const struct wire_offset_fetch_request *in);

#endif

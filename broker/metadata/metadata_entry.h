/* metadata_entry.h - making the immutable entries of the metadata cache.
 *
 * Private to the folder. Everything here works on memory of its own and on the
 * request; nothing is shared yet, so nothing locks.
 */
#ifndef GREGOR_METADATA_ENTRY_H
#define GREGOR_METADATA_ENTRY_H

#include "metadata/metadata.h"

/* One partition of an UpdateMetadata request, whatever its version; arrays and
 * name are the request's. */
struct meta_change {
    struct bytes name;
    struct uuid id;                  /* zero: none */
    struct meta_partition partition; /* leader -2: remove it */
    size_t order;                    /* place in the request */
};

/* All partitions of a request in one array (the caller frees it), those of a
 * topic together and ascending; of several entries for one partition the last
 * one alone is left. Returns how many. Entries that could not be right
 * (negative index, more than 65535 replicas) are left out with a line. */
size_t meta_changes_of(const struct wire_update_metadata_request *update,
                       struct meta_change **list);

/* A new entry (one reference) from the old one, which may be NULL, and changes
 * as meta_changes_of() gives them, all of one topic, at least one. NULL when no
 * partition is left. */
struct meta_topic *meta_topic_merge(const struct meta_topic *old,
                                    const struct meta_change *changes,
                                    size_t n);

/* One reference each. */
struct meta_cluster *
meta_cluster_of(const struct wire_update_metadata_request *update);
/* No brokers, controller -1. */
struct meta_cluster *meta_cluster_empty(void);

#endif

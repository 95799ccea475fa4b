/* kinfo.h - what the four-letter words and the admin server both tell.
 *
 * Questions to a core; nothing changes. Where a list is returned, it is the
 * caller's to mem_free(). Threads: the keeper loop only.
 */
#ifndef GREGOR_KEEPER_KINFO_H
#define GREGOR_KEEPER_KINFO_H

#include "keeper/kcore.h"

/* The release whose protocol and output this is, as tools parse it. */
#define KINFO_VERSION "3.9.2-gregor, built on 2024-02-12 20:59 UTC"

/* Four capitals for an opcode: GETD, SETD, NA ... */
const char *kinfo_op_name(int32_t op);

/* Bytes of the files in `data_dir`/version-2. Reads the directory. */
uint64_t kinfo_dir_size(const char *data_dir);

/* The words and the admin server know the data table only, as at the real
 * server. */
struct kinfo_watches {
    size_t peers; /* that have any */
    size_t paths;
    size_t total;
};

/* Both tables are walked: as slow as there are watches. */
struct kinfo_watches kinfo_watches(const struct kcore *core);
/* Has it a watch in the data table? */
bool kinfo_peer_watches(const struct kpeer *peer);
bool kinfo_path_is_watched(const struct kwatch_path *path);

/* Who expires when, the soonest first. */
struct kinfo_expiry {
    int64_t at_ms;       /* monotonic: the end of the bucket */
    int64_t id;          /* session; 0: none */
    const char *address; /* of a connection; NULL in a list of sessions */
};

/* Never NULL, also when `*n` is 0. Connections: buckets are as wide as
 * sessionless_ms, and `address` is borrowed from the peer. */
struct kinfo_expiry *kinfo_sessions(const struct kcore *core, size_t *n);
struct kinfo_expiry *kinfo_connections(const struct kcore *core, size_t *n);
/* How many different at_ms there are. */
size_t kinfo_buckets(const struct kinfo_expiry *list, size_t n);

/* The mean latency of a connection, whole ms. */
int64_t kinfo_average(const struct kpeer_stats *stats);

/* Tell the environment, a key at a time, with ZooKeeper's names. */
void kinfo_environment(void (*each)(void *to, const char *key,
                                    const char *value),
                       void *to);

#endif

/* cleaner.h - compaction: which logs, when, and how fast.
 *
 *     thread: choose the dirtiest log that is due ─▶ log_clean() ─▶ checkpoint
 *                └── none: pause for log.cleaner.backoff.ms ──┘
 *
 * A thread works on one log at a time, no two on the same. The memory for keys
 * is taken while a log is being compacted, no longer, and never above
 * log.cleaner.dedupe.buffer.size for all threads together. Stopping, and the
 * deletion of a partition, end a compaction between two batches.
 *
 * Threads: start and stop on the life-cycle thread of replicas.h.
 */
#ifndef GREGOR_CLEANER_H
#define GREGOR_CLEANER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replicas;
struct cleaner;

struct cleaner_config {
    bool enable;             /* log.cleaner.enable */
    unsigned threads;        /* log.cleaner.threads */
    size_t map_bytes;        /* log.cleaner.dedupe.buffer.size, all threads */
    double map_load;         /* log.cleaner.io.buffer.load.factor */
    size_t io_bytes;         /* log.cleaner.io.buffer.size, all threads */
    double bytes_per_second; /* log.cleaner.io.max.bytes.per.second, read and
                                written, all threads */
    int64_t backoff_ms;      /* log.cleaner.backoff.ms */
};

/* Kafka 3.7's defaults. */
void cleaner_config_init(struct cleaner_config *config);

/* Start the threads; NULL when there is nothing to start. */
struct cleaner *cleaner_start(struct replicas *replicas);

/* End them, in the middle of what they do, and free; NULL is fine. */
void cleaner_stop(struct cleaner **out);

#endif

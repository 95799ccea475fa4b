/* checkpoint.h - the small text files beside the logs, as text; private to seg.
 *
 *     offset checkpoint        leader-epoch-checkpoint   partition.metadata
 *     0                        0                         version: 0
 *     2                        1                         topic_id: <22 chars>
 *     orders 0 1500            4 0
 *     orders 1 90
 *
 * Pure: bytes in, values out. Reading is as strict as Apache Kafka's: the count
 * must be met exactly, fields are separated by white space, nothing may follow.
 */
#ifndef GREGOR_SEG_CHECKPOINT_H
#define GREGOR_SEG_CHECKPOINT_H

#include "base/bytes.h"
#include "base/err.h"
#include "wire/wr.h"

/* Called for each line of an offset checkpoint; `topic` is a slice of the
 * text. A result other than ERR_OK ends the reading. */
typedef enum err checkpoint_each_fn(void *context, struct bytes topic,
                                    int32_t partition, int64_t offset);

/* Read an offset checkpoint. ERR_FORMAT; `*line` (from 1) says where. */
MUST_USE enum err checkpoint_read(struct bytes text, checkpoint_each_fn *each,
                                  void *context, int *line);

/* Write the two head lines, then each entry. */
void checkpoint_write_head(struct wr *w, size_t count);
void checkpoint_write_entry(struct wr *w, const char *topic, int32_t partition,
                            int64_t offset);

/* Called for each line of a leader epoch checkpoint. */
typedef enum err checkpoint_epoch_fn(void *context, int32_t epoch,
                                     int64_t start);

/* Read a leader epoch checkpoint. ERR_FORMAT. */
MUST_USE enum err checkpoint_epochs_read(struct bytes text,
                                         checkpoint_epoch_fn *each,
                                         void *context, int *line);

/* One entry; checkpoint_write_head() comes first. A failure is `w->err`. */
void checkpoint_epochs_write_entry(struct wr *w, int32_t epoch, int64_t start);

/* partition.metadata. ERR_FORMAT. */
MUST_USE enum err partition_metadata_read(struct bytes text, struct uuid *id);
void partition_metadata_write(struct wr *w, struct uuid id);

#endif

/* log_small.c - partition.metadata and leader-epoch-checkpoint.
 *
 * Neither is written at once when it changes: epochs can be made anew from the
 * batches above the recovery point, and the topic id comes again from the
 * controller. Both are written before the recovery point moves, and the topic
 * id before the first batch, so that data is never without it.
 */
#include "base/diag.h"
#include "base/mem.h"
#include "seg/checkpoint.h"
#include "seg/log_private.h"

#define FILE_EPOCHS "leader-epoch-checkpoint"
#define FILE_METADATA "partition.metadata"

enum { SMALL_BYTES_MOST = 16 << 20 };

static enum err write_epochs(struct log *log, const char *dir, bool sync,
                             struct errmsg *why)
{
    struct wr w;
    enum err err;

    wr_init(&w, SMALL_BYTES_MOST);
    lock_take(&log->lock);
    checkpoint_write_head(&w, log->epochs.n);
    for (uint32_t i = 0; i < log->epochs.n; i++)
        checkpoint_epochs_write_entry(&w, log->epochs.entries[i].epoch,
                                      log->epochs.entries[i].start);
    log->epochs.dirty = false;
    lock_give(&log->lock);
    err = w.err != ERR_OK
              ? err_set(why, w.err, "too many leader epochs in %s", dir)
              : io_replace(log_fs(log), dir, FILE_EPOCHS,
                           bytes_make(w.data, w.len), sync, why);
    if (err != ERR_OK) {
        lock_take(&log->lock);
        log->epochs.dirty = true;
        lock_give(&log->lock);
    }
    wr_fini(&w);
    return err;
}

static enum err write_metadata(struct log *log, const char *dir, bool sync,
                               struct errmsg *why)
{
    struct uuid id;
    struct wr w;
    enum err err;

    wr_init(&w, SMALL_BYTES_MOST);
    lock_take(&log->lock);
    id = log->topic_id;
    log->topic_id_dirty = false;
    lock_give(&log->lock);
    partition_metadata_write(&w, id);
    err = w.err != ERR_OK ? w.err
                          : io_replace(log_fs(log), dir, FILE_METADATA,
                                       bytes_make(w.data, w.len), sync, why);
    if (err != ERR_OK) {
        lock_take(&log->lock);
        log->topic_id_dirty = true;
        lock_give(&log->lock);
    }
    wr_fini(&w);
    return err;
}

enum err log_small_write(struct log *log, bool sync, struct errmsg *why)
{
    char dir[SEG_PATH_MOST];
    bool epochs, metadata;
    enum err err;

    lock_take(&log->lock);
    epochs = log->epochs.dirty;
    metadata = log->topic_id_dirty;
    if ((epochs || metadata) && !sync)
        log->small_dirty = true;
    lock_give(&log->lock);
    if (!epochs && !metadata)
        return ERR_OK;
    err = log_own_path(log, dir, why);
    if (err == ERR_OK && metadata)
        err = write_metadata(log, dir, sync, why);
    if (err == ERR_OK && epochs)
        err = write_epochs(log, dir, sync, why);
    return err;
}

/* -- read
 * -----------------------------------------------------------------------------
 */

static enum err load_small(struct log *log, const char *name,
                           char path[static SEG_PATH_MOST], uint8_t **data,
                           size_t *len, struct errmsg *why)
{
    char dir[SEG_PATH_MOST];
    enum err err = log_own_path(log, dir, why);

    if (err == ERR_OK)
        err = io_path(path, dir, name, why);
    return err != ERR_OK
               ? err
               : io_load(log_fs(log), path, SMALL_BYTES_MOST, data, len, why);
}

static enum err epoch_each(void *context, int32_t epoch, int64_t start)
{
    struct log *log = context;

    epochs_assign(&log->epochs, epoch, start);
    return ERR_OK;
}

static enum err read_epochs(struct log *log, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    uint8_t *data;
    size_t len;
    int line;
    enum err err = load_small(log, FILE_EPOCHS, path, &data, &len, why);

    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    if (len == 0) {
        diag_warn("event=leader_epochs_empty file=%s "
                  "consequence=\"made anew from the batches\"",
                  path);
        return ERR_OK;
    }
    err = checkpoint_epochs_read(bytes_make(data, len), epoch_each, log, &line);
    mem_free(data);
    log->epochs.dirty = false;
    if (err != ERR_OK)
        return err_set(why, ERR_CORRUPT,
                       "%s is malformed in line %d; remedy: remove it, epochs "
                       "are then known from the recovery point on",
                       path, line);
    return ERR_OK;
}

static enum err read_metadata(struct log *log, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    uint8_t *data;
    size_t len;
    enum err err = load_small(log, FILE_METADATA, path, &data, &len, why);

    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    if (len == 0) {
        diag_warn("event=topic_id_empty file=%s "
                  "consequence=\"taken from the controller\"",
                  path);
        return ERR_OK;
    }
    err = partition_metadata_read(bytes_make(data, len), &log->topic_id);
    mem_free(data);
    if (err != ERR_OK)
        return err_set(why, ERR_CORRUPT,
                       "%s is malformed; remedy: remove it, the topic id comes "
                       "again from the controller",
                       path);
    return ERR_OK;
}

enum err log_small_read(struct log *log, bool has_epochs, bool has_metadata,
                        struct errmsg *why)
{
    enum err err = ERR_OK;

    if (has_epochs)
        err = read_epochs(log, why);
    if (err == ERR_OK && has_metadata)
        err = read_metadata(log, why);
    return err;
}

/* -- topic id
 * ------------------------------------------------------------------------- */

struct uuid log_topic_id(struct log *log)
{
    struct uuid id;

    lock_take(&log->lock);
    id = log->topic_id;
    lock_give(&log->lock);
    return id;
}

enum err log_topic_id_set(struct log *log, struct uuid id, struct errmsg *why)
{
    char old[UUID_TEXT_LEN + 1], new[UUID_TEXT_LEN + 1];
    struct uuid known;

    lock_take(&log->lock);
    known = log->topic_id;
    if (uuid_is_zero(known) && !uuid_is_zero(id)) {
        log->topic_id = id;
        log->topic_id_dirty = true;
    }
    lock_give(&log->lock);
    if (uuid_is_zero(known) || uuid_equal(known, id))
        return ERR_OK;
    uuid_to_text(known, old);
    uuid_to_text(id, new);
    return err_set(why, ERR_CONFLICT, "%s has topic id %s, not %s", log->name,
                   old, new);
}

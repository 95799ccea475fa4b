/* epochs.c - which leader epoch began where. */
#include "seg/epochs.h"

#include "base/mem.h"

void epochs_fini(struct epochs *epochs)
{
    mem_free(epochs->entries);
    *epochs = (struct epochs){ NULL, 0, 0, false };
}

static bool is_news(const struct epochs *epochs, int32_t epoch, int64_t start)
{
    const struct epoch_entry *last;

    if (epochs->n == 0)
        return true;
    last = &epochs->entries[epochs->n - 1];
    return epoch != last->epoch || start < last->start;
}

void epochs_assign(struct epochs *epochs, int32_t epoch, int64_t start)
{
    if (epoch < 0 || start < 0 || !is_news(epochs, epoch, start))
        return;
    while (epochs->n > 0 && (epochs->entries[epochs->n - 1].epoch >= epoch ||
                             epochs->entries[epochs->n - 1].start >= start))
        epochs->n--;
    if (epochs->n == epochs->size) {
        epochs->size = epochs->size == 0 ? 1 : epochs->size * 2;
        epochs->entries = mem_need_more(epochs->entries, epochs->size,
                                        sizeof *epochs->entries);
    }
    epochs->entries[epochs->n].epoch = epoch;
    epochs->entries[epochs->n].start = start;
    epochs->n++;
    epochs->dirty = true;
}

void epochs_cut_end(struct epochs *epochs, int64_t end)
{
    while (epochs->n > 0 && epochs->entries[epochs->n - 1].start >= end) {
        epochs->n--;
        epochs->dirty = true;
    }
}

void epochs_cut_start(struct epochs *epochs, int64_t start)
{
    uint32_t gone = 0;

    while (gone < epochs->n && epochs->entries[gone].start <= start)
        gone++;
    if (gone == 0)
        return;
    /* The epoch that holds `start` stays, and begins there. */
    gone--;
    if (gone == 0 && epochs->entries[0].start == start)
        return;
    epochs->n -= gone;
    for (uint32_t i = 0; i < epochs->n; i++)
        epochs->entries[i] = epochs->entries[i + gone];
    epochs->entries[0].start = start;
    epochs->dirty = true;
}

void epochs_clear(struct epochs *epochs)
{
    if (epochs->n > 0)
        epochs->dirty = true;
    epochs->n = 0;
}

int32_t epochs_latest(const struct epochs *epochs)
{
    return epochs->n == 0 ? -1 : epochs->entries[epochs->n - 1].epoch;
}

int32_t epochs_at(const struct epochs *epochs, int64_t offset)
{
    for (uint32_t i = epochs->n; i > 0; i--)
        if (epochs->entries[i - 1].start <= offset)
            return epochs->entries[i - 1].epoch;
    return -1;
}

void epochs_end(const struct epochs *epochs, int32_t epoch, int64_t log_end,
                int32_t *found, int64_t *end)
{
    uint32_t higher = 0;

    *found = -1;
    *end = -1;
    if (epoch < 0 || epochs->n == 0)
        return;
    if (epoch == epochs_latest(epochs)) {
        *found = epoch;
        *end = log_end;
        return;
    }
    while (higher < epochs->n && epochs->entries[higher].epoch <= epoch)
        higher++;
    if (higher == epochs->n)
        return; /* larger than any we know */
    *end = epochs->entries[higher].start;
    /* Older than all that is left: the answer is where what is left begins. */
    *found = higher == 0 ? epoch : epochs->entries[higher - 1].epoch;
}

/* log_listing.c - what lies in a log's directory. */
#include <stdlib.h>

#include "base/mem.h"
#include "seg/log_private.h"

struct walk {
    struct log *log;
    struct listing *listing;
    struct errmsg *why;
};

static struct found *found_add(struct listing *listing, int64_t base)
{
    struct found *found;

    /* Names of one segment often come one after the other. */
    for (size_t i = listing->n; i > 0 && i + 4 > listing->n; i--)
        if (listing->items[i - 1].base == base)
            return &listing->items[i - 1];
    if (listing->n == listing->size) {
        listing->size = listing->size == 0 ? 8 : listing->size * 2;
        listing->items = mem_need_more(listing->items, listing->size,
                                       sizeof *listing->items);
    }
    found = &listing->items[listing->n++];
    *found = (struct found){ .base = base };
    return found;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n >= m && strcmp(name + n - m, end) == 0;
}

static enum err remove_now(struct walk *walk, const char *name)
{
    char dir[SEG_PATH_MOST], path[SEG_PATH_MOST];
    enum err err = log_own_path(walk->log, dir, walk->why);

    if (err == ERR_OK)
        err = io_path(path, dir, name, walk->why);
    return err == ERR_OK ? io_unlink(log_fs(walk->log), path, walk->why) : err;
}

static enum err listing_each(void *context, const char *name, enum fs_kind kind)
{
    struct walk *walk = context;
    struct listing *listing = walk->listing;
    const char *suffix;
    int64_t base;

    if (kind == FS_DIRECTORY)
        return ERR_OK;
    if (ends_with(name, ".deleted") || ends_with(name, ".tmp"))
        return remove_now(walk, name);
    if (ends_with(name, ".swap") || ends_with(name, ".cleaned")) {
        listing->has_swap = true;
        return ERR_OK;
    }
    if (strcmp(name, "leader-epoch-checkpoint") == 0) {
        listing->has_epochs = true;
        return ERR_OK;
    }
    if (strcmp(name, "partition.metadata") == 0) {
        listing->has_metadata = true;
        return ERR_OK;
    }
    if (!log_file_name_read(name, &base, &suffix))
        return ERR_OK;
    for (int i = 0; i < SEG_KINDS; i++)
        if (strcmp(suffix, seg_kind_suffix((enum seg_kind)i)) == 0)
            found_add(listing, base)->kinds |= 1u << i;
    if (strcmp(suffix, ".snapshot") == 0)
        found_add(listing, base)->snapshot = true;
    return ERR_OK;
}

static int by_base(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->base > y->base) - (x->base < y->base);
}

enum err listing_read(struct log *log, struct listing *listing,
                      struct errmsg *why)
{
    struct walk walk = { log, listing, why };
    char path[SEG_PATH_MOST];
    size_t n = 0;
    enum err err = log_own_path(log, path, why);

    *listing = (struct listing){ .n = 0 };
    if (err == ERR_OK)
        err = log_fs(log)->list(log_fs(log), path, listing_each, &walk, why);
    if (err != ERR_OK) {
        listing_fini(listing);
        return err;
    }
    if (listing->n == 0)
        return ERR_OK;
    qsort(listing->items, listing->n, sizeof *listing->items, by_base);
    for (size_t i = 1; i < listing->n; i++) {
        struct found *item = &listing->items[i];

        if (item->base == listing->items[n].base) {
            listing->items[n].kinds |= item->kinds;
            listing->items[n].snapshot |= item->snapshot;
        } else {
            listing->items[++n] = *item;
        }
    }
    listing->n = n + 1;
    return ERR_OK;
}

void listing_fini(struct listing *listing)
{
    mem_free(listing->items);
    listing->items = NULL;
    listing->n = listing->size = 0;
}

/* seg_file.c - open files of segments, counted, and few at a time.
 *
 * Sixteen shards, each with its lock, map and list in order of last use, so
 * that reactors rarely meet. The cache owns one reference of each file in it;
 * forgetting a file gives that one back.
 */
#include "seg/seg_files.h"

#include <fcntl.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/mem.h"
#include "seg/seg_io.h"

enum { SHARDS = 16 };

struct seg_file {
    _Atomic uint32_t refs;
    int fd;
    const struct fs *fs;
    struct seg_key key;
    struct map_link link; /* in the shard's map while cached */
    struct list lru;      /* in the shard's list while cached */
};

struct shard {
    struct lock lock;
    struct map map;
    struct list lru; /* least recently used first */
    size_t limit;
};

struct seg_files {
    const struct fs *fs;
    _Atomic uint64_t next_number;
    struct shard shards[SHARDS];
};

struct seg_files *seg_files_new(const struct fs *fs, size_t limit)
{
    struct seg_files *files = mem_need(sizeof *files);

    files->fs = fs;
    atomic_init(&files->next_number, 1);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &files->shards[i];

        lock_init(&shard->lock);
        map_init(&shard->map);
        list_init(&shard->lru);
        shard->limit = limit / SHARDS > 0 ? limit / SHARDS : 1;
    }
    return files;
}

/* The oldest file leaves the shard; its reference is the caller's. */
static struct seg_file *shard_take(struct shard *shard, struct seg_file *file)
{
    map_remove(&shard->map, &file->link);
    list_remove(&file->lru);
    return file;
}

void seg_files_free(struct seg_files **files)
{
    if (*files == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &(*files)->shards[i];

        LIST_EACH(link, &shard->lru) {
            struct seg_file *file = CONTAINER_OF(link, struct seg_file, lru);

            shard_take(shard, file);
            seg_file_unref(&file);
        }
        map_fini(&shard->map);
        lock_fini(&shard->lock);
    }
    mem_free(*files);
    *files = NULL;
}

size_t seg_files_count(struct seg_files *files)
{
    size_t n = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        lock_take(&files->shards[i].lock);
        n += files->shards[i].map.count;
        lock_give(&files->shards[i].lock);
    }
    return n;
}

uint64_t seg_files_number(struct seg_files *files)
{
    return atomic_fetch_add(&files->next_number, 1);
}

struct seg_file *seg_file_ref(struct seg_file *file)
{
    atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

void seg_file_unref(struct seg_file **file)
{
    struct seg_file *f = *file;

    *file = NULL;
    if (f == NULL ||
        atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    f->fs->close(f->fs, f->fd);
    mem_free(f);
}

int seg_file_fd(const struct seg_file *file)
{
    return file->fd;
}

static uint64_t key_hash(const struct seg_key *key)
{
    return map_hash_int(key->log * 4 + (uint64_t)key->kind,
                        (uint64_t)key->base * 0x9e3779b97f4a7c15u);
}

static bool key_is(const struct map_link *link, const void *key)
{
    const struct seg_file *file = CONTAINER_OF(link, struct seg_file, link);
    const struct seg_key *k = key;

    return file->key.log == k->log && file->key.base == k->base &&
           file->key.kind == k->kind;
}

/* Under the shard's lock: the cached file, now the most recently used. */
static struct seg_file *shard_find(struct shard *shard, uint64_t hash,
                                   const struct seg_key *key)
{
    struct map_link *link = map_find(&shard->map, hash, key_is, key);
    struct seg_file *file;

    if (link == NULL)
        return NULL;
    file = CONTAINER_OF(link, struct seg_file, link);
    list_remove(&file->lru);
    list_append(&shard->lru, &file->lru);
    return seg_file_ref(file);
}

struct seg_file *seg_files_find(struct seg_files *files,
                                const struct seg_key *key)
{
    uint64_t hash = key_hash(key);
    struct shard *shard = &files->shards[hash % SHARDS];
    struct seg_file *file;

    lock_take(&shard->lock);
    file = shard_find(shard, hash, key);
    lock_give(&shard->lock);
    return file;
}

enum err seg_files_open(struct seg_files *files, const struct seg_key *key,
                        const char *path, bool create, struct seg_file **out,
                        struct errmsg *why)
{
    uint64_t hash = key_hash(key);
    struct shard *shard = &files->shards[hash % SHARDS];
    const struct fs *fs = files->fs;
    struct seg_file *file, *other, *old = NULL;
    int fd = fs->open(fs, path, create ? O_RDWR | O_CREAT : O_RDWR, 0644);

    if (fd < 0)
        return io_fail(why, create ? "create" : "open", path);
    file = mem_need(sizeof *file);
    file->fd = fd;
    file->fs = fs;
    file->key = *key;
    list_init(&file->lru);
    atomic_init(&file->refs, 1);

    lock_take(&shard->lock);
    other = shard_find(shard, hash, key);
    if (other == NULL) {
        if (shard->map.count >= shard->limit)
            old = shard_take(
                shard, CONTAINER_OF(shard->lru.next, struct seg_file, lru));
        map_put(&shard->map, &file->link, hash);
        list_append(&shard->lru, &file->lru);
        other = seg_file_ref(file);
        file = NULL;
    }
    lock_give(&shard->lock);
    seg_file_unref(&file); /* another thread was first */
    seg_file_unref(&old);
    *out = other;
    return ERR_OK;
}

void seg_files_drop(struct seg_files *files, uint64_t log, int64_t base)
{
    for (int kind = 0; kind < SEG_KINDS; kind++) {
        struct seg_key key = { log, base, (enum seg_kind)kind };
        uint64_t hash = key_hash(&key);
        struct shard *shard = &files->shards[hash % SHARDS];
        struct map_link *link;
        struct seg_file *file = NULL;

        lock_take(&shard->lock);
        link = map_find(&shard->map, hash, key_is, &key);
        if (link != NULL)
            file = shard_take(shard, CONTAINER_OF(link, struct seg_file, link));
        lock_give(&shard->lock);
        seg_file_unref(&file);
    }
}

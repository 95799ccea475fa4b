/* krecover.c - snapshots, then logs; see krecover.h.
 *
 * 1. The newest snapshot that loads gives the tree as of about its zxid.
 * 2. The log that may hold the next zxid and all later ones are replayed.
 * 3. A bad record at the very end of the last log is what a power cut leaves:
 *    cut, with a line. Anywhere else it is damage: refused, nothing touched.
 * 4. Ephemerals whose session is unknown are removed.
 *
 * The logs lead over each snapshot that was skipped: its zxid is that of a
 * record. Only one that was restored (krestore.h) holds what no log does; the
 * records behind it are not for the tree before it, so that is refused.
 */
#include "keeper/krecover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "keeper/kahead.h"
#include "keeper/kquota.h"
#include "keeper/ksnap.h"
#include "keeper/ksnap_name.h"
#include "keeper/ktxn.h"

enum { SNAPSHOTS_TRIED = 100, PATH_ROOM = 64 };

enum err krecover_mkdirs(const char *dir, struct errmsg *why)
{
    char *path = mem_need_text(bytes_of(dir));
    enum err err = ERR_OK;

    for (char *p = path + 1; err == ERR_OK; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            err = err_set(why, err_from_errno(errno),
                          "mkdir %s: %s; let the service write there, or set "
                          "another dataDir or dataLogDir",
                          path, strerror(errno));
        if (c == '\0')
            break;
        *p = c;
    }
    mem_free(path);
    return err;
}

/* -- files ----------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool hex_read(const char *text, int64_t *out)
{
    uint64_t v = 0;
    size_t n = strlen(text);

    if (n == 0 || n > 16)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16u;
        if (d == 16)
            return false;
        v = v << 4 | d;
    }
    *out = (int64_t)v;
    return *out >= 0;
}

enum err krecover_list(const char *dir, const char *prefix, int64_t **zxids,
                       size_t *n, struct errmsg *why)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    size_t plen = strlen(prefix);

    *zxids = NULL;
    *n = 0;
    if (d == NULL)
        return err_set(why, err_from_errno(errno), "open %s: %s", dir,
                       strerror(errno));
    while ((entry = readdir(d)) != NULL) {
        int64_t zxid;
        enum codec codec = CODEC_NONE;

        if (strncmp(entry->d_name, prefix, plen) != 0)
            continue;
        if (strcmp(prefix, "snapshot.") == 0)
            entry->d_name[ksnap_name_stem(entry->d_name, &codec)] = '\0';
        if (!hex_read(entry->d_name + plen, &zxid))
            continue;
        if ((*n & (*n - 1)) == 0)
            *zxids = mem_need_more(*zxids, *n ? *n * 2 : 1, sizeof **zxids);
        (*zxids)[(*n)++] = zxid;
    }
    closedir(d);
    if (*n > 1)
        qsort(*zxids, *n, sizeof **zxids, by_number);
    /* One snapshot may lie there in several forms. */
    size_t kept = *n > 0;
    for (size_t i = 1; i < *n; i++)
        if ((*zxids)[i] != (*zxids)[kept - 1])
            (*zxids)[kept++] = (*zxids)[i];
    *n = kept;
    return ERR_OK;
}

static char *file_name(const char *dir, const char *prefix, int64_t zxid)
{
    size_t size = strlen(dir) + PATH_ROOM;
    char *name = mem_need(size);

    (void)snprintf(name, size, "%s/%s%llx", dir, prefix,
                   (unsigned long long)zxid);
    return name;
}

static enum err file_map(const char *name, struct bytes *out,
                         struct errmsg *why)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *at = NULL;
    enum err err = ERR_OK;

    *out = bytes_make("", 0);
    if (fd < 0)
        return err_set(why, err_from_errno(errno), "open %s: %s", name,
                       strerror(errno));
    if (fstat(fd, &st) != 0) {
        err = err_set(why, err_from_errno(errno), "stat %s: %s", name,
                      strerror(errno));
    } else if (st.st_size > 0) {
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at == MAP_FAILED)
            err = err_set(why, err_from_errno(errno), "map %s: %s", name,
                          strerror(errno));
        else
            *out = bytes_make(at, (size_t)st.st_size);
        /* The disk reads ahead while the bytes before are looked at. */
        if (err == ERR_OK)
            (void)madvise(at, (size_t)st.st_size, MADV_SEQUENTIAL);
    }
    close(fd);
    return err;
}

static void file_unmap(struct bytes file)
{
    if (file.len > 0)
        munmap((void *)(uintptr_t)file.at, file.len);
}

/* -- snapshots ------------------------------------------------------------- */

/* A failed load leaves rubbish: start again with an empty core. */
static void core_again(struct kcore *core)
{
    const struct keeper_config *config = core->config;
    int64_t now_ms = core->now_ms;
    int64_t wall_ms = core->wall_ms;

    kcore_fini(core);
    kcore_init(core, config, now_ms, wall_ms);
}

static enum err plain_load(struct kcore *core, struct bytes file,
                           struct errmsg *why)
{
    if (!ksnap_looks_whole(file))
        return err_set(why, ERR_SHORT, "it is not whole");
    return ksnap_load(core, file, why);
}

/* A compressed one is inflated whole: the memory grows with what comes out, and
 * goes back before the service starts. */
static enum err packed_load(struct kcore *core, struct bytes file,
                            enum codec codec, struct errmsg *why)
{
    struct wr plain;
    enum err err;

    wr_init(&plain, PTRDIFF_MAX);
    err = codec_inflate(codec, false, file, &plain);
    if (err != ERR_OK)
        (void)err_set(why, err, "inflating: %s", err_words(err));
    else
        err = plain_load(core, bytes_make(plain.data, plain.len), why);
    wr_fini(&plain);
    return err;
}

static bool snapshot_try(struct kcore *core, const char *name, enum codec codec)
{
    struct bytes file;
    struct errmsg why = { "" };
    enum err err = file_map(name, &file, &why);

    if (err == ERR_OK) {
        err = codec == CODEC_NONE ? plain_load(core, file, &why)
                                  : packed_load(core, file, codec, &why);
        file_unmap(file);
    }
    if (err == ERR_OK)
        return true;
    diag_warn("event=keeper_snapshot_skipped file=%s error=\"%s\"", name,
              why.text);
    core_again(core);
    return false;
}

static enum err snapshot_load(struct kcore *core, const char *dir,
                              struct krecover_result *result,
                              struct errmsg *why)
{
    int64_t *zxid = &result->snapshot_zxid;
    int64_t *zxids;
    size_t n;
    enum err err = krecover_list(dir, "snapshot.", &zxids, &n, why);

    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < n && i < SNAPSHOTS_TRIED && *zxid < 0; i++) {
        int64_t at = zxids[n - 1 - i];
        enum codec codec;
        char *name = ksnap_name_find(dir, at, &codec);

        if (snapshot_try(core, name, codec)) {
            *zxid = at;
            core->zxid = at;
        } else {
            result->n_skipped++;
        }
        mem_free(name);
    }
    if (*zxid < 0 && n > 0)
        err = err_set(why, ERR_CORRUPT,
                      "none of the %zu snapshots in %s can "
                      "be loaded: restore one from a backup, or move the "
                      "directory away to start empty",
                      n, dir);
    /* The skipped ones are the last of the list. */
    if (result->n_skipped > 0)
        memmove(zxids, zxids + n - result->n_skipped,
                result->n_skipped * sizeof *zxids);
    result->skipped = zxids;
    return err;
}

/* -- logs ------------------------------------------------------------------ */

static enum err tail_bad(const char *name, struct bytes file, size_t at,
                         bool last, struct errmsg *why)
{
    if (!last || ktxn_any_behind(file, at))
        return err_set(why, ERR_CORRUPT,
                       "%s: bad checksum at byte %zu, with "
                       "good records behind it: restore the file from a "
                       "backup, or cut it there to lose what follows",
                       name, at);
    diag_warn("event=keeper_log_tail_cut file=%s position=%zu bytes=%zu", name,
              at, file.len - at);
    if (truncate(name, (off_t)at) != 0)
        return err_set(why, err_from_errno(errno), "truncate %s: %s", name,
                       strerror(errno));
    return ERR_OK;
}

/* A snapshot that was skipped and is of a zxid between the two; -1: none. The
 * first zxid of an epoch is that of no record anywhere. */
static int64_t skipped_between(const struct krecover_result *result,
                               int64_t from, int64_t to)
{
    for (size_t i = 0; i < result->n_skipped; i++)
        if (result->skipped[i] > from && result->skipped[i] < to &&
            (uint32_t)result->skipped[i] != 0)
            return result->skipped[i];
    return -1;
}

static enum err lost_say(int64_t zxid, struct errmsg *why)
{
    return err_set(why, ERR_CORRUPT,
                   "snapshot.%llx can not be loaded, and no log leads to what "
                   "it holds: restore the file from a backup, or move it and "
                   "all newer files away to start from what was before it",
                   (unsigned long long)zxid);
}

/* ERR_CORRUPT: bad checksum of the record at `*at`; ERR_LOST: in front of that
 * record a snapshot is missing; other errors: the record before `*at` is whole
 * but senseless. */
static enum err records_replay(struct kcore *core, struct bytes file,
                               size_t *at, struct krecover_result *result)
{
    static const struct kahead_form form = { 8, KTXN_FRONT + 1,
                                             KTXN_FRONT + KTXN_HEADER };
    struct kahead ahead;
    struct bytes payload;
    enum err err;

    kahead_start(&ahead, &form, *at);
    kahead_look(&ahead, &core->tree, file);
    kahead_look(&ahead, &core->tree, file);
    while ((err = ktxn_next(file, at, &payload)) == ERR_OK) {
        kahead_look(&ahead, &core->tree, file);
        if (ktxn_zxid(payload) <= core->zxid)
            continue;
        if (skipped_between(result, core->zxid, ktxn_zxid(payload)) >= 0)
            return ERR_LOST;
        err = ktxn_replay(core, payload);
        if (err != ERR_OK)
            return err == ERR_CORRUPT ? ERR_FORMAT : err;
        result->records++;
    }
    return err == ERR_ABSENT ? ERR_OK : err;
}

static enum err log_replay(struct kcore *core, const char *name, bool last,
                           struct krecover_result *result, struct errmsg *why)
{
    struct bytes file;
    size_t at = KTXN_FILE_HEADER;
    enum err err = file_map(name, &file, why);

    if (err != ERR_OK)
        return err;
    if (!ktxn_file_is_log(file)) {
        file_unmap(file);
        if (!last)
            return err_set(why, ERR_CORRUPT,
                           "%s has no log header: restore it "
                           "from a backup",
                           name);
        /* Nothing in it was ever answered. */
        char *aside = mem_need(strlen(name) + 8);
        (void)sprintf(aside, "%s.empty", name);
        diag_warn("event=keeper_log_without_header file=%s moved_to=%s", name,
                  aside);
        if (rename(name, aside) != 0)
            err = err_set(why, err_from_errno(errno), "rename %s: %s", name,
                          strerror(errno));
        mem_free(aside);
        return err;
    }
    err = records_replay(core, file, &at, result);
    if (err == ERR_LOST)
        err = lost_say(skipped_between(result, core->zxid, INT64_MAX), why);
    else if (err == ERR_CORRUPT)
        err = tail_bad(name, file, at, last, why);
    else if (err != ERR_OK)
        err = err_set(why, ERR_CORRUPT,
                      "%s: the record that ends at byte %zu "
                      "can not be applied (%s): restore a backup",
                      name, at, err_words(err));
    file_unmap(file);
    return err;
}

/* Logs without a snapshot: complete only if the first one starts a history. */
static enum err logs_alone(struct kcore *core, const int64_t *zxids, size_t n,
                           const char *dir, struct errmsg *why)
{
    if (n > 0 && zxids[0] != 1 && zxids[0] != 0x100000001ll &&
        !core->config->trust_empty)
        return err_set(why, ERR_CORRUPT,
                       "%s has logs, the first from zxid "
                       "0x%llx on, but there is no snapshot: restore one, or "
                       "set snapshot.trust.empty=true to start from what there "
                       "is",
                       dir, (unsigned long long)zxids[0]);
    if (n > 0)
        diag_warn("event=keeper_no_snapshot dir=%s logs=%zu", dir, n);
    ktree_plant(&core->tree);
    core->zxid = 0;
    return ERR_OK;
}

static enum err logs_replay(struct kcore *core, const char *dir,
                            struct krecover_result *result, struct errmsg *why)
{
    int64_t *zxids;
    size_t n;
    size_t first = 0;
    enum err err = krecover_list(dir, "log.", &zxids, &n, why);

    if (err != ERR_OK)
        return err;
    if (result->snapshot_zxid < 0) {
        err = logs_alone(core, zxids, n, dir, why);
        result->fresh = n == 0;
    }
    for (size_t i = 0; i < n; i++)
        if (zxids[i] <= core->zxid + 1)
            first = i;
    for (size_t i = first; i < n && err == ERR_OK; i++) {
        char *name = file_name(dir, "log.", zxids[i]);

        err = log_replay(core, name, i + 1 == n, result, why);
        mem_free(name);
    }
    mem_free(zxids);
    if (err == ERR_OK && skipped_between(result, core->zxid, INT64_MAX) >= 0)
        err = lost_say(skipped_between(result, core->zxid, INT64_MAX), why);
    return err;
}

/* -- the end --------------------------------------------------------------- */

static size_t owner_remove(struct kcore *core, struct ktree_owner *owner)
{
    size_t n = 0;

    for (size_t left = owner->n; left > 0; left--) {
        struct ktree_node *node =
            &CONTAINER_OF(owner->nodes.next, struct ktree_owned, link)->node;

        if (node->children != NULL)
            break;
        ktree_detach(&core->tree, node);
        ktree_free(&core->tree, node);
        n++;
    }
    return n;
}

static void dead_owners_remove(struct kcore *core)
{
    struct map *owners = &core->tree.owners;
    struct ktree_owner **dead = mem_need_array(owners->count, sizeof(void *));
    struct map_link *link = NULL;
    size_t n_dead = 0;
    size_t n = 0;

    while ((link = map_next(owners, link)) != NULL) {
        struct ktree_owner *owner =
            CONTAINER_OF(link, struct ktree_owner, link);

        if (ksession_find(&core->sessions, owner->session) == NULL)
            dead[n_dead++] = owner;
    }
    for (size_t i = 0; i < n_dead; i++)
        n += owner_remove(core, dead[i]);
    mem_free(dead);
    if (n > 0)
        diag_info("event=keeper_dead_ephemerals_removed count=%zu", n);
}

void krecover_settle(struct kcore *core)
{
    dead_owners_remove(core);
    kquota_recount(core);
}

enum err krecover(struct kcore *core, const char *snap_dir, const char *log_dir,
                  struct krecover_result *result, struct errmsg *why)
{
    enum err err;

    *result = (struct krecover_result){ .snapshot_zxid = -1 };
    err = snapshot_load(core, snap_dir, result, why);
    if (err == ERR_OK)
        err = logs_replay(core, log_dir, result, why);
    mem_free(result->skipped);
    result->skipped = NULL;
    if (err != ERR_OK)
        return err;
    krecover_settle(core);
    core->durable_zxid = core->zxid;
    core->syncing_zxid = core->zxid;
    core->acl_zxid = 0;
    core->records = result->records;
    return ERR_OK;
}

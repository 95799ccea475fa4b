/* kacl.c - the shared lists, and their bytes. */
#include "keeper/kacl.h"

#include <assert.h>

enum { ACL_SMALLEST = 12 }; /* perms and two empty strings */

static const struct bytes world = { (const uint8_t *)"world", 5 };
static const struct bytes anyone = { (const uint8_t *)"anyone", 6 };

void kacls_init(struct kacls *acls)
{
    *acls = (struct kacls){ .first_free = 0 };
    map_init(&acls->map);
}

void kacls_fini(struct kacls *acls)
{
    for (uint32_t i = 0; i < acls->n; i++)
        mem_free(acls->at[i]);
    mem_free(acls->at);
    map_fini(&acls->map);
}

static void list_write(struct wr *w, const struct kacl_list *list)
{
    wr_i32(w, (int32_t)list->n);
    for (size_t i = 0; i < list->n; i++) {
        wr_i32(w, list->entries[i].perms);
        wr_jute(w, list->entries[i].scheme);
        wr_jute(w, list->entries[i].id);
    }
}

static bool is_open(const struct kacl_list *list)
{
    return list->n == 1 && list->entries[0].perms == KACL_ALL &&
           bytes_equal(list->entries[0].scheme, world) &&
           bytes_equal(list->entries[0].id, anyone);
}

static bool acl_is(const struct map_link *link, const void *key)
{
    const struct kacl *acl = CONTAINER_OF(link, const struct kacl, link);

    return bytes_equal(acl->encoded, *(const struct bytes *)key);
}

static uint32_t free_index(struct kacls *acls)
{
    uint32_t i = acls->first_free;

    while (i < acls->n && acls->at[i] != NULL)
        i++;
    if (i == acls->size) {
        acls->size = acls->size ? acls->size * 2 : 16;
        acls->at = mem_need_more(acls->at, acls->size, sizeof(void *));
    }
    if (i == acls->n)
        acls->at[acls->n++] = NULL;
    acls->first_free = i + 1;
    return i;
}

/* One block: the struct, its entries, the encoded bytes the entries point to.
 */
static struct kacl *acl_new(struct bytes encoded, size_t n)
{
    struct kacl *acl =
        mem_need(sizeof *acl + n * sizeof(struct kacl_entry) + encoded.len);
    uint8_t *copy;
    struct rd r;

    acl->list.entries = (struct kacl_entry *)(void *)(acl + 1);
    acl->list.n = n;
    copy = (uint8_t *)(acl->list.entries + n);
    memcpy(copy, encoded.at, encoded.len);
    acl->encoded = bytes_make(copy, encoded.len);
    r = rd_make(acl->encoded);
    (void)rd_i32(&r);
    for (size_t i = 0; i < n; i++) {
        acl->list.entries[i].perms = rd_i32(&r);
        acl->list.entries[i].scheme = rd_jute(&r, INT32_MAX);
        acl->list.entries[i].id = rd_jute(&r, INT32_MAX);
    }
    assert(r.err == ERR_OK && r.left == 0);
    return acl;
}

struct kacl *kacl_intern(struct kacls *acls, const struct kacl_list *list,
                         int64_t since)
{
    struct wr w;
    struct kacl *acl = NULL;

    if (is_open(list))
        return NULL;
    wr_init(&w, INT32_MAX);
    list_write(&w, list);
    assert(w.err == ERR_OK);
    struct bytes encoded = bytes_make(w.data, w.len);
    uint64_t hash = bytes_hash(encoded, acls->map.seed);
    struct map_link *link = map_find(&acls->map, hash, acl_is, &encoded);
    if (link != NULL) {
        acl = CONTAINER_OF(link, struct kacl, link);
        acl->refs++;
    } else {
        acl = acl_new(encoded, list->n);
        acl->refs = 1;
        acl->since = since;
        acl->index = free_index(acls);
        acls->at[acl->index] = acl;
        map_put(&acls->map, &acl->link, hash);
    }
    wr_fini(&w);
    return acl;
}

void kacl_unref(struct kacls *acls, struct kacl *acl)
{
    if (acl == NULL)
        return;
    assert(acl->refs > 0);
    if (--acl->refs > 0)
        return;
    map_remove(&acls->map, &acl->link);
    acls->at[acl->index] = NULL;
    if (acl->index < acls->first_free)
        acls->first_free = acl->index;
    mem_free(acl);
}

enum err kacl_read(struct rd *r, struct arena *arena, struct kacl_list *out)
{
    int32_t count = rd_i32(r);

    *out = (struct kacl_list){ .is_null = count < 0 };
    if (r->err != ERR_OK || count <= 0)
        return r->err;
    if ((size_t)count > r->left / ACL_SMALLEST) {
        rd_fail(r, ERR_SHORT);
        return r->err;
    }
    out->entries = arena_array(arena, (size_t)count, sizeof *out->entries);
    if (out->entries == NULL) {
        rd_fail(r, arena->err);
        return r->err;
    }
    for (int32_t i = 0; i < count; i++) {
        out->entries[i].perms = rd_i32(r);
        out->entries[i].scheme = rd_jute(r, INT32_MAX);
        out->entries[i].id = rd_jute(r, INT32_MAX);
    }
    if (r->err == ERR_OK)
        out->n = (size_t)count;
    return r->err;
}

static const struct kacl_entry open_entry = {
    KACL_ALL, { (const uint8_t *)"world", 5 }, { (const uint8_t *)"anyone", 6 }
};

void kacl_write(struct wr *w, const struct kacl *acl)
{
    if (acl != NULL) {
        wr_raw(w, acl->encoded.at, acl->encoded.len);
        return;
    }
    wr_i32(w, 1);
    wr_i32(w, open_entry.perms);
    wr_jute(w, open_entry.scheme);
    wr_jute(w, open_entry.id);
}

void kacl_write_masked(struct wr *w, const struct kacl *acl)
{
    if (acl == NULL) {
        kacl_write(w, acl);
        return;
    }
    wr_i32(w, (int32_t)acl->list.n);
    for (size_t i = 0; i < acl->list.n; i++) {
        const struct kacl_entry *e = &acl->list.entries[i];
        const uint8_t *colon =
            e->id.len ? memchr(e->id.at, ':', e->id.len) : NULL;

        wr_i32(w, e->perms);
        wr_jute(w, e->scheme);
        if (bytes_is(e->scheme, "digest") && colon != NULL) {
            size_t user = (size_t)(colon - e->id.at);

            wr_i32(w, (int32_t)user + 2);
            wr_raw(w, e->id.at, user);
            wr_raw(w, ":x", 2);
        } else {
            wr_jute(w, e->id);
        }
    }
}

/* -- identities ------------------------------------------------------------ */

void kids_init(struct kids *ids)
{
    *ids = (struct kids){ 0 };
}

void kids_fini(struct kids *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        mem_free((void *)(uintptr_t)ids->at[i].scheme.at);
        mem_free((void *)(uintptr_t)ids->at[i].id.at);
    }
    mem_free(ids->at);
    *ids = (struct kids){ 0 };
}

enum err kids_add(struct kids *ids, struct bytes scheme, struct bytes id)
{
    for (size_t i = 0; i < ids->n; i++)
        if (bytes_equal(ids->at[i].scheme, scheme) &&
            bytes_equal(ids->at[i].id, id))
            return ERR_OK;
    if (ids->n == KIDS_MOST)
        return ERR_LIMIT;
    ids->at = mem_need_more(ids->at, ids->n + 1, sizeof *ids->at);
    ids->at[ids->n].scheme = bytes_make(mem_need_text(scheme), scheme.len);
    ids->at[ids->n].id = bytes_make(mem_need_text(id), id.len);
    ids->n++;
    if (bytes_is(scheme, "super"))
        ids->is_super = true;
    return ERR_OK;
}

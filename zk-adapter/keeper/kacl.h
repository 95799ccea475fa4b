/* kacl.h - access lists: interned, checked, fixed up.
 *
 * Nodes share their lists: each distinct list is one `struct kacl`, counted by
 * the nodes that name it. The list everybody has, world:anyone with all bits,
 * is represented by NULL and has the id -1 in snapshots.
 *
 * Who a connection is, is a growing list of (scheme, id) pairs. world, digest
 * and ip are always known as schemes; sasl and x509 when they are switched on,
 * else their entries are refused and match nobody.
 */
#ifndef GREGOR_KEEPER_KACL_H
#define GREGOR_KEEPER_KACL_H

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "wire/rd.h"
#include "wire/wr.h"

enum {
    KACL_READ = 1,
    KACL_WRITE = 2,
    KACL_CREATE = 4,
    KACL_DELETE = 8,
    KACL_ADMIN = 16,
    KACL_ALL = 31,
};

struct kacl_entry {
    int32_t perms;
    struct bytes scheme;
    struct bytes id;
};

/* A list as it came from a request; entries borrow from the request. */
struct kacl_list {
    struct kacl_entry *entries;
    size_t n;
    bool is_null; /* as it was sent */
};

struct kacl {
    struct map_link link;  /* in kacls.map by content */
    uint32_t refs;         /* nodes that use it */
    uint32_t index;        /* in kacls.at; index + 1 is its snapshot id */
    int64_t since;         /* zxid of the change that brought it */
    struct kacl_list list; /* slices of `encoded` */
    struct bytes encoded;  /* the jute vector, behind the entries */
};

struct kacls {
    struct map map;
    struct kacl **at; /* by index; NULL: free */
    uint32_t n;       /* used length of `at` */
    uint32_t size;
    uint32_t first_free; /* no free index below it */
};

/* One identity of a connection; owns nothing, see kids_add(). */
struct kid {
    struct bytes scheme;
    struct bytes id;
};

/* What is switched on; all zero: nothing. */
struct kschemes {
    bool sasl;
    bool x509;
    const char *sasl_any; /* an entry's id that stands for all; NULL: none */
};

struct kids {
    struct kid *at; /* owned; the texts too */
    size_t n;
    bool is_super;                  /* passes every check */
    const struct kschemes *schemes; /* NULL: nothing is switched on */
};

enum {
    KIDS_MOST = 128,  /* identities of one connection */
    KACL_MOST = 1024, /* distinct entries of a list; more is InvalidACL */
};

void kacls_init(struct kacls *acls);
/* Frees the lists, counted or not: the nodes go at the same time. */
void kacls_fini(struct kacls *acls);

/* The shared list with this content, one reference more. NULL is the open
 * list. `since` is noted if the list is new. */
struct kacl *kacl_intern(struct kacls *acls, const struct kacl_list *list,
                         int64_t since);
static inline struct kacl *kacl_ref(struct kacl *acl)
{
    if (acl != NULL)
        acl->refs++;
    return acl;
}
/* One reference less, of NULL too; without any the list is freed and its index
 * may be used again. */
void kacl_unref(struct kacls *acls, struct kacl *acl);

/* Read a vector<ACL>; a null or empty one has n == 0. */
enum err kacl_read(struct rd *r, struct arena *arena, struct kacl_list *out);

/* Write the vector; `acl` NULL writes the open list. */
void kacl_write(struct wr *w, const struct kacl *acl);
/* The same with the secret of digest entries replaced by x. */
void kacl_write_masked(struct wr *w, const struct kacl *acl);

/* Expand `auth`, drop duplicates, check schemes and ids. False: InvalidACL.
 * New entries live in the arena. */
bool kacl_fix(struct kacl_list *list, const struct kids *ids,
              struct arena *arena);

/* May somebody with these identities do something of `perms`? */
bool kacl_allows_slow(const struct kacl *acl, const struct kids *ids,
                      int32_t perms);
static inline bool kacl_allows(const struct kacl *acl, const struct kids *ids,
                               int32_t perms)
{
    return acl == NULL || kacl_allows_slow(acl, ids, perms);
}

/* Nobody in particular, and no scheme switched on. */
void kids_init(struct kids *ids);
void kids_fini(struct kids *ids);
/* Add an identity (copied); ERR_LIMIT at KIDS_MOST. */
enum err kids_add(struct kids *ids, struct bytes scheme, struct bytes id);

#endif

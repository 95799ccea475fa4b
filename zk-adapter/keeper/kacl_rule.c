/* kacl_rule.c - what the schemes mean: world, auth, digest, ip, sasl,
 * x509, super. */
#include <arpa/inet.h>

#include "keeper/kacl.h"
#include "keeper/kdn.h"

/* "address" or "address/bits"; the binary address and how many bits count. */
static bool ip_parse(struct bytes text, uint8_t out[16], unsigned *len,
                     unsigned *bits)
{
    char name[64];
    int64_t n;
    const uint8_t *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
    size_t name_len = slash ? (size_t)(slash - text.at) : text.len;

    if (name_len == 0 || name_len >= sizeof name)
        return false;
    memcpy(name, text.at, name_len);
    name[name_len] = '\0';
    if (inet_pton(AF_INET, name, out) == 1)
        *len = 4;
    else if (inet_pton(AF_INET6, name, out) == 1)
        *len = 16;
    else
        return false;
    *bits = *len * 8;
    if (slash == NULL)
        return true;
    if (!bytes_to_int64(bytes_make(slash + 1, text.len - name_len - 1), 0,
                        (int64_t)*bits, &n))
        return false;
    *bits = (unsigned)n;
    return true;
}

static bool ip_matches(struct bytes id, struct bytes rule)
{
    uint8_t a[16];
    uint8_t b[16];
    unsigned alen;
    unsigned blen;
    unsigned abits;
    unsigned bits;

    if (!ip_parse(id, a, &alen, &abits) || !ip_parse(rule, b, &blen, &bits) ||
        alen != blen)
        return false;
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff00u >> (bits % 8));
    return (a[bits / 8] & mask) == (b[bits / 8] & mask);
}

/* Is the scheme one whose identities a connection proves? ip does not count. */
static bool is_proof(struct bytes scheme, const struct kschemes *on)
{
    return bytes_is(scheme, "digest") ||
           (on != NULL && on->sasl && bytes_is(scheme, "sasl")) ||
           (on != NULL && on->x509 && bytes_is(scheme, "x509"));
}

static bool id_matches(const struct kids *ids, const struct kid *kid,
                       const struct kacl_entry *e)
{
    if (!bytes_equal(kid->scheme, e->scheme))
        return false;
    if (bytes_is(e->scheme, "ip"))
        return ip_matches(kid->id, e->id);
    if (!is_proof(e->scheme, ids->schemes))
        return false;
    if (bytes_equal(kid->id, e->id))
        return true;
    return bytes_is(e->scheme, "sasl") &&
           (bytes_is(kid->id, "super") ||
            (ids->schemes->sasl_any != NULL &&
             bytes_is(e->id, ids->schemes->sasl_any)));
}

bool kacl_allows_slow(const struct kacl *acl, const struct kids *ids,
                      int32_t perms)
{
    if (ids->is_super)
        return true;
    for (size_t i = 0; i < acl->list.n; i++) {
        const struct kacl_entry *e = &acl->list.entries[i];

        if ((e->perms & perms) == 0)
            continue;
        if (bytes_is(e->scheme, "world") && bytes_is(e->id, "anyone"))
            return true;
        for (size_t k = 0; k < ids->n; k++)
            if (id_matches(ids, &ids->at[k], e))
                return true;
    }
    return false;
}

static bool add_once(struct kacl_list *out, int32_t perms, struct bytes scheme,
                     struct bytes id)
{
    for (size_t i = 0; i < out->n; i++)
        if (out->entries[i].perms == perms &&
            bytes_equal(out->entries[i].scheme, scheme) &&
            bytes_equal(out->entries[i].id, id))
            return true;
    if (out->n == KACL_MOST)
        return false;
    out->entries[out->n++] = (struct kacl_entry){ perms, scheme, id };
    return true;
}

/* One entry for each authenticated identity; ip does not count as one. */
static bool add_auth(struct kacl_list *out, int32_t perms,
                     const struct kids *ids)
{
    bool any = false;

    for (size_t k = 0; k < ids->n; k++) {
        if (!is_proof(ids->at[k].scheme, ids->schemes))
            continue;
        if (!add_once(out, perms, ids->at[k].scheme, ids->at[k].id))
            return false;
        any = true;
    }
    return any;
}

/* A name, or one of Kerberos: service[/host]@REALM. */
static bool is_sasl_name(struct bytes id)
{
    size_t at = 0;
    size_t slashes = 0;

    while (at < id.len && id.at[at] != '@')
        slashes += id.at[at++] == '/';
    if (at == id.len)
        return true;
    for (size_t i = at + 1; i < id.len; i++)
        if (id.at[i] == '@' || id.at[i] == '/')
            return false;
    return slashes <= 1;
}

static bool id_is_valid(struct bytes scheme, struct bytes id,
                        const struct kschemes *on)
{
    uint8_t address[16];
    unsigned len;
    unsigned bits;

    if (bytes_is(scheme, "world"))
        return bytes_is(id, "anyone");
    if (bytes_is(scheme, "ip"))
        return ip_parse(id, address, &len, &bits);
    if (bytes_is(scheme, "digest")) {
        /* Two parts as Java splits them: trailing empty ones do not count. */
        size_t end = id.len;
        size_t colons = 0;

        while (end > 0 && id.at[end - 1] == ':')
            end--;
        for (size_t i = 0; i < end; i++)
            colons += id.at[i] == ':';
        return end > 0 && colons == 1;
    }
    if (!is_proof(scheme, on))
        return false;
    return bytes_is(scheme, "sasl") ? is_sasl_name(id) : kdn_is_valid(id);
}

bool kacl_fix(struct kacl_list *list, const struct kids *ids,
              struct arena *arena)
{
    struct kacl_list out = { .n = 0 };
    size_t most = 0;

    for (size_t i = 0; i < list->n; i++)
        most += bytes_is(list->entries[i].scheme, "auth") ? ids->n : 1;
    if (list->n == 0)
        return false;
    if (most > KACL_MOST)
        most = KACL_MOST;
    out.entries = arena_array(arena, most, sizeof *out.entries);
    if (out.entries == NULL)
        return false;
    for (size_t i = 0; i < list->n; i++) {
        const struct kacl_entry *e = &list->entries[i];

        if (bytes_is_null(e->scheme) || bytes_is_null(e->id))
            return false;
        if (bytes_is(e->scheme, "auth")) {
            if (!add_auth(&out, e->perms, ids))
                return false;
        } else if (!id_is_valid(e->scheme, e->id, ids->schemes) ||
                   !add_once(&out, e->perms, e->scheme, e->id)) {
            return false;
        }
    }
    *list = out;
    return true;
}

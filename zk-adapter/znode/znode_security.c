/* znode_security.c - ACLs, the notices of their changes, delegation tokens. */
#include <stdio.h>
#include <string.h>

#include "znode/znode_in.h"

/* -- ACLs -------------------------------------------------------------- */

void znode_acls_write(struct wr *w, const struct znode_acl *acls, size_t n)
{
    jw_text(w, "{\"version\":1,\"acls\":[");
    for (size_t i = 0; i < n; i++) {
        jw_comma(w, i);
        jw_text(w, "{\"principal\":");
        jw_string(w, acls[i].principal);
        jw_text(w, ",\"permissionType\":");
        jw_string(w, acls[i].permission);
        jw_text(w, ",\"operation\":");
        jw_string(w, acls[i].operation);
        jw_text(w, ",\"host\":");
        jw_string(w, acls[i].host);
        jw_text(w, "}");
    }
    jw_text(w, "]}");
}

enum err znode_acls_read(struct bytes data, struct arena *arena,
                         struct znode_acl **acls, size_t *n, struct errmsg *why)
{
    struct jr jr;
    json_t *array;

    *acls = NULL;
    *n = 0;
    jr_open(&jr, data, ZNODE_ACLS, arena, why);
    if (jr.root == NULL)
        return jr_close(&jr);
    jr_need_object(&jr);
    jr_int(&jr, jr.root, "version", 1, 1);
    array = jr_array(&jr, jr.root, "acls");
    if (jr.err == ERR_OK)
        *acls = arena_array(arena, json_array_size(array), sizeof **acls);
    for (size_t i = 0; *acls != NULL && i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);

        (*acls)[i].principal = jr_string(&jr, item, "principal");
        (*acls)[i].permission = jr_string(&jr, item, "permissionType");
        (*acls)[i].operation = jr_string(&jr, item, "operation");
        (*acls)[i].host = jr_string(&jr, item, "host");
    }
    *n = *acls && jr.err == ERR_OK ? json_array_size(array) : 0;
    return jr_close(&jr);
}

void znode_acl_change_write(struct wr *w, const struct znode_acl_change *change)
{
    if (bytes_is(change->pattern, "LITERAL")) {
        wr_raw(w, change->type.at, change->type.len);
        wr_u8(w, ':');
        wr_raw(w, change->name.at, change->name.len);
        return;
    }
    jw_text(w, "{\"version\":1,\"resourceType\":");
    jw_string(w, change->type);
    jw_text(w, ",\"name\":");
    jw_string(w, change->name);
    jw_text(w, ",\"patternType\":");
    jw_string(w, change->pattern);
    jw_text(w, "}");
}

static enum err read_literal(struct bytes data, struct arena *arena,
                             struct znode_acl_change *change,
                             struct errmsg *why)
{
    const uint8_t *colon = data.len ? memchr(data.at, ':', data.len) : NULL;
    size_t n = colon ? (size_t)(colon - data.at) : 0;

    if (colon == NULL)
        return err_set(why, ERR_FORMAT, "ACL change: not TYPE:name");
    if (data.len > ZNODE_DATA_MAX)
        return err_set(why, ERR_LIMIT, "ACL change: too large");
    change->type = arena_copy(arena, bytes_make(data.at, n));
    change->name = arena_copy(arena, bytes_make(colon + 1, data.len - n - 1));
    change->pattern = BYTES("LITERAL");
    return arena->err == ERR_OK
               ? ERR_OK
               : err_set(why, arena->err, "ACL change: not enough memory");
}

enum err znode_acl_change_read(struct bytes data, bool extended,
                               struct arena *arena,
                               struct znode_acl_change *change,
                               struct errmsg *why)
{
    struct jr jr;

    *change = (struct znode_acl_change){ 0 };
    if (!extended)
        return read_literal(data, arena, change, why);
    jr_open(&jr, data, "ACL change", arena, why);
    jr_need_object(&jr);
    jr_int(&jr, jr.root, "version", INT32_MIN, 1);
    change->type = jr_string(&jr, jr.root, "resourceType");
    change->name = jr_string(&jr, jr.root, "name");
    change->pattern = jr_string(&jr, jr.root, "patternType");
    return jr_close(&jr);
}

/* -- delegation tokens ------------------------------------------------- */

static void write_principal(struct wr *w, struct bytes principal)
{
    wr_u8(w, '"');
    znode_sanitize(w, principal);
    wr_u8(w, '"');
}

void znode_token_write(struct wr *w, const struct znode_token *token)
{
    jw_text(w, "{\"issueTimestamp\":");
    jw_int(w, token->issued_ms);
    jw_text(w, ",\"renewers\":[");
    for (size_t i = 0; i < token->n_renewers; i++) {
        jw_comma(w, i);
        write_principal(w, token->renewers[i]);
    }
    jw_text(w, "],\"tokenRequester\":");
    write_principal(w, token->requester);
    jw_text(w, ",\"tokenId\":");
    jw_string(w, token->id);
    jw_text(w, ",\"owner\":");
    write_principal(w, token->owner);
    jw_text(w, ",\"expiryTimestamp\":");
    jw_int(w, token->expiry_ms);
    jw_text(w, ",\"maxTimestamp\":");
    jw_int(w, token->max_ms);
    jw_text(w, ",\"version\":3}");
}

static struct bytes principal(struct jr *jr, struct bytes text, const char *key)
{
    struct bytes name = BYTES_NULL;

    if (jr->err == ERR_OK &&
        znode_desanitize(text, jr->arena, &name) == ERR_FORMAT)
        jr_fail(jr, key, "a sanitized principal");
    return name;
}

static void read_renewers(struct jr *jr, struct znode_token *token)
{
    json_t *array = jr_array(jr, jr->root, "renewers");
    size_t n = json_array_size(array);

    token->renewers = arena_array(jr->arena, n, sizeof *token->renewers);
    for (size_t i = 0; token->renewers != NULL && i < n; i++) {
        json_t *item = json_array_get(array, i);

        if (!json_is_string(item)) {
            jr_fail(jr, "renewers", "a list of strings");
            return;
        }
        token->renewers[i] = principal(jr, jr_copy(jr, item), "renewers");
    }
    token->n_renewers = token->renewers && jr->err == ERR_OK ? n : 0;
}

enum err znode_token_read(struct bytes data, struct arena *arena,
                          struct znode_token *token, struct errmsg *why)
{
    struct jr jr;
    int64_t version;

    *token = (struct znode_token){ 0 };
    jr_open(&jr, data, ZNODE_TOKENS, arena, why);
    jr_need_object(&jr);
    version = jr_int(&jr, jr.root, "version", 1, INT32_MAX);
    token->owner = principal(&jr, jr_string(&jr, jr.root, "owner"), "owner");
    token->requester = token->owner;
    if (version >= 3)
        token->requester = principal(
            &jr, jr_string(&jr, jr.root, "tokenRequester"), "tokenRequester");
    token->issued_ms =
        jr_int(&jr, jr.root, "issueTimestamp", INT64_MIN, INT64_MAX);
    token->expiry_ms =
        jr_int(&jr, jr.root, "expiryTimestamp", INT64_MIN, INT64_MAX);
    token->max_ms = jr_int(&jr, jr.root, "maxTimestamp", INT64_MIN, INT64_MAX);
    token->id = jr_string(&jr, jr.root, "tokenId");
    if (jr.err == ERR_OK)
        read_renewers(&jr, token);
    return jr_close(&jr);
}

/* ksasl.c - the exchange; see ksasl.h. */
#include "keeper/ksasl.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <strings.h>

static const char realm[] = "zk-sasl-md5";
static const char uri[] = "zookeeper/zk-sasl-md5";

enum { MD5 = 16 };

/* What a response may say; each at most once. Others are skipped, "nc" among
 * them: the count is 1 by construction. */
enum part {
    USERNAME,
    REALM,
    NONCE,
    CNONCE,
    COUNT,
    QOP,
    URI,
    RESPONSE,
    MAXBUF,
    CHARSET,
    CIPHER,
    AUTHZID,
    PARTS
};

static const char *const names[PARTS] = {
    "username",   "realm",    "nonce",  "cnonce",  "nonce-count", "qop",
    "digest-uri", "response", "maxbuf", "charset", "cipher",      "authzid",
};

/* -- reading directives ---------------------------------------------------- */

static bool is_lws(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_lws(struct bytes *in)
{
    while (in->len > 0 && is_lws(*in->at))
        *in = bytes_make(in->at + 1, in->len - 1);
}

static uint8_t take(struct bytes *in)
{
    uint8_t c = *in->at;

    *in = bytes_make(in->at + 1, in->len - 1);
    return c;
}

/* A key up to '='. At the end of input a bare word is a key without value. */
static const char *read_key(struct bytes *in, struct bytes *key)
{
    *key = bytes_make(in->at, 0);
    while (in->len > 0 && *in->at != '=') {
        if (*in->at == ',')
            return "a directive has a ',' in its key";
        if (is_lws(*in->at)) {
            skip_lws(in);
            if (in->len == 0 || *in->at != '=')
                return "'=' expected";
            break;
        }
        (void)take(in);
        key->len++;
    }
    if (key->len == 0)
        return "a directive without key";
    return NULL;
}

/* The value behind '='; unescaped into `out`, which has room for it. */
static const char *read_value(struct bytes *in, uint8_t *out, size_t *len)
{
    *len = 0;
    (void)take(in);
    skip_lws(in);
    if (in->len == 0)
        return "a directive without value";
    if (*in->at != '"') {
        while (in->len > 0 && !is_lws(*in->at) && *in->at != ',')
            out[(*len)++] = take(in);
        return NULL;
    }
    (void)take(in);
    while (in->len > 0 && *in->at != '"') {
        if (*in->at == '\\')
            (void)take(in);
        if (in->len > 0)
            out[(*len)++] = take(in);
    }
    if (in->len == 0)
        return "a quote is not closed";
    (void)take(in);
    return in->len == 0 || is_lws(*in->at) || *in->at == ','
               ? NULL
               : "',' expected behind a quote";
}

static const char *keep(struct bytes *parts, struct bytes key,
                        struct bytes value)
{
    for (int i = 0; i < PARTS; i++) {
        if (key.len != strlen(names[i]) ||
            strncasecmp((const char *)key.at, names[i], key.len) != 0)
            continue;
        if (!bytes_is_null(parts[i]))
            return "a directive is there twice";
        parts[i] = value;
    }
    return NULL;
}

/* All directives; what is wrong, or NULL. `room` is as long as `in`. */
static const char *read_parts(struct bytes in, uint8_t *room,
                              struct bytes parts[PARTS])
{
    const char *wrong = NULL;

    skip_lws(&in);
    while (in.len > 0 && wrong == NULL) {
        struct bytes key;
        size_t len = 0;

        if (*in.at == ',') {
            (void)take(&in);
            skip_lws(&in);
            continue;
        }
        wrong = read_key(&in, &key);
        if (wrong == NULL && in.len > 0)
            wrong = read_value(&in, room, &len);
        if (wrong == NULL)
            wrong = keep(parts, key, bytes_make(room, len));
        room += len;
        if (in.len > 0) {
            (void)take(&in); /* the separator */
            skip_lws(&in);
        }
    }
    return wrong;
}

/* -- digests --------------------------------------------------------------- */

/* RFC 2831, 2.1.2.1: what fits into ISO 8859-1 is hashed as that. The text is
 * UTF-8; NULL after a failure of the arena. */
static struct bytes as_latin1(struct arena *arena, struct bytes text)
{
    uint8_t *out = arena_take(arena, text.len + 1);
    size_t n = 0;

    if (out == NULL)
        return BYTES_NULL;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];

        if (c < 0x80) {
            out[n++] = c;
        } else if ((c == 0xc2 || c == 0xc3) && i + 1 < text.len &&
                   (text.at[i + 1] & 0xc0) == 0x80) {
            out[n++] = (uint8_t)(c << 6 | (text.at[++i] & 0x3f));
        } else {
            return text;
        }
    }
    return bytes_make(out, n);
}

/* The other way round, for a client that did not say charset=utf-8. */
static struct bytes from_latin1(struct arena *arena, struct bytes text)
{
    uint8_t *out = arena_take(arena, 2 * text.len + 1);
    size_t n = 0;

    if (out == NULL)
        return BYTES_NULL;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];

        if (c >= 0x80) {
            out[n++] = (uint8_t)(0xc0 | c >> 6);
            c = (uint8_t)(0x80 | (c & 0x3f));
        }
        out[n++] = c;
    }
    return bytes_make(out, n);
}

static bool md5(uint8_t out[MD5], struct bytes text)
{
    return !bytes_is_null(text) &&
           EVP_Digest(text.at, text.len, out, NULL, EVP_md5(), NULL) == 1;
}

static void hex(const uint8_t in[MD5], char out[KSASL_HEX + 1])
{
    for (int i = 0; i < MD5; i++) {
        out[2 * i] = "0123456789abcdef"[in[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
    }
    out[KSASL_HEX] = '\0';
}

/* H(user:realm:password):nonce:cnonce[:authzid], hashed, in hex. */
static bool a1_make(const struct ksasl_proof *in, struct arena *arena,
                    char out[KSASL_HEX + 1])
{
    struct bytes name = as_latin1(arena, in->user);
    struct bytes password = as_latin1(arena, in->password);
    uint8_t sum[MD5];
    struct bytes tail;
    uint8_t *a1;

    if (bytes_is_null(name) || bytes_is_null(password) ||
        !md5(sum, arena_format(arena, "%.*s:%.*s:%.*s", BYTES_ARG(name),
                               BYTES_ARG(in->realm), BYTES_ARG(password))))
        return false;
    tail = arena_format(
        arena, ":%.*s:%.*s%s%.*s", BYTES_ARG(in->nonce), BYTES_ARG(in->cnonce),
        bytes_is_null(in->authzid) ? "" : ":", BYTES_ARG(in->authzid));
    a1 = bytes_is_null(tail) ? NULL : arena_take(arena, MD5 + tail.len);
    if (a1 == NULL)
        return false;
    memcpy(a1, sum, MD5);
    memcpy(a1 + MD5, tail.at, tail.len);
    if (!md5(sum, bytes_make(a1, MD5 + tail.len)))
        return false;
    hex(sum, out);
    return true;
}

bool ksasl_prove(const struct ksasl_proof *in, struct arena *arena,
                 const char *method, char out[KSASL_HEX + 1])
{
    uint8_t sum[MD5];
    char a1[KSASL_HEX + 1];
    char a2[KSASL_HEX + 1];

    if (!a1_make(in, arena, a1) ||
        !md5(sum, arena_format(arena, "%s:%.*s", method, BYTES_ARG(in->uri))))
        return false;
    hex(sum, a2);
    if (!md5(sum,
             arena_format(arena, "%s:%.*s:00000001:%.*s:auth:%s", a1,
                          BYTES_ARG(in->nonce), BYTES_ARG(in->cnonce), a2)))
        return false;
    hex(sum, out);
    return true;
}

/* -- the exchange ---------------------------------------------------------- */

static const struct ksasl_user *user_find(const struct ksasl *sasl,
                                          struct bytes name)
{
    for (size_t i = 0; i < sasl->n; i++)
        if (bytes_is(name, sasl->users[i].name))
            return &sasl->users[i];
    return NULL;
}

/* A NUL inside would end a "%.*s" early and so leave bytes out of a hash. */
static bool has_nul(const struct bytes parts[PARTS])
{
    for (int i = 0; i < PARTS; i++)
        if (parts[i].len > 0 && memchr(parts[i].at, '\0', parts[i].len))
            return true;
    return false;
}

static bool is_like(struct bytes b, const char *text)
{
    return b.len == strlen(text) &&
           strncasecmp((const char *)b.at, text, b.len) == 0;
}

/* What a response must and must not say, but for the proof itself. */
static const char *check_parts(const struct ksasl_talk *talk,
                               const struct bytes parts[PARTS])
{
    if (has_nul(parts))
        return "a NUL character";
    if (parts[USERNAME].len == 0)
        return "no username";
    if (!bytes_is_null(parts[CHARSET]) && !bytes_is(parts[CHARSET], "utf-8"))
        return "a charset other than utf-8";
    if (!bytes_is(parts[REALM], realm))
        return "another realm than zk-sasl-md5";
    if (!bytes_is(parts[NONCE], talk->nonce))
        return "another nonce than ours";
    if (parts[CNONCE].len == 0)
        return "no cnonce";
    if (!bytes_is_null(parts[COUNT]) && !bytes_is(parts[COUNT], "00000001"))
        return "a nonce count other than 1";
    if (!bytes_is_null(parts[QOP]) && !bytes_is(parts[QOP], "auth"))
        return "a qop other than auth";
    if (!is_like(parts[URI], uri))
        return "another digest-uri than zookeeper/zk-sasl-md5";
    if (parts[RESPONSE].len != KSASL_HEX)
        return "no response of 32 digits";
    return NULL;
}

static enum err respond(const struct ksasl *sasl, const struct ksasl_talk *talk,
                        struct bytes token, struct arena *arena,
                        struct bytes *reply, struct bytes *who,
                        struct errmsg *why)
{
    struct bytes parts[PARTS] = { { NULL, 0 } };
    uint8_t *room = arena_take(arena, token.len + 1);
    const struct ksasl_user *user;
    const char *wrong;
    char text[KSASL_HEX + 1];
    struct bytes name;

    if (room == NULL)
        return err_set(why, ERR_LIMIT, "no memory for it");
    wrong = read_parts(token, room, parts);
    if (wrong == NULL)
        wrong = check_parts(talk, parts);
    if (wrong != NULL)
        return err_set(why, ERR_FORMAT, "the client's response: %s", wrong);
    name = bytes_is_null(parts[CHARSET]) ? from_latin1(arena, parts[USERNAME])
                                         : parts[USERNAME];
    user = bytes_is_null(name) ? NULL : user_find(sasl, name);
    if (user == NULL)
        return err_set(why, ERR_DENIED, "user %.*s is not in the JAAS file",
                       name.len > 64 ? 64 : (int)name.len,
                       name.at ? (const char *)name.at : "");
    struct ksasl_proof proof = {
        .user = bytes_of(user->name),
        .password = bytes_of(user->password),
        .realm = parts[REALM],
        .nonce = parts[NONCE],
        .cnonce = parts[CNONCE],
        .authzid = parts[AUTHZID],
        .uri = parts[URI],
    };
    if (!ksasl_prove(&proof, arena, "AUTHENTICATE", text))
        return err_set(why, ERR_LIMIT, "no memory for it, or no MD5");
    if (CRYPTO_memcmp(parts[RESPONSE].at, text, KSASL_HEX) != 0)
        return err_set(why, ERR_DENIED, "wrong password for user %s",
                       user->name);
    if (!ksasl_prove(&proof, arena, "", text))
        return err_set(why, ERR_LIMIT, "no memory for it, or no MD5");
    *reply = arena_format(arena, "rspauth=%s", text);
    if (bytes_is_null(*reply))
        return err_set(why, ERR_LIMIT, "no memory for it");
    *who = bytes_of(user->name);
    return ERR_OK;
}

enum err ksasl_answer(const struct ksasl *sasl, struct ksasl_talk *talk,
                      struct bytes token, const char *nonce,
                      struct arena *arena, struct bytes *reply,
                      struct bytes *user, struct errmsg *why)
{
    *reply = BYTES_NULL;
    *user = BYTES_NULL;
    if (talk->state == KSASL_OVER)
        return err_set(why, ERR_CLOSED, "the exchange is over");
    if (talk->state == KSASL_ASKED) {
        talk->state = KSASL_OVER;
        if (token.len > KSASL_TOKEN_MOST)
            return err_set(why, ERR_LIMIT, "a token of %zu bytes", token.len);
        return respond(sasl, talk, token, arena, reply, user, why);
    }
    /* What comes with a first token is not looked at, as in Java. */
    *reply = arena_format(
        arena, "realm=\"%s\",nonce=\"%s\",charset=utf-8,algorithm=md5-sess",
        realm, nonce);
    if (bytes_is_null(*reply))
        return err_set(why, ERR_LIMIT, "no memory for it");
    memcpy(talk->nonce, nonce, KSASL_NONCE);
    talk->nonce[KSASL_NONCE] = '\0';
    talk->state = KSASL_ASKED;
    return ERR_OK;
}

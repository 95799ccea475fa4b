/* DIGEST-MD5: the proofs, and what comes of odd tokens. */
#include "keeper/ksasl.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/unit.h"

static const char jaas[] =
    "Server { org.apache.zookeeper.server.auth.DigestLoginModule required\n"
    "  user_bob=\"secret\" user_super=\"no\" user_j\xc3\xb6rg=\"p\xc3\xa4\"; "
    "};";
static const char nonce[] = "0123456789012345678901234567890123456789";

struct world {
    struct ksasl *sasl;
    struct ksasl_talk talk;
    struct arena arena;
    struct bytes reply;
    struct bytes user;
    struct errmsg why;
};

static void world_init(struct world *w)
{
    *w = (struct world){ .sasl = NULL };
    arena_init(&w->arena, 1 << 20);
    ck_assert_err(ksasl_read(&w->sasl, bytes_make(jaas, sizeof jaas - 1),
                             "jaas.conf", "Server", "super password", NULL),
                  ERR_OK);
}

static void world_fini(struct world *w)
{
    arena_fini(&w->arena);
    ksasl_free(&w->sasl);
}

static enum err say(struct world *w, struct bytes token)
{
    return ksasl_answer(w->sasl, &w->talk, token, nonce, &w->arena, &w->reply,
                        &w->user, &w->why);
}

/* The response of a client that knows the password. */
static struct bytes response(struct world *w, const char *user,
                             const char *password, const char *tail)
{
    struct ksasl_proof proof = {
        .user = bytes_of(user),
        .password = bytes_of(password),
        .realm = BYTES("zk-sasl-md5"),
        .nonce = bytes_of(nonce),
        .cnonce = BYTES("c"),
        .uri = BYTES("zookeeper/zk-sasl-md5"),
    };
    char text[KSASL_HEX + 1];

    ck_assert(ksasl_prove(&proof, &w->arena, "AUTHENTICATE", text));
    return arena_format(&w->arena,
                        "charset=utf-8,username=\"%s\",realm=\"zk-sasl-md5\","
                        "nonce=\"%s\",nc=00000001,cnonce=\"c\",qop=auth,"
                        "digest-uri=\"zookeeper/zk-sasl-md5\",response=%s%s",
                        user, nonce, text, tail);
}

START_TEST(the_example_of_the_rfc_is_proved)
{
    struct ksasl_proof proof = {
        .user = BYTES("chris"),
        .password = BYTES("secret"),
        .realm = BYTES("elwood.innosoft.com"),
        .nonce = BYTES("OA6MG9tEQGm2hh"),
        .cnonce = BYTES("OA6MHXh6VqTrRk"),
        .uri = BYTES("imap/elwood.innosoft.com"),
    };
    struct arena arena;
    char text[KSASL_HEX + 1];

    arena_init(&arena, 1 << 16);
    ck_assert(ksasl_prove(&proof, &arena, "AUTHENTICATE", text));
    ck_assert_str_eq(text, "d388dad90d4bbd760a152321f2143af7");
    ck_assert(ksasl_prove(&proof, &arena, "", text));
    ck_assert_str_eq(text, "ea40f60335c427b5527b84dbabcdfffd");

    /* The second one of the RFC: another service and nonce. */
    proof.nonce = BYTES("OA9BSXrbuRhWay");
    proof.cnonce = BYTES("OA9BSuZWMSpW8m");
    proof.uri = BYTES("acap/elwood.innosoft.com");
    ck_assert(ksasl_prove(&proof, &arena, "AUTHENTICATE", text));
    ck_assert_str_eq(text, "6084c6db3fede7352c551284490fd0fc");
    ck_assert(ksasl_prove(&proof, &arena, "", text));
    ck_assert_str_eq(text, "2f0b3d7c3c2e486600ef710726aa2eae");
    arena_fini(&arena);
}
END_TEST

START_TEST(a_right_password_makes_a_user)
{
    static const char *const users[][2] = { { "bob", "secret" },
                                            { "super", "super password" },
                                            { "j\xc3\xb6rg", "p\xc3\xa4" } };

    for (size_t i = 0; i < 3; i++) {
        struct world w;

        world_init(&w);
        ck_assert_err(say(&w, BYTES("")), ERR_OK);
        ck_assert_bytes(
            w.reply, BYTES("realm=\"zk-sasl-md5\",nonce=\"01234567890123456789"
                           "01234567890123456789\",charset=utf-8,"
                           "algorithm=md5-sess"));
        ck_assert(bytes_is_null(w.user));
        ck_assert_err(say(&w, response(&w, users[i][0], users[i][1], "")),
                      ERR_OK);
        ck_assert(w.reply.len == 8 + KSASL_HEX &&
                  memcmp(w.reply.at, "rspauth=", 8) == 0);
        ck_assert_bytes(w.user, bytes_of(users[i][0]));
        /* One exchange for each connection. */
        ck_assert_err(say(&w, BYTES("")), ERR_CLOSED);
        world_fini(&w);
    }
}
END_TEST

START_TEST(anything_else_makes_none)
{
    static const char *const rows[][3] = {
        { "bob", "secre", "" },
        { "eve", "secret", "" },
        { "super", "no", "" },
        { "bob", "secret", ",username=\"bob\"" },
        { "bob", "secret", ",foo=\"bar" },
        { "bob", "secret", ",=x" },
        { "bob", "secret", ",x=" },
        { "bob", "secret", ",a,b=c" },
        { "bob", "secret", ",x=\"y\"z" },
        { "bob", "secret", ",x=\"y\\" },
        { "bob", "secret", " x y" },
        { "bob", "secret", ",nonce-count=00000002" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;

        world_init(&w);
        ck_assert_err(say(&w, BYTES("")), ERR_OK);
        enum err err =
            say(&w, response(&w, rows[i][0], rows[i][1], rows[i][2]));
        ck_assert_msg(err != ERR_OK, "row %zu", i);
        ck_assert(bytes_is_null(w.user) && bytes_is_null(w.reply));
        ck_assert(w.why.text[0] != '\0');
        ck_assert_ptr_null(strstr(w.why.text, "secret"));
        world_fini(&w);
    }
}
END_TEST

START_TEST(every_cut_of_a_response_fails)
{
    struct world w;

    world_init(&w);
    struct bytes whole = response(&w, "bob", "secret", "");
    for (size_t n = 0; n < whole.len; n++) {
        /* Memory of exactly that length: a sanitizer sees each step beyond. */
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, whole.at, n);
        w.talk.state = KSASL_NEW;
        ck_assert_err(say(&w, BYTES("")), ERR_OK);
        ck_assert(say(&w, bytes_make(cut, n)) != ERR_OK);
        free(cut);
    }
    world_fini(&w);
}
END_TEST

START_TEST(a_token_may_have_4096_bytes)
{
    for (size_t more = 0; more < 2; more++) {
        struct world w;
        char tail[4200] = ",x=";

        world_init(&w);
        ck_assert_err(say(&w, BYTES("")), ERR_OK);
        size_t len = response(&w, "bob", "secret", tail).len;
        memset(tail + 3, 'y', KSASL_TOKEN_MOST - len + more);
        ck_assert_err(say(&w, response(&w, "bob", "secret", tail)),
                      more ? ERR_LIMIT : ERR_OK);
        world_fini(&w);
    }
}
END_TEST

START_TEST(only_digest_modules_are_taken)
{
    struct ksasl *sasl;
    struct errmsg why;
    static const char krb[] =
        "Server { com.sun.security.auth.module.Krb5LoginModule required "
        "keyTab=\"/k\"; };";

    ck_assert_err(ksasl_read(&sasl, bytes_make(krb, sizeof krb - 1),
                             "jaas.conf", "Server", NULL, &why),
                  ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "Krb5LoginModule"));
    ck_assert_ptr_null(sasl);
    ck_assert_err(ksasl_read(&sasl, bytes_make(krb, sizeof krb - 1),
                             "jaas.conf", "Other", NULL, &why),
                  ERR_OK);
    ck_assert_ptr_null(sasl);
}
END_TEST

UNIT_MAIN("ksasl", the_example_of_the_rfc_is_proved,
          a_right_password_makes_a_user, anything_else_makes_none,
          every_cut_of_a_response_fails, a_token_may_have_4096_bytes,
          only_digest_modules_are_taken)

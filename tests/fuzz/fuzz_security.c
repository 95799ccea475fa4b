/* What the outside and the operator hand to authentication: SASL tokens, names
 * in certificates and ACLs, JAAS files. The first byte says which. */
#include <assert.h>

#include "keeper/kdn.h"
#include "keeper/kjaas.h"
#include "keeper/ksasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void jaas(struct bytes in)
{
    struct ksasl *sasl;
    struct kjaas file;
    struct errmsg why;

    if (kjaas_read(&file, in, "f", "Server", &why) == ERR_OK)
        kjaas_fini(&file);
    else
        assert(why.text[0] != '\0' && file.options == NULL);
    if (ksasl_read(&sasl, in, "f", "Server", "p", &why) == ERR_OK)
        ksasl_free(&sasl);
}

static void token(struct bytes in)
{
    static const char users[] =
        "Server { org.apache.zookeeper.server.auth.DigestLoginModule required "
        "user_bob=\"secret\"; };";
    static const char nonce[] = "0123456789012345678901234567890123456789";
    struct ksasl_talk talk = { .state = KSASL_NEW };
    struct ksasl *sasl = NULL;
    struct bytes reply;
    struct bytes user;
    struct arena arena;
    struct errmsg why;

    err_ignore(ksasl_read(&sasl, bytes_make(users, sizeof users - 1), "f",
                          "Server", NULL, &why),
               "it is well-formed");
    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 3; i++) {
        enum err err = ksasl_answer(sasl, &talk, i ? in : BYTES(""), nonce,
                                    &arena, &reply, &user, &why);

        assert(err == (i == 0 ? ERR_OK : i == 2 ? ERR_CLOSED : err));
        assert(err == ERR_OK || bytes_is_null(user));
    }
    arena_fini(&arena);
    ksasl_free(&sasl);
}

static void name(struct bytes in)
{
    struct wr w;

    wr_init(&w, 1 << 20);
    if (kdn_write(&w, in) && w.len > 0) {
        /* What we write is a name to whoever reads it; but for hex forms of
         * values that are no DER. */
        struct bytes text = bytes_make(w.data, w.len);

        assert(kdn_is_valid(text) || memchr(text.at, '#', text.len) != NULL);
    }
    wr_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in;

    if (size == 0)
        return 0;
    in = bytes_make(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        jaas(in);
        break;
    case 1:
        token(in);
        break;
    case 2:
        name(in);
        break;
    default:
        (void)kdn_is_valid(in);
    }
    return 0;
}

/* test_tls_rules.c - settings in Java's words mean what they mean there. */
#include "tls/tls_rules.h"

#include "tests/support/unit.h"

START_TEST(ciphers_have_the_names_of_java)
{
    struct wr old;
    struct wr now;
    struct errmsg why;

    wr_init(&old, 4096);
    wr_init(&now, 4096);
    ck_assert_err(
        tls_rules_cipher_lists("ssl.ciphersuites",
                               "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 , "
                               "TLS_AES_256_GCM_SHA384,ECDHE-ECDSA-AES256-GCM-"
                               "SHA384",
                               &old, &now, &why),
        ERR_OK);
    ck_assert_bytes(bytes_make(old.data, old.len),
                    BYTES("ECDHE-RSA-AES128-GCM-SHA256:"
                          "ECDHE-ECDSA-AES256-GCM-SHA384"));
    ck_assert_bytes(bytes_make(now.data, now.len),
                    BYTES("TLS_AES_256_GCM_SHA384"));
    ck_assert_err(tls_rules_cipher_lists("ssl.ciphersuites", "TLS_NO_SUCH",
                                         &old, &now, &why),
                  ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "TLS_NO_SUCH"));
    ck_assert_err(
        tls_rules_cipher_lists("ssl.ciphersuites", " , ", &old, &now, &why),
        ERR_OK);
    wr_fini(&old);
    wr_fini(&now);
}
END_TEST

UNIT_MAIN("tls_rules", ciphers_have_the_names_of_java)

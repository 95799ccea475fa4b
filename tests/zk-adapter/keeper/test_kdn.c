/* Names in certificates. The rows were written by Java 17's
 * X500Principal.getName() over these encodings. */
#include "keeper/kdn.h"

#include <stdlib.h>

#include "tests/support/unit.h"

#define B(s)                                                                   \
    {                                                                          \
        (const uint8_t *)("" s), sizeof(s) - 1                                 \
    }

/* clang-format off */
static const struct {
    struct bytes der;
    const char *name;
} rows[] = {
    { B("\x30\x00"),
      "" },
    { B("\x30\x2c\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02\x44\x45\x31\x0f\x30\x0d\x06\x03\x55\x04\x0a\x0c\x06\x47\x72\x65\x67\x6f\x72\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03\x61\x6e\x6e"),
      "CN=ann,O=Gregor,C=DE" },
    { B("\x30\x19\x31\x17\x30\x15\x06\x03\x55\x04\x03\x0c\x0e\x20\x61\x20\x2c\x2b\x22\x5c\x3c\x3e\x3b\x3d\x23\x20\x0d"),
      "CN=\\ a \\,\\+\\\"\\\\\\<\\>\\;\\=\\#\\ \\\015" },
    { B("\x30\x26\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x23\x78\x31\x17\x30\x15\x06\x03\x55\x04\x07\x0c\x0e\x4b\xc3\xb6\x6c\x6e\x20\xe2\x82\xac\x20\xf0\x9f\x98\x80"),
      "L=K\303\266ln \342\202\254 \360\237\230\200,CN=\\#x" },
    { B("\x30\x28\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03\x20\x20\x20\x31\x09\x30\x07\x06\x03\x55\x04\x03\x0c\x00\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04\x61\x20\x20\x62"),
      "CN=a  b,CN=,CN=\\ \\ \\ " },
    { B("\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06\x61\x00\x62\x0a\x09\x7f"),
      "CN=a\\00b\012\011\177" },
    { B("\x30\x56\x31\x13\x30\x11\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19\x16\x03\x6f\x72\x67\x31\x1b\x30\x0f\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01\x0c\x01\x75\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x6d\x31\x0a\x30\x08\x06\x03\x55\x04\x08\x0c\x01\x73\x31\x0a\x30\x08\x06\x03\x55\x04\x09\x0c\x01\x74\x31\x0a\x30\x08\x06\x03\x55\x04\x0b\x0c\x01\x6f"),
      "OU=o,STREET=t,ST=s,UID=u+CN=m,DC=org" },
    { B("\x30\x57\x31\x12\x30\x10\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01\x16\x03\x61\x40\x62\x31\x0a\x30\x08\x06\x03\x55\x04\x05\x13\x01\x37\x31\x0b\x30\x09\x06\x03\x55\x04\x0c\x0c\x02\x44\x72\x31\x0a\x30\x08\x06\x03\x55\x04\x11\x0c\x01\x31\x31\x10\x30\x0e\x06\x09\x2b\x06\x01\x04\x01\x82\x37\x15\x01\x0c\x01\x76\x31\x0a\x30\x08\x06\x03\x88\x37\x03\x0c\x01\x76"),
      "2.999.3=#0c0176,1.3.6.1.4.1.311.21.1=#0c0176,2.5.4.17=#0c0131,2.5.4.12=#0c024472,2.5.4.5=#130137,1.2.840.113549.1.9.1=#1603614062" },
    { B("\x30\x38\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x14\x03\x4b\xf6\x6c\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x1e\x04\x00\x61\x00\x62\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x1a\x03\x76\x69\x73\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x12\x02\x31\x32"),
      "CN=#12023132,CN=#1a03766973,CN=\\00a\\00b,CN=K\357\277\275l" },
    { B("\x30\x36\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x1c\x04\x00\x00\x00\x61\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x1b\x03\x67\x65\x6e\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x02\x01\x05\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x04\x02\x01\x02"),
      "CN=#04020102,CN=#020105,CN=gen,CN=#1c0400000061" },
    { B("\x30\x14\x31\x12\x30\x10\x06\x03\x55\x04\x03\x0c\x09\xe2\x82\x61\xff\xc0\x80\xed\xa0\x80"),
      "CN=\357\277\275a\357\277\275\357\277\275\357\277\275\357\277\275" },
};
/* clang-format on */

START_TEST(names_are_written_as_java_writes_them)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wr w;

        wr_init(&w, 1 << 16);
        ck_assert_msg(kdn_write(&w, rows[i].der), "row %zu", i);
        wr_u8(&w, 0);
        ck_assert_str_eq((char *)w.data, rows[i].name);
        wr_fini(&w);
    }
}
END_TEST

START_TEST(a_long_name_is_written_whole)
{
    uint8_t der[8 + 3 + 2 + 200 + 8] = { 0x30, 0x81, 0xd6, 0x31, 0x81, 0xd3,
                                         0x30, 0x81, 0xd0, 6,    3,    0x55,
                                         4,    10,   12,   0x81, 0xc8 };
    struct wr w;

    memset(der + 17, 'x', 200);
    wr_init(&w, 1 << 16);
    ck_assert(kdn_write(&w, bytes_make(der, 217)));
    ck_assert_uint_eq(w.len, 202);
    wr_fini(&w);
    wr_init(&w, 100);
    ck_assert(!kdn_write(&w, bytes_make(der, 217)));
    wr_fini(&w);
}
END_TEST

START_TEST(every_cut_of_a_name_is_refused)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t n = 0; n < rows[i].der.len; n++) {
            uint8_t *cut = malloc(n + 1);
            struct wr w;

            memcpy(cut, rows[i].der.at, n);
            wr_init(&w, 1 << 16);
            ck_assert(!kdn_write(&w, bytes_make(cut, n)));
            wr_fini(&w);
            free(cut);
        }
}
END_TEST

START_TEST(texts_are_names_as_java_takes_them)
{
    static const char *const good[] = {
        "",
        "CN=a",
        "cn=a,o=b",
        "CN=a;O=b",
        "CN=",
        "1.2.3=a",
        "OID.1.2.3=a",
        "1.2=a",
        "1.2.3=#0401ff",
        "CN=a+O=b",
        "CN=\"a,b\"",
        "CN=a\\,b",
        "CN=a\\41",
        "CN = a , O = b",
        "OU =x",
        "EMAILADDRESS=x@y",
        "CN=a=b",
        "CN=a#b",
        "CN=\\#a",
        "CN=\xc3\xa4",
        "CN=a\nb",
        "CN=a O=b",
        "T=x",
        "2.999.3=v",
    };
    static const char *const bad[] = {
        "foo",    "CN",     "=a",      "CN=a,",    ",CN=a",     "CN=a,,O=b",
        "FOO=a",  "1=a",    "1.2.=a",  "9.2.3=a",  "1.77=a",    "0.40.1=a",
        "CN=a+",  "CN=\"a", "CN=a\\",  "CN=a\\zz", "1.2.3=#04", "CN=#040",
        "CN=#0x", "E=x",    "CN=a<b",  "CN=a\"b",  "CN=\"a\"b", ";",
        "+",      "SN=x",   "TITLE=x",
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(kdn_is_valid(bytes_of(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!kdn_is_valid(bytes_of(bad[i])), "%s", bad[i]);
}
END_TEST

UNIT_MAIN("kdn", names_are_written_as_java_writes_them,
          a_long_name_is_written_whole, every_cut_of_a_name_is_refused,
          texts_are_names_as_java_takes_them)

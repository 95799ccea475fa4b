/* kdn.c - DER in, RFC 2253 out; see kdn.h. */
#include "keeper/kdn.h"

#include <stdio.h>

#include "wire/rd.h"

enum {
    SEQUENCE = 0x30,
    SET = 0x31,
    OID = 0x06,
    RDNS_MOST = 64, /* RDNs of a name, and parts of one RDN */
    DEPTH_BYTES = 4,
};

struct keyword {
    const char *word;
    struct bytes oid;
};

#define AT(n)                                                                  \
    {                                                                          \
        (const uint8_t *)"\x55\x04" n, 3                                       \
    }
static const struct keyword keywords[] = {
    { "CN", AT("\x03") },
    { "C", AT("\x06") },
    { "L", AT("\x07") },
    { "ST", AT("\x08") },
    { "O", AT("\x0a") },
    { "OU", AT("\x0b") },
    { "STREET", AT("\x09") },
    { "DC",
      { (const uint8_t *)"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", 10 } },
    { "UID",
      { (const uint8_t *)"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", 10 } },
};

/* -- DER ------------------------------------------------------------------- */

struct tlv {
    uint8_t tag;
    struct bytes value;
    struct bytes whole;
};

static bool tlv_read(struct rd *r, struct tlv *out)
{
    const uint8_t *from = r->at;
    size_t len;
    uint8_t first;

    out->tag = rd_u8(r);
    first = rd_u8(r);
    len = first;
    if (first & 0x80) {
        len = 0;
        if ((first & 0x7f) == 0 || (first & 0x7f) > DEPTH_BYTES)
            return false;
        for (int i = first & 0x7f; i > 0; i--)
            len = len << 8 | rd_u8(r);
    }
    const uint8_t *at = rd_take(r, len);
    if (r->err != ERR_OK)
        return false;
    out->value = bytes_make(at, len);
    out->whole = bytes_make(from, (size_t)(r->at - from));
    return true;
}

/* The elements of a constructed value; how many, or -1. */
static int tlv_all(struct bytes in, struct tlv out[RDNS_MOST])
{
    struct rd r = rd_make(in);
    int n = 0;

    while (r.left > 0) {
        if (n == RDNS_MOST || !tlv_read(&r, &out[n]))
            return -1;
        n++;
    }
    return n;
}

/* -- writing --------------------------------------------------------------- */

static void put(struct wr *w, const char *text)
{
    wr_raw(w, text, strlen(text));
}

static void put_hex(struct wr *w, struct bytes b)
{
    put(w, "#");
    for (size_t i = 0; i < b.len; i++) {
        char two[3];

        (void)snprintf(two, sizeof two, "%02x", b.at[i]);
        put(w, two);
    }
}

static bool put_oid(struct wr *w, struct bytes oid)
{
    uint64_t n = 0;
    bool first = true;

    if (oid.len == 0 || (oid.at[oid.len - 1] & 0x80))
        return false;
    for (size_t i = 0; i < oid.len; i++) {
        char text[48];

        if (n >> 56)
            return false;
        n = n << 7 | (oid.at[i] & 0x7f);
        if (oid.at[i] & 0x80)
            continue;
        if (first)
            (void)snprintf(text, sizeof text, "%d.%llu",
                           n < 40   ? 0
                           : n < 80 ? 1
                                    : 2,
                           (unsigned long long)(n < 40   ? n
                                                : n < 80 ? n - 40
                                                         : n - 80));
        else
            (void)snprintf(text, sizeof text, ".%llu", (unsigned long long)n);
        put(w, text);
        first = false;
        n = 0;
    }
    return true;
}

/* UTF8, Printable, T61, IA5, General and BMP strings; not Universal ones. */
static bool is_string(uint8_t tag)
{
    return tag == 12 || tag == 19 || tag == 20 || tag == 22 || tag == 27 ||
           tag == 30;
}

/* Length of the UTF-8 character at the front; 0 when it is none. */
static size_t utf8_len(const uint8_t *at, size_t left)
{
    size_t n = at[0] < 0x80                     ? 1
               : at[0] >= 0xc2 && at[0] <= 0xdf ? 2
               : (at[0] & 0xf0) == 0xe0         ? 3
               : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                : 0;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return n;
}

/* How many bytes Java replaces by one U+FFFD: as far as they could have begun a
 * character, and surrogates whole. */
static size_t bad_len(const uint8_t *at, size_t left)
{
    size_t most = (at[0] & 0xf0) == 0xe0           ? 3
                  : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                   : 1;
    size_t n = 1;

    if (left > 1 &&
        ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90) ||
         (at[0] == 0xf4 && at[1] > 0x8f)))
        return 1;
    while (n < most && n < left && (at[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\r';
}

/* Java takes the bytes of any string type for UTF-8. */
static void put_value(struct wr *w, struct bytes v)
{
    size_t lead = 0;
    size_t trail = v.len;

    while (lead < v.len && is_blank(v.at[lead]))
        lead++;
    while (trail > lead && is_blank(v.at[trail - 1]))
        trail--;
    for (size_t i = 0; i < v.len;) {
        uint8_t c = v.at[i];
        size_t n = utf8_len(v.at + i, v.len - i);

        if (n == 0) {
            put(w, "\xef\xbf\xbd");
            n = bad_len(v.at + i, v.len - i);
        } else if (c == '\0') {
            put(w, "\\00");
        } else {
            if (strchr(",=+<>#;\"\\", c) != NULL || i < lead || i >= trail)
                put(w, "\\");
            wr_raw(w, v.at + i, n);
        }
        i += n;
    }
}

static bool put_part(struct wr *w, struct bytes in)
{
    struct rd r = rd_make(in);
    struct tlv oid;
    struct tlv value;

    if (!tlv_read(&r, &oid) || oid.tag != OID || !tlv_read(&r, &value) ||
        r.left > 0)
        return false;
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (!bytes_equal(keywords[i].oid, oid.value))
            continue;
        put(w, keywords[i].word);
        put(w, "=");
        if (is_string(value.tag))
            put_value(w, value.value);
        else
            put_hex(w, value.whole);
        return true;
    }
    if (!put_oid(w, oid.value))
        return false;
    put(w, "=");
    put_hex(w, value.whole);
    return true;
}

static bool put_rdn(struct wr *w, struct bytes in)
{
    struct tlv parts[RDNS_MOST];
    int n = tlv_all(in, parts);

    if (n <= 0)
        return false;
    for (int i = 0; i < n; i++) {
        if (i > 0)
            put(w, "+");
        if (parts[i].tag != SEQUENCE || !put_part(w, parts[i].value))
            return false;
    }
    return true;
}

bool kdn_write(struct wr *out, struct bytes der)
{
    struct rd r = rd_make(der);
    struct tlv name;
    struct tlv rdns[RDNS_MOST];
    int n;

    if (!tlv_read(&r, &name) || name.tag != SEQUENCE || r.left > 0)
        return false;
    n = tlv_all(name.value, rdns);
    if (n < 0)
        return false;
    for (int i = n - 1; i >= 0; i--) {
        if (rdns[i].tag != SET || !put_rdn(out, rdns[i].value))
            return false;
        if (i > 0)
            put(out, ",");
    }
    return out->err == ERR_OK;
}

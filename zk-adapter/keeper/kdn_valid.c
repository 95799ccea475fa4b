/* kdn_valid.c - may a text be a distinguished name? Java's rules for
 * `new X500Principal(text)`, which ZooKeeper asks about ids of scheme x509. */
#include <strings.h>

#include "keeper/kdn.h"

static const char *const words[] = {
    "CN",         "C",       "L",
    "S",          "ST",      "O",
    "OU",         "T",       "IP",
    "STREET",     "DC",      "DNQUALIFIER",
    "DNQ",        "SURNAME", "INITIALS",
    "GENERATION", "EMAIL",   "EMAILADDRESS",
    "GIVENNAME",  "UID",     "SERIALNUMBER",
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool has(const char *set, uint8_t c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static uint8_t at(struct bytes in, size_t i)
{
    return i < in.len ? in.at[i] : 0;
}

static void skip(struct bytes *in, size_t n)
{
    *in = bytes_make(in->at + n, in->len - n);
}

static void skip_blanks(struct bytes *in)
{
    while (in->len > 0 && (*in->at == ' ' || *in->at == '\n'))
        skip(in, 1);
}

/* 1.2.3: two numbers at least, the first up to 2, the second below 40 unless
 * the first is 2. */
static bool is_oid(struct bytes word)
{
    struct bytes in = word;
    int64_t first = 0;

    for (int part = 0;; part++) {
        size_t n = 0;
        int64_t value;

        while (n < in.len && is_digit(in.at[n]))
            n++;
        if (n == 0 || (n > 1 && in.at[0] == '0'))
            return false;
        if (!bytes_to_int64(bytes_make(in.at, n), 0, INT64_MAX, &value))
            value = INT64_MAX;
        if (part == 0)
            first = value;
        if (first > 2 || (part == 1 && first < 2 && value > 39))
            return false;
        if (n == in.len)
            return part > 0;
        if (in.at[n] != '.')
            return false;
        skip(&in, n + 1);
    }
}

static bool is_word(struct bytes word)
{
    while (word.len > 0 && (*word.at == ' ' || *word.at == '\n'))
        skip(&word, 1);
    while (word.len > 0 && word.at[word.len - 1] == ' ')
        word.len--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (word.len == strlen(words[i]) &&
            strncasecmp((const char *)word.at, words[i], word.len) == 0)
            return true;
    if (word.len > 4 && strncasecmp((const char *)word.at, "OID.", 4) == 0)
        skip(&word, 4);
    return word.len > 0 && is_digit(*word.at) && is_oid(word);
}

/* The end of one part: of the RDN, of the name. */
static bool is_end(struct bytes in)
{
    return in.len == 0 || has(",;+", *in.at);
}

/* Length of the escape behind a backslash; 0: none that is allowed. */
static size_t escape(struct bytes in, const char *specials)
{
    if (in.len > 1 && is_hex(in.at[0]) && is_hex(in.at[1]))
        return 2;
    return in.len > 0 && has(specials, *in.at) ? 1 : 0;
}

/* #hex: whole bytes, and one element of DER that takes them all. */
static bool skip_hex(struct bytes *in)
{
    unsigned bytes[2] = { 0, 0 };
    size_t n = 0;

    skip(in, 1);
    for (; !is_end(*in) && *in->at != ' '; n++) {
        if (!is_hex(at(*in, 0)) || !is_hex(at(*in, 1)))
            return false;
        if (n < 2)
            for (int i = 0; i < 2; i++) {
                uint8_t c = in->at[i];

                bytes[n] =
                    bytes[n] << 4 | (is_digit(c) ? c & 15u : (c & 7u) + 9u);
            }
        skip(in, 2);
    }
    skip_blanks(in);
    return n >= 2 && (bytes[1] >= 0x80 || bytes[1] == n - 2);
}

static bool skip_quoted(struct bytes *in)
{
    skip(in, 1);
    while (in->len > 0 && *in->at != '"') {
        size_t n = 1;

        if (*in->at == '\\') {
            skip(in, 1);
            n = escape(*in, ",=\n+<>#;\\\"");
            if (n == 0)
                return false;
        }
        skip(in, n);
    }
    if (in->len == 0)
        return false;
    skip(in, 1);
    skip_blanks(in);
    return true;
}

static bool skip_plain(struct bytes *in)
{
    while (!is_end(*in)) {
        size_t n = 1;

        if (*in->at == '\\') {
            skip(in, 1);
            n = escape(*in, ",=\n+<>#;\\\" ");
            if (n == 0)
                return false;
        } else if (has("<>\"", *in->at)) {
            return false;
        }
        skip(in, n);
    }
    return true;
}

static bool skip_part(struct bytes *in)
{
    const uint8_t *equals = in->len ? memchr(in->at, '=', in->len) : NULL;
    bool ok;

    if (equals == NULL ||
        !is_word(bytes_make(in->at, (size_t)(equals - in->at))))
        return false;
    skip(in, (size_t)(equals - in->at) + 1);
    skip_blanks(in);
    if (in->len > 0 && *in->at == '#')
        ok = skip_hex(in);
    else if (in->len > 0 && *in->at == '"')
        ok = skip_quoted(in);
    else
        ok = skip_plain(in);
    return ok && is_end(*in);
}

bool kdn_is_valid(struct bytes text)
{
    if (text.len == 0)
        return true;
    while (skip_part(&text)) {
        if (text.len == 0)
            return true;
        skip(&text, 1);
    }
    return false;
}

/* kpath.c - path rules, as a Java server sees them: in UTF-16 units. */
#include "keeper/kpath.h"

/* Decode one UTF-8 character at `at`; its length in bytes, 0 when malformed. */
static size_t utf8_at(const uint8_t *at, size_t left, uint32_t *out)
{
    uint8_t lead = at[0];
    size_t n = lead < 0x80   ? 1
               : lead < 0xc2 ? 0
               : lead < 0xe0 ? 2
               : lead < 0xf0 ? 3
               : lead < 0xf5 ? 4
                             : 0;
    uint32_t c = n == 1   ? lead
                 : n == 2 ? lead & 0x1fu
                 : n == 3 ? lead & 0x0fu
                          : lead & 0x07u;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (at[i] & 0x3fu);
    }
    if (n == 3 && c < 0x800)
        return 0;
    *out = c;
    return n;
}

/* Surrogates (all above U+FFFF become a pair of them in Java) lie in the range
 * of refused units, and so does U+FFFD that malformed bytes turn into. */
static bool is_refused(uint32_t c)
{
    return c <= 0x1f || (c >= 0x7f && c <= 0x9f) ||
           (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
}

static bool component_is_refused(const uint8_t *at, size_t len)
{
    return len == 0 || (len == 1 && at[0] == '.') ||
           (len == 2 && at[0] == '.' && at[1] == '.');
}

bool kpath_is_valid(struct bytes path)
{
    size_t start = 1;
    size_t i = 1;

    if (path.len == 0 || path.at[0] != '/')
        return false;
    if (path.len == 1)
        return true;
    while (i < path.len) {
        uint32_t c = path.at[i];
        size_t n = 1;

        if (c == '/') {
            if (component_is_refused(path.at + start, i - start))
                return false;
            start = i + 1;
        } else if (c < 0x20 || c >= 0x7f) {
            n = utf8_at(path.at + i, path.len - i, &c);
            if (n == 0 || is_refused(c))
                return false;
        }
        i += n;
    }
    return !component_is_refused(path.at + start, path.len - start);
}

ptrdiff_t kpath_parent(struct bytes path)
{
    for (size_t i = path.len; i > 0; i--)
        if (path.at[i - 1] == '/')
            return (ptrdiff_t)(i - 1);
    return -1;
}

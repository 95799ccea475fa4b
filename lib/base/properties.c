/* properties.c - Java's properties syntax.
 *
 * A logical line is gathered from its natural lines (continuations joined,
 * their leading blanks dropped), then split at the first separator that is not
 * escaped, then both halves are unescaped. Nothing is looked at twice, so the
 * time is linear in the text.
 */
#include "base/properties.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_LIMIT = 8 * PROPERTIES_FILE_MAX };

void properties_init(struct properties *props, const char *file)
{
    *props = (struct properties){ 0 };
    props->file = mem_need_text(bytes_of(file));
    arena_init(&props->arena, ARENA_LIMIT);
}

void properties_fini(struct properties *props)
{
    mem_free(props->file);
    mem_free(props->items);
    arena_fini(&props->arena);
    *props = (struct properties){ 0 };
}

const struct property *properties_find(const struct properties *props,
                                       const char *name)
{
    for (size_t i = props->n; i > 0; i--)
        if (bytes_is(props->items[i - 1].name, name))
            return &props->items[i - 1];
    return NULL;
}

/* -- adding ------------------------------------------------------------ */

/* A copy with a NUL behind it. */
static struct bytes keep(struct properties *props, struct bytes b)
{
    char *copy = arena_take(&props->arena, b.len + 1);

    if (copy == NULL)
        return BYTES_NULL;
    if (b.len > 0)
        memcpy(copy, b.at, b.len);
    return bytes_make(copy, b.len);
}

static enum err push(struct properties *props, struct bytes name,
                     struct bytes value, unsigned line)
{
    struct property *items = props->items;

    if (props->n == PROPERTIES_MAX)
        return ERR_LIMIT;
    if ((props->n & (props->n - 1)) == 0) { /* full at each power of two */
        size_t size = props->n ? 2 * props->n : 1;

        items = mem_try_more(props->items, size, sizeof *items);
        if (items == NULL)
            return ERR_NOMEM;
        props->items = items;
    }
    items[props->n].name = name;
    items[props->n].value = value;
    items[props->n].line = line;
    props->n++;
    return ERR_OK;
}

enum err properties_add(struct properties *props, struct bytes name,
                        struct bytes value, unsigned line)
{
    struct bytes own_name = keep(props, name);
    struct bytes own_value = keep(props, value);

    if (props->arena.err != ERR_OK)
        return props->arena.err;
    return push(props, own_name, own_value, line);
}

/* -- unescaping -------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four digits of \uXXXX at `at`; -1 when they are not. */
static int32_t hex4(const uint8_t *at, const uint8_t *end)
{
    int32_t v = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(at[i]);

        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static uint8_t *put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
    } else if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (uint8_t)(0xe0 | c >> 12);
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        *to++ = (uint8_t)(0xf0 | c >> 18);
        *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return to;
}

/* \uXXXX, or two of them that make one character. Moves *at past them; false
 * when malformed. Half a pair becomes '?', as Java writes it out. */
static bool unescape_unicode(const uint8_t **at, const uint8_t *end,
                             uint8_t **to)
{
    int32_t high = hex4(*at, end), low;
    uint32_t c = (uint32_t)high;

    if (high <= 0)
        return false;
    *at += 4;
    if (high >= 0xd800 && high <= 0xdfff) {
        c = '?';
        if (high < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' &&
            (*at)[1] == 'u') {
            low = hex4(*at + 2, end);
            if (low >= 0xdc00 && low <= 0xdfff) {
                c = 0x10000 + ((uint32_t)(high - 0xd800) << 10) +
                    (uint32_t)(low - 0xdc00);
                *at += 6;
            }
        }
    }
    *to = put_utf8(*to, c);
    return true;
}

/* In place: the result is never longer. False for a malformed \uXXXX. */
static bool unescape(uint8_t *text, size_t *len)
{
    const uint8_t *at = text, *end = text + *len;
    uint8_t *to = text;

    while (at < end) {
        uint8_t c = *at++;

        if (c != '\\' || at == end) {
            if (c != '\\')
                *to++ = c; /* a lone backslash at the end is dropped */
            continue;
        }
        c = *at++;
        if (c == 'u') {
            if (!unescape_unicode(&at, end, &to))
                return false;
            continue;
        }
        *to++ = c == 't'   ? '\t'
                : c == 'n' ? '\n'
                : c == 'r' ? '\r'
                : c == 'f' ? '\f'
                           : c;
    }
    *len = (size_t)(to - text);
    return true;
}

/* -- lines ------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

struct lines {
    const uint8_t *at, *end;
    unsigned line;    /* of the next natural line, from 1 */
    uint8_t *logical; /* room for the whole text */
    size_t len;
    unsigned first_line; /* where the logical line began */
};

/* One natural line without its end; leading blanks dropped. */
static struct bytes natural(struct lines *in)
{
    const uint8_t *from = in->at, *to;

    while (from < in->end && is_blank(*from))
        from++;
    for (to = from; to < in->end && *to != '\n' && *to != '\r'; to++)
        ;
    in->at = to;
    if (in->at < in->end && *in->at == '\r')
        in->at++;
    if (in->at < in->end && *in->at == '\n' &&
        (in->at == to || in->at[-1] == '\r'))
        in->at++;
    in->line++;
    return bytes_make(from, (size_t)(to - from));
}

/* Does it end in an odd number of backslashes? */
static bool continues(struct bytes line)
{
    size_t n = 0;

    while (n < line.len && line.at[line.len - 1 - n] == '\\')
        n++;
    return n % 2 == 1;
}

/* Gather the next logical line; false at the end. */
static bool next_logical(struct lines *in)
{
    while (in->at < in->end) {
        struct bytes part;

        in->first_line = in->line;
        part = natural(in);
        if (part.len == 0 || part.at[0] == '#' || part.at[0] == '!')
            continue;
        in->len = 0;
        for (;;) {
            bool more = continues(part);
            size_t n = more ? part.len - 1 : part.len;

            memcpy(in->logical + in->len, part.at, n);
            in->len += n;
            if (!more || in->at == in->end)
                break;
            part = natural(in);
        }
        return true;
    }
    return false;
}

/* Where the key ends and the value begins. */
static void split(const uint8_t *text, size_t len, size_t *key_len,
                  size_t *value_at)
{
    size_t i = 0;

    while (i < len && text[i] != '=' && text[i] != ':' && !is_blank(text[i]))
        i += text[i] == '\\' && i + 1 < len ? 2 : 1;
    *key_len = i;
    while (i < len && is_blank(text[i]))
        i++;
    if (i < len && (text[i] == '=' || text[i] == ':'))
        i++;
    while (i < len && is_blank(text[i]))
        i++;
    *value_at = i;
}

static enum err take_logical(struct properties *props, struct lines *in,
                             struct errmsg *why)
{
    size_t key_len, value_at, value_len;
    uint8_t *key = in->logical, *value;
    enum err err;

    split(key, in->len, &key_len, &value_at);
    value = key + value_at;
    value_len = in->len - value_at;
    if (!unescape(key, &key_len) || !unescape(value, &value_len))
        return err_set(
            why, ERR_FORMAT,
            "%s:%u: a \\u takes four hexadecimal digits, and not 0000",
            props->file, in->first_line);
    err = properties_add(props, bytes_make(key, key_len),
                         bytes_make(value, value_len), in->first_line);
    if (err != ERR_OK)
        return err_set(why, err, "%s:%u: %s", props->file, in->first_line,
                       err_words(err));
    return ERR_OK;
}

/* -- text -------------------------------------------------------------- */

static bool is_utf8(struct bytes b)
{
    for (size_t i = 0; i < b.len;) {
        uint8_t c = b.at[i++];
        size_t more = c < 0x80                ? 0
                      : c >= 0xc2 && c < 0xe0 ? 1
                      : c >= 0xe0 && c < 0xf0 ? 2
                      : c >= 0xf0 && c < 0xf5 ? 3
                                              : 9;

        if (more > b.len - i)
            return false;
        for (; more > 0; more--)
            if ((b.at[i++] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* A copy of the text as UTF-8; NULL when there is no memory. */
static uint8_t *as_utf8(struct bytes text, size_t *len)
{
    bool plain = is_utf8(text);
    uint8_t *copy = mem_try(2 * text.len + 1);
    uint8_t *to = copy;

    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < text.len; i++) {
        if (plain)
            *to++ = text.at[i];
        else
            to = put_utf8(to, text.at[i]);
    }
    *len = (size_t)(to - copy);
    return copy;
}

enum err properties_parse(struct properties *props, struct bytes text,
                          struct errmsg *why)
{
    struct lines in = { .line = 1 };
    size_t len = 0;
    uint8_t *copy;
    enum err err = ERR_OK;

    if (text.len > PROPERTIES_FILE_MAX)
        return err_set(why, ERR_LIMIT, "%s: larger than %d bytes", props->file,
                       PROPERTIES_FILE_MAX);
    if (text.len > 0 && memchr(text.at, 0, text.len) != NULL)
        return err_set(why, ERR_FORMAT, "%s: there is a NUL byte in it",
                       props->file);
    copy = as_utf8(text, &len);
    in.logical = mem_try(len + 1);
    if (copy == NULL || in.logical == NULL) {
        err = err_set(why, ERR_NOMEM, "%s: not enough memory", props->file);
    } else {
        in.at = copy;
        in.end = copy + len;
        while (err == ERR_OK && next_logical(&in))
            err = take_logical(props, &in, why);
    }
    mem_free(in.logical);
    mem_free(copy);
    return err;
}

/* -- file -------------------------------------------------------------- */

static enum err file_error(const struct properties *props, const char *what,
                           struct errmsg *why)
{
    int errnum = errno;

    return err_set(why, err_from_errno(errnum), "%s: %s: %s", props->file, what,
                   strerror(errnum));
}

static enum err read_all(int fd, struct properties *props, struct errmsg *why)
{
    size_t size = PROPERTIES_FILE_MAX + 1, len = 0;
    uint8_t *text = mem_try(size);
    ssize_t n = 0;
    enum err err;

    if (text == NULL)
        return err_set(why, ERR_NOMEM, "%s: not enough memory", props->file);
    while (len < size && (n = read(fd, text + len, size - len)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    err = n < 0 ? file_error(props, "read", why)
                : properties_parse(props, bytes_make(text, len), why);
    mem_free(text);
    return err;
}

enum err properties_load(struct properties *props, struct errmsg *why)
{
    int fd = open(props->file, O_RDONLY | O_CLOEXEC);
    enum err err;

    if (fd < 0)
        return file_error(props, "open", why);
    err = read_all(fd, props, why);
    close(fd);
    return err;
}

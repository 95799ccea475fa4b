/* znode_json.c - JSON as Jackson writes it, and as Kafka reads it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "znode/znode_in.h"

/* -- writing ----------------------------------------------------------- */

void jw_text(struct wr *w, const char *text)
{
    wr_raw(w, text, strlen(text));
}

void jw_int(struct wr *w, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, v);

    wr_raw(w, text, (size_t)n);
}

void jw_comma(struct wr *w, size_t index)
{
    if (index > 0)
        wr_u8(w, ',');
}

void jw_ints(struct wr *w, const int32_t *v, size_t n)
{
    wr_u8(w, '[');
    for (size_t i = 0; i < n; i++) {
        jw_comma(w, i);
        jw_int(w, v[i]);
    }
    wr_u8(w, ']');
}

static void escape_unit(struct wr *w, uint32_t unit)
{
    char text[8];

    snprintf(text, sizeof text, "\\u%04X", unit & 0xffff);
    wr_raw(w, text, 6);
}

/* Characters beyond the first plane become two escapes; the rest of UTF-8 stays
 * as it is. */
static size_t write_wide(struct wr *w, struct bytes b)
{
    uint32_t c = b.at[0] & 7;

    for (size_t i = 1; i < 4; i++)
        c = c << 6 | (b.at[i] & 0x3f);
    c -= 0x10000;
    escape_unit(w, 0xd800 + (c >> 10));
    escape_unit(w, 0xdc00 + (c & 0x3ff));
    return 4;
}

/* Bytes of the character at the start of `b`; 0: they are not UTF-8. */
static size_t utf8_length(struct bytes b)
{
    static const uint8_t lowest[5][2] = {
        { 0, 0 }, { 0, 0 }, { 0xc2, 0x80 }, { 0xe0, 0xa0 }, { 0xf0, 0x90 }
    };
    uint8_t c = b.at[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (n == 1)
        return 1;
    if (n > b.len || c < lowest[n][0] || c > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((b.at[i] & 0xc0) != 0x80)
            return 0;
    if ((c == lowest[n][0] && b.at[1] < lowest[n][1]) || /* could be shorter */
        (c == 0xed && b.at[1] >= 0xa0) ||                /* a surrogate */
        (c == 0xf4 && b.at[1] >= 0x90))                  /* behind the last */
        return 0;
    return n;
}

static size_t write_one(struct wr *w, struct bytes b)
{
    static const char short_from[] = "\"\\\b\t\n\f\r";
    static const char short_to[] = "\"\\btnfr";
    uint8_t c = b.at[0];
    const char *at = c ? strchr(short_from, c) : NULL;
    size_t n = utf8_length(b);

    if (n == 0) { /* Java reads such bytes as this character */
        jw_text(w, "\xef\xbf\xbd");
        return 1;
    }
    if (at != NULL) {
        wr_u8(w, '\\');
        wr_u8(w, (uint8_t)short_to[at - short_from]);
    } else if (c < 0x20) {
        escape_unit(w, c);
    } else if (n == 4) {
        return write_wide(w, b);
    } else {
        wr_raw(w, b.at, n);
    }
    return n;
}

void jw_string(struct wr *w, struct bytes b)
{
    if (bytes_is_null(b)) {
        jw_text(w, "null");
        return;
    }
    wr_u8(w, '"');
    while (b.len > 0) {
        size_t n = write_one(w, b);

        b.at += n;
        b.len -= n;
    }
    wr_u8(w, '"');
}

/* -- reading ----------------------------------------------------------- */

void jr_open(struct jr *jr, struct bytes data, const char *what,
             struct arena *arena, struct errmsg *why)
{
    *jr = (struct jr){ .arena = arena, .why = why, .what = what };
    if (data.len > ZNODE_DATA_MAX) {
        jr->err = err_set(why, ERR_LIMIT, "%s: more than %d bytes", what,
                          ZNODE_DATA_MAX);
        return;
    }
    /* Kafka's parser takes the first value and does not look further */
    if (data.len > 0)
        jr->root = json_loadb(
            (const char *)data.at, data.len,
            JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, NULL);
}

enum err jr_close(struct jr *jr)
{
    json_decref(jr->root);
    jr->root = NULL;
    if (jr->err == ERR_OK && jr->arena != NULL && jr->arena->err != ERR_OK)
        jr->err =
            err_set(jr->why, jr->arena->err, "%s: not enough memory", jr->what);
    return jr->err;
}

void jr_fail(struct jr *jr, const char *key, const char *wants)
{
    if (jr->err == ERR_OK)
        jr->err = err_set(jr->why, ERR_FORMAT, "%s: \"%s\" must be %s",
                          jr->what, key, wants);
}

void jr_need_object(struct jr *jr)
{
    if (!json_is_object(jr->root) && jr->err == ERR_OK)
        jr->err =
            err_set(jr->why, ERR_FORMAT, "%s: not a JSON object", jr->what);
}

json_t *jr_member(struct jr *jr, json_t *object, const char *key, bool needed)
{
    json_t *member = json_object_get(object, key); /* NULL object: NULL */

    if (member == NULL && needed)
        jr_fail(jr, key, "present");
    return member;
}

static int64_t take_int(struct jr *jr, const json_t *v, const char *key,
                        int64_t min, int64_t max)
{
    if (v == NULL || jr->err != ERR_OK)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < min ||
        json_integer_value(v) > max) {
        jr_fail(jr, key, "an integer in range");
        return 0;
    }
    return json_integer_value(v);
}

int64_t jr_int(struct jr *jr, json_t *object, const char *key, int64_t min,
               int64_t max)
{
    return take_int(jr, jr_member(jr, object, key, true), key, min, max);
}

int64_t jr_int_or(struct jr *jr, json_t *object, const char *key, int64_t min,
                  int64_t max, int64_t other)
{
    json_t *v = jr_member(jr, object, key, false);

    return v ? take_int(jr, v, key, min, max) : other;
}

struct bytes jr_copy(struct jr *jr, const json_t *string)
{
    size_t n = json_string_length(string);
    char *copy = arena_take(jr->arena, n + 1);

    if (copy == NULL)
        return BYTES_NULL;
    memcpy(copy, json_string_value(string), n);
    return bytes_make(copy, n);
}

struct bytes jr_string(struct jr *jr, json_t *object, const char *key)
{
    json_t *v = jr_member(jr, object, key, true);

    if (v == NULL || jr->err != ERR_OK)
        return BYTES_NULL;
    if (json_is_string(v))
        return jr_copy(jr, v);
    jr_fail(jr, key, "a string");
    return BYTES_NULL;
}

struct bytes jr_string_or_null(struct jr *jr, json_t *object, const char *key)
{
    json_t *v = jr_member(jr, object, key, false);

    return v && !json_is_null(v) ? jr_string(jr, object, key) : BYTES_NULL;
}

int64_t jr_number_text(json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    int64_t number = 0;

    if (json_is_string(v) &&
        bytes_to_int64(bytes_make(json_string_value(v), json_string_length(v)),
                       INT64_MIN, INT64_MAX, &number))
        return number;
    return json_is_integer(v) ? json_integer_value(v) : 0;
}

json_t *jr_array(struct jr *jr, json_t *object, const char *key)
{
    json_t *v = jr_member(jr, object, key, true);

    if (v == NULL || json_is_array(v))
        return v;
    jr_fail(jr, key, "an array");
    return NULL;
}

json_t *jr_object_or_null(struct jr *jr, json_t *object, const char *key)
{
    json_t *v = jr_member(jr, object, key, false);

    if (v == NULL || json_is_object(v))
        return v;
    jr_fail(jr, key, "an object");
    return NULL;
}

int32_t *jr_ints(struct jr *jr, const json_t *array, const char *key, size_t *n)
{
    int32_t *out;

    *n = 0;
    if (!json_is_array(array)) {
        jr_fail(jr, key, "an array of integers");
        return NULL;
    }
    out = arena_array(jr->arena, json_array_size(array), sizeof *out);
    for (size_t i = 0; out != NULL && i < json_array_size(array); i++)
        out[i] = (int32_t)take_int(jr, json_array_get(array, i), key, INT32_MIN,
                                   INT32_MAX);
    *n = out && jr->err == ERR_OK ? json_array_size(array) : 0;
    return out;
}

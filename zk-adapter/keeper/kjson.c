/* kjson.c - JSON, written straight into a buffer; see kjson.h. */
#include "keeper/kjson.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "keeper/ktext.h"

static void quote(struct wr *w, struct bytes text)
{
    size_t from = 0;

    wr_raw(w, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        static const char shorts[] = "\"\\\b\f\n\r\t";
        static const char letters[] = "\"\\bfnrt";
        const char *known = c ? strchr(shorts, c) : NULL;

        if (c >= ' ' && known == NULL)
            continue;
        wr_raw(w, text.at + from, i - from);
        from = i + 1;
        if (known != NULL)
            ktext_say(w, "\\%c", letters[known - shorts]);
        else
            ktext_say(w, "\\u%04X", c);
    }
    if (text.len)
        wr_raw(w, text.at + from, text.len - from);
    wr_raw(w, "\"", 1);
}

static unsigned objects(const struct kjson *json)
{
    unsigned n = 0;

    for (unsigned i = 0; i < json->depth; i++)
        n += !json->at[i].array;
    return n;
}

static void new_line(struct kjson *json)
{
    ktext_say(json->w, "\n%*s", (int)(2 * objects(json)), "");
}

/* What stands before an element. */
static void before(struct kjson *json, struct bytes key)
{
    bool any;

    if (json->depth == 0)
        return;
    any = json->at[json->depth - 1].any;
    json->at[json->depth - 1].any = true;
    if (any)
        wr_raw(json->w, ",", 1);
    if (json->at[json->depth - 1].array) {
        wr_raw(json->w, " ", 1);
        return;
    }
    new_line(json);
    quote(json->w, key);
    wr_raw(json->w, " : ", 3);
}

static void begin(struct kjson *json, struct bytes key, bool array)
{
    assert(json->depth < KJSON_DEEP);
    before(json, key);
    wr_raw(json->w, array ? "[" : "{", 1);
    json->at[json->depth].array = array;
    json->at[json->depth].any = false;
    json->depth++;
}

static struct bytes key_of(const char *key)
{
    return key ? bytes_of(key) : BYTES("");
}

void kjson_init(struct kjson *json, struct wr *w)
{
    *json = (struct kjson){ .w = w };
}

void kjson_object(struct kjson *json, const char *key)
{
    begin(json, key_of(key), false);
}

void kjson_array(struct kjson *json, const char *key)
{
    begin(json, key_of(key), true);
}

void kjson_array_at(struct kjson *json, struct bytes key)
{
    begin(json, key, true);
}

void kjson_end(struct kjson *json)
{
    assert(json->depth > 0);
    json->depth--;
    if (json->at[json->depth].array) {
        wr_raw(json->w, " ]", 2);
        return;
    }
    if (json->at[json->depth].any)
        new_line(json);
    else
        wr_raw(json->w, " ", 1);
    wr_raw(json->w, "}", 1);
}

void kjson_int(struct kjson *json, const char *key, int64_t value)
{
    before(json, key_of(key));
    ktext_say(json->w, "%lld", (long long)value);
}

/* What is no number is a text here, as in the real server's output. */
void kjson_double(struct kjson *json, const char *key, double value)
{
    char text[KTEXT_NUMBER];
    const char *around = isnan(value) || isinf(value) ? "\"" : "";

    before(json, key_of(key));
    ktext_double(text, value);
    ktext_say(json->w, "%s%s%s", around, text, around);
}

void kjson_bool(struct kjson *json, const char *key, bool value)
{
    before(json, key_of(key));
    ktext_say(json->w, "%s", value ? "true" : "false");
}

void kjson_null(struct kjson *json, const char *key)
{
    before(json, key_of(key));
    wr_raw(json->w, "null", 4);
}

void kjson_text(struct kjson *json, const char *key, struct bytes value)
{
    before(json, key_of(key));
    quote(json->w, value);
}

void kjson_format(struct kjson *json, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kjson_text(json, key, bytes_of(text));
}

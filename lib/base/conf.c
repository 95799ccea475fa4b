/* conf.c - checking values against their keys.
 *
 * The words follow Kafka's ("Invalid value x for configuration y: ..."), since
 * clients show them to people who look them up.
 */
#include "base/conf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(uint8_t c)
{
    return c <= ' '; /* as Java's String.trim() */
}

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && is_blank(b.at[0])) {
        b.at++;
        b.len--;
    }
    while (b.len > 0 && is_blank(b.at[b.len - 1]))
        b.len--;
    return b;
}

static bool is_word(struct bytes b, const char *word)
{
    return b.len == strlen(word) &&
           strncasecmp((const char *)b.at, word, b.len) == 0;
}

bool conf_list_next(struct bytes *rest, struct bytes *item)
{
    const uint8_t *comma;

    if (rest->at == NULL || rest->len == SIZE_MAX || rest->len == 0) {
        /* the mark SIZE_MAX means: a comma was last, one empty item is left */
        bool last = rest->at != NULL && rest->len == SIZE_MAX;

        *item = BYTES("");
        *rest = BYTES_NULL;
        return last;
    }
    comma = memchr(rest->at, ',', rest->len);
    if (comma == NULL) {
        *item = trim(*rest);
        *rest = BYTES_NULL;
        return true;
    }
    *item = trim(bytes_make(rest->at, (size_t)(comma - rest->at)));
    rest->len -= (size_t)(comma - rest->at) + 1;
    rest->at = comma + 1;
    if (rest->len == 0)
        rest->len = SIZE_MAX;
    return true;
}

/* -- what is allowed --------------------------------------------------- */

static bool has_min(const struct conf_key *key)
{
    return key->min != 0 || key->max != 0;
}

static bool has_max(const struct conf_key *key)
{
    return has_min(key) && !isinf(key->max);
}

static const char *type_words(enum conf_type type)
{
    switch (type) {
    case CONF_BOOL:
        return "true or false";
    case CONF_INT:
        return "an integer of 32 bits";
    case CONF_SHORT:
        return "an integer of 16 bits";
    case CONF_LONG:
        return "an integer of 64 bits";
    case CONF_DOUBLE:
        return "a number";
    case CONF_LIST:
        return "a list with commas";
    case CONF_STRING:
    case CONF_CLASS:
    case CONF_PASSWORD:
        break;
    }
    return "a text";
}

void conf_allowed(const struct conf_key *key, char *text, size_t size)
{
    const char *words = type_words(key->type);

    if (has_max(key))
        snprintf(text, size, "%s from %.15g to %.15g", words, key->min,
                 key->max);
    else if (has_min(key))
        snprintf(text, size, "%s, at least %.15g", words, key->min);
    else if (key->allowed != NULL && key->type == CONF_LIST)
        snprintf(text, size, "a list of %s", key->allowed);
    else if (key->allowed != NULL)
        snprintf(text, size, "one of %s", key->allowed);
    else if (key->flags & CONF_NOT_EMPTY)
        snprintf(text, size, "%s that is not empty", words);
    else
        snprintf(text, size, "%s", words);
}

/* -- checking ---------------------------------------------------------- */

static enum err refuse(const struct conf_key *key, struct bytes text,
                       struct errmsg *why, const char *because)
{
    if (conf_is_secret(key))
        text = BYTES("[hidden]");
    return err_set(
        why, ERR_INVALID, "Invalid value %.*s for configuration %s: %s",
        (int)(text.len < 200 ? text.len : 200),
        text.at ? (const char *)text.at : "null", key->name, because);
}

/* Bounds are told with the number that was understood, as Java writes it. */
static enum err check_bounds(const struct conf_key *key,
                             const struct conf_value *value, struct errmsg *why)
{
    double number = value->real;
    char because[80], shown[40];
    struct bytes text;

    if (key->type != CONF_DOUBLE)
        snprintf(shown, sizeof shown, "%lld", (long long)value->number);
    else
        snprintf(shown, sizeof shown,
                 number == floor(number) ? "%.1f" : "%.15g", number);
    text = bytes_of(shown);

    if (has_min(key) && !(number >= key->min)) {
        snprintf(because, sizeof because, "Value must be at least %.15g",
                 key->min);
        return refuse(key, text, why, because);
    }
    if (has_max(key) && !(number <= key->max)) {
        snprintf(because, sizeof because, "Value must be no more than %.15g",
                 key->max);
        return refuse(key, text, why, because);
    }
    return ERR_OK;
}

static enum err check_integer(const struct conf_key *key, struct bytes text,
                              struct bytes given, struct conf_value *value,
                              struct errmsg *why)
{
    int64_t least = INT64_MIN, most = INT64_MAX;
    const char *because = "Not a number of type LONG";

    if (key->type == CONF_INT) {
        least = INT32_MIN;
        most = INT32_MAX;
        because = "Not a number of type INT";
    } else if (key->type == CONF_SHORT) {
        least = INT16_MIN;
        most = INT16_MAX;
        because = "Not a number of type SHORT";
    }
    if (!bytes_to_int64(text, least, most, &value->number))
        return refuse(key, given, why, because);
    value->real = (double)value->number;
    return check_bounds(key, value, why);
}

static enum err check_double(const struct conf_key *key, struct bytes text,
                             struct bytes given, struct conf_value *value,
                             struct errmsg *why)
{
    char copy[64];
    char *end;

    if (text.len > 0 && text.len < sizeof copy &&
        memchr(text.at, 0, text.len) == NULL) {
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        value->real = strtod(copy, &end);
        if (*end == '\0' && !isnan(value->real))
            return check_bounds(key, value, why);
    }
    return refuse(key, given, why, "Not a number of type DOUBLE");
}

static bool is_allowed(const struct conf_key *key, struct bytes word)
{
    struct bytes rest = bytes_of(key->allowed), item;

    while (conf_list_next(&rest, &item))
        if (bytes_equal(item, word))
            return true;
    return false;
}

static enum err check_words(const struct conf_key *key, struct bytes text,
                            struct errmsg *why)
{
    struct bytes rest = text, item;
    char because[500] = "String must be one of: ";
    size_t len = strlen(because);

    if (text.len == 0 && (key->flags & CONF_NOT_EMPTY))
        return refuse(key, text, why, "String must be non-empty");
    if (key->allowed == NULL)
        return ERR_OK;
    for (const char *c = key->allowed; *c && len + 2 < sizeof because; c++) {
        because[len++] = *c;
        if (*c == ',')
            because[len++] = ' ';
    }
    because[len] = '\0';
    if (key->type != CONF_LIST)
        return is_allowed(key, text) ? ERR_OK : refuse(key, text, why, because);
    while (conf_list_next(&rest, &item))
        if (!is_allowed(key, item))
            return refuse(key, item, why, because);
    return ERR_OK;
}

enum err conf_check(const struct conf_key *key, struct bytes text,
                    struct conf_value *value, struct errmsg *why)
{
    struct bytes given;

    *value = (struct conf_value){ 0 };
    if (bytes_is_null(text)) {
        value->is_null = true;
        return key->default_text == NULL
                   ? ERR_OK
                   : refuse(key, text, why, "a value is needed");
    }
    given = text;
    text = key->type == CONF_PASSWORD ? text : trim(text);
    value->text = text;
    switch (key->type) {
    case CONF_BOOL:
        value->number = is_word(text, "true");
        value->real = (double)value->number;
        if (!value->number && !is_word(text, "false"))
            return refuse(key, given, why,
                          "Expected value to be either true or false");
        return ERR_OK;
    case CONF_INT:
    case CONF_SHORT:
    case CONF_LONG:
        return check_integer(key, text, given, value, why);
    case CONF_DOUBLE:
        return check_double(key, text, given, value, why);
    case CONF_STRING:
    case CONF_LIST:
    case CONF_CLASS:
    case CONF_PASSWORD:
        break;
    }
    return check_words(key, text, why);
}

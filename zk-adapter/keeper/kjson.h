/* kjson.h - JSON laid out as ZooKeeper's admin server lays it out.
 *
 * Two spaces for each object, `"key" : value`, arrays on one line. Calls nest
 * as the text does; inside an array `key` is NULL. Failures stay in the buffer.
 */
#ifndef GREGOR_KEEPER_KJSON_H
#define GREGOR_KEEPER_KJSON_H

#include <stdbool.h>

#include "wire/wr.h"

enum { KJSON_DEEP = 8 }; /* objects and arrays inside one another */

struct kjson {
    struct wr *w;
    unsigned depth;
    struct {
        bool array;
        bool any; /* it has an element */
    } at[KJSON_DEEP];
};

/* `w` is borrowed for as long as `json` is used. */
void kjson_init(struct kjson *json, struct wr *w);
/* Begin an object or an array inside the innermost one, or as the whole text.
 * `key` goes out as it is, quoted. Asserts that no more than KJSON_DEEP are
 * open. */
void kjson_object(struct kjson *json, const char *key);
void kjson_array(struct kjson *json, const char *key);
/* End the innermost object or array. */
void kjson_end(struct kjson *json);

/* One value into the innermost object or array. */
void kjson_int(struct kjson *json, const char *key, int64_t value);
/* As Java's Double.toString(); what is no number becomes a quoted text. */
void kjson_double(struct kjson *json, const char *key, double value);
void kjson_bool(struct kjson *json, const char *key, bool value);
void kjson_null(struct kjson *json, const char *key);
/* Quoted; bytes beyond ASCII go out as they are. */
void kjson_text(struct kjson *json, const char *key, struct bytes value);
/* A text made by printf, cut after 1023 bytes. */
void kjson_format(struct kjson *json, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An array whose key is text from outside. */
void kjson_array_at(struct kjson *json, struct bytes key);

#endif

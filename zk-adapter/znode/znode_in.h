/* znode_in.h - inside znode: writing JSON, reading JSON, Java's orders. */
#ifndef GREGOR_ZNODE_IN_H
#define GREGOR_ZNODE_IN_H

#include <jansson.h>

#include "znode/znode.h"

/* -- znode_json.c: writing. Commas are put by whoever writes the next thing. */

void jw_text(struct wr *w, const char *text); /* as it is */
void jw_string(struct wr *w, struct bytes b); /* quoted, escaped as Jackson;
                                                   what is not UTF-8 replaced */
void jw_int(struct wr *w, int64_t v);
/* "[1,2,3]", without blanks. */
void jw_ints(struct wr *w, const int32_t *v, size_t n);
void jw_comma(struct wr *w, size_t index); /* before all but the first */

/* -- reading. Remembers its first failure, like rd. */

struct jr {
    json_t *root;        /* NULL: the bytes were no JSON */
    struct arena *arena; /* NULL when no strings are taken */
    struct errmsg *why;
    const char *what; /* "/controller", for the sentence */
    enum err err;
};

/* Parse; ERR_LIMIT sticks at once, no JSON is root == NULL without an error. */
void jr_open(struct jr *jr, struct bytes data, const char *what,
             struct arena *arena, struct errmsg *why);
/* Also when nothing was parsed; returns the first failure. */
enum err jr_close(struct jr *jr);
/* Note ERR_FORMAT with "<key> must be <wants>"; the first failure stays. */
void jr_fail(struct jr *jr, const char *key, const char *wants);
/* No JSON is a failure too. */
void jr_need_object(struct jr *jr);

/* A member of `object`; NULL when absent, which is a failure if `needed`. */
json_t *jr_member(struct jr *jr, json_t *object, const char *key, bool needed);
/* A needed integer from `min` to `max`; 0 after a failure. Strings with digits
 * are none. */
int64_t jr_int(struct jr *jr, json_t *object, const char *key, int64_t min,
               int64_t max);
/* The same of one that may be absent: then `other`. */
int64_t jr_int_or(struct jr *jr, json_t *object, const char *key, int64_t min,
                  int64_t max, int64_t other);
/* NUL-terminated copy in the arena. */
struct bytes jr_string(struct jr *jr, json_t *object, const char *key);
/* Absent or null gives null. */
struct bytes jr_string_or_null(struct jr *jr, json_t *object, const char *key);
/* NUL-terminated copy of a JSON string in the arena; null when that is full. */
struct bytes jr_copy(struct jr *jr, const json_t *string);
/* A number written as a string; 0 when it is none. */
int64_t jr_number_text(json_t *object, const char *key);
/* Borrowed from jr->root, as all json_t here. NULL after a failure: it is
 * needed. */
json_t *jr_array(struct jr *jr, json_t *object, const char *key);
/* NULL when absent; another type is a failure. */
json_t *jr_object_or_null(struct jr *jr, json_t *object, const char *key);
/* An array of 32-bit integers in the arena. */
int32_t *jr_ints(struct jr *jr, const json_t *array, const char *key,
                 size_t *n);

/* -- znode_order.c: the order in which Java and Scala walk their maps --------
 */

/* Fill `order` with indexes of keys as java.util.Properties walk them. */
void znode_order_properties(const struct bytes *keys, size_t n, size_t *order);
/* As Scala's mutable HashMap does. */
void znode_order_scala(const struct bytes *keys, size_t n, size_t *order);
/* As Scala's immutable Map: up to four as inserted, then by its trie. */
void znode_order_trie(const struct bytes *keys, size_t n, size_t *order);

#endif

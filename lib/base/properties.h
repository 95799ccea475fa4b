/* properties.h - reading files in Java's properties syntax.
 *
 *     # comment          ! comment
 *     key = value        key: value        key value
 *     a.long.value = one, \
 *                    two                   (continued: "one, two")
 *     unicode\u0020key = tab\t
 *
 * As java.util.Properties reads them, with two remarks: the text is UTF-8
 * (bytes that are not are taken as ISO 8859-1, a file at a time), and blanks at
 * the end of a value stay, as in Java. Each entry knows its line, for messages.
 *
 * Threads: any; all state is the caller's.
 */
#ifndef GREGOR_BASE_PROPERTIES_H
#define GREGOR_BASE_PROPERTIES_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    PROPERTIES_FILE_MAX = 1024 * 1024, /* bytes of text taken */
    PROPERTIES_MAX = 16384             /* entries taken */
};

struct property {
    struct bytes name, value; /* NUL-terminated copies; value may be empty */
    unsigned line;            /* from 1: where the entry starts */
};

struct properties {
    char *file;             /* for messages; "" when parsed from memory */
    struct property *items; /* in order of the file, repeats included */
    size_t n;
    struct arena arena; /* holds all of it */
};

/* An empty set; `file` is copied. */
void properties_init(struct properties *props, const char *file);
void properties_fini(struct properties *props);

/* Append what `text` says. ERR_FORMAT ("file:line: ...": a malformed \uXXXX,
 * a NUL byte), ERR_LIMIT, ERR_NOMEM. */
MUST_USE enum err properties_parse(struct properties *props, struct bytes text,
                                   struct errmsg *why);

/* Read the file named at properties_init(). ERR_ABSENT, ERR_IO, ERR_DENIED,
 * and those of properties_parse(). */
MUST_USE enum err properties_load(struct properties *props, struct errmsg *why);

/* Append one entry, e.g. from the command line; copies. */
MUST_USE enum err properties_add(struct properties *props, struct bytes name,
                                 struct bytes value, unsigned line);

/* The last entry of that name (as in Java, it wins), or NULL. */
const struct property *properties_find(const struct properties *props,
                                       const char *name);

#endif

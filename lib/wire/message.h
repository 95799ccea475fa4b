/* message.h - what all generated messages have in common.
 *
 * lib/wire/generate.py makes, for each message M described in schema/NAME.txt,
 * one struct for all versions and these functions in msg_NAME.h:
 *
 *   M_init()    every field at its default.
 *   M_read()    bytes to struct. Strings, bytes and records are slices of the
 *               input, arrays lie in the arena: the struct lives as long as
 *               both. Fields the version lacks keep their default. After an
 *               error the struct must not be used; ERR_VERSION, ERR_SHORT,
 *               ERR_FORMAT, ERR_LIMIT (also the arena's ceiling), ERR_NOMEM.
 *   M_write()   struct to bytes; fields the version lacks are left out, and a
 *               null where the version knows no null is written as empty.
 *               Failures stick in the buffer (wr.h).
 *   M_print()   one line of JSON with the protocol's own field names, for
 *               traces and failing tests; secrets print as "***".
 *   M_random()  valid values, the same for the same seed; for tests.
 *
 * An array field X is `X` and `n_X`; one that may be null also has `X_null`.
 * A single struct that may be null has `X_null` as well.
 *
 * Reading asks for memory in proportion to the bytes that came: a count is
 * believed only while that many of the smallest elements of this version fit
 * into the rest of the input.
 */
#ifndef GREGOR_WIRE_MESSAGE_H
#define GREGOR_WIRE_MESSAGE_H

#include <stdio.h>

#include "base/mem.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* The source of random values; any state is a valid seed. */
struct wire_random {
    uint64_t state;
};

/* A message without its type, for code that treats all alike (dispatch, tests,
 * fuzzing). The functions take a pointer to `size` bytes. Jute records have one
 * form only and ignore the version. */
struct wire_message {
    const char *name; /* e.g. "produce_request" */
    size_t size;      /* of the struct, in bytes */
    int16_t min;      /* lowest version */
    int16_t max;      /* highest version */
    void (*init)(void *message);
    enum err (*read)(struct rd *r, int16_t version, struct arena *arena,
                     void *message);
    void (*write)(struct wr *w, int16_t version, const void *message);
    void (*print)(FILE *f, int16_t version, const void *message);
    void (*random)(struct wire_random *rnd, int16_t version,
                   struct arena *arena, void *message);
};

/* -- what the generated code is made of --------------------------------------
 */

/* Memory for `n` elements that were counted in `r`; NULL when n is 0 or after a
 * failure, which is also noted in `r`. */
void *wire_array(struct rd *r, struct arena *arena, size_t n, size_t size);

/* The payload of the next tagged field as a cursor of its own. */
struct rd wire_tag_open(struct rd *r);

/* A known tagged field was read: it must have been read whole. */
void wire_tag_close(struct rd *r, const struct rd *field);

/* Begin a tagged field; wire_tag_end() is given what this returns. */
size_t wire_tag_begin(struct wr *w, uint32_t tag);
void wire_tag_end(struct wr *w, size_t begin);

/* Write a count and return how many elements are to follow. */
static inline size_t wire_count(struct wr *w, bool compact, size_t n,
                                bool is_null)
{
    wr_count(w, compact, is_null ? 0 : n, is_null);
    return is_null ? 0 : n;
}

/* Where null is not allowed, null is empty. */
static inline struct bytes wire_present(struct bytes b, bool nullable)
{
    return nullable || b.at != NULL ? b : BYTES("");
}

/* As wr_records(); null where the field does not allow it is written as empty.
 */
void wire_records_write(struct wr *w, bool compact, bool nullable,
                        const struct wire_records *records);

/* The printer's pieces: a name and what separates it, then the value. */
void wire_print_name(FILE *f, bool *first, const char *name);
void wire_print_string(FILE *f, struct bytes b); /* quoted, escaped, or null */
void wire_print_bytes(FILE *f, struct bytes b);  /* base64, quoted, or null */
void wire_print_secret(FILE *f, struct bytes b); /* "***", or null */
void wire_print_uuid(FILE *f, struct uuid u);    /* base64, quoted */
void wire_print_float(FILE *f, double d);        /* quoted unless finite */
void wire_print_records(FILE *f, const struct wire_records *records); /* size */

/* Random pieces. Integers prefer the borders of their range; strings are valid
 * UTF-8; arrays have 0 to 3 elements. Pieces lie in the arena; when it is
 * exhausted they are empty. */
uint64_t wire_random_u64(struct wire_random *rnd);
int64_t wire_random_int(struct wire_random *rnd, unsigned bits);
bool wire_random_bool(struct wire_random *rnd);
double wire_random_float(struct wire_random *rnd);
struct uuid wire_random_uuid(struct wire_random *rnd);
struct bytes wire_random_string(struct wire_random *rnd, struct arena *arena,
                                bool nullable);
struct bytes wire_random_bytes(struct wire_random *rnd, struct arena *arena,
                               bool nullable);
size_t wire_random_array(struct wire_random *rnd, struct arena *arena,
                         size_t size, void *array_out);

#endif

/* golden.h - the records that golden/Make.java writes, number by number, and
 * the files it wrote. For tests of record batches. */
#ifndef GREGOR_TESTS_GOLDEN_H
#define GREGOR_TESTS_GOLDEN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "seg/batch.h"

#define GOLDEN_RECORDS 5
#define GOLDEN_TIME INT64_C(1700000000000)
#define GOLDEN_APPEND_TIME INT64_C(1700000099999)
#define GOLDEN_BIG 70000

struct golden_record {
    int64_t timestamp;
    struct bytes key;
    struct bytes value;
    uint8_t key_room[16];
    uint8_t *value_room; /* static or from malloc; tests do not free it */
};

static inline struct golden_record *golden_record(int i, bool big)
{
    static struct golden_record r;
    char text[32];

    r.timestamp = GOLDEN_TIME + (i == 4 ? -5 : i * 1000);
    snprintf(text, sizeof text, "key-%d", i);
    memcpy(r.key_room, text, strlen(text));
    r.key = i == 1 ? BYTES_NULL : bytes_make(r.key_room, strlen(text));
    if (r.value_room == NULL)
        r.value_room = malloc(GOLDEN_BIG);
    if (i == 2) {
        r.value = BYTES_NULL;
    } else if (i == 3 && big) {
        for (int j = 0; j < GOLDEN_BIG; j++)
            r.value_room[j] = (uint8_t)((j * 7 + j / 251) & 0x3f);
        r.value = bytes_make(r.value_room, GOLDEN_BIG);
    } else {
        snprintf(text, sizeof text, "value number %d", i);
        memcpy(r.value_room, text, strlen(text));
        r.value = bytes_make(r.value_room, strlen(text));
    }
    return &r;
}

/* The file's bytes, to be freed; `*len` is their number. */
static inline uint8_t *golden_read(const char *name, size_t *len)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "tests/lib/seg/golden/%s", name);
    f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot open %s", path);
    uint8_t *bytes = malloc(1 << 16);
    *len = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    bytes = realloc(bytes, *len); /* so that a sanitizer sees the end */
    return bytes;
}

static inline void golden_check_headers(const struct batch_record *record)
{
    struct bytes left = record->headers, key, value;

    ck_assert_int_eq(record->n_headers, 3);
    ck_assert_int_eq(batch_record_header(&left, &key, &value), ERR_OK);
    ck_assert(bytes_is(key, "trace") && bytes_is(value, "abc"));
    ck_assert_int_eq(batch_record_header(&left, &key, &value), ERR_OK);
    ck_assert(bytes_is(key, "none") && bytes_is_null(value));
    ck_assert_int_eq(batch_record_header(&left, &key, &value), ERR_OK);
    ck_assert(bytes_is(key, "") && bytes_is(value, ""));
    ck_assert_int_eq(batch_record_header(&left, &key, &value), ERR_ABSENT);
}

/* Record number i of the files stands in `record`. */
static inline void golden_check_record(const struct batch_record *record, int i,
                                       bool big, int64_t base_offset,
                                       bool headers)
{
    const struct golden_record *want = golden_record(i, big);

    ck_assert_int_eq(record->offset, base_offset + i);
    ck_assert(bytes_equal(record->key, want->key));
    ck_assert(bytes_equal(record->value, want->value));
    if (headers && i == 3)
        golden_check_headers(record);
    else
        ck_assert_int_eq(record->n_headers, 0);
}

#endif

/* validate_records.h - the pass over the records of a batch; private. */
#ifndef GREGOR_SEG_VALIDATE_RECORDS_H
#define GREGOR_SEG_VALIDATE_RECORDS_H

#include "seg/validate.h"

/* One call of validate_records(). */
struct validate {
    struct validator *validator;
    const struct validate_rules *rules;
    uint8_t *records; /* what came */
    size_t len;       /* of it, whole batches only */
    struct arena *arena;
    struct wr *rewrite;
    struct validate_result *result;
    size_t n_batches;
    enum codec source;       /* of what came */
    enum codec target;       /* of what will be appended */
    bool client_append_time; /* the client set that bit */
    bool gaps;               /* offsets inside are not 0, 1, 2 ... */
    bool any_timestamp;      /* a refused record had a bad timestamp */
};

/* Check all records of the magic 2 batch; fills max_timestamp, its delta, and
 * `inflated` of the result, and v->gaps. ERR_RECORD, ERR_TIMESTAMP; the second
 * also what batch_reader_skim() fails with. */
enum err validate_plain(struct validate *v);
enum err validate_inflated(struct validate *v);

/* Check one record; a refusal is noted in the result. `offset` is for the
 * message. */
void validate_one(struct validate *v, int32_t index, int64_t timestamp,
                  bool has_key, int64_t offset);

/* ERR_OK when nothing was refused; else the error and its message. */
enum err validate_verdict(struct validate *v);

#endif

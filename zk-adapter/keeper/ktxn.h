/* ktxn.h - records of the transaction log: found in a file, applied to a core.
 *
 *     file:    "ZKLG" version dbid | record ... | zeros
 *     record:  checksum (8)  length (4)  payload  0x42
 *
 * No system calls: a file is given as bytes.
 */
#ifndef GREGOR_KEEPER_KTXN_H
#define GREGOR_KEEPER_KTXN_H

#include "keeper/kcore.h"

enum {
    KTXN_FILE_HEADER = 16,
    KTXN_FRONT = 12,
    KTXN_HEADER = 32,
};

/* Write the 16 bytes a log file starts with. */
void ktxn_file_header(uint8_t out[static KTXN_FILE_HEADER]);

/* True if the bytes start with a whole, right file header. */
bool ktxn_file_is_log(struct bytes file);

/* The record at `*at` (start with KTXN_FILE_HEADER); `*at` moves behind it.
 * ERR_ABSENT   clean end: zeros, or the record is not all there
 * ERR_CORRUPT  whole, but the checksum is wrong
 * After an error `*at` is where the good records end. */
enum err ktxn_next(struct bytes file, size_t *at, struct bytes *payload);

/* Is there a good record somewhere behind the bad one at `at`? */
bool ktxn_any_behind(struct bytes file, size_t at);

/* zxid of a payload; 0 if it is too short. */
int64_t ktxn_zxid(struct bytes payload);

/* Apply a record to the core, as at start: idempotent over a tree that may hold
 * some of its effects already. core->zxid moves up.
 * ERR_SHORT, ERR_FORMAT, ERR_NOMEM: it can not be read; the tree holds a part.
 */
MUST_USE enum err ktxn_replay(struct kcore *core, struct bytes payload);

#endif

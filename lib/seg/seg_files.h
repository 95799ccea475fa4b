/* seg_files.h - the inner side of the cache of open files; private to seg. */
#ifndef GREGOR_SEG_FILES_H
#define GREGOR_SEG_FILES_H

#include "seg/seg_file.h"

enum seg_kind { SEG_LOG, SEG_INDEX, SEG_TIMEINDEX, SEG_TXNINDEX, SEG_KINDS };

/* Which file: `log` is a number that no other log has had. */
struct seg_key {
    uint64_t log;
    int64_t base;
    enum seg_kind kind;
};

/* A number for a new log. */
uint64_t seg_files_number(struct seg_files *files);

/* A reference to the file when it is open, else NULL. */
struct seg_file *seg_files_find(struct seg_files *files,
                                const struct seg_key *key);

/* A reference to the file, opened for reading and writing; `create`: made when
 * absent. ERR_ABSENT, ERR_IO... */
MUST_USE enum err seg_files_open(struct seg_files *files,
                                 const struct seg_key *key, const char *path,
                                 bool create, struct seg_file **file,
                                 struct errmsg *why);

/* Forget all files of a segment; references stay good. */
void seg_files_drop(struct seg_files *files, uint64_t log, int64_t base);

#endif

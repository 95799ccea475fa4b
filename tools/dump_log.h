/* dump_log.h - the parts of kafka-dump-log. */
#ifndef GREGOR_TOOLS_DUMP_LOG_H
#define GREGOR_TOOLS_DUMP_LOG_H

#include <stdint.h>

#include "seg/seg.h"

/* Heads in order, each with its lines; zeros when there are none. */
struct dump_complaints {
    struct dump_complaint *items; /* owned */
    size_t n;
};

/* What the options ask for. */
struct dump {
    bool deep;                          /* records, not only batches */
    bool print;                         /* keys and values, too */
    bool skip_metadata;                 /* only keys and values */
    bool verify_only;                   /* indexes: do not print entries */
    bool sanity_only;                   /* indexes: a glance */
    int64_t max_bytes;                  /* of a .log */
    int64_t max_message;                /* bytes */
    struct dump_complaints *complaints; /* borrowed; about all files */
};

/* A file that is being dumped. */
struct dump_file {
    const char *path;
    const char *name; /* last part of the path */
    int fd;
    int64_t size; /* bytes */
    int64_t base; /* the offset in its name */
};

/* A batch of a .log as it lies there; its CRC is not checked. */
struct dump_batch {
    struct batch batch;
    int64_t position;
    uint8_t *bytes; /* owned: the next call frees it */
};

/* Complaints are gathered, each line under its head. */
void dump_complain(struct dump_complaints *complaints, const char *head,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Print them to the error output; none is left. */
void dump_complaints_print(struct dump_complaints *complaints);

/* Open a file; prints the reason when it cannot. */
bool dump_open(struct dump_file *file, const char *path);
void dump_close(struct dump_file *file);

/* Open what has another suffix but the same base. */
bool dump_open_beside(struct dump_file *file, const struct dump_file *beside,
                      const char *suffix);

/* The batch at `batch->position`, within `end`; false at the end, or where no
 * whole batch begins. A damaged header prints a line, and sets `*bad`. */
bool dump_batch_read(const struct dump_file *file, struct dump_batch *batch,
                     int64_t end, bool *bad);

/* Each prints one file; false after a failure. */
bool dump_log_file(const struct dump *dump, const struct dump_file *file);
bool dump_index_file(const struct dump *dump, const struct dump_file *file);
bool dump_time_index_file(const struct dump *dump,
                          const struct dump_file *file);
bool dump_txn_index_file(const struct dump_file *file);
bool dump_snapshot_file(const struct dump_file *file);

#endif

/* faulty_fs.h - the real file system, until the n-th change fails.
 *
 * Counts every call that changes something or waits for the disk (write, sync,
 * truncate, rename, unlink, mkdir, open with O_CREAT). The one whose turn it is
 * fails with the given errno; a write may first do half of its work (torn).
 * From then on the disk is dead, unless `once`; or the process is, if it
 * `kills`.
 *
 * Threads: any.
 */
#ifndef GREGOR_TESTS_FAULTY_FS_H
#define GREGOR_TESTS_FAULTY_FS_H

#include "seg/fs.h"

struct faulty_fs {
    struct fs fs;        /* pass this to what is tested */
    _Atomic long calls;  /* counted so far */
    long fail_at;        /* from 1; 0: never */
    int errnum;          /* EIO, ENOSPC */
    bool torn;           /* the failing write does a half first */
    bool once;           /* the disk lives on after one failure */
    bool kills;          /* SIGKILL to this process instead of the failure */
    _Atomic bool failed; /* it happened */
};

void faulty_fs_init(struct faulty_fs *faulty);

#endif

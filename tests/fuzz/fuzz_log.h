/* fuzz_log.h - a log directory in memory for fuzzing: make, open, close. */
#ifndef GREGOR_TESTS_FUZZ_LOG_H
#define GREGOR_TESTS_FUZZ_LOG_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "seg/seg.h"
#include "seg/seg_io.h"

struct fuzz_log {
    char root[64];
    struct seg_files *files;
    struct log_dir *dir;
    struct log *log;
    struct log_config config;
};

static inline void fuzz_log_put(struct fuzz_log *f, const char *name,
                                const void *at, size_t n)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", f->root, name);
    file = fopen(path, "w");
    if (file == NULL || fwrite(at, 1, n, file) != n)
        abort();
    fclose(file);
}

static inline void fuzz_log_make(struct fuzz_log *f)
{
    char path[128];

    strcpy(f->root, access("/dev/shm", W_OK) == 0 ? "/dev/shm/fuzz-XXXXXX"
                                                  : "/tmp/fuzz-XXXXXX");
    if (mkdtemp(f->root) == NULL)
        abort();
    snprintf(path, sizeof path, "%s/t-0", f->root);
    if (mkdir(path, 0700) != 0)
        abort();
    log_config_init(&f->config);
    diag_open(2, DIAG_ERROR);
}

static inline enum err fuzz_log_open(struct fuzz_log *f)
{
    struct errmsg why;
    enum err err;

    f->files = seg_files_new(fs_real(), 64);
    if (log_dir_open(&f->dir, fs_real(), f->files, f->root, &why) != ERR_OK)
        abort();
    err = log_open(&f->log, f->dir, BYTES("t"), 0, LOG_OPEN_EXISTING,
                   &f->config, 1000, &why);
    return err;
}

static inline void fuzz_log_close(struct fuzz_log *f, bool opened)
{
    struct errmsg why;

    if (opened)
        log_abandon(&f->log);
    err_ignore(log_dir_close(&f->dir, false, &why), "done");
    seg_files_free(&f->files);
}

static inline void fuzz_log_remove(struct fuzz_log *f)
{
    char path[128];
    struct errmsg why;

    snprintf(path, sizeof path, "%s/t-0", f->root);
    if (io_remove_dir(fs_real(), path, &why) != ERR_OK ||
        io_remove_dir(fs_real(), f->root, &why) != ERR_OK)
        abort();
}

/* Read all of the log as a consumer does: offsets rise, nothing loops. */
static inline void fuzz_log_read(struct fuzz_log *f)
{
    int64_t offset = log_start_offset(f->log), end = log_end_offset(f->log);
    struct log_offset found;
    struct log_plan plan;
    struct errmsg why;

    while (offset < end) {
        struct batch_iter iter;
        struct batch batch;
        uint8_t *bytes;
        int64_t next = offset;
        size_t n;

        if (log_read(f->log, offset, end, 4096, LOG_READ_ONE, &plan, &why) !=
                ERR_OK ||
            plan.file == NULL)
            break;
        bytes = malloc(plan.length);
        if (bytes == NULL ||
            log_plan_load(f->log, &plan, bytes, &n, &why) != ERR_OK)
            abort();
        iter = batch_iter_make(bytes_make(bytes, n));
        while (batch_iter_next(&iter, &batch) == ERR_OK)
            if (batch_next_offset(&batch.header) > next)
                next = batch_next_offset(&batch.header);
        free(bytes);
        seg_file_unref(&plan.file);
        if (next <= offset)
            abort(); /* a client would ask for ever */
        offset = next;
    }
    err_ignore(log_offset_by_time(f->log, 1500, &found, &why), "may fail");
    err_ignore(log_offset_max_time(f->log, &found, &why), "may fail");
}

#endif

/* log_rig.c - a log in a directory of its own, for tests. */
#include "tests/support/log_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "seg/seg_io.h"
#include "tests/support/unit.h"

#define VALUE_LIMIT (4 << 20)

enum err log_rig_try_open(struct log_rig *rig, struct errmsg *why)
{
    enum err err;

    rig->files = seg_files_new(rig->fs, 64);
    err = log_dir_open(&rig->dir, rig->fs, rig->files, rig->path, why);
    if (err == ERR_OK) {
        err = log_open(&rig->log, rig->dir, BYTES("orders"), 0, LOG_OPEN_CREATE,
                       &rig->config, rig->now_ms, why);
        if (err != ERR_OK) {
            struct errmsg ignored;

            err_ignore(log_dir_close(&rig->dir, false, &ignored), "no log");
        }
    }
    if (err != ERR_OK)
        seg_files_free(&rig->files);
    return err;
}

void log_rig_open(struct log_rig *rig)
{
    struct errmsg why = { "" };
    enum err err = log_rig_try_open(rig, &why);

    ck_assert_msg(err == ERR_OK, "%s: %s", err_name(err), why.text);
}

void log_rig_start_on(struct log_rig *rig, const struct fs *fs)
{
    memset(rig, 0, sizeof *rig);
    rig->fs = fs;
    strcpy(rig->path, "/tmp/log-rig-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig->path));
    log_config_init(&rig->config);
    rig->now_ms = 1700000000000;
    wr_init(&rig->batch, 64 << 20);
    log_rig_open(rig);
}

void log_rig_start(struct log_rig *rig)
{
    log_rig_start_on(rig, fs_real());
}

void log_rig_kill(struct log_rig *rig)
{
    struct errmsg why;

    log_abandon(&rig->log);
    ck_assert_err(log_dir_close(&rig->dir, false, &why), ERR_OK);
    ck_assert_uint_eq(seg_files_count(rig->files), 0);
    seg_files_free(&rig->files);
}

void log_rig_close(struct log_rig *rig)
{
    struct errmsg why = { "" };
    enum err err = log_close(&rig->log, &why);

    ck_assert_msg(err == ERR_OK, "%s: %s", err_name(err), why.text);
    err = log_dir_close(&rig->dir, true, &why);
    ck_assert_msg(err == ERR_OK, "%s: %s", err_name(err), why.text);
    ck_assert_uint_eq(seg_files_count(rig->files), 0);
    seg_files_free(&rig->files);
}

void log_rig_stop(struct log_rig *rig)
{
    char command[128];

    if (rig->log != NULL)
        log_rig_kill(rig);
    wr_fini(&rig->batch);
    snprintf(command, sizeof command, "rm -rf %s", rig->path);
    ck_assert_int_eq(system(command), 0);
}

static void add_records(struct batch_builder *builder,
                        const struct log_rig_batch *spec, int64_t time)
{
    int count = spec->count == 0 ? 1 : spec->count;
    char *value = mem_need(spec->value_bytes + 32);

    for (int i = 0; i < count; i++) {
        struct batch_record record = { .offset = spec->base_offset + i,
                                       .timestamp = time + i,
                                       .key = BYTES("key") };
        size_t n;

        memset(value, 'v', spec->value_bytes + 1);
        n = (size_t)snprintf(value, 32, "value %d", i);
        value[n] = 'v';
        record.value =
            bytes_make(value, n > spec->value_bytes ? n : spec->value_bytes);
        batch_builder_add(builder, &record);
    }
    mem_free(value);
}

void log_rig_make(struct log_rig *rig, const struct log_rig_batch *spec)
{
    struct batch_spec out = batch_spec_make();
    int64_t time = spec->timestamp == 0 ? rig->now_ms : spec->timestamp;
    struct batch_builder builder;

    rig->batch.len = 0;
    rig->batch.err = ERR_OK;
    if (spec->commit || spec->abort) {
        batch_write_marker(&rig->batch, spec->commit, spec->producer_id,
                           spec->producer_epoch, spec->coordinator_epoch, time);
        ck_assert_err(rig->batch.err, ERR_OK);
        batch_patch_offset(rig->batch.data, spec->base_offset,
                           spec->leader_epoch);
        return;
    }
    out.base_offset = spec->base_offset;
    out.leader_epoch = spec->leader_epoch;
    out.attributes = (int16_t)spec->codec;
    if (spec->producer) {
        out.producer_id = spec->producer_id;
        out.producer_epoch = spec->producer_epoch;
        out.base_sequence = spec->sequence;
        if (spec->transactional)
            out.attributes |= BATCH_TRANSACTIONAL;
    }
    batch_builder_init(&builder);
    ck_assert_err(batch_builder_start(&builder, &out, &rig->batch), ERR_OK);
    add_records(&builder, spec, time);
    ck_assert_err(batch_builder_finish(&builder, NULL), ERR_OK);
    batch_builder_fini(&builder);
}

struct log_append log_rig_append(struct log_rig *rig, enum log_origin origin,
                                 const struct log_rig_batch *spec)
{
    struct log_append set = { .origin = origin,
                              .leader_epoch = spec->leader_epoch };
    struct log_append *sets[] = { &set };
    struct errmsg why;

    log_rig_make(rig, spec);
    set.at = rig->batch.data;
    set.size = rig->batch.len;
    err_ignore(log_append(rig->log, sets, 1, rig->now_ms, NULL, &why),
               "the set tells");
    return set;
}

void log_rig_fill(struct log_rig *rig, int n)
{
    struct log_rig_batch spec = { .count = 1 };

    for (int i = 0; i < n; i++)
        ck_assert_err(log_rig_append(rig, LOG_CLIENT, &spec).err, ERR_OK);
}

uint8_t *log_rig_read(struct log_rig *rig, int64_t offset, size_t *n)
{
    uint8_t *all = mem_need(1);
    struct errmsg why = { "" };

    *n = 0;
    while (offset < log_end_offset(rig->log)) {
        struct log_plan plan;
        struct batch_iter iter;
        struct batch batch;
        size_t got;
        enum err err = log_read(rig->log, offset, INT64_MAX, 1 << 20,
                                LOG_READ_ONE, &plan, &why);

        ck_assert_msg(err == ERR_OK, "%s: %s", err_name(err), why.text);
        if (plan.file == NULL)
            break;
        all = mem_need_more(all, *n + plan.length, 1);
        ck_assert_err(log_plan_load(rig->log, &plan, all + *n, &got, &why),
                      ERR_OK);
        seg_file_unref(&plan.file);
        ck_assert_uint_eq(got, plan.length);
        iter = batch_iter_make(bytes_make(all + *n, got));
        while (batch_iter_next(&iter, &batch) == ERR_OK) {
            ck_assert_err(batch_check(batch.bytes), ERR_OK);
            offset = batch_next_offset(&batch.header);
        }
        *n += iter.position;
    }
    return all;
}

void log_rig_check(struct log_rig *rig, int64_t from, int64_t to)
{
    size_t n;
    uint8_t *all = log_rig_read(rig, from, &n);
    struct batch_iter iter = batch_iter_make(bytes_make(all, n));
    struct batch_reader reader;
    struct batch_record record;
    struct batch batch;
    int64_t next = from;

    batch_reader_init(&reader);
    while (batch_iter_next(&iter, &batch) == ERR_OK) {
        ck_assert_err(batch_reader_start(&reader, batch.bytes, 64 << 20),
                      ERR_OK);
        while (batch_reader_next(&reader, &record) == ERR_OK) {
            if (record.offset < from)
                continue;
            ck_assert_int_eq(record.offset, next);
            next++;
        }
    }
    batch_reader_fini(&reader);
    ck_assert_int_eq(next, to);
    mem_free(all);
}

static void path_of(struct log_rig *rig, const char *name, char *path)
{
    snprintf(path, SEG_PATH_MOST, "%s/orders-0/%s", rig->path, name);
}

uint8_t *log_rig_file(struct log_rig *rig, int64_t base, const char *suffix,
                      size_t *n)
{
    char name[64], path[SEG_PATH_MOST];
    struct errmsg why;
    uint8_t *data;
    enum err err;

    snprintf(name, sizeof name, "%020lld%s", (long long)base, suffix);
    path_of(rig, name, path);
    err = io_load(fs_real(), path, 1 << 30, &data, n, &why);
    if (err == ERR_ABSENT)
        return NULL;
    ck_assert_err(err, ERR_OK);
    return data == NULL ? mem_need(1) : data;
}

bool log_rig_has(struct log_rig *rig, const char *name)
{
    char path[SEG_PATH_MOST];

    path_of(rig, name, path);
    return access(path, F_OK) == 0;
}

void log_rig_put(struct log_rig *rig, const char *name, const void *at,
                 size_t n)
{
    char path[SEG_PATH_MOST];
    FILE *file;

    path_of(rig, name, path);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(at, 1, n, file), n);
    fclose(file);
}

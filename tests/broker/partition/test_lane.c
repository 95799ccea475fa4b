/* test_lane.c - many threads append to one partition; leadership changes among
 * them. To be run under TSan as well. */
#include <stdlib.h>

#include "partition/replicas.h"

#include "base/clock.h"
#include "tests/support/data_broker.h"
#include "tests/support/unit.h"
#include "wire/errors.h"

enum { WRITERS = 4, ROUNDS = 300, RECORDS = 3 };

struct writer {
    struct append append;
    struct partition *partition;
    struct lock *lock; /* of `done` */
    pthread_cond_t *cond;
    pthread_t thread;
    bool done;
    bool may_block;
    int64_t *offsets; /* first offset of each round, -1 refused */
    int appended;
};

static void on_done(struct append *append)
{
    struct writer *w = append->owner;

    lock_take(w->lock);
    w->done = true;
    pthread_cond_broadcast(w->cond);
    lock_give(w->lock);
}

static void *write_all(void *arg)
{
    struct writer *w = arg;
    struct data_batch batch = data_batch_make(RECORDS);
    struct wr bytes;

    for (int i = 0; i < ROUNDS; i++) {
        wr_init(&bytes, 1 << 20);
        data_batch_write(&bytes, &batch);
        w->done = false;
        w->append = (struct append){
            .set = { .at = bytes.data,
                     .size = bytes.len,
                     .origin = LOG_CLIENT },
            .acks = 1,
            .may_block = w->may_block,
            .on_done = on_done,
            .owner = w,
        };
        if (!partition_append(w->partition, &w->append)) {
            lock_take(w->lock);
            while (!w->done)
                pthread_cond_wait(w->cond, &w->lock->mutex);
            lock_give(w->lock);
        }
        w->offsets[i] =
            w->append.error == KAFKA_NONE ? w->append.set.first_offset : -1;
        w->appended += w->append.error == KAFKA_NONE;
        wr_fini(&bytes);
    }
    return NULL;
}

/* Every offset was given out once, in steps of a batch, without a gap. */
static void check_offsets(struct writer *writers, int64_t end)
{
    bool *taken = calloc((size_t)end + 1, sizeof *taken);

    for (int w = 0; w < WRITERS; w++)
        for (int i = 0; i < ROUNDS; i++) {
            int64_t at = writers[w].offsets[i];

            if (at < 0)
                continue;
            ck_assert_int_lt(at, end);
            ck_assert_int_eq(at % RECORDS, 0);
            ck_assert(!taken[at]);
            taken[at] = true;
        }
    for (int64_t at = 0; at < end; at += RECORDS)
        ck_assert(taken[at]);
    free(taken);
}

static void run_writers(struct data_broker *db, const char *topic,
                        void (*meanwhile)(struct data_broker *db,
                                          const char *topic))
{
    struct partition *p =
        replicas_find(db->broker.replicas, bytes_of(topic), 0);
    static struct writer writers[WRITERS];
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct partition_view view;
    struct lock lock;
    int appended = 0;

    ck_assert_ptr_nonnull(p);
    lock_init(&lock);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){
            .partition = p, .lock = &lock, .cond = &cond, .may_block = i == 0
        };
        writers[i].offsets = calloc(ROUNDS, sizeof(int64_t));
        pthread_create(&writers[i].thread, NULL, write_all, &writers[i]);
    }
    if (meanwhile)
        meanwhile(db, topic);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        appended += writers[i].appended;
    }
    ck_assert_int_eq(partition_enter(p, -1, false, &view), KAFKA_NONE);
    partition_leave(p);
    ck_assert_int_eq(view.log_end, (int64_t)appended * RECORDS);
    check_offsets(writers, view.log_end);
    for (int i = 0; i < WRITERS; i++)
        free(writers[i].offsets);
    lock_fini(&lock);
    partition_unref(&p);
}

START_TEST(appends_of_many_threads_get_each_offset_once)
{
    struct data_broker db;

    data_broker_init(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, "t", 1, 1, 1);
    run_writers(&db, "t", NULL);
    data_broker_stop(&db);
    data_broker_fini(&db);
}
END_TEST

START_TEST(batches_are_acknowledged_after_the_flush_when_the_topic_says_so)
{
    struct data_broker db;
    struct partition *p;

    data_broker_init(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, "flush", 1, 1, 1);
    run_writers(&db, "flush", NULL);
    p = replicas_find(db.broker.replicas, BYTES("flush"), 0);
    ck_assert_int_eq(log_recovery_point(p->log), log_end_offset(p->log));
    partition_unref(&p);
    data_broker_stop(&db);
    data_broker_fini(&db);
}
END_TEST

/* Leader, follower, leader again ... the writers are refused now and then. */
static void change_leaders(struct data_broker *db, const char *topic)
{
    for (int32_t epoch = 2; epoch < 40; epoch += 2) {
        data_broker_unlead(db, topic, 1, epoch);
        data_broker_host(db, topic, 1, 1, epoch + 1);
    }
}

START_TEST(an_epoch_begins_exactly_at_the_log_end)
{
    struct data_broker db;
    struct partition_view view;
    struct partition *p;

    data_broker_init(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, "t", 1, 1, 1);
    run_writers(&db, "t", change_leaders);
    p = replicas_find(db.broker.replicas, BYTES("t"), 0);
    ck_assert_int_eq(partition_enter(p, 39, true, &view), KAFKA_NONE);
    /* each batch carries the epoch in whose range it lies */
    for (int64_t at = 0; at < view.log_end; at += RECORDS) {
        struct log_plan plan;
        struct batch_header header;
        uint8_t head[BATCH_HEADER];
        size_t n = 0;

        ck_assert_err(
            log_read(view.log, at, view.log_end, 1, LOG_READ_ONE, &plan, NULL),
            ERR_OK);
        plan.length = BATCH_HEADER;
        ck_assert_err(log_plan_load(view.log, &plan, head, &n, NULL), ERR_OK);
        ck_assert_err(batch_header_read(bytes_make(head, n), &header), ERR_OK);
        ck_assert_int_eq(header.base_offset, at);
        ck_assert_int_eq(header.leader_epoch, log_epoch_at(view.log, at));
        seg_file_unref(&plan.file);
    }
    partition_leave(p);
    partition_unref(&p);
    data_broker_stop(&db);
    data_broker_fini(&db);
}
END_TEST

UNIT_MAIN("lane", appends_of_many_threads_get_each_offset_once,
          batches_are_acknowledged_after_the_flush_when_the_topic_says_so,
          an_epoch_begins_exactly_at_the_log_end)

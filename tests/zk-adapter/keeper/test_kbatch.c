/* Who writes the open batch, and when. The file is the witness. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/kserver.h"
#include "tests/support/unit.h"

static struct keeper keeper;
static char dir[64];
static struct list clients[2];

static void on_retry(struct loop_timer *timer)
{
    (void)timer;
}

/* Without its directory, the log can not be written. */
static void begin(bool with_dir)
{
    struct errmsg why;
    char top[] = "/tmp/kbatch-XXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(dir, sizeof dir, "%s/version-2", top);
    if (with_dir)
        ck_assert_int_eq(mkdir(dir, 0700), 0);
    keeper_config_init(&keeper.config);
    keeper.config.data_dir = mem_need_text(bytes_of(top));
    ck_assert_err(keeper_config_finish(&keeper.config, &why), ERR_OK);
    kcore_init(&keeper.core, &keeper.config, 0, 0);
    klog_init(&keeper.log, dir, 1 << 16, false);
    keeper.log_dir = dir;
    list_init(&keeper.conns);
    ck_assert_err(loop_new(&keeper.loop, "kbatch", &why), ERR_OK);
    ck_assert_err(pool_new(&keeper.sync_pool, "sync", 1, &why), ERR_OK);
    loop_timer_init(&keeper.retry, keeper.loop, on_retry);
    kbatch_init(&keeper);
}

static void end(void)
{
    char command[128];

    loop_timer_stop(&keeper.retry);
    pool_free(&keeper.sync_pool);
    while (keeper.batch.busy && keeper.batch.err == ERR_OK)
        loop_turn(keeper.loop, 0);
    loop_free(&keeper.loop);
    klog_fini(&keeper.log);
    wr_fini(&keeper.batch.records);
    kcore_fini(&keeper.core);
    keeper_config_fini(&keeper.config);
    snprintf(command, sizeof command, "rm -r %.*s", (int)strlen(dir) - 10, dir);
    ck_assert_int_eq(system(command), 0);
}

static void come(int n)
{
    for (int i = 0; i < n; i++)
        list_append(&keeper.conns, &clients[i]);
}

static void change(void)
{
    krecord_end(&keeper.core,
                krecord_begin(&keeper.core, 1, 1, KOP_CLOSE_SESSION));
}

/* On the disk, or on its way there with the thread, which is idle again. */
static bool is_taken(void)
{
    return keeper.core.log.len == 0;
}

static void await_durable(int64_t zxid)
{
    while (keeper.core.durable_zxid < zxid)
        loop_turn(keeper.loop, -1);
    ck_assert(!keeper.batch.busy);
}

/* Whether the loop itself writes one change, after a slow sync or a quick one
 * (whatever the disk of this machine is like). */
static bool loop_writes(bool slow)
{
    int64_t zxid = keeper.core.durable_zxid;
    bool by_loop;

    keeper.batch.slow = slow;
    change();
    kbatch_submit(&keeper, false);
    by_loop = !is_taken(); /* a thread need not wait for the answers to leave */
    kbatch_submit(&keeper, true);
    ck_assert(is_taken());
    await_durable(zxid + 1);
    return by_loop;
}

START_TEST(the_loop_writes_the_one_change_of_the_one_client)
{
    begin(true);
    come(1);
    change();
    kbatch_submit(&keeper, false);
    ck_assert(!is_taken());
    ck_assert_int_eq(keeper.log.position, 0);
    kbatch_submit(&keeper, true);
    ck_assert_int_gt(keeper.log.position, 0); /* before any turn */
    await_durable(1);
    ck_assert(loop_writes(false));
    end();
}
END_TEST

START_TEST(a_second_client_or_change_has_keeper_sync_write)
{
    begin(true);
    come(1);
    change();
    change();
    kbatch_submit(&keeper, false);
    ck_assert(is_taken());
    await_durable(2);
    ck_assert(loop_writes(false));
    come(2);
    ck_assert(!loop_writes(false));
    end();
}
END_TEST

START_TEST(after_a_slow_sync_keeper_sync_writes)
{
    begin(true);
    come(1);
    change();
    kbatch_submit(&keeper, true);
    keeper.batch.started_us -= 3600000000;
    await_durable(1);
    ck_assert(keeper.batch.slow);
    ck_assert(!loop_writes(true));
    ck_assert(loop_writes(false));
    end();
}
END_TEST

START_TEST(what_the_loop_could_not_write_is_tried_again_and_refuses_writes)
{
    begin(false);
    come(1);
    change();
    kbatch_submit(&keeper, true);
    loop_turn(keeper.loop, 0);
    ck_assert(keeper.batch.busy);
    ck_assert(keeper.core.refuse_writes);
    ck_assert(loop_timer_is_set(&keeper.retry));
    change(); /* one that had come before writes were refused */
    kbatch_submit(&keeper, true);
    ck_assert(!is_taken());
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    loop_timer_stop(&keeper.retry);
    kbatch_retry(&keeper);
    await_durable(1);
    ck_assert(!keeper.core.refuse_writes);
    kbatch_submit(&keeper, true);
    await_durable(2);
    end();
}
END_TEST

START_TEST(a_look_for_room_does_not_meet_a_batch_under_way)
{
    begin(true);
    come(2);
    loop_timer_set(&keeper.retry, 1000000); /* as on a full disk */
    change();
    kbatch_submit(&keeper, true);
    ck_assert(!loop_timer_is_set(&keeper.retry));
    await_durable(1);
    end();
}
END_TEST

UNIT_MAIN("kbatch", the_loop_writes_the_one_change_of_the_one_client,
          a_second_client_or_change_has_keeper_sync_write,
          after_a_slow_sync_keeper_sync_writes,
          what_the_loop_could_not_write_is_tried_again_and_refuses_writes,
          a_look_for_room_does_not_meet_a_batch_under_way)

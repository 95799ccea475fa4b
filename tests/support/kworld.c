/* kworld.c - see kworld.h. */
#include "tests/support/kworld.h"

#include <assert.h>

#include "keeper/ktxn.h"

void kworld_init(struct kworld *world)
{
    uint8_t header[KTXN_FILE_HEADER];

    keeper_config_init(&world->config);
    world->config.data_dir = mem_need_text(BYTES("/nowhere"));
    world->config.tick_time_ms = 1000;
    world->config.extended_types = true;
    if (keeper_config_finish(&world->config, NULL) != ERR_OK)
        assert(false);
    kcore_init(&world->core, &world->config, 0, 1000000);
    ktree_plant(&world->core.tree);
    wr_init(&world->disk, INT32_MAX);
    ktxn_file_header(header);
    wr_raw(&world->disk, header, sizeof header);
}

void kworld_fini(struct kworld *world)
{
    kcore_fini(&world->core);
    wr_fini(&world->disk);
    keeper_config_fini(&world->config);
}

bool kworld_sync(struct kworld *world)
{
    struct wr batch;
    bool any;

    wr_init(&batch, INT32_MAX);
    any = kcore_take_batch(&world->core, &batch);
    if (any) {
        wr_raw(&world->disk, batch.data, batch.len);
        kcore_durable(&world->core);
    }
    wr_fini(&batch);
    return any;
}

void kworld_pass(struct kworld *world, int64_t ms)
{
    world->core.now_ms += ms;
    world->core.wall_ms += ms;
}

void kuser_come(struct kworld *world, struct kuser *user)
{
    *user = (struct kuser){ .world = world };
    kpeer_init(&world->core, &user->peer, BYTES("127.0.0.1"), "/127.0.0.1:1");
}

void kuser_go(struct kuser *user)
{
    kpeer_fini(&user->world->core, &user->peer);
}

size_t kuser_feed(struct kuser *user, struct bytes in)
{
    size_t need;

    return kcore_feed(&user->world->core, &user->peer, in, &need);
}

static void feed_frame(struct kuser *user, struct wr *frame)
{
    size_t used;

    wr_patch_i32(frame, 0, (int32_t)frame->len - 4);
    used = kuser_feed(user, bytes_make(frame->data, frame->len));
    assert(used == frame->len || user->peer.close != KPEER_OPEN);
    (void)used;
    wr_fini(frame);
}

void kuser_hello(struct kworld *world, struct kuser *user, int32_t timeout_ms)
{
    struct wr w;
    uint8_t password[KSESSION_PASSWORD] = { 0 };

    kuser_come(world, user);
    wr_init(&w, 1 << 20);
    wr_i32(&w, 0);
    wr_i32(&w, 0);
    wr_i64(&w, 0);
    wr_i32(&w, timeout_ms);
    wr_i64(&w, 0);
    wr_jute(&w, bytes_make(password, sizeof password));
    wr_bool(&w, false);
    feed_frame(user, &w);
    kworld_sync(world);
    kpeer_sent(&user->peer, kpeer_sendable(&user->peer).len);
}

void kuser_send(struct kuser *user, int32_t op, struct wr *body)
{
    struct wr w;

    wr_init(&w, INT32_MAX);
    wr_i32(&w, 0);
    wr_i32(&w, ++user->xid);
    wr_i32(&w, op);
    if (body != NULL) {
        wr_raw(&w, body->data, body->len);
        wr_fini(body);
    }
    feed_frame(user, &w);
}

struct kanswer kuser_next(struct kuser *user)
{
    struct kanswer a = { .there = false };
    struct rd r;
    uint32_t len;

    if (user->read > 0)
        kpeer_sent(&user->peer, user->read);
    user->read = 0;
    r = rd_make(kpeer_sendable(&user->peer));
    if (r.left == 0)
        return a;
    len = rd_u32(&r);
    assert(len <= r.left);
    user->read = 4 + (size_t)len;
    a.there = true;
    a.body = rd_make(bytes_make(r.at, len));
    a.xid = rd_i32(&a.body);
    a.zxid = rd_i64(&a.body);
    a.err = rd_i32(&a.body);
    return a;
}

struct kanswer kuser_call(struct kuser *user, int32_t op, struct wr *body)
{
    struct kanswer a;

    kuser_send(user, op, body);
    kworld_sync(user->world);
    do
        a = kuser_next(user);
    while (a.there && a.xid == -1);
    return a;
}

void kbody_create(struct wr *w, const char *path, const char *data,
                  int32_t flags)
{
    wr_init(w, INT32_MAX);
    wr_jute(w, bytes_of(path));
    wr_jute(w, bytes_of(data));
    kacl_write(w, NULL);
    wr_i32(w, flags);
}

void kbody_path_int(struct wr *w, const char *path, int32_t n)
{
    wr_init(w, INT32_MAX);
    wr_jute(w, bytes_of(path));
    wr_i32(w, n);
}

void kbody_path_bool(struct wr *w, const char *path, bool b)
{
    wr_init(w, INT32_MAX);
    wr_jute(w, bytes_of(path));
    wr_bool(w, b);
}

struct kanswer kuser_create(struct kuser *user, const char *path,
                            const char *data, int32_t flags)
{
    struct wr w;

    kbody_create(&w, path, data, flags);
    return kuser_call(user, KOP_CREATE, &w);
}

struct kanswer kuser_delete(struct kuser *user, const char *path,
                            int32_t version)
{
    struct wr w;

    kbody_path_int(&w, path, version);
    return kuser_call(user, KOP_DELETE, &w);
}

struct kanswer kuser_set(struct kuser *user, const char *path, const char *data,
                         int32_t version)
{
    struct wr w;

    wr_init(&w, INT32_MAX);
    wr_jute(&w, bytes_of(path));
    wr_jute(&w, bytes_of(data));
    wr_i32(&w, version);
    return kuser_call(user, KOP_SET_DATA, &w);
}

struct kanswer kuser_exists(struct kuser *user, const char *path, bool watch)
{
    struct wr w;

    kbody_path_bool(&w, path, watch);
    return kuser_call(user, KOP_EXISTS, &w);
}

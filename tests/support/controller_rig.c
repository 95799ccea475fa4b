/* controller_rig.c - see controller_rig.h. */
#include "tests/support/controller_rig.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/errors.h"

/* -- brokers that answer -------------------------------------------------- */

static void *peer_open(struct peers *peers, int32_t broker, const char *host,
                       int port)
{
    struct ctl_rig_controller *c =
        CONTAINER_OF(peers, struct ctl_rig_controller, peers);
    struct ctl_rig_peer *peer = mem_need(sizeof *peer);

    (void)host;
    (void)port;
    peer->owner = c;
    peer->broker = broker;
    list_append(&c->rig->peers, &peer->link);
    return peer;
}

static void note(struct rig *rig, struct ctl_rig_peer *peer, int16_t key,
                 int16_t version, const void *request)
{
    struct ctl_rig_sent *sent = &rig->sent[rig->n_sent++];
    size_t size;
    FILE *f;

    assert(rig->n_sent < RIG_SENT_MAX);
    sent->broker = peer->broker;
    sent->key = key;
    sent->by = peer->owner->number;
    sent->text = NULL;
    f = open_memstream(&sent->text, &size);
    wire_api_find(key)->request.print(f, version, request);
    fclose(f);
}

/* A copy of the request, through its bytes, since the caller's may go. */
struct copy {
    struct wr w;
    struct arena arena;
    void *request;
};

static struct copy *copy_make(int16_t key, int16_t version, const void *request)
{
    const struct wire_api *api = wire_api_find(key);
    struct copy *copy = mem_need(sizeof *copy);
    struct rd r;
    enum err err;

    wr_init(&copy->w, 1 << 28);
    arena_init(&copy->arena, 1 << 28);
    api->request.write(&copy->w, version, request);
    assert(copy->w.err == ERR_OK);
    copy->request = mem_need(api->request.size);
    r = rd_make(bytes_make(copy->w.data, copy->w.len));
    err = api->request.read(&r, version, &copy->arena, copy->request);
    assert(err == ERR_OK);
    (void)err;
    return copy;
}

static void copy_free(struct copy *copy)
{
    wr_fini(&copy->w);
    arena_fini(&copy->arena);
    mem_free(copy->request);
    mem_free(copy);
}

static void peer_send_fake(struct peers *peers, void *p, struct peer_call *call,
                           const void *request)
{
    struct ctl_rig_controller *c =
        CONTAINER_OF(peers, struct ctl_rig_controller, peers);
    struct ctl_rig_peer *peer = p;

    assert(peer->call == NULL);
    peer->call = call;
    peer->request = copy_make(call->key, call->version, request);
    note(c->rig, peer, call->key, call->version, request);
}

static void peer_close(struct peers *peers, void *p)
{
    struct ctl_rig_peer *peer = p;

    (void)peers;
    if (peer->call != NULL) {
        peer->call->err = ERR_CLOSED;
        peer->call->on_done(peer->call);
        copy_free(peer->request);
    }
    list_remove(&peer->link);
    mem_free(peer);
}

static void answer_lai(struct rig *rig, struct ctl_rig_peer *peer,
                       struct copy *copy, struct peer_call *call)
{
    const struct wire_leader_and_isr_request *in = copy->request;
    struct wire_leader_and_isr_response out;

    wire_leader_and_isr_response_init(&out);
    out.topics =
        arena_array(&copy->arena, in->n_topic_states, sizeof *out.topics);
    for (size_t t = 0; t < in->n_topic_states; t++) {
        struct wire_leader_and_isr_response_topics *topic =
            &out.topics[out.n_topics++];
        size_t n = in->topic_states[t].n_partition_states;

        topic->topic_id = in->topic_states[t].topic_id;
        topic->partition_errors =
            arena_array(&copy->arena, n, sizeof *topic->partition_errors);
        topic->n_partition_errors = n;
        for (size_t i = 0; i < n; i++) {
            topic->partition_errors[i].partition_index =
                in->topic_states[t].partition_states[i].partition_index;
            if (peer->broker == rig->lai_error_broker)
                topic->partition_errors[i].error_code = rig->lai_error;
        }
    }
    call->response = &out;
    call->on_done(call);
}

static void answer_stop(struct rig *rig, struct copy *copy,
                        struct peer_call *call)
{
    const struct wire_stop_replica_request *in = copy->request;
    struct wire_stop_replica_response out;
    size_t n = 0;

    wire_stop_replica_response_init(&out);
    for (size_t t = 0; t < in->n_topic_states; t++)
        n += in->topic_states[t].n_partition_states;
    out.partition_errors =
        arena_array(&copy->arena, n, sizeof *out.partition_errors);
    for (size_t t = 0; t < in->n_topic_states; t++)
        for (size_t i = 0; i < in->topic_states[t].n_partition_states; i++)
            out.partition_errors[out.n_partition_errors++] =
                (struct wire_stop_replica_response_partition_errors){
                    .topic_name = in->topic_states[t].topic_name,
                    .partition_index =
                        in->topic_states[t].partition_states[i].partition_index,
                    .error_code = rig->stop_error,
                };
    call->response = &out;
    call->on_done(call);
}

bool ctl_rig_answer(struct rig *rig)
{
    LIST_EACH(l, &rig->peers) {
        struct ctl_rig_peer *peer = CONTAINER_OF(l, struct ctl_rig_peer, link);
        struct peer_call *call = peer->call;
        struct copy *copy = peer->request;

        if (call == NULL || peer->broker == rig->deaf_broker)
            continue;
        peer->call = NULL;
        peer->request = NULL;
        call->err = ERR_OK;
        if (call->key == WIRE_LEADER_AND_ISR) {
            answer_lai(rig, peer, copy, call);
        } else if (call->key == WIRE_STOP_REPLICA) {
            answer_stop(rig, copy, call);
        } else {
            struct wire_update_metadata_response out = { 0 };

            call->response = &out;
            call->on_done(call);
        }
        copy_free(copy);
        return true;
    }
    return false;
}

/* -- life ----------------------------------------------------------------- */

void ctl_rig_init(struct rig *rig)
{
    static const char *const paths[] = {
        "/brokers/ids",
        "/brokers/topics",
        "/admin/delete_topics",
        "/isr_change_notification",
        "/log_dir_event_notification",
        "/latest_producer_id_block",
        "/config/topics",
    };

    memset(rig, 0, sizeof *rig);
    fake_tree_init(&rig->tree);
    fake_exec_init(&rig->exec);
    list_init(&rig->peers);
    rig->deaf_broker = -1;
    rig->lai_error_broker = -1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        fake_tree_put(&rig->tree, paths[i], NULL);
}

void ctl_rig_fini(struct rig *rig)
{
    for (int i = 0; i < RIG_CONTROLLERS_MAX; i++)
        if (rig->controllers[i].ctl != NULL)
            ctl_rig_kill(&rig->controllers[i]);
    assert(list_is_empty(&rig->peers));
    ctl_rig_forget(rig);
    fake_tree_fini(&rig->tree);
}

static bool ctl_rig_unclean(void *arg)
{
    return ((struct rig *)arg)->unclean;
}

struct ctl_rig_controller *ctl_rig_start(struct rig *rig, int number,
                                         int32_t id)
{
    struct ctl_rig_controller *c = &rig->controllers[number];
    struct ctl_settings s = {
        .broker_id = id,
        .leader_and_isr_version = 7,
        .update_metadata_version = 8,
        .stop_replica_version = 4,
        .topic_ids = true,
        .recovery_state = true,
        .feature_version = 2,
        .feature_enabled = true,
        .listener = "PLAINTEXT",
        .request_timeout_us = 30000000,
        .delete_topics = true,
        .rebalance = true,
        .rebalance_us = 300000000,
        .rebalance_percent = 10,
        .unclean = ctl_rig_unclean,
        .unclean_arg = rig,
    };
    struct ctl_world world;

    c->rig = rig;
    c->number = number;
    c->peers = (struct peers){ peer_open, peer_send_fake, peer_close };
    fake_coord_init(&c->coord, &rig->tree);
    world =
        (struct ctl_world){ &c->coord.coord, &rig->exec.exec, &c->peers, NULL };
    c->ctl = controller_new_in(&world, &s);
    controller_start(c->ctl);
    return c;
}

void ctl_rig_kill(struct ctl_rig_controller *c)
{
    fake_exec_forget(&c->rig->exec, &c->ctl->flow.resume);
    controller_free(&c->ctl);
    if (c->coord.session != 0)
        fake_coord_expire(&c->coord);
    fake_coord_fini(&c->coord);
}

int64_t ctl_rig_broker(struct rig *rig, int32_t id)
{
    char path[64];
    char text[512];

    snprintf(path, sizeof path, "/brokers/ids/%d", id);
    snprintf(text, sizeof text,
             "{\"version\":5,\"host\":\"h%d\",\"port\":9092,\"endpoints\":"
             "[\"PLAINTEXT://h%d:9092\"],\"listener_security_protocol_map\":"
             "{\"PLAINTEXT\":\"PLAINTEXT\"},\"jmx_port\":-1,\"timestamp\":"
             "\"1\",\"features\":{}}",
             id, id);
    return fake_tree_put_ephemeral(&rig->tree, path, text, 0x7000 + id);
}

void ctl_rig_broker_gone(struct rig *rig, int32_t id)
{
    char path[64];

    snprintf(path, sizeof path, "/brokers/ids/%d", id);
    fake_tree_drop(&rig->tree, path);
}

void ctl_rig_topic(struct rig *rig, const char *name, const char *assignment)
{
    char path[512];
    char *text = NULL;
    char id[UUID_TEXT_LEN + 1];
    size_t size;
    FILE *f = open_memstream(&text, &size);
    const char *at = assignment;

    uuid_to_text(uuid_random(), id);
    fprintf(f, "{\"version\":3,\"partitions\":{");
    while (*at != '\0') {
        size_t colon = strcspn(at, ":");
        size_t end = strcspn(at, ";");

        fprintf(f, "%s\"%.*s\":[%.*s]", at == assignment ? "" : ",", (int)colon,
                at, (int)(end - colon - 1), at + colon + 1);
        at += end + (at[end] == ';');
    }
    fprintf(f,
            "},\"adding_replicas\":{},\"removing_replicas\":{},"
            "\"topic_id\":\"%s\"}",
            id);
    fclose(f);
    snprintf(path, sizeof path, "/config/topics/%s", name);
    fake_tree_put(&rig->tree, path, "{\"version\":1,\"config\":{}}");
    snprintf(path, sizeof path, "/brokers/topics/%s", name);
    fake_tree_put(&rig->tree, path, text);
    free(text);
}

void ctl_rig_run(struct rig *rig)
{
    size_t rounds = 0;

    while (fake_tree_step(&rig->tree) || fake_exec_step(&rig->exec) ||
           ctl_rig_answer(rig)) {
        assert(++rounds < 10000000);
    }
    (void)rounds;
}

/* -- looking -------------------------------------------------------------- */

static bool matches(const struct ctl_rig_sent *sent, int32_t broker,
                    int16_t key, const char *part)
{
    return (broker == -1 || sent->broker == broker) && sent->key == key &&
           (part == NULL || strstr(sent->text, part) != NULL);
}

size_t ctl_rig_count(const struct rig *rig, int32_t broker, int16_t key,
                     const char *part)
{
    size_t n = 0;

    for (size_t i = 0; i < rig->n_sent; i++)
        n += matches(&rig->sent[i], broker, key, part);
    return n;
}

const char *ctl_rig_find(const struct rig *rig, int32_t broker, int16_t key,
                         const char *part)
{
    for (size_t i = 0; i < rig->n_sent; i++)
        if (matches(&rig->sent[i], broker, key, part))
            return rig->sent[i].text;
    return NULL;
}

void ctl_rig_forget(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_sent; i++)
        free(rig->sent[i].text);
    rig->n_sent = 0;
}

void ctl_rig_print(const struct rig *rig)
{
    for (size_t i = 0; i < rig->n_sent; i++)
        printf("%d->%d %s %s\n", rig->sent[i].by, rig->sent[i].broker,
               wire_api_find(rig->sent[i].key)->name, rig->sent[i].text);
}

const char *ctl_rig_state(struct rig *rig, const char *topic, int32_t partition)
{
    char path[512];
    const char *text;

    snprintf(path, sizeof path, "/brokers/topics/%s/partitions/%d/state", topic,
             partition);
    text = fake_tree_text(&rig->tree, path);
    return text ? text : "absent";
}

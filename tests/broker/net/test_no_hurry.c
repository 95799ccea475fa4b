/* Which connections are read without hurry. */
#include <unistd.h>

#include "net/net_in.h"
#include "tests/support/net_rig.h"
#include "tests/support/unit.h"
#include "wire/msg_heartbeat.h"

enum { CALM = 1, HASTY = 2 }; /* generations */

static struct rig rig;

/* Answers 1 when its connection was read without hurry. */
static void on_heartbeat(struct request *request)
{
    const struct wire_heartbeat_request *in = request_read(request);
    struct wire_heartbeat_response out;

    if (in == NULL)
        return;
    wire_heartbeat_response_init(&out);
    out.error_code = request->conn->io.unhurried;
    if (in->generation_id == CALM)
        request_expect_no_hurry(request);
    request_reply(request, &out);
}

static api_fn *handler_of(int16_t key)
{
    return key == WIRE_HEARTBEAT ? on_heartbeat : NULL;
}

static int start(void)
{
    rig_init(&rig);
    rig.config.handler = handler_of;
    rig_start(&rig);
    return rig_connect(&rig);
}

static void stop(int fd)
{
    close(fd);
    rig_stop(&rig);
}

static void send_one(int fd, int32_t generation)
{
    struct wire_heartbeat_request request;

    wire_heartbeat_request_init(&request);
    request.generation_id = generation;
    rig_send_request(fd, WIRE_HEARTBEAT, 4, 7, &request);
}

static bool was_unhurried(int fd)
{
    const struct wire_heartbeat_response *response;
    struct arena arena;
    bool yes;

    arena_init(&arena, 4096);
    response = rig_recv_response(fd, WIRE_HEARTBEAT, 4, 7, &arena);
    yes = response->error_code;
    arena_fini(&arena);
    return yes;
}

static bool ask(int fd, int32_t generation)
{
    send_one(fd, generation);
    return was_unhurried(fd);
}

START_TEST(it_is_after_two_calm_requests_in_a_row)
{
    int fd = start();

    ck_assert(!ask(fd, CALM));
    ck_assert(!ask(fd, CALM));
    ck_assert(ask(fd, CALM));
    ck_assert(ask(fd, HASTY));
    ck_assert(!ask(fd, CALM));
    ck_assert(!ask(fd, HASTY));
    ck_assert(!ask(fd, CALM));
    ck_assert(!ask(fd, CALM));
    ck_assert(ask(fd, CALM));
    stop(fd);
}
END_TEST

START_TEST(many_that_come_at_once_are_all_answered)
{
    int fd = start();

    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 5 * NET_TURN_REQUESTS; i++)
            send_one(fd, CALM);
        for (int i = 0; i < 5 * NET_TURN_REQUESTS; i++)
            was_unhurried(fd);
    }
    stop(fd);
}
END_TEST

START_TEST(one_that_goes_away_is_closed)
{
    int fd = start();

    for (int i = 0; i < 3; i++)
        ask(fd, CALM);
    close(fd);
    rig_await_connections(&rig, 0);
    rig_stop(&rig);
}
END_TEST

UNIT_MAIN("no_hurry", it_is_after_two_calm_requests_in_a_row,
          many_that_come_at_once_are_all_answered, one_that_goes_away_is_closed)

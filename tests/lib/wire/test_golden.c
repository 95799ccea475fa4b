/* test_golden.c - bytes of real clients and of Apache Kafka, read and written.
 *
 * golden/golden.txt holds messages that a relay between unmodified clients and
 * Apache Kafka 3.7.0 saw (golden/capture.py). Each must be read whole, without
 * a byte left, and written back to the same bytes. Whole frames: header and
 * body.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/support/unit.h"
#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/msg_api_versions.h"
#include "wire/msg_request_header.h"
#include "wire/msg_response_header.h"
#include "wire/wr.h"

enum { LINE_MOST = 8192 };

struct golden {
    char client[32], direction[16], hex[LINE_MOST];
    int key, version;
    uint8_t data[LINE_MOST / 2];
    size_t len;
};

static bool golden_next(FILE *f, struct golden *g)
{
    char line[LINE_MOST];

    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '#')
            continue;
        if (sscanf(line, "%31s %d %d %15s %8191s", g->client, &g->key,
                   &g->version, g->direction, g->hex) != 5)
            return false;
        g->len = strlen(g->hex) / 2;
        for (size_t i = 0; i < g->len; i++) {
            unsigned byte;

            ck_assert_int_eq(sscanf(g->hex + 2 * i, "%2x", &byte), 1);
            g->data[i] = (uint8_t)byte;
        }
        return true;
    }
    return false;
}

/* Read header and body, write both again. */
static void round_trip(const struct golden *g, const struct wire_api *api,
                       struct arena *arena, struct wr *w)
{
    bool is_request = strcmp(g->direction, "request") == 0;
    const struct wire_message *message =
        is_request ? &api->request : &api->response;
    int16_t key = (int16_t)g->key, version = (int16_t)g->version;
    struct rd r = rd_make(bytes_make(g->data, g->len));
    void *body = arena_take(arena, message->size);

    ck_assert_ptr_nonnull(body);
    if (is_request) {
        int16_t head = wire_request_header_version(key, version);
        struct wire_request_header header;

        ck_assert_err(wire_request_header_read(&r, head, arena, &header),
                      ERR_OK);
        ck_assert_int_eq(header.request_api_key, key);
        wire_request_header_write(w, head, &header);
    } else {
        int16_t head = wire_response_header_version(key, version);
        struct wire_response_header header;

        ck_assert_err(wire_response_header_read(&r, head, arena, &header),
                      ERR_OK);
        wire_response_header_write(w, head, &header);
    }
    ck_assert_msg(message->read(&r, version, arena, body) == ERR_OK,
                  "%s v%d of %s is not read", message->name, version,
                  g->client);
    ck_assert_msg(r.left == 0, "%s v%d of %s: %zu bytes are left",
                  message->name, version, g->client, r.left);
    message->write(w, version, body);
    ck_assert_err(w->err, ERR_OK);
}

START_TEST(what_clients_and_kafka_say_is_read_whole_and_written_back)
{
    FILE *f = fopen("tests/lib/wire/golden/golden.txt", "r");
    static struct golden g;
    size_t n = 0;

    ck_assert_ptr_nonnull(f);
    while (golden_next(f, &g)) {
        const struct wire_api *api = wire_api_find((int16_t)g.key);
        struct arena arena;
        struct wr w;

        ck_assert_ptr_nonnull(api);
        if (g.version > api->max)
            continue; /* the test below */
        arena_init(&arena, 16 << 20);
        wr_init(&w, 1 << 20);
        round_trip(&g, api, &arena, &w);
        ck_assert_msg(w.len == g.len && memcmp(w.data, g.data, g.len) == 0,
                      "%s v%d %s of %s is written differently", api->name,
                      g.version, g.direction, g.client);
        wr_fini(&w);
        arena_fini(&arena);
        n++;
    }
    fclose(f);
    ck_assert_uint_ge(n, 70);
}
END_TEST

START_TEST(kafka_answers_an_unknown_version_of_api_versions_in_version_0)
{
    FILE *f = fopen("tests/lib/wire/golden/golden.txt", "r");
    static struct golden g;
    bool seen = false;

    ck_assert_ptr_nonnull(f);
    while (golden_next(f, &g)) {
        struct wire_api_versions_response response;
        struct arena arena;

        if (g.key != WIRE_API_VERSIONS || g.version != 4 ||
            strcmp(g.direction, "response") != 0)
            continue;
        struct rd r = rd_make(bytes_make(g.data + 4, g.len - 4));
        arena_init(&arena, 1 << 20);
        ck_assert_err(wire_api_versions_response_read(&r, 0, &arena, &response),
                      ERR_OK);
        ck_assert_uint_eq(r.left, 0);
        ck_assert_int_eq(response.error_code, KAFKA_UNSUPPORTED_VERSION);
        ck_assert_uint_eq(response.n_api_keys, 1);
        ck_assert_int_eq(response.api_keys[0].api_key, WIRE_API_VERSIONS);
        ck_assert_int_eq(response.api_keys[0].max_version, 3);
        arena_fini(&arena);
        seen = true;
    }
    fclose(f);
    ck_assert(seen);
}
END_TEST

UNIT_MAIN("golden", what_clients_and_kafka_say_is_read_whole_and_written_back,
          kafka_answers_an_unknown_version_of_api_versions_in_version_0)
